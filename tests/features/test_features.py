from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.features import at_random, customer_summary, hide_small, purchase_days

AS_OF = dt.date(2024, 6, 30)
SCHEMA = pa.schema([("order_id", pa.string()), ("customer_id", pa.string()),
                    ("ordered_at", pa.timestamp("us")), ("amount", pa.decimal128(18, 2))])  # fmt: skip


def orders_of(rows: list[tuple[str | None, str, float]]) -> ibis.Table:
    """Orders from (customer, day or time, amount)."""
    columns = {
        "order_id": [str(k) for k in range(len(rows))],
        "customer_id": [r[0] for r in rows],
        "ordered_at": [pd.Timestamp(r[1]).to_pydatetime() for r in rows],
        "amount": pa.array([f"{r[2]:.2f}" for r in rows]).cast(pa.decimal128(18, 2)),
    }
    return ibis.memtable(pa.table(columns, schema=SCHEMA))


def summed(orders: ibis.Table, **options: object) -> dict[str, dict[str, object]]:
    rows = customer_summary(orders, **{"as_of": AS_OF, **options}).to_pyarrow().to_pylist()
    return {row["customer_id"]: row for row in rows}


def test_a_customer_of_known_days_is_summed_up_by_hand():
    ann = summed(orders_of([("ann", "2024-01-01", 10), ("ann", "2024-01-11", 30), ("ann", "2024-01-31", 5),
                            ("bob", "2024-02-01", 1)]))["ann"]  # fmt: skip
    assert (ann["first_ordered_on"], ann["last_ordered_on"]) == (dt.date(2024, 1, 1), dt.date(2024, 1, 31))
    assert (ann["recency_days"], ann["tenure_days"], ann["orders"], ann["order_days"]) == (151, 181, 3, 3)
    assert (float(ann["revenue"]), ann["mean_order_value"]) == (45.0, 15.0)
    assert ann["mean_gap_days"] == 15
    assert ann["gap_spread_days"] == pytest.approx(np.std([10, 20], ddof=1))
    assert ann["last_gap_days"] == 20


def test_returns_are_netted_and_are_no_purchases():
    ann = summed(orders_of([("ann", "2024-01-01", 10), ("ann", "2024-03-01", -4)]))["ann"]
    assert (ann["orders"], float(ann["revenue"]), ann["recency_days"]) == (1, 6.0, 181)


def test_guests_and_customers_with_returns_alone_have_no_row():
    assert set(
        summed(orders_of([(None, "2024-01-01", 1), ("ann", "2024-01-01", -1), ("bob", "2024-01-02", 1)]))
    ) == {"bob"}


def test_two_orders_of_a_day_are_two_orders_and_one_visit():
    ann = summed(orders_of([("ann", "2024-01-01 09:00", 1), ("ann", "2024-01-01 23:59:59", 1)]))["ann"]
    assert (ann["orders"], ann["order_days"], ann["mean_gap_days"]) == (2, 1, None)


def test_nothing_after_as_of_is_seen():
    rows = [("ann", "2024-01-01", 1), ("ann", "2024-06-30 23:59:59", 2)]
    late = [("ann", "2024-07-01 00:00:00", 99), ("new", "2024-07-02", 99)]
    assert summed(orders_of(rows)) == summed(orders_of(rows + late))
    assert summed(orders_of(rows))["ann"]["recency_days"] == 0


def test_since_leaves_out_what_came_before():
    ann = summed(orders_of([("ann", "2024-01-01", 1), ("ann", "2024-05-01", 2)]), since=dt.date(2024, 5, 1))[
        "ann"
    ]
    assert (ann["orders"], ann["tenure_days"]) == (1, 60)


def test_the_rhythm_follows_the_gamma_poisson_formula():
    rows = [("ann", "2024-01-01", 1), ("ann", "2024-01-11", 1), ("bob", "2024-02-01", 1)]
    rows += [("cat", f"2024-0{m}-{d:02d}", 1) for m in (3, 4, 5) for d in (1, 8, 15, 22)]
    by = summed(orders_of(rows))
    x, t = np.array([1, 0, 11]), np.array([181, 150, 121])
    mean, second = x.sum() / t.sum(), (x * (x - 1)).sum() / (t * t).sum()
    r, alpha = mean**2 / (second - mean**2), mean / (second - mean**2)
    assert by["ann"]["rhythm_days"] == pytest.approx((alpha + 10) / (r + 1))
    assert by["ann"]["silence_chance"] == pytest.approx(((alpha + 10) / (alpha + 10 + 171)) ** (r + 1))
    assert by["bob"]["rhythm_days"] == pytest.approx(alpha / r)
    assert by["ann"]["last_gap_chance"] == pytest.approx((alpha / (alpha + 10)) ** r)
    assert by["bob"]["last_gap_chance"] is None


