"""What is a customer's order worth on average, seen only a few of them? Gamma-Gamma, or the own mean shrunk.

An order's value is Gamma(p, ν) and ν ~ Gamma(q, γ) of the customer, independent of how often they buy
(P. Fader, B. Hardie, *The Gamma-Gamma Model of Monetary Value*, note 025, 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, psi
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from crm_utils.errors import DataError

__all__ = ["OrderValue", "ShrunkMean", "fit_shrunk_mean", "fit_value"]

Floats = NDArray[np.float64]

_LOW, _HIGH = np.array([-4.0, -3.0]), np.array([9.0, 7.0])
"""Bounds of log p and log (q − 1): beyond them an order tells everything of a customer, or nothing."""
_STARTS = ((1.0, 1.0), (0.0, 0.0), (2.0, 2.0), (1.5, -1.0))


@dataclass(frozen=True)
class OrderValue:
    """Fitted values of orders.

    Attributes
    ----------
    p, q, v
        Gamma-Gamma; v (γ in the source) in money. q is above 1, so that there is a mean.
    mean
        The expected value of an order of a customer of whom nothing is known, money.
    log_likelihood, customers
        Of the fit, and customers that it was made of.
    converged
        Whether the search ended well.
    """

    p: float
    q: float
    v: float
    mean: float
    log_likelihood: float
    customers: int
    converged: bool

    def expected(self, value: Floats, n: Floats) -> Floats:
        """The mean value of a customer's orders to come, given the mean of the n seen; n = 0: of anybody."""
        seen = np.where(n > 0, value, 0.0)
        return np.asarray(self.p * (self.v + n * seen) / (self.p * n + self.q - 1))

    def draw_totals(self, orders: NDArray[np.int64], value: Floats, n: Floats, *, seed: int) -> Floats:
        """Totals of so many orders to come, drawn from each customer's exact posterior.

        Parameters
        ----------
        orders
            Draws in rows, customers in columns: how many orders.
        value, n
            Mean and number of the orders seen, of each customer.
        seed
            Of the draw.
        """
        rng = np.random.default_rng(seed)
        seen = np.where(n > 0, value, 0.0)
        rate = rng.gamma(self.q + self.p * n, 1.0, orders.shape) / (self.v + n * seen)
        drawn = rng.gamma(np.maximum(self.p * orders, 1e-12), 1.0) / rate
        return np.where(orders > 0, drawn, 0.0)


@dataclass(frozen=True)
class ShrunkMean:
    """The rival without a distribution: the own mean of n orders, drawn towards everyone's.

    Attributes
    ----------
    own_weight
        Orders after which the own mean counts as much as everyone's (H. Bühlmann, E. Straub, *Bulletin of
        the Swiss Association of Actuaries* 70, 1970); infinite where customers do not differ.
    mean
        Of everyone, money.
    """

    own_weight: float
    mean: float

    def expected(self, value: Floats, n: Floats) -> Floats:
        """The mean value of a customer's orders to come, given the mean of the n seen."""
        own = n / (n + self.own_weight) if np.isfinite(self.own_weight) else np.zeros(len(n))
        return np.asarray(own * np.where(n > 0, value, 0.0) + (1 - own) * self.mean)


def fit_shrunk_mean(value: Floats, n: Floats, squares: Floats) -> ShrunkMean:
    """How far a customer's own mean is to be trusted: by variances within and between customers.

    Parameters
    ----------
    value, n
        Mean and number of each customer's orders.
    squares
        Sum of their squares.

    Examples
    --------
    >>> two = np.array([2.0, 2.0])
    >>> round(fit_shrunk_mean(np.array([10.0, 30.0]), two, np.array([202.0, 1802.0])).own_weight, 3)
    0.01
    """
    kept = n > 0
    mean, orders, square = value[kept], n[kept].astype(float), squares[kept]
    plain, total = float(np.average(mean, weights=orders)), orders.sum()
    repeats = total - len(orders)
    within = float(np.maximum(square - orders * mean**2, 0).sum() / repeats) if repeats > 0 else np.inf
    spread = float(orders @ (mean - plain) ** 2) - (len(orders) - 1) * within
    between = spread / (total - float(orders @ orders) / total) if len(orders) > 1 else 0.0
    # Everyone's mean is that of a customer, not of an order: frequent buyers would decide it alone.
    weight = within / between if between > 0 else np.inf
    of_all = float(np.average(mean, weights=orders / (orders + weight))) if np.isfinite(weight) else plain
    return ShrunkMean(float(weight), of_all)


def fit_value(value: Floats, n: Floats) -> OrderValue:
    """Fit the value of an order by maximum likelihood.

    Parameters
    ----------
    value
        Mean value of each customer's orders, money; customers whose mean is not positive are left out.
    n
        How many orders the mean is of, at least 1.

    Raises
    ------
    DataError
        No customer has a positive mean.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> n = np.full(3000, 2.0)
    >>> nu = rng.gamma(4.0, 1 / 30.0, 3000)
    >>> fit = fit_value(rng.gamma(6.0 * n, 1 / (nu * n)), n)
    >>> fit.converged, abs(fit.mean - 60) < 5
    (True, True)
    """
    kept = (n > 0) & (value > 0) & np.isfinite(value)
    mean, orders = np.asarray(value, dtype=float)[kept], np.asarray(n, dtype=float)[kept]
    if not len(mean):
        raise DataError("No customer's orders have a positive value: there is no order value to learn.")
    scale = float(mean.mean())
    ended = [_climb(mean / scale, orders, np.array(start)) for start in _STARTS]
    best, top, flat = max(ended, key=lambda end: end[1])
    p, q, v = best
    v *= scale
    return OrderValue(
        p=float(p), q=float(q), v=float(v), mean=float(p * v / (q - 1)),
        log_likelihood=float(top - len(mean) * np.log(scale)), customers=len(mean), converged=flat,
    )  # fmt: skip


def _climb(z: Floats, n: Floats, start: Floats) -> tuple[tuple[float, float, float], float, bool]:
    """The best p, q and γ from a start. γ is searched as the mean order value, which is told best."""

    def loss(theta: Floats) -> tuple[float, Floats]:
        p, over = np.exp(theta[:2])
        q, v = 1 + over, np.exp(theta[2]) * over / p
        whole = np.log(v + n * z)
        value = gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(v) + (p * n - 1) * np.log(z)
        value += p * n * np.log(n) - (p * n + q) * whole
        d_p = n * (psi(p * n + q) - psi(p * n) + np.log(z) + np.log(n) - whole)
        d_q = psi(p * n + q) - psi(q) + np.log(v) - whole
        d_v = q / v - (p * n + q) / (v + n * z)
        slope = [(d_p * p - d_v * v).mean(), (d_q * over + d_v * v).mean(), (d_v * v).mean()]
        return -float(value.mean()), -np.array(slope)

    low, high = np.append(_LOW, -6.0), np.append(_HIGH, 6.0)
    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9}
    with threadpool_limits(limits=1):
        end = minimize(
            loss, np.append(start, 0.0), jac=True, method="L-BFGS-B", options=options,
            bounds=list(zip(low, high, strict=True)),
        )  # fmt: skip
    slope = loss(end.x)[1]
    held = ((end.x <= low + 1e-9) & (slope > 0)) | ((end.x >= high - 1e-9) & (slope < 0))
    p, over = np.exp(end.x[:2])
    params = (p, 1 + over, float(np.exp(end.x[2])) * over / p)
    return params, float(-end.fun * len(z)), bool(np.abs(np.where(held, 0.0, slope)).max() < 1e-5)
