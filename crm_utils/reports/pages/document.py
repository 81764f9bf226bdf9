"""What do all pages share? Their head, their style, their words, how they write dates."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from crm_utils.sentences import pages as words
from crm_utils.tools.language import _, language, ngettext

__all__ = ["TEMPLATES", "environment", "fill", "read", "read_notebook", "size", "spoken"]

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
_KOREAN = "[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"
_RUN = re.compile(f"{_KOREAN}+(?:[\\s·]+{_KOREAN}+)*")
_TAG = re.compile(r"(<[^>]*>)")
#: Where a span may not stand, or would be read as text.
_PLAIN = re.compile(r"<(style|title|svg|option)\b", flags=re.IGNORECASE)


@functools.cache
def environment() -> Environment:
    """Jinja with every value escaped, every missing one an error, and words from the catalogue.

    ``_`` and ``ngettext`` are marks that Babel finds in templates too. ``fill(_("… {named} …"), named=…)``
    fills a sentence whose places may hold markup; ``x | name`` marks what is no word of ours (a shop's, a
    file's, a table's name), which nobody translates.
    """
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, extensions=["jinja2.ext.i18n"]
    )
    jinja.install_gettext_callables(_, ngettext, newstyle=False)  # type: ignore[attr-defined]
    jinja.globals.update(_furniture())
    jinja.filters["name"] = _name
    return jinja


def _furniture() -> dict[str, Any]:
    """What each template may call: the style sheet, the policy that allows only it, and wording.

    The policy forbids everything that is not named: no script runs, ours or another's, and nothing is
    fetched. The style sheet is named by its hash, so not even a stray ``style=`` takes effect.
    """
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = [
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return {
        "style": style,
        "policy": "; ".join(policy),
        "lang": language,
        "day": words.day,
        "moment": _moment,
        "seconds": words.seconds,
        "status": words.status,
        "tab": words.tab,
        "joined": words.joined,
        "move_line": words.move_line,
        "fill": fill,
    }


def fill(template: str, **values: Any) -> Markup:
    """A sentence with its places filled: values escaped, markup kept.

    Examples
    --------
    >>> print(fill("{shop} to {day}", shop="<b>", day=Markup("<i>today</i>")))
    &lt;b&gt; to <i>today</i>
    """
    return Markup(escape(template)).format(**values)


def spoken(page: str) -> str:
    """A page whose Korean words say that they are, so that they are read aloud as such.

    Examples
    --------
    >>> spoken('<p title="코트">Show 코트 to <td lang="ko">머플러</td>')
    '<p title="코트">Show <span lang="ko">코트</span> to <td lang="ko">머플러</td>'
    """
    if not re.search(_KOREAN, page):
        return page
    parts = _TAG.split(page)  # every other one is a tag: "<" and ">" elsewhere are written as entities
    for place in range(2, len(parts), 2):
        before = parts[place - 1]
        if not (_PLAIN.match(before) or 'lang="ko"' in before):
            parts[place] = _RUN.sub(lambda run: f'<span lang="ko">{run[0]}</span>', parts[place])
    return "".join(parts)


def _name(value: Any) -> Markup:
    """A name that is data: not for a translator, nor for a browser's."""
    return Markup('<span translate="no">{}</span>').format(value)


def _moment(text: str) -> str:
    """An instant in ISO form as ``21 November 2026, 22:30 UTC``."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return str(text)
    day = words.day(moment.strftime("%Y-%m-%dT%H:%M"))
    return _("{day} {zone}").format(day=day, zone=moment.tzname()) if moment.tzname() else day


def size(path: Path) -> str:
    """A file's size for people: ``1.2 MB``."""
    number = float(path.stat().st_size)
    for unit in ("bytes", "kB"):
        if number < 1000:
            return words.bytes_of(number, unit)
        number /= 1000
    return words.bytes_of(number, "MB")


def read_notebook(path: Path) -> Any:
    """An executed notebook."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def read(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is no file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content if isinstance(content, dict) else {}
