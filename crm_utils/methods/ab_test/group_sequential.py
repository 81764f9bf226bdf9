"""Where may a test stop at its planned looks? Bounds for z that keep the error rate over all looks.

Computed by recursive numerical integration (Armitage, McPherson and Rowe 1969; Jennison and Turnbull 2000,
chapter 19) with the spending functions of Lan and DeMets (1983).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import norm

__all__ = ["crossing_chances", "spending_bounds"]

Floats = npt.NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(401)
_FAR = 8.5
"""A bound further out is as good as none: its chance is below 1e-16."""


def spending_bounds(
    fractions: Sequence[float],
    *,
    information: Sequence[float] | None = None,
    alpha: float = 0.05,
    spending: Literal["obrien_fleming", "pocock"] = "obrien_fleming",
    each_side: bool = True,
) -> Floats:
    """Two-sided Lan-DeMets bounds for looks at shares of the planned information.

    Parameters
    ----------
    fractions
        Information at each look over that of the last planned one: rising, above 0, the last at most 1. By
        them the error rate is spent.
    information
        The information that there was at each look, in any unit, where the last look came with more or less
        than planned: how much looks have in common follows this and not the plan (Lan and DeMets 1989).
    alpha
        Two-sided error rate over all looks.
    spending
        ``obrien_fleming`` spends little early; ``pocock`` about the same at every look.
    each_side
        How O'Brien-Fleming's function spends. True, our form: each side spends 2 − 2Φ(z(α/4) / √t), which
        reaches α/2 at t = 1 (as gsDesign and rpact do). False, the textbook form: both sides
        together spend 2 − 2Φ(z(α/2) / √t). Pocock's function, α log(1 + (e − 1)t), is the same either way.

    Returns
    -------
    numpy.ndarray
        For each look the bound on |z|: beyond it the test may stop.

    Raises
    ------
    ValueError
        The fractions do not rise from above 0 to at most 1, or the information does not rise.

    Examples
    --------
    >>> spending_bounds([0.2, 0.4, 0.6, 0.8, 1.0]).round(3)
    array([4.877, 3.357, 2.68 , 2.29 , 2.031])
    """
    t = _rising(fractions)
    if t[-1] > 1 + 1e-12:
        raise ValueError(
            f"The last look is at {t[-1]:.3f} of the planned information; at most 1 is possible."
        )
    if spending == "pocock":
        spent = alpha * np.log1p((math.e - 1) * t)
    elif each_side:
        spent = 2 * (2 - 2 * norm.cdf(norm.ppf(1 - alpha / 4) / np.sqrt(t)))
    else:
        spent = 2 - 2 * norm.cdf(norm.ppf(1 - alpha / 2) / np.sqrt(t))
    known = t if information is None else _rising(information) / information[-1]
    bounds: list[float] = []
    for now in np.diff(spent, prepend=0.0):
        chances = _Exit(known[: len(bounds) + 1], bounds)
        bounds.append(
            float(brentq(lambda c, e=chances, a=now: e.chance(c) - a, 0.0, _FAR, xtol=1e-10))
            if now > 2 * norm.sf(_FAR)
            else math.inf
        )
    return np.array(bounds)


def crossing_chances(fractions: Sequence[float], bounds: Sequence[float]) -> Floats:
    """The chance that |z| is first beyond its bound at each look, when there is no effect.

    Examples
    --------
    >>> crossing_chances([1.0], [1.959964]).round(4)
    array([0.05])
    """
    t = _rising(fractions)
    return np.array([_Exit(t[: k + 1], bounds[:k]).chance(bounds[k]) for k in range(len(t))])


def _rising(fractions: Sequence[float]) -> Floats:
    t = np.asarray(fractions, dtype=float)
    if not len(t) or t[0] <= 0 or (np.diff(t) <= 0).any():
        raise ValueError(f"Looks are at rising shares of information, above 0; these are {list(fractions)}.")
    return t


class _Exit:
    """The density of the walk √t·z on those paths that no earlier look stopped, ready for the next look."""

    def __init__(self, t: Floats, bounds: Sequence[float]) -> None:
        self.t, self.now = t, t[-1]
        self.at, self.weight = np.zeros(1), np.ones(1)
        earlier = 0.0
        for when, bound in zip(t[:-1], bounds, strict=True):
            edge = min(bound, _FAR) * math.sqrt(when)
            at = _NODES * edge
            density = norm.pdf(at[:, None], self.at[None, :], math.sqrt(when - earlier)) @ self.weight
            self.at, self.weight, earlier = at, density * _WEIGHTS * edge, when
        self.step = math.sqrt(self.now - earlier)

    def chance(self, bound: float) -> float:
        """The chance to be first beyond ``bound`` at this look, on either side."""
        edge = bound * math.sqrt(self.now)
        beyond = norm.sf((edge - self.at) / self.step) + norm.cdf((-edge - self.at) / self.step)
        return float(beyond @ self.weight)
