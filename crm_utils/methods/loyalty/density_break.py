"""Do customers choose their side of a cut? A test that their density is continuous there.

M. D. Cattaneo, M. Jansson, X. Ma, Simple local polynomial density estimators, *Journal of the American
Statistical Association* 115, 2020: the slope of a local polynomial through the empirical distribution, on
both sides of the cut, without bins. Where it breaks, customers next to the cut are not alike, and a
discontinuity there shows who aimed at it, not what the cut does (J. McCrary, *Journal of Econometrics* 142,
2008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from crm_utils.features.statistics import LEVEL
from crm_utils.methods.loyalty.local_polynomials import Floats, coefficient_weights, spread_of

__all__ = ["DensityBreak", "density_break"]

FEWEST = 50
"""Observations within the bandwidth on either side: with fewer a break would not be seen."""
_ORDER, _TEST_ORDER = 2, 3


@dataclass(frozen=True)
class DensityBreak:
    """The density on both sides of a cut.

    Attributes
    ----------
    left, right
        Density just below and from the cut, share of observations a unit of the running variable.
    t, p
        Their difference in standard errors; the p-value that there is none.
    width_left, width_right
        Bandwidths.
    near_left, near_right
        Observations within them.
    """

    left: float
    right: float
    t: float
    p: float
    width_left: float
    width_right: float
    near_left: int
    near_right: int

    @property
    def known(self) -> bool:
        """Whether there was enough on both sides to say anything."""
        return not math.isnan(self.p)

    @property
    def breaks(self) -> bool:
        """Whether the density is shown to break: no effect can be told here."""
        return self.known and self.p < 1 - LEVEL


def density_break(
    running: Floats,
    cut: float,
    *,
    clusters: NDArray[np.generic] | None = None,
    widths: tuple[float, float] | None = None,
) -> DensityBreak:
    """Test whether the density of a running variable breaks at a cut.

    Parameters
    ----------
    running
        An observation each.
    cut
        The cut; from it on an observation is on the right.
    clusters
        Who an observation belongs to, where some have several.
    widths
        Bandwidths on the left and on the right; chosen by mean squared error for a polynomial of order 2
        when left out.

    Returns
    -------
    DensityBreak
        Missing where fewer than fifty observations lie within reach on either side.

    Notes
    -----
    The slope is Σ w_j F(x_j), with F the share of all observations up to x_j and w the weights of a local
    cubic, one order above the bandwidth's, which takes its bias off. It is the mean over observations i of
    Σ_{x_j ≥ x_i} w_j, and its variance that of this mean: the first term of the jackknife.
    """
    x = np.asarray(running, dtype=float) - cut
    order = np.argsort(x, kind="stable")
    x = x[order]
    masks = x < 0, x >= 0
    counts = [int(mask.sum()) for mask in masks]
    if min(counts) < FEWEST or min(len(np.unique(x[mask])) for mask in masks) < FEWEST:
        return _nothing(counts)
    both = widths or tuple(_width(x, mask) for mask in masks)
    near = [int((np.abs(x[mask]) < width).sum()) for mask, width in zip(masks, both, strict=True)]
    if min(near) < FEWEST:
        return _nothing(near)
    parts = [_parts(x, mask, width, order=_TEST_ORDER) for mask, width in zip(masks, both, strict=True)]
    left, right = (float(part.mean()) for part in parts)
    codes = None if clusters is None else np.unique(np.asarray(clusters)[order], return_inverse=True)[1]
    error = _error_of_mean(parts[1] - parts[0], codes)
    t = (right - left) / error if error > 0 else 0.0
    return DensityBreak(left, right, t, 2 * float(norm.sf(abs(t))), both[0], both[1], near[0], near[1])


def _parts(x: Floats, mask: NDArray[np.bool_], width: float, *, order: int) -> Floats:
    """What each observation adds to the slope; x is in its order."""
    weights = np.zeros(len(x))
    weights[mask] = coefficient_weights(x[mask], width=width, order=order, which=1)
    after = np.cumsum(weights[::-1])[::-1]
    return np.asarray(after[np.searchsorted(x, x, side="left")])  # from the first of equal values on


def _error_of_mean(parts: Floats, codes: NDArray[np.intp] | None) -> float:
    rest = parts - parts.mean()
    if codes is not None:
        rest = np.bincount(codes, weights=rest)
    groups = len(rest)
    return math.sqrt(float(rest @ rest) * groups / max(groups - 1, 1)) / len(parts)


def _width(x: Floats, mask: NDArray[np.bool_]) -> float:
    """Where squared bias and variance of one side's density are together smallest; two steps.

    h = (V / (2p B²))^(1 / (2p + 1)) for order p = 2; the third derivative behind B comes from a local cubic
    in a pilot window, and its own variance stands in the denominator beside B².
    """
    own = np.abs(x[mask])
    widest = float(own.max())
    pilot = min(2.576 * spread_of(x) * len(x) ** (-1 / 7), widest)
    pilot = max(pilot, float(np.sort(own)[FEWEST - 1]) * 1.01)
    first = _parts(x, mask, pilot, order=_ORDER)
    variance = _error_of_mean(first, None) ** 2 * pilot
    weights = coefficient_weights(x[mask], width=pilot, order=_ORDER, which=1)
    constant = float(weights @ x[mask] ** (_ORDER + 1)) / pilot**_ORDER
    third, third_error = _third(x, mask, pilot)
    base = 2 * _ORDER * constant**2 * (third**2 + 3 * third_error**2)
    best = (variance / base) ** (1 / (2 * _ORDER + 1)) if base > 0 else widest
    return float(min(max(best, np.sort(own)[FEWEST - 1] * 1.01), widest))


def _third(x: Floats, mask: NDArray[np.bool_], width: float) -> tuple[float, float]:
    weights = np.zeros(len(x))
    weights[mask] = coefficient_weights(x[mask], width=width, order=_ORDER + 1, which=_ORDER + 1)
    after = np.cumsum(weights[::-1])[::-1][np.searchsorted(x, x, side="left")]
    return float(after.mean()), _error_of_mean(after, None)


def _nothing(near: list[int]) -> DensityBreak:
    nan = math.nan
    return DensityBreak(nan, nan, nan, nan, nan, nan, near[0], near[1])
