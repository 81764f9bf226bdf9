"""Do customers fall into groups by themselves? k-means on log recency, orders and revenue, and its limits.

The engine counts customers in cells of 0.05 log units; k-means runs on the cells with their counts. So
ten million customers cost hardly more than ten thousand, and every customer is assigned in the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["LEAST_STABILITY", "Clusters", "adjusted_rand", "compare_clusters", "find_clusters"]

MEASURES = ("recency_days", "orders", "revenue")
CELL = 0.05
"""Width of a cell in units of log(1 + value): values within 5 % of each other share a cell."""
LEAST_STABILITY = 0.8
CONTINUUM_MARGIN = 0.1
"""A silhouette this little above that of data without clusters speaks for a continuum (our convention)."""
PER_CLUSTER = 10
"""Fewer customers than this for each cluster, and that many clusters are not tried."""
_SAMPLE = 1500

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """A choice of k, what spoke for it, and all that is needed to assign customers.

    Attributes
    ----------
    k
        The largest number whose stability is 0.8 or more; the smallest tried when none is; 1 when there are
        too few customers.
    stable
        Whether k reached that bar.
    candidates
        A row a k: ``k``, ``stability`` (mean adjusted Rand of pairs of resamples) with ``low``
        and ``high`` (two standard errors), ``silhouette``, ``null_silhouette`` (mean of the same for
        normal data of equal covariance, which has no clusters).
    centers
        k rows in scaled log units, best customers (highest revenue) first: cluster 1 is row 0.
    means, scales
        Of log(1 + measure), for scaling.
    """

    k: int
    stable: bool
    candidates: pd.DataFrame
    centers: Floats
    means: Floats
    scales: Floats

    @property
    def stability(self) -> float | None:
        """Mean bootstrap adjusted Rand of the chosen k; None when none was tried."""
        return self._chosen("stability")

    @property
    def stability_low(self) -> float | None:
        """Two standard errors below it."""
        return self._chosen("low")

    @property
    def stability_high(self) -> float | None:
        """Two standard errors above it."""
        return self._chosen("high")

    @property
    def continuum(self) -> bool:
        """Whether data without clusters would look hardly less clustered."""
        seen, null = self._chosen("silhouette"), self._chosen("null_silhouette")
        return seen is None or null is None or seen - null < CONTINUUM_MARGIN

    def numbers(self) -> list[dict[str, Any]]:
        """What a run records of them: arguments for ``run.record``."""
        span = {"low": self.stability_low, "high": self.stability_high}
        return [
            {"name": "clusters", "value": self.k, "unit": "clusters"},
            {"name": "clusters.stability", "value": self.stability, **span},
            {"name": "clusters.continuum", "value": "yes" if self.continuum else "no"},
        ]

    def names(self) -> list[str]:
        """A plain name for each cluster, from where its centre lies among all customers."""
        words = [_name(center) for center in self.centers]
        return [w if words.count(w) == 1 else f"{w} ({words[:k].count(w) + 1})" for k, w in enumerate(words)]

    def assign(self, summary: ir.Table) -> ir.Table:
        """Add ``cluster`` (1 to k, the nearest centre) to a customer summary, in the engine."""
        scaled = summary.mutate(
            **{
                f"_z{d}": (_log(summary, name) - float(self.means[d])) / float(self.scales[d])
                for d, name in enumerate(MEASURES)
            }
        )
        distances = {
            f"_d{j}": sum(
                (scaled[f"_z{d}"] - float(c)) * (scaled[f"_z{d}"] - float(c)) for d, c in enumerate(center)
            )
            for j, center in enumerate(self.centers)
        }
        measured = scaled.mutate(**distances)
        least = measured.mutate(_least=ibis.least(*(measured[name] for name in distances)))
        nearest = ibis.cases(*((least[f"_d{j}"] == least["_least"], j + 1) for j in range(self.k)), else_=1)
        return least.mutate(cluster=nearest.cast("int64")).select(*summary.columns, "cluster")

    def profile(self, assigned: ir.Table) -> pd.DataFrame:
        """Say who is in each cluster: name, customers and their share, means a customer, share of revenue."""
        sums = assigned.group_by("cluster").aggregate(
            customers=assigned.count(),
            recency_days=assigned.recency_days.sum().cast("float64"),
            orders=assigned.orders.sum().cast("float64"),
            revenue=assigned.revenue.sum().cast("float64"),
        )
        frame: pd.DataFrame = sums.to_pyarrow().to_pandas().sort_values("cluster", ignore_index=True)
        shares = {
            "share": frame["customers"] / frame["customers"].sum(),
            "revenue_share": frame["revenue"] / frame["revenue"].sum(),
        }
        for name in MEASURES:
            frame[name] = frame[name] / frame["customers"]
        named = dict(enumerate(self.names(), start=1))
        return frame.assign(**shares, name=frame["cluster"].map(named))[
            ["cluster", "name", "customers", "share", *MEASURES, "revenue_share"]
        ]

    def _chosen(self, what: str) -> float | None:
        found = self.candidates.loc[self.candidates["k"] == self.k, what].dropna()
        return float(found.iloc[0]) if len(found) else None


def find_clusters(
    summary: ir.Table, *, seed: int, ks: Sequence[int] = range(3, 9), bootstraps: int = 20, nulls: int = 3
) -> Clusters:
    """Cluster customers by k-means, with the largest k that resampling does not shake.

    Parameters
    ----------
    summary
        A row a customer: ``recency_days``, ``orders``, ``revenue`` (net of returns; below 0 counts as 0).
    seed
        For starts, resampling and null data: the same seed gives the same clusters.
    ks
        The numbers of clusters to try.
    bootstraps, nulls
        Resamples for the stability of each k, and data sets without clusters for its silhouette.

    Notes
    -----
    Stability is the mean adjusted Rand index (Hubert and Arabie, 1985) over all pairs of clusterings of
    bootstrap samples (after Ben-Hur, Elisseeff and Guyon, 2002, who draw subsamples). Pairs depend on each
    other; the standard error is that of a U-statistic of order two, twice the spread of each resample's mean
    agreement over √resamples.
    k-means always returns k clusters, also from a continuum: then they are stretches of one road, useful for
    talking and not found in nature. Silhouette (Rousseeuw, 1987) is shown, but never chooses.
    """
    # Imported here: scikit-learn takes most of a second, and who only scores customers needs none of it. It
    # comes first, as threadpoolctl limits only those thread pools that are loaded already.
    import sklearn.cluster  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn brings it

    cells, weights = _cells(summary)
    means, scales = _weighted_scale(cells, weights)
    points = (cells - means) / scales
    tried = [k for k in ks if k * PER_CLUSTER <= weights.sum() and k <= len(points)]
    rows, fits = [], {}
    # One thread: on points this few more of them only wait, and the order of their sums would vary.
    with threadpool_limits(limits=1):
        for k in tried:
            rng = np.random.default_rng([seed, k])
            fits[k] = _fit(points, weights, k, rng)
            stability = _stability(points, weights, k, bootstraps, rng)
            rows.append({"k": k} | stability | _silhouettes(points, weights, fits[k], nulls, rng))
    columns = ["k", "stability", "low", "high", "silhouette", "null_silhouette"]
    candidates = pd.DataFrame(rows, columns=columns)
    stable = candidates.loc[candidates["stability"] >= LEAST_STABILITY, "k"]
    k = int(stable.max()) if len(stable) else tried[0] if tried else 1
    centers = fits[k] if tried else np.zeros((1, len(MEASURES)))
    return Clusters(k, bool(len(stable)), candidates, centers, means, scales)


def compare_clusters(one: ir.Table, other: ir.Table) -> float:
    """Adjusted Rand of two assignments (``customer_id``, ``cluster``) of the same customers."""
    both = one.select("customer_id", a=one.cluster).inner_join(
        other.select("customer_id", b=other.cluster), "customer_id"
    )
    counts = both.group_by("a", "b").aggregate(n=both.count()).order_by("a", "b").to_pyarrow().to_pandas()
    a, b = (counts[c].to_numpy(dtype=np.int64) for c in ("a", "b"))
    return adjusted_rand(a, b, counts["n"].to_numpy(dtype=np.float64))


def adjusted_rand(a: NDArray[np.int64], b: NDArray[np.int64], weights: Floats) -> float:
    """Agreement of two clusterings of weighted points, 1 when equal and 0 on average by chance.

    Hubert and Arabie (1985); scikit-learn's ``adjusted_rand_score`` has no weights.
    """
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), weights)
    rows, columns = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    total = _pairs(weights.sum(keepdims=True))
    expected, largest = rows * columns / total, (rows + columns) / 2
    return 1.0 if largest == expected else (_pairs(table) - expected) / (largest - expected)


def _pairs(counts: Floats) -> float:
    return float((counts * (counts - 1) / 2).sum())


def _log(summary: ir.Table, name: str) -> ir.Column:
    return (ibis.greatest(summary[name].cast("float64"), ibis.literal(0.0)) + 1.0).ln()


def _cells(summary: ir.Table) -> tuple[Floats, Floats]:
    cell = summary.select(**{name: (_log(summary, name) / CELL).round().cast("int64") for name in MEASURES})
    counted = cell.group_by(*MEASURES).aggregate(n=cell.count()).order_by(*MEASURES).to_pyarrow().to_pandas()
    return counted[list(MEASURES)].to_numpy() * CELL, counted["n"].to_numpy().astype(float)


def _weighted_scale(cells: Floats, weights: Floats) -> tuple[Floats, Floats]:
    if not len(cells):
        return np.zeros(len(MEASURES)), np.ones(len(MEASURES))
    means = np.average(cells, axis=0, weights=weights)
    scales = np.sqrt(np.average((cells - means) ** 2, axis=0, weights=weights))
    return means, np.where(scales > 0, scales, 1.0)


def _fit(points: Floats, weights: Floats, k: int, rng: np.random.Generator) -> Floats:
    from sklearn.cluster import KMeans

    kept = weights > 0
    start = int(rng.integers(2**31))
    fit = KMeans(k, n_init=5, random_state=start).fit(points[kept], sample_weight=weights[kept])
    best_first = np.argsort(-fit.cluster_centers_[:, MEASURES.index("revenue")], kind="stable")
    return np.asarray(fit.cluster_centers_[best_first], dtype=np.float64)


def _nearest(points: Floats, centers: Floats) -> NDArray[np.int64]:
    distances: Floats = ((points[:, None, :] - centers[None]) ** 2).sum(axis=2)
    nearest: NDArray[np.int64] = distances.argmin(axis=1)
    return nearest


def _stability(
    points: Floats, weights: Floats, k: int, bootstraps: int, rng: np.random.Generator
) -> dict[str, float]:
    n = int(weights.sum())
    draws = rng.multinomial(n, weights / n, size=bootstraps).astype(float)
    labels = [_nearest(points, _fit(points, drawn, k, rng)) for drawn in draws]
    agreement = np.full((bootstraps, bootstraps), np.nan)
    for i, j in combinations(range(bootstraps), 2):
        agreement[i, j] = agreement[j, i] = adjusted_rand(labels[i], labels[j], weights)
    each = np.nanmean(agreement, axis=1)
    mean, error = float(each.mean()), float(2 * each.std(ddof=1) / np.sqrt(bootstraps))
    return {"stability": mean, "low": mean - 2 * error, "high": min(1.0, mean + 2 * error)}


def _silhouettes(
    points: Floats, weights: Floats, centers: Floats, nulls: int, rng: np.random.Generator
) -> dict[str, float]:
    from sklearn.metrics import silhouette_score

    size = int(min(weights.sum(), _SAMPLE))
    sample = points[rng.choice(len(points), size=size, p=weights / weights.sum())]
    labels = _nearest(sample, centers)
    seen = silhouette_score(sample, labels) if 1 < len(set(labels)) < size else np.nan
    covariance = np.cov(points, rowvar=False, fweights=weights.astype(np.int64))
    scores = []
    for _ in range(nulls):
        flat = rng.multivariate_normal(np.zeros(points.shape[1]), covariance, size=size)
        scores.append(silhouette_score(flat, _nearest(flat, _fit(flat, np.ones(size), len(centers), rng))))
    return {"silhouette": float(seen), "null_silhouette": float(np.mean(scores))}


def _name(center: Floats) -> str:
    recency, orders, revenue = np.searchsorted([-1.5, -0.5, 0.5, 1.5], center)
    often = ("very rare", "rare", "regular", "frequent", "very frequent")[orders]
    spend = ("small", "small", "medium", "big", "big")[revenue]
    lately = ("recent", "recent", "less recent", "least recent", "least recent")[recency]
    return f"{often}, {spend} spend, {lately}".capitalize()
