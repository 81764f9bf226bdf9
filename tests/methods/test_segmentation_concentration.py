from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from crm_utils.methods.segmentation.concentration import concentration


def customers(revenue: list[float]) -> ibis.Table:
    return ibis.memtable(pa.table({
        "customer_id": [str(k) for k in range(len(revenue))],
        "revenue": pa.array([f"{v:.2f}" for v in revenue]).cast(pa.decimal128(38, 2)),
    }))  # fmt: skip


@pytest.mark.parametrize(("revenue", "gini", "top"), [
    ([5.0] * 50, 0.0, 0.2),  # all alike
    ([0.0] * 49 + [1.0], 0.98, 1.0),  # one has all: 1 − 1/n
    ([1.0, 2.0, 3.0, 4.0, 5.0] * 10, 4 / 15, 1 / 3),  # Σ(2i − n − 1)x / (n Σx) of 1 to 5, each ten times
])  # fmt: skip
def test_closed_forms(revenue: list[float], gini: float, top: float):
    measured = concentration(customers(revenue))
    assert (measured.gini, measured.top_fifth_share) == (pytest.approx(gini), pytest.approx(top))
    assert measured.gini_low <= measured.gini <= measured.gini_high


def test_a_fifth_of_fewer_than_five_customers_is_not_shown():
    measured = concentration(customers([1.0] * 23 + [900.0]))
    assert (measured.gini, measured.top_fifth_share, len(measured.lorenz)) == (None, None, 0)
    assert {number.value for number in measured.numbers()} == {None}
    shown = concentration(customers([float(v) for v in range(30)])).lorenz
    assert len(shown) == 7  # five customers from point to point


@pytest.mark.simulated
@pytest.mark.slow
def test_intervals_of_skewed_spend_cover_better_than_normal_ones():
    """Lognormal with σ = 1.5: the Gini index is 2Φ(σ/√2) − 1, the top fifth's share Φ(σ − z₀.₈)."""
    sigma = 1.5
    truth = 2 * norm.cdf(sigma / np.sqrt(2)) - 1, norm.cdf(sigma - norm.ppf(0.8))
    hit, plain = [], []
    for seed in range(100):
        revenue = customers(np.random.default_rng(seed).lognormal(5, sigma, 300).tolist())
        measured, normal = concentration(revenue, resamples=200), concentration(revenue, resamples=0)
        hit.append((measured.gini_low < truth[0] < measured.gini_high,
                    measured.top_fifth_low < truth[1] < measured.top_fifth_high))  # fmt: skip
        plain.append((normal.gini_low < truth[0] < normal.gini_high, True))
    covered, before = np.mean(hit, axis=0), np.mean(plain, axis=0)
    assert covered.min() > 0.80  # 89 %, less three Monte-Carlo errors
    assert covered[0] > before[0]


def test_exponential_spend_has_its_known_gini_and_lorenz_curve():
    rng = np.random.default_rng(2)
    measured = concentration(customers((rng.exponential(100, 20_000)).tolist()))
    assert measured.gini_low < 0.5 < measured.gini_high  # 1/2 for every exponential distribution
    top = 0.2 * (1 - np.log(0.2))
    assert measured.top_fifth_low < top < measured.top_fifth_high
    p = 0.5
    assert np.interp(p, measured.lorenz["customers"], measured.lorenz["revenue"]) == pytest.approx(
        p + (1 - p) * np.log(1 - p), abs=0.01
    )


@pytest.mark.simulated
def test_intervals_cover_as_promised():
    rng = np.random.default_rng(3)
    truth_gini, truth_top = 0.5, 0.2 * (1 - np.log(0.2))
    draws = [concentration(customers(rng.exponential(100, 300).tolist()), resamples=200) for _ in range(150)]
    gini = np.mean([d.gini_low < truth_gini < d.gini_high for d in draws])
    top = np.mean([d.top_fifth_low < truth_top < d.top_fifth_high for d in draws])
    assert gini == pytest.approx(0.95, abs=0.05)  # Monte-Carlo error of 150 draws: ± .036
    assert top == pytest.approx(0.95, abs=0.05)


def test_net_returners_count_as_nothing_spent():
    measured = concentration(customers([-5.0, *[0.0] * 24, *[10.0] * 25]))
    assert (measured.negative, measured.customers) == (1, 50)
    assert measured.gini == concentration(customers([0.0] * 25 + [10.0] * 25)).gini


@pytest.mark.parametrize("revenue", [[0.0, -1.0] * 30, []])
def test_without_revenue_or_customers_nothing_is_said(revenue: list[float]):
    measured = concentration(customers(revenue))
    assert (measured.gini, measured.top_fifth_share, measured.customers) == (None, None, len(revenue))


@settings(max_examples=20, deadline=None)
@given(
    revenue=st.lists(st.integers(0, 10_000), min_size=25, max_size=60).filter(any), seed=st.integers(0, 99)
)
def test_order_and_currency_do_not_matter(revenue: list[int], seed: int):
    shuffled = np.random.default_rng(seed).permutation(revenue)
    one, other = (
        concentration(customers([float(v) for v in revenue])),
        concentration(customers((shuffled * 100.0).tolist())),
    )
    assert one.gini == pytest.approx(other.gini)
    assert 0 <= one.gini < 1
    assert 0.2 - 1e-9 <= one.top_fifth_share <= 1
