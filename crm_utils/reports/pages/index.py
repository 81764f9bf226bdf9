"""What does a reader see first? The state of the data, what to do today, what changed, whether it worked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crm_utils import wording
from crm_utils.reports import publish
from crm_utils.reports.manifest import read_manifest
from crm_utils.reports.outcomes import outcomes, planned
from crm_utils.sentences import pages as words
from crm_utils.tables import TABLES
from crm_utils.tools import durable

from .document import environment, read, spoken
from .glossary import render_glossary, tabs
from .lists import lists, write_dictionary
from .news import news, week
from .state import state
from .summary import write_summary
from .today import cards, is_taken

__all__ = ["render_index", "render_neighbours"]

#: More than five things nobody does today.
CARDS = 5
#: Actions whose outcome is in sight; the others are folded.
OUTCOMES = 5


def render_index(
    folder: Path, manifest: Mapping[str, Any], *, previous: Path | None = None, following: str = ""
) -> None:
    """Write ``index.html`` of a run, its glossary, its dictionary of lists and its summary.

    Parameters
    ----------
    folder
        The run's folder, with the executed notebooks, their pages and ``results/``.
    manifest
        The content of its ``run.json``.
    previous
        The folder of the report of the day before, for what changed; None when there is none.
    following
        The day of the next report; empty when there is none yet.
    """
    names = [n["name"] for n in manifest["notebooks"]]
    results = {name: read(folder / "results" / f"{name}.json") for name in names}
    do, avoid = cards(manifest, results, names)
    worked, more_worked = _worked(folder, manifest, results)
    saved, stands = lists(folder, manifest, results), state(manifest, results, previous)
    render_glossary(folder, manifest)
    write_dictionary(folder, saved)
    write_summary(folder, manifest, state=stands, cards=do[:CARDS], avoid=avoid)
    text = environment().get_template("index.html.j2").render(
        manifest=manifest,
        published=manifest["status"] == "passed" and not manifest.get("only"),
        previous=previous.name if previous and _is_day(previous.name) else "",
        following=following,
        tabs=tabs(manifest),
        state=stands,
        cards=do[:CARDS],
        further=do[CARDS:],
        avoid=avoid,
        week=week(folder, manifest),
        news=news(folder, manifest, results, previous),
        worked=worked,
        more_worked=more_worked,
        lists=saved,
        analyses=[_analysis(folder, n, results[n["name"]]) for n in manifest["notebooks"]],
        tables=_tables(manifest),
        absent=_absent(manifest),
        inputs=[
            {**i, "rows": wording.count(i["rows"])} for i in manifest.get("snapshot", {}).get("inputs", [])
        ],
    )  # fmt: skip
    durable.replace(folder / "index.html", spoken(text))


def render_neighbours(home: Path, day: str) -> None:
    """Write the indexes of the reports before and after a day anew: they lead to it, or are compared with it.

    Parameters
    ----------
    home
        ``reports/<study>``.
    day
        The day whose report was just published; its own index is written too where a later one is there.
    """
    days = publish.days(home)
    place = days.index(day)
    for k in (place - 1, place, place + 1):
        manifest = read_manifest(home / days[k]) if 0 <= k < len(days) else None
        following = days[k + 1] if k + 1 < len(days) else ""
        if manifest is None or (k == place and not following):
            continue
        with suppress(KeyError, TypeError, ValueError):  # a report of an older form stays as it is
            previous = home / days[k - 1] if k else None
            render_index(home / days[k], manifest, previous=previous, following=following)


def _is_day(name: str) -> bool:
    return name[:4].isdigit() and "-" in name


def _analysis(folder: Path, facts: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    page = f"{facts['name']}.html"
    findings = result.get("findings", [])
    return {
        **facts,
        "page": quote(page) if (folder / page).is_file() else "",
        "finding": findings[0]["text"] if findings else "",
    }


def _outcome(row: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    text = ""
    if row["effect"] is not None:
        ends = [row[end] if row[end] is not None else row["effect"] for end in ("low", "high")]
        text = words.effect(row["metric"], row["effect"], *ends, currency=manifest["currency"])
    held_out = row["held_out"]
    return {
        **row,
        "metric": row["metric"].replace("_", " "),
        "effect": text or wording.MISSING,
        "held_out": wording.count(held_out) if held_out else wording.MISSING,
        "verdict": words.outcome(row["verdict"]),
        "code": row["verdict"],
        "page": quote(f"{row['notebook']}.html"),
    }


def _worked(
    folder: Path, manifest: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was judged and what is still to be, as many as a screen holds; then the others."""
    judged = [_outcome(row, manifest) for row in outcomes(folder, results)]
    coming = _pending(folder, manifest, results)
    first = min(len(judged), OUTCOMES - bool(coming))
    then = OUTCOMES - first
    return judged[:first] + coming[:then], judged[first:] + coming[then:]


def _pending(
    folder: Path, manifest: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """What this report sends and leaves customers out of: when that can be judged.

    A list that goes out with the contact list is told there, with those who may be written to: nothing is
    told of it where nobody may be.
    """
    rows = planned(folder, results)
    rows += [
        {"name": words.headline(action), **action}
        for result in results.values()
        for action in result.get("actions", [])
        if action["held_out"] and action["horizon_days"] and not action["avoid"]
        and not is_taken(manifest, action["list"])
    ]  # fmt: skip
    return [
        {
            "name": row["name"],
            "held_out": wording.count(row["held_out"]),
            "when": words.judged_from(manifest["as_of"], row["horizon_days"]),
        }
        for row in rows
    ]


def _tables(manifest: Mapping[str, Any]) -> list[dict[str, str]]:
    kept = ("read", "loaded", "quarantined", "left_out")
    tables = manifest.get("snapshot", {}).get("tables", {})
    return [
        {"name": name, **{k: wording.count(rows.get(k, 0)) for k in kept}} for name, rows in tables.items()
    ]


def _absent(manifest: Mapping[str, Any]) -> list[str]:
    """The canonical tables that the study does not have; empty where that is not known."""
    there = manifest.get("snapshot", {}).get("tables", {})
    return [name for name in TABLES if name not in there] if there else []
