"""Where is the likelihood of a model of purchases highest? A search from several starts, by exact gradients.

The best of all ends is taken, and what every model contains, that nobody leaves, is one of the starts: so no
fit is worse than NBD. Time is scaled to a mean T of 1, so that the search is the same in days and in weeks.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from crm_utils.features.purchase_likelihoods import Rows, beta_gradient, pareto_parts

__all__ = ["errors_at", "moments", "params_at", "search", "starts"]

Floats = NDArray[np.float64]

_MANY_ROWS, _ENOUGH_ROWS = 4_000, 40_000
"""Starts are compared on about so many rows, and the best of them is finished on all; and curvature, which
gives standard errors, is measured on about so many: within one per cent."""
# In (log r, log(α / r), then logit of a / (a + b) and log(a + b), or log s and log(β / s)); time is scaled
# to a mean T of 1. Outside them a likelihood no longer changes: one rate for all, or nobody leaves.
_BOUNDS = {
    "nbd": [(-7.0, 6.0), (-12.0, 12.0)],
    "beta": [(-7.0, 6.0), (-12.0, 12.0), (-14.0, 5.0), (-5.0, 7.0)],
    "pareto": [(-7.0, 6.0), (-12.0, 12.0), (-7.0, 6.0), (-6.0, 12.0)],
}
_STARTS = {"beta": [(-1.1, 1.0), (-3.0, 0.0), (-5.0, 4.0)], "pareto": [(-0.5, 0.0), (-1.0, 3.0), (1.0, 1.0)]}


def search(
    model: str, rows: Rows, begins: list[Any], *, least: float = -np.inf
) -> tuple[Floats, float, bool]:
    """The best point from several begins: θ, log-likelihood, whether the search ended well.

    Parameters
    ----------
    begins
        Where to begin; the last is known to reach ``least``.
    least
        The log-likelihood of a model within this one. With many rows the last begin is followed on all of
        them only where the best of the others ended lower.
    """
    if len(rows.x) <= _MANY_ROWS or len(begins) == 1:
        return max((_climb(model, rows, start) for start in begins), key=lambda end: end[1])
    few = _some(rows, _MANY_ROWS)
    ahead = max((_climb(model, few, start) for start in begins), key=lambda end: end[1])
    best = _finish(model, rows, ahead[0], few) or _climb(model, rows, ahead[0])
    return best if best[1] >= least else max(best, _climb(model, rows, begins[-1]), key=lambda end: end[1])


def _finish(model: str, rows: Rows, start: Floats, few: Rows) -> tuple[Floats, float, bool] | None:
    """From the top on some rows to the top on all, in the shape of the hill on those; None near its bounds.

    Each step costs an integral a row, and a search that knows the curvature takes a fifth of the steps.
    """
    curvature, (low, high) = -_hessian(model, start, few) / few.weight.sum(), np.array(_bounds(model)).T
    values, vectors = np.linalg.eigh(curvature)
    if values.min() <= 1e-9 or ((start - low < 1e-2) | (high - start < 1e-2)).any():
        return None
    unit, total = vectors / np.sqrt(values), rows.weight.sum()

    def loss(step: Floats) -> tuple[float, Floats]:
        value, slope = _theta_gradient(model, np.clip(start + unit @ step, low, high), rows)
        return -value / total, -(unit.T @ slope) / total

    with threadpool_limits(limits=1):
        end = minimize(loss, np.zeros(len(start)), jac=True, method="BFGS", options={"gtol": 1e-8})
    point = start + unit @ end.x
    if not ((point > low) & (point < high)).all():
        return None
    flat = bool(np.abs(_theta_gradient(model, point, rows)[1]).max() / total < 1e-5)
    return (point, float(-end.fun * total), True) if flat else None


def _some(rows: Rows, most: int) -> Rows:
    """Rows at equal steps, about so many at most."""
    return rows if len(rows.x) <= most else rows.part(np.arange(0, len(rows.x), len(rows.x) // most + 1))


def _climb(model: str, rows: Rows, start: Any) -> tuple[Floats, float, bool]:
    total, bounds = rows.weight.sum(), _bounds(model)

    def loss(theta: Floats) -> tuple[float, Floats]:
        value, slope = _theta_gradient(model, theta, rows)
        return -value / total, -slope / total

    low, high = np.array(bounds).T
    point = np.clip(np.asarray(start, dtype=float), low, high)
    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9, "maxcor": 20}
    with threadpool_limits(limits=1):  # four numbers: threads only wait for each other
        end = minimize(loss, point, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    slope = loss(end.x)[1]
    held = ((end.x <= low + 1e-9) & (slope > 0)) | ((end.x >= high - 1e-9) & (slope < 0))
    flat = bool(np.abs(np.where(held, 0.0, slope)).max() < 1e-5)
    return end.x, float(-end.fun * total), flat


def _theta_gradient(model: str, theta: Floats, rows: Rows) -> tuple[float, Floats]:
    params = params_at(model, theta)
    if model == "pareto_nbd":
        value, _, slope = pareto_parts(params, rows, gradient=True)
        whole = float(rows.weight @ value)
    else:
        whole, slope = beta_gradient(model, params, rows)
    r, alpha = params[:2]
    gradient = [slope[0] * r + slope[1] * alpha, slope[1] * alpha]
    if model == "pareto_nbd":
        s, beta = params[2:]
        gradient += [slope[2] * s + slope[3] * beta, slope[3] * beta]
    elif model != "nbd":
        a, b = params[2:]
        gradient += [(slope[2] - slope[3]) * a * b / (a + b), slope[2] * a + slope[3] * b]
    return whole, np.array(gradient)


def params_at(model: str, theta: Floats) -> Floats:
    """(r, α), (a, b) or (s, β) from the point that is searched in."""
    r, per = np.exp(theta[:2])
    if model == "nbd":
        return np.array([r, r * per])
    if model == "pareto_nbd":
        s, wait = np.exp(theta[2:])
        return np.array([r, r * per, s, s * wait])
    share, size = expit(theta[2]), np.exp(theta[3])
    return np.array([r, r * per, share * size, expit(-theta[2]) * size])


def _bounds(model: str) -> list[tuple[float, float]]:
    return _BOUNDS[{"nbd": "nbd", "pareto_nbd": "pareto"}.get(model, "beta")]


def moments(rows: Rows) -> Floats:
    """Where the search for NBD begins: mean and variance of the rate, by moments."""
    w, x, t = rows.weight, rows.x, rows.T
    mean = (w @ x) / (w @ t)
    variance = max((w @ (x * (x - 1))) / (w @ t**2) - mean**2, 0.01 * mean**2)
    return np.array([np.log(mean**2 / variance), -np.log(mean)])


def starts(model: str, plain: Floats) -> list[Any]:
    """NBD's optimum with several ways of leaving; the last is as good as without any."""
    kind = "pareto" if model == "pareto_nbd" else "beta"
    faster = plain + np.array([0.3, -0.7])
    some = [(*first, *leave) for first, leave in itertools.product((faster, plain), _STARTS[kind])]
    nobody = (*plain, -12.0, 0.0) if kind == "beta" else (*plain, 0.0, 11.5)
    return [*some, nobody]


