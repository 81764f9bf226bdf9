"""What does a spreadsheet make of a cell? Its text alone: what would be a formula is made harmless."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["harmless"]

#: Signs that begin a formula, also full width, behind blanks and marks that spreadsheets skip; a tab or a new
#: line, which may begin a cell of its own. A phone number such as +82… is none.
_FORMULA = re.compile(r"[\s\x00-\x1f\ufeff\u200b]*(?:[=@＝＠-]|－|[+＋](?![0-9]+$))|[\t\r\n\x00]")


def harmless(value: Any) -> Any:
    r"""The value; a text that a spreadsheet would run, with an apostrophe before it.

    Examples
    --------
    >>> [harmless(v) for v in ("=1+1", "\n=1+1", "＝1+1", "+821012345678", "Kim", -5)]
    ["'=1+1", "'\n=1+1", "'＝1+1", '+821012345678', 'Kim', -5]
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
