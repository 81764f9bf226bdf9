"""Can this experiment be believed at all? Sample ratio, balance before, exposure, outliers.

A sample ratio that chance does not explain means that arms lost or gained customers for a reason; no
effect can be read off then (Fabijan et al. 2019), so a stop gives no verdict. A ratio that is looked at every
night needs a test that holds at all nights: the multinomial sequential test of Lindon and Malek,
*Anytime-valid inference for multinomial count data* (NeurIPS 2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import gammaln
from scipy.stats import chisquare, norm

from crm_utils.experiments import Experiment
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.ab_test.moments import Sums

__all__ = [
    "SampleRatio",
    "arm_counts",
    "balance",
    "daily_counts",
    "exposure",
    "largest_shares",
    "nobody_yet",
    "ratio_at_all_times",
    "sample_ratio",
]

WARN_BELOW, STOP_BELOW = 0.01, 0.001
"""p-values of the sample ratio that warn, and that stop."""
CONCENTRATION = 500.0
"""Customers that the sequential test's prior is worth: it looks for shares some 2 points off, and more."""


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms' sizes are those that the weights promise.

    Attributes
    ----------
    table
        A row an arm: ``arm``, ``customers``, ``expected`` (None for an arm of weight 0).
    statistic, p
        Pearson's χ² over arms with a weight, and its p-value: right for one look at the end.
    always_p
        The p-value that holds at all looks, from :func:`ratio_at_all_times`; None where it was not asked for.
    judged_p
        The p-value that decides: ``always_p`` while customers come, the smaller of both from then on.
    verdict
        ``passed``, ``warning`` (judged_p < .01) or ``stop`` (judged_p < .001).
    """

    table: pd.DataFrame
    statistic: float
    p: float
    always_p: float | None
    judged_p: float
    verdict: str


def sample_ratio(
    counts: Mapping[str, int],
    weights: Mapping[str, float],
    *,
    by_day: Sequence[Mapping[str, int]] | None = None,
    ended: bool = True,
) -> SampleRatio:
    """Test the arms' sizes against their weights: Pearson's χ² once, a sequential test for nightly looks.

    Parameters
    ----------
    counts
        Customers of each arm; an arm that is missing has none.
    weights
        Shares in any unit. Arms of weight 0 are shown and left out of the test.
    by_day
        New customers of each arm, a mapping a day, in order; None for a single look.
    ended
        False while customers still come: then only the sequential test decides.

    Raises
    ------
    ValueError
        Fewer than two arms have a weight, a count is negative, or nobody is in them.

    Examples
    --------
    >>> found = sample_ratio({"a": 120, "b": 80, "closed": 0}, {"a": 0.5, "b": 0.5, "closed": 0})
    >>> round(found.p, 4), found.verdict
    (0.0047, 'warning')
    """
    if any(n < 0 for n in counts.values()):
        raise ValueError(f"Counts below 0 do not add up: {dict(counts)}.")
    arms = [arm for arm, weight in weights.items() if weight > 0]
    seen = np.array([counts.get(arm, 0) for arm in arms], dtype=float)
    if len(arms) < 2 or not seen.sum():
        raise ValueError(
            f"A sample ratio needs customers in two arms with a weight; counts are {dict(counts)}."
        )
    expected = seen.sum() * np.array([weights[arm] for arm in arms]) / sum(weights[arm] for arm in arms)
    statistic, p = chisquare(seen, expected)
    always = None if by_day is None else ratio_at_all_times(by_day, {a: weights[a] for a in arms})
    judged = float(p) if always is None else min(float(p), always) if ended else always
    verdict = "stop" if judged < STOP_BELOW else "warning" if judged < WARN_BELOW else "passed"
    table = pd.DataFrame({"arm": list(weights), "customers": [counts.get(arm, 0) for arm in weights]})
    table["expected"] = table["arm"].map(dict(zip(arms, expected, strict=True)))
    return SampleRatio(table, float(statistic), float(p), always, judged, verdict)


def nobody_yet(weights: Mapping[str, float]) -> SampleRatio:
    """The sample ratio before anybody was assigned: nothing speaks against it."""
    table = pd.DataFrame({"arm": list(weights), "customers": 0, "expected": 0.0})
    return SampleRatio(table, 0.0, 1.0, None, 1.0, "passed")


def ratio_at_all_times(by_day: Sequence[Mapping[str, int]], weights: Mapping[str, float]) -> float:
    """The p-value of the sample ratio that holds however often it was looked at (Lindon and Malek 2022).

    Parameters
    ----------
    by_day
        New customers of each arm, a mapping a day, in order.
    weights
        Above 0, in any unit.

    Notes
    -----
    The Bayes factor of any shares, with a Dirichlet prior around those that the weights promise, against
    just these shares is a martingale where the promise holds; by Ville's inequality it ever exceeds 1/α with
    a chance of at most α. The p-value is one over its largest value so far.

    Examples
    --------
    >>> fair, broken = [{"a": 50, "b": 50}] * 20, [{"a": 50, "b": 42}] * 20
    >>> [round(ratio_at_all_times(days, {"a": 1, "b": 1}), 3) for days in (fair, broken)]
    [1.0, 0.009]
    """
    shares = np.array(list(weights.values())) / sum(weights.values())
    seen = np.cumsum([[day.get(arm, 0) for arm in weights] for day in by_day], axis=0).reshape(
        -1, len(shares)
    )
    prior = CONCENTRATION * shares
    factor = (
        gammaln(prior + seen).sum(axis=1) - gammaln(CONCENTRATION + seen.sum(axis=1))
        - gammaln(prior).sum() + gammaln(CONCENTRATION) - seen @ np.log(shares)
    )  # fmt: skip
    return float(np.exp(-max(0.0, factor.max(initial=0.0))))


def daily_counts(customers: ir.Table) -> list[dict[str, int]]:
    """New customers of each arm, a mapping a day of assignment, in order; of :func:`.assignment.assigned`."""
    one = customers.filter(customers.arms == 1)
    counts = one.group_by("arm", day=one.assigned_at.cast("date")).aggregate(customers=one.count())
    days: dict[object, dict[str, int]] = {}
    for row in counts.order_by("day", "arm").to_pyarrow().to_pylist():
        days.setdefault(row["day"], {})[row["arm"]] = row["customers"]
    return list(days.values())


def arm_counts(customers: ir.Table) -> ir.Table:
    """Count the assigned customers of each arm, and those who were in several.

    Parameters
    ----------
    customers
        From :func:`.assignment.assigned`.

    Returns
    -------
    ibis.expr.types.Table
        ``experiment_id``, ``arm``, ``customers`` in this arm alone, ``in_two_arms`` (by their first arm by
        name; left out of everything else), ``repeated`` (written more than once, in one arm), ``first``,
        ``last`` assignment.
    """
    one = customers.arms == 1
    return customers.group_by("experiment_id", "arm").aggregate(
        customers=one.cast("int64").sum(),
        in_two_arms=(~one).cast("int64").sum(),
        repeated=(one & (customers.rows > 1)).cast("int64").sum(),
        first=customers.assigned_at.min(),
        last=customers.assigned_at.max(),
    )


def balance(sums: Mapping[str, Sums], experiment: Experiment) -> pd.DataFrame:
    """Compare what was so before the assignment: a difference there cannot be an effect.

    Parameters
    ----------
    sums
        For each arm, sums that hold variables ``…_before``.
    experiment
        Names the control.

    Returns
    -------
    pandas.DataFrame
        ``arm``, ``measure``, ``control``, ``treatment``, ``difference`` in standard deviations of the control
        (0.1 is small), ``p`` (normal).
    """
    rows = []
    control = sums.get(experiment.control)
    names = sorted(v for v in control.totals if "_before" in v) if control and control.n > 1 else []
    for arm in experiment.treatments:
        if control is None or arm not in sums or sums[arm].n < 2:
            continue
        one, other = control.aggregates(), sums[arm].aggregates()
        for name in names:
            spread = math.sqrt(one.var(name))
            error = math.sqrt(one.var(name) / control.n + other.var(name) / sums[arm].n)
            gap = other.mean(name) - one.mean(name)
            rows.append({
                "arm": arm, "measure": name, "control": one.mean(name), "treatment": other.mean(name),
                "difference": gap / spread if spread else None,
                "p": float(2 * norm.sf(abs(gap) / error)) if error else None,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=["arm", "measure", "control", "treatment", "difference", "p"])


def exposure(
    customers: ir.Table, messages: ir.Table, *, campaigns: Mapping[str, str], horizon_days: int
) -> ir.Table:
    """Compare what customers got with the arm that they were assigned to.

    Parameters
    ----------
    customers
        A row a customer, in one arm each.
    messages
        The canonical table.
    campaigns
        For an arm, the campaign that brings its treatment.
    horizon_days
        Days from the assignment in which a message counts.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, ``campaign_id``, ``customers`` who got a message of it, ``before``: of them, those whose
        message came before their assignment. A control that got one is contaminated.
    """
    own = customers.select("arm", "assigned_at", _customer=customers.customer_id)
    sent = messages.filter(~messages.held_out, messages.campaign_id.isin(sorted(set(campaigns.values()))))
    got = sent.inner_join(own, sent.customer_id == own._customer)
    got = got.filter(got.sent_at < got.assigned_at + ibis.interval(days=horizon_days))
    each = got.group_by("arm", "campaign_id", "customer_id").aggregate(
        early=(got.sent_at < got.assigned_at).cast("int64").max()
    )
    return each.group_by("arm", "campaign_id").aggregate(customers=each.count(), before=each.early.sum())


def largest_shares(rows: ir.Table, *, column: str) -> ir.Table:
    """How much of an arm's sum comes from its largest customers: where much, a few decide the mean.

    The :data:`~crm_utils.features.statistics.SMALLEST_GROUP` largest together: one's share would, times the
    arm's total, be what that customer spent.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, ``largest``, ``total``, ``share`` (of the sum of positive values; 0 where there is none).
    """
    value = rows[column]
    place = ibis.row_number().over(group_by="arm", order_by=[value.desc(nulls_first=False), rows.customer_id])
    ranked = rows.select("arm", value=value, place=place)
    positive = ranked.filter(ranked.value > 0)
    sums = positive.group_by("arm").aggregate(
        largest=positive.value.sum(where=positive.place < SMALLEST_GROUP).cast("decimal(38, 2)"),
        total=positive.value.sum().cast("decimal(38, 2)"),
    )
    arms = rows.select("arm").distinct()
    sums = arms.left_join(sums, "arm").select("arm", "largest", "total")
    share = sums.largest.cast("float64") / sums.total.cast("float64").nullif(0)
    return sums.mutate(share=share.fill_null(0.0))
