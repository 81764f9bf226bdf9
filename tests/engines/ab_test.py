"""How a test calls each reduction of A/B evaluation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
from engines.shop import AS_OF, MIDDLE, Shop

from crm_utils.experiments import CATALOGUE, Experiment, Metric, Trigger
from crm_utils.features import all_messages
from crm_utils.methods.ab_test import (
    assignment,
    campaigns,
    contacts,
    false_alarms,
    looks,
    outcomes,
    planning,
    quantiles,
    scenarios,
    segments,
    sizing,
    uplift,
    validity,
)
from crm_utils.methods.ab_test.moments import exact_sums, moments

__all__ = ["CASES"]

EXPERIMENT = Experiment(
    id="x", arms={"control": 1, "coupon": 1}, control="control", starts_on="2024-06-30", horizon_days=56,
    primary="conversion",
)  # fmt: skip
METRICS = [
    *(Metric(name=name, **CATALOGUE[name]) for name in ("conversion", "orders", "order_value")),
    Metric(name="capped", kind="mean", of="amount", cap=50),
]
MEDIAN = Metric(name="median", kind="quantile", of="amount", q=0.9)


def _assignments(shop: Shop) -> ir.Table:
    """Every customer once, by the last letter of the id, at hours of their own; some in both arms."""
    known = shop.orders.filter(shop.orders.customer_id.notnull()).select("customer_id").distinct()
    even = known.customer_id.re_search("[02468]$")
    start = ibis.literal(dt.datetime.combine(MIDDLE, dt.time(2, 30)), type="timestamp(6)")
    late = start + ibis.interval(days=9)
    once = known.select(
        "customer_id", experiment_id=ibis.literal("x"), arm=even.ifelse("control", "coupon"),
        assigned_at=even.ifelse(start, late),
    )  # fmt: skip
    again = once.filter(once.customer_id.re_search("9$")).mutate(arm=ibis.literal("control"))
    return once.union(again)


_HORIZONS = {"1": 28}


def _heard(shop: Shop) -> ir.Table:
    """Each campaign as a scenario; two thirds of the messages arrived, a third of these were clicked."""
    sent = all_messages(
        shop.tables["messages"].mutate(scenario="campaign_id"), shop.tables["messages"].limit(0)
    )
    reached, clicked = sent.customer_id.re_search("[0-6]$"), sent.customer_id.re_search("[0-2]$")
    when = sent.sent_at + ibis.interval(seconds=7)
    return sent.mutate(
        scenario="campaign_id", delivered_at=reached.ifelse(when, None), clicked_at=clicked.ifelse(when, None)
    )


def _assigned(shop: Shop) -> ir.Table:
    return assignment.assigned(_assignments(shop))


def _customers(shop: Shop) -> ir.Table:
    return assignment.one_arm_each(_assigned(shop))


def _products(shop: Shop) -> ir.Table:
    known = shop.tables["order_lines"].select("product_id").distinct()
    return known.mutate(unit_margin=ibis.literal("1.25").cast("decimal(18, 2)"))


def _orders(shop: Shop) -> ir.Table:
    return outcomes.orders_with_margin(shop.tables["order_lines"], _products(shop))


def _messages(shop: Shop) -> ir.Table:
    """Those of the shop, in July, as the shop's own come after every horizon here."""
    sent = shop.tables["messages"]
    july = ibis.literal(dt.datetime(2024, 7, 1, 9), type="timestamp(6)")
    return sent.mutate(sent_at=july, unsubscribed_at=july, cost=ibis.literal("0.50").cast("decimal(18, 2)"))


def _rows(shop: Shop, **more: Any) -> ir.Table:
    return outcomes.customer_outcomes(
        _customers(shop), _orders(shop), _messages(shop), **{"horizon_days": 56, "before_days": 91} | more
    )


def _campaigns(shop: Shop) -> ir.Table:
    days = {"starts_on": MIDDLE, "ends_on": MIDDLE + dt.timedelta(days=30)}
    known = shop.tables["messages"].select("campaign_id").distinct()
    return known.mutate(**{name: ibis.date(day.year, day.month, day.day) for name, day in days.items()})


def _sizes(shop: Shop) -> dict[str, int]:
    counts = _customers(shop).group_by("arm").aggregate(n=ibis._.count()).to_pyarrow().to_pylist()
    return {row["arm"]: row["n"] for row in counts}


