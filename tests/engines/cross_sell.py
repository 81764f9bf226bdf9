"""How a test calls each reduction of cross-sell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from engines.shop import AS_OF, MIDDLE, STARTS, Shop

from crm_utils.methods import cross_sell
from crm_utils.methods.cross_sell import coded, contenders, history, itemsets, offers, pair_counts

__all__ = ["CASES"]


def _lines(shop: Shop) -> ir.Table:
    return shop.tables["order_lines"]


def _products(shop: Shop) -> ir.Table:
    known = _lines(shop).select("product_id").distinct()
    return known.mutate(category=known.product_id.substr(0, 1), subcategory=known.product_id.nullif("p8"))


def _baskets(shop: Shop) -> ir.Table:
    return cross_sell.lines_of_baskets(_lines(shop), None, level="product")


def _coded(shop: Shop) -> cross_sell.Coded:
    return cross_sell.code_baskets(_baskets(shop))


def _in_parts(shop: Shop) -> cross_sell.Coded:
    """The same baskets, as of a shop with too many lines to bring them together at once."""
    with patch.object(coded, "MOST_LINES", 100):
        return _coded(shop)


def _several(shop: Shop) -> ir.Table:
    orders = _coded(shop).orders
    return orders.filter(orders["size"] > 1).mutate(slot=orders.part)


def _common(shop: Shop) -> ir.Table:
    return pair_counts.code_common(_several(shop), np.array([0, 2]))


def _sorted(held: ir.Table) -> ir.Table:
    """Without numbers of baskets and the order in lists, which are the engine's own."""
    return held.select("size", "slot", codes=held.codes.sort())


def _history(shop: Shop) -> ir.Table:
    return history.item_history(_coded(shop), as_of=MIDDLE)


def _due(shop: Shop) -> ir.Table:
    return history.due_days(_history(shop), items=len(_coded(shop).items), as_of=MIDDLE)


def _counted(shop: Shop, *until: dt.date) -> cross_sell.PairCounts:
    return cross_sell.count_pairs(_coded(shop), min_support=0.01, until=until)


def _shelf(shop: Shop) -> ir.Table:
    """All products on one shelf, so that there are prices to compare."""
    return _products(shop).mutate(subcategory=ibis.literal("all"))


BY_SHELF: dict[str, Any] = {"level": "subcategory", "leave_out": ["p7", "no such"]}

DAYS = cross_sell.split_days(STARTS, AS_OF, days=60)


def _segments(shop: Shop) -> ir.Table:
    return shop.named.select("customer_id", "segment")


def _rules(shop: Shop) -> pd.DataFrame:
    """All pairs as rules that count: the shop is too small for any to be sure."""
    pairs = cross_sell.pair_lift(_counted(shop), min_support=0.01, least_expected=5)
    rules = cross_sell.directed_rules(pairs, min_support=0, min_confidence=0)
    return rules.assign(significant=True)


def _named_then(shop: Shop) -> dict[dt.date, ir.Table]:
    then = SimpleNamespace(table=lambda _: None)
    named = _segments(shop)
    return cross_sell.name_then(DAYS, named, at=lambda _: then, name=lambda _, as_of: named)


def _sent(shop: Shop) -> ir.Table:
    """A message to everybody in the middle of the year, withheld from every other customer."""
    people = _lines(shop).filter(_lines(shop).customer_id.notnull()).select("customer_id").distinct()
    return people.mutate(
        scenario=ibis.literal(cross_sell.SCENARIO),
        sent_at=ibis.timestamp("2024-06-30 09:00:00"),
        held_out=ibis.row_number().over(order_by=people.customer_id) % 2 == 0,
        cost=ibis.literal(1).cast("decimal(18, 2)"),
    )


