"""What the tests of this folder share: the edge cases, on DuckDB and on a Spark inside this process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from engines.shop import Shop, write_shop


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edge_cases")
    write_shop(folder, seed=20240229)
    return folder


@pytest.fixture(scope="session")
def duckdb_shop(files: Path) -> Shop:
    return Shop(ibis.duckdb.connect(threads=1), files)


@pytest.fixture(scope="session")
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
        # What is compiled so is a lot, and the default room for it (48 MB) ran out after two hundred queries.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC "
        "-XX:ReservedCodeCacheSize=256m",
    }  # fmt: skip
    builder = pyspark.SparkSession.builder.master(
        "local[1]" if "PYTEST_XDIST_WORKER" in os.environ else "local[2]"
    )
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    con = _keeping_memtables().connect(session)
    # Ibis says UTC; a shop's wall clock must not depend on it.
    session.conf.set("spark.sql.session.timeZone", "Asia/Seoul")
    return Shop(con, files)


def _keeping_memtables() -> Any:
    """Ibis' Spark, which otherwise makes frames known for what it fetches, and not for what it keeps."""

    from ibis.backends.pyspark import Backend as IbisBackend

    class Backend(IbisBackend):
        def _create_cached_table(self, name: str, expr: ir.Table) -> ir.Table:
            self._run_pre_execute_hooks(expr)
            return super()._create_cached_table(name, expr)

    assert ibis.pyspark  # its options are made known as it is asked for
    return Backend()
