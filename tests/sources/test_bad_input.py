"""Every broken or hostile input ends loaded, set aside or refused in one sentence; no row is lost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from bad_input import CASES, Case, study_text

from crm_utils import loading
from crm_utils.errors import CrmError
from crm_utils.study import read_study


def put(root: Path, case: Case) -> None:
    (root / "studies").mkdir(exist_ok=True)
    (root / "studies" / "bad.yaml").write_text(study_text(case), encoding="utf-8")
    folder = root / "raw"
    folder.mkdir()
    if callable(case.files):
        case.files(folder)
    else:
        for name, content in case.files.items():
            (folder / name).write_bytes(content)


def test_there_are_enough_of_them_and_each_is_another() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, tmp_path: Path) -> None:
    put(tmp_path, case)
    if case.rows is None:
        with pytest.raises(CrmError) as error:
            loading.load(tmp_path, read_study(tmp_path, "bad"))
        said = str(error.value)
        assert case.said in said
        assert "\n" not in said
        assert len(said) < 600
        assert str(tmp_path) not in said
        assert not list((tmp_path / "data").rglob("*.parquet"))
    else:
        snapshot, _ = loading.load(tmp_path, read_study(tmp_path, "bad"))
        rows = snapshot.manifest["tables"]["order_lines"]
        counts = tuple(rows[key] for key in ("read", "loaded", "quarantined", "left_out"))
        assert counts == case.rows
        assert rows["read"] == rows["loaded"] + rows["quarantined"] + rows["left_out"]
        if rows["quarantined"]:
            aside = pd.read_parquet(snapshot.folder / "quarantine" / "order_lines.parquet")
            assert case.said in aside["reason"][0]
            assert aside["row"].ge(1).all()
    left = [p.name for p in (tmp_path / "data").rglob(".*")]
    assert left == []
