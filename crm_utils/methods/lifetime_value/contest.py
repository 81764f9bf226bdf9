"""Which contender is good enough, and how good is it at origins it was not chosen by? A rolling contest.

The loss is the squared error: the only one of the usual ones whose best forecast is the expected spend. The
mean absolute error prefers "everyone spends nothing" where most do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from crm_utils.features import Number, at_random
from crm_utils.features.contests import clustered_error, simplest_within_error
from crm_utils.features.statistics import LEVEL, z
from crm_utils.methods.lifetime_value.contenders import CONTENDERS, PURCHASE_MODELS, Fitted, fit_contender
from crm_utils.methods.lifetime_value.origins import OriginPlan

__all__ = ["MEASURES", "Contest", "choose", "learn_at", "measure", "run_contest"]

Floats = NDArray[np.float64]

MEASURES = ("rmse", "mae", "bias", "gini")
_GROUPS = 30
"""Groups of customers of the jackknife."""


@dataclass(frozen=True)
class Contest:
    """Forecasts that could have been made at the time, and which contender they speak for.

    Attributes
    ----------
    forecasts
        A row a customer and judged origin: ``customer_id``, ``origin``, ``window`` (``validate`` or
        ``test``), ``actual`` (spend), and a forecast for each contender.
    choice
        A row a contender: ``contender``, ``loss`` (mean squared error on the validation origins), ``behind``
        (that less the lowest), ``error`` (standard error of that paired difference, clustered by customer),
        ``chosen``.
    chosen
        The simplest contender behind the best by no more than one standard error.
    purchase_model
        The best of the models of purchases on the validation origins: its own intervals are checked, and its
        count is followed.
    measured
        On the test origins, a row a contender and measure: ``value``, ``low``, ``high``.
    """

    forecasts: pd.DataFrame
    choice: pd.DataFrame
    chosen: str
    purchase_model: str
    measured: pd.DataFrame

    @property
    def test(self) -> pd.DataFrame:
        """Forecasts at the test origins."""
        return self.forecasts[self.forecasts["window"] == "test"].reset_index(drop=True)

    @property
    def validate(self) -> pd.DataFrame:
        """Forecasts at the validation origins."""
        return self.forecasts[self.forecasts["window"] == "validate"].reset_index(drop=True)

    def value(self, contender: str, name: str) -> pd.Series[float]:
        """One measure of one contender on the test origins: value, low, high."""
        rows = self.measured[(self.measured["contender"] == contender) & (self.measured["measure"] == name)]
        return rows[["value", "low", "high"]].iloc[0]

    def against(self, contender: str = "last_window") -> tuple[float, float, float]:
        """Mean squared error of the chosen less that of another on the test origins, with its interval."""
        rows = self.test
        diff = _loss(rows, self.chosen) - _loss(rows, contender)
        reach = z() * clustered_error(diff, rows["customer_id"])
        return float(diff.mean()), float(diff.mean() - reach), float(diff.mean() + reach)

    def totals(self) -> pd.DataFrame:
        """Expected and actual spend of all at each judged origin: ``origin``, ``expected``, ``actual``."""
        rows = self.forecasts.assign(expected=self.forecasts[self.chosen])
        return rows.groupby("origin", as_index=False)[["expected", "actual"]].sum()

    def numbers(self) -> list[Number]:
        """What is recorded; None where a measure is not defined."""
        rows = self.measured
        numbers = [
            Number(f"{name}.{what}", _known(value), _unit(what), _known(low), _known(high))
            for name, what, value, low, high in zip(
                rows["contender"], rows["measure"], rows["value"], rows["low"], rows["high"], strict=True
            )
        ]
        best = self.value(self.chosen, "bias")
        return [
            *numbers,
            Number("contest.chosen", self.chosen),
            Number("contest.purchase_model", self.purchase_model),
            Number("mae.chosen", self.value(self.chosen, "mae")["value"], "money"),
            Number("mae.last_window", self.value("last_window", "mae")["value"], "money"),
            Number("bias", _known(best["value"]), "share", _known(best["low"]), _known(best["high"])),
        ]


def learn_at(frame: pd.DataFrame, plan: OriginPlan, origin: object, *, name: str, seed: int = 0) -> Fitted:
    """Fit a contender with what was known at the end of an origin."""
    past = frame[(frame["origin"] < origin) & frame["spend_ahead"].notna()]
    now = frame[frame["origin"] == origin]
    return fit_contender(name, past, now, horizon_days=plan.horizon_days, seed=seed)


def run_contest(
    frame: pd.DataFrame, plan: OriginPlan, *, contenders: tuple[str, ...] = CONTENDERS, seed: int = 0
) -> Contest:
    """Let the contenders forecast spend at every judged origin, and choose one of them.

    Parameters
    ----------
    frame
        From :func:`.lifetime_value.value_frame`, all origins of the plan.
    plan
        Which origins are judged.
    contenders
        Who takes part, the simplest first.
    seed
        Of the boosting, and of the jackknife's groups.
    """
    parts = []
    for window, days in (("validate", plan.validate), ("test", plan.test)):
        for day in days:
            rows = frame[frame["origin"] == day].reset_index(drop=True)
            part = rows[["customer_id", "origin"]].assign(window=window, actual=rows["spend_ahead"])
            for name in contenders:
                part[name] = learn_at(frame, plan, day, name=name, seed=seed).predict(rows)
            parts.append(part)
    forecasts = pd.concat(parts, ignore_index=True)
    choice = choose(forecasts[forecasts["window"] == "validate"], contenders)
    chosen = str(choice.loc[choice["chosen"], "contender"].iloc[0])
    models = choice[choice["contender"].isin(PURCHASE_MODELS)]
    best = str(models.sort_values("loss")["contender"].iloc[0]) if len(models) else "bg_nbd"
    measured = measure(forecasts[forecasts["window"] == "test"], contenders, seed=seed)
    return Contest(forecasts, choice, chosen, best, measured)


def choose(forecasts: pd.DataFrame, contenders: tuple[str, ...]) -> pd.DataFrame:
    """Choose the simplest contender whose squared error is within one standard error of the lowest.

    Parameters
    ----------
    forecasts
        ``customer_id``, ``actual`` and a forecast for each contender.
    contenders
        The simplest first.

    Returns
    -------
    pandas.DataFrame
        As :attr:`Contest.choice`.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": list("abcd"), "actual": [1.0, 2, 0, 9],
    ...                      "plain": [1.0, 2, 0, 8], "fancy": [1.0, 2, 0, 8.5]})
    >>> choose(rows, ("plain", "fancy"))["chosen"].tolist()
    [True, False]
    """
    losses = {name: _loss(forecasts, name) for name in contenders}
    return simplest_within_error(losses, forecasts["customer_id"])


def measure(forecasts: pd.DataFrame, contenders: tuple[str, ...], *, seed: int = 0) -> pd.DataFrame:
    """Measure forecasts, with intervals from a jackknife over groups of customers.

    Returns
    -------
    pandas.DataFrame
        ``contender``, ``measure``, ``value``, ``low``, ``high`` (95 %). ``rmse``, ``mae``: money; ``bias``:
        expected total over actual, less 1; ``gini``: how well the forecast ranks spend, 1 as well as spend
        itself, 0 as chance. Missing where it is not defined.
    """
    group = np.floor(_GROUPS * at_random(forecasts["customer_id"], seed=seed)).astype(int)
    actual = forecasts["actual"].to_numpy(dtype=float)
    rows = []
    for name in contenders:
        forecast = forecasts[name].to_numpy(dtype=float)
        whole = _measures(actual, forecast)
        parts = [_measures(actual[group != g], forecast[group != g]) for g in np.unique(group)]
        for what in MEASURES:
            left = np.array([part[what] for part in parts])
            n, spread = len(left), np.nan
            if n > 1:
                spread = student.ppf((1 + LEVEL) / 2, n - 1) * np.sqrt((n - 1) * np.var(left))
            rows.append((name, what, whole[what], whole[what] - spread, whole[what] + spread))
    return pd.DataFrame(rows, columns=["contender", "measure", "value", "low", "high"])


def _measures(actual: Floats, forecast: Floats) -> dict[str, float]:
    if not len(actual):
        return dict.fromkeys(MEASURES, np.nan)
    total = actual.sum()
    return {
        "rmse": float(np.sqrt(((actual - forecast) ** 2).mean())),
        "mae": float(np.abs(actual - forecast).mean()),
        "bias": float(forecast.sum() / total - 1) if total > 0 else np.nan,
        "gini": _gini(actual, forecast),
    }


def _gini(actual: Floats, forecast: Floats) -> float:
    """Concentration of spend in the order of the forecast, against that in its own order; ties share."""
    spend = np.maximum(actual, 0.0)

    def concentration(by: Floats) -> float:
        _, place, size = np.unique(by, return_inverse=True, return_counts=True)
        customers = np.append(0, size.cumsum()) / len(spend)
        money = np.append(0, np.bincount(place, weights=spend).cumsum()) / spend.sum()
        return 1 - float(((money[1:] + money[:-1]) * np.diff(customers)).sum())

    if not spend.sum() or np.ptp(spend) == 0:
        return np.nan
    return concentration(forecast) / concentration(spend)


def _loss(forecasts: pd.DataFrame, name: str) -> Floats:
    return np.asarray((forecasts["actual"] - forecasts[name]).to_numpy(dtype=float) ** 2)


def _unit(measure: str) -> str:
    return {"rmse": "money", "mae": "money", "bias": "share", "gini": "index"}[measure]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
