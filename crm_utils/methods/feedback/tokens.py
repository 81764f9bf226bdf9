"""Which words does a text hold? By kiwipiepy where it is installed, else split at blanks.

A negation changes what its word says, so it is joined to it: 안 오다, 못 쓰다, 재미없다. Each text
counts a word once.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable
from typing import Any

from crm_utils.errors import known_names
from crm_utils.methods.feedback.masking import MASK, is_like_a_name, plain_text
from crm_utils.methods.feedback.names import Names, names_in

__all__ = ["ANALYSERS", "analyser_here", "tokens"]

ANALYSERS = ("kiwipiepy", "blanks")
_WORD = re.compile(r"[^\W_]+")
_OF_A_NAME = re.compile(rf"{MASK}[가-힣]*")
"""A hidden name with its particle: what is left of 김민수한테 is no word."""
_NEGATIONS = ("안", "못")
_LACKS = re.compile(r"(?:않|없)")
_PARTICLES = re.compile(r"(?<=.)(?:이|가|은|는|을|를|도)$")
_NOUNS = ("NNG", "NNP", "XR", "SL")
_VERBS = ("VV", "VA")


def analyser_here() -> str:
    """The best analyser that is installed: ``kiwipiepy``, else ``blanks``."""
    return "kiwipiepy" if importlib.util.find_spec("kiwipiepy") else "blanks"


def tokens(
    texts: Iterable[str], *, analyser: str = "blanks", names: Names | None = None
) -> list[frozenset[str]]:
    """Find the words of each text, each once.

    Parameters
    ----------
    texts
        What was written.
    analyser
        ``kiwipiepy``: nouns, verbs and adjectives in their dictionary form (an extra:
        ``pip install 'crm-notebooks[korean]'``); ``blanks``: words as they stand between blanks.
    names
        Whom they name; found in the texts themselves when left out.

    Returns
    -------
    list of frozenset
        A set of words a text. Digits, addresses, names and what is called a person (김민수님) are none.

    Raises
    ------
    ValueError
        There is no such analyser.
    ImportError
        kiwipiepy is not installed.

    Examples
    --------
    >>> sorted(tokens(["배송이 안 와요, 재미가 없어요"])[0])
    ['배송이', '안 와요', '재미없어요']
    """
    if analyser not in ANALYSERS:
        raise ValueError(f"There is no analyser '{analyser}'. {known_names(analyser, ANALYSERS)}")
    split = _blanks if analyser == "blanks" else _kiwi()
    texts = list(texts)
    whom = names_in(texts) if names is None else names
    masked = (_OF_A_NAME.sub(" ", whom.masked(plain_text(text))) for text in texts)
    return [frozenset(word for word in split(text) if not whom.is_one(word)) for text in masked]


def _blanks(text: str) -> list[str]:
    words: list[str] = []
    negation = ""
    for word in _WORD.findall(text):
        if word in _NEGATIONS:
            negation = word
        elif negation:
            words.append(f"{negation} {word}")
            negation = ""
        elif words and _LACKS.match(word):
            words[-1] = _PARTICLES.sub("", words[-1]) + word
        else:
            words.append(word)
    return [word for word in words if len(word) > 1]


def _kiwi() -> Callable[[str], list[str]]:
    from kiwipiepy import Kiwi  # an extra: with its model it weighs 100 MB

    kiwi = Kiwi(num_workers=1)
    return lambda text: _lemmas([(result.form, result.tag) for result in kiwi.tokenize(text)])


def _lemmas(result: list[tuple[str, Any]]) -> list[str]:
    """Dictionary forms out of forms and tags; a negation before or after a word goes with it."""
    words: list[str] = []
    verb_at = -1
    negation = ""
    for place, (form, tag) in enumerate(result):
        kind = str(tag).split("-")[0]
        if kind == "MAG" and form in _NEGATIONS:
            negation = form
        elif form.startswith(("않", "못하")) and kind in ("VX", "VV", "VA"):
            if 0 <= verb_at < len(words):  # 오지 않다 says the same as 안 오다
                words[verb_at] = f"{'안' if form.startswith('않') else '못'} {words[verb_at]}"
                verb_at = -1
        elif form in ("없", "없이") and kind in _VERBS and words and _after_noun(result, place):
            words[-1] += "없다"  # 재미가 없다 is 재미없다
            verb_at = -1
        elif kind == "NNP" and is_like_a_name(form):
            verb_at = -1
        elif kind in _VERBS or kind in _NOUNS:
            word = form + "다" if kind in _VERBS else form
            words.append(f"{negation} {word}" if negation else word)
            negation, verb_at = "", len(words) - 1
        elif kind in ("XSV", "XSA") and words and _after_noun(result, place):  # 추천 + 하 is 추천하다
            verb_at = len(words) - 1
        elif kind == "MAG" and len(form) > 1:
            words.append(form)
            verb_at = -1
    return [word for word in words if len(word) > 1]


def _after_noun(result: list[tuple[str, Any]], place: int) -> bool:
    before = [str(tag) for _form, tag in result[max(place - 2, 0) : place] if not str(tag).startswith("J")]
    return bool(before) and before[-1].split("-")[0] in _NOUNS
