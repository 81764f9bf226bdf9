"""What touches are seen on web, app, store and phone? Visits with and without an order, parcels, calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.ads import harvested
from crm_utils.sources.demo_shop.arrays import Flags, Ints, Rows
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.letters import CHANNEL_NAMES, Letters
from crm_utils.sources.demo_shop.messages import Drawn
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.visits import APP, Visits
from crm_utils.sources.demo_shop.worlds import ADS, CARTS, DATES

__all__ = ["EVENTS", "MEDIA", "SOURCES", "Events", "tag_is_broken", "touches"]

EVENTS = ("visit", "search", "view", "cart", "checkout", "payment_failed", "purchase", "call", "delivered")
VISIT, SEARCH, VIEW, CART, CHECKOUT, FAILED, PURCHASE, CALL, DELIVERED = range(9)
SOURCES = ("naver", "google", "instagram", "kakao", "direct", "app",
           "alimtalk", "brand_message", "sms", "app_push", "in_app", "email",
           "instagram", "naver")  # fmt: skip
MEDIA = ("organic", "organic", "social", "referral", "none", "none", *["message"] * 6, "cpc", "brand_search")
BUYING_SHARES = (0.35, 0.1, 0.15, 0.1, 0.3)
"""Of purchases on the web, by source."""


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
    orders: Orders,
    product: Ints,
    delivered: Ints,
    called: Ints,
    visits: Visits,
    drawn: list[Drawn],
    sent: Letters,
    session: Ints,
    on: Flags,
    more: Callable[[int], list[Events]],
) -> Events:
    """All touches in order of time.

    Parameters
    ----------
    orders, product, delivered, called
        The orders that happened, the first product of each, when it was delivered and called about; the
        session of each order has its row's number.
    visits
        Visits without an order; their sessions are numbered on from those of the orders.
    session
        The number of each visit's session, from 0.
    on
        Whether each paid source is bought in each week.
    more
        Makes further touches, numbered on from a number.
    """
    parts = [
        _shopping(rng, orders, product, on),
        _parcels(orders, delivered, called),
        _browsing(rng, visits, len(orders) + session),
    ]
    led = np.flatnonzero(orders.via >= 0)
    known = np.sort(orders.who[led] * 8 * END + orders.clicked[led])
    for number, one in enumerate(drawn):
        sessions = max(len(orders) + len(visits), *(int(part.visit.max(initial=-1)) + 1 for part in parts))
        channel = np.array([SOURCES.index(arm.channel) for arm in one.trial.arms])[one.arm - 1]
        parts.append(_clicks(one.who, one.clicked, channel, number, sessions, known))
    sessions = max(len(orders) + len(visits), *(int(part.visit.max(initial=-1)) + 1 for part in parts))
    channels = np.array([SOURCES.index(name) for name in CHANNEL_NAMES])
    parts.append(_clicks(sent.who, sent.clicked, channels[sent.channel], -1, sessions, known))
    parts += more(sessions + len(sent))
    every = Events.joined(parts)
    every = every.take(np.lexsort((every.event, every.at)))
    broken = (every.source >= 0) & tag_is_broken(every.at)
    # What led to the first orders came before the data.
    return every.take((every.at >= 0) & (every.at < END) & ~broken)


def tag_is_broken(at: Ints) -> Flags:
    """Whether touches on the web and in the app are seen by nobody at these moments."""
    since = at - day_number(DATES.tag_starts) * DAY
    return np.asarray((since >= 0) & (since < DATES.tag_days * DAY))


def _shopping(rng: np.random.Generator, orders: Orders, product: Ints, on: Flags) -> Events:
    """Online the product is seen and put into the cart before it is bought; in a store it is bought.

    What was left in a cart before is bought without being put there again.
    """
    online = np.flatnonzero(orders.channel > 0)
    fresh, led = online[orders.cart[online] < 0], np.flatnonzero(orders.via >= 0)
    finds = online[rng.random(len(online)) < CARTS.search_share]
    source = np.where(orders.channel == 2, APP, rng.choice(5, len(orders), p=BUYING_SHARES))
    source = harvested(rng, ADS, on, source, orders.at)
    source = np.where(orders.via >= 0, orders.via, np.where(orders.channel > 0, source, -1))
    every = np.arange(len(orders))
    before = [
        (VISIT, led, orders.at[led] - orders.clicked[led]),
        (SEARCH, finds, rng.integers(270, 295, len(finds))),
        (VIEW, online, rng.integers(180, 265, len(online))), (CART, fresh, rng.integers(90, 170, len(fresh))),
        (CHECKOUT, online, rng.integers(20, 85, len(online))), (PURCHASE, every, np.zeros_like(every)),
    ]  # fmt: skip
    row = np.concatenate([rows for _, rows, _ in before])
    event = np.repeat([step for step, _, _ in before], [len(rows) for _, rows, _ in before])
    at = orders.at[row] - np.concatenate([seconds for *_, seconds in before])
    shown = np.where(np.isin(event, (VISIT, SEARCH)), -1, product[row])
    # Which campaign's click it was is a trial's own number; scenarios have none.
    trial = np.where((orders.via >= 0) & (orders.trial >= 0), orders.trial, -1)
    return Events(orders.who[row], row, at, event, shown, source[row], trial[row])


def _parcels(orders: Orders, delivered: Ints, called: Ints) -> Events:
    """When the parcel came, and calls about late ones, the day before; neither belongs to a visit."""
    sent, calls = np.flatnonzero(orders.channel > 0), np.flatnonzero(called < END)
    row = np.concatenate([sent, calls])
    at = np.concatenate([delivered[sent], called[calls]])
    event = np.repeat([DELIVERED, CALL], [len(sent), len(calls)])
    none = np.full(len(row), -1)
    return Events(orders.who[row], none, at, event, none, none, none)


def _browsing(rng: np.random.Generator, visits: Visits, session: Ints) -> Events:
    """Visits that end without an order, as far as each got."""
    every, n = np.arange(len(visits)), len(visits)
    steps = [(VISIT, every, 0), (SEARCH, every[rng.random(n) < CARTS.search_share], 20), (VIEW, every, 40),
             (CART, every[visits.cart], 150), (CHECKOUT, every[visits.checkout], 240),
             (FAILED, every[visits.failed], 300)]  # fmt: skip
    row = np.concatenate([rows for _, rows, _ in steps])
    lengths = [len(rows) for _, rows, _ in steps]
    event = np.repeat([step for step, _, _ in steps], lengths)
    at = visits.at[row] + np.repeat([seconds for *_, seconds in steps], lengths)
    product = np.where(np.isin(event, (VISIT, SEARCH)), -1, visits.product[row])
    none = np.full(len(row), -1)
    return Events(visits.who[row], session[row], at, event, product, visits.source[row], none)


def _clicks(who: Ints, clicked: Ints, channel: Ints, number: int, first: int, known: Ints) -> Events:
    """A visit for each click in a message that leads to no order at once."""
    rows = np.flatnonzero(clicked < END)
    rows = rows[~np.isin(who[rows] * 8 * END + clicked[rows], known)]
    visit, none = first + np.arange(len(rows)), np.full(len(rows), -1)
    return Events(who[rows], visit, clicked[rows], np.full(len(rows), VISIT), none, channel[rows],
                  np.full(len(rows), number))  # fmt: skip
