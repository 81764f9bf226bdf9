"""What did each week bring? Exact sums a week and a part of the customers, in one pass over orders."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features import SMALLEST_GROUP, is_purchase

__all__ = [
    "KEPT_WEEKS",
    "LAPSE_DAYS",
    "PARTS",
    "SUMS",
    "WEEK",
    "Weeks",
    "are_few",
    "category_sums",
    "known_weeks",
    "period_sums",
    "weekly_sums",
]

WEEK = 7
"""Days; a week begins on Monday and is named by it, as in ISO 8601."""
KEPT_WEEKS = 12
"""Weeks in which a customer has to buy again to count as kept."""
LAPSE_DAYS = 182
"""Days without a purchase after which a customer who buys again was won back."""
PARTS = 40
"""Parts into which customers are dealt, so that intervals rest on sums: leave a part out, and look again."""
SUMS = (
    "orders",
    "customers",
    "new_customers",
    "again_customers",
    "back_customers",
    "gross",
    "returned",
    "discount",
    "guest_gross",
)
"""What is summed; see :func:`weekly_sums`."""


def weekly_sums(orders: ir.Table, *, as_of: dt.date) -> ir.Table:
    """Sum up orders by week and part of the customers.

    Parameters
    ----------
    orders
        One row an order: ``customer_id`` (null for a guest), ``ordered_at``, ``amount`` (negative for a
        return), ``discount``; where it is known, ``kept``: an order sent back whole is no purchase.
    as_of
        The last day that may be seen.

    Returns
    -------
    ibis.expr.types.Table
        A row a week and part, in order: ``week`` (its Monday), ``part`` (0 to 39; −1 for guests), ``orders``
        (purchases, guests' included), ``customers`` (known, with a purchase), ``new_customers`` (whose first
        purchase of all falls in that week), ``again_customers`` (who had bought in an earlier week),
        ``back_customers`` (who bought again in one of the next 12 weeks; known once those are over),
        ``gross`` (money of purchases, decimal), ``returned`` (money of returns, 0 or more), ``discount``,
        ``guest_gross``.

    Notes
    -----
    A customer's part is their place in the order of ids, modulo 40, which says nothing about what they buy.
    """
    after = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    seen = orders.filter(orders.ordered_at < after)
    seen = seen.mutate(week=seen.ordered_at.truncate("W").cast("date"), bought=is_purchase(seen))
    zero = ibis.literal(0).cast("decimal(18, 2)")
    # One scan: a row a customer and week, from which all the rest follows.
    per = seen.group_by("customer_id", "week").aggregate(
        orders=seen.bought.cast("int64").sum(),
        gross=(seen.amount >= 0).ifelse(seen.amount, zero).sum().cast("decimal(38, 2)"),
        returned=(seen.amount >= 0).ifelse(zero, -seen.amount).sum().cast("decimal(38, 2)"),
        discount=seen.discount.sum().cast("decimal(38, 2)"),
    )
    known = per.customer_id.notnull()
    per = per.mutate(known=known, bought_week=(known & (per.orders > 0)).ifelse(per.week, ibis.null("date")))
    later = ibis.window(group_by=per.customer_id, order_by=per.week, rows=(1, None))
    place = ibis.dense_rank().over(order_by=[per.customer_id.isnull(), per.customer_id])
    per = per.mutate(
        first_week=per.bought_week.min().over(group_by=per.customer_id),
        following=per.bought_week.min().over(later),
        part=per.known.ifelse((place % PARTS).cast("int64"), -1),
    )
    soon = per.following <= per.bought_week + ibis.interval(days=WEEK * KEPT_WEEKS)

    def count(which: ir.BooleanValue) -> ir.IntegerValue:
        return which.fill_null(False).cast("int64").sum()

    return (
        per.group_by("week", "part")
        .aggregate(
            orders=per.orders.sum(),
            customers=count(per.bought_week.notnull()),
            new_customers=count(per.bought_week == per.first_week),
            again_customers=count(per.bought_week > per.first_week),
            back_customers=count(soon),
            gross=per.gross.sum().cast("decimal(38, 2)"),
            returned=per.returned.sum().cast("decimal(38, 2)"),
            discount=per.discount.sum().fill_null(0).cast("decimal(38, 2)"),
            guest_gross=per.known.ifelse(zero, per.gross).sum().cast("decimal(38, 2)"),
        )
        .order_by("week", "part")
    )


@dataclass(frozen=True)
class Weeks:
    """Whole weeks of a shop.

    Attributes
    ----------
    sums
        A row a week (index: its Monday, none missing), the columns of :data:`SUMS`, and those of other
        tables where there are such: missing before their first week, and where a week is not ripe yet.
    by_part
        The same by (week, part).
    first_new
        The first Monday from which a first purchase makes a new customer.
    left_out
        Weeks that are not whole: at most the first and the last.
    """

    sums: pd.DataFrame
    by_part: pd.DataFrame
    first_new: dt.date
    left_out: int

    @property
    def of_few(self) -> pd.Series[bool]:
        """By week: whether so few bought or sent back that its money would be a single customer's."""
        parts = self.by_part.reset_index()
        guests = parts[parts["part"] < 0].set_index("week")["orders"]
        buyers = self.sums["customers"] + guests.reindex(self.sums.index, fill_value=0)
        moved = (self.sums["gross"] != 0) | (self.sums["returned"] != 0)
        return moved & (buyers < SMALLEST_GROUP)

    @property
    def revenue(self) -> pd.Series[float]:
        """By week: money of purchases less what was sent back."""
        return self.sums["gross"] - self.sums["returned"]

    def windows(self, weeks: int) -> pd.DataFrame:
        """Revenue of windows of so many weeks, back from the last one.

        Returns
        -------
        pandas.DataFrame
            ``starts`` (a Monday) and ``revenue``, in order: missing where fewer than five bought, or where
            the weeks that are shown would give away a single one that is not.
        """
        ends = range(len(self.sums), weeks - 1, -weeks)
        rows = [
            {"starts": self.sums.index[end - weeks], "revenue": self.revenue_between(end - weeks, end)}
            for end in ends
        ]
        return pd.DataFrame(rows[::-1], columns=["starts", "revenue"])

    def revenue_between(self, first: int, end: int) -> float:
        """Revenue of the weeks from one place up to another; missing where it would tell of single people."""
        total, few = float(self.revenue.iloc[first:end].sum()), self.of_few.iloc[first:end]
        if few.sum() == 1 and end - first > 1:
            return math.nan
        return math.nan if few.any() and self._buyers(first, end) < SMALLEST_GROUP else total

    def _buyers(self, first: int, end: int) -> int:
        """So many different people bought, or more: in each part at least those of its best week."""
        within = self.by_part.index.get_level_values("week").isin(self.sums.index[first:end])
        parts = self.by_part[within].reset_index()
        known = parts[parts["part"] >= 0].groupby("part")["customers"].max().sum()
        return int(known + parts.loc[parts["part"] < 0, "orders"].sum())


