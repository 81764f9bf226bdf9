"""What is known of each customer at an origin, and what came in the window after it? The panel.

A row a customer and origin, from a row a customer and day: features come from days up to the origin, the
outcome from the window after it. Spend is what the shop keeps, returns taken off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from crm_utils import engine
from crm_utils.features import at_random, is_purchase, known_orders

__all__ = ["MOST_ROWS", "in_batches", "value_frame", "value_panel"]

MOST_ROWS = 200_000
"""Rows that contenders learn from at most."""


def value_panel(
    orders: ir.Table, *, origins: Sequence[dt.date], as_of: dt.date, horizon_days: int
) -> ir.Table:
    """Make one row for each customer known at each origin.

    Parameters
    ----------
    orders
        ``customer_id`` (null for guests, who are left out), ``ordered_at``, ``amount`` (decimal; negative for
        a return).
    origins
        Days whose end is looked back from.
    as_of
        The last day known: later rows are ignored.
    horizon_days
        The window: spend in it is the outcome, and spend in the last two of it are features.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``origin``

        - ``x``, ``t_x``, ``T``: repeat purchases (order days less one); days from the first to the last, and
          to the origin
        - ``days``: order days; ``gross``, ``first_gross``: money of purchases, and of those of the first
          day; ``squares``: sum of the squares of what an order day brought
        - ``spend``, ``spend_last``, ``spend_before``: money less returns up to the origin, in the window
          before it, and in the one before that; ``orders_last``: order days in the window before it
        - ``gross_last``: money of purchases in the window before it, no return taken off
        - ``spend_ahead``, ``gross_ahead``, ``orders_ahead``: the same in the window after it; null where that
          is not over
    """
    seen = known_orders(orders, as_of=as_of)
    bought = is_purchase(seen)
    daily = seen.group_by(["customer_id", seen.ordered_at.cast("date").name("day")]).aggregate(
        net=seen.amount.sum().cast("decimal(38, 2)"),
        gross=seen.amount.sum(where=bought).cast("decimal(18, 2)"),
        bought=bought.cast("int64").max() > 0,
    )
    daily = engine.keep(daily)
    parts = [_at(daily, origin, as_of, horizon_days) for origin in origins]
    return ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _at(daily: ir.Table, origin: dt.date, as_of: dt.date, horizon_days: int) -> ir.Table:
    def day(windows: int) -> ir.DateScalar:
        moved = origin + windows * dt.timedelta(days=horizon_days)
        return ibis.date(moved.year, moved.month, moved.day)

    now, last, before, ahead = day(0), day(-1), day(-2), day(1)
    t = daily.filter(daily.day <= ahead)
    past, bought = t.day <= now, t.bought
    first = t.filter(past, bought).group_by("customer_id").aggregate(first_on=t.day.min())
    t = t.inner_join(first, "customer_id")
    t = t.drop([name for name in t.columns if name.endswith("_right")])
    past, bought, coming = t.day <= now, t.bought, t.day > now
    known = past & bought
    wide = t.gross.cast("decimal(38, 2)")
    inside = {"last": past & (t.day > last), "before": past & (t.day > before) & (t.day <= last)}
    per = t.group_by("customer_id").aggregate(
        first_on=t.first_on.min(),
        last_on=t.day.max(where=known),
        days=_count(known),
        gross=_money(t.gross, known),
        first_gross=_money(t.gross, known & (t.day == t.first_on)),
        # As wide as can be: ten million squared, to the cent, no longer fits 18 digits.
        squares=(wide * wide).sum(where=known).fill_null(0).cast("float64"),
        spend=_money(t.net, past),
        spend_last=_money(t.net, inside["last"]),
        spend_before=_money(t.net, inside["before"]),
        orders_last=_count(inside["last"] & bought),
        gross_last=_money(t.gross, inside["last"]),
        spend_ahead=_money(t.net, coming),
        gross_ahead=_money(t.gross, coming),
        orders_ahead=_count(coming & bought),
    )
    over = origin + dt.timedelta(days=horizon_days) <= as_of
    labels = {name: per[name] if over else ibis.null(per[name].type()) for name in _LABELS}
    return per.select(
        "customer_id",
        origin=now,
        x=(per.days - 1).cast("int64"),
        t_x=per.last_on.delta(per.first_on, unit="day").cast("int64"),
        T=now.delta(per.first_on, unit="day").cast("int64"),
        **{name: per[name] for name in _FEATURES},
        **labels,
    )


_FEATURES = (
    "days", "gross", "first_gross", "squares", "spend", "spend_last", "spend_before", "orders_last",
    "gross_last",
)  # fmt: skip
_LABELS = ("spend_ahead", "gross_ahead", "orders_ahead")


def _count(which: ir.BooleanColumn) -> ir.Value:
    return which.cast("int64").sum().cast("int64")


def _money(column: ir.Column, where: ir.BooleanColumn) -> ir.Value:
    return column.sum(where=where).fill_null(0).cast("decimal(38, 2)").cast("float64")


def value_frame(panel: ir.Table, *, most_rows: int = MOST_ROWS, seed: int = 0) -> pd.DataFrame:
    """Bring a panel into memory: all of it, or about ``most_rows`` rows of customers drawn at random.

    Returns
    -------
    pandas.DataFrame
        The panel's columns, ordered by origin and customer. A customer is drawn at all origins or at none.
    """
    rows = int(panel.count().to_pyarrow().as_py())
    if rows <= most_rows:
        table = panel.to_pyarrow()
    else:
        kept = []
        for part in in_batches(panel, size=200_000):
            chosen = at_random(part["customer_id"].to_numpy(), seed=seed) < most_rows / rows
            kept.append(part.filter(pa.array(np.asarray(chosen))))
        table = pa.concat_tables(kept)
    frame: pd.DataFrame = table.to_pandas()
    frame["origin"] = pd.to_datetime(frame["origin"]).dt.date
    return frame.sort_values(["origin", "customer_id"], ignore_index=True)


def in_batches(panel: ir.Table, *, size: int = 100_000) -> Iterator[pa.Table]:
    """The rows of a panel in batches, in the types that it promises (DuckDB sums integers to wider ones)."""
    schema = panel.schema().to_pyarrow()
    for batch in panel.to_pyarrow_batches(chunk_size=size):
        yield pa.Table.from_batches([batch]).cast(schema)
