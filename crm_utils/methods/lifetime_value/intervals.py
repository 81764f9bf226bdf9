"""Between which amounts will a customer's spend lie, and does it? Conformal intervals beside the model's own.

Mondrian conformal prediction (V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World*,
2005, ch. 4): the errors of earlier forecasts, in fifths by forecast, are added to new ones. It holds on
average in every fifth where the future errs as the past did, whatever the model; the model's own intervals
hold only where the model is true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z
from crm_utils.methods.lifetime_value.contenders import Buying

__all__ = [
    "COVERED",
    "Bounds",
    "bounds_of",
    "calibration",
    "conformal_bounds",
    "coverage",
    "own_bounds",
    "total_bounds",
]

Floats = NDArray[np.float64]

COVERED = 0.9
"""Share of customers whose spend an interval is to hold."""


@dataclass(frozen=True)
class Bounds:
    """What is added to a forecast to get its interval, by how high the forecast is.

    Attributes
    ----------
    cuts
        Forecasts that separate the groups, rising; one group more than cuts.
    low, high
        Added to the forecast of each group.
    level
        The share of customers that is to be covered.
    windows_differ
        Whether past windows missed more differently than chance has it, so that the ends span each one's own.
    """

    cuts: Floats
    low: Floats
    high: Floats
    level: float
    windows_differ: bool = False

    def group(self, forecast: Floats) -> NDArray[np.int64]:
        """The group of each forecast, from 0."""
        return np.searchsorted(self.cuts, forecast, side="left")

    def apply(self, forecast: Floats) -> tuple[Floats, Floats]:
        """Lower and upper ends; never below 0, and never beyond the forecast itself."""
        place = self.group(forecast)
        low, high = forecast + self.low[place], forecast + self.high[place]
        return np.clip(low, 0.0, forecast), np.maximum(high, forecast)


def conformal_bounds(
    forecast: Floats,
    actual: Floats,
    *,
    origin: NDArray[Any] | None = None,
    level: float = COVERED,
    groups: int = 5,
) -> Bounds:
    """Learn from forecasts whose outcome is known how far they miss, by fifths of the forecast.

    Parameters
    ----------
    forecast, actual
        Money, one each a customer and origin.
    origin
        Of each. Where origins miss by more than chance differently, a new one will differ as well: then the
        ends are the outermost of what each origin alone would give, and :attr:`Bounds.windows_differ`.
    level
        The share to be covered: half of the rest on either side.
    groups
        Groups of about equal size; fewer where many forecasts are equal.

    Notes
    -----
    Customers of one window share its season, so only windows are exchangeable, not customers (R. Dunn,
    L. Wasserman, A. Ramdas, "Distribution-free prediction sets for two-layer hierarchical models", *Journal
    of the American Statistical Association* 118, 2023). Of J windows the outermost ends hold in a further one
    with chance J / (J + 1) at each end; with a single window nothing is known of how they differ.

    Examples
    --------
    >>> forecast = np.repeat([0.0, 10.0], 50)
    >>> bounds = conformal_bounds(forecast, forecast + np.tile(np.arange(50), 2), groups=2)
    >>> [float(end) for end in bounds.high]
    [48.0, 48.0]
    """
    cuts = np.unique(np.quantile(forecast, np.arange(1, groups) / groups, method="inverted_cdf"))
    cuts = cuts[cuts < forecast.max()] if len(forecast) else cuts
    place = np.searchsorted(cuts, forecast, side="left")
    missed = actual - forecast
    ends = [_ends(missed[place == k], level) for k in range(len(cuts) + 1)]
    low, high = (np.array(side, dtype=float) for side in zip(*ends, strict=True))
    windows = [] if origin is None else [origin == one for one in np.unique(origin)]
    if not _differ(missed, low[place], high[place], windows):
        return Bounds(cuts, low, high, level)
    fewest = math.ceil(2 / (1 - level)) - 1  # below that the ends are one customer's errors
    for k in range(len(cuts) + 1):
        for window in windows:
            errors = missed[window & (place == k)]
            if len(errors) >= fewest:
                least, most = _ends(errors, level)
                low[k], high[k] = min(low[k], least), max(high[k], most)
    return Bounds(cuts, low, high, level, windows_differ=True)


def bounds_of(forecasts: pd.DataFrame, contender: str) -> Bounds:
    """What the forecasts of a contender missed by: ``origin``, ``actual`` and a column of its name."""
    return conformal_bounds(
        forecasts[contender].to_numpy(dtype=float),
        forecasts["actual"].to_numpy(dtype=float),
        origin=forecasts["origin"].to_numpy(),
    )


def _ends(missed: Floats, level: float) -> tuple[float, float]:
    """What covers the error of one more customer, by those that are known."""
    n, tail = len(missed), (1 - level) / 2
    if not n:
        return 0.0, 0.0
    ordered = np.sort(missed)
    # The (n + 1)-th is the new customer's: with few errors known the ends are the most extreme ones.
    up = min(int(np.ceil((n + 1) * (1 - tail))), n) - 1
    return float(ordered[n - 1 - up]), float(ordered[up])


def _differ(missed: Floats, low: Floats, high: Floats, windows: list[NDArray[np.bool_]]) -> bool:
    """Whether windows lie below, within and above the common ends more differently than chance has it."""
    sides = np.where(missed < low, 0, np.where(missed > high, 2, 1))
    counts = np.array([np.bincount(sides[window], minlength=3) for window in windows])
    counts = counts[:, counts.sum(axis=0) > 0] if len(windows) > 1 else counts
    if len(windows) < 2 or counts.shape[1] < 2:
        return False
    return bool(chi2_contingency(counts, correction=False).pvalue < 1 - LEVEL)


def own_bounds(
    buying: Buying, rows: pd.DataFrame, *, horizon_days: float, level: float = COVERED, draws: int = 400,
    seed: int = 0,
) -> tuple[Floats, Floats]:  # fmt: skip
    """The model's own intervals: quantiles of spend drawn from each customer's exact posterior.

    Where there is no model of purchases or values, both ends are missing.
    """
    if buying.purchases is None or buying.value is None or not len(rows):
        return np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    orders = buying.purchases.draw(
        rows[["x", "t_x", "T"]].reset_index(drop=True), horizon_days=horizon_days, size=draws, seed=seed
    )
    n = rows["days"].to_numpy(dtype=float)
    mean = rows["gross"].to_numpy(dtype=float) / np.maximum(n, 1)
    spend = buying.kept * buying.value.draw_totals(orders, np.maximum(mean, 0.0), n, seed=seed + 1)
    tail = (1 - level) / 2
    low, high = np.quantile(spend, [tail, 1 - tail], axis=0)
    return low, high


def coverage(
    forecast: Floats, actual: Floats, ends: dict[str, tuple[Floats, Floats]], bounds: Bounds
) -> pd.DataFrame:
    """How often intervals held, by the groups of the conformal ones and over all.

    Parameters
    ----------
    forecast, actual
        Of rows that the bounds were not learnt from.
    ends
        Lower and upper ends by the name of the kind: ``conformal``, ``own``.
    bounds
        Whose groups are shown.

    Returns
    -------
    pandas.DataFrame
        ``kind``, ``group`` (1 is the lowest forecast; 0 is all), ``customers``, ``forecast`` (mean),
        ``covered`` with ``low`` and ``high`` (95 %, Wilson), ``width`` (mean).
    """
    place = bounds.group(forecast) + 1
    rows = []
    for kind, (low, high) in ends.items():
        known = np.isfinite(low) & np.isfinite(high)
        inside = (actual >= low) & (actual <= high)
        for group in [0, *np.unique(place)]:
            kept = known & ((place == group) | (group == 0))
            if not kept.any():
                continue
            hits, n = int(inside[kept].sum()), int(kept.sum())
            ends_of = proportion_confint(hits, n, method="wilson")
            width = float((high - low)[kept].mean())
            rows.append((kind, int(group), n, float(forecast[kept].mean()), hits / n, *ends_of, width))
    columns = ["kind", "group", "customers", "forecast", "covered", "low", "high", "width"]
    return pd.DataFrame(rows, columns=columns)


def calibration(forecasts: pd.DataFrame, contender: str, *, groups: int = 10) -> pd.DataFrame:
    """Mean forecast and mean spend in tenths of the forecast, lowest first.

    Returns
    -------
    pandas.DataFrame
        ``group``, ``customers``, ``forecast``, ``actual``, ``low``, ``high`` (95 % of the mean spend). Equal
        forecasts stay together; groups of fewer than five are left out.
    """
    forecast, actual = forecasts[contender].to_numpy(dtype=float), forecasts["actual"].to_numpy(dtype=float)
    shares = np.arange(1, groups) / groups
    cuts = np.unique(np.quantile(forecast, shares, method="inverted_cdf")) if len(forecast) else forecast
    place = np.searchsorted(cuts, forecast, side="left")
    rows: list[tuple[float, ...]] = []
    for k in np.unique(place):
        kept = place == k
        n, mean = int(kept.sum()), float(actual[kept].mean())
        if n < SMALLEST_GROUP:
            continue
        reach = z() * float(actual[kept].std(ddof=1)) / np.sqrt(n)
        rows.append((len(rows) + 1, n, float(forecast[kept].mean()), mean, mean - reach, mean + reach))
    return pd.DataFrame(rows, columns=["group", "customers", "forecast", "actual", "low", "high"])


def total_bounds(totals: pd.DataFrame, expected: float) -> tuple[float, float] | None:
    """The 90 % interval of a total, from how far totals missed at earlier origins; None below three of them.

    Parameters
    ----------
    totals
        ``expected`` and ``actual`` of each judged origin.
    expected
        The new total.

    Notes
    -----
    A t interval for the next log ratio of actual to expected. Customers' errors do not cancel out: a season
    or a campaign moves them all at once, which no interval of a model for single customers contains.
    """
    known = totals[(totals["expected"] > 0) & (totals["actual"] > 0)]
    if len(known) < 3 or expected <= 0:
        return None
    ratio = np.log(known["actual"] / known["expected"])
    n = len(ratio)
    reach = student.ppf((1 + COVERED) / 2, n - 1) * float(ratio.std(ddof=1)) * np.sqrt(1 + 1 / n)
    middle = float(ratio.mean())
    low, high = expected * np.exp(middle - reach), expected * np.exp(middle + reach)
    return min(low, expected), max(high, expected)
