"""Quantiles from counts: ranks, coverage, and the refusal inside a mass of equal values."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from ab_shop import declare
from scipy.stats import binom

from crm_utils.ab_test.quantiles import quantile_effect, quantile_ranks
from crm_utils.experiments import Metric

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
    found = effect(one, other)
    assert (found["control"], found["treatment"]) == (np.sort(one)[150], np.sort(other)[99])


def test_intervals_of_a_difference_cover_it() -> None:
    """Of lognormal values, whose medians are exp(μ); 100 experiments, limit at one in a thousand."""
    rng, held = np.random.default_rng(2), 0
    truth = np.exp(3.2) - np.exp(3.0)
    for _ in range(100):
        found = effect(rng.lognormal(3.0, 1, 200), rng.lognormal(3.2, 1, 300))
        held += found["low"] <= truth <= found["high"]
    assert held >= binom.ppf(0.001, 100, 0.95)


def test_inside_the_mass_at_zero_it_is_refused_in_one_sentence() -> None:
    zeros = np.tile(np.concatenate([np.zeros(80), np.arange(1, 21)]), 10)
    found = effect(zeros, zeros)
    assert pd.isna(found["effect"])
    assert found["note"] == (
        "At the 0.5 quantile of amount many customers of arm 'control' have the same value, 0: no interval "
        "exists there. Choose another q, or conversion."
    )
    outer = effect(zeros, zeros + 1, Metric(name="p9", kind="quantile", of="amount", q=0.9))
    assert (outer["effect"], outer["note"]) == (1, "")


def test_too_few_customers_have_no_interval_so_far_out() -> None:
    far = Metric(name="p99", kind="quantile", of="amount", q=0.99)
    assert "too few customers" in effect(np.arange(50.0), np.arange(50.0), far)["note"]
    assert "too few customers" in effect(np.arange(50.0), np.array([]))["note"]
