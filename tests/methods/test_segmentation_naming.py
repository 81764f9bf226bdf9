from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from crm_utils.features import ShopFacts, customer_summary
from crm_utils.methods import segmentation
from crm_utils.sentences import cannot

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
        counted = {r["customer_id"]: (r["orders"], r["last_ordered_on"]) for r in rows(table)}
        assert counted == {c: (len(days), max(days)) for c, days in within.items()}
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


def test_two_days_have_no_past_and_no_future(orders: ibis.Table):
    periods = segmentation.fit_periods(DAY - dt.timedelta(days=1), DAY, next_days=28, period_days=90)
    assert (periods.next_days, periods.period_days, periods.named_on) == (0, 0, DAY)
    named = segmentation.name_customers(orders, as_of=DAY, history_starts=START)
    tested = segmentation.forward_validation(named, orders, named_on=DAY, days=0)
    assert (len(tested.table), tested.promised, tested.rate_of(["Lost"])) == (0, [], None)


def test_what_cannot_be_segmented_is_foreseen():
    facts = {"lines": 9, "orders": 9, "returns": 0, "guest_orders": 0, "guest_revenue": 0,
             "repeat_customers": 0, "larger_orders": 0, "products": 1, "prices": 1, "order_days": 9,
             "last_day": DAY, "as_of": DAY, "revenue": 1}  # fmt: skip
    cases = [(0, START, "no_customers"), (4, START, "segmentation.few_customers"), (5, START, None),
             (5, DAY, "segmentation.few_days")]  # fmt: skip
    for customers, first, code in cases:
        why = segmentation.cannot(ShopFacts(**facts, customers=customers, first_day=first), next_days=28)
        assert (why and why.code) == code
        assert why is None or (cannot.reason(why) and cannot.remedy(why))


def test_control_totals_reconcile(orders: ibis.Table):
    summary = customer_summary(orders, as_of=DAY)
    overall = segmentation.totals(orders, summary)
    everything = float(orders.amount.sum().to_pyarrow().as_py())
    assert overall.revenue + overall.guest_revenue + overall.returners_revenue == pytest.approx(everything)
    assert (overall.customers, overall.guest_orders, overall.returners) == (120, 1, 1)
    assert overall.repeat_low < overall.repeat_rate < overall.repeat_high
    assert overall.purchases == orders.count().to_pyarrow().as_py() - 2
    numbers = {number.name: number.value for number in overall.numbers("USD")}
    assert numbers == {
        "customers": 120,
        "revenue": overall.revenue,
        "repeat_purchase_rate": overall.repeat_rate,
    }


def test_group_sizes_and_numbers_are_whole(orders: ibis.Table):
    named = segmentation.name_customers(orders, as_of=DAY, history_starts=START)
    sizes = segmentation.group_sizes(named, column="segment", order=segmentation.SEGMENTS)
    assert sizes["group"].tolist() == list(segmentation.SEGMENTS)
    counts = (
        named.group_by("segment")
        .aggregate(n=named.count())
        .to_pyarrow()
        .to_pandas()
        .set_index("segment")["n"]
    )
    shown = sizes.set_index("group")["customers"]
    assert all(counts.get(g, 0) == n for g, n in shown.dropna().items())
    assert (shown.dropna() != 0).sum() > 3
    assert not shown.between(1, 4).any()
    assert sizes.set_index("group").loc["Can't Lose", "key"] == "cant_lose"
    past = segmentation.name_customers(orders, as_of=dt.date(2024, 12, 3), history_starts=START)
    tested = segmentation.forward_validation(past, orders, named_on=dt.date(2024, 12, 3), days=28)
    numbers = segmentation.group_numbers(sizes, tested.shown, prefix="segment")
    by = {n.name: n for n in numbers}
    assert by["segment.loyal.customers"].unit == "customers"
    rate = by["segment.loyal.next_period_rate"]
    assert rate.low <= rate.value <= rate.high
    hidden = shown[shown.isna()].index
    assert all(by[f"segment.{g.lower().replace(' ', '_')}.revenue_share"].value is None
               for g in hidden if g != "Can't Lose")  # fmt: skip
    ranges = segmentation.measure_ranges(named, ["orders"])
    assert ranges.loc[0, "lower"] <= ranges.loc[0, "middle"] <= ranges.loc[0, "upper"]
    assert ranges[["lowest", "highest"]].isna().all(axis=None), "1 % of 120 customers are one or two"
    plan = segmentation.smallest_effects(tested.table, sizes)
    assert (plan["customers"] >= 5).all()


def test_new_customers_of_one_day_are_asked_for_a_second(orders: ibis.Table):
    late = pa.table({
        "customer_id": ["fresh", "twice", "twice"],
        "ordered_at": [dt.datetime(2024, 12, 20), dt.datetime(2024, 12, 1), dt.datetime(2024, 12, 9)],
        "amount": pa.array(["9.00"] * 3).cast(pa.decimal128(18, 2)),
    })  # fmt: skip
    named = segmentation.name_customers(orders.union(ibis.memtable(late)), as_of=DAY, history_starts=START)
    asked = segmentation.second_purchase(named, study="s", as_of=DAY, share=0.5).set_index("customer_id")
    assert asked.loc["fresh", "days_since"] == 11
    assert "twice" not in asked.index
    again = segmentation.second_purchase(named, study="s", as_of=DAY, share=0.5).set_index("customer_id")
    assert asked["held_out"].tolist() == again["held_out"].tolist()


