"""Weeks are compared by event and not by date: dates from a calendar on paper, effects planted by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crm_utils.features.calendar import Event, public_holidays
from crm_utils.methods.scorecard import REGISTRY, aligned, marks_of
from crm_utils.methods.scorecard.judging import judge_weeks
from crm_utils.study.calendar import Calendar

FIRST, LAST = dt.date(2019, 1, 1), dt.date(2025, 12, 31)
MONDAYS = [dt.date(2018, 12, 31) + dt.timedelta(weeks=k) for k in range(366)]
KOREA = marks_of(public_holidays("KR", first=FIRST, last=LAST))
ORDERS = next(measure for measure in REGISTRY if measure.name == "orders")


def monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


@pytest.mark.parametrize(
    ("this_year", "last_year"),
    [
        (dt.date(2025, 1, 29), dt.date(2024, 2, 10)),  # 설날
        (dt.date(2025, 10, 6), dt.date(2024, 9, 17)),  # 추석
        (dt.date(2024, 2, 10), dt.date(2023, 1, 22)),
        (dt.date(2024, 9, 17), dt.date(2023, 9, 29)),
        (dt.date(2020, 1, 25), dt.date(2019, 2, 5)),
    ],
)
def test_lunar_weeks_are_compared_with_their_like(this_year: dt.date, last_year: dt.date) -> None:
    assert aligned(monday(this_year), MONDAYS, KOREA) == monday(last_year)
    before = monday(this_year) - dt.timedelta(weeks=1)  # when presents are bought
    assert aligned(before, MONDAYS, KOREA) == monday(last_year) - dt.timedelta(weeks=1)


def test_a_week_without_a_holiday_is_never_compared_with_one_of_a_holiday() -> None:
    for week in MONDAYS[60:]:
        like = aligned(week, MONDAYS, KOREA)
        assert like is not None
        assert KOREA.is_special(week) == KOREA.is_special(like), week
        assert abs((week - like).days - 364) <= 35


@pytest.mark.parametrize(
    ("week", "last_year"),
    [
        (
            dt.date(2020, 12, 28),
            dt.date(2019, 12, 30),
        ),  # week 53 and the first of 2020: days apart, not weeks
        (dt.date(2024, 2, 26), dt.date(2023, 2, 27)),  # the leap day's
        (dt.date(2025, 2, 24), dt.date(2024, 2, 26)),
        (dt.date(2024, 3, 25), dt.date(2023, 3, 27)),  # summer time begins in London on its Sunday, 31 March
    ],
)
def test_week_53_leap_days_and_summer_time_move_no_week(week: dt.date, last_year: dt.date) -> None:
    assert aligned(week, MONDAYS, marks_of([])) == last_year


def test_a_first_year_has_no_year_before_in_its_own_january() -> None:
    """A panel of 2017 alone: Christmas week was held against the week of New Year's Day of the same year."""
    marks = marks_of(public_holidays("US", first=dt.date(2017, 1, 1), last=dt.date(2017, 12, 31)))
    weeks = [dt.date(2017, 1, 2) + dt.timedelta(weeks=k) for k in range(52)]
    assert [week for week in weeks if aligned(week, weeks, marks) is not None] == []
    assert aligned(dt.date(2018, 1, 1), weeks, marks) == dt.date(2017, 1, 2)


def test_a_sale_is_compared_with_the_sale_of_its_name() -> None:
    sales = [
        Event("Summer sale", dt.date(2023, 6, 26), dt.date(2023, 7, 9), sale=True),
        Event("Summer sale", dt.date(2024, 7, 15), dt.date(2024, 7, 28), sale=True),
        Event("Opening", dt.date(2024, 9, 2), dt.date(2024, 9, 8), sale=True),
    ]
    marks = marks_of(sales)
    assert aligned(dt.date(2024, 7, 15), MONDAYS, marks) in (dt.date(2023, 6, 26), dt.date(2023, 7, 3))
    assert aligned(dt.date(2024, 9, 2), MONDAYS, marks) is None  # there was none like it
    assert not marks.is_special(aligned(dt.date(2024, 7, 1), MONDAYS, marks))


def shop(seed: int, *, effect: float = 0.5, last: float = 1.0) -> tuple[pd.DataFrame, list[Event]]:
    """Two years of weeks in which 설날 halves sales; the last week is the one of 2025."""
    rng = np.random.default_rng(seed)
    weeks = [dt.date(2023, 10, 2) + dt.timedelta(weeks=k) for k in range(70)]
    weeks = [week for week in weeks if week <= dt.date(2025, 1, 27)]
    halved = [
        1.0 if not KOREA.days.get(week, {}).get(("Korean New Year", "in")) else effect for week in weeks
    ]
    values = 1000 * np.exp(rng.normal(0, 0.05, len(weeks))) * np.array(halved)
    values[-1] *= last
    series = pd.DataFrame({"value": values, "of": np.nan}, index=weeks)
    return series, public_holidays("KR", first=weeks[0], last=weeks[-1] + dt.timedelta(days=6))


def says(series: pd.DataFrame, events: list[Event]) -> str:
    given = {"baseline_weeks": 26, "false_alarms_a_year": 1.0, "numbers": 8}
    limits = judge_weeks(series, ORDERS, marks=marks_of(events), **given)
    return limits[-1].says(float(series["value"].iloc[-1]))


def test_seollal_is_no_alarm_where_the_calendar_knows_it_and_a_real_drop_in_it_is() -> None:
    verdicts = []
    for seed in range(901, 907):
        series, events = shop(seed)
        bad, _ = shop(seed, last=0.5)
        verdicts.append((says(series, []), says(series, events), says(bad, events)))
    by_date, by_event, real = zip(*verdicts, strict=True)
    assert set(by_date) <= {"low", ""}  # half of sales are gone
    assert set(by_event) <= {"ordinary", ""}  # one series in thirty drifts by chance, and is refused
    assert list(real).count("low") >= 5


def test_a_first_seollal_cannot_be_judged_and_says_so() -> None:
    series, events = shop(1)
    limits = judge_weeks(
        series.iloc[30:],
        ORDERS,
        marks=marks_of(events),
        baseline_weeks=26,
        false_alarms_a_year=1.0,
        numbers=8,
    )
    assert limits[-1].refused == "event"


def test_a_calendar_that_cannot_be_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="the holidays of 'XX' are not known"):
        Calendar(holidays="XX")
    sale = {"name": "Sale", "starts_on": "2024-07-02", "ends_on": "2024-07-01"}
    with pytest.raises(ValueError, match="'Sale' ends before it starts"):
        Calendar.model_validate({"sales": [sale]})
    sale["ends_on"] = "2024-07-05"
    with pytest.raises(ValueError, match="'Sale' stands twice on 2024-07-02"):
        Calendar.model_validate({"sales": [sale, sale]})
    calendar = Calendar.model_validate({"holidays": "KR", "sales": [sale]})
    named = [event.name for event in calendar.events(dt.date(2024, 7, 1), dt.date(2024, 9, 30))]
    assert named == ["Sale", "Liberation Day", "Chuseok"]
