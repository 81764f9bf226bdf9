"""What arrives where, and what the shelf makes due: small worlds, each row written out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from campaign_world import (
    BOUGHT,
    NOW,
    RULES,
    UNTIL,
    consents,
    orders,
    planned,
    reach,
    scenario,
    stages,
    table,
)

from crm_utils.methods.campaign_targeting import Plan, Scenario, moments, out_of_reach, recheck

at = pd.Timestamp


BOTH = consents(("ann", "sms", True, False, "2024-01-01"), ("ann", "email", True, False, "2024-01-01"))


@pytest.mark.parametrize(
    ("changes", "channel"),
    [
        ([], "sms"),
        ([("sms", True, "2024-02-01")], "sms"),
        ([("sms", False, "2024-02-01")], "email"),
        ([("sms", False, "2024-02-01"), ("sms", True, "2024-02-02")], "sms"),
        ([("sms", False, "2024-02-01"), ("sms", True, "2024-02-01")], "email"),  # a tie: lost
        ([("sms", False, "2024-03-01")], "sms"),  # at the plan's own instant: not known
        ([("email", False, "2024-02-01")], "sms"),
    ],
)
def test_the_next_channel_stands_in_where_the_first_does_not_arrive(changes: list, channel: str) -> None:
    known = reach(*[("ann", *one) for one in changes])
    plan = planned([scenario(channels=["sms", "email"])], orders=BOUGHT, consents=BOTH, reach=known)
    assert plan.rows["channel"].tolist() == [channel]


def test_who_cannot_be_reached_is_counted_apart_from_who_said_no() -> None:
    lost = reach(("ann", "sms", False, "2024-02-01"), ("bob", "sms", False, "2024-02-01"))
    both = orders(("ann", "2024-02-28 12:00", 10), ("bob", "2024-02-28 12:00", 10))
    plan = planned([scenario()], orders=both, consents=BOTH, reach=lost)
    assert stages(plan) == {"without_channel": 1, "no_consent": 1}


def test_information_needs_a_channel_that_arrives_as_well() -> None:
    notice = scenario(**{"class": "informational", "channels": ["alimtalk"]})
    lost = reach(("ann", "alimtalk", False, "2024-02-01"))
    assert stages(planned([notice], orders=BOUGHT, reach=lost)) == {"without_channel": 1}


def test_a_channel_lost_since_the_plan_is_seen_as_it_is_handed_over() -> None:
    chosen = scenario(channels=["sms", "email"])
    plan = planned([chosen], orders=BOUGHT, consents=BOTH)
    since = reach(("ann", "sms", False, "2024-03-01 09:00"))
    newest = {"orders": BOUGHT, "consents": BOTH, "reach": since}
    assert recheck(plan.rows, {"s": chosen}, newest, RULES, now=UNTIL).tolist() == ["without_channel"]
    assert recheck(plan.rows, {"s": chosen}, newest, RULES, now=NOW).tolist() == [""]


def test_one_row_each_of_what_was_lost() -> None:
    twice = reach(("ann", "sms", False, "2024-02-01"), ("ann", "sms", False, "2024-02-03"))
    assert out_of_reach(twice, now=NOW).execute().to_dict("records") == [
        {"customer_id": "ann", "channel": "sms"}
    ]


def shelf(*rows: tuple) -> Any:
    """product, moment, price, stock."""
    kinds = {"product_id": "text", "changed_at": "timestamp(6)", "price": "float64", "stock": "int64"}
    return table([(one, at(when), price, stock) for one, when, price, stock in rows], kinds)


def looks(*rows: tuple) -> Any:
    """customer, product, moment."""
    kinds = {"customer_id": "text", "product_id": "text", "event": "text", "occurred_at": "timestamp(6)"}
    return table([(who, what, "view", at(when)) for who, what, when in rows], kinds)


PRODUCTS = table(
    [("coat", "north"), ("hat", "north"), ("sock", None)], {"product_id": "text", "brand": "text"}
)


def due(anchor: dict, shelf_rows: list, look_rows: list) -> dict[str, str]:
    one = scenario(anchor=anchor, delay="1h", channels=["email"])
    known = {"shelf": shelf(*shelf_rows), "events": looks(*look_rows), "products": PRODUCTS, "orders": BOUGHT}
    rows = moments(one, known, now=NOW, until=UNTIL)
    return dict(zip(rows["customer_id"], rows["item"], strict=True))


THREE = [("ann", "coat", f"2024-02-{day} 10:00") for day in (10, 12)] + [("ann", "hat", "2024-02-14 10:00")]


@pytest.mark.parametrize(
    ("prices", "views", "expected"),
    [
        ([("coat", "2024-02-01", 100, 5), ("coat", "2024-02-28", 90, None)], THREE, {"ann": "coat"}),
        ([("coat", "2024-02-01", 100, 5), ("coat", "2024-02-28", 91, None)], THREE, {}),
        ([("coat", "2024-02-01", 100, 5), ("coat", "2024-02-28", 90, None)], THREE[:2], {}),
        # Dearer again; without a price before; its stock changed since, its price did not.
        ([("coat", "2024-02-01", 100, 5), ("coat", "2024-02-27", 80, None),
          ("coat", "2024-02-28", 100, None)], THREE, {}),
        ([("coat", "2024-02-28", 90, None)], THREE, {}),
        ([("coat", "2024-02-01", 100, 5), ("coat", "2024-02-27", 80, None), ("coat", "2024-02-28", None, 3)],
         THREE, {"ann": "coat"}),
        # A fall at or after the plan's instant is not known; one long ago is too late.
        ([("coat", "2024-02-01", 100, 5), ("coat", "2024-03-01", 80, None)], THREE, {}),
        ([("coat", "2024-01-01", 100, 5), ("coat", "2024-02-15", 80, None)], THREE, {}),
        # A product without a brand stands for itself.
        ([("sock", "2024-02-01", 10, 5), ("sock", "2024-02-28", 5, None)], THREE, {}),
        ([("sock", "2024-02-01", 10, 5), ("sock", "2024-02-28", 5, None)],
         [("bob", "sock", f"2024-02-{day}") for day in (1, 2, 3)], {"bob": "sock"}),
        # Looks of more than 30 days before do not count, nor those after it.
        ([("coat", "2024-01-01", 100, 5), ("coat", "2024-02-28", 90, None)],
         [*THREE[:2], ("ann", "hat", "2024-01-20")], {}),
        ([("coat", "2024-01-01", 100, 5), ("coat", "2024-02-28", 90, None)],
         [*THREE[:2], ("ann", "hat", "2024-02-28 10:00")], {}),
    ],
)  # fmt: skip
def test_a_fall_in_price_is_told_to_who_looked_three_times(prices: list, views: list, expected: dict) -> None:
    assert due({"price_drop": 0.1}, prices, views) == expected


@pytest.mark.parametrize(
    ("stocks", "expected"),
    [
        ([("coat", "2024-02-01", None, 0), ("coat", "2024-02-28", None, 4)], {"ann": "coat"}),
        ([("coat", "2024-02-01", None, -1), ("coat", "2024-02-28", None, 4)], {"ann": "coat"}),
        ([("coat", "2024-02-01", None, 2), ("coat", "2024-02-28", None, 4)], {}),
        ([("coat", "2024-02-01", None, 0), ("coat", "2024-02-28", None, 4),
          ("coat", "2024-02-29", None, 0)], {}),
        ([("coat", "2024-02-28", None, 4)], {}),
        ([("hat", "2024-02-01", None, 0), ("hat", "2024-02-28", None, 4)], {}),
    ],
)  # fmt: skip
def test_what_is_back_is_told_to_who_looked_at_it(stocks: list, expected: dict) -> None:
    assert due({"back_in_stock": True}, stocks, [("ann", "coat", "2024-02-10")]) == expected


def parcels(*rows: tuple) -> Any:
    """order, state, moment."""
    kinds = {"order_id": "text", "status": "text", "occurred_at": "timestamp(6)"}
    return table([(order, state, at(when)) for order, state, when in rows], kinds)


def test_a_state_of_an_order_makes_its_customer_due() -> None:
    review: Scenario = scenario(
        anchor={"status": "delivered"}, delay="3d", **{"class": "informational", "channels": ["alimtalk"]}
    )
    both = orders(("ann", "2024-02-20", 10), ("bob", "2024-02-20", 10), (None, "2024-02-20", 10))
    states = parcels(
        ("o0", "shipped", "2024-02-26 09:00"), ("o0", "delivered", "2024-02-27 09:00"),
        ("o1", "shipped", "2024-02-26 09:00"), ("o2", "delivered", "2024-02-27 09:00"),
        ("o9", "delivered", "2024-02-27 09:00"),
    )  # fmt: skip
    plan: Plan = planned([review], orders=both, order_status=states)
    assert plan.rows["customer_id"].tolist() == ["ann"]
    assert plan.rows["send_at"].tolist() == [at("2024-03-01 09:00")]
    assert plan.rows["anchor_at"].tolist() == [at(dt.datetime(2024, 2, 27, 9))]
