"""Why do two reports differ? What moved, which tables changed, and which causes lie between them.

Causes are what a run depends on: its data, its day, its parameters and its code. A result that moves
while none of them did is a defect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_utils import wording
from crm_utils.changes import Changes, compare
from crm_utils.errors import StudyError, known_names
from crm_utils.publish import days
from crm_utils.record import read_manifest, read_results
from crm_utils.snapshots import sha256

__all__ = ["Cause", "Difference", "TableChange", "described", "diff", "find_report"]

#: Numbers that moved, until somebody asks for all.
NUMBERS_SHOWN = 20


@dataclass(frozen=True)
class Cause:
    """Something results depend on that differs: its kind (data, day, parameters, code), and what exactly."""

    kind: str
    what: str


@dataclass(frozen=True)
class TableChange:
    """A saved table whose bytes differ, and how."""

    name: str
    what: str


@dataclass(frozen=True)
class Difference:
    """How two runs differ: the causes, the numbers, the tables, and how many tables are the same."""

    causes: tuple[Cause, ...]
    numbers: Changes
    tables: tuple[TableChange, ...]
    same_tables: int

    @property
    def unexplained(self) -> bool:
        """Whether something moved by itself."""
        return bool((self.numbers.moved or self.tables) and not self.causes)


def find_report(root: Path, study: str, text: str) -> Path:
    """The report of a day, ``latest``, or one run by its id.

    Raises
    ------
    StudyError
        There is none that can be read; the text says which days have one.
    """
    home = root / "reports" / study
    for folder in (home / text, home / ".runs" / text):
        if text and Path(text).name == text and read_manifest(folder):
            return folder
    known = known_names(text, days(home), label="There are")
    raise StudyError(f"'{study}' has no report '{text}'. {known} A run's id does as well.")


def diff(before: Path, after: Path) -> Difference:
    """Compare two reports.

    Parameters
    ----------
    before, after
        Their folders, as from :func:`find_report`.

    Raises
    ------
    StudyError
        Their amounts are in different currencies.
    """
    old, new = read_manifest(before) or {}, read_manifest(after) or {}
    if old["currency"] != new["currency"]:
        raise StudyError(f"One report is in {old['currency']}, the other in {new['currency']}.")
    was, now = read_results(before), read_results(after)
    tables = [{t: m for r in found.values() for t, m in r["tables"].items()} for found in (was, now)]
    changed = tuple(_tables(before, after, *tables))
    return Difference(
        causes=tuple(_causes(old, new)),
        numbers=compare(was, now, new["currency"]),
        tables=changed,
        same_tables=len(tables[0].keys() | tables[1].keys()) - len(changed),
    )


def described(found: Difference, *, everything: bool = False) -> Iterator[str]:
    """A difference in lines for people: every number that moved, or the first 20.

    Parameters
    ----------
    found
        What :func:`diff` found.
    everything
        Whether to name every number.
    """
    moved, tables = found.numbers.moved, found.tables
    yield "Causes" if found.causes else "Causes: none; the same data, day, parameters and code"
    for cause in found.causes:
        yield f"  {cause.kind:<12} {cause.what}"
    rest = f"{found.numbers.within} within their intervals, {found.numbers.same} the same"
    yield f"Numbers: {len(moved)} moved, {rest}, {found.numbers.added} new, {found.numbers.gone} gone"
    shown = moved if everything else moved[:NUMBERS_SHOWN]
    for change in shown:
        yield f"  {change.notebook}.{change.name}: {change.before} → {change.after}"
    if len(moved) > len(shown):
        yield f"  … and {len(moved) - len(shown)} more; --all lists them"
    yield f"Tables: {len(tables)} changed, {found.same_tables} the same"
    for table in tables:
        yield f"  {table.name}: {table.what}"


def _causes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Cause]:
    if old["as_of"] != new["as_of"]:
        yield Cause("day", f"{old['as_of']} → {new['as_of']}")
    if old["snapshot"]["id"] != new["snapshot"]["id"]:
        inputs = [{i["name"]: i for i in told["snapshot"]["inputs"]} for told in (old, new)]
        changes = list(_inputs(*inputs))
        yield from changes or [
            Cause("data", "the same files, loaded in another way (options, zone, version)")
        ]
    for key in ("title", "timezone", "history_starts"):
        if old[key] != new[key]:
            yield Cause("parameters", f"the study's {key}: {old[key]} → {new[key]}")
    notebooks = [{n["name"]: n for n in told["notebooks"]} for told in (old, new)]
    for name, was, now in _both(*notebooks):
        if was is None or now is None:
            yield Cause("code", f"notebook {name} is {'new' if was is None else 'gone'}")
            continue
        for key, x, y in _both(was["parameters"], now["parameters"]):
            if x != y:
                left, right = ("the default" if v is None else repr(v) for v in (x, y))
                yield Cause("parameters", f"{name}.{key}: {left} → {right}")
        if was.get("source") != now.get("source"):
            yield Cause("code", f"notebook {name} was edited")
    if old.get("code") != new.get("code"):
        yield Cause("code", "the package crm_utils was edited")
    for name, x, y in _both(old["versions"], new["versions"]):
        if x != y:
            yield Cause("code", f"{name} {x or 'absent'} → {y or 'absent'}")


def _inputs(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Cause]:
    for name, was, now in _both(old, new):
        if was is None or now is None:
            yield Cause("data", f"{name} is {'new' if was is None else 'gone'}")
        elif was["sha256"] != now["sha256"]:
            rows = f"{wording.count(was['rows'])} → {wording.count(now['rows'])} rows"
            yield Cause("data", f"{name} has other content, {rows}")


def _tables(before: Path, after: Path, old: dict[str, Any], new: dict[str, Any]) -> Iterator[TableChange]:
    for name, was, now in _both(old, new):
        if was is None or now is None:
            yield TableChange(name, "new" if was is None else "gone")
            continue
        file = Path("tables") / f"{name}.parquet"
        if sha256(before / file) == sha256(after / file):
            continue
        told = []
        if was["rows"] != now["rows"]:
            told.append(f"{wording.count(was['rows'])} → {wording.count(now['rows'])} rows")
        for word, columns in (
            ("new columns", [c for c in now["columns"] if c not in was["columns"]]),
            ("columns gone", [c for c in was["columns"] if c not in now["columns"]]),
        ):
            told += [f"{word}: {', '.join(columns)}"] if columns else []
        yield TableChange(name, "; ".join(told) or f"other values in {wording.count(now['rows'])} rows")


def _both(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each key of either, with both values; None where there is none."""
    for key in sorted(old.keys() | new.keys()):
        yield key, old.get(key), new.get(key)
