"""Visits, funnels, ways and stages against plain Python, at midnight, at the clock's change, with bad ids."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from crm_utils.methods.customer_journey import (
    coverage,
    describe_sessions,
    entries,
    funnel,
    robots,
    sessions,
    silent_days,
    stage_of,
    touches,
    variants,
    wilson,
    without_robots,
)
from crm_utils.methods.customer_journey.stages import kind_of

COLUMNS = {
    "event_id": "string", "customer_id": "string", "session_id": "string", "occurred_at": "timestamp(6)",
    "event": "string", "product_id": "string", "source": "string", "medium": "string", "campaign_id":
    "string",
}  # fmt: skip
DAY = dt.date(2024, 6, 30)


def events(rows: list[tuple[Any, ...]]) -> ibis.expr.types.Table:
    """customer, given id, time, event, and a source."""
    full = [
        (f"e{k:05d}", who, given, pd.Timestamp(at), event, None, source[0] if source else "web", "none", None)
        for k, (who, given, at, event, *source) in enumerate(rows)
    ]
    frame = pd.DataFrame(full, columns=list(COLUMNS)).astype({"occurred_at": "datetime64[us]"})
    return ibis.memtable(frame, schema=ibis.schema(COLUMNS))


def made(rows: list[tuple[Any, ...]], **options: Any) -> pd.DataFrame:
    return sessions(events(rows), **options).order_by("person", "place").to_pandas()


def test_a_visit_goes_over_midnight_and_ends_after_more_than_the_gap():
    seen = made([
        ("ann", "1", "2024-01-01 23:50", "visit"), ("ann", "1", "2024-01-02 00:20", "view"),
        ("ann", "2", "2024-01-02 00:50:01", "view"),
    ])  # fmt: skip
    assert seen["session"].tolist() == ["c:ann#1", "c:ann#1", "c:ann#2"]  # exactly 30 minutes is no end


def test_the_clock_goes_forward_and_back():
    """The shop's wall clock: an hour that is missing looks like a pause, one that comes twice is none."""
    spring = made([("ann", "1", "2024-03-10 01:55", "view"), ("ann", "1", "2024-03-10 03:05", "view")])
    assert spring["session"].nunique() == 2
    autumn = made([("ann", "1", "2024-11-03 01:50", "view"), ("ann", "1", "2024-11-03 01:10", "cart")])
    assert autumn["session"].nunique() == 2
    assert autumn["event"].tolist() == ["cart", "view"]  # ordered by what the clock said


def test_ties_are_put_in_the_stated_order():
    at = "2024-01-01 10:00"
    seen = made(
        [("ann", "1", at, event) for event in ("purchase", "zoom", "cart", "view", "visit", "checkout")]
    )
    assert seen["event"].tolist() == ["visit", "view", "cart", "checkout", "purchase", "zoom"]


def test_two_customers_in_one_id_are_two_persons_and_nobody_is_nobody():
    seen = made([
        ("ann", "1", "2024-01-01 10:00", "view"), ("bob", "1", "2024-01-01 10:01", "view"),
        (None, "1", "2024-01-01 10:02", "view"), (None, None, "2024-01-01 10:03", "view"),
        (None, None, "2024-01-01 10:03", "view"), ("ann", "1", "2024-01-01 10:04", "delivered"),
    ])  # fmt: skip
    assert seen["person"].nunique() == 5
    assert "delivered" not in set(seen["event"])


def test_agreement_counts_successive_events_of_one_person():
    rows = [
        ("ann", "1", "2024-01-01 10:00", "visit"), ("ann", "1", "2024-01-01 10:05", "view"),
        ("ann", "2", "2024-01-01 10:10", "view"), ("ann", "2", "2024-01-01 11:10", "view"),
        ("ann", "3", "2024-01-01 12:10", "view"), ("bob", "2", "2024-01-01 10:00", "view"),
    ]  # fmt: skip
    result = describe_sessions(events(rows), sessions(events(rows)), gap_minutes=30)
    assert result.agreement == pytest.approx(2 / 4)  # the first and the last pair
    assert result.mixed == 1
    assert dict(zip(result.by_gap["gap_minutes"], result.by_gap["visits"], strict=True)) == {
        10: 4,
        30: 4,
        60: 2,
    }


