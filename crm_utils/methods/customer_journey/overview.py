"""Can anything be said of this shop's journeys? Without events second orders and messages still speak."""

from __future__ import annotations

from crm_utils.features import Cannot, ShopFacts
from crm_utils.features.survival import FEWEST

__all__ = ["cannot", "no_journeys"]


def cannot(facts: ShopFacts) -> Cannot | None:
    """Why a shop has nothing to say here, as far as its tables tell; None where it may have."""
    has_events = facts.tables is None or bool({"events", "messages"} & facts.tables)
    if not facts.customers and not has_events:
        return Cannot("no_customers")
    if not has_events and facts.newcomers is not None and facts.newcomers < FEWEST:
        return Cannot("customer_journey.nothing")
    return None


def no_journeys(second: object | None, visits: object | None, touched: object | None) -> Cannot | None:
    """Why the page has nothing to say at all: no visits, no messages, and too few new customers."""
    if second is None and visits is None and touched is None:
        return Cannot("customer_journey.nothing")
    return None
