"""How good is the chosen forecast on days that did not choose it? All measures in one place."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.features.statistics import Number
from crm_utils.methods.churn.calibration import calibration_curve, clustered_share
from crm_utils.methods.churn.contenders import BASELINES
from crm_utils.methods.churn.contest import Contest
from crm_utils.methods.churn.metrics import measure_forecasts

__all__ = ["Quality", "measure_quality"]

_OFF = 0.15
"""A calibration slope further than this from 1 is worth a sentence."""

Share = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Quality:
    """Measures on the test cut-offs.

    Attributes
    ----------
    contest
        What was judged.
    measured
        From :func:`.measure_forecasts`.
    calibration, last
        Groups by forecast over all test days, and on the last of them, from :func:`.calibration_curve`.
    top, average
        Share that lapsed of the tenth called riskiest, and of all, with intervals.
    days
        The test days.
    """

    contest: Contest
    measured: pd.DataFrame
    calibration: pd.DataFrame
    last: pd.DataFrame
    top: Share
    average: Share
    days: tuple[dt.date, ...]

    def of(self, measure: str, *, contender: str = "", cutoff: object = "all") -> pd.Series[float]:
        """One measure with ``value``, ``low``, ``high``; missing ones where it cannot be computed."""
        name = contender or self.contest.chosen
        rows = self.measured[
            (self.measured["contender"] == name)
            & (self.measured["measure"] == measure)
            & (self.measured["cutoff"] == cutoff)
        ]
        empty = pd.Series({"value": np.nan, "low": np.nan, "high": np.nan})
        return rows.iloc[0][["value", "low", "high"]].astype(float) if len(rows) else empty

    @property
    def ranked(self) -> bool:
        """Whether the forecast is shown to rank: the interval of its AUC lies above one half."""
        return bool(self.of("roc_auc")["low"] > 0.5)

    @property
    def baseline(self) -> str:
        """The better of the single measures, by AUC."""
        aucs = {name: self.of("roc_auc", contender=name)["value"] for name in BASELINES}
        return max(aucs, key=lambda name: -1.0 if np.isnan(aucs[name]) else aucs[name])

    @property
    def badly_calibrated(self) -> list[dt.date]:
        """Test days on which the calibration slope is far from 1."""
        slopes = {day: self.of("calibration_slope", cutoff=day)["value"] for day in self.days}
        return [day for day, slope in slopes.items() if abs(slope - 1) > _OFF]

    def by_day(self) -> pd.DataFrame:
        """The chosen forecast's measures: a row a measure, a column a test day, and ``all``."""
        rows = self.measured[self.measured["contender"] == self.contest.chosen]
        wide = rows.pivot_table(
            index="measure", columns="cutoff", values="value", sort=False, dropna=False, observed=False
        )
        return wide.rename_axis(columns=None).reset_index()

    def numbers(self) -> list[Number]:
        """As a run records them."""
        places: dict[Any, str] = {day: f".test_{k}" for k, day in enumerate(self.days, start=1)} | {"all": ""}
        measures = [
            Number(f"{row.contender}.{row.measure}{places[row.cutoff]}", row.value, "", row.low, row.high)
            for row in self.measured.dropna(subset=["value"]).itertuples()
        ]
        top = Number("lapse.rate.riskiest_tenth", self.top[0], "share", self.top[1], self.top[2])
        return [Number("model.chosen", self.contest.chosen), top, *measures]


def measure_quality(contest: Contest, *, seed: int, draws: int = 400) -> Quality:
    """Measure a contest on its test days.

    Parameters
    ----------
    contest
        With rows on at least one test day.
    seed, draws
        Of the bootstrap by customer.
    """
    test = contest.test
    days = tuple(sorted(test["cutoff"].unique()))
    measured = measure_forecasts(test, contest.contenders, seed=seed, draws=draws)
    place = (-test[contest.chosen]).groupby(test["cutoff"]).rank(pct=True, method="first")
    riskiest = test[place <= 0.1]
    last = test[test["cutoff"] == days[-1]]
    return Quality(
        contest, measured, calibration_curve(test, contest.chosen), calibration_curve(last, contest.chosen),
        clustered_share(riskiest["actual"].to_numpy(), riskiest["customer_id"]),
        clustered_share(test["actual"].to_numpy(), test["customer_id"]), days,
    )  # fmt: skip
