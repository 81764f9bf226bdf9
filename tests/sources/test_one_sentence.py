"""What nobody foresees in a study, a file or a name ends loaded or in one sentence; committed, not mocked."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from bad_input import HEAD, ROW, Case, csv, sheet, study_text
from typer.testing import CliRunner

from crm_utils.command.cli import app

PYTHON = sys.executable
CELLS = ["1", "c1", "A", "2024-02-29 10:00:00", 2, 3.5]


def put(root: Path, case: Case, *, study: str = "") -> Path:
    for folder in ("studies", "raw", "notebooks"):
        (root / folder).mkdir(parents=True)
    (root / "studies" / "bad.yaml").write_text(study or study_text(case), encoding="utf-8")
    assert not callable(case.files)
    for name, content in case.files.items():
        (root / "raw" / name).write_bytes(content)
    return root


def crm(root: Path, *arguments: str) -> tuple[int, str]:
    """The command in this process: its exit code and what it said, never a traceback."""
    before = Path.cwd()
    os.chdir(root)
    try:
        ended = CliRunner().invoke(app, list(arguments))
    finally:
        os.chdir(before)
    said = " ".join(ended.output.split())
    assert "Traceback" not in said
    assert ended.exit_code in (0, 2, 3, 5), said
    return ended.exit_code, said


HALVES = {
    "a constant": {"store_id": {"constant": "a\ud800b"}},
    "a column": {"store_id": "a\udc00"},
    "an expression": {"store_id": {"expression": "concat(Item, '\ud800')"}},
    "an expression's escape": {"store_id": {"expression": "concat(Item, '\\ud800')"}},
    "an expression's NUL": {"store_id": {"expression": "concat(Item, '\\x00')"}},
    "a NUL": {"store_id": {"constant": "a\0b"}},
}


@pytest.mark.parametrize("columns", HALVES.values(), ids=HALVES)
def test_half_a_letter_is_refused_with_its_line(tmp_path: Path, columns: dict[str, object]) -> None:
    code, said = crm(put(tmp_path / "p", Case("x", csv(ROW), columns=columns)), "check", "bad")
    assert code == 2
    assert "line 1" in said
    assert "which is no letter" in said


def test_two_halves_as_json_writes_them_are_a_letter(tmp_path: Path) -> None:
    root = put(tmp_path / "p", Case("x", csv(ROW), columns={"store_id": {"constant": "🍞"}}))
    assert "\\ud83c" in (root / "studies" / "bad.yaml").read_text()
    assert crm(root, "load-data", "bad")[0] == 0
    lines = pd.read_parquet(next((root / "data").rglob("order_lines.parquet")))
    assert lines["store_id"].tolist() == ["🍞"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
@pytest.mark.parametrize(
    ("name", "shown"), [("주문.csv".encode("cp949"), "주문.csv"), (b"orders.\xff.csv", "orders.\\xff.csv")]
)
def test_a_file_whose_name_is_not_utf8_loads(tmp_path: Path, name: bytes, shown: str) -> None:
    root = put(tmp_path / "p", Case("x", {}, table={"files": "*.csv"}))
    (root / "raw" / os.fsdecode(name)).write_text(HEAD + ROW, encoding="utf-8")
    assert crm(root, "check", "bad")[0] == 0
    code, said = crm(root, "load-data", "bad")
    assert code == 0, said
    manifest = json.loads(next((root / "data").rglob("snapshot.json")).read_text(encoding="utf-8"))
    assert [item["name"] for item in manifest["inputs"]] == [shown]


def chart(book: openpyxl.Workbook) -> None:
    book.create_chartsheet("Chart")


def test_a_workbook_with_a_sheet_of_charts_loads(tmp_path: Path) -> None:
    root = put(tmp_path / "p", Case("x", sheet(CELLS, change=chart)))
    code, said = crm(root, "load-data", "bad")
    assert code == 0, said


def test_what_openpyxl_warns_of_stays_off_standard_error(tmp_path: Path) -> None:
    plain, content = sheet(CELLS)["orders.xlsx"], io.BytesIO()
    more = b'<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>'
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(content, "w") as new:
        for item in old.infolist():
            new.writestr(item, old.read(item).replace(b"</worksheet>", more))
    root = put(tmp_path / "p", Case("x", {"orders.xlsx": content.getvalue()}))
    ended = subprocess.run(
        [sys.executable, "-W", "always::UserWarning", "-m", "crm_utils.command.cli", "load-data", "bad"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "openpyxl" not in ended.stderr


@pytest.mark.parametrize("sign", ["\x01", "\x02\x01", "\x1f", "\t"])
def test_a_raw_control_character_in_json_sets_its_line_aside(tmp_path: Path, sign: str) -> None:
    good = json.dumps(dict(zip(HEAD.strip().split(","), ROW.strip().split(","), strict=True))) + "\n"
    lines = good * 3 + good.replace('"A"', f'"A{sign}"') + good
    root = put(tmp_path / "p", Case("x", {"orders.jsonl": lines.encode()}))
    code, said = crm(root, "load-data", "bad")
    assert code == 0, said
    aside = pd.read_parquet(next((root / "data").rglob("quarantine/order_lines.parquet")))
    assert aside[["file", "row", "reason"]].to_numpy().tolist() == [
        ["orders.jsonl", 4, "the line is no JSON object"]
    ]


@pytest.mark.parametrize("compression", ["snappy", "gzip", None])
def test_a_damaged_page_names_its_file(tmp_path: Path, compression: str | None) -> None:
    values = dict(zip(HEAD.strip().split(","), CELLS, strict=True))
    content = io.BytesIO()
    many = pd.DataFrame([values] * 5_000).assign(Invoice=[str(n) for n in range(5_000)])
    many.to_parquet(content, compression=compression)  # type: ignore[call-overload]
    damaged = bytearray(content.getvalue())
    damaged[4 : len(damaged) // 3] = b"\xff" * (len(damaged) // 3 - 4)
    root = put(tmp_path / "p", Case("x", {"orders.parquet": bytes(damaged)}))
    for command in ("check", "load-data"):
        code, said = crm(root, command, "bad")
        assert (code, "orders.parquet cannot be read: a page of it is damaged" in said) == (3, True), said


@pytest.mark.skipif(os.name != "posix", reason="Windows allows none of these names")
@pytest.mark.parametrize("name", ["a'b\"c", "a\nb", "a\\b", "a\tb", "a\\'b\"c", "한글 [2]*"])
def test_a_project_lies_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    root = put(tmp_path / name / "p", Case("x", csv(ROW, ROW.replace("3.50", "free"))))
    assert crm(root, "check", "bad")[0] == 0
    code, said = crm(root, "load-data", "bad")
    assert code == 0, said
    manifest = json.loads(next((root / "data").rglob("snapshot.json")).read_text(encoding="utf-8"))
    rows = manifest["tables"]["order_lines"]
    assert (rows["read"], rows["loaded"], rows["quarantined"]) == (2, 1, 1)


LONG = "x" * 300
LONG_NAMES = [
    ["check", LONG], ["load-data", LONG], ["run", LONG], ["list", LONG],
    ["new", LONG, "--from", "raw/orders.csv"],
    ["new", "n", "--from", LONG], ["run", "bad", "--only", LONG], ["run", "bad", "--set", f"{LONG}.a=1"],
    ["open", "bad", LONG], ["diff", "bad", LONG, "latest"], ["export", "bad", "latest", LONG],
    ["open", "bad", "a\0b"], ["check", "a\0b"], ["new", "n", "--from", "a\0b"],
]  # fmt: skip


def test_names_of_300_letters_are_refused(tmp_path: Path) -> None:
    root = put(tmp_path / "p", Case("x", csv(ROW)))
    for arguments in LONG_NAMES:
        code, said = crm(root, *arguments)
        assert (code, said.count("Error: ")) in ((2, 1), (3, 1), (5, 1)), (arguments[0], said)


@pytest.mark.parametrize("change", [{"files": LONG}, {"files": "a*/" + LONG}], ids=["file", "folder"])
def test_a_file_s_name_of_300_letters_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    root = put(tmp_path / "p", Case("x", csv(ROW), table=change))
    assert crm(root, "check", "bad")[0] == 3


def test_a_key_that_stands_twice_in_a_line_of_json_counts_once(tmp_path: Path) -> None:
    """The first, as docs/your-data.md says."""
    line = json.dumps(dict(zip(HEAD.strip().split(","), ROW.strip().split(","), strict=True)))
    root = put(tmp_path / "p", Case("x", {"orders.jsonl": line.replace("{", '{"Item": "first", ').encode()}))
    code, said = crm(root, "load-data", "bad")
    assert code == 0, said
    lines = pd.read_parquet(next((root / "data").rglob("order_lines.parquet")))
    assert lines["product_id"].tolist() == ["first"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_pipe_that_a_pattern_meets_is_passed_over(tmp_path: Path) -> None:
    root = put(tmp_path / "p", Case("x", csv(ROW)))
    os.mkfifo(root / "raw" / "orders.2.csv")
    (root / "raw" / "orders.3.csv").mkdir()
    for command in ("check", "load-data"):
        code, said = crm(root, command, "bad")
        assert code == 0, said
    manifest = json.loads(next((root / "data").rglob("snapshot.json")).read_text(encoding="utf-8"))
    assert len(manifest["inputs"]) == 1


def test_a_study_of_30000_keys_is_read_in_seconds(tmp_path: Path) -> None:
    """Reading takes time as the keys do, not as their square: it took 20 s."""
    keys = "\n".join(f"k{n}: {n}" for n in range(30_000))
    root = put(tmp_path / "p", Case("x", csv(ROW)), study=f"title: x\n{keys}\n")
    begun = time.process_time()
    code, said = crm(root, "check", "bad")
    assert (code, time.process_time() - begun < 8) == (2, True), said
    assert "line 2: a study has no 'k0'." in said


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit")
def test_too_few_files_may_be_open_and_it_says_so(tmp_path: Path) -> None:
    root = put(tmp_path / "p", Case("x", csv(ROW)))
    said, code = "", 0
    for most in (14, 20, 40):
        ended = subprocess.run(
            ["bash", "-c", f'ulimit -n {most}; exec "$0" -m crm_utils.command.cli load-data bad', PYTHON],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        code, said = ended.returncode, " ".join(ended.stderr.split())
        assert "memory" not in said
        if code:
            assert code in (3, 5), said
            assert "Too many open files" in said
