"""When did it happen, and what came first? Seconds of the shop's wall clock, ties by a stated order.

Wall clocks go back once a year: in that hour an event may seem to come before the one that it followed.
Gaps are differences of wall-clock times, never negative.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

__all__ = ["HALVES", "ORDER", "group_of", "in_order", "person_of", "seconds"]

ORDER = ("visit", "search", "view", "cart", "checkout", "payment_failed", "purchase")
"""Events of one moment are put in this order; others come after them, then by ``event_id``."""

HALVES = 16
"""Groups that customers are drawn into by a hash of their id, for what has to be checked on others."""


def seconds(at: ir.TimestampValue) -> ir.IntegerValue:
    """The second of the wall clock since 1970, the same on every engine.

    Examples
    --------
    >>> seconds(ibis.timestamp("1970-01-02 00:00:05")).execute()
    86405
    """
    day = at.cast("date").epoch_days().cast("int64")
    return day * 86_400 + at.hour() * 3_600 + at.minute() * 60 + at.second()


def person_of(events: ir.Table) -> ir.StringValue:
    """Who it was: the customer; where nobody is known whoever holds the session; else nobody else's event."""
    session, event = events.session_id.cast("string"), events.event_id.cast("string")
    return ibis.coalesce(
        ibis.literal("c:") + events.customer_id.cast("string"), ibis.literal("s:") + session,
        ibis.literal("e:") + event,
    )  # fmt: skip


def in_order(events: ir.Table) -> list[ir.Value]:
    """What orders events: the moment, then :data:`ORDER`, then the id."""
    rank = ibis.cases(*((events.event == name, k) for k, name in enumerate(ORDER)), else_=len(ORDER))
    return [events.occurred_at, rank, events.event_id]


def group_of(customer: ir.StringValue) -> ir.StringValue:
    """The group that a hash of the id draws a customer into: one of :data:`HALVES` hexadecimal digits."""
    return customer.hexdigest("md5").substr(0, 1)
