r"""How is Markdown translated? Piece by piece, from the same catalogue as all words.

A piece is a paragraph, a heading's words, a list's item, a table's cell, or what stands between two HTML
tags. Code in fences and formulas are no words. Babel finds the same pieces by :func:`paragraphs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm_utils.tools.language import _

__all__ = ["paragraphs", "translated"]

_HEADING = re.compile(r"(#{1,6}[ \t]+)(.+)")
_NO_WORDS = re.compile(r"```|~~~|\$\$")
_LETTER = re.compile(r"[^\W\d_]")
#: What splits a block, each in one group, so that the marks themselves are kept.
_TAG = re.compile(r"(<[^>]*>)")
_CELL = re.compile(r"([ \t]*(?<!\\)\|[ \t]*)")
_ITEM = re.compile(r"(^[ \t]*(?:[-*+]|\d+[.)])[ \t]+)", flags=re.MULTILINE)
_QUOTE = re.compile(r"(^>[ \t]*)")


def paragraphs(source: str) -> Iterator[str]:
    r"""What a translator sees of a text in Markdown.

    Examples
    --------
    >>> list(paragraphs("# Who leaves?\n\nSome do.\n\n- one\n- two\n\n```\nx = 1\n```"))
    ['Who leaves?', 'Some do.', 'one', 'two']
    """
    for block in _blocks(source):
        yield from (piece for piece, is_said in _pieces(block) if is_said)


def translated(source: str) -> str:
    r"""A text in Markdown in the language of this process.

    Examples
    --------
    >>> translated("# Who leaves?\n\nSome do.")
    '# Who leaves?\n\nSome do.'
    """
    blocks = _blocks(source)
    return "\n\n".join("".join(_(p) if is_said else p for p, is_said in _pieces(b)) for b in blocks)


def _pieces(block: str) -> Iterator[tuple[str, bool]]:
    """A block in parts that give it back when joined, and whether each is said to the reader."""
    heading = _HEADING.fullmatch(block)
    if heading:
        yield heading[1], False
        yield heading[2], True
    elif _NO_WORDS.match(block):
        yield block, False
    elif block.startswith("|"):
        for line in block.splitlines(keepends=True):
            yield from _split(_CELL, line)
    else:
        marks = next((m for m in (_TAG, _ITEM, _QUOTE) if m.match(block)), None)
        yield from _split(marks, block) if marks else [(block, bool(block.strip()))]


def _split(marks: re.Pattern[str], text: str) -> Iterator[tuple[str, bool]]:
    for number, part in enumerate(marks.split(text)):
        words = part.strip()
        if number % 2 or not _LETTER.search(words):
            yield part, False
        else:
            before, after = part.split(words, maxsplit=1)
            yield from ((before, False), (words, True), (after, False))


def _blocks(source: str) -> list[str]:
    """The source between empty lines, fences of code whole; a heading ends with its line."""
    blocks: list[list[str]] = [[]]
    fence = ""
    for line in source.split("\n"):
        mark = line.strip()[:3]
        if fence:
            fence = "" if line.strip().startswith(fence) else fence
            blocks[-1].append(line)
        elif not line.strip():
            blocks.append([])
        elif _HEADING.fullmatch(line):
            blocks += [[line], []]
        else:
            fence = mark if mark in ("```", "~~~") else ""
            blocks[-1].append(line)
    return ["\n".join(lines) for lines in blocks if lines]
