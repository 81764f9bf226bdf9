"""What can these data answer at all? A handful of facts, cheap to find, by which an analysis says yes or no.

``crm check`` and the notebooks ask the same functions with the same facts, so they cannot disagree.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_utils import tables
from crm_utils.engine import keep
from crm_utils.features.customer_summary import NEW_DAYS, is_purchase

__all__ = ["Cannot", "ShopFacts", "shop_facts"]


@dataclass(frozen=True)
class Cannot:
    """Why something cannot be said of these data: a code, and the numbers its sentence needs.

    The sentence, and what would change it, are made in :mod:`crm_utils.sentences.cannot`.
    """

    code: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ShopFacts:
    """What a shop's order lines hold, as far as a day.

    Attributes
    ----------
    lines, orders, returns
        Order lines; purchases; orders that are returns or were sent back whole.
    guest_orders, guest_revenue
        Orders without a customer, and what they brought.
    customers, repeat_customers
        Known customers with a purchase; those with purchases on two days or more.
    larger_orders
        Orders with two products or more.
    products, prices
        Different products; different amounts an order line (at most counted to 1,000).
    order_days, first_day, last_day, as_of
        Days with an order; the first and the last of them; the day looked back from.
    revenue
        Of all orders, returns netted.
    history_starts
        The first day from which the data are complete, as the study says; None where that is not known.
    customer_days
        The days on which a known customer bought, in their order; None where that was not asked.
    tables
        The tables that the study has; None where that was not asked.
    newcomers
        Customers whose first purchase lies 90 days or more after ``history_starts`` (from
        the first order on where that is not known) and before ``as_of``; None where that was not asked.
    """

    lines: int
    orders: int
    returns: int
    guest_orders: int
    guest_revenue: Decimal
    customers: int
    repeat_customers: int
    larger_orders: int
    products: int
    prices: int
    order_days: int
    first_day: dt.date | None
    last_day: dt.date | None
    as_of: dt.date
    revenue: Decimal
    history_starts: dt.date | None = None
    customer_days: tuple[dt.date, ...] | None = None
    tables: frozenset[str] | None = None
    newcomers: int | None = None

    @property
    def days(self) -> int:
        """Days of history, from the first order to the day looked back from."""
        return (self.as_of - self.first_day).days + 1 if self.first_day else 0

    @property
    def no_money(self) -> bool:
        """Whether there are orders, and none of their lines has an amount above 0."""
        return self.orders > 0 and self.prices == 0

    @property
    def silent_days(self) -> int:
        """Days since the last order of anybody."""
        return (self.as_of - self.last_day).days if self.last_day else self.days


def shop_facts(lines: ir.Table, *, as_of: dt.date, history_starts: dt.date | None = None) -> ShopFacts:
    """Find the facts in one pass over order lines and one over orders.

    Parameters
    ----------
    lines
        The canonical ``order_lines``, cut at ``as_of``.
    as_of, history_starts
        The day looked back from, and the first from which the data are complete.
    """
    sums = lines.group_by("order_id").aggregate(
        customer_id=lines.customer_id.max(),
        day=lines.ordered_at.min().cast("date"),
        amount=lines.amount.sum().cast("decimal(38, 2)"),
        # Two products or more: to count them all would keep each order's products in memory.
        larger=lines.product_id.min() < lines.product_id.max(),
        lines=lines.count(),
    )
    back = tables.orders_sent_back(lines).select(returned_id="order_id")
    both = sums.left_join(back, sums.order_id == back.returned_id)
    orders = keep(both.select(*sums.columns, kept=both.returned_id.isnull()))
    bought = is_purchase(orders)
    guest = orders.customer_id.isnull()
    # fmt: off
    whole = orders.aggregate(
        lines=orders.lines.sum(), orders=bought.cast("int64").sum(), returns=(~bought).cast("int64").sum(),
        guest_orders=(guest & bought).cast("int64").sum(), guest_revenue=orders.amount.sum(where=guest),
        larger_orders=(orders.larger & bought).cast("int64").sum(),
        order_days=orders.day.nunique(), first_day=orders.day.min(), last_day=orders.day.max(),
        revenue=orders.amount.sum(),
    ).to_pyarrow().to_pylist()[0]
    # fmt: on
    known = orders.filter(bought, orders.customer_id.notnull())
    per = known.group_by("customer_id").aggregate(days=known.day.nunique(), begun=known.day.min())
    starts = history_starts + dt.timedelta(days=NEW_DAYS) if history_starts else dt.date.min
    new = (per.begun >= ibis.date(str(starts))) & (per.begun < ibis.date(str(as_of)))
    people = per.aggregate(
        customers=per.count(), repeat=(per.days > 1).cast("int64").sum(), new=new.cast("int64").sum()
    )
    who = people.to_pyarrow().to_pylist()[0]
    customer_days = sorted(known.select("day").distinct().to_pyarrow()["day"].to_pylist())
    priced = lines.filter(lines.amount > 0)
    goods = lines.aggregate(products=lines.product_id.nunique()).to_pyarrow().to_pylist()[0]
    prices = priced.select("amount").distinct().limit(1000).count().to_pyarrow().as_py()
    zero = Decimal(0)
    return ShopFacts(
        lines=whole["lines"] or 0, orders=whole["orders"] or 0, returns=whole["returns"] or 0,
        guest_orders=whole["guest_orders"] or 0, guest_revenue=whole["guest_revenue"] or zero,
        customers=who["customers"], repeat_customers=who["repeat"] or 0,
        larger_orders=whole["larger_orders"] or 0, products=goods["products"], prices=prices,
        order_days=whole["order_days"], first_day=whole["first_day"], last_day=whole["last_day"],
        as_of=as_of, revenue=whole["revenue"] or zero, history_starts=history_starts,
        customer_days=tuple(customer_days), newcomers=who["new"] or 0,
    )  # fmt: skip
