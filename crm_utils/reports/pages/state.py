"""Can this report be relied on? What must be known before anything else: warnings, gaps, missed goals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crm_utils.reports.compare_numbers import describe
from crm_utils.sentences import pages as words
from crm_utils.tools.language import _

from .document import read

__all__ = ["goals", "state"]


def state(
    manifest: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]], previous: Path | None
) -> dict[str, Any]:
    """Warnings, the gravest first, and a line on the data.

    Parameters
    ----------
    manifest, results
        The content of the run's ``run.json``; what its notebooks recorded.
    previous
        The folder of the last report; None where there is none.

    Returns
    -------
    dict
        ``alarms``: text, and page where one says more; ``complete``: the line on the data where none of them
        is amiss; ``goals``: all of them, judged.
    """
    before = _readable(previous)
    judged = goals(manifest, before)
    stale = list(_stale(manifest))
    alarms = [*_warnings(results), *_gone(manifest, before), *stale]
    alarms += [{"text": g["line"], "page": "", "tab": ""} for g in judged if g["alarm"]]
    tables = manifest.get("snapshot", {}).get("tables", {})
    read_, aside = (sum(t.get(key, 0) for t in tables.values()) for key in ("read", "quarantined"))
    whole = tables and not stale and not results.get("data_collection", {}).get("warnings")
    line = words.complete(read_, aside, manifest["snapshot"]["last_day"]) if whole else ""
    return {"alarms": alarms, "complete": line, "goals": judged}


def _readable(previous: Path | None) -> dict[str, Any]:
    try:
        return read(previous / "run.json") if previous else {}
    except (OSError, ValueError):
        return {}


def _warnings(results: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for name, result in results.items():
        for number, warning in enumerate(result.get("warnings", []), start=1):
            page = f"{quote(name)}.html#warn-{number}"
            yield {"text": warning["text"], "page": page, "tab": words.tab(name)}


def _gone(manifest: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Pages that the last report had and this one has not."""
    if manifest.get("only"):
        return
    there = {n["name"] for n in manifest["notebooks"] if n["status"] == "passed"}
    for n in before.get("notebooks", []):
        if n["status"] == "passed" and n["name"] not in there:
            text = _("The last report could say more: {page} is missing from this one.")
            yield {"text": text.format(page=words.tab(n["name"])), "page": "", "tab": ""}


def _stale(manifest: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    last = manifest.get("snapshot", {}).get("last_day", "")
    if last and last < manifest["as_of"][:10]:
        yield {"text": words.stale(last, manifest["as_of"]), "page": "", "tab": ""}


def goals(manifest: Mapping[str, Any], before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The study's goals. One that was missed alarms when it is news: not missed before, or missed by more.

    What has been so for long (a shop closed at Christmas) is listed among the goals, and alarms nobody.
    """
    earlier = {goal["name"]: goal for goal in before.get("goals", [])}
    judged = []
    for goal in manifest.get("goals", []):
        was = earlier.get(goal["name"])
        value = describe(goal, manifest["currency"])
        target = describe({"value": goal["target"], "unit": goal.get("unit")}, manifest["currency"])
        code = _code(goal, manifest["as_of"])
        judged.append(
            {
                "code": code,
                "verdict": words.verdict(code),
                "line": words.goal_line(goal, value=value, target=target),
                "alarm": code == "missed" and was is not None and _is_worse(goal, was),
            }
        )
    return judged


def _code(goal: Mapping[str, Any], as_of: str) -> str:
    """How a goal stands; one whose day is still to come cannot have been missed."""
    if goal.get("met") is False and goal.get("by", "") > as_of[:10]:
        return "not_yet"
    return {True: "met", False: "missed", None: "open"}[goal.get("met")]


def _is_worse(goal: Mapping[str, Any], was: Mapping[str, Any]) -> bool:
    if was.get("met") is not False:
        return True
    further = abs(goal["value"] - goal["target"]) > abs((was.get("value") or 0) - goal["target"])
    inside = goal.get("low") is not None and goal["low"] <= (was.get("value") or 0) <= goal["high"]
    return further and not inside
