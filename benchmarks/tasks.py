"""One measurement, in a process of its own: ``python tasks.py TASK WARM ARGUMENT…`` prints seconds and rows.

Before the clock starts, libraries are imported and the task has run once on the small file WARM (none when
empty). Libraries are imported in the task that needs them, as peers live in an environment of their own.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import basket_tasks
import csv_tasks
import effect_tasks
import feedback_tasks
import journey_tasks
import ledger_tasks
import lifetime_tasks
import panel_tasks
import week_tasks
from frames import frame

DAY = "2017-12-31"

Timed = Callable[..., int]
"""What is measured, given paths; it returns how many rows came out."""


def summary_ours() -> Timed:
    """From Parquet to a data frame with 15 columns a customer, as a notebook does it."""
    import pandas as pd  # noqa: F401 Arrow imports it at the first frame

    from crm_utils import tables
    from crm_utils.engine import connect
    from crm_utils.features import customer_summary
    from crm_utils.tables import TABLES, AsOf

    def run(path: str) -> int:
        as_of = AsOf.parse(DAY)
        lines = tables.cut(connect().read_parquet(path), TABLES["order_lines"], as_of)
        summary = customer_summary(tables.orders(lines), as_of=as_of.day)
        return len(summary.to_pyarrow().to_pandas())

    return run


def summary_pandas() -> Timed:
    """The same columns but the three of the rhythm, in pandas."""
    import pandas as pd

    def run(path: str) -> int:
        lines = frame(path, ["order_id", "customer_id", "ordered_at", "amount"])
        end = pd.Timestamp(DAY)
        orders = lines.groupby("order_id").agg(
            customer_id=("customer_id", "max"), ordered_at=("ordered_at", "min"), amount=("amount", "sum")
        )
        orders["day"] = orders["ordered_at"].dt.normalize()
        orders = orders[orders["day"] <= end]
        bought = orders[orders["amount"] >= 0].groupby("customer_id")
        summary = bought.agg(first=("day", "min"), last=("day", "max"), orders=("day", "size"))
        summary["revenue"] = orders.groupby("customer_id")["amount"].sum()
        summary["recency_days"], summary["tenure_days"] = (
            (end - summary["last"]).dt.days,
            (end - summary["first"]).dt.days,
        )
        summary["mean_order_value"] = summary["revenue"] / summary["orders"]
        days = orders.loc[orders["amount"] >= 0, ["customer_id", "day"]].drop_duplicates()
        days = days.sort_values(["customer_id", "day"])
        days["gap"] = days.groupby("customer_id")["day"].diff().dt.days
        gaps = days.groupby("customer_id")["gap"].agg(["size", "mean", "std", "last"])
        gaps.columns = ["order_days", "mean_gap_days", "gap_spread_days", "last_gap_days"]
        return len(summary.join(gaps))

    return run


def summary_lifetimes() -> Timed:
    """Frequency, recency, T and mean value by lifetimes."""
    from lifetimes.utils import summary_data_from_transaction_data

    def run(path: str) -> int:
        lines = frame(path, ["customer_id", "ordered_at", "amount"])
        return len(
            summary_data_from_transaction_data(
                lines, "customer_id", "ordered_at", "amount", observation_period_end=DAY
            )
        )

    return run


def scores_ours() -> Timed:
    """The customer summary with scores r, f and m, as a data frame."""
    import pandas as pd  # noqa: F401

    from crm_utils import tables
    from crm_utils.engine import connect
    from crm_utils.features import customer_summary
    from crm_utils.methods.segmentation import rfm_cuts, rfm_score
    from crm_utils.tables import TABLES, AsOf

    def run(path: str) -> int:
        as_of = AsOf.parse(DAY)
        lines = tables.cut(connect().read_parquet(path), TABLES["order_lines"], as_of)
        summary = customer_summary(tables.orders(lines), as_of=as_of.day).cache()
        return len(rfm_score(summary, rfm_cuts(summary, as_of=as_of.day)).to_pyarrow().to_pandas())

    return run


def scores_openretailscience() -> Timed:
    """Recency, frequency, monetary value and their scores by openretailscience, which runs on DuckDB too."""

    import ibis
    from openretailscience.segmentation.rfm import RFMSegmentation

    def run(path: str) -> int:
        t = ibis.duckdb.connect(threads=2, memory_limit="3GB").read_parquet(path)
        lines = t.select(
            "customer_id",
            transaction_id=t.order_id,
            transaction_date=t.ordered_at.date(),
            unit_spend=t.amount,
        )
        return len(RFMSegmentation(lines, current_date=dt.date.fromisoformat(DAY)).df)

    return run


def load_ours() -> Timed:
    """A snapshot: hashed inputs, contract checked row by row, oddities counted, manifest."""
    from crm_utils import loading
    from crm_utils.study import read_study

    def run(source: str, root: str) -> int:
        studies = Path(root) / "studies"
        studies.mkdir(parents=True)
        (studies / "grown.yaml").write_text(
            f"title: Grown\nsource: {{kind: complete_journey, folder: {source}}}\n"
            f"timezone: America/New_York\ncurrency: USD\nas_of: {DAY}\nhistory_starts: 2017-01-01\n",
            encoding="utf-8",
        )
        snapshot, _ = loading.load(Path(root), read_study(Path(root), "grown"))
        return int(snapshot.manifest["tables"]["order_lines"]["loaded"])

    return run


def load_bare() -> Timed:
    """The largest table alone, from Parquet to Parquet with the same types, and not a question asked."""
    import duckdb
    from grow import ORDER_LINES

    def run(source: str, root: str) -> int:
        query = ORDER_LINES.format(transactions=f"FROM '{source}/transactions.parquet'")
        Path(root).mkdir(parents=True)
        with duckdb.connect(config={"memory_limit": "3GB", "threads": 2}) as con:
            con.execute(f"COPY ({query}) TO '{root}/order_lines.parquet' (FORMAT parquet, COMPRESSION zstd)")
            return int(con.execute(f"SELECT count(*) FROM '{root}/order_lines.parquet'").fetchone()[0])

    return run


if __name__ == "__main__":
    name, warm, *arguments = sys.argv[1:]
    others = vars(basket_tasks) | vars(csv_tasks) | vars(effect_tasks)
    others |= vars(feedback_tasks) | vars(panel_tasks) | vars(lifetime_tasks) | vars(week_tasks)
    others |= vars(journey_tasks) | vars(ledger_tasks)
    task = (globals() | others)[name]()
    if warm:
        task(warm)
    gc.collect()  # what imports and the first run left would be cleared within the clock, or not, by chance
    started, cpu = time.perf_counter(), time.process_time()
    rows = task(*arguments)
    print(json.dumps({
        "seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu, "rows": rows,
    }))  # fmt: skip
