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
from crm_utils.cross_sell.coded import Coded, code_baskets
from crm_utils.cross_sell.contest import OfferTest, Split, split_days, try_offers
from crm_utils.cross_sell.itemsets import Itemsets, frequent_itemsets
from crm_utils.cross_sell.longer_rules import LongerRules, longer_rules
from crm_utils.cross_sell.offers import know, make_offers
from crm_utils.cross_sell.pair_counts import PairCounts, count_pairs
from crm_utils.cross_sell.rules import association_rules, write_items
from crm_utils.cross_sell.stability import RuleStability, directed_rules, rule_stability
from crm_utils.cross_sell.upsell import bundle_candidates, price_tiers, upsell_candidates

__all__ = [
    "LEVELS",
    "BasketCounts",
    "Coded",
    "Itemsets",
    "LongerRules",
    "OfferTest",
    "PairCounts",
    "PairLift",
    "RuleStability",
    "Split",
    "association_rules",
    "basket_sizes",
    "baskets",
    "bundle_candidates",
    "code_baskets",
    "count_baskets",
    "count_pairs",
    "directed_rules",
    "frequent_itemsets",
    "know",
    "level_there",
    "longer_rules",
    "make_offers",
    "no_products",
    "pair_lift",
    "price_tiers",
    "rule_stability",
    "segment_affinities",
    "split_days",
    "try_offers",
    "upsell_candidates",
    "write_items",
]
