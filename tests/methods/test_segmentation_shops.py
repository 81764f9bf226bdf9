"""Notebooks 01 and 02 on small shops of every kind: an answer or a sentence why not, never an exception."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_shops import KINDS, lines_of, open_shop, run_cells

from crm_utils.methods import data_collection, segmentation
from crm_utils.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.many]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "say", lambda *_: None)


@pytest.mark.parametrize("kind", KINDS)
def test_segmentation(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_shop(tmp_path, lines_of(kind, 1), "segmentation")
    foreseen = segmentation.cannot(run.facts, next_days=28, period_days=182)
    why = run_cells(run, monkeypatch)
    assert (why is None) == (foreseen is None), why
    results = json.loads((run.folder / "results" / "segmentation.json").read_text(encoding="utf-8"))
    assert len(results["findings"]) >= 2 if foreseen is None else results["cannot"]["code"] == foreseen.code
    sizes = [n["value"] for name, n in results["numbers"].items() if n["unit"] == "customers"]
    assert all(size in (None, 0) or size >= 5 for size in sizes), results["numbers"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_data_collection(kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_shop(tmp_path, lines_of(kind, seed), "data_collection")
    assert data_collection.cannot(run.facts) is None
    assert run_cells(run, monkeypatch) is None
