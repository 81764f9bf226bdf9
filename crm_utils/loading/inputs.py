"""What is about to be read? Each input known by its hash, once, and under the key of the load before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import ibis.backends.duckdb
import pyarrow as pa

from crm_utils.errors import DataError, StudyError
from crm_utils.loading import table_files
from crm_utils.people import pseudonyms
from crm_utils.snapshots import current_id, open_snapshot, sha256
from crm_utils.sources import Input
from crm_utils.tools.sql_text import path_literal

__all__ = ["described", "refuse_damaged", "refuse_new_key", "refuse_twice", "seen"]


def seen(path: Path) -> tuple[int, int] | None:
    """A file's size and time of change, to see that it stayed as it was; None where it is not there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def described(item: Input) -> dict[str, Any]:
    """What the manifest says of an input: enough to know it again. Rows of text are counted at reading."""
    try:
        rows = table_files.rows_in(item.path) if item.path.suffix == ".parquet" else None
        digest = item.digest or sha256(item.path)
        return {"name": item.shown, "sha256": digest, "rows": rows, "becomes": item.becomes, "key": item.key}
    except pa.ArrowInvalid:
        raise DataError(f"{item.shown} cannot be read: it is damaged, or no Parquet file.") from None
    except OSError as error:
        # Arrow's own text names the whole path and the number.
        said = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(f"{item.shown} cannot be read: {said}.") from None


def refuse_twice(inputs: list[Input], read: list[dict[str, Any]]) -> None:
    """A file that was delivered twice would count twice. Files without a second line are let be."""
    first: dict[tuple[str, str], str] = {}
    for item, entry in zip(inputs, read, strict=True):
        other = first.setdefault((entry["sha256"], item.becomes), item.shown)
        if other != item.shown and not _is_empty(item.path):
            raise DataError(
                f"{other} and {item.shown} hold the same, byte for byte: all of it would be loaded twice. "
                "Remove one, or narrow the study's pattern."
            )


def refuse_damaged(con: ibis.backends.duckdb.Backend, inputs: list[Input]) -> None:
    """Name the file at whose page the engine stumbled, if it was one: it says ``Out of buffer`` and no more.

    Asked only when something went wrong, since every page is read for it.

    Raises
    ------
    DataError
        A Parquet file's pages cannot be read.
    """
    for item in inputs:
        if not _is_parquet(item.path):
            continue
        try:
            con.con.execute(f"SELECT max(hash(COLUMNS(*))) FROM read_parquet({path_literal(item.path)})")
            con.con.fetchall()
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            raise DataError(
                f"{item.shown} cannot be read: a page of it is damaged. Fetch the file again."
            ) from None


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError:
        return False


def _is_empty(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(1 << 16)
    return b"\0" not in start and len(start.split(b"\n", 1)[-1].strip()) == 0


def refuse_new_key(home: Path, read: list[dict[str, Any]]) -> None:
    """Under another key every customer would be a new one, and nobody would notice."""
    now = {item["key"] for item in read if item["key"]}
    last = open_snapshot(home / (current_id(home) or "none"))
    then = {item["key"] for item in last.manifest["inputs"] if item.get("key")} if last else set()
    if now and then and now != then:
        raise StudyError(
            f"{pseudonyms.KEY_NAME} is another key than the load before had: every customer would get "
            "another customer_id, and no earlier list would fit. Set that key; or, if this one is to "
            f"stay, load once with crm load-data {home.name} --new-key."
        )
