"""What next for each customer, and why? The chosen contender's best items, the reason, and who is held out.

What customers buy unasked shows whether a list is well aimed; what an offer *adds* shows only against
customers held out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.engine import keep
from crm_utils.features import SMALLEST_GROUP, Number
from crm_utils.methods.cross_sell.adjusted_lift import PairLift
from crm_utils.methods.cross_sell.coded import Coded, day_number
from crm_utils.methods.cross_sell.contenders import Known, learn
from crm_utils.methods.cross_sell.history import due_days, item_history, rebuy_chances
from crm_utils.methods.cross_sell.ranking import rank_items

__all__ = ["SCENARIO", "bought_between", "due_soon", "know", "make_offers", "offer_numbers"]

SCENARIO = "next_best_offer"
"""What these offers are called wherever they are sent, held out or judged."""

_BLOCK = 4096
"""Offers for which all that the customer bought is looked through at a time."""

_KINDS = {
    "customer_id": "object", "task": "object", "rank": "int64", "item": "object", "reason_code": "object",
    "reason_item": "object", "reason_segment": "object", "times": "Int64", "gap_days": "float64",
    "silent_days": "Int64", "score": "float64", "holdout": "bool",
}  # fmt: skip


def know(
    baskets: Coded,
    *,
    as_of: dt.date,
    days: int,
    pairs: PairLift | None = None,
    segments: ir.Table | None = None,
    methods: Collection[str] | None = None,
) -> Known:
    """Learn the contenders from the baskets up to a day.

    Parameters
    ----------
    baskets
        From :func:`.cross_sell.code_baskets`; those after the day are ignored.
    as_of
        The last day that may be seen.
    days
        Length of the window in which timing is learnt: the last days before ``as_of``.
    pairs
        Lift up to the same day; without it the rules offer nothing.
    segments
        ``customer_id``, ``segment`` as of the same day.
    methods
        Those that will be asked, such as the winners; None for all. What items say of each other and what
        timing says is learnt where it is asked for alone, as it takes most of the time.
    """
    before, items = as_of - dt.timedelta(days=days), len(baskets.items)
    chances = None
    if methods is None or "timing" in methods:
        earlier = due_days(keep(item_history(baskets, as_of=before)), items=items, as_of=before)
        chances = rebuy_chances(earlier, _bought(baskets, before, as_of))
        del earlier  # a large shop's history fills the memory; this one is done with
    named = None if segments is None else _frame(segments.select("customer_id", "segment"))
    return learn(
        keep(item_history(baskets, as_of=as_of)),
        baskets,
        as_of=as_of,
        pairs=pairs,
        segments=None if named is None else named.set_index("customer_id")["segment"],
        chances=chances,
        methods=methods,
    )


def bought_between(baskets: Coded, after: dt.date, until: dt.date) -> pd.DataFrame:
    """What known customers bought after one day and up to another: ``customer``, ``item``, sorted."""
    bought = _frame(_bought(baskets, after, until))
    return bought.sort_values(["customer", "item"], ignore_index=True)


def make_offers(
    known: Known, winners: Mapping[str, str], *, k: int, held_out: NDArray[np.bool_]
) -> pd.DataFrame:
    """The k best offers of each task for each known customer, with a reason, and who is held out.

    Parameters
    ----------
    known
        From :func:`know`, as of today.
    winners
        For each task, the method that chooses; none gives no offers.
    k
        Offers a customer and task at most.
    held_out
        Of ``known.customers``, those who are left out (:func:`.features.held_out`): their offers are **not**
        sent, so that what they would have added can be measured.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``task``, ``rank`` (1 is best), ``item``, ``reason_code`` (``goes_with``: with
        ``reason_item``, which the customer buys; ``bestseller``: of the last 28 days, by ``reason_segment``
        where it is one of a segment; ``bought_before``: on ``times`` days, every ``gap_days``,
        ``silent_days`` ago), ``score`` (of the task's method: comparable within a task only), ``holdout``.
        By customer, task and rank.
    """
    parts = []
    for task, method in winners.items():
        rows = np.arange(len(known.customers))
        best, scores = rank_items(known, rows, task=task, method=method, k=k)
        row, rank = np.nonzero(best >= 0)
        if not len(row):
            continue
        offers = {
            "customer_id": known.customers[row],
            "task": task,
            "rank": rank + 1,
            "item": known.items[best[row, rank]],
            "score": scores[row, rank],
            "holdout": held_out[row],
        }
        parts.append(pd.DataFrame(offers | _reasons(known, row, best[row, rank], task=task, method=method)))
    whole = pd.concat([pd.DataFrame(columns=[*_KINDS]), *parts])
    offers_made = whole[[*_KINDS]].astype(_KINDS)
    return offers_made.sort_values(["customer_id", "task", "rank"], ignore_index=True)


def offer_numbers(offers: pd.DataFrame, *, due: int | None = None) -> list[Number]:
    """What a run records of the offers: customers who get one, those held out, those with an item due soon.

    Of fewer than five customers the number is not given.
    """
    each = offers.drop_duplicates("customer_id")["holdout"]
    counted = {"offers.customers": int((~each).sum()), "offers.held_out": int(each.sum())}
    counted |= {} if due is None else {"reminders.due_in_a_week": due}
    return [Number(name, None if 0 < n < SMALLEST_GROUP else n, "customers") for name, n in counted.items()]


def due_soon(known: Known, *, days: int = 7, least_times: int = 3) -> int:
    """Customers with an item that is due within so many days; bought on three days or more, it has a pace."""
    usual = known.due.filter(known.due.times >= least_times, known.due.due_in_days.between(0, days))
    return int(usual.customer.nunique().to_pyarrow().as_py())


def _bought(baskets: Coded, after: dt.date, until: dt.date) -> ir.Table:
    days = baskets.purchase_days
    there = days.filter(days.day > day_number(after), days.day <= day_number(until))
    return there.select("customer", "item").distinct()


def _frame(table: ir.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pyarrow().to_pandas()
    return frame


def _reasons(
    known: Known, row: NDArray[np.int64], column: NDArray[np.int64], *, task: str, method: str
) -> dict[str, object]:
    """Columns that say why: a code, and what its sentence names."""
    if method in known.weights:
        return {"reason_code": "goes_with", "reason_item": _strongest(known, row, column, method)}
    if task == "reminder":
        return {"reason_code": "bought_before"} | _bought_before(known, row, column)
    among = known.segment_names[known.segments[row]]
    named = [name or None for name in among] if method == "segment_popularity" else None
    return {"reason_code": "bestseller", "reason_segment": named}


def _strongest(
    known: Known, row: NDArray[np.int64], column: NDArray[np.int64], method: str
) -> NDArray[np.object_]:
    """Of what each customer bought, the item that speaks most for the offered one."""
    strongest = np.zeros(len(row), dtype=np.int64)
    for start in range(0, len(row), _BLOCK):
        block = slice(start, start + _BLOCK)
        owned = known.times[row[block]]
        offer = np.repeat(np.arange(owned.shape[0]), np.diff(owned.indptr))
        ties = pd.Series(known.weights[method][owned.indices, column[block][offer]])
        strongest[block] = owned.indices[ties.groupby(offer).idxmax()]
    return np.asarray(known.items[strongest])


def _bought_before(known: Known, row: NDArray[np.int64], column: NDArray[np.int64]) -> dict[str, object]:
    numbers = np.flatnonzero(known.columns >= 0)
    number = numbers[np.argsort(known.columns[numbers])][column]
    asked = {"offer": np.arange(len(row)), "customer": known.numbers[row], "item": number}
    offers = ibis.memtable(pd.DataFrame(asked).astype("int32"))
    names = ("times", "gap_days", "silent_days")
    rows = offers.inner_join(known.due, ["customer", "item"]).select("offer", *names)
    frame = _frame(rows).sort_values("offer")
    return {name: frame[name].to_numpy() for name in names}
