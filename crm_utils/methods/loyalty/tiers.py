"""By which rule are tiers given, and on which days? Recorded tiers are held against the rule."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.errors import StudyError
from crm_utils.features.statistics import SMALLEST_GROUP

__all__ = ["Rule", "disagreements", "parse_rule", "review_days", "tier_names", "tiers"]

METRICS = ("spend", "net", "orders")
"""What a rule may count: money paid without returns taken off, with returns taken off, or purchases."""
_PART = re.compile(r"\s*(spend|net|orders)_(\d+)([dwm])\s*(?:>=|≥)\s*(\d+(?:\.\d+)?)\s*:\s*(.+?)\s*")
_SHARE = 0.05  # of all changes of tiers: a day with as many is a review


@dataclass(frozen=True)
class Rule:
    """Who gets which tier.

    Attributes
    ----------
    text
        As it was written, with ≥.
    metric
        One of :data:`METRICS`.
    length, unit
        Of the window that ends before the review day: so many ``d``, ``w`` or ``m`` (calendar months).
    cuts
        From which value on which tier, the lowest first; below the first is the tier that everybody begins
        in.
    """

    text: str
    metric: str
    length: int
    unit: str
    cuts: tuple[tuple[float, str], ...]

    def starts(self, review: dt.date) -> dt.date:
        """The first day of the window of a review."""
        if self.unit == "m":
            return (pd.Timestamp(review) - pd.DateOffset(months=self.length)).date()
        return review - dt.timedelta(days=self.length * (7 if self.unit == "w" else 1))

    @property
    def days(self) -> int:
        """About how many days the window has."""
        return round(self.length * {"d": 1, "w": 7, "m": 365.25 / 12}[self.unit])


def parse_rule(text: str) -> Rule | None:
    """Read a rule such as ``spend_182d >= 300000: silver; spend_182d >= 480000: gold``.

    Returns
    -------
    Rule
        None for an empty text.

    Raises
    ------
    StudyError
        It is written in another way, or its parts do not count the same over the same time.

    Examples
    --------
    >>> parse_rule("spend_12m >= 500: gold").cuts
    ((500.0, 'gold'),)
    """
    if not text.strip():
        return None
    parts = [_PART.fullmatch(part) for part in text.split(";") if part.strip()]
    example = "Write it as in: spend_182d >= 300000: silver; spend_182d >= 480000: gold."
    if any(part is None for part in parts):
        raise StudyError(f"The tier rule '{text}' cannot be read. {example}")
    read = [part.groups() for part in parts if part]
    if len({each[:3] for each in read}) > 1:
        raise StudyError(
            f"The parts of the tier rule '{text}' do not count the same over the same time. {example}"
        )
    cuts = tuple(sorted((float(each[3]), str(each[4])) for each in read))
    if len({cut for cut, _tier in cuts}) < len(cuts) or len({tier for _cut, tier in cuts}) < len(cuts):
        raise StudyError(f"The tier rule '{text}' names a cut or a tier twice. {example}")
    metric, length, unit = read[0][:3]
    return Rule(text.replace(">=", "≥").strip(), metric, int(length), unit, cuts)


def review_days(recorded: ir.Table) -> list[dt.date]:
    """Days on which tiers were set anew for many: at least a twentieth of all changes, and five customers.

    A customer's first tier is no change.
    """
    order = ibis.window(group_by="customer_id", order_by=["since", "tier"])
    changes = recorded.mutate(place=ibis.row_number().over(order))
    changes = changes.filter(changes.place > 0)
    counts = changes.group_by(day=changes.since.cast("date")).aggregate(n=changes.count())
    rows = counts.order_by("day").to_pandas()
    if rows.empty:
        return []
    least = max(_SHARE * float(rows["n"].sum()), SMALLEST_GROUP)
    return [pd.Timestamp(day).date() for day in rows.loc[rows["n"] >= least, "day"]]


def tiers(values: ir.Table, rule: Rule, *, lowest: str) -> ir.Table:
    """Give each customer and review the tier that the rule says.

    Parameters
    ----------
    values
        A row a customer and review, with ``running``: what the rule counts.
    rule
        The rule.
    lowest
        The tier below the first cut.

    Returns
    -------
    ibis.expr.types.Table
        ``values`` with ``by_rule``.
    """
    branches = [(values.running >= cut, tier) for cut, tier in reversed(rule.cuts)]
    return values.mutate(by_rule=ibis.cases(*branches, else_=lowest))


def tier_names(recorded: ir.Table, rule: Rule | None) -> tuple[str, ...]:
    """Tiers from the lowest: the commonest first tier, then those of the rule, then others by name."""
    order = ibis.window(group_by="customer_id", order_by=["since", "tier"])
    first = recorded.mutate(place=ibis.row_number().over(order))
    counts = first.group_by("tier").aggregate(
        begins=(first.place == 0).cast("int64").sum(), rows=first.count()
    )
    rows = counts.order_by([ibis.desc("begins"), "tier"]).to_pandas()
    lowest = str(rows["tier"].iloc[0])
    known = [tier for _cut, tier in rule.cuts] if rule else []
    others = sorted(set(rows["tier"]) - {lowest} - set(known))
    return tuple(dict.fromkeys([lowest, *known, *others]))


def disagreements(standings: ir.Table, rule: Rule, *, lowest: str) -> tuple[int, int]:
    """How many recorded tiers are not what the rule says, of how many, right after the reviews."""
    judged = tiers(standings, rule, lowest=lowest)
    row = judged.aggregate(
        wrong=(judged.tier != judged.by_rule).cast("int64").sum(), all=judged.count()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    return int(row["wrong"] or 0), int(row["all"])
