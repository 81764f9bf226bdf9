"""Changes split exactly: against the definition, a second split, and counted shops."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from fractions import Fraction

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.methods.scorecard import (
    adding_up,
    by_kind,
    category_sums,
    change_of_revenue,
    decompose,
    decompose_bootstrap,
    driver_numbers,
    mix_effect,
    mix_of_orders,
    period_sums,
)
from crm_utils.methods.scorecard.drivers import lmdi
from crm_utils.sentences import scorecard as words

FACTORS = st.lists(st.floats(0, 1e6), min_size=4, max_size=4)


def by_definition(before: list[float], after: list[float]) -> list[Fraction]:
    """The mean over all orders in which the factors can move."""
    n, parts = len(before), [Fraction(0)] * len(before)
    for order in itertools.permutations(range(n)):
        now = [Fraction(x) for x in before]
        for i in order:
            product = math.prod(now, start=Fraction(1))
            now[i] = Fraction(after[i])
            parts[i] += math.prod(now, start=Fraction(1)) - product
    return [part / math.factorial(n) for part in parts]


@settings(max_examples=30, deadline=None)
@given(FACTORS, FACTORS)
def test_the_parts_are_the_definitions_and_add_up_to_the_last_digit(
    one: list[float], two: list[float]
) -> None:
    parts = decompose(one, two)
    assert parts == by_definition(one, two)
    assert sum(parts) == math.prod(map(Fraction, two)) - math.prod(map(Fraction, one))
    assert parts == [-part for part in decompose(two, one)]
    assert all(part == 0 for part, a, b in zip(parts, one, two, strict=True) if a == b)


def test_a_logarithmic_split_is_near() -> None:
    before, after = [1000.0, 1.3, 40.0, 0.95], [1080.0, 1.28, 43.0, 0.94]
    ours, other = [float(p) for p in decompose(before, after)], lmdi(before, after)
    assert sum(other) == pytest.approx(sum(ours))
    assert ours == pytest.approx(other, rel=0.01)


def test_one_factor_at_zero_takes_all() -> None:
    assert [float(p) for p in decompose([0, 5], [3, 5])] == [15, 0]


ROWS = [  # order, customer, day, amount
    ("1", "ann", "2024-01-02", 10), ("2", "ann", "2024-01-03", 20), ("3", "bob", "2024-01-04", 30),
    ("4", None, "2024-01-05", 7), ("5", "ann", "2024-01-09", 40), ("6", "cat", "2024-01-10", 50),
    ("7", "cat", "2024-01-11", -5), ("8", None, "2024-01-12", 9),
]  # fmt: skip


def shop() -> ibis.expr.types.Table:
    frame = pd.DataFrame(ROWS, columns=["order_id", "customer_id", "ordered_at", "amount"]).assign(discount=0)
    kinds = {"ordered_at": "timestamp(6)", "amount": "decimal(18,2)", "discount": "decimal(18,2)"}
    return ibis.memtable(frame).cast({"customer_id": "string", **kinds})


PERIODS = {
    "before": (dt.date(2024, 1, 1), dt.date(2024, 1, 7)),
    "after": (dt.date(2024, 1, 8), dt.date(2024, 1, 14)),
}


def test_periods_are_counted_by_hand() -> None:
    before, after = period_sums(shop(), **PERIODS)
    assert before[["customers", "purchases", "gross", "returned"]].sum().tolist() == [2, 4, 67, 0]
    assert after[["customers", "purchases", "gross", "returned"]].sum().tolist() == [2, 3, 99, 5]
    assert after["new_purchases"].sum() == 1  # cat's
    assert after["new_gross"].sum() == 50
    few = change_of_revenue(before, after)
    assert few["change"].isna().all(), "it would be what three customers paid"
    assert {number.value for number in driver_numbers(few, unit="USD")} == {None}
    before.loc[-1] += [0, 3, 0, 0, 0, 0, 0, 0]  # guests who paid nothing
    after.loc[-1] += [0, 3, 0, 0, 0, 0, 0, 0]
    drivers = change_of_revenue(before, after).set_index("driver")["change"]
    assert drivers.sum() == pytest.approx((99 - 5) - 67)
    assert drivers["guests"] == 9 - 7
    assert drivers["customers"] == 0  # two and two
    assert drivers["frequency"] < 0  # three purchases of two, then two


@pytest.mark.simulated
def test_intervals_cover_the_split_of_a_shop_that_did_not_change() -> None:
    """Two periods of one law: no driver's interval lies beyond 0 more often than its level says."""
    rng, beyond, runs = np.random.default_rng(4), 0, 300
    for _ in range(runs):
        periods = []
        for _ in range(2):
            customers = rng.poisson(25, 40)
            purchases = customers + rng.poisson(customers * 0.4)
            gross = rng.gamma(2.0 * np.maximum(purchases, 1), 20.0)
            periods.append(pd.DataFrame({
                "customers": customers, "purchases": purchases, "gross": gross,
                "returned": rng.uniform(0, 0.1, 40) * gross,
            }, index=pd.Index(range(40), name="part")))  # fmt: skip
        row = change_of_revenue(*periods).set_index("driver").loc["order_value"]
        beyond += not row["low"] <= 0 <= row["high"]
    assert beyond / runs < 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


