"""A file is read by its name: no letter in it, nor in a folder's, is a pattern or a column to the engine."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from crm_utils import engine, loading
from crm_utils.run import View
from crm_utils.study import read_study

COLUMNS = ["Invoice", "Customer", "Item", "Date", "Qty", "Amount"]
STUDY = {
    "title": "Names", "timezone": "Asia/Seoul", "currency": "KRW", "history_starts": "2024-01-01",
}  # fmt: skip


def as_sheet(frame: pd.DataFrame) -> bytes:
    book = openpyxl.Workbook()
    for values in [COLUMNS, *frame.to_numpy().tolist()]:
        book.active.append(values)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def as_parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content)
    return content.getvalue()


WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": lambda frame: frame.to_csv(index=False).encode(),
    "csv, to be decoded": lambda frame: frame.to_csv(index=False).encode("utf-16"),
    "jsonl": lambda frame: frame.to_json(orient="records", lines=True).encode(),
    "parquet": as_parquet,
    "xlsx": as_sheet,
}


def put(root: Path, names: list[str], kind: str = "csv") -> list[str]:
    """A study of files of one order each, which is called as its file; returns their names."""
    (root / "studies").mkdir(parents=True)
    ending = kind.partition(",")[0]
    for name in names:
        path = root / "raw" / f"{name}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pd.DataFrame([[path.name, "c1", "A", "2024-02-29 10:00:00", "2", "3.50"]], columns=COLUMNS)
        path.write_bytes(WRITERS[kind](frame))
    columns = dict(
        zip(
            ["order_id", "customer_id", "product_id", "ordered_at", "quantity", "amount"],
            COLUMNS,
            strict=True,
        )
    )
    table = {"files": f"**/*.{ending}", "columns": columns}
    source = {"kind": "files", "folder": "raw", "tables": {"order_lines": table}}
    (root / "studies" / "names.yaml").write_text(json.dumps(STUDY | {"source": source}), encoding="utf-8")
    return sorted(f"{name.rpartition('/')[2]}.{ending}" for name in names)


def loaded(root: Path) -> pd.DataFrame:
    """What a notebook gets of the study's order lines."""
    study = read_study(root, "names")
    snapshot, _ = loading.load(root, study)
    assert snapshot.manifest["tables"]["order_lines"]["quarantined"] == 0
    lines = View(engine.connect(), study, snapshot, snapshot.as_of("latest", study)).table("order_lines")
    return lines.order_by("order_id").execute()


@pytest.mark.parametrize("kind", WRITERS)
def test_each_file_is_read_once_whatever_letters_are_in_its_name(kind: str, tmp_path: Path) -> None:
    named = ["orders [2]", "orders 2", "orders*", "orders?", "orders[!a-z]", "orders [[]2]", "{a,b}"]
    names = put(tmp_path, named, kind)
    assert loaded(tmp_path)["order_id"].tolist() == names


@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_called_like_a_column_changes_none(kind: str, tmp_path: Path) -> None:
    names = put(tmp_path / "amount=9", ["Amount=7/Extra=1/a", "Amount=8/b"], kind)
    lines = loaded(tmp_path / "amount=9")
    assert lines["order_id"].tolist() == names
    assert lines["amount"].astype(str).tolist() == ["3.50", "3.50"]


def test_a_project_in_a_folder_with_brackets_reads_its_own_files(tmp_path: Path) -> None:
    put(tmp_path / "shop1", ["orders"])
    mine = put(tmp_path / "shop[1]", ["orders"])
    other = tmp_path / "shop1" / "raw" / "orders.csv"
    other.write_text(other.read_text().replace("orders.csv", "of the other"))
    assert loaded(tmp_path / "shop1")["order_id"].tolist() == ["of the other"]
    assert loaded(tmp_path / "shop[1]")["order_id"].tolist() == mine
