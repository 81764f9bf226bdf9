"""How are a text's lines laid out? What stands between values, and where the header is, if there is one."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass

from crm_utils.errors import DataError
from crm_utils.sources.files.options import BLANKS
from crm_utils.sources.files.plain_text import parted_by_blanks

__all__ = ["ABOVE", "Guess", "delimiter_of", "is_header", "lines_above", "parted"]

_DELIMITERS = (",", ";", "\t", "|")
#: Lines that are enough to tell what stands between values.
_LINES = 200
#: Of them so many have the same number of values, and no fewer, where only blanks stand between these.
_ALIKE, _FEWEST = 0.95, 3
#: What no column is called: a number, a day, a phone number, an e-mail address.
_VALUE = re.compile(r"(?=.*\d)[\d.,:/ ()+-]+|\S+@\S+\.\w+")


@dataclass(frozen=True)
class Guess:
    """A guess, how sure it is (0 to 1), and why."""

    value: str
    sure: float
    why: str


def is_header(cells: list[str]) -> bool:
    """Whether a first line names columns: no number stands in it, nor what reaches a person."""
    return not any(_VALUE.fullmatch(cell.strip()) for cell in cells)


#: Lines in which a header is looked for.
ABOVE = 40


def lines_above(rows: list[list[str]]) -> int:
    """How many of these rows stand above the header: a title, a period, a note.

    The header is the first row with (nearly) as many values as most rows have, and it names columns.

    Examples
    --------
    >>> lines_above([["Sales"], ["day", "sum"], ["1/2", "3"], ["1/3", "4"]])
    1
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    usual = max(Counter(filled[1:]).items(), key=lambda item: (item[1], item[0]), default=(0, 0))[0]
    for n, row in enumerate(rows[:ABOVE]):
        if filled[n] >= max(2, 0.6 * usual):
            return n if n and is_header(row) else 0
    return 0


def parted(lines: list[str], mark: str, name: str) -> list[list[str]]:
    """The lines as values; empty ones are none.

    Raises
    ------
    DataError
        A quotation mark is not closed.
    """
    if mark == BLANKS:
        return [row for row in map(parted_by_blanks, lines) if row]
    try:
        return [row for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        raise DataError(
            f"{name}: a value of its first lines is longer than {csv.field_size_limit():,} characters. Is a "
            "quotation mark not closed? If it is not, write the study by hand: docs/your-data.md."
        ) from None


def delimiter_of(lines: list[str], name: str) -> Guess:
    """What stands between values: the mark that gives most lines the same number of parts, more than one."""
    best = Guess(",", 0.0, "no mark stands in the lines: one column")
    for mark in _DELIMITERS:
        widths = [len(row) for row in parted(lines[:_LINES], mark, name)]
        width, count = max(Counter(widths).items(), key=lambda item: (item[1], item[0]))
        alike = count / len(widths)
        score = alike if width > 1 else 0.0
        if score > best.sure:
            best = Guess(mark, score, f"{alike:.0%} of the lines have {width} values")
    return best if best.sure >= 0.5 else _blanks_of(lines, name) or best


def _blanks_of(lines: list[str], name: str) -> Guess | None:
    """Blanks, where nothing else stands between the values and nearly all lines have as many."""
    widths = Counter(len(row) for row in parted(lines[:_LINES], BLANKS, name))
    width, count = widths.most_common(1)[0]
    alike = count / widths.total()
    if width < _FEWEST or alike < _ALIKE:
        return None
    return Guess(BLANKS, alike, f"{alike:.0%} of the lines have {width} values with blanks between")
