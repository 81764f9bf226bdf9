"""Which notebooks need not run again? Those that passed with the same input, code and parameters.

Each notebook's run has a key: a hash of all that its results depend on. Any kept run that has the key
will do, whichever is the newest, so a clock that was set back misleads nobody.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crm_utils.reports.manifest import read_manifest
from crm_utils.snapshots import sha256

__all__ = ["key", "made", "take"]


def key(
    source: Path,
    given: dict[str, Any],
    *,
    manifest: dict[str, Any],
    study: dict[str, Any],
    uses: list[Path],
    recalls: Sequence[Path] = (),
) -> str:
    """A hash of all that a notebook's results depend on.

    Parameters
    ----------
    source
        The notebook's file.
    given
        Its parameters, with the study's name and the day.
    manifest
        The run's: snapshot, code and versions are taken from it.
    study
        The study's fields, without the notebooks' parameters.
    uses
        The tables of other notebooks that it loads.
    recalls
        The tables of the last report that it compares with.
    """
    inputs = {
        "notebook": sha256(source),
        "parameters": given,
        "snapshot": manifest["snapshot"]["id"],
        "study": study,
        "tables": {path.name: sha256(path) for path in uses if path.is_file()},
        "last": {path.name: sha256(path) for path in recalls if path.is_file()},
        "code": manifest["code"],
        "versions": manifest["versions"],
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def made(folder: Path, name: str) -> dict[str, str]:
    """The files that a notebook left in a run's folder, each with its SHA-256."""
    results = Path("results") / f"{name}.json"
    recorded = json.loads((folder / results).read_text(encoding="utf-8"))
    tables = [Path("tables") / file for table in recorded["tables"].values() for file in table["files"]]
    return {p.as_posix(): sha256(folder / p) for p in (Path(f"{name}.ipynb"), results, *tables)}


def take(runs: Path, name: str, key: str, folder: Path) -> str:
    """Copy a notebook's files from any kept run with this key into a run's folder.

    Returns
    -------
    str
        The run they come from; empty when there is none, or its files are damaged.
    """
    for run in sorted(runs.iterdir()):
        manifest = read_manifest(run) or {}
        for entry in manifest.get("notebooks", []):
            is_it = (entry["name"], entry["status"], entry.get("key")) == (name, "passed", key)
            if is_it and _copy(run, entry.get("files", {}), folder):
                return run.name
    return ""


def _copy(run: Path, files: dict[str, str], folder: Path) -> bool:
    try:
        whole = bool(files) and all(sha256(run / file) == digest for file, digest in files.items())
    except OSError:
        return False
    if whole:
        for file in files:
            (folder / file).parent.mkdir(exist_ok=True)
            shutil.copyfile(run / file, folder / file)
    return whole
