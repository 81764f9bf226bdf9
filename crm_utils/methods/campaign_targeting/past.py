"""What has each customer bought, and how often do they come? One row a customer, worked out once a plan."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from crm_utils.features import is_purchase, with_rhythm

__all__ = ["past_of_customers"]


def past_of_customers(orders: ir.Table, *, now: dt.datetime) -> ir.Table:
    """Bring each customer's orders down to what scenarios ask about.

    Parameters
    ----------
    orders
        Canonical ``orders``; guests are left out.
    now
        Exclusive end.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``; ``first_at``, ``last_at`` (purchases; null for who only sent something back),
        ``refund_at`` (the last time that money went back); ``recency_days`` and ``rhythm_days`` as
        :func:`crm_utils.features.customer_summary` defines them.

    Notes
    -----
    The gaps between a customer's order days add up to the days from the first to the last, so the rhythm
    needs no sorted days, which the summary's other columns do.
    """
    seen = orders.filter(orders.customer_id.notnull(), orders.ordered_at < now)
    bought = is_purchase(seen)
    daily = seen.group_by("customer_id", day=seen.ordered_at.cast("date")).aggregate(
        first_at=seen.ordered_at.min(where=bought), last_at=seen.ordered_at.max(where=bought),
        refund_at=seen.ordered_at.max(where=seen.amount < 0),
    )  # fmt: skip
    per = daily.group_by("customer_id").aggregate(
        first_at=daily.first_at.min(), last_at=daily.last_at.max(), refund_at=daily.refund_at.max(),
        days=daily.first_at.count(),
    )  # fmt: skip
    first_on, last_on = per.first_at.cast("date"), per.last_at.cast("date")
    day = (now - dt.timedelta(microseconds=1)).date()
    today = ibis.date(day.year, day.month, day.day)
    per = per.mutate(
        gaps=ibis.greatest(per.days - 1, 0), gap_sum=last_on.delta(first_on, unit="day"),
        tenure_days=today.delta(first_on, unit="day"), recency_days=today.delta(last_on, unit="day"),
    )  # fmt: skip
    known = ("customer_id", "first_at", "last_at", "refund_at", "recency_days", "rhythm_days")
    return with_rhythm(per).select(*known)