def errors_at(model: str, theta: Floats, rows: Rows) -> tuple[dict[str, float], bool]:
    """Standard errors in the searched point, by the Hessian; none where it is no peak."""
    low, high = np.array(_bounds(model)).T
    if ((theta - low < 1e-3) | (high - theta < 1e-3)).any():
        return {}, False
    some = _some(rows, _ENOUGH_ROWS)
    hessian = _hessian(model, theta, some) * (rows.weight.sum() / some.weight.sum())
    values, vectors = np.linalg.eigh(-hessian)
    # On a ridge a parameter's logarithm could lie anywhere: its error exceeds a factor of e².
    if values.min() <= 0 or (1 / values.min()) ** 0.5 > 2:
        return {}, False
    spread = np.sqrt((vectors**2 / values).sum(axis=1))
    last = {"nbd": [], "pareto_nbd": ["s", "leaving_rate"]}.get(model, ["leaving_share", "a_plus_b"])
    return dict(zip(["r", "rate", *last], spread.tolist(), strict=True)), True


def _hessian(model: str, theta: Floats, rows: Rows) -> Floats:
    """By differences of exact gradients."""
    step = 1e-4
    ends = [
        [_theta_gradient(model, theta + sign * step * row, rows)[1] for sign in (1, -1)]
        for row in np.eye(len(theta))
    ]
    hessian = np.array([(up - down) / (2 * step) for up, down in ends])
    return np.asarray((hessian + hessian.T) / 2)
