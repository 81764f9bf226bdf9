"""Can a ledger of points be believed? Its balances never fall below 0, and it is known when points end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_utils.errors import DataError
from crm_utils.features import Cannot
from crm_utils.features.statistics import SMALLEST_GROUP

__all__ = ["Ledger", "below_zero", "ledger_facts", "read_ledger", "require_sound"]

_SAME = 0.95  # of expired points: share that ended at one age, to take it for the rule
_MONTH = 30.44  # days


@dataclass(frozen=True)
class Ledger:
    """A ledger of points and whether it can be counted.

    Attributes
    ----------
    points
        The canonical table; None where there is none.
    live_days
        Days after which points end where rows do not say so; 0 where they all do.
    why
        Why it cannot be counted; None where it can.
    facts
        ``rows``, ``customers``, ``issued``, ``spent``, ``expired``, ``cancelled`` (points), ``first_day``,
        ``last_day``, ``dated`` (points added with a day of expiry).
    """

    points: ir.Table | None
    live_days: int
    why: Cannot | None
    facts: dict[str, Any]

    @property
    def sound(self) -> bool:
        """Whether lots can be made of it."""
        return self.points is not None and self.why is None


def below_zero(points: ir.Table) -> ir.Table:
    """Customers whose balance falls below 0 at the end of some instant: ``customer_id``, ``lowest``."""
    moments = points.group_by("customer_id", "occurred_at").aggregate(change=points.points.sum())
    running = ibis.cumulative_window(group_by="customer_id", order_by="occurred_at")
    balances = moments.mutate(balance=moments.change.sum().over(running))
    lowest = balances.group_by("customer_id").aggregate(lowest=balances.balance.min())
    return lowest.filter(lowest.lowest < 0)


def ledger_facts(points: ir.Table) -> dict[str, Any]:
    """Sum up a ledger: see :class:`Ledger`."""
    added, taken = points.points > 0, points.points < 0
    day = points.occurred_at.cast("date")
    row = points.aggregate(
        rows=points.count(), customers=points.customer_id.nunique(),
        issued=points.points.sum(where=added),
        dated=points.points.sum(where=added & points.expires_at.notnull()),
        spent=(-points.points).sum(where=taken & (points.kind == "spent")),
        expired=(-points.points).sum(where=taken & (points.kind == "expired")),
        taken=(-points.points).sum(where=taken), first_day=day.min(), last_day=day.max(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    counts = {name: int(value or 0) for name, value in row.items() if not name.endswith("_day")}
    cancelled = counts.pop("taken") - counts["spent"] - counts["expired"]
    days = {name: row[name] for name in ("first_day", "last_day")}
    return {**counts, "cancelled": cancelled, **days}


def require_sound(points: ir.Table) -> None:
    """Refuse a ledger whose balances fall below 0.

    Raises
    ------
    DataError
        Some customers have taken out more than went in.
    """
    broken = int(below_zero(points).count().to_pyarrow().as_py())
    if broken:
        raise DataError(
            f"Balance of {broken} customer{'s' if broken > 1 else ''} falls below 0: the ledger begins later "
            "than the points (opening balance?). Add a row of kind opening a customer (and day on which they "
            "end) with what they had before it begins."
        )


def read_ledger(points: ir.Table | None, *, as_of: dt.date, live_days: int = 0) -> Ledger:
    """Look whether lots can be made of a ledger, and after how many days points end.

    Parameters
    ----------
    points
        The canonical table, cut at ``as_of``; None where the study has none.
    as_of
        The last day known.
    live_days
        The rule where rows do not say when points end; 0 to take it from the age at which points expired.
    """
    if points is None:
        return Ledger(None, 0, Cannot("loyalty.no_points"), {})
    facts = ledger_facts(points)
    if facts["customers"] < SMALLEST_GROUP or not facts["issued"]:
        return Ledger(points, 0, Cannot("loyalty.few_points", {"least": SMALLEST_GROUP}), facts)
    broken = int(below_zero(points).count().to_pyarrow().as_py())
    if broken:
        return Ledger(points, 0, Cannot("loyalty.below_zero", {"customers": broken}), facts)
    if live_days or facts["dated"] == facts["issued"]:
        return Ledger(points, live_days, None, facts)
    rule = _seen_rule(points)
    if rule:
        return Ledger(points, rule, None, facts)
    months = round(((as_of - facts["first_day"]).days + 1) / _MONTH)
    return Ledger(points, 0, Cannot("loyalty.no_expiry", {"months": months}), facts)


def _seen_rule(points: ir.Table) -> int:
    """The age at which nearly all expired points ended, by the order in which they came in; 0 where none."""
    from crm_utils.methods.loyalty.lots import OPENING, fates

    ended = fates(points, live_days=1)
    ended = ended.filter(ended.fate == "expired", ended.kind != OPENING)
    age = ended.ended_at.cast("date").delta(ended.issued_at.cast("date"), unit="day")
    ages = ended.mutate(age=age).group_by("age").aggregate(points=lambda t: t.points.sum())
    rows = ages.order_by(ibis.desc("points"), "age").to_pandas()
    if rows.empty or rows["points"].iloc[0] < _SAME * rows["points"].sum():
        return 0
    return int(rows["age"].iloc[0])
