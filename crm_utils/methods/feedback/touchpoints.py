"""What was an answer about? Each with its month, channel, category, region and delivery."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

__all__ = ["GROUPS", "with_groups"]

GROUPS = ("channel", "category", "region", "delivery")
"""By what scores are shown, as far as a study knows it."""


def with_groups(
    feedback: ir.Table,
    orders: ir.Table,
    *,
    lines: ir.Table | None = None,
    products: ir.Table | None = None,
    customers: ir.Table | None = None,
    delivery: ir.Table | None = None,
) -> ir.Table:
    """Give each answer what is known of its order: a row an answer, and no answer more than before.

    Parameters
    ----------
    feedback, orders
        Canonical tables; an answer without an order is known by neither channel nor delivery.
    lines, products
        For ``category``: of the product that the answer is about, else of the category that most of the
        order's money went to.
    customers
        For ``region``.
    delivery
        As ``delivery_of_orders`` gives it.

    Returns
    -------
    ibis.expr.types.Table
        The columns of ``feedback``, ``month`` (YYYY-MM) and those of :data:`GROUPS` (null where not known).
    """
    columns = list(feedback.columns)
    rows = feedback.mutate(month=feedback.submitted_at.strftime("%Y-%m"))
    rows = _looked_up(rows, orders.select("order_id", "channel"), "order_id")
    if products is not None and "category" in products.columns:
        rows = _with_category(rows, lines, products)
    if customers is not None and "region" in customers.columns:
        rows = _looked_up(rows, customers.select("customer_id", "region"), "customer_id")
    if delivery is not None:
        rows = _looked_up(rows, delivery.select("order_id", "delivery"), "order_id")
    missing = [name for name in GROUPS if name not in rows.columns]
    rows = rows.mutate(**{name: ibis.null("string") for name in missing})
    return rows.select(*columns, "month", *GROUPS)


def _with_category(rows: ir.Table, lines: ir.Table | None, products: ir.Table) -> ir.Table:
    shelf = products.select("product_id", "category")
    rows = _looked_up(rows, shelf, "product_id")
    if lines is None:
        return rows
    sums = lines.inner_join(shelf, "product_id").group_by(["order_id", "category"])
    sums = sums.aggregate(money=ibis._.amount.sum().cast("decimal(38, 2)"))
    first = ibis.window(group_by="order_id", order_by=[sums.money.desc(), sums.category.asc()])
    ranked = sums.mutate(place=ibis.row_number().over(first))
    most = ranked.filter(ranked.place == 0).select("order_id", largest="category")
    rows = _looked_up(rows, most, "order_id")
    return rows.mutate(category=ibis.coalesce(rows.category, rows.largest)).drop("largest")


def _looked_up(rows: ir.Table, table: ir.Table, key: str) -> ir.Table:
    """Columns of another table by its key; the table has a key once."""
    other = table.rename(**{f"{key}_there": key})
    joined = rows.left_join(other, rows[key] == other[f"{key}_there"])
    return joined.drop(f"{key}_there")
