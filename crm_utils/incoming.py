"""What is about to be read? Each input known by its hash, once, and under the key of the load before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from crm_utils import privacy, table_files
from crm_utils.errors import DataError, StudyError
from crm_utils.snapshots import current_id, open_snapshot, sha256
from crm_utils.sources import Input

__all__ = ["described", "refuse_new_key", "refuse_twice", "seen"]


def seen(path: Path) -> tuple[int, int] | None:
    """A file's size and time of change, to see that it stayed as it was; None where it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


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
    for item, told in zip(inputs, read, strict=True):
        other = first.setdefault((told["sha256"], item.becomes), item.shown)
        if other != item.shown and not _is_empty(item.path):
            raise DataError(
                f"{other} and {item.shown} hold the same, byte for byte: all of it would be loaded twice. "
                "Remove one, or narrow the study's pattern."
            )


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
            f"{privacy.KEY_NAME} is another key than the load before had: every customer would get another "
            "customer_id, and no earlier list would fit. Set that key; or, if this one is to stay, load once "
            f"with crm load-data {home.name} --new-key."
        )
