"""Does every shop get a report? On small shops of every kind no notebook fails, and the check foresees it.

``CRM_SHOPS=300`` draws so many; a shop of each kind otherwise.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import matplotlib as mpl
import pytest
from random_shops import KINDS, draw_shop, executed, write_shop
from tiny import ROOT

from crm_utils.loading.preview import look
from crm_utils.runner.foresee import said_of
from crm_utils.runner.plan import Request, check_request

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHOPS = int(os.environ.get("CRM_SHOPS", len(KINDS)))


@pytest.mark.parametrize("seed", range(SHOPS), ids=lambda seed: f"{seed} {KINDS[seed % len(KINDS)]}")
def test_no_notebook_fails(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mpl.use("Agg")
    (tmp_path / "studies").mkdir()
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    study = write_shop(tmp_path, draw_shop(seed))
    became = {path.stem[3:]: executed(tmp_path, path, study) for path in NOTEBOOKS}
    failed = {name: why for name, (status, why) in became.items() if status == "failed"}
    assert not failed
    assert became["data_collection"][0] == "passed"
    assert _foreseen(tmp_path, study) == {name: _in_words(*each) for name, each in became.items()}


def _foreseen(root: Path, study: str) -> dict[str, str]:
    """What ``crm check`` says of each notebook."""
    checked = check_request(root, Request(study))
    tables, shop = look(root, checked.study)
    skipped = checked.skipped({table.name for table in tables if table.loaded})
    return said_of(checked.notebooks, skipped, shop.facts, checked.parameters, checked.after)


def _in_words(status: str, why: str) -> str:
    """What became of a notebook as ``crm check`` would have said it."""
    return f"would say: {why}" if status == "cannot" else "would run"
