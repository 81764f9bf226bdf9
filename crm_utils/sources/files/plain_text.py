"""Is it UTF-8 text that the engine reads as it is? If not: unpacked, decoded strictly, line ends made alike.

The engine reads UTF-8 alone, and on anything else loses rows without a word. So the bytes are looked at here
first, a chunk at a time: a mark decides, else strict UTF-8, else strict CP949, else the file is refused.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crm_utils.errors import DataError

__all__ = ["Facts", "as_plain_text", "first_lines", "look", "opened", "parted_by_blanks", "with_tabs"]

CHUNK = 1 << 22
#: Text packs by 3 to 40; what packs better and is long is made to fill a disk.
MOST_RATIO, FREE_BYTES = 200, 100 << 20
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Chinese characters, of which Korean text has few; Chinese in its own encoding reads as half of them.
_HANJA, _MOST_HANJA = re.compile(rb"[\xca-\xfd][\xa1-\xfe]"), 0.3
#: Pairs of CP949 that stand for syllables hardly ever written; text of another encoding is full of them.
_RARE_PAIR = re.compile(rb"[\x81-\xa0][\x41-\xfe]|[\xa1-\xc6][\x41-\xa0]")
_PAIR = re.compile(rb"[\x81-\xfe][\x41-\xfe]")


@dataclass(frozen=True)
class Facts:
    """What the bytes of a file are: their mark, whether they are UTF-8, NULs, kinds of line ends."""

    mark: str
    utf8: bool
    nul: bool
    line_ends: int


def look(stream: IO[bytes]) -> Facts:
    """Read every byte once, in bounded memory."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, nul, pending, before, mark = True, False, False, b"", ""
    crlf = lf = cr = 0
    first = True
    while chunk := stream.read(CHUNK):
        if first:
            mark = next((name for bom, name in _MARKS.items() if chunk.startswith(bom)), "")
            first = False
        if utf8 and (pending or not chunk.isascii()):
            try:
                decoder.decode(chunk)
                pending = decoder.getstate()[0] != b""
            except UnicodeDecodeError:
                utf8 = False
        nul = nul or b"\0" in chunk
        lf += chunk.count(b"\n")
        if b"\r" in chunk or before == b"\r":
            cr += chunk.count(b"\r")
            crlf += chunk.count(b"\r\n") + (before == b"\r" and chunk.startswith(b"\n"))
        before = chunk[-1:]
    kinds = (crlf > 0) + (lf > crlf) + (cr > crlf)
    return Facts(mark, utf8 and not pending, nul, kinds)


def as_plain_text(path: Path, name: str, *, encoding: str | None, to: Path) -> Path:
    """A path of the same text in UTF-8 with one kind of line end: the file itself where it is that already.

    Parameters
    ----------
    path, name
        The file (packed or not), and what people call it.
    encoding
        What the study declares; None to go by the rules.
    to
        Where the text is written when it has to be; a folder of the owner's alone.

    Returns
    -------
    Path
        The file, or ``to``.

    Raises
    ------
    DataError
        It is damaged, packed beyond belief, empty of text, or in an encoding that cannot be told.
    """
    if path.suffix.lower() in (".gz", ".zip"):
        path = _unpacked(path, name, to.with_suffix(".raw"))
    with path.open("rb") as stream:
        facts = look(stream)
    encoding = facts.mark or encoding or _told(path, name, facts)
    if encoding in ("utf-8", "utf-8-sig") and facts.utf8 and facts.line_ends <= 1 and not facts.nul:
        return path
    try:
        with path.open("rb") as source, to.open("w", encoding="utf-8", newline="") as target:
            text = io.TextIOWrapper(source, encoding=encoding, errors="strict", newline=None)
            while piece := text.read(CHUNK):
                if "\0" in piece:
                    raise DataError(
                        f"{name} holds NUL bytes: it is no text, or its encoding is not {encoding}."
                    )
                target.write(piece)
    except UnicodeError:
        raise DataError(
            f"{name} is not {encoding} throughout. Save it as UTF-8, or declare its encoding."
        ) from None
    return to


