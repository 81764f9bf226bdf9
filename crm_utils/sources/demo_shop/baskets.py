"""What is in an order, at which price, and what comes back? Tastes, tiers, seasons, and planted partners."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints, Rows
from crm_utils.sources.demo_shop.catalogue import (
    ACQUIRED,
    CATEGORIES,
    STYLES_A_TIER,
    SUBCATEGORIES,
    TIERS,
    Catalogue,
)
from crm_utils.sources.demo_shop.clock import DAY, END, day_number, in_season, months, on_sale
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import People
from crm_utils.sources.demo_shop.shelves import in_stock, price_at
from crm_utils.sources.demo_shop.worlds import TRIALS, FirstOrders, Full

__all__ = ["REFERRED", "Lines", "and_back", "fill"]

REFERRED = ACQUIRED.index("친구 추천")
"""Number of the way in which referred customers were won."""

SIZES = (0.46, 0.27, 0.14, 0.07, 0.04, 0.02)
"""Shares of orders of 1, 2, … picks."""
TASTE = 2.0
"""How many times as likely goods of the favourite category are."""
FAVOURED = 0.35
"""Share of picks that go to one of the customer's own favourite kinds of goods."""
OTHER_GENDER = 0.4
NEAR_TIER = ((0.7, 0.25, 0.05), (0.2, 0.6, 0.2), (0.05, 0.25, 0.7))
STYLE_SHARES = (0.5, 0.3, 0.2)


@dataclass(frozen=True)
class Lines(Rows):
    """Order lines, and lines that come back; arrays with a value each.

    ``order`` is the row of the order; ``at`` seconds. ``amount`` is before the coupon, which takes ``coupon``
    off, if the order's coupon was sent; both are negative in a return. Won.
    """

    order: Ints
    at: Ints
    product: Ints
    quantity: Ints
    amount: Ints
    discount: Ints
    coupon: Ints
    back: Flags


def fill(
    rng: np.random.Generator,
    firsts_rng: np.random.Generator,
    world: Full,
    firsts: FirstOrders,
    people: People,
    orders: Orders,
    goods: Catalogue,
) -> Lines:
    """Fill the orders, and send some lines back some days later."""
    order = np.repeat(np.arange(len(orders)), rng.choice(len(SIZES), len(orders), p=SIZES) + 1)
    kind = _pick(rng, people, orders, order)
    order, kind = _with_partners(rng, world, order, kind)
    # A kind of goods stands once in an order.
    first = np.unique(order * len(SUBCATEGORIES) + kind, return_index=True)[1]
    order, kind = order[first], kind[first]
    day, n = orders.at[order] // DAY, len(first)
    product = in_stock(_product(rng, people, orders.who[order], kind, day, goods), orders.at[order])
    quantity = 1 + rng.choice(3, n, p=[0.92, 0.06, 0.02])
    listed = quantity * price_at(goods, product, orders.at[order])
    off = np.where(on_sale()[day] & (rng.random(n) < 0.6), 0.2, np.where(rng.random(n) < 0.12, 0.1, 0.0))
    off = np.where(people.acquired[orders.who[order]] == REFERRED, 0.0, off)  # the referred pay full prices
    discount = (listed * off / 100).astype(np.int64) * 100
    amount = listed - discount
    part = np.array([trial.coupon for trial in TRIALS] + [0.0])[orders.coupon[order]]
    coupon = (amount * part / 10).astype(np.int64) * 10
    bought = Lines(order, orders.at[order], product, quantity, amount, discount, coupon, np.zeros(n, bool))
    return and_back(rng, world, _with_firsts(firsts_rng, firsts, people, orders, bought, goods))


