"""Which column is which where no heading says it? By what stands in them, and how often it comes again.

An order is of one day and has several rows; a customer comes again on other days; pieces are small whole
numbers; what a row costs has decimals. None of it is sure: every line of the study says LOOK.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from crm_utils.mapping.expressions import columns_of
from crm_utils.proposal.marks import decimal_of, numbers_of
from crm_utils.proposal.matching import Match, is_personal, named, stands_once
from crm_utils.sources.files.guessing import Looked, dates_of, read_number

__all__ = ["by_values", "day_of", "of_one_day", "with_values"]

_SURE, _WHY = 0.5, "no header: by what stands in it"
_UNNAMED = "no heading says it: by what stands in it"
#: Days of something else than the order.
_LATER = re.compile(
    r"ship|deliver|liefer|birth|geburt|updat|modif|cancel|refund|return|\bdue|expir|start|launch|versand|join|sign|"
    r"배송|출고|수령|생년|생일|취소|환불|수정|가입|発送|配送|生年|入会|nacimiento|naissance|envio|livraison",
    re.I,
)
#: Lines of an order at most, as a share; orders of a row each; customers, as a share of the orders.
_FEW_LINES, _A_ROW_EACH, _MANY, _TELLING = 0.05, 0.95, 0.02, 10
#: Of the values that come again, so many stand on one day alone where they are orders.
_OF_ONE_DAY = 0.98
#: Pieces of a row.
_MOST_PIECES, _USUAL_PIECES = 1_000, 20
#: Of the products sold in several quantities, so many cost the same however many are bought: a price of one.
_SAME_PRICE = 0.8


def day_of(text: str) -> str:
    """A time without its clock, however it is written.

    Examples
    --------
    >>> day_of("2024-03-05T10:15:00Z"), day_of("Mar 5, 2024, 9:05 AM"), day_of("2024년 3월 5일")
    ('2024-03-05', 'Mar 5, 2024,', '2024년 3월 5일')
    """
    return re.split(r"[ T]+(?=\d{1,2}:)", text, maxsplit=1)[0]


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
            seen[one].add(day_of(day))
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


def with_values(looked: Looked, matches: list[Match]) -> list[Match]:
    """Matches by heading, and for day, order and customer that no heading tells, what stands in the columns.

    Parameters
    ----------
    looked
        A file's first lines.
    matches
        What its headings tell of order lines.
    """
    have = {m.target: m for m in matches}
    columns, cells = looked.columns, looked.cells
    taken = {name for m in matches for name in ([m.source] if m.source in columns else columns_of(m.source))}
    left = [n for n in columns if n not in taken and columns[n] and not is_personal(n, columns[n])]
    if "ordered_at" not in have:
        days = [
            n
            for n in left
            if not _LATER.search(n) and (g := dates_of(columns[n])) and not g.value.startswith("epoch")
        ]
        if not days:
            return matches
        guess = dates_of(columns[days[0]])
        assert guess is not None
        reading = {} if guess.value == "iso" else {"dates": guess.value}
        have["ordered_at"] = Match(
            "ordered_at", days[0], min(_SURE, guess.sure), f"{_UNNAMED}; {guess.why}", reading
        )
    day = have["ordered_at"].source
    left = [n for n in left if n != day and _is_key(columns[n]) and dates_of(columns[n]) is None]
    if day not in cells or not have.keys() & {"quantity", "amount"}:
        return list(have.values())
    if "order_id" not in have:
        orders = [n for n in left if len(columns[n]) == looked.rows and _numbers_orders(looked, n, day, have)]
        if orders:
            have["order_id"] = Match("order_id", orders[0], 0.45, _UNNAMED, {})
            left.remove(orders[0])
    if "customer_id" not in have and "order_id" in have and "product_id" in have:
        order = columns.get(have["order_id"].source, [])
        who = [n for n in left if _comes_again(looked, n, order, day)]
        if who:
            why = f"{_UNNAMED}: it is an order's, and comes again on other days"
            have["customer_id"] = Match("customer_id", who[0], 0.4, why, {})
    return list(have.values())


def _numbers_orders(looked: Looked, name: str, day: str, have: dict[str, Match]) -> bool:
    """Whether a column numbers orders: of one day each, on several lines; or of a row each."""
    values = looked.cells[name]
    if not of_one_day(values, looked.cells[day]) or len(set(values)) < _FEW_LINES * len(values):
        return False
    if len(set(values)) < len(values):
        return True
    who = have.get("customer_id")
    customers = looked.cells.get(who.source, []) if who else []
    visits = {(c, d) for c, d in zip(customers, looked.cells[day], strict=False) if c}
    return not customers or len(visits) >= _A_ROW_EACH * sum(map(bool, customers))


def _comes_again(looked: Looked, name: str, orders: list[str], day: str) -> bool:
    values, several = looked.columns[name], len(orders) - len(set(orders))
    if several < _TELLING or len(orders) != len(values) or not stands_once(values, orders):
        return False
    number = len(set(orders))
    return _MANY * number <= len(set(values)) < number and not of_one_day(
        looked.cells[name], looked.cells[day]
    )


def _is_key(values: list[str]) -> bool:
    """Ids with a digit and no blank, none a number with places."""
    return all(re.fullmatch(r"(?=.*\d)[A-Za-z]*[-_#/]?[\w#/-]{1,40}", text) for text in values)


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