def known_weeks(
    sums: ir.Table,
    *,
    as_of: dt.date,
    history_starts: dt.date,
    existing_days: int = 90,
    also: Iterable[ir.Table | pd.DataFrame] = (),
) -> Weeks:
    """Bring whole weeks home; a week that had not ended, or began before the data, is left out.

    Parameters
    ----------
    sums
        From :func:`weekly_sums`.
    as_of, history_starts
        The last day known and the first from which the data are complete.
    existing_days
        Days from ``history_starts`` in which a first purchase makes no new customer.
    also
        Weeks of other tables (``week`` and columns of their own), to stand beside those of orders. A last
        week that ended on ``as_of`` itself is left out of them: its messages had no time to be answered.
    """
    rows = sums.execute()
    rows["week"] = pd.to_datetime(rows["week"]).dt.date
    for name in ("gross", "returned", "discount", "guest_gross"):
        rows[name] = rows[name].astype(float)  # summed exactly in the engine; floats come last
    last = as_of - dt.timedelta(days=(as_of.weekday() + 1) % WEEK) - dt.timedelta(days=WEEK - 1)
    first = history_starts + dt.timedelta(days=-history_starts.weekday() % WEEK)
    whole = rows[(rows["week"] >= first) & (rows["week"] <= last)]
    by_part = whole.groupby(["week", "part"])[list(SUMS)].sum()
    count = max(0, (last - first).days // WEEK + 1)
    mondays = [first + dt.timedelta(weeks=k) for k in range(count)]
    total = whole.groupby("week")[list(SUMS)].sum().reindex(mondays, fill_value=0)
    total.index.name = "week"
    for table in also:
        total = total.join(_beside(table, total.index, as_of=as_of))
    return Weeks(
        sums=total,
        by_part=by_part,
        first_new=history_starts + dt.timedelta(days=existing_days),
        left_out=int(rows["week"].nunique() - whole["week"].nunique()),
    )


def _beside(table: ir.Table | pd.DataFrame, mondays: pd.Index[Any], *, as_of: dt.date) -> pd.DataFrame:
    """Another table's weeks on the same Mondays: 0 where nothing happened, missing before its first week."""
    rows = table if isinstance(table, pd.DataFrame) else table.execute()
    rows = rows.assign(week=pd.to_datetime(rows["week"]).dt.date).set_index("week").astype(float)
    if rows.empty:
        return rows.reindex(mondays)
    first = min(rows.index)
    filled = rows.reindex(mondays, fill_value=0.0)
    known = [week >= first and week + dt.timedelta(days=WEEK) <= as_of for week in mondays]
    return filled.where(pd.Series(known, index=mondays, dtype=bool), np.nan)


def are_few(period: pd.DataFrame) -> bool:
    """Whether so few bought in a period of :func:`period_sums` that its money would be single people's."""
    guests = period.index < 0
    buyers = int(period.loc[~guests, "customers"].sum() + period.loc[guests, "purchases"].sum())
    return buyers < SMALLEST_GROUP and bool((period[["gross", "returned"]] != 0).any(axis=None))


def period_sums(
    orders: ir.Table, *, before: tuple[dt.date, dt.date], after: tuple[dt.date, dt.date]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum up two periods by part of the customers, for what moved revenue between them.

    Parameters
    ----------
    orders
        As for :func:`weekly_sums`.
    before, after
        First and last day of each; they do not overlap.

    Returns
    -------
    two pandas.DataFrame
        A row a part (index; −1 for guests): ``customers`` (different ones with a purchase), ``purchases``,
        ``gross``, ``returned``, ``new_purchases`` and ``new_gross`` (of customers who bought for the first
        time in the period), ``back_purchases`` and ``back_gross`` (of those whose last purchase before it lay
        half a year or more before its first day).
    """
    ends = [
        dt.datetime.combine(day + dt.timedelta(days=k), dt.time())
        for p in (before, after)
        for k, day in enumerate(p)
    ]
    earlier = (orders.ordered_at >= ends[0]) & (orders.ordered_at < ends[1])
    later = (orders.ordered_at >= ends[2]) & (orders.ordered_at < ends[3])
    known = orders.filter(orders.customer_id.notnull(), is_purchase(orders))
    first = known.group_by("customer_id").aggregate(
        first_at=known.ordered_at.min(),
        last_before=known.ordered_at.max(where=known.ordered_at < ends[0]),
        last_between=known.ordered_at.max(where=known.ordered_at < ends[2]),
    )
    first = first.mutate(part=(ibis.row_number().over(order_by=first.customer_id) % PARTS).cast("int64"))
    seen = orders.mutate(period=ibis.cases((earlier, 0), (later, 1), else_=-1), bought=is_purchase(orders))
    seen = seen.filter(seen.period >= 0).left_join(first, "customer_id")
    starts = (seen.period == 0).ifelse(ibis.literal(ends[0]), ibis.literal(ends[2]))
    last = (seen.period == 0).ifelse(seen.last_before, seen.last_between)
    zero = ibis.literal(0).cast("decimal(18, 2)")
    rows = seen.select(
        "period",
        "amount",
        "bought",
        part=ibis.coalesce(seen.part, -1),
        buyer=seen.bought.ifelse(seen.customer_id, ibis.null("string")),
        new=(seen.bought & (seen.first_at >= starts)).fill_null(False),
        back=(seen.bought & (last < starts - ibis.interval(days=LAPSE_DAYS))).fill_null(False),
    )
    sums = (
        rows.group_by("period", "part")
        .aggregate(
            customers=rows.buyer.nunique(),
            purchases=rows.bought.cast("int64").sum(),
            gross=(rows.amount >= 0).ifelse(rows.amount, zero).sum().cast("decimal(38, 2)"),
            returned=(rows.amount >= 0).ifelse(zero, -rows.amount).sum().cast("decimal(38, 2)"),
            new_purchases=rows.new.cast("int64").sum(),
            new_gross=rows.new.ifelse(rows.amount, zero).sum().cast("decimal(38, 2)"),
            back_purchases=rows.back.cast("int64").sum(),
            back_gross=rows.back.ifelse(rows.amount, zero).sum().cast("decimal(38, 2)"),
        )
        .order_by("period", "part")
        .execute()
    )
    for name in ("gross", "returned", "new_gross", "back_gross"):
        sums[name] = sums[name].astype(float)
    by_period = [sums[sums["period"] == k].drop(columns="period").set_index("part") for k in (0, 1)]
    return by_period[0], by_period[1]


def category_sums(
    lines: ir.Table, products: ir.Table, *, before: tuple[dt.date, dt.date], after: tuple[dt.date, dt.date]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Money and number of sold lines by category in two periods, for what moved the money a line.

    Parameters
    ----------
    lines, products
        The canonical tables; lines of 0 or less (returns, coupons) are no sold lines.
    before, after
        First and last day of each.

    Returns
    -------
    two pandas.DataFrame
        A row a category (index; the same in both, an empty one is ``""``): ``of`` (lines) and ``total``.
    """
    frames = []
    kinds = products.select("product_id", "category").distinct(on="product_id")
    sold = lines.filter(lines.amount > 0).left_join(kinds, "product_id")
    for first, last in (before, after):
        start, end = (dt.datetime.combine(day, dt.time()) for day in (first, last + dt.timedelta(days=1)))
        rows = sold.filter(sold.ordered_at >= start, sold.ordered_at < end)
        sums = rows.group_by(category=rows.category.fill_null("")).aggregate(
            of=rows.count(), total=rows.amount.sum().cast("decimal(38, 2)")
        )
        frame = sums.order_by("category").execute().set_index("category").astype(float)
        frames.append(frame)
    index = sorted(set(frames[0].index) | set(frames[1].index))
    one, two = (frame.reindex(index, fill_value=0.0) for frame in frames)
    return one, two