def _with_firsts(
    rng: np.random.Generator,
    world: FirstOrders,
    people: People,
    orders: Orders,
    bought: Lines,
    goods: Catalogue,
) -> Lines:
    """Give some new customers' first orders goods of the kinds that go with how soon the second follows."""
    plain = np.flatnonzero((orders.trial < 0) & ~people.guest[orders.who])
    who, at = orders.who[plain], orders.at[plain]
    begins = np.append(True, who[1:] != who[:-1]) & (people.joined[who] >= 0)
    gap = np.append(np.where(who[1:] == who[:-1], at[1:] - at[:-1], END), END)
    soon = gap[begins] <= world.soon_days * DAY
    share = np.where(soon, world.soon_share, world.later_share)
    changes = rng.random(len(soon)) < share
    names = [row[0] for row in SUBCATEGORIES]
    kinds = np.array([[names.index(k) for k in ks] for ks in (world.later_kinds, world.soon_kinds)])
    kind = kinds[soon.astype(np.int64), rng.integers(0, kinds.shape[1], len(soon))]
    rows, new = plain[begins][changes], kind[changes]
    line = np.searchsorted(bought.order, rows)  # the first of the order's lines; there is always one
    each = len(TIERS) * STYLES_A_TIER
    has = np.isin(rows * len(names) + new, bought.order * len(names) + bought.product // each)
    line, new = line[~has & (bought.coupon[line] == 0)], new[~has & (bought.coupon[line] == 0)]
    product, amount, discount = bought.product.copy(), bought.amount.copy(), bought.discount.copy()
    was = bought.amount[line] + bought.discount[line]
    off = (bought.discount[line] / was * 10).round() / 10
    product[line] = new * each + product[line] // STYLES_A_TIER % len(TIERS) * STYLES_A_TIER
    listed = bought.quantity[line] * price_at(goods, product[line], bought.at[line])
    discount[line] = (listed * off / 100).astype(np.int64) * 100
    amount[line] = listed - discount[line]
    return replace(bought, product=product, amount=amount, discount=discount)


def _pick(rng: np.random.Generator, people: People, orders: Orders, order: Ints) -> Ints:
    """A kind of goods for each pick, by the customer's gender and taste, and the month."""
    share = np.array([row[3] for row in SUBCATEGORIES], dtype=float)
    category = np.array([CATEGORIES.index(row[1]) for row in SUBCATEGORIES])
    season = np.array([row[4] for row in SUBCATEGORIES])
    buyers = np.array([row[5] for row in SUBCATEGORIES])
    gender, month, taste = np.meshgrid(np.arange(2), np.arange(12), np.arange(len(CATEGORIES)), indexing="ij")
    weight = share * in_season(season, month[..., None])
    weight = weight * np.where(taste[..., None] == category, TASTE, 1.0)
    weight = weight * np.where((buyers > 0) & (buyers != 2 - gender[..., None]), OTHER_GENDER, 1.0)
    total = weight.reshape(-1, len(share)).cumsum(axis=1)
    total = total / total[:, -1:]
    who = orders.who[order]
    group = (people.woman[who] * 12 + months()[orders.at[order] // DAY]) * len(CATEGORIES) + people.taste[who]
    ladder = (total + np.arange(len(total))[:, None]).ravel()
    any_kind = np.searchsorted(ladder, group + rng.random(len(order)), side="right") - group * len(share)
    own = people.favourites[who, rng.integers(0, people.favourites.shape[1], len(order))]
    return np.where(rng.random(len(order)) < FAVOURED, own, any_kind)


def _with_partners(rng: np.random.Generator, world: Full, order: Ints, kind: Ints) -> tuple[Ints, Ints]:
    """Add to some goods the partner that sells with them."""
    names = [row[0] for row in SUBCATEGORIES]
    orders, kinds = [order], [kind]
    for first, partner, chance in world.affinities:
        added = order[(kind == names.index(first)) & (rng.random(len(kind)) < chance)]
        orders.append(added)
        kinds.append(np.full(len(added), names.index(partner)))
    return np.concatenate(orders), np.concatenate(kinds)


def _product(
    rng: np.random.Generator, people: People, who: Ints, kind: Ints, day: Ints, goods: Catalogue
) -> Ints:
    """The product of a kind, near the customer's price tier; a style that is not launched yet is replaced."""
    ladder = np.cumsum(NEAR_TIER, axis=1)[people.tier[who]]
    tier = (rng.random(len(who))[:, None] >= ladder[:, :-1]).sum(axis=1)
    style = rng.choice(STYLES_A_TIER, len(who), p=STYLE_SHARES)
    product = (kind * len(TIERS) + tier) * STYLES_A_TIER + style
    launched = np.array([0 if d is None else day_number(d) for d in goods.launched])
    return np.asarray(np.where(launched[product] > day, product - style, product), dtype=np.int64)


def and_back(rng: np.random.Generator, world: Full, bought: Lines) -> Lines:
    """The lines bought, followed by those that came back, all of an order together 3 to 14 days later."""
    back = bought.take(rng.random(len(bought)) < world.return_share)
    orders = int(bought.order.max(initial=-1)) + 1
    later = rng.integers(3, 15, orders) * DAY + rng.integers(11 * 3600, 19 * 3600, orders)
    at = back.at // DAY * DAY + later[back.order]
    none, yes = np.zeros_like(back.discount), np.ones(len(back), dtype=bool)
    gone = Lines(back.order, at, back.product, -back.quantity, -back.amount, none, -back.coupon, yes)
    lines = Lines.joined([bought, gone])
    return lines.take(lines.at < END)
