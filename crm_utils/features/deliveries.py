"""How long did a parcel take, and whose came late? From the states of orders."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

__all__ = ["LATE_DAYS", "delivery_of_orders", "late_deliveries"]

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
