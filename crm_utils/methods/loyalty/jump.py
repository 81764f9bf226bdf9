"""Does an outcome jump at a cut? A regression discontinuity with intervals that know their bias.

S. Calonico, M. D. Cattaneo, R. Titiunik, Robust nonparametric confidence intervals for
regression-discontinuity designs, *Econometrica* 82, 2014: a local line on both sides, its bias estimated by
a local parabola and taken off, and the noise of that estimate in the standard error. The bandwidth makes
the mean squared error of the jump smallest (S. Calonico, M. D. Cattaneo, M. H. Farrell, *Econometrics
Journal* 23, 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from crm_utils.features.statistics import z
from crm_utils.methods.loyalty.local_polynomials import Floats, coefficient_weights, spread_of

__all__ = ["FEWEST", "Jump", "jump"]

FEWEST = 30
"""Observations within the bandwidth on either side: with fewer the interval breaks its promise."""
_NEIGHBOURS = 3
_RUNNING_POINTS = 10  # different values on either side: with fewer there is no curve to follow


@dataclass(frozen=True)
class Jump:
    """A jump at a cut.

    Attributes
    ----------
    effect
        Height of the jump by the two lines, in the outcome's unit.
    low, high, p
        The robust 95 % interval around the jump less its bias, and the p-value that there is none. The effect
        need not be its middle.
    width, bias_width
        Bandwidths of the lines and of the parabolas, in the running variable's unit.
    left, right
        Observations within the bandwidth below and from the cut.
    """

    effect: float
    low: float
    high: float
    p: float
    width: float
    bias_width: float
    left: int
    right: int

    @property
    def known(self) -> bool:
        """Whether there was enough on both sides to say anything."""
        return not math.isnan(self.effect)


def jump(
    running: Floats,
    outcome: Floats,
    cut: float,
    *,
    clusters: NDArray[np.generic] | None = None,
    width: float | None = None,
    bias_width: float | None = None,
) -> Jump:
    """Estimate the jump of an outcome where the running variable reaches a cut.

    Parameters
    ----------
    running, outcome
        An observation each; from the cut on it is treated.
    cut
        The cut.
    clusters
        Who an observation belongs to, where some have several; each customer by itself when left out.
    width, bias_width
        Bandwidths; chosen by mean squared error when left out.

    Returns
    -------
    Jump
        All missing where fewer than :data:`FEWEST` observations, or too few different values, lie within
        reach on either side.

    Notes ----- With weights l of the line at h and b₂ of the parabola's curvature at b, the jump of a side
    less its bias is (l − (l·x²) b₂)·y; its variance Σ w² s². s² comes from the three nearest neighbours on
    the same side (A. Abadie, G. Imbens, *Econometrica* 74, 2006) or, with clusters, from the parabolas'
    residuals summed by cluster. It tells of customers near the cut and of nobody else, and of nothing where
    they choose their side.
    """
    x, y = np.asarray(running, dtype=float) - cut, np.asarray(outcome, dtype=float)
    sides = [_Side(x[mask], y[mask]) for mask in (x < 0, x >= 0)]
    if any(len(np.unique(side.x)) < _RUNNING_POINTS or len(side.x) < FEWEST for side in sides):
        return _nothing(sides)
    if width is None or bias_width is None:
        chosen = _widths(sides, spread_of(x))
        width, bias_width = width or chosen[0], bias_width or chosen[1]
    counts = [int((np.abs(side.x) < width).sum()) for side in sides]
    if min(counts) < FEWEST:
        return _nothing(sides)
    plain = [coefficient_weights(side.x, width=width, order=1, which=0) for side in sides]
    robust = [
        line - float(line @ side.x**2) * coefficient_weights(side.x, width=bias_width, order=2, which=2)
        for line, side in zip(plain, sides, strict=True)
    ]
    left, right = (float(w @ side.y) for w, side in zip(plain, sides, strict=True))
    low_bias, high_bias = (float(w @ side.y) for w, side in zip(robust, sides, strict=True))
    if clusters is None:
        variance = sum(float(w**2 @ side.noise) for w, side in zip(robust, sides, strict=True))
    else:
        variance = _clustered(robust, sides, np.asarray(clusters), x, bias_width)
    error, middle = math.sqrt(variance), high_bias - low_bias
    p = 2 * float(norm.sf(abs(middle) / error)) if error > 0 else 1.0
    effect, reach = right - left, z() * error
    return Jump(effect, middle - reach, middle + reach, p, width, bias_width, counts[0], counts[1])


class _Side:
    """One side of the cut in the order of the running variable, with each outcome's noise."""

    def __init__(self, x: Floats, y: Floats) -> None:
        self.order = np.argsort(x, kind="stable")
        self.x, self.y = x[self.order], y[self.order]
        self.noise = _noise(self.x, self.y) if len(x) > _NEIGHBOURS else np.zeros(len(x))


