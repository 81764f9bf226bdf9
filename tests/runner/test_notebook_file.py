from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from notebook_maker import write_notebook

from crm_utils.errors import StudyError
from crm_utils.runner.notebook_file import Parameter, read_notebook, read_notebooks


def test_a_notebook_tells_its_question_parameters_and_tables(project: Path) -> None:
    path = write_notebook(
        project,
        3,
        "offers",
        'orders, mail = run.table("orders"), run.table("messages", required=False)\nrun.load("segments")',
        'run.at("2017-06-30").table("products")\nrun.save("offers", orders)\nother.table("nothing")',
        parameters="share: float = 0.5  # of customers, 0 to 1 (a = b # c)\ntop_k: int = 3\n"
        'words: str = "가#나"  # 뜻\nlimit: float | None = None  # USD; None = no limit\n',
    )
    notebook = read_notebook(path)
    assert (notebook.name, notebook.question) == ("offers", "Is offers right?")
    assert (notebook.needs, notebook.wants) == ({"order_lines", "products"}, {"messages"})
    assert (notebook.uses, notebook.makes) == ({"segments"}, {"offers"})
    assert notebook.parameters["share"] == Parameter(
        "share", "float", 0.5, "of customers, 0 to 1 (a = b # c)"
    )
    assert notebook.parameters["words"] == Parameter("words", "str", "가#나", "뜻")
    assert notebook.parameters["limit"].default is None


@pytest.mark.parametrize(
    ("kind", "given", "taken"),
    [
        ("float", 1, 1.0),
        ("int", 3, 3),
        ("str", "007", "007"),
        ("float | None", None, None),
        ("list[str]", ["a"], ["a"]),
    ],
)
def test_a_value_of_the_right_type_is_taken(kind: str, given: Any, taken: Any) -> None:
    value = Parameter("p", kind, None, "").check(given)
    assert value == taken
    assert type(value) is type(taken)


@pytest.mark.parametrize(
    ("kind", "given"),
    [("float", math.inf), ("float", math.nan), ("float", 10**400), ("list", [1, -math.inf]),
     ("list", [b"a"]), ("list", [[1]]),
     ("int", "3"), ("int", 3.5), ("int", True), ("str", 7), ("bool", 1), ("float", None), ("list", "a")],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(kind: str, given: Any) -> None:
    with pytest.raises(StudyError, match=rf"parameter p takes {kind} \(days\), not "):
        Parameter("p", kind, None, "days").check(given)


def test_text_from_the_command_line_is_read_in_the_declared_type() -> None:
    assert Parameter("p", "str", "", "").parse("007") == "007"
    assert Parameter("p", "int", 0, "").parse("7") == 7
    assert Parameter("p", "float", 0.0, "").parse("7") == 7.0
    assert Parameter("p", "bool", False, "").parse("true") is True
    with pytest.raises(StudyError, match="takes int"):
        Parameter("p", "int", 0, "").parse("__import__('os')")


@pytest.mark.parametrize(
    ("kind", "text"),
    [("int", "{[]: 1}"), ("int", "(" * 3000), ("list", "[" * 3000 + "]" * 3000), ("int", "0x1" + "0" * 5000),
     ("float", "1e999"), ("float", "-1e999"), ("list", "[1e999]"), ("int", "1\0")],
    ids=["unhashable", "brackets", "deep", "digits", "inf", "-inf", "inf in a list", "nul"],
)  # fmt: skip
def test_text_that_python_cannot_read_is_refused_in_a_sentence(kind: str, text: str) -> None:
    with pytest.raises(StudyError, match=f"parameter p takes {kind}"):
        Parameter("p", kind, 0, "").parse(text)


def test_an_unknown_parameter_is_refused(project: Path) -> None:
    notebook = read_notebook(write_notebook(project, 1, "a", parameters="top_k: int = 3\n"))
    assert notebook.check_parameters({"top_k": 5}) == {"top_k": 5}
    with pytest.raises(StudyError, match=r"notebook a has no parameter 'topk'. Did you mean 'top_k'\?"):
        notebook.check_parameters({"topk": 5})
    with pytest.raises(StudyError, match="no parameter 'study'"):
        notebook.check_parameters({"study": "other"})


@pytest.mark.parametrize(
    "line",
    ["n: int = 2 * 3", "n = 3", "n: Path = 3", "import os", "n: int", "n: list = [{[]: 1}]"],
    ids=["sum", "bare", "type", "import", "empty", "unhashable"],
)
def test_the_parameters_cell_holds_literals_only(project: Path, line: str) -> None:
    path = write_notebook(project, 1, "a", parameters=line + "\n")
    with pytest.raises(StudyError, match="in the parameters cell stands"):
        read_notebook(path)


def test_what_is_no_notebook_of_ours_is_refused(project: Path) -> None:
    folder = project / "notebooks"
    with pytest.raises(StudyError, match="should call open_run"):
        read_notebook(write_notebook(project, 1, "a", opens="b"))
    with pytest.raises(StudyError, match=r"not plain Python \(no magics\): %matplotlib inline"):
        read_notebook(write_notebook(project, 2, "b", "%matplotlib inline"))
    with pytest.raises(
        StudyError, match=r"04_d.ipynb: (a cell is not plain|Python cannot read the cell 'a = 1)"
    ):
        read_notebook(write_notebook(project, 4, "d", "a = 1\0"))
    (folder / "analysis.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(StudyError, match="not named like a notebook"):
        read_notebook(folder / "analysis.ipynb")
    (folder / "03_c.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(StudyError, match="cannot be read as a notebook"):
        read_notebook(folder / "03_c.ipynb")


def test_a_table_has_one_maker_and_a_name_one_notebook(project: Path) -> None:
    write_notebook(project, 1, "a", 'run.save("t", 1)')
    write_notebook(project, 2, "b", 'run.save("t", 1)')
    with pytest.raises(StudyError, match="a and b both save 't'"):
        read_notebooks(project / "notebooks")
    (project / "notebooks" / "02_b.ipynb").unlink()
    write_notebook(project, 3, "a")
    with pytest.raises(StudyError, match="Two notebooks are named a"):
        read_notebooks(project / "notebooks")
