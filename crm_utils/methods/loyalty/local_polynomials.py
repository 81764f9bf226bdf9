"""How is a curve estimated at the very end of its data? Local polynomials, as weights of the observations.

J. Fan, I. Gijbels, *Local Polynomial Modelling and Its Applications*, 1996: at a boundary their bias is of
the same order as inside. Every estimate here is a weighted sum of outcomes, so that its variance is one
too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "coefficient_weights", "spread_of"]

Floats = NDArray[np.float64]


def coefficient_weights(x: Floats, *, width: float, order: int, which: int) -> Floats:
    """The weights w by which w·y is one coefficient of a local polynomial at 0.

    Parameters
    ----------
    x
        The running variable less the point, on one side of it.
    width
        The bandwidth h: observations further away have no weight, nearer ones 1 − |x| / h (triangular).
    order
        Of the polynomial.
    which
        The coefficient: 0 for the value at 0, 1 for the slope, 2 for half the curvature.

    Returns
    -------
    numpy.ndarray
        A weight an observation; all 0 where fewer different points lie within the width than the polynomial
        has coefficients.

    Examples
    --------
    >>> x = np.linspace(0, 1, 11)
    >>> weights = coefficient_weights(x, width=0.8, order=1, which=1)
    >>> round(float(weights @ (3 + 2 * x)), 9)
    2.0
    """
    kernel = np.maximum(1 - np.abs(x) / width, 0.0)
    near = kernel > 0
    weights = np.zeros(len(x))
    if len(np.unique(x[near])) <= order:
        return weights
    # In units of the width: powers of won would overflow the precision of the normal equations.
    basis = np.vander(x[near] / width, order + 1, increasing=True)
    root = np.sqrt(kernel[near])
    weights[near] = np.linalg.pinv(basis * root[:, None])[which] * root / width**which
    return weights


def spread_of(x: Floats) -> float:
    """A robust standard deviation: the smaller of it and of the interquartile range / 1.349."""
    quarters = np.quantile(x, [0.25, 0.75], method="averaged_inverted_cdf")
    spread = float(np.std(x, ddof=1))
    range_ = float(quarters[1] - quarters[0]) / 1.349
    return min(spread, range_) if range_ > 0 else spread
