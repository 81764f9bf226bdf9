"""How much of the money comes from how few customers? Gini, the top fifth's share, the Lorenz curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, Number, z

__all__ = ["Concentration", "concentration"]

TOP = 0.2
RESAMPLES = 400
_KEPT, _BINS = 2000, 2000
"""In resamples the highest spenders are kept one by one, and the others in so many cells."""

Floats = NDArray[np.float64]
Estimate = tuple[float, float]


@dataclass(frozen=True)
class Concentration:
    """How unevenly revenue is spread over customers.

    Attributes
    ----------
    gini, gini_low, gini_high
        0 when everyone spends the same, near 1 when one spends all; with its 95 % interval. None where nobody
        has any revenue, or where a fifth of the customers would be fewer than five people.
    top_fifth_share, top_fifth_low, top_fifth_high
        Share of revenue from the fifth of customers who spend most; with its 95 % interval; None as above.
    customers, negative
        How many customers, and how many of them returned more than they bought (counted as 0).
    lorenz
        ``customers`` and ``revenue``: cumulative shares, least spenders first, at up to 101 points with five
        customers or more between them; no row where the others are None.
    """

    gini: float | None
    gini_low: float | None
    gini_high: float | None
    top_fifth_share: float | None
    top_fifth_low: float | None
    top_fifth_high: float | None
    customers: int
    negative: int
    lorenz: pd.DataFrame

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        return [
            Number("gini", self.gini, "", self.gini_low, self.gini_high),
            Number("top_fifth_share", self.top_fifth_share, "share", self.top_fifth_low, self.top_fifth_high),
        ]


def concentration(summary: ir.Table, *, seed: int = 0, resamples: int = RESAMPLES) -> Concentration:
    """Measure the concentration of ``revenue`` over the customers of a summary.

    Parameters
    ----------
    summary
        A row a customer with ``revenue``; below 0 counts as 0.
    seed, resamples
        Of the bootstrap behind the intervals.

    Notes
    -----
    G = Σ(2i − n − 1)x₍ᵢ₎ / (n Σx). Its standard error is Davidson's (2009, *Journal of Econometrics* 150, eq.
    19), that of the share comes from its influence function ((x − q)⁺ + pq − Sx) / μ, with q the 80 %
    quantile and p = 0.2. Intervals are bootstrap-t (Efron and Tibshirani, *An Introduction to the Bootstrap*,
    1993, ch. 12): quantiles of (resampled − estimate) / its standard error in place of the normal ones, which
    corrects bias and skewness of the estimate together. For lognormal spend with σ = 1.5 normal intervals of
    the Gini index cover 84 % of the time with 300 customers and 92 % with 1,000; these cover 89 and 95 %.
    They take the customers as a sample of those the shop could have had.

    Examples
    --------
    >>> import ibis, pyarrow as pa
    >>> revenue = pa.array((["1.00"] * 4 + ["6.00"]) * 10).cast(pa.decimal128(38, 2))
    >>> spread = concentration(ibis.memtable(pa.table({"revenue": revenue})))
    >>> round(spread.gini, 2), round(spread.top_fifth_share, 2)
    (0.4, 0.6)
    """
    zero = ibis.literal(0).cast("decimal(38, 2)")
    clipped = summary.select(cents=(ibis.greatest(summary.revenue, zero) * 100).cast("int64"))
    counts = clipped.group_by("cents").aggregate(n=clipped.count()).order_by("cents").to_pyarrow()
    x = counts["cents"].to_numpy() / 100
    w = counts["n"].to_numpy().astype(float)
    customers = int(w.sum())
    negative = int(summary.filter(summary.revenue < zero).count().to_pyarrow().as_py())
    if TOP * customers < SMALLEST_GROUP or x[-1] <= 0:
        nothing = pd.DataFrame({"customers": [], "revenue": []}, dtype=float)
        return Concentration(None, None, None, None, None, None, customers, negative, nothing)
    rng = np.random.default_rng(seed)
    draws = list(_resamples(x, w, resamples, rng))
    gini, gini_low, gini_high = _interval(_gini, x, w, draws)
    share, share_low, share_high = _interval(_top_share, x, w, draws)
    return Concentration(
        gini, max(0.0, gini_low), min(1.0, gini_high), share, max(min(TOP, share), share_low),
        min(1.0, share_high), customers, negative, _lorenz(x, w),
    )  # fmt: skip


def _resamples(x: Floats, w: Floats, resamples: int, rng: np.random.Generator) -> list[tuple[Floats, Floats]]:
    """The data that are resampled, in at most 4,000 cells, and draws of their weights."""
    low = max(len(x) - _KEPT, 0)
    cell = (np.cumsum(w[:low]) - w[:low] / 2) // max(w[:low].sum() / _BINS, 1e-9) if low else np.array([])
    _, at = np.unique(cell, return_inverse=True)
    weight = np.bincount(at, weights=w[:low]) if low else np.array([])
    money = np.bincount(at, weights=w[:low] * x[:low]) if low else np.array([])
    value = np.append(money / weight if low else money, x[low:])
    weight = np.append(weight, w[low:])
    n = int(weight.sum())
    draws = rng.multinomial(n, weight / weight.sum(), size=resamples).astype(float)
    return [(value, weight), *((value, drawn) for drawn in draws)]


def _interval(
    measure: Callable[[Floats, Floats], Estimate], x: Floats, w: Floats, draws: list[tuple[Floats, Floats]]
) -> tuple[float, float, float]:
    """An estimate with the ends of its bootstrap-t interval; normal ones where too few resamples vary."""
    estimate, error = measure(x, w)
    centre = measure(*draws[0])[0]
    again = np.array([measure(*drawn) for drawn in draws[1:]]).reshape(-1, 2)
    varied = again[again[:, 1] > 0]
    if error == 0 or 2 * len(varied) <= len(again):
        return estimate, estimate - z() * error, estimate + z() * error
    t = (varied[:, 0] - centre) / varied[:, 1]
    least, most = np.quantile(t, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return estimate, float(estimate - max(most, 0) * error), float(estimate - min(least, 0) * error)


def _gini(x: Floats, w: Floats) -> Estimate:
    n, total = w.sum(), (w * x).sum()
    if total <= 0:
        return 0.0, 0.0
    before = np.cumsum(w) - w
    gini = float((w * (2 * before + w) * x).sum() / (n * total) - 1)
    z_i = -(gini + 1) * x + (2 * before - 1) * x / n - 2 / n * (np.cumsum(w * x) - w * x)
    variance = (w * (z_i - (w * z_i).sum() / n) ** 2).sum() / total**2
    return gini, float(np.sqrt(variance))


def _top_share(x: Floats, w: Floats) -> Estimate:
    n, mean = w.sum(), (w * x).sum() / w.sum()
    if mean <= 0:
        return 0.0, 0.0
    rest = np.interp(1 - TOP, np.append(0, np.cumsum(w)) / n, np.append(0, np.cumsum(w * x)) / (n * mean))
    quantile = x[np.searchsorted(np.cumsum(w), (1 - TOP) * n)]
    influence = (np.maximum(x - quantile, 0) + TOP * quantile - (1 - rest) * x) / mean
    return float(1 - rest), float(np.sqrt((w * influence**2).sum()) / n)


def _lorenz(x: Floats, w: Floats) -> pd.DataFrame:
    at = np.linspace(0, 1, min(101, int(w.sum()) // SMALLEST_GROUP + 1))
    customers, revenue = np.append(0, np.cumsum(w)) / w.sum(), np.append(0, np.cumsum(w * x)) / (w * x).sum()
    return pd.DataFrame({"customers": at, "revenue": np.interp(at, customers, revenue)})
