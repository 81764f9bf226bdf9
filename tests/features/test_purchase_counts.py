"""Counts of purchases, and how regular they are, against closed forms and planted truth."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import beta as beta_shape

from crm_utils.features.purchase_counts import (
    Regularity,
    distinct_counts,
    gap_pairs,
    purchase_counts,
    regularity,
    with_forecasts,
)
from crm_utils.features.purchase_models import fit_purchases

DAY = dt.date(2024, 3, 31)


def orders(rows: list[tuple[str | None, str, float]]) -> ibis.Table:
    who, when, amount = zip(*rows, strict=True)
    table = pa.table(
        {"order_id": [str(k) for k in range(len(who))], "customer_id": list(who),
         "ordered_at": list(when), "amount": list(amount)}
    )  # fmt: skip
    return ibis.memtable(table).cast({"ordered_at": "timestamp", "amount": "decimal(18, 2)"})


def buying(rng: np.random.Generator, customers: int, *, shape: float) -> ibis.Table:
    """Customers with rates of their own and gaps of an Erlang shape, seen by day for a year."""
    rows = []
    for k in range(customers):
        at, mean = rng.uniform(0, 60), 1 / rng.gamma(2.0, 0.04)
        while at < 366:
            rows.append((f"c{k}", str(dt.date(2024, 1, 1) + dt.timedelta(days=int(at))), 10.0))
            at += rng.gamma(shape, mean / shape)
    return orders(rows)


def test_days_are_counted_once_and_returns_and_guests_not_at_all() -> None:
    shop = orders([
        ("ann", "2024-01-01", 5), ("ann", "2024-01-01", 7), ("ann", "2024-01-11", 5),
        ("ann", "2024-02-01", -5), ("ann", "2024-04-01", 5), ("bob", "2024-03-31", 1),
        ("cid", "2024-01-01", -1), (None, "2024-01-01", 5),
    ])  # fmt: skip
    counts = purchase_counts(shop, as_of=DAY).order_by("customer_id").to_pyarrow().to_pylist()
    assert counts == [
        {"customer_id": "ann", "x": 1, "t_x": 10, "T": 90}, {"customer_id": "bob", "x": 0, "t_x": 0, "T": 0},
    ]  # fmt: skip


def test_distinct_rows_add_up_to_the_customers_and_forecasts_reach_everyone() -> None:
    counts = purchase_counts(buying(np.random.default_rng(1), 200, shape=1), as_of=dt.date(2024, 9, 30))
    distinct = distinct_counts(counts)
    assert distinct["customers"].sum() == counts.count().to_pyarrow().as_py()
    fit = fit_purchases(distinct, model="mbg_nbd")
    forecasts = with_forecasts(counts, fit, horizon_days=60).to_pyarrow().to_pandas()
    assert len(forecasts) == distinct["customers"].sum()
    assert list(forecasts.columns) == [
        "customer_id", "x", "t_x", "T", "alive", "expected_orders", "chance_of_none",
    ]  # fmt: skip
    assert forecasts["expected_orders"].to_numpy() == pytest.approx(fit.expected(forecasts, horizon_days=60))


def test_regularity_of_chance_is_one_and_of_rhythm_is_more() -> None:
    shapes = {}
    for shape in (1.0, 4.0):
        pairs = gap_pairs(buying(np.random.default_rng(7), 900, shape=shape), as_of=dt.date(2024, 12, 31))
        shapes[shape] = regularity(pairs)
    assert shapes[1.0].low < 1.0 < shapes[1.0].high
    assert not shapes[1.0].regular
    assert shapes[4.0].regular
    # Beta(4, 4) against the uniform: the entropy of the share of the first gap, less what whole days blur.
    assert shapes[4.0].gain == pytest.approx(-beta_shape(4, 4).entropy(), rel=0.35)
    assert shapes[1.0].gain == pytest.approx(0.0, abs=0.01)
    # Days blur the shortest gaps, so a little less than was planted.
    assert shapes[4.0].k == pytest.approx(4.0, rel=0.3)


def test_a_shape_that_half_of_the_customers_have_foretells_nothing_of_few_others() -> None:
    """By luck a few customers look regular; that is said as it is."""
    few = Regularity(2.0, 1.1, 3.5, 12, gain=0.02, gain_low=-0.1)
    assert few.seems_regular
    assert not few.regular


def test_daily_visits_by_chance_are_not_called_regular() -> None:
    """Whole days alone look regular: two gaps of a day each are exactly even."""
    rng = np.random.default_rng(3)
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(366)]
    rows = [(f"c{k}", str(day), 5.0) for k in range(300) for day in days if rng.random() < 0.5]
    rhythm = regularity(gap_pairs(orders(rows), as_of=dt.date(2024, 12, 31)))
    assert rhythm.low < 1.0 < rhythm.high


def test_without_two_gaps_there_is_nothing_to_tell() -> None:
    rhythm = regularity(gap_pairs(orders([("ann", "2024-01-01", 5), ("ann", "2024-01-03", 5)]), as_of=DAY))
    assert (rhythm.k, rhythm.regular, rhythm.customers) == (None, False, 0)
    assert regularity(pd.DataFrame({"first": [3], "both": [6], "customers": [1]})).k is None
