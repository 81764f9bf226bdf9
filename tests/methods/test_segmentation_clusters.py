from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from crm_utils.methods.segmentation.clusters import adjusted_rand, find_clusters
from crm_utils.methods.segmentation.one_cloud import one_cloud, spread_out


def customers(
    groups: list[tuple[float, float, float]], each: int, spread: float, seed: int = 1
) -> tuple[ibis.Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(groups)), each)
    logs = np.array(groups)[truth] + rng.normal(0, spread, (len(truth), 3))
    values = np.exp(logs)
    return ibis.memtable(pa.table({
        "customer_id": [f"c{k:05d}" for k in range(len(truth))],
        "recency_days": values[:, 0].astype("int64"),
        "orders": np.maximum(values[:, 1], 1).astype("int64"),
        "revenue": pa.array([f"{v:.2f}" for v in values[:, 2]]).cast(pa.decimal128(38, 2)),
    })), truth  # fmt: skip


THREE = [(1.0, 4.0, 8.0), (3.0, 2.5, 5.5), (5.0, 1.0, 3.0)]


def labels(table: ibis.Table) -> np.ndarray:
    return table.order_by("customer_id").to_pyarrow()["cluster"].to_numpy()


def test_three_planted_groups_are_found():
    table, truth = customers(THREE, each=200, spread=0.25)
    fitted = find_clusters(table, seed=1, bootstraps=8, nulls=2)
    assert (fitted.k, fitted.apart) == (3, True)
    assert fitted.stability > 0.95
    assert adjusted_rand_score(truth, labels(fitted.assign(table))) > 0.95
    profile = fitted.profile(fitted.assign(table))
    assert profile["customers"].tolist() == pytest.approx([200] * 3, abs=5)
    assert profile["revenue"].is_monotonic_decreasing  # cluster 1 spends most
    assert profile["share"].sum() == pytest.approx(1)
    levels = fitted.levels().set_index("cluster")
    assert levels.loc[1, "revenue"] > levels.loc[3, "revenue"]
    assert levels.loc[1, "recency_days"] < levels.loc[3, "recency_days"]


@pytest.mark.parametrize("each", [100, 1_000, 10_000])
def test_three_groups_are_found_and_one_cloud_gives_none_at_every_size(each: int):
    """The largest stable number would grow with the number of customers."""
    options = {"seed": 1, "ks": (2, 3, 4, 5, 6), "bootstraps": 3, "nulls": 3}
    planted, _ = customers(THREE, each=each, spread=0.5)
    assert find_clusters(planted, **options).k == 3
    cloud, _ = customers([(3.0, 3.0, 6.0)], each=3 * each, spread=1.0)
    none = find_clusters(cloud, **options)
    assert (none.k, none.apart, none.stability) == (1, False, None)
    assert none.candidates["gain"].abs().max() < 0.1
    assert set(labels(none.assign(cloud))) == {1}


def purchases(n: int, seed: int) -> ibis.Table:
    """One cloud as shops have it: gamma-Poisson buyers who leave sooner or later, skewed, cut off at one."""
    rng = np.random.default_rng(seed)
    tenure, gone = rng.uniform(30, 700, n), rng.exponential(400, n)
    seen = np.minimum(tenure, gone)
    repeats = rng.poisson(rng.gamma(0.8, 1 / 60, n) * seen)
    last = seen * np.where(repeats > 0, rng.beta(np.maximum(repeats, 1), 1), 0)
    orders = 1 + repeats
    money = [f"{v:.2f}" for v in orders * rng.lognormal(3.5, 0.5, n)]
    return ibis.memtable(pa.table({
        "customer_id": [f"c{k:05d}" for k in range(n)],
        "recency_days": (tenure - last).astype("int64"), "orders": orders.astype("int64"),
        "revenue": pa.array(money).cast(pa.decimal128(38, 2)),
    }))  # fmt: skip


@pytest.mark.parametrize("n", [300, 3_000])
def test_buyers_of_one_kind_are_no_types(n: int):
    fits = [find_clusters(purchases(n, seed), seed=1, ks=(2, 3, 4, 5), nulls=3) for seed in (1, 2, 3)]
    assert [one.k for one in fits] == [1, 1, 1]


def test_a_cloud_keeps_margins_and_ranks_but_not_the_gap():
    rng = np.random.default_rng(3)
    side = rng.integers(0, 2, 1000)
    points = np.column_stack([rng.normal(4.0 * side, 0.5), rng.normal(-4.0 * side, 0.5), np.full(1000, 2.0)])
    cloud = one_cloud(points, rng, cell=0.05)
    assert cloud.std(axis=0) == pytest.approx(points.std(axis=0), rel=0.1)
    assert np.corrcoef(cloud[:, 0], cloud[:, 1])[0, 1] < -0.5
    middle = np.abs(cloud[:, 0] - 2) < 1
    assert (np.abs(points[:, 0] - 2) < 1).mean() < 0.05 < 0.15 < middle.mean()
    assert (cloud[:, 2] == 2).all()
    spread = spread_out(points, rng)
    assert np.abs(spread - points).max() <= 0.35
    assert (spread[:, 2] == 2).all()


def test_the_same_seed_gives_the_same_clusters_however_rows_stand():
    table, _ = customers(THREE, each=100, spread=0.4)
    mixed = ibis.memtable(table.to_pyarrow().take(np.random.default_rng(0).permutation(300)))
    one, other = (find_clusters(t, seed=4, ks=(3, 4), bootstraps=5, nulls=1) for t in (table, mixed))
    pd.testing.assert_frame_equal(one.candidates, other.candidates, check_exact=True)
    assert (labels(one.assign(table)) == labels(other.assign(mixed))).all()


def test_too_few_customers_are_one_cluster():
    table, _ = customers(THREE, each=5, spread=0.2)
    fitted = find_clusters(table, seed=1)
    assert (fitted.k, fitted.apart, len(fitted.candidates)) == (1, False, 0)
    assert (fitted.stability, fitted.stability_low) == (None, None)
    assert set(labels(fitted.assign(table))) == {1}
    assert len(fitted.profile(fitted.assign(table))) == 1


def test_returners_with_negative_revenue_are_assigned():
    table, _ = customers(THREE, each=30, spread=0.2)
    negative = table.mutate(revenue=-table.revenue)
    assert len(labels(find_clusters(negative, seed=1, ks=(3,), bootstraps=3, nulls=1).assign(negative))) == 90


def test_weighted_adjusted_rand_is_that_of_repeated_points():
    rng = np.random.default_rng(6)
    a, b, w = rng.integers(0, 3, 40), rng.integers(0, 4, 40), rng.integers(1, 6, 40)
    assert adjusted_rand(a, b, w.astype(float)) == pytest.approx(
        adjusted_rand_score(a.repeat(w), b.repeat(w))
    )
    assert adjusted_rand(a, a, w.astype(float)) == 1
    assert adjusted_rand(a * 0, a * 0, w.astype(float)) == 1