CASES: dict[str, Callable[[Shop], Any]] = {
    "cross_sell.affinity.segment_affinities": lambda s: cross_sell.segment_affinities(
        _coded(s), _segments(s), least_expected=5
    ),
    "cross_sell.bundles.best_pair": lambda s: cross_sell.best_pair(_rules(s), _coded(s)),
    "cross_sell.bundles.size_bundle_tests": lambda s: cross_sell.size_bundle_tests(
        cross_sell.bundle_candidates(_rules(s)), _coded(s), as_of=AS_OF, horizon_days=60
    ),
    "cross_sell.baskets.lines_of_baskets": lambda s: [
        _baskets(s),
        cross_sell.lines_of_baskets(_lines(s), _products(s), **BY_SHELF),
    ],
    "cross_sell.baskets.count_baskets": lambda s: cross_sell.count_baskets(_coded(s), _lines(s)),
    "cross_sell.baskets.level_there": lambda s: [
        cross_sell.level_there(table, level)
        for table in (_products(s), _products(s).limit(0))
        for level in ("category", "subcategory")
    ],
    "cross_sell.contenders.learn": lambda s: (
        contenders.learn(_history(s), _coded(s), as_of=MIDDLE).popularity
    ),
    # Numbers of baskets are the engine's own.
    "cross_sell.coded.code_baskets": lambda s: [
        (whole := _coded(s)).rows.drop("basket"),
        whole.items,
        whole.customers,
        whole.purchase_days,
        (small := cross_sell.code_baskets(_baskets(s), most_items=2)).rows.drop("basket"),
        small.too_large,
        _in_parts(s).rows.drop("basket"),
    ],
    "cross_sell.history.item_history": _history,
    "cross_sell.history.due_days": _due,
    "cross_sell.history.rebuy_chances": lambda s: history.rebuy_chances(
        _due(s), _history(s).select("customer", "item")
    ),
    "cross_sell.history.timing_cell": lambda s: (due := _due(s)).select(cell=history.timing_cell(due)),
    "cross_sell.itemsets.frequent_itemsets": lambda s: cross_sell.frequent_itemsets(
        _coded(s), min_support=0.001, max_length=None
    ),
    "cross_sell.itemsets.item_codes": lambda s: itemsets.item_codes(_baskets(s), 3),
    "cross_sell.offers.bought_between": lambda s: offers.bought_between(_coded(s), MIDDLE, AS_OF),
    "cross_sell.offers.know": lambda s: (
        cross_sell.know(_coded(s), as_of=MIDDLE, days=60, segments=_segments(s)).due
    ),
    "cross_sell.contest.choose_offers": lambda s: cross_sell.choose_offers(
        _coded(s), DAYS, k=2, saved=1, counts=_counted(s, DAYS.train_to, DAYS.validate_to)
    ),
    "cross_sell.contest.name_then": lambda s: list(_named_then(s).values()),
    "cross_sell.contest.try_offers": lambda s: cross_sell.try_offers(
        _coded(s), DAYS, k=2, counts=_counted(s, DAYS.train_to, DAYS.validate_to)
    ),
    "cross_sell.longer_rules.longer_rules": lambda s: cross_sell.longer_rules(
        _coded(s),
        (counts := _counted(s)),
        cross_sell.pair_lift(counts, least_expected=5),
        cross_sell.frequent_itemsets(_coded(s), min_support=0.01),
        min_support=0,
        min_confidence=0,
        least_expected=1,
    ),
    "cross_sell.pair_counts.code_common": lambda s: _sorted(_common(s)),
    "cross_sell.pair_counts.count_met": lambda s: pair_counts.count_met(
        _several(s), _common(s), (50, 2), others=2
    ),
    "cross_sell.pair_counts.count_pairs": lambda s: [
        cross_sell.pair_lift(_counted(s), min_support=0.01, least_expected=5),
        cross_sell.rule_stability(
            _counted(s, MIDDLE), split_on=MIDDLE, min_rule_support=0.01, min_confidence=0.1
        ),
    ],
    "cross_sell.rules.rules_to_show": lambda s: cross_sell.rules_to_show(
        cross_sell.association_rules(cross_sell.frequent_itemsets(_coded(s), min_support=0.01)).assign(
            redundant=False
        ),
        _coded(s),
    ),
    "cross_sell.worth.offers_worth": lambda s: [
        cross_sell.offers_worth(_lines(s), shelf, _sent(s), as_of=AS_OF, horizon_days=60)
        for shelf in (None, _products(s).mutate(unit_margin=ibis.literal(2).cast("decimal(18, 2)")))
    ],
    "cross_sell.upsell.price_tiers": lambda s: cross_sell.price_tiers(_lines(s), _shelf(s), leave_out=["x"]),
    "cross_sell.upsell.upsell_candidates": lambda s: [
        cross_sell.upsell_candidates(_lines(s), cross_sell.price_tiers(_lines(s), _shelf(s)), **days)
        for days in ({}, {"as_of": AS_OF, "horizon_days": 60})
    ],
}
