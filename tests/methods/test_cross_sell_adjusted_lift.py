"""Adjusted lift: 1 where baskets differ in size alone, the planted truth elsewhere, and honest about both."""

from __future__ import annotations

import datetime as dt
from itertools import combinations

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pytest

from crm_utils.errors import DataError, StudyError
from crm_utils.methods.cross_sell import PairLift, code_baskets, count_pairs, pair_lift
from crm_utils.methods.cross_sell.expected import expected_pairs


def table_of(held: np.ndarray, owners: np.ndarray) -> ir.Table:
    order, item = held.nonzero()
    return ibis.memtable(pa.table({
        "order_id": order.astype(str), "item": np.char.add("i", np.char.zfill(item.astype(str), 3)),
        "customer_id": owners[order].astype(str),
        "ordered_on": pa.array([dt.date(2024, 1, 1)] * len(order), pa.date32()),
    }))  # fmt: skip


def lift_of(table: ir.Table, *, min_support: float, least_expected: float = 20) -> PairLift:
    counts = count_pairs(code_baskets(table), min_support=min_support)
    return pair_lift(counts, least_expected=least_expected)


def random_baskets(seed: int, *, baskets: int, items: int = 25, rare: int = 40) -> np.ndarray:
    """Baskets of very different sizes, filled without regard to what else is in them."""
    rng = np.random.default_rng(seed)
    weight = np.arange(1, items + rare + 1) ** -0.7 * np.where(np.arange(items + rare) < items, 1, 0.1)
    size = np.minimum(
        rng.geometric(0.25, baskets) + rng.integers(0, 2, baskets) * rng.integers(0, 9, baskets), 14
    )
    keys = rng.gumbel(size=(baskets, items + rare)) + np.log(weight)
    return (-keys).argsort(axis=1).argsort(axis=1) < size[:, None]


@pytest.mark.simulated
def test_without_association_adjusted_lift_is_one_and_tests_reject_as_often_as_they_say() -> None:
    tables = [
        lift_of(table_of(random_baskets(seed, baskets=2500), np.arange(2500) % 300), min_support=0.04).table
        for seed in range(6)
    ]
    pairs = sum(len(t) for t in tables)
    assert pairs > 1000
    assert np.median(np.concatenate([t["lift"] for t in tables])) > 1.25
    assert np.median(np.concatenate([t["adjusted_lift"] for t in tables])) == pytest.approx(1, abs=0.02)
    rejected = sum((t["p_value"] < 0.05).sum() for t in tables) / pairs
    covered = sum(((t["low"] <= 1) & (t["high"] >= 1)).sum() for t in tables) / pairs
    assert rejected == pytest.approx(0.05, abs=0.02)  # Monte-Carlo error, pairs sharing items included
    assert covered == pytest.approx(0.95, abs=0.02)
    assert sum((t["q_value"] < 0.05).sum() for t in tables) <= 5


def test_a_customers_baskets_are_not_counted_as_independent() -> None:
    """Every basket three times: as one customer's habit it proves no more than once."""
    held, owners = random_baskets(3, baskets=1200), np.arange(1200) % 200
    once = lift_of(table_of(held, owners), min_support=0.04).table
    thrice = lift_of(table_of(np.repeat(held, 3, axis=0), np.repeat(owners, 3)), min_support=0.04,
                       least_expected=60).table  # fmt: skip
    both = once.merge(thrice, on=["item", "other"], suffixes=("", "_3"))
    assert len(both) == len(once) > 100
    assert both["adjusted_lift_3"].to_numpy() == pytest.approx(both["adjusted_lift"].to_numpy())
    common = both["count"] >= 10  # rarer pairs have a floor, which tripling lowers
    assert both["low_3"][common].to_numpy() == pytest.approx(both["low"][common].to_numpy())


def test_what_was_planted_is_found() -> None:
    held = random_baskets(5, baskets=3000, rare=0)
    rng = np.random.default_rng(5)
    held[:, 11] = np.where(rng.random(3000) < 0.7, held[:, 10], held[:, 11])  # bought together
    held[:, 8] &= ~held[:, 9]  # bought instead
    lifts = lift_of(table_of(held, np.arange(3000) % 300), min_support=0.04)
    assert set(lifts.table[["item", "other"]].iloc[0]) == {"i010", "i011"}
    assert lifts.beyond.iloc[0]["q_value"] < 1e-6
    assert lifts.beyond.iloc[0]["low"] > 2
    never = lifts.substitutes.iloc[0]
    assert {never["item"], never["other"]} == {"i008", "i009"}
    assert (never["count"], never["low"]) == (0, 0.0)
    assert never["high"] < 0.3
    assert never["q_value"] < 0.05


