"""How do many cut-offs share one pass over the orders? Days are numbered by the window edges they lie between.

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

from crm_utils.churn.cutoffs import WINDOWS

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

    def links(self) -> ir.Table:
        """Which span says what at which cut-off.

        Returns
        -------
        ibis.expr.types.Table
            ``cutoff``, ``period``, ``known`` (up to the cut-off), ``in_short``, ``in_middle``, ``in_long`` (in
            the windows up to it), ``in_horizon`` (in the horizon after it), ``last_known`` (the number that
            ends on the cut-off).
        """
        place = {edge: k for k, edge in enumerate(self.edges)}
        rows = []
        for cutoff in self.cutoffs:
            ends = [place[cutoff + dt.timedelta(days=k * self.horizon_days)] for k in range(-WINDOWS, 2)]
            long, middle, short, now, ahead = ends
            rows += [
                {
                    "cutoff": cutoff, "period": k, "known": k <= now, "in_short": short < k <= now,
                    "in_middle": middle < k <= now, "in_long": long < k <= now, "in_horizon": now < k <= ahead,
                    "last_known": now,
                }
                for k in range(len(self.edges) + 1)
            ]  # fmt: skip
        return ibis.memtable(pa.Table.from_pylist(rows, schema=_LINKS))


_LINKS = pa.schema(
    [("cutoff", pa.date32()), ("period", pa.int64())]
    + [(name, pa.bool_()) for name in ("known", "in_short", "in_middle", "in_long", "in_horizon")]
    + [("last_known", pa.int64())]
)
