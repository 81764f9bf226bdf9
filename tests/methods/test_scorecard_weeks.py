"""Weeks are counted exactly, whole or not at all; forecasts are as wrong as they say."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.features import ShopFacts, shop_facts
from crm_utils.methods.scorecard import (
    cannot,
    forecast_total,
    known_weeks,
    measure_by_week,
    measures_of,
    proposed_goals,
    score,
    weekly_sums,
)
from crm_utils.sentences import scorecard as words

START = dt.date(2023, 1, 2)  # a Monday


def orders(rows: list[tuple[str, str | None, str, float]]) -> ibis.expr.types.Table:
    frame = pd.DataFrame(rows, columns=["order_id", "customer_id", "ordered_at", "amount"]).assign(
        discount=1.0
    )
    kinds = {"ordered_at": "timestamp(6)", "amount": "decimal(18,2)", "discount": "decimal(18,2)"}
    return ibis.memtable(frame).cast({"customer_id": "string", **kinds})


def test_weeks_are_counted_by_hand_and_half_weeks_left_out() -> None:
    rows = [
        ("1", "ann", "2023-01-02 09:00", 10), ("2", "ann", "2023-01-08 23:59", 20),
        ("3", None, "2023-01-05", 5),
        ("4", "ann", "2023-01-09", 30), ("5", "bob", "2023-01-10", 40), ("6", "bob", "2023-01-11", -15),
        ("7", "bob", "2023-01-23", 99),
    ]  # fmt: skip
    as_of = dt.date(2023, 1, 25)  # a Wednesday
    weeks = known_weeks(
        weekly_sums(orders(rows), as_of=as_of), as_of=as_of, history_starts=START, existing_days=0
    )
    assert list(weeks.sums.index) == [dt.date(2023, 1, d) for d in (2, 9, 16)]
    first, second, third = weeks.sums.to_dict("records")
    assert (first["orders"], first["customers"], first["new_customers"], first["gross"]) == (3, 1, 1, 35)
    assert (second["orders"], second["customers"], second["again_customers"]) == (2, 2, 1)
    assert (second["gross"], second["returned"]) == (70, 15)
    assert third["orders"] == 0  # nobody came, which is a week all the same
    assert weeks.left_out == 1
    assert weeks.of_few.tolist() == [True, True, False]
    few = {m.name: measure_by_week(weeks, m)["value"].tolist() for m in measures_of(weeks)}
    assert np.isnan(few["revenue"][:2]).all(), "it would be what ann and bob paid"
    assert few["orders"] == [3, 2, 0]
    rows += [(f"g{k}", None, f"2023-01-{2 + 7 * (k % 2):02}", 1) for k in range(10)]
    weeks = known_weeks(weekly_sums(orders(rows), as_of=as_of), as_of=as_of, history_starts=START)
    measures = {m.name: measure_by_week(weeks, m)["value"].tolist() for m in measures_of(weeks)}
    assert measures["revenue"] == [40, 60, 0]
    assert measures["return_share"][1] == pytest.approx(15 / 75)
    assert np.isnan(measures["order_value"][2])  # 0 ÷ 0 has no value


@pytest.mark.parametrize("as_of", ["2024-12-31", "2024-02-29", "2024-03-31", "2020-12-31"])
def test_weeks_over_the_ends_of_years_months_and_daylight_saving_are_seven_days(as_of: str) -> None:
    last = dt.date.fromisoformat(as_of)
    starts = last - dt.timedelta(days=30)
    rows = [(str(k), "ann", f"{starts + dt.timedelta(days=k)} 23:30", 1.0) for k in range(31)]
    weeks = known_weeks(weekly_sums(orders(rows), as_of=last), as_of=last, history_starts=starts)
    assert set(weeks.sums["orders"]) == {7}
    assert weeks.sums.index[-1] + dt.timedelta(days=6) <= last


def test_windows_of_few_people_are_not_told_nor_the_week_that_their_sum_would_give_away() -> None:
    def week_of(monday: int, people: str) -> list[tuple[str, str, str, float]]:
        day = START + dt.timedelta(weeks=monday)
        return [(f"{monday}{who}", who, f"{day} 09:00", 10 + monday) for who in people]

    weeks_of_people = ["a", "", "abc", "cdef", "abcde", "abc", "abcdef", "ghijk"]
    rows = [row for k, people in enumerate(weeks_of_people) for row in week_of(k, people)]
    as_of = START + dt.timedelta(weeks=8, days=-1)
    weeks = known_weeks(weekly_sums(orders(rows), as_of=as_of), as_of=as_of, history_starts=START)
    windows = weeks.windows(2)
    assert windows["starts"].tolist() == [START + dt.timedelta(weeks=k) for k in (0, 2, 4, 6)]
    # One person; six over two weeks of three and four; three who five others would give away; all well.
    assert np.isnan(windows["revenue"]).tolist() == [True, False, True, False]
    assert windows["revenue"].dropna().tolist() == [3 * 12 + 4 * 13, 6 * 16 + 5 * 17]
    assert len(weeks.windows(3)) == 2, "the oldest weeks that make no whole window are left out"


def test_a_late_return_restates_its_own_week_and_no_other() -> None:
    rows = [(str(k), "ann", f"{START + dt.timedelta(days=k)}", 10.0) for k in range(28)]
    as_of = START + dt.timedelta(days=27)
    before = known_weeks(weekly_sums(orders(rows), as_of=as_of), as_of=as_of, history_starts=START).sums
    rows.append(("r", "ann", "2023-01-10", -4.0))
    after = known_weeks(weekly_sums(orders(rows), as_of=as_of), as_of=as_of, history_starts=START).sums
    changed = before.index[(before != after).any(axis=1)]
    assert list(changed) == [dt.date(2023, 1, 9)]


def facts(first: str, as_of: str) -> ShopFacts:
    return shop_facts(
        orders([("1", None, first, 1.0)]).mutate(
            product_id=ibis.literal("p"),
            quantity=ibis.literal(1).cast("decimal(18,3)"),
            channel=ibis.null("string"),
        ),
        as_of=dt.date.fromisoformat(as_of),
    )


def test_too_short_a_history_says_so() -> None:
    why = cannot(facts("2023-01-03", "2023-01-21"))
    assert why is not None
    assert why.numbers["weeks"] == 1
    assert cannot(facts("2023-01-02", "2023-01-15")) is None


def test_a_card_of_two_weeks_says_what_can_be_said() -> None:
    rows = [(str(k), f"c{k % 7}", f"{START + dt.timedelta(days=k)}", 10.0) for k in range(14)]
    as_of = START + dt.timedelta(days=13)
    weeks = known_weeks(weekly_sums(orders(rows), as_of=as_of), as_of=as_of, history_starts=START)
    card = score(weeks)
    assert set(card.table["refused"]) == {"few_weeks"}
    assert words.answer(card, currency="USD").endswith(
        "it cannot be judged (fewer than 8 weeks to judge by)."
    )
    assert len(proposed_goals(weeks)) == 0
    alone = known_weeks(
        weekly_sums(orders([(n, "ann", day, 9.0) for n, _, day, _ in rows]), as_of=as_of),
        as_of=as_of, history_starts=START,
    )  # fmt: skip
    said = words.answer(score(alone), currency="USD")
    assert said.endswith(
        "fewer than five customers bought: its revenue is not shown, since it would be theirs."
    )
    assert np.isnan(forecast_total(weeks.sums["gross"], weeks=4).low)


def test_forecasts_cover_as_they_say() -> None:
    """Windows of one law around a mean: the range holds the next window in 95 of 100."""
    rng, covered, runs = np.random.default_rng(2), 0, 300
    for _ in range(runs):
        weeks = np.exp(rng.normal(6, 0.15, 52 + 4))
        forecast = forecast_total(pd.Series(weeks[:-4]), weeks=4)
        covered += forecast.low <= weeks[-4:].sum() <= forecast.high
    assert abs(covered / runs - 0.95) < 3 * (0.95 * 0.05 / runs) ** 0.5 + 0.01


def test_a_season_is_foreseen_by_last_year() -> None:
    weeks = np.arange(52 * 3)
    season = pd.Series(100 * (1 + 0.5 * np.sin(2 * np.pi * weeks / 52)) * 1.002**weeks)
    forecast = forecast_total(season, weeks=4)
    assert forecast.by == "last_year"
    truth = sum(100 * (1 + 0.5 * np.sin(2 * np.pi * k / 52)) * 1.002**k for k in range(156, 160))
    assert forecast.value == pytest.approx(truth, rel=0.03)
