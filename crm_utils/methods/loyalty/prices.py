"""How is a price shared between goods and the points that come with them? IFRS 15's relative prices."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis.expr.types as ir

from crm_utils.errors import DataError
from crm_utils.features import is_purchase

__all__ = ["Allocation", "Earning", "allocate_price", "earning", "recognised"]


@dataclass(frozen=True)
class Allocation:
    """A price shared by stand-alone prices.

    Attributes
    ----------
    goods, points
        What goes to either, money; together the price.
    stand_alone
        Stand-alone price of the points: points × chance of being spent × value, money.
    """

    goods: float
    points: float
    stand_alone: float


@dataclass(frozen=True)
class Earning:
    """What was sold and which points came with it, since a day.

    Attributes
    ----------
    sales
        Purchases that earned points, money.
    points
        Points that they earned.
    orders
        How many they were.
    """

    sales: float
    points: int
    orders: int


def allocate_price(sales: float, points: float, rate: float, value: float) -> Allocation:
    """Share what customers paid between goods and points, by their stand-alone prices.

    Parameters
    ----------
    sales
        What was paid; also the goods' stand-alone price, money.
    points
        Points that came with it.
    rate
        Share of them that will be spent, 0 to 1.
    value
        Money that one is worth when it is spent.

    Returns
    -------
    Allocation

    Raises
    ------
    DataError
        An argument is negative, or the rate is no share.

    Notes
    -----
    IFRS 15, paragraphs B42 and 74; its Illustrative Example 52 (IE267 to IE270) shares 100,000 so.

    Examples
    --------
    >>> shared = allocate_price(100_000, 10_000, 0.95, 1.0)
    >>> round(shared.goods), round(shared.points)
    (91324, 8676)
    """
    if min(sales, points, value) < 0 or not 0 <= rate <= 1:
        raise DataError(
            f"A price of {sales:,.2f} with {points:,.0f} points at a rate of {rate} and a value of {value} "
            "cannot be shared: sales, points and value are at least 0, and the rate is a share from 0 to 1."
        )
    own = points * rate * value
    to_points = sales * own / (sales + own) if sales + own else 0.0
    return Allocation(sales - to_points, to_points, own)


def recognised(allocated: float, spent: float, expected: float) -> float:
    """Revenue so far of what went to points: by points spent of those expected to be (IFRS 15, IE269, IE270).

    Examples
    --------
    >>> round(recognised(8_676, 4_500, 9_500))
    4110
    """
    return allocated * min(spent / expected, 1.0) if expected > 0 else 0.0


def earning(points: ir.Table, orders: ir.Table, *, since: dt.date) -> Earning:
    """Sum up sales that earned points, and the points, from a day on: by the order that a row names."""
    earned = points.filter(points.kind == "earned", points.points > 0, points.order_id.notnull())
    each = earned.group_by(earner="order_id").aggregate(points=earned.points.sum().cast("int64"))
    bought = orders.filter(is_purchase(orders), orders.ordered_at.cast("date") >= since)
    both = bought.inner_join(each, bought.order_id == each.earner)
    row = both.aggregate(
        sales=both.amount.sum().cast("decimal(38,2)"), points=both.points.sum(), orders=both.count()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    return Earning(float(row["sales"] or 0), int(row["points"] or 0), int(row["orders"]))
