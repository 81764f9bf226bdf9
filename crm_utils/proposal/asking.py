"""What only the shop can say of its order lines: which are no sale, who is no customer, what is no line's.

Nothing here decides: each question stands in the proposed study as a comment, with what to write if the
answer is yes. No value that could name a person is written.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from statistics import median

from crm_utils.proposal.by_values import day_of
from crm_utils.proposal.matching import holds_several, is_personal, named, stands_once, who_columns
from crm_utils.proposal.table import Order, TableProposal
from crm_utils.proposal.words import (
    FEE_ID,
    FEE_NAME,
    PARTLY,
    REDUCED,
    SHIPPING,
    TAX,
    TILL,
    TILLS,
    TOTALS,
    UNDONE,
    WORDS,
    language,
)
from crm_utils.sources.files.guessing import marks_of, read_number

__all__ = ["Question", "frequent", "questions"]

#: Of a customer with so large a share of the orders, so many at least and so many times the usual, that it is
#: likelier a till.
_TILL_SHARE, _TILL_ORDERS, _TILL_TIMES, _TILL_APART = 0.02, 10, 5, 2
#: Different values of a column of states, and letters of one.
_STATES, _LETTERS = 20, 30
_SHOWN = 5


@dataclass(frozen=True)
class Question:
    """A question: what was seen, what to write, and a rule of ``leave_out`` if such lines do not count."""

    said: str
    notes: tuple[str, ...] = ()
    rule: str = ""


def questions(proposal: TableProposal) -> list[Question]:
    """What is to be asked of a table of order lines; nothing of others."""
    if proposal.table != "order_lines":
        return []
    return [
        *_within(proposal),
        *_in_cents(proposal),
        *_states(proposal),
        *_totals(proposal),
        *_fees(proposal),
        *_tills(proposal),
        *_line_discount(proposal),
        *_order_money(proposal),
        *_with_tax(proposal),
        *_anew(proposal),
        *_people(proposal),
    ]


def frequent(orders: list[Order]) -> dict[str, float]:
    """Customers with far more orders than others, and their share of the orders.

    Examples
    --------
    >>> orders = [Order(str(n % 30), None, 1.0) for n in range(90)] + [Order("99999", None, 1.0)] * 20
    >>> {customer: round(share, 2) for customer, share in frequent(orders).items()}
    {'99999': 0.18}
    """
    counts = Counter(order.customer for order in orders if order.customer)
    if not counts:
        return {}
    enough = max(_TILL_SHARE * len(orders), _TILL_ORDERS, _TILL_TIMES * median(counts.values()))
    ranked = [*counts.most_common(_SHOWN + 1), ("", 0)]
    # Good customers follow each other closely; a till stands apart from them.
    apart = [n for n in range(min(_SHOWN, len(counts))) if ranked[n][1] >= _TILL_APART * ranked[n + 1][1]]
    tills = ranked[: max(apart, default=-1) + 1]
    return {customer: n / len(orders) for customer, n in tills if n >= enough}


def _within(proposal: TableProposal) -> list[Question]:
    """Lines that stand as a list in the row of their order."""
    columns = [name for name in proposal.unused if holds_several(proposal.looked.columns[name])]
    lists = [name for name in columns if any(text.startswith("[{") for text in proposal.looked.columns[name])]
    if not lists:
        return []
    said = f"{lists[0]} holds a list in each row: the lines of its order? These are not read"
    note = (
        "If so, write a file of a row a line, with the order's number on each: what sells together needs it"
    )
    return [Question(said, (note,))]


def _in_cents(proposal: TableProposal) -> list[Question]:
    """Whole amounts of a money that has cents, nearly all far above what the shop's prices look like."""
    name = proposal.source("amount")
    values = proposal.looked.columns.get(name, [])
    codes = {
        code
        for texts in proposal.looked.columns.values()
        for code in set(texts[:50])
        if _CENTS.fullmatch(code)
    }
    if not codes or not values or not all(re.fullmatch(r"-?\d+", text) for text in values):
        return []
    if median(abs(int(text)) for text in values) < _MANY_CENTS:
        return []
    note = f"If so, amount: {json.dumps({'expression': f'{named(name)} / 100'}, ensure_ascii=False)}"
    return [Question(f"{name} holds whole numbers, all of them: are these cents?", (note,))]


#: Moneys of a hundred parts, as a column of currencies says them; so much in each amount may well be cents.
_CENTS, _MANY_CENTS = re.compile("usd|eur|gbp|cad|aud|chf|sgd|brl|pln", re.I), 500


