"""What next for each customer, and is that better than the bestseller? Offers, tested forward in time.

Contenders learn up to a day and are judged by what customers bought in the days after it: the winner is
chosen in one window and reported in the next. What customers bought unasked shows whether a list is well
aimed; what an offer *adds* shows only against customers held out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.cross_sell.adjusted_lift import PairLift, pair_lift
from crm_utils.cross_sell.contenders import METHODS, Known, learn, rank_items
from crm_utils.cross_sell.history import due_days, item_history, rebuy_chances
from crm_utils.cross_sell.metrics import MEASURES, bootstrap_means, rank_measures
from crm_utils.errors import DataError

__all__ = ["OfferTest", "Split", "know", "make_offers", "split_days", "try_offers"]

_Tried = tuple[pd.DataFrame, dict[str, float]]

CHOSEN_BY = "ndcg"
"""The measure that chooses the winner: it counts every hit, and early ones more."""


@dataclass(frozen=True)
class Split:
    """The last days of what is learnt for validation and for the test; each window is ``days`` long."""

    train_to: dt.date
    validate_to: dt.date
    test_to: dt.date
    days: int


def split_days(first: dt.date, as_of: dt.date, *, days: int) -> Split:
    """Fit two windows of ``days`` behind each other at the end of the data: at most a sixth of it each.

    Raises
    ------
    DataError
        The period is too short to split.

    Examples
    --------
    >>> split_days(dt.date(2024, 1, 1), dt.date(2024, 12, 31), days=28).train_to
    datetime.date(2024, 11, 5)
    """
    there = (as_of - first).days + 1
    window = min(days, there // 6)
    if window < 1:
        raise DataError(
            f"{there} days of data are too few to learn from, to choose by and to test on: it takes 6."
        )
    step = dt.timedelta(days=window)
    return Split(as_of - 2 * step, as_of - step, as_of, window)


@dataclass(frozen=True)
class OfferTest:
    """How the contenders did.

    Attributes
    ----------
    table
        A row a task, method, window (``validate``, ``test``) and measure: ``value``, ``low``, ``high`` (95 %,
        customers drawn with replacement). Measures are those of ``metrics``, ``coverage`` (different items
        offered to anyone / items) and ``novelty`` (mean −log2 of the offered items' share of all purchases),
        which have no interval.
    winners
        For each task, the method with the highest nDCG in the validation window.
    gains
        A row a task: the winner's test nDCG less that of popularity, with ``low`` and ``high``.
    customers
        Customers with any purchase in the test window: everyone that the measures are a mean over.
    """

    table: pd.DataFrame
    winners: dict[str, str]
    gains: pd.DataFrame
    customers: int

    def tested(self, measure: str) -> pd.DataFrame:
        """One measure in the test window: ``task``, ``method``, ``value``, ``low``, ``high``, ``winner``."""
        rows = self.table[(self.table["window"] == "test") & (self.table["measure"] == measure)]
        winner = rows["method"] == rows["task"].map(self.winners)
        return rows.drop(columns=["window", "measure"]).assign(winner=winner).reset_index(drop=True)


def know(
    baskets: ir.Table,
    *,
    as_of: dt.date,
    days: int,
    min_support: float,
    segments: ir.Table | None = None,
    pairs: PairLift | None = None,
) -> Known:
    """Learn all contenders from the baskets up to a day.

    Parameters
    ----------
    baskets
        ``order_id``, ``item``, ``customer_id``, ``ordered_on``; later ones are ignored.
    as_of
        The last day that may be seen.
    days
        Length of the window in which timing is learnt: the last days before ``as_of``.
    min_support
        For rules: share of baskets that an item is in at least.
    segments
        ``customer_id``, ``segment`` as of the same day.
    pairs
        Lift of these baskets, where it is known already.
    """
    past = baskets.filter(baskets.ordered_on <= as_of)
    before = as_of - dt.timedelta(days=days)
    earlier = due_days(_frame(item_history(past, as_of=before)), as_of=before)
    try:
        pairs = pairs or pair_lift(past, min_support=min_support)
    except DataError:  # too few customers to be sure of any rule
        pairs = None
    named = None if segments is None else _frame(segments.select("customer_id", "segment"))
    return learn(
        _frame(item_history(past, as_of=as_of)),
        as_of=as_of,
        pairs=pairs,
        segments=None if named is None else named.set_index("customer_id")["segment"],
        chances=rebuy_chances(earlier, _bought(past, before, as_of)),
    )


def try_offers(
    baskets: ir.Table,
    split: Split,
    *,
    k: int,
    min_support: float,
    segments: Mapping[dt.date, ir.Table] | None = None,
    seed: int = 0,
) -> OfferTest:
    """Let the contenders learn, choose in the validation window, and report in the test window.

    Parameters
    ----------
    baskets
        Up to ``split.test_to``.
    split
        From :func:`split_days`.
    k
        Offers a customer and task.
    min_support
        For rules.
    segments
        For ``split.train_to`` and ``split.validate_to``, what was known of segments on that day.
    seed
        Of the bootstrap.

    Notes
    -----
    A customer with any purchase in the window counts, whether or not anything could be offered; a miss is 0.
    Items that are *new* may only be told from others as far back as the data go.
    """
    segments = segments or {}
    judge = {
        "window": ("validate", "test"),
        "known": (split.train_to, split.validate_to),
        "until": (split.validate_to, split.test_to),
    }
    tables, winners, gains, customers = [], {}, [], 0
    for window, learnt_to, until in zip(*judge.values(), strict=True):
        named = segments.get(learnt_to)
        known = know(baskets, as_of=learnt_to, days=split.days, min_support=min_support, segments=named)
        bought = _bought(baskets, learnt_to, until)
        customers = bought["customer_id"].nunique()
        for task, methods in METHODS.items():
            used = [m for m in methods if named is not None or m != "segment_popularity"]
            tried = {m: _measure(known, bought, task=task, method=m, k=k) for m in used}
            tables.append(_summed_up(tried, seed=seed).assign(task=task, window=window))
            means = {m: measured[CHOSEN_BY].sum() for m, (measured, _) in tried.items()}
            if window == "validate":
                winners[task] = max(means, key=lambda m: means[m])
            else:
                gains.append(_gain(tried, task, winners[task], seed=seed))
    columns = ["task", "method", "window", "measure", "value", "low", "high"]
    table = pd.concat(tables, ignore_index=True)[columns]
    return OfferTest(table, winners, pd.DataFrame(gains), customers)


def make_offers(
    known: Known, winners: Mapping[str, str], *, k: int, holdout_share: float, seed: int
) -> pd.DataFrame:
    """The k best offers of each task for each known customer, with a reason, and who is held out.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``task``, ``rank`` (1 is best), ``item``, ``reason`` (in words), ``score`` (of the
        task's method: comparable within a task only), ``holdout`` (drawn by lot for a customer: such offers
        are **not** sent, so that what they would have added can be measured).
    """
    rng = np.random.default_rng(seed)
    held_out = pd.Series(rng.random(len(known.customers)) < holdout_share, index=known.customers)
    found = []
    for task, method in winners.items():
        best, scores = rank_items(known, known.customers, task=task, method=method, k=k)
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


def _bought(baskets: ir.Table, after: dt.date, until: dt.date) -> pd.DataFrame:
    there = baskets.filter(
        baskets.customer_id.notnull(), baskets.ordered_on > after, baskets.ordered_on <= until
    )
    frame = _frame(there.select("customer_id", "item").distinct())
    return frame.sort_values(["customer_id", "item"], ignore_index=True)


def _measure(
    known: Known, bought: pd.DataFrame, *, task: str, method: str, k: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    customers = bought["customer_id"].unique().astype(object)
    best, _ = rank_items(known, customers, task=task, method=method, k=k)
    before = pd.MultiIndex.from_frame(known.due[["customer_id", "item"]])
    had = pd.MultiIndex.from_frame(bought[["customer_id", "item"]]).isin(before)
    wanted = bought[had if task == "reminder" else ~had]
    relevant = (
        wanted.groupby("customer_id").size().reindex(customers, fill_value=0).to_numpy().astype(np.int64)
    )
    row = pd.Index(customers).get_indexer(pd.Index(wanted["customer_id"]))
    column = pd.Index(known.items).get_indexer(pd.Index(wanted["item"]))
    wants = np.zeros((len(customers), len(known.items) + 1), dtype=bool)
    wants[row[column >= 0], column[column >= 0]] = True
    hits = np.take_along_axis(wants, np.where(best >= 0, best, len(known.items)), axis=1)
    offered = best[best >= 0]
    rarity = -np.log2(np.maximum(known.popularity, 1) / max(known.popularity.sum(), 1))
    spread = {
        "coverage": len(np.unique(offered)) / max(len(known.items), 1),
        "novelty": float(rarity[offered].mean()) if len(offered) else 0.0,
    }
    return rank_measures(hits, relevant), spread


def _summed_up(tried: dict[str, _Tried], *, seed: int) -> pd.DataFrame:
    """A row a method and measure: its mean over customers with its interval; spread without one."""
    values = np.concatenate([measured[[*MEASURES]].to_numpy() for measured, _ in tried.values()], axis=1)
    low, high = bootstrap_means(values, seed=seed)
    names = [(method, measure) for method in tried for measure in MEASURES]
    means = values.mean(axis=0) if len(values) else np.zeros(len(names))
    frame = pd.DataFrame(names, columns=["method", "measure"]).assign(value=means, low=low, high=high)
    spread = [(method, name, value) for method, (_, found) in tried.items() for name, value in found.items()]
    return pd.concat([frame, pd.DataFrame(spread, columns=["method", "measure", "value"])], ignore_index=True)


def _gain(tried: dict[str, _Tried], task: str, winner: str, *, seed: int) -> dict[str, object]:
    """What the winner adds to popularity, customer by customer."""
    difference = (tried[winner][0][CHOSEN_BY] - tried["popularity"][0][CHOSEN_BY]).to_numpy()
    low, high = bootstrap_means(difference[:, None], seed=seed)[:, 0]
    gain = float(difference.mean()) if len(difference) else 0.0
    return {"task": task, "winner": winner, "gain": gain, "low": low, "high": high}


def _reasons(
    known: Known, row: NDArray[np.int64], column: NDArray[np.int64], *, task: str, method: str
) -> list[str]:
    if method in known.weights:
        owned = known.times[row] > 0
        ties = known.weights[method][:, column].T * np.asarray(owned.todense())
        return [f"goes with {name}, which this customer buys" for name in known.items[ties.argmax(axis=1)]]
    if task == "reminder":
        due = known.due.set_index(["customer_id", "item"])
        rows = due.loc[pd.MultiIndex.from_arrays([known.customers[row], known.items[column]])]
        return [
            f"bought on {times} day{'s' * (times != 1)}, every {gap:.0f} days; last {silent} days ago"
            for times, gap, silent in zip(rows["times"], rows["gap_days"], rows["silent_days"], strict=True)
        ]
    among = known.segments[row] if method == "segment_popularity" else np.full(len(row), "")
    return [f"among the most bought of the last 28 days{f' by {name}' if name else ''}" for name in among]
