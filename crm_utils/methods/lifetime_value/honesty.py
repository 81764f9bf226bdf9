"""Can the forecasts and their intervals be believed? Coverage, calibration, and a second look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

from crm_utils.features import SMALLEST_GROUP, Number
from crm_utils.features.statistics import LEVEL
from crm_utils.methods.lifetime_value.contenders import PURCHASE_MODELS, fit_buying
from crm_utils.methods.lifetime_value.contest import Contest, choose, measure
from crm_utils.methods.lifetime_value.intervals import (
    COVERED,
    bounds_of,
    calibration,
    coverage,
    own_bounds,
)
from crm_utils.methods.lifetime_value.origins import OriginPlan

__all__ = ["Honesty", "Robustness", "check_intervals", "look_again"]

_DRAWN = 5_000
"""Customers an origin for whom the model's own interval is drawn."""


@dataclass(frozen=True)
class Honesty:
    """How forecasts and intervals held on the test origins.

    Attributes
    ----------
    curve
        Tenths of the forecast: see :func:`.intervals.calibration`.
    covered
        Coverage of 90 % intervals by fifth of the forecast: see :func:`.intervals.coverage`; ``own`` is that
        of the best model of purchases, drawn from its posterior.
    nothing
        Of test forecasts of nothing at all: ``customers``, and their mean spend (``actual``, ``low``,
        ``high``, 95 %); empty below five.
    windows
        Past windows that the tested intervals were learnt from.
    windows_differ
        Whether those missed more differently than chance has it: see :class:`.intervals.Bounds`.
    """

    curve: pd.DataFrame
    covered: pd.DataFrame
    nothing: pd.DataFrame
    windows: int
    windows_differ: bool

    @property
    def too_narrow(self) -> pd.DataFrame:
        """The fifths, as in ``covered``, whose intervals from past errors held too seldom to be chance.

        Binomial, one-sided; 5 % for all fifths together (Bonferroni).
        """
        rows = self.covered[(self.covered["kind"] == "conformal") & (self.covered["group"] > 0)]
        hits = (rows["covered"] * rows["customers"]).round()
        by_chance = pd.Series(binom.cdf(hits, rows["customers"], COVERED) * len(rows), rows.index)
        return rows.loc[(by_chance < 1 - LEVEL) & (rows["customers"] >= SMALLEST_GROUP)]

    def overall(self, kind: str) -> pd.Series[float] | None:
        """Coverage over all customers of one kind of interval."""
        rows = self.covered[(self.covered["kind"] == kind) & (self.covered["group"] == 0)]
        return rows.iloc[0] if len(rows) else None

    def numbers(self) -> list[Number]:
        """What is recorded."""
        numbers = []
        for kind, name in (("conformal", "coverage_90.conformal"), ("own", "coverage_90.model")):
            row = self.overall(kind)
            if row is not None:
                numbers.append(Number(name, row["covered"], "share", row["low"], row["high"]))
        fifths = self.covered[self.covered["group"] > 0]
        names = fifths["kind"].map({"conformal": "conformal", "own": "model"})
        rows = zip(names, fifths["group"], fifths["covered"], fifths["low"], fifths["high"], strict=True)
        return numbers + [
            Number(f"coverage_90.{name}.fifth_{group}", value, "share", low, high)
            for name, group, value, low, high in rows
        ]


def check_intervals(frame: pd.DataFrame, contest: Contest, plan: OriginPlan, *, seed: int = 0) -> Honesty:
    """Learn intervals on the validation origins and see how often they hold on the test origins."""
    earlier, test = contest.validate, contest.test
    chosen = contest.chosen
    bounds = bounds_of(earlier, chosen)
    forecast, actual = test[chosen].to_numpy(dtype=float), test["actual"].to_numpy(dtype=float)
    low, high = np.full(len(test), np.nan), np.full(len(test), np.nan)
    model = PURCHASE_MODELS[contest.purchase_model]
    for day in plan.test:
        rows = frame[frame["origin"] == day]
        place = np.flatnonzero((test["origin"] == day).to_numpy())
        rng = np.random.default_rng(seed)
        drawn = np.sort(rng.choice(len(rows), min(_DRAWN, len(rows)), replace=False))
        ends = own_bounds(
            fit_buying(rows, model=model), rows.iloc[drawn], horizon_days=plan.horizon_days, seed=seed
        )
        low[place[drawn]], high[place[drawn]] = ends
    ends_of = {"conformal": bounds.apply(forecast), "own": (low, high)}
    covered = coverage(forecast, actual, ends_of, bounds)
    nothing = calibration(test[forecast <= 0], chosen)[["customers", "actual", "low", "high"]]
    return Honesty(calibration(test, chosen), covered, nothing, len(plan.validate), bounds.windows_differ)


@dataclass(frozen=True)
class Robustness:
    """What another look at the same contest says.

    Attributes
    ----------
    chosen_by_test
        Whom the test origins would have chosen.
    without_top
        Measures on the test origins without the customers of the highest spend: as ``Contest.measured``.
    left_out
        Customers left out for that.
    gross_ratio
        Error of the chosen contender ÷ that of the last window's spend (roots of mean squares) on the test
        origins, with no return taken off; None without an error of the latter.
    """

    chosen_by_test: str
    without_top: pd.DataFrame
    left_out: int
    gross_ratio: float | None

    def rmse(self, contender: str) -> float:
        """Root mean squared error of a contender without the highest spenders."""
        rows = self.without_top[
            (self.without_top["contender"] == contender) & (self.without_top["measure"] == "rmse")
        ]
        return float(rows["value"].iloc[0])

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("contest.chosen_by_test", self.chosen_by_test),
            Number("contest.gross_ratio", self.gross_ratio, "times"),
        ]


def look_again(contest: Contest, frame: pd.DataFrame, *, seed: int = 0, top: float = 0.01) -> Robustness:
    """Choose on the test origins, and measure without the highest spenders of each, and before returns."""
    test = contest.test
    contenders = tuple(contest.choice["contender"])
    rank = test.groupby("origin")["actual"].rank(pct=True, method="first")
    kept = test[rank <= 1 - top]
    chosen = choose(test, contenders).query("chosen")["contender"].iloc[0]
    measured = measure(kept, (contest.chosen, "last_window"), seed=seed)
    return Robustness(str(chosen), measured, len(test) - len(kept), _gross_ratio(contest, frame))


def _gross_ratio(contest: Contest, frame: pd.DataFrame) -> float | None:
    """A forecast of spend is one of purchases when what is kept of them is divided out."""
    names = ["customer_id", "origin", "gross", "spend", "gross_last", "gross_ahead"]
    rows = contest.test.merge(frame[names], on=["customer_id", "origin"])
    sums = rows.groupby("origin")[["spend", "gross"]].transform("sum")
    kept = (sums["spend"] / sums["gross"].where(sums["gross"] > 0)).clip(lower=0.01).fillna(1.0)
    ours, theirs = (
        float(((rows["gross_ahead"] - forecast) ** 2).mean() ** 0.5)
        for forecast in (rows[contest.chosen] / kept, rows["gross_last"])
    )
    return ours / theirs if theirs > 0 else None
