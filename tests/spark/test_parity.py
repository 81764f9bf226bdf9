"""Does Spark give the tables that DuckDB gives? Each reduction, over the same Parquet files."""

from __future__ import annotations

import pytest
from engines.compare import differences, settle
from engines.reductions import CASES
from engines.shop import Shop

# PySpark calls pandas as pandas 2 was; what it gives back is what is compared here.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", sorted(CASES))
def test_spark_gives_the_same(name: str, duckdb_shop: Shop, spark_shop: Shop) -> None:
    here = settle(CASES[name](duckdb_shop))
    there = settle(CASES[name](spark_shop))
    differing = differences(here, there)
    assert not differing, f"{len(differing)} differences, such as {differing[0]}"
