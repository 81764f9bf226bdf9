"""Rows of a database, put down as Parquet in one go: all tables of one moment, or nothing."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crm_utils.errors import DataError
from crm_utils.sources.database.address import Address
from crm_utils.sources.database.sessions import UNREADABLE, LostError, Session, open_session
from crm_utils.tools.signals import on_stop
from crm_utils.tools.sql_text import one_file

__all__ = ["Query", "digest", "kinds_of", "stage"]

#: Times that reading is begun, and the seconds waited before each further one.
WAITS = (1.0, 5.0)
#: Rows fetched at once, and bytes gathered before they are written: what memory holds of a table.
_ROWS, _BYTES = 2_000, 64 * 2**20


@dataclass(frozen=True)
class Query:
    """What to read for one table: a table of the database, or a query in brackets; and its name for people.

    ``wanted`` picks among the columns that are there.
    """

    text: str
    shown: str
    wanted: Callable[[list[str]], list[str]]


def stage(
    address: Address, queries: Mapping[str, Query], folder: Path, *, most: int | None = None
) -> dict[str, Path]:
    """Read all queries in one transaction; a lost connection is tried again, from the beginning.

    Parameters
    ----------
    address
        The database.
    queries
        By table.
    folder
        Where the files are written; made for its owner alone.
    most
        Rows of each query that are enough; all when left out.

    Raises
    ------
    LostError
        The connection could not be kept in any attempt.
    DataError
        A table or column is not there, or a column cannot be read.
    """
    for attempt, wait in enumerate((*WAITS, None), start=1):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        try:
            with open_session(address) as session:
                return {
                    table: _one(session, query, folder / f"{table}.parquet", most)
                    for table, query in queries.items()
                }
        except LostError as error:
            if wait is None:
                raise LostError(
                    f"{error} It was tried {attempt} times. Nothing was loaded; what was loaded before stays."
                ) from None
            time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _one(session: Session, query: Query, path: Path, most: int | None) -> Path:
    there = session.columns(query.text)
    wanted = query.wanted(list(there))
    for name in wanted:
        if there[name] == UNREADABLE:
            raise DataError(_unreadable(query, name))
    names = ", ".join(
        f"{session.quote}{name.replace(session.quote, session.quote * 2)}{session.quote}" for name in wanted
    )
    schema = pa.schema([pa.field(name, pa.string(), metadata={"kind": there[name]}) for name in wanted])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        limit = f" LIMIT {most}" if most is not None else ""
        for table in _tables(session.rows(f"SELECT {names} FROM {query.text}{limit}"), schema, query):
            writer.write_table(table)
    return path


def _tables(rows: Iterator[tuple[Any, ...]], schema: pa.Schema, query: Query) -> Iterator[pa.Table]:
    """The rows in pieces that memory holds, whatever their number and the size of their cells."""
    gathered: list[pa.RecordBatch] = []
    while batch := list(itertools.islice(rows, _ROWS)):
        columns = [
            _texts(values, name, query)
            for name, values in zip(schema.names, zip(*batch, strict=True), strict=True)
        ]
        gathered.append(pa.record_batch(columns, schema=schema))
        if sum(piece.nbytes for piece in gathered) > _BYTES:
            yield pa.Table.from_batches(gathered)
            gathered = []
    if gathered:
        yield pa.Table.from_batches(gathered)


def _texts(values: tuple[Any, ...], name: str, query: Query) -> pa.Array:
    if all(value is None or isinstance(value, str) for value in values):
        return pa.array(values, pa.string())
    if any(isinstance(value, (bytes, memoryview)) for value in values):
        raise DataError(_unreadable(query, name))
    # SQLite alone gives numbers; repr keeps every digit of one.
    return pa.array([v if v is None or isinstance(v, str) else repr(v) for v in values], pa.string())


def _unreadable(query: Query, name: str) -> str:
    return (
        f"{query.shown} holds bytes in its column '{name}', which cannot be read. Leave the column out of "
        "the study, or write a query that turns it into text."
    )


def kinds_of(path: Path) -> dict[str, str]:
    """What each column of a staged file is to be read as."""
    return {field.name: field.metadata[b"kind"].decode() for field in pq.read_schema(path)}


def digest(path: Path) -> str:
    """What a table holds, whatever the order of its rows: a database gives them in any.

    Two sums over 64 bits of each row's hash, and the number of rows: a row more, less or twice is seen.
    """
    with duckdb.connect() as con:
        on_stop(con.interrupt)
        rows, high, low = con.execute(
            """SELECT count(*), sum(md5_number_upper(row)::HUGEINT), sum(md5_number_lower(row)::HUGEINT)
            FROM (SELECT to_json(t)::VARCHAR AS row FROM read_parquet(?, hive_partitioning = false) t)""",
            [one_file(path)],
        ).fetchall()[0]
    content = repr((kinds_of(path), rows, high, low))
    return hashlib.sha256(content.encode()).hexdigest()
