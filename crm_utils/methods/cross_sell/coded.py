"""Baskets by small integers: orders, items and customers are numbered once, for all that is asked of them.

A basket is one row with a list of its items: what lies together is then found within a row, without a join.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.engine import keep
from crm_utils.errors import StudyError
from crm_utils.features import at_random
from crm_utils.methods.cross_sell.parts import PARTS

__all__ = ["Coded", "code_baskets", "day_number", "period_of"]

MOST_LINES = 150_000_000
"""Lines whose orders are brought together at a time: the lists of 100 million take 2 GB."""

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Coded:
    """Baskets whose ids and names are integers; they stay in the engine, and are kept there.

    Attributes
    ----------
    orders
        A row an order: ``basket`` (its number), ``size`` (different items), ``day`` (see :func:`day_number`),
        ``customer`` (a guest's order is a customer of its own, numbered behind the known ones), ``part`` (of
        the customers, for intervals), ``codes`` (the list of its items).
    items, customers
        Names by number, in order; customers are the known ones. An item that lies in too large orders alone
        has a number too.
    too_large
        Orders that were left out for their size.
    """

    orders: ir.Table
    items: NDArray[np.object_]
    customers: NDArray[np.object_]
    too_large: int = 0

    @property
    def rows(self) -> ir.Table:
        """A row an item of an order: its ``item``, and what ``orders`` has of the order but the list."""
        orders = self.orders
        return orders.select("basket", "size", "day", "customer", "part", item=orders.codes.unnest())

    @property
    def purchase_days(self) -> ir.Table:
        """The different days on which each known customer bought an item: ``customer``, ``item``, ``day``."""
        known = self.orders.filter(self.orders.customer < len(self.customers))
        return known.select("customer", "day", item=known.codes.unnest()).distinct()

    def of_some(self, most: int, *, seed: int) -> Coded:
        """The baskets of about so many known customers, drawn at random; all of these where they are fewer.

        Numbers, items and names stay as they are.
        """
        if len(self.customers) <= most:
            return self
        drawn = np.flatnonzero(at_random(self.customers, seed=seed) < most / len(self.customers))
        chosen = ibis.memtable(pd.DataFrame({"customer": drawn.astype(np.int32)}))
        return replace(self, orders=keep(self.orders.semi_join(chosen, "customer")))


def code_baskets(baskets: ir.Table, *, most_items: int | None = None) -> Coded:
    """Number orders, customers and items, and put each customer into one of 50 parts.

    Parameters
    ----------
    baskets
        ``order_id``, ``item``, ``customer_id`` (null for a guest), ``ordered_on``. A row an item of an order,
        or several that say the same, as from :func:`.cross_sell.lines_of_baskets`.
    most_items
        Orders of more different items are left out whole: cutting them down would choose for the customer.
        None keeps all.

    Returns
    -------
    Coded

    Raises
    ------
    StudyError
        Fewer than two items would be left in the largest basket.

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
    if most_items is not None and most_items < 2:
        raise StudyError(f"most_items is {most_items}: a pair needs a basket of two items.")
    items = baskets.select("item").filter(baskets.item.notnull()).distinct()
    items = keep(items.mutate(code=ibis.row_number().over(order_by=items.item).cast("int32")))
    rows = baskets.inner_join(items, "item")
    # Lists that are being made cannot be put on disk: of a large shop's orders a part is made at a time.
    slices = 1 + _count(rows) // MOST_LINES
    if slices == 1:
        orders = keep(_lists(rows))
    else:
        drawn = (rows.order_id.hash() % slices + slices) % slices  # of one sign on every engine
        orders = ibis.union(*(keep(_lists(rows.filter(drawn == k))) for k in range(slices)))
    fitting = orders if most_items is None else orders.filter(orders["size"] <= most_items)
    owners = keep(_owners(fitting))
    numbered = _with_owner(fitting).inner_join(owners, "owner")
    numbered = numbered.mutate(basket=ibis.row_number(), part=numbered.customer % PARTS)
    numbers = {name: numbered[name].cast("int32") for name in ("basket", "size", "day", "customer", "part")}
    # Kept once: numbered anew, the two sides of a join would be other orders.
    coded = keep(numbered.select(**numbers, codes="codes"))
    too_large = 0 if most_items is None else _count(orders) - _count(coded)
    customers = _names(owners.filter(owners.known), "owner", by="customer")
    return Coded(coded, _names(items, "item", by="code"), customers, too_large)


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


def _lists(rows: ir.Table) -> ir.Table:
    """A row an order with the list of its items, and how many there are."""
    orders = rows.group_by("order_id").aggregate(
        customer_id=rows.customer_id.max(),
        day=rows.ordered_on.min().epoch_days(),
        codes=rows.code.collect().unique(),
    )
    return orders.mutate(size=orders.codes.length())


def _with_owner(orders: ir.Table) -> ir.Table:
    guest = ibis.literal("guest ") + orders.order_id.cast("string")
    return orders.mutate(owner=ibis.coalesce(orders.customer_id, guest))


def _owners(orders: ir.Table) -> ir.Table:
    """Whose the orders are, numbered, the known customers first: ``owner``, ``known``, ``customer``."""
    owned = _with_owner(orders)
    owners = owned.select("owner", known=owned.customer_id.notnull()).distinct()
    by = [ibis.desc(owners.known), owners.owner]
    return owners.mutate(customer=ibis.row_number().over(order_by=by))


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _names(table: ir.Table, name: str, *, by: str) -> NDArray[np.object_]:
    names = table.order_by(by).select(name).to_pyarrow()[name].to_pylist()
    return np.array(names, dtype=object)
