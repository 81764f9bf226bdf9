"""How are numbers written for people? One way for counts, money, shares, days, intervals and tables.

Sentences and tables in notebooks are built with these, so that a number reads the same on every page: a
true minus sign (U+2212) and never before a zero, a space that does not break before ``%``, ``–`` for what
is missing, ``∞`` for what is not finite. Everything returned is plain text, apart from :func:`table`,
which returns escaped HTML for display.
"""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd

from crm_utils.errors import known_names
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "NO_FORMULA",
    "Table",
    "alike",
    "calendar_day",
    "calendar_days",
    "count",
    "days",
    "few",
    "interval",
    "money",
    "money_in",
    "number",
    "points",
    "share",
    "table",
]

#: A class that keeps JupyterLab's MathJax away: two amounts in dollars are no formula.
NO_FORMULA = "mathjax_ignore"
Number = int | float | Decimal
MINUS, MISSING, SPACE = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NO-BREAK SPACE}"
_SYMBOLS = {"USD": "$", "GBP": "£", "EUR": "€", "KRW": "₩", "JPY": "¥"}
_MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip
#: Currencies of ISO 4217 that have no smaller unit in use.
_NO_MINOR_UNIT = {
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
}


def count(value: Number | None) -> str:
    """A whole number with thousands separated: ``12,345``.

    Examples
    --------
    >>> count(1469307), count(-0.2), count(None)
    ('1,469,307', '0', '–')
    """
    return number(value, 0)


def few(value: int) -> str:
    """A count of customers for a page, where 1 to 4 are not told apart.

    Examples
    --------
    >>> few(0), few(3), few(1200)
    ('0', 'fewer than 5', '1,200')
    """
    return count(value) if value == 0 or value >= 5 else _("fewer than 5")


def number(value: Number | None, digits: int = 2) -> str:
    """A number with a fixed count of decimals: ``1,234.50``."""
    return MISSING if value is None or _missing(value) else _write(value, digits)


def money(value: Number | None, currency: str = "USD", *, digits: int | None = None) -> str:
    """An amount in a currency: cents below 100, whole units from there (always for KRW, JPY, …).

    Amounts that stand together need one number of decimals: use :func:`money_in` for them.

    Examples
    --------
    >>> money(4596039.58), money(12.5), money(-3), money(12500, "KRW")
    ('$4,596,040', '$12.50', '−$3.00', '₩12,500')
    """
    if value is None or _missing(value):
        return MISSING
    symbol = _SYMBOLS.get(currency, f"{currency}{SPACE}")
    return _write(value, _cents([value], currency) if digits is None else digits, before=symbol)


def money_in(currency: str) -> Callable[[Number | None], str]:
    """A way to write money, for :func:`interval`, for ``formats`` of :func:`table`, for :func:`alike`.

    They write all amounts of a column, or all three of an interval, with the decimals that suit the largest;
    a ``lambda v: money(v, "KRW")`` would choose for each amount alone.

    Examples
    --------
    >>> interval(104, 98.4, 110.2, money_in("USD"))
    '$104 ($98 to $110)'
    """
    return partial(money, currency=currency)


def alike(how: Callable[..., str], values: Iterable[Number]) -> Callable[..., str]:
    """``how``, with one number of decimals for all these values where it writes money; for an axis' ticks."""
    written_by, given = (how.func, how.keywords) if isinstance(how, partial) else (how, {})
    if written_by is not money or given.get("digits") is not None:
        return how
    return partial(how, digits=_cents(values, given.get("currency", "USD")))


def share(value: Number | None, digits: int = 0) -> str:
    r"""A share between 0 and 1 as a percentage: ``32 %``; never rounds a rare thing to "0 %".

    A change may be negative: its sign comes first, then its size, so that a small loss is ``−<1 %``.

    Examples
    --------
    >>> share(0.3244), share(0.001), share(0.999), share(-0.05), share(-0.001)
    ('32\xa0%', '<1\xa0%', '>99\xa0%', '−5\xa0%', '−<1\xa0%')
    """
    if value is None or _missing(value):
        return MISSING
    size, smallest = abs(float(value)), math.pow(10, -digits) / 100
    bound = "<" if 0 < size < smallest else ">" if 1 - smallest < size < 1 else ""
    shown = {"<": smallest, ">": 1 - smallest}.get(bound, size)
    return _write(math.copysign(100 * shown, value), digits, before=bound, after=f"{SPACE}%")