CASES: dict[str, Callable[[Shop], Any]] = {
    "ab_test.assignment.assigned": _assigned,
    "ab_test.assignment.one_arm_each": _customers,
    "ab_test.assignment.held_out_assignments": lambda s: assignment.held_out_assignments(
        s.tables["messages"]
    ),
    "ab_test.campaigns.campaign_changes": lambda s: campaigns.campaign_changes(
        s.orders, s.tables["messages"].filter(~s.tables["messages"].held_out), _campaigns(s)
    ),
    "ab_test.looks.with_completion": lambda s: looks.with_completion(_customers(s), horizon_days=56),
    "ab_test.moments.exact_sums": lambda s: list(exact_sums(_rows(s), METRICS).values()),
    "ab_test.moments.moments": lambda s: [
        moments(_rows(s), METRICS),
        moments(_rows(s).filter(_rows(s).amount < 5000, _rows(s).amount_before < 5000), METRICS, small=True),
        moments(_rows(s).mutate(odd=_rows(s).orders > 1), METRICS[:1], by=("arm", "odd")),
    ],
    "ab_test.outcomes.orders_with_margin": lambda s: [
        _orders(s),
        outcomes.orders_with_margin(s.tables["order_lines"]),
    ],
    "ab_test.outcomes.customer_outcomes": lambda s: [
        _rows(s),
        outcomes.customer_outcomes(
            _customers(s), outcomes.orders_with_margin(s.tables["order_lines"]), horizon_days=7, before_days=0
        ),
    ],
    "ab_test.quantiles.order_statistics": lambda s: quantiles.order_statistics(
        _rows(s), column="amount", ranks={"control": (140, 145, 150), "coupon": (120, 125, 130)}
    ),
    "ab_test.quantiles.quantile_effect": lambda s: quantiles.quantile_effect(
        _rows(s), MEDIAN, EXPERIMENT, _sizes(s)
    ),
    "ab_test.quantiles.quantile_spreads": lambda s: [
        [spread.now, spread.spread]
        for spread in quantiles.quantile_spreads(
            _rows(s), [MEDIAN], customers=sum(_sizes(s).values())
        ).values()
    ],
    "ab_test.segments.with_segment": lambda s: [
        segments.with_segment(_rows(s), s.customers, segment=name) for name in ("before", "region")
    ],
    "ab_test.segments.effects_by_segment": lambda s: segments.effects_by_segment(
        segments.with_segment(_rows(s), None, segment="before"), METRICS[0], EXPERIMENT
    ),
    "ab_test.segments.triggered": lambda s: segments.triggered(
        _customers(s), _messages(s), Trigger(campaign="1"), horizon_days=56
    ),
    "ab_test.segments.weekly_amounts": lambda s: [
        segments.weekly_amounts(_customers(s), _orders(s), horizon_days=56, column=column)
        for column in ("amount", "orders")
    ],
    "ab_test.segments.effects_by_week": lambda s: segments.effects_by_week(
        segments.weekly_amounts(_customers(s), _orders(s), horizon_days=56), _sizes(s), EXPERIMENT
    ),
    "ab_test.contacts.contact_outcomes": lambda s: contacts.contact_outcomes(
        s.tables["messages"], s.orders, horizon_days=28, as_of=AS_OF
    ),
    "ab_test.contacts.judge_contacts": lambda s: (
        contacts.judge_contacts(s.tables["messages"], s.orders, horizon_days=28, as_of=AS_OF).table
    ),
    "ab_test.scenarios.scenario_outcomes": lambda s: scenarios.scenario_outcomes(
        _heard(s), _orders(s), horizon_days=28, as_of=AS_OF
    ),
    "ab_test.scenarios.judge_scenarios": lambda s: (
        scenarios.judge_scenarios(_heard(s), _orders(s), horizons=_HORIZONS, as_of=AS_OF).table
    ),
    "ab_test.false_alarms.aa_table": lambda s: false_alarms.aa_table(
        _rows(s), METRICS, splits=20, seed=1, most=200
    ),
    "ab_test.planning.plan_next_test": lambda s: (
        planning.plan_next_test(
            _orders(s),
            None,
            [],
            as_of=AS_OF,
            horizon_days=28,
            before_days=56,
            active_days=182,
            splits=5,
            seed=1,
        ).sizes
    ),
    "ab_test.sizing.as_if_assigned": lambda s: sizing.as_if_assigned(s.orders, on=MIDDLE, active_days=182),
    "ab_test.sizing.enrolment": lambda s: sizing.enrolment(s.orders, as_of=AS_OF, weeks=20),
    "ab_test.uplift.customer_features": lambda s: uplift.customer_features(
        _rows(s), _orders(s), s.customers, most=50
    ),
    "ab_test.validity.daily_counts": lambda s: validity.daily_counts(_assigned(s)),
    "ab_test.validity.arm_counts": lambda s: validity.arm_counts(_assigned(s)),
    "ab_test.validity.exposure": lambda s: validity.exposure(
        _customers(s), _messages(s), campaigns={"coupon": "1"}, horizon_days=56
    ),
    "ab_test.validity.largest_shares": lambda s: validity.largest_shares(_rows(s), column="amount"),
}
