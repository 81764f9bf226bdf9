"""What does a column range over? As far as five customers have been: one's value is shown nowhere.

The smallest and the largest value of a column are somebody's: the largest amount is what one customer paid
that day. So a range begins and ends where five customers have been.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from crm_utils.features.statistics import SMALLEST_GROUP

__all__ = ["customers_ranges"]


def customers_ranges(table: ir.Table, columns: list[str]) -> ir.Table | None:
    """From where to where at least :data:`SMALLEST_GROUP` customers have been.

    Parameters
    ----------
    table
        Any table with ``customer_id``; a row without one counts as a customer of its own where the table has
        ``order_id`` (a guest's order), else it is left out.
    columns
        Numeric ones.

    Returns
    -------
    ibis.expr.types.Table or None
        A row a column and end: ``column``, ``end`` (``smallest``, ``largest``), ``value`` (float; null where
        fewer customers have one), as the fifth customer from that end has it. None without columns.

    Examples
    --------
    >>> paid = ibis.memtable({"customer_id": list("abcdefghijkl"), "amount": [*range(11), 999]})
    >>> ranges = customers_ranges(paid, ["amount"]).execute().set_index("end")["value"]
    >>> [float(ranges[end]) for end in ("smallest", "largest")]
    [4.0, 7.0]
    """
    if not columns:
        return None
    who: ir.Value = table.customer_id.cast("string")
    if "order_id" in table.columns:
        who = ibis.coalesce(who, ibis.literal("guest ") + table.order_id.cast("string"))
    ends: dict[str, Any] = {}
    for number, column in enumerate(columns):
        ends |= {f"low_{number}": table[column].min(), f"high_{number}": table[column].max()}
    each = (
        table.mutate(crm_who=who).filter(lambda t: t.crm_who.notnull()).group_by("crm_who").aggregate(**ends)
    )
    parts = []
    for number, column in enumerate(columns):
        for end, value in (("smallest", each[f"low_{number}"]), ("largest", each[f"high_{number}"])):
            values = each.filter(value.notnull()).select(value=value.cast("float64"))
            ordered = values.value.asc() if end == "smallest" else values.value.desc()
            first = values.order_by(ordered).limit(SMALLEST_GROUP)
            last = first.value.max() if end == "smallest" else first.value.min()
            fifth = first.aggregate(n=first.count(), last=last)
            enough = (fifth.n >= SMALLEST_GROUP).ifelse(fifth["last"], ibis.null("float64"))
            parts.append(fifth.select(column=ibis.literal(column), end=ibis.literal(end), value=enough))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]
