"""What offering brought: a planted gain, none where there is none, and who does not count."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils.methods.cross_sell import OffersWorth, offers_worth, unless_they_lose

SENT, AS_OF = dt.datetime(2024, 5, 1, 9), dt.date(2024, 6, 30)


def messages(rows: list[tuple[str, bool, dt.datetime, str]], cost: str = "0.10") -> ir.Table:
    customer, held_out, sent_at, scenario = zip(*rows, strict=True)
    return ibis.memtable(pa.table({
        "customer_id": pa.array(customer, pa.string()), "held_out": pa.array(held_out, pa.bool_()),
        "sent_at": pa.array(sent_at, pa.timestamp("us")), "scenario": pa.array(scenario, pa.string()),
        "cost": pa.array([Decimal(0 if held else cost) for held in held_out], pa.decimal128(18, 2)),
    }))  # fmt: skip


def lines(rows: list[tuple[str, dt.datetime, str]]) -> ir.Table:
    customer, at, amount = zip(*rows, strict=True)
    return ibis.memtable(pa.table({
        "customer_id": pa.array(customer, pa.string()), "product_id": ["p"] * len(rows),
        "ordered_at": pa.array(at, pa.timestamp("us")),
        "quantity": pa.array([Decimal(1)] * len(rows), pa.decimal128(18, 3)),
        "amount": pa.array([Decimal(a) for a in amount], pa.decimal128(18, 2)),
        "discount": pa.array([None] * len(rows), pa.decimal128(18, 2)),
    }))  # fmt: skip


def drawn(rng: np.random.Generator, *, customers: int, gain: float) -> OffersWorth:
    """Half of the customers are held out; the others order so much more in the four weeks."""
    names = [f"c{k:05d}" for k in range(customers)]
    held = rng.random(customers) < 0.5
    spent = np.where(rng.random(customers) < 0.6, rng.gamma(2, 10, customers), 0) + np.where(held, 0, gain)
    sent = messages([(c, bool(h), SENT, "next_best_offer") for c, h in zip(names, held, strict=True)])
    at = SENT + dt.timedelta(days=5)
    bought = lines([(c, at, f"{s:.2f}") for c, s in zip(names, spent, strict=True) if s > 0])
    return offers_worth(bought, None, sent, as_of=AS_OF, horizon_days=28)


def test_a_planted_gain_is_found_net_of_cost() -> None:
    worth = drawn(np.random.default_rng(1), customers=4000, gain=3.1)
    assert worth.low < 3.0 < worth.high
    assert worth.low > 1.5
    assert worth.sent + worth.held_out == 4000
    assert not worth.is_margin


@pytest.mark.simulated
def test_intervals_cover_as_they_say() -> None:
    rng = np.random.default_rng(2)
    estimates = [drawn(rng, customers=120, gain=0.1) for _ in range(60)]  # as much as sending costs
    covered = np.mean([f.low <= 0 <= f.high for f in estimates])
    assert covered == pytest.approx(0.95, abs=0.08)


def test_who_does_not_count() -> None:
    """Before the message, after the horizon, of another scenario, in both arms, with no days left."""
    names = [f"c{k}" for k in range(60)]
    rows = [(c, k % 2 == 0, SENT, "next_best_offer") for k, c in enumerate(names)]
    bought = [(c, SENT + dt.timedelta(days=1), "10.00") for c in names]
    given: dict[str, Any] = {"as_of": AS_OF, "horizon_days": 28}
    plain = offers_worth(lines(bought), None, messages(rows), **given)
    assert plain.gain == pytest.approx(-0.10)  # nothing but the cost
    more = [
        ("c0", SENT - dt.timedelta(days=1), "500.00"), ("c1", SENT + dt.timedelta(days=29), "500.00"),
        ("both", SENT + dt.timedelta(days=2), "500.00"), ("late", dt.datetime(2024, 6, 20), "500.00"),
        ("other", SENT + dt.timedelta(days=2), "500.00"),
    ]  # fmt: skip
    others = [
        ("both", True, SENT, "next_best_offer"), ("both", False, SENT, "next_best_offer"),
        ("late", False, dt.datetime(2024, 6, 19), "next_best_offer"), ("other", False, SENT, "birthday"),
    ]  # fmt: skip
    again = offers_worth(lines(bought + more), None, messages(rows + others), **given)
    assert again == plain


def test_margin_counts_where_products_have_one() -> None:
    names = [f"c{k}" for k in range(60)]
    rows = [(c, k % 2 == 0, SENT, "next_best_offer") for k, c in enumerate(names)]
    bought = [(c, SENT + dt.timedelta(days=1), "10.00") for c in names[1::2]]
    margin = pa.array([Decimal("4.00")], pa.decimal128(18, 2))
    shelf = ibis.memtable(pa.table({"product_id": ["p"], "unit_margin": margin}))
    worth = offers_worth(lines(bought), shelf, messages(rows), as_of=AS_OF, horizon_days=28)
    assert (worth.gain, worth.is_margin) == (pytest.approx(3.90), True)


def test_without_customers_held_out_nothing_is_claimed() -> None:
    bought = lines([("c1", SENT, "1.00")])
    given: dict[str, Any] = {"as_of": AS_OF, "horizon_days": 28}
    assert offers_worth(bought, None, None, **given).gain is None
    few = messages([(f"c{k}", k < 5, SENT, "next_best_offer") for k in range(60)])
    assert offers_worth(bought, None, few, **given).gain is None


def test_offers_that_were_shown_to_lose_are_not_handed_on():
    offers = pd.DataFrame({"customer_id": ["a", "b"], "item": ["tea", "salt"]})
    lost, open_ = (
        OffersWorth(500, 60, gain, gain - 0.5, gain + 0.5, is_margin=True, horizon_days=28)
        for gain in (-1, 0)
    )
    unknown = OffersWorth(0, 0, None, None, None, is_margin=True, horizon_days=28)
    assert unless_they_lose(offers, lost).empty
    assert list(unless_they_lose(offers, lost).columns) == list(offers.columns)
    assert unless_they_lose(offers, open_) is offers
    assert unless_they_lose(offers, unknown) is offers
