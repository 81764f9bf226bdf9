"""How a test calls each reduction of journeys: events and answers made of orders and messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
from engines.shop import AS_OF, STARTS, Shop

from crm_utils.features import all_messages
from crm_utils.methods import customer_journey as method
from crm_utils.methods.customer_journey import clock, journey, lift, paths, sources, stages, visits
from crm_utils.methods.customer_journey.leaks import order_amount
from crm_utils.methods.customer_journey.step_times import occasions, reaches

__all__ = ["CASES"]

SPAN: dict[str, Any] = {"as_of": AS_OF, "days": 500}
SINCE = dt.date(2023, 9, 1)


def _events(shop: Shop) -> ir.Table:
    """Before each order a visit of a view, a cart and a checkout; some end there, some are anonymous."""
    orders = shop.orders
    number = orders.order_id.re_extract(r"(\d+)$", 1).cast("int64")
    rows = orders.mutate(number=number)
    parts = []
    for k, name in enumerate(("visit", "view", "cart", "checkout", "purchase")):
        part = rows.filter(rows.number % 5 >= (0 if k < 3 else k - 2))
        parts.append(part.select(
            event_id=part.order_id + f"-{k}",
            customer_id=(part.number % 11 == 3).ifelse(ibis.null("string"), part.customer_id),
            session_id=ibis.literal("s") + (part.number // 2).cast("string"),
            occurred_at=part.ordered_at - ibis.interval(minutes=(4 - k) * 9),
            event=ibis.literal(name), product_id=ibis.null("string"),
            source=(part.number % 3 == 0).ifelse("app", (part.number % 3 == 1).ifelse("naver", "direct")),
            medium=(part.number % 3 == 1).ifelse("organic", "none"), campaign_id=ibis.null("string"),
        ))  # fmt: skip
    return ibis.union(*parts).mutate(occurred_at=ibis._.occurred_at.cast("timestamp(6)"))


def _sent(shop: Shop) -> ir.Table:
    """The shop's messages with scenarios, variants, visits that they hang on, and clicks."""
    sent = shop.tables["messages"]
    number = sent.message_id.cast("int64")
    own = _events(shop).filter(lambda t: t.event == "cart", lambda t: t.customer_id.notnull())
    anchor = own.group_by(_who="customer_id").aggregate(anchor_id=own.session_id.min())
    keep = [name for name in sent.columns if name not in ("anchor_id", "variant", "scenario", "clicked_at")]
    rows = sent.select(*keep).left_join(anchor, sent.customer_id == anchor._who).drop("_who")
    number = rows.message_id.cast("int64")
    return rows.mutate(
        scenario=(number % 4 == 0).ifelse("cart", ibis.null("string")),
        variant=(number % 8 == 0).ifelse("a", "b"),
        clicked_at=(number % 6 == 1).ifelse(rows.sent_at + ibis.interval(hours=5), ibis.null("timestamp(6)")),
    )


def _messages(shop: Shop) -> ir.Table:
    sent = _sent(shop)
    number = sent.message_id.cast("int64")
    named = sent.mutate(campaign_id=(number % 4 == 1).ifelse("k1", sent.campaign_id))
    ours = named.filter(ibis.literal(False)).select("customer_id", "scenario", "sent_at", "held_out")
    return all_messages(named, ours)


def _visits(shop: Shop) -> ir.Table:
    return visits.sessions(_events(shop))


def _status(shop: Shop) -> ir.Table:
    """Each order paid when ordered, delivered two or six days later, some returned."""
    orders = shop.orders
    odd = orders.order_id.re_search("[13579]$")
    paid = orders.select("order_id", status=ibis.literal("paid"), occurred_at="ordered_at")
    late = orders.filter(odd).select(
        "order_id", status=ibis.literal("delivered"), occurred_at=ibis._.ordered_at + ibis.interval(days=6)
    )
    soon = orders.filter(~odd).select(
        "order_id", status=ibis.literal("delivered"), occurred_at=ibis._.ordered_at + ibis.interval(days=2)
    )
    back = orders.filter(orders.order_id.re_search("7$")).select(
        "order_id", status=ibis.literal("returned"), occurred_at=ibis._.ordered_at + ibis.interval(days=9)
    )
    return ibis.union(paid, late, soon, back)


