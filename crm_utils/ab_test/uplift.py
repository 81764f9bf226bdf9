"""Whom does it help, and is choosing them worth it? A T-learner, Qini, and the value of a policy.

A T-learner (Künzel et al. 2019) predicts each customer's outcome with and without the treatment from what was
known before the assignment. Predictions come from models that did not see the customer (cross-fitting), so
the curve and the policy are judged on customers that are new to the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import StratifiedKFold

__all__ = ["FEATURES", "Qini", "cross_fitted_uplift", "customer_features", "policy_value", "qini"]

FEATURES = ("orders_before", "amount_before", "returns_before", "orders_ever", "recency_days", "tenure_days")
"""What a model of uplift knows of a customer: all from before the assignment."""

MOST = 50_000
"""Customers that a model learns from at most."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Qini:
    """How well customers are ordered by what the treatment does to them.

    Attributes
    ----------
    curve
        ``share`` of customers contacted, best first; ``gain`` a customer of all, with pointwise 95 % interval
        ``low``, ``high``; ``random``: the gain when they are chosen by lot.
    coefficient, low, high
        Area between gain and random, in the outcome's unit a customer, with its 95 % interval.
    """

    curve: pd.DataFrame
    coefficient: float
    low: float
    high: float

    @property
    def found(self) -> bool:
        """Whether the order is better than by lot, with its whole interval."""
        return self.low > 0


def customer_features(rows: ir.Table, orders: ir.Table, *, most: int = MOST) -> ir.Table:
    """Describe each assigned customer by what was known before the assignment, for a model.

    Parameters
    ----------
    rows
        From :func:`~crm_utils.ab_test.outcomes.customer_outcomes`.
    orders
        ``customer_id``, ``ordered_at``.
    most
        Of more customers a sample is taken: the first by the hash of their id, the same on every engine.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, the outcomes, and :data:`FEATURES`: numbers; empty where there was no order before.
    """
    own = rows.select("experiment_id", "assigned_at", _customer=rows.customer_id)
    past = orders.inner_join(own, orders.customer_id == own._customer)
    past = past.filter(past.ordered_at < past.assigned_at)
    each = past.group_by("_customer", "experiment_id").aggregate(
        _days=past.assigned_at.cast("date").max(),
        orders_ever=past.count(),
        first=past.ordered_at.cast("date").min(),
        last=past.ordered_at.cast("date").max(),
    )
    each = each.select(
        "_customer", "orders_ever", _experiment=each.experiment_id,
        recency_days=each._days.delta(each["last"], unit="day"),
        tenure_days=each._days.delta(each["first"], unit="day"),
    )  # fmt: skip
    known = rows.left_join(each, [rows.customer_id == each._customer, rows.experiment_id == each._experiment])
    sampled = known.order_by(known.customer_id.hexdigest("md5")).limit(most)
    columns = ["arm", "orders", "amount", "contribution", *FEATURES]
    return sampled.select(
        **{name: sampled[name].cast("float64") if name != "arm" else sampled.arm for name in columns}
    )


