"""What would a load bring in, and what would it set aside and why? Looked at before anything is written.

The first rows of each file, or table of a database, are read and judged exactly as a load does it; nothing
reaches ``data/``.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.backends.duckdb

from crm_utils import contacts, quality
from crm_utils.errors import DataError, without_values
from crm_utils.snapshots import connect
from crm_utils.sources import Raw, reader
from crm_utils.study import Study
from crm_utils.tables import TABLES
from crm_utils.thresholds import set_aside

__all__ = ["SAMPLE", "Aside", "TablePreview", "described", "preview", "refuse_as_a_load"]

#: Rows of each file or table that are looked at: a few seconds' work, and most faults show in them.
SAMPLE = 100_000
#: Reasons shown for a table.
SHOWN = 10


@dataclass(frozen=True)
class Aside:
    """A reason for which rows would be set aside: how many, and the first of them."""

    reason: str
    rows: int
    file: str
    row: int
    raw: str


@dataclass(frozen=True)
class TablePreview:
    """What would become of one table.

    Attributes
    ----------
    name
        The canonical table.
    read, loaded, quarantined
        Rows of the part that was looked at.
    left_out
        Rows by the study's reasons.
    aside
        Reasons for which rows would be set aside, the most frequent first.
    first, last
        The days that the table covers, where it has times.
    part
        What was looked at, where that is not everything: ``the first 100,000 rows of each file or
        table``.
    """

    name: str
    read: int
    loaded: int
    quarantined: int
    left_out: dict[str, int]
    aside: list[Aside]
    first: dt.date | None
    last: dt.date | None
    part: str


def preview(root: Path, study: Study, *, sample: int = SAMPLE) -> list[TablePreview]:
    """Judge the first rows of each of a study's files or tables.

    Parameters
    ----------
    root
        The project's folder; nothing in it is written.
    study
        What would be loaded.
    sample
        Rows of each file.

    Returns
    -------
    list of TablePreview
        In the order of the study.

    Raises
    ------
    StudyError, DataError
        As at a load.
    """
    source = reader(study)
    scratch = Path(tempfile.mkdtemp(prefix="crm-check-"))
    con = connect()
    try:
        inputs = source.inputs(study, root, scratch, sample=sample)
        raw = source.read(con, study, inputs, scratch, sample=sample)
        return [_table(name, raw, sample) for name in raw.tables]
    except (ibis.IbisError, duckdb.Error) as error:
        raise DataError(f"The data of '{study.name}' cannot be read: {without_values(error)}.") from None
    finally:
        con.disconnect()
        shutil.rmtree(scratch, ignore_errors=True)


def refuse_as_a_load(study: Study, tables: list[TablePreview]) -> None:
    """Say that a load would be refused, as far as the first rows tell.

    Raises
    ------
    DataError
        No order line would load, or more rows would be set aside than the study allows.
    """
    lines = next(table for table in tables if table.name == "order_lines")
    if not lines.loaded:
        raise DataError(f"No order line of '{study.name}' would load; {lines.read:,} were read.")
    counts = {table.name: {"read": table.read, "quarantined": table.quarantined} for table in tables}
    if broken := set_aside(study.quality, counts):
        raise DataError(
            f"A load would be refused, as these rows break the study's limits: {'; '.join(broken)}. Mend the "
            "data or their mapping, or change 'quality' in the study."
        )


def _table(name: str, raw: Raw, sample: int) -> TablePreview:
    rows = raw.tables[name]
    good, bad = quality.split(raw.numbered.get(name, rows), name)
    contacts.refuse_contacts(good, name)
    counted = raw.rows.get(name)
    read = sum(counted.values()) if counted is not None else int(rows.count().execute())
    left = quality.left_out(rows)
    cut = good[TABLES[name].cut]
    found: dict[str, Any] = (
        good.aggregate(n=good.count(), first=cut.min(), last=cut.max()).to_pyarrow().to_pylist()[0]
    )
    reasons = bad.group_by("reason").agg(
        rows=bad.count(), file=bad.file.argmin(bad.row), raw=bad.raw.argmin(bad.row), row=bad.row.min()
    )
    aside = [
        Aside(r["reason"], r["rows"], r["file"], r["row"], r["raw"] or "")
        for r in reasons.order_by(ibis.desc("rows"), "reason").to_pyarrow().to_pylist()
    ]
    first, last = (
        value.date() if isinstance(value, dt.datetime) else value for value in (found["first"], found["last"])
    )
    part = raw.sampled
    if part is None:
        part = f"the first {sample:,} rows of each file or table" if read >= sample else ""
    return TablePreview(name, read, found["n"], sum(a.rows for a in aside), left, aside, first, last, part)


def described(tables: list[TablePreview]) -> list[str]:
    """Lines for people: what would load or be left out, and what set aside, with the first row of each."""
    lines = []
    for table in tables:
        part = f" (of {table.part})" if table.part else ""
        days = f", {table.first} to {table.last}" if table.first else ""
        lines.append(
            f"  {table.name:<12} {table.read:>13,} read {table.loaded:>13,} would load "
            f"{table.quarantined:>9,} set aside {sum(table.left_out.values()):>9,} left out{days}{part}"
        )
        lines += [f"      left out: {reason} ({rows:,})" for reason, rows in table.left_out.items()]
        for aside in table.aside[:SHOWN]:
            lines.append(
                f"      set aside: {aside.reason} ({aside.rows:,}); {aside.file}, row {aside.row:,}:"
            )
            lines.append(f"          {aside.raw[:200]}")
        if len(table.aside) > SHOWN:
            lines.append(f"      … and {len(table.aside) - SHOWN} more reasons")
    return lines
