"""Who became due? A row a customer and moment, found in the engine; only candidates come home."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.past import past_of_customers
from crm_utils.methods.campaign_targeting.reach import still_yes
from crm_utils.methods.campaign_targeting.shelf_moments import back_in_stock, price_drops

__all__ = ["COLUMNS", "moments"]

COLUMNS = ("scenario", "customer_id", "anchor_at", "due_at", "expires_at", "item")
_DAY = dt.timedelta(days=1)
_BOUGHT_WITHIN = dt.timedelta(days=365)
"""Before a launch: who bought the category longer ago is not told of it."""


def moments(
    scenario: Scenario,
    tables: Mapping[str, ir.Table],
    *,
    now: dt.datetime,
    until: dt.datetime,
    past: ir.Table | None = None,
) -> pd.DataFrame:
    """Who is due for a scenario before ``until``, and not yet too late at ``now``.

    Parameters
    ----------
    scenario
        What to look for.
    tables
        ``orders``, and what the anchor needs: see :attr:`.model.Anchor.tables`, or a list under its own name.
        All as known at ``now``.
    now
        The instant of the plan: nothing at or after it is known.
    until
        The end of the plan.
    past
        From :func:`.past.past_of_customers`, where several scenarios share it; made of the orders where it is
        not given.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, one row a customer: the latest anchor counts. Sorted by customer. ``item`` is what
        the anchor is about: a product that is new, cheaper or back; empty elsewhere.

    Notes
    -----
    A moment of an earlier night that was missed is found as long as it has not expired, so a night without
    a run loses nobody; whoever got the message meanwhile is dropped by ``again``.
    """
    anchors = _anchors(scenario, tables, past, now=now, until=until)
    if "item" not in anchors.columns:
        anchors = anchors.assign(item="")
    if scenario.at is None:
        due = anchors["anchor_at"] + scenario.delay
    else:
        at = dt.timedelta(hours=scenario.at.hour, minutes=scenario.at.minute)
        due = (anchors["anchor_at"] + scenario.delay).dt.normalize() + at
    candidates = anchors.assign(scenario=scenario.id, due_at=due, expires_at=due + scenario.expires)
    candidates = candidates[(candidates["due_at"] < until) & (candidates["expires_at"] > now)]
    latest = candidates.sort_values(["customer_id", "anchor_at"]).drop_duplicates("customer_id", keep="last")
    return latest[list(COLUMNS)].reset_index(drop=True)


def _anchors(
    scenario: Scenario, tables: Mapping[str, ir.Table], past: ir.Table | None, *,
    now: dt.datetime, until: dt.datetime,
) -> pd.DataFrame:  # fmt: skip
    """``customer_id``, ``anchor_at`` of all that may be due; with a day's margin, as hours come later."""
    anchor = scenario.anchor
    first, last = now - scenario.expires - scenario.delay - 2 * _DAY, until - scenario.delay + _DAY
    if anchor.order or anchor.silence:
        past = past if past is not None else past_of_customers(tables["orders"], now=now)
        if anchor.silence:
            return _silences(scenario, past, span=until - now)
        at = past.first_at if anchor.order == "first" else past.last_at
        return _home(past.select("customer_id", anchor_at=at), first, last)
    if anchor.event:
        events = tables["events"]
        seen = events.filter(
            events.event == anchor.event, events.customer_id.notnull(), events.occurred_at < now
        )
        return _home(seen.group_by("customer_id").aggregate(anchor_at=seen.occurred_at.max()), first, last)
    if anchor.message:
        return _home(_messages(scenario, tables["messages"], now), first, last)
    if anchor.consent:
        return _consents(anchor.consent, tables["consents"], first, last, now)
    if anchor.new_product:
        return _new_products(anchor.new_product, tables, first, min(last, now))
    if anchor.status:
        return _home(_states(anchor.status, tables, now), first, last)
    if anchor.price_drop:
        return _home(price_drops(anchor.price_drop, tables, first=first, last=min(last, now)), first, last)
    if anchor.back_in_stock:
        return _home(back_in_stock(tables, first=first, last=min(last, now)), first, last)
    if anchor.joined:
        people = tables["customers"].filter(ibis._.joined_on.notnull())
        return _home(
            people.select("customer_id", anchor_at=people.joined_on.cast("timestamp(6)")), first, last
        )
    if anchor.birthday:
        return _birthdays(tables["customers"], first, last)
    listed = tables[str(anchor.list)].select("customer_id").distinct().order_by("customer_id")
    chosen: pd.DataFrame = listed.execute()
    return chosen.assign(anchor_at=pd.Series(pd.Timestamp(now), index=chosen.index))


def _home(anchors: ir.Table, first: dt.datetime, last: dt.datetime) -> pd.DataFrame:
    inside = anchors.filter(anchors.anchor_at >= first, anchors.anchor_at < last)
    near: pd.DataFrame = inside.order_by("customer_id").execute()
    return near.assign(anchor_at=pd.to_datetime(near["anchor_at"]))


