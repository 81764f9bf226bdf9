"""How do a name, a text and a file stand in the engine's SQL? As themselves, whatever letters are in them.

A file is read by its name with the wildcards as plain letters: DuckDB takes ``orders [2].csv`` for a pattern
that fits ``orders 2.csv``, and a folder ``year=2024`` for a column. Whatever names a file to it goes through
here.
"""

from __future__ import annotations

import re
from pathlib import Path

import ibis.backends.duckdb
import ibis.expr.types as ir

__all__ = ["identifier", "literal", "one_file", "path_literal", "read_parquet"]


def literal(text: str) -> str:
    """A text in SQL.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name in SQL.

    Examples
    --------
    >>> identifier("Unit price")
    '"Unit price"'
    """
    return '"' + name.replace('"', '""') + '"'


def one_file(path: Path | str) -> str:
    """The path as the engine's functions read it: that file alone, whatever letters are in its name.

    Examples
    --------
    >>> one_file("shop [1]/orders*.csv")
    'shop [[]1]/orders[*].csv'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def path_literal(path: Path | str) -> str:
    """A file in SQL: that one, whatever its name looks like.

    Examples
    --------
    >>> path_literal("orders [2].csv")
    "'orders [[]2].csv'"
    """
    return literal(one_file(path))


def read_parquet(
    con: ibis.backends.duckdb.Backend, path: Path | str, *, name: str | None = None, numbered: bool = False
) -> ir.Table:
    """One Parquet file, with the columns that are in it and no others.

    Parameters
    ----------
    con
        The DuckDB to read it with.
    path
        The file.
    name
        What the engine is to call the table; any name when left out.
    numbered
        Whether the rows get ``file_row_number``, counted from 0.

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
    >>> read_parquet(con, folder / "a[1].parquet").columns
    ('id',)
    """
    options = {"file_row_number": True} if numbered else {}
    return con.read_parquet(one_file(path), table_name=name, hive_partitioning=False, **options)
