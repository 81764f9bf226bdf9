"""Does the day of asking change who answers? Only where chance chose the day, as far as can be seen.

Requests of one kind about parcels that took as long are compared with each other: within them chance alone
decides who is asked sooner, also where one of the days is that of the delivery.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import Number
from crm_utils.features.strata import Adjusted, adjusted_difference
from crm_utils.methods.feedback.drawn_days import Uneven, balance_cells, uneven
from crm_utils.methods.feedback.response import asked_rows

__all__ = ["LATER_DAYS", "Timing", "timing", "timing_cells", "timing_of"]

LATER_DAYS = 5
"""Asked so many days after the order or more is later."""


@dataclass(frozen=True)
class Timing:
    """Share of requests answered, asked later less asked sooner; of all, and of on-time and late parcels.

    ``uneven`` is what was so before the request and tells who is asked later: then chance did not choose.
    """

    every: Adjusted
    on_time: Adjusted
    late: Adjusted
    uneven: Uneven | None = None

    def numbers(self) -> list[Number]:
        """What is recorded; nothing where chance did not choose."""
        if self.uneven is not None:
            return []
        named = {"asked_later": self.every, "asked_later.late": self.late}
        return [
            Number(f"response.{name}", each.value, "share", each.low, each.high, each.p)
            for name, each in named.items()
            if each.known
        ]


def timing_of(
    asked: ir.Table | None, feedback: ir.Table, orders: ir.Table, delivery: ir.Table | None, *, by_lot: bool,
    as_of: dt.date, answer_days: int = 30,
) -> Timing | None:  # fmt: skip
    """Whether asking later changes who answers; None where chance did not choose the day, or is not known to.

    Parameters
    ----------
    asked, feedback, orders, delivery
        As :func:`.response.asked_rows` takes them.
    by_lot
        Whether chance chose the day of asking, as the study says; the tables can only show it to be wrong.
    as_of, answer_days
        Only requests that had so many days for an answer are looked at.
    """
    if not by_lot or asked is None or delivery is None:
        return None
    rows = asked_rows(asked, feedback, orders, answer_days=answer_days, delivery=delivery)
    rows = rows.filter(rows.asked_on <= as_of - dt.timedelta(days=answer_days))
    one = drawn_requests(rows, orders, delivery).cache()
    result = timing(timing_cells(one).to_pandas())
    return replace(result, uneven=uneven(_asked_on_both_days(balance_cells(one, orders).to_pandas())))


def drawn_requests(rows: ir.Table, orders: ir.Table, delivery: ir.Table) -> ir.Table:
    """Draw one request a customer and kind by a hash: of those about an order whose parcel came.

    Parameters
    ----------
    rows
        Requests as ``asked_rows`` gives them.
    orders, delivery
        Canonical orders; deliveries as ``delivery_of_orders`` gives them.

    Returns
    -------
    ibis.expr.types.Table
        ``kind``, ``delivery``, ``days`` (that the parcel took), ``later`` (1 or 0), ``customer_id``,
        ``order_id``, ``ordered_on``, ``score``.
    """
    made = orders.select(made="order_id", ordered_on=orders.ordered_at.cast("date"))
    parcels = delivery.select(parcel="order_id", days="days")
    asks = rows.filter(rows.order_id.notnull(), rows.customer_id.notnull())
    asks = asks.inner_join(made, asks.order_id == made.made)
    asks = asks.inner_join(parcels, asks.order_id == parcels.parcel)
    drawn = ibis.window(
        group_by=["customer_id", "kind"], order_by=[asks.order_id.hexdigest("md5"), asks.order_id]
    )
    ranked = asks.mutate(place=ibis.row_number().over(drawn))
    one = ranked.filter(ranked.place == 0)
    waited = one.asked_on.delta(one.ordered_on, unit="day")
    one = one.mutate(later=(waited >= LATER_DAYS).cast("int64"))
    return one.select("kind", "delivery", "days", "later", "customer_id", "order_id", "ordered_on", "score")


def timing_cells(one: ir.Table) -> ir.Table:
    """Count :func:`drawn_requests` by how long the parcel took and when it was asked.

    Returns
    -------
    ibis.expr.types.Table
        ``kind``, ``delivery``, ``days``, ``later``, ``customers``, ``answered``.
    """
    keys = ["kind", "delivery", "days", "later"]
    counts = one.group_by(keys).aggregate(customers=one.count(), answered=one.score.count())
    return counts.order_by(keys)


def timing(counts: pd.DataFrame) -> Timing:
    """Compare requests that were asked later with those asked sooner, of parcels that took as long.

    Parameters
    ----------
    counts
        As :func:`timing_cells` gives them. Valid only where chance chose the day; a question that is always
        asked on one day, such as that of the delivery, is left out.
    """
    counts = _asked_on_both_days(counts).rename(columns={"answered": "lapsed"})
    parts = [counts, counts[counts["delivery"] == "on_time"], counts[counts["delivery"] == "late"]]
    every, on_time, late = [adjusted_difference(part, part["later"] == 1, ["kind", "days"]) for part in parts]
    return Timing(every, on_time, late)


def _asked_on_both_days(counts: pd.DataFrame) -> pd.DataFrame:
    """Cells of kinds that are asked sooner and later about parcels that took as long."""
    both = counts.groupby(["kind", "days"])["later"].transform("nunique") == 2
    return counts[counts["kind"].isin(counts.loc[both, "kind"])]
