"""Which small sums and tests may a study write about its columns? A grammar, read with ``ast``, never run.

``Quantity * UnitPrice``, ``startswith(Invoice, "C")``, ``coalesce(Member, Card)``: names are columns of the
data, ``col("Unit price")`` one whose name is no plain word. What is not listed here is refused with its
name; nothing is ever evaluated by Python.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterator

from crm_utils.errors import known_names
from crm_utils.tools.sql_text import no_letter

__all__ = ["FUNCTIONS", "column_named", "columns_cut", "columns_of", "parse"]

#: Function: how many arguments at least and at most, and what it gives.
FUNCTIONS = {
    "number": (1, 1, "text as a number"),
    "date": (1, 1, "text as a time, by the table's dates"),
    "text": (1, 1, "anything as text"),
    "whole": (1, 1, "an id without the .0 that a spreadsheet added"),
    "abs": (1, 1, "a number without its sign"),
    "round": (2, 2, "a number to so many places"),
    "coalesce": (2, 20, "the first that is not empty"),
    "concat": (2, 20, "texts put together; empty when one of them is"),
    "lower": (1, 1, "small letters"),
    "upper": (1, 1, "capital letters"),
    "replace": (3, 3, "a text with one part exchanged"),
    "part": (3, 3, "part(text, separator, n): the n-th part, from 1"),
    "startswith": (2, 2, "yes or no"),
    "endswith": (2, 2, "yes or no"),
    "contains": (2, 2, "yes or no"),
    "matches": (2, 2, "yes or no: a regular expression fits somewhere"),
    "empty": (1, 1, "yes or no"),
    "year": (1, 1, "of a time"),
    "month": (1, 1, "of a time"),
    "day": (1, 1, "of a time"),
    "hour": (1, 1, "of a time"),
    "weekday": (1, 1, "of a time; 0 is Monday"),
}
#: Whose last argument is a number of the study's, and what it may be.
_WHOLE = {"round": (0, 6), "part": (1, 100)}
_OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub, ast.Not, ast.And, ast.Or,
    ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
)  # fmt: skip
_NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Load,
    ast.Constant, ast.Tuple, ast.List,
)  # fmt: skip
#: A longer text is no expression of a person, nor is one so deep, which the compiler
#: does not survive; the engine has no number so large.
_LONGEST, _DEEPEST, _LARGEST = 2_000, 12, 10**12


def parse(text: str) -> ast.expr:
    """Read an expression, and refuse whatever is not in the grammar.

    Parameters
    ----------
    text
        What a study says.

    Returns
    -------
    ast.expr
        The tree; ``compile`` in :mod:`crm_utils.mapping.compiling` turns it into an Ibis expression.

    Raises
    ------
    ValueError
        It is no expression, or holds something that is not allowed; the text says what.

    Examples
    --------
    >>> ast.unparse(parse("Quantity * UnitPrice"))
    'Quantity * UnitPrice'
    >>> parse("open('x')")
    Traceback (most recent call last):
    ValueError: no function 'open'. It may be: abs, coalesce, ...
    """
    if len(text) > _LONGEST:
        raise ValueError(f"an expression of {len(text):,} characters; {_LONGEST:,} are the most")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"'{text}' is no expression; write one such as Quantity * UnitPrice") from None
    _check_depth(tree)
    for node in ast.walk(tree):
        if not isinstance(node, _NODES + _OPERATORS):
            raise ValueError(f"'{text}': {type(node).__name__} is not allowed in an expression")
        _check(node)
    return tree.body


def _check_depth(tree: ast.AST) -> None:
    """See that no part stands too deep; without recursion, which is what a deep one breaks."""
    level = [tree]
    for _ in range(_DEEPEST + 2):  # a name is no part of its own
        level = [inner for node in level for inner in ast.iter_child_nodes(node)]
        if not level:
            return
    raise ValueError(f"an expression of more than {_DEEPEST} parts within each other; make it simpler")


def _check(node: ast.AST) -> None:
    if isinstance(node, ast.Constant) and not isinstance(node.value, (str, int, float)):
        raise ValueError(f"{node.value!r} is not allowed; write a text, a number, True or False")
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        _check_number(node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and (odd := no_letter(node.value)):
        raise ValueError(f"a text of the expression holds {odd}, which is no letter")
    if not isinstance(node, ast.Call):
        return
    if not isinstance(node.func, ast.Name) or node.keywords:
        raise ValueError(f"'{ast.unparse(node)}': call a function by its name, arguments in order")
    name, given = node.func.id, len(node.args)
    if name == "col":
        if given != 1 or not (isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)):
            raise ValueError(f"'{ast.unparse(node)}': write col(\"the column's name\")")
        return
    if name not in FUNCTIONS:
        known = known_names(name, [*FUNCTIONS, "col"], label="It may be")
        raise ValueError(f"no function '{name}'. {known}")
    low, high, _ = FUNCTIONS[name]
    if not low <= given <= high:
        many = f"{low}" if low == high else f"{low} to {high}"
        raise ValueError(f"{name} takes {many} arguments, not {given}")
    if name in _WHOLE:
        least, most = _WHOLE[name]
        last = node.args[-1]
        number = last.value if isinstance(last, ast.Constant) else None
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ValueError(f"'{ast.unparse(node)}': write a whole number from {least} to {most} at its end")


def _check_number(number: float) -> None:
    if not abs(number) < _LARGEST:  # neither is what is no number
        raise ValueError(
            "a number of the expression is too large; it may have twelve digits before its point"
        )


#: What these make of a text or a day is less than it is.
_NARROWING = frozenset({"part", "startswith", "endswith", "contains", "matches", "empty"}
                       | {"year", "month", "day", "hour", "weekday"})  # fmt: skip


def columns_cut(text: str) -> set[str]:
    """The columns of which an expression takes no more than a part, as it writes them.

    Examples
    --------
    >>> sorted(columns_cut('part(address, ",", 2)')), sorted(columns_cut("qty * price"))
    (['address'], [])
    """
    tree = parse(text)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    return {name for n in calls if n.func.id in _NARROWING for name in _columns_in(n)}  # type: ignore[attr-defined]


def columns_of(text: str) -> Iterator[str]:
    """The names of the columns that an expression reads, as it writes them."""
    return _columns_in(parse(text))


def _columns_in(tree: ast.AST) -> Iterator[str]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in functions:
            yield node.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col":
            yield ast.literal_eval(node.args[0])


def column_named(name: str, there: list[str]) -> str:
    """The data's column of that name; Python reads names in a normal form of Unicode, files do not.

    Raises
    ------
    KeyError
        There is none.
    """
    if name in there:
        return name
    normal = {unicodedata.normalize("NFKC", column): column for column in there}
    return normal[unicodedata.normalize("NFKC", name)]
