"""Is this week more than chance? Limits with a stated number of false alarms a year.

Individuals' charts (Shewhart; Montgomery, *Introduction to Statistical Quality Control*, 7th ed., ch. 6.4):
sigma is the mean moving range ÷ 1.128. Textbook limits of three sigma hold for known means and sigmas; here
both come from a few weeks, so the limit is a prediction interval whose factor is found by simulation: on
white noise, as many weeks fall outside as are stated, all mendings included (as in Quesenberry, The effect of
sample size on estimated limits for X̄ and X control charts, *Journal of Quality Technology* 25, 1993). Rates
of so many customers are judged by Laney's p′ (Improved control charts for attributes, *Quality Engineering*
14, 2002), which lets weeks vary more than a coin does.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import norm

__all__ = [
    "LEAST_WEEKS",
    "MOST_LAG1",
    "Limits",
    "control_limits",
    "moving_range_limits",
    "of_event",
    "of_season",
]

LEAST_WEEKS = 8
"""Weeks of baseline below which nothing is called unusual."""
MOST_LAG1 = 0.7
"""Above this correlation of neighbouring weeks no limit is drawn: the series drifts."""
_D2 = 1.128379167  # mean range of two standard normal values: 2 / √π
_ONE_SIDED = float(norm.ppf(0.95))  # a correlation of neighbours beyond it is told apart from 0
_BASELINES = 6000  # of white noise, from which a factor comes: its alarms are then right to some 2 %


@dataclass(frozen=True)
class Limits:
    """Between which values a week is ordinary.

    Attributes
    ----------
    centre, low, high
        In the measure's unit; ``low`` and ``high`` are of the week that is judged.
    lag1
        Correlation of neighbouring weeks in the baseline; 0 where it is not told apart from 0.
    weeks
        Of baseline.
    refused
        A code where no limit can be drawn: ``few_weeks``, ``constant``, ``drifts``, ``event`` (a week of a
        holiday or sale, and none like it is known); empty otherwise.
    logged
        Whether the limits were drawn on logarithms.
    season
        Whether they come from how the weeks before stood to last year's.
    noise
        One week's own standard error on the scale of the limits (of a rate: relative to its coin's).
    """

    centre: float
    low: float
    high: float
    lag1: float
    weeks: int
    refused: str = ""
    logged: bool = False
    season: bool = False
    noise: float = math.nan

    def says(self, value: float) -> str:
        """``low``, ``high``, ``ordinary``, or empty where no limit could be drawn or there is no value."""
        if self.refused or math.isnan(value):
            return ""
        return "low" if value < self.low else "high" if value > self.high else "ordinary"


def moving_range_limits(values: NDArray[np.float64], *, sigmas: float = 3.0) -> tuple[float, float, float]:
    """The textbook's centre, lower and upper limit of an individuals' chart.

    Examples
    --------
    >>> [round(x, 2) for x in moving_range_limits(np.array([10.0, 12, 11, 13, 12]))]
    [11.6, 7.61, 15.59]
    """
    centre = float(np.mean(values))
    sigma = float(np.mean(np.abs(np.diff(values)))) / _D2
    return centre, centre - sigmas * sigma, centre + sigmas * sigma


def control_limits(
    baseline: ArrayLike,
    *,
    kind: str = "count",
    of: ArrayLike | None = None,
    of_now: float = math.nan,
    false_alarms_a_year: float = 1.0,
    numbers: int = 1,
) -> Limits:
    """Limits for the week after a baseline.

    Parameters
    ----------
    baseline
        Values of the weeks before, in order; missing weeks are left out.
    kind
        ``count`` and ``money`` (positive values: limits on logarithms; where a 0 or less is among them, on
        the plain scale), ``score`` (may be negative: the plain scale), or ``rate`` (with ``of``).
    of, of_now
        Denominators of a rate in the baseline and in the week that is judged.
    false_alarms_a_year
        Of the whole page of ``numbers`` numbers, each judged once a week.
    numbers
        How many numbers are judged.

    Notes
    -----
    The chance of a false alarm a number and week is ``false_alarms_a_year`` ÷ (52 × ``numbers``), both sides
    together; the factor is calibrated on white noise. Positive correlation ρ of neighbouring weeks makes the
    moving range too small by √(1 − ρ) and the mean less certain by (1 + ρ) ÷ (1 − ρ); both are mended where
    ρ is told apart from 0, and beyond :data:`MOST_LAG1` no limit is drawn. It does not hold for series with a
    season: a week is compared with the weeks before it.
    """
    given = np.asarray(baseline, dtype=np.float64)
    known = ~np.isnan(given)
    values = given[known]
    n = len(values)
    if n < LEAST_WEEKS:
        return Limits(math.nan, math.nan, math.nan, 0.0, n, "few_weeks")
    if kind == "rate":
        if of is None:
            raise ValueError("A rate needs its denominators: of.")
        parts = np.asarray(of, dtype=np.float64)[known]
        return _rate_limits(values, parts, of_now, false_alarms_a_year / (52 * numbers))
    logged = bool((values > 0).all()) and kind != "score"
    x = np.log(values) if logged else values
    centre, half, lag1, refused, noise = _interval(x, false_alarms_a_year / (52 * numbers))
    ends = np.array([centre, centre - half, centre + half])
    centre, low, high = (float(v) for v in (np.exp(ends) if logged else ends))
    return Limits(centre, low, high, lag1, n, refused, logged, noise=noise)


def of_event(now: Limits, then: Limits, value_then: float) -> Limits:
    """Limits for a week of a holiday or sale: this year's ordinary range, moved by what it did last year.

    Parameters
    ----------
    now
        The ordinary range of this year, from ordinary weeks.
    then, value_then
        The ordinary range before the same event of last year, and what that week brought.

    Notes
    -----
    Both ranges' half widths are added as independent errors are: √(a² + b²). It presumes that the event does
    to this year what it did to the last, on the log scale where the limits are on logarithms.
    """
    if now.refused or then.refused or math.isnan(value_then) or now.logged != then.logged:
        return replace(now, low=math.nan, high=math.nan, refused=now.refused or "event")
    if now.logged and value_then <= 0:
        return replace(now, low=math.nan, high=math.nan, refused="event")
    scale = math.log if now.logged else float
    effect = scale(value_then) - scale(then.centre)
    half = math.hypot(*(scale(one.high) - scale(one.centre) for one in (now, then)))
    ends = [scale(now.centre) + effect + move for move in (0.0, -half, half)]
    centre, low, high = (math.exp(end) if now.logged else end for end in ends)
    return replace(now, centre=centre, low=low, high=high)


def of_season(
    drifting: Limits,
    values: NDArray[np.float64],
    years: NDArray[np.float64],
    year_now: float,
    *,
    kind: str,
    false_alarms_a_year: float,
    numbers: int,
) -> Limits:
    """Limits for a number that drifts, by how it stands to the same week of last year.

    Parameters
    ----------
    drifting
        What the weeks themselves gave: refused.
    values, years
        Of the ordinary weeks before, and of the weeks of the year before that they are compared with.
    year_now
        Of the week that the judged one is compared with.
    kind, false_alarms_a_year, numbers
        As for :func:`control_limits`.

    Notes
    -----
    Ratios on logarithms, for shares and scores differences; a season that comes every year drops out, and
    what is left is judged as any series. Refused where last year is not known, or that drifts as well.
    """
    plain = kind in ("rate", "score") or not ((values > 0).all() and year_now > 0)
    known = ~np.isnan(values) & ~np.isnan(years) & (plain | (years > 0))
    if math.isnan(year_now) or known.sum() < LEAST_WEEKS:
        return drifting
    x, y = values[known], years[known]
    moved = x - y if plain else np.log(x / y)
    centre, half, lag1, refused, noise = _interval(moved, false_alarms_a_year / (52 * numbers))
    if refused:
        return drifting
    ends = (centre, centre - half, centre + half)
    middle, low, high = (year_now + end if plain else year_now * math.exp(end) for end in ends)
    if kind == "rate":
        low, high, noise = max(low, 0.0), min(high, 1.0), math.nan
    # Two weeks' noise is in a difference of two.
    own = noise / math.sqrt(2)
    return Limits(middle, low, high, lag1, int(known.sum()), logged=not plain, noise=own, season=True)


def _rate_limits(p: NDArray[np.float64], of: NDArray[np.float64], of_now: float, alpha: float) -> Limits:
    centre = float((p * of).sum() / of.sum())
    spread = np.sqrt(centre * (1 - centre) / of)
    if not 0 < centre < 1 or not of_now > 0:
        return Limits(centre, math.nan, math.nan, 0.0, len(p), "constant")
    scores = (p - centre) / spread
    middle, half, lag1, refused, noise = _interval(scores, alpha)
    now = math.sqrt(centre * (1 - centre) / of_now)
    low, high = (min(max(centre + (middle + end) * now, 0.0), 1.0) for end in (-half, half))
    return Limits(centre, low, high, lag1, len(p), refused, noise=noise)


def _interval(x: NDArray[np.float64], alpha: float) -> tuple[float, float, float, str, float]:
    """Centre, half width of the prediction interval, correlation, why there is none, a week's noise."""
    n = len(x)
    centre, ranges = float(x.mean()), np.abs(np.diff(x))
    sigma = float(ranges.mean()) / _D2
    if sigma == 0 or np.ptp(x) == 0:
        return centre, math.nan, 0.0, "constant", math.nan
    lag1 = float(_lag1(x))
    if lag1 > MOST_LAG1:
        return centre, math.nan, lag1, "drifts", math.nan
    half = _factor(n, alpha) * sigma * float(_mended(max(lag1, 0.0), n))
    return centre, half, lag1, "", sigma / math.sqrt(1 - max(lag1, 0.0))


