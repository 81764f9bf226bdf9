"""Who lapsed after an answer or a purchase? Rows with what came before, counted in cells of the same kind.

A lapse is a window after it without a purchase: a pause, not a departure. One row a customer counts, drawn
by a hash: were it the last one, those who did not come back would be drawn more often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from crm_utils.features import is_purchase
from crm_utils.methods.feedback.scores import known_answers
from crm_utils.methods.feedback.touchpoints import frequency_words

__all__ = ["answer_outcomes", "cells", "order_outcomes"]


def answer_outcomes(
    feedback: ir.Table,
    orders: ir.Table,
    *,
    as_of: dt.date,
    horizon_days: int,
    delivery: ir.Table | None = None,
) -> ir.Table:
    """Answers old enough to be judged, and whether a purchase came after each: one row a customer.

    Parameters
    ----------
    feedback, orders
        Canonical tables; anonymous answers are followed by nothing and left out.
    as_of, horizon_days
        The last day known; days after the answer in which a purchase is looked for.
    delivery
        As ``delivery_of_orders`` gives it.

    Returns
    -------
    ibis.expr.types.Table
        ``feedback_id``, ``customer_id``, ``day``, ``low`` (1 or 0), ``delivery`` (empty where not known),
        ``frequency`` (purchase days up to the answer), ``lapsed`` (1 or 0).
    """
    rows = known_answers(feedback)
    rows = rows.filter(rows.customer_id.notnull())
    rows = rows.select("feedback_id", "customer_id", "order_id", "low", day=rows.submitted_at.cast("date"))
    rows = _one_each(rows, "feedback_id", as_of=as_of, horizon_days=horizon_days)
    rows = _with_delivery(rows, delivery)
    rows = _with_purchases(rows, orders, "feedback_id", horizon_days=horizon_days)
    return rows.select("feedback_id", "customer_id", "day", "low", "delivery", "frequency", "lapsed")


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
    rows = _one_each(rows, "order_id", as_of=as_of, horizon_days=horizon_days)
    rows = _with_delivery(rows, delivery)
    rows = _with_purchases(rows, orders, "order_id", horizon_days=horizon_days)
    return rows.select("order_id", "customer_id", "day", "delivery", "channel", "frequency", "lapsed")


def cells(outcomes: ir.Table, by: Sequence[str]) -> ir.Table:
    """Count customers and lapses by what is the same of them: ``by``, ``customers``, ``lapsed``."""
    counts = outcomes.group_by(list(by)).aggregate(customers=outcomes.count(), lapsed=outcomes.lapsed.sum())
    return counts.order_by(list(by))


def _one_each(rows: ir.Table, key: str, *, as_of: dt.date, horizon_days: int) -> ir.Table:
    rows = rows.filter(rows.day <= as_of - dt.timedelta(days=horizon_days))
    drawn = ibis.window(group_by="customer_id", order_by=[rows[key].hexdigest("md5"), rows[key]])
    ranked = rows.mutate(place=ibis.row_number().over(drawn))
    return ranked.filter(ranked.place == 0).drop("place")


def _with_delivery(rows: ir.Table, delivery: ir.Table | None) -> ir.Table:
    if delivery is None:
        return rows.mutate(delivery=ibis.literal(""))
    parcels = delivery.select(parcel="order_id", delivery="delivery")
    joined = rows.left_join(parcels, rows.order_id == parcels.parcel)
    return joined.mutate(delivery=joined.delivery.fill_null("")).drop("parcel")


def _with_purchases(rows: ir.Table, orders: ir.Table, key: str, *, horizon_days: int) -> ir.Table:
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
