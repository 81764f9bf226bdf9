"""How does someone's data become canonical tables? One reader a module; a study names it by ``kind``.

A reader has ``VERSION`` (raised when the same input would give other tables), ``OPTIONS`` (the keys that
a study's ``source`` may hold beside ``kind``), ``DECISIONS`` (quirks of the data and what is done about
them), ``inputs`` (the files it reads, if any) and ``read`` (files to Ibis tables, with their lineage). A
reader that makes its data up says ``SIMULATED = True``, and every page then says so too.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from crm_utils.errors import StudyError, known_names

if TYPE_CHECKING:
    import ibis.backends.duckdb
    import ibis.expr.types as ir

    from crm_utils.study import Study

__all__ = ["Decision", "Input", "Source", "decisions", "kinds", "reader"]


@dataclass(frozen=True)
class Input:
    """One file that a source reads: where it is, and which tables it becomes (in words)."""

    path: Path
    becomes: str


@dataclass(frozen=True)
class Decision:
    """One quirk of a source's data, what is done about it (kept, changed, left out), and why."""

    table: str
    quirk: str
    decision: str


class Source(Protocol):
    """What a reader module offers."""

    VERSION: int
    OPTIONS: frozenset[str]
    DECISIONS: tuple[Decision, ...]

    def inputs(self, study: Study, root: Path) -> list[Input]:
        """The files that are read; a missing one raises DataError."""
        ...

    def read(
        self, con: ibis.backends.duckdb.Backend, study: Study, inputs: list[Input]
    ) -> dict[str, ir.Table]:
        """Canonical tables by name, each with the columns of ``quality.LINEAGE``."""
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
        There is no such reader, or it has no such option.
    """
    if study.kind not in kinds():
        known = known_names(study.kind, kinds(), label="There are")
        raise StudyError(f"study '{study.name}': no source of kind '{study.kind}'. {known}")
    source = cast(Source, importlib.import_module(f"{__name__}.{study.kind}"))
    for option in study.source:
        if option not in source.OPTIONS | {"kind"}:
            known = known_names(option, source.OPTIONS | {"kind"})
            raise StudyError(f"study '{study.name}': source {study.kind} has no option '{option}'. {known}")
    return source
