"""Who are the customers of the full world? What is known of them, and what is not: rate, tastes, consents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Floats, Ints
from crm_utils.sources.demo_shop.catalogue import (
    ACQUIRED,
    CATEGORIES,
    FAR,
    REGION_SHARES,
    REGIONS,
    SUBCATEGORIES,
)
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.worlds import DAYS, START, Full

__all__ = ["CONSENT_CHANNELS", "NEVER", "Consents", "People", "people"]

NEVER = np.int64(4 * END)
"""A moment after everything."""
CONSENT_CHANNELS = ("brand_message", "sms", "app_push", "in_app", "email")
CONSENTING = (0.72, 0.55, 0.50, 0.75, 0.45)
AT_NIGHT = 0.3
FAVOURITES = 3
"""Kinds of goods, drawn for each customer alone, that are bought again and again."""
CHANGES = 0.12
"""Share of consents that are changed once, at any time, for no reason of the shop's."""


class Consents:
    """Advertising consents as they change: whether one holds at a moment, and the leaving through a message.

    Attributes
    ----------
    first, night
        Consent when joining, a column a channel of CONSENT_CHANNELS; consent to the night.
    changed, left
        When the first consent is turned round, and when it is withdrawn through a message; NEVER if not.
    """

    def __init__(self, rng: np.random.Generator, joined: Ints) -> None:
        shape = (len(joined), len(CONSENT_CHANNELS))
        self.joined = joined
        self.first: Flags = rng.random(shape) < np.array(CONSENTING)
        self.night: Flags = rng.random(len(joined)) < AT_NIGHT
        moment = np.maximum(joined, 0)[:, None] + (rng.random(shape) * (END - np.maximum(joined, 0))[:, None])
        self.changed: Ints = np.where(rng.random(shape) < CHANGES, moment.astype(np.int64), NEVER)
        self.left: Ints = np.full(shape, NEVER)

    def holds(self, channel: str, at: Ints, who: Ints) -> Flags:
        """Whether advertising by a channel was allowed to these customers at these moments."""
        k = CONSENT_CHANNELS.index(channel)
        given: Flags = self.first[who, k] ^ (self.changed[who, k] <= at)
        still: Flags = given & (self.left[who, k] > at) & (self.joined[who] <= at)
        return still

    def withdraw(self, channel: str, at: Ints, who: Ints) -> None:
        """Take consent away for good, from these moments on."""
        self.left[who, CONSENT_CHANNELS.index(channel)] = at


@dataclass(frozen=True)
class People:
    """A block of customers, and guests at its end; arrays with a value for each of them.

    ``joined`` is in seconds from the first day (negative: before the data); ``rate`` in orders a day of the
    shop's own time; ``region``, ``acquired``, ``taste`` (a category), ``favourites`` (kinds of goods, a column
    each) and ``tier`` are numbers into the catalogue's lists. ``averse`` (buys less when written to) and all
    after it are known to nobody in the shop.
    """

    guest: Flags
    joined: Ints
    woman: Flags
    birth_year: Ints
    birthday: Ints
    region: Ints
    acquired: Ints
    averse: Flags
    rate: Floats
    taste: Ints
    favourites: Ints
    tier: Ints
    online: Floats

    def __len__(self) -> int:
        return len(self.joined)


def people(rng: np.random.Generator, world: Full, customers: int) -> People:
    """Draw a block of customers, and the guests that come with it (one order each)."""
    orders = customers * world.orders_a_year * 0.7  # a rough size is enough: guests are beside the point
    n = customers + int(world.guest_share * orders)
    guest = np.arange(n) >= customers
    existing = ~guest & (rng.random(n) < world.existing_share)
    day = np.where(existing, -rng.integers(1, 3 * 365, n), (rng.random(n) ** 0.9 * DAYS).astype(np.int64))
    region = rng.choice(len(REGIONS), n, p=REGION_SHARES)
    birth_year = START.year - np.clip(rng.normal(37, 12, n), 15, 80).astype(np.int64)
    old = START.year - birth_year >= world.averse_age
    rate = rng.gamma(world.rate_shape, world.orders_a_year / world.rate_shape / 365.25, n)
    far = np.isin(region, FAR)
    return People(
        guest=guest,
        joined=day * DAY + rng.integers(9 * 3600, 22 * 3600, n),
        woman=rng.random(n) < 0.62,
        birth_year=birth_year,
        birthday=rng.integers(0, 365, n),
        region=region,
        acquired=rng.choice(len(ACQUIRED), n, p=[0.34, 0.2, 0.16, 0.18, 0.12]),
        averse=rng.random(n) < np.where(old, world.averse_old, world.averse_young),
        rate=np.where(guest, 0.0, rate),
        taste=rng.choice(len(CATEGORIES), n),
        favourites=rng.choice(len(SUBCATEGORIES), (n, FAVOURITES)),
        tier=rng.choice(3, n, p=[0.35, 0.45, 0.2]),
        online=np.where(far, 1.0, rng.beta(3, 1.5, n)),
    )
