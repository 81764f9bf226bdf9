"""When do customers order, how late does it come, and when do they leave? The orders without any message."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints, Rows
from crm_utils.sources.demo_shop.catalogue import ADVERTISED, FAR
from crm_utils.sources.demo_shop.clock import DAY, END, months, place, rhythm, within_day
from crm_utils.sources.demo_shop.people import NEVER, People
from crm_utils.sources.demo_shop.worlds import Full

__all__ = ["CHANNELS", "LEFT", "Departures", "Orders", "baseline", "describe"]

CHANNELS = ("store", "web", "app")
LEFT = ("stayed", "own reasons", "won by advertising", "late delivery")
FIRST_ORDER = 0.85
"""Share of new customers who order as they join; the others join to look around."""


@dataclass(frozen=True)
class Orders(Rows):
    """Orders that happen or might: arrays with a value each.

    Attributes
    ----------
    who, at
        Number of the customer within the block; seconds.
    channel, arrives, late
        Number into CHANNELS; days until the parcel arrives (0 in a store); whether that is late.
    trial, arm
        Which trial's message, and which of its arms, brings the order; −1 for what happens anyway.
    skipped
        The trial whose message makes the customer leave this order out; −1 for none.
    coupon
        The trial whose coupon is used for this order, when it was sent; −1 for none.
    cart
        The visit (row of the block's visits) that left in the cart what is bought now; −1 for none.
    via, clicked
        The source (number into the events' SOURCES) of the message whose click led here, and when; −1 and
        NEVER for none.
    """

    who: Ints
    at: Ints
    channel: Ints
    arrives: Ints
    late: Flags
    trial: Ints
    arm: Ints
    skipped: Ints
    coupon: Ints
    cart: Ints
    via: Ints
    clicked: Ints

    def with_more(self, more: Orders) -> Orders:
        """Both together, by customer and time."""
        both = Orders.joined([self, more])
        return both.take(np.lexsort((both.at, both.who)))


@dataclass(frozen=True)
class Departures:
    """When each customer leaves (the moment of the last order; NEVER for who stays), and why (into LEFT)."""

    at: Ints
    why: Ints


def describe(
    rng: np.random.Generator,
    world: Full,
    people: People,
    who: Ints,
    day: Ints,
    *,
    trial: int = -1,
    arm: int = -1,
) -> Orders:
    """Give orders of these customers on these days a channel, an hour and a delivery."""
    n = len(who)
    online = rng.random(n) < people.online[who]
    channel = np.where(online, np.where(rng.random(n) < 0.55, 2, 1), 0)
    peak = np.isin(months()[day], (10, 11))
    chance = np.where(peak, world.late_peak, world.late)
    chance = chance * np.where(np.isin(people.region[who], FAR), world.late_far, 1.0)
    late = online & (rng.random(n) < chance)
    arrives = np.where(late, rng.integers(5, 10, n), rng.integers(1, 4, n)) * online
    none = np.full(n, -1)
    at = day * DAY + within_day(rng, online)
    never = np.full(n, NEVER)
    return Orders(
        who, at, channel, arrives, late, none + 1 + trial, none + 1 + arm, none, none, none, none, never
    )


def baseline(rng: np.random.Generator, world: Full, people: People) -> tuple[Orders, Departures]:
    """All orders that happen without any message, and who leaves after which of them.

    After each order a customer leaves with the chance of whichever reasons apply; the first that strikes is
    the reason. Nothing else ends a customer's orders.
    """
    starts = np.interp(np.maximum(people.joined, 0) / DAY, np.arange(len(rhythm())), rhythm())
    count = rng.poisson(people.rate * (rhythm()[-1] - starts))
    who = np.repeat(np.arange(len(people)), count)
    day = place(starts[who] + rng.random(len(who)) * (rhythm()[-1] - starts[who]))
    new = np.flatnonzero(people.guest | ((people.joined >= 0) & (rng.random(len(people)) < FIRST_ORDER)))
    who, day = np.concatenate([who, new]), np.concatenate([day, people.joined[new] // DAY])
    orders = describe(rng, world, people, who, day)
    orders = orders.take((orders.at >= people.joined[orders.who]) | (day == people.joined[who] // DAY))
    orders = orders.take(np.lexsort((orders.at, orders.who)))
    gone = _reasons(rng, world, people, orders)
    last = np.full(len(people), len(orders))
    np.minimum.at(last, orders.who[gone > 0], np.flatnonzero(gone > 0))
    left = last < len(orders)
    departures = Departures(
        np.where(left, np.append(orders.at, 0)[last], NEVER), np.where(left, np.append(gone, 0)[last], 0)
    )
    return orders.take((np.arange(len(orders)) <= last[orders.who]) & (orders.at < END)), departures


def _reasons(rng: np.random.Generator, world: Full, people: People, orders: Orders) -> Ints:
    """For each order the reason to leave after it, 0 for none."""
    u = rng.random((3, len(orders)))
    won = np.isin(people.acquired[orders.who], ADVERTISED)
    struck = [u[0] < world.leave, won & (u[1] < world.leave_ad - world.leave),
              orders.late & (u[2] < world.leave_late)]  # fmt: skip
    return np.select(struck, [1, 2, 3], 0)