def points(value: Number | None, digits: int = 1) -> str:
    """A difference of two shares in percentage points: from 20 % to 25 % is ``5.0 pp``, a rise by a quarter.

    Examples
    --------
    >>> points(0.0123), points(-0.05, 0)
    ('1.2 pp', '−5 pp')
    """
    if value is None or _missing(value):
        return MISSING
    return _("{points} pp").format(points=number(100 * value, digits))


def days(value: Number | None) -> str:
    """A span of days: ``1 day``, ``17 days``."""
    if value is None or _missing(value):
        return MISSING
    return ngettext("{days} day", "{days} days", float(value)).format(days=count(value))


def calendar_day(value: object) -> str:
    """A day inside a sentence, ``31 December 2017``; tables keep ``2017-12-31``, which sorts.

    A text may hold an instant, which keeps its time. What is no day stays as it is; a missing one is ``–``.

    Examples
    --------
    >>> calendar_day(dt.date(2017, 12, 31)), calendar_day("2017-12-31T09:30"), calendar_day("soon")
    ('31 December 2017', '31 December 2017, 09:30', 'soon')
    """
    try:
        given = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    if not isinstance(given, dt.date) or pd.isna(given):
        return MISSING if given is None or given is pd.NaT else str(value)
    timed = isinstance(value, str) and "T" in value and isinstance(given, dt.datetime)
    template = _("{day} {month} {year}, {time}") if timed else _("{day} {month} {year}")
    month = _(_MONTHS[given.month - 1])
    return template.format(day=given.day, month=month, year=given.year, time=f"{given:%H:%M}")


def calendar_days(values: Iterable[object]) -> str:
    """Several days inside a sentence: ``2 July 2025, 1 October 2025 and 5 November 2025``.

    Examples
    --------
    >>> calendar_days([dt.date(2025, 7, 2), dt.date(2025, 10, 1)])
    '2 July 2025 and 1 October 2025'
    """
    texts = [calendar_day(value) for value in values]
    if len(texts) < 2:
        return "".join(texts) or MISSING
    return _("{some} and {last}").format(some=", ".join(texts[:-1]), last=texts[-1])


def interval(
    value: Number | None, low: Number | None, high: Number | None, how: Callable[[Number | None], str]
) -> str:
    r"""An estimate with its interval, written by ``how``; without its interval where an end is missing.

    Examples
    --------
    >>> interval(0.61, 0.58, 0.64, share)
    '61\xa0% (58\xa0% to 64\xa0%)'

    Ends that differ are written so that they do: a narrow share gets one decimal more.

    >>> interval(0.041, 0.038, 0.043, share)
    '4.1\xa0% (3.8\xa0% to 4.3\xa0%)'
    """
    if low is None or high is None or _missing(low) or _missing(high):
        return how(value)
    if how is share and low != high and share(low) == share(high):
        how = partial(share, digits=1)
    how = alike(how, [v for v in (value, low, high) if v is not None and not _missing(v)])
    return _("{value} ({low} to {high})").format(value=how(value), low=how(low), high=how(high))


