"""What is a form, and what do all forms hold to? Cells as they are meant, sizes, numbers of phones."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from crm_utils.errors import DataError
from crm_utils.methods.campaign_targeting import Rules, Scenario
from crm_utils.tools.csv_text import harmless

__all__ = ["Batch", "Form", "as_csv", "as_json", "bytes_of", "do_not_fit", "home_number"]

Files = Iterable[tuple[str, str]]
_KOREAN_MOBILE = re.compile(r"\+82(1[016789][0-9]{7,8})")


@dataclass(frozen=True)
class Batch:
    """Messages of one scenario on one channel that leave within one hour, to nobody who is held out.

    Attributes
    ----------
    rows
        The list's columns, ``to`` (the address that the form asks for), ``text`` and ``subject`` (filled in),
        and a column ``var <name>`` for each variable of the template.
    scenario, rules, channel
        What they are messages of, and what holds for them.
    settings
        What the study says of the provider.
    """

    rows: pd.DataFrame
    scenario: Scenario
    rules: Rules
    channel: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> list[str]:
        """The template's variables, in its order."""
        return list(self.scenario.template.variables) if self.scenario.template else []

    @property
    def when(self) -> pd.Timestamp:
        """When the file is to be sent: when its last message is due, so that none goes too early."""
        last: pd.Timestamp = self.rows["send_at"].max()
        return last

    def values(self, row: Mapping[Any, Any]) -> dict[str, str]:
        """The words of a row's variables."""
        return {name: str(row[f"var {name}"]) for name in self.variables}


@dataclass(frozen=True)
class Form:
    """How one provider, or one tool, takes a list.

    Attributes
    ----------
    name
        What ``--for`` calls it.
    channels
        Rows of the list on these channels go into it.
    address
        What of a customer it needs: ``phone`` (as it is dialled at home), ``e164``, ``email``, or ``id``.
    write
        A batch as files: what their names add, and their text.
    ending
        Of the files.
    settings
        What the study must say of the provider.
    template, text
        Whether a scenario needs a template, and its text.
    hint
        What a person has to confirm before the first upload.
    """

    name: str
    channels: tuple[str, ...]
    address: str
    write: Callable[[Batch], Files]
    ending: str = "csv"
    settings: Sequence[str] = ()
    template: bool = False
    text: bool = False
    hint: str = ""


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], *, megabytes: int, most: int) -> str:
    """Rows as CSV, every cell as it is meant.

    Raises
    ------
    DataError
        A cell would run as a formula when the file is opened in a spreadsheet; or there are too many rows, or
        too many bytes, for one file.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    written, risky = 0, dict.fromkeys(header, 0)
    for row in rows:
        for name, cell in zip(header, row, strict=True):
            risky[name] += harmless(cell) != cell
        writer.writerow(row)
        written += 1
    for name, count in risky.items():
        if count:
            raise DataError(
                f"{count} of {written} cells of '{name}' begin like a formula (=, +, -, @) and would run "
                "when the "
                "file is opened in a spreadsheet. Write them otherwise; a message is never changed here."
            )
    text = out.getvalue()
    size = len(text.encode())
    if written > most or size > megabytes * 1_000_000:
        raise DataError(
            f"The file would have {written:,} rows and {size / 1e6:,.0f} MB; it may have {most:,} rows and "
            f"{megabytes:,} MB. Hand over one channel, or one scenario, at a time."
        )
    return text


def as_json(content: Any) -> str:
    """JSON as providers take it: letters as they are."""
    return json.dumps(content, ensure_ascii=False, indent=1)


def home_number(phone: str) -> str:
    """A mobile number as it is dialled in Korea, digits only; empty for any other.

    Examples
    --------
    >>> home_number("+821012345678"), home_number("+8221234567"), home_number("+14155550100")
    ('01012345678', '', '')
    """
    match = _KOREAN_MOBILE.fullmatch(phone)
    return f"0{match[1]}" if match else ""


def bytes_of(text: str, charset: str = "cp949") -> int | None:
    """How many bytes a network counts, after NFC; None where it cannot carry a letter.

    Examples
    --------
    >>> bytes_of("뷁"), bytes_of("한글 90"), bytes_of("😀")
    (2, 7, None)
    """
    try:
        return len(unicodedata.normalize("NFC", text).encode(charset))
    except UnicodeEncodeError:
        return None


def do_not_fit(sizes: Sequence[int], *, what: str, where: str, limit: str, instead: str, letters: int) -> str:
    """How many of some texts are too long, by how much, and what helps.

    Examples
    --------
    >>> do_not_fit([94, 97, 101], what="text", where="SMS", limit="bytes of 90", instead="shorten", letters=6)
    '3 texts do not fit SMS: 94, 97, 101 bytes of 90; shorten by 6 letters.'
    """
    how_many = f"1 {what} does" if len(sizes) == 1 else f"{len(sizes)} {what}s do"
    by = "1 letter" if letters == 1 else f"{letters} letters"
    return f"{how_many} not fit {where}: {several(sizes)} {limit}; {instead} by {by}."


def several(values: Sequence[int], *, most: int = 3) -> str:
    """The first few of some numbers: ``94, 97, 101``.

    Examples
    --------
    >>> several([94, 97, 101]), several([1, 2, 3, 4])
    ('94, 97, 101', '1, 2, 3 …')
    """
    shown = ", ".join(str(value) for value in values[:most])
    return f"{shown} …" if len(values) > most else shown
