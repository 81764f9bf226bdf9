"""Which tier is a customer in, who orders a little more to reach it, and what does it bring? Reviews."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints, Rows
from crm_utils.sources.demo_shop.catalogue import Catalogue
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.extras import Filled, made
from crm_utils.sources.demo_shop.scenarios import Crowd
from crm_utils.sources.demo_shop.worlds import FULL, Loyalty

__all__ = ["TIERS", "Standing", "reviewed"]

TIERS = ("패밀리", "실버", "골드")


@dataclass(frozen=True)
class Standing(Rows):
    """What each review found: customer, moment, won paid before, the tier from then on, and both outcomes.

    ``topped`` tells who ordered a little more to reach silver; ``would`` how many orders gold brings, to
    whom it is given or would be.
    """

    who: Ints
    at: Ints
    paid: Ints
    tier: Ints
    topped: Flags
    would: Ints


@dataclass(frozen=True)
class _Paid:
    """What was paid, by order: customer, moment, won."""

    who: Ints
    at: Ints
    won: Ints

    def until(self, moment: int, days: int, people: int) -> Ints:
        """Paid by each in so many days before."""
        rows = (self.at < moment) & (self.at >= moment - days * DAY)
        return np.bincount(self.who[rows], self.won[rows], minlength=people).astype(np.int64)

    def with_more(self, more: Filled) -> _Paid:
        """With further orders, which all happen."""
        orders, lines = more
        won = np.bincount(lines.order[~lines.back], lines.amount[~lines.back], minlength=len(orders))
        parts = ((self.who, orders.who), (self.at, orders.at), (self.won, won.astype(np.int64)))
        return _Paid(*(np.concatenate(pair) for pair in parts))


def reviewed(
    rng: np.random.Generator,
    world: Loyalty,
    crowd: Crowd,
    filled: Filled,
    happens: Flags,
    used_coupon: Flags,
    goods: Catalogue,
) -> tuple[list[Filled], Standing]:
    """All reviews in order of time: orders that top up, orders that gold brings, and who stands where."""
    orders, lines = filled
    bought = ~lines.back
    won = lines.amount[bought] - lines.coupon[bought] * used_coupon[lines.order[bought]]
    each = np.bincount(lines.order[bought], won, minlength=len(orders)).astype(np.int64)
    paid, more, standings = _Paid(orders.who[happens], orders.at[happens], each[happens]), [], []
    for day in world.reviews:
        moment = day_number(day) * DAY
        added, topped = _top_up(rng, world, crowd, paid, moment, goods)
        paid = paid.with_more(added)
        brought, standing = _set_tiers(rng, world, crowd, paid, moment, topped, goods)
        paid = paid.with_more(brought)
        more += [added, brought]
        standings.append(standing)
    return more, Standing.joined(standings)


def _top_up(
    rng: np.random.Generator, world: Loyalty, crowd: Crowd, paid: _Paid, moment: int, goods: Catalogue
) -> tuple[Filled, Flags]:
    """The orders of some who lack a little for silver shortly before a review."""
    early, n = moment - world.top_up_days * DAY, len(crowd.people)
    # What falls out of the window by the day of the review does not count any more.
    so_far = paid.until(early, world.window_days - world.top_up_days, n)
    lacks = world.silver - so_far
    near = crowd.there(moment) & (lacks > 0) & (lacks <= world.top_up_won)
    who = np.flatnonzero(near & (rng.random(n) < world.top_up_share))
    always = np.flatnonzero(np.array([day is None for day in goods.launched]))
    by_price = always[np.argsort(goods.price[always], kind="stable")]
    enough = np.searchsorted(goods.price[by_price], lacks[who] / 0.8)  # a fifth may be off
    product = by_price[enough + rng.integers(0, 4, len(who))]
    at = early + rng.integers(9 * 3600, world.top_up_days * DAY - 2 * 3600, len(who))
    topped = np.zeros(n, dtype=bool)
    topped[who] = True
    return made(rng, FULL, who, at, product, goods), topped


def _set_tiers(
    rng: np.random.Generator,
    world: Loyalty,
    crowd: Crowd,
    paid: _Paid,
    moment: int,
    topped: Flags,
    goods: Catalogue,
) -> tuple[Filled, Standing]:
    """Set tiers by what was paid, and make the orders that gold brings until the next review."""
    people = crowd.people
    who = np.flatnonzero(~people.guest & (people.joined < moment))
    spent = paid.until(moment, world.window_days, len(people))[who]
    tier = (spent >= world.silver).astype(np.int64) + (spent >= world.gold)
    count = rng.poisson(world.gold_orders, len(who))
    row = np.repeat(np.arange(len(who)), count)
    at = moment + 9 * 3600 + (rng.random(len(row)) * (world.window_days * DAY - 14 * 3600)).astype(np.int64)
    there = (crowd.departures.at[who[row]] > at) & (at < END)
    row, at = row[there], at[there]
    would = np.bincount(row, minlength=len(who))
    gold = tier[row] == TIERS.index("골드")
    product = rng.integers(0, len(goods.name) // 3, int(gold.sum())) * 3
    brought = made(rng, FULL, who[row[gold]], at[gold], product, goods)
    return brought, Standing(who, np.full(len(who), moment), spent, tier, topped[who], would)
