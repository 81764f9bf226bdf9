"""Which days does a backfill look back from, and what when one of them fails? A day to a year apart."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from crm_utils.command.logs import Log
from crm_utils.errors import RunError, StudyError
from crm_utils.tools.lock import locked
from crm_utils.tools.signals import StoppedError

if TYPE_CHECKING:
    from crm_utils.runner.plan import Request

__all__ = ["Every", "days", "each_day"]


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
    dates: list[str] = []
    with suppress(ValueError, OverflowError):  # the calendar ends with 9999
        for n in itertools.count():
            day = _after(begin, n, every)
            if day > end:
                break
            dates.append(day.isoformat())
    return dates


def each_day(
    root: Path, request: Request, chosen: list[str], run: Callable[[Request], None], log: Log
) -> None:
    """A run a day. A failed notebook fails its day alone; whatever would fail every day ends it all.

    Parameters
    ----------
    root
        The project's folder.
    request
        What to run; each time with another ``as_of``.
    chosen
        The days, from :func:`days`.
    run
        Carries out one request.
    log
        Is told of each day that failed.

    Raises
    ------
    CrmError
        The data cannot answer for these days, the request is not valid, another run is at work, or a signal
        came.
    RunError
        Some days failed; the others are done.
    """
    from crm_utils.runner.plan import check_request, make_plan

    check_request(root, request)  # an unknown study makes no folder
    with locked(root / "reports" / request.study, request.study):  # data may be loaded
        for day in (chosen[0], chosen[-1]):  # days that the data cannot answer for are refused at once
            make_plan(root, replace(request, as_of=day))
    failed = []
    for day in chosen:
        try:
            run(replace(request, as_of=day))
        except StoppedError:
            raise
        except RunError as error:
            log.error(str(error), error.exit_code)
            failed.append(day)
    if failed:
        raise RunError(
            f"{len(failed)} of {len(chosen)} days failed: {', '.join(failed)}. The others are done; "
            "the same command with --resume repeats what failed."
        )


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
