r"""What markup may a page hold? Only what an allow-list names, wherever it came from.

Product, category, campaign and segment names are other people's text. They reach a page through table
cells, sentences, Markdown and pictures' descriptions. Escaping belongs where markup is made; this is the
second wall: every piece of HTML from a notebook is parsed as a browser would parse it (nh3, the binding
of Rust's ammonia) and written anew from the tags and attributes below. Nothing else passes: no script,
style, frame, form, event handler, remote picture or ``javascript:`` link.

Formulas are ``$$ … $$`` on lines of their own and ``\( … \)`` in running text (JupyterLab wants
``\\( … \\)``; both are read). A single dollar sign is money. They become MathML, which browsers draw
without a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import TYPE_CHECKING, Any

import mistune
import nh3
from latex2mathml.converter import convert as to_mathml

from crm_utils.tools.language import _

if TYPE_CHECKING:
    from mistune.core import BlockState, InlineState

__all__ = ["TOP", "Headings", "clean", "formula", "render_markdown"]

#: The level of a notebook's sections: above them stand the page's question and its own parts.
TOP = 3


def _words(text: str) -> set[str]:
    return set(text.split())


_FLOW = _words(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure hr i img"
    " kbd li ol p pre q s section small span strong sub summary sup table tbody td tfoot th thead tr u ul"
    " var wbr"
)
_HEADINGS = _words("h1 h2 h3 h4 h5 h6")
_MATHML = _words(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mprescripts mroot mrow mspace msqrt mstyle"
    " msub msubsup msup mtable mtd mtext mtr munder munderover"
)
_MATHML_ATTRIBUTES = _words(
    "accent columnalign columnspacing columnlines depth display displaystyle fence form height largeop"
    " linethickness lspace mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace"
    " scriptlevel separator stretchy symmetric voffset width"
)
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    **{tag: {"id"} for tag in (*_HEADINGS, "p")},
    **dict.fromkeys(_MATHML, _MATHML_ATTRIBUTES),
}
_CLASSES = {
    "p": {"finding", "say", "warning", "action", "sure"},
    "table": {"shown", "dataframe"},
    "td": {"number"},
    "th": {"number"},
}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
_OWN_ID = re.compile(r"((finding|warning|action)-\d+|s-[a-z0-9-]+)\Z")
_WITHIN = re.compile(r"(\w[\w./-]*)?(#[\w-]*)?\Z")  # a link that stays in the report


def _only_own(links: bool, tag: str, name: str, value: str) -> str | None:
    """Keep an attribute's value, or drop the attribute: nh3's hook."""
    if name == "src":
        return value if _PICTURE.match(value) else None
    if name == "href":
        return value if links or _WITHIN.match(value) else None
    if name == "id":
        return value if _OWN_ID.match(value) else None
    return value


def _cleaner(*, links: bool, tags: set[str]) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=tags,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=lambda tag, name, value: _only_own(links, tag, name, value),
        allowed_classes=_CLASSES,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )


_FORMULA_BOX = '<div class="formula" role="group" tabindex="0" aria-label="{label}">{formula}</div>'

# An author's Markdown may link to papers and hold headings; what code displays may do neither, because
# its text can be data, and a customer-supplied name must not put a link or a headline on the page.
_AUTHORED = _cleaner(links=True, tags=_FLOW | _MATHML | _HEADINGS)
_DISPLAYED = _cleaner(links=False, tags=_FLOW | _MATHML)


def clean(markup: str, *, authored: bool = False, section: str = "") -> str:
    """Rewrite HTML from a notebook so that it can show text, and do nothing else.

    Parameters
    ----------
    markup
        HTML as a cell displayed it, or as Markdown became it.
    authored
        True for Markdown cells: headings and links to other sites are kept.
    section
        The heading above: the caption of tables that have none.

    Returns
    -------
    str
        Balanced HTML. Tables and formulas stand in boxes of their own that scroll, also by keyboard.

    Examples
    --------
    >>> clean('<p class="say" onclick="x()">Tea &amp; <script>x()</script>salt</p>')
    '<p class="say">Tea &amp; salt</p>'
    >>> clean('<img src="https://example.org/spy.png" alt="Tea"><a href="javascript:x()">go</a>')
    '[Tea]<a rel="noopener noreferrer">go</a>'
    """
    cleaned = (_AUTHORED if authored else _DISPLAYED).clean(markup)
    # From here on "<" begins a tag and ">" ends one, also within attributes: nh3 writes all others as
    # entities (a test holds it to that), so these patterns cannot be led astray.
    cleaned = re.sub(r"<th[^>]*></th>", "<td></td>", cleaned)  # the corner over an index heads nothing
    cleaned = re.sub(r'<img(?![^>]*\ssrc="data:)[^>]*>', _without_source, cleaned)
    box = _FORMULA_BOX.replace("{label}", escape(_("Formula")))
    cleaned = re.sub(
        r'<math display="block">.*?</math>',
        lambda m: box.replace("{formula}", m[0]),
        cleaned,
        flags=re.DOTALL,
    )
    return re.sub(r"<table.*?</table>", lambda m: _in_a_box(m[0], section), cleaned, flags=re.DOTALL)


def _without_source(match: re.Match[str]) -> str:
    """A remote picture leaves its description behind."""
    alt = re.search(r'\salt="([^"]*)"', match[0])
    return f"[{alt[1]}]" if alt and alt[1] else ""


def _in_a_box(table: str, section: str) -> str:
    """The box that scrolls. The caption stays in sight while the columns move; cells know their heads."""
    caption = re.search(r"<caption>(.*?)</caption>", table, flags=re.DOTALL)
    words = caption[1] if caption else escape(section or _("Table"), quote=False)
    begin = re.match(r"<table[^>]*>", table)
    assert begin
    body = table[begin.end() :] if not caption else table[begin.end() :].replace(caption[0], "", 1)
    label = _attribute(words)
    shown = "" if caption else ' class="aside"'  # the heading above says the same to the eye
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{label}">{begin[0]}'
        f"<caption{shown}><span>{words}</span></caption>{_labelled(body)}</div>"
    )


def _labelled(body: str) -> str:
    """Each cell with its column's head, which a phone shows before it; each head with its scope."""
    head, end, rows = body.partition("</thead>")
    heads = [_attribute(text) for text in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", head, flags=re.DOTALL)]
    head = re.sub(r"<th\b(?![^>]*\sscope=)", '<th scope="col"', head)
    if not end or re.search(r"<t[hd]\b[^>]*span=", body):  # cells that span have no single head
        return head + end + re.sub(r"<th\b(?![^>]*\sscope=)", '<th scope="row"', rows)
    return head + end + re.sub(r"<tr>(.*?)</tr>", lambda row: _row(row[1], heads), rows, flags=re.DOTALL)


def _row(cells: str, heads: list[str]) -> str:
    labels = iter(heads)

    def begun(match: re.Match[str]) -> str:
        scope = ' scope="row"' if match[1] == "th" and "scope=" not in match[2] else ""
        return f'<{match[1]}{match[2]}{scope} data-label="{next(labels, "")}">'

    row = re.sub(r"<(th|td)\b([^>]*)>", begun, cells)
    return f"<tr>{row}</tr>"


def _attribute(markup: str) -> str:
    """The words of cleaned markup, for an attribute."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", markup)).strip().replace('"', "&quot;")


def formula(latex: str, *, block: bool = False) -> str:
    r"""Turn LaTeX into MathML; what cannot be read is shown as it was written.

    Examples
    --------
    >>> formula(r"x_1")
    '<math display="inline"><mrow><msub><mi>x</mi><mn>1</mn></msub></mrow></math>'
    >>> formula(r"\frac{")
    '<code>\\frac{</code>'
    """
    try:
        mathml = to_mathml(latex.strip(), display="block" if block else "inline")
    except Exception:  # latex2mathml has no common base for what it raises, IndexError included
        mathml = ""
    # latex2mathml passes \href and the markup inside \text through, and unknown commands as a name.
    mathml = _DISPLAYED.clean(mathml)
    if not mathml.startswith("<math") or "<mi>\\" in mathml:
        source = f"<code>{escape(latex.strip())}</code>"
        return f"<p>{source}</p>" if block else source
    return mathml


class Headings:
    """The headings of a page in reading order, each with an id that stays the same from run to run.

    The first ``# …`` is the page's question and stands above everything; the others begin at level
    :data:`TOP`, below the page's own, and never skip one.
    """

    def __init__(self) -> None:
        self.question = ""
        self.found: list[tuple[int, str, str]] = []
        self._taken: set[str] = set()

    def add(self, markup: str, level: int) -> str:
        """Take a heading in, and give the HTML to put in its place."""
        text = unescape(re.sub(r"<[^>]*>", "", markup)).strip()
        if not self.question and not self.found and level == 1:
            self.question = text
            return ""
        last = self.found[-1][0] if self.found else TOP - 1
        level = min(max(level + 1, TOP), last + 1, 6)
        anchor = next(a for a in self._anchors(text) if a not in self._taken)
        self._taken.add(anchor)
        self.found.append((level, anchor, text))
        return f'<h{level} id="{anchor}">{markup}</h{level}>\n'

    def _anchors(self, text: str) -> Iterator[str]:
        slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "part"
        yield f"s-{slug}"
        yield from (f"s-{slug}-{n}" for n in range(2, 1000))


class _Renderer(mistune.HTMLRenderer):
    def __init__(self, headings: Headings | None) -> None:
        super().__init__(escape=False)
        self._headings = headings

    def text(self, text: str) -> str:
        """Words; a number and its per cent sign stay on one line."""
        return re.sub(r"(?<=\d) %", "\u00a0%", super().text(text))

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return self._headings.add(text, level) if self._headings else f"<p><strong>{text}</strong></p>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        right = ' class="number"' if align == "right" else ""
        return f'<th scope="col"{right}>{text}</th>\n' if head else f"<td{right}>{text}</td>\n"

    def block_formula(self, text: str) -> str:
        return formula(text, block=True) + "\n"

    def inline_formula(self, text: str) -> str:
        return formula(text)


def _formulas(markdown: mistune.Markdown) -> None:
    r"""Mistune plugin: ``$$ … $$`` and ``\( … \)``, but never a single dollar sign."""

    def block(parser: mistune.BlockParser, match: re.Match[str], state: BlockState) -> int:
        state.append_token({"type": "block_formula", "raw": match["block_latex"]})
        return match.end()

    def inline(parser: mistune.InlineParser, match: re.Match[str], state: InlineState) -> int:
        state.append_token({"type": "inline_formula", "raw": match["inline_latex"]})
        return match.end()

    within = r"(?:(?!\n[ \t]*\n)[\s\S])+?"  # a formula never runs over an empty line
    markdown.block.register(
        "block_formula", rf"^ {{0,3}}\$\$(?P<block_latex>{within})\$\$[ \t]*(?:\n|$)", block, before="list"
    )
    markdown.inline.register(
        "inline_formula", rf"\\{{1,2}}\((?P<inline_latex>{within})\\{{1,2}}\)", inline, before="escape"
    )


def render_markdown(source: str, headings: Headings | None = None, *, section: str = "") -> str:
    r"""Turn Markdown into clean HTML.

    Parameters
    ----------
    source
        The text of a Markdown cell, or Markdown that code displayed.
    headings
        Collects a Markdown cell's headings and numbers their anchors. None for displayed Markdown,
        whose headings become bold lines and whose links elsewhere are dropped.
    section
        The heading above, for tables that have no caption.

    Examples
    --------
    >>> print(render_markdown(r"From $5 to $6, *on average* \(x\)."), end="")
    <p>From $5 to $6, <em>on average</em> <math display="inline"><mrow><mi>x</mi></mrow></math>.</p>
    """
    renderer = _Renderer(headings)
    markdown = mistune.create_markdown(renderer=renderer, plugins=["table", "strikethrough"])
    _formulas(markdown)
    renderer.register("table_cell", lambda r, *args, **kw: _Renderer.table_cell(r, *args, **kw))
    return clean(str(markdown(source)), authored=headings is not None, section=section)
