"""Does what an order brings depend on how often a customer buys? Gamma-Gamma assumes that it does not.

A rank correlation above 0 is no proof: with many customers any is. What matters is by how much the mean value
differs between those who buy seldom and often (P. Fader, B. Hardie, note 025, 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from crm_utils.features import Number
from crm_utils.features.statistics import SMALLEST_GROUP, z

__all__ = ["MUCH", "Independence", "independence"]

MUCH = 1.25
"""The mean value of an order differs much when its highest group has so many times that of the lowest."""


@dataclass(frozen=True)
class Independence:
    """How the value of an order goes with the number of orders.

    Attributes
    ----------
    groups
        By number of order days: ``fewest``, ``most`` (days), ``customers``, ``value`` (mean over customers of
        their mean value, money), ``low``, ``high`` (95 %).
    spread
        Highest group mean ÷ lowest; None with fewer than two groups.
    spearman
        Rank correlation of number and mean value; None where one of them does not vary.
    first_ratio
        Value of the first order day ÷ that of later ones, of customers with both; with ``first_low`` and
        ``first_high`` (95 %); None where nobody has.
    """

    groups: pd.DataFrame
    spread: float | None
    spearman: float | None
    first_ratio: float | None
    first_low: float | None
    first_high: float | None

    @property
    def independent(self) -> bool:
        """Whether groups differ little."""
        return self.spread is None or self.spread <= MUCH

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("independence.spread", self.spread, "times"),
            Number("independence.spearman", self.spearman),
            Number("independence.first_ratio", self.first_ratio, "times", self.first_low, self.first_high),
        ]


def independence(rows: pd.DataFrame, *, groups: int = 5) -> Independence:
    """Compare the mean value of an order between groups by number of orders.

    Parameters
    ----------
    rows
        A row a customer: ``days`` (order days), ``gross``, ``first_gross``.
    groups
        Groups of about equal size; fewer where many have the same number.
    """
    n, gross = rows["days"].to_numpy(dtype=float), rows["gross"].to_numpy(dtype=float)
    mean = gross / np.maximum(n, 1)
    cuts = np.unique(np.quantile(n, np.arange(1, groups) / groups, method="inverted_cdf"))
    place = np.searchsorted(cuts, n, side="left")
    table = []
    for k in np.unique(place):
        kept = place == k
        size, value = int(kept.sum()), float(mean[kept].mean())
        if size < SMALLEST_GROUP:
            continue
        reach = z() * float(mean[kept].std(ddof=1)) / np.sqrt(size)
        table.append((int(n[kept].min()), int(n[kept].max()), size, value, value - reach, value + reach))
    frame = pd.DataFrame(table, columns=["fewest", "most", "customers", "value", "low", "high"])
    positive = frame["value"] > 0
    spread = float(frame["value"].max() / frame["value"].min()) if len(frame) > 1 and positive.all() else None
    varies = len(rows) > 2 and np.ptp(n) > 0 and np.ptp(mean) > 0
    rank = float(spearmanr(n, mean).statistic) if varies else None
    return Independence(frame, spread, rank, *_first_against_later(rows))


def _first_against_later(rows: pd.DataFrame) -> tuple[float | None, float | None, float | None]:
    """A ratio of means with its interval on the log scale, from linearised pairs."""
    twice = rows[rows["days"] > 1]
    first = twice["first_gross"].to_numpy(dtype=float)
    later = (twice["gross"] - twice["first_gross"]).to_numpy(dtype=float) / (twice["days"] - 1).to_numpy()
    if len(twice) < SMALLEST_GROUP or first.mean() <= 0 or later.mean() <= 0:
        return None, None, None
    ratio = float(first.mean() / later.mean())
    linear = first / first.mean() - later / later.mean()
    reach = z() * float(linear.std(ddof=1)) / np.sqrt(len(twice))
    return ratio, ratio * float(np.exp(-reach)), ratio * float(np.exp(reach))
