"""How long until customers of a segment fall silent? Days from one fixed day to a whole silence."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from crm_utils.features import known_orders, purchase_days

__all__ = ["silence_times"]


def silence_times(
    orders: ir.Table, segments: ir.Table, *, cutoff: dt.date, as_of: dt.date, silent_days: int
) -> ir.Table:
    """Count customers by the days from a cut-off until they have been silent for so long.

    Parameters
    ----------
    orders
        ``customer_id``, ``ordered_at``, ``amount``.
    segments
        ``customer_id``, ``segment`` as named on the cut-off: time zero and group are both fixed there.
    cutoff
        Time zero. Only customers not yet silent then are followed: with a purchase in the last
        ``silent_days``.
    as_of
        The last day known: who is not silent by then was watched until then.
    silent_days
        Days without a purchase that make a silence.

    Returns
    -------
    ibis.expr.types.Table
        ``group``, ``days``, ``event`` (1 silent, 0 watched no longer), ``customers``.

    Notes
    -----
    A silence is known on the day it is complete, ``silent_days`` after the purchase before it.
    """
    since = cutoff - dt.timedelta(days=silent_days - 1)
    days = purchase_days(known_orders(orders, as_of=as_of, since=since))
    following = days.day.lead().over(ibis.window(group_by="customer_id", order_by="day"))
    gaps = days.mutate(
        gap=following.delta(days.day, unit="day"), after=_day(cutoff).delta(days.day, unit="day")
    )
    gaps = gaps.mutate(complete=silent_days - gaps.after)
    watched = (as_of - cutoff).days
    is_silent = (gaps.gap.isnull() | (gaps.gap > silent_days)) & (gaps.complete <= watched)
    per = gaps.group_by("customer_id").aggregate(
        there=gaps.after.max(), silent_after=gaps.complete.min(where=is_silent)
    )
    per = per.filter(per.there >= 0).left_join(segments.select("customer_id", "segment"), "customer_id")
    rows = per.select(
        group=per.segment.fill_null("none"),
        days=per.silent_after.fill_null(watched),
        event=per.silent_after.notnull().cast("int64"),
    )
    return rows.group_by("group", "days", "event").aggregate(customers=rows.count())


def _day(day: dt.date) -> ir.DateScalar:
    return ibis.date(day.year, day.month, day.day)
