"""How soon are cases replied to and closed, how many come back, who lapses? By the times of each.

A snapshot from before first replies were known has no ``replied_at``.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features import Number
from crm_utils.features.deliveries import order_outcomes
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP
from crm_utils.features.strata import Adjusted, adjusted_difference

__all__ = ["AGAIN_DAYS", "Cases", "case_cells", "cases", "cases_of", "contact_cells"]

AGAIN_DAYS = 14
"""Another case of the customer within so many days after the closing is the same one, come back."""
_DAY = 24


@dataclass(frozen=True)
class Cases:
    """Cases of the service desk.

    Attributes
    ----------
    opened
        Cases of known customers.
    replied, in_a_day, again
        (share, low, high, of how many): first replied to within 24 hours, and closed within 24 hours, of
        those opened a day ago or longer; come back within 14 days, of those closed as long ago. ``replied``
        is of none where no first reply is recorded.
    contact
        Lapse after a late parcel that somebody complained of, less after one that nobody did, alike in how
        often they bought and by which channel; None where deliveries are not known.
    """

    opened: int
    replied: tuple[float, float, float, int]
    in_a_day: tuple[float, float, float, int]
    again: tuple[float, float, float, int]
    contact: Adjusted | None

    def numbers(self) -> list[Number]:
        """What is recorded."""
        named = {"replied": self.replied, "in_a_day": self.in_a_day, "again": self.again}
        return [Number("cases.opened", self.opened, "cases")] + [
            Number(f"cases.{name}", share, "share", low, high)
            for name, (share, low, high, n) in named.items()
            if n >= SMALLEST_GROUP
        ]


def cases_of(
    feedback: ir.Table, orders: ir.Table, delivery: ir.Table | None, *, as_of: dt.date, horizon_days: int
) -> Cases | None:
    """What became of cases by the end of a day; None with fewer than five.

    Parameters
    ----------
    feedback, orders, delivery
        Canonical tables; deliveries as ``delivery_of_orders`` gives them, or None.
    as_of, horizon_days
        The last day known; days without a purchase that make a lapse.
    """
    now = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    contacts = None
    if delivery is not None:
        judged = order_outcomes(orders, delivery, as_of=as_of, horizon_days=horizon_days)
        contacts = contact_cells(judged, feedback).to_pandas()
    return cases(case_cells(feedback, now=now).to_pandas(), contacts)


def case_cells(feedback: ir.Table, *, now: dt.datetime) -> ir.Table:
    """Count cases by what is known of them at an instant.

    Parameters
    ----------
    feedback
        The canonical table, cut at ``now``.
    now
        The instant that is looked from.

    Returns
    -------
    ibis.expr.types.Table
        ``old`` (opened a day ago or longer), ``heard`` (a first reply is recorded), ``replied`` (within 24
        hours), ``soon`` (closed within 24 hours), ``settled`` (closed 14 days ago or longer), ``again``
        (another one opened within 14 days after the closing), ``cases``.
    """
    rows = feedback.filter(feedback.kind == "case", feedback.customer_id.notnull())
    if "replied_at" not in rows.columns:
        rows = rows.mutate(replied_at=ibis.null("timestamp(6)"))
    own = ibis.window(group_by="customer_id", order_by=[rows.submitted_at, rows.feedback_id])
    rows = rows.mutate(following=rows.submitted_at.lead().over(own))
    spans = ibis.interval(hours=_DAY), ibis.interval(days=AGAIN_DAYS)
    moment = ibis.literal(now, type="timestamp(6)")
    flags = {
        "old": rows.submitted_at + spans[0] <= moment,
        "heard": rows.replied_at.notnull(),
        "replied": rows.replied_at <= rows.submitted_at + spans[0],
        "soon": rows.resolved_at <= rows.submitted_at + spans[0],
        "settled": rows.resolved_at + spans[1] <= moment,
        "again": rows.following.between(rows.resolved_at, rows.resolved_at + spans[1]),
    }
    rows = rows.select(**{name: flag.fill_null(False).cast("int64") for name, flag in flags.items()})
    names = list(flags)
    return rows.group_by(names).aggregate(cases=rows.count()).order_by(names)


def contact_cells(outcomes: ir.Table, feedback: ir.Table) -> ir.Table:
    """Late parcels by whether there was a case about the order: one row a cell.

    Parameters
    ----------
    outcomes
        As ``order_outcomes`` gives them.
    feedback
        The canonical table.

    Returns
    -------
    ibis.expr.types.Table
        ``contacted`` (1 or 0), ``channel``, ``frequency``, ``customers``, ``lapsed``.
    """
    about = (
        feedback.filter(feedback.kind == "case", feedback.order_id.notnull())
        .select(about="order_id")
        .distinct()
    )
    late = outcomes.filter(outcomes.delivery == "late")
    rows = late.left_join(about, late.order_id == about.about)
    rows = rows.mutate(contacted=rows.about.notnull().cast("int64"))
    keys = ["contacted", "channel", "frequency"]
    counts = rows.group_by(keys).aggregate(customers=rows.count(), lapsed=rows.lapsed.sum())
    return counts.order_by(keys)


def cases(counts: pd.DataFrame, contacts: pd.DataFrame | None) -> Cases | None:
    """Shares with their Wilson intervals, and lapse after contact; None with fewer than five cases.

    Parameters
    ----------
    counts, contacts
        As :func:`case_cells` and :func:`contact_cells` give them.
    """
    opened = int(counts["cases"].sum())
    if opened < SMALLEST_GROUP:
        return None
    contact = None
    if contacts is not None:
        contact = adjusted_difference(contacts, contacts["contacted"] == 1, ["channel", "frequency"])
    heard = counts if (counts["heard"] == 1).any() else counts.iloc[:0]
    shares = (
        _share(heard, "replied", "old"),
        _share(counts, "soon", "old"),
        _share(counts, "again", "settled"),
    )
    return Cases(opened, *shares, contact)


def _share(counts: pd.DataFrame, name: str, among: str) -> tuple[float, float, float, int]:
    rows = counts[counts[among] == 1]
    n, hits = int(rows["cases"].sum()), int(rows.loc[rows[name] == 1, "cases"].sum())
    if not n:
        return math.nan, math.nan, math.nan, 0
    low, high = proportion_confint(hits, n, alpha=1 - LEVEL, method="wilson")
    return hits / n, float(low), float(high), n
