"""One block of the full world: customers with all that they do, and might have done."""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop.ads import harvested, schedule, with_advertised
from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.baskets import Lines, fill
from crm_utils.sources.demo_shop.catalogue import Catalogue
from crm_utils.sources.demo_shop.clicks import lead_in
from crm_utils.sources.demo_shop.events import SOURCES
from crm_utils.sources.demo_shop.extras import Filled, before_holidays, joined, made
from crm_utils.sources.demo_shop.letters import Letters, together
from crm_utils.sources.demo_shop.messages import Drawn
from crm_utils.sources.demo_shop.nulls import Nulls, draw_null_test
from crm_utils.sources.demo_shop.orders import Departures, Orders, baseline
from crm_utils.sources.demo_shop.people import NEVER, Consents, People, people
from crm_utils.sources.demo_shop.referrals import Referred, refer
from crm_utils.sources.demo_shop.reminders import CHANNEL as REMINDER
from crm_utils.sources.demo_shop.reminders import remind
from crm_utils.sources.demo_shop.scenarios import (
    Crowd,
    Tokens,
    best_hours,
    birthday,
    confirmed,
    early_access,
    newsletter,
    restock,
)  # fmt: skip
from crm_utils.sources.demo_shop.tiers import Standing, reviewed
from crm_utils.sources.demo_shop.trials import draw_trials, happens, used_coupon
from crm_utils.sources.demo_shop.visits import Visits, lose_payments, visits, with_carts_left
from crm_utils.sources.demo_shop.worlds import ADS, CARTS, DATES, FIRSTS, FULL, LOYAL, NULL_TESTS, WRITES

__all__ = ["BLOCK", "Block", "stream"]

BLOCK = 10_000
"""Customers of a block: what is in memory at a time."""
_PARTS = ("people", "consents", "orders", "trials", "baskets", "nulls", "events", "answers", "points", "pure")


def stream(seed: int, block: int, part: str) -> np.random.Generator:
    """Random numbers of one part of one block: a change to one part leaves the others as they were."""
    number = _PARTS.index(part) if part in _PARTS else zlib.crc32(part.encode())
    return np.random.default_rng([seed, block, number])


@dataclass(frozen=True)
class Block:
    """What a block holds. ``orders`` and ``lines`` are all that happen or might, by customer and time.

    ``first`` is the number of its first customer in the whole shop; ``lost`` are the orders that failed at
    payment, which stand in no other place.
    """

    first: int
    people: People
    consents: Consents
    orders: Orders
    departures: Departures
    drawn: list[Drawn]
    lines: Lines
    visits: Visits
    letters: Letters
    lost: Orders
    tokens: Tokens
    best_hour: Ints
    standing: Standing
    referred: Referred
    on: Flags
    by_week: pa.Table
    moved: Ints

    @classmethod
    def simulate(cls, seed: int, number: int, customers: int, goods: Catalogue) -> Block:
        """Draw the block of this number, with so many customers."""
        draw = functools.partial(stream, seed, number)
        who = people(draw("people"), FULL, customers)
        consents = Consents(draw("consents"), who.joined)
        orders, departures = baseline(draw("orders"), FULL, who)
        orders, drawn = draw_trials(draw("trials"), FULL, who, consents, orders, departures)
        filled = (orders, fill(draw("baskets"), draw("firsts"), FULL, FIRSTS, who, orders, goods))
        filled, moved = before_holidays(draw("holidays"), DATES, who, filled)
        arm_of = _arms(drawn, len(who))
        filled, drawn = lead_in(draw("clicks"), filled, happens(filled[0], arm_of), drawn)
        filled, lost, failed = lose_payments(draw("leak"), CARTS, filled, happens(filled[0], arm_of))
        crowd = Crowd(who, consents, departures)
        filled, early = early_access(draw("early_access"), WRITES, crowd, filled, happens(filled[0], arm_of))
        looked = visits(draw("visits"), CARTS, who, departures, len(goods.name))
        on = schedule(seed)
        looked, by_week = with_advertised(draw("ads"), ADS, on, looked)
        filled, looked = with_carts_left(
            draw("carts"), CARTS, who, filled, happens(filled[0], arm_of), looked
        )
        looked = Visits.joined([looked, failed])
        source = harvested(draw("brand_search"), ADS, on, looked.source, looked.at)
        looked = replace(looked, source=source)
        reminded, sent = _reminded(draw("reminders"), filled, consents, departures, looked, goods)
        tokens, best = Tokens.draw(draw("tokens"), WRITES, who), best_hours(draw("hours"), WRITES, who)
        restocked, notices = _restocked(draw("restock"), crowd, tokens, goods)
        plain = joined([filled, reminded, restocked])
        loyal, standing = reviewed(
            draw("tiers"), LOYAL, crowd, plain, happens(plain[0], arm_of),
            used_coupon(plain[0], arm_of), goods,
        )  # fmt: skip
        filled = joined([plain, *loyal])
        referred = refer(draw("referrals"), LOYAL, crowd, filled[0], happens(filled[0], arm_of))
        every = [sent, early, *notices, birthday(draw("birthday"), WRITES, crowd)]
        every += [
            newsletter(draw("newsletter"), WRITES, crowd, best),
            confirmed(draw("confirm"), WRITES, crowd),
        ]
        return cls(
            number * BLOCK, who, consents, filled[0], departures, drawn, filled[1], looked, together(every),
            lost, tokens, best, standing, referred, on, by_week, moved,
        )  # fmt: skip

    @cached_property
    def arm_of(self) -> Ints:
        """Everybody's arm in every trial: trials × people, −1 for who did not take part."""
        return _arms(self.drawn, len(self.people))

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


def _restocked(
    rng: np.random.Generator, crowd: Crowd, tokens: Tokens, goods: Catalogue
) -> tuple[Filled, list[Letters]]:
    """Send the notice and what stands in for it, and add the orders that this brings."""
    first, second, ordered = restock(rng, WRITES, crowd, tokens)
    rows = np.flatnonzero(ordered < NEVER)
    clicked = second.clicked[rows]
    via = np.where(clicked < NEVER, SOURCES.index("alimtalk"), -1)
    product = rng.integers(0, len(goods.name) // 3, len(rows)) * 3  # the first styles are always there
    more = made(rng, FULL, second.who[rows], ordered[rows], product, goods, via=via, clicked=clicked)
    return more, [first, second]


def _arms(drawn: list[Drawn], people: int) -> Ints:
    return np.stack([one.arm_of(people) for one in drawn])


def _reminded(
    rng: np.random.Generator,
    filled: Filled,
    consents: Consents,
    departures: Departures,
    looked: Visits,
    goods: Catalogue,
) -> tuple[Filled, Letters]:
    """Remind of carts, and add the orders that this brings."""
    back_at = np.full(len(looked), NEVER)
    back = np.flatnonzero(filled[0].cart >= 0)
    back_at[filled[0].cart[back]] = filled[0].at[back]
    sent, ordered = remind(rng, CARTS, consents, departures, looked, back_at)
    rows = np.flatnonzero(ordered < NEVER)
    cart, clicked = sent.visit[rows], sent.clicked[rows]
    via = np.where(clicked < NEVER, SOURCES.index(REMINDER), -1)
    more = made(rng, FULL, sent.who[rows], ordered[rows], looked.product[cart], goods, cart=cart, via=via,
                clicked=clicked)  # fmt: skip
    return more, sent
