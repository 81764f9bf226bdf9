"""Does a low score come before a lapse, and is it the score or what caused it? Differences within strata."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features import Number
from crm_utils.features.deliveries import cells
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.features.strata import Adjusted, adjusted_difference
from crm_utils.methods.feedback.outcomes import answer_outcomes

__all__ = ["ScoreAndLapse", "other_horizons", "score_and_lapse"]


@dataclass(frozen=True)
class ScoreAndLapse:
    """Low scores and lapses.

    Attributes
    ----------
    plain
        Low scores less the others, alike in how often they bought.
    within
        The same within late and within on-time deliveries; None where deliveries are not known.
    cause
        Late less on-time deliveries, alike in how often they bought; None likewise.
    strata
        ``delivery``, ``low``, ``customers``, ``lapsed`` (share), ``low_end``, ``high_end``.
    customers
        Who are judged.
    """

    plain: Adjusted
    within: Adjusted | None
    cause: Adjusted | None
    strata: pd.DataFrame
    customers: int

    @property
    def verdict(self) -> str:
        """A code: ``not_shown``, ``unknown_cause``, ``cause_shown`` or ``score_too``."""
        if not self.plain.known or self.plain.low <= 0:
            return "not_shown"
        if self.within is None or self.cause is None or not (self.within.known and self.cause.known):
            return "unknown_cause"
        if self.within.low > 0:
            return "score_too"
        return "cause_shown" if self.cause.low > 0 else "unknown_cause"

    def numbers(self) -> list[Number]:
        """What is recorded."""
        named = {"low_score": self.plain, "low_score.same_delivery": self.within, "late": self.cause}
        return [Number("lapse.customers", self.customers, "customers")] + [
            Number(f"lapse.{name}", each.value, "share", each.low, each.high, each.p)
            for name, each in named.items()
            if each is not None and each.known
        ]


def score_and_lapse(counts: pd.DataFrame) -> ScoreAndLapse:
    """Ask of low scores and of late deliveries whether a lapse follows.

    Parameters
    ----------
    counts
        ``low``, ``delivery``, ``frequency``, ``customers``, ``lapsed``: answers' outcomes in cells.

    Returns
    -------
    ScoreAndLapse
    """
    low = counts["low"] == 1
    plain = adjusted_difference(counts, low, ["frequency"])
    known = counts[counts["delivery"] != ""]
    within = cause = None
    if known["delivery"].nunique() == 2:
        within = adjusted_difference(known, known["low"] == 1, ["delivery", "frequency"])
        cause = adjusted_difference(known, known["delivery"] == "late", ["frequency"])
    strata = counts.groupby(["delivery", "low"], as_index=False)[["customers", "lapsed"]].sum()
    strata = strata[strata["customers"] >= SMALLEST_GROUP].reset_index(drop=True)
    n, x = strata["customers"].astype(float), strata["lapsed"].astype(float)
    square = z() ** 2
    middle = (x + square / 2) / (n + square)
    reach = z() * np.sqrt(middle * (1 - middle) / (n + square))
    strata = strata.assign(
        lapsed=x / n, low_end=np.minimum((middle - reach).clip(0, 1), x / n),
        high_end=np.maximum((middle + reach).clip(0, 1), x / n),
    )  # fmt: skip
    return ScoreAndLapse(plain, within, cause, strata, int(counts["customers"].sum()))


def other_horizons(
    feedback: ir.Table, orders: ir.Table, delivery: ir.Table | None, *, as_of: dt.date, horizon_days: int
) -> pd.DataFrame:
    """Judge the same with half and with twice as many days: ``days``, and each difference with its ends."""
    rows = []
    for days in (max(horizon_days // 2, 1), horizon_days, 2 * horizon_days):
        judged = answer_outcomes(feedback, orders, as_of=as_of, horizon_days=days, delivery=delivery)
        result = score_and_lapse(cells(judged, ["low", "delivery", "frequency"]).to_pandas())
        row: dict[str, float] = {"days": days}
        for name, each in {"plain": result.plain, "within": result.within, "cause": result.cause}.items():
            known = each is not None and each.known
            ends = (each.value, each.low, each.high) if each is not None and known else (float("nan"),) * 3
            row |= dict(zip([name, f"{name}_low", f"{name}_high"], ends, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)
