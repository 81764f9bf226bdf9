"""Where do we stand this week? Every measure beside last week, last year and its limits, in one table."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crm_utils.features.calendar import Event
from crm_utils.features.facts import Cannot, ShopFacts
from crm_utils.features.statistics import Number
from crm_utils.methods.scorecard.calendar import last_year_of, marks_of
from crm_utils.methods.scorecard.control import LEAST_WEEKS, Limits
from crm_utils.methods.scorecard.judging import interval_of, judge_weeks
from crm_utils.methods.scorecard.measures import Measure, measure_by_week, measures_of
from crm_utils.methods.scorecard.weeks import Weeks

__all__ = ["LEAST_WHOLE_WEEKS", "Card", "cannot", "proposed_goals", "score"]

LEAST_WHOLE_WEEKS = 2
"""Whole weeks below which there is no week to compare with."""
_GOAL_WEEKS, _MONTH_WEEKS = 26, 4


@dataclass(frozen=True)
class Card:
    """The last whole week, measure by measure.

    Attributes
    ----------
    week
        Its Monday.
    table
        A row a measure: ``measure``, ``unit``, ``better``, ``denominator``, ``empty`` (whether that is 0),
        ``value``, with ``level_low`` and ``level_high`` (of the level that one week shows), ``last_week``,
        ``last_month`` (of the four weeks before together, a week), ``last_year`` (of the week with the same
        holidays and sales; missing where unknown), ``centre``, ``low``, ``high`` (limits), ``says`` (``low``,
        ``high``, ``ordinary``, or empty), ``refused`` (why there are no limits), ``lag1``, ``weeks`` (of
        baseline), ``season`` (whether they stand against last year), ``holidays``.
    history
        A row a measure and week: ``measure``, ``unit``, ``definition``, ``week``, ``value``, ``last_year``,
        ``low``, ``high``, ``says``.
    """

    week: dt.date
    table: pd.DataFrame
    history: pd.DataFrame

    @property
    def alarms(self) -> pd.DataFrame:
        """The measures whose week is more than chance."""
        return self.table[self.table["says"].isin(["low", "high"])]

    def numbers(self, *, currency: str) -> list[Number]:
        """The week's numbers, as a run records them."""
        numbers = []
        for row in self.table.to_dict("records"):
            unit = currency if row["unit"] == "money" else row["unit"]
            known = not math.isnan(row["level_low"])
            ends = {"low": row["level_low"], "high": row["level_high"]} if known else {}
            numbers.append(Number(f"week.{row['measure']}", _or_none(row["value"]), unit=unit, **ends))
        return [*numbers, Number("alarms", len(self.alarms), unit="measures")]


def cannot(facts: ShopFacts) -> Cannot | None:
    """Why a shop has no scorecard: no money, or fewer than two whole weeks."""
    if facts.first_day is None:
        return Cannot("scorecard.no_orders")
    if facts.no_money:
        return Cannot("no_money")
    begins = max(facts.first_day, facts.history_starts or facts.first_day)
    monday = begins + dt.timedelta(days=-begins.weekday() % 7)
    whole = ((facts.as_of - monday).days + 1) // 7
    if whole < LEAST_WHOLE_WEEKS:
        return Cannot("scorecard.few_weeks", {"weeks": max(whole, 0), "least": LEAST_WHOLE_WEEKS})
    return None


def score(
    weeks: Weeks,
    *,
    events: Iterable[Event] = (),
    baseline_weeks: int = 26,
    false_alarms_a_year: float = 1.0,
) -> Card:
    """Judge the last whole week, and each week before it by what was known then.

    Parameters
    ----------
    weeks
        Whole weeks, two or more.
    events
        Holidays and the shop's sales.
    baseline_weeks
        Ordinary weeks before the one judged, from which its limits come.
    false_alarms_a_year
        Of all measures together.
    """
    marks, measures = marks_of(events), measures_of(weeks)
    mondays = list(weeks.sums.index)
    like = last_year_of(mondays, marks)
    rows, history = [], []
    for measure in measures:
        series = measure_by_week(weeks, measure)
        past = judge_weeks(
            series, measure, marks=marks, baseline_weeks=baseline_weeks,
            false_alarms_a_year=false_alarms_a_year, numbers=len(measures),
        )  # fmt: skip
        years = [math.nan if week is None else float(series["value"].loc[week]) for week in like]
        rows.append(_row(measure, series, past[-1], years[-1], marks.holidays.get(mondays[-1], ())))
        history.append(pd.DataFrame({
            "measure": measure.name, "unit": measure.unit, "definition": measure.definition,
            "week": mondays, "value": series["value"].to_numpy(), "last_year": years,
            "low": [x.low for x in past], "high": [x.high for x in past],
            "says": [x.says(float(v)) for x, v in zip(past, series["value"], strict=True)],
        }))  # fmt: skip
    return Card(mondays[-1], pd.DataFrame(rows), pd.concat(history, ignore_index=True))


def _row(
    measure: Measure, series: pd.DataFrame, limits: Limits, last_year: float, holidays: tuple[str, ...]
) -> dict[str, Any]:
    value, of = (float(series[name].iloc[-1]) for name in ("value", "of"))
    before = series.iloc[-1 - _MONTH_WEEKS : -1]
    weight = before["of"] if measure.denominator else None
    ends = interval_of(value, limits, of=of if measure.kind == "rate" else math.nan)
    lowest = 0.0 if measure.unit == "share" else -math.inf  # a share that was 0 at times has plain limits
    return {
        "measure": measure.name, "unit": measure.unit, "better": measure.better,
        "denominator": measure.denominator, "empty": bool(measure.denominator) and not of > 0,
        "value": value, "level_low": max(ends[0], lowest), "level_high": ends[1],
        "last_week": float(series["value"].shift(1).iloc[-1]), "last_month": _mean(before["value"], weight),
        "last_year": last_year, "centre": limits.centre, "low": max(limits.low, lowest), "high": limits.high,
        "says": limits.says(value), "refused": limits.refused, "lag1": limits.lag1,
        "weeks": limits.weeks, "season": limits.season,
        "holidays": ", ".join(holidays),
    }  # fmt: skip


def _mean(values: pd.Series[float], weight: pd.Series[float] | None) -> float:
    """Of four weeks; a ratio is that of its sums. Missing where one of them is."""
    if len(values) < _MONTH_WEEKS or values.isna().any():
        return math.nan
    if weight is None:
        return float(values.mean())
    return float((values * weight).sum() / weight.sum())


def proposed_goals(weeks: Weeks) -> pd.DataFrame:
    """Goals for a study that has none: what the best quarter of the last half year reached.

    Returns
    -------
    pandas.DataFrame
        ``measure``, ``unit``, ``bound`` (``at_least`` or ``at_most``), ``target``, ``reached`` (share of the
        last 26 weeks that did). Measures without a better side, or known in fewer than 8 weeks, are left out.
    """
    rows = []
    for measure in measures_of(weeks):
        values = measure_by_week(weeks, measure)["value"].iloc[-_GOAL_WEEKS:].dropna()
        if measure.better == "neither" or len(values) < LEAST_WEEKS or values.min() == values.max():
            continue
        more = measure.better == "more"
        target = float(values.quantile(0.75 if more else 0.25))
        reached = float((values >= target).mean() if more else (values <= target).mean())
        bound = "at_least" if more else "at_most"
        rows.append((measure.name, measure.unit, bound, target, reached))
    return pd.DataFrame(rows, columns=["measure", "unit", "bound", "target", "reached"])


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
