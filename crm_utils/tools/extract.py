"""How does Babel find the words of notebooks and of the glossary? Piece by piece, as they are translated.

``babel.cfg`` names it; ``pybabel extract -F babel.cfg -k N_ -o messages.pot .`` finds all words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from crm_utils.tools.paragraphs import paragraphs

__all__ = ["markdown", "notebook"]


def notebook(
    file: IO[bytes], keywords: Any, comment_tags: Any, options: Mapping[str, Any]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield a notebook's messages as Babel asks for them: line, function, message, comments.

    Parameters
    ----------
    file
        The notebook.
    keywords, comment_tags, options
        Babel's own; not needed.
    """
    for number, cell in enumerate(json.load(file)["cells"], start=1):
        if cell["cell_type"] == "markdown":
            for paragraph in paragraphs("".join(cell["source"])):
                yield number, "gettext", paragraph, []
        elif cell["metadata"].get("alt"):
            yield number, "gettext", cell["metadata"]["alt"], []


def markdown(
    file: IO[bytes], keywords: Any, comment_tags: Any, options: Mapping[str, Any]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield the messages of a text in Markdown, such as the glossary; see :func:`notebook`."""
    for number, piece in enumerate(paragraphs(file.read().decode("utf-8")), start=1):
        yield number, "gettext", piece, []
