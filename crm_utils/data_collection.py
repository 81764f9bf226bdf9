"""Can these data be trusted? Volumes over time, gaps, completeness and coverage of the loaded tables.

Reductions take canonical tables (Ibis) and give small ones; nothing here changes or drops a row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.errors import DataError
from crm_utils.features import purchase_days
from crm_utils.tables import MONEY, TABLES

__all__ = [
    "completeness",
    "control_totals",
    "coverage",
    "customer_view",
    "first_seen",
    "timeliness",
    "unusual_days",
    "volume_by",
]

_GRAINS = {"day", "hour", "weekday_hour", "channel"}


def volume_by(orders: ir.Table, grain: str) -> ir.Table:
    """Orders, customers and revenue by day, by hour, by weekday and hour, or by channel.

    Parameters
    ----------
    orders
        The view ``orders``.
    grain
        ``day`` (columns: day), ``hour`` (hour, 0–23), ``weekday_hour`` (weekday, 0 = Monday; hour) or
        ``channel`` (channel).

    Returns
    -------
    ibis Table
        The columns of the grain, then orders, customers (distinct, guests left out), revenue (money),
        ordered by the grain.

    Raises
    ------
    DataError
        There is no such grain.
    """
    at = orders.ordered_at
    keys = {
        "day": {"day": at.date()},
        "hour": {"hour": at.hour()},
        "weekday_hour": {"weekday": at.day_of_week.index(), "hour": at.hour()},
        "channel": {"channel": orders.channel},
    }
    if grain not in keys:
        raise DataError(f"No grain '{grain}'. There are: {', '.join(sorted(_GRAINS))}.")
    grouped = orders.mutate(**keys[grain]).group_by(list(keys[grain]))
    return grouped.agg(
        orders=lambda t: t.count(),
        customers=lambda t: t.customer_id.nunique(),
        revenue=lambda t: t.amount.sum().cast(MONEY),
    ).order_by(list(keys[grain]))


def unusual_days(days: pd.DataFrame, *, first: dt.date, last: dt.date, cut: float = 5.0) -> pd.DataFrame:
    """Days without any order where there usually are some, and days far from what their weekday brings.

    Parameters
    ----------
    days
        A row a day: day (date), orders (count).
    first, last
        The period that should be covered; a day without a row had no order.
    cut
        How many robust standard deviations count as far.

    Returns
    -------
    DataFrame
        day, orders, usual (median of the weekday), distance (robust standard deviations), in time order.

    Notes
    -----
    On the log scale, log(1 + orders), a day is compared with the median of its weekday; the spread is
    1.4826 × the median absolute deviation over all days (Rousseeuw and Croux, 1993), so that the odd days
    do not hide each other. A weekday whose median is 0 is one on which the shop is closed: no order is no gap
    then, and a day with some is far. With a strong trend or season every day of a high season is far: read it
    then as a list of days to look at, no more.
    """
    index = pd.date_range(first, last, freq="D")
    orders = days.set_index(pd.to_datetime(days["day"]))["orders"].reindex(index, fill_value=0)
    level = np.log1p(orders)
    usual = level.groupby(index.day_of_week).transform("median")
    residual = level - usual
    spread = 1.4826 * float(np.median(np.abs(residual - np.median(residual))))
    distance = residual / spread if spread > 0 else residual.where(residual == 0, np.inf * np.sign(residual))
    found = pd.DataFrame(
        {
            "day": index.date,
            "orders": orders.to_numpy(),
            "usual": np.expm1(usual).to_numpy(),
            "distance": distance.to_numpy(),
        }
    )
    missing = (found["orders"] == 0) & (found["usual"] > 0)
    return found[missing | (found["distance"].abs() > cut)].reset_index(drop=True)


def completeness(table: ir.Table) -> pd.DataFrame:
    """How full each column is, and what it ranges over: one scan, no customer's row shown.

    Parameters
    ----------
    table
        Any table.

    Returns
    -------
    DataFrame
        column, type, rows, filled (count), filled_share, smallest, largest (numbers and times only; text is
        left out, it could name a person).
    """
    aggregates, types = {}, dict(table.schema().items())
    for name, kind in types.items():
        aggregates[f"{name}|filled"] = table[name].count()
        if kind.is_numeric() or kind.is_temporal():
            aggregates[f"{name}|smallest"] = table[name].min()
            aggregates[f"{name}|largest"] = table[name].max()
    row = table.aggregate(rows=table.count(), **aggregates).to_pyarrow().to_pylist()[0]
    rows = int(row["rows"])
    return pd.DataFrame(
        {
            "column": list(types),
            "type": [str(kind).replace("('", "(").replace("')", ")") for kind in types.values()],
            "rows": rows,
            "filled": [int(row[f"{name}|filled"]) for name in types],
            "filled_share": [row[f"{name}|filled"] / rows if rows else np.nan for name in types],
            "smallest": [_shown(row.get(f"{name}|smallest")) for name in types],
            "largest": [_shown(row.get(f"{name}|largest")) for name in types],
        }
    )


def control_totals(order_lines: ir.Table) -> pd.Series:
    """What an accountant would compare: rows, orders, customers, products, stores, revenue, discount.

    Orders and revenue hold everything that was ordered or brought back, by whomever: returns and guests too.

    Parameters
    ----------
    order_lines
        The table ``order_lines``.

    Returns
    -------
    Series
        lines, orders, guest_orders, customers, products, stores (counts, exact), revenue, discount (money,
        exact decimals), first_ordered_at, last_ordered_at.
    """
    t = order_lines
    totals = t.aggregate(
        lines=t.count(),
        orders=t.order_id.nunique(),
        guest_orders=t.order_id.nunique(where=t.customer_id.isnull()),
        customers=t.customer_id.nunique(),
        products=t.product_id.nunique(),
        stores=t.store_id.nunique(),
        revenue=t.amount.sum().cast(MONEY),
        discount=t.discount.sum().cast(MONEY),
        first_ordered_at=t.ordered_at.min(),
        last_ordered_at=t.ordered_at.max(),
    )
    return pd.Series(totals.to_pyarrow().to_pylist()[0], dtype=object)


def coverage(tables: Mapping[str, ir.Table]) -> pd.DataFrame:
    """Which share of the ordering customers each table knows something about.

    Parameters
    ----------
    tables
        Canonical tables by name; ``order_lines`` among them. Tables without customer_id are left out.

    Returns
    -------
    DataFrame
        table, customers (distinct, in that table), ordering_customers (of these, with an order), share (of
        all ordering customers), revenue_share (their part of all revenue, guests' included).
    """
    lines = tables["order_lines"]
    spend = lines.filter(lines.customer_id.notnull()).group_by("customer_id").agg(revenue=lines.amount.sum())
    total = (
        lines.aggregate(n=lines.customer_id.nunique(), revenue=lines.amount.sum()).to_pyarrow().to_pylist()[0]
    )
    rows = []
    for name, table in tables.items():
        if "customer_id" not in table.columns:
            continue
        known = table.filter(table.customer_id.notnull()).select("customer_id").distinct()
        both = spend.semi_join(known, "customer_id")
        got = both.aggregate(n=both.count(), revenue=both.revenue.sum()).to_pyarrow().to_pylist()[0]
        rows.append(
            {
                "table": name,
                "customers": int(known.count().execute()),
                "ordering_customers": int(got["n"]),
                "share": got["n"] / total["n"] if total["n"] else np.nan,
                "revenue_share": float(got["revenue"] or 0) / float(total["revenue"])
                if total["revenue"]
                else np.nan,
            }
        )
    return pd.DataFrame(rows)


def customer_view(tables: Mapping[str, ir.Table]) -> ir.Table:
    """One row a customer: what every touchpoint together knows.

    Parameters
    ----------
    tables
        Canonical tables by name: ``order_lines``, and ``customers`` and ``messages`` where there are any.

    Returns
    -------
    ibis Table
        customer_id (everyone who stands in any of the tables), orders (count), revenue (money),
        first_ordered_at, last_ordered_at (null without an order), has_profile (stands in customers),
        messages, redeemed (counts).
    """
    lines = tables["order_lines"]
    bought = lines.filter(lines.customer_id.notnull()).group_by("customer_id")
    parts = [
        bought.agg(
            orders=lines.order_id.nunique(),
            revenue=lines.amount.sum().cast(MONEY),
            first_ordered_at=lines.ordered_at.min(),
            last_ordered_at=lines.ordered_at.max(),
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


def timeliness(tables: Mapping[str, ir.Table], *, as_of: dt.date) -> pd.DataFrame:
    """How old the newest row of each table is at ``as_of``.

    Parameters
    ----------
    tables
        Canonical tables by name, cut at ``as_of``.
    as_of
        The day looked back from.

    Returns
    -------
    DataFrame
        table, column (its time), first, last (days), age_days (days from the newest row to ``as_of``). A
        table whose time column is empty throughout is left out.
    """
    rows = []
    for name, table in tables.items():
        column = TABLES[name].cut
        moment = table[column].cast("date")
        ends = table.aggregate(first=moment.min(), last=moment.max()).to_pyarrow().to_pylist()[0]
        if ends["last"] is not None:
            age = (as_of - ends["last"]).days
            rows.append({"table": name, "column": column, **ends, "age_days": age})
    return pd.DataFrame(rows, columns=["table", "column", "first", "last", "age_days"])


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


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
