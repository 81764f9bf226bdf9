"""How do many cut-offs share one pass over the orders? Days are numbered by the window edges between them.

With cut-offs a horizon apart the windows of one are the horizons of others: a year has some fifteen numbers,
and what was summed up by customer and number is small enough to be combined for every cut-off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from crm_utils.methods.churn.cutoffs import WINDOWS

__all__ = ["Periods"]


@dataclass(frozen=True)
class Periods:
    """Spans of days between the edges: number k holds the days after edge k − 1 up to edge k.

    Attributes
    ----------
    cutoffs
        The days looked back from, in order.
    horizon_days
        Length of the short window; the middle one is two, the long one three of them.
    edges
        Last days of the spans, in order.
    """

    cutoffs: tuple[dt.date, ...]
    horizon_days: int
    edges: tuple[dt.date, ...]

    @classmethod
    def between(cls, cutoffs: Sequence[dt.date], horizon_days: int) -> Periods:
        """Lay an edge at each cut-off, at the beginnings of its windows and at the end of its horizon."""
        step = dt.timedelta(days=horizon_days)
        edges = {c + k * step for c in cutoffs for k in range(-WINDOWS, 2)}
        return cls(tuple(sorted(set(cutoffs))), horizon_days, tuple(sorted(edges)))

    def number(self, day: ir.Column) -> ir.Column:
        """The number of the span that each day lies in; null for no day."""
        passed = [(day > ibis.date(e.year, e.month, e.day)).cast("int64") for e in self.edges]
        return reduce(add, passed)

    def place(self, cutoff: dt.date, horizons: int) -> int:
        """The number of the span that ends so many horizons after a cut-off (before it, when negative)."""
        return self.edges.index(cutoff + dt.timedelta(days=horizons * self.horizon_days))

    def long_windows(self) -> ir.Table:
        """Which spans lie in the long window up to each cut-off: ``cutoff``, ``period``, ``last_known``.

        ``last_known`` is the number of the span that ends on the cut-off.
        """
        rows = [
            {"cutoff": cutoff, "period": k, "last_known": now}
            for cutoff in self.cutoffs
            for now in [self.place(cutoff, 0)]
            for k in range(self.place(cutoff, -WINDOWS) + 1, now + 1)
        ]
        return ibis.memtable(pa.Table.from_pylist(rows, schema=_LINKS))


_LINKS = pa.schema([("cutoff", pa.date32()), ("period", pa.int64()), ("last_known", pa.int64())])
