"""Which words does a page explain? Those of GLOSSARY.md, on a page of their own that every report carries."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from markupsafe import Markup

import crm_utils
from crm_utils.tools import durable
from crm_utils.tools.language import _, language

from .document import environment, spoken
from .markup import Headings, render_markdown

__all__ = ["NAME", "Terms", "glossary", "render_glossary", "terms"]

NAME = "glossary.html"
_ROW = re.compile(r"^\| (?!Term |-)(.*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", flags=re.MULTILINE)
_HEADING = re.compile(r"^## (.+)$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A term: what it means here, its unit, what a Korean team says, who defined it."""

    term: str
    anchor: str
    definition: Markup
    unit: str
    korean: str
    source: str


class Terms:
    """Leads from the first use of each term on a page to its definition.

    Ordinary words (*new*, *order*) are led from only where the author set them apart: in bold or italics, or
    first in a table's row.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._anchors = {term.lower(): anchor for term, anchor in reversed(list(entries.items()))}
        self._used: set[str] = set()
        special = sorted((t for t in entries if re.search(r"[ _()/-]|[A-Z]{2}", t)), key=len, reverse=True)
        self._special = re.compile(
            rf"(?<![\w-])({'|'.join(map(re.escape, special))})(?![\w-])", re.IGNORECASE
        )
        self._any = bool(special)

    def linked(self, markup: str) -> str:
        """Cleaned markup with links to the glossary; in code, links, headings and formulas there are none."""
        out, closed, apart, last = [], 0, False, ""
        for piece in re.split(r"(<[^>]*>)", markup):
            tag = re.match(r"</?(\w+)", piece) if piece.startswith("<") else None
            if tag:
                shut = tag[1] in ("a", "code", "pre", "math", "summary", "caption", "th") or (
                    re.fullmatch(r"h\d", tag[1]) is not None
                )
                closed += (-1 if piece.startswith("</") else 1) if shut else 0
                apart = not piece.startswith("</") and (
                    tag[1] in ("em", "strong") or (tag[1] == "td" and last == "<tr>")
                )
                last = piece
                out.append(piece)
                continue
            out.append(piece if closed else self._piece(piece, apart=apart))
        return "".join(out)

    def _piece(self, text: str, *, apart: bool) -> str:
        whole = unescape(text).strip()
        if apart and (whole.lower() in self._anchors):
            return self._link(text, whole.lower())
        if not self._any:
            return text
        return self._special.sub(lambda m: self._link(m[0], unescape(m[0]).lower()), text)

    def _link(self, text: str, key: str) -> str:
        if key in self._used or key not in self._anchors:
            return text
        self._used.add(key)
        return f'<a class="term" href="{NAME}#{self._anchors[key]}">{text}</a>'


def glossary() -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """The sections of GLOSSARY.md with their terms; empty where the package stands without its project."""
    return _glossary(language())


@functools.cache
def _glossary(_language: str) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    path = Path(crm_utils.__file__).resolve().parents[1] / "GLOSSARY.md"
    if not path.is_file():
        return ()
    parts = _HEADING.split(path.read_text(encoding="utf-8"))[1:]
    sections: list[tuple[str, tuple[Entry, ...]]] = []
    taken: set[str] = set()
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        entries = tuple(
            Entry(t, _anchor(t, taken), _inline(_said(d)), _said(u), k, s)
            for t, d, u, k, s in _ROW.findall(text)
        )
        if entries:
            sections.append((_said(title.strip()), entries))
    return tuple(sections)


def _said(words: str) -> str:
    return _(words) if any(map(str.isalpha, words)) else words


def terms() -> Terms:
    """For one page: by each term without its abbreviation, the first where two are called alike."""
    anchors: dict[str, str] = {}
    for _title, entries in glossary():
        for entry in entries:
            anchors.setdefault(re.sub(r" \(.*\)$", "", entry.term), entry.anchor)
    return Terms(anchors)


def render_glossary(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write ``glossary.html`` of a run, where there is a glossary."""
    if glossary():
        template = environment().get_template("glossary.html.j2")
        text = template.render(manifest=manifest, sections=glossary(), tabs=tabs(manifest, here=NAME))
        durable.replace(folder / NAME, spoken(text))


def tabs(manifest: Mapping[str, Any], *, here: str = "") -> list[dict[str, Any]]:
    """The report's pages, in order: where each leads, and which one this is."""
    pages = [
        {"name": n["name"], "page": f"{n['name']}.html", "here": n["name"] == here}
        for n in manifest["notebooks"]
        if n["name"] == here or _has_page(n, manifest)
    ]
    words = [{"name": "glossary", "page": NAME, "here": here == NAME}] if glossary() else []
    return [*pages, *words]


def _has_page(facts: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    """Whether a notebook has a page, or will have one if the run that is at work goes well."""
    return facts["status"] in ("passed", "failed", "cannot") or (
        manifest["status"] == "running" and facts["status"] == "not run"
    )


def _inline(source: str) -> Markup:
    markup = render_markdown(source, Headings()).strip()
    return Markup(markup.removeprefix("<p>").removesuffix("</p>"))


def _anchor(term: str, taken: set[str]) -> str:
    slug = "t-" + (re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-") or "term")
    anchor = slug if slug not in taken else f"{slug}-2"  # Lost is a segment, lost a stage
    taken.add(anchor)
    return anchor
