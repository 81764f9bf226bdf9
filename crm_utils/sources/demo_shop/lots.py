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
from crm_utils.sources.demo_shop.orders import Departures, Orders, describe
from crm_utils.sources.demo_shop.people import NEVER, Consents, People
from crm_utils.sources.demo_shop.worlds import CHANNELS, LOTS, Full, Lot, NullTest

__all__ = ["Drawn", "Nulls", "draw_lots", "draw_null_test", "happens", "used_coupon"]

SENT_AFTER = 600
"""Seconds from the draw to the message."""
ANSWER_AFTER = 3_600
"""Seconds from the draw before which nobody orders because of it."""


@dataclass(frozen=True)
class Drawn:
    """One lot: who took part (numbers in the block), when, and with which arm (0: no message, 1: the first).

    ``delivered``, ``opened``, ``clicked`` and ``left`` are moments, NEVER where it did not happen.
    """

    lot: Lot
    who: Ints
    at: Ints
    arm: Ints
    delivered: Ints
    opened: Ints
    clicked: Ints
    left: Ints

    @property
    def sent(self) -> Ints:
        """When the message was sent, or would have been."""
        return self.at + SENT_AFTER

    def arm_of(self, people: int) -> Ints:
        """The arm of everybody in the block; −1 for who did not take part."""
        found = np.full(people, -1)
        found[self.who] = self.arm
        return found


@dataclass(frozen=True)
class Nulls:
    """An experiment without effect: who, when, and whether the second arm."""

    test: NullTest
    who: Ints
    at: Ints
    second: Ints


def draw_lots(
    rng: np.random.Generator,
    world: Full,
    people: People,
    consents: Consents,
    orders: Orders,
    departures: Departures,
) -> tuple[Orders, list[Drawn]]:
    """Draw all lots in order of time, and add what each would change to the orders."""
    drawn = []
    for number, lot in enumerate(LOTS):
        who, at = _eligible(rng, lot, people, consents)
        luck = rng.random(len(who))  # low: the message arrives, by whichever channel
        orders = _skip(rng, world, people, orders, number, who, at, luck)
        for arm in range(len(lot.arms)):
            orders = orders.with_more(_extra(rng, world, people, departures, number, arm, who, at, luck))
        orders = _give_coupons(rng, orders, len(people), number, who, at, luck)
        ends = np.linspace(lot.control, 1, len(lot.arms) + 1)[:-1]
        arm_drawn = np.searchsorted(ends, rng.random(len(who)), side="right")
        found = _answers(rng, orders, len(people), number, people.averse[who], who, at, arm_drawn, luck)
        if not lot.informational:
            consents.withdraw(lot.arms[0].channel, found.left[found.left < NEVER], who[found.left < NEVER])
        drawn.append(found)
    return orders, drawn


def draw_null_test(rng: np.random.Generator, test: NullTest, people: People, orders: Orders) -> Nulls:
    """Assign everybody to one of two arms that do nothing; where the lot is broken, by what they bought."""
    first = day_number(test.starts) * DAY
    who = np.flatnonzero(~people.guest & (people.joined < first))
    at = first + rng.integers(0, test.spread_days, len(who)) * DAY + rng.integers(9, 21, len(who)) * 3600
    at = at + rng.integers(0, 3600, len(who))
    bought = np.zeros(len(people), dtype=bool)
    bought[orders.who[(orders.at < first) & (orders.at >= first - 90 * DAY)]] = True
    chance = np.where(bought[who], test.second_if_buyer, test.second_otherwise)
    second = (rng.random(len(who)) < chance).astype(np.int64)
    twice = np.flatnonzero(rng.random(len(who)) < test.in_both)
    return Nulls(
        test,
        np.concatenate([who, who[twice]]),
        np.concatenate([at, at[twice] + 1800]),
        np.concatenate([second, 1 - second[twice]]),
    )


def happens(orders: Orders, arm_of: Ints) -> Flags:
    """Whether an order happens, given everybody's arm in every lot (lots × people)."""
    brought: Flags = arm_of[orders.lot, orders.who] == orders.arm + 1
    skipped = (orders.skipped >= 0) & (arm_of[orders.skipped, orders.who] > 0)
    return ((orders.lot < 0) | brought) & ~skipped


def used_coupon(orders: Orders, arm_of: Ints) -> Flags:
    """Whether the coupon that an order would use was sent."""
    return (orders.coupon >= 0) & (arm_of[orders.coupon, orders.who] > 0)


def _eligible(rng: np.random.Generator, lot: Lot, people: People, consents: Consents) -> tuple[Ints, Ints]:
    """Customers who may be written to, and when; advertising needs consent, at night one more."""
    who = np.flatnonzero(~people.guest)
    first, last = lot.hours
    at = (day_number(lot.starts) + rng.integers(0, lot.spread_days, len(who))) * DAY
    at = at + rng.integers(first * 3600, last * 3600 - 1200, len(who))
    may = people.joined[who] < at
    if not lot.informational:
        may &= consents.holds(lot.arms[0].channel, at, who)
        may &= consents.night[who] | (last <= 21)
    return who[may], at[may]


