"""Longer rules: the pair's own model for one item, 1 without association, and what was planted."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from test_cross_sell_adjusted_lift import random_baskets, table_of

from crm_utils.methods.cross_sell import (
    LongerRules,
    code_baskets,
    count_pairs,
    frequent_itemsets,
    longer_rules,
    pair_lift,
)
from crm_utils.methods.cross_sell.expected import expected_pairs
from crm_utils.methods.cross_sell.longer_rules import _rule_baskets


def found_in(held: np.ndarray, *, customers: int, min_support: float = 0.04) -> LongerRules:
    table = table_of(held, np.arange(len(held)) % customers)
    coded = code_baskets(table)
    counts = count_pairs(coded, min_support=min_support)
    itemsets = frequent_itemsets(table, min_support=min_support)
    return longer_rules(coded, counts, pair_lift(counts), itemsets, min_support=0, min_confidence=0)


def test_an_antecedent_of_one_item_is_expected_as_the_pair() -> None:
    margins = np.random.default_rng(1).gamma(2, 50, (9, 4))
    one = _rule_baskets(margins, margins[:-1], np.eye(8))
    off = ~np.eye(8, dtype=bool)
    assert one[off] == pytest.approx(expected_pairs(margins)[off], rel=1e-7)  # the iteration's own


@pytest.mark.parametrize("size", [3, 5])
def test_expected_baskets_are_close_to_conditional_poisson_sampling(size: int) -> None:
    """Baskets of one size drawn with odds, all of them enumerated; antecedents of two items."""
    odds = np.array([3.0, 2, 2, 1.5, 1, 1, 1, 0.7, 0.7, 0.5, 0.5, 0.5])
    n, pairs, triples = len(odds), np.zeros((12, 12)), np.zeros((12, 12, 12))
    for chosen in combinations(range(n), size):
        weight = odds[list(chosen)].prod()
        pairs[np.ix_(chosen, chosen)] += weight
        triples[np.ix_(chosen, chosen, chosen)] += weight
    share = 1000 * size / pairs.diagonal().sum()
    margins = np.append(comb(size - 1, 2) * share * pairs.diagonal(), 0)[:, None]
    sets = list(combinations(range(n), 2))
    inside = np.array([[item in held for item in range(n)] for held in sets], dtype=float)
    places = (size - 2) * share * np.array([[pairs[held]] for held in sets])
    expected = _rule_baskets(margins, places, inside)
    true = share * np.array([triples[held] for held in sets])
    out = inside == 0
    assert expected[out] == pytest.approx(true[out], rel=1e-6 if size == 3 else 0.04)
    assert (expected * out).sum(axis=1) == pytest.approx(places[:, 0], rel=1e-6)


@pytest.mark.simulated
def test_without_association_longer_rules_reject_as_often_as_they_say() -> None:
    mined = [found_in(random_baskets(seed, baskets=2500), customers=300) for seed in range(3)]
    tables = [f.table for f in mined]
    rules = sum(len(t) for t in tables)
    assert rules == sum(f.tested for f in mined)  # no filter was asked for
    assert rules > 1000
    ratios = np.concatenate([t["adjusted_lift"] for t in tables])
    assert np.median(np.concatenate([t["lift"] for t in tables])) > 1.5
    assert np.median(ratios) == pytest.approx(1, abs=0.02)
    covered = np.mean(np.concatenate([(t["low"] <= 1) & (t["high"] >= 1) for t in tables]))
    assert covered == pytest.approx(0.95, abs=0.02)
    assert sum(t["significant"].sum() for t in tables) <= 5


def test_what_two_say_together_is_told_from_what_one_says_alone() -> None:
    held = random_baskets(5, baskets=4000, rare=0)
    rng = np.random.default_rng(5)
    both = held[:, 1] & held[:, 3]
    held[:, 15] = np.where(both & (rng.random(4000) < 0.7), True, held[:, 15])  # only with both
    held[:, 16] = np.where(held[:, 2] & (rng.random(4000) < 0.6), True, held[:, 16])  # with one alone
    table = found_in(held, customers=300).table
    best = table.iloc[0]
    assert (best["antecedents"], best["consequent"]) == (frozenset({"i001", "i003"}), "i015")
    assert best["adds"]
    assert best["low"] > best["shorter"] > 1
    alone = table[(table["consequent"] == "i016") & table["antecedents"].map(lambda held: "i002" in held)]
    assert alone.nlargest(10, "antecedent_count")["significant"].all()
    assert not alone["adds"].any()


def test_without_a_frequent_pair_there_is_no_longer_rule() -> None:
    mined = found_in(np.tile(np.eye(4, dtype=bool) | np.eye(4, k=1, dtype=bool), (60, 1)), customers=60,
                     min_support=0.9)  # fmt: skip
    assert (len(mined.table), mined.tested) == (0, 0)
    # The notebook picks rows by it: of another type it would pick columns.
    assert list(mined.table[mined.table["adds"]].columns) == list(mined.table.columns)
