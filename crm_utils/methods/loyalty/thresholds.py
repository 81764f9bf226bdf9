"""What may be said of each cut: who aims at it, and whether it changes anybody.

The order is the point. First the density: where customers choose their side, those just above the cut are
not like those just below, and no effect can be told. Only where they could not does a jump speak of the
tier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from crm_utils.features import Number
from crm_utils.features.statistics import LEVEL
from crm_utils.methods.loyalty.bunching import Bunching, bunching
from crm_utils.methods.loyalty.density_break import DensityBreak, density_break
from crm_utils.methods.loyalty.jump import Jump, jump

__all__ = [
    "VERDICTS",
    "Threshold",
    "judge_threshold",
    "judge_thresholds",
    "thresholds_numbers",
    "thresholds_table",
]

VERDICTS = ("aimed_at", "effect", "not_shown", "too_few")
"""``aimed_at``: customers choose their side, no effect can be told; ``effect``: the interval leaves out 0."""
_BINS = 30  # a cut's height in bins
_WINDOW, _AROUND = 4, 15  # bins on either side: that are not fitted, and that are looked at


@dataclass(frozen=True)
class Threshold:
    """One cut and its tier.

    Attributes
    ----------
    cut, tier
        From which value on which tier.
    bunching, density
        Who gathers there; whether the density breaks.
    jump
        Purchases after the review; None where customers choose their side.
    money
        The same in money.
    """

    cut: float
    tier: str
    bunching: Bunching
    density: DensityBreak
    jump: Jump | None
    money: Jump | None

    @property
    def verdict(self) -> str:
        """One of :data:`VERDICTS`."""
        if self.density.breaks or self.bunching.seen:
            return "aimed_at"
        if self.jump is None or not self.jump.known or not self.density.known:
            return "too_few"
        return "effect" if self.jump.p < 1 - LEVEL else "not_shown"


def judge_threshold(
    rows: pd.DataFrame,
    cut: float,
    tier: str,
    *,
    others: Sequence[float] = (),
    seed: int = 0,
    draws: int = 400,
) -> Threshold:
    """Judge one cut: the density first, a jump only where it does not break.

    Parameters
    ----------
    rows
        :func:`.standings.sample_standings`, of reviews whose time after is over: a customer may have several.
    cut, tier
        From which value on which tier.
    others
        Other cuts: bins end before who gathers there.
    seed, draws
        Of the bootstrap.
    """
    near = rows[rows["running"] > 0]
    running, people = near["running"].to_numpy(), near["customer_id"].to_numpy(dtype=str)
    gathered = bunching(
        running,
        cut,
        width=_bin_width(cut, others),
        window=_WINDOW,
        around=_AROUND,
        clusters=people,
        seed=seed,
        draws=draws,
    )
    density = density_break(running, cut, clusters=people)
    if density.breaks or gathered.seen or not density.known:
        return Threshold(cut, tier, gathered, density, None, None)
    orders, money = (
        jump(running, near[name].to_numpy(), cut, clusters=people) for name in ("orders", "after")
    )
    return Threshold(cut, tier, gathered, density, orders, money)


def judge_thresholds(
    rows: pd.DataFrame, cuts: Sequence[tuple[float, str]], *, seed: int = 0
) -> list[Threshold]:
    """Judge every cut of a rule."""
    return [
        judge_threshold(rows, cut, tier, others=[other for other, _tier in cuts if other != cut], seed=seed)
        for cut, tier in cuts
    ]


def thresholds_table(judged: Sequence[Threshold]) -> pd.DataFrame:
    """A row a cut: ``cut``, ``tier``, ``excess`` and ``effect`` with ends, ``density_p``, ``p``, ``verdict``.

    The effect is in purchases a customer in the time after a review, and missing where none can be told.
    """
    rows = []
    for each in judged:
        shown = each.jump if each.verdict in ("effect", "not_shown") else None
        effect = (shown.effect, shown.low, shown.high, shown.p) if shown else [math.nan] * 4
        b = each.bunching
        rows.append((each.cut, each.tier, b.excess, b.low, b.high, each.density.p, *effect, each.verdict))
    columns = ["cut", "tier", "excess", "excess_low", "excess_high", "density_p"]
    return pd.DataFrame(rows, columns=[*columns, "effect", "low", "high", "p", "verdict"])


def thresholds_numbers(judged: Sequence[Threshold]) -> list[Number]:
    """What is recorded: excess at the cut with the most, and each effect."""
    seen = [each for each in judged if each.bunching.known]
    if not seen:
        return []
    most = max(seen, key=lambda each: each.bunching.excess)
    b = most.bunching
    numbers = [Number("bunching_excess", b.excess, "observations", b.low, b.high)]
    return numbers + [
        Number(f"tier_effect.cut_{k + 1}", each.jump.effect, "orders", min(each.jump.low, each.jump.effect),
               max(each.jump.high, each.jump.effect), each.jump.p)
        for k, each in enumerate(judged)
        if each.jump and each.verdict in ("effect", "not_shown")
    ]  # fmt: skip


def _bin_width(cut: float, others: Sequence[float]) -> float:
    """So wide that the bins reach no other cut, nor those who gather around it."""
    gaps = [abs(cut - other) / (_AROUND + _WINDOW) for other in others]
    return min([cut / _BINS, *gaps])
