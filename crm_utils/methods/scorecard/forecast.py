"""What will the next weeks bring? Last window or last year, whichever was nearer at earlier origins."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta, t

from crm_utils.features.statistics import LEVEL, Number
from crm_utils.methods.scorecard.weeks import Weeks

__all__ = [
    "LEAST_ORIGINS",
    "YEAR_WEEKS",
    "Forecast",
    "Past",
    "forecast_total",
    "outlook",
    "score_past",
    "with_earlier",
]

LEAST_ORIGINS = 6
"""Earlier origins, windows of their own each, below which no interval is given."""
YEAR_WEEKS = 52
_LEVEL_WEEKS = 4


@dataclass(frozen=True)
class Forecast:
    """The total of the coming weeks.

    Attributes
    ----------
    value, low, high
        In the series' unit; the ends are missing with too few origins.
    by
        ``last_window`` or ``last_year``.
    origins
        How many earlier windows the interval rests on.
    errors
        A row a contender: mean absolute error on the log scale, and how many origins it was judged on.
    """

    value: float
    low: float
    high: float
    by: str
    origins: int
    errors: pd.DataFrame

    def numbers(self, *, unit: str) -> list[Number]:
        """The forecast, as a run records it."""
        ends = {} if math.isnan(self.low) else {"low": self.low, "high": self.high}
        known = None if math.isnan(self.value) else self.value
        return [Number("forecast.revenue", known, unit=unit, **ends), Number("forecast.by", self.by)]


def forecast_total(series: pd.Series[float], *, weeks: int, of_few: bool = False) -> Forecast:
    """Forecast the sum of the next weeks of a series of totals.

    Parameters
    ----------
    series
        Totals of whole weeks, in order, none missing.
    weeks
        How many weeks ahead.
    of_few
        Whether the last window is of fewer than five customers: then nothing is forecast.

    Notes
    -----
    ``last_window`` repeats the last ``weeks``; ``last_year`` repeats the same weeks of last year times the
    growth since then, as the last window shows it. Origins lie ``weeks`` apart, so their errors do not
    overlap; the interval is the prediction interval of Student's t on the log errors of the chosen one. It is
    chosen on the same origins, which flatters it a little where both are near. A season that was never seen
    is foreseen by neither.
    """
    values = np.asarray(series, dtype=np.float64) * (math.nan if of_few else 1.0)
    made = {
        "last_window": _last_window(values, len(values), weeks),
        "last_year": _last_year(values, len(values), weeks),
    }
    errors: dict[str, list[float]] = {name: [] for name in made}
    for origin in range(len(values) - weeks, weeks - 1, -weeks):
        actual = values[origin : origin + weeks].sum()
        for name, how in (("last_window", _last_window), ("last_year", _last_year)):
            guess = how(values, origin, weeks)
            if actual > 0 and guess > 0:
                errors[name].append(math.log(actual / guess))
    table = pd.DataFrame(
        {"contender": list(errors), "error": [np.mean(np.abs(e)) if e else math.nan for e in errors.values()],
         "origins": [len(e) for e in errors.values()]}
    )  # fmt: skip
    # Last year needs as many origins as would give it an interval of its own.
    fair = table[(table["origins"] >= LEAST_ORIGINS) & np.isfinite(list(made.values()))]
    by = str(fair.sort_values("error")["contender"].iloc[0]) if len(fair) else "last_window"
    value, log_errors = made[by], np.array(errors[by])
    n = len(log_errors)
    if n < LEAST_ORIGINS or not value > 0:
        return Forecast(value, math.nan, math.nan, by, n, table)
    half = float(t.ppf((1 + LEVEL) / 2, n - 1)) * float(log_errors.std(ddof=1)) * math.sqrt(1 + 1 / n)
    bias = float(log_errors.mean())
    return Forecast(value, value * math.exp(bias - half), value * math.exp(bias + half), by, n, table)


def _last_window(values: NDArray[np.float64], origin: int, weeks: int) -> float:
    return float(values[origin - weeks : origin].sum()) if origin >= weeks else math.nan


def _last_year(values: NDArray[np.float64], origin: int, weeks: int) -> float:
    start = origin - YEAR_WEEKS
    if start < weeks:
        return math.nan
    before, now = values[start - weeks : start].sum(), values[origin - weeks : origin].sum()
    return float(values[start : start + weeks].sum() * now / before) if before > 0 else math.nan


@dataclass(frozen=True)
class Past:
    """How right earlier forecasts were.

    Attributes
    ----------
    scored
        How many are over.
    covered
        How many of them held what came.
    covered_low, covered_high
        95 % interval of the share that is covered (Clopper & Pearson, *Biometrika* 26, 1934).
    bias, bias_low, bias_high
        Mean of what came over what was foreseen, less 1, with its interval: above 0, too little was foreseen.
        Missing below two.
    """

    scored: int
    covered: int
    covered_low: float
    covered_high: float
    bias: float
    bias_low: float
    bias_high: float


def with_earlier(
    forecast: Forecast,
    known: Weeks,
    *,
    weeks: int,
    made_on: dt.date,
    earlier: pd.DataFrame | None,
) -> pd.DataFrame:
    """List the forecast below those of earlier runs, with what came where that is known.

    Parameters
    ----------
    forecast, weeks, made_on
        What is foreseen now, for so many weeks after the last one known, on which day.
    known
        The weeks as known now.
    earlier
        The table ``forecasts`` of the last run; None where there is none.

    Returns
    -------
    pandas.DataFrame
        ``made_on``, ``starts``, ``ends`` (days), ``value``, ``low``, ``high``, ``by``, ``actual`` (missing
        until those weeks are over, and where so few bought that it would speak of single people) and
        ``inside``. One forecast a period: the first that was made of it.
    """
    starts = known.sums.index[-1] + dt.timedelta(weeks=1)
    row = {
        "made_on": made_on, "starts": starts, "ends": _last_day(starts, weeks), "value": forecast.value,
        "low": forecast.low, "high": forecast.high, "by": forecast.by,
    }  # fmt: skip
    old = [] if earlier is None else earlier[list(row)].to_dict("records")
    made = [{**one, **{k: _day(one[k]) for k in ("made_on", "starts", "ends")}} for one in old]
    is_new = all((one["starts"], one["ends"]) != (row["starts"], row["ends"]) for one in made)
    rows = [*made, *([row] if is_new else [])]
    actual = [_came(known, one["starts"], one["ends"]) for one in rows]
    inside = [
        None if math.isnan(came) or math.isnan(one["low"]) else one["low"] <= came <= one["high"]
        for one, came in zip(rows, actual, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=list(row)).assign(actual=actual)
    return frame.assign(inside=pd.array(inside, dtype="boolean"))


def score_past(forecasts: pd.DataFrame) -> Past:
    """How often earlier forecasts held what came, and to which side they were wrong.

    Parameters
    ----------
    forecasts
        From :func:`with_earlier`.

    Examples
    --------
    >>> rows = pd.DataFrame({"value": [100.0, 90.0], "actual": [110.0, 99.0], "inside": [True, False]})
    >>> past = score_past(rows)
    >>> past.scored, past.covered, round(past.bias, 3)
    (2, 1, 0.1)
    """
    over = forecasts[forecasts["actual"].notna() & forecasts["inside"].notna()]
    n, k = len(over), int(over["inside"].astype(bool).sum())
    low = 0.0 if k == 0 else float(beta.ppf((1 - LEVEL) / 2, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf((1 + LEVEL) / 2, k + 1, n - k))
    errors = np.log((over["actual"] / over["value"]).where(lambda x: x > 0).dropna().to_numpy(dtype=float))
    if len(errors) < 2:
        return Past(n, k, low, high, math.nan, math.nan, math.nan)
    half = float(t.ppf((1 + LEVEL) / 2, len(errors) - 1)) * float(errors.std(ddof=1)) / math.sqrt(len(errors))
    bias = float(errors.mean())
    return Past(n, k, low, high, *(math.expm1(bias + move) for move in (0.0, -half, half)))


def outlook(series: pd.Series[float], *, weeks: int, target: float, at_least: bool) -> str:
    """Whether a goal will be reached so many weeks from now: ``likely``, ``unlikely`` or ``open``.

    Parameters
    ----------
    series
        A number's weeks, in order; missing ones are left out.
    weeks
        From the last week to the goal's date, one or more.
    target, at_least
        The goal, and on which side of it is good.

    Notes
    -----
    The mean of the last four weeks is what is foreseen; how far a week was from the four weeks that lay so
    much earlier gives its range. Origins are ``weeks`` apart where that leaves enough of them.
    """
    values = series.dropna().to_numpy(dtype=float)
    level = float(values[-_LEVEL_WEEKS:].mean()) if len(values) else math.nan
    ends = range(_LEVEL_WEEKS, len(values) - weeks + 1)
    errors = np.array([values[k + weeks - 1] - values[k - _LEVEL_WEEKS : k].mean() for k in ends])
    apart = max(1, len(errors) // max(weeks, 1))  # windows that do not overlap
    if apart < LEAST_ORIGINS or math.isnan(level):
        return "open"
    half = float(t.ppf((1 + LEVEL) / 2, apart - 1)) * float(np.sqrt((errors**2).mean()))
    low, high = level - half, level + half
    if at_least:
        return "likely" if low >= target else "unlikely" if high < target else "open"
    return "likely" if high <= target else "unlikely" if low > target else "open"


def _last_day(starts: dt.date, weeks: int) -> dt.date:
    return starts + dt.timedelta(weeks=weeks, days=-1)


def _came(known: Weeks, starts: dt.date, ends: dt.date) -> float:
    weeks = list(known.sums.index)
    if weeks[-1] + dt.timedelta(days=6) < ends or weeks[0] > starts:
        return math.nan
    within = [k for k, week in enumerate(weeks) if starts <= week <= ends]
    return known.revenue_between(within[0], within[-1] + 1)


def _day(value: object) -> dt.date:
    return dt.date.fromisoformat(str(value)[:10])
