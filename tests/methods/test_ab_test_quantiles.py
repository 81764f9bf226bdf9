"""Quantiles from counts: ranks, coverage, and the refusal inside a mass of equal values."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from ab_shop import declare
from scipy.stats import binom

from crm_utils.experiments import Metric
from crm_utils.methods.ab_test.moments import Sums
from crm_utils.methods.ab_test.quantiles import quantile_effect, quantile_ranks, quantile_spreads
from crm_utils.methods.ab_test.sizing import sizes, smallest_effects

MEDIAN = Metric(name="median", kind="quantile", of="amount", q=0.5)


def effect(one: np.ndarray, other: np.ndarray, metric: Metric = MEDIAN) -> pd.Series:
    frame = pd.DataFrame(
        {"arm": ["control"] * len(one) + ["coupon"] * len(other), "amount": np.concatenate([one, other])}
    )
    sizes = {"control": len(one), "coupon": len(other)}
    return quantile_effect(ibis.memtable(frame), metric, declare(), sizes).iloc[0]


@pytest.mark.parametrize(("n", "q"), [(20, 0.5), (101, 0.5), (500, 0.9), (80, 0.05)])
def test_ranks_hold_the_quantile_as_often_as_promised(n: int, q: float) -> None:
    middle, low, high = quantile_ranks(n, q)
    assert 1 <= low <= middle <= high <= n
    assert binom.cdf(high - 1, n, q) - binom.cdf(low - 1, n, q) >= 0.95 - 1e-12


def test_the_value_at_a_rank_is_the_sorted_one() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 50, 301), rng.integers(0, 60, 199)
    difference = effect(one, other)
    assert (difference["control"], difference["treatment"]) == (np.sort(one)[150], np.sort(other)[99])


@pytest.mark.simulated
def test_intervals_of_a_difference_cover_it() -> None:
    """Of lognormal values, whose medians are exp(μ); 100 experiments, limit at one in a thousand."""
    rng, held = np.random.default_rng(2), 0
    truth = np.exp(3.2) - np.exp(3.0)
    for _ in range(100):
        difference = effect(rng.lognormal(3.0, 1, 200), rng.lognormal(3.2, 1, 300))
        held += difference["low"] <= truth <= difference["high"]
    assert held >= binom.ppf(0.001, 100, 0.95)


def test_inside_the_mass_at_zero_it_is_refused() -> None:
    zeros = np.tile(np.concatenate([np.zeros(80), np.arange(1, 21)]), 10)
    inner = effect(zeros, zeros)
    assert pd.isna(inner["effect"])
    assert inner["status"] == "equal_values"
    outer = effect(zeros, zeros + 1, Metric(name="p9", kind="quantile", of="amount", q=0.9))
    assert (outer["effect"], outer["status"]) == (1, "compared")


def test_too_few_customers_have_no_interval_so_far_out() -> None:
    far = Metric(name="p99", kind="quantile", of="amount", q=0.99)
    assert effect(np.arange(50.0), np.arange(50.0), far)["status"] == "too_few"
    assert effect(np.arange(50.0), np.array([]))["status"] == "too_few"


def spread_of(values: np.ndarray, metric: Metric = MEDIAN) -> dict:
    return quantile_spreads(ibis.memtable({"amount": values}), [metric], customers=len(values))


@pytest.mark.parametrize("q", [0.25, 0.5, 0.9])
def test_the_spread_is_the_theorys(q: float) -> None:
    """√(q (1 − q)) / f(x_q), which for an exponential distribution is √(q / (1 − q))."""
    metric = Metric(name="at", kind="quantile", of="amount", q=q)
    measured = spread_of(np.random.default_rng(1).exponential(size=400_000), metric)["at"]
    assert measured.now == pytest.approx(-np.log(1 - q), rel=0.02)
    assert measured.spread == pytest.approx(np.sqrt(q / (1 - q)), rel=0.06)


@pytest.mark.simulated
def test_a_test_of_the_size_given_finds_the_effect_as_often_as_promised() -> None:
    rng, trials = np.random.default_rng(2), 200
    spreads = spread_of(rng.normal(100, 20, 100_000))
    none = Sums(0, {}, {})
    needed = int(sizes(none, [MEDIAN], lifts=[0.05], spreads=spreads)["customers"].iloc[0])
    # Closed form: 2π σ² (z_0.975 + z_0.8)² / effect², both arms together.
    assert needed == pytest.approx(2 * np.pi * 20**2 * 2.8016**2 / 5**2, rel=0.08)
    back = smallest_effects(none, [MEDIAN], customers=needed, spreads=spreads).iloc[0]
    assert back["relative"] == pytest.approx(0.05, rel=0.01)
    rejected = [
        effect(rng.normal(100, 20, needed // 2), rng.normal(105, 20, needed // 2))["p"] < 0.05
        for _ in range(trials)
    ]
    assert np.mean(rejected) == pytest.approx(0.8, abs=2.6 * np.sqrt(0.8 * 0.2 / trials))


def test_in_a_mass_of_equal_values_there_is_no_size() -> None:
    assert spread_of(np.repeat([0.0, 5.0], [80, 20])) == {}
    assert spread_of(np.array([1.0, 2.0])) == {}
    assert sizes(Sums(2, {}, {}), [MEDIAN]).empty
