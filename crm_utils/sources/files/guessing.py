"""How is this file written, and what are its columns? A guess, with how sure it is; never used unseen.

Only ``crm new`` asks. What it finds becomes lines of a study that a person reads; a load goes by those alone.
"""

from __future__ import annotations

import contextlib
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
from crm_utils.sources.files.layout import ABOVE, Guess, delimiter_of, is_header, lines_above, parted
from crm_utils.sources.files.options import FileTable
from crm_utils.sources.files.part import Place
from crm_utils.sources.files.plain_text import as_plain_text, first_lines

__all__ = ["Guess", "Looked", "dates_of", "first_day_of", "look_at", "marks_of", "read_number", "sheets_in"]

#: Enough to see how orders follow each other in a small shop, and soon read.
LINES = 10_000
#: What Windows writes where it does not write UTF-8: letters that its text is full of, and how to ask.
_ENCODINGS = {
    "cp932": ("[\u3040-\u30fa\u30fc]", "かな and 漢字"),
    "cp1251": ("[\u0430-\u044f]{3}", "Russian letters"),
    "cp1252": ("", "ä, é and €"),
    "latin-1": ("", "ä, é and ñ"),
}
#: Of the letters beyond ASCII, so many at least are those.
_FULL_OF = 0.05
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
    "%Y/%m/%d %H:%M": r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}",
    "%Y.%m.%d %H:%M:%S": r"\d{4}\.\d{1,2}\.\d{1,2} \d{1,2}:\d{2}:\d{2}",
    "%d %b %Y": r"\d{1,2} [A-Z][a-z]{2} \d{4}",
    "%d %B %Y": r"\d{1,2} [A-Z][a-z]{3,} \d{4}",
    "%d-%b-%Y": r"\d{1,2}-[A-Z][a-z]{2}-\d{4}",
    "%d-%b-%y": r"\d{1,2}-[A-Z][a-z]{2}-\d{2}",
    "%b-%d-%y": r"[A-Z][a-z]{2}-\d{1,2}-\d{2}",
    "%b-%d-%Y": r"[A-Z][a-z]{2}-\d{1,2}-\d{4}",
    "%b %d, %Y": r"[A-Z][a-z]{2} \d{1,2}, \d{4}",
    "%B %d, %Y": r"[A-Z][a-z]{3,} \d{1,2}, \d{4}",
    "%b %d, %Y %I:%M %p": r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d{2} [AP]M",
    "%b %d, %Y, %I:%M %p": r"[A-Z][a-z]{2} \d{1,2}, \d{4}, \d{1,2}:\d{2} [AP]M",
    "%b %d, %Y %H:%M:%S": r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d{2}:\d{2}",
    "%d %b %Y %H:%M": r"\d{1,2} [A-Z][a-z]{2} \d{4} \d{1,2}:\d{2}",
    "%d %b %Y %H:%M:%S": r"\d{1,2} [A-Z][a-z]{2} \d{4} \d{1,2}:\d{2}:\d{2}",
    "%Y. %m. %d": r"\d{4}\. \d{1,2}\. \d{1,2}",
    "%Y. %m. %d.": r"\d{4}\. \d{1,2}\. \d{1,2}\.",
    "%Y년 %m월 %d일": r"\d{4}년 \d{1,2}월 \d{1,2}일",
    "%Y年%m月%d日": r"\d{4}年\d{1,2}月\d{1,2}日",
    "%Y年%m月%d日 %H:%M": r"\d{4}年\d{1,2}月\d{1,2}日 \d{1,2}:\d{2}",
    "%Y%m%d%H%M%S": r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d",
    "epoch": r"1[1-9]\d{8}(\.\d+)?",
    "epoch_ms": r"1[1-9]\d{11}",
}
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?")


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
    options
        What a study has to say of the file so that it is read like this.
    notes
        How sure each of these is, and why.
    whole
        Whether that is the whole file.
    """

    name: str
    format: str
    cells: dict[str, list[str]]
    options: dict[str, object] = field(default_factory=dict)
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


def sheets_in(path: Path) -> list[str]:
    """The names of a workbook's sheets; none where it is another file."""
    if format_of(path.name) != "excel":
        return []
    from crm_utils.sources.files import workbook

    return workbook.sheets_of(Found(path, path.name, "excel"))


