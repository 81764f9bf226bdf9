"""How do points come and go? Given, earned, spent and expired."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Ints
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import People

__all__ = ["POINTS", "Points", "points"]

POINTS = ("given", "earned", "spent", "expired")
GIVEN, EARNED, SPENT, EXPIRED = range(4)
WELCOME = 1_000
EARN = 0.01
SPENDS = 0.15
"""Share of orders at which a customer changes all points for a gift; no order is paid with points."""
LIVES_DAYS = 365


@dataclass(frozen=True)
class Points:
    """Changes of balances: customer, moment, points, kind; by customer and time."""

    who: Ints
    at: Ints
    points: Ints
    kind: Ints


def points(rng: np.random.Generator, people: People, orders: Orders, paid: Ints) -> Points:
    """Points given when joining, earned by orders, spent all at once, or expired after a year.

    Parameters
    ----------
    orders, paid
        The orders that happened, and what was paid for each, won.
    """
    mine = np.flatnonzero(~people.guest[orders.who])
    spends = mine[rng.random(len(mine)) < SPENDS]
    new = np.flatnonzero(~people.guest & (people.joined >= 0))
    earned = (paid[mine] * EARN).astype(np.int64)
    who = np.concatenate([new, orders.who[mine]])
    at = np.concatenate([people.joined[new], orders.at[mine]])
    worth = np.concatenate([np.full(len(new), WELCOME), earned])
    kind = np.repeat([GIVEN, EARNED], [len(new), len(mine)])
    # The next time a customer spends; an order spends what was there before it.
    span = 8 * END
    when = np.sort(orders.who[spends] * span + orders.at[spends])
    next_spent = np.searchsorted(when, who * span + at, side="right")
    spent_at = np.append(when, 4 * len(people) * span)[next_spent] - who * span
    ends = at + LIVES_DAYS * DAY
    used = spent_at <= ends
    total = np.bincount(next_spent[used], worth[used], minlength=len(when) + 1)[:-1].astype(np.int64)
    gone = ~used & (ends < END)
    parts = (
        (who, at, worth, kind),
        (when // span, when % span, -total, np.full(len(when), SPENT)),
        (who[gone], ends[gone], -worth[gone], np.full(int(gone.sum()), EXPIRED)),
    )
    who, at, worth, kind = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows = np.flatnonzero(worth != 0)
    rows = rows[np.lexsort((kind[rows], at[rows], who[rows]))]
    return Points(who[rows], at[rows], worth[rows], kind[rows])
