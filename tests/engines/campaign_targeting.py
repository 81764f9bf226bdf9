"""Reductions of campaign targeting, each with a call to compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
from engines.shop import AS_OF, Shop

from crm_utils.methods import campaign_targeting as ct
from crm_utils.methods.campaign_targeting.exits import after_the_anchor
from crm_utils.methods.campaign_targeting.reach import still_yes
from crm_utils.methods.campaign_targeting.shelf_moments import back_in_stock, price_drops

__all__ = ["CASES"]

NOW = dt.datetime.combine(AS_OF + dt.timedelta(days=1), dt.time())
UNTIL = NOW + dt.timedelta(days=2)
RULES = ct.Rules(
    country="KR", valid_from="2020-01-01", closed={"from": "21:00", "to": "08:00"},
    channels={"sms": {}, "email": {"unknown_consent": True}, "app_push": {}},
    caps=[{"messages": 1, "hours": 24}],
)  # fmt: skip
ANCHORS: dict[str, dict[str, Any]] = {
    "first": {"anchor": {"order": "first"}},
    "last": {"anchor": {"order": "last"}},
    "silent": {"anchor": {"silence": 1.5, "least": "20d"}, "at": "10:00"},
    "born": {"anchor": {"birthday": True}, "delay": "-7d", "at": "10:00"},
    "seen": {"anchor": {"event": "cart"}},
    "joined": {"anchor": {"joined": True}, "at": "10:00"},
    "pushed": {"anchor": {"message": "mail"}, "exit": ["click"]},
    "agreed": {"anchor": {"consent": 1}, "at": "10:00"},
    "launched": {"anchor": {"new_product": "category"}, "at": "10:00"},
    "arrived": {"anchor": {"status": "delivered"}},
    "cheaper": {"anchor": {"price_drop": 0.1}},
    "back": {"anchor": {"back_in_stock": True}},
}
PLAIN = {
    "class": "advertising", "expires": "200d", "channels": ["sms", "email"], "exit": ["order"],
    "suppress": {"refund": "3d", "open_case": "100d", "late_delivery": "100d",
                 "low_score": "20d"},
}  # fmt: skip
SCENARIOS = [
    ct.Scenario(**{"id": name, "title": name, **PLAIN, **anchor}) for name, anchor in ANCHORS.items()
]


def _tables(shop: Shop) -> dict[str, Any]:
    """The shop's tables, and what it lacks made of its messages and lines."""
    there = {name: shop.tables[name] for name in ("customers", "messages", "order_lines")}
    sent, lines = shop.tables["messages"], shop.tables["order_lines"]
    late = sent.held_out.ifelse("late_delivery", "cart")
    touch = {"session_id": "message_id", "occurred_at": "sent_at", "product_id": "campaign_id"}
    events = sent.select("customer_id", event_id="message_id", event=late, **touch)
    answers = sent.select(
        "customer_id",
        submitted_at="sent_at",
        kind=sent.redeemed_at.isnull().ifelse("case", "csat"),
        score=sent.held_out.ifelse(2, ibis.null("int64")),
    )
    launched = ibis.date(2024, 12, 30)
    products = lines.select("product_id", category=ibis.literal("all"), launched_on=launched).distinct()
    made = {"events": events, "feedback": answers, "consents": _said(shop), "products": products}
    made |= {"reach": _reach(shop), "shelf": _shelf(shop), "order_status": _states(shop)}
    return ct.known_tables({"orders": shop.orders, **there, **made})


def _reach(shop: Shop) -> Any:
    """Channels that were lost and found again, with ties."""
    sent = shop.tables["messages"]
    return sent.select("customer_id", "channel", reachable=~sent.held_out, changed_at="sent_at")


def _shelf(shop: Shop) -> Any:
    """What was touched gets cheaper and comes back, in steps of one line each."""
    sent = shop.tables["messages"]
    lines = sent.filter(sent.campaign_id.notnull()).group_by("campaign_id")
    steps = lines.aggregate(begin=ibis._.sent_at.min(), end=ibis._.sent_at.max())
    before = steps.select(product_id="campaign_id", changed_at="begin", price=10.0, stock=0)
    after = steps.select(
        product_id="campaign_id", changed_at=steps.end + ibis.interval(days=1), price=8.0, stock=4
    )
    return before.union(after)


def _states(shop: Shop) -> Any:
    return shop.orders.select("order_id", status=ibis.literal("delivered"), occurred_at="ordered_at")


def _moments(shop: Shop) -> list[Any]:
    tables = _tables(shop)
    known = [s for s in SCENARIOS if s.anchor.tables <= tables.keys()]
    return [ct.moments(scenario, tables, now=NOW, until=UNTIL) for scenario in known]


def _plan(shop: Shop) -> list[Any]:
    plan = ct.make_plan(SCENARIOS, _tables(shop), RULES, study="shop", now=NOW, until=UNTIL)
    return [plan.rows, plan.waterfall]


def _said(shop: Shop) -> Any:
    """Consents with ties at one instant: each message as a change, yes for those that were not held out."""
    sent = shop.tables["messages"]
    return sent.select(
        "customer_id", "channel", advertising=~sent.held_out, night=sent.held_out, changed_at=sent.sent_at
    )


def _found(shop: Shop) -> list[Any]:
    pool = ct.find_candidates(SCENARIOS, _tables(shop), RULES, now=NOW, until=UNTIL)
    parts = {"rows": ["scenario", "customer_id"], "consents": ["customer_id", "channel"],
             "drawn": ["scenario", "customer_id"], "heard": ["customer_id"],
             "lost": ["customer_id", "channel"]}  # fmt: skip
    frames = [getattr(pool, name).sort_values(by).reset_index(drop=True) for name, by in parts.items()]
    return [*frames, pool.left_out]


