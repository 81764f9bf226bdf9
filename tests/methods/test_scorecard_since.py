"""What is told of earlier runs: restated weeks, alerts once, decisions and forecasts beside what came."""

from __future__ import annotations

import datetime as dt
import functools
import json
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.methods.scorecard import (
    Weeks,
    alerts_of,
    compare_runs,
    decision_log,
    forecast_total,
    known_weeks,
    outlook,
    score,
    score_past,
    weekly_sums,
    with_earlier,
)
from crm_utils.reports.compare_reports import described, diff
from crm_utils.sentences import scorecard_since as words

START = dt.date(2023, 1, 2)
AS_OF = START + dt.timedelta(weeks=20, days=-1)


def kpis(returned: dict[int, float], *, weeks: int = 20) -> pd.DataFrame:
    """Weeks of a shop with 70 orders a week, some of which sent something back, by the week they did."""
    return _kpis(tuple(returned.items()), weeks).copy()


@functools.cache
def _kpis(returned: tuple[tuple[int, float], ...], weeks: int) -> pd.DataFrame:
    rows = [
        (f"{k}", f"c{k % 60}", f"{START + dt.timedelta(days=k // 10)}", 10.0 + k % 7)
        for k in range(weeks * 70)
    ]
    back = [(f"r{w}", "c1", f"{START + dt.timedelta(weeks=w)}", -money) for w, money in returned]
    frame = pd.DataFrame(rows + back, columns=["order_id", "customer_id", "ordered_at", "amount"])
    kinds = {"ordered_at": "timestamp(6)", "amount": "decimal(18,2)", "discount": "decimal(18,2)"}
    orders = ibis.memtable(frame.assign(discount=0)).cast(kinds)
    as_of = START + dt.timedelta(weeks=weeks, days=-1)
    whole = known_weeks(weekly_sums(orders, as_of=as_of), as_of=as_of, history_starts=START)
    return score(whole).history


def test_equal_data_have_not_changed() -> None:
    assert compare_runs(kpis({}), kpis({})).changes.empty
    assert words.since_sentence(compare_runs(kpis({}), kpis({})), "2023-05-21") == (
        "No week that the report of 21 May 2023 told has changed since."
    )


def test_late_returns_restate_their_weeks_and_a_week_that_went_by_is_none() -> None:
    """Two parcels arrive late in the books: in a January that was closed long ago, and in May."""
    since = compare_runs(kpis({}, weeks=19), kpis({2: 55.5, 18: 9.0}, weeks=20))
    restated = since.restated
    money = restated[restated["measure"] == "revenue"].set_index("week")
    assert sorted(money.index) == [START + dt.timedelta(weeks=k) for k in (2, 18)]
    assert (money["before"] - money["after"]).round(2).to_dict() == {
        START + dt.timedelta(weeks=2): 55.5, START + dt.timedelta(weeks=18): 9.0,
    }  # fmt: skip
    assert set(restated["measure"]) == {"revenue", "return_share"}
    newest = since.of_kind("value").set_index("measure")["week"]
    assert newest["orders"] == START + dt.timedelta(weeks=19)


def test_a_number_that_means_something_else_is_not_restated() -> None:
    before, after = kpis({}), kpis({})
    after.loc[after["measure"] == "order_value", "definition"] = "net / orders"
    after.loc[after["measure"] == "order_value", "value"] *= 0.9
    changes = compare_runs(before, after).changes
    assert changes[["measure", "kind"]].to_numpy().tolist() == [["order_value", "definition"]]
    gone = compare_runs(before, after[after["measure"] != "orders"]).of_kind("gone")
    assert gone["measure"].tolist() == ["orders"]


