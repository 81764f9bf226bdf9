"""How does an executed notebook become a page? One file that holds all it shows and fetches nothing."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pygments
from markupsafe import Markup
from nbconvert.exporters import TemplateExporter
from nbconvert.filters import strip_ansi
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from traitlets.config import Config

from crm_utils import durable
from crm_utils.changes import describe
from crm_utils.packing import shrink

from .document import TEMPLATES, furniture, read_notebook, size
from .markup import Headings, clean, render_markdown
from .pictures import Picture, data_uri, picture_kind, pictures

__all__ = ["render_page"]

# What a page can show, the best first. Scripts, widgets and PDFs are not among them: an output that offers
# nothing else is left out.
_SHOWN = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain"]
_REPR = re.compile(r"<[\w.]+[ :>].*>\Z", flags=re.DOTALL)  # <Axes: title=…> beside the picture it made
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
    notebook = _executed(executed, failed=facts.get("status") == "failed")
    exporter = _exporter()
    exporter.environment.globals.update(
        story=_Story(notebook),
        manifest=manifest,
        facts=facts,
        others=[n for n in manifest["notebooks"] if n["name"] != name and _has_page(n, manifest)],
        failure=_failure(notebook, facts),
        findings=sorted(results.get("findings", []), key=lambda f: -(f.get("at_stake") or 0)),
        numbers={k: describe(n, manifest["currency"]) for k, n in results.get("numbers", {}).items()},
        downloads=_downloads(page.parent, name, results),
    )
    text, _ = exporter.from_notebook_node(notebook)
    durable.replace(page, text)


def _has_page(facts: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    """Whether a notebook has a page, or will have one if the run that is at work goes well."""
    return facts["status"] in ("passed", "failed") or (
        manifest["status"] == "running" and facts["status"] == "not run"
    )


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


class _Story:
    """Turns a notebook's cells into markup, top to bottom, and remembers headings and pictures."""

    def __init__(self, notebook: Any) -> None:
        self.headings = Headings()
        found = list(pictures(notebook))
        with ThreadPoolExecutor() as pool:  # Pillow works outside Python's lock
            self._pictures = iter(list(zip(found, pool.map(_packed, found), strict=True)))

    def prose(self, source: str) -> Markup:
        return Markup(render_markdown(source, self.headings))

    def displayed(self, source: str) -> Markup:
        return Markup(render_markdown(source))

    def html(self, markup: str) -> Markup:
        return Markup(clean(markup))

    def text(self, source: str) -> str:
        return "" if _REPR.match(source.strip()) else _plain(source)

    def picture(self, output: Any) -> dict[str, Any]:
        """The next picture of the notebook: outputs come in the order in which pictures are counted."""
        picture, content = next(self._pictures)
        assert picture_kind(output) == picture.kind
        above = self.headings.found[-1][2] if self.headings.found else self.headings.question
        return {
            "number": picture.number,
            "source": data_uri(picture.kind, content),
            "alt": picture.alt or picture.caption or above,
            "described": bool(picture.alt),
            "caption": picture.caption or above,
            "width": picture.width,
        }


def _packed(picture: Picture) -> bytes:
    return shrink(picture.content) if picture.kind == "image/png" else picture.content


@functools.cache
def _exporter() -> Any:
    """Nbconvert with our template on its bare ``base``: what we do not write is not there.

    One for all pages, since its templates take longer to compile than a page to fill: what differs from page
    to page are its environment's globals.
    """
    exporter = TemplateExporter(  # type: ignore[no-untyped-call]
        config=Config({"NbConvertBase": {"display_data_priority": _SHOWN}}),
        template_name="base",
        template_file="page.html.j2",
        extra_template_basedirs=[],  # the default is the working folder, where anything may lie
        extra_template_paths=[str(TEMPLATES)],
    )
    exporter.environment.autoescape = True  # nbconvert leaves it off; templates are compiled after this line
    exporter.environment.globals.update(furniture())
    exporter.environment.filters.update(code=_highlighted)
    return exporter


_PYTHON, _SPANS = PythonLexer(), HtmlFormatter(nowrap=True)


def _highlighted(source: str) -> Markup:
    """Python with its words in spans that the style sheet colours."""
    return Markup(pygments.highlight(source or " ", _PYTHON, _SPANS))


def _plain(text: str) -> str:
    """Text without the colours of a terminal."""
    return str(strip_ansi(text)).rstrip()  # type: ignore[no-untyped-call]


def _failure(notebook: Any, facts: Mapping[str, Any]) -> dict[str, str] | None:
    """What went wrong, in a line, with the trace beneath it."""
    if facts.get("status") != "failed":
        return None
    errors = [o for c in notebook.cells for o in c.get("outputs", []) if o["output_type"] == "error"]
    if not errors:
        return {"reason": facts.get("reason") or "It stopped without saying why.", "trace": ""}
    error = errors[-1]
    said = f"{error['ename']}: {error['evalue']}"
    return {"reason": facts.get("reason") or said, "trace": _plain("\n".join(error["traceback"]))}


def _downloads(folder: Path, name: str, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files of this page that are there: saved tables, recorded results, the notebook itself."""
    found = [
        {"path": f"tables/{file}", "label": file, "what": f"{table['rows']:,} rows"}
        for table in results.get("tables", {}).values()
        for file in table["files"]
    ]
    found.append({"path": f"results/{name}.json", "label": f"{name}.json", "what": "the numbers above"})
    found.append({"path": f"{name}.ipynb", "label": f"{name}.ipynb", "what": "the executed notebook"})
    return [{**f, "size": size(folder / f["path"])} for f in found if (folder / f["path"]).is_file()]
