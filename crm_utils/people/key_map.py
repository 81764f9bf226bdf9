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
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import duckdb
import ibis.backends.duckdb
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from crm_utils import engine
from crm_utils.errors import DataError, known_names
from crm_utils.snapshots import Snapshot
from crm_utils.tools.csv_text import harmless
from crm_utils.tools.sql_text import identifier, literal, one_file

__all__ = ["Exported", "export", "is_missing", "keep", "known", "log", "path_of", "prune", "write"]

#: The key map's name in a load's scratch folder, until its snapshot is whole.
NAME = "keys.parquet"
#: Columns that say who is not to be contacted: held back at random; not chosen, or without a consent.
_HELD_OUT, _CHOSEN = ("holdout", "held_out"), ("contact",)
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
    engine.write(con, known, path, order_by=["customer_id", "kind", "value"])
    path.chmod(0o600)


def keep(scratch: Path, root: Path, study: str, snapshot: str) -> None:
    """Put a load's key map, if it made one, where :func:`export` finds it."""
    if not (scratch / NAME).is_file():
        return
    place = path_of(root, study, snapshot)
    _own(place.parent.parent)
    _own(place.parent)
    (scratch / NAME).replace(place)


def _own(folder: Path) -> None:
    """Make a folder that its owner alone can open, also where it is there with other rights.

    Raises
    ------
    DataError
        It is another user's.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) != 0o700:
        try:
            folder.chmod(0o700)
        except PermissionError:
            raise DataError(
                f"The folder {folder.name} of the key maps belongs to another user, and others can open it. "
                "Give it to the user that runs crm, with mode 0700."
            ) from None


def is_missing(snapshot: Snapshot, root: Path) -> bool:
    """Whether a snapshot's people have pseudonyms that no key map leads back from: a load was stopped."""
    manifest = snapshot.manifest
    return (
        manifest.get("identity") is not None and not path_of(root, manifest["study"], snapshot.id).is_file()
    )


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
    rows, matched
        Its rows, and those whose customer the key map knows.
    held_out
        Rows of the list that are not in it: customers held back at random (``held_out``, ``holdout``), to see
        later whether contacting the others worked.
    not_chosen
        Rows that are not in it because the list does not say that they are to be contacted (``contact``).
    """

    path: Path
    rows: int
    matched: int
    held_out: int
    not_chosen: int = 0


def export(root: Path, study: str, snapshot: str, table: Path, *, own_ids: bool = False) -> Exported:
    """Join a saved list back to the people on it, for sending, and log that it was done.

    Parameters
    ----------
    root, study, snapshot
        Whose key map.
    table
        The list: a Parquet file with a column ``customer_id``.
    own_ids
        Whether customer_id is the shop's own, so that no key map has to lead back from it.

    Raises
    ------
    DataError
        The list has no customers, or there is no key map for its snapshot.
    """
    keys = path_of(root, study, snapshot)
    if not (own_ids or keys.is_file()):
        raise DataError(
            f"There is no key map for snapshot {snapshot} of '{study}' on this machine. If its study names "
            "no 'person', its customer_id is the shop's own and needs no way back; if it does, the map was "
            f"removed: crm load-data {study} makes it again."
        )
    _own(keys.parent.parent)
    _own(keys.parent)
    # What does not fit into memory is written out, and it names people.
    with duckdb.connect(config={"temp_directory": str(keys.parent / "spilled")}) as con:
        rows = con.from_parquet(one_file(table), hive_partitioning=False)
        if "customer_id" not in rows.columns:
            known = known_names("customer_id", rows.columns)
            raise DataError(f"{table.stem} is no list of customers: it has no 'customer_id'. {known}")
        rows.create_view("whole")
        held = " OR ".join(_says_yes(c, rows.columns) for c in _HELD_OUT)
        chosen = " AND ".join(_says_yes(c, rows.columns, else_="true") for c in _CHOSEN)
        con.execute(f"CREATE VIEW free AS FROM whole WHERE NOT ({held})")
        con.execute(f"CREATE VIEW list AS FROM free WHERE {chosen}")
        if own_ids:
            con.execute("CREATE TEMP TABLE best (customer_id VARCHAR, kind VARCHAR, value VARCHAR)")
        else:
            con.execute(_BEST, [one_file(keys)])
        kinds = [kind for (kind,) in con.execute("SELECT DISTINCT kind FROM best ORDER BY kind").fetchall()]
        joined = con.execute(_joined(kinds))
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
        path = keys.parent / "exports" / f"{table.stem}-{stamp}.csv"
        _own(path.parent)
        with _opened(path) as file:
            total, reached = _write_rows(file, joined, len(kinds))
            reached = total if own_ids else reached
            left = con.execute("SELECT count(*) FROM free").fetchall()[0][0]
            held_out, not_chosen = len(rows) - left, left - total
            # What cannot be logged is not exported: the file goes again.
            log(keys.parent, {"study": study, "snapshot": snapshot, "table": table.stem, "rows": total,
                               "found": reached, "held_out": held_out, "not_chosen": not_chosen,
                               "columns": kinds, "file": path.name})  # fmt: skip
    return Exported(path, total, reached, held_out, not_chosen)


def known(root: Path, study: str, snapshot: str, customers: pa.Table) -> pd.DataFrame:
    """What the key map says of these customers: ``customer_id``, and a column a kind; missing where nothing.

    Raises
    ------
    DataError
        There is no key map for the snapshot.
    """
    keys = path_of(root, study, snapshot)
    if not keys.is_file():
        raise DataError(
            f"There is no key map for snapshot {snapshot} of '{study}' on this machine: crm load-data "
            f"{study} "
            "makes it again."
        )
    with duckdb.connect(config={"temp_directory": str(keys.parent / "spilled")}) as con:
        con.register("wanted", customers)
        con.execute(_BEST, [one_file(keys)])
        best = con.execute("SELECT best.* FROM best SEMI JOIN wanted USING (customer_id)").df()
    wide = best.pivot_table(index="customer_id", columns="kind", values="value", aggfunc="first")
    wide = wide.rename_axis(columns=None)
    return wide.reset_index()


_BEST = """
    CREATE TEMP TABLE best AS
    SELECT customer_id, kind, first(value ORDER BY rows DESC, value) AS value
    FROM read_parquet(?, hive_partitioning = false) GROUP BY ALL"""


def _says_yes(column: str, there: list[str], *, else_: str = "false") -> str:
    """SQL that is true where a column says yes; ``else_`` where the list has no such column."""
    if column not in there:
        return else_
    return f"coalesce(try_cast({identifier(column)} AS BOOLEAN), false)"


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
    out.writerow([harmless(column[0]) for column in rows.description or ()])
    total = reached = 0
    while batch := rows.fetchmany(_BATCH):
        total += len(batch)
        reached += sum(any(value is not None for value in row[len(row) - kinds :]) for row in batch)
        out.writerows([harmless(value) for value in row] for row in batch)
    return total, reached


def log(folder: Path, facts: dict[str, Any]) -> None:
    """Who took what out, when: a line of JSON, without anybody's identifier."""
    entry = {"time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "user": _user()} | facts
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with os.fdopen(os.open(folder / "exports.log", flags, 0o600), "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


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
