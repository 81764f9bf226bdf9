"""CSV and its kin: parted by the engine with declared marks, all text; what it cannot part is kept as a line.

The engine reads the file as often as it is asked: that is faster than keeping a copy. The first time it
counts rows, by whom they name where they name a person, and notes the lines that cannot be parted; no later
step has a part in that number.
"""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from crm_utils.errors import DataError
from crm_utils.mapping.expressions import column_named
from crm_utils.sources.files.finding import Found
from crm_utils.sources.files.line_numbers import FileRows, blocks, lines_of
from crm_utils.sources.files.options import FileTable
from crm_utils.sources.files.part import HIDDEN, Part, Place, plain_text, used_columns
from crm_utils.tools.sql_text import identifier, literal, path_literal

__all__ = ["header_of", "read"]

#: More lines than this that cannot be parted: the marks are wrong, not the lines.
MOST_REJECTS = 100_000
#: So much of a line is kept for a person to look at.
LONGEST_RAW = 2_000
_REJECTS = pa.schema(
    [("_file", pa.string()), ("_row", pa.int64()), ("_problem", pa.string()), ("_raw", pa.string())]
)


@dataclass(frozen=True)
class _Text:
    """One file as the engine reads it."""

    name: str
    path: Path
    header: list[str]


@dataclass(frozen=True)
class _Rejects:
    """Lines that could not be parted, and for each file after which of its good rows they stand."""

    rows: pa.Table
    after: dict[str, list[int]]


def read(place: Place, files: list[Found], mapping: FileTable) -> Part:
    """Raw rows of all files, columns by their names, whatever their order in each file.

    Raises
    ------
    DataError
        A file cannot be decoded or parted, or lacks a column.
    """
    mapping = mapping.model_copy(update={"format": files[0].format})
    groups: dict[tuple[str, ...], list[_Text]] = {}
    for number, file in enumerate(files):
        text = plain_text(place, number, file, mapping)
        header = header_of(text, mapping, file.name)
        groups.setdefault(tuple(header), []).append(_Text(file.name, text, header))
    rows: dict[str, int] = {}
    plain, numbered, named = [], [], []
    for number, texts in enumerate(groups.values()):
        used = used_columns(mapping, texts[0].header, table=place.table, name=texts[0].name)
        name = f"{place.table}_{number}"
        counted, rejects = _count(place, texts, mapping, name, used)
        rows |= {file: good + len(rejects.after.get(file, ())) for file, good in counted.items()}
        plain.append(_plain(texts, mapping, used))
        numbered += _numbered(place, texts, mapping, name, used, counted, rejects)
        named.append(f"SELECT * EXCLUDE (crm_file) FROM _named_{name}")
    return Part(
        table=place.con.sql(" UNION ALL BY NAME ".join(plain)),
        rows=rows,
        numbered=place.con.sql(" UNION ALL BY NAME ".join(numbered)),
        named=place.con.sql(" UNION ALL BY NAME ".join(named)) if mapping.person else None,
    )


def header_of(path: Path, mapping: FileTable, name: str) -> list[str]:
    """The columns of a file: its first line after those that are skipped, or the names that the study gives.

    Raises
    ------
    DataError
        The file is empty.
    """
    if mapping.names is not None:
        return list(mapping.names)
    with path.open(encoding="utf-8-sig", newline="") as text:
        for _ in range(mapping.skip):
            text.readline()
        lines = (line for line in text if line.strip())
        try:
            header = next(csv.reader(lines, delimiter=mapping.mark, quotechar=mapping.quote), None)
        except csv.Error:
            raise DataError(f"{name}: its first line is no header: it is too long.") from None
    if header is None:
        raise DataError(f"{name} is empty.")
    return [column.strip() or f"column {n}" for n, column in enumerate(header, start=1)]


