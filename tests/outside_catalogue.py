"""Which words of a page did not go through the catalogue? For pages made with ``CRM_LANGUAGE=pseudo``.

``python tests/outside_catalogue.py reports/complete_journey/latest`` looks at a real run.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

__all__ = ["words_outside"]

#: Not words of ours: code, formulas, and what the page itself marks as data.
_SKIPPED = {"style", "script", "pre", "code", "math"}
_EMPTY = {"meta", "link", "img", "br", "hr", "input", "wbr", "col", "circle", "polyline", "path"}
_SPOKEN = ("aria-label", "alt", "data-label", "title")
_WORD = re.compile(r"[^\W\d_]{2,}")


class _Reader(HTMLParser):
    def __init__(self, *, cells: bool) -> None:
        super().__init__()
        self.outside: list[str] = []
        self._cells, self._depth, self._skipped = cells, 0, 0
        self._open: list[bool] = []
        self._table = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        skip = (
            tag in _SKIPPED
            or given.get("translate") == "no"
            or (tag == "td" and not self._cells and "data-label" in given and "shown" in self._table)
        )
        if not (skip or self._skipped):
            for name in _SPOKEN:
                outside = _outside(given.get(name, ""))
                if outside and not (tag == "td" and not self._cells):
                    self.outside.append(f"{tag} {name}: {outside}")
        if tag == "table":
            self._table = given.get("class", "")
        if tag not in _EMPTY:
            self._open.append(skip)
            self._skipped += skip

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY and self._open:
            self._skipped -= self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        kept = ""
        for letter in data:
            self._depth += (letter == "⟦") - (letter == "⟧")
            kept += letter if not self._depth and letter != "⟧" else " "
        if _WORD.search(kept):
            self.outside.append(" ".join(kept.split()))


def _outside(text: str) -> str:
    """What of a text stands outside all brackets, if it holds a word."""
    depth, kept = 0, ""
    for letter in text:
        depth += (letter == "⟦") - (letter == "⟧")
        kept += letter if not depth and letter != "⟧" else " "
    return kept.strip() if _WORD.search(kept) else ""


def words_outside(page: str, *, cells: bool = True) -> list[str]:
    """Visible and spoken words outside ⟦ ⟧, apart from data, names and code.

    Parameters
    ----------
    page
        Its HTML.
    cells
        Whether cells of tables that notebooks showed count; they may hold names of products and segments.
    """
    reader = _Reader(cells=cells)
    reader.feed(page)
    return reader.outside


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.html")):
        for words in words_outside(path.read_text(encoding="utf-8"), cells=False):
            print(f"{path.name}: {words}")  # noqa: T201
