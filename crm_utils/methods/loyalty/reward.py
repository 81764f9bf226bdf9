"""What does the programme cost, and does anybody do more for it? Cost beside what was verified.

Cost is a share of sales. What it brings is known only where some did not get it by lot, or by a cut that
they could not aim at; comparing members with others is no answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from crm_utils.features import Number
from crm_utils.methods.loyalty.overview import TierPage
from crm_utils.methods.loyalty.owed import Owed
from crm_utils.methods.loyalty.placebo import Estimate
from crm_utils.methods.loyalty.prices import Allocation, Earning, allocate_price
from crm_utils.methods.loyalty.thresholds import Threshold

__all__ = ["Reward", "TierWorth", "reward_cost", "reward_of"]


@dataclass(frozen=True)
class TierWorth:
    """What a tier brings at its cut: margin a customer until the next review, before what the tier costs."""

    tier: str
    margin: Estimate
    days: int


@dataclass(frozen=True)
class Reward:
    """Cost and worth of the programme.

    Attributes
    ----------
    rate
        Value of points that will be spent, as a share of the sales that earned them.
    earning, allocation
        Sales and points behind it; the price shared after IFRS 15.
    point_value
        Money a point.
    worth
        Of each tier whose cut nobody aims at; the points themselves are verified by none of them.
    """

    rate: Estimate
    earning: Earning
    allocation: Allocation
    point_value: float
    worth: tuple[TierWorth, ...]

    def numbers(self) -> list[Number]:
        """What is recorded."""
        if not self.rate.known:
            return []
        return [Number("reward_cost_rate", self.rate.value, "share", self.rate.low, self.rate.high)]


def reward_cost(
    earned: Earning,
    rate: tuple[float, float, float],
    judged: Sequence[Threshold],
    *,
    point_value: float,
    margin_share: float,
    after_days: int,
) -> Reward:
    """Put the cost of points beside the margin that tiers were shown to bring.

    Parameters
    ----------
    earned
        As :func:`.prices.earning` gives it.
    rate
        Share of new points that is spent, with its interval: :func:`.liability.issue_rate`.
    judged
        As :func:`.thresholds.judge_thresholds` gives them.
    point_value, margin_share
        Money a point; share of money that is left after costs that vary with it.
    after_days
        Days after a review in which money was counted.
    """
    base = earned.points * point_value / earned.sales if earned.sales > 0 else math.nan
    cost = Estimate(*(base * each for each in rate))
    known = 0.0 if math.isnan(rate[0]) else rate[0]
    shared = allocate_price(earned.sales, earned.points, known, point_value)
    worth = tuple(
        TierWorth(
            each.tier,
            Estimate(*(v * margin_share for v in (each.money.effect, each.money.low, each.money.high))),
            after_days,
        )
        for each in judged
        if each.verdict == "effect" and each.money and each.money.known
    )
    return Reward(cost, earned, shared, point_value, worth)


def reward_of(owed: Owed, page: TierPage, *, point_value: float, margin_share: float) -> Reward:
    """The same of a page's points and tiers; without points only what tiers were shown to bring."""
    days = page.rule.days if page.rule else 0
    return reward_cost(
        owed.earned or Earning(0.0, 0, 0), owed.rate, page.thresholds,
        point_value=point_value, margin_share=margin_share, after_days=days,
    )  # fmt: skip
