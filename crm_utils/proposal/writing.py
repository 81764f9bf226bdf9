"""A proposed study as text: each line with how sure it is, and what could not be matched as a comment."""

from __future__ import annotations

import json
import re

from crm_utils.proposal.asking import questions
from crm_utils.proposal.matching import currencies, is_personal, who_columns
from crm_utils.proposal.parameters import churn_lines
from crm_utils.proposal.table import TableProposal
from crm_utils.proposal.words import CONSENT, language
from crm_utils.sources.files.guessing import first_day_of

__all__ = ["study_text"]


def study_text(name: str, folder: str, files: list[tuple[str, TableProposal]]) -> str:
    """The study as text, each line with how sure it is."""
    by_file = dict.fromkeys(file for file, _ in files)
    lines = [
        f"# A proposal of crm new, from the first lines of {', '.join(by_file)}.",
        "# Read it line by line; then: crm check " + name,
        f"title: {_quoted(name.replace('_', ' ').capitalize())}",
        "source:", "  kind: files", f"  folder: {_quoted(folder)}", "  tables:",
    ]  # fmt: skip
    by_table: dict[str, list[tuple[str, TableProposal]]] = {}
    for file, proposal in files:
        by_table.setdefault(proposal.table, []).append((file, proposal))
    for table, members in by_table.items():
        lines += _table_lines(table, members)
    currency, why, zone = _money_of(files)
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


def _money_of(files: list[tuple[str, TableProposal]]) -> tuple[str, str, str]:
    """A currency and why, and a zone: by the column that says it, else by the signs in the amounts."""
    signs = {m.told.get("signs", "") for _, p in files for m in p.matches}
    spoken = language(column for _, p in files for column in p.looked.cells)
    by_sign = {"₩": "KRW", "원": "KRW", "€": "EUR", "£": "GBP", "¥": "JPY", "$": "USD"}
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


#: Currency and zone where most who speak a language live.
_PLACES = {"ko": ("KRW", "Asia/Seoul"), "de": ("EUR", "Europe/Berlin")}


def _first_day(proposal: TableProposal) -> str:
    found = next((m for m in proposal.matches if m.target == "ordered_at"), None)
    if found is None:
        return ""
    return first_day_of(proposal.looked.columns[found.source], found.told.get("dates", "iso"))


def _table_lines(table: str, members: list[tuple[str, TableProposal]]) -> list[str]:
    file, proposal = members[0]
    files = file if len(members) == 1 else json.dumps([f for f, _ in members], ensure_ascii=False)
    lines = [f"    {table}:", f"      files: {_quoted(file) if len(members) == 1 else files}"]
    for key, value in proposal.looked.told.items():
        note = proposal.looked.notes.get(key)
        look = f" # LOOK: {note.sure:.0%} sure: {note.why}" if note and note.sure < 0.7 else ""
        lines.append(f"      {key}: {json.dumps(value, ensure_ascii=False)}{look}")
    if table == "order_lines":
        lines += _order_lines(proposal)
    lines.append("      columns:")
    for m in proposal.matches:
        is_sum = m.source not in proposal.looked.columns
        told = {"expression" if is_sum else "column": m.source, **m.told}
        value = _quoted(m.source) if not (m.told or is_sum) else json.dumps(told, ensure_ascii=False)
        look = "LOOK: " if m.sure < 0.7 else ""
        lines.append(f"        {m.target}: {value} # {look}{m.sure:.0%} sure: {m.why}")
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
        )
    if proposal.of_the_order:
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


def _quoted(text: str) -> str:
    """A text that YAML reads as this text."""
    plain = re.fullmatch(r"[^\W\d_][\w ./-]*", text) and text == text.strip()
    return text if plain and text.casefold() not in _YAML_WORDS else json.dumps(text, ensure_ascii=False)


_YAML_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
