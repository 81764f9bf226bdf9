"""What does a reader see first? The index of a report, and the overview of all reports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crm_utils import wording

from .changes import Change, Changes, compare, describe
from .document import environment, read, read_notebook, write
from .pictures import Picture, data_uri, pictures, thumbnail

__all__ = ["render_index", "render_overview"]

_TILE_WIDTH = 640  # pixels: twice the width at which a tile is shown
_LEAD_WIDTH = 1280


def render_index(folder: Path, manifest: Mapping[str, Any], *, previous: Path | None = None) -> None:
    """Write ``index.html`` of a run: what changed, goals, findings, pages, where the data come from.

    Parameters
    ----------
    folder
        The run's folder, with the executed notebooks and ``results/``.
    manifest
        The content of its ``run.json``.
    previous
        The folder of the last published run, for what changed; None when there is none.
    """
    results = {n["name"]: read(folder / "results" / f"{n['name']}.json") for n in manifest["notebooks"]}
    drawn = {name: _pictures(folder / f"{name}.ipynb") for name in results}
    text = (
        environment()
        .get_template("index.html.j2")
        .render(
            manifest=manifest,
            findings=_findings(manifest, results, drawn),
            news=_news(manifest, results, previous),
            tiles=[_tile(folder, n, results[n["name"]], drawn[n["name"]]) for n in manifest["notebooks"]],
            goals=_goals(manifest),
            tables=_tables(manifest),
        )
    )
    write(folder / "index.html", text)


def _pictures(executed: Path) -> list[Picture]:
    return list(pictures(read_notebook(executed))) if executed.is_file() else []


def _findings(
    manifest: Mapping[str, Any], results: Mapping[str, Any], drawn: Mapping[str, list[Picture]]
) -> list[dict[str, Any]]:
    """All findings, those with most money at stake first, then in the notebooks' order."""
    question = {n["name"]: n.get("question") or n["name"] for n in manifest["notebooks"]}
    found = [
        {
            "text": finding["text"],
            "stake": _stake(finding, manifest["currency"]),
            "order": -(finding.get("at_stake") or 0),
            "page": f"{name}.html",
            "anchor": finding.get("anchor", ""),
            "question": question[name],
        }
        for name, result in results.items()
        for finding in result.get("findings", [])
    ]
    return sorted(found, key=lambda f: f["order"])


def _stake(finding: Mapping[str, Any], currency: str) -> str:
    return wording.money(finding["at_stake"], currency) if finding.get("at_stake") else ""


def _tile(
    folder: Path, facts: Mapping[str, Any], result: Mapping[str, Any], drawn: list[Picture]
) -> dict[str, Any]:
    picture = next((p for p in drawn if p.kind != "image/svg+xml"), None)
    name = facts["name"]
    return {
        **facts,
        "page": f"{name}.html" if (folder / f"{name}.html").is_file() else "",
        "picture": data_uri("image/png", thumbnail(picture.content, _TILE_WIDTH)) if picture else "",
        "alt": (picture.alt or picture.caption or "The page's first picture") if picture else "",
        "findings": len(result.get("findings", [])),
    }


def _news(manifest: Mapping[str, Any], results: Mapping[str, Any], previous: Path | None) -> dict[str, Any]:
    """What changed, or why that cannot be said."""
    if previous is None:
        return {"note": "This is the study's first report: there is nothing to compare it with yet."}
    try:
        before = read(previous / "run.json")
        earlier = {p.stem: read(p) for p in sorted((previous / "results").glob("*.json"))}
    except (OSError, ValueError):
        before, earlier = {}, {}
    if not before or not earlier:
        return {"note": "The last report's numbers cannot be read any more, so changes are not shown."}
    for key, word in (("schema_version", "format"), ("currency", "currency")):
        if before.get(key) != manifest.get(key):
            was, now = before.get(key), manifest.get(key)
            return {"note": f"The last report has another {word} ({was}, now {now}): numbers do not compare."}
    changes = compare(earlier, results, manifest["currency"])
    return {"since": before, "moved": [_row(c) for c in changes.moved], "summary": _summary(changes)}


def _row(change: Change) -> dict[str, str]:
    label = change.name.replace(".", " · ").replace("_", " ")
    relative = f"{change.relative:+.0%}".replace("%", " %") if change.relative else ""
    return {"label": label, "before": change.before, "after": change.after, "difference": relative}


def _summary(changes: Changes) -> str:
    parts = [
        (changes.same, "as before"),
        (changes.within, "within their uncertainty"),
        (changes.added, "new"),
        (changes.gone, "no longer recorded"),
    ]
    return "Of the other numbers: " + (", ".join(f"{n:,} {what}" for n, what in parts if n) or "none") + "."


def _goals(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    verdict = {True: "met", False: "missed", None: "open"}
    return [
        {
            "name": goal["name"],
            "target": describe({"value": goal["target"], "unit": goal.get("unit")}, manifest["currency"]),
            "value": describe(goal, manifest["currency"]),
            "verdict": verdict[goal.get("met")],
        }
        for goal in manifest.get("goals", [])
    ]


def _tables(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    tables = manifest.get("snapshot", {}).get("tables", {})
    return [{"name": name, **counts} for name, counts in tables.items()]


def render_overview(reports: Path) -> None:
    """Write ``index.html`` of the reports' folder: every study and day, the newest first.

    Parameters
    ----------
    reports
        The folder that holds a folder for each study, with a link for each published day.
    """
    studies = [
        {"title": days[0]["manifest"].get("title", folder.name), "days": days}
        for folder in sorted(p for p in reports.iterdir() if p.is_dir() and not p.name.startswith("."))
        if (days := sorted(_days(folder), key=lambda d: str(d["day"]), reverse=True))
    ]
    studies.sort(key=lambda s: str(s["days"][0]["day"]), reverse=True)
    write(reports / "index.html", environment().get_template("overview.html.j2").render(studies=studies))


def _days(study: Path) -> Iterator[dict[str, Any]]:
    for link in study.iterdir():
        if link.name.startswith(".") or link.name == "latest" or not (link / "run.json").is_file():
            continue
        try:
            manifest = read(link / "run.json")
        except (OSError, json.JSONDecodeError):
            manifest = {}
        yield {"day": link.name, "page": f"{study.name}/{link.name}/index.html", "manifest": manifest}
