"""One table of a snapshot as files: rows that keep the contract, rows set aside, and their sum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis.backends.duckdb
import pyarrow.parquet as pq

from crm_utils import engine
from crm_utils.errors import DataError
from crm_utils.loading import contract
from crm_utils.snapshots import sha256
from crm_utils.sources import Raw
from crm_utils.tables import TABLES

__all__ = ["judge_in_place", "rows_in", "write"]


def write(con: ibis.backends.duckdb.Backend, folder: Path, table: str, raw: Raw) -> dict[str, Any]:
    """Write a table and what was set aside; what was read must be accounted for to the row.

    Parameters
    ----------
    con
        The engine that ``raw`` belongs to.
    folder
        The snapshot that is being built.
    table
        One of the tables of ``raw``.
    raw
        What the source read.

    Returns
    -------
    dict
        What the manifest says of the table: rows read, loaded, quarantined and left out (by reason), values
        in each column, bytes and hash of the file.

    Raises
    ------
    DataError
        Rows loaded, set aside and left out are not the rows read.
    """
    rows = raw.tables[table]
    good, _ = contract.split(rows, table)
    path, aside = folder / f"{table}.parquet", folder / "quarantine" / f"{table}.parquet"
    key = list(TABLES[table].key)
    # A table without a key keeps the source's order; a key's check may have shuffled the others.
    engine.write(con, good, path, order_by=key)
    counted = raw.rows.get(table)
    read = sum(counted.values()) if counted is not None else int(rows.count().execute())
    loaded = rows_in(path)
    left = {} if read == loaded else contract.left_out(rows)
    left_out, quarantined, reasons = sum(left.values()), 0, dict[str, int]()
    if read != loaded + left_out:
        aside.parent.mkdir(mode=0o700, exist_ok=True)  # rows as they were read: for their owner alone
        _, bad = contract.split(raw.with_lines(table), table)
        engine.write(con, bad, aside, order_by=["file", "row"])
        aside.chmod(0o600)
        quarantined = rows_in(aside)
        reasons = contract.counted(engine.read(con, aside), "reason")
    if read != loaded + quarantined + left_out:
        raise DataError(
            f"{table}: {read} rows read, {loaded} loaded, {quarantined} set aside, {left_out} left out; "
            "the sum is wrong."
        )
    return {
        "read": read,
        "loaded": loaded,
        "quarantined": quarantined,
        "left_out": left_out,
        "quarantined_by_reason": reasons,
        "left_out_by_reason": left,
        "filled": _filled(path),
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
    }


def judge_in_place(table: str, raw: Raw) -> dict[str, Any]:
    """Look at every row of a table that stays where it is; what a copy would set aside is refused.

    Parameters
    ----------
    table
        One of the tables of ``raw``.
    raw
        What the source read: of one input.

    Returns
    -------
    dict
        What the manifest says of the table, as :func:`write` has it, and ``lies_at``: where it is.

    Raises
    ------
    DataError
        Rows break the contract.
    """
    ((name, read),) = raw.rows[table].items()
    rows = raw.tables[table]
    good, bad = contract.split(rows, table, hide=False)
    if broken := contract.counted(bad, "reason"):
        said = "; ".join(f"{reason} ({n:,})" for reason, n in broken.items())
        raise DataError(
            f"{name} breaks the contract, and is read where it lies, so that nothing can be set aside: "
            f"{said}. Mend it there, or copy it with another source."
        )
    filled = good.aggregate(**{c: good[c].count() for c in good.columns}).to_pyarrow().to_pylist()[0]
    return {
        "read": read,
        "loaded": read,
        "quarantined": 0,
        "left_out": 0,
        "quarantined_by_reason": {},
        "left_out_by_reason": {},
        "filled": {c: int(n) for c, n in filled.items()},
        "bytes": 0,
        "sha256": "",
        "lies_at": name,
    }


def rows_in(path: Path) -> int:
    """How many rows a Parquet file has, as it says itself."""
    return int(pq.read_metadata(path).num_rows)


def _filled(path: Path) -> dict[str, int]:
    """How many rows have a value in each column, as the file's own statistics say."""
    footer = pq.read_metadata(path)
    empty = dict.fromkeys(footer.schema.names, 0)
    for group in (footer.row_group(n) for n in range(footer.num_row_groups)):
        for column in (group.column(n) for n in range(group.num_columns)):
            empty[column.path_in_schema] += column.statistics.null_count if column.statistics else 0
    return {name: footer.num_rows - nulls for name, nulls in empty.items()}
