"""The project's own notebooks: their form, and a real run of all of them on the tiny shop."""

from __future__ import annotations

import ast
import json
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from one_number import disagreements
from tiny import ROOT

from crm_utils.runner.notebook_file import read_notebook, read_notebooks
from crm_utils.runner.pipeline import run_study
from crm_utils.runner.plan import Request

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOT_HERE = {
    *("FunctionDef", "ClassDef", "AsyncFunctionDef", "Lambda", "While", "For", "If", "IfExp", "Try", "With"),
    *("ListComp", "DictComp", "SetComp", "GeneratorExp"),
}
IMPORTS = (ast.Import, ast.ImportFrom)
LONGEST_TEXT = 60  # characters: a name or a title
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict]:
    all_cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"text": "".join(cell["source"])} for cell in all_cells if cell["cell_type"] == kind]


@each
def test_form(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert 20 <= len(notebook["cells"]) <= 36
    assert notebook["cells"][0]["cell_type"] == "markdown"
    assert read_notebook(path).question.endswith("?")
    for cell in cells(path, "code"):
        assert not cell["outputs"]
        assert cell["execution_count"] is None


@each
def test_code_is_calls_and_nothing_else(path: Path) -> None:
    """What branches, loops, defines or words a sentence is a helper's work."""
    lines = []
    for cell in cells(path, "code"):
        tree = ast.parse(cell["text"])
        nodes = list(ast.walk(tree))
        assert not {type(node).__name__ for node in nodes} & NOT_HERE, cell["text"]
        if "parameters" in cell["metadata"].get("tags", []) or all(isinstance(n, IMPORTS) for n in tree.body):
            continue
        texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        assert all(len(text) <= LONGEST_TEXT for text in texts), cell["text"]
        lines.append(len(cell["text"].splitlines()))
    assert max(lines) <= 12
    assert statistics.median(lines) <= 5


@each
def test_every_picture_has_an_alternative_text_and_one_leads(path: Path) -> None:
    draws = re.compile(r"^\w*(plots?|draw)\.\w+\(", re.M)
    drawing = [cell for cell in cells(path, "code") if draws.search(cell["text"])]
    assert drawing
    for cell in drawing:
        assert len(cell["metadata"].get("alt", "")) > 30, cell["text"]
    assert [("lead" in cell["metadata"].get("tags", [])) for cell in drawing].count(True) == 1


@each
def test_every_parameter_says_its_unit_or_meaning(path: Path) -> None:
    for parameter in read_notebook(path).parameters.values():
        assert len(parameter.comment) > 5, parameter.name


@each
def test_prose_states_no_number_of_the_data(path: Path) -> None:
    """Thousands, money or a decimal share in Markdown would be a result that a parameter can change."""
    for cell in cells(path, "markdown"):
        text = re.sub(r"\$\$.*?\$\$|`[^`]*`|\\\(.*?\\\)", "", cell["text"], flags=re.S)
        assert not re.search(r"\d,\d{3}\b|[$€£₩]\s?\d|\d\.\d+ ?%", text), text


def test_all_notebooks_can_be_ordered() -> None:
    assert [notebook.name for notebook in read_notebooks(ROOT / "notebooks")] == [
        p.stem[3:] for p in NOTEBOOKS
    ]


@pytest.mark.slow
def test_all_run_on_the_tiny_shop(project: Path) -> None:
    shutil.copytree(ROOT / "notebooks", project / "notebooks", dirs_exist_ok=True)
    report = run_study(project, Request("tiny"))
    manifest = json.loads((report / "run.json").read_text(encoding="utf-8"))
    became = {n["name"]: (n["status"], n["reason"]) for n in manifest["notebooks"]}
    assert {name for name, (status, _why) in became.items() if status != "passed"} == {"feedback"}
    assert became["feedback"][0] == "cannot"  # this shop has asked nobody
    assert "keep who was asked" in became["feedback"][1]
    numbers = json.loads((report / "results" / "data_collection.json").read_text(encoding="utf-8"))["numbers"]
    assert numbers["order_lines.read"]["value"] == numbers["order_lines.loaded"]["value"] > 0
    assert {"customers", "orders", "revenue", "order_lines.quarantined"} <= numbers.keys()
    wrong, compared = disagreements(report / "tables")
    assert wrong == []
    assert {"orders", "revenue", "segment", "alive", "expected_value"} <= compared


@pytest.mark.slow
def test_bare_papermill_works_in_the_notebooks_folder_without_a_run_before(project: Path) -> None:
    """As JupyterLab does it: the registered kernel, the notebooks' folder, no data loaded yet."""
    shutil.copytree(ROOT / "notebooks", project / "notebooks", dirs_exist_ok=True)
    command = [sys.executable, "-m", "papermill", NOTEBOOKS[0].name, "out.ipynb", "-p", "study", "tiny"]
    ended = subprocess.run(command, cwd=project / "notebooks", capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    draft = project / "reports" / "tiny" / "draft" / "2017-12-31"
    assert (draft / "results" / "data_collection.json").is_file()
    assert (project / "data" / "snapshots" / "tiny" / "CURRENT").is_file()
