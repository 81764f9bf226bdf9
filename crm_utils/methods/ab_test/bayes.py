"""How likely is an arm the better one? Beta posteriors of two conversion rates, exactly.

Model: each arm's rate has a flat prior, Beta(1, 1), and conversions are binomial; arms are independent. The
chance to win is then P(rate of the treatment > rate of the control), and a risk is the expected loss of
choosing that arm, in share of customers. Other tools model the *relative* lift as normal and print other
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

__all__ = ["Beliefs", "compare_rates"]

_NODES, _WEIGHTS = ((np.polynomial.legendre.leggauss(400)[k] + shift) / 2 for k, shift in ((0, 1), (1, 0)))
"""Gauss-Legendre on (0, 1): the quantiles of one arm over which the other arm is averaged."""


@dataclass(frozen=True)
class Beliefs:
    """What two conversion rates let us believe.

    Attributes
    ----------
    chance_to_win
        Posterior chance that the treatment's rate is the higher one.
    risk_treatment, risk_control
        Expected loss of rate when choosing that arm: E[max(other − it, 0)].
    """

    chance_to_win: float
    risk_treatment: float
    risk_control: float


def compare_rates(control: tuple[int, int], treatment: tuple[int, int]) -> Beliefs:
    """Compare two arms' conversions under flat priors.

    Parameters
    ----------
    control, treatment
        Conversions and customers of each arm.

    Raises
    ------
    ValueError
        There are more conversions than customers, or fewer than none.

    Notes
    -----
    E[F_C(T)] by Gauss-Legendre over the quantiles of T: exact however far apart the arms' sizes are.

    Examples
    --------
    >>> round(compare_rates((49, 100), (51, 100)).chance_to_win, 6)
    0.610771
    """
    for converted, customers in (control, treatment):
        if not 0 <= converted <= customers:
            raise ValueError(f"{converted} conversions of {customers} customers do not add up.")
    one, other = ((1 + converted, 1 + customers - converted) for converted, customers in (control, treatment))
    wins = float(_WEIGHTS @ beta.cdf(beta.ppf(_NODES, *other), *one))
    return Beliefs(wins, _excess(one, beta.ppf(_NODES, *other)), _excess(other, beta.ppf(_NODES, *one)))


def _excess(posterior: tuple[int, int], at: npt.NDArray[np.float64]) -> float:
    """E[max(X − Y, 0)], X from the posterior and Y with these quantiles; E[(X − y)⁺] is known exactly."""
    a, b = posterior
    above = a / (a + b) * beta.sf(at, a + 1, b) - at * beta.sf(at, a, b)
    return float(_WEIGHTS @ above)
