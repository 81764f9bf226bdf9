"""How is a snapshot built? Tables written, judged as a whole, and described in ``snapshot.json``."""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir

from crm_utils import engine, people
from crm_utils.errors import DataError, without_values
from crm_utils.loading import contract, doubts, table_files
from crm_utils.loading.inputs import refuse_damaged
from crm_utils.people import contacts
from crm_utils.people.contact_forms import hidden
from crm_utils.snapshots import SCHEMA_VERSION, Snapshot, current_id, open_snapshot, sealed
from crm_utils.sources import Input, Raw, Reading, Source
from crm_utils.study.limits import hold_to

__all__ = ["LOADER_VERSION", "Load", "build"]

#: Raised when the same input would give other tables, whatever the source.
LOADER_VERSION = 5


@dataclass(frozen=True)
class Load:
    """One load: what is read, how, and where it goes.

    Attributes
    ----------
    name
        The snapshot's id.
    home
        The folder of the study's snapshots.
    source, reading
        The study's reader, and what it is handed.
    inputs
        What is read.
    described
        The same as the manifest will say it: name, hash, size, rows.
    states
        How each was found, so that one which changes meanwhile is seen.
    before
        The snapshot in use until now, where it can be compared.
    """

    name: str
    home: Path
    source: Source
    reading: Reading
    inputs: list[Input]
    described: list[dict[str, Any]]
    states: list[tuple[int, int] | None]
    before: Snapshot | None


@dataclass(frozen=True)
class _Judged:
    """What the loaded tables say as a whole: days, odd values, orders of several customers, late lines."""

    days: doubts.Ends
    oddities: dict[str, int]
    mixed: dict[str, int]
    late: dict[str, Any] | None


def build(load: Load, folder: Path) -> None:
    """Write tables, quarantine and manifest into a folder.

    Raises
    ------
    DataError
        The data cannot be read, break the study's limits, or would make every number wrong.
    """
    study = load.reading.study
    last = _tables_in_use(load.home)
    today = dt.datetime.now(zoneinfo.ZoneInfo(study.timezone)).date()
    try:
        raw, tables = _written(load, folder)
        judged = _judged(load, folder, raw, tables, today)
    except (ibis.IbisError, duckdb.Error) as error:
        refuse_damaged(load.reading.con, load.inputs)
        raise DataError(f"The data of '{study.name}' cannot be loaded: {without_values(error)}.") from None
    hold_to(study.quality, tables, last, last_day=judged.days.last, today=today)
    doubts.refuse_mixed(judged.mixed, study.quality)
    manifest = sealed(_manifest(load, raw, tables, judged, today))
    (folder / "snapshot.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")


def _written(load: Load, folder: Path) -> tuple[Raw, dict[str, Any]]:
    """The tables as files (or where they lie), and what the manifest says of each."""
    raw = load.source.read(load.reading, load.inputs)
    if raw.in_place:
        return raw, {table: table_files.judge_in_place(table, raw) for table in raw.tables}
    tables = {table: table_files.write(load.reading.con, folder, table, raw) for table in raw.tables}
    for rows in tables.values():
        doubts.refuse_swapped(rows["quarantined_by_reason"])
    if not raw.overlap_is_known and len(raw.rows.get("order_lines", ())) > 1:
        doubts.refuse_repeated(raw.tables["order_lines"])
    return raw, tables


def _judged(load: Load, folder: Path, raw: Raw, tables: dict[str, Any], today: dt.date) -> _Judged:
    con, study = load.reading.con, load.reading.study
    lineage = ("_file", "_row", "_raw")
    loaded = {
        table: raw.tables[table].drop(*lineage)
        if raw.in_place
        else engine.read(con, folder / f"{table}.parquet")
        for table in tables
    }
    for table, rows in loaded.items():
        contacts.refuse_contacts(rows, table)
    counts = tables["order_lines"]
    if not counts["loaded"]:
        raise DataError(f"No order line of '{study.name}' could be loaded; {counts['read']} were read.")
    lines = loaded["order_lines"]
    mixed = doubts.mixed_orders(lines)
    days = doubts.ends(lines, until=today) or doubts.ends(lines, until=contract.LATEST.date())
    assert days is not None
    known = doubts.oddity_words(mixed, days)
    counts = {words: n for words, n in contract.oddities(loaded).items() if words not in known}
    oddities = {words: int(n.execute()) for words, n in counts.items()} | known
    oddities["order lines of days that are still to come"] = _ahead(lines, today)
    return _Judged(days, oddities, mixed, _late(load, raw, lines))


def _manifest(
    load: Load, raw: Raw, tables: dict[str, Any], judged: _Judged, today: dt.date
) -> dict[str, Any]:
    study, source, days = load.reading.study, load.source, judged.days
    return {
        "schema_version": SCHEMA_VERSION,
        "id": load.name,
        "study": study.name,
        "source": study.kind,
        "options": study.source,
        "simulated": getattr(source, "SIMULATED", False),
        "zone": study.timezone,
        "loader_version": [LOADER_VERSION, source.VERSION],
        "loaded_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "inputs": [
            item | {"rows": _rows_of(item, raw), "name": hidden(item["name"])} for item in load.described
        ],
        "tables": tables,
        "oddities": judged.oddities,
        "late_arrivals": judged.late,
        "identity": people.report(load.reading.scratch),
        "decisions": [{"table": d.table, "quirk": d.quirk, "decision": d.decision} for d in source.DECISIONS],
        # A year that was mistyped must not pass for the first or the last day.
        "first_day": days.first.isoformat(),
        "last_day": days.last.isoformat(),
        # A day that was not over when the data were read is not complete.
        "last_complete_day": min(days.last, today - dt.timedelta(days=1)).isoformat(),
    }


def _tables_in_use(home: Path) -> dict[str, Any] | None:
    """What the manifest in use says of its tables, whatever they were loaded from."""
    snapshot = open_snapshot(home / (current_id(home) or "none"))
    return snapshot.manifest["tables"] if snapshot else None


def _ahead(lines: ir.Table, today: dt.date) -> int:
    """How many lines lie after today."""
    to_come = lines.ordered_at >= dt.datetime.combine(today + dt.timedelta(days=1), dt.time())
    return int(lines.filter(to_come).count().execute())


def _late(load: Load, raw: Raw, lines: ir.Table) -> dict[str, Any] | None:
    """What came late: order lines of days that the snapshot before held as complete; None at a first load."""
    before = load.before
    if before is None or raw.in_place:  # what was there before is gone
        return None
    through = before.manifest["last_complete_day"]
    then = engine.read(load.reading.con, before.path("order_lines"))
    changed = contract.late_arrivals(lines, then, through=dt.date.fromisoformat(through)).execute()
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
