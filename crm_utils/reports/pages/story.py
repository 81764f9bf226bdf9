"""How does an executed notebook become sections? Text and outputs in order, code in one fold a section.

A section begins at each heading of the second level. One picture leads the page: that of the cell tagged
``lead``, else the first. Exercises come last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pygments
from markupsafe import Markup, escape
from nbconvert.filters import strip_ansi
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from crm_utils.tools.language import _
from crm_utils.tools.paragraphs import translated
from crm_utils.tools.small_png import shrink

from .document import fill
from .glossary import Terms
from .markup import TOP, Headings, clean, render_markdown
from .pictures import Picture, Shown, figure, picture_kind, pictures

__all__ = ["Section", "Story", "plain"]

_REPR = re.compile(r"<[\w.]+[ :>].*>\Z", flags=re.DOTALL)  # <Axes: title=…> beside the picture it made
_EXERCISES = re.compile(r"#+[ \t]+Exercises?\b", flags=re.IGNORECASE)
_SECTION = re.compile(rf'<h{TOP} id="([^"]*)">(.*?)</h{TOP}>\n?', flags=re.DOTALL)
_ATX = re.compile(r"#{1,6}[ \t]")
_PYTHON, _SPANS = PythonLexer(), HtmlFormatter(nowrap=True)


@dataclass
class Section:
    """A part of a page.

    Attributes
    ----------
    title, anchor
        Its heading, as markup and as an address.
    parts
        What it shows, in order.
    code
        Its cells' code, coloured.
    failed
        Whether the notebook stopped in it.
    """

    title: Markup
    anchor: str
    parts: list[Markup] = field(default_factory=list)
    code: list[Markup] = field(default_factory=list)
    failed: bool = False


class Story:
    """A notebook's sections, its question, its exercises, and the picture that leads.

    Parameters
    ----------
    notebook
        As executed.
    terms
        The glossary's, to which words of the text lead.
    errors
        Whether to show what libraries said on standard error: of a notebook that failed.
    """

    def __init__(self, notebook: Any, terms: Terms, *, errors: bool) -> None:
        self.headings = Headings()
        self._terms, self._errors = terms, errors
        drawn = list(pictures(notebook))
        self._lead = _leading(notebook, drawn)
        with ThreadPoolExecutor() as pool:  # Pillow works outside Python's lock
            packed = zip(drawn, pool.map(_packed, drawn), strict=True)
            self._pictures = iter(list(packed))
        self._shown = 1 if self._lead else 0  # the leading picture is the first
        self.picture: Shown | None = None
        about = Section(Markup(escape(_("About this analysis"))), "s-about-this-analysis")
        self.sections, self.exercises = [about], list[Section]()
        self._section = about
        for cell in notebook.cells:
            self._add(cell)
        if not (about.parts or about.code):
            self.sections.remove(about)

    def _add(self, cell: Any) -> None:
        if cell.cell_type == "markdown":
            for chunk in _chunks(cell.source):
                self._prose(chunk)
        elif cell.cell_type == "code":
            if cell.source.strip():
                self._section.code.append(Markup(pygments.highlight(cell.source, _PYTHON, _SPANS)))
            for output in cell.get("outputs", []):
                self._section.parts += [part for part in self._output(output) if part]

    def _prose(self, source: str) -> None:
        first, _newline, rest = source.partition("\n")
        if _ATX.match(first):
            self._begin(first)
            source = rest
        markup = render_markdown(translated(source), self.headings, section=self._title)
        if markup.strip():
            linked = Markup(self._terms.linked(markup))
            self._section.parts.append(Markup('<div class="prose">{}</div>').format(linked))

    def _begin(self, heading: str) -> None:
        """A heading: the page's question, a section's beginning, or a part of a section."""
        markup = render_markdown(translated(heading), self.headings)
        begun = _SECTION.match(markup)
        if begun:
            self._section = Section(Markup(begun[2]), begun[1])
            (self.exercises if _EXERCISES.match(heading) else self.sections).append(self._section)
        elif markup.strip():
            self._section.parts.append(Markup(f'<div class="prose">{markup}</div>'))

    @property
    def _title(self) -> str:
        """The section's heading as plain text."""
        return str(Markup(re.sub(r"<[^>]*>", "", self._section.title)).unescape())

    def _output(self, output: Any) -> Iterator[Markup]:
        if output["output_type"] == "error":
            self._section.failed = True
            said = f"{output['ename']}: {plain(output['evalue'])}"
            stopped = fill(_("The notebook stopped here: {error}"), error=said)
            yield Markup('<p class="failed-here" id="stopped">{}</p>').format(stopped)
        elif output["output_type"] == "stream":
            if output["name"] == "stdout" or self._errors:
                yield _said(output["text"])
        else:
            yield from self._display(output)

    def _display(self, output: Any) -> Iterator[Markup]:
        """The best that a page can show. Scripts, widgets and PDFs are not among it."""
        data = output.get("data", {})
        if "text/html" in data:
            yield Markup(clean("".join(data["text/html"]), section=self._title))
        elif picture_kind(output):
            yield from self._draw()
        elif "text/markdown" in data:
            yield Markup(render_markdown("".join(data["text/markdown"])))
        elif "text/plain" in data and not _REPR.match("".join(data["text/plain"]).strip()):
            yield _said(data["text/plain"])

    def _draw(self) -> Iterator[Markup]:
        """The next picture of the notebook: outputs come in the order in which pictures are counted."""
        picture, content = next(self._pictures)
        leads = picture.number == self._lead
        self._shown += not leads
        shown = Shown(
            picture=replace(picture, content=content),
            number=1 if leads else self._shown,
            alt=_(picture.alt or picture.caption) or self._title,
        )
        if leads:
            self.picture = shown
            link = Markup('<a href="#figure-1">{}</a>').format(_("Figure 1 stands above the details"))
            yield Markup('<p class="quiet">{}</p>').format(link)
        else:
            yield figure(shown)


def plain(text: str) -> str:
    """Text without the colours of a terminal."""
    return str(strip_ansi(text)).rstrip()  # type: ignore[no-untyped-call]


def _said(text: str) -> Markup:
    written = plain("".join(text))
    return Markup('<pre class="said" tabindex="0">{}</pre>').format(written) if written else Markup("")


def _leading(notebook: Any, drawn: list[Picture]) -> int:
    """The number of the picture that leads; 0 where there is none."""
    tagged = [p for p in drawn if "lead" in notebook.cells[p.cell].metadata.get("tags", [])]
    return next((p.number for p in (*tagged, *drawn)), 0)


def _packed(picture: Picture) -> bytes:
    return shrink(picture.content) if picture.kind == "image/png" else picture.content


def _chunks(source: str) -> Iterator[str]:
    """A Markdown cell, parted before each heading that begins a section.

    Not within fences of code, nor within a fold, which would be torn in two.
    """
    chunk: list[str] = []
    fence, folds = False, 0
    for line in source.split("\n"):
        fence ^= line.lstrip().startswith(("```", "~~~"))
        if not fence:
            if _ATX.match(line) and not folds and chunk:
                yield "\n".join(chunk)
                chunk = []
            folds += len(re.findall(r"<details\b", line)) - line.count("</details>")
        chunk.append(line)
    yield "\n".join(chunk)
