"""What became of every row that was read, and do the totals agree? To hold against the back office."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.statistics import Number
from crm_utils.tables import MONEY

__all__ = ["Rows", "control_totals", "joined_numbers", "late_numbers", "rows_of", "totals_numbers"]


@dataclass(frozen=True)
class Rows:
    """What became of every row that was read.

    Attributes
    ----------
    tables
        A row a table: ``table``, ``read``, ``loaded``, ``quarantined``, ``left_out``, ``lost`` (read less the
        others: unaccounted for).
    reasons
        ``table``, ``kind`` (quarantined, left_out), ``reason``, ``rows``.
    inputs
        ``name``, ``rows``, ``becomes``: the files.
    """

    tables: pd.DataFrame
    reasons: pd.DataFrame
    inputs: pd.DataFrame

    @property
    def lines(self) -> dict[str, int]:
        """The counts of ``order_lines``."""
        row = self.tables[self.tables["table"] == "order_lines"].iloc[0]
        return {name: int(row[name]) for name in self.tables.columns[1:]}

    @property
    def lost(self) -> int:
        """Rows of all tables that are unaccounted for."""
        return int(self.tables["lost"].sum())

    def numbers(self) -> list[Number]:
        """What a run records of them."""
        kinds = ("read", "loaded", "quarantined", "left_out")
        return [Number(f"order_lines.{kind}", self.lines[kind], "rows") for kind in kinds]


def rows_of(manifest: Mapping[str, Any]) -> Rows:
    """Count rows by what became of them, from a snapshot's manifest."""
    kinds = ["read", "loaded", "quarantined", "left_out"]
    tables = pd.DataFrame(manifest["tables"]).T.rename_axis("table").reset_index()[["table", *kinds]]
    tables = tables.astype(dict.fromkeys(kinds, int))
    tables["lost"] = tables["read"] - tables[kinds[1:]].sum(axis=1)
    reasons = [
        (name, kind, reason, n)
        for name, counts in manifest["tables"].items()
        for kind in kinds[2:]
        for reason, n in counts[f"{kind}_by_reason"].items()
    ]
    return Rows(
        tables,
        pd.DataFrame(reasons, columns=["table", "kind", "reason", "rows"]),
        pd.DataFrame(manifest["inputs"], columns=["name", "rows", "becomes"]),
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


def totals_numbers(totals: pd.Series, currency: str) -> list[Number]:
    """What a run records of :func:`control_totals`."""
    return [
        Number("orders", totals.orders, "orders"),
        Number("customers", totals.customers, "customers"),
        Number("revenue", totals.revenue, currency),
        Number("discount", totals.discount, currency),
    ]


def late_numbers(manifest: Mapping[str, Any]) -> list[Number]:
    """How many order lines came late since the load before; None at the first load."""
    late = manifest.get("late_arrivals")
    return [Number("order_lines.late", late["came"] if late else None, "rows")]


def joined_numbers(manifest: Mapping[str, Any]) -> list[Number]:
    """How many customers are known by more than one key; None where nobody was joined."""
    people = manifest.get("identity")
    several = sum(one["customers"] for one in people["merges"] if one["keys"] > 1) if people else None
    return [Number("customers.joined", several, "customers")]
