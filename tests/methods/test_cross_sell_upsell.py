from __future__ import annotations

import datetime as dt
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils.methods.cross_sell import (
    best_pair,
    bundle_candidates,
    code_baskets,
    count_pairs,
    directed_rules,
    pair_lift,
    price_tiers,
    segment_affinities,
    size_bundle_tests,
    upsell_candidates,
)
from crm_utils.methods.cross_sell.clusters import ClusterSums
from crm_utils.methods.cross_sell.sizes import RISE, units_an_arm


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
    candidate = upsell_candidates(table, tiers).iloc[0]
    assert candidate[["subcategory", "began_cheap", "still_cheap", "moved"]].tolist() == ["TEA", 40, 30, 0.25]
    # Wilson (1927) for 10 of 40, and the normal-approximation size for .25 against .30 (arcsine effect)
    assert candidate[["low", "high"]].tolist() == pytest.approx([0.1419, 0.4019], abs=1e-4)
    effect = 2 * (np.arcsin(0.3**0.5) - np.arcsin(0.25**0.5))
    assert candidate["per_arm"] == np.ceil(2 * (1.959964 + 0.841621) ** 2 / effect**2)
    assert upsell_candidates(table, price_tiers(table, None)).empty


def test_a_tests_base_rate_is_that_of_its_own_days() -> None:
    """Windows of ten days, counted back from day 99: who was back and not yet dearer when one began."""
    rows = [(f"k{k}", "c1", 0) for k in range(40)] + [(f"k{k}", "c2", 5) for k in range(40)]
    rows += [(f"k{k}", "d1", 75) for k in range(6)]  # in the third window back, days 70 to 79
    rows += [(f"k{k}", "d1", 95) for k in range(6, 8)]  # in the last one
    rows += [("k8", "d1", 20)]  # before all windows: not at risk in any
    rows += [(f"late{k}", "c1", 84) for k in range(5)] + [(f"late{k}", "c2", 88) for k in range(5)]
    rows += [("dear", "d2", 1)]
    table = lines([(c, p, d, PRICE[p]) for c, p, d in rows])
    last, tiers = dt.date(2024, 1, 1) + dt.timedelta(days=99), price_tiers(table, SHELF)
    candidate = upsell_candidates(table, tiers, as_of=last, horizon_days=10).iloc[0]
    assert candidate[["began_cheap", "still_cheap"]].tolist() == [45, 36]
    at_risk = 39 + 33 + (33 + 5)  # on the days before day 70, 80 and 90
    assert candidate["rate"] == pytest.approx(8 / at_risk)
    assert candidate["moved"] == pytest.approx(9 / 45)
    assert candidate["rate_low"] < candidate["rate"] < candidate["rate_high"] < candidate["moved"]
    too_long = upsell_candidates(table, tiers, as_of=last, horizon_days=400).iloc[0]
    assert np.isnan(too_long[["rate", "rate_low", "per_arm"]].astype(float)).all()
    assert too_long["moved"] == candidate["moved"]


def test_an_arm_sized_by_the_tests_own_days_finds_the_rise_and_one_sized_by_a_year_does_not() -> None:
    """Customers move up with a chance of 2 % in four weeks; thirteen such spans make a year."""
    rate, rng = 0.02, np.random.default_rng(6)
    moved_in = rng.geometric(rate, 4000)  # in which four weeks
    rows = [(f"k{k}", "c1", -30) for k in range(4000)] + [(f"k{k}", "c2", -20) for k in range(4000)]
    rows += [(f"k{k}", "d1", 28 * int(m) - 10) for k, m in enumerate(moved_in) if m <= 13]
    rows += [("dear", "d2", 1)]
    table = lines([(c, p, d, PRICE[p]) for c, p, d in rows])
    given = {"as_of": dt.date(2024, 1, 1) + dt.timedelta(days=28 * 13 - 1), "horizon_days": 28}
    candidate = upsell_candidates(table, price_tiers(table, SHELF), **given).iloc[0]
    assert candidate["rate_low"] < rate < candidate["rate_high"]
    assert candidate["moved"] == pytest.approx(1 - (1 - rate) ** 13, abs=0.03)
    own, year = units_an_arm([rate, candidate["moved"]])
    assert own > 10 * year
    assert power(own, rate, rng) == pytest.approx(0.8, abs=0.04)
    assert power(year, rate, rng) < 0.2


def power(customers: float, rate: float, rng: np.random.Generator, *, tests: int = 2000) -> float:
    """Share of simulated tests that find the rate raised by a fifth: two proportions, pooled, two-sided."""
    n = int(customers)
    control, treated = (rng.binomial(n, share, tests) / n for share in (rate, rate * (1 + RISE)))
    pooled = (control + treated) / 2
    error = np.sqrt(np.maximum(2 * pooled * (1 - pooled) / n, 1e-12))
    return float((np.abs(treated - control) / error > 1.959964).mean())


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
    coded = code_baskets(baskets)
    affinities = segment_affinities(coded, segments).set_index(["segment", "item"])
    assert affinities.loc[("one", "tea"), "low"] > 1.05
    assert affinities.loc[("two", "tea"), "high"] < 0.95
    others = affinities.drop(index="tea", level="item")
    assert (others["q_value"] < 0.001).mean() < 0.3  # they only make room for the tea
    alone = segments.mutate(segment=ibis.literal("one"))
    assert segment_affinities(coded, alone).empty


