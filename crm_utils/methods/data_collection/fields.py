"""Which values are missing, which tables know the customers, and how fresh are they? Column by column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features.ranges import customers_ranges
from crm_utils.features.statistics import SMALLEST_GROUP, Number, hide_small
from crm_utils.tables import TABLES

__all__ = [
    "completeness",
    "completeness_of",
    "coverage",
    "coverage_numbers",
    "timeliness",
    "timeliness_numbers",
]


def completeness(table: ir.Table) -> pd.DataFrame:
    """How full each column is, and what it ranges over; no customer's row or value is shown.

    Parameters
    ----------
    table
        Any table.

    Returns
    -------
    DataFrame
        column, type, rows, filled (count), filled_share, smallest, largest (numbers and times only; text is
        left out, it could name a person). Numbers of customers range from where to where five of them have
        been.
    """
    aggregates, types = {}, dict(table.schema().items())
    of_customers = "customer_id" in types
    for name, kind in types.items():
        aggregates[f"{name}|filled"] = table[name].count()
        if kind.is_temporal() or (kind.is_numeric() and not of_customers):
            aggregates[f"{name}|smallest"] = table[name].min()
            aggregates[f"{name}|largest"] = table[name].max()
    row = table.aggregate(rows=table.count(), **aggregates).to_pyarrow().to_pylist()[0]
    numbers = [name for name, kind in types.items() if kind.is_numeric()] if of_customers else []
    row |= _ranges(table, numbers)
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


def completeness_of(tables: Mapping[str, ir.Table]) -> pd.DataFrame:
    """:func:`completeness` of several tables, with the column ``table``."""
    frames = [completeness(table).assign(table=name) for name, table in tables.items()]
    return pd.concat(frames, ignore_index=True)


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
        all ordering customers), revenue_share (their part of all revenue, guests' included). Numbers of fewer
        than five customers are hidden, and so is the revenue of all but fewer than five.
    """
    lines = tables["order_lines"]
    spend = lines.filter(lines.customer_id.notnull()).group_by("customer_id").agg(revenue=lines.amount.sum())
    total = (
        lines.aggregate(n=lines.customer_id.nunique(), revenue=lines.amount.sum()).to_pyarrow().to_pylist()[0]
    )
    rows: list[dict[str, Any]] = []
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
    frame = pd.DataFrame(rows)
    apart = _sizes_apart(frame["ordering_customers"], int(total["n"]))
    frame["revenue_share"] = frame["revenue_share"].where(apart)
    return hide_small(frame, customers="ordering_customers")


def coverage_numbers(known: pd.DataFrame) -> list[Number]:
    """What a run records of :func:`coverage`: the least share of any table; None without customers."""
    shares = known["share"].dropna()
    return [Number("coverage.least", float(shares.min()) if len(shares) else None, "share")]


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


def timeliness_numbers(fresh: pd.DataFrame) -> list[Number]:
    """What a run records of :func:`timeliness`."""
    age = fresh.set_index("table")["age_days"].get("order_lines")
    return [Number("order_lines.age_days", None if age is None else int(age), "days")]


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _ranges(table: ir.Table, numbers: list[str]) -> dict[str, object]:
    """By ``column|end``: from where to where five customers have been; nothing where too few have."""
    ranges = customers_ranges(table, numbers)
    ends = (
        {}
        if ranges is None
        else {(r["column"], r["end"]): r["value"] for r in ranges.to_pyarrow().to_pylist()}
    )
    shown: dict[str, object] = {}
    for name in numbers:
        smallest, largest = ends[name, "smallest"], ends[name, "largest"]
        if smallest is not None and largest is not None and smallest <= largest:
            kind = table[name].type()
            shown |= {
                f"{name}|smallest": _as_written(smallest, kind),
                f"{name}|largest": _as_written(largest, kind),
            }
    return shown


def _as_written(value: float, kind: Any) -> object:
    """A number with the places of its column; a whole one without."""
    if kind.is_floating():
        return value
    return f"{value:.{getattr(kind, 'scale', 0) or 0}f}"


def _sizes_apart(sizes: pd.Series, everybody: int) -> pd.Series:
    """Which groups differ from the next larger one by nobody, or by enough customers.

    What one table knows less what another does is what the customers bring whom only one of them knows.
    """
    last, apart = everybody, {}
    for index, size in sizes.sort_values(ascending=False, kind="stable").items():
        apart[index] = size == last or last - size >= SMALLEST_GROUP
        last = size if apart[index] else last
    return pd.Series(apart).reindex(sizes.index)
