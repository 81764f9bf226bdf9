"""Does every method count the same purchases? An order that was sent back whole is as if it never was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest

from crm_utils.methods import churn, cross_sell, lifetime_value, scorecard
from crm_utils.methods.ab_test import (
    campaigns,
    contacts,
    orders_with_margin,
    outcomes,
    segments,
    sizing,
    uplift,
)
from crm_utils.methods.campaign_targeting import Scenario, moments
from crm_utils.methods.churn.habits import order_habits
from crm_utils.methods.churn.periods import Periods
from crm_utils.methods.cross_sell import upsell
from crm_utils.methods.scorecard.weeks import period_sums
from crm_utils.tables import orders

AS_OF = dt.date(2024, 6, 30)
START = dt.date(2023, 1, 1)
Rows = list[tuple[str, str, str, str, float, float]]

KEPT: Rows = [
    ("1", "ann", "shirt", "2024-01-08", 1, 50), ("1", "ann", "hat", "2024-01-08", 1, 20),
    ("2", "ann", "shirt", "2024-03-04", 1, 50),
    ("3", "ann", "hat", "2024-05-06", 1, 20), ("3", "ann", "coat", "2024-05-06", 1, 90),
    ("4", "bob", "hat", "2024-02-05", 1, 20), ("5", "bob", "coat", "2024-05-20", 1, 90),
]  # fmt: skip
BACK: Rows = [
    ("6", "ann", "coat", "2023-12-04", 1, 90), ("6", "ann", "coat", "2023-12-14", -1, -90),
    ("7", "bob", "coat", "2024-04-01", 1, 90), ("7", "bob", "hat", "2024-04-01", 1, 20),
    ("7", "bob", "coat", "2024-04-08", -1, -90), ("7", "bob", "hat", "2024-04-08", -1, -20),
    ("8", "bob", "hat", "2024-06-25", 1, 20), ("8", "bob", "hat", "2024-06-27", -1, -20),
    ("9", "cid", "hat", "2024-05-21", 1, 20), ("9", "cid", "hat", "2024-06-03", -1, -20),
]  # fmt: skip


def lines(rows: Rows) -> ir.Table:
    names = ["order_id", "customer_id", "product_id", "ordered_at", "quantity", "amount"]
    frame = pd.DataFrame(rows, columns=names).assign(
        discount=0, discount_by_others=0, channel="web", store_id="s"
    )
    money = dict.fromkeys(["amount", "discount", "discount_by_others"], "decimal(18, 2)")
    return ibis.memtable(frame).cast(money | {"ordered_at": "timestamp(6)", "quantity": "decimal(18, 3)"})


def people(**more: Any) -> ir.Table:
    """Three customers assigned on 1 May."""
    frame = pd.DataFrame({"customer_id": ["ann", "bob", "cid"], "experiment_id": "x", "arm": ["a", "b", "a"]})
    at = dt.datetime(2024, 5, 1)
    return ibis.memtable(frame.assign(assigned_at=at, sent_at=at, **more)).cast(
        {"assigned_at": "timestamp(6)", "sent_at": "timestamp(6)"}
    )


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    frame = table if isinstance(table, pd.DataFrame) else table.to_pyarrow().to_pandas()
    return sorted(map(tuple, frame.astype(str).to_numpy().tolist()))


def _messages(held_out: bool = False) -> ir.Table:
    sent = people(campaign_id="c", held_out=held_out, scenario="s")
    return sent.drop("experiment_id", "arm", "assigned_at")


def _campaigns() -> ir.Table:
    days = {"starts_on": dt.date(2024, 5, 1), "ends_on": dt.date(2024, 5, 14)}
    return ibis.memtable(pd.DataFrame([{"campaign_id": "c", **days}])).cast(
        {"starts_on": "date", "ends_on": "date"}
    )


def _panel(bought: ir.Table) -> ir.Table:
    return churn.churn_panel(
        bought, cutoffs=[dt.date(2024, 4, 15)], as_of=AS_OF, horizon_days=28, active_days=90
    )


def _due(bought: ir.Table) -> pd.DataFrame:
    plain = {"id": "s", "title": "s", "class": "advertising", "anchor": {"order": "last"}, "delay": "2d"}
    spans = {"expires": "400d", "channels": ["sms"], "holdout": {"share": 0.0}}
    now = dt.datetime(2024, 7, 1)
    return moments(Scenario(**plain, **spans), {"orders": bought}, now=now, until=now + dt.timedelta(days=1))


def _outcomes(rows: ir.Table) -> ir.Table:
    counted = outcomes.customer_outcomes(
        people().drop("sent_at"), orders_with_margin(rows), horizon_days=56, before_days=91
    )
    return counted.select("customer_id", "orders", "returns", "amount", "orders_before", "amount_before")


def _past(rows: ir.Table) -> ir.Table:
    assigned = people().drop("sent_at")
    done = outcomes.customer_outcomes(assigned, orders_with_margin(rows), horizon_days=56, before_days=91)
    return uplift.customer_features(done, orders_with_margin(rows))


def _many(rows: ir.Table) -> ir.Table:
    """Fifty customers of each: candidates are told of groups only."""
    each = rows.cross_join(ibis.range(50).unnest().name("k").as_table())
    copy = each.k.cast("string")
    return each.mutate(customer_id=each.customer_id + copy, order_id=each.order_id + "-" + copy).drop("k")


TIERS = pd.DataFrame({
    "product_id": ["shirt", "hat", "coat"], "subcategory": "clothes", "dear": [False, False, True],
    "price": [50.0, 20.0, 90.0],
})  # fmt: skip
PERIODS = Periods.between([dt.date(2024, 4, 15)], 28)
SPANS = {
    "before": (dt.date(2024, 3, 1), dt.date(2024, 4, 30)),
    "after": (dt.date(2024, 5, 1), dt.date(2024, 6, 30)),
}
WINDOW = {"horizon_days": 56}

COUNTS: dict[str, Callable[[ir.Table], Any]] = {
    "churn panel": lambda t: _panel(orders(t)),
    "churn habits": lambda t: order_habits(t, PERIODS),
    "silences": lambda t: churn.silence_times(
        orders(t), people(segment="all"), cutoff=dt.date(2024, 4, 15), as_of=AS_OF, silent_days=60
    ),
    "value panel": lambda t: lifetime_value.value_panel(
        orders(t), origins=[dt.date(2024, 4, 15), AS_OF], as_of=AS_OF, horizon_days=28
    ),
    "new customers": lambda t: lifetime_value.cohort_days(
        orders(t), None, as_of=AS_OF, history_starts=START
    ).query("amount != 0"),
    "lines_of_baskets": lambda t: cross_sell.lines_of_baskets(t, None, level="product"),
    "upsell": lambda t: upsell.upsell_candidates(_many(t), TIERS, as_of=AS_OF, horizon_days=28),
    "customers' outcomes": _outcomes,
    "uplift features": _past,
    "past customers": lambda t: sizing.as_if_assigned(orders(t), on=dt.date(2024, 6, 15), active_days=60),
    "enrolment": lambda t: sizing.enrolment(orders(t), as_of=AS_OF, weeks=30),
    "weekly outcomes": lambda t: segments.weekly_amounts(
        people(), orders(t), **WINDOW, column="orders"
    ).filter(ibis._.total != 0),
    "contacts": lambda t: contacts.contact_outcomes(_messages(), orders(t), **WINDOW, as_of=AS_OF),
    "campaigns": lambda t: campaigns.campaign_changes(orders(t), _messages(), _campaigns(), newcomers=True),
    "due": lambda t: _due(orders(t)),
    "two periods": lambda t: pd.concat(period_sums(orders(t), **SPANS)).query("purchases > 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_an_order_sent_back_whole_is_as_if_it_never_was(name: str) -> None:
    count = COUNTS[name]
    kept = rows_of(count(lines(KEPT)))
    assert kept
    assert rows_of(count(lines(KEPT + BACK))) == kept


def test_counted_by_hand() -> None:
    t = lines(KEPT + BACK)
    done = _outcomes(t).to_pyarrow().to_pylist()
    assert {r["customer_id"]: (int(r["orders"]), int(r["orders_before"])) for r in done} == {
        "ann": (1, 1), "bob": (1, 1), "cid": (0, 0),
    }  # fmt: skip
    weeks = scorecard.weekly_sums(orders(t), as_of=AS_OF).execute()
    assert (weeks["orders"].sum(), weeks["customers"].sum(), weeks["new_customers"].sum()) == (5, 5, 2)
    assert float(weeks["gross"].sum()) == 340
    panel = {r["customer_id"]: r for r in _panel(orders(t)).to_pyarrow().to_pylist()}
    assert {who: (r["recency_days"], r["next_in_days"]) for who, r in panel.items()} == {
        "ann": (42, 21), "bob": (70, 35),
    }  # fmt: skip
    due = _due(orders(t))
    assert {r["customer_id"]: f"{r['anchor_at']:%m-%d}" for r in due.to_dict("records")} == {
        "ann": "05-06", "bob": "05-20",
    }  # fmt: skip
