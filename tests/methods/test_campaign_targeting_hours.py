"""Whose hour? Planted habits are found, none are where all are alike, and no later visit is looked at."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from campaign_world import NOW, RULES, consents, orders, scenario, table

from crm_utils.methods.campaign_targeting import closed_hours, make_plan, send_hours, visits
from crm_utils.methods.campaign_targeting.hours import PRIOR, TEST_DAYS, WINDOW

CLOSED = [21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7]
KINDS = {"customer_id": "text", "day": "date", "hour": "int64"}


def shop(rng: np.random.Generator, *, customers: int, days: int, faithful: float) -> pd.DataFrame:
    """Each customer comes every third day: with this chance at an hour of their own, else as all do."""
    everybody = np.array([0.02] * 8 + [0.05] * 10 + [0.12] * 2 + [0.05, 0.02, 0.01, 0.02])
    everybody /= everybody.sum()
    day = pd.Timestamp(NOW) - pd.to_timedelta(rng.integers(1, days + 1, customers * days // 3), unit="D")
    who = rng.integers(0, customers, len(day))
    own = rng.integers(8, 21, customers)[who]
    hour = np.where(rng.random(len(day)) < faithful, own, rng.choice(24, len(day), p=everybody))
    rows = pd.DataFrame({"customer_id": [f"c{n}" for n in who], "day": day.date, "hour": hour})
    return rows.drop_duplicates(ignore_index=True)


def came(rows: pd.DataFrame) -> ibis.expr.types.Table:
    return ibis.memtable(rows, schema={k: "string" if v == "text" else v for k, v in KINDS.items()})


def hours_of(rows: pd.DataFrame):
    return send_hours(came(rows), now=NOW, closed=CLOSED, by_events=True)


def by_hand(rows: pd.DataFrame) -> dict[str, float]:
    """The same by loops over customers and hours."""
    split = (NOW - dt.timedelta(days=TEST_DAYS)).date()
    early, late = rows[rows["day"] < split], rows[rows["day"] >= split]
    open_hours = [h for h in range(24) if h not in CLOSED]

    def near(part: pd.DataFrame, hour: int) -> int:
        return int(((part["hour"] - hour) % 24 < WINDOW).sum())

    best = max(open_hours, key=lambda h: (near(early, h), -h))
    prior = {h: round(1000 * PRIOR * near(early, h) / len(early)) for h in open_hours}
    gaps = []
    for who, mine in early.groupby("customer_id"):
        later = late[late["customer_id"] == who]
        if later.empty:
            continue
        score = {h: 1000 * near(mine, h) + prior[h] for h in open_hours}
        ahead = [h for h in open_hours if score[h] == max(score.values())]
        own = best if score[best] == max(score.values()) else min(ahead)
        gaps.append((near(later, own) - near(later, best)) / len(later))
    error = np.std(gaps, ddof=1) / len(gaps) ** 0.5
    return {"shop": best, "difference": float(np.mean(gaps)), "error": float(error), "n": len(gaps)}


@pytest.mark.parametrize("faithful", [0.0, 0.4])
def test_the_test_of_hours_is_what_loops_give(faithful: float) -> None:
    rows = shop(np.random.default_rng(1), customers=150, days=90, faithful=faithful)
    hours, expected = hours_of(rows), by_hand(rows)
    assert hours.customers == expected["n"]
    assert hours.difference == pytest.approx(expected["difference"])
    assert hours.high - hours.difference == pytest.approx(1.959964 * expected["error"])
    assert hours.near_own - hours.near_shop == pytest.approx(hours.difference)


def test_planted_hours_are_found_and_used() -> None:
    rows = shop(np.random.default_rng(2), customers=300, days=120, faithful=0.6)
    hours = hours_of(rows)
    assert hours.better
    # An own visit is near the own hour; one as all come is so with the share of two of 24 hours, about.
    assert 0.35 < hours.near_own < 0.75
    ids = pd.Series(sorted(set(rows["customer_id"])))
    own = hours.of(ids)
    assert own.between(8, 20).all()
    most = rows.groupby("customer_id")["hour"].agg(lambda h: h.mode().iloc[0])
    close = ((most.reindex(ids).to_numpy() - own.to_numpy()) % 24 < WINDOW).mean()
    assert close > 0.8


@pytest.mark.simulated
def test_customers_who_are_all_alike_get_one_hour() -> None:
    """Of 60 shops without habits own hours are called better in at most chance's share (2.5 %)."""
    called = [
        hours_of(shop(np.random.default_rng(s), customers=150, days=60, faithful=0.0)) for s in range(60)
    ]
    assert sum(one.better for one in called) <= 4
    assert {one.shop_hour for one in called} == {18}
    ids = pd.Series(["c1", "c2", "nobody"])
    assert next(one for one in called if not one.better).of(ids).tolist() == [18] * 3


