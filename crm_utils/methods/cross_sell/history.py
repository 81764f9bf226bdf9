"""What has each customer bought so far, and when is the next one due? A row a customer and item."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.methods.cross_sell.coded import Coded, day_number

__all__ = ["RECENT_DAYS", "among", "cell_keys", "due_days", "item_history", "rebuy_chances", "timing_cell"]

RECENT_DAYS = 28

_TIMES = (1, 2, 3, 5, 9)
_OVERDUE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
_PRIOR = 20.0
"""Weight of everyone's chance, in customers, where a cell holds few of them."""


def item_history(baskets: Coded, *, as_of: dt.date) -> ir.Table:
    """Sum up what each known customer bought of each item up to a day.

    Parameters
    ----------
    baskets
        From :func:`.cross_sell.code_baskets`; guests are left out.
    as_of
        The last day that may be seen.

    Returns
    -------
    ibis.expr.types.Table
        ``customer``, ``item``, ``times`` (different days it was bought on), ``first_on``, ``last_on`` (days
        as in ``baskets``), ``recent`` (1 when bought in the last 28 days, else 0).
    """
    today = day_number(as_of)
    bought = baskets.purchase_days
    past = bought.filter(bought.day <= today)
    history = past.group_by("customer", "item").aggregate(
        times=past.count().cast("int32"), first_on=past.day.min(), last_on=past.day.max()
    )
    return history.mutate(recent=(history.last_on > today - RECENT_DAYS).cast("int32"))


def due_days(history: ir.Table, *, items: int, as_of: dt.date) -> ir.Table:
    """Say when the next purchase of each item is due, by the customer's own pace and everyone's.

    Parameters
    ----------
    history
        From :func:`item_history`, kept: it is asked twice.
    items
        How many different items there are.
    as_of
        The same day.

    Returns
    -------
    ibis.expr.types.Table
        ``history`` with ``gap_days`` (expected days between purchases), ``silent_days`` (since the last one)
        and ``due_in_days`` (negative: overdue).

    Notes
    -----
    The gap is shrunk: first to last purchase and one gap of the item's mean, over the number of gaps.
    An item that nobody bought twice has everyone's mean gap. Bought on a stock or in season, an item has no
    pace: the notebook tests whether timing helps at all.
    """
    each = history.group_by("item").aggregate(
        span=(history.last_on - history.first_on).cast("int64").sum(),
        gaps=(history.times - 1).cast("int64").sum(),
    )
    sums = each.to_pyarrow().to_pandas().set_index("item").reindex(range(items), fill_value=0)
    everyone = sums["span"].sum() / max(int(sums["gaps"].sum()), 1) or float(RECENT_DAYS)
    usual = (sums["span"] + everyone) / (sums["gaps"] + 1)
    of_item = {"item": np.arange(items, dtype=np.int32), "usual": usual.to_numpy(dtype=float)}
    with_usual = history.inner_join(ibis.memtable(pd.DataFrame(of_item)), "item")
    span = (with_usual.last_on - with_usual.first_on).cast("float64")
    gap = (span + with_usual.usual) / with_usual.times.cast("float64")
    silent = ibis.literal(day_number(as_of), "int32") - with_usual.last_on
    due = with_usual.mutate(gap_days=gap, silent_days=silent, due_in_days=gap - silent.cast("float64"))
    return due.drop("usual")


def rebuy_chances(due: ir.Table, bought: ir.Table) -> pd.Series[float]:
    """Learn from one window how often an item is bought again, by how often before and how overdue.

    Parameters
    ----------
    due
        From :func:`due_days`, as of the day before the window.
    bought
        ``customer``, ``item`` bought in the window, each once.

    Returns
    -------
    pandas.Series
        The share bought again by (times, overdue) cell, few-customer cells drawn towards everyone's share.
    """
    again = bought.select(customer_2="customer", item_2="item", again=ibis.literal(1, "int64"))
    rows = due.select("customer", "item", cell=timing_cell(due))
    both = rows.left_join(again, [rows.customer == again.customer_2, rows["item"] == again.item_2])
    counted = both.group_by("cell").aggregate(n=both.count(), again=both.again.fill_null(0).sum())
    sums = counted.to_pyarrow().to_pandas().set_index("cell").sort_index()
    everyone = sums["again"].sum() / max(int(sums["n"].sum()), 1)
    chances: pd.Series[float] = (sums["again"] + _PRIOR * everyone) / (sums["n"] + _PRIOR)
    return chances


def timing_cell(due: ir.Table) -> ir.IntegerColumn:
    """Number of the cell that each row lies in: how often bought, and silence in units of the gap."""
    silence = due.silent_days.cast("float64") / ibis.greatest(due.gap_days, 1e-9)
    reached = [(due.times >= bound).cast("int32") for bound in _TIMES]
    overdue = [(silence >= bound).cast("int32") for bound in _OVERDUE]
    return (sum(reached[1:], reached[0]) * 10 + sum(overdue[1:], overdue[0])).cast("int32")


def cell_keys(rows: pd.DataFrame) -> NDArray[np.int64]:
    """One number for each row's ``customer`` and ``item``, in the order of both."""
    customer, item = (rows[name].to_numpy(dtype=np.int64) for name in ("customer", "item"))
    return np.asarray((customer << 32) + item)


def among(keys: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which keys are there: ``numpy.isin`` for ordered keys, without a table of millions of them.

    Examples
    --------
    >>> among(np.array([3, 1, 9]), np.array([1, 2, 3])).tolist()
    [True, True, False]
    """
    if not len(ordered):
        return np.zeros(keys.shape, dtype=bool)
    at = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.asarray(ordered[at] == keys)