def test_a_robot_is_fast_has_many_views_and_buys_nothing():
    start = pd.Timestamp("2024-01-01 10:00")
    fast = [(None, "bot", start + pd.Timedelta(seconds=3 * k), "view") for k in range(120)]
    buys = [("ann", "1", start + pd.Timedelta(seconds=3 * k), "view") for k in range(120)]
    buys.append(("ann", "1", start + pd.Timedelta(minutes=7), "purchase"))
    slow = [("bob", "2", start + pd.Timedelta(seconds=20 * k), "view") for k in range(120)]
    visits = sessions(events([*fast, *buys, *slow]))
    assert robots(visits).to_pandas()["events"].tolist() == [120]
    assert set(without_robots(visits).to_pandas()["person"]) == {"c:ann", "c:bob"}


STEPS = ("view", "cart", "checkout", "purchase")


def random_events(seed: int, n: int = 400) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(seed)
    at = pd.Timestamp("2024-05-20") + pd.to_timedelta(rng.integers(0, 42 * 24 * 60, n), unit="min")
    names = rng.choice([*STEPS, "visit", "search"], n, p=[0.3, 0.2, 0.15, 0.15, 0.1, 0.1])
    who = rng.integers(0, 15, n)
    return [(f"c{w:02d}", f"s{w}", t, e) for w, t, e in zip(who, at, names, strict=True)]


def walked(rows: pd.DataFrame, unit: str, *, days: float, order: str) -> dict[str, list[bool]]:
    """A funnel as one would walk it: event by event, in the order of places."""
    result = {}
    for name, own in rows.sort_values("place").groupby(unit):
        entry = next(
            (
                (t, p)
                for t, p, e in own[["occurred_at", "place", "event"]].itertuples(index=False)
                if e == "view"
            ),
            None,
        )
        if entry is None:
            continue
        inside = own[(own["place"] >= entry[1]) & (own["occurred_at"] < entry[0] + pd.Timedelta(days=days))]
        reached, last = [True], entry[1]
        for step in STEPS[1:]:
            after = [
                p
                for p, e in zip(inside["place"], inside["event"], strict=True)
                if e == step and last is not None and p > last
            ]
            reached.append(bool(after))
            if order == "closed":
                last = min(after) if after else None
        result[name] = reached
    return result


@pytest.mark.parametrize("order", ["closed", "open"])
@pytest.mark.parametrize(("by", "days"), [("customer", 7), ("session", 9999)])
def test_the_funnel_is_what_one_walks(by: str, days: int, order: str):
    for seed in range(2):
        visits = sessions(events(random_events(seed)))
        each = entries(visits, STEPS, by=by, within_days=7, order=order).to_pandas()
        unit = "session" if by == "session" else "customer_id"
        truth = walked(visits.to_pandas(), unit, days=days, order=order)
        mine = {r["unit"]: [bool(r[f"step_{k}"]) for k in range(1, 5)] for r in each.to_dict("records")}
        assert mine == truth


def test_a_closed_funnel_narrows_and_is_no_wider_than_an_open_one():
    visits = sessions(events(random_events(7)))
    for by in ("session", "customer"):
        closed, opened = (
            funnel(visits, STEPS, by=by, as_of=DAY, order=order) for order in ("closed", "open")
        )
        reached = closed.table["reached"].tolist()
        assert reached == sorted(reached, reverse=True)
        assert all(a <= b for a, b in zip(reached, opened.table["reached"], strict=True))
        assert closed.entrants == opened.entrants > 0


def test_who_entered_too_late_is_left_out_and_counted():
    rows = [("ann", "1", "2024-06-01 10:00", "view"), ("ann", "1", "2024-06-01 10:01", "cart"),
            ("bob", "2", "2024-06-23 23:59", "view"), ("eve", "3", "2024-06-24 00:01", "view")]  # fmt: skip
    result = funnel(sessions(events(rows)), STEPS, by="customer", within_days=7, as_of=DAY)
    assert (result.entrants, result.immature) == (2, 1)
    assert result.table["reached"].tolist() == [2, 1, 0, 0]


