"""What in data reaches a person? The forms of ``contact_forms``, in columns of the engine.

A study names such columns under ``person``. Here is what stops one that it maps by mistake, and what hides
contacts where people write what they like. Ids are refused, all other text is hidden: an id that is changed
joins nothing any more, and a text without its phone number is still a text.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from crm_utils.errors import DataError, StudyError
from crm_utils.people.contact_forms import Contact, contacts_in, hidden, is_name, may_hold

__all__ = ["contact_columns", "masked", "masked_columns", "refuse_contacts", "refuse_names"]

#: Ids of people; in other ids digits alone are no sign.
PEOPLE = ("customer_id", "referrer_id")
#: Different values of a column that are looked at one by one, drawn from all its rows: of people one in a
#: thousand decides, in other ids half of the values, whose share 2,000 tell to within three points.
_LOOKED_AT, _LOOKED_AT_OTHERS = 10_000, 2_000
#: From which share of the different values on an id is refused. Phones in groups cannot be meant otherwise;
#: an order's number that begins with its day can look like a resident's, and a loyalty card's like a card's.
_OF_PEOPLE = {"email": 0.0, "phone": 0.001, "id number": 0.1, "card number": 0.5}
_OF_OTHERS = {"email": 0.0, "phone": 0.5, "id number": 0.5, "card number": 0.5}
#: The same for digits alone, for names, and for texts that are nothing but a contact.
_LIKELY = 0.5
#: Digits that may stand beside a contact, as a remark: an extension.
_MOST_BESIDE = 3
#: Ten digits as Americans dial them: two in three of any ten digits look so, so nearly all must, of many.
_NEARLY_ALL, _MANY = 0.98, 40
#: Digits of numbers that carry a check digit: residents' (Korea, China) and cards'.
_CHECKED = (13, 15, 16, 18)
#: Numbers of phones lie far apart; ids are given one after another. Steps between neighbours, on average.
_APART = 50
#: What a text must have to hold a contact: seven digits near each other, or a sign of an address.
_MAY_HOLD = r"[@＠﹫]|%40|&#64;|(?i:[(\[] ?at ?[)\]])|(?:\p{Nd}[^\p{Nd}A-Za-z]{0,3}){7}"
#: An address in an id, which is looked for in every row.
_ADDRESS = r"[^\s@＠]([@＠﹫]|%40|&#64;| [@＠] )[^\s@＠]+[.．]\p{L}{2}"
_WORDS = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "id number": "resident registration numbers",
    "card number": "card numbers",
    "name": "names of persons",
}
_AS = {"email": ", as email", "phone": ", as phone", "name": ", as buyer"}
#: Words of a heading that says: a person's name; and those that say whose else.
_NAME_WORDS = frozenset(
    {"name", "fullname", "firstname", "lastname", "surname", "familyname", "givenname", "custname"}
    | {"customername", "buyername", "membername", "clientname", "vorname", "nachname", "nombre", "nom"}
    | {"이름", "성명", "성함", "고객명", "회원명", "구매자명", "주문자명", "수취인명", "수령인", "받는분"}
    | {"氏名", "名前", "姓名"}
)
_NOT_PERSONS = frozenset(
    {"user", "login", "nick", "screen", "company", "firm", "business", "organisation", "organization"}
    | {"store", "shop", "brand", "account", "product", "item", "회사", "상호", "업체", "매장", "닉네임"}
)


@ibis.udf.scalar.pyarrow  # type: ignore[untyped-decorator, unused-ignore]
def _crm_hidden(text: str) -> str:
    result: str = _each(text, bare=True)
    return result


@ibis.udf.scalar.pyarrow  # type: ignore[untyped-decorator, unused-ignore]
def _crm_hidden_written(text: str) -> str:
    result: str = _each(text, bare=False)
    return result


def _each(text: Any, *, bare: bool) -> Any:
    """DuckDB hands an Arrow array to a function whose types say text; Spark hands text to it."""
    if text is None or isinstance(text, str):
        return text and hidden(text, bare=bare)
    return pa.array([value and hidden(value, bare=bare) for value in text.to_pylist()], pa.string())


def masked(text: ir.StringValue, *, bare: bool = True) -> ir.StringValue:
    """Text in which contacts are hidden; see :func:`crm_utils.people.contact_forms.hidden`.

    Parameters
    ----------
    text
        What people wrote, or what was read of a row that is set aside.
    bare
        Whether digits alone are hidden too.

    Examples
    --------
    >>> import ibis
    >>> ibis.duckdb.connect().execute(masked(ibis.literal("Call 010-1234-5678 or write to kim@example.com!")))
    'Call [phone] or write to [email]!'
    """
    hide = _crm_hidden if bare else _crm_hidden_written
    # Most text has no such sign at all, which the engine sees quickly.
    may = (text.length() > 5).ifelse(text.re_search(_MAY_HOLD), False)
    return may.ifelse(hide(text), text)


def masked_columns(rows: ir.Table, *, free: tuple[str, ...] = ()) -> ir.Table:
    """The same rows with contacts hidden in all text that is no id.

    Parameters
    ----------
    rows
        Rows of a canonical table.
    free
        Columns in which people write what they like: there digits alone are hidden too.
    """
    texts = [name for name, kind in rows.schema().items() if kind.is_string() and not _is_id(name)]
    return rows.mutate(**{name: masked(rows[name], bare=name in free) for name in texts})


def contact_columns(rows: ir.Table) -> dict[str, str]:
    """Columns that people can be reached or known by, so that a study which maps one by mistake is refused.

    Parameters
    ----------
    rows
        A loaded table, its texts masked (see :func:`masked_columns`). Every row is looked at.

    Returns
    -------
    dict
        For each such column its kind: ``email``, ``phone``, ``id number``, ``card number`` or ``name``.

    Notes
    -----
    *An id of people* (``customer_id``): one e-mail address is enough, whatever stands around it. Phones in
    groups or with a country's +: one in a thousand of the different values; resident numbers one in ten, card
    numbers half. Digits alone that a phone could have, and values that look like names: half of them; digits
    that follow one another (1012345678, 1012345679) are ids. Ten digits as Americans dial: nearly all of 40
    or more.
    *Any other id*: one e-mail address; phones in groups, resident or card numbers with a right check digit:
    half. *All other text*: half of the values are nothing but a contact.

    Up to 10,000 different values are looked at, 2,000 of ids that are no people's, drawn from all rows;
    addresses are looked for in every row.

    Examples
    --------
    >>> import ibis, pandas as pd
    >>> table = pd.DataFrame({"customer_id": ["010-1234-5678"], "order_id": ["2024011500"]})
    >>> contact_columns(ibis.memtable(table))
    {'customer_id': 'phone'}
    """
    texts = [name for name, kind in rows.schema().items() if kind.is_string()]
    if not texts:
        return {}
    ids = [name for name in texts if _is_id(name)]
    counted = _counted(rows, texts, ids)
    kinds = {name: kind for name in texts if (kind := _whole(name, counted))}
    for name in ids:
        kind = "email" if counted[f"address {name}"] else _kind_of(rows, name, counted)
        if kind:
            kinds[name] = kind
    return kinds


def refuse_contacts(rows: ir.Table, table: str) -> None:
    """No contact enters a snapshot, not even where a study maps one.

    Raises
    ------
    DataError
        A column of the rows, which would become ``table``, holds such values (see :func:`contact_columns`).
    """
    for column, kind in contact_columns(rows).items():
        how = _AS.get(kind, "")
        raise DataError(
            f"{table}.{column} holds {_WORDS[kind]}, which no snapshot may. Name the column under 'person' "
            f"in the study{how}, or leave it out."
        )


def refuse_names(source: Mapping[str, Any]) -> None:
    """A column of persons' names is no customer_id, where its heading says what it holds.

    Parameters
    ----------
    source
        The study's ``source``.

    Raises
    ------
    StudyError
        A table maps such a column as an id of people.

    Examples
    --------
    >>> refuse_names({"tables": {"order_lines": {"columns": {"customer_id": "Company name"}}}})
    """
    tables = source.get("tables")
    for table, mapping in tables.items() if isinstance(tables, Mapping) else ():
        columns = mapping.get("columns") if isinstance(mapping, Mapping) else None
        if not isinstance(columns, Mapping):
            continue
        for name in PEOPLE:
            how = columns.get(name)
            heading = how.get("column") if isinstance(how, Mapping) else how
            if isinstance(heading, str) and _says_name(heading):
                raise StudyError(
                    f"{table}.{name} is the column '{heading}': by its heading it holds names of persons, "
                    f"which no snapshot may. Write person: {{buyer: {heading}}} instead of {name}; "
                    "two people of one name then count as one."
                )


def _says_name(heading: str) -> bool:
    words = heading.casefold().replace("_", " ").replace("-", " ").replace(".", " ")
    plain = words.replace(" ", "")
    if any(word in plain for word in _NOT_PERSONS):
        return False
    asian = (word for word in _NAME_WORDS if not word.isascii())
    return bool(_NAME_WORDS & {plain, *words.split()}) or any(word in plain for word in asian)


def _is_id(name: str) -> bool:
    return name.endswith("_id")


def _counted(rows: ir.Table, texts: list[str], ids: list[str]) -> dict[str, int]:
    """What one look at all rows tells of each column."""
    counts = {f"filled {name}": rows[name].count() for name in texts}
    for name in texts:
        if name in ids:
            value = rows[name]
            has_sign = value.contains("@") | value.contains("＠") | value.contains("﹫")
            has_sign |= value.contains("%40") | value.contains("&#64;")
            counts[f"address {name}"] = has_sign.ifelse(value.re_search(_ADDRESS), False).sum()
            counts[f"different {name}"] = value.approx_nunique()
        else:
            for kind in ("email", "phone", "id number", "card number"):
                counts[f"{kind} {name}"] = (rows[name] == f"[{kind}]").sum()
    row = rows.aggregate(**counts).to_pyarrow().to_pylist()[0]
    return {name: int(value or 0) for name, value in row.items()}


def _whole(name: str, counted: dict[str, int]) -> str:
    """Of a text that is masked: what half of its values were, and nothing else."""
    if _is_id(name) or name == "text":
        return ""
    for kind in ("email", "phone", "id number", "card number"):
        count = counted[f"{kind} {name}"]
        if count and count >= _LIKELY * counted[f"filled {name}"]:
            return kind
    return ""


def _kind_of(rows: ir.Table, name: str, counted: dict[str, int]) -> str:
    """What the different values of an id are, if they are a contact."""
    values, is_people = _different(rows, name, counted[f"different {name}"]), name in PEOPLE
    if not values:
        return ""
    worth = (v for v in values if may_hold(v) and (is_people or not v.isdecimal() or len(v) in _CHECKED))
    contacts = {value: list(_contacts_once(value, is_people)) for value in worth}
    sure = Counter(kind for value, matches in contacts.items() if (kind := _sure(value, matches, is_people)))
    for kind, at_least in (_OF_PEOPLE if is_people else _OF_OTHERS).items():
        if sure[kind] and sure[kind] >= at_least * len(values):
            return kind
    if is_people:
        if sum(map(is_name, values)) >= _LIKELY * len(values):
            return "name"
        return _of_digits(
            {v: matches for v, matches in contacts.items() if v.isdecimal() and matches}, len(values)
        )
    return ""


@functools.lru_cache(maxsize=100_000)
def _contacts_once(value: str, bare: bool) -> tuple[Contact, ...]:
    """The contacts of an id. One id stands in many tables, and looking takes most of a small load."""
    return tuple(contacts_in(value, bare=bare))


def _different(rows: ir.Table, name: str, about: int) -> list[str]:
    """Different values of a column: all, or a part that hangs on the values and not on where they stand."""
    value = rows[name]
    part = max(1, about // (_LOOKED_AT if name in PEOPLE else _LOOKED_AT_OTHERS))
    drawn = rows.filter(value.hash() % part == 0) if part > 1 else rows
    values = drawn.filter(drawn[name].notnull()).select(v=drawn[name].strip()).distinct()
    return sorted(values.to_pyarrow()["v"].to_pylist())


def _sure(value: str, contacts: list[Contact], is_people: bool) -> str:
    """The kind of a value that is a contact, with no more than a remark around it."""
    sure = [c for c in contacts if c.is_sure]
    if not sure:
        return ""
    kind, rest = sure[0].kind, value[: sure[0].start] + value[sure[0].end :]
    if sum(c.isdecimal() for c in rest) > _MOST_BESIDE:
        return ""  # a part of a longer code
    return "" if is_people and value.isdecimal() else kind  # what digits alone are shows in all of them


def _of_digits(contacts: dict[str, list[Contact]], values: int) -> str:
    """What digits alone are, of so many different values: most look so, and they lie far apart."""
    special = [value for value in contacts if not _is_american(value)]
    if len(special) < _LIKELY * values:
        if values < _MANY or len(contacts) < _NEARLY_ALL * values:
            return ""
        special = list(contacts)
    numbers = [int(value) for value in special]
    if len(numbers) > 1 and max(numbers) - min(numbers) < _APART * len(numbers):
        return ""
    return Counter(contacts[value][0].kind for value in special).most_common(1)[0][0]


def _is_american(digits: str) -> bool:
    return (len(digits) == 10 and digits[0] in "23456789") or (len(digits) == 11 and digits[0] == "1")