class Table:
    """A small table as escaped HTML, and as text where there is no browser."""

    def __init__(self, markup: str, text: str) -> None:
        self._markup, self._text = markup, text

    def _repr_html_(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return self._text


def table(
    frame: pd.DataFrame,
    *,
    caption: str,
    formats: Mapping[str, Callable[..., str]] | None = None,
    names: Mapping[str, str] | None = None,
) -> Table:
    """Show a small table: caption, numbers to the right, every value escaped.

    Parameters
    ----------
    frame
        What to show; groups, never customers. The index is not shown: reset it first.
    caption
        One line that says what the table holds, with units.
    formats
        For each column, what writes its values (:func:`count`, :func:`share`, ``money_in("USD")``, …);
        missing values never reach it. Whole numbers default to :func:`count`, other numbers to
        :func:`number`, days and times to ``2017-12-31``, with the time when one is not midnight. ``str``
        is for numbers that are names, such as years: no thousands, to the left.
    names
        Column headings for people, with units: ``{"recency_days": "Recency, days"}``.

    Returns
    -------
    Table
        Displayed by Jupyter; safe to put in a page. Without rows it says "none".

    Raises
    ------
    ValueError
        ``formats`` or ``names`` speak of a column that is not there.

    Notes
    -----
    Pandas turns whole numbers with gaps into floats: a float column that has gaps and nothing but whole
    numbers counts as whole. One without gaps keeps its decimals, because a mean may well be 2.00.
    """
    formats, names = dict(formats or {}), dict(names or {})
    for name in [*formats, *names]:
        if name not in frame.columns:
            raise ValueError(f"The table has no column '{name}'. {known_names(name, frame.columns)}")
    heads = [names.get(name, str(name).replace("_", " ")) for name in frame.columns]
    # By place, because two columns may have one name.
    columns = [_column(frame.iloc[:, i], formats.get(name)) for i, name in enumerate(frame.columns)]
    # JupyterLab puts every cell on the right; a page has a style of its own and drops this one.
    marks = [' class="number"' if is_number else ' style="text-align: left"' for cells, is_number in columns]
    rows = list(zip(*(cells for cells, is_number in columns), strict=True))
    head = "".join(f'<th scope="col"{m}>{html.escape(h)}</th>' for h, m in zip(heads, marks, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{m}>{html.escape(v)}</td>" for v, m in zip(row, marks, strict=True)) + "</tr>"
        for row in rows
    )
    body = body or f'<tr><td colspan="{len(heads) or 1}">{html.escape(_("none"))}</td></tr>'
    markup = (
        f'<table class="shown {NO_FORMULA}"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    text = pd.DataFrame(rows, columns=heads).to_string(index=False) if rows else _("none")
    return Table(markup, f"{caption}\n{text}")


def _column(column: pd.Series[Any], how: Callable[..., str] | None) -> tuple[list[str], bool]:
    """A column's cells as text, and whether they are numbers to stand on the right."""
    known = column.notna()
    kind, values = pd.api.types.infer_dtype(column[known]), column[known].tolist()
    if kind == "floating" and not known.all() and all(float(value).is_integer() for value in values):
        kind, values = "integer", [int(value) for value in values]
    write = alike(how or _default(kind, values), values)
    texts = iter([write(value) for value in values])
    return [next(texts) if there else MISSING for there in known], kind in _NUMBERS and write is not str


_NUMBERS = {"integer": count, "floating": number, "decimal": number, "mixed-integer-float": number}


def _default(kind: str, values: list[Any]) -> Callable[..., str]:
    if kind.startswith("datetime") and all(value.time() == dt.time.min for value in values):
        return lambda value: str(value.date())
    return _NUMBERS.get(kind, str)


def _cents(values: Iterable[Number], currency: str) -> int:
    # Rounded first: 99.999 is written as 100, so it is 100 here too.
    large = any(Decimal(f"{abs(value):.2f}") >= 100 for value in values)
    return 0 if large or currency in _NO_MINOR_UNIT else 2


def _missing(value: Number | None) -> bool:
    return bool(pd.isna(value))  # type: ignore[arg-type] # the stubs know neither Decimal nor NA here


def _write(value: Number, digits: int, *, before: str = "", after: str = "") -> str:
    """The minus stands first, and only before something other than zero."""
    size = "∞" if math.isinf(value) else f"{abs(value):,.{digits}f}"
    return f"{MINUS if value < 0 and size.strip('0.,') else ''}{before}{size}{after}"
