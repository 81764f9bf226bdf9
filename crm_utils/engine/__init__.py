"""How is the engine opened, read from, written to, and told to keep a result? The only door to it.

Everything above speaks Ibis expressions, which run on DuckDB in this process and unchanged on Spark; whatever
differs between engines is done here and nowhere else. PySpark is imported where a study asks for it alone.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.backends.duckdb
import ibis.expr.types as ir
from ibis import util

from crm_utils.engine.settings import Engine
from crm_utils.tools.scratch import new_folder
from crm_utils.tools.signals import on_stop
from crm_utils.tools.sql_text import literal, one_file

__all__ = ["Engine", "as_view", "bring", "checkpoint", "connect", "keep", "open_engine", "read", "write"]


def open_engine(engine: Engine) -> Any:
    """The engine of a study: a DuckDB in this process (see :func:`connect`), or its Spark.

    Raises
    ------
    StudyError
        Spark is asked for and not installed, or there is no Java, or nobody answers where it should be.
    RunError
        Spark is there, and cannot be opened.
    """
    if engine.kind == "duckdb":
        return connect()
    from crm_utils.engine.reach import refuse_unreachable

    refuse_unreachable(engine)
    from crm_utils.engine.spark import open_spark

    shared = new_folder("spill", Path(engine.scratch)) if engine.scratch else None
    if shared:
        atexit.register(shutil.rmtree, shared, ignore_errors=True)
    threads, memory = os.environ.get("CRM_THREADS", ""), os.environ.get("CRM_MEMORY", "")
    return open_spark(engine, shared or Path(_spill_folder()), threads=threads, memory=memory)


def connect() -> ibis.backends.duckdb.Backend:
    """A DuckDB in this process, with the share of memory and threads that the runner left to it.

    ``CRM_THREADS`` and ``CRM_MEMORY`` (such as ``4GB``) are set by the pipeline, which knows how many
    notebooks run in parallel; without them DuckDB takes what the machine has. What does not fit into
    memory is written below the system's folder for temporary files (``TMPDIR``), for its owner alone, and
    removed when the process ends; what a killed one left is removed by the next.
    """
    settings = {
        "threads": os.environ.get("CRM_THREADS"),
        "memory_limit": os.environ.get("CRM_MEMORY"),
        "temp_directory": _spill_folder(),
    }
    con = ibis.duckdb.connect(**{name: value for name, value in settings.items() if value})
    on_stop(con.con.interrupt)
    # In a kernel without ipywidgets the bar cannot be set, and is not shown.
    with contextlib.suppress(duckdb.InvalidInputException):
        con.con.execute("SET enable_progress_bar = false")
    return con


def read(con: Any, path: Path | str, *, name: str | None = None, numbered: bool = False) -> ir.Table:
    """One Parquet file, with the columns that are in it and no others.

    Parameters
    ----------
    con
        The engine to read it with.
    path
        The file.
    name
        What the engine is to call the table; any name when left out.
    numbered
        Whether the rows get ``file_row_number``, counted from 0; by DuckDB alone.

    Returns
    -------
    ibis Table
        Its rows, read when they are asked for.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "year=2024"
    >>> folder.mkdir()
    >>> con = ibis.duckdb.connect()
    >>> con.to_parquet(ibis.memtable({"id": [1]}), folder / "a[1].parquet")
    >>> read(con, folder / "a[1].parquet").columns
    ('id',)
    """
    if con.name == "pyspark":
        from crm_utils.engine.spark import location

        return con.read_parquet(location(Path(path)), table_name=name)
    options = {"file_row_number": True} if numbered else {}
    return con.read_parquet(one_file(path), table_name=name, hive_partitioning=False, **options)


def write(con: Any, table: ir.Table, path: Path, *, order_by: list[str] | None = None) -> None:
    """Write a table as one Parquet file.

    Parameters
    ----------
    con
        The engine that the table lives on.
    table
        What is written.
    path
        The file; its folder is there.
    order_by
        Columns that order the rows, so that the same rows give the same bytes; None leaves them as they come.
    """
    rows = table.order_by(order_by) if order_by else table
    if con.name == "pyspark":
        con.write_file(rows, path)
        return
    if repr(str(path)) == literal(str(path)):
        con.to_parquet(rows, path, compression="zstd")
        return
    # Ibis writes a path as Python does, and DuckDB reads it as SQL: a quotation mark or a line break in it
    # is then another path.
    plain = Path(_spill_folder()) / f"{util.gen_name('written')}.parquet"
    con.to_parquet(rows, plain, compression="zstd")
    shutil.move(plain, path)


def bring(con: Any, rows: Any) -> ir.Table:
    """Make a DataFrame or an Arrow table one of the engine's own.

    Examples
    --------
    >>> import pandas as pd
    >>> bring(connect(), pd.DataFrame({"customer_id": ["ann"]})).count().execute()
    1
    """
    if con.name == "pyspark":
        return con.bring(rows)
    return con.create_table(util.gen_name("brought"), rows, temp=True)


def as_view(table: ir.Table) -> ir.Table:
    """The same table by a name of its own, worked out whenever it is asked for.

    Where values build on values, Ibis would write each out again wherever it is used, and the engine would
    read it as often.

    Examples
    --------
    >>> con = ibis.duckdb.connect()
    >>> as_view(con.create_table("t", ibis.memtable({"a": [1]}))).execute().a.tolist()
    [1]
    """
    return table.get_backend().create_view(util.gen_name("view"), table)


def keep(table: ir.Table) -> ir.Table:
    """Work a table out once, because it is asked for more than once; it goes with the last one who holds it.

    Examples
    --------
    >>> keep(ibis.memtable({"customer_id": ["ann"]})).count().execute()
    1
    """
    return table.cache()


def checkpoint(table: ir.Table) -> ir.Table:
    """Work a table out once and forget how it was made: for rounds that each build on the one before.

    Spark's cache keeps the whole plan, which grows sixfold a round; a checkpoint cuts it off.
    """
    backend = table.get_backend()
    if backend.name != "pyspark":
        return keep(table)
    name = util.gen_name("checkpoint")
    kept = backend.raw_sql(ibis.to_sql(table, dialect="pyspark")).localCheckpoint()
    kept.createOrReplaceTempView(name)
    return backend.table(name)


@functools.cache
def _spill_folder() -> str:
    folder = str(new_folder("spill"))  # for its owner alone: rows may name people
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
