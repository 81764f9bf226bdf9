"""With which chance will points be spent before they end? By the customer's silence and the points' age.

From each day looked back from, the points open then are followed until they are spent, end, or are not
known any further. Those that ended or are not known yet leave without a verdict, as in E. L. Kaplan, P.
Meier, *JASA* 53, 1958, in weeks (an actuarial table); customers who keep silent get a curve of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.methods.loyalty.standing import AGES, SILENCES

__all__ = ["DRAWS", "PARTS", "QUARTER", "STRATA", "Redemption", "redemption"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PARTS = 64
DRAWS = 200
QUARTER = 13
"""Weeks."""
STRATA = (len(SILENCES) + 1) * AGES


@dataclass(frozen=True)
class Redemption:
    """Chances of a point's being spent by stratum and week.

    Attributes
    ----------
    spent
        Share spent by the end of each week: draw of customers (0 is what was seen), stratum, week from 0.
    watched
        Points watched in each stratum and week.
    unit
        Points that are spent or kept together: how many times as much as of single points totals scatter.
    shock, quarters
        Standard deviation of a quarter's spending around the expected, as a share, which all customers have
        in common (season, sales); quarters that it was seen in. Missing with fewer than two.
    """

    spent: Floats
    watched: Floats
    unit: float
    shock: float
    quarters: int

    def chance(self, silence: Ints, age: Ints, weeks: Ints) -> Floats:
        """The chance of being spent within so many weeks: a row a draw, a column a point of the arguments."""
        at = np.minimum(weeks, self.spent.shape[2] - 1)
        return np.asarray(self.spent[:, silence * AGES + age, at])

    def unwatched(self, silence: Ints, age: Ints, weeks: Ints) -> NDArray[np.bool_]:
        """Whether so many weeks are more than anybody was watched for in the stratum."""
        reach = (self.watched > 0).sum(axis=1)
        return np.asarray(weeks > reach[silence * AGES + age])


def redemption(
    counts: pd.DataFrame, *, weeks: int, known_back: int = 0, seed: int = 0, draws: int = DRAWS
) -> Redemption:
    """Learn the chances from what became of points that were open on earlier days.

    Parameters
    ----------
    counts
        :func:`.standing.redemption_counts`.
    weeks
        How far the curves are needed.
    known_back
        Weeks before today: what came later is not seen.
    seed, draws
        Of the draws of customers, by their 64 parts, with replacement.

    Returns
    -------
    Redemption

    Notes ----- h = spent / (watched − half of what ended unspent), a week; the share spent by week w is 1 −
    Π (1 − h). Weeks beyond those that anybody was watched for take the stratum's mean hazard. ``unit`` is Σ
    M² / Σ spent, M the spent less the expected of one part of the customers from one day on: 1 where single
    points are spent by themselves, thousands where customers spend all at once.
    """
    events, leaving, cut = _tables(counts[counts["back"] > known_back], known_back, weeks)
    rng = np.random.default_rng(seed)
    times = np.vstack([np.ones(PARTS), rng.multinomial(PARTS, np.full(PARTS, 1 / PARTS), size=draws)])
    hazard = _hazard(*(np.tensordot(times, table.sum(axis=0), axes=1) for table in (events, leaving, cut)))
    share = 1 - np.cumprod(1 - hazard, axis=2)
    share = np.concatenate([np.zeros((*share.shape[:2], 1)), share], axis=2)
    exposed = _exposed(events, leaving, cut)
    watched = exposed.sum(axis=(0, 1))
    surprise = (events[..., :-1] - hazard[0] * exposed).sum(axis=(2, 3))
    total = float(events.sum())
    unit = float((surprise**2).sum()) / total * PARTS / (PARTS - 1) if total else 1.0
    backs = np.unique(counts["back"][counts["back"] > known_back]) - known_back
    shock, quarters = _shock(events[..., :-1], hazard[0] * exposed, backs)
    return Redemption(np.asarray(share, dtype=np.float64), watched, max(unit, 1.0), shock, quarters)


def _shock(events: Floats, expected: Floats, backs: Ints) -> tuple[float, int]:
    """How far whole quarters lie off the expected: what all customers do at once is drawn once a quarter."""
    seen, due = (np.zeros(int(backs.max(initial=0)) // QUARTER + 1) for _ in range(2))
    for k, back in enumerate(backs):
        ago = np.arange(int(back) - 1, -1, -1)[: events.shape[-1]] // QUARTER  # of each week followed
        for total, made in ((seen, events), (due, expected)):
            np.add.at(total, ago, made[k].sum(axis=(0, 1))[: len(ago)])
    whole = due[: int(backs.max(initial=0)) // QUARTER]
    known = whole > 0
    ratio = seen[: len(whole)][known] / whole[known]
    if len(ratio) < 2:
        return float("nan"), len(ratio)
    return float(np.std(ratio, ddof=1)), len(ratio)


def _tables(seen: pd.DataFrame, known_back: int, weeks: int) -> tuple[Floats, Floats, Floats]:
    """Points spent, ended unspent, and no longer watched: by day looked back from, part, stratum and week."""
    backs, place = np.unique(seen["back"].to_numpy(), return_inverse=True)
    shape = (max(len(backs), 1), PARTS, STRATA, weeks + 1)
    span = np.minimum(seen["back"].to_numpy() - known_back, weeks)
    week = seen["weeks"].to_numpy()
    over = week >= span
    stratum = (seen["silence"] * AGES + seen["age"]).to_numpy()
    spent, ended = seen["spent"].to_numpy(dtype=float), seen["ended"].to_numpy(dtype=float)
    made = []
    for points in (np.where(over, 0, spent), np.where(over, 0, ended - spent), np.where(over, ended, 0)):
        table = np.zeros(shape)
        np.add.at(table, (place, seen["part"].to_numpy(), stratum, np.minimum(week, span)), points)
        made.append(table)
    return made[0], made[1], made[2]


def _exposed(events: Floats, leaving: Floats, cut: Floats) -> Floats:
    """Points watched in each week but the last, which only ends what went before."""
    every = events + leaving + cut
    risk = every[..., ::-1].cumsum(axis=-1)[..., ::-1]
    return np.asarray((risk - cut - leaving / 2)[..., :-1])


def _hazard(events: Floats, leaving: Floats, cut: Floats) -> Floats:
    exposed = _exposed(events, leaving, cut)
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = events[..., :-1] / exposed
        mean = np.nan_to_num(events.sum(axis=-1) / exposed.sum(axis=-1))
    return np.asarray(np.clip(np.where(exposed > 0, hazard, mean[..., None]), 0, 1))
