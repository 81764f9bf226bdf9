"""Goods that come back: written with a minus, in the order they were bought in where the study says so."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

__all__ = ["negated", "netted"]


def negated(lines: ir.Table, is_return: ir.BooleanValue) -> ir.Table:
    """Quantity and amount of returns with the minus that the data leave out."""
    return lines.mutate(
        quantity=is_return.ifelse(-lines.quantity, lines.quantity).cast(lines.quantity.type()),
        amount=is_return.ifelse(-lines.amount, lines.amount).cast(lines.amount.type()),
    )


def netted(lines: ir.Table, is_return: str) -> ir.Table:
    """Move each return into the latest earlier order of the same customer with the same product.

    Parameters
    ----------
    lines
        Mapped order lines with their lineage.
    is_return
        The column of ``lines`` that is true for a return.

    Returns
    -------
    ibis Table
        The same rows in the order of the data; ``order_id`` of a return is that of the order in which the
        goods were bought, or its own where no such order is known. Time and amount stay: an order can change
        later, and is worth less from then on.
    """
    bought = lines.filter(
        ~lines[is_return] & lines._left_out.isnull() & lines._problem.isnull() & lines.customer_id.notnull()
    )
    # Of two orders at the same moment the greater id, so that it is the same one every time.
    orders = bought.group_by(["customer_id", "product_id", "ordered_at"]).agg(_order=bought.order_id.max())
    back = lines.filter(lines[is_return])
    found = back.asof_join(
        orders,
        on=back.ordered_at >= orders.ordered_at,
        predicates=["customer_id", "product_id"],
        rname="{name}_of_it",
    )
    moved = found.mutate(order_id=ibis.coalesce(found._order, found.order_id)).select(*lines.columns)
    return lines.filter(~lines[is_return]).union(moved).order_by("_file", "_row")
