"""One file as a canonical table: what matched, what is missing, and the orders in its first lines."""

from __future__ import annotations

import ast
import datetime as dt
from dataclasses import dataclass, field

from crm_utils.mapping.expressions import columns_of, parse
from crm_utils.proposal.matching import Match, buyer_column, country_of, stands_once, who_columns
from crm_utils.proposal.profiles import Profile
from crm_utils.sources.files.guessing import Looked, first_day_of, read_number

__all__ = ["Order", "TableProposal"]


@dataclass(frozen=True)
class Order:
    """An order in the lines that were looked at; empty where a column was not found or cannot be read."""

    customer: str
    day: dt.date | None
    amount: float | None


@dataclass(frozen=True)
class TableProposal:
    """One file as a canonical table: what matched, what is missing, what is not used.

    ``once`` names the column of which each value becomes one row, where a file holds more; ``known`` is the
    export that the header tells, if it does; ``looks`` are what is to be looked at, a sentence each;
    ``named_as`` is what a column of customers holds that no snapshot may, and the column.
    """

    looked: Looked
    table: str
    matches: list[Match]
    missing: list[str]
    unused: list[str]
    once: str = ""
    known: Profile | None = None
    looks: tuple[str, ...] = ()
    named_as: dict[str, str] = field(default_factory=dict)

    def has(self, target: str) -> bool:
        """Whether a column of the contract was found."""
        return any(m.target == target for m in self.matches)

    @property
    def person(self) -> dict[str, str]:
        """What order lines tell customers apart by, where they have no column of ids."""
        if self.table != "order_lines" or self.has("customer_id"):
            return {}
        if self.named_as:
            return self.named_as
        columns = self.looked.columns
        if self.known and (people := self.known.people(columns)):
            return people
        if self.known and not self.known.person:
            return {}
        left = {name: columns[name] for name in self.unused}
        who, buyer = who_columns(left), buyer_column(left)
        kind = next(iter(who), "")
        if kind == "phone" and buyer and not country_of(columns[who[kind]]):
            return {"buyer": buyer}  # a phone without its country tells nobody
        return {kind: who[kind]} if kind else {"buyer": buyer} if buyer else {}

    @property
    def of_the_order(self) -> list[str]:
        """Columns that are filled on an order's first line alone."""
        columns = [*self.sources("ordered_at"), *self.sources("channel"), *self.person.values()]
        return [c for c in columns if self.is_of_the_order(c)] if self.sources("order_id") else []

    def is_of_the_order(self, column: str) -> bool:
        """Whether a column is empty on an order's further lines."""
        filled = self.looked.columns
        orders, values = filled.get(self.source("order_id"), []), filled[column]
        return 0 < len(values) < len(orders) and stands_once(values, orders)

    def source(self, target: str) -> str:
        """What of the file a column of the contract would be; empty where it was not found."""
        return next((m.source for m in self.matches if m.target == target), "")

    def sources(self, target: str) -> list[str]:
        """The file's columns that a column of the contract is made of."""
        matched = next((m for m in self.matches if m.target == target), None)
        if matched is None or matched.source in self.looked.cells:
            return [matched.source] if matched else []
        return [name for name in columns_of(matched.source) if name in self.looked.cells]

    def numbers(self, target: str) -> list[float | None]:
        """A column of the contract, row by row, as the numbers that it would be read as."""
        matched = next(m for m in self.matches if m.target == target)
        columns = {
            name: [read_number(text, matched.options) for text in self.looked.cells[name]]
            for name in self.sources(target)
        }
        if matched.source in self.looked.cells:
            return columns[matched.source]
        tree = parse(matched.source)
        return [
            _sum(tree, {name: column[n] for name, column in columns.items()}) for n in range(self.looked.rows)
        ]

    def texts(self, target: str) -> list[str]:
        """A column of the contract, row by row, as text: of a column, or of several with a blank between."""
        sources = self.sources(target)
        if not sources:
            return [""] * self.looked.rows
        columns = [self.looked.cells[name] for name in sources]
        return [" ".join(parts).strip() for parts in zip(*columns, strict=True)]

    def orders(self) -> list[Order]:
        """The orders in these lines. A line whose amount cannot be read counts nothing."""
        empty = [""] * self.looked.rows
        cells = self.looked.cells
        form = next((m.options.get("dates", "iso") for m in self.matches if m.target == "ordered_at"), "iso")
        keys = cells.get(self.source("order_id"), self.texts("order_id"))
        if any(m.written == {"each": "row"} for m in self.matches):
            keys = [str(n) for n in range(self.looked.rows)]
        who = cells.get(self.source("customer_id") or next(iter(self.person.values()), ""), empty)
        when = self.texts("ordered_at")
        amounts = self.numbers("amount") if self.has("amount") else [None] * self.looked.rows
        customers: dict[str, str] = {}
        times: dict[str, str] = {}
        sums: dict[str, float | None] = {}
        for key, customer, time, amount in zip(keys, who, when, amounts, strict=True):
            customers[key] = customers.get(key) or customer
            times[key] = times.get(key) or time
            sums[key] = sums.get(key) if amount is None else (sums.get(key) or 0.0) + amount
        days = {text: first_day_of([text], form) for text in set(times.values())}
        read = {text: dt.date.fromisoformat(day) if day else None for text, day in days.items()}
        return [Order(customers[key], read[times[key]], sums[key]) for key in sums if key]


def _sum(node: ast.expr, values: dict[str, float | None]) -> float | None:
    """A small sum of an expression, as far as this look needs it; None where a part is no number."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name):
        return values.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col":
        return values.get(ast.literal_eval(node.args[0]))
    if isinstance(node, ast.BinOp):
        left, right = _sum(node.left, values), _sum(node.right, values)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Mult):
            return left * right
        return left + right if isinstance(node.op, ast.Add) else left - right
    return None
