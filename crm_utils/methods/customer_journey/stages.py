"""Which stages of the journey are recorded, and where does each customer stand? Touches in their order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import poisson

from crm_utils.features import is_purchase
from crm_utils.features.statistics import Number
from crm_utils.methods.customer_journey.clock import ORDER

__all__ = ["STAGES", "Coverage", "coverage", "days_seen", "kind_of", "silent_days", "stage_of", "stage_rows"]

STAGES = (
    "awareness", "visit", "browse", "cart", "checkout", "delivery", "review", "repurchase", "referral",
)  # fmt: skip
"""From 인지 to 추천; a first order is a checkout (결제)."""
_EVENTS = {
    "visit": "visit", "search": "browse", "view": "browse", "cart": "cart", "checkout": "checkout",
    "payment_failed": "checkout", "purchase": "checkout", "delivered": "delivery",
}  # fmt: skip
_QUIET, _BUSY, _CHANCE = 0.1, 0.5, 0.01


@dataclass(frozen=True)
class Coverage:
    """What is recorded.

    Attributes
    ----------
    stages
        A row a stage: ``stage``, ``rows``, ``known`` (share with a customer; missing without rows).
    kinds
        A row a kind of touchpoint: ``kind``, ``events``, ``known``.
    events, known
        Events; the share with a customer.
    silent
        Days on which orders went on and no event was recorded: the tag was broken.
    """

    stages: pd.DataFrame
    kinds: pd.DataFrame
    events: int
    known: float
    silent: list[dt.date]

    @property
    def missing(self) -> list[str]:
        """Stages of which nothing is recorded."""
        return [str(s) for s in self.stages.loc[self.stages["rows"] == 0, "stage"]]

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("events", self.events, "events"),
            Number("events.known", None if np.isnan(self.known) else self.known, "share"),
            Number("stages.recorded", len(STAGES) - len(self.missing), "stages"),
            Number("days.silent", len(self.silent), "days"),
        ]


def stage_rows(tables: Mapping[str, ir.Table | None]) -> ir.Table | None:
    """All that says where a customer stands: ``customer_id``, ``at``, ``stage``.

    Parameters
    ----------
    tables
        ``orders``, and where the study has them ``events``, ``messages``, ``order_status``, ``feedback`` and
        ``referrals``. A message that arrived is awareness; the second order and later ones are repurchases.
    """
    parts: list[ir.Table] = []

    def add(rows: ir.Table, at: ir.Value, stage: ir.Value | str, customer: str = "customer_id") -> None:
        value = ibis.literal(stage) if isinstance(stage, str) else stage
        parts.append(
            rows.select(customer_id=rows[customer].cast("string"), at=at.cast("timestamp(6)"), stage=value)
        )

    orders = tables["orders"]
    assert orders is not None
    bought = orders.filter(is_purchase(orders))
    mine = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"])
    bought = bought.mutate(turn=ibis.row_number().over(mine))
    later = bought.customer_id.notnull() & (bought.turn > 0)
    add(bought, bought.ordered_at, later.ifelse("repurchase", "checkout"))
    events = tables.get("events")
    if events is not None:
        seen = events.filter(events.event.isin([k for k in _EVENTS if k != "purchase"]))
        stage = ibis.cases(*((seen.event == k, v) for k, v in _EVENTS.items()), else_="visit")
        add(seen, seen.occurred_at, stage)
    messages = tables.get("messages")
    if messages is not None:
        got = messages.filter(~messages.held_out, messages.failed_reason.isnull())
        add(got, ibis.coalesce(got.delivered_at, got.sent_at), "awareness")
    status = tables.get("order_status")
    if status is not None:
        came = status.filter(status.status == "delivered").inner_join(
            orders.select("order_id", "customer_id"), "order_id"
        )
        add(came, came.occurred_at, "delivery")
    feedback = tables.get("feedback")
    if feedback is not None:
        answers = feedback.filter(feedback.kind != "case")
        add(answers, answers.submitted_at, "review")
    referrals = tables.get("referrals")
    if referrals is not None:
        add(referrals, referrals.referred_at, "referral", customer="referrer_id")
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def stage_of(tables: Mapping[str, ir.Table | None]) -> ir.Table:
    """Where each customer stands: at their last touch, at one moment the later stage.

    Parameters
    ----------
    tables
        As for :func:`stage_rows`.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``journey_stage``, ``since``.
    """
    rows = stage_rows(tables)
    assert rows is not None
    rows = rows.filter(rows.customer_id.notnull(), rows["at"].notnull())
    rank = ibis.cases(*((rows.stage == name, k) for k, name in enumerate(STAGES)), else_=0)
    rows = rows.mutate(rank=rank)
    last = ibis.window(group_by="customer_id", order_by=[rows["at"].desc(), rows["rank"].desc()])
    rows = rows.mutate(turn=ibis.row_number().over(last))
    return rows.filter(rows.turn == 0).select("customer_id", journey_stage="stage", since="at")


def kind_of(events: ir.Table) -> ir.StringValue:
    """Where a touch was: app, web, message, store, phone, service desk, social, parcel, or its own name."""
    source, medium = events.source.fill_null("").lower(), events.medium.fill_null("").lower()
    return ibis.cases(
        (events.event == "call", "phone"), (events.event == "delivered", "parcel"),
        (source == "app", "app"), (medium == "message", "message"),
        (source.isin(["store", "phone", "service desk"]), source), (medium == "store", "store"),
        (medium == "social", "social"), ((source == "") & events.event.notin(ORDER), events.event),
        (source == "", "not known"), else_="web",
    )  # fmt: skip


def days_seen(events: ir.Table, orders: ir.Table) -> ir.Table:
    """Count events and orders by day: ``day``, ``events``, ``orders``."""
    online = events.filter(events.event.notin(["delivered", "call", "purchase"]))
    one = online.group_by(day=online.occurred_at.cast("date")).aggregate(events=online.count())
    two = orders.group_by(day=orders.ordered_at.cast("date")).aggregate(orders=orders.count())
    both = one.outer_join(two, "day")
    return both.select(
        day=ibis.coalesce(both.day, both.day_right), events=both.events.fill_null(0),
        orders=both.orders.fill_null(0),
    )  # fmt: skip


def silent_days(days: pd.DataFrame) -> list[dt.date]:
    """Days between the first and the last event with hardly any while orders went on.

    Parameters
    ----------
    days
        From :func:`days_seen`. Where events are few, a day without any is chance: a Poisson count as small as
        a quiet day's is to be expected on fewer than one in a hundred such histories.

    Examples
    --------
    >>> days = pd.DataFrame({"day": pd.date_range("2025-01-01", periods=4), "events": [90, 0, 100, 80],
    ...                      "orders": [9, 8, 9, 7]})
    >>> silent_days(days)
    [datetime.date(2025, 1, 2)]
    """
    seen = days[days["events"] > 0]
    if len(seen) < 2:
        return []
    between = days[(days["day"] > seen["day"].min()) & (days["day"] < seen["day"].max())]
    usual = float(seen["events"].median())
    chance = poisson.cdf(between["events"], usual) * len(between)
    quiet = (between["events"] < _QUIET * usual) & (chance < _CHANCE)
    busy = between["orders"] >= _BUSY * days["orders"].median()
    return [pd.Timestamp(day).date() for day in between.loc[quiet & busy, "day"].sort_values()]


def coverage(tables: Mapping[str, ir.Table | None]) -> Coverage:
    """See which stages and touchpoints are recorded.

    Parameters
    ----------
    tables
        As for :func:`stage_rows`.
    """
    rows = stage_rows(tables)
    assert rows is not None
    counted = rows.group_by("stage").aggregate(rows=rows.count(), known=rows.customer_id.count()).to_pandas()
    stages = pd.DataFrame({"stage": list(STAGES)}).merge(counted, on="stage", how="left").fillna({"rows": 0})
    stages = stages.assign(
        rows=stages["rows"].astype("int64"), known=stages["known"] / stages["rows"].where(stages["rows"] > 0)
    )
    events, orders = tables.get("events"), tables["orders"]
    if events is None or orders is None:
        return Coverage(stages, pd.DataFrame(columns=["kind", "events", "known"]), 0, float("nan"), [])
    by_kind = events.mutate(kind=kind_of(events)).group_by("kind").aggregate(
        events=ibis._.count(), known=ibis._.customer_id.count()
    )  # fmt: skip
    kinds = by_kind.order_by(by_kind.events.desc(), by_kind.kind).to_pandas()
    total = int(kinds["events"].sum())
    known = float(kinds["known"].sum()) / total if total else float("nan")
    days = days_seen(events, orders).order_by("day").to_pandas()
    return Coverage(
        stages, kinds.assign(known=kinds["known"] / kinds["events"]), total, known, silent_days(days)
    )
