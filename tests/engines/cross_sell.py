"""How a test calls each reduction of cross-sell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
from engines.shop import AS_OF, MIDDLE, STARTS, Shop

from crm_utils import cross_sell
from crm_utils.cross_sell import history, itemsets, parts

__all__ = ["CASES"]


def _lines(shop: Shop) -> ir.Table:
    return shop.tables["order_lines"]


def _products(shop: Shop) -> ir.Table:
    known = _lines(shop).select("product_id").distinct()
    return known.mutate(category=known.product_id.substr(0, 1), subcategory=known.product_id.nullif("p8"))


def _baskets(shop: Shop) -> ir.Table:
    return cross_sell.baskets(_lines(shop), None, level="product")


def _shelf(shop: Shop) -> ir.Table:
    """All products on one shelf, so that there are prices to compare."""
    return _products(shop).mutate(subcategory=ibis.literal("all"))


BY_SHELF: dict[str, Any] = {"level": "subcategory", "leave_out": ["p7", "no such"]}

DAYS = cross_sell.split_days(STARTS, AS_OF, days=60)


def _segments(shop: Shop) -> ir.Table:
    return shop.named.select("customer_id", "segment")


CASES: dict[str, Callable[[Shop], Any]] = {
    "cross_sell.adjusted_lift.pair_lift": lambda s: cross_sell.pair_lift(
        _baskets(s), min_support=0.01, least_expected=5
    ),
    "cross_sell.affinity.segment_affinities": lambda s: cross_sell.segment_affinities(
        _baskets(s), _segments(s), least_expected=5
    ),
    "cross_sell.baskets.baskets": lambda s: [
        _baskets(s),
        cross_sell.baskets(_lines(s), _products(s), **BY_SHELF),
        cross_sell.baskets(_lines(s), None, level="product", most_items=2),
    ],
    "cross_sell.baskets.basket_sizes": lambda s: cross_sell.basket_sizes(_baskets(s)),
    "cross_sell.baskets.count_baskets": lambda s: cross_sell.count_baskets(
        _lines(s), _products(s), most_items=2, **BY_SHELF
    ),
    "cross_sell.baskets.level_there": lambda s: [
        cross_sell.level_there(table, "category") for table in (_products(s), _products(s).limit(0))
    ],
    "cross_sell.history.item_history": lambda s: history.item_history(_baskets(s), as_of=MIDDLE),
    "cross_sell.itemsets.frequent_itemsets": lambda s: cross_sell.frequent_itemsets(
        _baskets(s), min_support=0.001, max_length=None
    ),
    "cross_sell.itemsets.item_codes": lambda s: itemsets.item_codes(_baskets(s), 3),
    "cross_sell.offers.know": lambda s: (
        cross_sell.know(_baskets(s), as_of=MIDDLE, days=60, min_support=0.05, segments=_segments(s)).due
    ),
    "cross_sell.offers.try_offers": lambda s: cross_sell.try_offers(_baskets(s), DAYS, k=2, min_support=0.05),
    "cross_sell.parts.customer_parts": lambda s: parts.customer_parts(_baskets(s)),
    "cross_sell.stability.rule_stability": lambda s: cross_sell.rule_stability(
        _baskets(s), split_on=MIDDLE, min_support=0.05, min_rule_support=0.01, min_confidence=0.1
    ),
    "cross_sell.upsell.price_tiers": lambda s: cross_sell.price_tiers(_lines(s), _shelf(s), leave_out=["x"]),
    "cross_sell.upsell.upsell_candidates": lambda s: cross_sell.upsell_candidates(
        _lines(s), cross_sell.price_tiers(_lines(s), _shelf(s))
    ),
}
