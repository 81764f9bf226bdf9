"""Which table is a file, and which of its columns is which? By a known export, by names, else by values."""

from __future__ import annotations

from dataclasses import replace

import ibis

from crm_utils.mapping.expressions import columns_of
from crm_utils.people.contacts import contact_columns
from crm_utils.proposal.by_values import by_values, of_one_day, with_values
from crm_utils.proposal.matching import Match, by_source, is_personal, match, named, price_of
from crm_utils.proposal.profiles import Profile, profile_of
from crm_utils.proposal.table import TableProposal
from crm_utils.proposal.touches import match_touches
from crm_utils.sources.files.guessing import Looked
from crm_utils.tables import TABLES

__all__ = ["best_sheet", "table_of", "without_money"]

#: What a load refuses as an id, and what it is under ``person``.
_PERSONS = {"email": "email", "phone": "phone", "name": "buyer"}
_ORDER = [column.name for column in TABLES["order_lines"].columns]


def table_of(looked: Looked, asked: str = "") -> TableProposal:
    """The table that a file fits best: of those whose required columns it has most of.

    Parameters
    ----------
    looked
        The file's first lines.
    asked
        What it is said to be; empty where nobody says.
    """
    profile = profile_of(looked.columns)
    if profile and asked in ("", profile.table):
        return _by_profile(looked, profile)
    best: tuple[float, TableProposal] | None = None
    for table in (asked,) if asked else ("order_lines", "products", "customers"):
        proposal = _lines(looked, sure=bool(asked)) if table == "order_lines" else _other(looked, table)
        required = TABLES[table].required
        score = (len(required) - len(proposal.missing)) / len(required) + sum(
            m.sure for m in proposal.matches
        ) / 100
        score += (
            1 if table == "order_lines" and (asked or (proposal.matches and _are_orders(proposal))) else 0
        )
        if best is None or score > best[0]:
            best = score, proposal
    assert best is not None
    return best[1]


def without_money(lines: TableProposal) -> TableProposal:
    """Order lines that only lack money, joined or not: with amounts of nothing, to be looked at."""
    if lines.table != "order_lines" or lines.missing != ["amount"]:
        return lines
    why = "no column of money: the report says what can be said without"
    matches = [*lines.matches, Match("amount", "0", 0.4, why, {})]
    return replace(lines, matches=sorted(matches, key=lambda m: _ORDER.index(m.target)), missing=[])


def best_sheet(sheets: list[Looked], asked: str = "") -> Looked:
    """Of a workbook's sheets the one that holds orders, or what is asked for.

    Of several that do, the first with most of what order lines need.
    """

    def worth(looked: Looked) -> tuple[bool, int, int]:
        table = table_of(looked, asked)
        is_it = table.table == (asked or "order_lines")
        return is_it and len(table.missing) < _MOST_MISSING, -len(table.missing), -sheets.index(looked)

    return max(sheets, key=worth)


#: Of five required columns; a sheet that lacks more is none of orders.
_MOST_MISSING = 4
#: A day and a customer, and little else: visits.
_FEW_COLUMNS = 3


def _other(looked: Looked, table: str) -> TableProposal:
    of_people_or_goods = table in ("products", "customers")
    matches = match(looked.columns, table) if of_people_or_goods else match_touches(looked, table)
    return _proposal(looked, table, matches)


def _proposal(looked: Looked, table: str, matches: list[Match]) -> TableProposal:
    have = {m.target for m in matches}
    missing = [column for column in TABLES[table].required if column not in have]
    return TableProposal(looked, table, matches, missing, _unused(looked, matches))


def _lines(looked: Looked, *, sure: bool) -> TableProposal:
    """A file as order lines: by its names, or by what stands in it where it has no header."""
    by_name = [] if "names" in looked.options else match(looked.columns, "order_lines")
    matches = with_values(looked, by_name) if by_name else by_values(looked)
    proposal = _proposal(looked, "order_lines", matches)
    if not (sure or _are_orders(proposal)):
        return proposal
    buyer = _person(looked, matches)
    matches = [m for m in matches if not (buyer and m.target == "customer_id")]
    completed, looks = _completed(looked, matches, buyer=next(iter(buyer.values()), ""))
    return replace(_proposal(looked, "order_lines", completed), looks=looks, named_as=buyer)


def _by_profile(looked: Looked, profile: Profile) -> TableProposal:
    """The table that a known export is."""
    why = f"{profile.name}"
    order = [column.name for column in TABLES[profile.table].columns]
    chosen = sorted(profile.chosen(looked.columns).items(), key=lambda item: order.index(item[0]))
    matches = [by_source(target, source, looked.columns, why) for target, source in chosen]
    if profile.zone:
        zoned = {"zone": profile.zone}
        matches = [replace(m, options=m.options | zoned) if m.target == "ordered_at" else m for m in matches]
    return replace(_proposal(looked, profile.table, matches), known=profile, looks=profile.looks)


def _unused(looked: Looked, matches: list[Match]) -> list[str]:
    used = {m.source for m in matches if m.source in looked.columns}
    used |= {name for m in matches if m.source not in looked.columns for name in columns_of(m.source)}
    return [name for name in looked.columns if name not in used]


