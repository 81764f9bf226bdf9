"""What is there? Studies, the days that have a report, and the lists of the newest one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crm_utils import wording
from crm_utils.errors import StudyError
from crm_utils.reports.manifest import read_results
from crm_utils.reports.publish import days
from crm_utils.study import Study, read_study

__all__ = ["lists_of", "studies"]

#: Days named in a line; a backfill may have made hundreds.
_NAMED = 6


def studies(root: Path) -> Iterator[str]:
    """A line a study: its title and its reports."""
    paths = sorted(p for p in (root / "studies").glob("*.yaml") if "." not in p.stem)
    if not paths:
        yield "There is no study yet. Make one of your files: crm new NAME --from FILE"
    for path in paths:
        try:
            title = read_study(root, path.stem).title
        except StudyError:
            title = "not valid: crm check says why"
        yield f"{path.stem:<24} {title}"
        yield f"{'':<24} {_named(days(root / 'reports' / path.stem))}"


def lists_of(root: Path, study: Study) -> Iterator[str]:
    """A study's reports, and each list of the newest: its rows, and what it is for."""
    there = days(root / "reports" / study.name)
    yield f"{study.title}: {_named(there)}"
    if not there:
        return
    yield f"Lists of {there[-1]}:"
    for result in read_results(root / "reports" / study.name / there[-1]).values():
        for name, table in result["tables"].items():
            yield f"  {name:<24} {wording.count(table['rows']):>9} rows  {table.get('purpose', '')}".rstrip()


def _named(there: list[str]) -> str:
    if not there:
        return "no report yet"
    shown = ", ".join(reversed(there[-_NAMED:]))
    more = f" and {len(there) - _NAMED} earlier" if len(there) > _NAMED else ""
    return f"reports to {shown}{more}"
