"""Behind how many customers' points is a number? So that none that speaks of fewer than five is shown."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.statistics import SMALLEST_GROUP, hide_small
from crm_utils.methods.loyalty.redemption import QUARTER

__all__ = ["FATES", "flow_customers", "hidden_strata", "merged_quarters", "open_customers", "shown_totals"]

FATES = ("issued", "spent", "expired", "cancelled")
ALL = -1
"""In place of a quarter, a silence or an age: all of them."""


def open_customers(rows: ir.Table) -> ir.Table:
    """Count whose points were open, and who has spent some since.

    Parameters
    ----------
    rows
        As :func:`.standing.standing` gives them.

    Returns
    -------
    ibis.expr.types.Table
        ``back``, ``silence``, ``age``, ``customers``, ``spenders``. Each day looked back from, all strata
        together (-1); today's silences, all ages together; and today's strata.
    """
    today = rows.filter(rows.back == 0)
    every = ibis.literal(ALL).cast("int64")
    parts = [rows.mutate(silence=every, age=every), today.mutate(age=every), today]
    counts = [
        part.group_by("back", "silence", "age").aggregate(
            customers=part.customer_id.nunique(),
            spenders=part.customer_id.nunique(where=part.fate == "spent"),
        )
        for part in parts
    ]
    return counts[0].union(*counts[1:]).order_by("back", "silence", "age")


def flow_customers(pieces: ir.Table, *, as_of: dt.date) -> ir.Table:
    """Count whose points came in and went: by quarters before today (-1: in all).

    Returns
    -------
    ibis.expr.types.Table
        ``quarter`` (0 for the last thirteen weeks), and customers by fate: ``issued``, ``spent``,
        ``expired``, ``cancelled``.
    """
    came = pieces.select("customer_id", day=pieces.issued_at.cast("date"), fate=ibis.literal("issued"))
    gone = pieces.filter(pieces.ended_at.notnull())
    both = came.union(gone.select("customer_id", day=gone.ended_at.cast("date"), fate="fate"))
    weeks = ibis.date(str(as_of)).delta(both.day, unit="day") // 7
    each = both.mutate(quarter=(weeks // QUARTER).cast("int64"))
    rows = each.union(each.mutate(quarter=ibis.literal(ALL).cast("int64")))
    named = {name: rows.customer_id.nunique(where=rows.fate == name) for name in FATES}
    return rows.group_by("quarter").aggregate(**named).order_by("quarter")


def shown_totals(facts: dict[str, int], customers: pd.DataFrame) -> dict[str, int]:
    """Points that came in and went, without those of one to four customers and what would give these away.

    Parameters
    ----------
    facts
        Points by fate.
    customers
        As :func:`flow_customers` gives them.
    """
    row = customers[customers["quarter"] == ALL]
    counts = [int(row[name].iloc[0]) if len(row) else 0 for name in FATES]
    table = pd.DataFrame({"points": [facts[name] for name in FATES], "customers": counts}, index=FATES)
    shown = hide_small(table)["points"].dropna()
    return {str(name): int(value) for name, value in shown.items()}


def merged_quarters(customers: pd.DataFrame) -> dict[int, int]:
    """Which quarters are shown as one: until of every fate either nobody or five customers are in it.

    Parameters
    ----------
    customers
        As :func:`flow_customers` gives them.

    Returns
    -------
    dict
        The latest quarter that each is shown with, from the oldest on. A customer of two quarters counts in
        one only, so that more may be merged than has to be.
    """
    rows = customers[customers["quarter"] != ALL].sort_values("quarter", ascending=False)
    runs: list[list[int]] = []
    seen = dict.fromkeys(FATES, 0)
    closed = True
    for row in rows.to_dict("records"):
        if closed:
            runs.append([])
            seen = dict.fromkeys(FATES, 0)
        runs[-1].append(int(row["quarter"]))
        seen = {name: max(seen[name], int(row[name])) for name in FATES}
        closed = all(n == 0 or n >= SMALLEST_GROUP for n in seen.values())
    if not closed and len(runs) > 1:
        last = runs.pop()
        runs[-1] += last
    return {quarter: min(run) for run in runs for quarter in run}


def hidden_strata(customers: pd.DataFrame) -> tuple[set[int], set[tuple[int, int]]]:
    """Silences and strata of today that are not shown: under five customers, or what gives these away.

    Parameters
    ----------
    customers
        As :func:`open_customers` gives them.

    Returns
    -------
    tuple
        Silences, and (silence, age); all strata of a silence that is not shown are not shown either.
    """
    today = customers[(customers["back"] == 0) & (customers["silence"] != ALL)]
    totals = today[today["age"] == ALL].reset_index(drop=True)
    gone = hide_small(totals[["customers"]])["customers"].isna()
    silences = {int(each) for each in totals["silence"][gone]}
    strata: set[tuple[int, int]] = set()
    for silence in sorted(set(totals["silence"].astype(int))):
        part = today[(today["age"] != ALL) & (today["silence"] == silence)].reset_index(drop=True)
        small = hide_small(part[["customers"]])["customers"].isna() | (silence in silences)
        strata |= {(silence, int(age)) for age in part["age"][small]}
    return silences, strata
