"""How do points come and go? Given, earned, spent and expired."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Ints, Rows
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import NEVER, People
from crm_utils.sources.demo_shop.referrals import Referred
from crm_utils.sources.demo_shop.worlds import Loyalty

__all__ = ["POINTS", "Points", "points"]

POINTS = ("given", "earned", "spent", "expired")
GIVEN, EARNED, SPENT, EXPIRED = range(4)


@dataclass(frozen=True)
class Points(Rows):
    """Changes of balances by customer and time: customer, moment, points, kind, row of the order (−1: none).

    ``ends`` is when what was added is lost; NEVER for what is taken off.
    """

    who: Ints
    at: Ints
    points: Ints
    kind: Ints
    order: Ints
    ends: Ints


def points(
    rng: np.random.Generator,
    world: Loyalty,
    people: People,
    orders: Orders,
    paid: Ints,
    referred: Referred,
) -> Points:
    """Points given when joining and for referring, earned by orders, spent all at once, or lost after a year.

    Parameters
    ----------
    orders, paid
        The orders that happened, and what was paid for each, won.
    """
    mine = np.flatnonzero(~people.guest[orders.who])
    spends = mine[rng.random(len(mine)) < world.spends]
    new = np.flatnonzero(~people.guest & (people.joined >= 0))
    who = np.concatenate([new, referred.referrer, orders.who[mine]])
    at = np.concatenate([people.joined[new], referred.at + 60, orders.at[mine]])
    given = np.repeat([world.welcome, world.reward], [len(new), len(referred)])
    worth = np.concatenate([given, (paid[mine] * world.earn_share).astype(np.int64)])
    kind = np.repeat([GIVEN, EARNED], [len(given), len(mine)])
    order = np.concatenate([np.full(len(given), -1), mine])
    # The next time a customer spends; an order spends what was there before it.
    span = 8 * END
    by_time = spends[np.argsort(orders.who[spends] * span + orders.at[spends], kind="stable")]
    when = orders.who[by_time] * span + orders.at[by_time]
    next_spent = np.searchsorted(when, who * span + at, side="right")
    spent_at = np.append(when, 4 * len(people) * span)[next_spent] - who * span
    ends = at + world.lives_days * DAY
    used = spent_at <= ends
    total = np.bincount(next_spent[used], worth[used], minlength=len(when) + 1)[:-1].astype(np.int64)
    gone = ~used & (ends < END)
    never, none = np.full(len(when), NEVER), np.full(int(gone.sum()), -1)
    every = Points.joined([
        Points(who, at, worth, kind, order, ends),
        Points(when // span, when % span, -total, np.full(len(when), SPENT), by_time, never),
        Points(who[gone], ends[gone], -worth[gone], none + 1 + EXPIRED, none, none + 1 + NEVER),
    ])  # fmt: skip
    rows = np.flatnonzero(every.points != 0)
    return every.take(rows[np.lexsort((every.kind[rows], every.at[rows], every.who[rows]))])