def test_expected_pairs_are_exact_for_baskets_of_two() -> None:
    """Baskets of two drawn with odds w: a pair comes with probability w_a w_b / Σ w_a w_b."""
    odds = np.array([4.0, 2, 2, 1, 1, 1, 0.5])
    pairs = np.outer(odds, odds)
    pairs /= np.triu(pairs, 1).sum()
    margins = 1000 * (pairs.sum(axis=0) - pairs.diagonal())
    expected = expected_pairs(np.append(margins, 0)[:, None])
    off = ~np.eye(len(odds), dtype=bool)
    assert expected[off] == pytest.approx(1000 * pairs[off], rel=1e-6)


@pytest.mark.parametrize("size", [3, 5])
def test_expected_pairs_are_close_for_larger_baskets(size: int) -> None:
    """Baskets drawn by conditional Poisson sampling, all of them enumerated."""
    odds = np.array([3.0, 2, 2, 1.5, 1, 1, 1, 0.7, 0.7, 0.5, 0.5, 0.5])
    pairs = np.zeros((12, 12))
    for chosen in combinations(range(12), size):
        pairs[np.ix_(chosen, chosen)] += odds[list(chosen)].prod()
    pairs *= size / pairs.diagonal().sum()
    margins = 1000 * (size - 1) * pairs.diagonal()
    expected = expected_pairs(np.append(margins, 0)[:, None])
    off = ~np.eye(12, dtype=bool)
    assert expected[off] == pytest.approx(1000 * pairs[off], rel=0.03)
    assert expected[off].sum() == pytest.approx(1000 * pairs[off].sum(), rel=1e-6)


def test_too_little_to_say_is_said() -> None:
    few = table_of(np.ones((40, 3), dtype=bool), np.arange(40) % 5)
    with pytest.raises(DataError, match="5 customers with a basket of two items are too few"):
        lift_of(few, min_support=0.1)
    with pytest.raises(DataError, match="0 customers with a basket of two items"):
        lift_of(table_of(np.eye(3, dtype=bool), np.arange(3)), min_support=0.1)
    with pytest.raises(StudyError, match="min_support is 0"):
        lift_of(few, min_support=0)


def test_guests_orders_are_customers_of_their_own() -> None:
    held = random_baskets(1, baskets=300)
    guests = table_of(held, np.arange(300)).mutate(customer_id=ibis.null("string"))
    assert len(lift_of(guests, min_support=0.1, least_expected=5).table) > 10


def test_a_span_is_what_its_days_alone_would_give() -> None:
    held = random_baskets(4, baskets=1500)
    day = [dt.date(2024, 1, 1) + dt.timedelta(days=k % 60) for k in range(1500)]
    table = table_of(held, np.arange(1500) % 200)
    days = pa.table({"order_id": [str(k) for k in range(1500)], "on": pa.array(day, pa.date32())})
    table = table.drop("ordered_on").inner_join(ibis.memtable(days), "order_id").rename(ordered_on="on")
    first, second = dt.date(2024, 1, 20), dt.date(2024, 2, 10)
    counts = count_pairs(code_baskets(table), min_support=0.04, until=[second, first])
    between = table.filter(table.ordered_on > first, table.ordered_on <= second)
    apart = lift_of(between, min_support=0.04, least_expected=5)
    span = pair_lift(counts.span(after=first, until=second), least_expected=5)
    assert (span.baskets, span.items) == (apart.baskets, apart.items)
    same = ["item", "other", "count", "item_count", "other_count"]
    assert span.table[same].equals(apart.table[same])
    assert span.table["adjusted_lift"].to_numpy() == pytest.approx(apart.table["adjusted_lift"].to_numpy())
    with pytest.raises(StudyError, match="Pairs were not counted up to 2024-01-21"):
        counts.span(until=dt.date(2024, 1, 21))


def test_one_item_in_all_is_no_pair() -> None:
    one = table_of(np.ones((60, 1), dtype=bool), np.arange(60))
    with pytest.raises(DataError, match="0 customers with a basket of two items are too few"):
        lift_of(one, min_support=0.1)
