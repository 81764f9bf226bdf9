"""Which method's offers are best aimed? Contenders learn up to a day, and are judged by the days after it.

The winner is chosen in one window and reported in the next, against the bestsellers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.errors import DataError
from crm_utils.features import Cannot, Number
from crm_utils.methods.cross_sell.adjusted_lift import PairLift, pair_lift
from crm_utils.methods.cross_sell.clusters import ClusterSums
from crm_utils.methods.cross_sell.coded import Coded
from crm_utils.methods.cross_sell.contenders import METHODS, Known
from crm_utils.methods.cross_sell.history import among, cell_keys
from crm_utils.methods.cross_sell.metrics import bootstrap_means, rank_measures
from crm_utils.methods.cross_sell.offers import bought_between, know
from crm_utils.methods.cross_sell.pair_counts import PairCounts
from crm_utils.methods.cross_sell.parts import FEWEST_CUSTOMERS
from crm_utils.methods.cross_sell.ranking import rank_items

__all__ = ["OfferTest", "Split", "choose_offers", "name_then", "split_days", "try_offers"]

MOST_CUSTOMERS = 25_000
"""Customers whom contenders are compared on at most: the mean of so many numbers from 0 to 1 errs by .003."""

FEWEST_DAYS = 6
"""Days of history: two windows at its end, each a sixth of it at most."""

UNTESTED = {"new": "popularity", "reminder": "frequency"}
"""What is offered where too few customers bought to choose by a test: the simplest of each task."""

CHOSEN_BY = "ndcg"
"""The measure that chooses the winner: it counts every hit, and early ones more."""

_NAMES = ["task", "method", "measure"]


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
            f"{there} days of data are too few to learn from, to choose by and to test on: it takes "
            f"{FEWEST_DAYS}."
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
        Customers with any purchase in the test window: everyone that the measures are a mean over. Of more
        than 25,000 known customers about so many are drawn at random.
    anyway
        A row a task: of the offers that would have been made to these customers on the last day before the
        test window (``offers`` to ``customers``), the ``share`` bought in it, with ``low`` and ``high``
        (95 %, clustered by customer). Nobody was sent them: so many are bought anyway.
    cannot
        Why no offer can be made; None where offers can.
    untested
        Why offers are made by the simplest methods, without a test; None where there was one.
    """

    table: pd.DataFrame
    winners: dict[str, str]
    gains: pd.DataFrame
    customers: int
    anyway: pd.DataFrame
    cannot: Cannot | None = None
    untested: Cannot | None = None

    def tested(self, measure: str) -> pd.DataFrame:
        """One measure in the test window: ``task``, ``method``, ``value``, ``low``, ``high``, ``winner``."""
        rows = self.table[(self.table["window"] == "test") & (self.table["measure"] == measure)]
        winner = rows["method"] == rows["task"].map(self.winners)
        return rows.drop(columns=["window", "measure"]).assign(winner=winner).reset_index(drop=True)

    @property
    def sent(self) -> dict[str, str]:
        """What is offered: each task's winner where it was shown to beat the bestsellers, else these."""
        if self.untested is not None:
            return self.winners
        shown = set(self.gains.loc[self.gains["low"] > 0, "task"])
        return {task: name if task in shown else "popularity" for task, name in self.winners.items()}

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        return [
            *(
                Number(f"offers.{row.task}.{row.method}.{name}", row.value, low=row.low, high=row.high)
                for name in ("hit_rate", "map", "ndcg")
                for row in self.tested(name).itertuples()
            ),
            *(
                Number(f"offers.{r.task}.gain", r.gain, low=r.low, high=r.high)
                for r in self.gains.itertuples()
            ),
            *(
                Number(f"offers.{row.task}.bought_anyway", row.share, "share", row.low, row.high)
                for row in self.anyway.itertuples()
            ),
        ]


