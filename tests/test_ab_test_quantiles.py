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
    """Of lognormal values, whose medians are exp(μ); 300 experiments, binomial limits at one in a thousand."""
    rng, held = np.random.default_rng(2), 0
    truth = np.exp(3.2) - np.exp(3.0)
    for _ in range(300):
        found = effect(rng.lognormal(3.0, 1, 200), rng.lognormal(3.2, 1, 300))
        held += found["low"] <= truth <= found["high"]
    assert binom.ppf(0.001, 300, 0.95) <= held <= 300


def test_inside_the_mass_at_zero_it_is_refused_in_one_sentence() -> None:
    zeros = np.concatenate([np.zeros(80), np.arange(1, 21)])
    found = effect(zeros, zeros)
    assert pd.isna(found["effect"])
    assert found["note"].startswith(
        "At the 0.5 quantile of amount many customers of arm 'control' have the same value, 0"
    )
    outer = effect(zeros, zeros + 1, Metric(name="p95", kind="quantile", of="amount", q=0.95))
    assert (outer["effect"], outer["note"]) == (1, "")


def test_an_arm_without_customers_has_no_quantile() -> None:
    assert "too few customers" in effect(np.arange(50.0), np.array([]))["note"]
