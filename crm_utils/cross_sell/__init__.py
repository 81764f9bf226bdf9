"""What sells together beyond chance, and what to offer whom next? One module a question."""

from __future__ import annotations

from crm_utils.cross_sell.adjusted_lift import PairLift, pair_lift
from crm_utils.cross_sell.affinity import segment_affinities
from crm_utils.cross_sell.baskets import (
    LEVELS,
    BasketCounts,
    basket_sizes,
    baskets,
    count_baskets,
    level_there,
    no_products,
)
from crm_utils.cross_sell.itemsets import Itemsets, frequent_itemsets
from crm_utils.cross_sell.offers import OfferTest, Split, know, make_offers, split_days, try_offers
from crm_utils.cross_sell.rules import association_rules
from crm_utils.cross_sell.stability import RuleStability, directed_rules, rule_stability
from crm_utils.cross_sell.upsell import bundle_candidates, price_tiers, upsell_candidates

__all__ = [
    "LEVELS",
    "BasketCounts",
    "Itemsets",
    "OfferTest",
    "PairLift",
    "RuleStability",
    "Split",
    "association_rules",
    "basket_sizes",
    "baskets",
    "bundle_candidates",
    "count_baskets",
    "directed_rules",
    "frequent_itemsets",
    "know",
    "level_there",
    "make_offers",
    "no_products",
    "pair_lift",
    "price_tiers",
    "rule_stability",
    "segment_affinities",
    "split_days",
    "try_offers",
    "upsell_candidates",
]
