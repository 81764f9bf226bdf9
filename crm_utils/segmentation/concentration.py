"""How much of the money comes from how few customers? Gini, the top fifth's share, the Lorenz curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from crm_utils.errors import DataError

__all__ = ["Concentration", "concentration"]

TOP = 0.2
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Concentration:
    """How unevenly revenue is spread over customers.

    Attributes
    ----------
    gini, gini_low, gini_high
        0 when everyone spends the same, near 1 when one spends all; with its 95 % interval.
    top_fifth_share, top_fifth_low, top_fifth_high
        Share of revenue from the fifth of customers who spend most; with its 95 % interval.
    customers, negative
        How many customers, and how many of them returned more than they bought (counted as 0).
    lorenz
        ``customers`` and ``revenue``: cumulative shares, least spenders first, at 101 points.
    """

    gini: float
    gini_low: float
    gini_high: float
    top_fifth_share: float
    top_fifth_low: float
    top_fifth_high: float
    customers: int
    negative: int
    lorenz: pd.DataFrame

    def numbers(self) -> list[dict[str, Any]]:
        """What a run records of it: arguments for ``run.record``."""
        top = {"value": self.top_fifth_share, "low": self.top_fifth_low, "high": self.top_fifth_high}
        return [
            {"name": "gini", "value": self.gini, "low": self.gini_low, "high": self.gini_high},
            {"name": "top_fifth_share", **top, "unit": "share"},
        ]


def concentration(summary: ir.Table) -> Concentration:
    """Measure the concentration of ``revenue`` over the customers of a summary.

    Raises
    ------
    DataError
        When nobody has any revenue.

    Notes
    -----
    G = Σ(2i − n − 1)x₍ᵢ₎ / (n Σx). Its standard error is Davidson's (2009, *Journal of Econometrics* 150, eq.
    19), that of the share comes from its influence function ((x − q)⁺ + pq − Sx) / μ, with q the 80 %
    quantile and p = 0.2; intervals are normal. They take the customers as a sample of those the shop could
    have had; under about 100 customers, or where one of them dominates, they are too short.

    Examples
    --------
    >>> import ibis, pyarrow as pa
    >>> revenue = pa.array(["1.00", "1.00", "1.00", "1.00", "6.00"]).cast(pa.decimal128(38, 2))
    >>> found = concentration(ibis.memtable(pa.table({"customer_id": list("abcde"), "revenue": revenue})))
    >>> round(found.gini, 2), round(found.top_fifth_share, 2)
    (0.4, 0.6)
    """
    zero = ibis.literal(0).cast("decimal(38, 2)")
    clipped = summary.select(cents=(ibis.greatest(summary.revenue, zero) * 100).cast("int64"))
    counts = clipped.group_by("cents").aggregate(n=clipped.count()).order_by("cents").to_pyarrow()
    x = counts["cents"].to_numpy() / 100
    w = counts["n"].to_numpy().astype(float)
    if not len(x) or x[-1] <= 0:
        raise DataError("No customer has any revenue: there is no concentration to measure.")
    negative = int(summary.filter(summary.revenue < zero).count().to_pyarrow().as_py())
    gini, gini_error = _gini(x, w)
    share, share_error = _top_share(x, w)
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    return Concentration(
        gini, max(0.0, gini - z * gini_error), min(1.0, gini + z * gini_error),
        share, max(TOP, share - z * share_error), min(1.0, share + z * share_error),
        int(w.sum()), negative, _lorenz(x, w),
    )  # fmt: skip


def _gini(x: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[float, float]:
    n, total = w.sum(), (w * x).sum()
    before = np.cumsum(w) - w
    gini = float((w * (2 * before + w) * x).sum() / (n * total) - 1)
    z = -(gini + 1) * x + (2 * before - 1) * x / n - 2 / n * (np.cumsum(w * x) - w * x)
    variance = (w * (z - (w * z).sum() / n) ** 2).sum() / total**2
    return gini, float(np.sqrt(variance))


def _top_share(x: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[float, float]:
    n, mean = w.sum(), (w * x).sum() / w.sum()
    rest = np.interp(1 - TOP, np.append(0, np.cumsum(w)) / n, np.append(0, np.cumsum(w * x)) / (n * mean))
    quantile = x[np.searchsorted(np.cumsum(w), (1 - TOP) * n)]
    influence = (np.maximum(x - quantile, 0) + TOP * quantile - (1 - rest) * x) / mean
    return float(1 - rest), float(np.sqrt((w * influence**2).sum()) / n)


def _lorenz(x: NDArray[np.float64], w: NDArray[np.float64]) -> pd.DataFrame:
    at = np.linspace(0, 1, 101)
    customers, revenue = np.append(0, np.cumsum(w)) / w.sum(), np.append(0, np.cumsum(w * x)) / (w * x).sum()
    return pd.DataFrame({"customers": at, "revenue": np.interp(at, customers, revenue)})
