"""What in data reaches a person? E-mail addresses and phone numbers, in columns and in free text.

A study names such columns under ``person``; here is what stops one that it maps by mistake, and what hides
them where people write what they like.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

from crm_utils.errors import DataError
from crm_utils.privacy import EMAIL

__all__ = ["contact_columns", "masked", "refuse_contacts"]

#: Rows in which a column is judged.
_LOOKED_AT = 100_000
#: A phone number in free text: at least nine digits, from + or 0, in groups or in one; no decimal places.
_PHONE_IN_TEXT = r"(^|[^0-9.,])(?:\+|00?)[1-9](?:[ .()/-]{0,2}[0-9]){7,13}"
#: As Americans write it: (415) 555-1000, 415-555-1000, 1-800-555-1000.
_AMERICAN = r"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}"
#: A value that is a phone number and nothing else: +82 …, 010…, or in groups (02-123-4567).
_PHONE_ALONE = (
    r"^(\+[1-9]([ .()/-]{0,2}[0-9]){7,14}|01[016789][ .-]?[0-9]{3,4}[ .-]?[0-9]{4}"
    rf"|0[0-9]{{1,4}}[ /-][0-9]{{3,4}}[ -][0-9]{{4}}|{_AMERICAN})$"
)
#: From which share of a column's values on it is one of e-mails, or of phones.
_FROM = {"email": 0.01, "phone": 0.5}


def contact_columns(table: ir.Table) -> dict[str, str]:
    """Columns that people can be reached by, so that a study which maps one by mistake is refused.

    Parameters
    ----------
    table
        Any Ibis table; its first 100,000 rows are looked at.

    Returns
    -------
    dict
        For each text column with such values: ``email``, where one in a hundred is one, which is no accident,
        or ``phone``, where at least half are. A phone number is told by its + or by its groups, or as a
        Korean mobile number: ids have digits alone.

    Examples
    --------
    >>> import ibis, pandas as pd
    >>> rows = pd.DataFrame({"id": ["a@example.com"], "tel": ["010-1234-5678"], "no": ["0212345678"]})
    >>> contact_columns(ibis.memtable(rows))
    {'id': 'email', 'tel': 'phone'}
    """
    texts = [name for name, kind in table.schema().items() if kind.is_string()]
    if not texts:
        return {}
    rows = table.select(*texts).limit(_LOOKED_AT)
    # Most columns have no such sign at all, which is quickly seen.
    tests: dict[str, Callable[[ir.StringColumn], ir.BooleanValue]] = {
        "email": lambda text: text.contains("@") & text.re_search(f"^{EMAIL}$"),
        "phone": lambda text: text.re_search(_PHONE_ALONE),
    }
    counts = rows.aggregate(
        **{f"filled {name}": rows[name].count() for name in texts},
        **{f"{kind} {name}": test(rows[name]).sum() for kind, test in tests.items() for name in texts},
    )
    found = counts.to_pyarrow().to_pylist()[0]
    return {
        name: kind
        for name in texts
        for kind in tests
        if found[f"{kind} {name}"] and found[f"{kind} {name}"] >= _FROM[kind] * found[f"filled {name}"]
    }


def refuse_contacts(rows: ir.Table, table: str) -> None:
    """No e-mail address and no phone number enters a snapshot, not even where a study maps one.

    Raises
    ------
    DataError
        A column of the rows, which would become ``table``, holds such values (see :func:`contact_columns`).
    """
    for column, kind in contact_columns(rows).items():
        what = {"email": "e-mail addresses", "phone": "phone numbers"}[kind]
        raise DataError(
            f"{table}.{column} holds {what}, which no snapshot may. Name the column under 'person' in the "
            f"study, as {kind}, or leave it out."
        )


def masked(text: ir.StringValue) -> ir.StringValue:
    """Text in which e-mail addresses and phone numbers are hidden: for free text, and rows set aside.

    Names cannot be told from other words: leave a column that holds them out.

    Examples
    --------
    >>> import ibis
    >>> ibis.duckdb.connect().execute(masked(ibis.literal("Call 010-1234-5678 or write to kim@example.com!")))
    'Call [phone] or write to [email]!'
    """
    without = text.re_replace(EMAIL, "[email]").re_replace(_PHONE_IN_TEXT, r"\1[phone]")
    return without.re_replace(rf"(^|[^0-9]){_AMERICAN}($|[^0-9])", r"\1[phone]\2")
