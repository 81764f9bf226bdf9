"""What was bought in which order? Order lines as (order, item), at the level that an offer is made at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import ibis.expr.types as ir

from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.features import Cannot, Number
from crm_utils.methods.cross_sell.coded import Coded
from crm_utils.tables import orders_sent_back

__all__ = [
    "LEVELS",
    "MOST_ITEMS",
    "BasketCounts",
    "count_baskets",
    "level_there",
    "lines_of_baskets",
    "no_products",
]

LEVELS = ("category", "subcategory", "product")

MOST_ITEMS = 300
"""An order of more different items is a reseller's or an error; its pairs alone would be 45,000."""


def lines_of_baskets(
    order_lines: ir.Table,
    products: ir.Table | None,
    *,
    level: str,
    leave_out: Collection[str] = (),
) -> ir.Table:
    """Reduce order lines to goods bought, as :func:`.cross_sell.code_baskets` takes them.

    Parameters
    ----------
    order_lines
        Canonical order lines, cut at the day that may be seen.
    products
        Canonical products; None is possible at level ``product`` only.
    level
        What an item is: a ``category``, a ``subcategory`` or a ``product`` (its name and id, where it has a
        name).
    leave_out
        Names of items, subcategories or categories that are no product: fuel, coupons, postage, fees.

    Returns
    -------
    ibis.expr.types.Table
        ``order_id``, ``item``, ``customer_id`` (null for a guest), ``ordered_on`` (day); a row a line, so an
        item of an order can be there twice. Returns (an amount or a quantity below 0) and lines whose item
        has no name are left out.

    Raises
    ------
    StudyError
        There is no such level.
    DataError
        The level needs ``products``, which the study lacks.

    Examples
    --------
    >>> import datetime as dt, ibis
    >>> noon = dt.datetime(2024, 1, 1, 12)
    >>> lines = ibis.memtable([
    ...     {"order_id": "1", "customer_id": "ann", "product_id": p, "ordered_at": noon, "quantity": 1,
    ...      "amount": 2} for p in ("milk", "milk", "bread")])
    >>> lines_of_baskets(lines, None, level="product").order_by("item").item.to_pyarrow().to_pylist()
    ['bread', 'milk', 'milk']
    """
    named = _named(order_lines, products, level=level, leave_out=leave_out)
    return named.select("order_id", "item", "customer_id", ordered_on=named.ordered_at.cast("date"))


def level_there(products: ir.Table | None, level: str) -> str:
    """The level asked for where products have it, else the other one, else ``product``: ids always exist.

    A table of products alone says nothing: many a shop's export names its products and puts them on no shelf.
    """
    if products is None or level not in ("category", "subcategory"):
        return "product" if products is None else level
    counts = products.aggregate(category=products.category.count(), subcategory=products.subcategory.count())
    filled = counts.to_pyarrow().to_pylist()[0]
    other = "category" if level == "subcategory" else "subcategory"
    return next((name for name in (level, other) if filled[name]), "product")


def no_products(written: str) -> tuple[str, ...]:
    """Read a study's list of what is no product: names between ``|``, because names hold commas.

    Examples
    --------
    >>> no_products("FUEL | COUPONS, STORE")
    ('FUEL', 'COUPONS, STORE')
    """
    return tuple(name.strip() for name in written.split("|") if name.strip())


@dataclass(frozen=True)
class BasketCounts:
    """How much of the orders is in the baskets, and what is not.

    Attributes
    ----------
    baskets, items, customers
        Orders with at least one item, different items, known customers.
    pairs
        Baskets of two items or more: only they can say what sells together.
    too_large, without
        Orders left out for their size, and orders with nothing but returns and what is no product.
    """

    baskets: int
    items: int
    customers: int
    pairs: int
    too_large: int
    without: int

    @property
    def cannot(self) -> Cannot | None:
        """Why there is nothing to look into: no order holds an item at this level."""
        return None if self.baskets else Cannot("cross_sell.no_baskets", {"orders": self.without})

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        return [Number("baskets", self.baskets, "orders"), Number("items", self.items, "items")]


def count_baskets(baskets: Coded, order_lines: ir.Table) -> BasketCounts:
    """Count what the baskets keep of the order lines that they were made of, and what they leave out."""
    orders, rows = baskets.orders, baskets.rows
    counted = orders.aggregate(
        baskets=orders.count(), pairs=(orders["size"] > 1).cast("int64").sum().fill_null(0)
    )
    items = rows.aggregate(items=rows.item.nunique())
    whole = order_lines.aggregate(orders=order_lines.order_id.nunique())
    n = counted.cross_join(items).cross_join(whole).to_pyarrow().to_pylist()[0]
    return BasketCounts(
        baskets=n["baskets"],
        items=n["items"],
        customers=len(baskets.customers),
        pairs=n["pairs"],
        too_large=baskets.too_large,
        without=n["orders"] - n["baskets"] - baskets.too_large,
    )


def _named(
    order_lines: ir.Table, products: ir.Table | None, *, level: str, leave_out: Collection[str]
) -> ir.Table:
    """Order lines that are goods bought, with their ``item``."""
    if level not in LEVELS:
        raise StudyError(f"There is no level '{level}'. {known_names(level, LEVELS, label='There are')}")
    if products is None and level != "product":
        raise DataError(f"Level '{level}' needs a table of products. Load one, or set level: product.")
    bought = order_lines.filter(order_lines.amount >= 0, order_lines.quantity >= 0)
    bought = bought.anti_join(orders_sent_back(order_lines), "order_id")
    bought = bought.select("order_id", "customer_id", "product_id", "ordered_at")
    called = level == "product" and products is not None and "name" in products.columns
    if products is not None:
        shelf = products.select("product_id", "category", "subcategory", *(["name"] if called else []))
        if (
            level != "product"
        ):  # what has no name there is no item: looked up among the products, not the lines
            shelf = _left_in(shelf.mutate(item=shelf[level]).filter(shelf[level].notnull()), leave_out)
            return bought.inner_join(shelf.select("product_id", "item"), "product_id").drop("product_id")
        bought = bought.left_join(shelf, "product_id").drop("product_id_right")
    bought = _left_in(bought.mutate(item=bought.product_id), leave_out)
    if called:  # what people call it, with the code by which the shop knows it
        label = bought["name"].strip() + " (" + bought.item + ")"
        named = bought["name"].notnull() & (bought["name"].strip() != "") & (bought["name"] != bought.item)
        bought = bought.mutate(item=named.ifelse(label, bought.item))
    return bought.filter(bought.item.notnull()).select("order_id", "customer_id", "item", "ordered_at")


def _left_in(rows: ir.Table, leave_out: Collection[str]) -> ir.Table:
    """Rows of whose item, category and subcategory none is to be left out."""
    for name in ("item", "category", "subcategory") if leave_out else ():
        if name in rows.columns:
            rows = rows.filter(rows[name].isnull() | rows[name].notin(sorted(leave_out)))
    return rows
