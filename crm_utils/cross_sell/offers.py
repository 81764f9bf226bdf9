"""What next for each customer, and why? The chosen contender's best items, in words, and who is held out.

What customers buy unasked shows whether a list is well aimed; what an offer *adds* shows only against
customers held out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.cross_sell.adjusted_lift import PairLift
from crm_utils.cross_sell.coded import Coded, day_number
from crm_utils.cross_sell.contenders import Known, learn
from crm_utils.cross_sell.history import cell_keys, due_days, item_history, rebuy_chances
from crm_utils.cross_sell.ranking import rank_items
from crm_utils.features import lots

__all__ = ["bought_between", "know", "make_offers"]

_HOLDOUT_KEY = 2_000_003
"""Makes this lot another than those that other methods draw with the same seed."""


def know(
    baskets: Coded,
    *,
    as_of: dt.date,
    days: int,
    pairs: PairLift | None = None,
    segments: ir.Table | None = None,
) -> Known:
    """Learn all contenders from the baskets up to a day.

    Parameters
    ----------
    baskets
        From :func:`crm_utils.cross_sell.code_baskets`; those after the day are ignored.
    as_of
        The last day that may be seen.
    days
        Length of the window in which timing is learnt: the last days before ``as_of``.
    pairs
        Lift up to the same day; without it the rules offer nothing.
    segments
        ``customer_id``, ``segment`` as of the same day.
    """
    before = as_of - dt.timedelta(days=days)
    earlier = due_days(_frame(item_history(baskets, as_of=before)), as_of=before)
    named = None if segments is None else _frame(segments.select("customer_id", "segment"))
    return learn(
        _frame(item_history(baskets, as_of=as_of)),
        baskets,
        as_of=as_of,
        pairs=pairs,
        segments=None if named is None else named.set_index("customer_id")["segment"],
        chances=rebuy_chances(earlier, bought_between(baskets, before, as_of)),
    )


def bought_between(baskets: Coded, after: dt.date, until: dt.date) -> pd.DataFrame:
    """What known customers bought after one day and up to another: ``customer``, ``item``, sorted."""
    days = baskets.purchase_days
    there = days.filter(days.day > day_number(after), days.day <= day_number(until))
    found = _frame(there.select("customer", "item").distinct())
    return found.sort_values(["customer", "item"], ignore_index=True)


def make_offers(
    known: Known, winners: Mapping[str, str], *, k: int, holdout_share: float, seed: int
) -> pd.DataFrame:
    """The k best offers of each task for each known customer, with a reason, and who is held out.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``task``, ``rank`` (1 is best), ``item``, ``reason`` (in words), ``score`` (of the
        task's method: comparable within a task only), ``holdout`` (drawn by lot for a customer, the same in
        every run with this seed: such offers are **not** sent, so that what they would have added can be
        measured).
    """
    drawn = lots(known.customers, seed=seed + _HOLDOUT_KEY) < holdout_share
    held_out = pd.Series(drawn, index=known.customers)
    found = []
    for task, method in winners.items():
        rows = np.arange(len(known.customers))
        best, scores = rank_items(known, rows, task=task, method=method, k=k)
        row, rank = np.nonzero(best >= 0)
        offers = pd.DataFrame(
            {
                "customer_id": known.customers[row],
                "task": task,
                "rank": rank + 1,
                "item": known.items[best[row, rank]],
                "score": scores[row, rank],
            }
        )
        offers.insert(4, "reason", _reasons(known, row, best[row, rank], task=task, method=method))
        found.append(offers.assign(holdout=held_out.reindex(offers["customer_id"]).to_numpy(dtype=bool)))
    offers = pd.concat(found, ignore_index=True)
    return offers.sort_values(["customer_id", "task", "rank"], ignore_index=True)


def _frame(table: ir.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pyarrow().to_pandas()
    return frame


def _reasons(
    known: Known, row: NDArray[np.int64], column: NDArray[np.int64], *, task: str, method: str
) -> list[str]:
    if method in known.weights:
        return [
            f"goes with {name}, which this customer buys" for name in _strongest(known, row, column, method)
        ]
    if task == "reminder":
        return _bought_before(known, row, column)
    among = known.segment_names[known.segments[row]] if method == "segment_popularity" else [""] * len(row)
    return [f"among the most bought of the last 28 days{f' by {name}' if name else ''}" for name in among]


def _strongest(
    known: Known, row: NDArray[np.int64], column: NDArray[np.int64], method: str
) -> NDArray[np.object_]:
    """Of what each customer bought, the item that speaks most for the offered one."""
    owned = known.times[row]
    offer = np.repeat(np.arange(len(row)), np.diff(owned.indptr))
    ties = pd.Series(known.weights[method][owned.indices, column[offer]])
    return np.asarray(known.items[owned.indices[ties.groupby(offer).idxmax()]])


def _bought_before(known: Known, row: NDArray[np.int64], column: NDArray[np.int64]) -> list[str]:
    numbers = np.flatnonzero(known.columns >= 0)
    number = numbers[np.argsort(known.columns[numbers])][column]
    asked = pd.DataFrame({"customer": known.numbers[row], "item": number})
    rows = known.due.iloc[np.searchsorted(cell_keys(known.due), cell_keys(asked))]
    return [
        f"bought on {times} day{'s' * (times != 1)}, every {gap:.0f} days; last {silent} days ago"
        for times, gap, silent in zip(rows["times"], rows["gap_days"], rows["silent_days"], strict=True)
    ]
