"""Tasks of :mod:`tasks` about points: what became of each, and what the open ones owe."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

__all__ = ["fates_ours", "owed_ours", "write_ledger"]

Timed = Callable[..., int]
LAST = dt.date(2025, 12, 31)

#: Ten rows a customer: eight purchases that earn, one spending, one expiry; no balance falls below 0.
_ROWS = """
    SELECT n // 10 AS c, n % 10 AS k, hash(n // 10) % 60 AS late,
        CASE WHEN k = 0 THEN 200 ELSE 50 + (hash(n // 10, n % 10) % 400)::BIGINT END AS earned,
        TIMESTAMP '2024-01-01' + to_days((k * 83 + late)::INTEGER)
            + to_seconds((hash(n) % 80_000)::INTEGER) AS made
    FROM range({rows}) AS t(n)"""
_POINTS = """
    SELECT 'c' || c AS customer_id,
        CASE WHEN k < 8 THEN made
            WHEN k = 8 THEN TIMESTAMP '2024-01-10' + to_days((83 * (3 + hash(c, 8) % 2) + late)::INTEGER)
            ELSE TIMESTAMP '2024-01-02' + to_days((83 * (1 - c % 2) + late + 366)::INTEGER)
        END AS occurred_at,
        CASE WHEN k < 8 THEN earned WHEN k = 8 THEN -333 WHEN c % 2 = 1 THEN -200
            ELSE -(50 + (hash(c, 1::BIGINT) % 400)::BIGINT) END::BIGINT AS points,
        CASE WHEN k < 8 THEN 'earned' WHEN k = 8 THEN 'spent' ELSE 'expired' END AS kind,
        CASE WHEN k < 8 THEN made + INTERVAL 366 DAY END AS expires_at,
        CASE WHEN k < 8 THEN 'o' || c || '-' || k END AS order_id
    FROM ({rows}) WHERE k <> 8 OR c % 2 = 0"""
_ORDERS = """
    SELECT 'o' || c || '-' || k AS order_id, 'c' || c AS customer_id, made AS ordered_at,
        (100 * earned)::DECIMAL(18, 2) AS amount, 1.0::DECIMAL(18, 3) AS quantity, true AS kept
    FROM ({rows}) WHERE k < 8"""


def write_ledger(folder: str, millions: float) -> None:
    """So many million rows of a tenth as many customers, and the orders that earned the points."""
    import duckdb

    rows = _ROWS.format(rows=int(millions * 1e6))
    with duckdb.connect(config={"memory_limit": "3GB", "threads": 2}) as con:
        con.execute("SET preserve_insertion_order = false")
        for name, query in (("points", _POINTS), ("orders", _ORDERS)):
            con.execute(f"COPY ({query.format(rows=rows)}) TO '{folder}/{name}.parquet' (FORMAT parquet)")


def fates_ours() -> Timed:
    """First in, first out: which taking ended which points, and what is left."""
    from crm_utils.engine import connect, keep
    from crm_utils.methods.loyalty import fates

    def run(folder: str) -> int:
        pieces = keep(fates(connect().read_parquet(f"{folder}/points.parquet")))
        return int(pieces.count().to_pyarrow().as_py())

    return run


def owed_ours() -> Timed:
    """The ledger checked and counted, the open points priced by silence and age, and eight looks back."""
    from crm_utils.engine import connect
    from crm_utils.methods.loyalty import count_points

    def run(folder: str) -> int:
        con = connect()
        points, orders = (con.read_parquet(f"{folder}/{name}.parquet") for name in ("points", "orders"))
        owed = count_points(points, orders, as_of=LAST, point_value=1.0)
        assert owed.liability is not None
        return int(owed.liability.outstanding)

    return run