def cross_fitted_uplift(
    features: pd.DataFrame, treated: Bools, outcome: Floats, *, seed: int, folds: int = 3
) -> Floats:
    """Predict each customer's effect by two models that did not see the customer.

    Parameters
    ----------
    features
        A row a customer: numbers known before the assignment; gaps are allowed.
    treated
        Whether the customer was in the treatment arm.
    outcome
        The value to raise.
    seed, folds
        Of the split.

    Returns
    -------
    numpy.ndarray
        Predicted outcome with the treatment less that without, for each customer.
    """
    uplift = np.zeros(len(outcome))
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for learn, judge in parts.split(features, treated):
        predicted = []
        for arm in (True, False):
            own = learn[treated[learn] == arm]
            # Small steps and large leaves: effects are small beside the noise.
            model = HistGradientBoostingRegressor(
                max_iter=40, learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=max(20, len(own) // 50),
                early_stopping=False, random_state=seed,
            )  # fmt: skip
            predicted.append(model.fit(features.iloc[own], outcome[own]).predict(features.iloc[judge]))
        uplift[judge] = predicted[0] - predicted[1]
    return uplift


def qini(
    uplift: Floats, treated: Bools, outcome: Floats, *, seed: int, draws: int = 200, points: int = 51
) -> Qini:
    """Draw the Qini curve with a bootstrap interval (Radcliffe 2007).

    Parameters
    ----------
    uplift
        Predicted effects of customers that the model did not see.
    treated, outcome
        As for :func:`cross_fitted_uplift`.
    seed, draws
        Bootstrap of customers, predictions held fixed.
    points
        Of the curve.

    Notes
    -----
    Among the share φ with the largest predictions, gain(φ) = φ · (mean of the treated − mean of the
    controls): what contacting exactly them brings, a customer of all. By lot it is φ times the effect on all.
    """
    order = np.argsort(-uplift, kind="stable")
    t, y = treated[order], outcome[order]
    shares = np.linspace(0, 1, points)
    at = np.round(shares * len(y)).astype(int)
    gain, area = _curve(np.ones(len(y)), t, y, at, shares)
    rng = np.random.default_rng(seed)
    drawn = [_curve(rng.poisson(1.0, len(y)).astype(float), t, y, at, shares) for _ in range(draws)]
    low, high = np.percentile([curve for curve, _ in drawn], [2.5, 97.5], axis=0)
    ends = np.percentile([a for _, a in drawn], [2.5, 97.5])
    curve = pd.DataFrame(
        {"share": shares, "gain": gain, "low": low, "high": high, "random": shares * gain[-1]}
    )
    return Qini(curve, float(area), float(min(ends[0], area)), float(max(ends[1], area)))


def policy_value(uplift: Floats, treated: Bools, outcome: Floats, *, cost: float = 0.0) -> pd.DataFrame:
    """Compare contacting those with a predicted gain with contacting everyone, and no one.

    Parameters
    ----------
    uplift, treated, outcome
        As for :func:`qini`; an outcome that is money with its costs taken off needs no ``cost``.
    cost
        Of contacting one customer, in the outcome's unit.

    Returns
    -------
    pandas.DataFrame
        ``policy`` (targeted, all, none, targeted − all, targeted − none), ``contacted`` share, ``value`` a
        customer with its 95 % interval ``low``, ``high``.

    Notes
    -----
    The value of a policy is the mean outcome had everyone been in the arm that it gives them, less the costs:
    among the chosen and among the others the mean of that arm, weighted by how many they are. It holds
    because the arm was drawn by lot and no customer was chosen by a model that had seen their outcome.
    """
    chosen = uplift > cost
    y = outcome - cost * treated
    policies = {"targeted": chosen, "all": np.ones_like(chosen), "none": np.zeros_like(chosen)}
    scores = {name: _scores(chosen, contact, treated, y) for name, contact in policies.items()}
    rows: list[tuple[str, float | None, Floats]] = [
        (name, float(policies[name].mean()), scores[name]) for name in policies
    ]
    rows += [(f"targeted − {name}", None, scores["targeted"] - scores[name]) for name in ("all", "none")]
    half = 1.96 / math.sqrt(len(y))
    told = [(n, c, s.mean(), s.mean() - half * s.std(), s.mean() + half * s.std()) for n, c, s in rows]
    return pd.DataFrame(told, columns=["policy", "contacted", "value", "low", "high"])


def _scores(chosen: Bools, contact: Bools, treated: Bools, y: Floats) -> Floats:
    """For each customer an unbiased score of a policy's value.

    It is the mean, among those alike in ``chosen``, of the arm that the policy gives them, and for who was in
    that arm the residual over the arm's share, so that the scores' spread is the estimate's. Policies that
    agree on a group get the same scores there, and nothing of it is left in their difference.
    """
    score = np.zeros(len(y))
    for group in (chosen, ~chosen):
        inside = group & (treated == contact)
        if group.any() and not inside.any():
            return np.full(len(y), np.nan)
        if group.any():
            score[group] = y[inside].mean()
            score[inside] += (y[inside] - y[inside].mean()) * (group.sum() / inside.sum())
    return score


def _curve(
    weight: Floats, t: Bools, y: Floats, at: npt.NDArray[np.int_], shares: Floats
) -> tuple[Floats, float]:
    """Gain at each share and its area over the line, for customers with these bootstrap weights."""
    sums = []
    for arm in (t, ~t):
        w = weight * arm
        sums.append([np.concatenate([[0.0], np.cumsum(v)])[at] for v in (w, w * y)])
    (n_t, s_t), (n_c, s_c) = sums
    gain = np.divide(s_t, n_t, out=np.zeros_like(s_t), where=n_t > 0)
    gain -= np.divide(s_c, n_c, out=np.zeros_like(s_c), where=n_c > 0)
    gain = np.where((n_t > 0) & (n_c > 0), gain, 0.0) * shares
    return gain, float(np.trapezoid(gain - shares * gain[-1], shares))
