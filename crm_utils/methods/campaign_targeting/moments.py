"""Who became due? A row a customer and moment, found in the engine; only candidates come home."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features import customer_summary, is_purchase
from crm_utils.methods.campaign_targeting.model import Scenario

__all__ = ["COLUMNS", "moments"]

COLUMNS = ("scenario", "customer_id", "anchor_at", "due_at", "expires_at")
_DAY = dt.timedelta(days=1)


def moments(
    scenario: Scenario, tables: Mapping[str, ir.Table], *, now: dt.datetime, until: dt.datetime
) -> pd.DataFrame:
    """Who is due for a scenario before ``until``, and not yet too late at ``now``.

    Parameters
    ----------
    scenario
        What to look for.
    tables
        ``orders``, and what the anchor needs: ``customers``, ``events``, or a list under its own name. All as
        known at ``now``.
    now
        The instant of the plan: nothing at or after it is known.
    until
        The end of the plan.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, one row a customer: the latest anchor counts. Sorted by customer.

    Notes
    -----
    A moment of an earlier night that was missed is found as long as it has not expired, so a night without
    a run loses nobody; whoever got the message meanwhile is dropped by ``again``.
    """
    anchors = _anchors(scenario, tables, now=now, until=until)
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
    scenario: Scenario, tables: Mapping[str, ir.Table], *, now: dt.datetime, until: dt.datetime
) -> pd.DataFrame:
    """``customer_id``, ``anchor_at`` of all that may be due; with a day's margin, as hours come later."""
    anchor = scenario.anchor
    first, last = now - scenario.expires - scenario.delay - 2 * _DAY, until - scenario.delay + _DAY
    if anchor.order:
        per = _bought(tables["orders"]).group_by("customer_id")
        at = ibis._.ordered_at.min() if anchor.order == "first" else ibis._.ordered_at.max()
        return _home(per.aggregate(anchor_at=at), first, last)
    if anchor.event:
        events = tables["events"]
        seen = events.filter(events.event == anchor.event, events.customer_id.notnull())
        return _home(seen.group_by("customer_id").aggregate(anchor_at=seen.occurred_at.max()), first, last)
    if anchor.joined:
        people = tables["customers"].filter(ibis._.joined_on.notnull())
        return _home(
            people.select("customer_id", anchor_at=people.joined_on.cast("timestamp(6)")), first, last
        )
    if anchor.birthday:
        return _birthdays(tables["customers"], first, last)
    if anchor.silence:
        return _silences(scenario, tables["orders"], now)
    listed = tables[str(anchor.list)].select("customer_id").distinct().order_by("customer_id")
    chosen: pd.DataFrame = listed.execute()
    return chosen.assign(anchor_at=pd.Series(pd.Timestamp(now), index=chosen.index))


def _bought(orders: ir.Table) -> ir.Table:
    return orders.filter(is_purchase(orders), orders.customer_id.notnull())


def _home(anchors: ir.Table, first: dt.datetime, last: dt.datetime) -> pd.DataFrame:
    inside = anchors.filter(anchors.anchor_at >= first, anchors.anchor_at < last)
    near: pd.DataFrame = inside.order_by("customer_id").execute()
    return near.assign(anchor_at=pd.to_datetime(near["anchor_at"]))


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


def _silences(scenario: Scenario, orders: ir.Table, now: dt.datetime) -> pd.DataFrame:
    """The day on which a silence reached so many times the customer's own rhythm."""
    as_of = (now - dt.timedelta(microseconds=1)).date()
    summary = customer_summary(orders, as_of=as_of)
    least, times = scenario.anchor.least.days, float(scenario.anchor.silence or 1)
    reach = int(scenario.expires.days + abs(scenario.delay.days) + 3)
    late = summary.filter(summary.recency_days >= least - reach)
    late = late.select("customer_id", "recency_days", "last_ordered_on", "rhythm_days")
    rows: pd.DataFrame = late.order_by("customer_id").execute()
    rhythm = rows["rhythm_days"].astype(float).fillna(0.0)
    after = np.maximum(np.ceil(times * rhythm), least)
    at = pd.to_datetime(rows["last_ordered_on"]) + pd.to_timedelta(after, unit="D")
    return rows[["customer_id"]].assign(anchor_at=at)