def _noise(x: Floats, y: Floats) -> Floats:
    """J/(J+1) (y − mean of the J nearest)²: unbiased for the variance of y given x, up to its slope."""
    n, k = len(x), _NEIGHBOURS
    offsets = np.array([d for d in range(-k, k + 1) if d])
    at = np.arange(n)[:, None] + offsets
    inside = (at >= 0) & (at < n)
    at = np.clip(at, 0, n - 1)
    distance = np.where(inside, np.abs(x[at] - x[:, None]), np.inf)
    nearest = np.take_along_axis(at, np.argsort(distance, axis=1, kind="stable")[:, :k], axis=1)
    return np.asarray(k / (k + 1) * (y - y[nearest].mean(axis=1)) ** 2)


def _clustered(
    weights: list[Floats], sides: list[_Side], clusters: NDArray[np.generic], x: Floats, bias_width: float
) -> float:
    """The squares of what each cluster adds; residuals are those of the parabolas that the bias came from."""
    _names, codes = np.unique(clusters, return_inverse=True)
    total = np.zeros(len(_names))
    for sign, mask, w, side in zip((-1, 1), (x < 0, x >= 0), weights, sides, strict=True):
        fitted = sum(
            float(coefficient_weights(side.x, width=bias_width, order=2, which=k) @ side.y) * side.x**k
            for k in range(3)
        )
        np.add.at(total, codes[mask][side.order], sign * w * (side.y - fitted))
    touched = int((total != 0).sum())
    return float(total @ total) * touched / max(touched - 1, 1)


def _widths(sides: list[_Side], spread: float) -> tuple[float, float]:
    """Bandwidths of the line and of the parabola: three steps, each with a pilot chosen by the one before."""
    n = sum(len(side.x) for side in sides)
    pilot = 2.576 * spread * n ** (-1 / 5)
    ranges = [float(np.abs(side.x).max()) for side in sides]
    far = _best_width(sides, order=3, which=3, pilot=pilot, bias_widths=ranges, penalty=0.0)
    bias = _best_width(sides, order=2, which=2, pilot=pilot, bias_widths=[far, far], penalty=1.0)
    line = _best_width(sides, order=1, which=0, pilot=pilot, bias_widths=[bias, bias], penalty=1.0)
    return line, bias


def _best_width(
    sides: list[_Side], *, order: int, which: int, pilot: float, bias_widths: list[float], penalty: float
) -> float:
    """Where squared bias and variance of the difference of a coefficient are together smallest.

    h = ((2ν + 1) V / (2 (p + 1 − ν) (B² + R)))^(1 / (2p + 3)); R, the variance of B, keeps a bias that
    happens to come out near 0 from opening the window wide.
    """
    variance = bias = noise = 0.0
    for sign, side, bias_width in zip((-1, 1), sides, bias_widths, strict=True):
        w = coefficient_weights(side.x, width=pilot, order=order, which=which)
        variance += float(w**2 @ side.noise) * pilot ** (2 * which + 1)
        constant = float(w @ side.x ** (order + 1)) / pilot ** (order + 1 - which)
        next_one = coefficient_weights(side.x, width=bias_width, order=order + 1, which=order + 1)
        bias += sign * constant * float(next_one @ side.y)
        noise += 3 * constant**2 * float(next_one**2 @ side.noise)
    base = 2 * (order + 1 - which) * (bias**2 + penalty * noise)
    widest = max(float(np.abs(side.x).max()) for side in sides)
    if base <= 0 or variance <= 0:
        return widest
    best = ((2 * which + 1) * variance / base) ** (1 / (2 * order + 3))
    return float(min(best, widest))


def _nothing(sides: list[_Side]) -> Jump:
    nan = math.nan
    return Jump(nan, nan, nan, nan, nan, nan, len(sides[0].x), len(sides[1].x))
