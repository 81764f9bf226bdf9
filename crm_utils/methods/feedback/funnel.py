"""Is one month or one group unlike the others, or is it chance? A funnel plot's limits.

D. J. Spiegelhalter, Funnel plots for comparing institutional performance, *Statistics in Medicine* 24,
2005: limits around the whole, wider where there are few answers, and wider still where groups differ more
than chance makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

__all__ = ["Funnel", "funnel"]

_WARNING, _ALARM = 0.95, 0.998


@dataclass(frozen=True)
class Funnel:
    """Groups against the whole.

    Attributes
    ----------
    target
        The score of all of them together.
    spread
        Standard deviation of one answer, widened by what groups differ beyond chance.
    extra
        By how much it is widened: 1 where chance explains the differences.
    rows
        The groups with ``says``: ``low`` or ``high`` outside the outer limits, else empty.
    """

    target: float
    spread: float
    extra: float
    rows: pd.DataFrame

    def limits(self, n: NDArray[np.float64]) -> pd.DataFrame:
        """Limits at so many answers: ``n``, ``low``, ``high`` (95 %), ``lowest``, ``highest`` (99.8 %)."""
        inner, outer = (
            float(norm.ppf((1 + level) / 2)) * self.spread / np.sqrt(n) for level in (_WARNING, _ALARM)
        )
        return pd.DataFrame({
            "n": n, "low": self.target - inner, "high": self.target + inner,
            "lowest": self.target - outer, "highest": self.target + outer,
        })  # fmt: skip


def funnel(rows: pd.DataFrame) -> Funnel:
    """Hold each group's score against that of all.

    Parameters
    ----------
    rows
        Groups of one kind as ``measure_scores`` gives them: ``value``, ``effective``, ``spread``.

    Returns
    -------
    Funnel

    Notes
    -----
    z = (value − target) √n / spread; the extra factor is √max(1, mean of z² after a tenth of
    the z at each end is drawn in). With fewer than ten groups none is estimated.
    """
    weight = rows["effective"].to_numpy(dtype=float)
    value = rows["value"].to_numpy(dtype=float)
    if not len(rows):
        return Funnel(float("nan"), float("nan"), 1.0, rows.assign(says=""))
    target = float(np.average(value, weights=weight))
    within = np.average(rows["spread"].to_numpy(dtype=float) ** 2, weights=weight)
    spread = float(np.sqrt(within))
    score = (value - target) * np.sqrt(weight) / spread if spread > 0 else np.zeros(len(rows))
    extra = 1.0
    if len(rows) >= 10:
        drawn_in = np.clip(score, *np.quantile(score, [0.1, 0.9]))
        extra = float(np.sqrt(max(1.0, float((drawn_in**2).mean()))))
    outside = float(norm.ppf((1 + _ALARM) / 2)) * extra
    says = np.select([score < -outside, score > outside], ["low", "high"], "")
    return Funnel(target, spread * extra, extra, rows.assign(says=says))