def look_at(path: Path, scratch: Place, *, sheet: str = "") -> Looked:
    """Read the first lines of a file, of a workbook those of a sheet, the first where none is named.

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
        return _workbook(path, name, sheet)
    there = columnar.footer_of(Found(path, name, kind)).schema.to_arrow_schema().names
    return _sample(scratch, name, kind, path, there)


def _text(path: Path, name: str, kind: str, scratch: Place) -> Looked:
    part = first_lines(path, name, LINES, to=scratch.file(0, ".part"))
    options: dict[str, object] = {}
    notes: dict[str, Guess] = {}
    try:
        text = as_plain_text(part, name, encoding=None, to=scratch.file(0, ".txt"))
    except (
        DataError
    ) as refused:  # a load refuses it as well, until the study declares what only a person can see
        encoding = _encoding_of(part)
        if not encoding:
            raise refused from None
        text = as_plain_text(part, name, encoding=encoding, to=scratch.file(1, ".txt"))
        options["encoding"] = encoding
        notes["encoding"] = Guess(
            encoding, 0.5, f"neither UTF-8 nor CP949: are {_ENCODINGS[encoding][1]} right below?"
        )
    every = text.read_text(encoding="utf-8-sig").splitlines()
    lines = [line for line in every if line.strip()]
    if not lines:
        raise DataError(f"{name} is empty.")
    said = re.fullmatch('"?sep=(.)"?', lines[0], re.IGNORECASE)  # a line that Excel writes and reads
    if said:
        options["skip"], lines = 1, lines[1:] or [""]
    mark = Guess(said[1], 1.0, "the first line says so") if said else delimiter_of(lines, name)
    if mark.value != ("\t" if kind == "tsv" else ","):
        options["delimiter"] = mark.value
    rows = parted(lines, mark.value, name) or [[]]
    above = lines_above(rows)
    if above:
        # Counted as the reader does: every line of the file, empty ones too.
        where = [n for n, line in enumerate(every) if line.strip()]
        options["skip"] = where[len(where) - len(lines) + above]
        notes["skip"] = Guess(
            str(options["skip"]), 0.6, "these lines are no header, and shorter than what follows"
        )
        rows = rows[above:]
    header, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    notes["delimiter"] = Guess(repr(mark.value), mark.sure, mark.why)
    if not is_header(header):
        options["names"] = header = [f"column {n}" for n in range(1, len(header) + 1)]
        notes["names"], body = _NO_HEADER, [rows[0], *body]
    names = [column.strip() or f"column {n}" for n, column in enumerate(header, start=1)]
    cells = {c: [row[n].strip() for row in body] for n, c in enumerate(names)}
    return Looked(name, kind, cells, options, notes, len(lines) < LINES)


def _encoding_of(part: Path) -> str:
    """The encoding of Windows in which a text reads as one; empty where it is packed or none is."""
    raw = part.read_bytes()
    for encoding, (letters, _) in _ENCODINGS.items():
        with contextlib.suppress(UnicodeDecodeError):
            text = raw.decode(encoding)
            beyond = sum(not letter.isascii() for letter in text)
            theirs = sum(map(len, re.findall(letters, text))) if letters else beyond
            if theirs and theirs >= _FULL_OF * beyond:
                return encoding
    return ""


def _workbook(path: Path, name: str, sheet: str) -> Looked:
    from crm_utils.sources.files import workbook

    file, sheets = Found(path, name, "excel"), sheets_in(path)
    sheet = sheet or sheets[0]
    options: dict[str, object] = {"sheet": sheet} if len(sheets) > 1 else {}
    notes: dict[str, Guess] = {}
    with workbook.opened_sheet(file, sheet) as (values, _):
        first = [[workbook.cell_text(c.value) or "" for c in cells] for cells in values.iter_rows(1, ABOVE)]
        filled = [n for n, cells in enumerate(first) if any(cells)]
        above = lines_above([first[n] for n in filled])
        header, top = workbook.header_of(values, filled[above] if filled else 0)
        below = top + 1 if is_header(header) else top
        rows = [
            [workbook.cell_text(c.value) for c in cells]
            for cells in values.iter_rows(below, below + LINES - 1)
        ]
    if below == top:
        options["names"] = header = [f"column {n}" for n in range(1, len(header) + 1)]
        notes["names"] = _NO_HEADER
    cells = {c: [str(r[n] or "").strip() if n < len(r) else "" for r in rows] for n, c in enumerate(header)}
    options |= {"skip": top - 1} if top > 1 else {}
    if above:
        notes["skip"] = Guess(str(top - 1), 0.6, "these lines are no header, and shorter than what follows")
    return Looked(name, "excel", cells, options, notes, whole=len(rows) < LINES - 1)


def _sample(scratch: Place, name: str, kind: str, path: Path, there: list[str]) -> Looked:
    mapping = FileTable.model_validate(
        {"files": path.name, "columns": {f"c{n}": c for n, c in enumerate(there) if c}}
    )
    reader: Callable[..., object] = json_lines.read if kind == "jsonl" else columnar.read
    place = Place(scratch.con, f"{scratch.table}_look", scratch.scratch, LINES)
    try:
        table = reader(place, [Found(path, path.name, kind)], mapping).table  # type: ignore[attr-defined, arg-type]
        rows = table.limit(LINES).to_pyarrow().to_pylist()
    except duckdb.Error as error:
        raise DataError(f"{path.name} cannot be read: {without_values(error)}.") from None
    cells = {c: ["" if row[c] is None else str(row[c]).strip() for row in rows] for c in there if c}
    return Looked(name, kind, cells, whole=len(rows) < LINES)


def dates_of(values: list[str]) -> Guess | None:
    """How these values are dates, if nine in ten are."""
    for form, pattern in _DATES.items():
        share = _share(values, pattern)
        if share >= 0.9:
            return Guess(form, share, f"{share:.0%} of the values are written so")
    matches = [m for m in map(_DAY_FIRST.fullmatch, values) if m]
    if not values or len(matches) < 0.9 * len(values):
        return _two_ways(values)
    first, second = max(int(m[1]) for m in matches), max(int(m[3]) for m in matches)
    mark, year = matches[0][2], "%Y" if len(matches[0][4]) == 4 else "%y"
    clock = "" if not matches[0][5] else " %H:%M:%S" if matches[0][6] else " %H:%M"
    if matches[0][7]:
        clock = clock.replace("%H", "%I") + (" %p" if matches[0][7].startswith(" ") else "%p")
    day_first = f"%d{mark}%m{mark}{year}{clock}"
    if first > 12 < second:
        days = sum(int(m[1]) > 12 for m in matches), sum(int(m[3]) > 12 for m in matches)
        form = day_first if days[0] >= days[1] else f"%m{mark}%d{mark}{year}{clock}"
        return Guess(
            form, 0.3, f"both orders: numbers above 12 stand first ({days[0]} times) and second ({days[1]}), "
            "so 03/04 may be March or April: map each part of the data with its own dates"
        )  # fmt: skip
    if first > 12:
        return Guess(day_first, 1.0, f"a first number reaches {first}: it is the day")
    if second > 12:
        return Guess(
            f"%m{mark}%d{mark}{year}{clock}", 1.0, f"a second number reaches {second}: it is the day"
        )
    return Guess(day_first, 0.5, "day or month first cannot be told from these values: look")


def _two_ways(values: list[str]) -> Guess | None:
    """Dates that a workbook holds as dates in part, in part as text: the first may be turned."""
    real = [text for text in values if re.fullmatch(_DATES["iso"], text)]
    text = [one for one in values if _DAY_FIRST.fullmatch(one)]
    if not (real and text) or len(real) + len(text) < 0.9 * len(values):
        return None
    other = dates_of(text)
    why = f"{len(real)} are dates, {len(text)} text: a program may have turned day and month of the first"
    return Guess(other.value if other else "iso", 0.3, why)


def first_day_of(values: list[str], form: str) -> str:
    """The earliest day among dates written so; empty when none can be read."""
    days = []
    for text in values:
        with contextlib.suppress(ValueError):
            days.append(_moment(text, form).date())
    return min(days).isoformat() if days else ""


def _moment(text: str, form: str) -> dt.datetime:
    if form in ("epoch", "epoch_ms"):
        return dt.datetime.fromtimestamp(float(text) / (1_000 if form == "epoch_ms" else 1), dt.UTC)
    if form == "iso":
        return dt.datetime.fromisoformat(re.sub(" ?UTC$", "", text, flags=re.IGNORECASE))
    return dt.datetime.strptime(text, form)


def marks_of(values: list[str]) -> dict[str, str] | None:
    """The marks in these values if nine in ten are numbers: decimal, thousands, signs; none if usual."""
    signs = signs_of(values)
    bare = [bare_number(text, signs) for text in values]
    kinds = {
        r"[+-]?\d*\.?\d+([eE][+-]?\d+)?": {},
        r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?": {"thousands": ","},
        r"[+-]?\d+(,\d+)?": {"decimal": ","},
        r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?": {"decimal": ",", "thousands": "."},
        r"[+-]?(\d{1,3}( \d{3})+|\d+)(,\d+)?": {"decimal": ",", "thousands": " "},
    }
    shares = {pattern: _share(bare, pattern) for pattern in kinds}
    best = max(shares, key=lambda pattern: shares[pattern])  # of equals the first, which declares least
    return kinds[best] | ({"signs": signs[0]} if signs else {}) if bare and shares[best] >= 0.9 else None


#: Signs and letters of money; the longer ones first, so that R$ is not taken for $.
SIGNS = (
    "NT$", "HK$", "US$", "A$", "C$", "R$", "S$", "RM", "Rs.", "Rs", "INR", "USD", "EUR", "GBP", "KRW", "JPY",
    "Rp", "Kč", "zł", "kr.", "kr", "CHF", "₩", "$", "€", "£", "¥", "￥", "₹", "₺", "₫", "฿", "₱", "원", "円",
    "元", "%",
)  # fmt: skip


def signs_of(values: list[str]) -> list[str]:
    """The sign around most of these numbers, if there is one; the longest that fits."""
    bare = [text for text in values if text]
    for sign in SIGNS:
        with_it = [text for text in bare if sign in text]
        if with_it and all(re.search(r"\d", text.replace(sign, "")) for text in with_it):
            return [sign]
    return []


def bare_number(text: str, signs: list[str]) -> str:
    """A number without its sign, its blanks alike; (50.00) and 50.00- as -50.00."""
    for sign in signs:
        text = text.replace(sign, "")
    text = re.sub("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]", " ", text).replace("\u2212", "-").strip()
    taken = re.fullmatch(r"\(\s*([^()+-]+?)\s*\)|([^()+-]+?)\s*-", text)
    return f"-{taken[1] or taken[2]}" if taken else text


def read_number(text: str, marks: Mapping[str, str]) -> float | None:
    """A number as its marks have it; None where it is none.

    Examples
    --------
    >>> read_number("1.234,50 €", {"decimal": ",", "thousands": ".", "signs": "€"})
    1234.5
    """
    text = bare_number(text, [marks["signs"]] if marks.get("signs") else [])
    text = text.replace(marks["thousands"], "") if marks.get("thousands") else text
    try:
        return float(text.strip().replace(marks.get("decimal", "."), "."))
    except ValueError:
        return None


def _share(values: list[str], pattern: str) -> float:
    fits = re.compile(pattern).fullmatch
    return sum(fits(text) is not None for text in values) / len(values) if values else 0.0
