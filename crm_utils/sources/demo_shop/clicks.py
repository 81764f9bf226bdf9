"""Which click leads straight into a purchase? Most sessions of orders that a message brings begin with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.events import SOURCES
from crm_utils.sources.demo_shop.extras import Filled
from crm_utils.sources.demo_shop.messages import Drawn
from crm_utils.sources.demo_shop.people import NEVER
from crm_utils.sources.demo_shop.worlds import CARTS

__all__ = ["lead_in"]


def lead_in(
    rng: np.random.Generator, filled: Filled, happens: Flags, drawn: list[Drawn]
) -> tuple[Filled, list[Drawn]]:
    """Move clicks of those who order because of a message to just before that order."""
    orders, lines = filled
    via, clicked, moved = orders.via.copy(), orders.clicked.copy(), []
    for number, one in enumerate(drawn):
        people = int(max(orders.who.max(initial=0), one.who.max(initial=0))) + 1
        place = np.full(people, -1)
        place[one.who] = np.arange(len(one.who))
        rows = np.flatnonzero(happens & (orders.trial == number))
        rows = rows[np.unique(orders.who[rows], return_index=True)[1]]  # the first is why it was clicked
        rows = rows[(orders.channel[rows] > 0) & (_clicked(one, place, orders.who[rows]) < NEVER)]
        rows = rows[rng.random(len(rows)) < CARTS.clicks_through]
        mine = place[orders.who[rows]]
        channels = np.array([SOURCES.index(arm.channel) for arm in one.trial.arms])
        via[rows] = channels[one.arm[mine] - 1]
        clicked[rows] = orders.at[rows] - rng.integers(300, 1500, len(rows))
        at = one.clicked.copy()
        at[mine] = clicked[rows]
        moved.append(replace(one, clicked=at))
    return (replace(orders, via=via, clicked=clicked), lines), moved


def _clicked(one: Drawn, place: Ints, who: Ints) -> Ints:
    return np.asarray(np.append(one.clicked, NEVER)[place[who]])