def periods_of(seed: int, *, parts: int = 40) -> list[pd.DataFrame]:
    rng = np.random.default_rng(seed)
    made = []
    for level in (1.0, 1.1):
        customers = rng.poisson(25, parts)
        purchases = customers + rng.poisson(customers * 0.4)
        gross = np.round(rng.gamma(2.0 * np.maximum(purchases, 1), 20.0 * level), 2)
        made.append(pd.DataFrame({
            "customers": customers, "purchases": purchases, "gross": gross,
            "returned": np.round(rng.uniform(0, 0.1, parts) * gross, 2),
        }, index=pd.Index(range(parts), name="part")))  # fmt: skip
    return made


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_parts_end_on_the_new_revenue_to_the_cent_and_as_printed(seed: int) -> None:
    before, after = periods_of(seed)
    drivers = change_of_revenue(before, after)
    start, end = (round(100 * (p["gross"] - p["returned"]).sum()) for p in (before, after))
    assert sum(round(100 * part) for part in drivers["change"]) == end - start
    mirrored = change_of_revenue(after, before)
    assert mirrored["change"].tolist() == pytest.approx((-drivers["change"]).tolist(), abs=0.011)
    table = words.drivers_table(before, drivers, currency="USD")
    printed = [
        int(text.split(" (")[0].replace("\u2212", "-").replace("+", "").replace("$", "").replace(",", ""))
        for text in table["money, with its range"]
    ]
    assert sum(printed[:-1]) == printed[-1]
    assert printed[0] == pytest.approx(start / 100, abs=1)
    assert printed[-1] == pytest.approx(end / 100, abs=2)


def test_numbers_are_rounded_to_add_up() -> None:
    values = [33.4, 33.3, 33.3]
    assert adding_up(values, digits=0) == [34.0, 33.0, 33.0]
    assert sum(adding_up([-0.6, -0.6, 0.2], digits=0)) == -1


def test_nothing_moved_is_zero_for_every_factor() -> None:
    before, _ = periods_of(5)
    assert change_of_revenue(before, before)["change"].tolist() == [0, 0, 0, 0, 0]


def test_the_bootstrap_by_parts_is_the_bootstrap_of_customers() -> None:
    """A thousand customers drawn one by one, by brute force, vary the split as the parts do."""
    rng, people = np.random.default_rng(21), 4000
    rows = pd.DataFrame({"part": rng.permutation(people) % 40})
    for period in ("before", "after"):
        bought = rng.poisson(0.8, people)
        rows[f"{period}_purchases"] = bought
        rows[f"{period}_gross"] = bought * rng.gamma(2, 20, people)
        rows[f"{period}_customers"] = (bought > 0).astype(int)
        rows[f"{period}_returned"] = rows[f"{period}_gross"] * (rng.random(people) < 0.05)
    names = ["customers", "purchases", "gross", "returned"]

    def split(sample: pd.DataFrame) -> list[float]:
        factors = []
        for period in ("before", "after"):
            c, n, g, r = (float(sample[f"{period}_{name}"].sum()) for name in names)
            factors.append([c, n / c, g / n, (g - r) / g])
        return [float(part) for part in decompose(*factors)]

    drawn = np.array([split(rows.iloc[rng.integers(0, people, people)]) for _ in range(200)])
    periods = []
    for period in ("before", "after"):
        sums = rows.groupby("part")[[f"{period}_{name}" for name in names]].sum()
        periods.append(sums.set_axis(names, axis=1))
    ours = decompose_bootstrap(*periods, replicates=2000, seed=3)
    # A standard error of 40 parts is itself known to about a ninth, one of 300 draws to a twenty-fifth.
    assert ours == pytest.approx(drawn.std(axis=0, ddof=1), rel=0.4)


