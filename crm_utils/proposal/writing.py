"""A proposed study as text: each line with how sure it is, and what could not be matched as a comment."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from crm_utils.loading.doubts import usual_ends
from crm_utils.proposal.asking import questions
from crm_utils.proposal.matching import country_of, currencies, is_personal, who_columns
from crm_utils.proposal.parameters import churn_lines
from crm_utils.proposal.table import TableProposal
from crm_utils.proposal.words import CONSENT, language
from crm_utils.sources.files.guessing import first_day_of

__all__ = ["Origin", "study_text"]


@dataclass(frozen=True)
class Origin:
    """Where a study's data come from: files in a folder, or a SQLite file with tables that are not read."""

    folder: str = ""
    database: str = ""
    others: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """As a study says it."""
        if not self.database:
            return ["  kind: files", f"  folder: {_quoted(self.folder)}"]
        unused = [f"  # not used: {', '.join(self.others)}"] if self.others else []
        return ["  kind: database", f"  url: sqlite:///{quote(self.database)}", *unused]


def study_text(name: str, origin: Origin, files: list[tuple[str, TableProposal]]) -> str:
    """The study as text, each line with how sure it is.

    Parameters
    ----------
    name
        The study's.
    origin
        The files' folder, or the database.
    files
        The files or the database's tables, and what each would be.
    """
    by_file = dict.fromkeys(file for file, _ in files)
    lines = [
        f"# A proposal of crm new, from the first lines of {', '.join(by_file)}.",
        "# Read it line by line; then: crm check " + name,
        f"title: {_quoted(name.replace('_', ' ').capitalize())}",
        "source:", *origin.lines(), "  tables:",
    ]  # fmt: skip
    by_table: dict[str, list[tuple[str, TableProposal]]] = {}
    for file, proposal in files:
        by_table.setdefault(proposal.table, []).append((file, proposal))
    for table, members in by_table.items():
        lines += _table_lines(table, members)
    currency, why, zone = _money_of(files)
    lines += _country_lines(files, currency, sure=not why.startswith("LOOK"))
    first = min((day for _, p in files if (day := _first_day(p))), default="2000-01-01")
    lines += [
        f"timezone: {zone} # LOOK: the shop's zone, such as Europe/Berlin: its days, its hours",
        f"currency: {currency} # {why}",
        "as_of: latest # the last complete day of the data",
        f"history_starts: {first} # LOOK: the first day from which the data are complete",
        "quality: # limits that stop a load; what was loaded before stays",
        "  set_aside_at_most: 0.01 # share of a table's rows",
        "  fewer_rows_at_most: 0.2 # against the load before",
        "  columns_stay: true",
        "  # age_at_most_days: 2 # for data that come every night",
    ]
    lines += churn_lines([p for _, p in files if p.table == "order_lines"], currency)
    return "\n".join(lines) + "\n"


def _country_lines(files: list[tuple[str, TableProposal]], currency: str, *, sure: bool) -> list[str]:
    """The country of phone numbers that do not say theirs, by the currency where the data name it."""
    phones = [
        phone
        for _, p in files
        if p.table == "order_lines"
        for phone in p.looked.columns.get(p.person.get("phone", ""), [])
    ]
    code = _DIALLED.get(currency, "")
    if not (sure and code and phones) or country_of(phones):
        return []
    return [f'  people: {{country: "{code}"}} # LOOK: of phone numbers without a country code; by {currency}']


#: What is dialled to reach the only country of a currency.
_DIALLED = {
    "KRW": "82", "GBP": "44", "JPY": "81", "INR": "91", "BDT": "880", "BRL": "55", "MYR": "60", "AUD": "61",
    "SGD": "65", "TWD": "886", "HKD": "852", "CNY": "86", "PLN": "48", "CZK": "420", "IDR": "62", "TRY": "90",
    "VND": "84", "THB": "66", "PHP": "63", "SEK": "46", "DKK": "45", "MXN": "52", "ZAR": "27", "NGN": "234",
    "CAD": "1", "PKR": "92", "NPR": "977", "LKR": "94",
}  # fmt: skip


