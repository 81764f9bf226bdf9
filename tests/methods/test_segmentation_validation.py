from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from crm_utils.methods.segmentation.validation import forward_validation

NAMED_ON = dt.date(2024, 6, 30)


def named(groups: dict[str, int]) -> ibis.Table:
    rows = [(f"{g}{k}", g) for g, n in groups.items() for k in range(n)]
    return ibis.memtable(pa.table({"customer_id": [r[0] for r in rows], "segment": [r[1] for r in rows]}))


def orders(rows: list[tuple[str | None, str, float]]) -> ibis.Table:
    return ibis.memtable(pa.table({
        "customer_id": pa.array([r[0] for r in rows], pa.string()),
        "ordered_at": pa.array([dt.datetime.fromisoformat(r[1]) for r in rows], pa.timestamp("us")),
        "amount": pa.array([f"{r[2]:.2f}" for r in rows], pa.string()).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip


def test_only_the_days_after_count():
    rows = [("Loyal0", "2024-06-30 23:59", 1.0), ("Loyal1", "2024-07-01", 2.0),
            ("Loyal2", "2024-07-28 23:59", 3.0), ("Loyal3", "2024-07-29", 4.0),
            ("Loyal4", "2024-07-05", -4.0),
            (None, "2024-07-05", 9.0)]  # fmt: skip
    tested = forward_validation(named({"Loyal": 5}), orders(rows), named_on=NAMED_ON, days=28)
    row = tested.table.iloc[0]
    assert (row["customers"], row["bought"], row["rate"]) == (5, 2, 0.4)
    assert row["spend"] == pytest.approx((2 + 3 - 4) / 5)
    assert (tested.named_on, tested.until, tested.rate) == (NAMED_ON, dt.date(2024, 7, 28), 0.4)


def test_intervals_follow_their_formulas():
    spend = np.round(np.random.default_rng(1).lognormal(3, 1, 40), 2)
    rows = [(f"Loyal{k}", "2024-07-02", float(v)) for k, v in enumerate(spend)]
    row = forward_validation(named({"Loyal": 50}), orders(rows), named_on=NAMED_ON, days=28).table.iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((0.66964, 0.88762), abs=1e-4)  # Wilson for 40 of 50
    every = np.append(spend, np.zeros(10))
    half = stats.t.ppf(0.975, 49) * every.std(ddof=1) / np.sqrt(50) / every.mean()
    assert (row["spend_low"], row["spend_high"]) == pytest.approx(
        (every.mean() * np.exp(-half), every.mean() * np.exp(half))
    )


def test_groups_together_have_the_rate_and_interval_of_their_sum():
    rows = [(f"{g}{k}", "2024-07-02", 1.0) for g, n in {"Loyal": 30, "Lost": 4}.items() for k in range(n)]
    groups = named({"Loyal": 40, "Lost": 20, "At Risk": 10})
    tested = forward_validation(groups, orders(rows), named_on=NAMED_ON, days=28)
    wilson = stats.binomtest(34, 60).proportion_ci(method="wilson")
    assert tested.rate_of(["Loyal", "Lost"]) == pytest.approx((34 / 60, wilson.low, wilson.high))
    assert tested.rate_of(["none such"]) is None
    assert (tested.judged("earned"), tested.judged("too few")) == (["Loyal"], ["Lost", "At Risk"])
    assert "bought" not in tested.shown


def test_verdicts():
    groups = {
        "Champions": 100,
        "Loyal": 100,
        "At Risk": 100,
        "Lost": 100,
        "Hibernating": 100,
        "Can't Lose": 9,
        "New": 100,
    }
    buyers = {
        "Champions": 95,
        "Loyal": 60,
        "At Risk": 90,
        "Lost": 10,
        "Hibernating": 50,
        "Can't Lose": 0,
        "New": 50,
    }
    rows = [(f"{g}{k}", "2024-07-02", 5.0) for g, n in buyers.items() for k in range(n)]
    tested = forward_validation(named(groups), orders(rows), named_on=NAMED_ON, days=28).table.set_index(
        "group"
    )
    assert tested["verdict"].to_dict() == {
        "Champions": "earned", "Loyal": "undecided", "At Risk": "not earned", "Lost": "earned",
        "Hibernating": "undecided", "Can't Lose": "too few", "New": "no promise",
    }  # fmt: skip


def test_nobody_bought_is_no_error():
    tested = forward_validation(named({"Lost": 1}), orders([]), named_on=NAMED_ON, days=28)
    assert (tested.rate, tested.table["rate"][0], tested.table["spend"][0]) == (0, 0, 0)
