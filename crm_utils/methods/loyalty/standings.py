"""What had customers done before each review of tiers, and what after? With the tier that they got."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import is_purchase

__all__ = ["MOST_CUSTOMERS", "Window", "sample_standings", "standings"]

MOST_CUSTOMERS = 200_000
"""Customers whose rows come home, drawn by a hash: with as many nothing here is unsure for want of more."""


@dataclass(frozen=True)
class Window:
    """A review: what counts is from ``starts`` to before ``day``, what comes after is to before ``ends``."""

    day: dt.date
    starts: dt.date
    ends: dt.date

    @property
    def earlier(self) -> dt.date:
        """The first day of a window as long as the one that counts, and before it."""
        return self.starts - (self.day - self.starts)


def standings(
    lines: ir.Table,
    orders: ir.Table,
    windows: Sequence[Window],
    *,
    metric: str = "spend",
    recorded: ir.Table | None = None,
) -> ir.Table:
    """Put before each review what a customer had done, and behind it what came.

    Parameters
    ----------
    lines, orders
        The canonical table and the view, cut at the day looked back from.
    windows
        The reviews.
    metric
        What counts: ``spend``, ``net`` or ``orders``, as in :data:`.tiers.METRICS`.
    recorded
        The canonical table ``tiers``; None where there are none.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``review`` (day), ``earlier`` and ``running`` (the metric in the window before and
        in the one that counts), ``after`` (money in the time after, returns taken off), ``orders``
        (purchases in it), ``tier_before``, ``tier`` (from the review on; both empty where tiers are not
        known). Customers who had a tier, or without tiers a purchase, before the review.
    """
    days = _days(lines, orders)
    both = _with_windows(days, windows)
    both = both.filter(both.day >= both.earliest, both.day < both.ends)
    counts, past = both[metric], both.day < both.review
    zero = ibis.literal(0).cast("decimal(38,2)")
    sums = both.group_by(who="customer_id", at="review").aggregate(
        earlier=counts.sum(where=both.day < both.starts).cast("decimal(38,2)"),
        running=counts.sum(where=past & (both.day >= both.starts)).cast("decimal(38,2)"),
        after=both.net.sum(where=~past).cast("decimal(38,2)"),
        orders=both.orders.sum(where=~past).cast("int64"),
    )
    people = _people(days, windows) if recorded is None else _tiered(recorded, windows)
    rows = people.left_join(sums, [people.customer_id == sums.who, people.review == sums.at])
    return rows.select(
        "customer_id", "review", "tier_before", "tier",
        **{name: rows[name].fill_null(zero) for name in ("earlier", "running", "after")},
        orders=rows.orders.fill_null(0),
    )  # fmt: skip


def sample_standings(rows: ir.Table, *, most: int = MOST_CUSTOMERS) -> pd.DataFrame:
    """Rows of at most so many customers, drawn by a hash of the id; numbers as floats."""
    ids = rows.select("customer_id").distinct()
    ids = ids.order_by([ids.customer_id.hexdigest("md5"), "customer_id"]).limit(most)
    frame: pd.DataFrame = rows.semi_join(ids, "customer_id").to_pyarrow().to_pandas()
    money = dict.fromkeys(("earlier", "running", "after"), float)
    frame = frame.astype(money | {"orders": float})
    return frame.sort_values(["review", "customer_id"]).reset_index(drop=True)


def _days(lines: ir.Table, orders: ir.Table) -> ir.Table:
    """A row a customer and day: money paid, money kept, purchases."""
    known = lines.filter(lines.customer_id.notnull())
    money = known.select(
        "customer_id", day=known.ordered_at.cast("date"),
        spend=ibis.greatest(known.amount, 0).cast("decimal(18,2)"),
        net=known.amount.cast("decimal(18,2)"), orders=ibis.literal(0).cast("int64"),
    )  # fmt: skip
    bought = orders.filter(orders.customer_id.notnull(), is_purchase(orders))
    nothing = ibis.literal(0).cast("decimal(18,2)")
    came = bought.select(
        "customer_id", day=bought.ordered_at.cast("date"), spend=nothing, net=nothing,
        orders=ibis.literal(1).cast("int64"),
    )  # fmt: skip
    both = money.union(came)
    return both.group_by("customer_id", "day").aggregate(
        spend=both.spend.sum().cast("decimal(38,2)"), net=both.net.sum().cast("decimal(38,2)"),
        orders=both.orders.sum().cast("int64"),
    )  # fmt: skip


def _with_windows(rows: ir.Table, windows: Sequence[Window]) -> ir.Table:
    """Each row once a review, with the review's days. No table in memory: Spark would not keep it."""
    rows = rows.mutate(_k=ibis.array([ibis.literal(k).cast("int64") for k in range(len(windows))]).unnest())

    def day_of(name: str) -> ir.DateValue:
        days = [(rows["_k"] == k, ibis.date(str(getattr(w, name)))) for k, w in enumerate(windows)]
        return ibis.cases(*days, else_=ibis.null("date"))

    named = {"review": "day", "earliest": "earlier", "starts": "starts", "ends": "ends"}
    return rows.mutate(**{name: day_of(field) for name, field in named.items()}).drop("_k")


def _people(days: ir.Table, windows: Sequence[Window]) -> ir.Table:
    first = days.filter(days.orders > 0).group_by("customer_id").aggregate(first=lambda t: t.day.min())
    both = _with_windows(first, windows)
    both = both.filter(both["first"] < both.review)
    return both.select("customer_id", "review", tier_before=ibis.literal(""), tier=ibis.literal(""))


def _tiered(recorded: ir.Table, windows: Sequence[Window]) -> ir.Table:
    """Who had a tier before the review, which, and which from then on."""
    both = _with_windows(recorded.select("customer_id", "tier", "since"), windows)
    both = both.mutate(day=both.since.cast("date"))
    both = both.filter(both.day <= both.review)
    latest = ibis.window(group_by=["customer_id", "review"], order_by=[both.since.desc(), both.tier])
    now = both.mutate(place=ibis.row_number().over(latest))
    now = now.filter(now.place == 0).select("customer_id", "review", tier="tier")
    past = both.filter(both.day < both.review)
    latest = ibis.window(group_by=["customer_id", "review"], order_by=[past.since.desc(), past.tier])
    old = past.mutate(place=ibis.row_number().over(latest))
    old = old.filter(old.place == 0).select("customer_id", "review", tier_before="tier")
    return old.inner_join(now, ["customer_id", "review"]).select(
        "customer_id", "review", "tier_before", "tier"
    )
