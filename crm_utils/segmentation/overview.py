"""What is there, before any method? Control totals, the range of each measure, the size of each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

__all__ = ["Totals", "group_numbers", "group_sizes", "measure_ranges", "totals"]

QUANTILES = {
    "lowest 1 %": 0.01,
    "lower quarter": 0.25,
    "median": 0.5,
    "upper quarter": 0.75,
    "highest 1 %": 0.99,
}
"""No minimum and no maximum: those are one customer's."""


@dataclass(frozen=True)
class Totals:
    """Control totals: what the customers' rows hold, and what stays outside them.

    Attributes
    ----------
    customers, purchases, revenue
        Of the summary; revenue is net of returns.
    guest_orders, guest_revenue
        Orders without a customer, and their amount.
    returners, returners_revenue
        Customers with returns alone, who have no row, and their (negative) amount.
    repeat_rate, repeat_low, repeat_high
        Repeat purchase rate: customers with two purchases or more ÷ customers with at least one, with its
        95 % Wilson interval. It grows with the length of the data.
    """

    customers: int
    purchases: int
    revenue: float
    guest_orders: int
    guest_revenue: float
    returners: int
    returners_revenue: float
    repeat_rate: float
    repeat_low: float
    repeat_high: float

    def numbers(self, currency: str) -> list[dict[str, Any]]:
        """What a run records of them: arguments for ``run.record``."""
        rate = {"value": self.repeat_rate, "low": self.repeat_low, "high": self.repeat_high}
        return [
            {"name": "customers", "value": self.customers, "unit": "customers"},
            {"name": "revenue", "value": self.revenue, "unit": currency},
            {"name": "repeat_purchase_rate", **rate, "unit": "share"},
        ]


def totals(orders: ir.Table, summary: ir.Table) -> Totals:
    """Add up customers, purchases and revenue, and everything that has no row in the summary.

    Parameters
    ----------
    orders
        All orders behind the summary, guests and returns too.
    summary
        From :func:`crm_utils.features.customer_summary`.
    """
    own = summary.aggregate(
        n=summary.count(),
        purchases=summary.orders.sum(),
        revenue=summary.revenue.sum().cast("float64"),
        repeat=(summary.orders >= 2).cast("int64").sum(),
    )
    guests = orders.filter(orders.customer_id.isnull())
    outside = orders.filter(orders.customer_id.notnull()).anti_join(summary, "customer_id")
    inside, guest, other = (
        {k: v or 0 for k, v in table.to_pyarrow().to_pylist()[0].items()}
        for table in (
            own,
            guests.aggregate(n=guests.count(), revenue=guests.amount.sum().cast("float64")),
            outside.aggregate(n=outside.customer_id.nunique(), revenue=outside.amount.sum().cast("float64")),
        )
    )
    low, high = proportion_confint(inside["repeat"], max(inside["n"], 1), method="wilson")
    return Totals(
        inside["n"], inside["purchases"], inside["revenue"], guest["n"], guest["revenue"], other["n"],
        other["revenue"], inside["repeat"] / max(inside["n"], 1), float(low), float(high),
    )  # fmt: skip


def measure_ranges(summary: ir.Table, measures: Sequence[str]) -> pd.DataFrame:
    """Quantiles of each measure, a row each: never a customer, always a range."""
    wanted = {
        f"{name}.{level}": summary[name].cast("float64").quantile(level)
        for name in measures
        for level in QUANTILES.values()
    }
    found = summary.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    rows = [[name, *(found[f"{name}.{level}"] for level in QUANTILES.values())] for name in measures]
    return pd.DataFrame(rows, columns=["measure", *QUANTILES])


def group_sizes(named: ir.Table, *, column: str, order: Sequence[str]) -> pd.DataFrame:
    """Count the customers and the money of each group.

    Returns
    -------
    pandas.DataFrame
        ``group`` in the given order, ``key`` (the name as results are recorded: ``cant_lose``),
        ``customers``, ``share``, ``revenue``, ``revenue_share``. Groups without a customer are there with 0.
    """
    counts = named.group_by(group=named[column]).aggregate(
        customers=named.count(), revenue=named.revenue.sum().cast("float64")
    )
    frame: pd.DataFrame = counts.to_pyarrow().to_pandas().set_index("group").reindex(list(order)).fillna(0)
    frame = frame.astype({"customers": "int64"}).rename_axis("group").reset_index()
    frame.insert(1, "key", frame["group"].str.lower().str.replace("'", "").str.replace(" ", "_"))
    return frame.assign(
        share=frame["customers"] / max(frame["customers"].sum(), 1),
        revenue_share=frame["revenue"] / (frame["revenue"].sum() or 1.0),
    )[["group", "key", "customers", "share", "revenue", "revenue_share"]]


def group_numbers(sizes: pd.DataFrame, tested: pd.DataFrame, *, prefix: str) -> list[dict[str, Any]]:
    """Each group's size, revenue share, next-period rate and verdict as named results.

    Parameters
    ----------
    sizes
        From :func:`group_sizes`.
    tested
        The table of :func:`crm_utils.segmentation.validation.forward_validation`.
    prefix
        The first part of each name: ``segment.cant_lose.customers``.

    Returns
    -------
    list of dict
        Arguments for ``run.record``. Groups that the test did not see have neither rate nor verdict.
    """
    keys = sizes.set_index("group")["key"]
    rows = []
    for group in sizes.itertuples():
        name = f"{prefix}.{group.key}"
        rows.append({"name": f"{name}.customers", "value": group.customers, "unit": "customers"})
        rows.append({"name": f"{name}.revenue_share", "value": group.revenue_share, "unit": "share"})
    for group in tested.assign(key=tested["group"].map(keys)).itertuples():
        name = f"{prefix}.{group.key}"
        rate = {"value": group.rate, "unit": "share", "low": group.low, "high": group.high}
        rows.append({"name": f"{name}.next_period_rate", **rate})
        rows.append({"name": f"{name}.verdict", "value": group.verdict})
    return rows
