"""Do two sides differ among those who are alike in something else? Differences within strata.

The difference within strata is that of Mantel and Haenszel, weighted by n₁n₀/(n₁ + n₀): what a linear model
with a constant for each stratum gives. Strata without both sides say nothing and have no weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z

__all__ = ["Adjusted", "adjusted_difference"]


@dataclass(frozen=True)
class Adjusted:
    """A difference of shares between two sides that are alike in their strata.

    Attributes
    ----------
    value, low, high, p
        With one side less the other; its interval; the p-value of the test that it is 0.
    exposed, others
        Customers on either side.
    overlap
        Share of those exposed who have somebody to be compared with.
    """

    value: float
    low: float
    high: float
    p: float
    exposed: int
    others: int
    overlap: float

    @property
    def known(self) -> bool:
        """Whether it can be told: five customers on both sides, half of the exposed with a counterpart."""
        return not math.isnan(self.value) and self.overlap >= 0.5


def adjusted_difference(
    counts: pd.DataFrame, exposed: pd.Series[bool], strata: Sequence[str], *, level: float = LEVEL
) -> Adjusted:
    """Hold those exposed against others of the same strata.

    Parameters
    ----------
    counts
        A row a cell: ``customers``, ``lapsed`` and the columns of ``strata``.
    exposed
        Which rows are.
    strata
        What both sides have to be alike in.
    level
        Of the interval.

    Returns
    -------
    Adjusted
        Missing where either side has fewer than five customers, or no stratum has both.

    Notes
    -----
    Σ w (p₁ − p₀) / Σ w with w = n₁n₀/(n₁ + n₀); its variance Σ w² (v₁ + v₀) / (Σ w)²,
    v = p(1 − p)/(n − 1) at p = (x + ½)/(n + 1), so that a stratum in which all lapsed is not taken for
    certain. It is causal only where nothing else makes both the exposure and the lapse.
    """
    names = list(strata)
    sides = [
        counts[mask].groupby(names)[["customers", "lapsed"]].sum().astype(float)
        for mask in (exposed, ~exposed)
    ]
    totals = [int(side["customers"].sum()) for side in sides]
    both = sides[0].add_suffix("_1").join(sides[1].add_suffix("_0"), how="inner")
    both = both[(both["customers_1"] > 0) & (both["customers_0"] > 0)]
    overlap = float(both["customers_1"].sum()) / totals[0] if totals[0] else 0.0
    if min(totals) < SMALLEST_GROUP or both.empty:
        return Adjusted(math.nan, math.nan, math.nan, math.nan, totals[0], totals[1], overlap)
    shares, variances = [], []
    for side in ("1", "0"):
        n, x = (both[f"{name}_{side}"].to_numpy() for name in ("customers", "lapsed"))
        smooth = (x + 0.5) / (n + 1)
        shares.append(x / n)
        variances.append(smooth * (1 - smooth) / np.maximum(n - 1, 1))
    n1, n0 = both["customers_1"].to_numpy(), both["customers_0"].to_numpy()
    weight = n1 * n0 / (n1 + n0)
    value = float(np.average(shares[0] - shares[1], weights=weight))
    error = float(np.sqrt((weight**2 * (variances[0] + variances[1])).sum()) / weight.sum())
    reach = z(level) * error
    p = 2 * float(norm.sf(abs(value) / error))
    ends = max(value - reach, -1.0), min(value + reach, 1.0)
    return Adjusted(value, *ends, p, totals[0], totals[1], overlap)
