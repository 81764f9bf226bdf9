"""What did each assigned customer do after the assignment, and before it? One row a customer, zeros included.

Outcomes count from the assignment to the end of the horizon; the same measures in the days before make the
covariate. All are exact decimals with two places, so that sums of squares and products stay exact.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from crm_utils.experiments import OUTCOMES
from crm_utils.features import is_purchase
from crm_utils.tables import orders_sent_back

__all__ = ["customer_outcomes", "orders_with_margin"]

_EXACT = "decimal(18, 2)"


def orders_with_margin(order_lines: ir.Table, products: ir.Table | None = None) -> ir.Table:
    """Bring lines to orders, with what the shop keeps of each.

    Parameters
    ----------
    order_lines
        The canonical table, cut at ``as_of``.
    products
        For ``unit_margin`` and ``unit_price``; None, or without the former, leaves ``margin`` empty.

    Returns
    -------
    ibis.expr.types.Table
        ``order_id``, ``customer_id``, ``ordered_at``, ``amount``, ``kept`` (as in the view ``orders``),
        ``margin`` = Σ quantity × unit margin − Σ discount. A discount that the shop pays, a coupon's too, is
        taken off once. Lines whose product has no margin add nothing but their discount. What comes back
        costs what was paid back, less what the goods cost the shop (list price − margin): a purchase at list
        price less a discount and its return add up to nothing. Without a list price it costs its margin.
        Guests are left out.
    """
    lines = order_lines.filter(order_lines.customer_id.notnull())
    if products is None or "unit_margin" not in products.columns:
        lines = lines.mutate(margin=ibis.null("decimal(38, 5)"))
    else:
        price = products.unit_price if "unit_price" in products.columns else ibis.null("decimal(18, 2)")
        priced = products.select(_product=products.product_id, unit_margin=products.unit_margin, _price=price)
        lines = lines.left_join(priced, lines.product_id == priced._product)
        zero = ibis.literal(0)
        earned = (lines.quantity.cast("decimal(19, 3)") * lines.unit_margin).fill_null(zero)
        earned = earned - lines.discount.fill_null(zero)
        cost = lines.quantity.cast("decimal(19, 3)") * (lines._price - lines.unit_margin)
        came_back = (lines.quantity < 0) & cost.notnull()
        earned = came_back.ifelse((lines.amount - cost).cast("decimal(38, 5)"), earned.cast("decimal(38, 5)"))
        lines = lines.mutate(margin=earned)
    orders = lines.group_by("order_id").aggregate(
        customer_id=lines.customer_id.max(),
        ordered_at=lines.ordered_at.min(),
        amount=lines.amount.sum().cast(_EXACT),
        margin=lines.margin.sum().cast("decimal(38, 5)"),
    )
    back = orders_sent_back(order_lines).select(_back="order_id")
    both = orders.left_join(back, orders.order_id == back._back)
    return both.select(*orders.columns, kept=both._back.isnull())


def customer_outcomes(
    customers: ir.Table,
    orders: ir.Table,
    messages: ir.Table | None = None,
    *,
    horizon_days: int,
    before_days: int,
) -> ir.Table:
    """Sum up what each assigned customer did in the horizon and in the days before the assignment.

    Parameters
    ----------
    customers
        A row a customer and experiment: ``experiment_id``, ``customer_id``, ``arm``, ``assigned_at``.
    orders
        From :func:`orders_with_margin`.
    messages
        For messages, their cost and opt-outs; those held out were not sent. None leaves these empty.
    horizon_days, before_days
        Days from the assignment, and up to it.

    Returns
    -------
    ibis.expr.types.Table
        The columns of ``customers``, each of :data:`~crm_utils.experiments.OUTCOMES`, and orders, returns,
        amount and contribution (messages' cost apart) in the days before (``orders_before`` …): decimals, 0
        for who did nothing. ``contribution`` is empty where no margin is known at all.
    """
    bought = _orders(customers, orders, horizon_days=horizon_days, before_days=before_days)
    sent = _messages(customers, messages, horizon_days=horizon_days)
    joined = customers
    for part in (bought, sent):
        own = part.rename(_experiment="experiment_id", _customer="customer_id")
        same = [joined.experiment_id == own._experiment, joined.customer_id == own._customer]
        joined = joined.left_join(own, same).drop("_experiment", "_customer")
    zeros = {
        name: joined[name].fill_null(ibis.literal(0))
        for name in (*_BOUGHT, "margin", "margin_before", "cost")
    }
    counted = {name: zeros[name] for name in _BOUGHT}
    if messages is not None:
        counted |= {name: joined[name].fill_null(ibis.literal(0)) for name in ("messages", "unsubscribed")}
    known = orders.aggregate(known=orders.margin.count() > 0)
    joined = joined.cross_join(known)
    earned = (zeros["margin"].cast("decimal(38, 5)") - zeros["cost"].cast("decimal(38, 5)")).cast(_EXACT)
    counted["contribution"] = joined.known.ifelse(earned, None)
    counted["contribution_before"] = joined.known.ifelse(zeros["margin_before"].cast(_EXACT), None)
    exact = {name: value.cast(_EXACT) for name, value in counted.items()}
    missing = {name: ibis.null(_EXACT) for name in OUTCOMES if name not in exact}
    return joined.select(*customers.columns, **exact, **missing)


_BOUGHT = ("orders", "returns", "amount", "orders_before", "returns_before", "amount_before")


def _orders(customers: ir.Table, orders: ir.Table, *, horizon_days: int, before_days: int) -> ir.Table:
    """Orders around the assignment, a row a customer and experiment who has any."""
    own = customers.select("experiment_id", "assigned_at", _customer=customers.customer_id)
    near = orders.inner_join(own, orders.customer_id == own._customer)
    near = near.filter(
        near.ordered_at >= near.assigned_at - ibis.interval(days=before_days),
        near.ordered_at < near.assigned_at + ibis.interval(days=horizon_days),
    )
    after = near.ordered_at >= near.assigned_at
    sums: dict[str, Any] = {}
    for ending, when in (("", after), ("_before", ~after)):
        sums["orders" + ending] = (when & is_purchase(near)).cast("int64").sum()
        sums["returns" + ending] = (when & (near.amount < 0)).cast("int64").sum()
        sums["amount" + ending] = near.amount.sum(where=when)
        sums["margin" + ending] = near.margin.sum(where=when)
    return near.group_by("experiment_id", "customer_id").aggregate(**sums)


def _messages(customers: ir.Table, messages: ir.Table | None, *, horizon_days: int) -> ir.Table:
    """Messages sent in the horizon, a row a customer and experiment who got any."""
    keys = customers.select("experiment_id", "customer_id")
    if messages is None:
        empty = {
            "messages": ibis.null("int64"),
            "unsubscribed": ibis.null("int64"),
            "cost": ibis.null(_EXACT),
        }
        return keys.limit(0).mutate(**empty)
    own = customers.select("experiment_id", "assigned_at", _customer=customers.customer_id)
    empty = {"cost": ibis.null(_EXACT), "unsubscribed_at": ibis.null("timestamp(6)")}
    got = messages.mutate(**{name: value for name, value in empty.items() if name not in messages.columns})
    got = got.filter(~got.held_out)
    near = got.inner_join(own, got.customer_id == own._customer)
    until = near.assigned_at + ibis.interval(days=horizon_days)
    near = near.mutate(until=until).filter(near.sent_at >= near.assigned_at, near.sent_at < until)
    left = (near.unsubscribed_at < near.until).fill_null(False)
    return near.group_by("experiment_id", "customer_id").aggregate(
        messages=near.count(), unsubscribed=left.cast("int64").sum(), cost=near.cost.sum()
    )
