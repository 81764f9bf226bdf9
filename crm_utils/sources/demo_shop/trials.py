"""Who is written to, decided at random, and what comes of it either way? Both outcomes of every customer.

Every order that a message would bring exists, marked with the trial and arm that bring it, and every order
that an averse customer would leave out is marked with the trial that makes them. The draw then only decides
which of them happen: the outcome with and without the message is known for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Floats, Ints
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.messages import SENT_AFTER, Drawn, answers
from crm_utils.sources.demo_shop.orders import Departures, Orders, describe
from crm_utils.sources.demo_shop.people import NEVER, Consents, People
from crm_utils.sources.demo_shop.worlds import CHANNELS, TRIALS, Full, Trial

__all__ = ["Audience", "draw_trials", "happens", "used_coupon"]

ANSWER_AFTER = 3_600
"""Seconds from the draw before which nobody orders because of it."""


@dataclass(frozen=True)
class Audience:
    """Who takes part in a trial, with a message or without.

    Attributes
    ----------
    number, people
        Number of the trial, and all people of the block.
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
    def trial(self) -> Trial:
        """What is drawn."""
        return TRIALS[self.number]

    def reached(self, channel: str) -> Flags:
        """Whether a message by this channel would arrive."""
        return self.luck < CHANNELS[channel].delivered

    def within(self, orders: Orders) -> tuple[Ints, Flags]:
        """For each order its customer's place in this audience, and whether it falls within the horizon."""
        place = np.full(len(self.people), -1)
        place[self.who] = np.arange(len(self.who))
        place = place[orders.who]
        start = np.append(self.at, NEVER)[place]
        return place, (orders.at > start) & (orders.at < start + self.trial.horizon_days * DAY)


def draw_trials(
    rng: np.random.Generator,
    world: Full,
    people: People,
    consents: Consents,
    orders: Orders,
    departures: Departures,
) -> tuple[Orders, list[Drawn]]:
    """Draw all trials in order of time, and add to the orders what each would change."""
    drawn = []
    for number, trial in enumerate(TRIALS):
        audience = _audience(rng, number, people, consents)
        orders = _skip(rng, world, audience, orders)
        for arm in range(len(trial.arms)):
            orders = orders.with_more(_extra(rng, world, audience, departures, arm))
        orders = _give_coupons(rng, audience, orders)
        ends = np.linspace(trial.control, 1, len(trial.arms) + 1)[:-1]
        arm_drawn = np.searchsorted(ends, rng.random(len(audience.who)), side="right")
        place, within = audience.within(orders)
        mine = within & ((orders.trial == number) | (orders.coupon == number))
        mine &= (orders.trial < 0) | (orders.arm + 1 == np.append(arm_drawn, 0)[place])
        answered = np.full(len(audience.who) + 1, NEVER)
        np.minimum.at(answered, place[mine], orders.at[mine])
        averse = people.averse[audience.who]
        lot_drawn = answers(
            rng, trial, audience.who, audience.at, arm_drawn, audience.luck, answered[:-1], averse
        )
        gone = lot_drawn.left < NEVER
        consents.withdraw(trial.arms[0].channel, lot_drawn.left[gone], lot_drawn.who[gone])
        drawn.append(lot_drawn)
    return orders, drawn


def happens(orders: Orders, arm_of: Ints) -> Flags:
    """Whether an order happens, given everybody's arm in every trial (trials × people)."""
    brought: Flags = arm_of[orders.trial, orders.who] == orders.arm + 1
    skipped = (orders.skipped >= 0) & (arm_of[orders.skipped, orders.who] > 0)
    return ((orders.trial < 0) | brought) & ~skipped


def used_coupon(orders: Orders, arm_of: Ints) -> Flags:
    """Whether the coupon that an order would use was sent."""
    return (orders.coupon >= 0) & (arm_of[orders.coupon, orders.who] > 0)


def _audience(rng: np.random.Generator, number: int, people: People, consents: Consents) -> Audience:
    """Customers who may be written to; advertising needs consent, at night one more."""
    trial, who = TRIALS[number], np.flatnonzero(~people.guest)
    first, last = trial.hours
    at = (day_number(trial.starts) + rng.integers(0, trial.spread_days, len(who))) * DAY
    at = at + rng.integers(first * 3600, last * 3600 - 1200, len(who))
    may = people.joined[who] < at
    if not trial.informational:
        channel = trial.arms[0].channel  # consent when chance decides, and still when the message leaves
        may &= consents.holds(channel, at, who) & consents.holds(channel, at + SENT_AFTER, who)
        may &= consents.night[who] | (last <= 21)
    return Audience(number, people, who[may], at[may], rng.random(int(may.sum())))


def _skip(rng: np.random.Generator, world: Full, audience: Audience, orders: Orders) -> Orders:
    """Mark what averse customers would leave out after this trial's message."""
    place, within = audience.within(orders)
    reached = np.logical_and.reduce([audience.reached(arm.channel) for arm in audience.trial.arms])
    marked = within & np.append(reached, False)[place] & audience.people.averse[orders.who]
    marked &= (orders.trial < 0) & (orders.skipped < 0) & (rng.random(len(orders)) < world.averse_skips)
    return replace(orders, skipped=np.where(marked, audience.number, orders.skipped))


def _extra(
    rng: np.random.Generator, world: Full, audience: Audience, departures: Departures, arm: int
) -> Orders:
    """The orders that one arm's message would bring, of those who have not left and are not averse."""
    who, at, people, trial = audience.who, audience.at, audience.people, audience.trial
    touch = trial.arms[arm]
    new = at - people.joined[who] <= world.new_days * DAY
    open_to = ~people.averse[who] & (departures.at[who] > at) & audience.reached(touch.channel)
    count = rng.poisson(touch.extra * np.where(new, world.new_response, 1.0) * open_to)
    row = np.repeat(np.arange(len(who)), count)
    day = (at[row] + rng.beta(1, 2.5, len(row)) * trial.horizon_days * DAY).astype(np.int64) // DAY
    inside = day < END // DAY
    row, day = row[inside], day[inside]
    orders = describe(rng, world, people, who[row], day, trial=audience.number, arm=arm)
    orders = replace(orders, at=orders.at + DAY * (orders.at < at[row] + ANSWER_AFTER))
    ends = np.minimum(np.minimum(at[row] + trial.horizon_days * DAY, departures.at[who[row]]), END)
    return orders.take(orders.at < ends)


def _give_coupons(rng: np.random.Generator, audience: Audience, orders: Orders) -> Orders:
    """The coupon is used for the first order within the horizon, by some."""
    trial, number = audience.trial, audience.number
    if not trial.coupon:
        return orders
    uses = audience.reached(trial.arms[0].channel) & (rng.random(len(audience.who)) < trial.redeems)
    place, within = audience.within(orders)
    could = within & np.append(uses, False)[place] & ((orders.trial < 0) | (orders.trial == number))
    could &= orders.at > np.append(audience.at, NEVER)[place] + ANSWER_AFTER
    rows = np.flatnonzero(could & (orders.skipped != number) & (orders.coupon < 0))
    rows = rows[np.unique(orders.who[rows], return_index=True)[1]]
    coupon = orders.coupon.copy()
    coupon[rows] = number
    return replace(orders, coupon=coupon)
