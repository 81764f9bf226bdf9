"""What do customers say with a word, in words that are nobody's own? A phrase of at least five.

A quotation of one customer can name people. So what is shown is no quotation but a run of words that at
least five customers wrote in the same way, without digits, addresses, names and what is called a person
(김민수님).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.feedback.masking import MASK, plain_text
from crm_utils.methods.feedback.names import Names, names_in

__all__ = ["phrase_of_many"]

_LONGEST = 6  # words
_MOST_TEXTS = 2_000


def phrase_of_many(
    word: str,
    sample: pd.DataFrame,
    words: Sequence[frozenset[str]] | np.ndarray,
    *,
    names: Names | None = None,
) -> str:
    """The phrase that at least five customers wrote around a word; empty where there is none.

    Parameters
    ----------
    word
        One of :func:`tokens`.
    sample
        ``person`` and ``text`` of one side.
    words
        The words of each text of it.
    names
        Whom the texts name; found in these when left out.

    Returns
    -------
    str
        Up to six words; the longest that reaches half the customers of the commonest, masked.
    """
    users: dict[str, set[str]] = defaultdict(set)
    whom = names_in(sample["text"]) if names is None else names
    seen = 0
    stem = word.split()[-1].removesuffix("다")[:2]
    for text, who, each in zip(sample["text"], sample["person"], words, strict=True):
        if word not in each:
            continue
        seen += 1
        if seen > _MOST_TEXTS:
            break
        for phrase in _phrases(whom.masked(plain_text(text)), stem):
            users[phrase].add(who)
    many = {phrase: len(who) for phrase, who in users.items() if len(who) >= SMALLEST_GROUP}
    if not many:
        return ""
    enough = max(many.values()) / 2
    return max((p for p, n in many.items() if n >= enough), key=lambda p: (len(p.split()), many[p], p))


def _phrases(text: str, stem: str) -> set[str]:
    """Runs of words that hold the stem and nothing masked."""
    parts = [re.sub(r"^[^\w…#]+|[^\w…#]+$", "", part) for part in text.split()]
    result = set()
    for start in range(len(parts)):
        for end in range(start + 1, min(start + _LONGEST, len(parts)) + 1):
            run = parts[start:end]
            if all(run) and not any(MASK in p or "#" in p for p in run) and any(stem in p for p in run):
                result.add(" ".join(run))
    return result
