"""What the shop's automations send in 2025, to whom by chance, and what comes of it either way."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.clock import DAY, END, START_OF_2025, day_number
from crm_utils.sources.demo_shop.extras import Filled, later
from crm_utils.sources.demo_shop.letters import Letters, letters
from crm_utils.sources.demo_shop.orders import Departures
from crm_utils.sources.demo_shop.people import NEVER, Consents, People
from crm_utils.sources.demo_shop.worlds import Scenarios

__all__ = ["Crowd", "Tokens", "best_hours", "birthday", "confirmed", "early_access", "newsletter", "restock"]

CLICKS = 0.85
"""Of those who buy because of a message, those who click in it."""


@dataclass(frozen=True)
class Crowd:
    """The customers of a block, their consents, and when each leaves."""

    people: People
    consents: Consents
    departures: Departures

    def there(self, at: Ints | int) -> Flags:
        """Who has joined and not left by then; no guests."""
        people = self.people
        return np.asarray(~people.guest & (people.joined < at) & (self.departures.at > at))


@dataclass(frozen=True)
class Tokens:
    """Until when push reaches each customer, and from when again; NEVER where it always does."""

    lost: Ints
    back: Ints

    @classmethod
    def draw(cls, rng: np.random.Generator, world: Scenarios, people: People) -> Tokens:
        """An app update loses some tokens; they come back as customers log in again."""
        n, day = len(people), day_number(world.token_lost_on)
        gone = ~people.guest & (people.joined < day * DAY) & (rng.random(n) < world.token_lost)
        lost = day * DAY + rng.integers(0, 3 * DAY, n)
        back = (day + 30) * DAY + rng.integers(0, 90 * DAY, n)
        return cls(np.where(gone, lost, NEVER), np.where(gone, back, NEVER))


def birthday(rng: np.random.Generator, world: Scenarios, crowd: Crowd) -> Letters:
    """Congratulations in the app, on the birthday; they change nothing."""
    at = START_OF_2025 + crowd.people.birthday * DAY + 10 * 3600 + rng.integers(0, 3600, len(crowd.people))
    who = np.flatnonzero(crowd.there(at))
    at = at[who]
    may = crowd.consents.holds("in_app", at, who) & (at < END - 28 * DAY)
    who, at = who[may], at[may]
    held, share = _lot(rng, len(who), world.birthday_held)
    nothing = np.zeros(len(who), dtype=np.int64)
    return letters(rng, "birthday", "in_app", who, at, held, share, outcomes=(nothing, nothing))


def early_access(
    rng: np.random.Generator, world: Scenarios, crowd: Crowd, filled: Filled, happens: Flags
) -> tuple[Filled, Letters]:
    """A first look at new goods: some order within a week what they would have ordered within four."""
    orders, _ = filled
    n, day = len(crowd.people), day_number(world.early_on)
    at = day * DAY + 10 * 3600 + rng.integers(0, 2 * 3600, n)
    who = np.flatnonzero(crowd.there(at))
    who = who[crowd.consents.holds("app_push", at[who], who)]
    held, share = _lot(rng, len(who), world.early_held)
    plain = happens & (orders.trial == -1) & (orders.skipped < 0) & (orders.coupon < 0)
    since = orders.at - at[orders.who]
    rows = np.flatnonzero(plain & (since > 8 * DAY) & (since < 28 * DAY))
    rows = rows[np.unique(orders.who[rows], return_index=True)[1]]
    sooner = rows[rng.random(len(rows)) < world.early_share]
    days_off = since[sooner] // DAY - rng.integers(1, 6, len(sooner))  # at the same hour, 1 to 6 days after
    would = np.zeros(n, dtype=bool)
    would[orders.who[sooner]] = True
    sent = np.zeros(n, dtype=bool)
    sent[who[~held]] = True
    moved = sent[orders.who[sooner]]
    filled = later(filled, sooner[moved], -days_off[moved] * DAY)
    outcomes = (np.zeros(len(who), dtype=np.int64), would[who].astype(np.int64))
    mine = letters(rng, "early_access", "app_push", who, at[who], held, share, outcomes=outcomes,
                   arrives=np.ones(len(who), bool))  # fmt: skip
    return filled, mine


def best_hours(rng: np.random.Generator, world: Scenarios, people: People) -> Ints:
    """Which of the hours at which letters are sent suits each customer best."""
    return rng.integers(0, len(world.hours), len(people))


def newsletter(rng: np.random.Generator, world: Scenarios, crowd: Crowd, best: Ints) -> Letters:
    """A letter a week, at an hour that chance chooses; the more came lately, the more opt out."""
    n, parts = len(crowd.people), []
    never = rng.random(n) < world.newsletter_held
    chance = rng.choice(world.newsletter_shares, n)
    got = np.zeros((world.newsletter_weeks, n), dtype=np.int64)
    for week in range(world.newsletter_weeks):
        day = day_number(world.newsletter_starts) + 7 * week
        hour = rng.integers(0, len(world.hours), n)
        at = day * DAY + np.array(world.hours)[hour] * 3600 + rng.integers(0, 600, n)
        who = np.flatnonzero(crowd.there(at) & (never | (rng.random(n) < chance)))
        who = who[crowd.consents.holds("email", at[who], who)]
        held = never[who]
        opens = np.where(hour[who] == best[who], world.opens_best, world.opens)
        share = np.where(held, world.newsletter_held, (1 - world.newsletter_held) * chance[who])
        mine = letters(rng, "newsletter", "email", who, at[who], held, share, opens=opens,
                       variant=hour[who])  # fmt: skip
        got[week, who[~held]] = 1
        lately = got[max(week - 4, 0) : week].sum(axis=0)[who]
        leaves = (mine.delivered < END) & (rng.random(len(who)) < world.opt_out + world.opt_out_more * lately)
        left = np.where(leaves, mine.delivered + 60 + rng.integers(0, 3600, len(who)), NEVER)
        crowd.consents.withdraw("email", left[leaves], who[leaves])
        parts.append(replace(mine, left=left))
    return Letters.joined(parts)


def restock(
    rng: np.random.Generator, world: Scenarios, crowd: Crowd, tokens: Tokens
) -> tuple[Letters, Letters, Ints]:
    """A notice by push; where it cannot arrive another channel stands in, by chance; and what that brings."""
    at = day_number(world.restock_on) * DAY + rng.integers(10 * 3600, 18 * 3600, len(crowd.people))
    who = np.flatnonzero(crowd.there(at))
    n, lost = len(who), (tokens.lost[who] < at[who]) & (tokens.back[who] > at[who])
    first = letters(rng, "restock", "app_push", who, at[who], np.zeros(n, bool), np.ones(n), arrives=~lost,
                    advertising=False)  # fmt: skip
    rows = np.flatnonzero(lost)
    held, share = _lot(rng, len(rows), world.fallback_held)
    then, whose = at[who[rows]] + 1800, who[rows]
    order_at = then + 3600 + rng.integers(0, 13 * DAY, len(rows))
    would = (rng.random(len(rows)) < world.fallback_lift) & (crowd.departures.at[whose] > order_at)
    ordered = np.where(would & ~held, order_at, NEVER)
    clicked = np.where((ordered < NEVER) & (rng.random(len(rows)) < CLICKS), ordered - 600, NEVER)
    outcomes = (np.zeros(len(rows), dtype=np.int64), would.astype(np.int64))
    second = letters(rng, "restock", "alimtalk", whose, then, held, share, advertising=False,
                     arrives=np.ones(len(rows), bool), clicked=clicked, outcomes=outcomes)  # fmt: skip
    return first, replace(second, fallback=rows), ordered


def confirmed(rng: np.random.Generator, world: Scenarios, crowd: Crowd) -> Letters:
    """The notice, two years after the consent, that it was given and how to take it back."""
    at = (crowd.people.joined // DAY + world.confirm_days) * DAY + 10 * 3600
    who = np.flatnonzero(~crowd.people.guest & crowd.consents.first.any(axis=1) & (at >= 0) & (at < END))
    n = len(who)
    return letters(rng, "consent_reconfirmation", "alimtalk", who, at[who], np.zeros(n, bool), np.ones(n),
                   advertising=False)  # fmt: skip


def _lot(rng: np.random.Generator, n: int, held_share: float) -> tuple[Flags, np.ndarray]:
    held = rng.random(n) < held_share
    return held, np.where(held, held_share, 1 - held_share)
