"""Touches that mislead: robots, sessions that carry another one's id, two people on one phone."""

from __future__ import annotations

import numpy as np

from crm_utils.sources.demo_shop.arrays import Ints
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.events import SOURCES, VIEW, VISIT, Events
from crm_utils.sources.demo_shop.people import People
from crm_utils.sources.demo_shop.referrals import Referred
from crm_utils.sources.demo_shop.visits import Visits
from crm_utils.sources.demo_shop.worlds import Noise

__all__ = ["mixed_up", "phones", "robots"]

USUAL_CUSTOMERS = 10_000


def robots(rng: np.random.Generator, world: Noise, people: People, products: int, first: int) -> Events:
    """Sessions with hundreds of views within minutes, of nobody; numbered on from ``first``."""
    n = rng.poisson(world.bots * len(people) / USUAL_CUSTOMERS)
    session = np.repeat(np.arange(n), world.bot_views)
    start = rng.integers(0, END - DAY, n)
    at = start[session] + np.sort(rng.integers(0, 1200, (n, world.bot_views)), axis=1).ravel()
    none = np.full(len(session), -1)
    product = rng.integers(0, products, len(session))
    source = none + 1 + SOURCES.index("direct")
    return Events(none, first + session, at, none + 1 + VIEW, product, source, none)


def phones(rng: np.random.Generator, world: Noise, people: People, referred: Referred, first: int) -> Events:
    """Sessions in which two customers are seen: couples, and those who refer themselves as they join."""
    mine = np.flatnonzero(~people.guest)
    pairs = rng.permutation(mine)[: int(len(mine) * world.shared_phones) // 2 * 2].reshape(-1, 2)
    pairs = np.repeat(pairs, world.phone_visits, axis=0)
    joined = np.maximum(people.joined[pairs].max(axis=1), 0)
    at = joined + (rng.random(len(pairs)) * (END - joined)).astype(np.int64)
    frauds = referred.take(referred.fraud)
    one = np.concatenate([pairs[:, 0], frauds.referrer])
    other = np.concatenate([pairs[:, 1], frauds.who])
    at, n = np.concatenate([at, frauds.at + 5]), len(one)
    none = np.full(2 * n, -1)
    later = np.repeat([0, 120], n)
    return Events(np.concatenate([one, other]), first + np.tile(np.arange(n), 2), np.tile(at, 2) + later,
                  none + 1 + VISIT, none, none + 1 + SOURCES.index("app"), none)  # fmt: skip


def mixed_up(rng: np.random.Generator, world: Noise, visits: Visits) -> Ints:
    """The number of each visit's session: some visits without a cart carry that of another one."""
    session = np.arange(len(visits))
    plain = np.flatnonzero(~visits.cart)
    wrong = plain[rng.random(len(plain)) < world.shared_sessions]
    if len(plain):
        session[wrong] = rng.choice(plain, len(wrong))
    return session