def first_lines(path: Path, name: str, lines: int, *, to: Path) -> Path:
    """The first lines of a file, unpacked; the file itself when it is no longer than that.

    Bytes are cut at a line end of the encoding that the file's mark tells, so that no letter is cut.
    """
    packed = path.suffix.lower() in (".gz", ".zip")
    count, end = 0, b"\n"
    with _damage_told(name), opened(path, name) as stream, to.open("wb") as target:
        while chunk := stream.read(CHUNK):
            if not target.tell() and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                end = b"\n\0" if chunk.startswith(codecs.BOM_UTF16_LE) else b"\0\n"
            count += chunk.count(end)
            if count >= lines:
                target.write(chunk[: chunk.rfind(end) + len(end)])
                return to
            target.write(chunk)
    return to if packed else path


def parted_by_blanks(line: str, quote: str = '"') -> list[str]:
    """The values of a line between which any number of blanks stand; those in quotation marks are one.

    Examples
    --------
    >>> parted_by_blanks(' 00001  19970101 1   "Kind of Blue" ')
    ['00001', '19970101', '1', 'Kind of Blue']
    """
    if quote not in line:
        return line.split()
    return next(csv.reader([" ".join(line.split())], delimiter=" ", quotechar=quote), [])


def with_tabs(path: Path, *, quote: str, to: Path) -> Path:
    """The same lines with a tab between values instead of blanks, written to ``to``."""
    with path.open(encoding="utf-8-sig", newline="") as source, to.open("w", encoding="utf-8") as target:
        for line in source:
            target.write("\t".join(parted_by_blanks(line, quote)) + "\n")
    return to


def _told(path: Path, name: str, facts: Facts) -> str:
    if facts.nul:
        raise DataError(
            f"{name} holds NUL bytes: it is no text, or UTF-16 without its mark. If so, declare "
            "encoding: utf-16-le."
        )
    if facts.utf8:
        return "utf-8"
    decoder = codecs.getincrementaldecoder("cp949")()
    rare = hanja = pairs = 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                decoder.decode(chunk)
                chunk_pairs = _PAIR.findall(chunk) if pairs < 100_000 else []
                pairs += len(chunk_pairs)
                rare += sum(1 for pair in chunk_pairs if _RARE_PAIR.fullmatch(pair))
                hanja += sum(1 for pair in chunk_pairs if _HANJA.fullmatch(pair))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        rare = pairs = 1
    if rare * 10 > pairs or hanja > _MOST_HANJA * pairs:
        raise DataError(
            f"{name} is neither UTF-8 nor, beyond doubt, CP949. Save it as UTF-8, or declare its encoding in "
            "the study, such as encoding: cp1252."
        )
    return "cp949"


def _unpacked(path: Path, name: str, to: Path) -> Path:
    """The bytes of a .gz, or of the one file in a .zip, in a file of their own."""
    with _damage_told(name), opened(path, name) as stream, to.open("wb") as target:
        size, packed = 0, path.stat().st_size
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > FREE_BYTES and size > MOST_RATIO * packed:
                raise DataError(
                    f"{name} unpacks to more than {MOST_RATIO} times its size: no table does. If it is one, "
                    "unpack it yourself."
                )
            target.write(chunk)
    return to


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError):
        raise DataError(f"{name} cannot be unpacked: it is damaged, or cut off.") from None


@contextmanager
def opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked as they are read.

    Raises
    ------
    DataError
        A .zip holds no file, several, or one behind a password.
    """
    if path.suffix.lower() == ".gz":
        with gzip.open(path, "rb") as stream:
            yield stream  # type: ignore[misc]
    elif path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            inside = [
                i for i in archive.infolist() if not i.is_dir() and not i.filename.startswith("__MACOSX/")
            ]
            if len(inside) != 1:
                raise DataError(
                    f"{name} holds {len(inside)} files; one is expected. Unpack it into the folder."
                )
            if inside[0].flag_bits & 1:
                raise DataError(f"{name} is locked with a password. Unpack it into the folder.")
            with archive.open(inside[0]) as stream:
                yield stream
    else:
        with path.open("rb") as stream:
            yield stream
