from __future__ import annotations

import datetime as dt
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils.cross_sell import (
    bundle_candidates,
    code_baskets,
    count_pairs,
    directed_rules,
    pair_lift,
    price_tiers,
    segment_affinities,
    upsell_candidates,
)


def lines(rows: list[tuple[str, str, int, str]]) -> ir.Table:
    customer, product, day, amount = zip(*rows, strict=True)
    return ibis.memtable(pa.table({
        "order_id": [str(k) for k in range(len(rows))], "customer_id": pa.array(customer, pa.string()),
        "product_id": pa.array(product, pa.string()),
        "ordered_at": [dt.datetime(2024, 1, 1, 12) + dt.timedelta(days=d) for d in day],
        "quantity": pa.array([Decimal(1)] * len(rows), pa.decimal128(18, 3)),
        "amount": pa.array([Decimal(a) for a in amount], pa.decimal128(18, 2)),
    }))  # fmt: skip


SHELF = ibis.memtable(pa.table({
    "product_id": ["c1", "c2", "d1", "d2", "x1", "f1"], "category": ["TEA"] * 4 + ["MISC", "FUEL"],
    "subcategory": ["TEA"] * 4 + ["ODDS", "GAS"],
}))  # fmt: skip
PRICE = {"c1": "1.00", "c2": "1.50", "d1": "4.00", "d2": "5.00", "x1": "9.00", "f1": "1.00"}


def test_moves_to_the_dearer_half_are_counted_once_a_customer() -> None:
    bought = [(f"k{k}", "c1", 0) for k in range(40)] + [(f"k{k}", "c2", 9) for k in range(40)]
    bought += [(f"k{k}", "d1", 20) for k in range(10)] + [
        ("k0", "d2", 30),
        ("dear", "d2", 1),
        ("dear", "c1", 5),
    ]
    bought += [("once", "c1", 3), ("k1", "x1", 4), ("k2", "f1", 4)]
    table = lines([(c, p, d, PRICE[p]) for c, p, d in bought])
    tiers = price_tiers(table, SHELF, leave_out=["FUEL"])
    assert dict(zip(tiers["product_id"], tiers["dear"], strict=True)) == {
        "c1": False, "c2": False, "d1": True, "d2": True
    }  # fmt: skip
    found = upsell_candidates(table, tiers).iloc[0]
    assert found[["subcategory", "began_cheap", "still_cheap", "moved"]].tolist() == ["TEA", 40, 30, 0.25]
    # Wilson (1927) for 10 of 40, and the normal-approximation size for .25 against .30 (arcsine effect)
    assert found[["low", "high"]].tolist() == pytest.approx([0.1419, 0.4019], abs=1e-4)
    effect = 2 * (np.arcsin(0.3**0.5) - np.arcsin(0.25**0.5))
    assert found["per_arm"] == np.ceil(2 * (1.959964 + 0.841621) ** 2 / effect**2)
    assert upsell_candidates(table, price_tiers(table, None)).empty


GOODS = ["tea", "jam", "oil", "egg", "ham", "fig", "nut", "pea", "rye", "soy", "yam", "lard"]


def tastes(rng: np.random.Generator) -> tuple[ir.Table, ir.Table]:
    """Customers of segment one buy tea twice as often; half of all with jam take a bun as well."""
    rows = []
    for k in range(300):
        for basket in range(8):
            held = set(rng.choice(GOODS, size=rng.integers(2, 7), replace=False))
            if k % 3 == 0 and rng.random() < 0.5:
                held |= {"tea"}
            if "jam" in held and rng.random() < 0.5:
                held |= {"bun"}
            rows += [(f"{k}-{basket}", item, f"c{k:03d}") for item in sorted(held)]
    order, item, customer = zip(*rows, strict=True)
    names = sorted(set(customer))
    segments = {"customer_id": names, "segment": ["one" if int(c[1:]) % 3 == 0 else "two" for c in names]}
    day = pa.array([dt.date(2024, 1, 1)] * len(rows), pa.date32())
    columns = {"order_id": order, "item": item, "customer_id": customer, "ordered_on": day}
    return ibis.memtable(pa.table(columns)), ibis.memtable(pa.table(segments))


def test_a_segments_planted_taste_is_found_and_nothing_else() -> None:
    baskets, segments = tastes(np.random.default_rng(2))
    found = segment_affinities(baskets, segments).set_index(["segment", "item"])
    assert found.loc[("one", "tea"), "low"] > 1.05
    assert found.loc[("two", "tea"), "high"] < 0.95
    others = found.drop(index="tea", level="item")
    assert (others["q_value"] < 0.001).mean() < 0.3  # they only make room for the tea
    alone = segments.mutate(segment=ibis.literal("one"))
    assert segment_affinities(baskets, alone).empty


def test_without_a_taste_segments_differ_as_often_as_they_say() -> None:
    rejected = []
    for seed in range(8):
        baskets, _ = tastes(np.random.default_rng(seed))
        rng = np.random.default_rng(100 + seed)
        names = sorted(f"c{k:03d}" for k in range(300))
        lot = pa.table({"customer_id": names, "segment": rng.choice(["one", "two", "three"], 300)})
        rejected += segment_affinities(baskets, ibis.memtable(lot))["p_value"].lt(0.05).tolist()
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.05)


def test_bundles_are_one_row_a_pair_with_what_size_alone_does_not_bring() -> None:
    baskets, _ = tastes(np.random.default_rng(3))
    counts = count_pairs(code_baskets(baskets), min_support=0.05)
    rules = directed_rules(pair_lift(counts), min_support=0.01, min_confidence=0.05)
    best = bundle_candidates(rules).iloc[0]
    assert {best["antecedent"], best["consequent"]} == {"bun", "jam"}
    assert 0 < best["low"] < best["more"] < best["high"] < 1
    pairs = bundle_candidates(rules)[["antecedent", "consequent"]].apply(frozenset, axis=1)
    assert pairs.is_unique
    both = rules[(rules["antecedent"] == "bun") & (rules["consequent"] == "jam")].iloc[0]
    assert both["confidence"] / both["expected_confidence"] == pytest.approx(both["adjusted_lift"])
    assert isinstance(rules, pd.DataFrame)
