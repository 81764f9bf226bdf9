"""Excel: cells as text, row by row in bounded memory, through openpyxl.

openpyxl reads a sheet as a stream, tells errors and dates from text, and is what pandas reads Excel with.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crm_utils.errors import DataError, known_names
from crm_utils.sources.files.finding import Found
from crm_utils.sources.files.options import FileTable
from crm_utils.sources.files.part import Part, Place, used_columns
from crm_utils.sources.files.plain_text import FREE_BYTES, MOST_RATIO
from crm_utils.tools.sql_text import path_literal

__all__ = ["cell_text", "header_of", "opened_sheet", "read", "sheets_of"]

BATCH = 20_000


def read(place: Place, files: list[Found], mapping: FileTable) -> Part:
    """Raw rows of one sheet of each file, all as text.

    Raises
    ------
    DataError
        A file is no workbook, damaged or packed beyond belief, or lacks a sheet or a column.
    """
    paths, rows = [], {}
    for number, file in enumerate(files):
        path = place.file(number, ".parquet")
        with opened_sheet(file, mapping.sheet) as (values, formulas):
            rows[file.name] = _write(path, file.name, values, formulas, mapping, place)
        paths.append(path_literal(path))
    table = place.con.sql(
        f"SELECT * FROM read_parquet([{', '.join(paths)}], union_by_name = true, hive_partitioning = false)"
    )
    return Part(table=table, rows=rows)


@contextmanager
def opened_sheet(file: Found, sheet: str | None) -> Iterator[tuple[Any, Any]]:
    """The rows of a sheet: with the values of formulas, and with the formulas themselves where it has any."""
    formulas = _looked_into(file)
    books = []
    with _damage_told(file), contextlib.ExitStack() as opened:
        for wanted in (True, False)[: 1 + formulas]:
            books.append(_opened(file, values=wanted))
            opened.callback(books[-1].close)
        names = [s.title for s in books[0].worksheets]
        chosen = sheet or (names[0] if len(names) == 1 else None)
        if chosen not in names:
            asked = f"no sheet '{sheet}'" if sheet else f"{len(names)} sheets; say which: sheet: …"
            raise DataError(f"{file.name} has {asked} {known_names(sheet or '', names)}")
        for book in books:
            book[chosen].reset_dimensions()  # a program that wrote it may have said too little
        yield books[0][chosen], books[1][chosen] if formulas else None


def sheets_of(file: Found) -> list[str]:
    """The names of a workbook's sheets, in its order; at least one.

    Raises
    ------
    DataError
        The file is no workbook, damaged or packed beyond belief, or has no sheet.
    """
    _looked_into(file)
    with _damage_told(file), contextlib.closing(_opened(file)) as book:
        names = [sheet.title for sheet in book.worksheets]
        if not names:
            raise DataError(f"{file.name} has no sheet of cells.")
    return names


def _opened(file: Found, *, values: bool = False) -> Any:
    """A workbook without its sheets of charts, which hold no cells and at some of which openpyxl stumbles."""
    from openpyxl.reader.excel import ExcelReader

    class Cells(ExcelReader):  # type: ignore[misc, unused-ignore]
        def read_chartsheet(self, sheet: Any, rel: Any) -> None:
            """Let it be."""

    reader = Cells(file.path, read_only=True, data_only=values)
    reader.read()
    return reader.wb


@contextmanager
def _damage_told(file: Found) -> Iterator[None]:
    try:
        # What openpyxl does not know (a style, a validation) changes no cell: nothing for a log.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="openpyxl")
            yield
    except DataError:
        raise
    except Exception:  # a damaged workbook fails in openpyxl in as many ways as there are damages
        raise DataError(f"{file.name} cannot be read: it is damaged, or no .xlsx workbook.") from None


def header_of(sheet: Any, skip: int) -> tuple[list[str], int]:
    """The columns of a sheet and the row they stand in: the first that is not empty."""
    for number, cells in enumerate(sheet.iter_rows(min_row=skip + 1), start=skip + 1):
        texts = [cell_text(cell.value) for cell in cells]
        if any(texts):
            while texts and not texts[-1]:
                texts.pop()
            return [(t or "").strip() or f"column {n}" for n, t in enumerate(texts, start=1)], number
    return [], skip


def _looked_into(file: Found) -> bool:
    """Whether a workbook has formulas; and that it does not unpack to a flood."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            size = sum(item.file_size for item in archive.infolist())
            if size > FREE_BYTES and size > MOST_RATIO * file.path.stat().st_size:
                raise DataError(
                    f"{file.name} unpacks to more than {MOST_RATIO} times its size: no workbook does."
                )
            sheets = [i for i in archive.infolist() if i.filename.startswith("xl/worksheets/")]
            return any(_holds(archive, item, b"<f") for item in sheets)
    except (zipfile.BadZipFile, OSError):
        raise DataError(f"{file.name} cannot be read: it is damaged, or no .xlsx workbook.") from None


def _holds(archive: zipfile.ZipFile, item: zipfile.ZipInfo, what: bytes) -> bool:
    with archive.open(item) as stream:
        before = b""
        while chunk := stream.read(1 << 20):
            if what in before + chunk:
                return True
            before = chunk[-len(what) :]
    return False


def _write(path: Path, name: str, values: Any, formulas: Any, mapping: FileTable, place: Place) -> int:
    """The used columns of a sheet as Parquet; returns how many rows it has."""
    if mapping.names is not None:
        header, top = list(mapping.names), mapping.skip
    else:
        header, top = header_of(values, mapping.skip)
    if not header:
        raise DataError(f"{name} is empty.")
    used = used_columns(mapping, header, table=place.table, name=name)
    wanted = [(column, header.index(column)) for column in used]
    text = [*used, "_file", "_problem", "_raw"]
    schema = pa.schema([(column, pa.string()) for column in text] + [("_row", pa.int64())])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        rows = itertools.islice(_rows(values, formulas, top, wanted, name), place.sample)
        for batch in _batches(rows):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def _rows(
    values: Any, formulas: Any, top: int, wanted: list[tuple[str, int]], name: str
) -> Iterator[dict[str, Any]]:
    below = values.iter_rows(min_row=top + 1)
    written = formulas.iter_rows(min_row=top + 1) if formulas is not None else itertools.repeat(())
    for number, (cells, sources) in enumerate(zip(below, written, strict=False), start=top + 1):
        if all(cell.value is None for cell in cells):
            continue  # an empty row is none
        row: dict[str, Any] = {"_file": name, "_row": number, "_problem": None, "_raw": None}
        for column, at in wanted:
            cell = cells[at] if at < len(cells) else None
            row[column] = None if cell is None else cell_text(cell.value)
            if cell is not None and cell.data_type == "e":
                row["_problem"] = f"{column} is an error of the workbook ({cell.value})"
            source = sources[at] if at < len(sources) else None
            if row[column] is None and source is not None and str(source.value or "").startswith("="):
                row["_problem"] = f"{column} is a formula that was never calculated"
        yield row


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, BATCH)):
        yield batch


def cell_text(value: Any) -> str | None:
    """A cell as text: a whole number without .0, a day without an hour when it has none."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return _whole(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)


#: Beyond it not every whole number has a cell of its own.
_EXACT = 2.0**53


def _whole(value: float) -> str:
    """A whole number's digits; with an exponent where the last of them were lost.

    A cell keeps 15 digits when people type into it: a longer number then ends in zeros. Programs write all
    that a float holds.
    """
    typed = f"{value:.14e}"
    return typed if abs(value) > _EXACT and float(typed) == value else str(int(value))