def test_without_a_taste_segments_differ_as_often_as_they_say() -> None:
    rejected = []
    for seed in range(8):
        coded = code_baskets(tastes(np.random.default_rng(seed))[0])
        rng = np.random.default_rng(100 + seed)
        names = sorted(f"c{k:03d}" for k in range(300))
        drawn = pa.table({"customer_id": names, "segment": rng.choice(["one", "two", "three"], 300)})
        rejected += segment_affinities(coded, ibis.memtable(drawn))["p_value"].lt(0.05).tolist()
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.05)


def test_bundles_are_one_row_a_pair_with_what_size_alone_does_not_bring() -> None:
    baskets, _ = tastes(np.random.default_rng(3))
    counts = count_pairs(code_baskets(baskets), min_support=0.05)
    rules = directed_rules(pair_lift(counts), min_support=0.01, min_confidence=0.05)
    best = bundle_candidates(rules).iloc[0]
    assert {best["antecedent"], best["consequent"]} == {"bun", "jam"}
    assert 0 < best["low"] < best["more"] <= best["high"] < 1
    pairs = bundle_candidates(rules)[["antecedent", "consequent"]].apply(frozenset, axis=1)
    assert pairs.is_unique
    wide = bundle_candidates(
        rules.assign(high=50.0)
    )  # an interval of a ratio may be wide, a share not above 1
    assert (wide["high"] <= 1 - (wide["confidence"] - wide["more"]) + 1e-12).all()
    both = rules[(rules["antecedent"] == "bun") & (rules["consequent"] == "jam")].iloc[0]
    assert both["confidence"] / both["expected_confidence"] == pytest.approx(both["adjusted_lift"])
    assert isinstance(rules, pd.DataFrame)


def test_a_bundles_sums_are_those_of_its_baskets_and_the_best_pair_is_the_strongest() -> None:
    table, _ = tastes(np.random.default_rng(3))
    coded = code_baskets(table)
    rules = directed_rules(
        pair_lift(count_pairs(coded, min_support=0.05)), min_support=0.01, min_confidence=0.05
    )
    bundles = bundle_candidates(rules[rules["antecedent"] == "jam"])
    sized = size_bundle_tests(bundles, coded, as_of=dt.date(2024, 1, 1), horizon_days=28, most=1)
    frame = table.to_pyarrow().to_pandas()
    first, second = sized.loc[0, ["antecedent", "consequent"]]
    held = frame.groupby("order_id")["item"].agg(set)
    owner = frame.groupby("order_id")["customer_id"].first()
    both = held[[first in items for items in held]].map(lambda items: second in items)
    each = both.groupby(owner.reindex(both.index)).agg(["size", "sum"])
    sums = ClusterSums.of(each["size"], each["sum"])
    assert sized.loc[0, "confidence"] == pytest.approx(sums.share[0])
    assert sized.loc[0, "design_effect"] == pytest.approx(sums.design_effect[0])
    expected = units_an_arm(sums.share, design_effect=sums.design_effect)[0]
    assert sized.loc[0, "per_arm"] == expected
    assert sized.loc[0, "customers_per_arm"] == np.ceil(expected / each["size"].mean())
    best = best_pair(rules, coded)
    assert best is not None
    assert {best.item, best.other} == {"bun", "jam"}
    assert best.buyers == frame.loc[frame["item"] == best.item, "customer_id"].nunique()
    assert best_pair(rules[~rules["significant"]], coded) is None
    assert size_bundle_tests(bundles.head(0), coded, as_of=dt.date(2024, 1, 1)).empty


def alike(
    rng: np.random.Generator, customers: int, share: float, icc: float
) -> tuple[np.ndarray, np.ndarray]:
    """Baskets of customers who each have a leaning of their own (beta-binomial): how many, and hits."""
    units = 1 + rng.poisson(4, customers)
    leaning = rng.beta(share * (1 - icc) / icc, (1 - share) * (1 - icc) / icc, customers)
    return units, rng.binomial(units, leaning)


def test_the_design_effect_is_the_one_that_was_planted_and_intervals_cover() -> None:
    rng, share, icc = np.random.default_rng(5), 0.3, 0.25
    many = ClusterSums.of(*alike(rng, 40_000, share, icc))
    weighted = float(many.units_squared[0] / many.units[0])
    assert many.design_effect[0] == pytest.approx(1 + (weighted - 1) * icc, rel=0.04)
    ends = [ClusterSums.of(*alike(rng, 150, share, icc)).interval() for _ in range(600)]
    covered = np.mean([low[0] <= share <= high[0] for low, high in ends])
    assert covered == pytest.approx(0.95, abs=0.025)
    assert ClusterSums.of([2, 3], [2, 3]).interval()[1][0] == 1
    assert np.isnan(ClusterSums.of([], []).share[0])


def test_a_bundles_test_of_that_size_finds_the_rise_and_one_of_independent_baskets_does_not() -> None:
    """Customers are drawn and their baskets counted; judged by customers, as it has to be."""
    rng, share, icc = np.random.default_rng(8), 0.3, 0.25
    effect = ClusterSums.of(*alike(rng, 20_000, share, icc)).design_effect
    assert effect[0] > 1.8

    def hit_rate(baskets: float) -> float:
        customers, z = int(baskets / 5), []
        for _ in range(500):
            arms = [ClusterSums.of(*alike(rng, customers, p, icc)) for p in (share, share * (1 + RISE))]
            error = np.hypot(arms[0].error, arms[1].error)
            z.append(float((arms[1].share - arms[0].share)[0] / error[0]))
        return float(np.mean(np.abs(z) > 1.959964))

    assert hit_rate(units_an_arm(share, design_effect=effect)[0]) == pytest.approx(0.8, abs=0.07)
    assert hit_rate(float(units_an_arm(share))) < 0.65
