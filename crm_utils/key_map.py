"""Where do pseudonyms lead back to people? One file a snapshot, apart from the data, for its owner's eyes.

``private/<study>/<snapshot>.parquet`` holds what the source said of each customer: e-mails, phones, names,
addresses, ids. Nothing of a run or a page reads it; :func:`export` does, for sending, and writes that it did.
"""

from __future__ import annotations

import csv
import datetime as dt
import getpass
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import duckdb
import ibis.backends.duckdb
import ibis.expr.types as ir

from crm_utils.engine_text import identifier, literal, one_file
from crm_utils.errors import DataError, known_names
from crm_utils.snapshots import Snapshot

__all__ = ["Exported", "export", "is_missing", "keep", "path_of", "prune", "write"]

#: The key map's name in a load's scratch folder, until its snapshot is whole.
NAME = "keys.parquet"
#: A cell that begins so is a formula to a spreadsheet; a phone number such as +82… is none.
_FORMULA = re.compile(r"[=@\t\r-]|\+(?![0-9]+$)")
_BATCH = 10_000


def path_of(root: Path, study: str, snapshot: str) -> Path:
    """Where the key map of a snapshot lies."""
    return root / "private" / study / f"{snapshot}.parquet"


def write(con: ibis.backends.duckdb.Backend, known: ir.Table, scratch: Path) -> None:
    """Write a key map into a load's scratch folder, which is its owner's alone; so is the file.

    Parameters
    ----------
    con
        The DuckDB that ``known`` lives on.
    known
        customer_id, kind, value, rows (how many rows say so).
    scratch
        The load's folder.
    """
    path = scratch / NAME
    con.to_parquet(known.order_by("customer_id", "kind", "value"), path, compression="zstd")
    path.chmod(0o600)


def keep(scratch: Path, root: Path, study: str, snapshot: str) -> None:
    """Put a load's key map, if it made one, where :func:`export` finds it."""
    if not (scratch / NAME).is_file():
        return
    place = path_of(root, study, snapshot)
    place.parent.parent.mkdir(mode=0o700, exist_ok=True)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    (scratch / NAME).replace(place)


def is_missing(snapshot: Snapshot, root: Path) -> bool:
    """Whether a snapshot's people have pseudonyms that no key map leads back from: a load was stopped."""
    told = snapshot.manifest
    return told.get("identity") is not None and not path_of(root, told["study"], snapshot.id).is_file()


def prune(root: Path, study: str) -> None:
    """Remove the key maps of snapshots that are no more, however they went."""
    home = root / "data" / "snapshots" / study
    if home.is_dir():  # else the data are away, not gone
        for path in (root / "private" / study).glob("*.parquet"):
            if not (home / path.stem).is_dir():
                path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Exported:
    """A list for sending.

    Attributes
    ----------
    path
        A CSV (UTF-8 with mark, as spreadsheets ask for) under ``private/``, readable by its owner alone: the
        list's columns, then a column for each kind of identifier. Of several values the one that most rows of
        the data say.
    rows, found
        Its rows, and those whose customer the key map knows.
    held_out
        Rows of the list that are not in it: customers whom a lot keeps from being contacted (``holdout``), so
        that it can be told later whether contacting the others worked.
    """

    path: Path
    rows: int
    found: int
    held_out: int


def export(root: Path, study: str, snapshot: str, table: Path) -> Exported:
    """Join a saved list back to the people on it, for sending, and log that it was done.

    Parameters
    ----------
    root, study, snapshot
        Whose key map.
    table
        The list: a Parquet file with a column ``customer_id``.

    Raises
    ------
    DataError
        The list has no customers, or there is no key map for its snapshot.
    """
    keys = path_of(root, study, snapshot)
    if not keys.is_file():
        raise DataError(
            f"There is no key map for snapshot {snapshot} of '{study}' on this machine. If its study names "
            "no 'person', its customer_id is the shop's own and needs no way back; if it does, the map was "
            f"removed: crm load-data {study} makes it again."
        )
    # What does not fit into memory is written out, and it names people.
    with duckdb.connect(config={"temp_directory": str(keys.parent / "spilled")}) as con:
        rows = con.from_parquet(one_file(table), hive_partitioning=False)
        if "customer_id" not in rows.columns:
            known = known_names("customer_id", rows.columns)
            raise DataError(f"{table.stem} is no list of customers: it has no 'customer_id'. {known}")
        rows.create_view("whole")
        sent = "WHERE NOT coalesce(try_cast(holdout AS BOOLEAN), false)" if "holdout" in rows.columns else ""
        con.execute(f"CREATE VIEW list AS FROM whole {sent}")
        con.execute(_BEST, [one_file(keys)])
        kinds = [kind for (kind,) in con.execute("SELECT DISTINCT kind FROM best ORDER BY kind").fetchall()]
        joined = con.execute(_joined(kinds))
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
        path = keys.parent / "exports" / f"{table.stem}-{stamp}.csv"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with _opened(path) as file:
            total, found = _write_rows(file, joined, len(kinds))
            held_out = len(rows) - total
            # What cannot be logged is not exported: the file goes again.
            _log(keys.parent, {"study": study, "snapshot": snapshot, "table": table.stem, "rows": total,
                               "found": found, "held_out": held_out, "columns": kinds,
                               "file": path.name})  # fmt: skip
    return Exported(path, total, found, held_out)


_BEST = """
    CREATE TEMP TABLE best AS
    SELECT customer_id, kind, first(value ORDER BY rows DESC, value) AS value
    FROM read_parquet(?, hive_partitioning = false) GROUP BY ALL"""


def _joined(kinds: list[str]) -> str:
    columns = "".join(f", b{n}.value AS {identifier(f'their_{kind}')}" for n, kind in enumerate(kinds))
    joins = "".join(
        f" LEFT JOIN best b{n} ON b{n}.customer_id = list.customer_id AND b{n}.kind = {literal(kind)}"
        for n, kind in enumerate(kinds)
    )
    return f"SELECT list.*{columns} FROM list{joins} ORDER BY ALL"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _write_rows(file: TextIO, rows: duckdb.DuckDBPyConnection, kinds: int) -> tuple[int, int]:
    out = csv.writer(file)
    out.writerow([column[0] for column in rows.description or ()])
    total = found = 0
    while batch := rows.fetchmany(_BATCH):
        total += len(batch)
        found += sum(any(value is not None for value in row[len(row) - kinds :]) for row in batch)
        out.writerows([_safe(value) for value in row] for row in batch)
    return total, found


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _log(folder: Path, facts: dict[str, Any]) -> None:
    """Who took what out, when: a line of JSON, without anybody's identifier."""
    told = {"time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "user": _user()} | facts
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with os.fdopen(os.open(folder / "exports.log", flags, 0o600), "a", encoding="utf-8") as file:
        file.write(json.dumps(told, ensure_ascii=False) + "\n")


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """A new file of its owner's; gone again when it cannot be finished."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
