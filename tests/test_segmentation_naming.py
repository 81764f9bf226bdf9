from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils import segmentation
from crm_utils.errors import DataError
from crm_utils.features import customer_summary

START, DAY = dt.date(2024, 1, 1), dt.date(2024, 12, 31)


@pytest.fixture(scope="module")
def orders() -> ibis.Table:
    rng = np.random.default_rng(8)
    rows = [(f"c{c}", int(d)) for c in range(120) for d in rng.integers(0, 366, rng.integers(1, 25))]
    days = [dt.datetime(2024, 1, 1, 10) + dt.timedelta(days=d) for _, d in rows]
    amounts = [f"{5 + d % 7}.50" for _, d in rows]
    return ibis.memtable(pa.table({
        "customer_id": [r[0] for r in rows] + [None, "back"],
        "ordered_at": days + [dt.datetime(2024, 5, 5)] * 2,
        "amount": pa.array([*amounts, "3.00", "-2.00"]).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip


def rows(table: ibis.Table) -> list[dict]:
    return table.order_by("customer_id").to_pyarrow().to_pylist()


def days_of(orders: ibis.Table, *, until: dt.date, days: int) -> dict[str, list[dt.date]]:
    """The days of each customer's purchases within the ``days`` up to a day, one entry a purchase."""
    frame = orders.to_pyarrow().to_pandas().dropna()
    on = frame["ordered_at"].dt.date
    within = frame[(on <= until) & (on > until - dt.timedelta(days=days)) & (frame["amount"] >= 0)]
    return {c: list(group.dt.date) for c, group in within.groupby("customer_id")["ordered_at"]}


def test_a_past_day_knows_nothing_of_what_came_later(orders: ibis.Table):
    then = dt.date(2024, 9, 30)
    cut = orders.filter(orders.ordered_at < dt.datetime(2024, 10, 1))
    named, alone = (segmentation.name_customers(t, as_of=then, history_starts=START) for t in (orders, cut))
    assert rows(named) == rows(alone)
    assert set(named["segment"].to_pyarrow().to_pylist()) <= set(segmentation.SEGMENTS)


def test_a_customer_without_purchases_changes_nobody(orders: ibis.Table):
    without = orders.filter((orders.customer_id != "back") | orders.customer_id.isnull())
    assert rows(segmentation.name_customers(orders, as_of=DAY, history_starts=START)) == rows(
        segmentation.name_customers(without, as_of=DAY, history_starts=START))  # fmt: skip


def test_two_periods_are_equally_long_and_share_their_cuts(orders: ibis.Table):
    periods = segmentation.fit_periods(START, DAY, next_days=28, period_days=150)
    earlier, later = segmentation.name_periods(orders, periods, as_of=DAY, history_starts=START)
    assert periods.middle == DAY - dt.timedelta(days=150)
    spans = ((earlier, periods.middle), (later, DAY))
    purchases = [days_of(orders, until=ends, days=150) for _, ends in spans]
    for (table, _), within in zip(spans, purchases, strict=True):
        found = {r["customer_id"]: (r["orders"], r["last_ordered_on"]) for r in rows(table)}
        assert found == {c: (len(days), max(days)) for c, days in within.items()}
    scores = [
        t.aggregate(least=t.orders.min(), most=t.orders.max(where=t.f == 1)).to_pyarrow().to_pylist()[0]
        for t in (earlier, later)
    ]
    assert scores[0]["most"] == scores[1]["most"]


def test_who_bought_before_a_period_is_not_new_in_it():
    old = [(f"old{k}", DAY - dt.timedelta(days=200 + k)) for k in range(30)]
    back = [(f"old{k}", DAY - dt.timedelta(days=k)) for k in range(30)]
    new = [(f"new{k}", DAY - dt.timedelta(days=k)) for k in range(30)]
    often = [(f"often{k}", DAY - dt.timedelta(days=4 * n)) for k in range(40) for n in range(60)]
    customer, on = zip(*old, *back, *new, *often, strict=True)
    shop = ibis.memtable(pa.table({
        "customer_id": customer,
        "ordered_at": [dt.datetime.combine(day, dt.time(9)) for day in on],
        "amount": pa.array(["9.00"] * len(on)).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip
    starts = DAY - dt.timedelta(days=400)
    periods = segmentation.fit_periods(starts, DAY, next_days=28, period_days=100)
    later = rows(segmentation.name_periods(shop, periods, as_of=DAY, history_starts=starts)[1])
    for column, name in (("segment", "New"), ("stage", "new")):
        called = {row["customer_id"] for row in later if row[column] == name}
        assert called
        assert {customer[:3] for customer in called} == {"new"}
    assert {row["tenure_days"] for row in later if row["customer_id"] == "old7"} == {207}


def test_too_few_days_are_said():
    with pytest.raises(DataError, match="2 days of data are too few"):
        segmentation.fit_periods(DAY - dt.timedelta(days=1), DAY, next_days=28, period_days=90)


def test_control_totals_reconcile(orders: ibis.Table):
    summary = customer_summary(orders, as_of=DAY)
    found = segmentation.totals(orders, summary)
    everything = float(orders.amount.sum().to_pyarrow().as_py())
    assert found.revenue + found.guest_revenue + found.returners_revenue == pytest.approx(everything)
    assert (found.customers, found.guest_orders, found.returners) == (120, 1, 1)
    assert found.repeat_low < found.repeat_rate < found.repeat_high
    assert found.purchases == orders.count().to_pyarrow().as_py() - 2
    told = {number["name"]: number["value"] for number in found.numbers("USD")}
    assert told == {"customers": 120, "revenue": found.revenue, "repeat_purchase_rate": found.repeat_rate}


def test_group_sizes_and_numbers_are_whole(orders: ibis.Table):
    named = segmentation.name_customers(orders, as_of=DAY, history_starts=START)
    sizes = segmentation.group_sizes(named, column="segment", order=segmentation.SEGMENTS)
    assert sizes["group"].tolist() == list(segmentation.SEGMENTS)
    assert (sizes["customers"].sum(), sizes["share"].sum()) == (120, pytest.approx(1))
    assert sizes.set_index("group").loc["Can't Lose", "key"] == "cant_lose"
    past = segmentation.name_customers(orders, as_of=dt.date(2024, 12, 3), history_starts=START)
    tested = segmentation.forward_validation(past, orders, named_on=dt.date(2024, 12, 3), days=28)
    numbers = segmentation.group_numbers(sizes, tested.table, prefix="segment")
    by = {n["name"]: n for n in numbers}
    assert by["segment.loyal.customers"]["unit"] == "customers"
    rate = by["segment.loyal.next_period_rate"]
    assert rate["low"] <= rate["value"] <= rate["high"]
    ranges = segmentation.measure_ranges(named, ["orders"])
    assert ranges.loc[0, "lowest 1 %"] <= ranges.loc[0, "median"] <= ranges.loc[0, "highest 1 %"]
    plan = segmentation.action_plan(tested.table, sizes)
    assert (plan["customers"] >= 5).all()
    assert set(segmentation.ACTIONS) == set(segmentation.SEGMENTS)


def test_the_smallest_effect_found_is_the_textbooks():
    sizes = pd.DataFrame({"group": ["Loyal"], "customers": [2188]})
    told = {"group": ["Loyal"], "low": [0.208], "high": [0.243], "verdict": ["earned"]}
    tested = pd.DataFrame(told | {"rate": [0.225], "spend_sd": [10.0]})
    plan = segmentation.action_plan(tested, sizes)
    # 20 against 25 % needs 1,094 customers an arm at 80 % power; here both arms have the mean rate.
    assert plan.loc[0, "rate_change"] == pytest.approx(0.05, abs=2e-4)
    # Nobody bought: no rate of 0 is known to be 0.
    silent = pd.DataFrame(told | {"rate": [0.0], "low": [0.0], "high": [0.225], "spend_sd": [0.0]})
    plan = segmentation.action_plan(silent, sizes)
    assert plan.loc[0, "rate_change"] == pytest.approx(0.05, abs=2e-4)
    assert pd.isna(plan.loc[0, "spend_change"])


def test_other_windows_skip_what_has_no_history(orders: ibis.Table):
    tests = segmentation.other_windows(orders, as_of=DAY, days=60, history_starts=START)
    assert list(tests) == [
        "60 days after 2024-11-01",
        "60 days after 2024-09-02",
        "180 days after 2024-07-04",
    ]
    assert list(segmentation.other_windows(orders, as_of=DAY, days=120, history_starts=START)) == [
        "120 days after 2024-09-02", "120 days after 2024-05-05"]  # fmt: skip
    side = segmentation.compare_verdicts(tests)
    assert side.columns.tolist() == ["group", *tests]


def test_chances_of_silence_are_calibrated_for_customers_who_never_left():
    rng = np.random.default_rng(4)
    rows = []
    for c, rate in enumerate(rng.gamma(2.0, 1 / 30, 1200)):
        days = np.cumsum(rng.exponential(1 / rate, 150))
        rows += [(f"c{c}", float(d)) for d in days[days < 366]]
    table = ibis.memtable(pa.table({
        "customer_id": [r[0] for r in rows],
        "ordered_at": [dt.datetime(2024, 1, 1) + dt.timedelta(days=r[1]) for r in rows],
        "amount": pa.array(["1.00"] * len(rows)).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip
    then = dt.date(2024, 9, 1)
    found = segmentation.silence_calibration(
        customer_summary(table, as_of=then), table, summed_on=then, as_of=DAY
    )
    assert found["below"].to_numpy() == pytest.approx(found["chance"].to_numpy(), abs=0.045)
    assert ((found["low"] <= found["below"]) & (found["below"] <= found["high"])).all()
