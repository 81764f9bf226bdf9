"""Can this experiment be believed at all? Sample ratio, balance before, exposure, outliers.

A sample ratio that chance does not explain means that arms lost or gained customers for a reason; no
effect can be read off then (Fabijan et al. 2019), so a stop gives no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import chisquare, norm

from crm_utils.ab_test.moments import Sums
from crm_utils.experiments import Experiment

__all__ = ["SampleRatio", "arm_counts", "balance", "exposure", "largest_shares", "sample_ratio"]

WARN_BELOW, STOP_BELOW = 0.01, 0.001
"""p-values of the sample ratio that warn, and that stop."""


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms' sizes are those that the weights promise.

    Attributes
    ----------
    table
        A row an arm: ``arm``, ``customers``, ``expected`` (None for an arm of weight 0).
    statistic, p
        Pearson's χ² over arms with a weight, and its p-value.
    verdict
        ``passed``, ``warning`` (p < .01) or ``stop`` (p < .001).
    """

    table: pd.DataFrame
    statistic: float
    p: float
    verdict: str


def sample_ratio(counts: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatio:
    """Test the arms' sizes against their weights (Pearson's χ²).

    Parameters
    ----------
    counts
        Customers of each arm; an arm that is missing has none.
    weights
        Shares in any unit. Arms of weight 0 are shown and left out of the test.

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
    verdict = "stop" if p < STOP_BELOW else "warning" if p < WARN_BELOW else "passed"
    table = pd.DataFrame({"arm": list(weights), "customers": [counts.get(arm, 0) for arm in weights]})
    table["expected"] = table["arm"].map(dict(zip(arms, expected, strict=True)))
    return SampleRatio(table, float(statistic), float(p), verdict)


def arm_counts(customers: ir.Table) -> ir.Table:
    """Count the assigned customers of each arm, and those who were in several.

    Parameters
    ----------
    customers
        From :func:`~crm_utils.ab_test.assignment.assigned`.

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
    """How much of an arm's sum comes from its largest customer: where much, one customer decides the mean.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, ``largest``, ``total``, ``share`` (of the sum of positive values; 0 where there is none).
    """
    value = rows[column]
    sums = rows.group_by("arm").aggregate(
        largest=value.max(), total=value.sum(where=value > 0).cast("decimal(38, 2)")
    )
    share = sums.largest.cast("float64") / sums.total.cast("float64").nullif(0)
    return sums.mutate(share=share.fill_null(0.0))