def _money_of(files: list[tuple[str, TableProposal]]) -> tuple[str, str, str]:
    """A currency and why, and a zone: by the column that says it, else by the signs in the amounts."""
    by_sign = _BY_SIGN
    signs = {m.options.get("signs", "") for _, p in files for m in p.matches}
    spoken = language(column for _, p in files for column in p.looked.cells)
    usual, zone = _PLACES.get("ko" if signs & {"₩", "원"} else spoken, ("USD", "UTC"))
    guessed = next((code for sign, code in by_sign.items() if sign in signs), usual)
    for _, proposal in files:
        column, codes = currencies(proposal.looked.columns)
        if len(codes) == 1:
            return codes[0], f"the column {_quoted(column)} says so", zone
        if codes:
            several = f"LOOK: {_quoted(column)} says {', '.join(codes)}, and amounts of several do not add up"
            return codes[0], f"{several}: leave_out the rows of the others", zone
    return guessed, "LOOK: the currency of all amounts (ISO 4217)", zone


_BY_SIGN = {
    "₩": "KRW", "원": "KRW", "€": "EUR", "£": "GBP", "¥": "JPY", "円": "JPY", "￥": "JPY", "$": "USD",
    "US$": "USD", "RM": "MYR", "₹": "INR", "Rs": "INR", "Rs.": "INR", "R$": "BRL", "A$": "AUD", "C$": "CAD",
    "S$": "SGD", "NT$": "TWD", "HK$": "HKD", "元": "CNY", "zł": "PLN", "Kč": "CZK", "Rp": "IDR", "₺": "TRY",
    "₫": "VND",
    "฿": "THB", "₱": "PHP", "kr": "SEK", "kr.": "DKK",
    **{code: code for code in ("INR", "USD", "EUR", "GBP", "KRW", "JPY", "CHF")},
}  # fmt: skip
#: Currency and zone where most who speak a language live.
_PLACES = {"ko": ("KRW", "Asia/Seoul"), "de": ("EUR", "Europe/Berlin"), "ja": ("JPY", "Asia/Tokyo")}


def _first_day(proposal: TableProposal) -> str:
    matched = next((m for m in proposal.matches if m.target == "ordered_at"), None)
    if matched is None:
        return ""
    form = matched.options.get("dates", "iso")
    days = Counter(day for text in proposal.texts("ordered_at") if text and (day := _day(text, form)))
    if not days:
        return ""
    # A lone mistyped day is not where the history begins.
    return usual_ends([(dt.date.fromisoformat(day), n) for day, n in sorted(days.items())]).first.isoformat()


@functools.cache
def _day(text: str, form: str) -> str:
    return first_day_of([text], form)


def _table_lines(table: str, members: list[tuple[str, TableProposal]]) -> list[str]:
    # Files of other columns are no more rows of the same.
    file, proposal = max(members, key=lambda item: (-len(item[1].missing), -members.index(item)))
    alike = [f for f, other in members if list(other.looked.cells) == list(proposal.looked.cells)]
    files = _quoted(file) if len(alike) == 1 else json.dumps(alike, ensure_ascii=False)
    in_files = proposal.looked.format != "sqlite"
    lines = [f"    {table}:", *([f"      files: {files}"] if in_files else [])]
    lines += [
        f"      # not used: {_quoted(f)} # LOOK: it looks like {table} too, but its columns are others"
        for f, _ in members
        if f not in alike
    ]
    for key, value in proposal.looked.options.items():
        note = proposal.looked.notes.get(key)
        look = f" # LOOK: {note.sure:.0%} sure: {note.why}" if note and note.sure < 0.7 else ""
        lines.append(f"      {key}: {json.dumps(value, ensure_ascii=False)}{look}")
    if table == "order_lines":
        lines += _order_lines(proposal)
    lines.append("      columns:" if proposal.matches else "      columns: {} # none was found")
    for m in proposal.matches:
        is_sum = m.source not in proposal.looked.columns
        options = (m.written or _origin(m.source, is_sum)) | m.options
        value = (
            _quoted(m.source)
            if not (m.options or is_sum or m.written)
            else json.dumps(options, ensure_ascii=False)
        )
        look = "LOOK: " if m.sure < 0.7 else ""
        lines.append(f"        {m.target}: {value} # {look}{m.sure:.0%} sure: {m.why}")
    for look in proposal.looks:
        lines.append(f"        # LOOK: {look}")
    if proposal.once:
        lines.append(f"      duplicates: [{_quoted(proposal.once)}] # one row each: the first")
    for column in proposal.missing:
        lines.append(
            f"        # {column}: ??? # MISSING and needed: name its column, or write {{constant: …}}"
        )
    if proposal.table == "order_lines" and not proposal.has("customer_id") and not proposal.person:
        lines.append(
            "        # customer_id: ??? # LOOK: no column was found; without it every order is a guest's"
        )
    return [*lines, *_unused_lines(proposal)]


