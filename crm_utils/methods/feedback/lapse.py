"""Does a low score come before a lapse, and is it the score or what caused it? Differences within strata.

The difference within strata is that of Mantel and Haenszel, weighted by n₁n₀/(n₁ + n₀): what a linear model
with a constant for each stratum gives. Strata without both sides say nothing and have no weight.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_utils.features import Number
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z
from crm_utils.methods.feedback.outcomes import answer_outcomes, cells

__all__ = ["Adjusted", "ScoreAndLapse", "adjusted_difference", "other_horizons", "score_and_lapse"]


@dataclass(frozen=True)
class Adjusted:
    """A difference of shares between two sides that are alike in their strata.

    Attributes
    ----------
    value, low, high, p
        With one side less the other; its interval; the p-value of the test that it is 0.
    exposed, others
        Customers on either side.
    overlap
        Share of those exposed who have somebody to be compared with.
    """

    value: float
    low: float
    high: float
    p: float
    exposed: int
    others: int
    overlap: float

    @property
    def known(self) -> bool:
        """Whether it can be told: five customers on both sides, half of the exposed with a counterpart."""
        return not math.isnan(self.value) and self.overlap >= 0.5


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


def adjusted_difference(
    counts: pd.DataFrame, exposed: pd.Series[bool], strata: Sequence[str], *, level: float = LEVEL
) -> Adjusted:
    """Hold those exposed against others of the same strata.

    Parameters
    ----------
    counts
        A row a cell: ``customers``, ``lapsed`` and the columns of ``strata``.
    exposed
        Which rows are.
    strata
        What both sides have to be alike in.
    level
        Of the interval.

    Returns
    -------
    Adjusted
        Missing where either side has fewer than five customers, or no stratum has both.

    Notes
    -----
    Σ w (p₁ − p₀) / Σ w with w = n₁n₀/(n₁ + n₀); its variance Σ w² (v₁ + v₀) / (Σ w)²,
    v = p(1 − p)/(n − 1) at p = (x + ½)/(n + 1), so that a stratum in which all lapsed is not taken for
    certain. It is causal only where nothing else makes both the exposure and the lapse.
    """
    names = list(strata)
    sides = [
        counts[mask].groupby(names)[["customers", "lapsed"]].sum().astype(float)
        for mask in (exposed, ~exposed)
    ]
    totals = [int(side["customers"].sum()) for side in sides]
    both = sides[0].add_suffix("_1").join(sides[1].add_suffix("_0"), how="inner")
    both = both[(both["customers_1"] > 0) & (both["customers_0"] > 0)]
    overlap = float(both["customers_1"].sum()) / totals[0] if totals[0] else 0.0
    if min(totals) < SMALLEST_GROUP or both.empty:
        return Adjusted(math.nan, math.nan, math.nan, math.nan, totals[0], totals[1], overlap)
    shares, variances = [], []
    for side in ("1", "0"):
        n, x = (both[f"{name}_{side}"].to_numpy() for name in ("customers", "lapsed"))
        smooth = (x + 0.5) / (n + 1)
        shares.append(x / n)
        variances.append(smooth * (1 - smooth) / np.maximum(n - 1, 1))
    n1, n0 = both["customers_1"].to_numpy(), both["customers_0"].to_numpy()
    weight = n1 * n0 / (n1 + n0)
    value = float(np.average(shares[0] - shares[1], weights=weight))
    error = float(np.sqrt((weight**2 * (variances[0] + variances[1])).sum()) / weight.sum())
    reach = z(level) * error
    p = 2 * float(norm.sf(abs(value) / error))
    ends = max(value - reach, -1.0), min(value + reach, 1.0)
    return Adjusted(value, *ends, p, totals[0], totals[1], overlap)


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
            ends = (each.value, each.low, each.high) if each is not None and known else (math.nan,) * 3
            row |= dict(zip([name, f"{name}_low", f"{name}_high"], ends, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)
