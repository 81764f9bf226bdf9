"""How a test calls each reduction of the loyalty programme: points, tiers and referrals made of orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
from engines.shop import AS_OF, STARTS, Shop

from crm_utils import features
from crm_utils.experiments import Experiment
from crm_utils.methods import loyalty as method
from crm_utils.methods.loyalty import Window, claims, lists
from crm_utils.methods.loyalty.holders import flow_customers, open_customers

__all__ = ["CASES"]

RULE = "spend_182d >= 60: silver; spend_182d >= 120: gold"
EXPERIMENT = Experiment(
    id="x", arms={"control": 1, "coupon": 2}, control="control", starts_on=dt.date(2024, 11, 1),
    horizon_days=40, primary="orders",
)  # fmt: skip
REVIEWS = (dt.date(2024, 1, 1), dt.date(2024, 7, 1))


def _number(orders: ir.Table) -> ir.IntegerValue:
    return orders.order_id.substr(1).cast("int64")


def _points(shop: Shop) -> ir.Table:
    """Each order earns 3 to 9 points for 200 days; every second spends 2, and of early ones 1 expires."""
    orders = shop.orders.filter(shop.orders.customer_id.notnull())
    n = _number(orders)
    empty = ibis.null(orders.ordered_at.type())
    named = {"customer_id": orders.customer_id, "order_id": orders.order_id}
    earned = orders.select(
        **named, occurred_at=orders.ordered_at, points=n % 7 + 3, kind=ibis.literal("earned"),
        expires_at=orders.ordered_at + ibis.interval(days=200),
    )  # fmt: skip
    spent = orders.filter(n % 2 == 0).select(
        **named, occurred_at=orders.ordered_at + ibis.interval(hours=1),
        points=ibis.literal(-2).cast("int64"),
        kind=ibis.literal("spent"), expires_at=empty,
    )  # fmt: skip
    gone = orders.filter(orders.ordered_at < dt.datetime(2024, 5, 1)).select(
        **named, occurred_at=orders.ordered_at + ibis.interval(days=200),
        points=ibis.literal(-1).cast("int64"),
        kind=(n % 5 == 0).ifelse("taken back", "expired"), expires_at=empty,
    )  # fmt: skip
    rows = earned.union(spent).union(gone)
    return rows.filter(rows.occurred_at < dt.datetime(2025, 1, 1))


def _tiers(shop: Shop) -> ir.Table:
    """Everybody begins in one tier; at two reviews some get others."""
    orders = shop.orders.filter(shop.orders.customer_id.notnull())
    first = orders.group_by("customer_id").aggregate(since=orders.ordered_at.min())
    begin = first.select("customer_id", tier=ibis.literal("family"), since=ibis._.since)
    moved = [
        first.filter(first.since < day, first.customer_id.re_search(pattern)).select(
            "customer_id", tier=ibis.literal(tier), since=ibis.timestamp(str(day)).cast(first.since.type())
        )
        for day, pattern, tier in ((REVIEWS[0], "[02468]$", "silver"), (REVIEWS[1], "[0369]$", "gold"))
    ]
    return begin.union(moved[0]).union(moved[1])


def _referrals(shop: Shop) -> ir.Table:
    """Each message's customer referred another; every seventh themselves."""
    sent = shop.tables["messages"]
    n = sent.message_id.cast("int64")
    other = ibis.literal("c") + (n * 7 % 300).cast("string").lpad(3, "0")
    return sent.select(
        referrer_id="customer_id", customer_id=(n % 7 == 0).ifelse(sent.customer_id, other),
        referred_at="sent_at",
    )  # fmt: skip


def _events(shop: Shop) -> ir.Table:
    """Referrers and friends in sessions that some of them share."""
    pairs = _referrals(shop)
    session = ibis.literal("s") + pairs.referrer_id.length().cast("string")
    one = pairs.select(customer_id="referrer_id", session_id=session, occurred_at="referred_at")
    return one.union(pairs.select("customer_id", session_id=session, occurred_at="referred_at"))


def _products(shop: Shop) -> ir.Table:
    ids = shop.tables["order_lines"].select("product_id").distinct()
    margin = ids.product_id.substr(1).cast("int64").cast("decimal(18, 2)")
    return ids.mutate(unit_margin=margin)


def _assignments(shop: Shop) -> ir.Table:
    sent = shop.tables["messages"]
    arm = (sent.message_id.cast("int64") % 3 == 0).ifelse("control", "coupon")
    return sent.select("customer_id", experiment_id=ibis.literal("x"), arm=arm, assigned_at="sent_at")


def _status(shop: Shop) -> ir.Table:
    """Each order paid when ordered, and delivered two or six days later."""
    orders = shop.orders
    days = (_number(orders) % 3 == 0).ifelse(6, 2)
    paid = orders.select("order_id", status=ibis.literal("paid"), occurred_at="ordered_at")
    came = [
        orders.filter(days == each).select(
            "order_id",
            status=ibis.literal("delivered"),
            occurred_at=orders.ordered_at + ibis.interval(days=each),
        )
        for each in (2, 6)
    ]
    return paid.union(came[0]).union(came[1])


def _pieces(shop: Shop) -> ir.Table:
    return method.fates(_points(shop))


def _standing(shop: Shop) -> ir.Table:
    return method.standing(_pieces(shop), shop.orders, as_of=AS_OF, weeks_back=[0, 13, 26])


def _standings(shop: Shop) -> ir.Table:
    windows = [Window(d, d - dt.timedelta(days=182), d + dt.timedelta(days=182)) for d in REVIEWS]
    return method.standings(shop.tables["order_lines"], shop.orders, windows, recorded=_tiers(shop))


