"""What became of every point? Lots that are used up in the order in which they came in, by whole numbers.

Points added are laid end to end on a line from 0, a customer each, and so are points taken off. What a row
takes is then what lies between the same two numbers: first in, first out, by two cumulative sums and no
loop.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

__all__ = ["FATES", "OPENING", "fates", "lots"]

FATES = ("spent", "expired", "cancelled", "open")
"""What becomes of points: ``cancelled`` is any other row that takes some off, such as a returned order."""
OPENING = "opening"
"""Kind of rows that say what customers had before the ledger begins: issued nobody knows when."""


def lots(points: ir.Table, *, live_days: int = 0) -> ir.Table:
    """The lots: one row of points added each, with its place on the customer's line.

    Parameters
    ----------
    points
        The canonical table, cut at the day looked back from; rows of 0 points are left out.
    live_days
        Days until points end where a row does not say so; 0 where that is not known.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``lot`` (from 0, in the order in which they came in), ``kind``, ``issued_at``,
        ``expires_at``, ``points``, ``starts``, ``ends`` (on the line: points added before it, and with it).

    Examples
    --------
    >>> rows = {"customer_id": ["ann"] * 2, "occurred_at": ["2024-01-01", "2024-02-01"], "points": [30, 20],
    ...         "kind": ["earned"] * 2, "expires_at": [None, None]}
    >>> kinds = {"customer_id": "string", "occurred_at": "timestamp", "points": "int64", "kind": "string"}
    >>> table = ibis.memtable(rows, schema=kinds | {"expires_at": "timestamp"})
    >>> lots(table).order_by("lot").select("starts", "ends").to_pyarrow().to_pylist()
    [{'starts': 0, 'ends': 30}, {'starts': 30, 'ends': 50}]
    """
    rows = points.filter(points.points > 0)
    rows = rows.mutate(expires_at=_expiry(rows, live_days))
    line, place = _line(rows)
    rows = rows.mutate(ends=rows.points.sum().over(line).cast("int64"), lot=ibis.row_number().over(place))
    return rows.select(
        "customer_id", "lot", "kind", "expires_at", "points", "ends", issued_at="occurred_at",
        starts=rows.ends - rows.points,
    )  # fmt: skip


def fates(points: ir.Table, *, live_days: int = 0) -> ir.Table:
    """What became of the points of each lot: a row a lot and taking, and one for what is left.

    Parameters
    ----------
    points, live_days
        As for :func:`lots`.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``lot``, ``kind`` (of the lot), ``issued_at``, ``expires_at``, ``points`` (of this
        piece), ``fate`` (one of :data:`FATES`), ``ended_at`` (null while open). The pieces of a lot add up
        to it.

    Notes
    -----
    A lot's pieces up to a day are the same whatever comes after it, so a look back needs no second ledger.
    """
    every = lots(points, live_days=live_days)
    taken = points.filter(points.points < 0)
    taken = taken.mutate(amount=-taken.points, expires_at=_expiry(taken, 0))
    line, _place = _line(taken)
    taken = taken.mutate(until=taken.amount.sum().over(line).cast("int64"))
    named = (taken.kind == "spent").ifelse("spent", (taken.kind == "expired").ifelse("expired", "cancelled"))
    taken = taken.select(
        who="customer_id", since=taken.until - taken.amount, until="until", fate=named, ended_at="occurred_at"
    )
    both = every.inner_join(
        taken, [every.customer_id == taken.who, every.starts < taken.until, taken.since < every.ends]
    )
    piece = ibis.least(both.ends, both.until) - ibis.greatest(both.starts, both.since)
    columns = ["customer_id", "lot", "kind", "issued_at", "expires_at"]
    ended = both.select(*columns, "fate", "ended_at", points=piece)
    used = taken.group_by("who").aggregate(used=taken.until.max())
    left = every.left_join(used, every.customer_id == used.who)
    rest = ibis.least(left.points, left.ends - left.used.fill_null(0))
    still = left.select(
        *columns, fate=ibis.literal("open"), ended_at=ibis.null(points.occurred_at.type()), points=rest
    )
    return ended.union(still.filter(still.points > 0).select(*ended.columns))


def _expiry(rows: ir.Table, live_days: int) -> ir.Value:
    if not live_days:
        return rows.expires_at
    return rows.expires_at.coalesce(rows.occurred_at + ibis.interval(days=live_days))


def _line(rows: ir.Table) -> tuple[ir.WindowedExpr, ir.WindowedExpr]:
    """The order of rows: by time; rows alike in all of this can change places without a difference."""
    known = rows.expires_at.fill_null(ibis.timestamp("2999-12-31"))
    order = [rows.occurred_at, known, rows.kind, rows.points]
    return (
        ibis.cumulative_window(group_by="customer_id", order_by=order),
        ibis.window(group_by="customer_id", order_by=order),
    )
