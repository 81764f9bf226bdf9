"""Which guesses of a proposed study has nobody confirmed yet? The comments that still say LOOK or MISSING."""

from __future__ import annotations

import re

__all__ = ["unconfirmed"]

_COMMENT = re.compile(r"#.*\b(LOOK|MISSING)\b")
#: Letters of a line that are shown.
_SHOWN = 150


def unconfirmed(text: str) -> list[str]:
    r"""The lines of a study that say LOOK or MISSING, with their numbers; who has looked takes the word out.

    Parameters
    ----------
    text
        The study's file.

    Examples
    --------
    >>> unconfirmed("title: Shop\ntimezone: UTC # LOOK: the shop's zone\n")
    ["line 2: timezone: UTC # LOOK: the shop's zone"]
    """
    return [
        f"line {number}: {' '.join(line.split())[:_SHOWN]}"
        for number, line in enumerate(text.splitlines(), start=1)
        if _COMMENT.search(line)
    ]
