"""What a study says of its files is held to its folder, on any system, and to what files can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from crm_utils import loading
from crm_utils.errors import StudyError
from crm_utils.sources.files.finding import find_files
from crm_utils.sources.files.options import FileTable, folder_of
from crm_utils.study import read_study


@pytest.mark.parametrize(
    "folder",
    ["/etc", "../x", "a/../../x", "C:/x", "c:x", "..\\..\\x", "a\\..\\..\\x", "\\x", "\\\\host\\share"],
)
def test_no_folder_leads_out_of_the_project_on_any_system(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudyError, match="lies outside the project"):
        folder_of(folder, tmp_path)
    monkeypatch.setenv("SHOP_FILES", str(tmp_path))
    with pytest.raises(StudyError, match="leads out of the folder"):
        folder_of(f"$SHOP_FILES/{folder}", tmp_path)
    with pytest.raises(ValidationError, match="must stay within the folder"):
        FileTable.model_validate({"files": folder, "columns": {}})


@pytest.mark.parametrize("folder", ["../../..", "/etc", "C:/x"])
def test_complete_journey_is_held_to_the_project_as_files_are(folder: str, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    study = {
        "title": "Elsewhere", "timezone": "UTC", "currency": "USD", "history_starts": "2017-01-01",
        "source": {"kind": "complete_journey", "folder": folder},
    }  # fmt: skip
    (tmp_path / "studies" / "cj.yaml").write_text(json.dumps(study), encoding="utf-8")
    with pytest.raises(StudyError, match="lies outside the project"):
        loading.load(tmp_path, read_study(tmp_path, "cj"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": '"'}, "delimiter and quote are both"),
        ({"delimiter": ";", "quote": ";"}, "delimiter and quote are both"),
        ({"quote": ","}, "delimiter and quote are both"),
        ({"delimiter": "\n"}, "delimiter is a line's end"),
        ({"delimiter": "\r"}, "delimiter is a line's end"),
        ({"quote": "\n"}, "quote is a line's end"),
        ({"skip": 30_000_000}, "less than or equal to 10000"),
        ({"files": "a**b/*.csv"}, "** stands for folders"),
        ({"files": "."}, "must stay within the folder"),
    ],
)
def test_what_no_file_can_be_is_refused_with_the_study(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        FileTable.model_validate({"files": "x.csv", "columns": {}} | options)
    assert said in str(error.value)


def test_what_finder_and_office_programs_leave_is_no_file(tmp_path: Path) -> None:
    for name in ("orders.csv", "._orders.csv", "~$orders.csv", ".~lock.orders.csv"):
        (tmp_path / name).write_bytes(b"\0\5")
    mapping = FileTable.model_validate({"files": "*.csv", "columns": {}})
    assert [file.name for file in find_files(tmp_path, "order_lines", mapping)] == ["orders.csv"]
