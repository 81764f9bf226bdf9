"""Whom does it help, and is choosing them worth it? A T-learner, groups, Qini, and the value of a policy.

A T-learner (Künzel et al. 2019) predicts each customer's outcome with and without the treatment from what was
known before the assignment. One half of the customers teaches it, the other half judges it. Cross-fitting
would let all of them judge, but its folds teach each other: where nothing was to be found its intervals lay
wholly below 0 in 10 to 19 % of tests, as the customers of one fold are missing among those that taught it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, z

__all__ = [
    "ATTRIBUTES",
    "FEATURES",
    "Qini",
    "Split",
    "customer_features",
    "policy_value",
    "predicted_groups",
    "qini",
    "split_uplift",
]

FEATURES = ("orders_before", "amount_before", "returns_before", "orders_ever", "recency_days", "tenure_days")
"""What a model of uplift knows of a customer's purchases: all from before the assignment."""

ATTRIBUTES = ("birth_year", "gender", "region", "acquisition_channel")
"""Columns of ``customers`` that it knows as well, where they are there: they do not change by a treatment."""

MOST = 50_000
"""Customers that a model learns from at most."""
LEVELS = 10
"""Of an attribute: its most common values become features."""
GROUPS = 4
"""Groups of customers by predicted effect, in which predictions are compared with what happened."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Qini:
    """How well customers are ordered by what the treatment does to them.

    Attributes
    ----------
    curve
        ``share`` of customers contacted, best first; ``gain`` a customer of all, with pointwise 95 % interval
        ``low``, ``high``; ``random``: the gain when they are chosen at random.
    coefficient, low, high
        Area between gain and random, in the outcome's unit a customer, with its 95 % interval.
    """

    curve: pd.DataFrame
    coefficient: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Whether the ranking is better than chance, with its whole interval."""
        return self.low > 0


@dataclass(frozen=True)
class Split:
    """Predictions for the customers who judge: others taught the model.

    Attributes
    ----------
    judges
        Which rows they are.
    uplift
        For each of them, the predicted outcome with the treatment less that without.
    features
        Columns that the model used: those that vary.
    """

    judges: npt.NDArray[np.int_]
    uplift: Floats
    features: tuple[str, ...]


def customer_features(
    rows: ir.Table,
    orders: ir.Table,
    customers: Any = None,
    *,
    attributes: Sequence[str] = (),
    most: int = MOST,
) -> ir.Table:
    """Describe each assigned customer by what was known before the assignment, for a model.

    Parameters
    ----------
    rows
        From :func:`.outcomes.customer_outcomes`.
    orders
        ``customer_id``, ``ordered_at``, ``amount``; where it is known, ``kept``. Only purchases count.
    customers
        The canonical table, or None.
    attributes
        Columns of it, beside :data:`ATTRIBUTES`; those that are not there are passed over.
    most
        Of more customers a sample is taken: the first by the hash of their id, the same on every engine.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, the outcomes, :data:`FEATURES`: numbers, empty where there was no order before; and the
        attributes as they are.
    """
    own = rows.select("experiment_id", "assigned_at", _customer=rows.customer_id)
    past = orders.inner_join(own, orders.customer_id == own._customer)
    past = past.filter(past.ordered_at < past.assigned_at, is_purchase(past))
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
    there = [] if customers is None else customers.columns
    named = [name for name in dict.fromkeys([*ATTRIBUTES, *attributes]) if name in there]
    if named:
        days = {name: customers[name].type().is_date() for name in named}
        values = {f"is_{n}": customers[n].cast("timestamp") if days[n] else customers[n] for n in named}
        own = customers.select(_person=customers.customer_id, **values)
        known = known.left_join(own, known.customer_id == own._person)
    sampled = known.order_by(known.customer_id.hexdigest("md5")).limit(most)
    columns = ["orders", "amount", "contribution", *FEATURES]
    return sampled.select(
        "arm", *[f"is_{name}" for name in named], **{name: sampled[name].cast("float64") for name in columns}
    )


