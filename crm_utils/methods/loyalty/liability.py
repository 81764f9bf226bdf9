"""What do the open points owe, and was it right before? Points × chance of being spent × value.

The flat way multiplies everything by one rate, 1 − breakage. But whoever spends does so soon, so that what is
still open belongs to customers who keep silent: the flat rate owes too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import t

from crm_utils.features import Number
from crm_utils.features.statistics import LEVEL
from crm_utils.methods.loyalty.redemption import DRAWS, QUARTER, STRATA, Floats, Redemption, redemption
from crm_utils.methods.loyalty.standing import AGES

__all__ = ["Backtest", "Liability", "backtest", "issue_rate", "liability", "liability_table"]

_QUARTERS = 3  # of history before a look back, to know how quarters differ
_FEWEST = 1000  # points spent since a look back: with fewer a relative error says nothing
_STILL = 0.01  # share of the points open then that may be open today, to hold the flat rate against them


@dataclass(frozen=True)
class Liability:
    """What the open points owe.

    Attributes
    ----------
    table
        A row a stratum: ``silence`` (0 to 4), ``age`` (0 to 3), ``outstanding``, ``expected`` points,
        ``low``, ``high``.
    outstanding, expected, low, high
        Points open; points that will be spent of them, with the 95 % interval of what is really spent.
    flat
        Points that the flat rate expects.
    point_value
        Money a point.
    unwatched
        Share of the open points that live longer than anybody was watched for.
    hidden
        Silences and strata of fewer than five customers, and what would give them away: shown nowhere.
    """

    table: pd.DataFrame
    outstanding: int
    expected: float
    low: float
    high: float
    flat: float
    point_value: float
    unwatched: float
    hidden: tuple[set[int], set[tuple[int, int]]] = field(default_factory=lambda: (set(), set()))

    @property
    def by_silence(self) -> pd.DataFrame:
        """Sums of the table by silence, of those that are shown."""
        shown = self.table[~self.table["silence"].isin(self.hidden[0])]
        return shown.groupby("silence")[["outstanding", "expected", "low", "high"]].sum()

    @property
    def money(self) -> tuple[float, float, float]:
        """The liability with its interval."""
        return tuple(each * self.point_value for each in (self.expected, self.low, self.high))  # type: ignore[return-value]

    @property
    def breakage(self) -> float:
        """Share of the open points that will not be spent."""
        return 1 - self.expected / self.outstanding if self.outstanding else math.nan

    def numbers(self, currency: str) -> list[Number]:
        """What is recorded."""
        if not self.outstanding:
            return [Number("outstanding", 0, "points")]
        n = self.outstanding
        return [
            Number("outstanding", n, "points"),
            Number("expected_redemption", self.expected, "points", self.low, self.high),
            Number("breakage", self.breakage, "share", 1 - self.high / n, 1 - self.low / n),
            Number("liability", *(self.money[:1]), currency, *self.money[1:]),
            Number("liability.flat", self.flat * self.point_value, currency),
        ]  # fmt: skip


@dataclass(frozen=True)
class Backtest:
    """The same on earlier days: what would have been said, and what came.

    Attributes
    ----------
    table
        A row an earlier quarter: ``back`` (weeks before today), ``outstanding``, ``expected`` (points to be
        spent until today), ``low``, ``high``, ``spent`` (really), ``flat`` (by the flat rate), ``error``,
        ``flat_error`` (relative), ``held`` (whether the interval holds it).
    """

    table: pd.DataFrame

    @property
    def error(self) -> float:
        """Mean size of the relative errors."""
        return float(self.table["error"].abs().mean()) if len(self.table) else math.nan

    @property
    def flat_error(self) -> float:
        """The same of the flat rate."""
        return float(self.table["flat_error"].abs().mean()) if len(self.table) else math.nan

    def numbers(self) -> list[Number]:
        """What is recorded."""
        if not len(self.table):
            return []
        return [
            Number("backtest_error", self.error, "share"),
            Number("backtest_error.flat", self.flat_error, "share"),
            Number("backtest.quarters", len(self.table), "quarters"),
            Number("backtest.held", int(self.table["held"].sum()), "quarters"),
        ]


def liability(
    lots: pd.DataFrame, curve: Redemption, *, point_value: float, flat: float = math.nan
) -> Liability:
    """Price the points that are open today.

    Parameters
    ----------
    lots
        :func:`.standing.open_counts` of today: ``silence``, ``age``, ``left``, ``points``.
    curve
        The chances.
    point_value
        Money that a point is worth when it is spent.
    flat
        The rate of :func:`issue_rate`.

    Notes ----- The interval is that of what will really be spent. Its variance: of the curve, by draws of
    customers; of customers who go on as the curve says, unit · Σ points · p (1 − p); and of seasons and
    sales, which all customers have in common, by how quarters differed from the expected. Ends by Student's
    t of as many quarters.
    """
    rows, total = _expected(lots, curve, horizon=None)
    n = int(lots["points"].sum())
    silent, age, left = (lots[name].to_numpy() for name in ("silence", "age", "left"))
    beyond = curve.unwatched(silent, age, left)
    unwatched = float(lots["points"][beyond].sum()) / n if n else 0.0
    return Liability(rows, n, *total, flat * n, point_value, unwatched)


def backtest(
    counts: pd.DataFrame,
    opened: pd.DataFrame,
    issued: pd.DataFrame,
    *,
    weeks: int,
    seed: int = 0,
    draws: int = DRAWS,
) -> Backtest:
    """Say on every earlier quarter what of the points open then would be spent until today, and compare.

    Parameters
    ----------
    counts, opened
        :func:`.standing.redemption_counts` and :func:`.standing.open_counts`, with the earlier quarters.
    issued
        :func:`.standing.issue_counts`, for the flat rate.
    weeks
        How long points live.
    seed, draws
        As for :func:`.redemption.redemption`.

    Returns
    -------
    Backtest
        Quarters before which three others are known, and since which a thousand points were spent. Points
        that are still open today count neither way: said and come alike are counted until today. The flat
        rate knows no time, so it is compared only where all points of that day have ended since.
    """
    rows = []
    for back in sorted(set(opened["back"]) - {0}):
        if not (counts["back"] > back).any():
            continue
        then = opened[opened["back"] == back]
        curve = redemption(counts, weeks=weeks, known_back=int(back), seed=seed, draws=draws)
        spent = int(then["spent"].sum())
        if curve.quarters < _QUARTERS or spent < _FEWEST:
            continue
        _table, (expected, low, high) = _expected(then, curve, horizon=int(back))
        n = int(then["points"].sum())
        over = float(then["points"][then["left"] > back].sum()) <= _STILL * n
        flat = issue_rate(issued, weeks=weeks, known_back=int(back))[0] * n if over else math.nan
        rows.append((int(back), n, expected, low, high, spent, flat, expected / spent - 1, flat / spent - 1,
                     low <= spent <= high))  # fmt: skip
    columns = [
        "back",
        "outstanding",
        "expected",
        "low",
        "high",
        "spent",
        "flat",
        "error",
        "flat_error",
        "held",
    ]
    return Backtest(pd.DataFrame(rows, columns=columns))


def issue_rate(issued: pd.DataFrame, *, weeks: int, known_back: int = 0) -> tuple[float, float, float]:
    """Share of points that are spent before they end, from their issue, with its 95 % interval by customers.

    Parameters
    ----------
    issued
        :func:`.standing.issue_counts`.
    weeks
        How long points live.
    known_back
        Weeks before today: what came later is not seen.

    Returns
    -------
    tuple
        Missing where nothing was issued before.
    """
    if not (issued["back"] > known_back).any():
        return math.nan, math.nan, math.nan
    curve = redemption(issued, weeks=weeks, known_back=known_back)
    at = np.array([weeks])
    share = curve.chance(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), at)[:, 0]
    low, high = np.quantile(share[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(share[0]), float(min(low, share[0])), float(max(high, share[0]))


def liability_table(owed: Liability | None) -> pd.DataFrame:
    """What is owed by age and silence, or a table without rows where that cannot be told.

    Numbers of strata that speak of fewer than five customers are missing.
    """
    names = ["age", "silence", "outstanding", "expected", "low", "high"]
    if owed is None:
        return pd.DataFrame(columns=names)
    strata = zip(owed.table["silence"], owed.table["age"], strict=True)
    hidden = np.array([(int(s), int(a)) in owed.hidden[1] for s, a in strata], dtype=bool)
    return owed.table[names].assign(
        **{
            name: owed.table[name].astype(float).mask(hidden) if hidden.any() else owed.table[name]
            for name in names[2:]
        }
    )


def _expected(
    lots: pd.DataFrame, curve: Redemption, *, horizon: int | None
) -> tuple[pd.DataFrame, tuple[float, float, float]]:
    """Points to be spent, by stratum and in all, with the intervals of what is really spent."""
    silent, age = (lots[name].to_numpy() for name in ("silence", "age"))
    points, stratum = lots["points"].to_numpy(dtype=float), silent * AGES + age
    p = _within(lots, curve, horizon)
    drawn = np.stack([np.bincount(stratum, row * points, minlength=STRATA) for row in p])
    own = np.bincount(stratum, points * p[0] * (1 - p[0]), minlength=STRATA) * curve.unit
    n = np.bincount(stratum, points, minlength=STRATA)
    total = float(drawn[0].sum())
    common = _common(lots, curve, horizon, total) ** 2
    # The season is known from a few quarters only: so wide as Student's t of as many.
    reach = float(t.ppf((1 + LEVEL) / 2, max(curve.quarters - 1, 1)))
    spread = np.sqrt(drawn[1:].var(axis=0) + own + common * drawn[0] ** 2)
    whole = float(np.sqrt(drawn[1:].sum(axis=1).var() + own.sum() + common * total**2))
    at = np.flatnonzero(n > 0)
    table = pd.DataFrame({
        "silence": at // AGES, "age": at % AGES, "outstanding": n[at].astype(np.int64),
        "expected": drawn[0][at], "low": np.clip(drawn[0] - reach * spread, 0, n)[at],
        "high": np.clip(drawn[0] + reach * spread, 0, n)[at],
    })  # fmt: skip
    ends = [float(np.clip(total + side * reach * whole, 0, n.sum())) for side in (-1, 1)]
    return table, (total, ends[0], ends[1])


def _within(lots: pd.DataFrame, curve: Redemption, horizon: int | None) -> Floats:
    """Each row's chance of being spent, within the horizon where there is one: draws in rows."""
    silent, age, left = (lots[name].to_numpy() for name in ("silence", "age", "left"))
    limit = left + 1 if horizon is None else np.full(len(left), horizon)
    # A point that ends within a week has half of it on average.
    ends = (curve.chance(silent, age, np.minimum(weeks, limit)) for weeks in (left, left + 1))
    return np.asarray(sum(ends) / 2)


def _common(lots: pd.DataFrame, curve: Redemption, horizon: int | None, total: float) -> float:
    """Relative error that all customers have in common: of the quarters to come, and of those learnt from."""
    if not curve.quarters or total <= 0:
        return 0.0
    shock = curve.shock if curve.quarters > 1 else 1.0
    points = lots["points"].to_numpy(dtype=float)
    last = horizon if horizon is not None else int(lots["left"].max()) + 1
    steps = [*range(QUARTER, last, QUARTER), last]
    by = [float(_within(lots, curve, step)[0] @ points) for step in steps]
    shares = np.diff([0.0, *by]) / by[-1] if by[-1] else np.ones(1)
    return float(shock * np.sqrt((shares**2).sum() + 1 / curve.quarters))
