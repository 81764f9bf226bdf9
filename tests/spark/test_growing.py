"""Does the page on growing tell the truth? Its example runs on Spark, with the result of DuckDB."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from engines.compare import differences, settle
from engines.shop import Shop
from tiny import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_example_writes_the_customer_summary(files: Path, duckdb_shop: Shop, spark_shop: Shop) -> None:
    page = (ROOT / "docs" / "growing.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    spark_shop.con.read_parquet(files / "order_lines.parquet", table_name="order_lines")
    exec(example, {})
    written = spark_shop.con.table("customer_summary")
    assert not differences(settle(duckdb_shop.summary), settle(written))
