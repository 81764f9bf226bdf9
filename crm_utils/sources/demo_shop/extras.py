"""Orders beside those that customers make anyway: what reminders, scenarios or tiers bring, and what is lost.

They are decided by random numbers of their own, after all others, so that nothing else is drawn anew. Such an
order has one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.baskets import Lines, and_back
from crm_utils.sources.demo_shop.catalogue import Catalogue
from crm_utils.sources.demo_shop.clock import DAY, END, day_number, on_sale
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import NEVER, People
from crm_utils.sources.demo_shop.shelves import in_stock, price_at
from crm_utils.sources.demo_shop.worlds import Dates, Full

__all__ = ["EXTRA", "Filled", "before_holidays", "joined", "later", "made", "without"]

EXTRA = -2
"""What stands for the trial of an order that no trial brings and that would not happen by itself."""
Filled = tuple[Orders, Lines]


def made(
    rng: np.random.Generator,
    world: Full,
    who: Ints,
    at: Ints,
    product: Ints,
    goods: Catalogue,
    *,
    cart: Ints | None = None,
    via: Ints | None = None,
    clicked: Ints | None = None,
) -> Filled:
    """Make an online order of one product for each of these customers at these moments."""
    n = len(who)
    channel = np.where(rng.random(n) < 0.55, 2, 1)
    arrives = rng.integers(1, 4, n)
    none = np.full(n, -1)
    cart, via = (none if given is None else given for given in (cart, via))
    clicked = np.full(n, NEVER) if clicked is None else clicked
    late = np.zeros(n, dtype=bool)
    more = Orders(who, at, channel, arrives, late, none - 1, none, none, none, cart, via, clicked)
    quantity = 1 + rng.choice(3, n, p=[0.92, 0.06, 0.02])
    sale, reduced = on_sale()[at // DAY] & (rng.random(n) < 0.6), rng.random(n) < 0.12
    off = np.select([sale, reduced], [0.2, 0.1], 0.0)
    product = in_stock(product, at)
    listed = quantity * price_at(goods, product, at)
    discount = (listed * off / 100).astype(np.int64) * 100
    zero = np.zeros(n, dtype=np.int64)
    bought = Lines(np.arange(n), at, product, quantity, listed - discount, discount, zero, zero > 0)
    return more, and_back(rng, world, bought)


def joined(parts: Sequence[Filled]) -> Filled:
    """All orders with their lines, by customer and time."""
    before = np.cumsum([0] + [len(orders) for orders, _ in parts])
    lines = [replace(own, order=own.order + n) for (_, own), n in zip(parts, before[:-1], strict=True)]
    return _sorted(Orders.joined([orders for orders, _ in parts]), Lines.joined(lines))


def without(filled: Filled, rows: Flags) -> Filled:
    """Leave orders out, with their lines."""
    orders, lines = filled
    place = np.cumsum(~rows) - 1
    kept = lines.take(~rows[lines.order])
    return orders.take(~rows), replace(kept, order=place[kept.order])


def later(filled: Filled, rows: Ints, seconds: Ints) -> Filled:
    """Move orders in time, with their lines and what came back of them."""
    orders, lines = filled
    shift = np.zeros(len(orders), dtype=np.int64)
    shift[rows] = seconds
    moved = replace(lines, at=lines.at + shift[lines.order])
    moved = moved.take(moved.at < END)
    return _sorted(replace(orders, at=orders.at + shift), moved)


def before_holidays(
    rng: np.random.Generator, world: Dates, people: People, filled: Filled
) -> tuple[Filled, Ints]:
    """Move part of the orders of the great holidays to the days before, but none that a trial touches.

    Also gives the moments from which orders were moved.
    """
    orders, _ = filled
    day, shift = orders.at // DAY, np.zeros(len(orders), dtype=np.int64)
    ahead = 1 + rng.integers(0, world.holiday_before_days, len(orders))
    moves = (orders.trial == -1) & (orders.skipped < 0) & (orders.coupon < 0)
    moves &= rng.random(len(orders)) < world.holiday_share
    for holiday in world.holidays:
        into = day - day_number(holiday)
        shift = np.where((into >= 0) & (into < 3), into + ahead, shift)
    rows = np.flatnonzero(moves & (shift > 0) & (orders.at - shift * DAY >= people.joined[orders.who]))
    return later(filled, rows, -shift[rows] * DAY), orders.at[rows]


def _sorted(orders: Orders, lines: Lines) -> Filled:
    """By customer and time."""
    by = np.lexsort((orders.at, orders.who))
    place = np.empty(len(by), dtype=np.int64)
    place[by] = np.arange(len(by))
    return orders.take(by), replace(lines, order=place[lines.order])
