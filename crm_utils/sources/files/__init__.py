"""Files of one's own: CSV, TSV, Excel, JSON Lines, Parquet, packed or not, by the mapping in the study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crm_utils import people
from crm_utils.people import People, PeopleOptions
from crm_utils.sources import Decision, Input, Raw
from crm_utils.sources.files import columnar, delimited, json_lines, workbook
from crm_utils.sources.files.finding import Found, find_files, format_of
from crm_utils.sources.files.options import FileTable, Options, folder_of
from crm_utils.sources.files.part import Part, Place, whole_orders
from crm_utils.tables import TABLES

if TYPE_CHECKING:
    import ibis.backends.duckdb
    import ibis.expr.types as ir

    from crm_utils.study import Study

__all__ = ["DECISIONS", "VERSION", "Options", "inputs", "mapped", "parts_of", "read"]

VERSION = 2
_READERS = {
    "csv": delimited.read,
    "tsv": delimited.read,
    "excel": workbook.read,
    "jsonl": json_lines.read,
    "parquet": columnar.read,
}

DECISIONS = (
    Decision(
        "all",
        "text in unknown encodings",
        "read by its mark, else as strict UTF-8, else as strict CP949, unless the study declares another; "
        "refused when none fits beyond doubt",
    ),
    Decision(
        "all",
        "values are text",
        "read as text first, so that ids keep leading zeros; then as numbers, times and answers in the way "
        "the study declares; what cannot be read so is set aside, never guessed",
    ),
    Decision(
        "all",
        "blanks around a value, and empty values",
        "blanks are taken off; an empty value, and those the study lists as empty, are no value",
    ),
    Decision(
        "all",
        "lines that do not part into the header's columns",
        "set aside with their line; empty lines are no rows",
    ),
    Decision(
        "all",
        "money with more than two decimals",
        "rounded to cents, half away from zero, after the sums that the study writes; within these a number "
        "is kept to a millionth",
    ),
    Decision(
        "all",
        "columns that the study does not name",
        "not read; neither do they stand in the text of rows set aside",
    ),
    Decision("all", "rows that stand twice", "kept, unless the study drops them; then counted as left out"),
    Decision(
        "order_lines",
        "returns",
        "negative lines; kept where they stand or moved to the order they came from, as the study says",
    ),
)


def inputs(study: Study, root: Path, scratch: Path, *, sample: int | None = None) -> list[Input]:
    """Every file that the study's patterns find within its folder, once."""
    options = study.source_options(Options)
    folder = folder_of(options.folder, root)
    becomes: dict[str, list[str]] = {}
    paths: dict[str, Path] = {}
    for table, told in options.tables.items():
        for file in find_files(folder, table, told):
            becomes.setdefault(file.name, []).append(table)
            paths[file.name] = file.path
    key = people.fingerprint(options.persons)
    return [Input(paths[name], ", ".join(tables), name=name, key=key) for name, tables in becomes.items()]


def read(
    con: ibis.backends.duckdb.Backend,
    study: Study,
    inputs: list[Input],
    scratch: Path,
    *,
    sample: int | None = None,
) -> Raw:
    """Canonical tables by the study's mapping."""
    options = study.source_options(Options)
    parts = parts_of(con, options.tables, inputs, scratch, sample=sample)
    return mapped(con, parts, options.tables, options.people, study.timezone, scratch)


def parts_of(
    con: ibis.backends.duckdb.Backend,
    tables: Mapping[str, FileTable],
    inputs: list[Input],
    scratch: Path,
    *,
    sample: int | None,
) -> dict[str, Part]:
    """The raw rows of each table's files."""
    parts: dict[str, Part] = {}
    for table, told in tables.items():
        names = [item for item in inputs if table in item.becomes.split(", ")]
        files = [Found(item.path, item.name, told.format or format_of(item.name)) for item in names]
        part = _READERS[files[0].format](Place(con, table, scratch, sample), files, told)
        numbered = None if part.numbered is None else whole_orders(part.numbered, told)
        parts[table] = Part(whole_orders(part.table, told), part.rows, numbered)
    return parts


def mapped(
    con: ibis.backends.duckdb.Backend,
    parts: dict[str, Part],
    tables: Mapping[str, FileTable],
    options: PeopleOptions,
    zone: str,
    scratch: Path,
) -> Raw:
    """Canonical tables of raw rows, with a customer for whoever they name."""
    rows = {table: parts[table].table for table in tables}
    persons = {table: told.person for table, told in tables.items()}
    who = people.identify(con, rows, persons, options, scratch)
    raw = Raw({})
    for table, told in tables.items():
        _add(raw, table, told, parts[table], who, zone)
    return raw


def _add(raw: Raw, table: str, told: FileTable, part: Part, who: People, zone: str) -> None:
    raw.rows[table] = part.rows

    def by_mapping(rows: ir.Table) -> ir.Table:
        return who.apply(rows, told, table=table, zone=zone)

    numbered = by_mapping(part.numbered) if part.numbered is not None else None
    netted = told.returns is not None and told.returns.lines == "netted"
    if numbered is not None and (TABLES[table].key or told.duplicates != "keep" or netted):
        raw.tables[table] = numbered  # which row came first matters
    else:
        raw.tables[table] = by_mapping(part.table)
        if numbered is not None:
            raw.numbered[table] = numbered
