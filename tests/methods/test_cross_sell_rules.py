"""Baskets, itemsets and rules: published numbers, mlxtend as a peer, and what is odd or wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules as peer_rules
from mlxtend.frequent_patterns import fpgrowth

from crm_utils.errors import DataError, StudyError
from crm_utils.methods.cross_sell import association_rules, frequent_itemsets


def of(*orders: set[str] | list[str]) -> ir.Table:
    rows = [(str(k), item) for k, order in enumerate(orders) for item in sorted(order)]
    columns = {"order_id": pa.array([r[0] for r in rows], pa.string()),
               "item": pa.array([r[1] for r in rows], pa.string())}  # fmt: skip
    return ibis.memtable(pa.table(columns))


@pytest.fixture(scope="module")
def groceries(golden: Callable[[str], Path]) -> ir.Table:
    lines = golden("groceries.csv").read_text(encoding="utf-8").splitlines()
    return of(*({item.strip() for item in line.split(",") if item.strip()} for line in lines)).cache()


@pytest.mark.slow
def test_groceries_as_published(groceries: ir.Table) -> None:
    assert groceries.count().execute() == 43_367
    one = frequent_itemsets(groceries, min_support=0.01)
    assert (one.baskets, len(one.table)) == (9_835, 333)
    top = one.table.head(5)
    assert {"".join(s): n for s, n in zip(top["itemsets"], top["count"], strict=True)} == {
        "whole milk": 2_513, "other vegetables": 1_903, "rolls/buns": 1_809, "soda": 1_715, "yogurt": 1_372
    }  # fmt: skip
    assert len(association_rules(one, min_confidence=0.5)) == 15
    herbs = association_rules(frequent_itemsets(groceries, min_support=0.006, max_length=2))
    pair = herbs[herbs["antecedents"] == frozenset(["herbs"])].set_index("consequents")
    assert pair.loc[[frozenset(["root vegetables"])], "lift"].item() == pytest.approx(3.956477, abs=1e-6)


@pytest.mark.slow
def test_groceries_rules_of_any_length_as_published(groceries: ir.Table) -> None:
    itemsets = frequent_itemsets(groceries, min_support=0.001, max_length=None)
    assert len(itemsets.table) == 13_492
    sure = association_rules(itemsets, min_confidence=0.8)
    sizes = sure["antecedents"].map(len) + sure["consequents"].map(len)
    # mlxtend loses 4 of these 410 to rounding.
    assert dict(Counter(sizes)) == {3: 29, 4: 229, 5: 140, 6: 12}
    assert len(association_rules(itemsets, min_confidence=0.6)) == 2_918
    assert len(association_rules(itemsets, min_confidence=0.5)) == 5_668
    wine = sure[sure["antecedents"] == frozenset(["liquor", "red/blush wine"])].iloc[0]
    assert wine["consequents"] == frozenset(["bottled beer"])
    assert wine[["support", "confidence", "lift"]].tolist() == pytest.approx(
        [0.0019319, 0.9047619, 11.235269], abs=1e-6
    )


@pytest.mark.slow
def test_groceries_rules_by_length_as_published(groceries: ir.Table) -> None:
    itemsets = frequent_itemsets(groceries, min_support=0.006, max_length=None)
    rules = association_rules(itemsets, min_confidence=0.25)
    assert dict(Counter(rules["antecedents"].map(len) + 1)) == {2: 150, 3: 297, 4: 16}


@pytest.mark.slow
def test_online_retail_in_france_as_published(golden: Callable[[str], Path]) -> None:
    raw = ibis.duckdb.connect().read_parquet(golden("online_retail.parquet"))
    french = raw.filter(raw.Country == "France", ~raw.InvoiceNo.startswith("C"))
    lines = french.select(order_id="InvoiceNo", item=french.Description.strip()).distinct()
    lines = lines.filter(lines.item.notnull())
    # POSTAGE is no item, but the five orders of nothing else are orders: the published shares count them.
    goods, orders = lines.filter(lines.item != "POSTAGE"), lines.order_id.nunique().to_pyarrow().as_py()
    itemsets = frequent_itemsets(goods, min_support=0.07, orders=orders)
    assert (itemsets.baskets, len(itemsets.table)) == (392, 51)
    rules = association_rules(itemsets, min_lift=1, longest_consequent=None)
    assert len(rules) == 26
    green, red = frozenset(["ALARM CLOCK BAKELIKE GREEN"]), frozenset(["ALARM CLOCK BAKELIKE RED"])
    rule = rules[(rules["antecedents"] == green) & (rules["consequents"] == red)].iloc[0]
    assert rule[["support", "confidence", "lift"]].tolist() == pytest.approx(
        [0.079082, 0.815789, 8.642959], abs=1e-6
    )


ORDERS = st.lists(st.sets(st.sampled_from("abcdef"), min_size=1, max_size=5), min_size=1, max_size=12)


def peer_sets(orders: list[set[str]], min_support: float) -> pd.DataFrame:
    items = sorted(set().union(*orders))
    held = pd.DataFrame([[item in order for item in items] for order in orders], columns=items)
    return fpgrowth(held, min_support=min_support, use_colnames=True)


@settings(max_examples=25, deadline=None)
@given(ORDERS, st.sampled_from([0.1, 0.2, 0.25, 0.5, 1.0]))
def test_the_engine_finds_what_mlxtend_finds(orders: list[set[str]], min_support: float) -> None:
    ours = frequent_itemsets(of(*orders), min_support=min_support, max_length=None)
    # A hair lower for the peer: at an exact boundary its floats may fall to either side.
    peer = peer_sets(orders, min_support - 1e-9)
    assert dict(zip(ours.table["itemsets"], ours.table["count"] / len(orders), strict=True)) == pytest.approx(
        dict(zip(peer["itemsets"], peer["support"], strict=True))
    )


@settings(max_examples=10, deadline=None)
@given(ORDERS)
def test_rules_measure_what_mlxtend_measures(orders: list[set[str]]) -> None:
    itemsets = frequent_itemsets(of(*orders), min_support=0.2, max_length=None)
    ours = association_rules(itemsets, longest_consequent=None).set_index(["antecedents", "consequents"])
    if ours.empty:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        peer = peer_rules(itemsets.table, num_itemsets=len(orders), metric="support", min_threshold=0)
    peer = peer.set_index(["antecedents", "consequents"]).loc[ours.index]
    for name in ("antecedent support", "consequent support", "support", "confidence", "lift", "leverage"):
        assert ours[name].to_numpy() == pytest.approx(peer[name].to_numpy()), name
    for name in ("conviction", "zhangs_metric"):
        assert ours[name].to_numpy() == pytest.approx(peer[name].fillna(0).to_numpy(), abs=1e-9), name


@settings(max_examples=15, deadline=None)
@given(ORDERS)
def test_a_redundant_rule_is_no_better_than_a_shorter_one(orders: list[set[str]]) -> None:
    rules = association_rules(frequent_itemsets(of(*orders), min_support=0.1, max_length=4))
    for rule in rules.itertuples():
        holds = [rule.consequents <= order for order in orders]
        shares = []
        for size in range(len(rule.antecedents)):
            for part in combinations(sorted(rule.antecedents), size):
                inside = [h for h, order in zip(holds, orders, strict=True) if set(part) <= order]
                shares.append(sum(inside) / len(inside))
        assert rule.redundant == any(s >= rule.confidence - 1e-12 for s in shares)


def test_what_stands_exactly_at_a_threshold_is_in() -> None:
    orders = [{"a", "b"}] * 3 + [{"a"}] * 7 + [{"c"}] * 20
    itemsets = frequent_itemsets(of(*orders), min_support=0.1)
    assert itemsets.least == 3  # 0.1 * 30 is 3.0000000000000004 to a computer
    assert frozenset("ab") in set(itemsets.table["itemsets"])
    assert len(association_rules(itemsets, min_confidence=0.3, consequents=["b"])) == 1
    assert association_rules(itemsets, min_confidence=0.31, consequents=["b"]).empty
    assert len(association_rules(itemsets, min_lift=3, antecedents=["a"])) == 1


def test_odd_baskets() -> None:
    alone = frequent_itemsets(of({"a"}, {"b"}, {"a"}), min_support=0.5)
    assert alone.table["count"].tolist() == [2]
    assert association_rules(alone).empty
    same = frequent_itemsets(of({"a"}, {"a"}), min_support=1)
    assert (len(same.table), len(association_rules(same))) == (1, 0)
    odd = ['a, "b"', "<script>alert(1)</script>", "우유 1L", "O'Neill"]
    itemsets = frequent_itemsets(of(odd, odd), min_support=1, max_length=None)
    assert (len(itemsets.table), itemsets.table["itemsets"].iloc[-1]) == (15, frozenset(odd))
    assert association_rules(itemsets)["conviction"].eq(np.inf).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"min_support": 0}, "min_support is 0: it is a share of baskets, above 0 and at most 1"),
        ({"min_support": 2}, "min_support is 2"),
        ({"min_support": float("nan")}, "min_support is nan"),
        ({"min_support": 0.5, "max_length": 0}, "max_length is 0"),
        ({"min_support": 0.5, "orders": 0}, "orders is 0, but 1 orders hold an item"),
    ],
)
def test_a_threshold_out_of_range_is_refused(options: dict, sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence):
        frequent_itemsets(of({"a", "b"}), **options)


def test_other_bad_input_is_refused() -> None:
    itemsets = frequent_itemsets(of({"a", "b"}), min_support=0.5)
    with pytest.raises(StudyError, match="min_confidence is 1.2: it is a share"):
        association_rules(itemsets, min_confidence=1.2)
    with pytest.raises(StudyError, match="min_lift is -1"):
        association_rules(itemsets, min_lift=-1)
    with pytest.raises(DataError, match="There is no basket"):
        frequent_itemsets(of(), min_support=0.5)
