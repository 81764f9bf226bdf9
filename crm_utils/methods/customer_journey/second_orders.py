"""How soon does the second order follow the first, and does the first one foretell it? Curves by group."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from crm_utils.features import NEW_DAYS, is_purchase
from crm_utils.features.statistics import Number
from crm_utils.features.survival import FEWEST, Survival, kaplan_meier

__all__ = ["GROUPS", "SecondOrders", "first_orders", "second_orders", "second_times"]

GROUPS = ("category", "channel", "acquisition")
"""By what customers are told apart: what their first order held, where they made it, how they were won."""


@dataclass(frozen=True)
class SecondOrders:
    """From the first to the second order.

    Attributes
    ----------
    whole
        The curve of all.
    by
        The curves of each of :data:`GROUPS` that has two groups of 30 customers.
    tests
        A row each: ``by``, ``groups``, ``chi2``, ``p``, ``q`` (share of such differences that would be
        chance).
    customers
        New customers who were followed.
    """

    whole: Survival
    by: dict[str, Survival]
    tests: pd.DataFrame
    customers: int

    @property
    def median(self) -> tuple[float, float, float]:
        """Days until half of the customers have ordered again, with the interval; missing if fewer have."""
        row = self.whole.groups.iloc[0]
        return float(row["median"]), float(row["low"]), float(row["high"])

    def within(self, days: int) -> tuple[float, float, float]:
        """The share who ordered again within so many days, with the ends of its band."""
        rows = self.whole.table[self.whole.table["days"] <= days]
        if not len(rows):
            return 0.0, 0.0, 0.0
        last = rows.iloc[-1]
        share = 1 - float(last["survival"])
        return share, min(share, 1 - float(last["high"])), max(share, 1 - float(last["low"]))

    def numbers(self) -> list[Number]:
        """What is recorded."""
        median, low, high = (None if np.isnan(value) else value for value in self.median)
        ends = (low, high) if median is not None else (None, None)
        return [
            Number("second_order.customers", self.customers, "customers"),
            Number("second_order.median", median, "days", *ends),
            Number("second_order.within_30_days", self.within(30)[0], "share", *self.within(30)[1:]),
            *(
                Number(f"second_order.{row['by']}.q", row["q"], "", p=row["p"])
                for row in self.tests.to_dict("records")
            ),
        ]


def first_orders(
    orders: ir.Table, *, lines: ir.Table | None = None, products: ir.Table | None = None,
    customers: ir.Table | None = None, history_starts: dt.date | None = None,
) -> ir.Table:  # fmt: skip
    """Each new customer's first order day, the day of the second, and the groups of the first.

    Parameters
    ----------
    orders
        Canonical.
    lines, products
        For ``category``: the one on which most of the first day's money went.
    customers
        For ``acquisition``.
    history_starts
        Customers first seen in the first 90 days after it may have ordered before, and are left out.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``first``, ``second`` (null where there is none; orders of one day are one), and
        :data:`GROUPS` (null where not known).
    """
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    bought = bought.mutate(day=bought.ordered_at.cast("date"))
    mine = ibis.window(group_by="customer_id")
    rows = bought.mutate(first=bought.day.min().over(mine))
    each = rows.group_by("customer_id").aggregate(
        first=rows.day.min(), second=rows.day.min(where=rows.day > rows["first"]),
        channel=rows.channel.min(where=rows.day == rows["first"]),
    )  # fmt: skip
    if history_starts is not None:
        each = each.filter(each["first"] >= ibis.date(str(history_starts + dt.timedelta(days=NEW_DAYS))))
    if lines is not None and products is not None and "category" in products.columns:
        each = _with(each, _first_categories(rows, lines, products), "category")
    if customers is not None and "acquisition_channel" in customers.columns:
        known = customers.select("customer_id", acquisition="acquisition_channel")
        each = _with(each, known, "acquisition")
    missing = {name: ibis.null("string") for name in GROUPS if name not in each.columns}
    return each.mutate(**missing).select("customer_id", "first", "second", *GROUPS)


def second_times(firsts: ir.Table, *, as_of: dt.date, by: str = "") -> ir.Table:
    """Count customers by the days until their second order.

    Parameters
    ----------
    firsts
        From :func:`first_orders`.
    as_of
        Who has no second order is watched until then.
    by
        One of :data:`GROUPS`; empty for all.

    Returns
    -------
    ibis.expr.types.Table
        ``group``, ``days``, ``event``, ``customers``; without those whose group is not known.
    """
    group = firsts[by] if by else ibis.literal("all")
    rows = firsts.mutate(group=group).filter(lambda t: t.group.notnull())
    until = ibis.coalesce(rows.second, ibis.date(str(as_of)))
    days = until.epoch_days() - rows["first"].epoch_days()
    rows = rows.select("group", days=days.cast("int64"), event=rows.second.notnull().cast("int64"))
    rows = rows.filter(rows.days > 0)
    return rows.group_by("group", "days", "event").aggregate(customers=rows.count())


def second_orders(firsts: ir.Table, *, as_of: dt.date, horizon_days: int = 182) -> SecondOrders | None:
    """Estimate the curves; None with fewer than 30 new customers.

    Parameters
    ----------
    firsts, as_of
        As for :func:`second_times`.
    horizon_days
        Nobody is followed for longer.

    Notes
    -----
    Log-rank tests; q by Y. Benjamini, Y. Hochberg, *JRSS* B 57, 1995, over the kinds of groups.
    """
    whole = _until(second_times(firsts, as_of=as_of), horizon_days)
    n = int(whole["customers"].sum()) if len(whole) else 0
    if n < FEWEST:
        return None
    curves, rows = {}, []
    for by in GROUPS:
        counts = _until(second_times(firsts, as_of=as_of, by=by), horizon_days)
        sizes = counts.groupby("group")["customers"].sum() if len(counts) else pd.Series(dtype=float)
        if (sizes >= FEWEST).sum() < 2:
            continue
        curve = kaplan_meier(counts)
        if curve.p_value is None:
            continue
        curves[by] = curve
        rows.append((by, len(curve.groups), curve.chi2, curve.p_value))
    tests = pd.DataFrame(rows, columns=["by", "groups", "chi2", "p"])
    tests["q"] = false_discovery_control(tests["p"]) if len(tests) else pd.Series(dtype=float)
    return SecondOrders(kaplan_meier(whole, fewest=1), curves, tests, n)


def _until(counts: ir.Table, horizon_days: int) -> pd.DataFrame:
    frame: pd.DataFrame = counts.order_by("group", "days", "event").to_pandas()
    late = frame["days"] > horizon_days
    frame["event"] = frame["event"].where(~late, 0)
    frame["days"] = frame["days"].clip(upper=horizon_days)
    summed = frame.groupby(["group", "days", "event"], as_index=False)[["customers"]].sum()
    return pd.DataFrame(summed)


def _first_categories(rows: ir.Table, lines: ir.Table, products: ir.Table) -> ir.Table:
    of_first = rows.filter(rows.day == rows["first"]).select("order_id", who="customer_id")
    shelf = products.select("product_id", "category")
    spent = lines.filter(lines.quantity > 0).inner_join(shelf, "product_id").inner_join(of_first, "order_id")
    sums = spent.group_by("who", "category").aggregate(money=spent.amount.sum().cast("decimal(38, 2)"))
    sums = sums.filter(sums.category.notnull())
    most = ibis.window(group_by="who", order_by=[sums.money.desc(), sums.category.asc()])
    ranked = sums.mutate(turn=ibis.row_number().over(most))
    return ranked.filter(ranked.turn == 0).select("category", customer_id="who")


def _with(rows: ir.Table, known: ir.Table, column: str) -> ir.Table:
    other = known.select(column, who="customer_id")
    return rows.left_join(other, rows.customer_id == other.who).drop("who")
