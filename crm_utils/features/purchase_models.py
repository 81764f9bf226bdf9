"""How often will each customer buy, and are they still there? Models of repeat purchases, by counts alone.

Fast maximum likelihood from several starts; customers with the same (x, t_x, T) are one row with a weight.
What a fit can be asked for is in :class:`Purchases`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import chi2

from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.features.purchase_forecasts import expected_purchases, future_purchases
from crm_utils.features.purchase_likelihoods import Rows, log_likelihood
from crm_utils.features.purchase_search import errors_at, moments, params_at, search, starts

__all__ = ["MODELS", "Purchases", "check_counts", "fit_purchases"]

Floats = NDArray[np.float64]

MODELS = ("nbd", "bg_nbd", "mbg_nbd", "pareto_nbd")
"""The plainest first: nobody leaves; leaving after a repeat purchase; after any; whenever."""

_SEEN_LEVEL, _SEEN_SHARE = 0.99, 0.01
"""Leaving is seen when the data speak for it at this level, and this share of customers has left."""


@dataclass(frozen=True)
class Purchases:
    """A fitted model of repeat purchases.

    Attributes
    ----------
    model
        One of :data:`MODELS`.
    params
        r, alpha, then a and b or s and beta; alpha and beta in units of ``unit_days``.
    log_likelihood, without_leaving
        Of the fit, and of NBD, in which nobody leaves, on the same counts.
    customers, repeats
        Customers, and repeat purchases of all of them.
    converged
        Whether the search ended at a point where the likelihood is flat, or at a bound of the model.
    hessian_ok
        Whether the maximum is a peak; on a ridge some parameters are not identified and have no error.
    leaving_seen
        Whether the data speak for leaving: against NBD at 99 %, and at least 1 % have left.
    log_errors
        Standard errors of the logarithms of r, the mean rate, and of the two numbers of leaving (of the share
        a / (a + b): of its logit); empty where the maximum is no peak.
    unit_days
        Days in the unit of alpha and beta.

    Notes
    -----
    Counts are frames with ``x`` (repeat purchases), ``t_x`` and ``T`` in days, whatever ``unit_days`` is.
    """

    model: str
    params: dict[str, float]
    log_likelihood: float
    without_leaving: float
    customers: float
    repeats: float
    converged: bool
    hessian_ok: bool
    leaving_seen: bool
    log_errors: dict[str, float]
    unit_days: float

    @property
    def leaving_share(self) -> float | None:
        """Mean chance of leaving after a purchase, a / (a + b), which is told even on a ridge; or None."""
        if "a" not in self.params:
            return None
        return self.params["a"] / (self.params["a"] + self.params["b"])

    def alive(self, counts: pd.DataFrame) -> Floats:
        """The chance that each customer has not left, 0 to 1."""
        return np.asarray(expit(-log_likelihood(self.model, self._vector, self._rows(counts))[1]))

    def expected(self, counts: pd.DataFrame, *, horizon_days: float) -> Floats:
        """Purchases that each customer is expected to make in the next days.

        A frame with x, t_x and T of 0 gives a new customer's expected *repeat* purchases.
        """
        rows = self._rows(counts)
        there = expit(-log_likelihood(self.model, self._vector, rows)[1])
        if_there = expected_purchases(self.model, self._vector, rows, horizon_days / self.unit_days)
        return np.asarray(there * if_there)

    def chance_of_none(self, counts: pd.DataFrame, *, horizon_days: float) -> Floats:
        """The chance of no purchase in the next days: having left counts, and being there without buying.

        The likelihood of the same purchases seen so much longer, against that of what was seen.
        """
        later = counts.assign(T=counts["T"] + horizon_days)
        now, then = (
            log_likelihood(self.model, self._vector, self._rows(frame))[0] for frame in (counts, later)
        )
        return np.asarray(np.minimum(np.exp(then - now), 1.0))

    def draw(self, counts: pd.DataFrame, *, horizon_days: float, size: int, seed: int) -> NDArray[np.int64]:
        """Purchases of the next days, drawn from each customer's exact posterior: ``size`` rows."""
        rows = self._rows(counts)
        there = expit(-log_likelihood(self.model, self._vector, rows)[1])
        rng = np.random.default_rng(seed)
        return future_purchases(
            self.model, self._vector, rows, there, horizon_days / self.unit_days, size=size, rng=rng
        )

    @property
    def _vector(self) -> Floats:
        return np.array(list(self.params.values()))

    def _rows(self, counts: pd.DataFrame) -> Rows:
        return Rows.of(counts, unit_days=self.unit_days)


