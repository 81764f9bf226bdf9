"""One block of the full world: customers with all that they do, and might have done."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.baskets import Lines, fill
from crm_utils.sources.demo_shop.catalogue import Catalogue
from crm_utils.sources.demo_shop.messages import Drawn
from crm_utils.sources.demo_shop.nulls import Nulls, draw_null_test
from crm_utils.sources.demo_shop.orders import Departures, Orders, baseline
from crm_utils.sources.demo_shop.people import Consents, People, people
from crm_utils.sources.demo_shop.trials import draw_trials, happens, used_coupon
from crm_utils.sources.demo_shop.worlds import FULL, NULL_TESTS

__all__ = ["BLOCK", "Block", "stream"]

BLOCK = 10_000
"""Customers of a block: what is in memory at a time."""
_PARTS = ("people", "consents", "orders", "trials", "baskets", "nulls", "events", "answers", "points", "pure")


def stream(seed: int, block: int, part: str) -> np.random.Generator:
    """Random numbers of one part of one block: a change to one part leaves the others as they were."""
    return np.random.default_rng([seed, block, _PARTS.index(part)])


@dataclass(frozen=True)
class Block:
    """What a block holds. ``orders`` and ``lines`` are all that happen or might, by customer and time.

    ``first`` is the number of its first customer in the whole shop.
    """

    first: int
    people: People
    consents: Consents
    orders: Orders
    departures: Departures
    drawn: list[Drawn]
    lines: Lines

    @classmethod
    def simulate(cls, seed: int, number: int, customers: int, goods: Catalogue) -> Block:
        """Draw the block of this number, with so many customers."""
        who = people(stream(seed, number, "people"), FULL, customers)
        consents = Consents(stream(seed, number, "consents"), who.joined)
        orders, departures = baseline(stream(seed, number, "orders"), FULL, who)
        orders, drawn = draw_trials(stream(seed, number, "trials"), FULL, who, consents, orders, departures)
        lines = fill(stream(seed, number, "baskets"), FULL, who, orders, goods)
        return cls(number * BLOCK, who, consents, orders, departures, drawn, lines)

    @cached_property
    def arm_of(self) -> Ints:
        """Everybody's arm in every trial: trials × people, −1 for who did not take part."""
        return np.stack([one.arm_of(len(self.people)) for one in self.drawn])

    @cached_property
    def happens(self) -> Flags:
        """Which orders happen."""
        return happens(self.orders, self.arm_of)

    @cached_property
    def coupon_used(self) -> Flags:
        """Which orders have their coupon."""
        return used_coupon(self.orders, self.arm_of)

    def nulls(self, seed: int, number: int) -> list[Nulls]:
        """The experiments without effect."""
        rng = stream(seed, number, "nulls")
        seen = self.orders.take(self.happens)
        return [draw_null_test(rng, test, self.people, seen) for test in NULL_TESTS]
