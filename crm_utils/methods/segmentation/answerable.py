"""Can these customers be grouped at all? ``crm check`` and the notebook ask with the same facts."""

from __future__ import annotations

from typing import Any

from crm_utils.features import Cannot, ShopFacts
from crm_utils.features.statistics import SMALLEST_GROUP

__all__ = ["FEWEST_DAYS", "cannot"]

FEWEST_DAYS = 3
"""Days of data: with fewer, nobody can have a past and a future."""


def cannot(facts: ShopFacts, **_: Any) -> Cannot | None:
    """Why these data cannot be segmented; None when they can.

    Parameters
    ----------
    facts
        What the data hold.

    Returns
    -------
    Cannot or None
        ``no_customers``; ``segmentation.few_customers`` where every group would be under five;
        ``segmentation.few_days``. Parts of the page may still have no answer; each says so itself.
    """
    if not facts.customers:
        return Cannot("no_customers")
    if facts.customers < SMALLEST_GROUP:
        return Cannot("segmentation.few_customers", {"customers": facts.customers, "least": SMALLEST_GROUP})
    if facts.days < FEWEST_DAYS:
        return Cannot("segmentation.few_days", {"days": facts.days, "least": FEWEST_DAYS})
    return None
