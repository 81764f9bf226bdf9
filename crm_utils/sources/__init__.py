"""How does someone's data become canonical tables? One reader a module; a study names it by ``kind``.

A reader has ``VERSION`` (raised when the same input would give other tables), ``Options`` (a model of what
a study's ``source`` may hold beside ``kind``), ``DECISIONS`` (quirks of the data and what is done about
them), ``inputs`` (the files it reads, if any) and ``read`` (files to Ibis tables, with their lineage). A
reader that makes its data up says ``SIMULATED = True``, and every page then says so too.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from crm_utils.errors import StudyError, known_names

if TYPE_CHECKING:
    import ibis.backends.duckdb
    import ibis.expr.types as ir
    from pydantic import BaseModel

    from crm_utils.study import Study

__all__ = ["Decision", "Input", "Raw", "Reading", "Source", "decisions", "kinds", "reader"]


@dataclass(frozen=True)
class Reading:
    """What every reader is handed: one study's reading, from the first file looked for to the last table.

    Attributes
    ----------
    con
        The engine that the tables will live on.
    study
        What is read.
    root
        The project's folder.
    scratch
        A folder for what is unpacked, fetched and joined, its owner's alone and removed afterwards.
    sample
        Rows of each input that are enough; None: all.
    """

    con: ibis.backends.duckdb.Backend
    study: Study
    root: Path
    scratch: Path
    sample: int | None = None


@dataclass(frozen=True)
class Input:
    """One thing that a source reads: where it is, and which tables it becomes (in words).

    Attributes
    ----------
    path
        The file.
    becomes
        Its tables, or why it is not loaded.
    name
        What people know it by; the file's name when empty.
    digest
        What it is known again by, where that is not the SHA-256 of its bytes.
    key
        The fingerprint of the key under which the people in it get their pseudonyms; empty where it has none.
    """

    path: Path
    becomes: str
    name: str = ""
    digest: str = ""
    key: str = ""

    @property
    def shown(self) -> str:
        """The name for people."""
        return self.name or self.path.name


@dataclass
class Raw:
    """What a reader read.

    Attributes
    ----------
    tables
        Canonical tables by name, each with the columns of ``quality.LINEAGE``; scanned more than once.
    rows
        For a table the rows read of each input, where the reader counts them by itself: what is loaded, set
        aside and left out is then held against a number that the mapping had no part in.
    numbered
        What makes the same tables with their rows numbered, where numbering costs as much as reading. They
        are asked only for the rows that are set aside; see :meth:`with_lines`.
    sampled
        What a sample is, where it is not the first rows of each file; empty where everything was read.
    overlap_is_known
        The study says what becomes of order lines that stand in two files.
    in_place
        The tables are read where they lie, on machines that are not this one, and none is copied.
    """

    tables: dict[str, ir.Table]
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    numbered: dict[str, Callable[[], ir.Table]] = field(default_factory=dict)
    sampled: str | None = None
    overlap_is_known: bool = False
    in_place: bool = False

    def with_lines(self, table: str) -> ir.Table:
        """A table with the line of each of its rows."""
        return self.numbered[table]() if table in self.numbered else self.tables[table]


@dataclass(frozen=True)
class Decision:
    """One quirk of a source's data, what is done about it (kept, changed, left out), and why."""

    table: str
    quirk: str
    decision: str


class Source(Protocol):
    """What a reader module offers."""

    VERSION: int
    Options: type[BaseModel]
    DECISIONS: tuple[Decision, ...]

    def inputs(self, reading: Reading) -> list[Input]:
        """The files that are read; a missing one raises DataError. What is fetched may end at the sample."""
        ...

    def read(self, reading: Reading, inputs: list[Input]) -> Raw:
        """The canonical tables; of at least the first rows of each input where a sample is enough."""
        ...


def kinds() -> list[str]:
    """The readers there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def decisions() -> str:
    """What each source does about the quirks of its data, as Markdown."""
    parts = []
    for kind in kinds():
        source = cast(Source, importlib.import_module(f"{__name__}.{kind}"))
        parts.append(
            f"\n# Source {kind}: what was decided\n\n| table | what the data have | decision |\n|---|---|---|"
        )
        parts += [f"| {d.table} | {d.quirk} | {d.decision} |" for d in source.DECISIONS]
    return "\n".join(parts) + "\n"


def reader(study: Study) -> Source:
    """The reader that a study names, once its options are known to be valid.

    Raises
    ------
    StudyError
        There is no such reader, or its options are not valid.
    """
    if study.kind not in kinds():
        known = known_names(study.kind, kinds(), label="There are")
        raise StudyError(f"study '{study.name}': no source of kind '{study.kind}'. {known}")
    source = cast(Source, importlib.import_module(f"{__name__}.{study.kind}"))
    study.source_options(source.Options)
    return source