def test_without_a_repeat_nobody_has_a_rhythm():
    by = summed(orders_of([("ann", "2024-01-01", 1), ("bob", "2024-02-01", 1)]))
    assert {(row["rhythm_days"], row["silence_chance"]) for row in by.values()} == {(None, None)}


def test_equal_customers_get_the_common_rhythm():
    rows = [(f"c{c}", f"2024-{m:02d}-01", 1) for c in range(30) for m in range(1, 7)]
    rhythm = summed(orders_of(rows))["c0"]["rhythm_days"]
    assert math.isclose(rhythm, 181 / 5, rel_tol=0.2)  # tenure counts today's silence, gaps do not


def test_simulated_rhythms_and_silences_are_recovered():
    rng = np.random.default_rng(7)
    rate = rng.gamma(2.0, 1 / 40, size=1500)  # a purchase every 20 days on average
    rows = []
    for c, lam in enumerate(rate):
        when = np.cumsum(rng.exponential(1 / lam, size=200))
        rows += [(f"c{c}", AS_OF - dt.timedelta(days=float(d)), 1) for d in when[when < 365]]
    frame = pd.DataFrame(list(summed(orders_of(rows)).values())).assign(
        index=lambda f: f.customer_id.str[1:].astype(int)
    )
    truth = 1 / rate[frame["index"]]
    assert np.corrcoef(np.log(truth), np.log(frame["rhythm_days"]))[0, 1] > 0.75
    for chance in (0.05, 0.2, 0.5):  # nobody left: silences are as rare as they say, within Monte-Carlo error
        assert (frame["silence_chance"] < chance).mean() == pytest.approx(chance, abs=0.04)


def test_purchase_days_are_distinct():
    orders = orders_of(
        [("ann", "2024-01-01 01:00", 1), ("ann", "2024-01-01 02:00", 1), ("ann", "2024-01-02", -1)]
    )
    assert purchase_days(orders).count().to_pyarrow().as_py() == 1


def test_lots_are_uniform_and_those_of_other_seeds_independent():
    ids = np.arange(20_000).astype(str).astype(object)
    drawn, other = at_random(ids, seed=1), at_random(ids, seed=2)
    assert [np.mean(drawn < q) for q in (0.1, 0.5, 0.9)] == pytest.approx([0.1, 0.5, 0.9], abs=0.015)
    assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.03


def test_a_lot_depends_on_nobody_else():
    ids = np.array(["ann", "bob", "eve"], dtype=object)
    together = dict(zip(ids, at_random(ids, seed=7), strict=True))
    assert {c: float(at_random(np.array([c]), seed=7)[0]) for c in ids[::-1]} == together


order_rows = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 180), st.integers(-500, 5000)),
    min_size=1,
    max_size=25,
)


def dated(rows: list[tuple[str, int, int]]) -> list[tuple[str | None, str, float]]:
    return [(c, str(AS_OF - dt.timedelta(days=d)), cents / 100) for c, d, cents in rows]


@settings(max_examples=20, deadline=None)
@given(rows=order_rows, seed=st.integers(0, 2**16))
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, int, int]], seed: int):
    shuffled = [rows[k] for k in np.random.default_rng(seed).permutation(len(rows))]
    assert summed(orders_of(dated(rows))) == summed(orders_of(dated(shuffled)))


@settings(max_examples=20, deadline=None)
@given(rows=order_rows)
def test_counts_and_money_add_up(rows: list[tuple[str, int, int]]):
    by = summed(orders_of(dated(rows)))
    buyers = {c for c, _, cents in rows if cents >= 0}
    assert set(by) == buyers
    assert sum(row["orders"] for row in by.values()) == sum(cents >= 0 for _, _, cents in rows)
    assert sum(row["revenue"] for row in by.values()) * 100 == sum(
        cents for c, _, cents in rows if c in buyers
    )
    assert all(0 <= row["recency_days"] <= row["tenure_days"] for row in by.values())


def test_exact_money_of_a_small_group_is_hidden_too():
    """What the engine sums exactly arrives as Decimal, which pandas calls an object."""
    money = [Decimal("10.00"), Decimal("99.95"), Decimal("20.00"), None]
    groups = pd.DataFrame({"name": list("abcd"), "customers": [40, 1, 6, 9], "revenue": money})
    shown = hide_small(groups)
    assert shown["revenue"].isna().tolist() == [False, True, True, True]
    assert shown["name"].tolist() == list("abcd")
