"""How often do two items meet? Counted once in the engine, by period, for every span of time asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import reduce
from math import factorial
from operator import mul

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from crm_utils.engine import keep
from crm_utils.errors import StudyError
from crm_utils.methods.cross_sell.coded import Coded, period_of
from crm_utils.methods.cross_sell.itemsets import exact_share, least_count
from crm_utils.methods.cross_sell.parts import PARTS, Floats

__all__ = ["STRATA", "PairCounts", "code_common", "count_met", "count_pairs", "stratum_of"]

STRATA = (2, 3, 4, 5, 6, 7, 8, 10, 13, 17, 22, 29, 38, 50, 65, 85, 110, 150, 200)
"""Where strata of basket size begin: a size each while baskets are small, then a third wider each time."""


@dataclass(frozen=True)
class PairCounts:
    """What adjusted lift is made of, by period and by part of the customers.

    Attributes
    ----------
    items
        Names by code of the items counted singly: those frequent in one period at least, so in any span.
    periods
        The last day of each period but the last, which ends with the data.
    baskets, item_baskets
        Baskets of any size in each period; those with each item: periods × items.
    met
        How many other items each item met: periods × parts × items × strata. All items that are not counted
        singly share the last place.
    pairs
        Baskets with both items of a pair: a row a period and part, a column a pair (its first item's code
        times the number of items, and its second's, which is larger).
    min_support
        Share of a period's baskets above which an item is counted singly.
    """

    items: NDArray[np.object_]
    periods: tuple[dt.date, ...]
    baskets: NDArray[np.int64]
    item_baskets: NDArray[np.int64]
    met: Floats
    pairs: sparse.csc_matrix
    min_support: float

    def span(self, *, after: dt.date | None = None, until: dt.date | None = None) -> PairCounts:
        """What was counted after one day and up to another; both end a period.

        Raises
        ------
        StudyError
            No period ends with that day.
        """
        for day in (after, until):
            if day is not None and day not in self.periods:
                raise StudyError(f"Pairs were not counted up to {day}. Name it in count_pairs(until=…).")
        first = 0 if after is None else self.periods.index(after) + 1
        last = len(self.periods) if until is None else self.periods.index(until)
        which = slice(first, last + 1)
        return replace(
            self,
            periods=self.periods[first:last],
            baskets=self.baskets[which],
            item_baskets=self.item_baskets[which],
            met=self.met[which],
            pairs=self.pairs[first * PARTS : (last + 1) * PARTS],
        )

    def together(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Floats:
        """Baskets of all periods with both items of some pairs, given by their codes: parts × pairs."""
        column = np.minimum(first, second) * len(self.items) + np.maximum(first, second)
        counted = self.pairs[:, column].toarray().reshape(len(self.baskets), PARTS, len(column))
        return np.asarray(counted.sum(axis=0))


def count_pairs(baskets: Coded, *, min_support: float, until: Collection[dt.date] = ()) -> PairCounts:
    """Count how often items meet, once for all spans of time that begin or end with one of some days.

    Parameters
    ----------
    baskets
        From :func:`.cross_sell.code_baskets`.
    min_support
        Share of baskets, above 0: items in fewer, in every period, are not counted singly.
    until
        Last days of spans that will be asked for.

    Raises
    ------
    StudyError
        ``min_support`` is out of range.

    Notes
    -----
    An item in a share of a span's baskets is in at least that share in one of the span's periods, so none
    that is frequent in a span is missed.
    """
    share = exact_share("min_support", min_support, above=0)
    bounds = tuple(sorted(set(until)))
    orders = baskets.orders.mutate(period=period_of(baskets.orders.day, bounds))
    each = _frame(orders.group_by("period").aggregate(n=orders.count()))
    totals = np.zeros(len(bounds) + 1, dtype=np.int64)
    totals[each["period"]] = each["n"]
    rows = orders.select("period", item=orders.codes.unnest())
    singly = _frame(rows.group_by("period", "item").aggregate(n=rows.count()))
    counts = np.zeros((len(totals), len(baskets.items)), dtype=np.int64)
    counts[singly["period"], singly["item"]] = singly["n"]
    least = np.array([least_count(share, int(total)) for total in totals])
    common = np.flatnonzero((counts >= least[:, None]).any(axis=0))
    slot = (orders.period * PARTS + orders.part).cast("int32")
    several = orders.mutate(slot=slot).filter(orders["size"] > 1)
    held = code_common(several, common)
    shape = (len(totals) * PARTS, len(common))
    return PairCounts(
        items=baskets.items[common], periods=bounds, baskets=totals, item_baskets=counts[:, common],
        met=count_met(several, held, shape), pairs=_pairs(held, shape), min_support=min_support,
    )  # fmt: skip


def stratum_of(size: ir.IntegerColumn) -> ir.IntegerColumn:
    """The number of the stratum that a basket of two items or more is in."""
    above = [(size >= bound).cast("int32") for bound in STRATA[1:]]
    return sum(above[1:], above[0])


def code_common(orders: ir.Table, common: NDArray[np.int64]) -> ir.Table:
    """The common items of each order that has one: ``basket``, ``size``, ``slot``, ``codes`` (their places).

    Parameters
    ----------
    orders
        ``basket``, ``size``, ``slot``, ``codes`` (the numbers of all its items).
    common
        Numbers of the common items; an item's place among them is its new code.
    """
    codes = ibis.memtable(pd.DataFrame({"item": common, "code": np.arange(len(common))}).astype("int32"))
    rows = orders.select("basket", "size", "slot", item=orders.codes.unnest()).inner_join(codes, "item")
    return keep(rows.group_by("basket", "size", "slot").aggregate(codes=rows.code.collect()))


def count_met(orders: ir.Table, held: ir.Table, shape: tuple[int, int], *, others: int = 1) -> Floats:
    """In how many sets of other items each item was met: periods × parts × items × strata.

    Parameters
    ----------
    orders
        ``size``, ``slot``: baskets of two items or more.
    held
        Their common items, from :func:`code_common`. The rare ones, the rest of each order, share the last
        place.
    shape
        How many slots and items there are.
    others
        How many other items make a set.
    """
    slots, items = shape
    met = np.zeros((slots, items + 1, len(STRATA)))
    common = _sets_met(held, others)
    common = common.select("slot", "stratum", "t", code=common.codes.unnest())
    counted = _frame(common.group_by("slot", "code", "stratum").aggregate(t=common.t.sum()))
    met[counted["slot"], counted["code"], counted["stratum"]] = counted["t"]
    every = _sets_met(orders, others)
    whole = _frame(every.group_by("slot", "stratum").aggregate(t=(every["size"] * every.t).sum()))
    met[whole["slot"], -1, whole["stratum"]] = whole["t"]
    met[:, -1] -= met[:, :-1].sum(axis=1)
    return (met / factorial(others)).reshape(-1, PARTS, *met.shape[1:])


def _sets_met(orders: ir.Table, others: int) -> ir.Table:
    """Orders with their ``stratum``, and the ways to choose so many others of an item there, in order."""
    places = [(orders["size"] - taken).cast("int64") for taken in range(1, others + 1)]
    return orders.mutate(stratum=stratum_of(orders["size"]), t=reduce(mul, places))


def _pairs(held: ir.Table, shape: tuple[int, int]) -> sparse.csc_matrix:
    slots, items = shape
    first = held.select("slot", "codes", code=held.codes.unnest())
    # Slot and first item in one number: a shorter key to group by.
    cell = first.slot.cast("int64") * items + first.code
    both = first.select("code", cell=cell, code_2=first.codes.unnest())
    both = both.filter(both.code < both.code_2)
    counted = _frame(both.group_by("cell", "code_2").aggregate(n=both.count()))
    slot, code = np.divmod(counted["cell"].to_numpy(), max(items, 1))
    cells = (counted["n"].astype(float), (slot, code * items + counted["code_2"].to_numpy()))
    return sparse.csc_matrix(cells, shape=(slots, items**2))


def _frame(table: ir.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pyarrow().to_pandas()
    return frame
