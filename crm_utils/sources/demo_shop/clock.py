"""When do people buy? The year's season, the week, sales, and the hours of the day.

All times of the simulation are whole seconds since the first day began, on the shop's clock.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Floats, Ints
from crm_utils.sources.demo_shop.worlds import DAYS, START

__all__ = [
    "DAY",
    "END",
    "START_OF_2025",
    "day_number",
    "in_season",
    "months",
    "on_sale",
    "place",
    "rhythm",
    "within_day",
]

DAY = 86_400
"""Seconds of a day."""
END = DAYS * DAY
"""The first second after the data."""
START_OF_2025 = 366 * DAY

MONTHS = (0.95, 0.85, 1.05, 1.1, 1.05, 0.95, 0.85, 0.8, 1.05, 1.2, 1.3, 1.15)
WEEKDAYS = (1.0, 0.95, 0.93, 0.97, 1.02, 1.08, 1.05)
SALES = (
    ("2024-01-08", "2024-01-21"), ("2024-06-20", "2024-07-07"), ("2024-11-18", "2024-12-01"),
    ("2025-01-06", "2025-01-19"), ("2025-06-20", "2025-07-06"), ("2025-11-17", "2025-11-30"),
)  # fmt: skip
SALE_RUSH = 1.35
ONLINE = (3, 1.5, 0.7, 0.4, 0.3, 0.5, 1, 2, 3, 4, 5, 5, 6, 5, 5, 5, 5, 5, 5, 6, 7, 8, 8, 6)
IN_STORE = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 6, 6, 7, 8, 8, 9, 9, 8, 4, 0, 0, 0)


def day_number(day: dt.date) -> int:
    """Days from the first day of the data."""
    return (day - START).days


@cache
def months() -> Ints:
    """The month (0 to 11) of each day of the data."""
    return np.array([(START + dt.timedelta(days=d)).month - 1 for d in range(DAYS)])


@cache
def on_sale() -> Flags:
    """Whether each day of the data lies within a sale."""
    days = np.arange(DAYS)
    ends = [[day_number(dt.date.fromisoformat(day)) for day in sale] for sale in SALES]
    in_sale: Flags = np.any([(days >= first) & (days <= last) for first, last in ends], axis=0)
    return in_sale


@cache
def rhythm() -> Floats:
    """The shop's own time: from 0 to DAYS at each day's beginning; it runs fast on busy days.

    A customer's orders are a Poisson process in this time, so season and weekday are shared by all.
    """
    weekday = (np.arange(DAYS) + START.weekday()) % 7
    busy = np.array(MONTHS)[months()] * np.array(WEEKDAYS)[weekday] * np.where(on_sale(), SALE_RUSH, 1.0)
    return np.concatenate([[0.0], np.cumsum(busy / busy.mean())])


def place(passed: Floats) -> Ints:
    """The day on which so much of the shop's own time has passed."""
    return np.minimum(np.searchsorted(rhythm(), passed, side="right") - 1, DAYS - 1)


def in_season(season: Ints, month: Ints) -> Floats:
    """How much goods of a season (−1 winter, 0 all year, 1 summer) are wanted in a month, around 1."""
    warmth = np.cos((month - 6.5) / 12 * 2 * np.pi)  # highest in July and August
    return np.asarray(1 + 0.7 * season * warmth, dtype=np.float64)


def within_day(rng: np.random.Generator, online: Flags) -> Ints:
    """Seconds after midnight, by the hours in which people buy online or in a store."""
    u, hour = rng.random(len(online)), np.empty(len(online), dtype=np.int64)
    for mask, hours in ((online, ONLINE), (~online, IN_STORE)):
        share = np.cumsum(hours) / np.sum(hours)
        hour[mask] = np.searchsorted(share, u[mask], side="right")
    return hour * 3600 + rng.integers(0, 3600, len(online))
