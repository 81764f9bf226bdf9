"""Do customers gather just above a cut? Counts beside a curve through the counts further away.

R. Chetty, J. Friedman, T. Olsen, L. Pistaferri, Adjustment costs, firm responses, and micro vs. macro labor
supply elasticities, *Quarterly Journal of Economics* 126, 2011: a polynomial is fitted to the bins outside
a window around the cut, and the bins in it are held against the polynomial.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.statistics import LEVEL
from crm_utils.methods.loyalty.local_polynomials import Floats

__all__ = ["Bunching", "bunching"]

FEWEST = 200
"""Observations in the bins looked at: with fewer a curve follows chance."""


@dataclass(frozen=True)
class Bunching:
    """Who gathers at a cut.

    Attributes
    ----------
    bins
        ``starts`` (of the bin), ``observed``, ``expected``, ``low``, ``high`` (of the expected), ``inside``
        (whether it is in the window and was not fitted).
    excess, low, high
        Observations more than expected from the cut to the window's end, with a 95 % interval.
    missing, missing_low, missing_high
        Observations fewer than expected from the window's beginning to the cut.
    expected
        Observations expected from the cut to the window's end.
    """

    bins: pd.DataFrame
    excess: float
    low: float
    high: float
    missing: float
    missing_low: float
    missing_high: float
    expected: float

    @property
    def known(self) -> bool:
        """Whether there were enough."""
        return not math.isnan(self.excess)

    @property
    def seen(self) -> bool:
        """Whether both hold beyond chance: more above the cut than expected, and fewer below it."""
        return self.known and self.low > 0 and self.missing_low > 0


def bunching(
    amounts: Floats,
    cut: float,
    *,
    width: float,
    degree: int = 3,
    window: int = 4,
    around: int = 15,
    clusters: NDArray[np.generic] | None = None,
    seed: int = 0,
    draws: int = 400,
) -> Bunching:
    """Hold the counts around a cut against a curve through the others.

    Parameters
    ----------
    amounts
        An observation each, in the unit of ``cut``.
    cut
        From it on an observation is above; a bin begins there.
    width
        Of a bin.
    degree
        Of the polynomial.
    window
        Bins on either side of the cut that are not fitted.
    around
        Bins on either side that are looked at.
    clusters, seed, draws
        Who an observation belongs to; of the bootstrap, by customers (Poisson weights).

    Returns
    -------
    Bunching
        Missing where there are fewer than two hundred observations.
    """
    place = np.floor((np.asarray(amounts, dtype=float) - cut) / width).astype(np.int64) + around
    inside = (place >= 0) & (place < 2 * around)
    place = place[inside]
    starts = cut + (np.arange(2 * around) - around) * width
    hidden = np.abs(np.arange(2 * around) - around + 0.5) < window
    if len(place) < FEWEST:
        nothing = pd.DataFrame({"starts": starts, "inside": hidden})
        nan = math.nan
        return Bunching(nothing, nan, nan, nan, nan, nan, nan, nan)
    ids = np.arange(len(place)) if clusters is None else np.asarray(clusters)[inside]
    codes = np.unique(ids, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    weights = [np.ones(len(place))] + [
        rng.poisson(1.0, codes.max() + 1)[codes].astype(float) for _draw in range(draws)
    ]
    counts = np.stack([np.bincount(place, each, minlength=2 * around) for each in weights])
    expected = counts @ _smoother(2 * around, hidden, degree)
    more = counts - expected
    above, under = hidden & (starts >= cut), hidden & (starts < cut)
    excess, missing = more[:, above].sum(axis=1), -more[:, under].sum(axis=1)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(expected[1:], ends, axis=0)
    bins = pd.DataFrame({
        "starts": starts, "observed": counts[0], "expected": expected[0], "low": np.minimum(low, expected[0]),
        "high": np.maximum(high, expected[0]), "inside": hidden,
    })  # fmt: skip
    ranges = [_around(each, ends) for each in (excess, missing)]
    return Bunching(bins, *ranges[0], *ranges[1], float(expected[0, above].sum()))


def _around(drawn: Floats, ends: list[float]) -> tuple[float, float, float]:
    """What was seen, and the ends of what was drawn."""
    low, high = np.quantile(drawn[1:], ends)
    value = float(drawn[0])
    return value, float(min(low, value)), float(max(high, value))


def _smoother(bins: int, hidden: NDArray[np.bool_], degree: int) -> Floats:
    """Counts times this are the polynomial through those outside the window."""
    at = np.linspace(-1, 1, bins)
    basis = np.polynomial.legendre.legvander(at, degree)
    fitted = np.zeros((bins, degree + 1))
    fitted[~hidden] = np.linalg.pinv(basis[~hidden]).T
    return np.asarray(fitted @ basis.T)
