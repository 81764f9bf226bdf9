"""One file as a canonical table: what matched, what is missing, and the orders in its first lines."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from crm_utils.proposal.matching import Match, named, stands_once, who_columns
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

    ``once`` names the column of which each value becomes one row, where a file holds more.
    """

    looked: Looked
    table: str
    matches: list[Match]
    missing: list[str]
    unused: list[str]
    once: str = ""

    def has(self, target: str) -> bool:
        """Whether a column of the contract was found."""
        return any(m.target == target for m in self.matches)

    @property
    def person(self) -> dict[str, str]:
        """What order lines tell customers apart by, where they have no column of ids."""
        if self.table != "order_lines" or self.has("customer_id"):
            return {}
        who = who_columns({name: self.looked.columns[name] for name in self.unused})
        return dict(list(who.items())[:1])

    @property
    def of_the_order(self) -> list[str]:
        """Columns that are filled on an order's first line alone."""
        times = [m.source for m in self.matches if m.target == "ordered_at"]
        return [c for c in [*times, *self.person.values()] if self.is_of_the_order(c)]

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
        found = next((m for m in self.matches if m.target == target), None)
        if found is None or found.source in self.looked.cells:
            return [found.source] if found else []
        return [name for name in self.looked.cells if named(name) in found.source.split(" * ")]

    def numbers(self, target: str) -> list[float | None]:
        """A column of the contract, row by row, as the numbers that it would be read as."""
        product: list[float | None] = [1.0] * self.looked.rows
        marks = {source: m.told for m in self.matches for source in self.sources(m.target)}
        for name in self.sources(target):
            read = [read_number(text, marks[name]) for text in self.looked.cells[name]]
            product = [a * b if a is not None and b is not None else None
                       for a, b in zip(product, read, strict=True)]  # fmt: skip
        return product

    def orders(self) -> list[Order]:
        """The orders in these lines. A line whose amount cannot be read counts nothing."""
        empty = [""] * self.looked.rows
        cells = self.looked.cells
        form = next((m.told.get("dates", "iso") for m in self.matches if m.target == "ordered_at"), "iso")
        keys = cells.get(self.source("order_id"), empty)
        who = cells.get(self.source("customer_id") or next(iter(self.person.values()), ""), empty)
        when = cells.get(self.source("ordered_at"), empty)
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
