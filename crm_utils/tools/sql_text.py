"""How do a name, a text and a file stand in the engine's SQL? As themselves, whatever letters are in them.

A file is read by its name with the wildcards as plain letters: DuckDB takes ``orders [2].csv`` for a pattern
that fits ``orders 2.csv``, and a folder ``year=2024`` for a column. Whatever names a file to it goes through
here.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["identifier", "literal", "no_letter", "one_file", "path_literal"]


def literal(text: str) -> str:
    """A text in SQL.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name in SQL.

    Examples
    --------
    >>> identifier("Unit price")
    '"Unit price"'
    """
    return '"' + name.replace('"', '""') + '"'


def no_letter(text: str) -> str:
    r"""What of a text no engine takes: half a letter of UTF-16 (a lone surrogate), or NUL; empty where none.

    Examples
    --------
    >>> no_letter("a\ud800b"), no_letter("a\0b"), no_letter("한글")
    ('\\ud800', '\\x00', '')
    """
    odd = re.search("[\0\ud800-\udfff]", text)
    return odd[0].encode("unicode_escape").decode() if odd else ""


def one_file(path: Path | str) -> str:
    """The path as the engine's functions read it: that file alone, whatever letters are in its name.

    Examples
    --------
    >>> one_file("shop [1]/orders*.csv")
    'shop [[]1]/orders[*].csv'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def path_literal(path: Path | str) -> str:
    """A file in SQL: that one, whatever its name looks like.

    Examples
    --------
    >>> path_literal("orders [2].csv")
    "'orders [[]2].csv'"
    """
    return literal(one_file(path))