def fit_purchases(counts: pd.DataFrame, *, model: str = "bg_nbd", unit_days: float = 7) -> Purchases:
    """Fit a model of repeat purchases by maximum likelihood.

    Parameters
    ----------
    counts
        ``x``, ``t_x``, ``T`` (days), and ``customers`` where a row stands for several.
    model
        One of :data:`MODELS`.
    unit_days
        Days in the unit in which alpha and beta are told: 7 for weeks. Forecasts do not depend on it.

    Returns
    -------
    Purchases
        Never worse than NBD, which every model contains: that optimum is one of the starts.

    Raises
    ------
    DataError
        Nobody bought twice, all purchases are on one day, or counts contradict each other.
    StudyError
        There is no such model.

    Examples
    --------
    >>> counts = pd.DataFrame({"x": [2, 0, 1, 5], "t_x": [20, 0, 9, 60], "T": [70, 70, 40, 70]})
    >>> fit = fit_purchases(counts, model="nbd")
    >>> fit.converged, bool(fit.log_likelihood == fit.without_leaving)
    (True, True)
    """
    if model not in MODELS:
        raise StudyError(f"There is no model '{model}'. {known_names(model, MODELS, label='There are')}")
    check_counts(counts)
    days = Rows.of(counts)
    scale = float(days.weight @ days.T / days.weight.sum())
    rows = Rows(days.x, days.t_x / scale, days.T / scale, days.weight)
    plain = search("nbd", rows.without_last(), [moments(rows)])
    best = plain if model == "nbd" else search(model, rows, starts(model, plain[0]), least=plain[1])
    params = params_at(model, best[0])
    params[1::2] *= 1 if model in ("bg_nbd", "mbg_nbd", "nbd") else scale / unit_days
    if model in ("bg_nbd", "mbg_nbd", "nbd"):
        params[1] *= scale / unit_days
    names = {"nbd": "r alpha", "pareto_nbd": "r alpha s beta"}.get(model, "r alpha a b").split()
    errors, peak = errors_at(model, best[0], rows)
    shift = float(days.weight @ days.x) * np.log(scale / unit_days)
    left = expit(log_likelihood(model, params_at(model, best[0]), rows)[1])
    gain = 2 * (best[1] - plain[1])
    seen = gain > chi2.ppf(_SEEN_LEVEL, 2) and rows.weight @ left >= _SEEN_SHARE * rows.weight.sum()
    return Purchases(
        model=model, params=dict(zip(names, params.tolist(), strict=True)),
        log_likelihood=float(best[1] - shift), without_leaving=float(plain[1] - shift),
        customers=float(days.weight.sum()), repeats=float(days.weight @ days.x),
        converged=best[2], hessian_ok=peak, leaving_seen=bool(seen and model != "nbd"),
        log_errors=errors, unit_days=unit_days,
    )  # fmt: skip


def check_counts(counts: pd.DataFrame) -> None:
    """See that counts can be fitted.

    Raises
    ------
    DataError
        They cannot; the sentence says why.
    """
    x, t_x, tenure = (counts[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
    if not len(x) or not x.sum():
        raise DataError(
            f"Of {len(x)} customers nobody bought on a second day: there is no repeat purchase to learn "
            "from. Load more history."
        )
    if not np.isfinite([x, t_x, tenure]).all() or x.min() < 0 or (t_x < 0).any():
        raise DataError("Counts must be finite and not negative: x purchases, t_x and T days.")
    if (t_x > tenure).any():
        raise DataError(
            f"{int((t_x > tenure).sum())} rows have a purchase after the last day that is known (t_x > T). "
            "Cut orders at as_of before counting."
        )
    if ((x > 0) & (t_x == 0)).any():
        raise DataError(
            f"{int(((x > 0) & (t_x == 0)).sum())} rows have repeat purchases but no time between the first "
            "and the last (t_x = 0). Count purchases of one day as one."
        )