def _tables(shop: Shop) -> dict[str, ir.Table | None]:
    return {
        "orders": shop.orders, "events": _events(shop), "messages": _messages(shop),
        "order_status": _status(shop),
    }  # fmt: skip


def _touched(shop: Shop) -> ir.Table:
    return paths.touches(_visits(shop), _messages(shop))


def _firsts(shop: Shop) -> ir.Table:
    lines = shop.tables["order_lines"]
    ids = lines.select("product_id").distinct()
    products = ids.mutate(category=ids.product_id.re_search("[13579]$").ifelse("odd", "even"))
    people = shop.customers.select("customer_id")
    won = people.customer_id.re_search("[02468]$").ifelse("ads", ibis.null("string"))
    return method.first_orders(
        shop.orders, lines=lines, products=products, customers=people.mutate(acquisition_channel=won),
        history_starts=STARTS,
    )  # fmt: skip


def _costs(shop: Shop) -> ir.Table:
    days = shop.orders.filter(lambda t: t.ordered_at.notnull()).select(day=ibis._.ordered_at.cast("date"))
    weeks = days.filter(days.day >= ibis.date(2024, 1, 1)).mutate(
        starts_on=ibis.date(2024, 1, 1) + ibis.interval(days=0)
    )
    weeks = weeks.select("starts_on").distinct()
    return weeks.mutate(
        ends_on=ibis.date(2024, 12, 31), acquisition_channel=ibis.literal("ads"),
        cost=ibis.literal(5).cast("decimal(18, 2)"),
    )  # fmt: skip


def _starts(shop: Shop) -> ir.Table:
    return occasions(_visits(shop), "cart")


def _ends(shop: Shop) -> ir.Table:
    known = shop.orders.filter(lambda t: t.customer_id.notnull())
    return known.select("customer_id", at="ordered_at")


