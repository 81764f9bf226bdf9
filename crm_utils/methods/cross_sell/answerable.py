"""What can these data say about what sells together, and about offers? Asked before anything is counted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from crm_utils.features import Cannot, ShopFacts
from crm_utils.methods.cross_sell.contest import FEWEST_DAYS, Split, split_days
from crm_utils.methods.cross_sell.history import RECENT_DAYS
from crm_utils.methods.cross_sell.parts import FEWEST_CUSTOMERS

__all__ = ["Periods", "cannot", "cannot_offers", "look_periods"]


def cannot(facts: ShopFacts, **parameters: object) -> Cannot | None:
    """Why nothing at all can be said: there is neither a basket of two products nor anybody to offer to.

    Parameters
    ----------
    facts
        Of the shop.
    parameters
        The notebook's; none of them changes the answer.

    Returns
    -------
    Cannot or None
        None where baskets or offers, at least one of them, can be looked at.
    """
    if not facts.orders:
        return Cannot("cross_sell.nothing_bought", {"returns": facts.returns})
    if not facts.products:
        return Cannot("cross_sell.no_products")
    if not facts.larger_orders and cannot_offers(facts) is not None:
        return Cannot("cross_sell.single_items")
    return None


def cannot_offers(facts: ShopFacts) -> Cannot | None:
    """Why no customer can get an offer; None where they can.

    Offers need customers whose purchases are known, goods to choose from, days to learn from and to look at
    afterwards, and goods bought lately: what is off the shelf is not offered.
    """
    if not facts.customers:
        return Cannot("no_customers")
    if facts.customers < FEWEST_CUSTOMERS:
        return Cannot("cross_sell.few_customers", {"needed": FEWEST_CUSTOMERS})
    if facts.products < 2:
        return Cannot("cross_sell.one_product")
    if facts.days < FEWEST_DAYS:
        return Cannot("cross_sell.few_days", {"days": facts.days, "needed": FEWEST_DAYS})
    if facts.silent_days >= RECENT_DAYS:
        return Cannot("cross_sell.closed", {"days": facts.silent_days, "recent": RECENT_DAYS})
    return None


@dataclass(frozen=True)
class Periods:
    """How the history is cut up.

    Attributes
    ----------
    middle
        The last day of the first half, in which rules are found before they are looked for in the second.
    split
        The last days of learning, of choosing and of testing offers; None where the history is too short.
    as_of
        The last day.
    """

    middle: dt.date
    split: Split | None
    as_of: dt.date

    @property
    def bounds(self) -> list[dt.date]:
        """The days at which pairs have to be counted up to."""
        ends = [] if self.split is None else [self.split.train_to, self.split.validate_to]
        return sorted({self.middle, *ends})

    @property
    def days(self) -> int:
        """Length of the windows in which offers are chosen and tested."""
        return 1 if self.split is None else self.split.days


def look_periods(facts: ShopFacts, *, history_starts: dt.date, days: int) -> Periods:
    """Cut the history up: its middle, and at its end two windows of ``days`` at most.

    Parameters
    ----------
    facts
        Of the shop.
    history_starts
        The first day of the data, as the study says; the first order may be later.
    days
        Wanted length of a window; a sixth of the history at most.
    """
    first = min(max(history_starts, facts.first_day or history_starts), facts.as_of)
    middle = first + (facts.as_of - first) // 2
    long_enough = (facts.as_of - first).days + 1 >= FEWEST_DAYS
    split = split_days(first, facts.as_of, days=days) if long_enough else None
    return Periods(middle, split, facts.as_of)