def _listed(shop: Shop) -> Any:
    """Two offers to a customer, the first of the first task counts."""
    sent = shop.tables["messages"]
    offers = sent.select("customer_id", "held_out", item="channel", task="message_id", rank=1)
    scored = ct.everybody_listed(shop.tables["customers"], shop.tables["messages"])
    return [ct.everybody_listed(offers), scored]


def _anchored(shop: Shop) -> Any:
    plan = ct.make_plan(SCENARIOS, _tables(shop), RULES, study="shop", now=NOW, until=UNTIL)
    start = plan.rows[["scenario", "customer_id", "anchor_at"]].assign(stage="")
    return after_the_anchor(start, {one.id: one for one in SCENARIOS}, _tables(shop), now=UNTIL)


def _effects(shop: Shop) -> Any:
    orders = shop.orders.filter(shop.orders.customer_id.notnull()).group_by("customer_id")
    sums = orders.aggregate(effect=ibis._.amount.sum().cast("float64"))
    names = dict.fromkeys(("scenario", "decision"), "customer_id") | dict.fromkeys(("low", "high"), "effect")
    return sums.select(**names, effect="effect")


def _worth(shop: Shop) -> Any:
    plan = ct.make_plan(SCENARIOS, _tables(shop), RULES, study="shop", now=NOW, until=UNTIL)
    return ct.worth_by_scenario(plan.rows, SCENARIOS, _effects(shop))


def _recheck(shop: Shop) -> Any:
    plan = ct.make_plan(SCENARIOS, _tables(shop), RULES, study="shop", now=NOW, until=UNTIL)
    known = {one.id: one for one in SCENARIOS}
    why = ct.recheck(plan.rows, known, _tables(shop), RULES, now=UNTIL)
    return plan.rows.assign(why=why)[["message_id", "why"]]


def _replayed(shop: Shop) -> Any:
    days = ct.replay(SCENARIOS, lambda _: _tables(shop), RULES, study="shop", first=NOW, days=2)
    return [plan.rows for _, plan in days]


CASES: dict[str, Callable[[Shop], Any]] = {
    "campaign_targeting.moments.moments": _moments,
    "campaign_targeting.plan.make_plan": _plan,
    "campaign_targeting.candidates.find_candidates": _found,
    "campaign_targeting.candidates.heard_before": lambda s: ct.find_candidates(
        SCENARIOS, _tables(s), RULES, now=NOW - dt.timedelta(days=60), until=UNTIL
    ).heard.sort_values("customer_id"),
    "campaign_targeting.candidates.known_consents": lambda s: ct.find_candidates(
        SCENARIOS[-2:], _tables(s), RULES, now=NOW, until=UNTIL
    ).consents.sort_values(["customer_id", "channel"]),
    "campaign_targeting.candidates.known_losses": lambda s: ct.find_candidates(
        SCENARIOS, _tables(s), RULES, now=NOW - dt.timedelta(days=60), until=UNTIL
    ).lost.sort_values(["customer_id", "channel"]),
    "campaign_targeting.reach.out_of_reach": lambda s: ct.out_of_reach(_reach(s), now=NOW),
    "campaign_targeting.shelf_moments.price_drops": lambda s: price_drops(
        0.1, _tables(s), first=NOW - dt.timedelta(days=400), last=NOW
    ),
    "campaign_targeting.shelf_moments.back_in_stock": lambda s: back_in_stock(
        _tables(s), first=NOW - dt.timedelta(days=400), last=NOW
    ),
    "campaign_targeting.past.past_of_customers": lambda s: ct.past_of_customers(s.orders, now=NOW),
    "campaign_targeting.hours.visits": lambda s: [
        ct.visits(s.orders, None, now=NOW),
        ct.visits(s.orders, _tables(s)["events"], now=NOW),
    ],
    "campaign_targeting.hours.send_hours": lambda s: ct.send_hours(
        ct.visits(s.orders, None, now=NOW), now=NOW, closed=ct.closed_hours(RULES), by_events=False
    ),
    "campaign_targeting.other_ways.best_tenth": lambda s: sorted(
        ct.best_tenth(s.scored, ct.find_candidates(SCENARIOS, _tables(s), RULES, now=NOW, until=UNTIL)) or ()
    ),
    "campaign_targeting.reach.still_yes": lambda s: still_yes(_said(s), now=NOW),
    "campaign_targeting.reach.overdue_reconfirmations": lambda s: ct.overdue_reconfirmations(
        _said(s), s.tables["messages"], SCENARIOS, RULES.model_copy(update={"reconfirm_months": 1}), now=NOW
    ),
    "campaign_targeting.worth.judged": lambda s: sorted(ct.judged(_effects(s))),
    "features.all_messages.all_messages": lambda s: ct.all_messages(
        s.tables["messages"], s.tables["messages"].select("customer_id", "scenario", "sent_at", "held_out")
    ),
    "campaign_targeting.exits.after_the_anchor": _anchored,
    "campaign_targeting.replay.replay": _replayed,
    "campaign_targeting.recheck.recheck": _recheck,
    "campaign_targeting.worth.verified": lambda s: ct.verified(_effects(s)),
    "campaign_targeting.worth.worth_by_scenario": _worth,
    "campaign_targeting.lists.everybody_listed": _listed,
    "campaign_targeting.lists.known_tables": lambda s: list(_tables(s).values()),
    "campaign_targeting.reach.latest_consents": lambda s: ct.latest_consents(_said(s), now=NOW),
}