def _states(status: str, tables: Mapping[str, ir.Table], now: dt.datetime) -> ir.Table:
    """When an order of each customer last came into a state."""
    changes, orders = tables["order_status"], tables["orders"].select("order_id", "customer_id")
    there = changes.filter(changes.status == status, changes.occurred_at < now)
    own = there.inner_join(orders.filter(orders.customer_id.notnull()), "order_id")
    return own.group_by("customer_id").aggregate(anchor_at=own.occurred_at.max())


def _messages(scenario: Scenario, messages: ir.Table, now: dt.datetime) -> ir.Table:
    """The last message of other scenarios on a channel, sent and not known to have failed."""
    other = messages.scenario.isnull() | (messages.scenario != scenario.id)
    there = other & (messages.channel == scenario.anchor.message) & (messages.sent_at < now)
    if "failed_reason" in messages.columns:
        there &= messages.failed_reason.isnull()
    sent = messages.filter(there, ~messages.held_out)
    return sent.group_by("customer_id").aggregate(anchor_at=sent.sent_at.max())


def _consents(
    months: int, consents: ir.Table, first: dt.datetime, last: dt.datetime, now: dt.datetime
) -> pd.DataFrame:
    """So many months after the last yes that still holds, of the channel where that comes first."""
    after = pd.DateOffset(months=months)
    holds = still_yes(consents, now=now)
    # A month longer than any other month's end can move it.
    start, end = (pd.Timestamp(one) - after for one in (first - 4 * _DAY, last + 4 * _DAY))
    near = holds.filter(holds.yes_at >= start.to_pydatetime(), holds.yes_at < end.to_pydatetime())
    rows: pd.DataFrame = near.group_by("customer_id").aggregate(yes_at=near.yes_at.min()).execute()
    at = (pd.to_datetime(rows["yes_at"]) + after).astype("datetime64[us]")
    agreed = rows[["customer_id"]].assign(anchor_at=at)
    return agreed[agreed["anchor_at"] < pd.Timestamp(last)]


def _new_products(
    like: str, tables: Mapping[str, ir.Table], first: dt.datetime, last: dt.datetime
) -> pd.DataFrame:
    """Launches, each for who bought its category (or brand) in the year before; a customer's newest."""
    products, lines = tables["products"], tables["order_lines"]
    known = products.filter(products[like].notnull())
    launched = known.filter(
        known.launched_on.cast("timestamp(6)") >= first, known.launched_on.cast("timestamp(6)") < last
    )
    new = launched.select(
        item="product_id", like=launched[like], anchor_at=launched.launched_on.cast("timestamp(6)")
    )
    year = lines.filter(
        lines.customer_id.notnull(), lines.quantity > 0, lines.ordered_at >= first - _BOUGHT_WITHIN
    )
    of = known.select(_product="product_id", like=known[like])
    bought = year.inner_join(of, year.product_id == of._product)
    pairs = bought.select("customer_id", "like", "ordered_at").inner_join(new, "like")
    before = pairs.filter(pairs.ordered_at < pairs.anchor_at)
    each = before.select("customer_id", "anchor_at", "item").distinct()
    newest = each.group_by("customer_id").aggregate(anchor_at=each.anchor_at.max())
    both = each.inner_join(newest, ["customer_id", "anchor_at"])
    rows: pd.DataFrame = both.group_by("customer_id", "anchor_at").aggregate(item=both.item.min()).execute()
    return rows.assign(anchor_at=pd.to_datetime(rows["anchor_at"]))


def _birthdays(customers: ir.Table, first: dt.datetime, last: dt.datetime) -> pd.DataFrame:
    """Each customer's birthdays in the span; 29 February is kept on the 28th in other years."""
    known = customers.filter(customers.birthday.notnull()).select("customer_id", "birthday")
    days = pd.date_range(first.date(), last.date(), freq="D")
    kept = pd.DataFrame({"birthday": days.strftime("%m-%d"), "anchor_at": days})
    leap = kept[(kept["birthday"] == "02-28") & ~days.is_leap_year].assign(birthday="02-29")
    of_days = pd.concat([kept, leap], ignore_index=True)
    soon = known.filter(known.birthday.isin(sorted(set(of_days["birthday"]))))
    near: pd.DataFrame = soon.order_by("customer_id").execute()
    return near.merge(of_days, on="birthday")[["customer_id", "anchor_at"]]


def _silences(scenario: Scenario, past: ir.Table, *, span: dt.timedelta) -> pd.DataFrame:
    """The day on which a silence reached so many times the customer's own rhythm, where it is near today."""
    least, times = scenario.anchor.least.days, float(scenario.anchor.silence or 1)
    reach = int(scenario.expires.days + abs(scenario.delay.days) + span.days + 3)
    after = (past.rhythm_days.fill_null(0.0) * times).ceil()
    quiet = past.mutate(after=ibis.greatest(after, ibis.literal(float(least))))
    near = (quiet.recency_days - quiet.after).abs() <= reach
    rows: pd.DataFrame = (
        quiet.filter(near).select("customer_id", "last_at", "after").order_by("customer_id").execute()
    )
    at = pd.to_datetime(rows["last_at"]).dt.normalize() + pd.to_timedelta(rows["after"], unit="D")
    return rows[["customer_id"]].assign(anchor_at=at.astype("datetime64[us]"))
