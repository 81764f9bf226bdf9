"""A small shop made of edge cases, as the Parquet files that every engine of these tests reads."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crm_utils import tables
from crm_utils.features import customer_summary
from crm_utils.loading import contract
from crm_utils.methods.segmentation import name_customers, rfm_cuts, rfm_score
from crm_utils.tables import TABLES, AsOf

AS_OF = dt.date(2024, 12, 31)
MIDDLE = dt.date(2024, 6, 30)
STARTS = dt.date(2023, 6, 1)

# Customer, wall clock, amount, discount, channel. The shop's clock is New York's: half past two on 10 March
# 2024 never was, half past one on 3 November was twice; an engine that thinks in zones moves one of them.
CASES = [
    (None, "2024-02-29 12:00:00", "5.00", None, "store"),  # a guest, on a leap day
    (None, "2024-03-01 12:00:00", "-5.00", None, "store"),
    ("once", "2024-02-29 23:59:59.999999", "10.10", "0.00", "web"),
    ("dst", "2024-03-10 02:30:00", "1.00", "0.10", "web"),
    ("dst", "2024-11-03 01:30:00", "2.00", "0.20", "web"),
    ("dst", "2024-11-03 01:30:00", "3.00", None, None),  # a tie to the microsecond
    ("dst", "2024-11-04 00:00:00", "4.00", None, "store"),
    ("same day", "2024-05-05 00:00:00", "7.00", None, "store"),
    ("same day", "2024-05-05 23:59:59.999999", "8.00", None, "app"),
    ("returner", "2024-05-06 10:00:00", "-8.00", None, "store"),  # nothing but a return
    ("net negative", "2024-05-06 10:00:00", "8.00", None, "store"),
    ("net negative", "2024-05-07 10:00:00", "-20.00", None, "store"),
    ("free", "2024-06-01 10:00:00", "0.00", "12.00", "store"),
    ("free", "2024-06-08 10:00:00", "0.00", "12.00", "store"),
    ("rich", "2023-07-01 10:00:00", "90000000000000.01", None, "store"),  # float64 would lose its cent
    ("rich", "2024-07-01 10:00:00", "0.01", None, "store"),
    ("김하늘", "2024-08-15 18:00:00", "12000.00", None, "전화"),
    ("김하늘", "2024-08-22 18:00:00", "15000.00", "0.50", "전화"),
    ("김하늘", "2024-12-31 23:59:59.999999", "9000.00", None, "전화"),  # the last moment that is seen
    ("김하늘", "2025-01-01 00:00:00", "77.00", None, "전화"),  # the first that is not
    ("O'Hara ", "2023-12-31 23:00:00", "1.05", None, "web"),  # a Sunday, the last day of week 52
    ("O'Hara ", "2024-01-01 01:00:00", "1.15", None, "web"),  # a Monday
    ("gone", "2023-06-01 00:00:00", "30.00", None, "store"),  # the data's first moment
    ("gone", "2023-06-08 00:00:00", "30.00", None, "store"),
    ("gone", "2023-06-15 00:00:00", "30.00", None, "store"),
    ("newcomer", "2024-12-30 09:00:00", "25.00", None, "app"),
]


class Shop:
    """The edge cases on one engine: canonical tables, and what methods make of them on the way."""

    def __init__(self, con: Any, folder: Path) -> None:
        self.con = con
        self.uncut = {name: con.read_parquet(str(folder / f"{name}.parquet")) for name in _FILES}

    @cached_property
    def tables(self) -> dict[str, ir.Table]:
        as_of = AsOf.parse(AS_OF)
        return {name: tables.cut(table, TABLES[name], as_of) for name, table in self.uncut.items()}

    @cached_property
    def orders(self) -> ir.Table:
        return tables.orders(self.tables["order_lines"]).cache()

    @property
    def customers(self) -> ir.Table:
        return self.tables["customers"]

    @cached_property
    def summary(self) -> ir.Table:
        return customer_summary(self.orders, as_of=AS_OF).cache()

    @cached_property
    def cuts(self) -> Any:
        return rfm_cuts(self.summary, as_of=AS_OF)

    @property
    def scored(self) -> ir.Table:
        return rfm_score(self.summary, self.cuts)

    @cached_property
    def named(self) -> ir.Table:
        return name_customers(self.orders, as_of=AS_OF, history_starts=STARTS)

    @cached_property
    def earlier(self) -> ir.Table:
        return name_customers(self.orders, as_of=MIDDLE, history_starts=STARTS, cuts=self.cuts)

    @property
    def raw(self) -> ir.Table:
        """Messages as a source would hand them over, some of them broken."""
        sent = self.uncut["messages"]
        known = {name: sent[name] for name in ("message_id", "customer_id", "sent_at", "redeemed_at")}
        row = sent.message_id.cast("int64")
        return sent.select(**known, held_out=False, cost="0." + sent.message_id, _file=sent.channel, _row=row,
                           _raw=sent.customer_id)  # fmt: skip

    @property
    def judged(self) -> ir.Table:
        return contract.conform(self.raw, TABLES["messages"])


def write_shop(folder: Path, *, seed: int) -> None:
    """Write the edge cases, and 300 customers of many habits around them."""
    rng = np.random.default_rng(seed)
    lines = [line for k, case in enumerate([*CASES, *_habits(rng, 300)]) for line in _lines(rng, k, case)]
    ids = sorted({line["customer_id"] for line in lines if line["customer_id"]})
    customers = [
        {"customer_id": c, "region": ["north", "남쪽", None][k % 3], "birth_year": 1950 + k % 50,
         "last_active_at": dt.datetime(2024, 12, 31) + dt.timedelta(hours=k % 48)}
        for k, c in enumerate([*ids[::2], "never ordered"])
    ]  # fmt: skip
    sent = dt.datetime(2024, 11, 1, 9)
    messages = [
        {"message_id": f"{k // 2 if k % 50 == 1 else k}", "campaign_id": "1", "customer_id": c,
         "channel": "mail", "kind": "advertising", "sent_at": sent, "held_out": k % 7 == 0,
         "redeemed_at": sent + dt.timedelta(days=k - 30) if k % 3 == 0 else None}
        for k, c in enumerate(ids)
    ]  # fmt: skip
    # A coupon's order is known from its redemption on: before, on and after the days that are looked from.
    coupons = [
        {"coupon_id": f"k{k}", "customer_id": c, "issued_at": sent, "value": Decimal(k),
         "expires_at": sent + dt.timedelta(days=90),
         "redeemed_at": sent + dt.timedelta(hours=k - 30) if k % 3 else None,
         "order_id": f"o{k}" if k % 3 else None}
        for k, c in enumerate(ids)
    ]  # fmt: skip
    every = {"order_lines": lines, "customers": customers, "messages": messages, "coupons": coupons}
    for name, rows in every.items():
        kinds = {c.name: _ARROW[c.type] for c in TABLES[name].columns}
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))
        pq.write_table(table, folder / f"{name}.parquet")


def _habits(rng: np.random.Generator, customers: int) -> list[tuple[str | None, str, str, str | None, str]]:
    """Customers who come at their own pace from some day to another, sometimes bringing a thing back."""
    rows = []
    for k in range(customers):
        first, last = np.sort(rng.integers(0, 580, 2))
        for day in rng.integers(first, last + 1, 1 + rng.poisson(rng.gamma(1.0, 6.0))):
            at = dt.datetime(2023, 6, 1) + dt.timedelta(days=int(day), seconds=int(rng.integers(0, 86400)))
            amount = Decimal(int(rng.integers(-500, 9000))) / 100
            rows.append((f"c{k:03d}", at.isoformat(" "), str(amount), None, ["store", "web"][k % 2]))
    return rows


def _lines(rng: np.random.Generator, number: int, case: tuple[Any, ...]) -> list[dict[str, Any]]:
    """One order in one to three lines; all but the first are free of charge."""
    customer, at, amount, discount, channel = case
    line = {
        "order_id": f"o{number}", "customer_id": customer, "ordered_at": dt.datetime.fromisoformat(at),
        "discount": discount and Decimal(discount), "channel": channel, "store_id": f"s{number % 3}",
    }  # fmt: skip
    return [
        line | {"product_id": f"p{rng.integers(0, 9)}", "quantity": Decimal("1.500"),
                "amount": Decimal(amount) if k == 0 else Decimal(0)}
        for k in range(rng.integers(1, 4))
    ]  # fmt: skip


_ARROW = {
    tables.TEXT: pa.string(), tables.MONEY: pa.decimal128(18, 2), tables.QUANTITY: pa.decimal128(18, 3),
    tables.TIME: pa.timestamp("us"), tables.DAY: pa.date32(),
    tables.YES_NO: pa.bool_(), tables.WHOLE: pa.int64(), tables.SHARE: pa.decimal128(9, 6),
}  # fmt: skip
_FILES = ("order_lines", "customers", "messages", "coupons")
