"""The whole report of a shop that grows: every notebook at 1, 10 and 100 million order lines.

``python benchmarks/whole.py --made FOLDER 1 10`` prints this part alone, and keeps the grown files there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import grow
import yaml
from measure import HERE

__all__ = ["project"]

STUDY = "complete_journey"
ROOT = HERE.parent


def project(folder: Path, millions: int) -> Path:
    """A project of its own whose Complete Journey has so many million lines; its files are made once."""
    home = folder / f"shop-{millions}"
    if not home.is_dir():
        grow.write_whole_source(home / "source", millions)
        (home / "studies").mkdir()
        study = yaml.safe_load((ROOT / "studies" / f"{STUDY}.yaml").read_text(encoding="utf-8"))
        study["source"] |= {"folder": "source"}
        (home / "studies" / f"{STUDY}.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    for part in ("notebooks", "rules"):
        shutil.rmtree(home / part, ignore_errors=True)
        shutil.copytree(ROOT / part, home / part)
    return home
