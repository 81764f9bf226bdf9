"""Why do two reports differ? What moved, which tables changed, and which causes lie between them.

Causes are what a run depends on: its data, its day, its parameters and its code. A result that moves
while none of them did is a defect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.errors import StudyError, known_names
from crm_utils.methods.scorecard import compare_runs
from crm_utils.reports.compare_numbers import Changes, compare
from crm_utils.reports.manifest import read_manifest, read_results
from crm_utils.reports.publish import days
from crm_utils.sentences.scorecard_since import since_lines
from crm_utils.snapshots import sha256
from crm_utils.tools.yaml_file import read_yaml

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
    """How two runs differ: the causes, the numbers, the tables, and how many tables are the same.

    ``weeks`` are the lines on the scorecard's weeks, by the method and in the words of its page.
    """

    causes: tuple[Cause, ...]
    numbers: Changes
    tables: tuple[TableChange, ...]
    same_tables: int
    weeks: tuple[str, ...] = ()

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
    tables = [{t: m for r in recorded.values() for t, m in r["tables"].items()} for recorded in (was, now)]
    changed = tuple(_tables(before, after, *tables))
    return Difference(
        causes=(*_causes(old, new), *_of_the_study(before, after)),
        numbers=compare(was, now, new["currency"]),
        tables=changed,
        same_tables=len(tables[0].keys() | tables[1].keys()) - len(changed),
        weeks=tuple(_weeks(before, after, day=old["as_of"], currency=new["currency"])),
    )


def described(compared: Difference, *, everything: bool = False) -> Iterator[str]:
    """A difference in lines for people: every number that moved, or the first 20.

    Parameters
    ----------
    compared
        What :func:`diff` found.
    everything
        Whether to name every number.
    """
    moved, tables = compared.numbers.moved, compared.tables
    yield "Causes" if compared.causes else "Causes: none; the same data, day, parameters and code"
    for cause in compared.causes:
        yield f"  {cause.kind:<12} {cause.what}"
    rest = f"{compared.numbers.within} within their intervals, {compared.numbers.same} the same"
    yield f"Numbers: {len(moved)} moved, {rest}, {compared.numbers.added} new, {compared.numbers.gone} gone"
    shown = moved if everything else moved[:NUMBERS_SHOWN]
    for change in shown:
        yield f"  {change.notebook}.{change.name}: {change.before} → {change.after}"
    if len(moved) > len(shown):
        yield f"  … and {len(moved) - len(shown)} more; --all lists them"
    if compared.weeks:
        yield f"Weeks: {compared.weeks[0]}"
        yield from (f"  {line}" for line in compared.weeks[1:])
    yield f"Tables: {len(tables)} changed, {compared.same_tables} the same"
    for table in tables:
        yield f"  {table.name}: {table.what}"


def _causes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Cause]:
    if old["as_of"] != new["as_of"]:
        yield Cause("day", f"{old['as_of']} → {new['as_of']}")
    if old["snapshot"]["id"] != new["snapshot"]["id"]:
        inputs = [{i["name"]: i for i in manifest["snapshot"]["inputs"]} for manifest in (old, new)]
        changes = list(_inputs(*inputs))
        yield from changes or [
            Cause("data", "the same files, loaded in another way (options, zone, version)")
        ]
    if old["as_of"] == new["as_of"] and old.get("previous") != new.get("previous"):
        days = [(one.get("previous") or {}).get("as_of", "none") for one in (old, new)]
        yield Cause("data", f"the report that it is compared with: {days[0]} → {days[1]}")
    for key in ("title", "timezone", "history_starts"):
        if old[key] != new[key]:
            yield Cause("parameters", f"the study's {key}: {old[key]} → {new[key]}")
    notebooks = [{n["name"]: n for n in manifest["notebooks"]} for manifest in (old, new)]
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


def _of_the_study(before: Path, after: Path) -> Iterator[Cause]:
    """What else a study says that results depend on, and the files that stand beside it."""
    paths = [folder / "study.yaml" for folder in (before, after)]
    if all(path.is_file() for path in paths):
        old, new = (read_yaml(path, path.name)[0] for path in paths)
        edited = [
            key for key in ("calendar", "decisions", "experiments", "goals") if old.get(key) != new.get(key)
        ]
        yield from (Cause("parameters", f"the study's {key} was edited") for key in edited)
    for name in ("scenarios.yaml", "vendors.csv"):
        texts = [path.read_bytes() if path.is_file() else b"" for path in (before / name, after / name)]
        if texts[0] != texts[1]:
            yield Cause("parameters", f"the study's {name} was edited")


def _weeks(before: Path, after: Path, *, day: str, currency: str) -> Iterator[str]:
    """What the scorecard's page says of two runs' weeks."""
    paths = [folder / "tables" / "kpis.parquet" for folder in (before, after)]
    if all(path.is_file() for path in paths):
        old, new = (pd.read_parquet(path) for path in paths)
        yield from since_lines(compare_runs(old, new), day, currency=currency)


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
        changes = []
        if was["rows"] != now["rows"]:
            changes.append(f"{wording.count(was['rows'])} → {wording.count(now['rows'])} rows")
        for word, columns in (
            ("new columns", [c for c in now["columns"] if c not in was["columns"]]),
            ("columns gone", [c for c in was["columns"] if c not in now["columns"]]),
        ):
            changes += [f"{word}: {', '.join(columns)}"] if columns else []
        yield TableChange(name, "; ".join(changes) or f"other values in {wording.count(now['rows'])} rows")


def _both(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each key of either, with both values; None where there is none."""
    for key in sorted(old.keys() | new.keys()):
        yield key, old.get(key), new.get(key)
