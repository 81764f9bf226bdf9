"""How good are forecasts of an outcome? Ranking, sharpness and calibration, for many weightings at once.

A draw of customers with replacement is a whole-number weight for each customer, and every measure here
depends on the forecasts only through the weights of those with and without the outcome at each distinct
forecast. So a bootstrap of hundreds of draws is a few sums over a matrix.

ROC AUC: J. A. Hanley, B. J. McNeil, Radiology 143(1), 1982. Average precision as in scikit-learn. Brier
score: G. W. Brier, Monthly Weather Review 78(1), 1950. Calibration intercept (slope held at 1) and slope: D.
R. Cox, Biometrika 45, 1958.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.statistics import LEVEL

__all__ = ["DEPTHS", "MEASURES", "measure_forecasts", "measures"]

Floats = NDArray[np.float64]

DEPTHS = (0.05, 0.10, 0.20)
"""Shares of customers, highest forecast first, at which lift and gain are measured."""

MEASURES = (
    "roc_auc", "pr_auc", "brier", "brier_null", "log_loss", "calibration_intercept", "calibration_slope",
    *(f"lift_at_{round(100 * d)}" for d in DEPTHS), *(f"gain_at_{round(100 * d)}" for d in DEPTHS),
)  # fmt: skip

_CELLS = 20_000_000
"""Rows times draws held at a time."""


def measures(actual: NDArray[np.int64], forecast: Floats, weights: Floats | None = None) -> dict[str, Floats]:
    """Measure forecasts under each of many weightings.

    Parameters
    ----------
    actual
        0 or 1, one entry a row.
    forecast
        Probabilities strictly between 0 and 1.
    weights
        A row as in ``actual``, a column a weighting; all equal by default.

    Returns
    -------
    dict
        For each of :data:`MEASURES` an array with an entry a weighting; NaN where a weighting has only one
        outcome. ``brier_null`` is the Brier score of forecasting the rate itself for everyone; ``lift_at_10``
        is the rate among the tenth ranked highest ÷ the rate of all, ``gain_at_10`` the share of all with the
        outcome that this tenth holds. Equal forecasts share their place.

    Examples
    --------
    >>> import numpy as np
    >>> measured = measures(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    >>> float(measured["roc_auc"][0]), round(float(measured["pr_auc"][0]), 3)
    (0.75, 0.833)
    """
    given = np.ones((len(actual), 1)) if weights is None else weights
    order = np.argsort(forecast, kind="stable")
    values, starts = np.unique(forecast[order], return_index=True)
    y = np.asarray(actual, dtype=float)[order, None]
    w = given[order]
    with_it = np.add.reduceat(w * y, starts, axis=0)
    without = np.add.reduceat(w * (1 - y), starts, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _ranking(with_it, without) | _losses(values[:, None], with_it, without)


def _ranking(with_it: Floats, without: Floats) -> dict[str, Floats]:
    """From weights by rising forecast: AUC, average precision, gain and lift."""
    ones, zeros = with_it.sum(axis=0), without.sum(axis=0)
    below = without.cumsum(axis=0) - without
    shown = {"roc_auc": (with_it * (below + without / 2)).sum(axis=0) / (ones * zeros)}
    taken, hits = (with_it + without)[::-1].cumsum(axis=0), with_it[::-1].cumsum(axis=0)
    precision = np.where(taken > 0, hits / np.maximum(taken, 1e-300), 0.0)
    shown["pr_auc"] = (with_it[::-1] * precision).sum(axis=0) / ones
    for depth in DEPTHS:
        gain = _interpolate(taken, hits, depth * (ones + zeros)) / ones
        shown[f"gain_at_{round(100 * depth)}"] = gain
        shown[f"lift_at_{round(100 * depth)}"] = gain / depth
    return {name: np.where((ones > 0) & (zeros > 0), value, np.nan) for name, value in shown.items()}


def _interpolate(taken: Floats, hits: Floats, wanted: Floats) -> Floats:
    """Hits among the first ``wanted`` of each column; within equal forecasts, their mean rate."""
    last = np.minimum((taken < wanted).sum(axis=0), len(taken) - 1)
    column = np.arange(taken.shape[1])
    before = np.maximum(last - 1, 0)
    start = np.where(last > 0, taken[before, column], 0.0)
    hit = np.where(last > 0, hits[before, column], 0.0)
    part = (wanted - start) / np.maximum(taken[last, column] - start, 1e-300)
    return np.asarray(hit + part * (hits[last, column] - hit))


def _losses(p: Floats, with_it: Floats, without: Floats) -> dict[str, Floats]:
    total = (with_it + without).sum(axis=0)
    rate = with_it.sum(axis=0) / total
    logit = np.log(p / (1 - p))
    intercept, _ = _recalibrate(logit, with_it, without, free=False)
    _, slope = _recalibrate(logit, with_it, without, free=True)
    return {
        "brier": (with_it * (1 - p) ** 2 + without * p**2).sum(axis=0) / total,
        "brier_null": rate * (1 - rate),
        "log_loss": -(with_it * np.log(p) + without * np.log(1 - p)).sum(axis=0) / total,
        "calibration_intercept": intercept,
        "calibration_slope": slope,
    }


def _recalibrate(logit: Floats, with_it: Floats, without: Floats, *, free: bool) -> tuple[Floats, Floats]:
    """Newton's method for actual ~ intercept + slope · logit, all weightings at once; slope 1 unless free."""
    draws = with_it.shape[1]
    a, b = np.zeros(draws), np.ones(draws)
    weight = with_it + without
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(a + b * logit, -35, 35)))
        error, spread = with_it - weight * p, weight * p * (1 - p)
        ga, haa = error.sum(axis=0), spread.sum(axis=0)
        if free:
            gb = (error * logit).sum(axis=0)
            hab, hbb = (spread * logit).sum(axis=0), (spread * logit**2).sum(axis=0)
            determinant = haa * hbb - hab**2
            determinant = np.where(
                determinant > 1e-12 * haa * hbb, determinant, np.nan
            )  # one forecast for all
            step_a = (hbb * ga - hab * gb) / determinant
            step_b = (haa * gb - hab * ga) / determinant
        else:
            step_a, step_b = ga / haa, np.zeros(draws)
        a, b = a + np.clip(step_a, -5, 5), b + np.clip(step_b, -5, 5)
        if np.nanmax(np.abs([step_a, step_b]), initial=0.0) < 1e-8:
            break
    unsettled = ~(np.abs(step_a) < 1e-6) | ~(
        np.abs(step_b) < 1e-6
    )  # one outcome alone, or one forecast alone
    return np.where(unsettled, np.nan, a), np.where(unsettled, np.nan, b)


