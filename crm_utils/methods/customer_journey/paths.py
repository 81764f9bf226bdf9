"""Which touches came before each order, and which led to none? Paths, counted in the engine.

A path is what a customer met since the order before it, or since a pause longer than the look-back. It ends
with an order (it converts) or with nothing (a null path); one that may still become an order is open, and is
left out. Touches older than the look-back do not count for an order.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import ibis
import ibis.expr.types as ir

from crm_utils.features import is_purchase
from crm_utils.methods.customer_journey.clock import ORDER, group_of, seconds

__all__ = [
    "DIRECT", "SEPARATOR", "campaign_of", "click_credit", "placebo_messages", "steps_of_paths", "touch_paths",
    "touches",
]  # fmt: skip

SEPARATOR = " > "
DIRECT = ("direct", "(direct)", "(direct) / (none)")
"""Sources that say that nobody knows where the visit came from."""
PLACEBO = "(placebo)"
"""The campaign that nobody was sent."""
_LONGEST = 30
"""Touches of a path that are kept, the last ones; repeats in a row count once before that."""
_DAY = 86_400


def campaign_of(messages: ir.Table) -> ir.StringValue:
    """What a message belongs to: its campaign, else its scenario; who gets a stand-in is another group."""
    name = ibis.coalesce(messages.campaign_id, messages.scenario).cast("string")
    return messages.fallback_of.notnull().ifelse(name + " (stand-in)", name)


def touches(
    visits: ir.Table | None, messages: ir.Table | None, *, touch: Literal["reached", "clicked"] = "reached"
) -> ir.Table:
    """Put visits and messages into one table of touches.

    Parameters
    ----------
    visits
        From :func:`.visits.without_robots`, or None. A visit counts at its first event, by source and medium;
        without a source it is no touch. One that a message brought counts as that message's click. What a
        shop calls by a name of its own (a call, a stand at a fair) is a touch of that name.
    messages
        From :func:`crm_utils.features.all_messages`, or None; those held out, or that failed, touched nobody.
    touch
        ``reached``: a message touches when it arrives and when it is clicked. ``clicked``: only then.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``at``, ``touch`` (what it is called), ``message`` (whether it is one of ours).

    Raises
    ------
    ValueError
        There are neither visits nor messages.
    """
    parts = []
    clicks = messages is not None
    if visits is not None:
        parts.append(_of_visits(visits, without_messages=clicks))
    if messages is not None:
        sent = messages.filter(~messages.held_out, messages.failed_reason.isnull())
        sent = sent.mutate(touch=_clean(campaign_of(sent)), message=True)
        sent = sent.filter(sent.touch.notnull())
        arrived = ibis.coalesce(sent.delivered_at, sent.sent_at)
        if touch == "reached":
            parts.append(sent.select("customer_id", "touch", "message", at=arrived))
        clicked = sent.filter(sent.clicked_at.notnull())
        parts.append(clicked.select("customer_id", "touch", "message", at="clicked_at"))
    if not parts:
        raise ValueError("No touches: there are neither visits nor messages. Record events, or messages.")
    columns = ("customer_id", "at", "touch", "message")
    alike = [part.select(*columns).cast({"at": "timestamp(6)"}) for part in parts]
    rows = ibis.union(*alike) if len(alike) > 1 else alike[0]
    return rows.filter(rows.customer_id.notnull(), rows["at"].notnull())


def steps_of_paths(
    touched: ir.Table, orders: ir.Table, *, lookback_days: int = 28, as_of: dt.date
) -> ir.Table:
    """Cut each customer's touches into paths: a row a touch that counts, repeats in a row once.

    Parameters
    ----------
    touched
        From :func:`touches`.
    orders
        Canonical ``orders``; returns and guests' are left out.
    lookback_days
        Days before an order in which a touch counts; a longer pause ends a path.
    as_of
        The last day known.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``number`` (of the path), ``converted``, ``ended`` (second of the order or of the
        last touch), ``position`` (from 1), ``touch``. At one moment touches come before the order, by name.
        Orders without any touch in the look-back are not among them.
    """
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    mine = touched.select(
        "customer_id", "touch", at=touched["at"].cast("timestamp(6)"), closes=ibis.literal(0, "int64")
    )
    closing = bought.select(
        "customer_id",
        touch=ibis.null("string"),
        at=bought.ordered_at.cast("timestamp(6)"),
        closes=ibis.literal(1, "int64"),
    )
    rows = mine.union(closing).mutate(second=seconds(ibis._["at"]))
    stream = {"group_by": "customer_id", "order_by": ["second", "closes", "touch"]}
    before = ibis.window(**stream)
    rows = rows.mutate(closed=rows.closes.lag().over(before), last=rows.second.lag().over(before))
    breaks = rows.closed.isnull() | (rows.closed == 1) | (rows.second - rows["last"] > lookback_days * _DAY)
    rows = rows.mutate(begins=breaks.cast("int64"))
    so_far = ibis.window(**stream, preceding=None, following=0)
    rows = rows.mutate(number=rows.begins.sum().over(so_far))
    whole = ibis.window(group_by=["customer_id", "number"])
    rows = rows.mutate(
        converted=rows.closes.max().over(whole),
        ended=ibis.coalesce(rows.second.max(where=rows.closes == 1), rows.second.max()).over(whole),
    )
    end = int((dt.datetime.combine(as_of, dt.time()) - dt.datetime(1970, 1, 1)).total_seconds()) + _DAY
    kept = rows.filter(
        rows.closes == 0, rows.ended - rows.second <= lookback_days * _DAY,
        (rows.converted == 1) | (rows.ended + lookback_days * _DAY <= end),
    )  # fmt: skip
    inside = ibis.window(group_by=["customer_id", "number"], order_by=["second", "touch"])
    kept = kept.mutate(previous=kept.touch.lag().over(inside))
    kept = kept.filter(kept.previous.isnull() | (kept.previous != kept.touch))
    return kept.mutate(position=ibis.row_number().over(inside) + 1).select(
        "customer_id", "number", "converted", "ended", "position", "touch"
    )


def touch_paths(
    touched: ir.Table, orders: ir.Table, *, lookback_days: int = 28, as_of: dt.date,
    since: dt.date | None = None,
) -> ir.Table:  # fmt: skip
    """Count the paths that are alike.

    Parameters
    ----------
    touched, orders, lookback_days, as_of
        As for :func:`steps_of_paths`.
    since
        The first day on which a path may end.

    Returns
    -------
    ibis.expr.types.Table
        ``path`` (touches joined by :data:`SEPARATOR`, the last :data:`_LONGEST` of them), ``converted`` (1 or
        0), ``group`` (of customers, by a hash of the id), ``paths``.
    """
    rows = steps_of_paths(touched, orders, lookback_days=lookback_days, as_of=as_of)
    if since is not None:
        first = int((dt.datetime.combine(since, dt.time()) - dt.datetime(1970, 1, 1)).total_seconds())
        rows = rows.filter(rows.ended >= first)
    own = ibis.window(group_by=["customer_id", "number"])
    rows = rows.mutate(most=rows.position.max().over(own))
    rows = rows.filter(rows.most - rows.position < _LONGEST)
    # Numbered and sorted as texts: engines do not all collect in an order.
    rows = rows.mutate(numbered=rows.position.cast("string").lpad(7, "0") + rows.touch)
    each = rows.group_by(["customer_id", "number"]).aggregate(
        converted=rows.converted.max(), steps=rows.numbered.collect()
    )
    in_order = each.steps.sort().map(lambda step: step.substr(7))
    each = each.mutate(path=in_order.join(SEPARATOR), group=group_of(each.customer_id))
    return each.group_by("path", "converted", "group").aggregate(paths=each.count())


def click_credit(
    messages: ir.Table, orders: ir.Table, *, days: int, as_of: dt.date, since: dt.date | None = None
) -> ir.Table:
    """Give each order to the message that was clicked last before it, at most so many days ago.

    Parameters
    ----------
    messages, orders
        From :func:`crm_utils.features.all_messages`; canonical ``orders``.
    days
        1, 7 and 28 are what tools count.
    as_of, since
        The last and the first day of orders.

    Returns
    -------
    ibis.expr.types.Table
        ``touch``, ``group``, ``credit`` (orders).
    """
    clicked = messages.filter(messages.clicked_at.notnull(), ~messages.held_out)
    clicked = clicked.select(_who="customer_id", clicked_at="clicked_at", touch=_clean(campaign_of(clicked)))
    day = orders.ordered_at.cast("date")
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull(), day <= ibis.date(str(as_of)))
    if since is not None:
        bought = bought.filter(bought.ordered_at.cast("date") >= ibis.date(str(since)))
    near = bought.inner_join(clicked, bought.customer_id == clicked._who)
    near = near.filter(
        near.clicked_at <= near.ordered_at, near.ordered_at < near.clicked_at + ibis.interval(days=days)
    )
    last = ibis.window(group_by="order_id", order_by=[near.clicked_at.desc(), near.touch])
    near = near.mutate(turn=ibis.row_number().over(last))
    near = near.filter(near.turn == 0).mutate(group=group_of(near.customer_id))
    return near.group_by("touch", "group").aggregate(credit=near.count())


def placebo_messages(
    orders: ir.Table, visits: ir.Table | None, *, as_of: dt.date, horizon_days: int, active_days: int = 182
) -> ir.Table:
    """Make up a campaign that nobody was sent: half of the active customers, drawn by a hash, "get" it.

    Parameters
    ----------
    orders, visits
        Who bought in the ``active_days`` before is in it. Whoever comes within a day is said to have clicked,
        as banners count their clicks; without visits nobody clicks.
    as_of, horizon_days
        It is "sent" so that its horizon is just over.
    active_days
        Days before.

    Returns
    -------
    ibis.expr.types.Table
        The columns of :func:`crm_utils.features.all_messages`. Whatever a rule gives it, it brought nothing.
    """
    at = dt.datetime.combine(as_of - dt.timedelta(days=horizon_days), dt.time(10))
    past = orders.filter(
        is_purchase(orders), orders.customer_id.notnull(), orders.ordered_at < at,
        orders.ordered_at >= at - dt.timedelta(days=active_days),
    )  # fmt: skip
    people = past.select("customer_id").distinct()
    out = (people.customer_id + "placebo").hexdigest("md5").substr(0, 1) < "8"
    moment = ibis.literal(at, "timestamp(6)")
    rows = people.mutate(held_out=out, sent_at=moment)
    empty = {
        name: ibis.null("string") for name in ("scenario", "kind", "channel", "failed_reason", "fallback_of")
    }
    if visits is None:
        rows = rows.mutate(clicked_at=ibis.null("timestamp(6)"))
    else:
        soon = visits.filter(
            visits.customer_id.notnull(), visits.occurred_at > at,
            visits.occurred_at <= at + dt.timedelta(days=1),
        )  # fmt: skip
        came = soon.group_by("customer_id").aggregate(came=soon.occurred_at.min()).rename(who="customer_id")
        rows = rows.left_join(came, rows.customer_id == came.who)
        rows = rows.mutate(clicked_at=rows.held_out.ifelse(ibis.null("timestamp(6)"), rows.came))
    rows = rows.mutate(
        campaign_id=ibis.literal(PLACEBO), **empty, cost=ibis.literal(0).cast("decimal(18, 2)"),
        delivered_at=rows.held_out.ifelse(ibis.null("timestamp(6)"), rows.sent_at),
    )  # fmt: skip
    return rows.select(
        "customer_id", "campaign_id", "scenario", "kind", "channel", "failed_reason", "fallback_of",
        "sent_at",
        "held_out", "delivered_at", "clicked_at", "cost",
    )  # fmt: skip


def _of_visits(visits: ir.Table, *, without_messages: bool) -> ir.Table:
    known = visits.filter(visits.customer_id.notnull(), visits.source.notnull())
    first = known.mutate(first=known.place.min().over(ibis.window(group_by="session")))
    rows = first.filter(first.place == first["first"])
    medium = rows.medium.fill_null("none")
    if without_messages:
        rows = rows.filter(medium != "message")
    name = (
        rows.medium.fill_null("none")
        .isin(["none", "(none)", ""])
        .ifelse(rows.source, rows.source + " / " + rows.medium)
    )
    rows = rows.select("customer_id", at="occurred_at", touch=_clean(name), message=ibis.literal(False))
    own = visits.filter(visits.customer_id.notnull(), visits.source.isnull(), visits.event.notin(ORDER))
    own = own.select("customer_id", at="occurred_at", touch=_clean(own.event), message=ibis.literal(False))
    return ibis.union(rows, own)


def _clean(name: ir.StringValue) -> ir.StringValue:
    """A name that holds the separator would become two."""
    return name.replace(SEPARATOR, " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ")
