"""How long until the next step, and who takes it anyway? Kaplan-Meier, with those who are still watched.

E. L. Kaplan, P. Meier, *JASA* 53, 1958, by :func:`crm_utils.features.survival.kaplan_meier`. One occasion a
customer, drawn by a hash, so that occasions are independent; who is written to is watched until then, because
what comes after may be the message's doing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.features.survival import Survival, kaplan_meier
from crm_utils.methods.customer_journey.clock import seconds

__all__ = ["StepTimes", "describe_step", "occasions", "reaches", "step_times"]

_TICK = 900  # seconds: times are counted in quarters of an hour, rounded up


@dataclass(frozen=True)
class StepTimes:
    """How long one step takes.

    Attributes
    ----------
    start, end
        Events.
    n, events
        Customers followed; of them those who took the step in time.
    horizon_hours
        How long somebody is followed at most.
    curve
        The share without the step by hours, with 95 % bands for the whole curve (``days`` are hours here).
    """

    start: str
    end: str
    n: int
    events: int
    horizon_hours: float
    curve: Survival

    def by(self, hours: float) -> tuple[float, float, float]:
        """The share who took the step within so many hours, with the ends of its band."""
        rows = self.curve.table[self.curve.table["days"] <= hours]
        if not len(rows):
            return 0.0, 0.0, 0.0
        last = rows.iloc[-1]
        share = 1 - float(last["survival"])
        return share, min(share, 1 - float(last["high"])), max(share, 1 - float(last["low"]))

    def quantile(self, share: float) -> float:
        """Hours in which this share of those who take the step in time have taken it; missing without any."""
        taken = 1 - self.curve.table["survival"]
        whole = float(taken.iloc[-1]) if len(taken) else 0.0
        reached = taken >= share * whole - 1e-12
        return float(self.curve.table.loc[reached, "days"].iloc[0]) if whole > 0 else float("nan")

    def anyway(self, hours: float) -> float:
        """Of those not back after so many hours, the share who come anyway within the horizon."""
        still = 1 - self.by(hours)[0]
        end = 1 - self.by(self.horizon_hours)[0]
        return (still - end) / still if still > 0 else 0.0


def occasions(visits: ir.Table, start: str, end: str = "purchase") -> ir.Table:
    """Find visits in which somebody known got to one event and not to another.

    Parameters
    ----------
    visits
        From :func:`.visits.sessions`.
    start, end
        Names of events.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``occasion`` (the visit), ``at`` (its last ``start``), ``given`` (the id that the
        source gave it).
    """
    rows = visits.filter(visits.customer_id.notnull(), visits.event.isin([start, end]))
    each = rows.group_by("session").aggregate(
        customer_id=rows.customer_id.max(), at=rows.occurred_at.max(where=rows.event == start),
        given=rows.session_id.max(where=rows.event == start),
        ended=(rows.event == end).cast("int64").max(),
    )  # fmt: skip
    left = each.filter(each["at"].notnull(), each.ended == 0)
    return left.select("customer_id", "given", "at", occasion=left.session)


def reaches(
    starts: ir.Table, ends: ir.Table, *, as_of: dt.date, horizon_hours: int,
    messages: ir.Table | None = None,
) -> ir.Table:  # fmt: skip
    """Count how long it took from occasions to the first later end, one occasion a customer.

    Parameters
    ----------
    starts
        ``customer_id``, ``occasion``, ``at`` and optionally ``group``.
    ends
        ``customer_id``, ``at``.
    as_of
        The last day known: who has not taken the step is watched until its end.
    horizon_hours
        Nobody is watched for longer.
    messages
        Canonical messages: a customer is watched until the first one sent after the occasion.

    Returns
    -------
    ibis.expr.types.Table
        ``group``, ``days`` (hours, by quarters rounded up), ``event`` (1 took the step), ``customers``.
    """
    if "group" not in starts.columns:
        starts = starts.mutate(group=ibis.literal("all"))
    by_lot = ibis.window(group_by="customer_id", order_by=[starts.occasion.hexdigest("md5"), starts.occasion])
    drawn = starts.mutate(turn=ibis.row_number().over(by_lot))
    drawn = drawn.filter(drawn.turn == 0).select("customer_id", "group", began="at")
    second = seconds(drawn.began)
    midnight = int((dt.datetime.combine(as_of, dt.time()) - dt.datetime(1970, 1, 1)).total_seconds()) + 86_400
    rows = drawn.mutate(began_second=second)
    rows = rows.mutate(watched=ibis.least(midnight - rows.began_second, horizon_hours * 3_600))
    ended = _first_after(rows, ends.select("customer_id", when="at"), "took")
    rows = rows.left_join(ended, "customer_id").drop("customer_id_right")
    rows = rows.mutate(took=rows.took - rows.began_second)
    if messages is not None:
        sent = messages.filter(~messages.held_out).select("customer_id", when="sent_at")
        rows = rows.left_join(_first_after(drawn, sent, "written"), "customer_id").drop("customer_id_right")
        reached = (rows.written - rows.began_second).fill_null(horizon_hours * 3_600)
        rows = rows.mutate(watched=ibis.least(rows.watched, reached))
    event = (rows.took.notnull() & (rows.took <= rows.watched)).fill_null(False)
    rows = rows.mutate(event=event.cast("int64"), lasted=event.ifelse(rows.took, rows.watched))
    rows = rows.mutate(ticks=((rows.lasted + (_TICK - 1)) / _TICK).floor().cast("int64"))
    rows = rows.mutate(days=ibis.greatest(rows.ticks, 1).cast("float64") * (_TICK / 3_600))
    return rows.group_by("group", "days", "event").aggregate(customers=rows.count())


def step_times(
    visits: ir.Table, start: str, end: str = "purchase", *, as_of: dt.date, horizon_days: int = 28,
    orders: ir.Table | None = None, messages: ir.Table | None = None,
) -> ir.Table:  # fmt: skip
    """Count how long after a visit that got to ``start`` and not to ``end`` that step is taken.

    Parameters
    ----------
    visits, start, end
        As for :func:`occasions`.
    as_of, horizon_days, messages
        As for :func:`reaches`, in days.
    orders
        Where ``end`` is ``purchase``: purchases are looked for here, on every channel, rather than in events.

    Returns
    -------
    ibis.expr.types.Table
        As :func:`reaches` gives it.
    """
    if orders is not None and end == "purchase":
        bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
        ends = bought.select("customer_id", at="ordered_at")
    else:
        ends = visits.filter(visits.event == end, visits.customer_id.notnull())
        ends = ends.select("customer_id", at="occurred_at")
    starts = occasions(visits, start, end)
    return reaches(starts, ends, as_of=as_of, horizon_hours=24 * horizon_days, messages=messages)


def describe_step(counts: pd.DataFrame, start: str, end: str, *, horizon_days: int) -> StepTimes | None:
    """Estimate one step's curve; None with fewer than five customers.

    Parameters
    ----------
    counts
        From :func:`step_times`, one group.
    start, end, horizon_days
        What it was made with.

    Examples
    --------
    >>> rows = pd.DataFrame({"group": "all", "days": [1.0, 4, 8], "event": [1, 1, 0], "customers": [2, 1, 3]})
    >>> step = describe_step(rows, "cart", "purchase", horizon_days=1)
    >>> step.quantile(0.5), round(step.anyway(1.0), 3)
    (1.0, 0.25)
    """
    n = int(counts["customers"].sum()) if len(counts) else 0
    if n < SMALLEST_GROUP:
        return None
    ordered = counts.sort_values(["group", "days", "event"], ignore_index=True)
    curve = kaplan_meier(ordered.assign(group="all"), fewest=1)
    events = int(counts.loc[counts["event"] == 1, "customers"].sum())
    return StepTimes(start, end, n, events, 24.0 * horizon_days, curve)


def _first_after(rows: ir.Table, moments: ir.Table, name: str) -> ir.Table:
    """The second of each customer's first moment after the occasion."""
    joined = rows.select("customer_id", "began").inner_join(moments, "customer_id")
    later = joined.filter(joined.when > joined.began)
    return later.group_by("customer_id").aggregate(**{name: seconds(later.when).min()})
