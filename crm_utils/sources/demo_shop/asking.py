"""Who is asked for a score, who answers, what is written, and which cases are opened? Scores and texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints, Rows
from crm_utils.sources.demo_shop.catalogue import CATEGORIES, SUBCATEGORIES, stock
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import NEVER, People
from crm_utils.sources.demo_shop.texts import text_of, themes
from crm_utils.sources.demo_shop.worlds import Asking, Full

__all__ = ["FEEDBACK", "Answers", "Requests", "answers", "requests"]

FEEDBACK = ("nps", "csat", "review", "case")
NPS, CSAT, REVIEW, CASE = range(4)
TOPS, BOTTOMS = (10, 5, 5), (0, 1, 1)
USUAL, SPREAD = (8.4, 4.3, 4.3), (1.7, 0.8, 0.9)
BAD_BELOW = np.array([7, 4, 4])
UNNAMED = 0.05
"""Share of CSAT scores and reviews that are anonymous."""
HAS_TO_FIT = tuple(CATEGORIES.index(name) for name in ("신발", "하의"))


@dataclass(frozen=True)
class Requests(Rows):
    """Requests for a score: row of the order, moment, kind, which timing, the score, and when it is given.

    ``score`` is what would be answered; ``back_at`` is NEVER where it is not.
    """

    order: Ints
    at: Ints
    kind: Ints
    timing: Ints
    score: Ints
    back_at: Ints


@dataclass(frozen=True)
class Answers(Rows):
    """Answers: row of the order, moment, kind, score (−1: none), number of the text (−1: none).

    ``named`` tells whether it has a name, ``about`` whether it is about a product, ``resolved`` when a case
    was closed (NEVER where none).
    """

    order: Ints
    at: Ints
    kind: Ints
    score: Ints
    text: Ints
    named: Flags
    about: Flags
    resolved: Ints


def requests(
    rng: np.random.Generator,
    world: Asking,
    full: Full,
    people: People,
    orders: Orders,
    delivered: Ints,
) -> Requests:
    """Requests in order of time; nobody is asked after the data end."""
    online = np.flatnonzero((orders.channel > 0) & ~people.guest[orders.who])
    u = rng.random(len(online))
    nps, csat = online[u < world.nps_share], online[u > 1 - world.csat_share]
    order, kind = np.concatenate([nps, csat]), np.repeat([NPS, CSAT], [len(nps), len(csat)])
    n = len(order)
    timing = np.where(kind == NPS, rng.integers(0, len(world.timings), n), 0)
    after = np.array(world.timings)[timing] * DAY
    morning = (orders.at[order] // DAY) * DAY + after + 10 * 3600 + rng.integers(0, 3600, n)
    at = np.where(timing == 0, delivered[order] + 2 * 3600, morning)
    score = _score(rng, full, kind, orders.late[order])
    chance = np.where(orders.late[order], world.answers_late, world.answers)
    chance = chance * np.array(world.timing_answers)[timing]
    answers = rng.random(n) < np.where(kind == NPS, chance, world.csat_answers)
    back_at = np.where(answers, at + 60 + rng.exponential(10 * 3600, n).astype(np.int64), NEVER)
    every = Requests(order, at, kind, timing, score, back_at)
    every = every.take(every.at < END)
    return every.take(np.lexsort((every.order, every.at)))


def answers(
    rng: np.random.Generator,
    world: Asking,
    full: Full,
    orders: Orders,
    asked: Requests,
    delivered: Ints,
    called: Ints,
    product: Ints,
) -> Answers:
    """Answers to what was asked, reviews without asking, and a case for each call; in order of time."""
    given = asked.take(asked.back_at < END)
    base = np.where(orders.channel > 0, delivered, orders.at)
    wrote = np.flatnonzero(rng.random(len(orders)) < world.review_share)
    cases = np.flatnonzero(called < END)
    order = np.concatenate([given.order, wrote, cases])
    kind = np.concatenate([given.kind, np.repeat([REVIEW, CASE], [len(wrote), len(cases)])])
    later = DAY + (rng.random(len(wrote)) * 5 * DAY).astype(np.int64)
    at = np.concatenate([given.back_at, base[wrote] + later, called[cases]])
    mine = _score(rng, full, np.full(len(wrote), REVIEW), orders.late[wrote])
    score = np.concatenate([given.score, mine, np.full(len(cases), -1)])
    late, n = orders.late[order], len(order)
    kinds, tiers = stock().subcategory, stock().tier
    category = np.array([CATEGORIES.index(row[1]) for row in SUBCATEGORIES])[kinds[product[order]]]
    theme = themes(rng, late, np.isin(category, HAS_TO_FIT), tiers[product[order]] == 0)
    theme = np.where(kind == CASE, 0, theme)
    bad = (kind == CASE) | (late & (theme == 0)) | (score < np.append(BAD_BELOW, 0)[kind])
    says = (kind >= REVIEW) | ((kind == NPS) & (rng.random(n) < world.comments))
    text = np.where(says, text_of(rng, theme, bad), -1)
    named = (kind == NPS) | (kind == CASE) | (rng.random(n) >= UNNAMED)
    closed = at + 3600 + rng.exponential(20 * 3600, n).astype(np.int64)
    resolved = np.where(kind == CASE, closed, NEVER)
    every = Answers(order, at, kind, score, text, named, kind == REVIEW, resolved)
    every = every.take(every.at < END)
    return every.take(np.lexsort((every.order, every.at)))


def _score(rng: np.random.Generator, full: Full, kind: Ints, late: Flags) -> Ints:
    """A late parcel lowers a score before rounding; nothing else does."""
    lower = np.where(kind == NPS, full.late_nps, full.late_stars) * late
    wanted = np.array(USUAL)[kind] - lower + np.array(SPREAD)[kind] * rng.standard_normal(len(kind))
    rounded = wanted.round().astype(np.int64)
    return np.asarray(np.clip(rounded, np.array(BOTTOMS)[kind], np.array(TOPS)[kind]))
