"""How do a study's data become a snapshot? Read, held to their contract, written whole or not at all.

The id is a hash of the inputs, the study's source section and the loader's version, so loading the same
twice does nothing. A snapshot is built beside its place and moved there whole; ``CURRENT`` is replaced in
one step. What was in use stays in use until then.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import zoneinfo
from pathlib import Path
from typing import Any, cast

import duckdb
import ibis
import ibis.backends.duckdb
import psutil

from crm_utils import contacts, durable, incoming, key_map, people, quality, table_files
from crm_utils.engine_text import read_parquet
from crm_utils.errors import DataError, without_values
from crm_utils.snapshots import Snapshot, connect, current_id, find, open_snapshot
from crm_utils.sources import Input, Raw, Source, reader
from crm_utils.study import Study
from crm_utils.thresholds import hold_to

__all__ = ["load"]

SCHEMA_VERSION = 2
#: Raised when the same input would give other tables, whatever the source.
LOADER_VERSION = 2


def load(root: Path, study: Study, *, new_key: bool = False) -> tuple[Snapshot, bool]:
    """Bring a study's data in, unless the same data are in already.

    Parameters
    ----------
    root
        The project's folder.
    study
        What to load.
    new_key
        People may get other pseudonyms than in the snapshot that is current.

    Returns
    -------
    snapshot : Snapshot
        The snapshot, now the current one.
    is_new : bool
        Whether anything had to be read.

    Raises
    ------
    DataError
        A file, table or column is missing or damaged, two files hold the same, or nothing could be loaded.
        The snapshot that was current stays so.
    StudyError
        The key is another than that of the snapshot that is current.
    """
    source = reader(study)
    home = root / "data" / "snapshots" / study.name
    scratch = home / f".scratch-{os.getpid()}"
    _remove_abandoned(home)
    home.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(mode=0o700)  # what is unpacked, fetched and joined may name people
    try:
        inputs = source.inputs(study, root, scratch)
        seen = [incoming.seen(item.path) for item in inputs]
        read = [incoming.described(item) for item in inputs]
        incoming.refuse_twice(inputs, read)
        if not new_key:
            incoming.refuse_new_key(home, read)
        name = _identity(study, source, read)
        snapshot = open_snapshot(home / name, verify=True)
        # Without its key map a snapshot's lists lead to nobody, so it is made again.
        is_new = snapshot is None or key_map.is_missing(snapshot, root)
        if is_new:
            before = _before(root, study)
            _make(home, name, study, source, inputs, read, seen=seen, before=before, scratch=scratch)
            key_map.keep(scratch, root, study.name, name)
            snapshot = find(root, study.name, name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if current_id(home) != name:
        durable.replace(home / "CURRENT", f"{name}\n", sync=True)
    return cast(Snapshot, snapshot), is_new


def _make(
    home: Path,
    name: str,
    study: Study,
    source: Source,
    inputs: list[Input],
    read: list[dict[str, Any]],
    *,
    seen: list[tuple[int, int] | None],
    before: Snapshot | None,
    scratch: Path,
) -> None:
    """Build a snapshot beside its place, and move it there whole; ``seen`` is how the inputs were found."""
    building = home / f".{name}-{os.getpid()}"
    try:
        building.mkdir(parents=True)
        _build(building, name, study, source, inputs, read, before=before, scratch=scratch)
        for item, then in zip(inputs, seen, strict=True):
            if incoming.seen(item.path) != then:
                raise DataError(f"{item.shown} changed while it was read. Load again when it is complete.")
        durable.sync_tree(building)
        _put(building, home / name)
        durable.sync_folder(home)
    except OSError as error:
        raise DataError(f"The snapshot of '{study.name}' cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put(building: Path, place: Path) -> None:
    """Move a snapshot to its place, unless a whole one came there meanwhile; a damaged one makes room."""
    try:
        building.rename(place)
    except OSError:
        if open_snapshot(place, verify=True) is None:
            shutil.rmtree(place, ignore_errors=True)
            building.rename(place)


def _identity(study: Study, source: Source, read: list[dict[str, Any]]) -> str:
    told = {
        "inputs": [(item["name"], item["sha256"]) for item in read],
        "source": study.source,
        "timezone": study.timezone,
        "versions": (SCHEMA_VERSION, LOADER_VERSION, source.VERSION),
        "keys": sorted({item["key"] for item in read if item["key"]}),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _before(root: Path, study: Study) -> Snapshot | None:
    """The snapshot in use until now, if it can be compared: every byte whole, the same source and zone."""
    home = root / "data" / "snapshots" / study.name
    snapshot = open_snapshot(home / current_id(home), verify=True)
    told = (study.source, study.timezone)
    return (
        snapshot if snapshot and (snapshot.manifest["options"], snapshot.manifest["zone"]) == told else None
    )


def _tables_before(home: Path) -> dict[str, Any] | None:
    """What the manifest in use says of its tables, whatever they were loaded from."""
    snapshot = open_snapshot(home / (current_id(home) or "none"))
    return snapshot.manifest["tables"] if snapshot else None


def _build(
    folder: Path,
    name: str,
    study: Study,
    source: Source,
    inputs: list[Input],
    read: list[dict[str, Any]],
    *,
    before: Snapshot | None,
    scratch: Path,
) -> None:
    con = connect()
    last = _tables_before(folder.parent)
    try:
        raw = source.read(con, study, inputs, scratch)
        tables = {table: table_files.write(con, folder, table, raw) for table in raw.tables}
        loaded = {table: read_parquet(con, folder / f"{table}.parquet") for table in tables}
        for table, rows in loaded.items():
            contacts.refuse_contacts(rows, table)
        oddities = {words: int(rows.execute()) for words, rows in quality.oddities(loaded).items()}
        lines = loaded["order_lines"]
        late = _late(con, lines, before)
        today = dt.datetime.now(zoneinfo.ZoneInfo(study.timezone)).date()
        oldest, newest, ahead = _ends(lines, today)
        oddities["order lines of days that are still to come"] = ahead
    except (ibis.IbisError, duckdb.Error) as error:
        raise DataError(f"The data of '{study.name}' cannot be loaded: {without_values(error)}.") from None
    finally:
        con.disconnect()
    if not tables["order_lines"]["loaded"]:
        raise DataError(
            f"No order line of '{study.name}' could be loaded; {tables['order_lines']['read']} were read."
        )
    hold_to(study.quality, tables, last, last_day=newest.date(), today=today)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "id": name,
        "study": study.name,
        "source": study.kind,
        "options": study.source,
        "simulated": getattr(source, "SIMULATED", False),
        "zone": study.timezone,
        "loader_version": [LOADER_VERSION, source.VERSION],
        "loaded_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "inputs": [item | {"rows": _rows_of(item, raw)} for item in read],
        "tables": tables,
        "oddities": oddities,
        "late_arrivals": late,
        "identity": people.report(scratch),
        "decisions": [{"table": d.table, "quirk": d.quirk, "decision": d.decision} for d in source.DECISIONS],
        "first_day": oldest.date().isoformat(),
        "last_day": newest.date().isoformat(),
        # A day that was not over when the data were read is not complete.
        "last_complete_day": min(newest.date(), today - dt.timedelta(days=1)).isoformat(),
    }
    (folder / "snapshot.json").write_text(
        json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8"
    )


def _ends(lines: Any, today: dt.date) -> tuple[Any, Any, int]:
    """The oldest and the newest order, and how many lines lie after today.

    A year that was mistyped must not pass for the newest day, unless the clock is wrong and all lie there.
    """
    to_come = lines.ordered_at >= dt.datetime.combine(today + dt.timedelta(days=1), dt.time())
    found = lines.aggregate(
        oldest=lines.ordered_at.min(),
        known=lines.ordered_at.max(where=~to_come),
        newest=lines.ordered_at.max(),
        ahead=to_come.cast("int64").sum(),
    )
    row = found.to_pyarrow().to_pylist()[0]
    return row["oldest"], row["known"] or row["newest"], int(row["ahead"] or 0)


def _late(con: ibis.backends.duckdb.Backend, lines: Any, before: Snapshot | None) -> dict[str, Any] | None:
    """What came late: order lines of days that the snapshot before held as complete; None at a first load."""
    if before is None:
        return None
    through = before.manifest["last_complete_day"]
    then = read_parquet(con, before.path("order_lines"))
    changed = quality.late_arrivals(lines, then, through=dt.date.fromisoformat(through)).execute()
    return {
        "since": before.id,
        "through": through,
        "came": int(changed["came"].sum()),
        "went": int(changed["went"].sum()),
        "days": len(changed),
        "oldest": None if changed.empty else changed["day"].min().isoformat()[:10],
    }


def _rows_of(item: dict[str, Any], raw: Raw) -> int | None:
    """The rows of an input: as its file says, else as the reader counted them."""
    if item["rows"] is not None:
        return int(item["rows"])
    counted = [rows[item["name"]] for rows in raw.rows.values() if item["name"] in rows]
    return max(counted, default=None)


def _remove_abandoned(home: Path) -> None:
    """Remove what processes left half built that are no more, or had this one's number (in a container)."""
    for left in home.glob(".*-[0-9]*"):
        owner = left.name.rpartition("-")[2]
        if owner.isdecimal() and (int(owner) == os.getpid() or not psutil.pid_exists(int(owner))):
            shutil.rmtree(left, ignore_errors=True)
