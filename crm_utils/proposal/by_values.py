"""Which column is which in a file without a header? By what stands in them, and how often it comes again.

An order is of one day and has several rows; a customer comes again on other days; pieces are small whole
numbers; what a row costs has decimals. None of it is sure: every line of the study says LOOK.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from crm_utils.proposal.marks import decimal_of, numbers_of
from crm_utils.proposal.matching import Match, named
from crm_utils.sources.files.guessing import Looked, dates_of, read_number

__all__ = ["by_values", "of_one_day"]

_SURE, _WHY = 0.5, "no header: by what stands in it"
#: Of the values that come again, so many stand on one day alone where they are orders.
_OF_ONE_DAY = 0.98
#: Pieces of a row.
_MOST_PIECES, _USUAL_PIECES = 1_000, 20
#: Of the products sold in several quantities, so many cost the same however many are bought: a price of one.
_SAME_PRICE = 0.8


def of_one_day(ids: Sequence[str], days: Sequence[str]) -> bool:
    """Whether ids are orders' and no customers': hardly any of them comes again on another day.

    Parameters
    ----------
    ids, days
        Row by row.

    Examples
    --------
    >>> of_one_day(["1", "1", "2"], ["d1", "d1", "d2"]), of_one_day(["1", "1", "2"], ["d1", "d2", "d2"])
    (True, False)
    """
    seen: dict[str, set[str]] = defaultdict(set)
    for one, day in zip(ids, days, strict=True):
        if one:
            seen[one].add(day.split(" ")[0].split("T")[0])
    return sum(len(each) == 1 for each in seen.values()) >= _OF_ONE_DAY * max(1, len(seen))


def by_values(looked: Looked) -> list[Match]:
    """Matches of order lines for a file whose columns have no names.

    Parameters
    ----------
    looked
        Its first lines; the columns are called ``column 1`` and so on.
    """
    columns = looked.columns
    matches: dict[str, Match] = {}
    left = [name for name in columns if columns[name]]
    day = next((name for name in left if (g := dates_of(columns[name])) and g.sure >= _SURE), "")
    if not day:
        return []
    form = dates_of(columns[day])
    assert form is not None
    reading = {} if form.value == "iso" else {"dates": form.value}
    matches["ordered_at"] = Match("ordered_at", day, _SURE, f"{_WHY}; {form.why}", reading)
    left.remove(day)
    for name in [
        n for n in left if _is_id(columns[n]) and (left.index(n) == 0 or not _is_pieces(columns[n]))
    ]:
        target = "order_id" if of_one_day(looked.cells[name], looked.cells[day]) else "customer_id"
        if target not in matches:
            matches[target] = Match(target, name, _SURE, _WHY, {})
            left.remove(name)
    words = [n for n in left if _are_words(columns[n])]
    if words:
        matches["product_id"] = Match("product_id", words[0], _SURE, _WHY, {})
        left.remove(words[0])
    _add_numbers(looked, left, matches)
    return list(matches.values())


def _add_numbers(looked: Looked, left: list[str], matches: dict[str, Match]) -> None:
    """Pieces, and what they cost: of one, or of all."""
    columns, decimal = looked.columns, decimal_of(looked.columns)
    marks = {name: guessed[1] for name in left if (guessed := numbers_of(columns[name], decimal))}
    pieces = next((n for n in marks if _is_pieces(columns[n])), "")
    if pieces:
        matches["quantity"] = Match("quantity", pieces, _SURE, _WHY, marks.pop(pieces))
    money = [n for n in marks if any(re.search(r"[.,]\d{1,2}$", text) for text in columns[n])] or [*marks]
    if not money:
        return
    name, numbers = money[-1], marks[money[-1]]
    if (
        pieces
        and "product_id" in matches
        and _is_of_one(looked, matches["product_id"].source, pieces, name, numbers)
    ):
        why = f"{_WHY}; it is the same however many are bought: the price of one"
        source = f"{named(pieces)} * {named(name)}"
        matches["amount"] = Match("amount", source, _SURE, why, numbers)
    else:
        matches["amount"] = Match("amount", name, _SURE, _WHY, numbers)


def _is_of_one(looked: Looked, product: str, pieces: str, money: str, reading: dict[str, str]) -> bool:
    prices: dict[str, dict[str, set[float]]] = defaultdict(lambda: defaultdict(set))
    cells = looked.cells
    for what, how_many, text in zip(cells[product], cells[pieces], cells[money], strict=True):
        if (amount := read_number(text, reading)) is not None:
            prices[what][how_many].add(amount)
    several = [list(each.values()) for each in prices.values() if len(each) > 1]
    same = sum(bool(set.intersection(*each)) for each in several)
    return bool(several) and same >= _SAME_PRICE * len(several)


def _is_id(values: list[str]) -> bool:
    return all(re.fullmatch(r"[A-Za-z]{0,4}[-_]?\d{1,18}", text) for text in values) and len(set(values)) > 1


def _is_pieces(values: list[str]) -> bool:
    """Small whole numbers, none with a zero in front."""
    if not all(re.fullmatch(r"-?(0|[1-9]\d*)(\.0+)?", text) for text in values):
        return False
    numbers = [float(text) for text in values]
    return max(numbers) <= _MOST_PIECES and 0 < median(numbers) <= _USUAL_PIECES


def _are_words(values: list[str]) -> bool:
    wordy = sum(bool(re.search(r"[^\W\d_]{2}", text)) for text in values)
    return wordy >= 0.8 * len(values) and 1 < len(set(values)) < len(values)
