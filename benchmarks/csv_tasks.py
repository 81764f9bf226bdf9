"""Tasks of :mod:`tasks` about files: a CSV to a checked snapshot, beside the bare engine and pandas."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["csv_bare", "csv_ours", "csv_pandas"]

Timed = Callable[..., int]


def csv_ours() -> Timed:
    """One CSV file to a snapshot: encoding and hash of every byte, each line parted, read, checked, and its
    customer a pseudonym."""
    from crm_utils import loading
    from crm_utils.study import read_study

    def run(source: str, root: str) -> int:
        studies = Path(root) / "studies"
        studies.mkdir(parents=True)
        (studies / "grown.yaml").write_text(CSV_STUDY, encoding="utf-8")
        os.environ |= {"CRM_BENCH_FILES": source, "CRM_PSEUDONYM_KEY": "a key of a benchmark, and of no shop"}
        snapshot, _ = loading.load(Path(root), read_study(Path(root), "grown"))
        return int(snapshot.manifest["tables"]["order_lines"]["loaded"])

    return run


def csv_bare() -> Timed:
    """The same file to Parquet, types guessed, not a question asked."""
    import duckdb

    def run(source: str, root: str) -> int:
        Path(root).mkdir(parents=True)
        with duckdb.connect(config={"memory_limit": "3GB", "threads": 2}) as con:
            con.execute(f"COPY (FROM read_csv('{source}/orders.csv')) TO '{root}/orders.parquet'")
            return int(con.execute(f"SELECT count(*) FROM '{root}/orders.parquet'").fetchone()[0])

    return run


def csv_pandas() -> Timed:
    """The same with pandas."""
    import pandas as pd

    def run(source: str, root: str) -> int:
        Path(root).mkdir(parents=True)
        frame = pd.read_csv(f"{source}/orders.csv", parse_dates=["ordered"])
        frame.to_parquet(f"{root}/orders.parquet", index=False)
        return len(frame)

    return run


CSV_STUDY = """
title: Grown
timezone: Europe/Berlin
currency: EUR
history_starts: 2023-01-01
source:
  kind: files
  folder: $CRM_BENCH_FILES
  tables:
    order_lines:
      files: orders.csv
      person: {account: customer}
      columns:
        order_id: order_no
        product_id: sku
        ordered_at: ordered
        quantity: qty
        amount: {expression: qty * price - rebate}
        discount: rebate
        channel: channel
"""
