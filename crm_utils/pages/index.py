"""What does a reader see first? The index of a report, and the overview of all reports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crm_utils import publish, wording
from crm_utils.changes import Change, Changes, compare, describe

from .document import environment, read, read_notebook, write
from .pictures import Picture, beside_findings, data_uri, pictures, thumbnail

__all__ = ["render_index", "render_overview"]

# Pixels: twice the widths at which they are shown.
_TILE_WIDTH, _LEAD_WIDTH = 640, 1280


def render_index(folder: Path, manifest: Mapping[str, Any], *, previous: Path | None = None) -> None:
    """Write ``index.html`` of a run: what changed, goals, findings, pages, where the data come from.

    Parameters
    ----------
    folder
        The run's folder, with the executed notebooks, their pages and ``results/``.
    manifest
        The content of its ``run.json``.
    previous
        The folder of the last published run, for what changed; None when there is none.
    """
    names = [n["name"] for n in manifest["notebooks"]]
    results = {name: read(folder / "results" / f"{name}.json") for name in names}
    notebooks = {name: _executed(folder / f"{name}.ipynb") for name in names}
    findings = _findings(manifest, results, notebooks)
    if findings and findings[0]["picture"]:
        findings[0]["image"] = _small(findings[0]["picture"], _LEAD_WIDTH)
    template = environment().get_template("index.html.j2")
    text = template.render(
        manifest=manifest,
        findings=findings,
        ranked=any(f["stake"] for f in findings),
        news=_news(manifest, results, previous),
        tiles=[_tile(folder, n, results[n["name"]], notebooks[n["name"]]) for n in manifest["notebooks"]],
        goals=_goals(manifest),
        tables=_tables(manifest),
        inputs=[
            {**i, "rows": wording.count(i["rows"])} for i in manifest.get("snapshot", {}).get("inputs", [])
        ],
    )
    write(folder / "index.html", text)


def _executed(path: Path) -> Any:
    try:
        return read_notebook(path)
    except (OSError, ValueError):  # it never ran, or was cut off while it was written
        return None


def _findings(
    manifest: Mapping[str, Any], results: Mapping[str, Any], notebooks: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """All findings, those with most money at stake first, then in the notebooks' order."""
    found = []
    for facts in manifest["notebooks"]:
        name = facts["name"]
        beside = beside_findings(notebooks[name]) if notebooks[name] else {}
        for finding in results[name].get("findings", []):
            stake = finding.get("at_stake")
            found.append(
                {
                    "text": finding["text"],
                    "at_stake": stake or 0,
                    "stake": wording.money(stake, manifest["currency"]) if stake else "",
                    "page": quote(f"{name}.html"),
                    "anchor": finding["anchor"],
                    "question": facts.get("question") or name,
                    "picture": beside.get(finding["anchor"]),
                }
            )
    return sorted(found, key=lambda f: -f["at_stake"])


def _small(picture: Picture, width: int) -> str:
    """A drawing stays as it is; pixels become a small copy."""
    if picture.kind == "image/svg+xml":
        return data_uri(picture.kind, picture.content)
    return data_uri("image/png", thumbnail(picture.content, width))


