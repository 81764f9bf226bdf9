"""Which ways do visits take, and what is done twice? Paths of events, counted in the engine."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.statistics import SMALLEST_GROUP, Number
from crm_utils.methods.customer_journey.clock import seconds
from crm_utils.methods.customer_journey.funnel import wilson
from crm_utils.methods.customer_journey.paths import SEPARATOR

__all__ = ["REWORK_DAYS", "Variants", "moves", "rework", "variants", "ways"]

REWORK_DAYS = 7
"""Days around a delivery in which a call is about it."""
_LONGEST = 12


@dataclass(frozen=True)
class Variants:
    """The ways that visits take.

    Attributes
    ----------
    table
        The most frequent: ``way``, ``visits``, ``persons``, ``share``; five persons at least.
    ways, once
        Different ways; those that were taken once.
    visits
        All of them.
    """

    table: pd.DataFrame
    ways: int
    once: int
    visits: int

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("ways", self.ways, "ways"),
            Number("ways.once", self.once / self.ways if self.ways else None, "share"),
        ]


def ways(visits: ir.Table) -> ir.Table:
    """Count visits by the events that they are made of, repeats in a row once.

    Parameters
    ----------
    visits
        From :func:`.visits.sessions`.

    Returns
    -------
    ibis.expr.types.Table
        ``way`` (the first twelve events), ``visits``, ``persons``.
    """
    own = ibis.window(group_by="session", order_by="place")
    rows = visits.mutate(previous=visits.event.lag().over(own))
    rows = rows.filter(rows.previous.isnull() | (rows.previous != rows.event))
    rows = rows.mutate(turn=ibis.row_number().over(own))
    rows = rows.filter(rows.turn < _LONGEST)
    rows = rows.mutate(numbered=(rows.turn + 10).cast("string") + rows.event)
    each = rows.group_by("session").aggregate(person=rows.person.max(), steps=rows.numbered.collect())
    each = each.mutate(way=each.steps.sort().map(lambda step: step.substr(2)).join(SEPARATOR))
    return each.group_by("way").aggregate(visits=each.count(), persons=each.person.nunique())


def variants(visits: ir.Table, *, top: int = 20) -> Variants:
    """The most frequent ways, and how many there are.

    Parameters
    ----------
    visits
        From :func:`.visits.sessions`.
    top
        How many are listed.
    """
    counted = ways(visits)
    sums = counted.aggregate(
        ways=counted.count(), once=(counted.visits == 1).cast("int64").sum(), visits=counted.visits.sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    many = counted.filter(counted.persons >= SMALLEST_GROUP)
    frame = many.order_by(many.visits.desc(), many.way).limit(top).to_pandas()
    total = int(sums["visits"] or 0)
    return Variants(
        frame.assign(share=frame["visits"] / max(total, 1)), int(sums["ways"]), int(sums["once"] or 0), total
    )


def moves(visits: ir.Table) -> ir.Table:
    """Count moves of visits, from ``(start)`` to ``(end)``: ``source``, ``target``, ``visits``."""
    own = ibis.window(group_by="session", order_by="place")
    rows = visits.mutate(previous=visits.event.lag().over(own), following=visits.event.lead().over(own))
    inside = rows.filter(rows.previous.isnull() | (rows.previous != rows.event))
    inside = inside.select("session", source=inside.previous.fill_null("(start)"), target="event")
    ends = rows.filter(rows.following.isnull())
    ends = ends.select("session", source="event", target=ibis.literal("(end)"))
    both = inside.union(ends)
    return both.group_by("source", "target").aggregate(visits=both.session.nunique())


def rework(
    order_status: ir.Table, events: ir.Table | None, orders: ir.Table, *, late_days: int = 5
) -> pd.DataFrame:
    """How often parcels come back, and how often somebody calls about one, late or not.

    Parameters
    ----------
    order_status, events, orders
        Canonical; without events calls are not known.
    late_days
        Days from the first state to ``delivered`` from which on a parcel was late.

    Returns
    -------
    pandas.DataFrame
        ``what`` (``returned``, ``call``), ``delivery`` (``late``, ``on_time``), ``parcels``, ``share``,
        ``low``, ``high`` (Wilson).
    """
    status = order_status
    per = status.group_by("order_id").aggregate(
        begun=status.occurred_at.min(), arrived=status.occurred_at.min(where=status.status == "delivered"),
        returned=(status.status == "returned").cast("int64").max(),
    )  # fmt: skip
    per = per.filter(per.arrived.notnull())
    days = per.arrived.cast("date").epoch_days() - per.begun.cast("date").epoch_days()
    per = per.mutate(delivery=(days >= late_days).ifelse("late", "on_time"))
    who = orders.select("customer_id", _order="order_id")
    per = per.left_join(who, per.order_id == who._order).drop("_order")
    per = per.mutate(call=ibis.literal(0))
    if events is not None:
        calls = events.filter(events.event == "call", events.customer_id.notnull())
        calls = calls.select(_who="customer_id", when=seconds(calls.occurred_at))
        own = per.filter(per.customer_id.notnull())
        own = own.select("order_id", "customer_id", begun=seconds(own.begun), arrived=seconds(own.arrived))
        near = own.inner_join(calls, own.customer_id == calls._who)
        near = near.filter(near.when >= near.begun, near.when < near.arrived + REWORK_DAYS * 86_400)
        called = near.select(_order="order_id").distinct()
        per = per.drop("call").left_join(called, per.order_id == called._order)
        per = per.mutate(call=per._order.notnull().cast("int64"))
    sums = per.group_by("delivery").aggregate(
        parcels=per.count(),
        customers=per.customer_id.nunique(),
        returned=per.returned.sum(),
        call=per.call.sum(),
    )
    rows = []
    kinds = ("returned", "call") if events is not None else ("returned",)
    for row in sums.order_by("delivery").to_pandas().to_dict("records"):
        for what in kinds:
            share = row[what] / row["parcels"]
            if row["customers"] >= SMALLEST_GROUP:
                rows.append(
                    (what, row["delivery"], row["parcels"], share, *wilson(share, float(row["parcels"])))
                )
    frame = pd.DataFrame(rows, columns=["what", "delivery", "parcels", "share", "low", "high"])
    return frame.sort_values(["what", "delivery"], ignore_index=True)
