"""The project's own notebooks: their form, and a real run of all of them on the tiny shop."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import ROOT, TINY

from crm_utils.notebook_file import read_notebook, read_notebooks
from crm_utils.pipeline import run_study
from crm_utils.plan import Request

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict]:
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"text": "".join(cell["source"])} for cell in found if cell["cell_type"] == kind]


@each
def test_form(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert 20 <= len(notebook["cells"]) <= 60
    assert notebook["cells"][0]["cell_type"] == "markdown"
    assert read_notebook(path).question.endswith("?")
    for cell in cells(path, "code"):
        assert not cell["outputs"]
        assert cell["execution_count"] is None
        assert len(cell["text"].splitlines()) <= 25, cell["text"]
        kinds = {type(node) for node in ast.walk(ast.parse(cell["text"]))}
        assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef, ast.While}, cell["text"]


@each
def test_every_picture_has_an_alternative_text(path: Path) -> None:
    for cell in cells(path, "code"):
        if re.search(r"^plots?\.\w+\(|^\w*plots\.\w+\(", cell["text"], re.M):
            assert len(cell["metadata"].get("alt", "")) > 30, cell["text"]


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
    assert {n["status"] for n in manifest["notebooks"]} == {"passed"}
    numbers = json.loads((report / "results" / "data_collection.json").read_text(encoding="utf-8"))["numbers"]
    assert numbers["order_lines.read"]["value"] == numbers["order_lines.loaded"]["value"] > 0
    assert {"customers", "orders", "revenue", "order_lines.quarantined"} <= numbers.keys()


@pytest.mark.slow
def test_bare_papermill_works_in_the_notebooks_folder_without_a_run_before(project: Path) -> None:
    """As JupyterLab does it: the registered kernel, the notebooks' folder, no data loaded yet."""
    shutil.copytree(ROOT / "notebooks", project / "notebooks", dirs_exist_ok=True)
    command = [sys.executable, "-m", "papermill", NOTEBOOKS[0].name, "out.ipynb", "-p", "study", "tiny"]
    ended = subprocess.run(command, cwd=project / "notebooks", capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    draft = project / "reports" / "tiny" / ".draft" / "2017-12-31"
    assert (draft / "results" / "data_collection.json").is_file()
    assert (project / "data" / "snapshots" / "tiny" / "CURRENT").is_file()


@pytest.mark.slow
def test_a_shop_with_order_lines_alone_runs_too_and_on_an_earlier_day(project: Path) -> None:
    """What is optional may be empty: no profile, no message, no product known."""
    import pandas as pd

    for name in ("demographics", "campaigns", "coupon_redemptions", "products", "campaign_descriptions"):
        file = project / "raw" / f"{name}.parquet"
        pd.read_parquet(file).iloc[:0].to_parquet(file, index=False)
    (project / "studies" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    shutil.copytree(ROOT / "notebooks", project / "notebooks", dirs_exist_ok=True)
    assert (run_study(project, Request("tiny", as_of="2017-09-30")) / "index.html").is_file()