def try_offers(
    baskets: Coded,
    split: Split,
    *,
    k: int,
    counts: PairCounts,
    segments: Mapping[dt.date, ir.Table] | None = None,
    seed: int = 0,
    saved: int | None = None,
) -> OfferTest:
    """Let the contenders learn, choose in the validation window, and report in the test window.

    Parameters
    ----------
    baskets
        From :func:`.cross_sell.code_baskets`, up to ``split.test_to``.
    split
        From :func:`split_days`.
    k
        Offers a customer and task.
    counts
        For rules: pairs counted with periods that end with ``split.train_to`` and ``split.validate_to``.
    segments
        For the same two days, what was known of segments on that day.
    seed
        Of the bootstrap.
    saved
        Offers a customer and task that will be made, for what is bought anyway; ``k`` by default.

    Notes
    -----
    A customer with any purchase in the window counts, whether or not anything could be offered; a miss is 0.
    Items that are *new* may only be told from others as far back as the data go.
    """
    windows = {"validate": (split.train_to, split.validate_to), "test": (split.validate_to, split.test_to)}
    judged, winners, customers = [], dict[str, str](), 0
    for window, (learnt_to, until) in windows.items():
        named, pairs = (segments or {}).get(learnt_to), _pairs(counts.span(until=learnt_to))
        known = know(baskets, as_of=learnt_to, days=split.days, pairs=pairs, segments=named)
        bought = bought_between(baskets, learnt_to, until)
        values, spread = _measure(known, bought, k=k, segmented=named is not None)
        winners = winners or _best(values)
        counted, customers = _summed_up(values.join(_gains(values, winners)), seed=seed), len(values)
        judged.append(pd.concat([counted, spread.to_frame("value")]).reset_index().assign(window=window))
    anyway = _bought_anyway(known, bought, winners, k=saved or k)
    gained = judged[1][judged[1]["measure"] == "gain"].rename(columns={"method": "winner", "value": "gain"})
    table = pd.concat(judged, ignore_index=True).query("measure != 'gain'").reset_index(drop=True)
    return OfferTest(
        table[["task", "method", "window", "measure", "value", "low", "high"]],
        winners,
        gained[["task", "winner", "gain", "low", "high"]].reset_index(drop=True),
        customers,
        anyway,
    )


def choose_offers(
    baskets: Coded,
    split: Split | None,
    *,
    k: int,
    saved: int,
    counts: PairCounts,
    segments: Mapping[dt.date, ir.Table] | None = None,
    seed: int = 0,
    cannot: Cannot | None = None,
) -> OfferTest:
    """Choose each task's method by :func:`try_offers` where that can be done, and say why where it cannot.

    Parameters
    ----------
    baskets, k, saved, counts, segments, seed
        As for :func:`try_offers`.
    split
        None where the history is too short for two windows.
    cannot
        Why offers cannot be made at all, from :func:`.answerable.cannot_offers`.

    Returns
    -------
    OfferTest
        Without winners where ``cannot`` says so; with the simplest methods, untested, where fewer than 20
        customers bought in one of the windows.
    """
    if cannot is not None or split is None:
        return _no_test({}, cannot=cannot or Cannot("cross_sell.few_days", {"needed": FEWEST_DAYS}))
    windows = ((split.train_to, split.validate_to), (split.validate_to, split.test_to))
    some = baskets.of_some(MOST_CUSTOMERS, seed=seed)
    buyers = [bought_between(some, after, until)["customer"].nunique() for after, until in windows]
    if min(buyers) < FEWEST_CUSTOMERS:
        why = {"days": split.days, "needed": FEWEST_CUSTOMERS}
        return _no_test(dict(UNTESTED), untested=Cannot("cross_sell.few_buyers", why))
    return try_offers(some, split, k=k, counts=counts, segments=segments, seed=seed, saved=saved)


def name_then(
    split: Split | None,
    today: ir.Table | None,
    *,
    at: Callable[[dt.date], Any],
    name: Callable[..., ir.Table],
) -> dict[dt.date, ir.Table]:
    """Customers' segments as of each day that the contest learns up to, and as of today.

    Parameters
    ----------
    split
        From :func:`split_days`; None for no contest.
    today
        ``customer_id``, ``segment`` as of the last day; None where nobody could be named, then as now.
    at
        The tables as they were known on a day: ``run.at``.
    name
        Names customers from ``orders`` and ``as_of``.
    """
    if split is None or today is None:
        return {}
    days = (split.train_to, split.validate_to)
    then = {day: name(at(day).table("orders"), as_of=day) for day in days} | {split.test_to: today}
    return {day: named.select("customer_id", "segment") for day, named in then.items()}


def _no_test(
    winners: dict[str, str], *, cannot: Cannot | None = None, untested: Cannot | None = None
) -> OfferTest:
    """Nothing was tested: tables without rows."""
    names = {name: pd.Series(dtype=object) for name in ("task", "method", "window", "measure")}
    ends = {name: pd.Series(dtype=float) for name in ("low", "high")}
    table = pd.DataFrame(names | {"value": pd.Series(dtype=float)} | ends)
    gains = pd.DataFrame({"task": names["task"], "winner": names["method"], "gain": ends["low"]} | ends)
    anyway = pd.DataFrame({"task": names["task"], "offers": [], "customers": [], "share": []} | ends)
    return OfferTest(table, winners, gains, 0, anyway, cannot, untested)


