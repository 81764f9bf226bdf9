"""Who looked at what is cheaper, or back in stock? Moments that the shelf makes, for who cared before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

__all__ = ["back_in_stock", "price_drops"]

_LOOKED_WITHIN = dt.timedelta(days=30)
_LOOKS = 3
"""So many looks at a brand (or product) within that time before its price falls show an interest."""


def price_drops(
    share: float, tables: Mapping[str, ir.Table], *, first: dt.datetime, last: dt.datetime
) -> ir.Table:
    """Products whose latest price is lower by a share than the one before, for who looked at the brand.

    Parameters
    ----------
    share
        The least fall, 0.1 for a tenth.
    tables
        ``shelf`` and ``events``, and ``products`` where there are: a product without a brand stands for
        itself.
    first, last
        When the price fell: from, and before.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``anchor_at``, ``item``: a customer's latest. Who looked three times in the 30 days
        before.
    """
    shelf = tables["shelf"]
    prices = shelf.filter(shelf.price.notnull(), shelf.changed_at < last)
    own = ibis.window(group_by="product_id", order_by="changed_at")
    steps = prices.mutate(before=prices.price.lag().over(own), after=prices.price.lead().over(own))
    fallen = steps.filter(
        steps.after.isnull(),
        steps.price.cast("float64") <= steps.before.cast("float64") * (1 - share),
        steps.changed_at >= first,
    )
    named = _branded(fallen.select("product_id", anchor_at="changed_at"), tables)
    seen = _branded(_looks(tables["events"], first=first, last=last), tables)
    pairs = seen.select("customer_id", "occurred_at", "brand").inner_join(
        named.select("anchor_at", "brand", item="product_id"), "brand"
    )
    return _latest(_near(pairs), least=_LOOKS)


def _branded(rows: ir.Table, tables: Mapping[str, ir.Table]) -> ir.Table:
    """Rows of products with their brand, or the product where it has none."""
    products = tables.get("products")
    if products is None or "brand" not in products.columns:
        return rows.mutate(brand=rows.product_id)
    of = products.filter(products.brand.notnull()).select(_product="product_id", brand="brand")
    return rows.left_join(of, rows.product_id == of._product).mutate(
        brand=ibis.coalesce(ibis._.brand, ibis._.product_id)
    )


def back_in_stock(tables: Mapping[str, ir.Table], *, first: dt.datetime, last: dt.datetime) -> ir.Table:
    """Products that are there again, for who looked at them in the 30 days before.

    Parameters
    ----------
    tables
        ``shelf`` and ``events``.
    first, last
        When they came back: from, and before.

    Returns
    -------
    ibis.expr.types.Table
        As :func:`price_drops`; what is gone again is not told of.
    """
    shelf = tables["shelf"]
    stocks = shelf.filter(shelf.stock.notnull(), shelf.changed_at < last)
    own = ibis.window(group_by="product_id", order_by="changed_at")
    steps = stocks.mutate(before=stocks.stock.lag().over(own))
    now = stocks.group_by("product_id").aggregate(now=stocks.stock.argmax(stocks.changed_at))
    came = steps.filter(steps.before <= 0, steps.stock > 0, steps.changed_at >= first)
    there = came.inner_join(now.filter(now.now > 0), "product_id")
    seen = _looks(tables["events"], first=first, last=last)
    back = there.select("product_id", item="product_id", anchor_at="changed_at")
    pairs = seen.inner_join(back, "product_id")
    return _latest(_near(pairs), least=1)


def _looks(events: ir.Table, *, first: dt.datetime, last: dt.datetime) -> ir.Table:
    """What customers touched: a row a touch."""
    near = events.filter(
        events.customer_id.notnull(),
        events.product_id.notnull(),
        events.occurred_at >= first - _LOOKED_WITHIN,
        events.occurred_at < last,
    )
    return near.select("customer_id", "product_id", "occurred_at")


def _near(pairs: ir.Table) -> ir.Table:
    since = pairs.anchor_at - ibis.interval(days=_LOOKED_WITHIN.days)
    return pairs.filter(pairs.occurred_at >= since, pairs.occurred_at < pairs.anchor_at)


def _latest(pairs: ir.Table, *, least: int) -> ir.Table:
    """Each customer's latest such product, of those touched often enough."""
    each = pairs.group_by("customer_id", "anchor_at", "item").aggregate(looks=pairs.count())
    each = each.filter(each.looks >= least)
    newest = each.group_by("customer_id").aggregate(anchor_at=each.anchor_at.max())
    both = each.inner_join(newest, ["customer_id", "anchor_at"])
    return both.group_by("customer_id", "anchor_at").aggregate(item=both.item.min())
