"""How is this file written, and what are its columns? A guess, with how sure it is; never used unseen.

Only ``crm new`` asks. What it finds becomes lines of a study that a person reads; a load goes by those alone.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from crm_utils.errors import DataError, without_values
from crm_utils.sources.files import columnar, json_lines
from crm_utils.sources.files.finding import Found, format_of
from crm_utils.sources.files.options import FileTable
from crm_utils.sources.files.part import Place
from crm_utils.sources.files.plain_text import as_plain_text, first_lines

__all__ = ["Guess", "Looked", "dates_of", "first_day_of", "look_at", "marks_of", "read_number"]

#: Enough to see how orders follow each other in a small shop, and soon read.
LINES = 10_000
#: What Windows writes west of Poland, where it does not write UTF-8.
_WESTERN = "cp1252"
_DELIMITERS = (",", ";", "\t", "|")
_DATES = {
    "iso": r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?(UTC|utc))?)?",
    "%Y-%m-%dT%H:%M:%S%z": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})",
    "%Y-%m-%d %H:%M:%S%z": r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})",
    "%Y-%m-%d %H:%M:%S %z": r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} [+-]\d{4}",
    "%Y/%m/%d %H:%M:%S": r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}:\d{2}",
    "%Y/%m/%d": r"\d{4}/\d{1,2}/\d{1,2}",
    "%Y.%m.%d %H:%M": r"\d{4}\.\d{1,2}\.\d{1,2} \d{1,2}:\d{2}",
    "%Y.%m.%d": r"\d{4}\.\d{1,2}\.\d{1,2}",
    "%Y%m%d": r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])",
}
#: What no column is called: a number, a day, a phone number, an e-mail address.
_VALUE = re.compile(r"(?=.*\d)[\d.,:/ ()+-]+|\S+@\S+\.\w+")
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?)?")


@dataclass(frozen=True)
class Guess:
    """A guess, how sure it is (0 to 1), and why."""

    value: str
    sure: float
    why: str


_NO_HEADER = Guess("no header", 0.7, "the first line holds a number, an e-mail address or a phone number")


@dataclass(frozen=True)
class Looked:
    """What the first lines of a file show.

    Attributes
    ----------
    name, format
        The file's name, and how it is written.
    cells
        The first values of each column, as text, row by row: empty ones are empty texts.
    told
        What a study has to say of the file so that it is read like this.
    notes
        How sure each of these is, and why.
    whole
        Whether that is the whole file.
    """

    name: str
    format: str
    cells: dict[str, list[str]]
    told: dict[str, object] = field(default_factory=dict)
    notes: dict[str, Guess] = field(default_factory=dict)
    whole: bool = False

    @functools.cached_property
    def columns(self) -> dict[str, list[str]]:
        """The same without the empty ones."""
        return {name: [text for text in texts if text] for name, texts in self.cells.items()}

    @property
    def rows(self) -> int:
        """Rows that were looked at."""
        return max(map(len, self.cells.values()), default=0)


def look_at(path: Path, scratch: Place) -> Looked:
    """Read the first lines of a file.

    Raises
    ------
    DataError
        Its ending tells no format, or it cannot be read at all.
    """
    name, kind = path.name, format_of(path.name)
    if kind in ("csv", "tsv"):
        return _text(path, name, kind, scratch)
    if kind == "jsonl":
        text = as_plain_text(first_lines(path, name, LINES, to=scratch.file(0, ".part")), name, encoding=None,
                             to=scratch.file(0, ".txt"))  # fmt: skip
        return _sample(scratch, name, kind, text, json_lines.keys_of(text))
    if kind == "excel":
        return _workbook(path, name, scratch)
    there = columnar.footer_of(Found(path, name, kind)).schema.to_arrow_schema().names
    return _sample(scratch, name, kind, path, there)


def _text(path: Path, name: str, kind: str, scratch: Place) -> Looked:
    part = first_lines(path, name, LINES, to=scratch.file(0, ".part"))
    told: dict[str, object] = {}
    notes: dict[str, Guess] = {}
    try:
        text = as_plain_text(part, name, encoding=None, to=scratch.file(0, ".txt"))
    except (
        DataError
    ) as refused:  # a load refuses it as well, until the study declares what only a person can see
        try:
            text = as_plain_text(part, name, encoding=_WESTERN, to=scratch.file(1, ".txt"))
        except DataError:
            raise refused from None
        told["encoding"] = _WESTERN
        notes["encoding"] = Guess(_WESTERN, 0.5, "neither UTF-8 nor CP949: are ä, é and € right below?")
    lines = [line for line in text.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{name} is empty.")
    said = re.fullmatch('"?sep=(.)"?', lines[0], re.IGNORECASE)  # a line that Excel writes and reads
    if said:
        told["skip"], lines = 1, lines[1:] or [""]
    mark = Guess(said[1], 1.0, "the first line says so") if said else delimiter_of(lines, name)
    if mark.value != ("\t" if kind == "tsv" else ","):
        told["delimiter"] = mark.value
    rows = _parted(lines, mark.value, name) or [[]]
    header, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    notes["delimiter"] = Guess(repr(mark.value), mark.sure, mark.why)
    if not _is_header(header):
        told["names"] = header = [f"column {n}" for n in range(1, len(header) + 1)]
        notes["names"], body = _NO_HEADER, [rows[0], *body]
    names = [column.strip() or f"column {n}" for n, column in enumerate(header, start=1)]
    cells = {c: [row[n].strip() for row in body] for n, c in enumerate(names)}
    return Looked(name, kind, cells, told, notes, len(lines) < LINES)


def _workbook(path: Path, name: str, scratch: Place) -> Looked:
    from crm_utils.sources.files import workbook

    found = Found(path, name, "excel")
    sheet = workbook.sheets_of(found)[0]
    told: dict[str, object] = {"sheet": sheet} if len(workbook.sheets_of(found)) > 1 else {}
    notes: dict[str, Guess] = {}
    with workbook.opened_sheet(found, sheet) as (values, _):
        header, top = workbook.header_of(values, 0)
        below = top + 1 if _is_header(header) else top
        rows = [
            [workbook.cell_text(c.value) for c in cells]
            for cells in values.iter_rows(below, below + LINES - 1)
        ]
    if below == top:
        told["names"] = header = [f"column {n}" for n in range(1, len(header) + 1)]
        notes["names"] = _NO_HEADER
    cells = {c: [str(r[n] or "").strip() if n < len(r) else "" for r in rows] for n, c in enumerate(header)}
    told |= {"skip": top - 1} if top > 1 else {}
    return Looked(name, "excel", cells, told, notes, whole=len(rows) < LINES - 1)


def _is_header(cells: list[str]) -> bool:
    """Whether a first line names columns: no number stands in it, nor what reaches a person."""
    return not any(_VALUE.fullmatch(cell.strip()) for cell in cells)


def _parted(lines: list[str], mark: str, name: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        raise DataError(
            f"{name}: a value of its first lines is longer than {csv.field_size_limit():,} characters. Is a "
            "quotation mark not closed? If it is not, write the study by hand: docs/your-data.md."
        ) from None


def _sample(scratch: Place, name: str, kind: str, path: Path, there: list[str]) -> Looked:
    told = FileTable.model_validate(
        {"files": path.name, "columns": {f"c{n}": c for n, c in enumerate(there) if c}}
    )
    reader: Callable[..., object] = json_lines.read if kind == "jsonl" else columnar.read
    place = Place(scratch.con, f"{scratch.table}_look", scratch.scratch, LINES)
    try:
        table = reader(place, [Found(path, path.name, kind)], told).table  # type: ignore[attr-defined, arg-type]
        rows = table.limit(LINES).to_pyarrow().to_pylist()
    except duckdb.Error as error:
        raise DataError(f"{path.name} cannot be read: {without_values(error)}.") from None
    cells = {c: ["" if row[c] is None else str(row[c]).strip() for row in rows] for c in there if c}
    return Looked(name, kind, cells, whole=len(rows) < LINES)


def delimiter_of(lines: list[str], name: str) -> Guess:
    """What stands between values: the mark that gives most lines the same number of parts, more than one."""
    best = Guess(",", 0.0, "no mark stands in the lines: one column")
    for mark in _DELIMITERS:
        widths = [len(row) for row in _parted(lines[:200], mark, name)]
        alike = widths.count(widths[0]) / len(widths)
        score = alike if widths[0] > 1 else 0.0
        if score > best.sure:
            best = Guess(mark, score, f"{alike:.0%} of the lines have {widths[0]} values")
    return best


def dates_of(values: list[str]) -> Guess | None:
    """How these values are dates, if nine in ten are."""
    for form, pattern in _DATES.items():
        share = _share(values, pattern)
        if share >= 0.9:
            return Guess(form, share, f"{share:.0%} of the values are written so")
    found = [m for m in map(_DAY_FIRST.fullmatch, values) if m]
    if not values or len(found) < 0.9 * len(values):
        return None
    first, second = max(int(m[1]) for m in found), max(int(m[3]) for m in found)
    mark, year = found[0][2], "%Y" if len(found[0][4]) == 4 else "%y"
    clock = "" if not found[0][5] else " %H:%M:%S" if found[0][6] else " %H:%M"
    day_first = f"%d{mark}%m{mark}{year}{clock}"
    if first > 12:
        return Guess(day_first, 1.0, f"a first number reaches {first}: it is the day")
    if second > 12:
        return Guess(
            f"%m{mark}%d{mark}{year}{clock}", 1.0, f"a second number reaches {second}: it is the day"
        )
    return Guess(day_first, 0.5, "day or month first cannot be told from these values: look")


def first_day_of(values: list[str], form: str) -> str:
    """The earliest day among dates written so; empty when none can be read."""
    days = []
    for text in values:
        with contextlib.suppress(ValueError):
            day = re.sub(" ?UTC$", "", text, flags=re.IGNORECASE)
            moment = dt.datetime.fromisoformat(day) if form == "iso" else dt.datetime.strptime(text, form)
            days.append(moment.date())
    return min(days).isoformat() if days else ""


def marks_of(values: list[str]) -> dict[str, str] | None:
    """The marks in these values if nine in ten are numbers: decimal, thousands, signs; none if usual."""
    signs = {sign for sign in ("₩", "$", "€", "£", "¥", "원", "%") if any(sign in text for text in values)}
    bare = [re.sub("[₩$€£¥원%]", "", text).strip() for text in values]
    kinds = {
        r"[+-]?\d*\.?\d+([eE][+-]?\d+)?": {},
        r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?": {"thousands": ","},
        r"[+-]?\d+(,\d+)?": {"decimal": ","},
        r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?": {"decimal": ",", "thousands": "."},
        r"[+-]?(\d{1,3}( \d{3})+|\d+)(,\d+)?": {"decimal": ",", "thousands": " "},
    }
    shares = {pattern: _share(bare, pattern) for pattern in kinds}
    best = max(shares, key=lambda pattern: shares[pattern])  # of equals the first, which declares least
    return (
        kinds[best] | ({"signs": sorted(signs)[0]} if signs else {}) if bare and shares[best] >= 0.9 else None
    )


def read_number(text: str, marks: Mapping[str, str]) -> float | None:
    """A number as its marks have it; None where it is none.

    Examples
    --------
    >>> read_number("1.234,50 €", {"decimal": ",", "thousands": ".", "signs": "€"})
    1234.5
    """
    for mark in (marks.get("signs", ""), marks.get("thousands", "")):
        text = text.replace(mark, "") if mark else text
    try:
        return float(text.strip().replace(marks.get("decimal", "."), "."))
    except ValueError:
        return None


def _share(values: list[str], pattern: str) -> float:
    fits = re.compile(pattern).fullmatch
    return sum(fits(text) is not None for text in values) / len(values) if values else 0.0
