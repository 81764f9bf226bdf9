"""Visits that end without an order, what they leave in the cart, and which orders come back for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints, Rows
from crm_utils.sources.demo_shop.clock import DAY, END, day_number, place, rhythm, within_day
from crm_utils.sources.demo_shop.extras import Filled, without
from crm_utils.sources.demo_shop.orders import Departures, Orders
from crm_utils.sources.demo_shop.people import People
from crm_utils.sources.demo_shop.shelves import in_stock, is_sold_out
from crm_utils.sources.demo_shop.worlds import Carts

__all__ = [
    "APP",
    "BRAND_SEARCH",
    "DIRECT",
    "INSTAGRAM_ADS",
    "NAVER",
    "Visits",
    "first_products",
    "lose_payments",
    "visits",
    "with_carts_left",
]

ANONYMOUS = 0.2
SOURCE_SHARES = (0.35, 0.1, 0.2, 0.1, 0.25)
"""Of visits on the web: naver, google, instagram, kakao, direct."""
NAVER, DIRECT, APP, INSTAGRAM_ADS, BRAND_SEARCH = 0, 4, 5, 12, 13
"""Numbers of some sources of visits (into the events' SOURCES)."""
SETTLED_DAYS = 7
"""Orders in a customer's first days have no cart left before them: there was hardly time."""


@dataclass(frozen=True)
class Visits(Rows):
    """Visits without an order; arrays with a value each.

    Attributes
    ----------
    who, at
        Number of the customer within the block, −1 where nobody is known; seconds.
    source, product
        Where from, and what was looked at.
    cart, checkout, failed
        Whether it was put into the cart, whether the visit got to the checkout, whether payment failed.
    """

    who: Ints
    at: Ints
    source: Ints
    product: Ints
    cart: Flags
    checkout: Flags
    failed: Flags


def first_products(filled: Filled) -> Ints:
    """The first product of each order."""
    orders, lines = filled
    first = np.zeros(len(orders), dtype=np.int64)
    bought = ~lines.back
    first[lines.order[bought][::-1]] = lines.product[bought][::-1]
    return first


def visits(
    rng: np.random.Generator, world: Carts, people: People, departures: Departures, products: int
) -> Visits:
    """Visits while a customer stays, at the hours when people buy; a fifth of them without a name."""
    known = np.arange(len(rhythm()))
    starts = np.interp(np.maximum(people.joined, 0) / DAY, known, rhythm())
    ends = np.interp(np.minimum(departures.at, END) / DAY, known, rhythm())
    count = rng.poisson(people.rate * np.maximum(ends - starts, 0) * world.visits_an_order)
    who = np.repeat(np.arange(len(people)), count)
    day = place(starts[who] + rng.random(len(who)) * (ends - starts)[who])
    at = day * DAY + within_day(rng, np.ones(len(who), dtype=bool))
    inside = at >= people.joined[who]
    who, at, n = who[inside], at[inside], int(inside.sum())
    app = rng.random(n) < world.app_first + (world.app_last - world.app_first) * at / END
    source = np.where(app, APP, rng.choice(len(SOURCE_SHARES), n, p=SOURCE_SHARES))
    cart = rng.random(n) < world.cart_share
    product = rng.integers(0, products, n)
    product = product - 2 * (product % 3 == 2)  # the last style of three may not be launched yet
    product = np.where(cart, in_stock(product, at), product)  # what is sold out is looked at and left there
    checkout = cart & _checks_out(rng, world, app)
    who = np.where(rng.random(n) < ANONYMOUS, -1, who)
    return Visits(who, at, source, product, cart, checkout, np.zeros(n, dtype=bool))


def with_carts_left(
    rng: np.random.Generator, world: Carts, people: People, filled: Filled, happens: Flags, before: Visits
) -> tuple[Filled, Visits]:
    """Let some orders come from a cart that was left behind, hours before: they get its visit."""
    orders, lines = filled
    chance = happens & (orders.channel > 0) & ~people.guest[orders.who]
    chance &= rng.random(len(orders)) < world.from_cart
    rows = np.flatnonzero(chance & (orders.at > people.joined[orders.who] + SETTLED_DAYS * DAY))
    hours = world.back_hours * np.exp(world.back_spread * rng.standard_normal(len(rows)))
    at = orders.at[rows] - np.maximum(hours * 3600, 900).astype(np.int64)
    n = len(rows)
    app = orders.channel[rows] == 2
    source = np.where(app, APP, rng.choice(len(SOURCE_SHARES), n, p=SOURCE_SHARES))
    checkout = _checks_out(rng, world, app)
    product = first_products(filled)[rows]
    there = (at >= np.maximum(people.joined[orders.who[rows]], 0)) & ~is_sold_out(product, at)
    rows, at, source, checkout, product = (
        rows[there],
        at[there],
        source[there],
        checkout[there],
        product[there],
    )
    yes = np.ones(len(rows), dtype=bool)
    left = Visits(orders.who[rows], at, source, product, yes, checkout, ~yes)
    cart = orders.cart.copy()
    cart[rows] = len(before) + np.arange(len(rows))
    return (replace(orders, cart=cart), lines), Visits.joined([before, left])


def lose_payments(
    rng: np.random.Generator, world: Carts, filled: Filled, happens: Flags
) -> tuple[Filled, Orders, Visits]:
    """Take out the orders that fail at payment in the app: what is left, what was lost, and their visits."""
    orders, _ = filled
    starts = day_number(world.leak_starts) * DAY
    gone = happens & (orders.channel == 2) & (orders.at >= starts)
    gone &= (orders.at < starts + world.leak_days * DAY) & (rng.random(len(orders)) < world.leak_share)
    lost, n = orders.take(gone), int(gone.sum())
    yes = np.ones(n, dtype=bool)
    failed = Visits(
        lost.who, lost.at, np.full(n, APP), first_products(filled)[gone], yes, yes.copy(), yes.copy()
    )
    return without(filled, gone), lost, failed


def _checks_out(rng: np.random.Generator, world: Carts, app: Flags) -> Flags:
    return np.asarray(rng.random(len(app)) < np.where(app, world.checkout_app, world.checkout_web))
