"""Small shops for tests of lifetime value: planted buyers in two channels, and shops of any kind."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["END", "START", "order_table", "random_shop", "shop"]

START, END = dt.date(2024, 1, 1), dt.date(2024, 12, 30)


def order_table(frame: pd.DataFrame) -> ir.Table:
    """Canonical orders from customer_id, ordered_at and amount."""
    table = pa.table(
        {
            "order_id": [str(k) for k in range(len(frame))],
            "customer_id": pa.array([None if pd.isna(v) else v for v in frame["customer_id"]], pa.string()),
            "ordered_at": pd.to_datetime(frame["ordered_at"]).astype("datetime64[us]"),
            "amount": [f"{v:.2f}" for v in frame["amount"]],
        }
    )
    return ibis.memtable(table).cast({"amount": "decimal(18, 2)", "ordered_at": "timestamp(6)"})


def shop(customers: int, *, seed: int) -> tuple[ir.Table, ir.Table]:
    """Orders of a year by BG/NBD and Gamma-Gamma, and customers: won by ``ad`` they leave sooner."""
    rng = np.random.default_rng(seed)
    rows, people = [], []
    for k in range(customers):
        name, ad = f"c{k:04d}", k % 2 == 0
        at, rate = rng.uniform(0, 330), rng.gamma(1.2, 1 / 25.0)
        leaves, nu = rng.beta(1.6 if ad else 0.5, 3.0), rng.gamma(5.0, 1 / 100.0)
        people.append((name, START + dt.timedelta(days=int(at)), "ad" if ad else "search"))
        while at < 365:
            value = rng.gamma(4.0, 1 / nu)
            rows.append((name, START + dt.timedelta(days=int(at)), value))
            if rng.random() < 0.05:
                rows.append((name, START + dt.timedelta(days=min(int(at) + 3, 364)), -value / 2))
            if rng.random() < leaves:
                break
            at += rng.exponential(1 / rate)
    orders = order_table(pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]))
    known = pd.DataFrame(people, columns=["customer_id", "joined_on", "acquisition_channel"])
    return orders, ibis.memtable(pa.Table.from_pandas(known, preserve_index=False))


def random_shop(rng: np.random.Generator) -> ir.Table:
    """A shop of any kind: few customers or many, one price or many, returns, guests, any history."""
    n, days = int(rng.integers(1, 120)), int(rng.integers(1, 420))
    orders = max(int(n * rng.choice([1, 1.5, 3, 10])), 1)
    who, day = rng.integers(0, n, orders), np.sort(rng.integers(0, days, orders))
    amount = rng.choice([np.full(orders, 5.0), rng.gamma(1.5, 20, orders), np.zeros(orders)])
    amount = np.where(rng.random(orders) < rng.choice([0, 0.1]), -amount, amount)
    guest = rng.random(orders) < rng.choice([0, 0.3])
    names = [None if g else f"c{k}" for k, g in zip(who, guest, strict=True)]
    at = [END - dt.timedelta(days=days - 1 - int(d)) for d in day]
    return order_table(pd.DataFrame({"customer_id": names, "ordered_at": at, "amount": amount}))
