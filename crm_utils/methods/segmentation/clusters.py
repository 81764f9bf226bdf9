"""Do customers fall into groups by themselves? k-means on log recency, orders and revenue, against one cloud.

The engine counts customers in cells of 0.05 log units; k-means runs on the cells with their counts. So
ten million customers cost hardly more than ten thousand, and every customer is assigned in the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.statistics import Number, hide_small
from crm_utils.methods.segmentation.one_cloud import one_cloud, spread_out

__all__ = ["Clusters", "adjusted_rand", "compare_clusters", "find_clusters"]

MEASURES = ("recency_days", "orders", "revenue")
CELL = 0.05
"""Width of a cell in units of log(1 + value): values within 5 % of each other share a cell."""
MARGIN, MARGIN_OF_FEW = 0.1, 0.4
"""So much above one cloud's must a silhouette lie: the first, and the second ÷ √sample for its noise."""
PER_CLUSTER = 10
"""Fewer customers than this for each cluster, and that many clusters are not tried."""
LEAST_SHARE = 0.03
"""A smaller part of the customers is no cluster but a few odd ones: such a split gains nothing."""
_SAMPLE = 1000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """A choice of k, what spoke for it, and all that is needed to assign customers.

    Attributes
    ----------
    k
        The number of clusters that are set apart; 1 where customers are one cloud, or too few to tell.
    candidates
        A row a k: ``k``, ``silhouette`` of our customers, ``null_silhouette`` (mean of the same for one cloud
        with their margins and correlations), ``gain`` (their difference) and ``bar`` (what it must reach).
    stability
        Mean adjusted Rand of pairs of resamples with k clusters; None for one cloud.
    stability_low, stability_high
        Two standard errors to either side.
    centers
        k rows in scaled log units, best customers (highest revenue) first: cluster 1 is row 0.
    means, scales
        Of log(1 + measure), for scaling.
    """

    k: int
    candidates: pd.DataFrame
    stability: float | None
    stability_low: float | None
    stability_high: float | None
    centers: Floats
    means: Floats
    scales: Floats

    @property
    def apart(self) -> bool:
        """Whether there are clusters at all: several, each set apart from the others."""
        return self.k > 1

    def numbers(self) -> list[Number]:
        """What a run records of them."""
        span = (self.stability_low, self.stability_high)
        gain = None if self.candidates.empty else float(self.candidates["gain"].max())
        return [
            Number("clusters", self.k, "clusters"),
            Number("clusters.stability", self.stability, "", *span),
            Number("clusters.continuum", "no" if self.apart else "yes"),
            Number("clusters.silhouette_gain", gain),
        ]

    def levels(self) -> pd.DataFrame:
        """Where each centre lies among all customers: ``cluster`` and a level from 0 to 4 for each measure.

        2 is within half a standard deviation of the mean of all; each step beyond is one more.
        """
        steps = np.searchsorted([-1.5, -0.5, 0.5, 1.5], self.centers)
        return pd.DataFrame(steps, columns=list(MEASURES)).assign(cluster=range(1, self.k + 1))

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
        least = measured.mutate(_least=_least([measured[name] for name in distances]))
        nearest = ibis.cases(*((least[f"_d{j}"] == least["_least"], j + 1) for j in range(self.k)), else_=1)
        return least.mutate(cluster=nearest.cast("int64")).select(*summary.columns, "cluster")

    def profile(self, assigned: ir.Table) -> pd.DataFrame:
        """Say who is in each cluster, groups under five hidden.

        Returns
        -------
        pandas.DataFrame
            ``cluster``, ``customers`` and their ``share``, means a customer of the measures,
            ``revenue_share``.
        """
        sums = assigned.group_by("cluster").aggregate(
            customers=assigned.count(),
            recency_days=assigned.recency_days.sum().cast("float64"),
            orders=assigned.orders.sum().cast("float64"),
            revenue=assigned.revenue.sum().cast("float64"),
        )
        frame: pd.DataFrame = sums.to_pyarrow().to_pandas().sort_values("cluster", ignore_index=True)
        shares = {
            "share": frame["customers"] / frame["customers"].sum(),
            "revenue_share": frame["revenue"] / (frame["revenue"].sum() or 1.0),
        }
        for name in MEASURES:
            frame[name] = frame[name] / frame["customers"]
        columns = ["cluster", "customers", "share", *MEASURES, "revenue_share"]
        return hide_small(frame.assign(**shares)[columns], keep=["cluster"])


