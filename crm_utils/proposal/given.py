"""Which files does someone mean, one or all that match a pattern? And what their first lines show.

A shop that exports a file a month has one table in many files.
"""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, replace
from pathlib import Path

from crm_utils.errors import StudyError
from crm_utils.sources.files.guessing import LINES, Looked, look_at
from crm_utils.sources.files.part import Place

__all__ = ["Given", "folder_of_all", "given", "look_at_all"]

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Given:
    """Files that are one table's, and how a study writes them.

    Attributes
    ----------
    files
        In the order of their names.
    folder
        The folder that holds them, or the folders that do.
    pattern
        What they are called within it; a name is a pattern that matches itself alone.
    """

    files: tuple[Path, ...]
    folder: Path
    pattern: str

    def within(self, folder: Path) -> str:
        """The pattern as a study writes it whose folder lies further up."""
        below = self.folder.resolve().relative_to(folder)
        return "/".join([*map(glob.escape, below.parts), self.pattern])


def given(asked: Path) -> Given:
    """The files that a name or a pattern means.

    Raises
    ------
    StudyError
        There is none, or a folder is named.
    """
    if asked.is_file():
        return Given((asked,), asked.parent, glob.escape(asked.name))
    if asked.is_dir():
        raise StudyError(f"{asked} is a folder. Name a file in it, or several as '{asked}/*.csv'.")
    if not _MAGIC.search(str(asked)):
        raise StudyError(f"There is no file {asked}.")
    fixed = next(n for n, part in enumerate(asked.parts) if _MAGIC.search(part))
    folder, pattern = Path(*asked.parts[:fixed]), "/".join(asked.parts[fixed:])
    files = sorted(p for p in folder.glob(pattern) if p.is_file() and not p.name.startswith((".", "~$")))
    if not files:
        raise StudyError(f"There is no file that matches {asked}.")
    return Given(tuple(files), folder, pattern)


def folder_of_all(all_given: list[Given], root: Path) -> Path:
    """The folder below which all of them lie.

    Raises
    ------
    StudyError
        One lies outside the project.
    """
    for one in all_given:
        for path in (one.folder, *one.files):
            if not path.resolve().is_relative_to(root.resolve()):
                raise StudyError(f"{path.name} lies outside the project. Copy it to data/raw/ first.")
    shared = all_given[0].folder.resolve()
    while not all(one.folder.resolve().is_relative_to(shared) for one in all_given):
        shared = shared.parent
    return shared


def look_at_all(one: Given, place: Place) -> Looked:
    """The first lines of all files together, in the order of their names, until they are enough.

    Files of other columns than the first one's are not looked at: a load says what they lack.

    Raises
    ------
    DataError
        One cannot be read.
    """
    looked = look_at(one.files[0], place)
    if len(one.files) > 1:
        looked = replace(looked, name=one.pattern)
    for n, path in enumerate(one.files[1:], start=1):
        if looked.rows >= LINES:
            return replace(looked, whole=False)
        more = look_at(path, replace(place, table=f"{place.table}_{n}"))
        if list(more.cells) != list(looked.cells):
            return replace(looked, whole=False)
        cells = {name: [*texts, *more.cells[name]] for name, texts in looked.cells.items()}
        options, notes = looked.options | more.options, looked.notes | more.notes
        looked = replace(looked, cells=cells, options=options, notes=notes, whole=looked.whole and more.whole)
    return looked
