"""What sells together beyond chance, and what to offer whom next? One module a question."""

from __future__ import annotations

from crm_utils.cross_sell.adjusted_lift import PairLift, pair_lift
from crm_utils.cross_sell.baskets import (
    LEVELS,
    BasketCounts,
    basket_sizes,
    baskets,
    count_baskets,
    no_products,
)
from crm_utils.cross_sell.itemsets import Itemsets, frequent_itemsets
from crm_utils.cross_sell.rules import association_rules

__all__ = [
    "LEVELS",
    "BasketCounts",
    "Itemsets",
    "PairLift",
    "association_rules",
    "basket_sizes",
    "baskets",
    "count_baskets",
    "frequent_itemsets",
    "no_products",
    "pair_lift",
]