def test_the_smallest_effect_found_is_the_textbooks():
    sizes = pd.DataFrame({"group": ["Loyal"], "customers": [2188]})
    group = {"group": ["Loyal"], "low": [0.208], "high": [0.243], "verdict": ["earned"]}
    tested = pd.DataFrame(group | {"rate": [0.225], "spend_sd": [10.0]})
    plan = segmentation.smallest_effects(tested, sizes)
    # 20 against 25 % needs 1,094 customers an arm at 80 % power; here both arms have the mean rate.
    assert plan.loc[0, "rate_change"] == pytest.approx(0.05, abs=2e-4)
    # Nobody bought: no rate of 0 is known to be 0.
    silent = pd.DataFrame(group | {"rate": [0.0], "low": [0.0], "high": [0.225], "spend_sd": [0.0]})
    plan = segmentation.smallest_effects(silent, sizes)
    assert plan.loc[0, "rate_change"] == pytest.approx(0.05, abs=2e-4)
    assert pd.isna(plan.loc[0, "spend_change"])


def test_other_windows_skip_what_has_no_history(orders: ibis.Table):
    def windows(days: int) -> list[tuple[int, str]]:
        repeated = segmentation.other_windows(
            orders, as_of=DAY, days=days, first_day=START, history_starts=START
        )
        assert ((repeated.table["kept"] + repeated.table["broken"]) <= repeated.table["windows"]).all()
        assert (repeated.table["lowest"].dropna() <= repeated.table["highest"].dropna()).all()
        return [((one.until - one.named_on).days, str(one.named_on)) for one in repeated.tests]

    assert windows(60) == [(60, "2024-11-01"), (60, "2024-09-02"), (60, "2024-07-04"), (180, "2024-07-04")]
    assert windows(120) == [(120, "2024-09-02"), (120, "2024-05-05")]
    assert windows(0) == []


def test_thresholds_are_the_quantiles_of_those_who_came_back():
    """Customers who buy in bursts: the model's 5 % is not 5 %, the learnt one is, in other customers too."""
    rng = np.random.default_rng(9)
    rows = []
    for c, rate in enumerate(rng.gamma(2.0, 1 / 30, 3000)):
        gaps = rng.exponential(1 / rate, 200) * rng.choice([0.2, 3.4], 200, p=[0.75, 0.25])
        days = np.cumsum(gaps)
        rows += [(f"c{c}", float(d)) for d in days[days < 366]]
    table = ibis.memtable(pa.table({
        "customer_id": [r[0] for r in rows],
        "ordered_at": [dt.datetime(2024, 1, 1) + dt.timedelta(days=r[1]) for r in rows],
        "amount": pa.array(["1.00"] * len(rows)).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip
    then = dt.date(2024, 9, 1)
    half = table.customer_id.substr(1).cast("int64") % 2 == 0
    rare = segmentation.fit_thresholds(table.filter(half), summed_on=then, until=DAY)
    assert rare.learnt
    assert rare.dormant_chance < rare.quiet_chance < 0.05
    others = table.filter(~half)
    calibration = segmentation.silence_calibration(
        customer_summary(others, as_of=then), others, summed_on=then, as_of=DAY,
        chances=(0.05, rare.quiet_chance),
    )  # fmt: skip
    assert calibration["below"][0] > 0.065
    assert calibration["below"][1] == pytest.approx(0.05, abs=0.018)


def test_too_few_who_came_back_teach_nothing(orders: ibis.Table):
    rare = segmentation.fit_thresholds(orders, summed_on=dt.date(2024, 9, 1), until=DAY)
    assert (rare.learnt, rare.quiet_chance, rare.dormant_chance) == (False, 0.05, 0.01)


def test_names_are_held_against_a_count_of_visits():
    """Visits decide who buys; names know the visits and the money, so they win on money alone."""
    rng = np.random.default_rng(6)
    n, on = 1500, dt.date(2024, 6, 30)
    visits, rich = rng.integers(1, 9, n), rng.integers(0, 2, n)
    past = [
        (k, on - dt.timedelta(days=int(d)), 1) for k in range(n) for d in rng.choice(56, visits[k], False)
    ]
    buys = rng.random(n) < visits / 9
    later = [(k, on + dt.timedelta(days=3), 90 if rich[k] else 10) for k in np.flatnonzero(buys)]
    who, when, paid = zip(*past, *later, strict=True)
    orders = ibis.memtable(pa.table({
        "customer_id": [f"c{k}" for k in who],
        "ordered_at": [dt.datetime.combine(day, dt.time(9)) for day in when],
        "amount": pa.array([f"{v}.00" for v in paid]).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip
    names = [
        f"{'rich' if r else 'poor'} {'often' if v > 4 else 'rarely'}"
        for r, v in zip(rich, visits, strict=True)
    ]
    named = ibis.memtable(pa.table({"customer_id": [f"c{k}" for k in range(n)], "segment": names}))
    ranking = segmentation.rank_by_names(named, orders, named_on=on, days=28)
    auc = roc_auc_score(buys, visits)
    assert ranking.table.set_index("by").loc["order_days", "auc"] == pytest.approx(auc)
    assert ranking.auc_gain[2] < 0 < ranking.top_gain[1]
    few = segmentation.rank_by_names(named.limit(50), orders, named_on=on, days=28)
    assert (len(few.table), few.auc_gain) == (0, None)
    assert few.numbers()[0].value is None


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
    calibration = segmentation.silence_calibration(
        customer_summary(table, as_of=then), table, summed_on=then, as_of=DAY
    )
    assert calibration["below"].to_numpy() == pytest.approx(calibration["chance"].to_numpy(), abs=0.045)
    assert (
        (calibration["low"] <= calibration["below"]) & (calibration["below"] <= calibration["high"])
    ).all()