def _are_orders(proposal: TableProposal) -> bool:
    """Whether a file is of orders: a day, and a quantity, an amount, an order's number or who came again."""
    of, looked = {m.target: m for m in proposal.matches}, proposal.looked
    sure = {target for target, m in of.items() if m.sure >= 0.6}
    if "ordered_at" not in of:
        return {"order_id", "quantity"} <= sure
    if {"order_id", "quantity"} & sure or ("order_id" in of and "names" in looked.options):
        return True
    customers = looked.columns.get(of["customer_id"].source, []) if "customer_id" in of else []
    if "amount" in of:
        return not customers or len(set(customers)) < len(customers)
    days = looked.cells.get(of["ordered_at"].source, [])
    bare = of["customer_id"].source if customers else _bare_id(looked)
    if bare and days and ("product_id" in of or len(looked.columns) <= _FEW_COLUMNS):
        # A row a visit, and no row a customer: some came on several days.
        return not of_one_day(looked.cells[bare], days)
    return "product_id" in of and price_of(looked.columns, taken=set()) is not None


def _person(looked: Looked, matches: list[Match]) -> dict[str, str]:
    """What a column of customers is that no snapshot may hold as it is: names, addresses, phone numbers."""
    source = next((m.source for m in matches if m.target == "customer_id"), "")
    values = sorted(set(looked.columns.get(source, [])))
    if not values:
        return {}
    kind = contact_columns(ibis.memtable({"customer_id": values})).get("customer_id", "")
    return {_PERSONS[kind]: source} if kind in _PERSONS else {}


def _completed(
    looked: Looked, matches: list[Match], *, buyer: str = ""
) -> tuple[list[Match], tuple[str, ...]]:
    """What a file of orders leaves unsaid: who, one piece, what, its price, an order a customer and day."""
    have = {m.target: m for m in matches}
    looks: list[str] = []
    _add_customer(looked, have, buyer)
    if "quantity" not in have:
        have["quantity"] = Match("quantity", "1", 0.6, "no column says how many: one piece a row", {})
        price = (
            None if "amount" in have else price_of(looked.columns, taken={m.source for m in have.values()})
        )
        if price:
            why = "no column says how many: what a row costs is what one piece does"
            have["amount"] = replace(price, target="amount", sure=round(price.sure * 0.65, 2), why=why)
    if "order_id" not in have and "ordered_at" in have:
        have["order_id"] = _order_of(looked, have, buyer)
    _add_product(looked, have, looks)
    return sorted(have.values(), key=lambda m: _ORDER.index(m.target)), tuple(looks)


def _bare_id(looked: Looked) -> str:
    return next((name for name in looked.columns if name.casefold() in ("id", "no", "key")), "")


def _add_customer(looked: Looked, have: dict[str, Match], buyer: str) -> None:
    """A bare ``id`` that comes again on other days is somebody's, and no order's."""
    bare = _bare_id(looked)
    if buyer or not bare or "customer_id" in have or "ordered_at" not in have:
        return
    days = looked.cells.get(have["ordered_at"].source, [])
    if days and bare not in {m.source for m in have.values()} and not of_one_day(looked.cells[bare], days):
        why = "it comes again on other days: who came, and no order's number"
        have["customer_id"] = Match("customer_id", bare, 0.5, why, {})


def _order_of(looked: Looked, have: dict[str, Match], buyer: str) -> Match:
    """What an order is where no column numbers it."""
    who, when = have.get("customer_id"), have["ordered_at"]
    customer = who.source if who else buyer
    if not customer:
        why = "neither order numbers nor customers: each row is an order"
        return Match("order_id", '"row"', 0.4, why, {}, {"each": "row"})
    why = "no column of order numbers: all that a customer bought in a day is an order"
    day = when.source if when.source in looked.cells else next(columns_of(when.source))
    source = f'concat({named(customer)}, " ", {named(day)})'
    plain = when.source in looked.cells and not any(":" in text for text in looked.columns[day])
    if buyer or not plain or not all(looked.cells[customer]):
        return Match("order_id", source, 0.5, why, {}, {"each": "customer_day"})
    return Match("order_id", source, 0.5, why, {}, {"columns": [customer, day]})


def _add_product(looked: Looked, have: dict[str, Match], looks: list[str]) -> None:
    """A column of their kind where there is none of products; else an id that nothing else is; else none."""
    if "product_id" in have:
        return
    kinds = match(looked.columns, "products", only=("subcategory", "category"))
    if kinds:
        kind = kinds[-1]
        why = "no column of products: their kind"
        have["product_id"] = Match("product_id", kind.source, 0.5, why, {})
        return
    taken = {name for m in have.values() for name in [m.source, *_named_in(m.source)]}
    for name, values in looked.columns.items():
        is_id = name.casefold().rstrip("_").endswith(("id", "key", "code", "sku")) and name not in taken
        if is_id and "order_id" in have and len(set(values)) < len(values) and not is_personal(name, values):
            why = "no column is called a product: an id beside that of the order"
            have["product_id"] = Match("product_id", name, 0.5, why, {})
            return
    why = "no column of products: a row is an order"
    have["product_id"] = Match("product_id", '"order"', 0.5, why, {})
    looks.append("a row is an order, and no product is said: what is bought together cannot be told")


def _named_in(source: str) -> list[str]:
    try:
        return list(columns_of(source))
    except ValueError:  # a column whose name is no expression
        return []
