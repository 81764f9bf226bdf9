"""One row a customer from all tables: who is there, and when each was first seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import is_purchase, purchase_days
from crm_utils.features.statistics import Number, hide_small
from crm_utils.tables import MONEY
from crm_utils.tables import orders as order_view

__all__ = ["FirstSeen", "customer_view", "first_seen", "first_seen_of", "view_sizes"]


def customer_view(tables: Mapping[str, ir.Table]) -> ir.Table:
    """One row a customer: what every touchpoint together knows.

    Parameters
    ----------
    tables
        Canonical tables by name: ``order_lines``, and ``customers`` and ``messages`` where there are any.

    Returns
    -------
    ibis Table
        customer_id (everyone who stands in any of the tables), orders (purchases, as all pages count them),
        revenue (money, returns taken off), first_ordered_at, last_ordered_at (of purchases; null without
        one), has_profile (stands in customers), messages, redeemed (counts).
    """
    known = order_view(tables["order_lines"]).filter(lambda t: t.customer_id.notnull())
    bought = is_purchase(known)
    parts = [
        known.group_by("customer_id").agg(
            orders=bought.cast("int64").sum().cast("int64"),
            revenue=known.amount.sum().cast(MONEY),
            first_ordered_at=known.ordered_at.min(where=bought),
            last_ordered_at=known.ordered_at.max(where=bought),
        )
    ]
    if "customers" in tables:
        parts.append(tables["customers"].select("customer_id").mutate(has_profile=True))
    if "messages" in tables:
        sent = tables["messages"].filter(~tables["messages"].held_out)
        parts.append(
            sent.group_by("customer_id").agg(messages=sent.count(), redeemed=sent.redeemed_at.count())
        )
    everyone = parts[0].select("customer_id")
    for part in parts[1:]:
        everyone = everyone.union(part.select("customer_id"))
    view = everyone.distinct()
    for part in parts:
        view = view.left_join(part, "customer_id").drop("customer_id_right")
    absent = {"has_profile": False, "messages": 0, "redeemed": 0}
    missing = {name: ibis.literal(value) for name, value in absent.items() if name not in view.columns}
    return view.mutate(**missing).fill_null({"orders": 0, "revenue": 0} | absent)


def view_sizes(view: ir.Table) -> dict[str, int]:
    """How many customers the view holds: ``all``, ``with_orders``, ``reached`` (by a message)."""
    sizes = view.aggregate(
        all=view.count(),
        with_orders=(view.orders > 0).cast("int64").sum(),
        reached=(view.messages > 0).cast("int64").sum(),
    )
    return {name: int(n or 0) for name, n in sizes.to_pyarrow().to_pylist()[0].items()}


@dataclass(frozen=True)
class FirstSeen:
    """When customers made their first purchase.

    Attributes
    ----------
    periods
        ``begins`` (first day of the week or, in a small shop, of the month), ``customers``, ``existing``:
        those of five customers or more.
    customers, existing
        Of all: with a purchase, and first seen before anyone can be called new.
    weekly
        Whether the periods are weeks.
    """

    periods: pd.DataFrame
    customers: int
    existing: int
    weekly: bool

    @property
    def share(self) -> float | None:
        """The existing ones' share; None without customers."""
        return self.existing / self.customers if self.customers else None

    def numbers(self) -> list[Number]:
        """What a run records of them."""
        return [Number("customers.existing_share", self.share, "share")]


def first_seen_of(orders: ir.Table, *, new_from: dt.date) -> FirstSeen:
    """Count first purchases by week, or by month where most weeks would have fewer than five."""
    weeks = first_seen(orders, new_from=new_from).to_pyarrow().to_pandas().rename(columns={"week": "begins"})
    weekly = len(weeks) > 0 and float(weeks["customers"].median()) >= 5
    periods = weeks
    if not weekly and len(weeks):
        months = pd.to_datetime(weeks["begins"]).dt.to_period("M").dt.start_time.dt.date
        periods = weeks.assign(begins=months).groupby("begins")[["customers", "existing"]].sum().reset_index()
    shown = hide_small(periods).dropna(subset="customers").reset_index(drop=True)
    return FirstSeen(shown, int(weeks["customers"].sum()), int(weeks["existing"].sum()), weekly)


def first_seen(orders: ir.Table, *, new_from: dt.date) -> ir.Table:
    """How many customers make their first purchase in each week.

    Parameters
    ----------
    orders
        The view ``orders``; guests and returns are left out.
    new_from
        Whoever is first seen before this day is taken as a customer already. In a panel the first weeks hold
        those who were customers before: that is no acquisition.

    Returns
    -------
    ibis Table
        week (date, its Monday), customers (count), existing (of these, first seen before ``new_from``), in
        time order.
    """
    day = purchase_days(orders)
    first = day.group_by("customer_id").agg(first=day.day.min())
    already = first["first"] < ibis.date(new_from.year, new_from.month, new_from.day)
    seen = first.select(week=first["first"].truncate("W"), existing=already.cast("int64"))
    return (
        seen.group_by("week")
        .agg(customers=lambda t: t.count(), existing=lambda t: t.existing.sum())
        .order_by("week")
    )
