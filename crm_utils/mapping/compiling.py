"""How does an expression of a study become one of the engine? Each node, with the kind of value it gives.

Kinds are text, number, yes_no and time. Text becomes a number or a time where an operator asks for one, by
the table's own marks and formats; what cannot be read is remembered with the column's name.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.mapping import reading as read
from crm_utils.mapping.expressions import column_named, parse
from crm_utils.mapping.model import Reading

__all__ = ["CUSTOMER", "LINEAGE", "Compiler", "Typed"]

#: A row's place and text; a reader gives the first two, and the next two for lines that it could not part.
#: The last holds the columns as they were read, blanks and all.
LINEAGE = ("_file", "_row", "_raw", "_problem", "_as_read")
#: Who a row's customer is, made of what names a person; the data may have a customer_id of their own.
CUSTOMER = "_customer"
#: Within a product. 38 digits never overflow here, but cutting them back takes the engine 40 times as long as
#: 18 digits do: they are used only where 18 overflow, or a factor has more than four decimals.
_WIDE, _FACTOR = "decimal(38, 6)", "decimal(18, 4)"
#: How often an operand stands in what is made of it, in each way; beyond so many copies it stands there once.
_COPIES, _MOST_COPIES = {ast.Add: 2, ast.Sub: 2, ast.Mult: 5}, 40
_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True)
class Typed:
    """A value of the engine, its kind, and the column it is, if it is one alone."""

    value: ir.Value
    kind: str
    column: str = ""


@dataclass
class Compiler:
    """Compiles expressions over one table of trimmed columns; collects what could not be read."""

    raw: ir.Table
    reading: Reading
    zone: str
    unread: list[tuple[ir.BooleanValue, str]] = field(default_factory=list)
    swapped: list[ir.BooleanValue] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def compile(self, text: str) -> Typed:
        """The expression's value and kind.

        Raises
        ------
        StudyError
            An operator is asked of a kind that has none.
        DataError
            The data have no such column.
        """
        return self._node(parse(text))

    def column(self, name: str) -> Typed:
        """A column of the data, text without blanks at its ends, empty as null."""
        there = [c for c in self.raw.columns if not c.startswith("_")] + [
            c for c in self.raw.columns if c.startswith("_") and c not in LINEAGE
        ]
        try:
            name = column_named(name, there)
        except KeyError:
            raise DataError(
                f"the data have no column '{name}'. {known_names(name, there, label='They have')}"
            ) from None
        self.used.add(name)
        value = read.emptied(self.raw[name], self.reading)
        kind = value.type()
        if kind.is_numeric() and not kind.is_boolean():
            return Typed(value, "number", name)
        if kind.is_boolean():
            return Typed(value, "yes_no", name)
        return Typed(value, "time" if kind.is_temporal() else "text", name)

    def number(self, item: Typed) -> ir.Value:
        """A value as an exact number, text by the table's marks."""
        if item.kind == "number" and not item.value.type().is_string():
            return item.value.try_cast(read.NUMBER)
        return self._read(item, read.to_number(item.value, self.reading), "a number")

    def time(self, item: Typed) -> ir.Value:
        """A value as a time on the shop's clock, text by the table's dates."""
        if item.kind == "time" and not item.column:
            return item.value
        return self._read(item, read.to_time(item.value, self.reading, self.zone), "a time")

    def text(self, item: Typed) -> ir.Value:
        """A value as text."""
        return read.to_text(item.value)

    def yes_no(self, item: Typed, where: str) -> ir.Value:
        """A value that is yes or no already."""
        if item.kind != "yes_no":
            raise StudyError(
                f"'{where}' is a {item.kind}, where yes or no is asked; compare it with something."
            )
        return item.value

    def _read(self, item: Typed, parsed: read.Parsed, what: str) -> ir.Value:
        if item.kind == "yes_no":
            raise StudyError(f"yes or no is not {what}; write 1 if … else 0.")
        if parsed.swapped is not None:
            self.swapped.append(parsed.swapped)
        self.unread.append((parsed.unread, f"{item.column or 'a part'} cannot be read as {what}"))
        return parsed.value

    def _node(self, node: ast.expr) -> Typed:
        method: Callable[[Any], Typed] = getattr(self, f"_{type(node).__name__.lower()}")
        return method(node)

    def _name(self, node: ast.Name) -> Typed:
        return self.column(node.id)

    def _constant(self, node: ast.Constant) -> Typed:
        if isinstance(node.value, bool):
            return Typed(ibis.literal(node.value), "yes_no")
        if isinstance(node.value, str):
            return Typed(ibis.literal(node.value), "text")
        return Typed(ibis.literal(node.value).cast(read.NUMBER), "number")

    def _binop(self, node: ast.BinOp) -> Typed:
        """Exact to a millionth; products are narrow where no digit is lost by it, wide where one would be."""
        left, right = (self.number(self._node(side)) for side in (node.left, node.right))
        apply = _ARITHMETIC[type(node.op)]
        if isinstance(node.op, ast.Div):
            return Typed(apply(left.cast(_WIDE), right.nullif(0).cast(_WIDE)).try_cast(read.NUMBER), "number")
        wide = apply(left.cast(_WIDE), right.cast(_WIDE)).try_cast(read.NUMBER)
        if _copies(node) > _MOST_COPIES:
            return Typed(wide, "number")
        if not isinstance(node.op, ast.Mult):
            return Typed(ibis.coalesce(read.attempt(apply(left, right)).cast(read.NUMBER), wide), "number")
        first, second = left.cast(_FACTOR), right.cast(_FACTOR)
        product = read.attempt(apply(first, second)).cast(read.NUMBER)
        whole = (first == left) & (second == right)
        return Typed(ibis.coalesce(whole.ifelse(product, ibis.null(read.NUMBER)), wide), "number")

    def _unaryop(self, node: ast.UnaryOp) -> Typed:
        inner = self._node(node.operand)
        if isinstance(node.op, ast.Not):
            return Typed(~self.yes_no(inner, ast.unparse(node.operand)), "yes_no")
        return Typed(-self.number(inner), "number")

    def _boolop(self, node: ast.BoolOp) -> Typed:
        parts = [self.yes_no(self._node(value), ast.unparse(value)) for value in node.values]
        return Typed(
            functools.reduce(operator.and_ if isinstance(node.op, ast.And) else operator.or_, parts), "yes_no"
        )

    def _ifexp(self, node: ast.IfExp) -> Typed:
        test = self.yes_no(self._node(node.test), ast.unparse(node.test))
        kind, (yes, no) = self._alike([self._node(node.body), self._node(node.orelse)])
        return Typed(test.ifelse(yes, no), kind)

    def _compare(self, node: ast.Compare) -> Typed:
        sides = [node.left, *node.comparators]
        comparisons = [self._pair(op, a, b) for op, a, b in zip(node.ops, sides[:-1], sides[1:], strict=True)]
        return Typed(functools.reduce(operator.and_, comparisons), "yes_no")

    def _pair(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> ir.BooleanValue:
        if isinstance(op, (ast.In, ast.NotIn)):
            if not isinstance(right, (ast.Tuple, ast.List)):
                raise StudyError(f'\'{ast.unparse(right)}\': write a list of values, such as ("A", "B").')
            _, values = self._alike([self._node(left), *[self._node(item) for item in right.elts]])
            inside = read.one_of(values[0], values[1:])
            return ~inside if isinstance(op, ast.NotIn) else inside
        first, second = self._node(left), self._node(right)
        ordered = not isinstance(op, (ast.Eq, ast.NotEq))
        if ordered and {first.kind, second.kind} == {"text"}:
            values = [self.number(first), self.number(second)]
        else:
            _, values = self._alike([first, second])
        return _COMPARE[type(op)](values[0], values[1])

    def _alike(self, items: list[Typed]) -> tuple[str, list[ir.Value]]:
        """All as one kind: text gives way to numbers, times and answers."""
        kinds = {item.kind for item in items}
        strong = kinds - {"text"}
        if len(strong) > 1:
            raise StudyError(f"a {' and a '.join(sorted(strong))} cannot be compared or mixed.")
        if not strong:
            return "text", [self.text(item) for item in items]
        kind = strong.pop()
        if kind == "yes_no":
            return kind, [self.yes_no(item, "a part") for item in items]
        return kind, [self.number(item) if kind == "number" else self.time(item) for item in items]

    def _call(self, node: ast.Call) -> Typed:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name == "col":
            return self.column(ast.literal_eval(node.args[0]))
        args = [self._node(item) for item in node.args]
        if name in ("number", "abs", "round"):
            value = self.number(args[0])
            if name == "round":
                return Typed(value.round(ast.literal_eval(node.args[1])).try_cast(read.NUMBER), "number")
            return Typed(value.abs() if name == "abs" else value, "number")
        if name in ("date", "year", "month", "day", "hour", "weekday"):
            return self._of_time(name, self.time(args[0]))
        if name == "coalesce":
            kind, values = self._alike(args)
            return Typed(ibis.coalesce(*values), kind)
        if name == "empty":
            return Typed(args[0].value.isnull(), "yes_no")
        return self._of_text(name, [self.text(item) for item in args], node)

    def _of_time(self, name: str, moment: ir.Value) -> Typed:
        if name == "date":
            return Typed(moment, "time")
        part = moment.day_of_week.index() if name == "weekday" else getattr(moment, name)()
        return Typed(part.cast(read.NUMBER), "number")

    def _of_text(self, name: str, texts: list[ir.Value], node: ast.Call) -> Typed:
        first, rest = texts[0], texts[1:]
        if name in ("startswith", "endswith", "contains"):
            return Typed(getattr(first, name)(rest[0]), "yes_no")
        if name == "matches":
            return Typed(first.re_search(_pattern(node.args[1])), "yes_no")
        if name == "part":
            return Typed(first.split(rest[0])[ast.literal_eval(node.args[2]) - 1].strip().nullif(""), "text")
        made = {
            "text": lambda: first,
            "whole": lambda: first.re_replace(r"\.0+$", ""),
            "concat": lambda: functools.reduce(operator.add, texts),
            "lower": lambda: first.lower(),
            "upper": lambda: first.upper(),
            "replace": lambda: first.replace(*rest),
        }
        return Typed(made[name](), "text")


def _copies(node: ast.AST) -> int:
    """How often the innermost operand of an expression would stand in the engine's: it grows as a power."""
    inner = max((_copies(one) for one in ast.iter_child_nodes(node)), default=1)
    own = _COPIES.get(type(node.op), 1) if isinstance(node, ast.BinOp) else 1
    return min(inner, _MOST_COPIES) * own


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise StudyError(f"'{ast.unparse(node)}': write the regular expression as a text.")
