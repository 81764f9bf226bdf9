"""A small shop with experiments whose truth is planted: tables in memory, seeded."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd

from crm_utils.experiments import Experiment
from crm_utils.methods.ab_test import Tables, orders_with_margin

__all__ = ["AS_OF", "DECLARED", "declare", "on_engine", "shop"]

AS_OF = dt.date(2025, 12, 31)
DECLARED: dict[str, Any] = {
    "id": "coupon",
    "arms": {"control": 1, "coupon": 1},
    "control": "control",
    "starts_on": "2025-09-15",
    "ends_on": "2025-09-28",
    "horizon_days": 56,
    "primary": "orders",
    "metrics": ["conversion", "revenue", "order_value"],
    "guardrails": [{"metric": "unsubscribed", "margin": 0.02}],
}
_START = pd.Timestamp("2025-09-15")


def declare(**more: Any) -> Experiment:
    return Experiment(**{**DECLARED, **more})


def shop(
    *,
    seed: int,
    customers: int = 4000,
    extra: float = 0.0,
    arms: tuple[str, ...] = ("control", "coupon"),
    loses: float = 0.0,
    twice: int = 0,
    spread_days: int = 14,
    experiment: str = "coupon",
) -> Tables:
    """Customers who buy at their own pace before and after; every other arm brings ``extra`` orders a
    customer.

    ``loses`` is the share of customers of the last arm whose assignment gets lost when they did not buy
    before; ``twice`` customers stand in two arms as well.
    """
    rng = np.random.default_rng(seed)
    ids = np.array([f"c{k}" for k in range(customers)])
    pace = rng.gamma(1.5, 1.0, customers)  # orders in 91 days
    at = _START + pd.to_timedelta(rng.integers(0, spread_days * 86_400, customers), unit="s")
    arm = rng.integers(0, len(arms), customers)
    before, after = rng.poisson(pace), rng.poisson(pace * 56 / 91) + rng.poisson(extra * (arm > 0))
    orders = pd.concat([
        _orders(rng, ids, at, before, -91, 0),
        _orders(rng, ids, at, after, 0, 56),
    ])  # fmt: skip
    orders = orders.assign(order_id=[f"o{k}" for k in range(len(orders))], product_id="p", quantity=1,
                           discount=0, amount=np.round(rng.gamma(2, 15_000, len(orders)), -1))  # fmt: skip
    rows = pd.DataFrame(
        {"experiment_id": experiment, "customer_id": ids, "arm": np.array(arms)[arm], "assigned_at": at}
    )
    lost = (arm == len(arms) - 1) & (before == 0) & (rng.random(customers) < loses)
    both = rows[:twice].assign(arm=np.where(rows["arm"][:twice] == arms[0], arms[1], arms[0]))
    rows = pd.concat([rows[~lost], both])
    reached = rows[rows["arm"] != arms[0]].reset_index(drop=True)
    messages = pd.DataFrame({
        "message_id": reached.index.astype(str), "campaign_id": "k1", "customer_id": reached["customer_id"],
        "sent_at": reached["assigned_at"] + pd.Timedelta(minutes=10), "held_out": False, "cost": 20,
        "unsubscribed_at": pd.NaT,
    })  # fmt: skip
    events = pd.DataFrame(
        {"customer_id": ids[::2], "occurred_at": at[::2] + pd.Timedelta(days=1), "event": "visit"}
    )
    people = pd.DataFrame(
        {"customer_id": ids, "region": np.where(np.arange(customers) % 3 == 0, "서울", "부산")}
    )
    return tables(rows, orders, messages=messages, events=events, customers=people)


def tables(assignments: pd.DataFrame, lines: pd.DataFrame, **others: pd.DataFrame) -> Tables:
    """Frames as what an experiment is judged from."""
    return Tables(**on_engine(lines, assignments=assignments, **others))


def on_engine(lines: pd.DataFrame, **others: pd.DataFrame) -> dict[str, Any]:
    """Frames as canonical tables on one engine; order lines as orders."""
    con = ibis.duckdb.connect()
    money = dict.fromkeys(["amount", "discount", "cost", "unit_margin"], "decimal(18, 2)") | {
        "quantity": "decimal(18, 3)"
    }

    def table(frame: pd.DataFrame) -> Any:
        times = {c: "timestamp(6)" for c in frame.columns if c.endswith("_at")}
        kinds = {c: kind for c, kind in (money | times).items() if c in frame.columns}
        made = con.create_table(ibis.util.gen_name("t"), frame.reset_index(drop=True))
        return made.cast(kinds)

    products = table(pd.DataFrame({"product_id": ["p"], "unit_margin": [9_000]}))
    known = {name: table(frame) for name, frame in others.items()}
    return {"orders": orders_with_margin(table(lines), products), **known}


def _orders(rng: Any, ids: Any, at: Any, counts: Any, first: int, last: int) -> pd.DataFrame:
    who = np.repeat(np.arange(len(ids)), counts)
    when = first + rng.random(len(who)) * (last - first)
    return pd.DataFrame(
        {"customer_id": ids[who], "ordered_at": at[who] + pd.to_timedelta(when, unit="D").round("s")}
    )