def _bought_anyway(known: Known, bought: pd.DataFrame, winners: Mapping[str, str], *, k: int) -> pd.DataFrame:
    """Of the offers that everybody would get, those bought in the window, unasked."""
    columns = known.columns[bought["item"]]
    wanted = np.sort(((bought["customer"].to_numpy(dtype=np.int64) << 32) + columns)[columns >= 0])
    rows, counted = np.arange(len(known.customers)), []
    for task, method in winners.items():
        best, _ = rank_items(known, rows, task=task, method=method, k=k)
        made = best >= 0
        hits = among((known.numbers[:, None] << 32) + best, wanted) & made
        some = made.any(axis=1)
        sums = ClusterSums.of(made[some].sum(axis=1), hits[some].sum(axis=1))
        low, high = (float(end[0]) for end in sums.interval())
        counted.append((task, int(made.sum()), int(some.sum()), float(sums.share[0]), low, high))
    frame = pd.DataFrame(counted, columns=["task", "offers", "customers", "share", "low", "high"])
    return frame[frame["customers"] >= FEWEST_CUSTOMERS].reset_index(drop=True)


def _best(values: pd.DataFrame) -> dict[str, str]:
    """Each task's method with the most of the measure that chooses; of equal ones the first."""
    sums = values.loc[:, values.columns.get_level_values("measure") == CHOSEN_BY].sum()
    return {task: sums[task].index[int(np.argmax(sums[task]))][0] for task in METHODS}


def _pairs(counts: PairCounts) -> PairLift | None:
    try:
        return pair_lift(counts)
    except DataError:  # too few customers to be sure of any rule
        return None


def _measure(
    known: Known, bought: pd.DataFrame, *, k: int, segmented: bool
) -> tuple[pd.DataFrame, pd.Series[float]]:
    """Every contender's measures, a row a customer who bought; and its coverage and novelty."""
    numbers, row = np.unique(bought["customer"].to_numpy(dtype=np.int64), return_inverse=True)
    rows, column = known.rows_of(numbers), known.columns[bought["item"]]
    asked = ibis.memtable(bought[["customer", "item"]].astype("int32"))
    before = known.due.semi_join(asked, ["customer", "item"]).select("customer", "item")
    had = among(cell_keys(bought), np.sort(cell_keys(before.to_pyarrow().to_pandas())))
    measured, spread = {}, {}
    for task, methods in METHODS.items():
        wanted = had if task == "reminder" else ~had
        relevant = np.bincount(row[wanted], minlength=len(numbers))
        # A column more, behind the others, for no offer and for what cannot be offered.
        wants = np.zeros((len(numbers), len(known.items) + 1), dtype=bool)
        wants[row[wanted], column[wanted]] = True
        wants[:, -1] = False
        for method in methods if segmented else [m for m in methods if m != "segment_popularity"]:
            best, _ = rank_items(known, rows, task=task, method=method, k=k)
            hits = np.take_along_axis(wants, np.where(best >= 0, best, len(known.items)), axis=1)
            measured[task, method] = rank_measures(hits, relevant)
            spread[task, method] = _spread(known, best[best >= 0])
    return pd.concat(measured, axis=1, names=_NAMES), pd.concat(spread, names=_NAMES)


def _spread(known: Known, offered: NDArray[np.int64]) -> pd.Series[float]:
    rarity = -np.log2(np.maximum(known.popularity, 1) / max(known.popularity.sum(), 1))
    return pd.Series({
        "coverage": len(np.unique(offered)) / max(len(known.items), 1),
        "novelty": float(rarity[offered].mean()) if len(offered) else 0.0,
    })  # fmt: skip


def _gains(values: pd.DataFrame, winners: Mapping[str, str]) -> pd.DataFrame:
    """What each task's winner adds to popularity, customer by customer."""
    return pd.DataFrame({
        (task, winner, "gain"): values[task, winner, CHOSEN_BY] - values[task, "popularity", CHOSEN_BY]
        for task, winner in winners.items()
    })  # fmt: skip


def _summed_up(values: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Means over customers with their intervals: a row a task, method and measure."""
    low, high = bootstrap_means(values.to_numpy(), seed=seed)
    means = values.sum().to_numpy() / max(len(values), 1)
    return pd.DataFrame({"value": means, "low": low, "high": high}, index=values.columns.set_names(_NAMES))
