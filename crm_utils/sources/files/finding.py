"""Which files does a study mean? By name or pattern, within its folder, and nowhere else."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from crm_utils.errors import DataError, known_names
from crm_utils.sources.files.options import FileTable, Format, Join
from crm_utils.tools.sql_text import no_letter

__all__ = ["Found", "find_files", "format_of", "readable"]

_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
#: What Finder and office programs leave beside a file, under its name.
_LITTER = ("._", "~$", ".~lock")
_PACKED = (".gz", ".zip")


@dataclass(frozen=True)
class Found:
    """One file: its path, its name within the folder, and how it is written."""

    path: Path
    name: str
    format: Format


def find_files(folder: Path, table: str, source: FileTable | Join) -> list[Found]:
    """The files of one table, in the order of their names.

    Raises
    ------
    DataError
        None is there, one leads out of the folder, or their format is unknown or differs.
    """
    home = folder.resolve()
    paths: dict[str, Path] = {}
    names: dict[Path, str] = {}
    for pattern in source.files:
        matches = _matches(folder, pattern)
        if not matches:
            there = sorted(readable(p.name) for p in folder.iterdir() if not p.name.startswith("."))
            raise DataError(
                f"{table}: no file '{pattern}' in the folder. {known_names(pattern, there, label='It has')}"
            )
        for path in matches:
            names.setdefault(path, _unlike(readable(path.relative_to(folder).as_posix()), paths, path))
            paths[names[path]] = path
    for name, path in paths.items():
        if not path.exists():
            raise DataError(f"{name} leads to a file that is not there.")
        if not path.resolve().is_relative_to(home):
            raise DataError(f"{name} leads out of the study's folder. Copy the file itself into the folder.")
    files = [Found(path, name, source.format or format_of(name)) for name, path in sorted(paths.items())]
    formats = {file.format for file in files}
    if len(formats) > 1:
        raise DataError(
            f"{table}: its files are of several formats: {', '.join(sorted(formats))}. Name those of one."
        )
    return files


def _matches(folder: Path, pattern: str) -> list[Path]:
    try:
        there = [p for p in folder.glob(pattern) if p.is_file() or p.is_symlink()]
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        there = []  # no file can be called so
    return sorted(p for p in there if not p.name.startswith(_LITTER))


def readable(name: str) -> str:
    """A file's name in letters; one that is not UTF-8 (an unpacked .zip of an old system) by its bytes.

    Examples
    --------
    >>> import os
    >>> readable(os.fsdecode("주문.csv".encode("cp949")))
    '주문.csv'
    """
    if not no_letter(name):
        return name
    raw = os.fsencode(name)
    try:
        return raw.decode("cp949")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace")


def _unlike(name: str, paths: dict[str, Path], path: Path) -> str:
    """The name, unless another file is called so already: then by its bytes."""
    if paths.get(name, path) == path:
        return name
    return os.fsencode(path.name).decode("ascii", "backslashreplace")


def format_of(name: str) -> Format:
    """The format that a file's ending tells, packed or not.

    Raises
    ------
    DataError
        It tells none that can be read.
    """
    path = Path(name.lower())
    inner = Path(path.stem) if path.suffix in _PACKED else path
    if inner.suffix in _ENDINGS:
        return _ENDINGS[inner.suffix]
    if path.suffix == ".zip":
        return "csv"  # told by what is in it
    if inner.suffix in (".xls", ".xlsb", ".ods"):
        raise DataError(f"{name}: {inner.suffix} cannot be read. Save it as .xlsx or as CSV.")
    known = ", ".join(sorted(_ENDINGS))
    raise DataError(
        f"{name}: its ending tells no format. Name it {known} (or any of these .gz, .zip), or say format: …"
    )
