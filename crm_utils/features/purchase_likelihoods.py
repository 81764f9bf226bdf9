"""How likely are purchases under a model of buying and leaving? Log-likelihoods with their exact gradients.

While a customer is there, repeat purchases come at rate λ ~ Gamma(r, α). They leave never (NBD), after a
repeat purchase with chance p ~ Beta(a, b) (BG/NBD: P. Fader, B. Hardie, K. Lee, *Marketing Science* 24,
2005), after any purchase, the first one too (MBG/NBD: E. Batislam, M. Denizel, A. Filiztekin, *International
Journal of Research in Marketing* 24, 2007), or at rate μ ~ Gamma(s, β) whatever they buy (Pareto/NBD:
D. Schmittlein, D. Morrison, R. Colombo, *Management Science* 33, 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, gammaln, psi

__all__ = ["SHIFT", "Rows", "beta_gradient", "beta_odds", "log_likelihood", "pareto_parts"]

Floats = NDArray[np.float64]

SHIFT = {"bg_nbd": 0, "mbg_nbd": 1}
"""Purchases beside the repeat ones after which a customer may leave: the first one counts in MBG/NBD."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_FOLDS = 40.0
"""The integral over the moment of leaving ends where its integrand has fallen by e^-40."""
_BLOCK = 20_000
"""Rows that are integrated at a time: a column for each node, not for each customer."""


