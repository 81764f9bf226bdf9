"""Which numbers does a shop steer by? One registry: what each is, its unit, and which side is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.scorecard.weeks import KEPT_WEEKS, Weeks

__all__ = ["REGISTRY", "Measure", "measure_by_week", "measures_of"]


@dataclass(frozen=True)
class Measure:
    """One number a week.

    Attributes
    ----------
    name, unit
        ``share`` for rates; ``money`` in the shop's currency; ``points`` of NPS, from −100 to 100.
    better
        ``more`` or ``less``; ``neither`` for a number that only explains others.
    numerator, denominator
        Names of weekly sums; a measure without a denominator is a total. The ratio is taken last.
    kind
        How chance acts on it: ``money`` and ``count`` vary by a factor (limits on logarithms), ``rate`` is a
        share of so many (Laney's p′), ``score`` may be negative (plain limits).
    source
        The table that it comes from.
    owner
        Who answers for it, where nobody else is said.
    """

    name: str
    unit: str
    better: Literal["more", "less", "neither"]
    numerator: str
    denominator: str = ""
    kind: Literal["money", "count", "rate", "score"] = "count"
    source: str = "order_lines"
    owner: str = ""

    @property
    def additive(self) -> bool:
        """Whether weeks add up to a month; ratios do not, their sums do."""
        return not self.denominator

    @property
    def definition(self) -> str:
        """What is divided by what, for telling a changed definition from a changed value."""
        return f"{self.numerator} / {self.denominator}" if self.denominator else self.numerator


REGISTRY: tuple[Measure, ...] = (
    Measure("revenue", "money", "more", "net", kind="money"),
    Measure("orders", "orders", "more", "orders"),
    Measure("customers", "customers", "more", "customers"),
    Measure("new_customers", "customers", "more", "new_customers"),
    Measure("again_share", "share", "more", "again_customers", "customers", kind="rate"),
    Measure("kept_share", "share", "more", "kept", "kept_of", kind="rate"),
    Measure("order_value", "money", "more", "gross", "orders", kind="money"),
    Measure("return_share", "share", "less", "returned", "gross", kind="money"),
    Measure("discount_share", "share", "neither", "discount", "list_value", kind="money"),
    Measure("visits", "visits", "more", "visits", source="events"),
    Measure("conversion", "share", "more", "buying_visits", "visits", kind="rate", source="events"),
    Measure("reach_share", "share", "more", "delivered", "sent", kind="rate", source="messages"),
    Measure("click_share", "share", "more", "clicked", "delivered", kind="rate", source="messages"),
    Measure("opt_out_share", "share", "less", "unsubscribed", "delivered", kind="rate", source="messages"),
    Measure("nps", "points", "more", "nps_sum", "nps_answers", kind="score", source="feedback"),
    Measure("csat", "share", "more", "satisfied", "csat_answers", kind="rate", source="feedback"),
    Measure("acquisition_cost", "money", "less", "spent", "new_customers", "money", "marketing_costs"),
)
"""The shop's own numbers; those whose table a study lacks are left out of its page."""


def measures_of(weeks: Weeks) -> tuple[Measure, ...]:
    """The measures that these weeks can tell: their table is there, and a week has something to divide by."""
    sums = _with_derived(weeks)
    there = [m for m in REGISTRY if {m.numerator, m.denominator or m.numerator} <= set(sums.columns)]
    return tuple(
        m for m in there if m.source == "order_lines" or (sums[m.denominator or m.numerator] > 0).any()
    )


def measure_by_week(weeks: Weeks, measure: Measure) -> pd.DataFrame:
    """A measure's weeks.

    Parameters
    ----------
    weeks
        Whole weeks.
    measure
        What to measure.

    Returns
    -------
    pandas.DataFrame
        A row a week: ``value`` (missing without a denominator: 0 ÷ 0 has no value), ``of`` (the denominator;
        missing for totals).

    Notes
    -----
    New customers, and who came again, are not known in the first ``existing_days`` of history, where
    everybody looks new: those weeks have no value. Nor has the money of a week in which fewer than five
    customers bought, nor a share or a score of fewer than five: it would be theirs.
    """
    sums = _with_derived(weeks)
    value = sums[measure.numerator].astype(float)
    of = pd.Series(np.nan, index=sums.index)
    if measure.denominator:
        of = sums[measure.denominator].astype(float)
        value = (value / of.where(of > 0)).astype(float)
    if {measure.numerator, measure.denominator} & {"new_customers", "again_customers"}:
        value = value.where(np.array([week >= weeks.first_new for week in value.index], dtype=bool))
    if measure.kind == "money" and measure.source == "order_lines":
        value = value.where(~weeks.of_few)
    if measure.kind in ("rate", "score"):
        value = value.where(~((of > 0) & (of < SMALLEST_GROUP)))
    return pd.DataFrame({"value": value, "of": of}, index=sums.index)


def _with_derived(weeks: Weeks) -> pd.DataFrame:
    """The sums, and what follows from them: money kept, list prices, who was kept for twelve weeks."""
    sums = weeks.sums
    # Whoever of a week's customers came again within 12 weeks: told in the week when those are over.
    kept, kept_of = (sums[name].shift(KEPT_WEEKS) for name in ("back_customers", "customers"))
    derived = {"net": sums["gross"] - sums["returned"], "list_value": sums["gross"] + sums["discount"]}
    if "net_promoters" in sums:
        derived["nps_sum"] = 100 * sums["net_promoters"]
    return sums.assign(kept=kept, kept_of=kept_of, **derived)
