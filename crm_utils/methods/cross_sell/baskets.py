"""What lies together in a basket? Order lines as (order, item), at the level that an offer is made at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import ibis.expr.types as ir

from crm_utils.engine import keep
from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.features import Cannot, Number
from crm_utils.tables import orders_sent_back

__all__ = [
    "LEVELS",
    "MOST_ITEMS",
    "BasketCounts",
    "basket_sizes",
    "baskets",
    "count_baskets",
    "level_there",
    "no_products",
]

LEVELS = ("category", "subcategory", "product")

MOST_ITEMS = 300
"""An order of more different items is a reseller's or an error; its pairs alone would be 45,000."""


def baskets(
    order_lines: ir.Table,
    products: ir.Table | None,
    *,
    level: str,
    leave_out: Collection[str] = (),
    most_items: int = MOST_ITEMS,
) -> ir.Table:
    """Reduce order lines to the different items of each order.

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
    most_items
        Orders of more different items are left out whole: cutting them down would choose for the customer.

    Returns
    -------
    ibis.expr.types.Table
        ``order_id``, ``item``, ``customer_id`` (null for a guest), ``ordered_on`` (day); one row an item of
        an order. Returns (an amount or a quantity below 0) and lines whose item has no name are left out.

    Raises
    ------
    StudyError
        There is no such level, or fewer than two items would be left in the largest basket.
    DataError
        The level needs ``products``, which the study lacks.

    Examples
    --------
    >>> import datetime as dt, ibis
    >>> noon = dt.datetime(2024, 1, 1, 12)
    >>> lines = ibis.memtable([
    ...     {"order_id": "1", "customer_id": "ann", "product_id": p, "ordered_at": noon, "quantity": 1,
    ...      "amount": 2} for p in ("milk", "milk", "bread")])
    >>> baskets(lines, None, level="product").order_by("item").item.to_pyarrow().to_pylist()
    ['bread', 'milk']
    """
    if most_items < 2:
        raise StudyError(f"most_items is {most_items}: a pair needs a basket of two items.")
    named = _named(order_lines, products, level=level, leave_out=leave_out)
    named = named.anti_join(_too_large(named, most_items), "order_id")
    return named.group_by("order_id", "item").aggregate(
        customer_id=named.customer_id.max(), ordered_on=named.ordered_at.min().cast("date")
    )


def basket_sizes(baskets: ir.Table) -> ir.Table:
    """How many different items each order holds: ``order_id``, ``size``."""
    return baskets.group_by("order_id").aggregate(size=baskets.count())


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


def count_baskets(
    order_lines: ir.Table,
    products: ir.Table | None,
    *,
    level: str,
    leave_out: Collection[str] = (),
    most_items: int = MOST_ITEMS,
) -> BasketCounts:
    """Count what :func:`baskets` keeps and leaves out; the arguments are the same."""
    named = _named(order_lines, products, level=level, leave_out=leave_out)
    # The items of an order are not counted, as baskets() does that: whether there are two is cheaper to see.
    orders = keep(
        named.group_by("order_id").aggregate(
            customer_id=named.customer_id.max(), pair=named.item.min() < named.item.max()
        )
    )
    too_large = _too_large(named, most_items)
    small = orders.anti_join(too_large, "order_id")
    counted = small.aggregate(
        baskets=small.count(), pairs=small.pair.cast("int64").sum(), customers=small.customer_id.nunique()
    )
    fitting = named.anti_join(too_large, "order_id")
    items = fitting.aggregate(items=fitting.item.nunique())
    whole = order_lines.aggregate(orders=order_lines.order_id.nunique())
    n = counted.cross_join(items).cross_join(whole).to_pyarrow().to_pylist()[0]
    n |= {"named": int(orders.count().to_pyarrow().as_py()), "pairs": n["pairs"] or 0}
    return BasketCounts(
        baskets=n["baskets"],
        items=n["items"],
        customers=n["customers"],
        pairs=n["pairs"],
        too_large=n["named"] - n["baskets"],
        without=n["orders"] - n["named"],
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


def _too_large(named: ir.Table, most_items: int) -> ir.Table:
    """Orders of more different items: ``order_id``. Only those of more lines are counted.

    Both are kept, and are few: in one query with what they are asked of, DuckDB would copy all lines.
    """
    lines = named.group_by("order_id").aggregate(lines=named.count())
    many = keep(lines.filter(lines.lines > most_items).select("order_id"))
    sizes = basket_sizes(named.semi_join(many, "order_id").select("order_id", "item").distinct())
    return keep(sizes.filter(sizes["size"] > most_items).select("order_id"))
