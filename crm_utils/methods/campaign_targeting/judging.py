"""When can a scenario be judged? By who becomes due a day, who is left out, and what is worth seeing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from crm_utils.features.statistics import customers_an_arm
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.plan import Plan

__all__ = ["days_to_verdicts", "days_until_judged"]


def days_until_judged(per_day: float, *, base: float, effect: float, share: float) -> float:
    """Days until a scenario's hold-out can tell an effect on a rate.

    Parameters
    ----------
    per_day
        Customers who become due a day, held-out ones included.
    base
        The rate without the message, 0 to 1.
    effect
        The difference to be told, as a share (0.02 is two percentage points).
    share
        Of them held out.

    Returns
    -------
    float
        Infinite where nobody is held out or nothing is due.

    Notes
    -----
    With arms of unequal size the variance is p(1−p)(1/n₁ + 1/n₂): as many as two equal arms of n need
    n ÷ (2 share (1 − share)) customers in all.
    """
    if not (per_day > 0 and 0 < share < 1 and effect):
        return math.inf
    both = [base, min(max(base + effect, 0.0), 1.0)]
    variance = sum(p * (1 - p) for p in both) / 2
    return customers_an_arm(effect, variance) / (2 * share * (1 - share)) / per_day


def days_to_verdicts(
    plan: Plan, scenarios: Sequence[Scenario], *, base: float, effect: float
) -> dict[str, float]:
    """Days until each scenario can be judged, if as many became due every day as in this plan.

    See :func:`days_until_judged`; scenarios that hold nobody out, or that nobody was due for, are infinite.
    """
    counts = plan.rows.groupby("scenario").size()
    return {
        s.id: days_until_judged(float(counts.get(s.id, 0)), base=base, effect=effect, share=s.holdout.share)
        for s in scenarios
        if s.kind == "advertising"
    }