def _within(orders: Orders, people: int, lot: Lot, who: Ints, at: Ints) -> tuple[Ints, Flags]:
    """For each order the customer's place in the lot, and whether it falls within its horizon."""
    place = np.full(people, -1)
    place[who] = np.arange(len(who))
    place = place[orders.who]
    start = np.append(at, NEVER)[place]
    return place, (orders.at > start) & (orders.at < start + lot.horizon_days * DAY)


def _skip(
    rng: np.random.Generator,
    world: Full,
    people: People,
    orders: Orders,
    number: int,
    who: Ints,
    at: Ints,
    luck: Floats,
) -> Orders:
    """Mark what averse customers would leave out after this lot's message."""
    lot = LOTS[number]
    place, within = _within(orders, len(people), lot, who, at)
    reached = np.append(luck, 1.0)[place] < min(CHANNELS[arm.channel].delivered for arm in lot.arms)
    marked = within & reached & people.averse[orders.who] & (orders.lot < 0) & (orders.skipped < 0)
    marked &= rng.random(len(orders)) < world.averse_skips
    return replace(orders, skipped=np.where(marked, number, orders.skipped))


def _extra(
    rng: np.random.Generator,
    world: Full,
    people: People,
    departures: Departures,
    number: int,
    arm: int,
    who: Ints,
    at: Ints,
    luck: Floats,
) -> Orders:
    """The orders that one arm's message would bring, of those who have not left and are not averse."""
    lot, touch = LOTS[number], LOTS[number].arms[arm]
    new = at - people.joined[who] <= world.new_days * DAY
    open_to = ~people.averse[who] & (departures.at[who] > at) & (luck < CHANNELS[touch.channel].delivered)
    count = rng.poisson(touch.extra * np.where(new, world.new_response, 1.0) * open_to)
    row = np.repeat(np.arange(len(who)), count)
    day = (at[row] + rng.beta(1, 2.5, len(row)) * lot.horizon_days * DAY).astype(np.int64) // DAY
    inside = day < END // DAY
    row, day = row[inside], day[inside]
    orders = describe(rng, world, people, who[row], day, lot=number, arm=arm)
    orders = replace(orders, at=orders.at + DAY * (orders.at < at[row] + ANSWER_AFTER))
    ends = np.minimum(np.minimum(at[row] + lot.horizon_days * DAY, departures.at[who[row]]), END)
    return orders.take(orders.at < ends)


def _give_coupons(
    rng: np.random.Generator, orders: Orders, people: int, number: int, who: Ints, at: Ints, luck: Floats
) -> Orders:
    """The coupon is used for the first order within the horizon, by some."""
    lot = LOTS[number]
    if not lot.coupon:
        return orders
    reached = luck < CHANNELS[lot.arms[0].channel].delivered
    uses = np.append(reached & (rng.random(len(who)) < lot.redeems), False)
    place, within = _within(orders, people, lot, who, at)
    could = within & uses[place] & ((orders.lot < 0) | (orders.lot == number))
    could &= orders.at > np.append(at, NEVER)[place] + ANSWER_AFTER
    rows = np.flatnonzero(could & (orders.skipped != number) & (orders.coupon < 0))
    rows = rows[np.unique(orders.who[rows], return_index=True)[1]]
    coupon = orders.coupon.copy()
    coupon[rows] = number
    return replace(orders, coupon=coupon)


def _answers(
    rng: np.random.Generator,
    orders: Orders,
    people: int,
    number: int,
    averse: Flags,
    who: Ints,
    at: Ints,
    arm: Ints,
    luck: Floats,
) -> Drawn:
    """When each message arrived, was opened and clicked, and who left by it; who answers has opened it."""
    lot, n = LOTS[number], len(who)
    rates = np.array([(c.delivered, c.opened, c.clicked, c.unsubscribed)
                      for c in (CHANNELS[touch.channel] for touch in lot.arms)])[arm - 1]  # fmt: skip
    sent = at + SENT_AFTER
    arrived = (arm > 0) & (luck < rates[:, 0])
    place, within = _within(orders, people, lot, who, at)
    mine = within & ((orders.lot == number) | (orders.coupon == number))
    mine &= (orders.lot < 0) | (orders.arm + 1 == np.append(arm, 0)[place])
    answer = np.full(n + 1, NEVER)
    np.minimum.at(answer, place[mine], orders.at[mine])
    answered = arrived & (answer[:n] < END)
    u = rng.random((3, n))
    opened = arrived & (answered | (u[0] < rates[:, 1]))
    clicked = opened & ((answered & (u[1] < 0.7)) | (u[1] < rates[:, 2] / rates[:, 1]))
    delivered_at = sent + rng.integers(1, 60, n)
    room = np.where(answered, answer[:n] - sent, 7 * DAY)
    opened_at = delivered_at + np.minimum(rng.exponential(4 * 3600, n), room / 3).astype(np.int64)
    clicked_at = opened_at + rng.integers(5, 300, n)
    left = opened & (u[2] < rates[:, 3] / rates[:, 1] * np.where(averse, 4.0, 1.0))
    moments = [np.where(f, t, NEVER) for f, t in ((arrived, delivered_at), (opened, opened_at),
                                                 (clicked, clicked_at), (left, opened_at + 60))]  # fmt: skip
    return Drawn(lot, who, at, arm, *moments)