def measure_forecasts(
    forecasts: pd.DataFrame, contenders: tuple[str, ...], *, seed: int, draws: int = 400
) -> pd.DataFrame:
    """Measure contenders at each cut-off and on average, with intervals that know customers come again.

    Parameters
    ----------
    forecasts
        ``customer_id``, ``cutoff``, ``actual`` and a probability for each contender.
    contenders
        Which ones.
    seed, draws
        Of the bootstrap: whole customers are drawn with replacement, the same for all contenders and
        cut-offs.

    Returns
    -------
    pandas.DataFrame
        ``contender``, ``cutoff`` (a day, or ``all`` for the mean over cut-offs), ``measure``, ``value``,
        ``low``, ``high`` (95 %, percentiles). A measure that cannot be computed is missing.
    """
    codes, customers = pd.factorize(forecasts["customer_id"])
    rng, n = np.random.default_rng(seed), len(customers)
    days = sorted(forecasts["cutoff"].unique())
    rows = {day: np.flatnonzero(forecasts["cutoff"] == day) for day in days}
    step = max(1, _CELLS // max(n, 1))
    drawn: dict[tuple[str, object], list[Floats]] = {(name, day): [] for name in contenders for day in days}
    for done in range(0, draws, step):
        size = min(step, draws - done)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=size).T.astype(float)
        if done == 0:  # first of all everyone once: the value itself
            weights = np.concatenate([np.ones((n, 1)), weights], axis=1)
        for (name, day), parts in drawn.items():
            at = rows[day]
            actual, forecast = forecasts["actual"].to_numpy()[at], forecasts[name].to_numpy(dtype=float)[at]
            measured = measures(actual, forecast, weights[codes[at]])
            parts.append(np.array([measured[measure] for measure in MEASURES]))
    return _as_table({key: np.concatenate(parts, axis=1) for key, parts in drawn.items()}, contenders, days)


def _as_table(
    measured: dict[tuple[str, object], Floats], contenders: tuple[str, ...], days: list[object]
) -> pd.DataFrame:
    rows = []
    for name in contenders:
        mean = np.mean([measured[name, day] for day in days], axis=0)
        for day, values in [*((day, measured[name, day]) for day in days), ("all", mean)]:
            for measure, drawn in zip(MEASURES, values, strict=True):
                there = drawn[1:][np.isfinite(drawn[1:])]
                low, high = (
                    np.quantile(there, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
                    if len(there) > 1
                    else (np.nan, np.nan)
                )
                rows.append((name, day, measure, drawn[0], min(low, drawn[0]), max(high, drawn[0])))
    return pd.DataFrame(rows, columns=["contender", "cutoff", "measure", "value", "low", "high"])