CASES: dict[str, Callable[[Shop], Any]] = {
    "customer_journey.clock.person_of": lambda s: _events(s).select(
        "event_id", person=clock.person_of(_events(s))
    ),
    "customer_journey.clock.in_order": lambda s: _events(s).order_by(clock.in_order(_events(s))),
    "customer_journey.visits.sessions": _visits,
    "customer_journey.visits.robots": lambda s: visits.robots(_visits(s)),
    "customer_journey.visits.without_robots": lambda s: visits.without_robots(_visits(s)),
    "customer_journey.visits.pauses": lambda s: visits.pauses(_events(s), gaps=(5, 30)),
    "customer_journey.visits.describe_sessions": lambda s: visits.describe_sessions(
        _events(s), _visits(s), gap_minutes=30
    ),
    "customer_journey.funnel.entries": lambda s: [
        method.entries(_visits(s), method.STEPS, by=by, within_days=7, order=order)
        for by in ("session", "customer")
        for order in ("closed", "open")
    ],
    "customer_journey.funnel.funnel": lambda s: [
        method.funnel(_visits(s), by=by, as_of=AS_OF, since=SINCE) for by in ("session", "customer")
    ],
    "customer_journey.step_times.occasions": _starts,
    "customer_journey.step_times.reaches": lambda s: reaches(
        _starts(s), _ends(s), as_of=AS_OF, horizon_hours=400, messages=_messages(s)
    ),
    "customer_journey.step_times.step_times": lambda s: [
        method.step_times(_visits(s), "cart", as_of=AS_OF, orders=orders).order_by("days", "event")
        for orders in (None, s.orders)
    ],
    "customer_journey.stages.stage_rows": lambda s: stages.stage_rows(_tables(s)),
    "customer_journey.stages.stage_of": lambda s: stages.stage_of(_tables(s)),
    "customer_journey.stages.kind_of": lambda s: _events(s).select(
        "event_id", kind=stages.kind_of(_events(s))
    ),
    "customer_journey.stages.days_seen": lambda s: stages.days_seen(_events(s), s.orders),
    "customer_journey.stages.coverage": lambda s: stages.coverage(_tables(s)),
    "customer_journey.variants.ways": lambda s: method.ways(_visits(s)),
    "customer_journey.variants.variants": lambda s: method.variants(_visits(s)),
    "customer_journey.variants.moves": lambda s: method.moves(_visits(s)),
    "customer_journey.variants.rework": lambda s: method.rework(_status(s), _events(s), s.orders),
    "customer_journey.paths.campaign_of": lambda s: _messages(s).select(
        "customer_id", name=paths.campaign_of(_messages(s))
    ),
    "customer_journey.paths.touches": lambda s: [
        paths.touches(_visits(s), _messages(s), touch=touch) for touch in ("reached", "clicked")
    ],
    "customer_journey.paths.steps_of_paths": lambda s: paths.steps_of_paths(
        _touched(s), s.orders, as_of=AS_OF
    ),
    "customer_journey.paths.touch_paths": lambda s: paths.touch_paths(
        _touched(s), s.orders, as_of=AS_OF, since=SINCE
    ),
    "customer_journey.paths.click_credit": lambda s: paths.click_credit(
        _messages(s), s.orders, days=28, as_of=AS_OF
    ),
    "customer_journey.paths.placebo_messages": lambda s: paths.placebo_messages(
        s.orders, _visits(s), as_of=AS_OF, horizon_days=28
    ),
    "customer_journey.beside.campaign_names": lambda s: method.campaign_names(_messages(s)),
    "customer_journey.beside.clicks_by_days": lambda s: list(
        method.clicks_by_days(_messages(s), s.orders, as_of=AS_OF).values()
    ),
    "customer_journey.lift.lift_sums": lambda s: lift.lift_sums(
        _messages(s), s.orders, horizon_days=28, as_of=AS_OF
    ),
    "customer_journey.lift.held_out_lift": lambda s: lift.held_out_lift(
        _messages(s), s.orders, horizon_days=28, as_of=AS_OF
    ),
    "customer_journey.sources.source_visits": lambda s: sources.source_visits(_visits(s), _costs(s)),
    "customer_journey.leaks.leak_counts": lambda s: method.leak_counts(_visits(s), since=SINCE, as_of=AS_OF),
    "customer_journey.leaks.order_amount": lambda s: order_amount(
        s.orders, since=dt.date(2024, 8, 1), as_of=AS_OF
    ),
    "customer_journey.moments.delay_counts": lambda s: method.delay_counts(
        _sent(s), _events(s), s.orders, as_of=AS_OF, within_days=400
    ),
    "customer_journey.second_orders.first_orders": _firsts,
    "customer_journey.second_orders.second_times": lambda s: [
        method.second_times(_firsts(s), as_of=AS_OF, by=by) for by in ("", "category", "acquisition")
    ],
    "customer_journey.second_orders.second_orders": lambda s: getattr(
        method.second_orders(_firsts(s), as_of=AS_OF), "customers", None
    ),
    "customer_journey.journey.some_messages": lambda s: journey.some_messages(_messages(s)),
    "customer_journey.journey.visits_of": lambda s: list(journey.visits_of(_events(s), gap_minutes=30)),
    "customer_journey.journey.funnels_of": lambda s: journey.funnels_of(
        _visits(s), within_days=7, gap_minutes=30, **SPAN
    ),
    "customer_journey.journey.steps_of": lambda s: {
        name: step.events
        for name, step in journey.steps_of(_visits(s), s.orders, _messages(s), as_of=AS_OF).items()
    },
    "customer_journey.journey.delays_of": lambda s: journey.delays_of(
        _sent(s), _events(s), s.orders, as_of=AS_OF, within_days=30
    ),
    "customer_journey.journey.ways_of": lambda s: journey.ways_of(
        _visits(s), _status(s), _events(s), s.orders, late_days=5
    ),
    "customer_journey.journey.sources_of": lambda s: journey.sources_of(
        _visits(s), _costs(s), silent=[], as_of=AS_OF
    ),
    "customer_journey.journey.credit_study": lambda s: getattr(
        journey.credit_study(_visits(s), _messages(s), s.orders, lookback_days=28, **SPAN), "converting", None
    ),
    "customer_journey.journey.leaks_of": lambda s: journey.leaks_of(
        _visits(s), s.orders, margin_share=0.3, silent=[], **SPAN
    ),
}