def _states(proposal: TableProposal) -> list[Question]:
    """Columns of few words, some of which mean that a line is no sale."""
    asked = []
    orders = len(set(proposal.looked.columns.get(proposal.source("order_id"), [])))
    for name in proposal.unused:
        values = proposal.looked.columns[name]
        states = set(values)
        if is_personal(name, values) or len(states) > _STATES or 2 * len(values) < orders:
            continue
        words = sorted(state for state in states if len(state) <= _LETTERS and UNDONE.search(state))
        if not words:
            continue
        whole = [word for word in words if not PARTLY.search(word) and not _is_negative(proposal, name, word)]
        notes = [
            f"{word} would take the whole order with it, what was kept too: it is left in, "
            "and revenue is too high by what was paid back"
            for word in words
            if PARTLY.search(word)
        ]
        notes += [
            f"{word} has negative amounts: left in, it is taken off"
            for word in words
            if _is_negative(proposal, name, word)
        ]
        if whole and proposal.is_of_the_order(name):
            notes.append(f"and name {name} under of_the_order: it is filled on an order's first line alone")
        rule = _rule(name, whole, "no sale") if whole else ""
        asked.append(Question(f"{name} says {', '.join(words)}: are these sales?", tuple(notes), rule))
    return asked


def _totals(proposal: TableProposal) -> list[Question]:
    """A row that adds up the others: counted as a line it would be set aside, or count everything twice."""
    cells = proposal.looked.cells
    for name in dict.fromkeys([*proposal.sources("order_id"), *proposal.sources("ordered_at"), *cells]):
        words = sorted({text for text in cells[name] if TOTALS.fullmatch(text)})
        empty = [n for n, text in enumerate(cells[name]) if text in words]
        days = proposal.texts("ordered_at")
        if words and len(empty) <= _TOTALS_SHARE * len(cells[name]) and not any(days[n] for n in empty):
            said = f"{name} says {', '.join(words)} on {len(empty)} of the lines: do these add up the others?"
            return [Question(said, rule=_rule(name, words, "a row of totals"))]
    return []


#: Of all lines, so many at most add up others.
_TOTALS_SHARE = 0.1


def _is_negative(proposal: TableProposal, name: str, word: str) -> bool:
    """Whether the lines of a state take money off already."""
    if not proposal.has("amount"):
        return False
    cells = zip(proposal.looked.cells[name], proposal.numbers("amount"), strict=True)
    amounts = [amount for text, amount in cells if text == word and amount is not None]
    return bool(amounts) and max(amounts) <= 0 and min(amounts) < 0


def _fees(proposal: TableProposal) -> list[Question]:
    """Lines that sell postage: by the product's id, else by its name."""
    product = proposal.source("product_id")
    names = [n for n in proposal.unused if re.sub(r"[\W_]+", "", n).casefold() in WORDS["name"].split()]
    for name, pattern in [(product, FEE_ID), *[(name, FEE_NAME) for name in names]]:
        values = Counter(proposal.looked.columns.get(name, []))
        fees = [value for value, _ in values.most_common() if pattern.search(value)][:_SHOWN]
        if fees:
            share = sum(values[fee] for fee in fees) / proposal.looked.rows
            said = f"{name} says {', '.join(fees)} on {share:.1%} of the lines: is that a product?"
            return [Question(said, rule=_rule(name, fees, "postage or a fee"))]
    return []


def _tills(proposal: TableProposal) -> list[Question]:
    """Customers who are none: a number that the till gives to everybody."""
    column = proposal.source("customer_id")
    if not column:
        return []
    ids, orders = proposal.looked.cells[column], proposal.orders()
    shares = frequent(orders)
    people = [n for n in proposal.unused if is_personal(n, proposal.looked.columns[n])]
    for name in (column, *people):
        cells = proposal.looked.cells[name]
        called = {i for i, text in zip(ids, cells, strict=True) if i and TILL.fullmatch(text)}
        of_orders = Counter(order.customer for order in orders)
        shares |= {i: of_orders[i] / len(orders) for i in sorted(called)[:_SHOWN] if orders}
    if not shares:
        return []
    tills = [customer if _is_no_person(customer) else "???" for customer in shares]
    shown = ", ".join("one value" if text == "???" else text for text in tills)
    value = json.dumps({"column": column, "empty": tills}, ensure_ascii=False)
    return [
        Question(
            f"{column} has {shown} on {sum(shares.values()):.1%} of the orders: a till, and no customer?",
            (f"If so, its orders are guests': customer_id: {value}",),
        )
    ]


def _is_no_person(customer: str) -> bool:
    """Whether a customer's id may stand in a study: a short number, or the word for a till."""
    return bool(TILL.fullmatch(customer) or re.fullmatch(r"[A-Za-z]{0,2}[-_]?\d{1,8}(\.0)?", customer))


def _line_discount(proposal: TableProposal) -> list[Question]:
    """A discount that stands on the lines, where the amount is quantity times price."""
    amount, discount = proposal.source("amount"), proposal.source("discount")
    if not discount or " * " not in amount or not any(proposal.numbers("discount")):
        return []
    marks = {m.target: m.options for m in proposal.matches}
    less = {"expression": f"{amount} - {named(discount)}", **marks["discount"], **marks["amount"]}
    note = f"If it is to be taken off, amount: {json.dumps(less, ensure_ascii=False)}"
    return [Question(f"amount is taken before {discount}: is that what the shop receives?", (note,))]