def find_clusters(
    summary: ir.Table, *, seed: int, ks: Sequence[int] = range(2, 9), bootstraps: int = 10, nulls: int = 4
) -> Clusters:
    """Cluster customers by k-means where that is more than cutting one cloud in pieces.

    Parameters
    ----------
    summary
        A row a customer: ``recency_days``, ``orders``, ``revenue`` (net of returns; below 0 counts as 0).
    seed
        For starts, samples and clouds: the same seed gives the same clusters.
    ks
        The numbers of clusters to try.
    bootstraps, nulls
        Resamples for the stability of the chosen k, and clouds for the silhouette of each.

    Notes
    -----
    k-means always returns k clusters, also from one cloud. So the silhouette (Rousseeuw, 1987) of a sample of
    customers is held against that of the same customers as one cloud (:mod:`.one_cloud`). k is the one that
    gains most over its clouds (the idea of the gap statistic: Tibshirani, Walther and Hastie, 2001); where
    even that gain is under 0.1 + 0.4 / √sample, there are no clusters. In simulations of 300 to 30,000
    customers one cloud, normal or as a gamma-Poisson process draws it, gained .00 to .09, and three groups
    whose centres lie three standard deviations apart .15 and more. The limit is a convention: one price for
    everything leaves lumps at whole orders, which may pass it in a small shop. Stability is
    no judge of k: it tends to 1 for any number of clusters as customers get many (Ben-David, von Luxburg and
    Pál, 2006). It is shown for the chosen k: the mean adjusted Rand index (Hubert and Arabie, 1985) over
    pairs of clusterings of bootstrap samples, with twice the spread of each resample's mean agreement over
    √resamples as its standard error, as pairs depend on each other.
    """
    # Imported here: scikit-learn takes most of a second, and who only scores customers needs none of it. It
    # comes first, as threadpoolctl limits only those thread pools that are loaded already.
    import sklearn.cluster  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn brings it

    cells, weights = _cells(summary)
    means, scales = _weighted_scale(cells, weights)
    points = (cells - means) / scales
    tried = [k for k in ks if k * PER_CLUSTER <= weights.sum() and k < len(points)]
    # One thread: on points this few more of them only wait, and the order of their sums would vary.
    with threadpool_limits(limits=1):
        candidates = _gains(cells, weights, tried, nulls, np.random.default_rng([seed, 0]))
        best = candidates.nlargest(1, "gain")
        k = int(best["k"].iloc[0]) if len(best) and (best["gain"] >= best["bar"]).all() else 1
        if k == 1:
            return Clusters(1, candidates, None, None, None, np.zeros((1, len(MEASURES))), means, scales)
        rng = np.random.default_rng([seed, k])
        centers = _fit(points, weights, k, rng)
        span = _stability(points, weights, k, bootstraps, rng)
    return Clusters(k, candidates, *span, centers, means, scales)


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


def _least(values: list[ir.Column]) -> ir.Column:
    """One value alone is no call of ``least`` that every engine knows; there may be but one cluster."""
    return values[0] if len(values) == 1 else ibis.least(*values)


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
) -> tuple[float, float, float]:
    n = int(weights.sum())
    draws = rng.multinomial(n, weights / n, size=bootstraps).astype(float)
    labels = [_nearest(points, _fit(points, drawn, k, rng)) for drawn in draws]
    agreement = np.full((bootstraps, bootstraps), np.nan)
    for i, j in combinations(range(bootstraps), 2):
        agreement[i, j] = agreement[j, i] = adjusted_rand(labels[i], labels[j], weights)
    each = np.nanmean(agreement, axis=1)
    mean, error = float(each.mean()), float(2 * each.std(ddof=1) / np.sqrt(bootstraps))
    return mean, mean - 2 * error, min(1.0, mean + 2 * error)


def _gains(
    cells: Floats, weights: Floats, ks: Sequence[int], nulls: int, rng: np.random.Generator
) -> pd.DataFrame:
    """The silhouette of each k in a sample of customers, and in clouds of the same size."""
    size = int(min(weights.sum(), _SAMPLE))
    bar = MARGIN + MARGIN_OF_FEW / np.sqrt(max(size, 1))
    columns = ["k", "silhouette", "null_silhouette", "gain", "bar"]
    if not ks:
        return pd.DataFrame([], columns=columns, dtype=float)
    every = np.repeat(np.arange(len(cells)), weights.astype(np.int64)) if size == weights.sum() else None
    drawn = rng.choice(len(cells), size, p=weights / weights.sum()) if every is None else every
    sample = spread_out(cells[drawn], rng)
    means, scales = _weighted_scale(sample, np.ones(size))
    clouds = [(one_cloud(sample, rng, cell=CELL) - means) / scales for _ in range(nulls)]
    least, rows = max(PER_CLUSTER, LEAST_SHARE * size), []
    for k in ks:
        seen = _silhouette((sample - means) / scales, k, rng, least=least)
        null = float(np.mean([_silhouette(cloud, k, rng) for cloud in clouds]))
        rows.append((k, seen, null, seen - null, bar))
    return pd.DataFrame(rows, columns=columns)


def _silhouette(points: Floats, k: int, rng: np.random.Generator, *, least: float = 1) -> float:
    """Mean silhouette of k-means; 0 with fewer than k different points, or a cluster under ``least``."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    if len(np.unique(points, axis=0)) <= k:
        return 0.0
    labels = KMeans(k, n_init=3, random_state=int(rng.integers(2**31))).fit_predict(points)
    sizes = np.bincount(labels, minlength=k)
    return float(silhouette_score(points, labels)) if sizes.min() >= least else 0.0
