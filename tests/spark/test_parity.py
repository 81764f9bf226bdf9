"""Does Spark give the tables that DuckDB gives? Each reduction, over the same Parquet files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import ibis
import pytest
from engines.compare import differences, settle
from engines.reductions import CASES
from engines.shop import Shop, write_shop

# PySpark calls pandas as pandas 2 was; what it gives back is what is compared here.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edge_cases")
    write_shop(folder, seed=20240229)
    return folder


@pytest.fixture(scope="module")
def duckdb_shop(files: Path) -> Shop:
    return Shop(ibis.duckdb.connect(threads=1), files)


@pytest.fixture(scope="module")
def spark_shop(files: Path) -> Shop:
    pyspark = pytest.importorskip(
        "pyspark.sql", reason="Spark is not installed here: nox -s spark brings it."
    )
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java 17 or later; there is none on this machine.")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    settings = {
        "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR",
        "spark.sql.shuffle.partitions": "1", "spark.sql.warehouse.dir": str(files / "warehouse"),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Hundreds of queries over a few rows: compiling them thoroughly would take longer than running them.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }  # fmt: skip
    builder = pyspark.SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    con = ibis.pyspark.connect(session)
    # Ibis says UTC; a shop's wall clock must not depend on it.
    session.conf.set("spark.sql.session.timeZone", "Asia/Seoul")
    return Shop(con, files)


@pytest.mark.parametrize("name", sorted(CASES))
def test_spark_gives_the_same(name: str, duckdb_shop: Shop, spark_shop: Shop) -> None:
    here = settle(CASES[name](duckdb_shop))
    there = settle(CASES[name](spark_shop))
    found = differences(here, there)
    assert not found, f"{len(found)} differences, such as {found[0]}"
