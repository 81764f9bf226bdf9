"""How does an executed notebook become a page? One file that holds all it shows and fetches nothing.

Question, answer, what to do, one picture, how sure; below it, folded, the notebook's sections.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from crm_utils.reports.compare_numbers import describe
from crm_utils.tools import durable
from crm_utils.tools.language import _

from .document import environment, read, read_notebook, spoken
from .glossary import tabs, terms
from .lists import lists
from .pictures import figure
from .story import Story, plain
from .today import cards

__all__ = ["render_page"]

#: Findings that answer the question; the others are context and stand in their sections.
ANSWERS = 2
_LEFT_OUT = {"papermill-error-cell-tag"}  # papermill's own note, which the page says better


def render_page(
    executed: Path, page: Path, *, manifest: Mapping[str, Any], name: str, results: Mapping[str, Any]
) -> None:
    """Write the page of an executed notebook, also of one that failed.

    Parameters
    ----------
    executed
        The executed notebook.
    page
        The file to write, beside ``tables/`` and ``results/`` of the same run; it is replaced at once.
    manifest
        The content of the run's ``run.json``.
    name
        The notebook's name in the manifest.
    results
        The content of ``results/<name>.json``; empty when the notebook left none.
    """
    facts = next((n for n in manifest["notebooks"] if n["name"] == name), {"name": name})
    failed = facts.get("status") == "failed"
    notebook = _executed(executed, failed=failed)
    story = Story(notebook, terms(), errors=failed)
    to_do, avoid = cards(
        manifest, {name: results, **_others(page.parent, name, results)}, [name], own_page=True
    )
    findings = results.get("findings", [])
    text = environment().get_template("page.html.j2").render(
        manifest=manifest,
        facts=facts,
        question=story.headings.question or _(facts.get("question", "")) or name,
        tabs=tabs(manifest, here=name),
        failure=_failure(notebook, facts),
        warnings=results.get("warnings", []),
        answers=findings[:ANSWERS],
        cards=to_do,
        avoid=avoid,
        lists=lists(page.parent, manifest, {name: results} if results else {}),
        picture=figure(story.picture) if story.picture else "",
        sure=results.get("sure", []),
        story=story,
        numbers={k: describe(n, manifest["currency"]) for k, n in results.get("numbers", {}).items()},
    )  # fmt: skip
    durable.replace(page, spoken(text))


def _others(folder: Path, name: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """What other notebooks of the run recorded, if an action's list is one of theirs."""
    asked = {a["list"] for a in results.get("actions", [])} - {"", *results.get("tables", {})}
    paths = sorted((folder / "results").glob("*.json")) if asked else []
    return {path.stem: read(path) for path in paths if path.stem != name}


def _executed(path: Path, *, failed: bool) -> Any:
    """The executed notebook; a failed one may have been cut off while it was written, and is then empty."""
    try:
        notebook = read_notebook(path)
    except ValueError:
        if not failed:
            raise
        notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [c for c in notebook.cells if not _LEFT_OUT & set(c.metadata.get("tags", []))]
    return notebook


def _failure(notebook: Any, facts: Mapping[str, Any]) -> dict[str, str] | None:
    """What went wrong, in a line, with the trace beneath it."""
    if facts.get("status") != "failed":
        return None
    errors = [o for c in notebook.cells for o in c.get("outputs", []) if o["output_type"] == "error"]
    if not errors:
        return {"reason": facts.get("reason") or _("It stopped without saying why."), "trace": ""}
    error = errors[-1]
    said = f"{error['ename']}: {error['evalue']}"
    return {"reason": facts.get("reason") or said, "trace": plain("\n".join(error["traceback"]))}