def _order_money(proposal: TableProposal) -> list[Question]:
    """Money that was paid back or never paid, of a whole order."""
    asked = []
    total = sum(amount for amount in proposal.numbers("amount") if amount) if proposal.has("amount") else 0.0
    orders = proposal.looked.columns.get(proposal.source("order_id"), [])
    for name in proposal.unused:
        values = proposal.looked.columns[name]
        if not REDUCED.search(name) or not stands_once(values, orders):
            continue
        marks = marks_of(values)
        money = 0.0 if marks is None else _once_an_order(proposal, name, marks)
        if money > 0:
            share = f" ({money / total:.1%} of the amounts here)" if total > 0 else ""
            asked.append(
                Question(f"{name}{share} is of the whole order, and revenue too high by it", _UNTOLD)
            )
    return asked


def _with_tax(proposal: TableProposal) -> list[Question]:
    """Whether an amount beside columns of tax or shipping holds them."""
    amount = proposal.sources("amount")
    if proposal.known or len(amount) != 1 or TAX.search(amount[0]):
        return []
    columns = proposal.looked.columns
    beside = [
        name
        for name in proposal.unused
        if (TAX.search(name) or SHIPPING.search(name))
        and marks_of(columns[name]) is not None
        and columns[name]
    ]
    if not beside:
        return []
    less = " - ".join([named(amount[0]), *map(named, beside)])
    note = f"If so, and these are of the line, amount: {json.dumps({'expression': less}, ensure_ascii=False)}"
    return [Question(f"is {amount[0]} with {', '.join(beside)}? Revenue is mostly told without.", (note,))]


def _anew(proposal: TableProposal) -> list[Question]:
    """Order numbers that begin anew in each store, till or year: one number, several orders."""
    key = proposal.source("order_id")
    if key not in proposal.looked.cells:
        return []
    ids = proposal.looked.cells[key]
    days = [day_of(text) for text in proposal.texts("ordered_at")]
    lines: dict[str, list[int]] = {}
    for n, order in enumerate(ids):
        if order:
            lines.setdefault(order, []).append(n)
    several = {order: rows for order, rows in lines.items() if len(rows) > 1}
    if not several:
        return []

    def mixed(values: list[str]) -> float:  # the share of orders that hold several of these
        return sum(len({values[n] for n in rows if values[n]}) > 1 for rows in several.values()) / len(
            several
        )

    columns = [name for name in proposal.looked.columns if TILLS.search(name) and name != key]
    columns = [name for name in columns if mixed(proposal.looked.cells[name]) > _MIXED]
    who = proposal.looked.cells.get(proposal.source("customer_id"), [])
    if columns:
        mapping = json.dumps({"columns": [*columns, key]}, ensure_ascii=False)
        said = f"{key} is the same in several of {', '.join(columns)}: do its numbers begin anew in each?"
        return [Question(said, (f"If so, order_id: {mapping}",))]
    if mixed(days) > _MIXED or (who and mixed(who) > _MIXED):
        mapping = json.dumps(
            {"column": key, "anew": "day" if mixed([d[:7] for d in days]) > _MIXED else "month"}
        )
        what = "several days" if mixed(days) > _MIXED else "several customers"
        said = f"lines of one {key} are of {what}: do its numbers begin anew each day, month or year?"
        return [
            Question(
                said, (f"If so, order_id: {mapping}, or with anew: year; or name its till: {{columns: […]}}",)
            )
        ]
    return []


#: Of the orders with several lines, so many that are of several stores, tills or days: not by mistake.
_MIXED = 0.01


_UNTOLD = ("Unless the lines hold it already. No line tells whose it is: it cannot be taken off here.",)


def _once_an_order(proposal: TableProposal, name: str, marks: dict[str, str]) -> float:
    of_order: dict[str, float] = {}
    keys = proposal.looked.cells[proposal.source("order_id")]
    for key, text in zip(keys, proposal.looked.cells[name], strict=True):
        if text and key not in of_order:
            of_order[key] = abs(read_number(text, marks) or 0.0)
    return sum(of_order.values())


def _people(proposal: TableProposal) -> list[Question]:
    """Buyers without an id, whom an e-mail or a phone may tell apart."""
    column = proposal.source("customer_id")
    who = who_columns({name: proposal.looked.columns[name] for name in proposal.unused})
    missing = sum(not text for text in proposal.looked.cells.get(column, []))
    if not column or not who or not missing:
        return []
    person = json.dumps({"account": column, **who}, ensure_ascii=False)
    country = {"ko": "82", "de": "49", "ja": "81"}.get(language(proposal.looked.cells), "…")
    notes = [
        "To tell them apart, instead of customer_id, here and in customers; it needs a key: docs/privacy.md",
        f"person: {person}",
    ]
    if "phone" in who:
        notes.append(
            f'and beside tables, for phones without a country code: people: {{country: "{country}"}}'
        )
    share = missing / proposal.looked.rows
    return [Question(f"{share:.1%} of the lines have no {column}: are their buyers guests?", tuple(notes))]


def _rule(name: str, values: list[str], reason: str) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    test = f"{named(name)} == {texts[0]}" if len(texts) == 1 else f"{named(name)} in ({', '.join(texts)})"
    return "{when: '" + test.replace("'", "''") + f"', reason: {reason}}}"
