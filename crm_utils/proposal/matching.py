"""Which column of a file would be which of a table? By its name, and by what stands in it.

Names are those of shop systems in English, Korean and German; a match is only as sure as name and values
together.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from crm_utils.proposal.marks import decimal_of, numbers_of
from crm_utils.proposal.words import CONSENT, CURRENCY, NO_AMOUNT, PERCENT, PERSONAL, REDUCED, WORDS
from crm_utils.sources.files.guessing import Guess, dates_of
from crm_utils.tables import DAY, MONEY, QUANTITY, TABLES, TIME, WHOLE

__all__ = ["Match", "currencies", "is_personal", "match", "named", "stands_once", "who_columns"]

#: What is a line's own: the total of an order is none of them, however its column is called.
_OF_A_LINE = {"amount", "discount"}
#: Lines beyond the first of their order that are enough to tell an order's column from a line's.
_TELLING = 10


@dataclass(frozen=True)
class Match:
    """A column of the contract, what of the file it would be, and how sure that is (0 to 1)."""

    target: str
    source: str
    sure: float
    why: str
    told: dict[str, str]


def match(columns: dict[str, list[str]], table: str, *, only: Collection[str] | None = None) -> list[Match]:
    """Which column would be which, by name and by what stands in it; each column of the file once.

    Parameters
    ----------
    columns
        Some values of each column of the file.
    table
        A canonical table.
    only
        The columns of the contract that are asked for; all when left out.

    Returns
    -------
    list of Match
        In the table's order.
    """
    types = {c.name: c.type for c in TABLES[table].columns if only is None or c.name in only}
    decimal = decimal_of(columns)
    found: dict[str, Match] = {}
    taken: set[str] = set()
    for target, kind in types.items():
        orders = columns[found["order_id"].source] if target in _OF_A_LINE and "order_id" in found else []
        left = [n for n in columns if n not in taken and not stands_once(columns[n], orders)]
        candidates = [_judged(target, kind, name, columns[name], decimal) for name in left]
        best = max((c for c in candidates if c), key=lambda m: m.sure, default=None)
        if best:
            found[target] = best
            taken.add(best.source)
    if table == "order_lines" and "amount" not in found and "quantity" in found:
        left = [name for name in columns if name not in taken]
        prices = [_judged("price", MONEY, name, columns[name], decimal) for name in left]
        price = max((m for m in prices if m), key=lambda m: m.sure, default=None)
        if price:
            told = found["quantity"].told | price.told
            sum_of = f"{named(found['quantity'].source)} * {named(price.source)}"
            why = "quantity times unit price, discounts not taken off; no column of line totals was found"
            found["amount"] = Match("amount", sum_of, round(price.sure * 0.65, 2), why, told)
    return [found[target] for target in types if target in found]


def stands_once(values: list[str], orders: list[str]) -> bool:
    """Whether values are an order's and not a line's: on its first line alone, or the same on all its lines.

    Parameters
    ----------
    values
        What stands in a column, empty values left out.
    orders
        The order's id of each line.
    """
    further = len(orders) - len(set(orders))
    if further < _TELLING:
        return False
    if len(values) != len(orders):
        return len(values) <= len(orders) - 0.9 * further
    of_order: dict[str, set[str]] = {}
    for order, value in zip(orders, values, strict=True):
        of_order.setdefault(order, set()).add(value)
    return len(of_order) > 1 and len(set(values)) > 1 and all(len(each) == 1 for each in of_order.values())


def _judged(target: str, kind: str, name: str, values: list[str], decimal: str) -> Match | None:
    by_name = _by_name(target, name)
    if not by_name or is_personal(name, values):
        return None
    if kind == MONEY and (PERCENT.search(name) or any("%" in text for text in values)):
        return None
    fits = _fits(kind, values, decimal)
    if fits is None:
        return None
    guess, told = fits
    why = f"its name; {guess.why}" if guess.why else "its name"
    return Match(target, name, round(by_name * guess.sure, 2), why, told)


def _by_name(target: str, name: str) -> float:
    """How surely a name means a column: it is one of its words, or one is in it. A Korean word is short."""
    words = WORDS.get(target, "").split()
    plain = re.sub(r"[\W_]+", "", name).casefold()
    if plain in words:
        return 1.0 - 0.2 * words.index(plain) / len(words)
    if target in ("amount", "price") and NO_AMOUNT.search(name):
        return 0.0
    if target == "amount" and REDUCED.search(name):
        return 0.0
    near = [word for word in words if word in plain and (len(word) > 4 or re.fullmatch("[가-힣]{2,}", word))]
    return 0.45 if near and not any(plain in other.split() for other in WORDS.values()) else 0.0


def _fits(kind: str, values: list[str], decimal: str) -> tuple[Guess, dict[str, str]] | None:
    """Whether values can be of a type, and what has to be declared so that they are read.

    ``decimal`` is the mark of the file's numbers, where it can be told.
    """
    if not values:
        return Guess("", 0.3, "it is empty in the first lines"), {}
    if kind in (TIME, DAY):
        dates = dates_of(values)
        return (dates, {} if dates.value == "iso" else {"dates": dates.value}) if dates else None
    if kind in (MONEY, QUANTITY, WHOLE):
        return numbers_of(values, decimal)
    return Guess("", 1.0, ""), {}


def named(column: str) -> str:
    """A column as an expression writes it."""
    return column if re.fullmatch(r"[^\W\d]\w*", column) else f"col({json.dumps(column, ensure_ascii=False)})"


def is_personal(name: str, values: list[str]) -> bool:
    """Whether a column names a person. Whether somebody agreed to e-mails names nobody.

    Examples
    --------
    >>> is_personal("이메일수신동의", ["Y", "N"]), is_personal("Newsletter e-mail", ["kim@example.com"])
    (False, True)
    """
    answers = CONSENT.search(name) and len(set(values)) <= 4 and not any("@" in text for text in values)
    return not answers and bool(PERSONAL.search(name))


def who_columns(columns: dict[str, list[str]]) -> dict[str, str]:
    """What could tell customers apart where a column of ids does not: an e-mail address, a phone number."""
    kinds = {"email": r"e-?mail|이메일", "phone": r"phone|mobile|휴대|전화|telefon|handy"}
    found = {}
    for kind, pattern in kinds.items():
        fits = [n for n, values in columns.items() if re.search(pattern, n, re.I) and is_personal(n, values)]
        if fits:
            found[kind] = fits[0]
    return found


def currencies(columns: dict[str, list[str]]) -> tuple[str, list[str]]:
    """The column that names each row's currency, and what stands in it, the most frequent first.

    Examples
    --------
    >>> currencies({"Currency": ["EUR", "CHF", "EUR"]})
    ('Currency', ['EUR', 'CHF'])
    """
    for name, values in columns.items():
        if values and CURRENCY.search(name) and all(re.fullmatch("[A-Z]{3}", value) for value in values):
            return name, [code for code, _ in Counter(values).most_common()]
    return "", []
