"""Who lapsed after an answer? Rows with what came before, to be counted in cells of the same kind."""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir

from crm_utils.features.deliveries import one_each, with_delivery, with_purchases
from crm_utils.methods.feedback.scores import known_answers

__all__ = ["answer_outcomes"]


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
    rows = one_each(rows, "feedback_id", as_of=as_of, horizon_days=horizon_days)
    rows = with_delivery(rows, delivery)
    rows = with_purchases(rows, orders, "feedback_id", horizon_days=horizon_days)
    return rows.select("feedback_id", "customer_id", "day", "low", "delivery", "frequency", "lapsed")