def test_later_visits_do_not_choose_the_hours_that_they_judge() -> None:
    """Everybody moves to 9 o'clock in the last 28 days: the hours that are judged are still the old ones."""
    rows = shop(np.random.default_rng(3), customers=200, days=90, faithful=0.7)
    split = (NOW - dt.timedelta(days=TEST_DAYS)).date()
    moved = rows.assign(hour=rows["hour"].where(rows["day"] < split, 9)).drop_duplicates(ignore_index=True)
    assert hours_of(moved).near_shop == 0.0  # the shop's hour of before is 18 or so
    later = pd.DataFrame(
        {"customer_id": ["c1"] * 50, "occurred_at": pd.date_range(NOW, periods=50, freq="h")}
    )
    events = ibis.memtable(later.assign(event="visit"))
    assert visits(orders(("c1", "2024-02-01", 5)), events, now=NOW).count().execute() == 0


def test_few_customers_choose_nothing() -> None:
    rows = shop(np.random.default_rng(4), customers=40, days=90, faithful=0.9)
    hours = hours_of(rows)
    assert not hours.better
    assert np.isnan(hours.difference)
    assert hours.shop_hour is not None
    nothing = hours_of(rows.iloc[:0])
    assert nothing.shop_hour is None
    assert nothing.of(pd.Series(["c1"])) is None


def test_orders_stand_in_for_visits_and_a_delivery_is_none() -> None:
    bought = orders(
        ("ann", "2024-02-01 10:20", 5), ("ann", "2024-02-01 10:50", 5), ("bob", "2024-02-01 11:00", -5)
    )
    came_by = visits(bought, None, now=NOW).to_pyarrow().to_pylist()
    assert came_by == [{"customer_id": "ann", "day": dt.date(2024, 2, 1), "hour": 10}]
    at = {"customer_id": ["ann"], "occurred_at": [pd.Timestamp("2024-02-01 10:20")], "event": ["delivered"]}
    assert visits(bought, ibis.memtable(pd.DataFrame(at)), now=NOW).count().execute() == 0


def test_a_message_leaves_at_the_best_hour_of_its_day() -> None:
    rows = shop(np.random.default_rng(2), customers=300, days=120, faithful=0.6)
    hours = hours_of(rows)
    who = sorted(set(rows["customer_id"]))[:30]
    people = table(
        [(name, dt.date(2024, 2, 29)) for name in who], {"customer_id": "text", "joined_on": "date"}
    )
    given = {"anchor": {"joined": True}, "delay": "1d", "at": "10:00", "expires": "3d"}
    yes = consents(*[(name, "sms", True, False, "2024-01-01") for name in who])
    tables = {"orders": orders(("zed", "2024-02-01", 5)), "customers": people, "consents": yes}
    span = {"study": "shop", "now": NOW, "until": NOW + dt.timedelta(days=1), "hours": hours}
    at = {}
    for hour in ("fixed", "best"):
        plan = make_plan([scenario(**given, hour=hour)], tables, RULES, **span)
        at[hour] = plan.rows.set_index("customer_id")["send_at"].dt.hour
    assert set(at["fixed"]) == {10}
    own = hours.of(pd.Series(at["best"].index)).to_numpy()
    assert (at["best"].to_numpy() == own).all()
    assert len(set(own)) > 3
    assert not set(own) & set(closed_hours(RULES))


def test_the_best_hour_needs_one_to_fall_back_on() -> None:
    with pytest.raises(ValueError, match="leaves at the best hour: say at what time where none is known"):
        scenario(hour="best")


def test_an_hour_in_which_fewer_than_five_people_came_is_not_shown() -> None:
    days = [(NOW - dt.timedelta(weeks=k)).date() for k in (1, 2)]
    rows = [(f"c{n}", day, 10) for n in range(5) for day in days] + [("c0", day, 11) for day in days]
    rows += [(f"c{n}", day, 12) for n in range(4) for day in days]
    week = hours_of(pd.DataFrame(rows, columns=list(KINDS))).week
    assert week.set_index("hour")["visits"].to_dict() == {10: 10, 11: 0, 12: 0}
