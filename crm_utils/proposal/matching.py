"""Which column of a file would be which of a table? By its name, and by what stands in it.

Names are those of shop systems in English, Korean and German; a match is only as sure as name and values
together.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from crm_utils.mapping.expressions import columns_of
from crm_utils.proposal.marks import decimal_of, numbers_of
from crm_utils.proposal.roots import ABOUT, ROOTS, plain_name
from crm_utils.proposal.words import (
    BUYER,
    CLOCK,
    CONSENT,
    CURRENCY,
    HOW_MANY,
    KIND_OF,
    NO_AMOUNT,
    PERCENT,
    PERSONAL,
    REDUCED,
    WORDS,
)  # fmt: skip
from crm_utils.sources.files.guessing import Guess, dates_of
from crm_utils.tables import DAY, MONEY, QUANTITY, TABLES, TIME, WHOLE

__all__ = [
    "Match", "buyer_column", "by_source", "country_of", "currencies", "fits", "holds_several", "is_personal",
    "match", "named", "price_of", "says_a_kind", "stands_once", "who_columns", "with_the_clock",
]  # fmt: skip

#: What is a line's own: the total of an order is none of them, however its column is called.
_OF_A_LINE = {"amount", "discount"}
#: Ids that are not told from what stands beside them by a part of their name alone.
_NUMBERED = {"order_id", "customer_id"}
#: So many rows of so few values are no people.
_MANY_ROWS, _FEW_VALUES = 10, 2
#: Lines beyond the first of their order that are enough to tell an order's column from a line's.
_TELLING = 10


@dataclass(frozen=True)
class Match:
    """A column of the contract, what of the file it would be, and how sure that is (0 to 1).

    ``written`` is how a study writes it where that is neither a column nor an expression.
    """

    target: str
    source: str
    sure: float
    why: str
    options: dict[str, str]
    written: dict[str, object] = field(default_factory=dict)


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
    matches: dict[str, Match] = {}
    taken: set[str] = set()
    for target, kind in types.items():
        orders = columns[matches["order_id"].source] if target in _OF_A_LINE and "order_id" in matches else []
        left = [n for n in columns if n not in taken and not stands_once(columns[n], orders)]
        candidates = [_judged(target, kind, name, columns[name], decimal) for name in left]
        best = max((c for c in candidates if c), key=lambda m: m.sure, default=None)
        if best:
            matches[target] = best
            taken.add(best.source)
    priced = table == "order_lines" and "amount" not in matches and "quantity" in matches
    if priced and (price := price_of(columns, taken=taken)):
        matches["amount"] = _product_of(matches["quantity"], price, columns, taken)
    if table == "order_lines" and "ordered_at" in matches and only is None:
        matches["ordered_at"] = with_the_clock(matches["ordered_at"], columns)
    return [matches[target] for target in types if target in matches]


def price_of(columns: dict[str, list[str]], *, taken: Collection[str]) -> Match | None:
    """The column of what one piece costs, where there is one; as a match of ``price``."""
    decimal = decimal_of(columns)
    left = [name for name in columns if name not in taken]
    prices = [_judged("price", MONEY, name, columns[name], decimal) for name in left]
    return max((m for m in prices if m), key=lambda m: m.sure, default=None)


def _product_of(
    quantity: Match, price: Match, columns: dict[str, list[str]], taken: Collection[str]
) -> Match:
    """What a line comes to: quantity times price, less the share of it that a column of discounts says."""
    reading = quantity.options | price.options
    source = f"{named(quantity.source)} * {named(price.source)}"
    why = "quantity times unit price, discounts not taken off; no column of line totals was found"
    shares = [n for n in columns if n not in taken and REDUCED.search(n) and _are_shares(columns[n])]
    if shares:
        source += f" * (1 - {named(shares[0])})"
        why = (
            f"quantity times unit price, less {shares[0]}, a share of it; no column of line totals was found"
        )
    return Match("amount", source, round(price.sure * 0.65, 2), why, reading)


def with_the_clock(day: Match, columns: dict[str, list[str]]) -> Match:
    """A day with the time of day that stands in a column beside it, where there is one."""
    form = day.options.get("dates", "iso")
    if re.search("%[HI]", form) or any(":" in text for text in columns.get(day.source, [])):
        return day
    for name, values in columns.items():
        clock = clock_of(values) if CLOCK.search(name) else ""
        if clock:
            both = ("%Y-%m-%d" if form == "iso" else form) + " " + clock
            source = f'date(concat({named(day.source)}, " ", {named(name)}))'
            why = f"{day.why}; with {name} beside it"
            return Match("ordered_at", source, day.sure, why, {"dates": both})
    return day


def clock_of(values: list[str]) -> str:
    """How these values are times of day; empty where they are none.

    Examples
    --------
    >>> clock_of(["9:05", "13:08"]), clock_of(["1:05:00 PM"])
    ('%H:%M', '%I:%M:%S %p')
    """
    for form, pattern in (
        ("%H:%M:%S", r"\d{1,2}:\d{2}:\d{2}"),
        ("%H:%M", r"\d{1,2}:\d{2}"),
        ("%I:%M:%S %p", r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]"),
        ("%I:%M %p", r"\d{1,2}:\d{2} [AaPp][Mm]"),
    ):
        if values and all(re.fullmatch(pattern, text) for text in values):
            return form
    return ""


def by_source(target: str, source: str, columns: dict[str, list[str]], why: str) -> Match:
    """A match that a known export says: its column or expression, with the marks of the values there."""
    kind = next(c.type for c in TABLES["order_lines"].columns if c.name == target)
    decimal = decimal_of(columns)
    if source in columns:
        guess, reading = fits(kind, columns[source], decimal) or (
            Guess("", 0.3, "its values do not look so"),
            {},
        )
        return Match(target, source, round(0.98 * guess.sure, 2), f"{why}; {guess.why}".rstrip("; "), reading)
    text = source.removeprefix("=")
    parts = [columns[name] for name in columns_of(text)]
    if kind == TIME and len(parts) == 2:
        guess = dates_of(parts[0]) or Guess("iso", 0.3, "its values do not look so")
        day = Match("ordered_at", "", guess.sure, "", {} if guess.value == "iso" else {"dates": guess.value})
        form = day.options.get("dates", "%Y-%m-%d") + " " + (clock_of(parts[1]) or "%H:%M:%S")
        return Match(target, text, round(0.98 * guess.sure, 2), f"{why}; {guess.why}", {"dates": form})
    marks: dict[str, str] = {}
    for values in parts if kind in (MONEY, QUANTITY) else []:
        marks |= (fits(kind, values, decimal) or (None, {}))[1]
    return Match(target, text, 0.95, why, marks)


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
    if not by_name or is_personal(name, values) or holds_several(values):
        return None
    if target == "customer_id" and says_a_kind(name, values):
        return None
    if kind == MONEY and (PERCENT.search(name) or any("%" in text for text in values)):
        return None
    if target == "discount" and _are_shares(values):
        return None
    read = fits(kind, values, decimal)
    if read is None:
        return None
    guess, reading = read
    why = f"its name; {guess.why}" if guess.why else "its name"
    return Match(target, name, round(by_name * guess.sure, 2), why, reading)


def holds_several(values: list[str]) -> bool:
    """Whether values are lists or objects of JSON: several things, and whatever is said of them.

    Examples
    --------
    >>> holds_several(['[{"sku": 1}]', "[]"]), holds_several(["[A] tea"])
    (True, False)
    """
    return bool(values) and all(re.fullmatch(r"\[\s*([\[{\"\d].*)?\]|\{.*\}", text, re.S) for text in values)


def _are_shares(values: list[str]) -> bool:
    """Whether values are shares of a price and no money: 0.15 and 0, never over 1.

    Examples
    --------
    >>> _are_shares(["0.0", "0.15", "0.2"] * 4), _are_shares(["0.00", "2.50"] * 6), _are_shares(["0"] * 12)
    (True, False, False)
    """
    if len(values) < _MANY_ROWS or not all(re.fullmatch(r"[01]?[.,]?\d*", text) for text in values):
        return False
    numbers = [float(text.replace(",", ".") or 0) if text.strip(".,") else 0.0 for text in values]
    return all(0 <= n <= 1 for n in numbers) and any(0 < n < 1 for n in numbers)


def says_a_kind(name: str, values: list[str]) -> bool:
    """Whether a column says of what kind a customer is, and not who: a type, a segment, two values for all.

    Examples
    --------
    >>> says_a_kind("Customer type", ["Member", "Normal"]), says_a_kind("customer", ["a"] * 9 + ["b"])
    (True, True)
    """
    few = len(values) >= _MANY_ROWS and len(set(values)) <= _FEW_VALUES
    return bool(KIND_OF.search(name)) or few


def _by_name(target: str, name: str) -> float:
    """How surely a name means a column: it is one of its words, or one is in it. A Korean word is short."""
    words = WORDS.get(target, "").split()
    plain, parts = re.sub(r"[\W_]+", "", name).casefold(), plain_name(name)
    if plain in words:
        return 1.0 - 0.2 * words.index(plain) / len(words)
    if target in ("amount", "price") and NO_AMOUNT.search(name):
        return 0.0
    if target == "amount" and (REDUCED.search(name) or HOW_MANY.search(name)):
        return 0.0
    if any(plain in other.split() for other in WORDS.values()) or (
        target in _NUMBERED and ABOUT.search(plain)
    ):
        return 0.0
    if target in ROOTS and ROOTS[target].fullmatch(parts):
        return 0.65
    near = [word for word in words if word in plain and (len(word) > 4 or re.fullmatch("[가-힣]{2,}", word))]
    return 0.45 if near else 0.0


def fits(kind: str, values: list[str], decimal: str) -> tuple[Guess, dict[str, str]] | None:
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
    by_kind = {}
    for kind, pattern in kinds.items():
        fits = [
            n
            for n, values in columns.items()
            if values and re.search(pattern, n, re.I) and is_personal(n, values)
        ]
        if fits:
            by_kind[kind] = fits[0]
    return by_kind


def buyer_column(columns: dict[str, list[str]]) -> str:
    """A column of buyers' names; empty where there is none."""
    fits = [n for n, values in columns.items() if values and BUYER.search(n) and not says_a_kind(n, values)]
    return next(iter(fits), "")


def country_of(phones: list[str]) -> bool:
    """Whether nearly all of these phone numbers say their country: they begin with + or 00."""
    return sum(bool(re.match(r"\s*'?(\+|00)", text)) for text in phones) >= 0.9 * len(phones)


def currencies(columns: dict[str, list[str]]) -> tuple[str, list[str]]:
    """The column that names each row's currency, and what stands in it, the most frequent first.

    Examples
    --------
    >>> currencies({"Currency": ["EUR", "CHF", "EUR"]})
    ('Currency', ['EUR', 'CHF'])
    """
    for name, values in columns.items():
        if (
            values
            and CURRENCY.search(name)
            and all(re.fullmatch("[A-Z]{3}|[a-z]{3}", value) for value in values)
        ):
            return name, [code for code, _ in Counter(map(str.upper, values)).most_common()]
    return "", []
