from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet
import pytest

from crm_utils.methods.segmentation.retention import cohort_retention


def orders_of(rows: list[tuple[str | None, str]], amount: str = "1") -> ibis.Table:
    return ibis.memtable(pa.table({
        "customer_id": pa.array([r[0] for r in rows], pa.string()),
        "ordered_at": [dt.datetime.fromisoformat(r[1]) for r in rows],
        "amount": pa.array([amount] * len(rows)).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip


def test_online_retails_first_cohort_as_published(golden: Callable[[str], Path]):
    table = pa.parquet.read_table(golden("online_retail.parquet"), columns=["CustomerID", "InvoiceDate"])
    rows = ibis.memtable(table)
    # The published counts take every row with a customer, returns as well: so each row gets the amount 1.
    orders = rows.select(customer_id="CustomerID", ordered_at="InvoiceDate", amount=ibis.literal(1))
    kept = cohort_retention(
        orders, as_of=dt.date(2011, 12, 9), history_starts=dt.date(2010, 12, 1), existing_days=0
    )
    first = kept.table[kept.table["cohort"] == dt.date(2010, 12, 1)]
    assert first["active"].tolist() == [948, 362, 317, 367, 341, 376, 360, 336, 336, 374, 354, 474, 260]
    assert first["complete"].tolist() == [True] * 12 + [False]
    assert (kept.existing, kept.table.query("month == 0")["active"].sum()) == (0, 4372)


def test_customers_of_the_first_90_days_are_existing():
    rows = [
        ("old", "2024-01-05"),
        ("old", "2024-06-01"),
        ("new", "2024-04-02"),
        ("new", "2024-06-30"),
        (None, "2024-05-01"),
    ]
    kept = cohort_retention(orders_of(rows), as_of=dt.date(2024, 6, 30), history_starts=dt.date(2024, 1, 1))
    assert kept.existing == 1
    assert kept.table[["cohort", "month", "customers", "active"]].to_numpy().tolist() == [
        [dt.date(2024, 4, 1), 0, 1, 1], [dt.date(2024, 4, 1), 1, 1, 0], [dt.date(2024, 4, 1), 2, 1, 1],
    ]  # fmt: skip


def test_nobody_new_gives_an_empty_table():
    kept = cohort_retention(
        orders_of([("old", "2024-01-05")]), as_of=dt.date(2024, 2, 1), history_starts=dt.date(2024, 1, 1)
    )
    assert (len(kept.table), kept.existing) == (0, 1)


def test_returns_are_no_activity_and_nothing_later_is_seen():
    rows = [("new", "2024-01-02"), ("new", "2024-03-02")]
    options = {"as_of": dt.date(2024, 2, 29), "history_starts": dt.date(2023, 1, 1)}
    assert cohort_retention(orders_of(rows), **options).table["active"].tolist() == [1, 0]
    assert cohort_retention(orders_of(rows, amount="-1"), **options).table.empty


def test_the_interval_is_wilsons():
    rows = [(f"c{k}", "2024-01-02") for k in range(10)] + [("c0", "2024-02-02")]
    kept = cohort_retention(
        orders_of(rows), as_of=dt.date(2024, 2, 29), history_starts=dt.date(2023, 1, 1)
    ).table
    # Wilson (1927) for 1 of 10 at 95 %, as tabulated
    assert (kept["low"][1], kept["high"][1]) == (
        pytest.approx(0.0179, abs=1e-4),
        pytest.approx(0.4042, abs=1e-4),
    )
