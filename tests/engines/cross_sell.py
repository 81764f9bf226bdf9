"""How a test calls each reduction of cross-sell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis.expr.types as ir
from engines.shop import Shop

from crm_utils import cross_sell
from crm_utils.cross_sell import itemsets, parts

__all__ = ["CASES"]


def _lines(shop: Shop) -> ir.Table:
    return shop.tables["order_lines"]


def _products(shop: Shop) -> ir.Table:
    known = _lines(shop).select("product_id").distinct()
    return known.mutate(category=known.product_id.substr(0, 1), subcategory=known.product_id.nullif("p8"))


def _baskets(shop: Shop) -> ir.Table:
    return cross_sell.baskets(_lines(shop), None, level="product")


BY_SHELF: dict[str, Any] = {"level": "subcategory", "leave_out": ["p7", "no such"]}

CASES: dict[str, Callable[[Shop], Any]] = {
    "cross_sell.adjusted_lift.pair_lift": lambda s: cross_sell.pair_lift(
        _baskets(s), min_support=0.01, least_expected=5
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
    "cross_sell.itemsets.frequent_itemsets": lambda s: cross_sell.frequent_itemsets(
        _baskets(s), min_support=0.001, max_length=None
    ),
    "cross_sell.itemsets.item_codes": lambda s: itemsets.item_codes(_baskets(s), 3),
    "cross_sell.parts.customer_parts": lambda s: parts.customer_parts(_baskets(s)),
}
