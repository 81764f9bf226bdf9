"""The examples of docs/your-data.md load as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from tiny import ROOT

from crm_utils import loading
from crm_utils.sources.files.options import FileTable
from crm_utils.study import read_study

PAGE = (ROOT / "docs" / "your-data.md").read_text(encoding="utf-8")
SHAPES = re.findall(r"^### \d\. (.+?)\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE)
REST = "timezone: Europe/Berlin\ncurrency: EUR\nhistory_starts: 2024-01-01\ntitle: Shape\n"


def block(text: str, language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return match[1] if match else ""


def tables_of(text: str) -> dict:
    """The YAML of a shape, with the levels around it that the page leaves out."""
    lines = block(text, "yaml").replace("…\n", "\n")
    if "source:" in lines:
        return yaml.safe_load(lines)["source"]["tables"]
    lines = re.sub(r"^\w.*\n", "", lines, flags=re.MULTILINE)
    if not re.match(r"\s*\n*    \w", lines) or lines.lstrip("\n").startswith("      "):
        lines = "    order_lines:\n" + lines
    return yaml.safe_load(lines)


def test_the_shapes_are_found_on_the_page() -> None:
    assert len(SHAPES) == 7


@pytest.mark.parametrize(("title", "text"), SHAPES, ids=[title for title, _ in SHAPES])
def test_what_a_shape_says_is_valid(title: str, text: str) -> None:
    for table in tables_of(text).values():
        FileTable.model_validate({"files": "x.csv"} | table | {"columns": table["columns"] or {}})


@pytest.mark.parametrize(
    ("title", "text"), [s for s in SHAPES if "```csv" in s[1]], ids=lambda value: value[:20]
)
def test_a_shape_with_its_file_loads(title: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "x.csv").write_text(block(text, "csv"), encoding="utf-8")
    tables = {name: table | {"files": "x.csv"} for name, table in tables_of(text).items()}
    source = yaml.safe_dump({"source": {"kind": "files", "folder": "raw", "tables": tables}})
    (tmp_path / "studies" / "shape.yaml").write_text(REST + source, encoding="utf-8")
    snapshot, _ = loading.load(tmp_path, read_study(tmp_path, "shape"))
    rows = snapshot.manifest["tables"]["order_lines"]
    assert (rows["read"], rows["loaded"]) == (1, 1)


def test_every_function_of_an_expression_is_on_the_page() -> None:
    from crm_utils.mapping.expressions import FUNCTIONS

    assert [name for name in FUNCTIONS if f"`{name}`" not in PAGE] == []
