"""Lines that change others: goods that come back, and what stands in two files."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from crm_utils import engine

__all__ = ["negated", "netted", "once_over_files", "same_line"]

_LINE = ("order_id", "customer_id", "product_id", "ordered_at", "quantity", "amount")


def same_line(lines: ir.Table) -> list[str]:
    """What makes two lines of an order the same, where they stand in two files; guests have no ids."""
    return [name for name in _LINE if name in lines.columns]


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
    if "customer_id" not in lines.columns:
        return lines  # of guests no earlier order is known
    bought = lines.filter(
        ~lines[is_return] & lines._left_out.isnull() & lines._problem.isnull() & lines.customer_id.notnull()
    )
    # Of two orders at the same moment the greater id, so that it is the same one every time.
    orders = bought.group_by(["customer_id", "product_id", "ordered_at"]).agg(_order=bought.order_id.max())
    back = lines.filter(lines[is_return])
    matched = back.asof_join(
        orders,
        on=back.ordered_at >= orders.ordered_at,
        predicates=["customer_id", "product_id"],
        rname="{name}_of_it",
    )
    moved = matched.mutate(order_id=ibis.coalesce(matched._order, matched.order_id)).select(*lines.columns)
    return lines.filter(~lines[is_return]).union(moved).order_by("_file", "_row")


def once_over_files(lines: ir.Table) -> ir.Table:
    """Leave out what stands in an earlier file already: the n-th copy of a line with the n-th there.

    Parameters
    ----------
    lines
        Mapped order lines with their lineage.
    """
    line = same_line(lines)
    counts = lines._left_out.isnull() & lines._problem.isnull()
    copy = ibis.row_number().over(ibis.window(group_by=[*line, "_file"], order_by="_row"))
    numbered = lines.mutate(_counts=counts, _copy=copy)
    numbered = engine.as_view(numbered)
    place = ibis.row_number().over(ibis.window(group_by=[*line, "_copy", "_counts"], order_by="_file"))
    placed = engine.as_view(numbered.mutate(_place=place))
    again = placed._counts & (placed._place > 0)
    reason = again.ifelse(ibis.literal("stands in another file already"), placed._left_out)
    return placed.mutate(_left_out=reason).drop("_counts", "_copy", "_place")
