"""Which days does a backfill look back from? A day, week, month, quarter or year apart."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from contextlib import suppress
from enum import StrEnum

from crm_utils.errors import StudyError

__all__ = ["Every", "days"]


class Every(StrEnum):
    """How far the days lie apart."""

    day = "day"
    week = "week"
    month = "month"
    quarter = "quarter"
    year = "year"


_MONTHS = {Every.month: 1, Every.quarter: 3, Every.year: 12}


def days(first: str, last: str, every: Every) -> list[str]:
    """The days from ``first`` up to ``last``.

    Months, quarters and years keep the day of the month; the last day of a month stays the last day.

    Raises
    ------
    StudyError
        A day is missing or malformed, or the last lies before the first.

    Examples
    --------
    >>> days("2017-09-30", "2017-12-31", Every.month)
    ['2017-09-30', '2017-10-31', '2017-11-30', '2017-12-31']
    >>> days("2017-01-15", "2017-03-14", Every.month)
    ['2017-01-15', '2017-02-15']
    >>> days("2017-12-01", "2017-12-20", Every.week)
    ['2017-12-01', '2017-12-08', '2017-12-15']
    >>> days("9999-11-30", "9999-12-31", Every.month)
    ['9999-11-30', '9999-12-31']
    """
    begin, end = _day("--from", first), _day("--to", last)
    if end < begin:
        raise StudyError(f"--to {end} lies before --from {begin}. Swap them.")
    found: list[str] = []
    with suppress(ValueError, OverflowError):  # the calendar ends with 9999
        for n in itertools.count():
            day = _after(begin, n, every)
            if day > end:
                break
            found.append(day.isoformat())
    return found


def _after(begin: dt.date, n: int, every: Every) -> dt.date:
    if every not in _MONTHS:
        return begin + dt.timedelta(days=n * (7 if every is Every.week else 1))
    years, month = divmod(begin.month - 1 + n * _MONTHS[every], 12)
    year, month = begin.year + years, month + 1
    length = calendar.monthrange(year, month)[1]
    stays_last = begin.day == calendar.monthrange(begin.year, begin.month)[1]
    return dt.date(year, month, length if stays_last else min(begin.day, length))


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text if len(text) == 10 else "")
    except ValueError:
        raise StudyError(
            f"{option} '{text}' is not a day; write both --from and --to as YYYY-MM-DD."
        ) from None
