"""What touches are seen on web, app, store and phone? Visits with and without an order, parcels, calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Ints, Rows
from crm_utils.sources.demo_shop.clock import DAY, END, place, rhythm, within_day
from crm_utils.sources.demo_shop.messages import Drawn
from crm_utils.sources.demo_shop.orders import Departures, Orders
from crm_utils.sources.demo_shop.people import People

__all__ = ["EVENTS", "MEDIA", "SOURCES", "Events", "touches"]

EVENTS = ("view", "cart", "purchase", "visit", "call", "delivered")
VIEW, CART, PURCHASE, VISIT, CALL, DELIVERED = range(6)
SOURCES = ("naver", "google", "instagram", "kakao", "direct",
           "alimtalk", "brand_message", "sms", "app_push", "in_app", "email")  # fmt: skip
MEDIA = ("organic", "cpc", "cpc", "referral", "none", *["message"] * 6)
BROWSING = 1.2
"""Visits without an order, for each order that is to be expected."""
ANONYMOUS = 0.2
CALLS = 0.3
"""Share of late orders that somebody calls about."""


@dataclass(frozen=True)
class Events(Rows):
    """Touches; arrays with a value each. ``visit`` numbers sessions, ``trial`` campaigns; −1 is empty."""

    who: Ints
    visit: Ints
    at: Ints
    event: Ints
    product: Ints
    source: Ints
    trial: Ints


def touches(
    rng: np.random.Generator,
    people: People,
    departures: Departures,
    orders: Orders,
    product: Ints,
    drawn: list[Drawn],
    products: int,
) -> Events:
    """All touches in order of time.

    Parameters
    ----------
    orders, product
        The orders that happened, and the first product of each.
    products
        How many products there are.
    """
    source = rng.choice(5, len(orders), p=[0.35, 0.1, 0.15, 0.1, 0.3])
    parts = [_shopping(rng, orders, product, source), _parcels(rng, orders)]
    parts.append(_browsing(rng, people, departures, len(orders), products))
    for number, one in enumerate(drawn):
        visits = max(int(part.visit.max(initial=-1)) for part in parts) + 1
        parts.append(_clicks(one, number, visits))
    every = Events.joined(parts)
    every = every.take(np.lexsort((every.event, every.at)))
    return every.take((every.at >= 0) & (every.at < END))  # what led to the first orders came before the data


def _shopping(rng: np.random.Generator, orders: Orders, product: Ints, source: Ints) -> Events:
    """Online the product is seen and put into the cart before it is bought; in a store it is bought."""
    online = np.flatnonzero(orders.channel > 0)
    every = np.arange(len(orders))
    row = np.concatenate([online, online, every])
    event = np.repeat([VIEW, CART, PURCHASE], [len(online), len(online), len(every)])
    seen, put = rng.integers(180, 1800, len(online)), rng.integers(30, 170, len(online))
    at = orders.at[row] - np.concatenate([seen, put, 0 * every])
    come_from = np.where(orders.channel[row] > 0, source[row], -1)
    return Events(orders.who[row], row, at, event, product[row], come_from, np.full(len(row), -1))


def _parcels(rng: np.random.Generator, orders: Orders) -> Events:
    """When the parcel came, in the session of its order; and calls about late ones, the day before."""
    sent = np.flatnonzero(orders.channel > 0)
    calls = np.flatnonzero(orders.late & (rng.random(len(orders)) < CALLS))
    row = np.concatenate([sent, calls])
    day = orders.at[row] // DAY + orders.arrives[row] - np.repeat([0, 1], [len(sent), len(calls)])
    at = day * DAY + rng.integers(9 * 3600, 20 * 3600, len(row))
    event = np.repeat([DELIVERED, CALL], [len(sent), len(calls)])
    none = np.full(len(row), -1)
    return Events(orders.who[row], row, at, event, none, none, none)


def _browsing(
    rng: np.random.Generator, people: People, departures: Departures, first: int, products: int
) -> Events:
    """Visits that end without an order, while a customer stays; a fifth of them without a name."""
    known = np.arange(len(rhythm()))
    starts = np.interp(np.maximum(people.joined, 0) / DAY, known, rhythm())
    ends = np.interp(np.minimum(departures.at, END) / DAY, known, rhythm())
    count = rng.poisson(people.rate * np.maximum(ends - starts, 0) * BROWSING)
    who = np.repeat(np.arange(len(people)), count)
    day = place(starts[who] + rng.random(len(who)) * (ends - starts)[who])
    at = day * DAY + within_day(rng, np.ones(len(who), dtype=bool))
    who = np.where(rng.random(len(who)) < ANONYMOUS, -1, who)
    row = np.repeat(np.arange(len(who)), 2)
    event = np.tile([VISIT, VIEW], len(who))
    source = rng.choice(5, len(who), p=[0.35, 0.1, 0.2, 0.1, 0.25])
    product = np.where(event == VIEW, rng.integers(0, products, len(row)), -1)
    return Events(who[row], first + row, at[row] + np.tile([0, 40], len(who)), event, product,
                  source[row], np.full(len(row), -1))  # fmt: skip


def _clicks(one: Drawn, number: int, first: int) -> Events:
    """A visit for each click in a trial's message."""
    rows = np.flatnonzero(one.clicked < END)
    channel = np.array([SOURCES.index(arm.channel) for arm in one.trial.arms])[one.arm[rows] - 1]
    visit, none = first + np.arange(len(rows)), np.full(len(rows), -1)
    return Events(one.who[rows], visit, one.clicked[rows], np.full(len(rows), VISIT), none, channel,
                  np.full(len(rows), number))  # fmt: skip