def _newcomers(shop: Shop) -> ir.Table:
    return method.newcomers(
        shop.orders, shop.tables["order_lines"], _referrals(shop), starts=STARTS, as_of=AS_OF, days=60,
        products=_products(shop),
    )  # fmt: skip


def _shared(shop: Shop) -> ir.Table:
    return method.shared_keys(_referrals(shop), shop.orders, _events(shop))


def _made(shop: Shop) -> Any:
    return method.programme(_points(shop), _tiers(shop), _referrals(shop), rule=RULE)


def _facts(shop: Shop) -> Any:
    return features.shop_facts(shop.tables["order_lines"], as_of=AS_OF, history_starts=STARTS)


def _rule() -> method.Rule:
    rule = method.parse_rule(RULE)
    assert rule is not None
    return rule


def _lists(shop: Shop) -> list[Any]:
    made = lists.make_lists(
        shop.tables["order_lines"], shop.orders, _tiers(shop), _made(shop), _pieces(shop), _shared(shop),
        as_of=AS_OF, within=0.3, near_days=400, days=60,
    )  # fmt: skip
    return [made.near_threshold, made.expiring_points, made.referrers, made.near, made.expiring, made.thanked]


def _sound(shop: Shop) -> str:
    method.require_sound(_points(shop))
    return "sound"


CASES: dict[str, Callable[[Shop], Any]] = {
    "loyalty.ledger.below_zero": lambda s: method.below_zero(
        _points(s).mutate(points=ibis._.points - 4)
    ),
    "loyalty.ledger.ledger_facts": lambda s: method.ledger_facts(_points(s)),
    "loyalty.ledger.read_ledger": lambda s: method.read_ledger(_points(s), as_of=AS_OF).live_days,
    "loyalty.ledger.require_sound": _sound,
    "loyalty.lots.lots": lambda s: method.lots(_points(s), live_days=30),
    "loyalty.lots.fates": _pieces,
    "loyalty.standing.standing": _standing,
    "loyalty.standing.redemption_counts": lambda s: method.redemption_counts(_standing(s)),
    "loyalty.standing.open_counts": lambda s: method.open_counts(_standing(s)),
    "loyalty.standing.issue_counts": lambda s: method.issue_counts(_pieces(s), as_of=AS_OF),
    "loyalty.holders.open_customers": lambda s: open_customers(_standing(s)),
    "loyalty.holders.flow_customers": lambda s: flow_customers(_pieces(s), as_of=AS_OF),
    "loyalty.standing.points_flow": lambda s: method.points_flow(_pieces(s), as_of=AS_OF),
    "loyalty.owed.count_points": lambda s: (
        (owed := method.count_points(_points(s), s.orders, as_of=AS_OF))
        and [owed.flow, owed.rate, owed.overdue, owed.liability and owed.liability.table]
    ),
    "loyalty.prices.earning": lambda s: method.earning(_points(s), s.orders, since=STARTS),
    "loyalty.standings.standings": _standings,
    "loyalty.standings.sample_standings": lambda s: method.sample_standings(_standings(s), most=40),
    "loyalty.migration.migration": lambda s: method.migration(
        _standings(s), ["family", "silver", "gold"]
    ).table,
    "loyalty.tiers.tiers": lambda s: method.tiers(_standings(s), _rule(), lowest="family"),
    "loyalty.tiers.disagreements": lambda s: list(
        method.disagreements(_standings(s), _rule(), lowest="family")
    ),
    "loyalty.tiers.review_days": lambda s: method.review_days(_tiers(s)),
    "loyalty.tiers.tier_names": lambda s: list(method.tier_names(_tiers(s), _rule())),
    "loyalty.overview.programme": lambda s: list(_made(s).reviews),
    "loyalty.overview.tier_page": lambda s: (
        (
            page := method.tier_page(
                s.tables["order_lines"], s.orders, _tiers(s), _made(s), facts=_facts(s)
            )
        )
        and [page.wrong, page.judged, page.tiers, page.rows]
    ),
    "loyalty.referrals.newcomers": _newcomers,
    "loyalty.referrals.newcomer_cells": lambda s: method.newcomer_cells(_newcomers(s)),
    "loyalty.friends.shared_keys": _shared,
    "loyalty.friends.fraud": lambda s: method.fraud(_shared(s), sessions_known=True),
    "loyalty.friends.referral_page": lambda s: method.referral_page(
        _referrals(s), s.orders, s.tables["order_lines"], facts=_facts(s), as_of=AS_OF, days=60
    ).fraud,
    "loyalty.claims.price_cells": lambda s: claims.price_cells(
        _assignments(s), s.orders, experiment="x", horizon_days=40, as_of=AS_OF
    ),
    "loyalty.claims.price_test": lambda s: claims.price_test(
        _assignments(s), s.orders, [EXPERIMENT], name="x", as_of=AS_OF
    ),
    "loyalty.claims.late_test": lambda s: claims.late_test(
        s.orders, _status(s), as_of=AS_OF, horizon_days=40, late_days=5
    ),
    "loyalty.lists.make_lists": _lists,
    "loyalty.lists.near_threshold": lambda s: method.near_threshold(
        s.tables["order_lines"], s.orders, _tiers(s), _rule(), review=dt.date(2025, 1, 1), as_of=AS_OF,
        within=0.5,
    ),
    "loyalty.lists.expiring_points": lambda s: method.expiring_points(_pieces(s), as_of=AS_OF, days=60),
    "loyalty.lists.referrers": lambda s: method.referrers(_shared(s)),
}  # fmt: skip
