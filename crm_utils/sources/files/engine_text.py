"""Names and texts as the engine's SQL writes them."""

from __future__ import annotations

from pathlib import Path

from crm_utils.engine_paths import one_file

__all__ = ["identifier", "literal", "path_literal"]


def literal(text: str) -> str:
    """A text in SQL.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: Path | str) -> str:
    """A file in SQL: that one, whatever its name looks like.

    Examples
    --------
    >>> path_literal("orders [2].csv")
    "'orders [[]2].csv'"
    """
    return literal(one_file(path))


def identifier(name: str) -> str:
    """A name in SQL.

    Examples
    --------
    >>> identifier("Unit price")
    '"Unit price"'
    """
    return '"' + name.replace('"', '""') + '"'
