"""Which reports are there? Every study and day on one page, the newest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crm_utils.reports import publish
from crm_utils.tools import durable

from .document import environment, read, spoken
from .today import cards

__all__ = ["render_overview"]


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
    template = environment().get_template("overview.html.j2")
    durable.replace(reports / "index.html", spoken(template.render(studies=studies)))


def _day(study: Path, day: str) -> dict[str, Any]:
    """A report in the overview; one that cannot be read is listed as such."""
    try:
        manifest = read(study / day / "run.json")
        names = [n["name"] for n in manifest["notebooks"]]
        results = {name: read(study / day / "results" / f"{name}.json") for name in names}
        do, _avoid = cards(manifest, results, names)
        findings = [f["text"] for r in results.values() for f in r.get("findings", [])]
        warnings = sum(len(r.get("warnings", [])) for r in results.values())
    except (OSError, ValueError, KeyError):
        manifest, do, findings, warnings = {}, [], [], 0
    done = len([n for n in manifest.get("notebooks", []) if n["status"] == "passed"])
    return {
        "day": day,
        "page": f"{study.name}/{day}/index.html",
        "manifest": manifest,
        "analyses": done,
        "headline": do[0]["headline"] if do else (findings[0] if findings else ""),
        "warnings": warnings,
    }
