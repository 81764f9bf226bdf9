"""What did each campaign bring, by who was left out at random? Extra orders of those sent, with intervals.

By intention to treat: whoever was to be written to counts as sent. What was drawn decides what is compared:
customers, customers anew in each quarter, or single messages.
"""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.methods.customer_journey.paths import campaign_of

__all__ = ["LIFT_COLUMNS", "arm_variance", "held_out_lift", "lift_sums"]

LIFT_COLUMNS = ["touch", "unit", "sent", "held_out", "lift", "low", "high", "error"]


def lift_sums(messages: ir.Table, orders: ir.Table, *, horizon_days: int, as_of: dt.date) -> ir.Table:
    """Sum up what units of each arm ordered after their first message.

    Parameters
    ----------
    messages
        From :func:`crm_utils.features.all_messages`.
    orders
        Canonical.
    horizon_days
        Days after the message in which orders count; a message of the same campaign that was drawn anew ends
        them sooner, and where one customer gets many by one draw they last to the campaign's end.
    as_of
        The last day known; units whose days are not over are left out.

    Returns
    -------
    ibis.expr.types.Table
        ``touch``, ``unit`` (``customer``, ``quarter`` or ``message``), ``wave``, ``held_out``, ``units``,
        ``orders``, ``squares``, ``cross`` and ``pairs`` (Σ over customers of orders², orders · units,
        units²).
    """
    rows = messages.mutate(touch=campaign_of(messages))
    rows = rows.filter(rows.touch.notnull())
    quarter = rows.sent_at.year().cast("string") + "Q" + rows.sent_at.quarter().cast("string")
    rows = rows.mutate(quarter=quarter)
    rows = rows.left_join(_lots(rows), "touch").drop("touch_right")
    wave = ibis.cases((rows.unit == "customer", ibis.literal("all")), else_=rows.quarter)
    number = ibis.row_number().over(
        ibis.window(group_by=["touch", "customer_id"], order_by=[rows.sent_at, rows.held_out])
    )
    rows = rows.mutate(wave=wave, number=number.cast("string"))
    rows = rows.mutate(part=(rows.unit == "message").ifelse(rows.number, rows.wave))
    turn = ibis.window(group_by=["touch", "customer_id", "part"], order_by=[rows.sent_at, rows.held_out])
    rows = rows.mutate(turn=ibis.row_number().over(turn))
    first = rows.filter(rows.turn == 0)
    later = ibis.window(group_by=["touch", "customer_id"], order_by="sent_at")
    first = first.mutate(following=first.sent_at.lead().over(later))
    own = first.sent_at + ibis.interval(days=horizon_days)
    until = ibis.cases(
        (first.unit == "message", ibis.coalesce(ibis.least(own, first.following), own)),
        (first.repeated, first.ends + ibis.interval(days=horizon_days)), else_=own,
    )  # fmt: skip
    units = first.mutate(until=until).select(
        "touch", "unit", "wave", "held_out", "customer_id", "part", "sent_at", "until"
    )
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    units = units.filter(units.until <= end)
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    bought = bought.select(_who="customer_id", ordered_at="ordered_at")
    near = units.inner_join(bought, units.customer_id == bought._who)
    near = near.filter(near.ordered_at >= near.sent_at, near.ordered_at < near.until)
    counts = near.group_by(_touch="touch", _who="customer_id", _part="part").aggregate(n=near.count())
    same = [units.touch == counts._touch, units.customer_id == counts._who, units.part == counts._part]
    each = units.left_join(counts, same)
    each = each.mutate(n=each.n.fill_null(0))
    per = each.group_by("touch", "unit", "wave", "held_out", "customer_id").aggregate(
        units=each.count(), orders=each.n.sum()
    )
    return per.group_by("touch", "unit", "wave", "held_out").aggregate(
        customers=per.count(), units=per.units.sum(), orders=per.orders.sum(),
        squares=(per.orders * per.orders).sum(), cross=(per.orders * per.units).sum(),
        pairs=(per.units * per.units).sum(),
    )  # fmt: skip