def test_wilson_against_a_peer_and_clusters_against_their_copies():
    for share, n in ((0.0, 20), (0.3, 50), (1.0, 7)):
        peer = proportion_confint(round(share * n), n, method="wilson")
        assert wilson(share, n) == pytest.approx(peer, abs=1e-12)
    # Each customer's visits all alike: they are worth as many as there are customers.
    rng = np.random.default_rng(1)
    alike = [
        (f"c{k}", f"s{k}", pd.Timestamp("2024-06-01") + pd.Timedelta(hours=9 * j), event)
        for k in range(200) for buys in [rng.random() < 0.4] for j in range(6)
        for event in (["view", "cart"] if buys else ["view"])
    ]  # fmt: skip
    row = funnel(sessions(events(alike)), ("view", "cart"), by="session", as_of=DAY).table.iloc[1]
    low, high = wilson(row["of_entrants"], 200)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.001)


def test_ten_thousand_events_of_one_customer():
    start = pd.Timestamp("2024-01-01")
    rows = [("ann", "1", start + pd.Timedelta(minutes=7 * k), ("view", "cart")[k % 2]) for k in range(10_000)]
    visits = sessions(events(rows))
    assert visits.session.nunique().execute() == 1
    ways = variants(visits)
    assert (ways.ways, ways.visits) == (1, 1)
    assert len(ways.table) == 0  # one person


def test_stages_are_those_of_the_last_touch_and_what_is_not_recorded_is_named():
    orders = ibis.memtable(
        pd.DataFrame({
            "order_id": ["o1", "o2", "o3"], "customer_id": ["ann", "ann", "bob"],
            "ordered_at": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-05"]).astype("datetime64[us]"),
            "amount": [1.0, 1, 1], "quantity": [1.0, 1, 1], "kept": [True] * 3,
        })
    )  # fmt: skip
    seen = events([("bob", "1", "2024-03-01", "view"), ("eve", "2", "2024-03-02", "cart"),
                   ("eve", "2", "2024-03-02", "checkout"), (None, "3", "2024-03-02", "view")])  # fmt: skip
    tables = {"orders": orders, "events": seen}
    stages = stage_of(tables).to_pandas().set_index("customer_id")["journey_stage"].to_dict()
    assert stages == {"ann": "repurchase", "bob": "browse", "eve": "checkout"}
    result = coverage(tables)
    assert set(result.missing) == {"awareness", "visit", "delivery", "review", "referral"}
    assert result.known == pytest.approx(3 / 4)
    assert coverage({"orders": orders}).events == 0


def test_what_a_shop_calls_by_names_of_its_own_touches_and_is_a_touchpoint():
    """A file of calls, visits to the store and posts, without sources: each name is a touch."""
    rows = [("ann", "2024-03-01 10:00", "store visit"), ("ann", "2024-03-01 10:05", "phone call"),
            ("ann", "2024-03-01 10:06", "view"), ("bob", "2024-03-02 09:00", "complaint"),
            (None, "2024-03-02 09:00", "fair")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "event"])
    frame = frame.assign(occurred_at=pd.to_datetime(frame["occurred_at"]), event_id=[*"01234"])
    seen = ibis.memtable(frame.reindex(columns=[*COLUMNS]), schema=ibis.schema(COLUMNS))
    touched = touches(sessions(seen), None).order_by("at").to_pandas()
    assert touched[["customer_id", "touch"]].to_numpy().tolist() == [
        ["ann", "store visit"], ["ann", "phone call"], ["bob", "complaint"],
    ]  # fmt: skip
    kinds = seen.select("event", kind=kind_of(seen)).to_pandas().set_index("event")["kind"]
    assert kinds.to_dict() == {
        "store visit": "store visit", "phone call": "phone call", "view": "not known",
        "complaint": "complaint", "fair": "fair",
    }  # fmt: skip


def test_a_day_without_any_of_few_events_is_chance_and_of_many_a_broken_tag():
    days = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=1000), "orders": 5})
    few = np.full(1000, 6)
    few[500] = 0
    assert silent_days(days.assign(events=few)) == []
    assert silent_days(days.assign(events=few * 10)) == [days["day"][500].date()]
