"""Who are the customers of each group? Attributes of those who gave them, and how many did."""

from __future__ import annotations

import ibis.expr.types as ir
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, Number, hide_small

__all__ = ["EVERYONE", "OTHERS", "attribute_shares", "coverage", "coverage_numbers"]

EVERYONE = "all customers"
OTHERS = "others"


def coverage_numbers(known: pd.DataFrame) -> list[Number]:
    """What a run records of :func:`coverage`: the share of all customers; nothing without a row."""
    return [
        Number("attributes.coverage", row["share"], "share", row["low"], row["high"])
        for row in known[-1:].to_dict("records")
    ]


def coverage(named: ir.Table, customers: ir.Table | None, *, column: str = "segment") -> pd.DataFrame:
    """Say of how many customers attributes are known, and how those differ in what they spend.

    Parameters
    ----------
    named
        ``customer_id``, ``column`` and ``revenue``, a row a customer.
    customers
        ``customer_id`` of those with attributes; None where the study has no such table: then no row.
    column
        The group.

    Returns
    -------
    pandas.DataFrame
        A row a group, and one for :data:`EVERYONE`: ``group``, ``customers``, ``covered``, ``share`` with its
        95 % Wilson interval ``low`` and ``high``, ``spend_covered`` and ``spend_others`` (mean revenue a
        customer, empty where fewer than five). Groups under five are hidden.

    Notes
    -----
    Where the two means differ, attributes were not given at random, and nothing found in the covered
    customers may be said of the others.
    """
    if customers is None:
        return pd.DataFrame(columns=["group", "customers", "covered", "share", "low", "high"])
    known = customers.select(known_id=customers.customer_id).distinct()
    both = named.left_join(known, named.customer_id == known.known_id)
    flagged = both.select(group=both[column], revenue=both.revenue, known=both.known_id.notnull())
    sums = flagged.group_by("group").aggregate(
        customers=flagged.count(),
        covered=flagged.known.cast("int64").sum(),
        money=flagged.revenue.sum().cast("float64"),
        money_covered=flagged.revenue.sum(where=flagged.known).fill_null(0).cast("float64"),
    )
    frame: pd.DataFrame = sums.to_pyarrow().to_pandas().sort_values("group", ignore_index=True)
    total = frame.drop(columns="group").sum().to_frame().T.assign(group=EVERYONE)
    frame = pd.concat([frame, total], ignore_index=True).astype({"customers": "int64", "covered": "int64"})
    low, high = proportion_confint(frame["covered"], frame["customers"], alpha=1 - LEVEL, method="wilson")
    others = frame["customers"] - frame["covered"]
    shown = frame.assign(
        share=frame["covered"] / frame["customers"].where(frame["customers"] > 0),
        low=low,
        high=high,
        spend_covered=frame["money_covered"] / frame["covered"].where(frame["covered"] >= SMALLEST_GROUP),
        spend_others=(frame["money"] - frame["money_covered"]) / others.where(others >= SMALLEST_GROUP),
    ).drop(columns=["money", "money_covered"])
    return pd.concat([hide_small(shown[:-1]), shown[-1:]], ignore_index=True)


def attribute_shares(
    named: ir.Table, customers: ir.Table | None, *, attribute: str, column: str = "segment"
) -> pd.DataFrame:
    """Split the covered customers of each group by an attribute.

    Parameters
    ----------
    named, customers, column
        As in :func:`coverage`.
    attribute
        A column of ``customers``; its empty values are left out. Empty: no row.

    Returns
    -------
    pandas.DataFrame
        ``group``, ``value``, ``customers`` and ``share`` of the group's covered customers. Values held by
        fewer than five are merged into :data:`OTHERS`, and left out when even those are fewer.
    """
    if customers is None or not attribute:
        return pd.DataFrame(columns=["group", "value", "customers", "share"])
    given = customers.filter(customers[attribute].notnull())
    given = given.select(known_id=given.customer_id, value=given[attribute].cast("string"))
    both = named.inner_join(given, named.customer_id == given.known_id)
    counts = both.group_by(group=both[column], value=both.value).aggregate(customers=both.count())
    frame: pd.DataFrame = counts.to_pyarrow().to_pandas()
    frame["value"] = frame["value"].where(frame["customers"] >= SMALLEST_GROUP, OTHERS)
    merged = frame.groupby(["group", "value"])["customers"].sum().reset_index()
    merged = merged[merged["customers"] >= SMALLEST_GROUP].reset_index(drop=True)
    return merged.assign(share=merged["customers"] / merged.groupby("group")["customers"].transform("sum"))
