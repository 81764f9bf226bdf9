"""What changed? This week beside others, who moved, and which numbers moved since the last report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from markupsafe import Markup

from crm_utils import wording
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.scorecard import REGISTRY
from crm_utils.reports.compare_numbers import Change, compare
from crm_utils.reports.manifest import read_results
from crm_utils.reports.movers import movers
from crm_utils.sentences import pages as words
from crm_utils.sentences.scorecard import writes
from crm_utils.tools.language import _

from .document import read

__all__ = ["news", "sparkline", "week"]

#: What is shown of the scorecard's measures.
HEADLINES = ("revenue", "orders", "customers", "new_customers", "order_value")
_SPARK_WEEKS = 13  # a quarter: enough to see whether a week is out of the ordinary
#: Changes of recorded numbers that are shown at once.
SHOWN = 5
_WIDTH, _HEIGHT = 96, 24  # of a sparkline, in CSS pixels
#: Totals since the data began rise every day: their rise is no news.
_TOTALS = {"customers", "orders", "revenue", "discount", "baskets", "items", "rules", "itemsets", "returns"}


def week(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The last whole week, beside the week before and the same week a year ago, with its last quarter.

    Parameters
    ----------
    folder
        The run's folder; the scorecard's table ``kpis`` holds each measure's weeks.
    manifest
        The run's ``run.json``.

    Returns
    -------
    dict
        ``begins``: the week's Monday; ``numbers``: five at most. Empty where there is no such table, or fewer
        than five customers bought in that week.
    """
    path = folder / "tables" / "kpis.parquet"
    if not path.is_file():
        return {}
    weeks: dict[str, dict[date, Mapping[str, Any]]] = {}
    for row in pq.read_table(path).to_pylist():
        weeks.setdefault(row["measure"], {})[_day(row["week"])] = row
    last = max((max(rows) for rows in weeks.values()), default=None)
    if last is None or 0 < (_value(weeks, "customers", last) or 0) < SMALLEST_GROUP:
        return {}
    numbers = [_number(weeks, measure, last, manifest["currency"]) for measure in HEADLINES]
    return {"begins": last.isoformat(), "numbers": [number for number in numbers if number]}


def _number(
    weeks: Mapping[str, Mapping[date, Mapping[str, Any]]], measure: str, last: date, currency: str
) -> dict[str, Any] | None:
    now = _value(weeks, measure, last)
    if now is None:
        return None
    unit = next(m.unit for m in REGISTRY if m.name == measure)
    line = [_value(weeks, measure, last - timedelta(days=7 * k)) for k in range(_SPARK_WEEKS)]
    return {
        "name": words.weekly_name(measure),
        "value": wording.alike(writes(unit, currency), [now])(now),
        "last_week": words.change_share(now, line[1]),
        "last_year": words.change_share(now, _last_year(weeks[measure], last)),
        "says": words.unusual(weeks[measure][last].get("says") or ""),
        "line": sparkline(line[::-1]),
    }


def _value(weeks: Mapping[str, Mapping[date, Mapping[str, Any]]], measure: str, day: date) -> float | None:
    value = weeks.get(measure, {}).get(day, {}).get("value")
    return None if value is None or value != value else float(value)


def _last_year(rows: Mapping[date, Mapping[str, Any]], last: date) -> float | None:
    """The week of last year with the same holidays and sales, as the scorecard found it."""
    value = rows[last].get("last_year", rows.get(last - timedelta(days=364), {}).get("value"))
    return None if value is None or value != value else float(value)


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def sparkline(values: Sequence[float | None]) -> Markup:
    """A small line of a number's last weeks, the oldest first; decoration beside the numbers themselves.

    Examples
    --------
    >>> print(sparkline([1, None, 3]))
    <BLANKLINE>
    >>> "<polyline" in sparkline([1, 2, 4, 3])
    True
    """
    known = [v for v in values if v is not None]
    if len(known) < 3:
        return Markup("")
    low, high = min(known), max(known)
    step = (_WIDTH - 4) / max(len(values) - 1, 1)
    points = [
        (2 + k * step, _HEIGHT - 3 - (v - low) / ((high - low) or 1) * (_HEIGHT - 6))
        for k, v in enumerate(values)
        if v is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true">'
        '<polyline points="{line}"/><circle cx="{x}" cy="{y}" r="2.5"/></svg>'
    ).format(w=_WIDTH, h=_HEIGHT, line=line, x=f"{x:.1f}", y=f"{y:.1f}")


def news(
    folder: Path, manifest: Mapping[str, Any], results: Mapping[str, Any], previous: Path | None
) -> dict[str, Any]:
    """What changed since the last report, or why that cannot be said."""
    if previous is None:
        return {"note": words.no_comparison("first")}
    try:
        before, earlier = read(previous / "run.json"), read_results(previous)
    except (OSError, ValueError):
        before, earlier = {}, {}
    if not before or not earlier:
        return {"note": words.no_comparison("unreadable")}
    for key in ("schema_version", "currency"):
        if before.get(key) != manifest.get(key):
            return {"note": words.no_comparison(key, was=str(before.get(key)), now=str(manifest.get(key)))}
    changes = compare(earlier, results, manifest["currency"])
    moved = [change for change in changes.moved if not _is_total(change)]
    moved.sort(key=lambda change: words.number_rank(change.notebook, change.name))
    asked = [change for change in moved if words.number_name(change.notebook, change.name)]
    shown = min(SHOWN, len(asked) or SHOWN)
    return {
        "since": before,
        "causes": _causes(before, manifest),
        "movers": movers(previous, folder),
        "moved": [_row(change, moved) for change in moved[:shown]],
        "further": [_row(change, moved) for change in moved[shown:]],
        "summary": words.moved_summary(
            len(changes.moved), changes.within, changes.same, changes.added, changes.gone
        ),
    }


def _is_total(change: Change) -> bool:
    return change.name in _TOTALS or change.name.startswith("order_lines.")


def _causes(before: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What else is not as it was, so that a change is not taken for the customers' doing."""

    def parameters(run: Mapping[str, Any]) -> dict[str, Any]:
        return {n["name"]: n.get("parameters", {}) for n in run["notebooks"]}

    pairs = {
        "data": [run.get("snapshot", {}).get("id") for run in (before, manifest)],
        "parameters": [parameters(run) for run in (before, manifest)],
        "versions": [run.get("versions") for run in (before, manifest)],
    }
    other = [code for code, (was, now) in pairs.items() if was != now]
    return words.causes(other, same_day=before["as_of"] == manifest["as_of"])


def _row(change: Change, shown: Sequence[Change]) -> dict[str, str]:
    """A change for people; its page is named where two pages call a number alike."""
    named = words.number_name(change.notebook, change.name)
    label = change.name.replace(".", " · ").replace("_", " ")
    alike = sum(other.name == change.name for other in shown) > 1
    relative = ""
    if change.relative is not None and "%" not in change.after:  # a share of a share says little
        digits = 0 if abs(change.relative) >= 0.1 else 1
        relative = ("+" if change.relative > 0 else "") + wording.share(change.relative, digits)
    return {
        "label": named or (f"{words.tab(change.notebook)} · {label}" if alike else label),
        "text": _("{after}, was {before}").format(after=change.after, before=change.before),
        "relative": relative,
    }
