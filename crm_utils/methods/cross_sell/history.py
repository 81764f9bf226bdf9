"""What has each customer bought so far, and when is the next one due? A row a customer and item."""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.methods.cross_sell.coded import Coded, day_number

__all__ = ["RECENT_DAYS", "among", "cell_keys", "due_days", "item_history", "rebuy_chances", "timing_cells"]

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
    item = history["item"].to_numpy()
    gaps = history["times"].to_numpy() - 1
    span = (history["last_on"] - history["first_on"]).to_numpy()
    everyone = span.sum() / max(int(gaps.sum()), 1) or float(RECENT_DAYS)
    usual = (np.bincount(item, span) + everyone) / (np.bincount(item, gaps) + 1)
    gap = (span + usual[item]) / (gaps + 1)
    silent = day_number(as_of) - history["last_on"]
    return history.assign(gap_days=gap, silent_days=silent, due_in_days=gap - silent)


def rebuy_chances(due: pd.DataFrame, bought: pd.DataFrame) -> pd.Series[float]:
    """Learn from one window how often an item is bought again, by how often before and how overdue.

    Parameters
    ----------
    due
        From :func:`due_days`, as of the day before the window.
    bought
        ``customer``, ``item`` bought in the window, ordered by both.

    Returns
    -------
    pandas.Series
        The share bought again by (times, overdue) cell, few-customer cells drawn towards everyone's share.
    """
    again = among(cell_keys(due), cell_keys(bought))
    sums = pd.Series(again).groupby(timing_cells(due)).agg(["sum", "count"])
    everyone = again.mean() if len(again) else 0.0
    chances: pd.Series[float] = (sums["sum"] + _PRIOR * everyone) / (sums["count"] + _PRIOR)
    return chances


def timing_cells(due: pd.DataFrame) -> NDArray[np.int64]:
    """Number of the cell that each row lies in: how often bought, and silence in units of the gap."""
    times = np.searchsorted(_TIMES, due["times"], side="right")
    overdue = np.searchsorted(_OVERDUE, due["silent_days"] / due["gap_days"].clip(lower=1e-9), side="right")
    return np.asarray(times * 10 + overdue, dtype=np.int64)


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