def _mended(rho: NDArray[np.float64] | float, n: int) -> NDArray[np.float64]:
    """What correlation ρ does to the interval: the moving range is too small, the mean less certain."""
    return np.asarray(np.sqrt((1 + (1 + rho) / (1 - rho) / n) / (1 - rho)))


@functools.cache
def _factor(n: int, alpha: float) -> float:
    """Sigmas to the limits that the week after ``n`` of white noise exceeds with chance ``alpha``.

    The chance is exact for each simulated baseline (a normal tail) and averaged over those that are judged.
    """
    x = np.random.default_rng(n).normal(size=(_BASELINES, n))
    lag1 = _lag1(x)
    judged = lag1 <= MOST_LAG1
    x, lag1 = x[judged], lag1[judged]
    centre = x.mean(axis=1)
    sigma = np.abs(np.diff(x, axis=1)).mean(axis=1) / _D2
    unit = sigma * _mended(np.maximum(lag1, 0.0), n)

    def too_many(factor: float) -> float:
        outside = ndtr(centre - factor * unit) + ndtr(-centre - factor * unit)
        return float(outside.mean()) - alpha

    return float(brentq(too_many, 0.0, 200.0))


def _lag1(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of neighbours, mended for its bias of about −(1 + 3ρ) ÷ n; 0 where it may be none."""
    n = x.shape[-1]
    d = x - x.mean(axis=-1, keepdims=True)
    r = (d[..., 1:] * d[..., :-1]).sum(axis=-1) / (d**2).sum(axis=-1)
    r = np.minimum(r + (1 + 3 * r) / n, 0.99)
    return np.asarray(np.where(np.abs(r) > _ONE_SIDED / math.sqrt(n), r, 0.0))
