"""How are numbers written for people? One way for counts, money, shares, days, intervals and tables.

Sentences and tables in notebooks are built with these, so that a number reads the same on every page.
Everything returned is plain text, apart from :func:`table`, which returns escaped HTML for display.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

__all__ = ["Table", "count", "days", "interval", "money", "number", "share", "table"]

Number = int | float | Decimal
_SYMBOLS = {"USD": "$", "GBP": "£", "EUR": "€", "KRW": "₩", "JPY": "¥"}
_NO_MINOR_UNIT = {"KRW", "JPY"}


def _missing(value: Number | None) -> bool:
    return bool(pd.isna(value))  # type: ignore[arg-type] # the stubs know neither Decimal nor NA here


def count(value: Number | None) -> str:
    """A whole number with thousands separated: ``12,345``.

    Examples
    --------
    >>> count(1469307)
    '1,469,307'
    """
    return "–" if value is None or _missing(value) else f"{value:,.0f}"


def number(value: Number | None, digits: int = 2) -> str:
    """A number with a fixed count of decimals: ``1,234.50``."""
    return "–" if _missing(value) else f"{value:,.{digits}f}"


def money(value: Number | None, currency: str = "USD") -> str:
    """An amount in a currency: cents below 100, whole units above (whole units always for KRW, JPY).

    Examples
    --------
    >>> money(4596039.58), money(12.5), money(-3), money(12500, "KRW")
    ('$4,596,040', '$12.50', '-$3.00', '₩12,500')
    """
    if value is None or _missing(value):
        return "–"
    digits = 2 if -100 < value < 100 and currency not in _NO_MINOR_UNIT else 0
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    return f"{'-' if value < 0 else ''}{symbol}{abs(value):,.{digits}f}"


def share(value: Number | None, digits: int = 0) -> str:
    """A share between 0 and 1 as a percentage: ``32 %``; never rounds a rare thing to "0 %".

    Examples
    --------
    >>> share(0.3244), share(0.3244, 1), share(0.001), share(0.0)
    ('32 %', '32.4 %', '<1 %', '0 %')
    """
    if value is None or _missing(value):
        return "–"
    smallest = math.pow(10, -digits) / 100
    value = float(value)
    if 0 < value < smallest:
        return f"<{smallest:.{digits}%}".replace("%", " %")
    if 1 - smallest < value < 1:
        return f">{1 - smallest:.{digits}%}".replace("%", " %")
    return f"{value:.{digits}%}".replace("%", " %")


def days(value: Number | None) -> str:
    """A span of days: ``1 day``, ``17 days``."""
    if value is None or _missing(value):
        return "–"
    whole = f"{value:,.0f}"
    return f"{whole} day" if whole == "1" else f"{whole} days"


def interval(
    value: Number | None, low: Number | None, high: Number | None, how: Callable[[Number | None], str]
) -> str:
    """An estimate with its interval, both written by ``how``: ``61 % (58 % to 64 %)``.

    Examples
    --------
    >>> interval(0.61, 0.58, 0.64, share)
    '61 % (58 % to 64 %)'
    """
    return f"{how(value)} ({how(low)} to {how(high)})"


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
        For each column, the function that writes its values (:func:`count`, :func:`share`, …). Integers
        default to :func:`count`, floats to :func:`number`.
    names
        Column headings for people, with units: ``{"recency_days": "Recency, days"}``.

    Returns
    -------
    Table
        Displayed by Jupyter; safe to put in a page.
    """
    formats, names = dict(formats or {}), dict(names or {})
    columns = list(frame.columns)
    how = {c: formats.get(c) or _default_format(frame[c].dtype) for c in columns}
    text = pd.DataFrame({c: [how[c](v) for v in frame[c]] for c in columns}, index=frame.index)
    right = [' class="number"' if how[c] is not _plain else "" for c in columns]
    head = "".join(
        f'<th scope="col"{mark}>{html.escape(names.get(c, str(c).replace("_", " ")))}</th>'
        for c, mark in zip(columns, right, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{mark}>{html.escape(v)}</td>" for v, mark in zip(row, right, strict=True))
        + "</tr>"
        for row in text.itertuples(index=False)
    )
    markup = (
        f'<table class="shown"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    return Table(markup, f"{caption}\n{text.to_string(index=False)}")


def _default_format(dtype: Any) -> Callable[..., str]:
    if pd.api.types.is_bool_dtype(dtype) or not pd.api.types.is_numeric_dtype(dtype):
        return _plain
    return count if pd.api.types.is_integer_dtype(dtype) else number


def _plain(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA or value is pd.NaT:
        return "–"
    return str(value)