def _tile(folder: Path, facts: Mapping[str, Any], result: Mapping[str, Any], notebook: Any) -> dict[str, Any]:
    first = next(pictures(notebook), None) if notebook else None
    page, found = f"{facts['name']}.html", len(result.get("findings", []))
    return {
        **facts,
        "page": quote(page) if (folder / page).is_file() else "",
        "image": _small(first, _TILE_WIDTH) if first else "",
        "alt": (first.alt or first.caption or "The first picture of the page") if first else "",
        "count": "1 finding" if found == 1 else f"{found} findings",
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
        was, now = before.get(key), manifest.get(key)
        if was != now:
            return {"note": f"The last report has another {word} ({was}, now {now}): numbers do not compare."}
    changes = compare(earlier, results, manifest["currency"])
    return {
        "since": before,
        "causes": _causes(before, manifest),
        "moved": [_row(change) for change in changes.moved],
        "summary": _summary(changes),
    }


def _causes(before: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What else is not as it was, so that a change is not taken for the customers' doing."""

    def parameters(run: Mapping[str, Any]) -> dict[str, Any]:
        return {n["name"]: n.get("parameters", {}) for n in run["notebooks"]}

    def versions(run: Mapping[str, Any]) -> Any:
        return run.get("versions")

    def snapshot(run: Mapping[str, Any]) -> Any:
        return run.get("snapshot", {}).get("id")

    looks = {"data": snapshot, "parameters": parameters, "versions": versions}
    other = [word for word, look in looks.items() if look(before) != look(manifest)]
    day = "Another day" if before["as_of"] != manifest["as_of"] else "The same day"
    return f"{day}, {'other ' + wording_list(other) if other else 'the same data, parameters and versions'}."


def wording_list(words: list[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> wording_list(["data", "parameters", "versions"])
    'data, parameters and versions'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _row(change: Change) -> dict[str, str]:
    label = change.name.replace(".", " · ").replace("_", " ")
    relative = change.relative
    if relative is None:
        return {"label": label, "before": change.before, "after": change.after, "relative": ""}
    digits = 0 if abs(relative) >= 0.1 else 1
    shown = ("+" if relative > 0 else "") + wording.share(relative, digits)
    return {"label": label, "before": change.before, "after": change.after, "relative": shown}


def _summary(changes: Changes) -> str:
    counts = [
        (len(changes.moved), "moved"),
        (changes.within, "within their uncertainty"),
        (changes.same, "as before"),
        (changes.added, "new"),
        (changes.gone, "gone"),
    ]
    return "Numbers: " + ", ".join(f"{n:,} {what}" for n, what in counts if n) + "."


def _goals(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    verdict = {True: "met", False: "missed", None: "open"}
    return [
        {
            "name": goal["name"],
            "bound": goal.get("bound", ""),
            "target": describe({"value": goal["target"], "unit": goal.get("unit")}, manifest["currency"]),
            "value": describe(goal, manifest["currency"]),
            "verdict": verdict[goal.get("met")],
        }
        for goal in manifest.get("goals", [])
    ]


def _tables(manifest: Mapping[str, Any]) -> list[dict[str, str]]:
    kept = ("read", "loaded", "quarantined", "left_out")
    tables = manifest.get("snapshot", {}).get("tables", {})
    return [
        {"name": name, **{k: wording.count(rows.get(k, 0)) for k in kept}} for name, rows in tables.items()
    ]


def render_overview(reports: Path) -> None:
    """Write ``index.html`` of the reports' folder: every study and day, the newest first.

    Parameters
    ----------
    reports
        The folder that holds a folder for each study, with a link for each published day.
    """
    studies = []
    for folder in sorted(p for p in reports.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if newest_first := [_day(folder, day) for day in reversed(publish.days(folder))]:
            title = newest_first[0]["manifest"].get("title", folder.name)
            studies.append({"title": title, "days": newest_first})
    studies.sort(key=lambda s: str(s["days"][0]["manifest"].get("started_at", "")), reverse=True)
    write(reports / "index.html", environment().get_template("overview.html.j2").render(studies=studies))


def _day(study: Path, day: str) -> dict[str, Any]:
    """A report in the overview; one that cannot be read is listed as such."""
    try:
        manifest = read(study / day / "run.json")
        names = [n["name"] for n in manifest["notebooks"]]
        results = {name: read(study / day / "results" / f"{name}.json") for name in names}
        findings = _findings(manifest, results, dict.fromkeys(names))
    except (OSError, ValueError, KeyError):
        manifest, findings = {}, []
    done = len([n for n in manifest.get("notebooks", []) if n["status"] == "passed"])
    return {
        "day": day,
        "page": f"{study.name}/{day}/index.html",
        "manifest": manifest,
        "analyses": "1 analysis" if done == 1 else f"{done} analyses",
        "headline": findings[0]["text"] if findings else "",
    }
