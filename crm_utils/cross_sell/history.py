"""What has each customer bought so far, and when is the next one due? A row a customer and item."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

__all__ = ["RECENT_DAYS", "due_days", "item_history", "rebuy_chances"]

RECENT_DAYS = 28

_TIMES = (1, 2, 3, 5, 9)
_OVERDUE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
_PRIOR = 20.0
"""Weight of everyone's chance, in customers, where a cell holds few of them."""


def item_history(baskets: ir.Table, *, as_of: dt.date) -> ir.Table:
    """Sum up what each known customer bought of each item up to a day.

    Parameters
    ----------
    baskets
        ``item``, ``customer_id``, ``ordered_on``; guests are left out.
    as_of
        The last day that may be seen.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``item``, ``times`` (different days it was bought on), ``first_on``, ``last_on``,
        ``recent`` (1 when bought in the last 28 days, else 0).
    """
    day = ibis.date(as_of.year, as_of.month, as_of.day)
    since = as_of - dt.timedelta(days=RECENT_DAYS)
    start = ibis.date(since.year, since.month, since.day)
    known = baskets.filter(baskets.customer_id.notnull(), baskets.ordered_on <= day)
    return known.group_by("customer_id", "item").aggregate(
        times=known.ordered_on.nunique(),
        first_on=known.ordered_on.min(),
        last_on=known.ordered_on.max(),
        recent=(known.ordered_on > start).cast("int64").max(),
    )


def due_days(history: pd.DataFrame, *, as_of: dt.date) -> pd.DataFrame:
    """Say when the next purchase of each item is due, by the customer's own pace and everyone's.

    Parameters
    ----------
    history
        From :func:`item_history`, as a DataFrame.
    as_of
        The same day.

    Returns
    -------
    pandas.DataFrame
        ``history`` with ``gap_days`` (expected days between purchases), ``silent_days`` (since the last one)
        and ``due_in_days`` (negative: overdue).

    Notes
    -----
    The gap is shrunk: first to last purchase and one gap of the item's mean, over the number of gaps.
    An item that nobody bought twice has everyone's mean gap. Bought on a stock or in season, an item has no
    pace: the notebook tests whether timing helps at all.
    """
    span = _days(history["last_on"], history["first_on"])
    gaps = history["times"] - 1
    per_item = pd.DataFrame({"item": history["item"], "span": span, "gaps": gaps}).groupby("item").sum()
    everyone = span.sum() / max(int(gaps.sum()), 1) or float(RECENT_DAYS)
    usual = (per_item["span"] + everyone) / (per_item["gaps"] + 1)
    gap = (span + history["item"].map(usual)) / (gaps + 1)
    silent = (pd.Timestamp(as_of) - pd.to_datetime(history["last_on"])).dt.days
    return history.assign(gap_days=gap, silent_days=silent, due_in_days=gap - silent)


def rebuy_chances(due: pd.DataFrame, bought: pd.DataFrame) -> pd.Series[float]:
    """Learn from one window how often an item is bought again, by how often before and how overdue.

    Parameters
    ----------
    due
        From :func:`due_days`, as of the day before the window.
    bought
        ``customer_id``, ``item`` bought in the window.

    Returns
    -------
    pandas.Series
        The share bought again by (times, overdue) cell, few-customer cells drawn towards everyone's share.
    """
    again = due[["customer_id", "item"]].merge(bought.assign(again=1.0), how="left")["again"].fillna(0.0)
    cells = pd.DataFrame({"cell": timing_cells(due), "again": again.to_numpy()})
    sums = cells.groupby("cell")["again"].agg(["sum", "count"])
    everyone = cells["again"].mean() if len(cells) else 0.0
    chances: pd.Series[float] = (sums["sum"] + _PRIOR * everyone) / (sums["count"] + _PRIOR)
    return chances


def timing_cells(due: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number of the cell that each row lies in: how often bought, and silence in units of the gap."""
    times = np.searchsorted(_TIMES, due["times"], side="right")
    overdue = np.searchsorted(_OVERDUE, due["silent_days"] / due["gap_days"].clip(lower=1e-9), side="right")
    return np.asarray(times * 10 + overdue, dtype=np.int64)


def _days(later: pd.Series[pd.Timestamp], earlier: pd.Series[pd.Timestamp]) -> pd.Series[int]:
    return (pd.to_datetime(later) - pd.to_datetime(earlier)).dt.days
