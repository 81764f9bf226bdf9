"""What sells together beyond chance, and what to offer whom next? One module a question."""

from __future__ import annotations

from crm_utils.methods.cross_sell.adjusted_lift import PairLift, judge_pairs, pair_lift
from crm_utils.methods.cross_sell.affinity import affinity_numbers, segment_affinities
from crm_utils.methods.cross_sell.answerable import Periods, cannot, cannot_offers, look_periods
from crm_utils.methods.cross_sell.baskets import (
    LEVELS,
    BasketCounts,
    count_baskets,
    level_there,
    lines_of_baskets,
    no_products,
)
from crm_utils.methods.cross_sell.bundles import BestPair, best_pair, bundle_candidates, size_bundle_tests
from crm_utils.methods.cross_sell.coded import Coded, code_baskets
from crm_utils.methods.cross_sell.contest import (
    OfferTest,
    Split,
    choose_offers,
    name_then,
    split_days,
    try_offers,
)
from crm_utils.methods.cross_sell.itemsets import Itemsets, frequent_itemsets
from crm_utils.methods.cross_sell.longer_rules import LongerRules, longer_rules
from crm_utils.methods.cross_sell.offers import SCENARIO, due_soon, know, make_offers, offer_numbers
from crm_utils.methods.cross_sell.pair_counts import PairCounts, count_pairs
from crm_utils.methods.cross_sell.rules import association_rules, rules_to_show, write_items
from crm_utils.methods.cross_sell.stability import (
    RuleStability,
    directed_rules,
    rule_numbers,
    rule_stability,
    same_verdict,
)
from crm_utils.methods.cross_sell.upsell import price_tiers, upsell_candidates
from crm_utils.methods.cross_sell.worth import OffersWorth, offers_worth, unless_they_lose

__all__ = [
    "LEVELS",
    "SCENARIO",
    "BasketCounts",
    "BestPair",
    "Coded",
    "Itemsets",
    "LongerRules",
    "OfferTest",
    "OffersWorth",
    "PairCounts",
    "PairLift",
    "Periods",
    "RuleStability",
    "Split",
    "affinity_numbers",
    "association_rules",
    "best_pair",
    "bundle_candidates",
    "cannot",
    "cannot_offers",
    "choose_offers",
    "code_baskets",
    "count_baskets",
    "count_pairs",
    "directed_rules",
    "due_soon",
    "frequent_itemsets",
    "judge_pairs",
    "know",
    "level_there",
    "lines_of_baskets",
    "longer_rules",
    "look_periods",
    "make_offers",
    "name_then",
    "no_products",
    "offer_numbers",
    "offers_worth",
    "pair_lift",
    "price_tiers",
    "rule_numbers",
    "rule_stability",
    "rules_to_show",
    "same_verdict",
    "segment_affinities",
    "size_bundle_tests",
    "split_days",
    "try_offers",
    "unless_they_lose",
    "upsell_candidates",
    "write_items",
]
