"""Who is written to, drawn by lot, and what comes of it either way? Both outcomes of every customer.

Every order that a message would bring exists, marked with the lot and arm that bring it, and every order
that an averse customer would leave out is marked with the lot that makes them. The draw then only decides
which of them happen: the outcome with and without the message is known for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Floats, Ints
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.messages import Drawn, answers
from crm_utils.sources.demo_shop.orders import Departures, Orders, describe
from crm_utils.sources.demo_shop.people import NEVER, Consents, People
from crm_utils.sources.demo_shop.worlds import CHANNELS, LOTS, Full, Lot

__all__ = ["Audience", "draw_lots", "happens", "used_coupon"]

ANSWER_AFTER = 3_600
"""Seconds from the draw before which nobody orders because of it."""


@dataclass(frozen=True)
class Audience:
    """Who takes part in a lot, with a message or without.

    Attributes
    ----------
    number, people
        Number of the lot, and all people of the block.
    who, at
        Numbers of those who take part; the moment of their draw, seconds.
    luck
        Between 0 and 1; low where a message arrives, by whichever channel.
    """

    number: int
    people: People
    who: Ints
    at: Ints
    luck: Floats

    @property
    def lot(self) -> Lot:
        """What is drawn."""
        return LOTS[self.number]

    def reached(self, channel: str) -> Flags:
        """Whether a message by this channel would arrive."""
        return self.luck < CHANNELS[channel].delivered

    def within(self, orders: Orders) -> tuple[Ints, Flags]:
        """For each order its customer's place in this audience, and whether it falls within the horizon."""
        place = np.full(len(self.people), -1)
        place[self.who] = np.arange(len(self.who))
        place = place[orders.who]
        start = np.append(self.at, NEVER)[place]
        return place, (orders.at > start) & (orders.at < start + self.lot.horizon_days * DAY)


def draw_lots(
    rng: np.random.Generator,
    world: Full,
    people: People,
    consents: Consents,
    orders: Orders,
    departures: Departures,
) -> tuple[Orders, list[Drawn]]:
    """Draw all lots in order of time, and add to the orders what each would change."""
    drawn = []
    for number, lot in enumerate(LOTS):
        audience = _audience(rng, number, people, consents)
        orders = _skip(rng, world, audience, orders)
        for arm in range(len(lot.arms)):
            orders = orders.with_more(_extra(rng, world, audience, departures, arm))
        orders = _give_coupons(rng, audience, orders)
        ends = np.linspace(lot.control, 1, len(lot.arms) + 1)[:-1]
        arm_drawn = np.searchsorted(ends, rng.random(len(audience.who)), side="right")
        place, within = audience.within(orders)
        mine = within & ((orders.lot == number) | (orders.coupon == number))
        mine &= (orders.lot < 0) | (orders.arm + 1 == np.append(arm_drawn, 0)[place])
        answered = np.full(len(audience.who) + 1, NEVER)
        np.minimum.at(answered, place[mine], orders.at[mine])
        averse = people.averse[audience.who]
        found = answers(rng, lot, audience.who, audience.at, arm_drawn, audience.luck, answered[:-1], averse)
        gone = found.left < NEVER
        consents.withdraw(lot.arms[0].channel, found.left[gone], found.who[gone])
        drawn.append(found)
    return orders, drawn


def happens(orders: Orders, arm_of: Ints) -> Flags:
    """Whether an order happens, given everybody's arm in every lot (lots × people)."""
    brought: Flags = arm_of[orders.lot, orders.who] == orders.arm + 1
    skipped = (orders.skipped >= 0) & (arm_of[orders.skipped, orders.who] > 0)
    return ((orders.lot < 0) | brought) & ~skipped


def used_coupon(orders: Orders, arm_of: Ints) -> Flags:
    """Whether the coupon that an order would use was sent."""
    return (orders.coupon >= 0) & (arm_of[orders.coupon, orders.who] > 0)


def _audience(rng: np.random.Generator, number: int, people: People, consents: Consents) -> Audience:
    """Customers who may be written to; advertising needs consent, at night one more."""
    lot, who = LOTS[number], np.flatnonzero(~people.guest)
    first, last = lot.hours
    at = (day_number(lot.starts) + rng.integers(0, lot.spread_days, len(who))) * DAY
    at = at + rng.integers(first * 3600, last * 3600 - 1200, len(who))
    may = people.joined[who] < at
    if not lot.informational:
        may &= consents.holds(lot.arms[0].channel, at, who)
        may &= consents.night[who] | (last <= 21)
    return Audience(number, people, who[may], at[may], rng.random(int(may.sum())))


def _skip(rng: np.random.Generator, world: Full, audience: Audience, orders: Orders) -> Orders:
    """Mark what averse customers would leave out after this lot's message."""
    place, within = audience.within(orders)
    reached = np.logical_and.reduce([audience.reached(arm.channel) for arm in audience.lot.arms])
    marked = within & np.append(reached, False)[place] & audience.people.averse[orders.who]
    marked &= (orders.lot < 0) & (orders.skipped < 0) & (rng.random(len(orders)) < world.averse_skips)
    return replace(orders, skipped=np.where(marked, audience.number, orders.skipped))


def _extra(
    rng: np.random.Generator, world: Full, audience: Audience, departures: Departures, arm: int
) -> Orders:
    """The orders that one arm's message would bring, of those who have not left and are not averse."""
    who, at, people, lot = audience.who, audience.at, audience.people, audience.lot
    touch = lot.arms[arm]
    new = at - people.joined[who] <= world.new_days * DAY
    open_to = ~people.averse[who] & (departures.at[who] > at) & audience.reached(touch.channel)
    count = rng.poisson(touch.extra * np.where(new, world.new_response, 1.0) * open_to)
    row = np.repeat(np.arange(len(who)), count)
    day = (at[row] + rng.beta(1, 2.5, len(row)) * lot.horizon_days * DAY).astype(np.int64) // DAY
    inside = day < END // DAY
    row, day = row[inside], day[inside]
    orders = describe(rng, world, people, who[row], day, lot=audience.number, arm=arm)
    orders = replace(orders, at=orders.at + DAY * (orders.at < at[row] + ANSWER_AFTER))
    ends = np.minimum(np.minimum(at[row] + lot.horizon_days * DAY, departures.at[who[row]]), END)
    return orders.take(orders.at < ends)


def _give_coupons(rng: np.random.Generator, audience: Audience, orders: Orders) -> Orders:
    """The coupon is used for the first order within the horizon, by some."""
    lot, number = audience.lot, audience.number
    if not lot.coupon:
        return orders
    uses = audience.reached(lot.arms[0].channel) & (rng.random(len(audience.who)) < lot.redeems)
    place, within = audience.within(orders)
    could = within & np.append(uses, False)[place] & ((orders.lot < 0) | (orders.lot == number))
    could &= orders.at > np.append(audience.at, NEVER)[place] + ANSWER_AFTER
    rows = np.flatnonzero(could & (orders.skipped != number) & (orders.coupon < 0))
    rows = rows[np.unique(orders.who[rows], return_index=True)[1]]
    coupon = orders.coupon.copy()
    coupon[rows] = number
    return replace(orders, coupon=coupon)
