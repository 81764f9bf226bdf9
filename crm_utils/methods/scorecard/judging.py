"""Was each week of a number ordinary, by what was known before it? Holidays and sales by their own kind."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.statistics import z
from crm_utils.methods.scorecard.calendar import Marks, aligned, last_year_of
from crm_utils.methods.scorecard.control import Limits, control_limits, of_event, of_season
from crm_utils.methods.scorecard.measures import Measure

__all__ = ["interval_of", "judge_weeks"]


def judge_weeks(
    series: pd.DataFrame,
    measure: Measure,
    *,
    marks: Marks,
    baseline_weeks: int,
    false_alarms_a_year: float,
    numbers: int,
) -> list[Limits]:
    """Limits for each week of a measure, from the ordinary weeks before it.

    Parameters
    ----------
    series
        From :func:`measure_by_week`: ``value`` and ``of`` by week.
    measure
        Which.
    marks
        Weeks of holidays and sales: they are in no baseline, and are judged by the same event of last year.
    baseline_weeks
        Ordinary weeks before the one judged.
    false_alarms_a_year, numbers
        Of all numbers of the page together, and how many there are.

    Notes
    -----
    A week that was outside its range, and whose next week was not, is left out of later baselines: one
    outlier would hide the next. Two in a row are a new level, and stay. A number that drifts with the season
    is judged by how it stands to the same week of last year, where that is known.
    """
    weeks: list[dt.date] = list(series.index)
    values, parts = (series[name].to_numpy(dtype=float) for name in ("value", "of"))
    years = _last_year(weeks, values, marks)
    ordinary: list[Limits] = []
    limits: list[Limits] = []
    says: list[str] = []
    asked: dict[str, Any] = {"false_alarms_a_year": false_alarms_a_year, "numbers": numbers}
    for k, week in enumerate(weeks):
        before = _ordinary(weeks, says, marks, k)[-baseline_weeks:]
        one = control_limits(
            values[before], kind=measure.kind, of=parts[before], of_now=float(parts[k]), **asked
        )
        if one.refused == "drifts":
            one = of_season(one, values[before], years[before], float(years[k]), kind=measure.kind, **asked)
        ordinary.append(one)
        if marks.is_special(week):
            like = aligned(week, weeks, marks)
            then = k if like is None else weeks.index(like)
            one = of_event(one, ordinary[then], math.nan if like is None else float(values[then]))
        limits.append(one)
        says.append(one.says(float(values[k])))
    return limits


def _last_year(weeks: list[dt.date], values: NDArray[np.float64], marks: Marks) -> NDArray[np.float64]:
    """For each week, the value of the week of the year before that it is compared with."""
    place = {week: k for k, week in enumerate(weeks)}
    like = last_year_of(weeks, marks)
    return np.array([math.nan if week is None else values[place[week]] for week in like])


def _ordinary(weeks: Sequence[dt.date], says: Sequence[str], marks: Marks, k: int) -> list[int]:
    def is_lone(j: int) -> bool:
        return says[j] in ("low", "high") and j + 1 < k and says[j + 1] == "ordinary"

    return [j for j in range(k) if not marks.is_special(weeks[j]) and not is_lone(j)]


def interval_of(value: float, limits: Limits, *, of: float = math.nan) -> tuple[float, float]:
    """Between which values the level lies that one week shows: 95 %, from how weeks vary.

    Missing where the weeks before do not say how much they vary.
    """
    if math.isnan(value) or math.isnan(limits.noise):
        return math.nan, math.nan
    half = z() * limits.noise
    if limits.logged:
        return (value * math.exp(-half), value * math.exp(half)) if value > 0 else (math.nan, math.nan)
    if of > 0 and 0 <= value <= 1:
        coin = half * math.sqrt(max(value * (1 - value), limits.centre * (1 - limits.centre)) / of)
        return max(0.0, value - coin), min(1.0, value + coin)
    return value - half, value + half