def test_revenue_by_kind_adds_up_and_is_counted_by_hand() -> None:
    before, after = period_sums(shop(), before=PERIODS["before"], after=PERIODS["after"])
    before.loc[-1, "purchases"] += 5
    after.loc[-1, "purchases"] += 5
    kinds = by_kind(before, after).set_index("kind")
    assert kinds["after"].to_dict() == {
        "new": 50,
        "reactivated": 0,
        "returning": 40,
        "guests": 9,
        "returns": -5,
    }
    assert kinds["change"].sum() == (99 - 5) - 67


def test_who_was_away_for_half_a_year_was_won_back() -> None:
    frame = pd.DataFrame(
        [("1", "ann", "2023-03-01", 10), ("2", "ann", "2024-01-09", 40), ("3", "bob", "2023-12-30", 30),
         ("4", "bob", "2024-01-10", 30)],
        columns=["order_id", "customer_id", "ordered_at", "amount"],
    ).assign(discount=0)  # fmt: skip
    kinds = {"ordered_at": "timestamp(6)", "amount": "decimal(18,2)", "discount": "decimal(18,2)"}
    _, after = period_sums(ibis.memtable(frame).cast(kinds), **PERIODS)
    assert after["back_gross"].sum() == 40
    assert after["back_purchases"].sum() == 1


def test_categories_are_summed_by_hand() -> None:
    lines = pd.DataFrame(
        [("1", "a", "2024-01-02", 10.0), ("1", "b", "2024-01-02", 90.0), ("2", "a", "2024-01-09", 11.0),
         ("2", "x", "2024-01-09", 5.0), ("3", "b", "2024-01-10", -90.0), ("4", "b", "2024-01-20", 7.0)],
        columns=["order_id", "product_id", "ordered_at", "amount"],
    )  # fmt: skip
    table = ibis.memtable(lines).cast({"ordered_at": "timestamp(6)", "amount": "decimal(18,2)"})
    products = ibis.memtable(pd.DataFrame({"product_id": ["a", "b"], "category": ["cheap", "dear"]}))
    one, two = category_sums(table, products, **PERIODS)
    assert one.loc["cheap"].tolist() == [1, 10]
    assert one.loc["dear"].tolist() == [1, 90]
    assert two["total"].to_dict() == {"": 5, "cheap": 11, "dear": 0}


def test_simpsons_paradox_is_a_within_and_a_between_of_opposite_signs() -> None:
    old = pd.DataFrame({"of": [90.0, 10], "total": [900.0, 500]})
    new = pd.DataFrame({"of": [50.0, 50], "total": [450.0, 2250]})  # both averages fell by a tenth
    within, between = mix_effect(old, new)
    assert within < 0 < between
    assert within + between == pytest.approx(2700 / 100 - 1400 / 100)


def test_a_shift_of_mix_alone_moves_nothing_within() -> None:
    parts, both = pd.Index([0], name="part"), {"customers": [90], "purchases": [100], "returned": [0.0]}
    old = pd.DataFrame(both | {"gross": [1400.0], "new_purchases": [10], "new_gross": [500.0]}, index=parts)
    new = pd.DataFrame(both | {"gross": [3000.0], "new_purchases": [50], "new_gross": [2500.0]}, index=parts)
    within, between = mix_of_orders(old, new)
    assert within == 0
    assert between == 16
