from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from crm_utils.segmentation.clusters import adjusted_rand, find_clusters


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
    found = find_clusters(table, seed=1, ks=(3,), bootstraps=8, nulls=2)
    assert (found.k, found.stable, found.continuum) == (3, True, False)
    assert found.stability > 0.95
    assert adjusted_rand_score(truth, labels(found.assign(table))) > 0.95
    profile = found.profile(found.assign(table))
    assert profile["customers"].tolist() == pytest.approx([200] * 3, abs=5)
    assert profile["revenue"].is_monotonic_decreasing  # cluster 1 spends most
    assert profile["name"].is_unique
    assert profile["share"].sum() == pytest.approx(1)


def test_one_cloud_is_called_a_continuum():
    table, _ = customers([(3.0, 3.0, 6.0)], each=600, spread=1.0)
    found = find_clusters(table, seed=1, ks=(3,), bootstraps=8, nulls=2)
    assert found.continuum
    assert (found.candidates["silhouette"] - found.candidates["null_silhouette"]).abs().max() < 0.1


def test_the_same_seed_gives_the_same_clusters_however_rows_stand():
    table, _ = customers(THREE, each=100, spread=0.4)
    mixed = ibis.memtable(table.to_pyarrow().take(np.random.default_rng(0).permutation(300)))
    one, other = (find_clusters(t, seed=4, ks=(3, 4), bootstraps=5, nulls=1) for t in (table, mixed))
    pd.testing.assert_frame_equal(one.candidates, other.candidates, check_exact=True)
    assert (labels(one.assign(table)) == labels(other.assign(mixed))).all()


def test_too_few_customers_are_one_cluster():
    table, _ = customers(THREE, each=5, spread=0.2)
    found = find_clusters(table, seed=1)
    assert (found.k, found.stable, len(found.candidates)) == (1, False, 0)
    assert (found.stability, found.stability_low, found.continuum) == (None, None, True)
    assert set(labels(found.assign(table))) == {1}
    assert len(found.profile(found.assign(table))) == 1


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
