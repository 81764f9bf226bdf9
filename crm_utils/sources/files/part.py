"""What every format gives: raw columns with where they came from, and how many rows each file has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import ibis
import ibis.backends.duckdb
import ibis.expr.types as ir

from crm_utils.errors import DataError
from crm_utils.mapping import TableMapping, columns_named, columns_used
from crm_utils.mapping.expressions import column_named
from crm_utils.sources.files.finding import Found
from crm_utils.sources.files.options import BLANKS, FileTable
from crm_utils.sources.files.plain_text import as_plain_text, first_lines, with_tabs

__all__ = ["HIDDEN", "Part", "Place", "plain_text", "used_columns", "whole_orders"]

#: Instead of a line that could not be parted: what the mapping does not name may name a person.
HIDDEN = "(not kept: the file has columns that the study does not use)"


@dataclass(frozen=True)
class Place:
    """Where a table is read: the engine, the canonical table's name, and a folder for what is unpacked.

    With ``sample``, so many rows of each file are enough.
    """

    con: ibis.backends.duckdb.Backend
    table: str
    scratch: Path
    sample: int | None = None

    def file(self, number: int, ending: str) -> Path:
        """A path for one file's text, in a folder that only its owner may open."""
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.scratch / f"{self.table}-{number:05}{ending}"


@dataclass(frozen=True)
class Part:
    """The raw rows of one canonical table.

    Attributes
    ----------
    table
        The columns that the mapping reads, ``_file`` and ``_row``; where some lines could not be parted,
        ``_problem`` and ``_raw``.
    rows
        How many rows each file has, by its name.
    numbered
        The same with ``_row`` filled and unparted lines in it, where that is dear; None: ``table`` is.
    named
        Where the reader counted them with its rows: each combination of the columns that name a person, and
        how many rows have it (``crm_rows``). None: nobody looked yet.
    """

    table: ir.Table
    rows: dict[str, int] = field(default_factory=dict)
    numbered: ir.Table | None = None
    named: ir.Table | None = None


def whole_orders(table: ir.Table, mapping: FileTable) -> ir.Table:
    """The same rows, with what stands on one line of an order on all of them.

    Where lines of an order say different things, each keeps its own.
    """
    if not mapping.of_the_order:
        return table
    mapped = mapping.columns["order_id"]
    order = [table[column_named(name, table.columns)] for name in mapped.columns or [str(mapped.column)]]
    filled = {}
    for name in mapping.of_the_order:
        value = table[column_named(name, table.columns)]
        own = value.strip().nullif("") if value.type().is_string() else value
        filled[value.get_name()] = ibis.coalesce(own, own.max().over(group_by=order))
    return table.mutate(**filled)


def plain_text(place: Place, number: int, file: Found, mapping: FileTable) -> Path:
    """A path of a file's text that the engine reads as it is; of its first lines when a sample is enough."""
    path = file.path
    if place.sample is not None:
        path = first_lines(path, file.name, place.sample, to=place.file(number, ".part"))
    text = as_plain_text(path, file.name, encoding=mapping.encoding, to=place.file(number, ".txt"))
    if mapping.delimiter != BLANKS:
        return text
    return with_tabs(text, quote=mapping.quote, to=place.file(number, ".tabs"))


def used_columns(mapping: TableMapping, there: list[str], *, table: str, name: str) -> list[str]:
    """The columns of one file that the mapping reads.

    Raises
    ------
    DataError
        One is missing, or stands twice. The file's own first line is only quoted when it is a header: without
        one it holds somebody's data.
    """
    wanted = columns_named(mapping)
    if len(there) > 1 and not set(wanted) & set(there):
        raise DataError(
            f"{name}: none of the mapped columns stands in its first line of {len(there)} values. If it has "
            "no header, write names: [...]; if lines stand above it, skip: …"
        )
    if len(there) == 1 and there[0] not in wanted:
        marks = [mark for mark in (";", "\t", "|", ",") if mark in there[0]]
        hint = f" Is the delimiter {marks[0]!r}? Declare it: delimiter: …" if marks else ""
        raise DataError(f"{name}: its first line is one value.{hint}")
    used = columns_used(mapping, there, table=f"{name}: {table}")
    for column in used:
        alike = [other for other in there if other.casefold() == column.casefold()]
        if len(alike) > 1:
            raise DataError(f"{name}: the column '{column}' stands there {len(alike)} times. Rename one.")
    return used