def _count(
    place: Place, texts: list[_Text], mapping: FileTable, name: str, used: list[str]
) -> tuple[dict[str, int], _Rejects]:
    """Read everything once: rows that can be parted, by file, and the lines that cannot."""
    con = place.con.con
    store = f"store_rejects = true, rejects_table = 'e_{name}', rejects_scan = 's_{name}', rejects_limit = 0"
    by_path = {str(text.path): text.name for text in texts}
    header = texts[0].header
    persons = {column_named(column, header) for column in mapping.person.values()}
    named = "".join(f", c{header.index(column)} AS {identifier(column)}" for column in sorted(persons))
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE _named_{name} AS SELECT filename AS crm_file{named}, "
            f"count(*) AS crm_rows FROM {_scan(texts, mapping, store)} GROUP BY ALL"
        )
        counted = con.execute(
            f"SELECT crm_file, sum(crm_rows)::BIGINT FROM _named_{name} GROUP BY 1"
        ).fetchall()
    except duckdb.Error as error:
        names = ", ".join(text.name for text in texts[:3])
        raise DataError(f"{names} cannot be parted into columns: {str(error).splitlines()[0]}") from None
    good = {text.name: 0 for text in texts} | {by_path[path]: n for path, n in counted}
    rejected = con.execute(
        f"SELECT s.file_path, e.line, arg_min(e.error_type, coalesce(e.column_idx, 0)), "
        "arg_min(e.error_message, coalesce(e.column_idx, 0)), "
        f"left(any_value(e.csv_line), {LONGEST_RAW}) "
        f"FROM e_{name} e JOIN s_{name} s USING (scan_id, file_id) GROUP BY 1, 2 ORDER BY 1, 2 "
        f"LIMIT {MOST_REJECTS + 1}"
    ).fetchall()
    con.execute(f"DROP TABLE e_{name}; DROP TABLE s_{name}")
    if len(rejected) > MOST_REJECTS:
        raise DataError(
            f"{by_path[rejected[0][0]]}: more than {MOST_REJECTS:,} lines cannot be parted into "
            f"{len(texts[0].header)} columns. Are delimiter and quote as declared?"
        )
    shown = not mapping.person and set(used) == set(texts[0].header)
    rows = [
        (
            by_path[path],
            line + mapping.skip,
            _why(kind, said, len(texts[0].header)),
            raw.strip() if shown else HIDDEN,
        )
        for path, line, kind, said, raw in rejected
    ]
    after: dict[str, list[int]] = {}
    for path, line, *_ in rejected:
        lines = after.setdefault(by_path[path], [])
        lines.append(line - (mapping.names is None) - len(lines) - 1)
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], []]
    return good, _Rejects(pa.table(columns, schema=_REJECTS), after)


def _scan(texts: list[_Text], layout: FileTable, errors: str) -> str:
    paths = ", ".join(path_literal(text.path) for text in texts)
    columns = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(texts[0].header)))
    quote = literal(layout.quote)
    return (
        f"read_csv([{paths}], columns = {{{columns}}}, auto_detect = false, header = {layout.names is None}, "
        f"skip = {layout.skip}, delim = {literal(layout.mark)}, quote = {quote}, escape = {quote}, "
        f"filename = true, hive_partitioning = false, {errors})"
    )


def _select(texts: list[_Text], used: list[str], rows: str, row: str) -> str:
    columns = ", ".join(f"c{texts[0].header.index(name)} AS {identifier(name)}" for name in used)
    names = _by_file({text.name: literal(text.name) for text in texts}, texts)
    return f"SELECT {columns}, {names} AS _file, {row} AS _row FROM {rows}"


def _plain(texts: list[_Text], mapping: FileTable, used: list[str]) -> str:
    return _select(texts, used, _scan(texts, mapping, "ignore_errors = true"), "CAST(NULL AS BIGINT)")


def _numbered(
    place: Place,
    texts: list[_Text],
    mapping: FileTable,
    name: str,
    used: list[str],
    counted: dict[str, int],
    rejects: _Rejects,
) -> list[str]:
    """The rows with the line of each, and the lines that could not be parted."""
    scan, above = _scan(texts, mapping, "ignore_errors = true"), mapping.skip + (mapping.names is None)
    lie = [FileRows(counted[text.name], above, rejects.after.get(text.name, [])) for text in texts]
    if not rejects.after:
        starts = itertools.accumulate((file.good for file in lie[:-1]), initial=0)
        before = {text.name: str(start) for text, start in zip(texts, starts, strict=True)}
        rows = f"(SELECT *, row_number() OVER () AS _n FROM {scan})"
        return [_select(texts, used, rows, f"_n - {_by_file(before, texts)} + {above}")]
    place.con.create_table(f"_lines_{name}", blocks(lie), temp=True)
    place.con.create_table(f"_rejects_{name}", rejects.rows, temp=True)
    rows = lines_of(scan, f"_lines_{name}")
    return [_select(texts, used, rows, "_line"), f"SELECT * FROM _rejects_{name}"]


def _by_file(values: dict[str, str], texts: list[_Text]) -> str:
    """A value in SQL that depends on the file."""
    if len(texts) == 1:
        return values[texts[0].name]
    keys = ", ".join(literal(str(text.path)) for text in texts)
    return f"MAP([{keys}], [{', '.join(values[text.name] for text in texts)}])[filename]"


def _why(kind: str, said: str, columns: int) -> str:
    if kind == "MISSING COLUMNS":
        return f"the line has too few values: {said.rpartition(' ')[2]}, not {columns}"
    return {
        "TOO MANY COLUMNS": f"the line has more than {columns} values",
        "UNQUOTED VALUE": "a quotation mark is not closed, or stands within a value",
        "LINE SIZE OVER MAXIMUM": "the line is longer than 2 MB",
        "INVALID ENCODING": "the line is not in the encoding of the file",
    }.get(kind, f"the line cannot be parted ({kind.lower()})")