def _unused_lines(proposal: TableProposal) -> list[str]:
    lines = []
    for column in proposal.unused:
        note, values = "", proposal.looked.columns[column]
        if column in proposal.person.values():
            continue
        if is_personal(column, values):
            note = "; names a person: leave it out, or see 'person' in docs/your-data.md"
        elif CONSENT.search(column):
            note = "; who agreed to what: see consents in data/README.md"
        lines.append(f"        # not used: {_quoted(column)}{note}")
    who = who_columns({name: proposal.looked.columns[name] for name in proposal.unused})
    if proposal.table == "customers" and proposal.has("customer_id") and who:
        person = json.dumps({"account": proposal.source("customer_id"), **who}, ensure_ascii=False)
        lines.append(f"      # if order_lines has person, here too instead of customer_id: person: {person}")
    return lines


def _order_lines(proposal: TableProposal) -> list[str]:
    """What is said of order lines before their columns: people, what is an order's, what is no sale."""
    lines = []
    if proposal.person:
        who = json.dumps(proposal.person, ensure_ascii=False)
        lines.append(
            f"      person: {who} # LOOK: there is no column of ids; "
            "a pseudonym of this becomes the customer_id. It needs a key: docs/privacy.md"
            + ("; two people of one name become one customer" if "buyer" in proposal.person else "")
        )
        phones = proposal.looked.columns.get(proposal.person.get("phone", ""), [])
        if phones and not country_of(phones):
            lines.append(
                f"      # LOOK: without people: {{country: …}} beside tables, {proposal.person['phone']} of "
                "numbers that do not say their country cannot be read, and their orders are guests'"
            )
    if proposal.of_the_order and proposal.looked.format != "sqlite":
        names = json.dumps(proposal.of_the_order, ensure_ascii=False)
        lines.append(
            f"      of_the_order: {names} # on an order's first line alone: its other lines get it from there"
        )
    asked = questions(proposal)
    for question in asked:
        lines.append(f"      # LOOK: {question.said}")
        lines += [f"      # {note}" for note in question.notes]
    rules = [question.rule for question in asked if question.rule]
    if rules:
        lines.append("      # What does not count is left out by a rule; of these keep those that are right:")
        lines.append(f"      # leave_out: [{', '.join(rules)}]")
    return lines


def _origin(source: str, is_sum: bool) -> dict[str, object]:
    """As a study writes where a column comes from: a column, one value for all rows, or an expression."""
    if not is_sum:
        return {"column": source}
    if re.fullmatch(r"\d+", source):
        return {"constant": int(source)}
    if re.fullmatch('"[^"]*"', source):
        return {"constant": source[1:-1]}
    return {"expression": source}


def _quoted(text: str) -> str:
    """A text that YAML reads as this text."""
    plain = re.fullmatch(r"[^\W\d_][\w ./-]*", text) and text == text.strip()
    return text if plain and text.casefold() not in _YAML_WORDS else json.dumps(text, ensure_ascii=False)


_YAML_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
