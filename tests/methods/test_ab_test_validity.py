"""Validity, sizes and the Bayesian view, against closed forms and published numbers."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from ab_shop import declare, shop
from scipy import integrate, stats

from crm_utils.errors import DataError
from crm_utils.experiments import CATALOGUE, Metric
from crm_utils.methods.ab_test.assignment import assigned, one_arm_each
from crm_utils.methods.ab_test.bayes import compare_rates
from crm_utils.methods.ab_test.false_alarms import aa_splits, aa_table
from crm_utils.methods.ab_test.moments import exact_sums
from crm_utils.methods.ab_test.outcomes import customer_outcomes
from crm_utils.methods.ab_test.sizing import (
    as_if_assigned,
    customers_for_rates,
    enrolment,
    sizes,
    smallest_effects,
)
from crm_utils.methods.ab_test.validity import balance, largest_shares, sample_ratio

USUAL = [Metric(name=name, **CATALOGUE[name]) for name in ("conversion", "orders", "revenue", "order_value")]


def test_arms_of_weight_zero_do_not_count() -> None:
    ratio = sample_ratio({"a": 120, "b": 80, "c": 0}, {"a": 0.5, "b": 0.5, "c": 0})
    assert ratio.p == pytest.approx(0.0047, abs=5e-5)
    assert ratio.verdict == "warning"
    with_some = sample_ratio({"a": 120, "b": 80, "c": 50}, {"a": 0.5, "b": 0.5, "c": 0})
    assert with_some.p == ratio.p
    assert with_some.table["customers"].tolist() == [120, 80, 50]
    assert with_some.table["expected"].tolist()[:2] == [100, 100]


@pytest.mark.parametrize(
    ("counts", "verdict"), [((500, 500), "passed"), ((545, 455), "warning"), ((560, 440), "stop")]
)
def test_it_warns_below_one_in_a_hundred_and_stops_below_one_in_a_thousand(
    counts: tuple[int, int], verdict: str
) -> None:
    ratio = sample_ratio(dict(zip("ab", counts, strict=True)), {"a": 1, "b": 1})
    assert ratio.verdict == verdict
    # One degree of freedom: the square of a normal.
    z = (counts[0] - 500) / np.sqrt(250)
    assert ratio.p == pytest.approx(2 * stats.norm.sf(abs(z)))


def test_an_arm_without_customers_stops_and_counts_that_do_not_add_up_are_refused() -> None:
    assert sample_ratio({"a": 200}, {"a": 1, "b": 1}).verdict == "stop"
    for counts, weights in (
        ({}, {"a": 1, "b": 1}),
        ({"a": 5}, {"a": 1}),
        ({"a": 5, "b": -1}, {"a": 1, "b": 1}),
    ):
        with pytest.raises(ValueError, match=r"do not add up|needs customers in two arms"):
            sample_ratio(counts, weights)


def test_balance_before_finds_what_was_different_and_nothing_else() -> None:
    for loses, most in ((0.0, 0.1), (0.9, 1.0)):
        tables = shop(seed=3, loses=loses)
        rows = customer_outcomes(
            one_arm_each(assigned(tables.assignments)), tables.orders, horizon_days=56, before_days=91
        )
        differences = balance({k[0]: s for k, s in exact_sums(rows, USUAL).items()}, declare())
        assert differences["difference"].abs().max() < most
        assert (differences["p"].min() < 1e-6) == (loses > 0)


def test_chance_to_win_as_published() -> None:
    assert compare_rates((49, 100), (51, 100)).chance_to_win == pytest.approx(0.610771, abs=1e-6)
    with pytest.raises(ValueError, match="11 conversions of 10 customers do not add up"):
        compare_rates((11, 10), (1, 10))


def test_another_tools_numbers_are_another_definition() -> None:
    """GrowthBook prints .60918, .0814, .04058: relative lift as normal under a flat prior (delta method)."""
    one, other, n = 0.49, 0.51, 100
    lift = other / one - 1
    error = np.sqrt(other * (1 - other) / n / one**2 + other**2 * one * (1 - one) / n / one**4)
    wins = stats.norm.cdf(lift / error)
    loss = error * stats.norm.pdf(lift / error) - lift * (1 - wins)
    assert (wins, loss + lift, loss) == pytest.approx((0.60918, 0.0814, 0.04058), abs=5e-5)
    ours = compare_rates((49, 100), (51, 100))
    assert ours.chance_to_win == pytest.approx(wins, abs=0.002)
    # A loss of rate is about half the loss of relative lift where rates are about one half.
    assert ours.risk_treatment == pytest.approx(loss * one, rel=0.05)


@pytest.mark.parametrize(
    ("control", "treatment"), [((3, 40), (9, 60)), ((0, 10), (3, 5_000)), ((500, 9_000), (560, 9_100))]
)
def test_beliefs_by_another_integral(control: tuple[int, int], treatment: tuple[int, int]) -> None:
    one, other = (stats.beta(1 + y, 1 + n - y) for y, n in (control, treatment))
    beliefs = compare_rates(control, treatment)
    points = [float(other.ppf(q)) for q in (1e-9, 0.01, 0.5, 0.99, 1 - 1e-9)]
    wins = integrate.quad(lambda x: other.pdf(x) * one.cdf(x), 0, 1, points=points, limit=500)[0]
    assert beliefs.chance_to_win == pytest.approx(wins, abs=1e-6)
    # Losses differ by the difference of the means, as max(x, 0) − max(−x, 0) = x.
    assert beliefs.risk_control - beliefs.risk_treatment == pytest.approx(other.mean() - one.mean(), abs=1e-7)


def test_sizes_of_an_arm_as_published() -> None:
    assert customers_for_rates(0.20, 0.25) == pytest.approx(1_093.74, abs=0.01)
    assert customers_for_rates(0.50, 0.75, power=0.9) == pytest.approx(76.707, abs=0.001)


def test_a_mean_needs_as_many_as_the_normal_formula_says_and_finds_what_it_was_sized_for() -> None:
    rng = np.random.default_rng(1)
    import ibis

    frame = pd.DataFrame({"arm": "everyone", "amount": rng.gamma(2, 30, 3_000).round(2)})
    revenue = [Metric(name="revenue", kind="mean", of="amount")]
    sums = exact_sums(ibis.memtable(frame), revenue)["everyone",]
    lift, now, sd = 0.1, frame["amount"].mean(), frame["amount"].std()
    expected = 2 * 2 * ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * sd / (lift * now)) ** 2
    size = sizes(sums, revenue, lifts=[lift]).iloc[0]
    assert size["customers"] == pytest.approx(expected, rel=1e-3)
    back = smallest_effects(sums, revenue, customers=int(size["customers"])).iloc[0]
    assert back["relative"] == pytest.approx(lift, rel=1e-3)


def test_weeks_are_those_until_enough_came_and_their_horizon_passed() -> None:
    tables = shop(seed=5, customers=2_000)
    on = pd.Timestamp("2025-11-02").date()
    past = as_if_assigned(tables.orders, on=on, active_days=182)
    rows = customer_outcomes(past, tables.orders, horizon_days=28, before_days=91)
    sums = exact_sums(rows, USUAL)["everyone",]
    arriving = enrolment(tables.orders, as_of=on).to_pyarrow().to_pandas()
    needed = sizes(sums, USUAL, arriving=arriving, horizon_days=28)
    total, by_week = (
        int(arriving["customers"].sum()),
        arriving.sort_values("week").set_index("week")["customers"].cumsum(),
    )
    for row in needed.to_dict("records"):
        if row["customers"] > total:
            assert pd.isna(row["weeks"])
        else:
            assert by_week[row["weeks"] - 4 + by_week.index[0] - 1] >= row["customers"]
    assert (needed["customers"] <= needed["customers_plain"]).all()


def test_splits_of_past_customers_raise_false_alarms_at_the_promised_rate() -> None:
    rng = np.random.default_rng(1)
    alarms = aa_splits(rng.gamma(2, 10, 800), rng.gamma(2, 10, 800), splits=800, seed=2)
    assert alarms["low"] <= 0.05 <= alarms["high"]
    tables = shop(seed=6, customers=1_500)
    past = as_if_assigned(tables.orders, on=pd.Timestamp("2025-10-01").date(), active_days=182)
    rows = customer_outcomes(past, tables.orders, horizon_days=28, before_days=91)
    table = aa_table(rows, USUAL, splits=50, seed=1)
    assert table["metric"].tolist() == ["conversion"] * 2 + ["orders"] * 2 + ["revenue"] * 2
    assert table.equals(aa_table(rows, USUAL, splits=50, seed=1))


def test_three_customers_have_no_halves() -> None:
    with pytest.raises(DataError, match="3 customers cannot be split"):
        aa_splits(np.array([1.0, 2.0, 3.0]), splits=10, seed=1)


def test_the_largest_customers_are_five_together() -> None:
    """One's share, times what the arm brought, would be what that customer paid."""
    spent = [9_000.0, 400.0, 300.0, 200.0, 100.0, 50.0, -20.0]
    rows = pd.DataFrame({"arm": ["a"] * 7 + ["b"], "customer_id": list("abcdefgh"), "amount": [*spent, -1.0]})
    shares = largest_shares(ibis.memtable(rows), column="amount").execute().set_index("arm")["share"]
    assert shares["a"] == pytest.approx(10_000 / 10_050)
    assert shares["b"] == 0