def held_out_lift(
    messages: ir.Table | None, orders: ir.Table, *, horizon_days: int, as_of: dt.date
) -> pd.DataFrame:
    """Estimate each campaign's extra orders.

    Parameters
    ----------
    messages, orders, horizon_days, as_of
        As for :func:`lift_sums`.

    Returns
    -------
    pandas.DataFrame
        ``touch``, ``unit``, ``sent`` and ``held_out`` (units), ``lift`` (orders that all those sent made
        beyond what those held out would), ``low``, ``high``, ``error``. Campaigns with five customers in
        both arms.

    Notes
    -----
    The difference of means times the units sent, summed over quarters where they were drawn anew; variances
    by customer, who may be several units.
    """
    rows = []
    if messages is not None:
        sums = lift_sums(messages, orders, horizon_days=horizon_days, as_of=as_of)
        frame = sums.order_by("touch", "wave", "held_out").to_pandas()
        numbers = ["customers", "units", "orders", "squares", "cross", "pairs"]
        frame[numbers] = frame[numbers].astype(float)
        judged = (_judged(str(touch), part) for touch, part in frame.groupby("touch"))
        rows = [row for row in judged if row is not None]
    types = dict.fromkeys(["lift", "low", "high", "error"], "float64")
    return (
        pd.DataFrame(rows, columns=LIFT_COLUMNS).astype(types).astype({"sent": "int64", "held_out": "int64"})
    )


def _lots(rows: ir.Table) -> ir.Table:
    """How each campaign was drawn: a row a campaign."""
    each = rows.group_by("touch", "customer_id").aggregate(
        n=rows.count(), arms=rows.held_out.nunique(), quarters=rows.quarter.nunique(), ends=rows.sent_at.max()
    )
    inside = rows.group_by("touch", "customer_id", "quarter").aggregate(
        n=rows.count(), arms=rows.held_out.nunique()
    )
    inside = inside.group_by(_touch="touch").aggregate(
        many=(inside.n > 1).cast("int64").sum(), both=(inside.arms > 1).cast("int64").sum()
    )
    whole = each.group_by("touch").aggregate(
        customers=each.count(), messages=each.n.sum(), severals=(each.n > 1).cast("int64").sum(),
        switched=(each.arms > 1).cast("int64").sum(), ends=each.ends.max(),
    )  # fmt: skip
    both = whole.inner_join(inside, whole.touch == inside._touch)
    # As whole numbers: switched / severals < 1 / 20.
    steady, steady_inside = both.switched * 20 <= both.severals, both.both * 20 <= both.many
    unit = ibis.cases((steady, "customer"), (steady_inside, "quarter"), else_="message")
    repeated = (both.messages * 10 > both.customers * 12) & steady
    return both.select("touch", "ends", unit=unit, repeated=repeated)


def _judged(touch: str, part: pd.DataFrame) -> dict[str, object] | None:
    arms = part.set_index(["wave", "held_out"])
    lift = variance = sent = out = 0.0
    people = {True: 0.0, False: 0.0}
    for wave in sorted(set(part["wave"])):
        if (wave, True) not in arms.index or (wave, False) not in arms.index:
            continue
        one, other = arms.loc[(wave, False)], arms.loc[(wave, True)]
        if min(one["customers"], other["customers"]) < 2:
            continue
        lift += one["orders"] - one["units"] * other["orders"] / other["units"]
        variance += one["units"] ** 2 * (arm_variance(one) + arm_variance(other))
        sent, out = sent + one["units"], out + other["units"]
        people[False] += one["customers"]
        people[True] += other["customers"]
    if min(people.values()) < SMALLEST_GROUP:
        return None
    error = float(np.sqrt(variance))
    return {
        "touch": touch, "unit": str(part["unit"].iloc[0]), "sent": int(sent), "held_out": int(out),
        "lift": float(lift), "low": float(lift - z() * error), "high": float(lift + z() * error), "error":
        error,
    }  # fmt: skip


def arm_variance(arm: pd.Series[float]) -> float:
    """Variance of an arm's mean, whose units belong to customers.

    Parameters
    ----------
    arm
        ``customers``, ``units``, ``orders``, and the sums over customers of :func:`lift_sums`.
    """
    mean = arm["orders"] / arm["units"]
    spread = arm["squares"] - 2 * mean * arm["cross"] + mean**2 * arm["pairs"]
    people = arm["customers"]
    return float(max(spread, 0.0) / arm["units"] ** 2 * people / max(people - 1, 1))
