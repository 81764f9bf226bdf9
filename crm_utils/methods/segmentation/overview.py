"""What is there, before any method? Control totals, the range of each measure, the size of each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, Number, hide_small
from crm_utils.methods.segmentation.validation import ForwardValidation

__all__ = ["Totals", "group_numbers", "group_sizes", "measure_ranges", "silent_numbers", "totals"]

QUANTILES = {"lowest": 0.01, "lower": 0.25, "middle": 0.5, "upper": 0.75, "highest": 0.99}
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
        Customers who kept nothing (returns alone, or every order sent back whole), who have no row, and
        their amount.
    repeat_rate, repeat_low, repeat_high
        Repeat purchase rate: customers with purchases on two days or more ÷ customers with at least one, with
        its 95 % Wilson interval. Two receipts of one day are not coming back. It grows with the length of the
        data.
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

    def numbers(self, currency: str) -> list[Number]:
        """What a run records of them."""
        rate = (self.repeat_rate, "share", self.repeat_low, self.repeat_high)
        return [
            Number("customers", self.customers, "customers"),
            Number("revenue", self.revenue, currency),
            Number("repeat_purchase_rate", *rate),
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
        repeat=(summary.order_days >= 2).cast("int64").sum(),
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
    low, high = proportion_confint(inside["repeat"], max(inside["n"], 1), alpha=1 - LEVEL, method="wilson")
    return Totals(
        inside["n"], inside["purchases"], inside["revenue"], guest["n"], guest["revenue"], other["n"],
        other["revenue"], inside["repeat"] / max(inside["n"], 1), float(low), float(high),
    )  # fmt: skip


def measure_ranges(summary: ir.Table, measures: Sequence[str]) -> pd.DataFrame:
    """Quantiles of each measure, a row each: never a customer, always a range.

    Returns
    -------
    pandas.DataFrame
        ``measure``, ``lowest`` (1 % quantile), ``lower`` (quarter), ``middle``, ``upper``, ``highest``
        (99 %); empty where fewer than five customers lie beyond it, or where the measure is unknown.
    """
    wanted = {
        f"{name}.{level}": summary[name].cast("float64").quantile(level)
        for name in measures
        for level in QUANTILES.values()
    }
    counts = {f"{name}.n": summary[name].count() for name in measures}
    row = summary.aggregate(**wanted, **counts).to_pyarrow().to_pylist()[0]
    beyond = {level: min(level, 1 - level) for level in QUANTILES.values()}
    rows = [
        [name, *(row[f"{name}.{level}"] if share * row[f"{name}.n"] >= SMALLEST_GROUP else None
                 for level, share in beyond.items())]
        for name in measures
    ]  # fmt: skip
    columns = list(QUANTILES)
    return pd.DataFrame(rows, columns=["measure", *columns]).astype(dict.fromkeys(columns, float))


def group_sizes(named: ir.Table, *, column: str, order: Sequence[str]) -> pd.DataFrame:
    """Count the customers and the money of each group; groups under five are hidden.

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
    sizes = frame.assign(
        share=frame["customers"] / max(frame["customers"].sum(), 1),
        revenue_share=frame["revenue"] / (frame["revenue"].sum() or 1.0),
    )[["group", "key", "customers", "share", "revenue", "revenue_share"]]
    return hide_small(sizes)


def group_numbers(sizes: pd.DataFrame, tested: pd.DataFrame, *, prefix: str) -> list[Number]:
    """Each group's size, revenue share, next-period rate and verdict as named results.

    Parameters
    ----------
    sizes
        From :func:`group_sizes`.
    tested
        What :class:`.validation.ForwardValidation` shows.
    prefix
        The first part of each name: ``segment.cant_lose.customers``.

    Returns
    -------
    list of Number
        Groups that the test did not see have neither rate nor verdict; numbers of groups under five are None.
    """
    keys = sizes.set_index("group")["key"]
    numbers = []
    for group in _plain(sizes):
        name = f"{prefix}.{group['key']}"
        size = None if group["customers"] is None else int(group["customers"])
        numbers.append(Number(f"{name}.customers", size, "customers"))
        numbers.append(Number(f"{name}.revenue_share", group["revenue_share"], "share"))
    for group in _plain(tested.assign(key=tested["group"].map(keys))):
        name = f"{prefix}.{group['key']}"
        rate = (group["rate"], "share", group["low"], group["high"])
        numbers.append(Number(f"{name}.next_period_rate", *rate))
        numbers.append(Number(f"{name}.verdict", group["verdict"]))
    return numbers


def silent_numbers(stages: pd.DataFrame, by_stage: ForwardValidation) -> list[Number]:
    """How many are silent beyond their rhythm but not lost, and what share of such customers buys anyway."""
    quiet = ["slipping", "dormant"]
    size = stages.loc[stages["group"].isin(quiet), "customers"].sum(skipna=False)
    known = not pd.isna(size) and (size == 0 or size >= SMALLEST_GROUP)
    back, low, high = by_stage.rate_of(quiet) or (None, None, None)
    return [
        Number("silent.customers", int(size) if known else None, "customers"),
        Number("silent.back_anyway", back, "share", low, high),
    ]


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is missing."""
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]
