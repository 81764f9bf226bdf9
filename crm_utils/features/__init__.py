"""What several methods share: reductions to a row a customer, statistics, and what these data can answer."""

from __future__ import annotations

from crm_utils.features.all_messages import all_messages
from crm_utils.features.at_random import at_random
from crm_utils.features.customer_summary import (
    NEW_DAYS,
    QUIET_CHANCE,
    beyond_rhythm,
    customer_summary,
    is_new,
    is_purchase,
    known_orders,
    purchase_days,
    silence_measure,
    with_rhythm,
)
from crm_utils.features.facts import Cannot, ShopFacts, shop_facts
from crm_utils.features.held_out import held_out, period_of
from crm_utils.features.statistics import LEVEL, POWER, SMALLEST_GROUP, Number, hide_small

__all__ = [
    "LEVEL",
    "NEW_DAYS",
    "POWER",
    "QUIET_CHANCE",
    "SMALLEST_GROUP",
    "Cannot",
    "Number",
    "ShopFacts",
    "all_messages",
    "at_random",
    "beyond_rhythm",
    "customer_summary",
    "held_out",
    "hide_small",
    "is_new",
    "is_purchase",
    "known_orders",
    "period_of",
    "purchase_days",
    "shop_facts",
    "silence_measure",
    "with_rhythm",
]
