"""Names and texts as the engine's SQL writes them."""

from __future__ import annotations

__all__ = ["identifier", "literal"]


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