@dataclass(frozen=True)
class Rows:
    """Customers with the same (x, t_x, T) in one row: counts as numbers, and what is common to many rows.

    Attributes
    ----------
    x, t_x, T
        Repeat purchases; time from the first purchase to the last; time from the first purchase to today.
    weight
        Customers.
    """

    x: Floats
    t_x: Floats
    T: Floats
    weight: Floats

    @classmethod
    def of(cls, counts: pd.DataFrame, *, unit_days: float = 1.0) -> Rows:
        """From columns ``x``, ``t_x`` and ``T`` (days), and ``customers`` where it is there."""
        x, t_x, tenure = (counts[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
        weight = counts["customers"].to_numpy(dtype=float) if "customers" in counts else np.ones(len(x))
        return cls(x, t_x / unit_days, tenure / unit_days, weight)

    @cached_property
    def by_x(self) -> tuple[Floats, NDArray[np.int64]]:
        """Distinct x and each row's place in them: gamma functions are dear, and x takes few values."""
        return _distinct(self.x)

    @cached_property
    def by_t_x(self) -> tuple[Floats, NDArray[np.int64]]:
        """The same of t_x."""
        return _distinct(self.t_x)

    @cached_property
    def by_tenure(self) -> tuple[Floats, NDArray[np.int64]]:
        """The same of T."""
        return _distinct(self.T)

    def without_last(self) -> Rows:
        """Rows with the same x and T in one: all that a model in which nobody leaves can tell apart."""
        (x, place_x), (late, place_late) = self.by_x, self.by_tenure
        code, place = _distinct(place_x * len(late) + place_late)
        weight = np.bincount(place, weights=self.weight).astype(float)
        tenure = late[code % len(late)]
        return Rows(x[code // len(late)], tenure, tenure, weight)

    def part(self, chosen: slice | NDArray[np.int64]) -> Rows:
        """Some of the rows."""
        return Rows(self.x[chosen], self.t_x[chosen], self.T[chosen], self.weight[chosen])


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Distinct values, by first appearance, and each row's place in them: by hashing, which sorts nothing."""
    place, distinct = pd.factorize(values)
    return distinct, place


def log_likelihood(model: str, params: Floats, rows: Rows) -> tuple[Floats, Floats]:
    """The log-likelihood of each row, and the logarithm of its odds of having left.

    Parameters
    ----------
    model
        ``nbd``, ``bg_nbd``, ``mbg_nbd`` or ``pareto_nbd``.
    params
        (r, α), then (a, b) or (s, β); α and β in the unit of the times.
    rows
        The counts.

    Notes
    -----
    Written as that of a customer who is still there, plus log(1 + odds of having left): both terms of BG/NBD
    overflow for frequent buyers, their ratio does not (B. Hardie, note 027, 2011).
    """
    if model == "pareto_nbd":
        value, odds, _ = pareto_parts(params, rows)
        return value, odds
    base = _buying(params[0], params[1], rows)
    if model == "nbd":
        return base, np.full(len(rows.x), -np.inf)
    a, b = params[2:]
    values, place = rows.by_x
    stays = (gammaln(b + values + SHIFT[model]) - gammaln(a + b + values + SHIFT[model]))[place]
    stays += gammaln(a + b) - gammaln(b)
    odds = beta_odds(model, params, rows)
    return base + stays + np.logaddexp(0.0, odds), odds


def beta_odds(model: str, params: Floats, rows: Rows) -> Floats:
    """The log odds that a customer has left, where leaving follows a purchase; −∞ where none could."""
    r, alpha, a, b = params
    tries = rows.x + SHIFT[model]
    longer = np.log(alpha + rows.by_tenure[0])[rows.by_tenure[1]]
    longer -= np.log(alpha + rows.by_t_x[0])[rows.by_t_x[1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(a) - np.log(b + tries - 1) + (r + rows.x) * longer
    return np.where(tries > 0, odds, -np.inf)


def beta_gradient(model: str, params: Floats, rows: Rows) -> tuple[float, Floats]:
    """Weighted log-likelihood of NBD, BG/NBD or MBG/NBD, and its gradient in (r, α, a, b)."""
    value, odds = log_likelihood(model, params, rows)
    r, alpha = params[:2]
    w, x = rows.weight, rows.x
    values, place = rows.by_x
    late, place_late = rows.by_tenure
    early, place_early = rows.by_t_x
    left = expit(odds)
    longer = np.log(alpha + late)[place_late] - np.log(alpha + early)[place_early]
    d_r = (psi(r + values) - psi(r))[place] + np.log(alpha) - np.log(alpha + late)[place_late] + left * longer
    one_late = (1 / (alpha + late))[place_late]
    d_alpha = r / alpha - (r + x) * (one_late + left * ((1 / (alpha + early))[place_early] - one_late))
    gradient = [w @ d_r, w @ d_alpha]
    if model != "nbd":
        a, b = params[2:]
        tries = values + SHIFT[model]
        d_a = psi(a + b) - psi(a + b + tries)
        d_b = psi(b + tries) - psi(a + b + tries) - psi(b) + psi(a + b)
        with np.errstate(divide="ignore"):
            left_b = np.where(tries > 0, 1 / (b + tries - 1), 0.0)
        gradient += [w @ (d_a[place] + left / a), w @ (d_b[place] - left * left_b[place])]
    return float(w @ value), np.array(gradient)


def pareto_parts(params: Floats, rows: Rows, *, gradient: bool = False) -> tuple[Floats, Floats, Floats]:
    """Log-likelihood of Pareto/NBD, log odds of having left, and the gradient of the weighted sum.

    Notes
    -----
    The likelihood is a sum of *still there*, (β / (β + T))^s (α + T)^−(r + x), and of *left at y*,
    ∫ s β^s (β + y)^−(s + 1) (α + y)^−(r + x) dy over (t_x, T), both times Γ(r + x) α^r / Γ(r). The closed
    form is a difference of two ₂F₁ that overflows; here 32 Gauss-Legendre nodes in v = log(min(α, β) + y)
    take what is positive alone, as far as the integrand counts.
    """
    value, odds, slope = np.empty(len(rows.x)), np.empty(len(rows.x)), np.zeros(4)
    base = _buying(params[0], params[1], rows, survival=False)
    for begin in range(0, len(rows.x), _BLOCK):
        part = slice(begin, begin + _BLOCK)
        log_stays, log_left, more = _pareto_block(params, rows.part(part), gradient)
        value[part], odds[part] = np.logaddexp(log_stays, log_left), log_left - log_stays
        slope += more
    value += base
    if gradient:
        r, alpha = params[:2]
        values, place = rows.by_x
        slope[0] += rows.weight @ ((psi(r + values) - psi(r))[place] + np.log(alpha))
        slope[1] += rows.weight.sum() * r / alpha
    return value, odds, slope


def _pareto_block(params: Floats, rows: Rows, gradient: bool) -> tuple[Floats, Floats, Floats]:
    r, alpha, s, beta = params
    shape = r + rows.x
    least = min(alpha, beta)
    # Beyond this y the integrand is e^-40 of what it is at t_x, by either of its factors alone.
    with np.errstate(over="ignore"):
        by_buying = (alpha + rows.t_x) * np.exp(_FOLDS / shape) - alpha
        by_leaving = (beta + rows.t_x) * np.exp(np.minimum(_FOLDS / (s + 1), 700.0)) - beta
    end = np.minimum(np.minimum(rows.T, by_buying), by_leaving)
    low, high = np.log(least + rows.t_x), np.log(least + end)
    half = np.maximum(high - low, 0.0)[:, None] / 2
    v = low[:, None] + half * (1 + _NODES)
    y = np.maximum(np.exp(v) - least, 0.0)
    log_alpha, log_beta = np.log(alpha + y), np.log(beta + y)
    term = np.log(s) + s * np.log(beta) - (s + 1) * log_beta - shape[:, None] * log_alpha + v
    with np.errstate(divide="ignore"):
        term += np.log(_WEIGHTS) + np.log(half)
    top = np.maximum(term.max(axis=1), -1e300)
    share = np.exp(term - top[:, None])
    whole = share.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_left = np.where(whole > 0, top + np.log(whole), -np.inf)
    late = np.log(alpha + rows.T)
    log_stays = s * (np.log(beta) - np.log(beta + rows.T)) - shape * late
    if not gradient:
        return log_stays, log_left, np.zeros(4)
    left = expit(log_left - log_stays) * rows.weight
    stay = rows.weight - left
    share *= (left / np.where(whole > 0, whole, 1.0))[:, None]
    gone = share.sum()
    d_r = -(share * log_alpha).sum() - stay @ late
    d_alpha = -((share / (alpha + y)).sum(axis=1) @ shape) - stay @ (shape / (alpha + rows.T))
    d_s = gone * (1 / s + np.log(beta)) - (share * log_beta).sum()
    d_s += stay @ (np.log(beta) - np.log(beta + rows.T))
    d_beta = gone * s / beta - (s + 1) * (share / (beta + y)).sum()
    d_beta += stay @ (s / beta - s / (beta + rows.T))
    return log_stays, log_left, np.array([d_r, d_alpha, d_s, d_beta])


def _buying(r: float, alpha: float, rows: Rows, *, survival: bool = True) -> Floats:
    """Γ(r + x) α^r / Γ(r), times (α + T)^−(r + x) where the customer was there until T; as a logarithm."""
    values, place = rows.by_x
    base: Floats = (gammaln(r + values) - gammaln(r))[place] + r * np.log(alpha)
    if survival:
        base -= (r + rows.x) * np.log(alpha + rows.by_tenure[0])[rows.by_tenure[1]]
    return base
