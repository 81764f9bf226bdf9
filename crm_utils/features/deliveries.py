"""Did the parcel come late, and did another purchase follow? Orders with what came before and after.

A lapse is a window after it without a purchase: a pause, not a departure. One row a customer counts, drawn
by a hash: were it the last one, those who did not come back would be drawn more often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from crm_utils.features.customer_summary import is_purchase

__all__ = [
    "LATE_DAYS",
    "cells",
    "delivery_of_orders",
    "frequency_words",
    "late_deliveries",
    "one_each",
    "order_outcomes",
    "with_delivery",
    "with_purchases",
]

LATE_DAYS = 5
"""From so many days after the first state on a parcel is late, where nobody says otherwise."""


def delivery_of_orders(status: ir.Table | None, *, late_days: int) -> ir.Table | None:
    """Tell late from on-time parcels: ``order_id``, ``days``, ``delivery`` (``late`` or ``on_time``).

    Parameters
    ----------
    status
        ``order_status``. An order counts from its first state to the first ``delivered``; one that never
        had that state (a sale in a store, a parcel on its way) is not among them.
    late_days
        From this many days on it was late.

    Returns
    -------
    ibis.expr.types.Table or None
        None where the study has no ``order_status``.
    """
    if status is None:
        return None
    begun = status.occurred_at.min().cast("date")
    arrived = status.occurred_at.min(where=status.status == "delivered").cast("date")
    days = status.group_by("order_id").aggregate(begun=begun, arrived=arrived)
    days = days.filter(days.arrived.notnull())
    days = days.mutate(days=days.arrived.delta(days.begun, unit="day"))
    return days.select("order_id", "days", delivery=(days.days >= late_days).ifelse("late", "on_time"))


def late_deliveries(
    status: ir.Table, orders: ir.Table, *, now: dt.datetime, late_days: int = LATE_DAYS
) -> ir.Table:
    """When each customer last had to wait too long for a parcel.

    Parameters
    ----------
    status, orders
        ``order_status`` and ``orders``, as known at ``now``.
    now
        The instant that is looked from.
    late_days
        As in :func:`delivery_of_orders`.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``last_at``: the latest arrival of a parcel that came late. A parcel whose last state
        is ``shipped`` after so many days is late now: ``last_at`` is ``now``.
    """
    came = delivery_of_orders(status, late_days=late_days)
    assert came is not None
    arrived = status.filter(status.status == "delivered")
    arrivals = arrived.group_by("order_id").aggregate(at=arrived.occurred_at.min())
    late = came.filter(came.delivery == "late").inner_join(arrivals, "order_id").select("order_id", "at")
    each = status.group_by("order_id").aggregate(
        begun=status.occurred_at.min().cast("date"),
        sent=status.occurred_at.max(where=status.status == "shipped"),
        last=status.occurred_at.max(),
    )
    begun_by = now.date() - dt.timedelta(days=late_days)
    waiting = each.filter(
        (each.sent == each["last"]).fill_null(False), each.begun <= ibis.date(str(begun_by))
    )
    waiting = waiting.anti_join(arrivals, "order_id")
    both = late.union(waiting.select("order_id", at=ibis.literal(now, type=str(late.at.type()))))
    of = orders.filter(orders.customer_id.notnull()).select("order_id", "customer_id")
    rows = both.inner_join(of, "order_id")
    return rows.group_by("customer_id").aggregate(last_at=rows.at.max())


def order_outcomes(orders: ir.Table, delivery: ir.Table, *, as_of: dt.date, horizon_days: int) -> ir.Table:
    """Delivered purchases old enough to be judged, and whether another came after each: one row a customer.

    Returns
    -------
    ibis.expr.types.Table
        ``order_id``, ``customer_id``, ``day`` (on which it was ordered), ``delivery``, ``channel``,
        ``frequency``, ``lapsed``.
    """
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    bought = bought.semi_join(delivery, "order_id")
    rows = bought.select(
        "order_id", "customer_id", channel=bought.channel.fill_null(""), day=bought.ordered_at.cast("date")
    )
    rows = one_each(rows, "order_id", as_of=as_of, horizon_days=horizon_days)
    rows = with_delivery(rows, delivery)
    rows = with_purchases(rows, orders, "order_id", horizon_days=horizon_days)
    return rows.select("order_id", "customer_id", "day", "delivery", "channel", "frequency", "lapsed")


def cells(outcomes: ir.Table, by: Sequence[str]) -> ir.Table:
    """Count customers and lapses by what is the same of them: ``by``, ``customers``, ``lapsed``."""
    counts = outcomes.group_by(list(by)).aggregate(customers=outcomes.count(), lapsed=outcomes.lapsed.sum())
    return counts.order_by(list(by))


def frequency_words(orders: ir.IntegerValue) -> ir.StringValue:
    """Purchases so far, in groups that say much the same of a customer.

    Examples
    --------
    >>> frequency_words(ibis.literal(4)).execute()
    '3-5'
    """
    return ibis.cases(
        (orders <= 1, "1"), (orders == 2, "2"), (orders <= 5, "3-5"), (orders <= 10, "6-10"), else_="11+"
    )


def one_each(rows: ir.Table, key: str, *, as_of: dt.date, horizon_days: int) -> ir.Table:
    """One row a customer of those old enough to be judged, drawn by a hash of the key."""
    rows = rows.filter(rows.day <= as_of - dt.timedelta(days=horizon_days))
    drawn = ibis.window(group_by="customer_id", order_by=[rows[key].hexdigest("md5"), rows[key]])
    ranked = rows.mutate(place=ibis.row_number().over(drawn))
    return ranked.filter(ranked.place == 0).drop("place")


def with_delivery(rows: ir.Table, delivery: ir.Table | None) -> ir.Table:
    """Rows with the ``delivery`` of their order: empty where it is not known."""
    if delivery is None:
        return rows.mutate(delivery=ibis.literal(""))
    parcels = delivery.select(parcel="order_id", delivery="delivery")
    joined = rows.left_join(parcels, rows.order_id == parcels.parcel)
    return joined.mutate(delivery=joined.delivery.fill_null("")).drop("parcel")


def with_purchases(rows: ir.Table, orders: ir.Table, key: str, *, horizon_days: int) -> ir.Table:
    """Purchase days up to the row's day, and whether one came within the horizon after it."""
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    days = bought.select(who="customer_id", bought_on=bought.ordered_at.cast("date")).distinct()
    who = rows.select("customer_id", key, "day")
    both = who.inner_join(days, who.customer_id == days.who)
    end = both.day + ibis.interval(days=horizon_days)
    counts = both.group_by(key).aggregate(
        past=(both.bought_on <= both.day).cast("int64").sum(),
        after=((both.bought_on > both.day) & (both.bought_on <= end)).cast("int64").sum(),
    )
    other = counts.rename(counted=key)
    joined = rows.left_join(other, rows[key] == other.counted)
    return joined.mutate(
        frequency=frequency_words(joined.past.fill_null(0)),
        lapsed=(joined.after.fill_null(0) == 0).cast("int64"),
    ).drop("counted", "past", "after")