def report(folder: Path, table: pd.DataFrame, day: str) -> Path:
    (folder / "tables").mkdir(parents=True)
    (folder / "results").mkdir()
    table.to_parquet(folder / "tables" / "kpis.parquet", index=False)
    manifest = {
        "run_id": day, "study": "shop", "status": "passed", "schema_version": 1, "title": "Shop",
        "currency": "USD", "timezone": "UTC", "as_of": day, "history_starts": "2023-01-01", "code": "c",
        "versions": {}, "snapshot": {"id": day, "inputs": []}, "notebooks": [],
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.mark.parametrize("late", [{}, {2: 55.5, 18: 9.0}])
def test_crm_diff_and_the_page_never_tell_different_things(tmp_path: Path, late: dict[int, float]) -> None:
    """Every week that the one names, the other names with the same numbers, in the same words."""
    old, new = kpis({}, weeks=19), kpis(late)
    pair = [report(tmp_path / name, t, day) for name, t, day in
            (("a", old, "2023-05-14"), ("b", new, "2023-05-21"))]  # fmt: skip
    earlier = pd.read_parquet(pair[0] / "tables" / "kpis.parquet")
    since = compare_runs(earlier, new)  # as the notebook does it
    page = words.since_table(since, currency="USD")
    lines = [line.strip() for line in described(diff(*pair))]
    assert f"Weeks: {words.since_sentence(since, '2023-05-14')}" in lines
    restated = page[page["why"] == "restated: the same week, newer data"]
    named = [line for line in lines if "restated: the same week, newer data" in line]
    assert len(named) == len(restated) == len(since.restated)
    for row, line in zip(restated.to_dict("records"), named, strict=True):
        assert line == (
            f"{row['measure']}, week from {row['week from']}: {row['last report']} → {row['now']} "
            "(restated: the same week, newer data)"
        )


def history(values: list[float], says: list[str]) -> pd.DataFrame:
    weeks = [START + dt.timedelta(weeks=k) for k in range(len(values))]
    return pd.DataFrame({
        "measure": "revenue", "unit": "money", "week": weeks, "value": values, "low": 90.0, "high": 110.0,
        "says": says,
    })  # fmt: skip


TABLE = pd.DataFrame({"measure": ["revenue"], "holidays": [""]})


def test_an_alert_is_new_once_then_goes_on_and_is_cleared() -> None:
    first = alerts_of(history([100, 80], ["ordinary", "low"]), TABLE, earlier=None)
    assert first[["state", "weeks"]].to_numpy().tolist() == [["new", 1]]
    same_week = alerts_of(history([100, 81], ["ordinary", "low"]), TABLE, earlier=first)
    assert same_week["state"].tolist() == ["still"], "the night after says it no second time"
    second = alerts_of(history([100, 80, 82], ["ordinary", "low", "low"]), TABLE, earlier=same_week)
    assert second[["state", "weeks"]].to_numpy().tolist() == [["still", 2]]
    sentence = words.alert_sentences(second, currency="USD")[0]
    assert sentence == (
        "Unusually low since the week from 9 January 2023: revenue, $82.00. "
        "It clears with a week between $90.00 and $110."
    )
    third = alerts_of(
        history([100, 80, 82, 99], ["ordinary", "low", "low", "ordinary"]), TABLE, earlier=second
    )
    assert third["state"].tolist() == ["cleared"]
    assert words.alert_sentences(third, currency="USD") == []
    assert alerts_of(history([99], ["ordinary"]), TABLE, earlier=third).empty
    other = alerts_of(history([100, 80, 130], ["ordinary", "low", "high"]), TABLE, earlier=first)
    assert sorted(other["state"]) == ["cleared", "new"]


def test_alerts_read_back_from_a_file_are_the_same(tmp_path: Path) -> None:
    first = alerts_of(history([100, 80], ["ordinary", "low"]), TABLE, earlier=None)
    first.to_parquet(tmp_path / "a.parquet")
    again = pd.read_parquet(tmp_path / "a.parquet")
    assert alerts_of(history([100, 81], ["ordinary", "low"]), TABLE, earlier=again)["state"].tolist() == [
        "still"
    ]


def decided(**other: object) -> dict[str, object]:
    return {
        "finding": "Too much comes back", "action": "Better size charts", "owner": "Kim",
        "decided_on": START + dt.timedelta(weeks=20), "due": START + dt.timedelta(weeks=22),
        "number": "revenue", "expects": "less",
    } | other  # fmt: skip


def log_of(values: np.ndarray, **other: object) -> pd.Series:
    weeks = history(list(values), ["ordinary"] * len(values))
    none = alerts_of(weeks, TABLE, earlier=None)
    as_of = weeks["week"].iloc[-1] + dt.timedelta(days=6)
    return decision_log([decided(**other)], weeks, none, as_of=as_of).iloc[0]


def test_a_decision_that_worked_one_that_did_not_and_one_that_nobody_can_judge() -> None:
    noise = np.random.default_rng(6).normal(0, 0.05, 34)
    steady = 100 * np.exp(noise)
    fell = steady * np.where(np.arange(34) < 22, 1.0, 0.7)
    row = log_of(fell)
    assert row["result"] == "better"
    assert row["low"] < -0.3 < row["high"]
    assert log_of(fell, expects="more")["result"] == "worse"
    assert log_of(steady)["result"] == "open"
    assert log_of(steady[:24])["result"] == "too_early"
    assert log_of(steady[:21])["result"] == "not_due"
    assert log_of(steady, number="nps")["result"] == "unknown_number"


@pytest.mark.simulated
def test_the_result_of_a_decision_is_wrong_as_rarely_as_its_level_says() -> None:
    rng, wrong, runs = np.random.default_rng(11), 0, 300
    for _ in range(runs):
        wrong += log_of(100 * np.exp(rng.normal(0, 0.1, 34)))["result"] != "open"
    assert wrong / runs < 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_a_finding_without_a_decision_waits_for_one() -> None:
    weeks = history([100.0] * 9 + [80.0], ["ordinary"] * 9 + ["low"])
    alerts = alerts_of(weeks, TABLE, earlier=None)
    as_of = weeks["week"].iloc[-1] + dt.timedelta(days=6)
    log = decision_log([], weeks, alerts, as_of=as_of)
    assert log[["finding", "result", "owner"]].to_numpy().tolist() == [["low", "undecided", ""]]
    assert words.decisions_sentence(log).endswith("1 finding of this week waits for a decision.")
    taken = decided(decided_on=as_of, due=as_of + dt.timedelta(days=9))
    assert decision_log([taken], weeks, alerts, as_of=as_of)["result"].tolist() == ["not_due"]


def weeks_of(revenue: pd.Series, *, customers: int = 9) -> Weeks:
    sums = pd.DataFrame({"gross": revenue, "returned": 0.0, "customers": customers, "orders": customers})
    by_part = sums.rename_axis("week").assign(part=0).set_index("part", append=True)
    return Weeks(sums, by_part, START, 0)


def test_what_came_of_a_forecast_is_not_told_of_few_people() -> None:
    weeks = pd.Series(100.0, index=[START + dt.timedelta(weeks=k) for k in range(60)])
    before, after = weeks_of(weeks.iloc[:56]), weeks_of(weeks, customers=4)
    given = {"weeks": 4, "made_on": weeks.index[55] + dt.timedelta(days=6)}
    forecast = forecast_total(before.revenue, weeks=4)
    earlier = with_earlier(forecast, before, **given, earlier=None)
    assert with_earlier(forecast, weeks_of(weeks), **given, earlier=earlier)["actual"].iloc[0] == 400
    assert np.isnan(with_earlier(forecast, after, **given, earlier=earlier)["actual"].iloc[0])


def test_forecasts_are_kept_once_a_period_and_scored_by_what_came() -> None:
    weeks = [START + dt.timedelta(weeks=k) for k in range(60)]
    rng = np.random.default_rng(3)
    revenue = pd.Series(100 * np.exp(rng.normal(0, 0.1, 60)), index=weeks)
    earlier = None
    for k in (52, 52, 56, 60):  # the second run of one week adds nothing
        known = weeks_of(revenue.iloc[:k])
        made_on = weeks[k - 1] + dt.timedelta(days=6)
        forecast = forecast_total(known.revenue, weeks=4)
        earlier = with_earlier(forecast, known, weeks=4, made_on=made_on, earlier=earlier)
    assert earlier["starts"].tolist() == [weeks[52], weeks[56], weeks[59] + dt.timedelta(weeks=1)]
    assert earlier["actual"].iloc[0] == pytest.approx(revenue.iloc[52:56].sum())
    assert np.isnan(earlier["actual"].iloc[-1])
    past = score_past(earlier)
    assert past.scored == 2
    assert past.covered == 2
    errors = np.log(earlier["actual"] / earlier["value"]).dropna()
    assert past.bias == pytest.approx(np.expm1(errors.mean()))
    assert score_past(earlier.iloc[-1:]).scored == 0


def test_a_goals_day_is_likely_unlikely_or_open() -> None:
    series = pd.Series(100 + np.random.default_rng(2).normal(0, 2, 60))
    given = {"weeks": 4, "at_least": True}
    assert [outlook(series, target=goal, **given) for goal in (80, 100, 120)] == [
        "likely",
        "open",
        "unlikely",
    ]
    assert outlook(series, weeks=4, target=120, at_least=False) == "likely"
    assert outlook(series[:9], target=80, **given) == "open"
