"""Is a comma in a number a decimal one? Judged by the whole file: one column alone often cannot say.

``1,000`` is a thousand, or one with three places. Any other number of the file that can be read in one way
only decides; so does Korean, which has no decimal comma.
"""

from __future__ import annotations

import re

from crm_utils.proposal.words import language
from crm_utils.sources.files.guessing import Guess, bare_number, marks_of, signs_of

__all__ = ["decimal_of", "numbers_of"]

#: Values of a column that are enough to tell its marks.
_ENOUGH = 2_000
#: Signs of money that has no decimal places.
_WHOLE_MONEY = {"원", "₩", "¥"}
_NUMBERS = "its values are numbers"


def decimal_of(columns: dict[str, list[str]]) -> str:
    """The decimal mark of a file's numbers; empty where none of them says it.

    Examples
    --------
    >>> decimal_of({"Menge": ["1,000", "2,000"], "Betrag": ["39,95", "7,50"]})
    ','
    >>> decimal_of({"qty": ["1,000", "2"]})
    ''
    """
    votes = {vote for values in columns.values() if (vote := _vote(values)) and marks_of(values) is not None}
    if votes:
        return votes.pop() if len(votes) == 1 else ""
    return "." if language(columns) in ("ko", "ja") else ""


def numbers_of(values: list[str], decimal: str) -> tuple[Guess, dict[str, str]] | None:
    """The marks of a column of numbers, and how sure they are; None where its values are no numbers.

    Parameters
    ----------
    values
        What stands in it.
    decimal
        The decimal mark of the file, by :func:`decimal_of`.

    Returns
    -------
    Guess, dict
        And what is to be declared. A file of decimal commas may have points between its thousands, though its
        first lines show none.

    Examples
    --------
    >>> guess, told = numbers_of(["1,000", "2,000"], ",")
    >>> told
    {'decimal': ',', 'thousands': '.'}
    >>> numbers_of(["1,000", "2,000"], "")[0].sure
    0.6
    """
    marks = marks_of(values)
    if marks is None:
        return None
    signs = {name: mark for name, mark in marks.items() if name == "signs"}
    own = _vote(values) or ("." if set(signs.values()) & _WHOLE_MONEY else "")
    mark = next((m for m in ",." if _has(_bare(values), _either(m))), "")
    if not (own or mark):
        return Guess("", 1.0, _NUMBERS), marks
    if (own or decimal) == ",":
        between = " " if marks.get("thousands") == " " else "."
        why = _NUMBERS if own else f"{_NUMBERS}, with a decimal comma as in other columns"
        return Guess("", 1.0, why), {"decimal": ",", "thousands": between} | signs
    declared = ({"thousands": ","} if marks.get("thousands") == "," else {}) | signs
    if own or decimal:
        return Guess("", 1.0, _NUMBERS), declared
    return Guess(
        "", 0.6, f"is 1{mark}000 a thousand, or 1 with three places? No other column tells"
    ), declared


def _vote(values: list[str]) -> str:
    """The decimal mark that these values alone can have: of 1,50 and 0,500, of 1.234,50 and 1.234.567."""
    bare = _bare(values)
    votes = [
        mark
        for mark, other in ((",", "."), (".", ","))
        if _has(bare, _decimal(mark, other), but=f"{_either(mark)}|{_groups(mark)}")
        or _has(bare, _groups(other))
    ]
    return votes[0] if len(votes) == 1 else ""


def _decimal(mark: str, other: str) -> str:
    return rf"(\d{{1,3}}([{other} ]\d{{3}})+|\d*)[{mark}]\d+"


def _groups(mark: str) -> str:
    """Several marks, three digits apart, are between thousands."""
    return rf"\d{{1,3}}([{mark}]\d{{3}}){{2,}}"


def _either(mark: str) -> str:
    return rf"[1-9]\d{{0,2}}[{mark}]\d{{3}}"


def _bare(values: list[str]) -> set[str]:
    signs = signs_of(values[:_ENOUGH])
    return {re.sub("[%+-]", "", bare_number(text, signs)).strip() for text in values[:_ENOUGH]}


def _has(texts: set[str], pattern: str, *, but: str = "(?!)") -> bool:
    fits, other = re.compile(pattern).fullmatch, re.compile(but).fullmatch
    return any(fits(text) and not other(text) for text in texts)
