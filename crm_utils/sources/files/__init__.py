"""Files of one's own: CSV, TSV, Excel, JSON Lines, Parquet, packed or not, by the mapping in the study."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crm_utils import people
from crm_utils.mapping.returns import once_over_files
from crm_utils.people import People, PeopleOptions
from crm_utils.sources import Decision, Input, Raw, Reading
from crm_utils.sources.files import columnar, delimited, json_lines, workbook
from crm_utils.sources.files.finding import Found, find_files, format_of, readable
from crm_utils.sources.files.joined import read_joined
from crm_utils.sources.files.options import FileTable, Format, Options, folder_of
from crm_utils.sources.files.part import Part, Place, whole_orders
from crm_utils.tables import TABLES
from crm_utils.tools.sql_text import no_letter

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["DECISIONS", "VERSION", "Options", "inputs", "mapped", "parts_of", "read"]

VERSION = 3
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


def inputs(reading: Reading) -> list[Input]:
    """Every file that the study's patterns find within its folder, once."""
    options = reading.study.source_options(Options)
    folder = folder_of(options.folder, reading.root)
    becomes: dict[str, list[str]] = {}
    paths: dict[str, Path] = {}
    for table, mapping in options.tables.items():
        for file in find_files(folder, table, mapping):
            becomes.setdefault(file.name, []).append(table)
            paths[file.name] = file.path
        for n, join in enumerate(mapping.join, start=1):
            for file in find_files(folder, table, join):
                becomes.setdefault(file.name, []).append(_joined(table, n))
                paths[file.name] = file.path
    key = people.fingerprint(options.persons)
    return [
        Input(_path_in_letters(paths[name], reading.scratch, number), ", ".join(tables), name=name, key=key)
        for number, (name, tables) in enumerate(becomes.items())
    ]


def _path_in_letters(path: Path, scratch: Path, number: int) -> Path:
    """The path of a file; where it is not UTF-8, which the engine does not open, that of a link to it."""
    if not no_letter(str(path)):
        return path
    link = scratch / f"input-{number:05}{Path(readable(path.name)).suffix}"
    link.symlink_to(path.resolve())
    return link


def read(reading: Reading, inputs: list[Input]) -> Raw:
    """Canonical tables by the study's mapping."""
    options = reading.study.source_options(Options)
    parts = parts_of(reading, options.tables, inputs)
    return mapped(reading, parts, options.tables, options.people)


def parts_of(reading: Reading, tables: Mapping[str, FileTable], inputs: list[Input]) -> dict[str, Part]:
    """The raw rows of each table's files."""
    parts: dict[str, Part] = {}
    for table, mapping in tables.items():
        files = _files_of(inputs, table, mapping.format)
        place = Place(reading.con, table, reading.scratch, reading.sample)
        if mapping.join:
            places = [_joined(table, n) for n in range(1, len(mapping.join) + 1)]
            others = [
                _files_of(inputs, name, join.format) for name, join in zip(places, mapping.join, strict=True)
            ]
            part, rows = read_joined(place, files, mapping, others, _READERS)
            parts |= {name: Part(part.table, each) for name, each in zip(places, rows, strict=True)}
        else:
            part = _READERS[files[0].format](place, files, mapping)
        numbered = None if part.numbered is None else whole_orders(part.numbered, mapping)
        # What stands on one line of an order may name its person.
        named = None if mapping.of_the_order else part.named
        parts[table] = Part(whole_orders(part.table, mapping), part.rows, numbered, named)
    return parts


def _joined(table: str, number: int) -> str:
    """What a joined file is called where the tables are named that a file becomes."""
    return f"{table} (join {number})"


def _files_of(inputs: list[Input], name: str, kind: Format | None) -> list[Found]:
    names = [item for item in inputs if name in item.becomes.split(", ")]
    return [Found(item.path, item.name, kind or format_of(item.name)) for item in names]


def mapped(
    reading: Reading, parts: dict[str, Part], tables: Mapping[str, FileTable], options: PeopleOptions
) -> Raw:
    """Canonical tables of raw rows, with a customer for whoever they name."""
    rows = {table: parts[table].table for table in tables}
    persons = {table: mapping.person for table, mapping in tables.items()}
    named = {table: part.named for table, part in parts.items() if part.named is not None}
    who = people.identify(reading.con, rows, persons, options, reading.scratch, named=named)
    raw = Raw({}, rows={name: part.rows for name, part in parts.items() if name not in tables})
    for table, mapping in tables.items():
        _add(raw, table, mapping, parts[table], who, reading.study.timezone)
    return raw


def _add(raw: Raw, table: str, mapping: FileTable, part: Part, who: People, zone: str) -> None:
    raw.rows[table] = part.rows

    def by_mapping(rows: ir.Table) -> ir.Table:
        lines = who.apply(rows, mapping, table=table, zone=zone)
        return once_over_files(lines) if mapping.overlap == "drop" else lines

    raw.overlap_is_known = raw.overlap_is_known or mapping.overlap is not None

    netted = mapping.returns is not None and mapping.returns.lines == "netted"
    ordered = TABLES[table].key or mapping.duplicates != "keep" or netted or mapping.counts_rows
    if part.numbered is not None and ordered:
        raw.tables[table] = by_mapping(part.numbered)  # which row is which matters
    else:
        raw.tables[table] = by_mapping(part.table)
        if part.numbered is not None:
            raw.numbered[table] = functools.partial(by_mapping, part.numbered)
