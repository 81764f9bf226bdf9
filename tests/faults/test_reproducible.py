"""Same snapshot, day and parameters: the same tables and results, byte for byte."""

from __future__ import annotations

import pytest
from conftest import PlantedRun, left_by

pytestmark = pytest.mark.xdist_group("planted")


def test_the_projects_notebooks_whatever_the_jobs_and_the_process(planted_run: PlantedRun, outcome) -> None:
    notebooks = sorted((planted_run.root / "notebooks").glob("*.ipynb"))
    alone = planted_run.left
    beside = left_by(planted_run.root, "--jobs", "4", PYTHONHASHSEED="2", TZ="America/New_York")
    assert {f"{path.stem[3:]}.json" for path in notebooks} <= alone.keys()
    assert alone.keys() == beside.keys()
    assert [name for name in alone if alone[name] != beside[name]] == []
    outcome(
        "the same run in other processes, 1 and 4 jobs", 2, "tables/ and results/ are the same, byte for byte"
    )