def split_uplift(features: pd.DataFrame, treated: Bools, outcome: Floats, *, seed: int) -> Split | None:
    """Let one half of the customers teach a model of the effect, and predict it for the other half.

    Parameters
    ----------
    features
        A row a customer, known before the assignment: numbers, gaps allowed, or texts, of which the most
        common become features.
    treated
        Whether the customer was in the treatment arm.
    outcome
        The value to raise.
    seed
        Of the split and the models.

    Returns
    -------
    Split or None
        None where no feature varies, or an arm is too small for halves: there is nothing to choose by.
    """
    numbers = _numbers(features)
    if numbers.empty or min(treated.sum(), (~treated).sum()) < 4 * SMALLEST_GROUP:
        return None
    every = np.arange(len(outcome))
    learn, judge = train_test_split(every, test_size=0.5, random_state=seed, stratify=treated)
    used = [str(name) for name in numbers if _varies(numbers[name].iloc[learn])]
    if not used:
        return None
    predicted = []
    for arm in (True, False):
        own = learn[treated[learn] == arm]
        # Small steps and large leaves: effects are small beside the noise. A feature that is missing for all
        # of an arm's teachers is none: the library fails on it.
        columns = [name for name in used if numbers[name].iloc[own].notna().any()] or used[:1]
        known = (
            numbers[columns].fillna(-1.0)
            if numbers[columns].iloc[own].isna().all().any()
            else numbers[columns]
        )
        model = HistGradientBoostingRegressor(
            max_iter=40, learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=max(20, len(own) // 50),
            early_stopping=False, random_state=seed,
        )  # fmt: skip
        predicted.append(model.fit(known.iloc[own], outcome[own]).predict(known.iloc[judge]))
    return Split(np.asarray(judge), np.round(predicted[0] - predicted[1], 9), tuple(used))


def qini(
    uplift: Floats, treated: Bools, outcome: Floats, *, seed: int, draws: int = 200, points: int = 51
) -> Qini:
    """Draw the Qini curve with a bootstrap interval (Radcliffe 2007).

    Parameters
    ----------
    uplift
        Predicted effects of customers who did not teach the model.
    treated, outcome
        As for :func:`split_uplift`.
    seed, draws
        Bootstrap of customers, predictions held fixed.
    points
        Of the curve.

    Notes
    -----
    Among the share φ with the largest predictions, gain(φ) = φ · (mean of the treated − mean of the
    controls): what contacting exactly them brings, a customer of all. At random it is φ times the effect on
    all. Customers with one prediction are not ordered among themselves: within them the curve rises as if
    they were chosen at random, so neither the order of rows nor a hash decides. The interval is the
    estimate and 1.96 bootstrap errors either side.
    """
    order = np.argsort(-uplift, kind="stable")
    u, t, y = uplift[order], treated[order], outcome[order]
    ends = np.append(np.flatnonzero(np.diff(u) != 0) + 1, len(u))
    shares = np.linspace(0, 1, points)
    gain, area = _curve(np.ones(len(y)), t, y, ends, shares)
    rng = np.random.default_rng(seed)
    drawn = [_curve(rng.poisson(1.0, len(y)).astype(float), t, y, ends, shares) for _ in range(draws)]
    half = z() * np.std([curve for curve, _ in drawn], axis=0)
    error = z() * float(np.std([a for _, a in drawn]))
    curve = pd.DataFrame(
        {"share": shares, "gain": gain, "low": gain - half, "high": gain + half, "random": shares * gain[-1]}
    )
    return Qini(curve, float(area), float(area - error), float(area + error))


def predicted_groups(
    uplift: Floats, treated: Bools, outcome: Floats, *, groups: int = GROUPS
) -> pd.DataFrame:
    """Compare predicted with observed effects in groups by prediction, to see if the model is calibrated.

    Parameters
    ----------
    uplift, treated, outcome
        As for :func:`qini`.
    groups
        Of about one size; customers with one prediction stay together.

    Returns
    -------
    pandas.DataFrame
        A row a group, largest prediction first: ``group`` (from 1), ``customers``, ``predicted``, ``effect``,
        ``low``, ``high``; and for all rows alike ``p_calibrated`` (χ²: are the effects those predicted?) and
        ``p_differ`` (χ²: do the groups differ at all?). Groups with fewer than
        :data:`~crm_utils.features.statistics.SMALLEST_GROUP` customers in an arm are left out.
    """
    edges = np.unique(np.quantile(uplift, np.linspace(0, 1, groups + 1)[1:-1]))
    number = np.searchsorted(edges, uplift, side="left")
    rows = []
    for group in sorted(set(number.tolist()), reverse=True):
        inside = number == group
        one, other = outcome[inside & treated], outcome[inside & ~treated]
        if min(len(one), len(other)) < SMALLEST_GROUP:
            continue
        effect, error = (
            one.mean() - other.mean(),
            np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)),
        )
        rows.append({"customers": int(inside.sum()), "predicted": float(uplift[inside].mean()),
                     "effect": float(effect), "low": float(effect - z() * error),
                     "high": float(effect + z() * error), "error": float(error)})  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customers", "predicted", "effect", "low", "high", "error"])
    frame.insert(0, "group", range(1, len(frame) + 1))
    known = frame[frame["error"] > 0]
    off = ((known["effect"] - known["predicted"]) / known["error"]) ** 2
    weight = 1 / known["error"] ** 2
    mean = (weight * known["effect"]).sum() / weight.sum() if len(known) else 0.0
    apart = (weight * (known["effect"] - mean) ** 2).sum()
    frame["p_calibrated"] = float(chi2.sf(off.sum(), len(known))) if len(known) else np.nan
    frame["p_differ"] = float(chi2.sf(apart, len(known) - 1)) if len(known) > 1 else np.nan
    return frame.drop(columns="error")


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
    because the arm was drawn at random and no customer was chosen by a model that had seen their outcome.
    """
    chosen = uplift > cost
    y = outcome - cost * treated
    policies = {"targeted": chosen, "all": np.ones_like(chosen), "none": np.zeros_like(chosen)}
    scores = {name: _scores(chosen, contact, treated, y) for name, contact in policies.items()}
    rows: list[tuple[str, float | None, Floats]] = [
        (name, float(policies[name].mean()), scores[name]) for name in policies
    ]
    rows += [(f"targeted − {name}", None, scores["targeted"] - scores[name]) for name in ("all", "none")]
    half = z() / np.sqrt(len(y))
    valued = [(n, c, s.mean(), s.mean() - half * s.std(), s.mean() + half * s.std()) for n, c, s in rows]
    return pd.DataFrame(valued, columns=["policy", "contacted", "value", "low", "high"])


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
    weight: Floats, t: Bools, y: Floats, ends: npt.NDArray[np.int_], shares: Floats
) -> tuple[Floats, float]:
    """Gain at each share and its area over the line, for customers with these bootstrap weights.

    ``ends`` are the places after which the prediction changes; sums within such a stretch grow evenly.
    """
    places = np.concatenate([[0.0], ends / len(y)])
    sums = []
    for arm in (t, ~t):
        w = weight * arm
        sums.append(
            [np.interp(shares, places, np.concatenate([[0.0], np.cumsum(v)[ends - 1]])) for v in (w, w * y)]
        )
    (n_t, s_t), (n_c, s_c) = sums
    gain = np.divide(s_t, n_t, out=np.zeros_like(s_t), where=n_t > 0)
    gain -= np.divide(s_c, n_c, out=np.zeros_like(s_c), where=n_c > 0)
    gain = np.where((n_t > 0) & (n_c > 0), gain, 0.0) * shares
    return gain, float(np.trapezoid(gain - shares * gain[-1], shares))


def _numbers(features: pd.DataFrame) -> pd.DataFrame:
    """Features as numbers that vary: texts become one column for each common value."""
    columns: dict[str, Any] = {}
    for name in map(str, features):
        column = features[name]
        if pd.api.types.is_numeric_dtype(column):
            columns[name] = column.astype(float)
        elif pd.api.types.is_datetime64_any_dtype(column):
            columns[name] = (column - pd.Timestamp(0)).dt.days.astype(float)
        else:
            for level in column.value_counts().sort_index(kind="stable").nlargest(LEVELS, keep="first").index:
                columns[f"{name}={level}"] = (column == level).astype(float)
    frame = pd.DataFrame(columns, index=features.index)
    return frame[[name for name in frame if _varies(frame[name])]]


def _varies(column: pd.Series[float]) -> bool:
    """Two values at least; one value and gaps are two."""
    return bool(column.notna().any() and (column.isna().any() or column.max() > column.min()))
