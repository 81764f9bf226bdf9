"""Baskets by small integers: orders, items and customers are numbered once, for all that is asked of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.engine import keep
from crm_utils.features import at_random
from crm_utils.methods.cross_sell.parts import PARTS

__all__ = ["Coded", "code_baskets", "day_number", "period_of"]

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Coded:
    """Baskets whose ids and names are integers; they stay in the engine, and are kept there.

    Attributes
    ----------
    rows
        A row an item of an order: ``basket``, ``size`` (different items of the order), ``day`` (see
        :func:`day_number`), ``customer`` (a guest's order is a customer of its own, numbered behind the
        known ones), ``part`` (of the customers, for intervals), ``item``.
    items, customers
        Names by number, in order; customers are the known ones.
    """

    rows: ir.Table
    items: NDArray[np.object_]
    customers: NDArray[np.object_]

    @cached_property
    def purchase_days(self) -> ir.Table:
        """The different days on which each known customer bought an item: ``customer``, ``item``, ``day``."""
        known = self.rows.filter(self.rows.customer < len(self.customers))
        return keep(known.select("customer", "item", "day").distinct())

    @property
    def named(self) -> ir.Table:
        """The baskets as they were, but for numbers in place of orders: ``order_id``, ``item``."""
        code = np.arange(len(self.items), dtype=np.int32)
        names = ibis.memtable(pd.DataFrame({"code": code, "name": self.items}))
        both = self.rows.select("basket", number="item").inner_join(names, [("number", "code")])
        return both.select(order_id="basket", item="name")

    def of_some(self, most: int, *, seed: int) -> Coded:
        """The baskets of about so many known customers, drawn at random; all of these where they are fewer.

        Numbers, items and names stay as they are.
        """
        if len(self.customers) <= most:
            return self
        drawn = np.flatnonzero(at_random(self.customers, seed=seed) < most / len(self.customers))
        chosen = ibis.memtable(pd.DataFrame({"customer": drawn.astype(np.int32)}))
        return Coded(keep(self.rows.semi_join(chosen, "customer")), self.items, self.customers)


def code_baskets(baskets: ir.Table) -> Coded:
    """Number orders, customers and items, and put each customer into one of 50 parts.

    Parameters
    ----------
    baskets
        ``order_id``, ``item``, ``customer_id`` (null for a guest), ``ordered_on``; one row an item of an
        order.

    Returns
    -------
    Coded

    Notes
    -----
    Customers are dealt out to the parts in turn, in the order of their ids, which says nothing about what
    they buy.

    Examples
    --------
    >>> import datetime as dt, ibis
    >>> rows = [{"order_id": "1", "item": name, "customer_id": "ann", "ordered_on": dt.date(2024, 1, 1)}
    ...         for name in ("milk", "bread")]
    >>> code_baskets(ibis.memtable(rows)).items.tolist()
    ['bread', 'milk']
    """
    orders = baskets.group_by("order_id").aggregate(
        customer_id=baskets.customer_id.max(), day=baskets.ordered_on.min().epoch_days(), size=baskets.count()
    )
    guest = ibis.literal("guest ") + orders.order_id.cast("string")
    orders = orders.mutate(owner=ibis.coalesce(orders.customer_id, guest), basket=ibis.row_number())
    owners = orders.select("owner", known=orders.customer_id.notnull()).distinct()
    by = [ibis.desc(owners.known), owners.owner]
    owners = keep(owners.mutate(customer=ibis.row_number().over(order_by=by)))
    items = baskets.select("item").distinct()
    items = keep(items.mutate(code=ibis.row_number().over(order_by=items.item)))
    rows = baskets.select("order_id", "item").inner_join(orders, "order_id").inner_join(owners, "owner")
    rows = rows.inner_join(items, "item").mutate(part=ibis._.customer % PARTS)
    numbers = {"basket": "basket", "size": "size", "day": "day", "customer": "customer", "part": "part"}
    # Kept once: numbered anew, the two sides of a join would be other orders.
    rows = rows.select(**{k: rows[name].cast("int32") for k, name in (numbers | {"item": "code"}).items()})
    return Coded(
        rows=keep(rows),
        items=_names(items, "item", by="code"),
        customers=_names(owners.filter(owners.known), "owner", by="customer"),
    )


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01: what ``Coded.rows`` has instead of a date.

    Examples
    --------
    >>> day_number(dt.date(1970, 1, 3))
    2
    """
    return (day - _EPOCH).days


def period_of(day: ir.IntegerColumn, bounds: Iterable[dt.date]) -> ir.IntegerColumn:
    """How many of the bounds lie before a day: a bound is the last day of its period."""
    before = [(day > day_number(bound)).cast("int32") for bound in bounds]
    return sum(before[1:], before[0]) if before else ibis.literal(0, "int32")


def _names(table: ir.Table, name: str, *, by: str) -> NDArray[np.object_]:
    names = table.order_by(by).select(name).to_pyarrow()[name].to_pylist()
    return np.array(names, dtype=object)
