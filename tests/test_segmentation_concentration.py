from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.errors import DataError
from crm_utils.segmentation.concentration import concentration


def customers(revenue: list[float]) -> ibis.Table:
    return ibis.memtable(pa.table({
        "customer_id": [str(k) for k in range(len(revenue))],
        "revenue": pa.array([f"{v:.2f}" for v in revenue]).cast(pa.decimal128(38, 2)),
    }))  # fmt: skip


@pytest.mark.parametrize(("revenue", "gini", "top"), [
    ([5.0] * 10, 0.0, 0.2),  # all alike
    ([0.0] * 9 + [1.0], 0.9, 1.0),  # one has all: 1 − 1/n
    ([1.0, 2.0, 3.0, 4.0, 5.0], 4 / 15, 1 / 3),  # (n + 1) / 3n − … for 1 to n: (n² − 1) / 3n · 1 / (n + 1)
])  # fmt: skip
def test_closed_forms(revenue: list[float], gini: float, top: float):
    found = concentration(customers(revenue))
    assert (found.gini, found.top_fifth_share) == (pytest.approx(gini), pytest.approx(top))


def test_exponential_spend_has_its_known_gini_and_lorenz_curve():
    rng = np.random.default_rng(2)
    found = concentration(customers((rng.exponential(100, 20_000)).tolist()))
    assert found.gini_low < 0.5 < found.gini_high  # 1/2 for every exponential distribution
    top = 0.2 * (1 - np.log(0.2))
    assert found.top_fifth_low < top < found.top_fifth_high
    p = 0.5
    assert np.interp(p, found.lorenz["customers"], found.lorenz["revenue"]) == pytest.approx(
        p + (1 - p) * np.log(1 - p), abs=0.01
    )


def test_intervals_cover_as_promised_and_agree_with_the_bootstrap():
    rng = np.random.default_rng(3)
    truth_gini, truth_top = 0.5, 0.2 * (1 - np.log(0.2))
    draws = [concentration(customers(rng.exponential(100, 300).tolist())) for _ in range(150)]
    gini = np.mean([d.gini_low < truth_gini < d.gini_high for d in draws])
    top = np.mean([d.top_fifth_low < truth_top < d.top_fifth_high for d in draws])
    assert gini == pytest.approx(0.95, abs=0.05)  # Monte-Carlo error of 150 draws: ± .036
    assert top == pytest.approx(0.95, abs=0.05)
    sample = np.round(rng.lognormal(4, 1, 800), 2)
    found = concentration(customers(sample.tolist()))
    again = []
    for _ in range(400):
        x = np.sort(rng.choice(sample, 800))
        again.append(((2 * np.arange(1, 801) - 801) * x).sum() / (800 * x.sum()))
    assert (found.gini_high - found.gini_low) / 3.92 == pytest.approx(np.std(again), rel=0.15)


def test_net_returners_count_as_nothing_spent():
    found = concentration(customers([-5.0, 0.0, 10.0]))
    assert (found.negative, found.customers) == (1, 3)
    assert found.gini == concentration(customers([0.0, 0.0, 10.0])).gini


def test_no_revenue_is_said():
    with pytest.raises(DataError, match="No customer has any revenue"):
        concentration(customers([0.0, -1.0]))


@settings(max_examples=20, deadline=None)
@given(revenue=st.lists(st.integers(0, 10_000), min_size=2, max_size=30).filter(any), seed=st.integers(0, 99))
def test_order_and_currency_do_not_matter(revenue: list[int], seed: int):
    shuffled = np.random.default_rng(seed).permutation(revenue)
    one, other = (
        concentration(customers([float(v) for v in revenue])),
        concentration(customers((shuffled * 100.0).tolist())),
    )
    assert one.gini == pytest.approx(other.gini)
    assert 0 <= one.gini < 1
    assert 0.2 - 1e-9 <= one.top_fifth_share <= 1
