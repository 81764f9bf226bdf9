"""Experiments that do nothing: one drawn fairly, one whose trial is broken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Ints
from crm_utils.sources.demo_shop.clock import DAY, day_number
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import People
from crm_utils.sources.demo_shop.worlds import NullTest

__all__ = ["Nulls", "draw_null_test"]

LATELY_DAYS = 90


@dataclass(frozen=True)
class Nulls:
    """An experiment without effect: who, when, and whether the second arm (0 or 1)."""

    test: NullTest
    who: Ints
    at: Ints
    second: Ints


def draw_null_test(rng: np.random.Generator, test: NullTest, people: People, orders: Orders) -> Nulls:
    """Assign everybody to one of two arms that do nothing; where the trial is broken, by what they bought."""
    first = day_number(test.starts) * DAY
    who = np.flatnonzero(~people.guest & (people.joined < first))
    at = first + rng.integers(0, test.spread_days, len(who)) * DAY
    at = at + rng.integers(9 * 3600, 21 * 3600, len(who))
    bought = np.zeros(len(people), dtype=bool)
    bought[orders.who[(orders.at < first) & (orders.at >= first - LATELY_DAYS * DAY)]] = True
    chance = np.where(bought[who], test.second_if_buyer, test.second_otherwise)
    second = (rng.random(len(who)) < chance).astype(np.int64)
    twice = np.flatnonzero(rng.random(len(who)) < test.in_both)
    return Nulls(
        test,
        np.concatenate([who, who[twice]]),
        np.concatenate([at, at[twice] + 1800]),
        np.concatenate([second, 1 - second[twice]]),
    )
