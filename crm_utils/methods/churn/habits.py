"""In how many stores does a customer buy, and do messages get an answer? What orders alone do not tell.

A row a customer and cut-off, over the long window up to it.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from crm_utils.methods.churn.periods import Periods
from crm_utils.tables import orders_sent_back

__all__ = ["message_habits", "order_habits"]


def order_habits(order_lines: ir.Table, periods: Periods) -> ir.Table:
    """Count stores, and purchases with a manufacturer's coupon.

    Parameters
    ----------
    order_lines
        Lines of known customers: ``order_id``, ``customer_id``, ``ordered_at``, ``quantity``, ``amount``,
        ``store_id``, ``discount_by_others``.
    periods
        The spans to count by.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``cutoff``, ``stores`` (different ones bought in), ``coupon_orders`` (purchases with
        a coupon that someone else paid).
    """
    t = order_lines.anti_join(orders_sent_back(order_lines), "order_id")
    purchases = t.group_by("order_id").aggregate(
        customer_id=t.customer_id.max(),
        day=t.ordered_at.min().cast("date"),
        amount=t.amount.sum(),
        store_id=t.store_id.max(),
        coupon=(t.discount_by_others > 0).fill_null(False).cast("int64").max(),
    )
    purchases = purchases.filter(purchases.amount >= 0)
    purchases = purchases.mutate(period=periods.number(purchases.day))
    visits = purchases.group_by("customer_id", "period", "store_id").aggregate(
        coupon_orders=purchases.coupon.sum()
    )
    seen = _in_long(visits, periods)
    return seen.group_by("customer_id", "cutoff").aggregate(
        stores=seen.store_id.nunique(), coupon_orders=seen.coupon_orders.sum()
    )


def message_habits(messages: ir.Table, periods: Periods) -> ir.Table:
    """Count messages that were sent, and those answered **by the cut-off**.

    Parameters
    ----------
    messages
        ``customer_id``, ``sent_at``, ``held_out``; where they are there, ``clicked_at`` and ``redeemed_at``.
        An opening is no answer: mail programs open by themselves.
    periods
        The spans to count by.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``cutoff``, ``messages``, ``answers`` (clicked or redeemed).
    """
    sent = messages.filter(~messages.held_out)
    answered = [
        periods.number(sent[name].cast("date"))
        for name in ("clicked_at", "redeemed_at")
        if name in sent.columns
    ]
    never = ibis.literal(len(periods.edges) + 1, type="int64")
    first = never
    for number in answered:
        first = ibis.least(first, ibis.coalesce(number, never))
    rows = sent.select("customer_id", period=periods.number(sent.sent_at.cast("date")), answered=first)
    counts = rows.group_by("customer_id", "period", "answered").aggregate(sent=rows.count())
    seen = _in_long(counts, periods)
    return seen.group_by("customer_id", "cutoff").aggregate(
        messages=seen.sent.sum(),
        answers=seen.sent.sum(where=seen.answered <= seen.last_known).fill_null(0),
    )


def _in_long(rows: ir.Table, periods: Periods) -> ir.Table:
    return rows.inner_join(periods.long_windows(), "period")
