"""What does a notebook need, use and make? Read from its text, without running it.

The parameters cell is parsed with ``ast`` (papermill's own reader loses lines whose comment holds ``=``
and types such as ``float | None``). The literal calls ``open_run("…")``, ``run.table("…")``,
``run.load("…")`` and ``run.save("…")`` say the rest.
"""

from __future__ import annotations

import ast
import json
import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_utils.errors import StudyError, known_names

__all__ = ["NotebookFile", "Parameter", "read_notebook", "read_notebooks"]

_FILE = re.compile(r"(\d\d)_([a-z][a-z0-9_]*)\.ipynb")
_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list": list}
#: What ast raises: for code that is no literal, for {[]: 1}, for a thousand brackets.
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, type (as annotated), default, and the comment that says unit and meaning."""

    name: str
    type: str
    default: Any
    comment: str

    def check(self, value: Any) -> Any:
        """The value in the parameter's type.

        Raises
        ------
        StudyError
            The value has another type, or is no finite number. A whole number is taken where a float is
            wanted; nothing else is converted.
        """
        kind, _, optional = self.type.partition("|")
        wanted = _TYPES[kind.split("[")[0].strip()]
        if value is None and optional.strip() == "None":
            return None
        if wanted is float and type(value) is int:
            with suppress(OverflowError):
                value = float(value)
        if type(value) is not wanted or not _is_plain(value):
            raise StudyError(
                f"parameter {self.name} takes {self.type} ({self.comment or 'no comment'}), not {value!r}."
            )
        return value

    def parse(self, text: str) -> Any:
        """A value written on the command line, read in the parameter's type: ``007`` stays text for a str.

        Raises
        ------
        StudyError
            The text is no value of that type.
        """
        if self.type.partition("|")[0].strip() == "str":
            return text
        try:
            value = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
            repr(value)  # Python writes no number of more than some 4,000 digits
        except _NO_LITERAL:
            value = text
        return self.check(value)


@dataclass(frozen=True)
class NotebookFile:
    """One notebook as its file tells: its name, question and parameters, and the tables it lives on.

    ``needs`` are canonical tables it cannot do without, ``wants`` those it can; ``uses`` are results of
    other notebooks, ``hopes`` those it can do without, ``recalls`` those of the last report, ``makes`` its
    own.
    """

    path: Path
    name: str
    question: str
    parameters: dict[str, Parameter]
    needs: frozenset[str] = field(default=frozenset())
    wants: frozenset[str] = field(default=frozenset())
    uses: frozenset[str] = field(default=frozenset())
    hopes: frozenset[str] = field(default=frozenset())
    recalls: frozenset[str] = field(default=frozenset())
    makes: frozenset[str] = field(default=frozenset())

    def check_parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """The given values, checked against the parameters cell.

        Raises
        ------
        StudyError
            There is no such parameter, or its value has the wrong type.
        """
        own = sorted(set(self.parameters) - {"study", "as_of"})
        for name in given:
            if name not in own:
                raise StudyError(f"notebook {self.name} has no parameter '{name}'. {known_names(name, own)}")
        return {name: self.parameters[name].check(value) for name, value in given.items()}


def read_notebooks(folder: Path) -> list[NotebookFile]:
    """All notebooks of a folder, in the order of their numbers.

    Raises
    ------
    StudyError
        Two notebooks have one name or make the same table, or one cannot be read.
    """
    notebooks = [read_notebook(path) for path in sorted(folder.glob("*.ipynb"))]
    names = [notebook.name for notebook in notebooks]
    makers: dict[str, str] = {}
    for notebook in notebooks:
        if names.count(notebook.name) > 1:
            raise StudyError(
                f"Two notebooks are named {notebook.name}. Rename one: the name is its place in the report."
            )
        for table in notebook.makes:
            if table in makers:
                raise StudyError(
                    f"{makers[table]} and {notebook.name} both save '{table}'. Rename one of the tables."
                )
            makers[table] = notebook.name
    return notebooks


def read_notebook(path: Path) -> NotebookFile:
    """Read one notebook's file.

    Raises
    ------
    StudyError
        It is no notebook, its name does not fit ``NN_name.ipynb``, a cell is not plain Python, or its
        parameters cell is missing or holds more than literals.
    """
    match = _FILE.fullmatch(path.name)
    if not match:
        raise StudyError(f"{path.name} is not named like a notebook of this project: 01_name.ipynb.")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = [(cell, "".join(cell["source"])) for cell in cells]
        headings = [t for c, t in texts if c["cell_type"] == "markdown"]
        codes = [(c, t) for c, t in texts if c["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path.name} cannot be read as a notebook: {error}.") from None
    trees = [(c, t, _parse(path, t)) for c, t in codes]
    tagged = [(t, tree) for c, t, tree in trees if "parameters" in c.get("metadata", {}).get("tags", [])]
    if len(tagged) != 1:
        raise StudyError(f"{path.name} has {len(tagged)} cells tagged 'parameters'. It needs one.")
    parameters = _parameters(path, *tagged[0])
    for name in ("study", "as_of"):
        if name not in parameters:
            raise StudyError(f"{path.name}: its parameters cell has no '{name}'. Add {name}: str = \"\".")
    calls = [call for _, _, tree in trees for call in _calls(tree)]
    opened = [first for method, first, _ in calls if method == "open_run"]
    if opened != [match[2]]:
        raise StudyError(
            f'{path.name} should call open_run("{match[2]}", …) once; it has: {opened or "no such call"}.'
        )
    # orders is a view over order_lines.
    read = [("order_lines" if t == "orders" else t, sure) for method, t, sure in calls if method == "table"]
    wants = frozenset(table for table, sure in read if not sure)
    return NotebookFile(
        path=path,
        name=match[2],
        question=_question(headings),
        parameters=parameters,
        needs=frozenset(table for table, _ in read) - wants,
        wants=wants,
        uses=frozenset(t for method, t, sure in calls if method == "load" and sure),
        hopes=frozenset(t for method, t, sure in calls if method == "load" and not sure),
        recalls=_firsts(calls, "earlier"),
        makes=_firsts(calls, "save"),
    )


def _is_plain(value: Any) -> bool:
    """Whether run.json can hold it and a notebook compute with it: text, finite numbers, lists of such."""
    if isinstance(value, list):
        return all(isinstance(v, str | bool | int | float) and _is_plain(v) for v in value)
    return not isinstance(value, float) or math.isfinite(value)


def _firsts(calls: list[tuple[str, str, bool]], method: str) -> frozenset[str]:
    return frozenset(first for called, first, _ in calls if called == method)


def _parse(path: Path, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line = text.splitlines()[(error.lineno or 1) - 1].strip()
        raise StudyError(f"{path.name}: a cell is not plain Python (no magics): {line}") from None
    except _NO_LITERAL:  # a NUL, a thousand brackets
        raise StudyError(f"{path.name}: Python cannot read the cell '{text[:40]}…'. Write it anew.") from None


def _parameters(path: Path, text: str, tree: ast.Module) -> dict[str, Parameter]:
    lines, parameters = text.splitlines(), {}
    for node in tree.body:
        try:
            if (
                not isinstance(node, ast.AnnAssign)
                or not isinstance(node.target, ast.Name)
                or node.value is None
            ):
                raise ValueError
            kind, default = ast.unparse(node.annotation), ast.literal_eval(node.value)
            if kind.partition("|")[0].split("[")[0].strip() not in _TYPES:
                raise ValueError
        except _NO_LITERAL:
            raise StudyError(
                f"{path.name}: in the parameters cell stands '{lines[node.lineno - 1].strip()}'. "
                f"Only lines such as  top_k: int = 3  # unit and meaning  ({', '.join(_TYPES)})."
            ) from None
        # ast counts columns in bytes of UTF-8.
        rest = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset or 0 :].decode()
        parameters[node.target.id] = Parameter(node.target.id, kind, default, rest.strip().lstrip("# "))
    return parameters


def _calls(tree: ast.Module) -> list[tuple[str, str, bool]]:
    """(method, first literal argument, whether it is required) of the calls that tell what is used."""
    calls = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        method = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0].value
        if method in {"open_run", "table", "load", "earlier", "save"} and isinstance(first, str):
            if isinstance(node.func, ast.Attribute) and not _on_run(node.func.value):
                continue
            sure = not any(
                k.arg == "required" and getattr(k.value, "value", True) is False for k in node.keywords
            )
            calls.append((method, first, sure))
    return calls


def _on_run(value: ast.expr) -> bool:
    """Whether a method is called on ``run`` itself or on ``run.at(…)``."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "at":
        value = value.func.value
    return isinstance(value, ast.Name) and value.id == "run"


def _question(markdown: list[str]) -> str:
    for text in markdown:
        for line in text.splitlines():
            if line.startswith("# "):
                return line[2:].strip()
    return ""
