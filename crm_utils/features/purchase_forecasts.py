"""What does a fitted model of repeat purchases expect of customers who are still there? Means and draws.

The closed forms divide two numbers that overflow for frequent buyers, and are not defined at a = 1 or s = 1;
here the mean over the chance of leaving is an integral whose integrand is smooth everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, expit, log_expit

from crm_utils.features.purchase_likelihoods import SHIFT, Rows

__all__ = ["expected_purchases", "future_purchases"]

Floats = NDArray[np.float64]

_NODES = np.linspace(0.0, 1.0, 201)
_FOLDS = 34.0
"""What has fallen by e^-34 is not seen in a sum of doubles."""
_BLOCK = 10_000


def expected_purchases(model: str, params: Floats, rows: Rows, horizon: float) -> Floats:
    """Purchases within a horizon of customers who are still there at its beginning.

    Parameters
    ----------
    model, params
        Of the fit; horizon and times in the unit of α.
    rows
        Counts.
    horizon
        How long.

    Notes
    -----
    NBD: (r + x) t / (α + T). Pareto/NBD: that rate times the expected time there,
    (β + T) (1 − ((β + T) / (β + T + t))^(s − 1)) / (s − 1). BG/NBD and MBG/NBD: the mean of
    (1 − ((α + T) / (α + T + p t))^(r + x)) / p over p ~ Beta(a, b + n), n the purchases after which they
    stayed.
    """
    r, alpha = params[:2]
    shape, since = r + rows.x, alpha + rows.T
    if model == "nbd":
        return np.asarray(shape * horizon / since)
    if model == "pareto_nbd":
        s, beta = params[2:]
        log_ratio = np.log1p(horizon / (beta + rows.T))
        power = (s - 1) * log_ratio
        # (1 − e^−power) / (s − 1), which is the logarithm where s = 1
        there = log_ratio * np.where(power == 0, 1.0, -np.expm1(-power) / np.where(power == 0, 1.0, power))
        return np.asarray(shape / since * (beta + rows.T) * there)
    a, b = params[2:]
    stayed = b + rows.x + SHIFT[model]
    blocks = [slice(i, i + _BLOCK) for i in range(0, len(shape), _BLOCK)]
    parts = [_mean_over_leaving(a, stayed[k], shape[k], horizon / since[k]) for k in blocks]
    return np.concatenate(parts) if parts else np.empty(0)


def _mean_over_leaving(a: float, stayed: Floats, shape: Floats, ratio: Floats) -> Floats:
    """E[(1 − (1 + p·ratio)^−shape) / p] over p ~ Beta(a, stayed).

    With p = expit(y) the trapezoid rule converges exponentially. What the integrand is at p = 0 and p = 1 is
    taken off it and added exactly, because a beta distribution may have nearly all its weight at an end.
    """
    at_0 = shape * ratio
    at_1 = -np.expm1(-shape * np.log1p(ratio))
    mean = a / (a + stayed)
    low_end = np.minimum(np.log(max(a, 1.0) / np.maximum(stayed, 1.0)), -np.log(np.maximum(at_0, 1.0)))
    low = low_end - _FOLDS / (1 + a) - 4
    high = np.log(max(a, 1.0) / np.maximum(stayed, 1.0)) + _FOLDS / (1 + stayed) + 4
    y = low[:, None] + (high - low)[:, None] * _NODES
    p = expit(y)
    log_weight = a * log_expit(y) + stayed[:, None] * log_expit(-y) - betaln(a, stayed)[:, None]
    inside = -np.expm1(-shape[:, None] * np.log1p(p * ratio[:, None]))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = np.where(p > 0, inside / np.where(p > 0, p, 1.0), at_0[:, None])
    rest = value - (1 - p) * at_0[:, None] - p * at_1[:, None]
    total = (np.exp(log_weight) * rest).sum(axis=1) * (high - low) * _NODES[1]
    return np.asarray(at_0 * (1 - mean) + at_1 * mean + total)


def future_purchases(
    model: str, params: Floats, rows: Rows, there: Floats, horizon: float, *, size: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:  # fmt: skip
    """Purchases within a horizon, drawn: first whether the customer is there, then rate and leaving.

    Exact, not by a Markov chain: of those still there λ ~ Gamma(r + x, α + T), p ~ Beta(a, b + n) and
    μ ~ Gamma(s, β + T) are independent. Purchases come as a Poisson process that ends with the first one
    after which the customer leaves, or when μ says so.

    Returns
    -------
    numpy.ndarray
        ``size`` rows, a column a row of counts.
    """
    shape = (size, len(rows.x))
    rate = rng.gamma(params[0] + rows.x, 1 / (params[1] + rows.T), shape)
    is_there = rng.random(shape) < there
    if model == "pareto_nbd":
        leaves = rng.gamma(params[2], 1 / (params[3] + rows.T), shape)
        span = rng.exponential(1.0, shape) / np.maximum(leaves, 1e-300)
        return rng.poisson(rate * np.minimum(span, horizon)) * is_there
    bought = rng.poisson(rate * horizon)
    if model == "nbd":
        return bought * is_there
    chance = rng.beta(params[2], params[3] + rows.x + SHIFT[model], shape)
    # Geometric by inversion: numpy's own overflows for a chance near 0.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        last = np.ceil(np.log1p(-rng.random(shape)) / np.log1p(-np.minimum(chance, 1 - 1e-16)))
    last = np.where(chance < 1e-15, np.inf, np.maximum(last, 1.0))
    return np.minimum(bought, last).astype(np.int64) * is_there
