"""What do two paid sources bring? One brings visits; the other takes those that come anyway."""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.columns import days, money
from crm_utils.sources.demo_shop.visits import BRAND_SEARCH, DIRECT, INSTAGRAM_ADS, NAVER, Visits
from crm_utils.sources.demo_shop.worlds import ADS, Ads

__all__ = ["harvested", "marketing_costs", "schedule", "with_advertised"]

WEEK = 7 * DAY


def schedule(seed: int) -> Flags:
    """Whether each of the two sources (instagram, brand search) is bought in each week: one of every pair."""
    rng = np.random.default_rng([seed, zlib.crc32(b"ads")])
    first = rng.random((2, ADS.weeks // 2)) < 0.5
    return np.stack([first, ~first], axis=2).reshape(2, -1)


def bought(on: Flags, at: Ints) -> Flags:
    """Whether a source is bought at these moments; before and after its weeks it is not."""
    week = at // WEEK
    return np.asarray((week >= 0) & (week < len(on)) & on[np.clip(week, 0, len(on) - 1)])


def with_advertised(
    rng: np.random.Generator, world: Ads, on: Flags, before: Visits
) -> tuple[Visits, pa.Table]:
    """Add the visits that advertising brings; and for each week what comes with it and without it."""
    more = rng.random(len(before)) < world.extra
    at = np.minimum(before.at // DAY * DAY + rng.integers(8 * 3600, 24 * 3600 - 400, len(before)), END - 1)
    brought = before.take(more)
    n, no = int(more.sum()), np.zeros(int(more.sum()), dtype=bool)
    new = Visits(brought.who, at[more], np.full(n, INSTAGRAM_ADS), brought.product, no, no, no)
    weeks = len(on[0])
    without = np.bincount(np.clip(before.at // WEEK, 0, weeks), minlength=weeks + 1)[:weeks]
    extra = np.bincount(np.clip(new.at // WEEK, 0, weeks), minlength=weeks + 1)[:weeks]
    truth = pa.table({
        "starts_on": days(np.arange(weeks) * 7), "instagram": on[0], "brand_search": on[1],
        "without": without, "extra": extra,
    })  # fmt: skip
    return Visits.joined([before, new.take(bought(on[0], new.at))]), truth


def harvested(rng: np.random.Generator, world: Ads, on: Flags, source: Ints, at: Ints) -> Ints:
    """The sources of visits, where those who look for the shop by its name click on what it pays for."""
    takes = np.isin(source, (NAVER, DIRECT)) & (rng.random(len(source)) < world.takes)
    return np.where(takes & bought(on[1], at), BRAND_SEARCH, source)


def marketing_costs(seed: int, customers: int) -> pa.Table:
    """A row a source and week; nothing is paid where it is not bought."""
    on = schedule(seed)
    week, source = np.repeat(np.arange(ADS.weeks), 2), np.tile([0, 1], ADS.weeks)
    each = np.array([ADS.cost_instagram, ADS.cost_brand])[source] * customers
    return pa.table({
        "starts_on": days(week * 7), "ends_on": days(week * 7 + 6),
        "acquisition_channel": pa.array(["인스타그램 광고", "네이버 검색"] * ADS.weeks),
        "cost": money(each * on[source, week]),
    })  # fmt: skip
