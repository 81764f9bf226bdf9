"""How is a Spark opened, and what does it do otherwise than Ibis? For ``crm_utils.engine`` alone.

What is kept is written out as Parquet into a scratch folder and read from there: Spark's own cache would plan
everything anew that a table was made of, each time it is asked. What comes home in batches takes the same
way, so that neither Spark's driver nor this process has to hold it.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis import util
from ibis.backends.duckdb.converter import DuckDBPandasData
from ibis.backends.pyspark import Backend as IbisBackend
from ibis.backends.pyspark.datatypes import PySparkSchema
from ibis.formats.pyarrow import PyArrowData
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import NullType, TimestampType

from crm_utils.engine.settings import Engine
from crm_utils.engine.spark_errors import explained
from crm_utils.errors import StudyError

__all__ = ["Backend", "open_spark"]

#: Rows of what comes home at a time.
BATCH = 100_000
#: How often a Connect server that does not answer is asked again: for about a minute.
RETRIES = 8
#: What is the same wherever Spark runs: nothing is shown, and frames come and go as Arrow.
_ALWAYS = {
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
}
#: A Spark inside one notebook: for nobody but its owner to talk to.
_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
}


class Backend(IbisBackend):  # type: ignore[misc, unused-ignore]
    """Ibis' Spark, which keeps tables as Parquet and says what went wrong in a sentence."""

    scratch: Path

    def disconnect(self) -> None:
        """Close Spark, and end its process where that runs here: it would hold its memory."""
        super().disconnect()
        gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None
        if gateway is not None:
            gateway.shutdown()
            gateway.proc.stdin.close()
            gateway.proc.wait()

    @explained
    def execute(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        """Work an expression out, for pandas: by Arrow, so that columns are of DuckDB's kinds."""
        table = expr.as_table()
        rows = self._frame(table, params=params, limit=limit).toArrow()
        frame = pd.DataFrame({name: _column(rows[name]) for name in rows.column_names})
        return expr.__pandas_result__(DuckDBPandasData.convert_table(frame, table.schema()))

    @explained
    def read_parquet(self, paths: Any, /, **options: Any) -> ir.Table:
        """Read Parquet; see Ibis."""
        return super().read_parquet(paths, **options)

    @explained
    def raw_sql(self, query: Any, **options: Any) -> Any:
        """Hand a query to Spark; see Ibis."""
        return super().raw_sql(query, **options)

    @explained
    def get_schema(self, *names: Any, **options: Any) -> Any:
        """The columns of a table; see Ibis."""
        return super().get_schema(*names, **options)

    @explained
    def to_pyarrow(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        """Work an expression out, for Arrow, without the way by pandas that Ibis takes."""
        table = expr.as_table()
        rows = self._frame(table, params=params, limit=limit).toArrow()
        return expr.__pyarrow_result__(PyArrowData.convert_table(rows, table.schema()))

    @explained
    def to_pyarrow_batches(
        self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, chunk_size: int = BATCH, **_: Any
    ) -> pa.RecordBatchReader:
        """Let Spark write the rows, and bring them home in pieces."""
        table = expr.as_table()
        folder = self._written(self._frame(table, params=params, limit=limit))
        schema = table.schema().to_pyarrow()
        return pa.RecordBatchReader.from_batches(schema, _batches(folder, schema, min(chunk_size, BATCH)))

    @explained
    def write_file(self, table: ir.Table, path: Path) -> None:
        """Let Spark write the rows, in their order, and bring them together to one Parquet file."""
        with (
            self.to_pyarrow_batches(table) as batches,
            pq.ParquetWriter(path, batches.schema, compression="zstd") as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)

    @explained
    def instants(self, name: str) -> list[str]:
        """Columns of a table that hold instants: Ibis takes them for the wall clock of the session's zone."""
        fields = self._session.table(name).schema
        return [field.name for field in fields if isinstance(field.dataType, TimestampType)]

    def bring(self, rows: Any) -> ir.Table:
        """Make a frame or an Arrow table one of Spark's."""
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, preserve_index=False)
        path = self.scratch / f"{util.gen_name('brought')}.parquet"
        pq.write_table(table, path, coerce_timestamps="us", allow_truncated_timestamps=True)
        return self.read_parquet(location(path))

    @explained
    def _create_cached_table(self, name: str, expr: ir.Table) -> ir.Table:
        frame = self._frame(expr)
        if any(isinstance(field.dataType, NullType) for field in frame.schema):
            frame = frame.to(PySparkSchema.from_ibis(expr.schema()))  # Parquet has no such type
        self._session.read.parquet(location(self._written(frame, name))).createOrReplaceTempView(name)
        return self.table(name)

    def _drop_cached_table(self, name: str) -> None:
        # The name stays in Spark's list, which costs nothing and asks nothing of a Spark that may have ended.
        shutil.rmtree(self.scratch / name, ignore_errors=True)

    def _make_memtable_finalizer(self, name: str) -> None:
        """Leave frames where they are until the end: a query that is not asked yet may speak of them."""

    def _frame(self, table: ir.Table, **options: Any) -> DataFrame:
        self._run_pre_execute_hooks(table)
        frame: DataFrame = self._session.sql(self.compile(table, **options))
        return frame

    def _written(self, frame: DataFrame, name: str = "") -> Path:
        folder = self.scratch / (name or util.gen_name("batches"))
        frame.write.parquet(location(folder))
        return folder


def open_spark(engine: Engine, scratch: Path, *, threads: str, memory: str) -> Backend:
    """Open the Spark of a study, or the one that this process has open.

    Parameters
    ----------
    engine
        What the study says of it.
    scratch
        A folder of this process' own, which Spark can write to.
    threads, memory
        What a notebook may have, as ``CRM_THREADS`` and ``CRM_MEMORY`` say; empty where nobody said.

    Raises
    ------
    StudyError
        A variable that ``settings`` speaks of is not set.
    RunError
        It cannot be opened.
    """
    # PySpark tells in each notebook that it was made for pandas 2; what we ask of it is tested.
    warnings.filterwarnings("ignore", module=r"(pyspark|ibis\.backends\.pyspark)\b.*")
    assert ibis.pyspark  # Ibis makes the options of a backend known as it is asked for it
    con: Backend = Backend().connect(_session(engine, scratch, threads, memory))
    con.scratch = scratch
    return con


def location(path: Path) -> str:
    """A path as Spark reads it: on the file system, whatever its own default is, and that file alone."""
    text = "".join(f"\\{letter}" if letter in r"{}[]*?\\" else letter for letter in str(path))
    return f"file://{text}"


@explained
def _session(engine: Engine, scratch: Path, threads: str, memory: str) -> Any:
    own = engine.spark_settings()
    if engine.shuffle_partitions:
        own = {"spark.sql.shuffle.partitions": str(engine.shuffle_partitions)} | own
    if engine.remote:
        return _remote(engine.remote, own)
    given = {"spark.master": engine.master or f"local[{threads or '*'}]"}
    if engine.is_local:
        given |= _LOCAL | {"spark.local.dir": str(scratch), "spark.sql.warehouse.dir": str(scratch)}
        # Spark's own work, which may name people, goes where the owner alone can read, and goes with it.
        given["spark.driver.defaultJavaOptions"] = f"-Djava.io.tmpdir={scratch}"
    if engine.memory or memory:
        given["spark.driver.memory"] = engine.memory or _as_java_writes(memory)
    settings = _ALWAYS | given | own
    conf = SparkConf().setAll(list(settings.items()))
    if SparkContext._active_spark_context is None and SparkContext._gateway is None:
        # Everybody on a machine can read the command of a process: secrets are handed over afterwards.
        plain = [each for each in settings.items() if each[0] not in engine.secrets]
        # What Spark says while it starts and works would stand in the notebook: it goes to a file.
        with (scratch / "spark.log").open("wb") as log:
            launch: Any = launch_gateway
            gateway = launch(SparkConf().setAll(plain), {"stdout": log, "stderr": log})
        SparkContext._ensure_initialized(gateway=gateway, conf=conf)
    return SparkSession.builder.config(conf=conf).getOrCreate()


def _remote(url: str, settings: dict[str, str]) -> Any:
    from pyspark.sql.connect.client.retries import DefaultPolicy  # needs what a local Spark does without

    token = os.environ.get("CRM_SPARK_TOKEN")
    session: Any = SparkSession.builder.remote(f"{url}/;token={token}" if token else url).getOrCreate()
    # Spark's own patience with a server that is gone is ten minutes.
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES, max_backoff=15_000)])
    for name, value in settings.items():
        if not session.conf.isModifiable(name):
            raise StudyError(f"engine.settings: {name} is set where the server of engine.remote is started.")
        session.conf.set(name, value)
    return session


def _column(values: pa.ChunkedArray) -> Any:
    """As Ibis' DuckDB does it: Arrow alone would make floats of whole numbers where some are missing."""
    plain = not (pa.types.is_nested(values.type) or values.null_count)
    return values.to_pandas() if plain else values.to_pylist()


def _batches(folder: Path, schema: pa.Schema, rows: int) -> Iterator[pa.RecordBatch]:
    """What Spark wrote, in its order, in the types that Ibis states; the folder goes when all is read."""
    for part in sorted(folder.glob("part-*.parquet")):
        for batch in pq.ParquetFile(part).iter_batches(rows):
            yield from _as_stated(batch, schema)
    shutil.rmtree(folder, ignore_errors=True)


def _as_stated(batch: pa.RecordBatch, schema: pa.Schema) -> list[pa.RecordBatch]:
    stated: list[pa.RecordBatch] = pa.Table.from_batches([batch]).cast(schema).to_batches()
    return stated


def _as_java_writes(memory: str) -> str:
    """``4000MB`` as ``4000m``."""
    return memory.lower().removesuffix("b")
