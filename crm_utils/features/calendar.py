"""Which days are not like others? Public holidays by country, and what a shop adds: its sales.

Dates come from the library ``holidays``, which knows the lunar ones too.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["LONG_DAYS", "Event", "countries", "public_holidays"]

LONG_DAYS = 2
"""Days from which a holiday that moves through the calendar makes its weeks unlike others."""
_SAME_DAY = 1  # day: a fixed date in a leap year


@dataclass(frozen=True)
class Event:
    """Days that belong together.

    Attributes
    ----------
    name
        The same in every year.
    first, last
        Its days.
    moves
        Whether it falls on another date each year, as 설날 does; a sale does too.
    sale
        Whether it is the shop's own.
    main
        The day that gives it its name, where that is not the one in the middle.
    """

    name: str
    first: dt.date
    last: dt.date
    moves: bool = True
    sale: bool = False
    main: dt.date | None = None

    @property
    def days(self) -> list[dt.date]:
        """Each of its days."""
        return [self.first + dt.timedelta(days=k) for k in range((self.last - self.first).days + 1)]

    @property
    def middle(self) -> dt.date:
        """The day that it is about, else the one in the middle (the later of two)."""
        return self.main or self.days[len(self.days) // 2]

    @property
    def is_special(self) -> bool:
        """Whether its weeks are judged by its own weeks of other years, and never with ordinary ones."""
        return self.sale or (self.moves and len(self.days) >= LONG_DAYS)


def countries() -> frozenset[str]:
    """Countries whose holidays are known, by their two letters (ISO 3166)."""
    import holidays

    return frozenset(holidays.list_supported_countries())


def public_holidays(country: str, *, first: dt.date, last: dt.date) -> list[Event]:
    """A country's public holidays, neighbouring days as one, named by the day that most of them are about.

    Parameters
    ----------
    country
        Its two letters.
    first, last
        Days between which they are wanted.

    Examples
    --------
    >>> for event in public_holidays("KR", first=dt.date(2024, 9, 1), last=dt.date(2024, 9, 30)):
    ...     print(event.name, event.first, event.last, event.moves)
    Chuseok 2024-09-16 2024-09-18 True
    """
    import holidays

    years = range(first.year - 1, last.year + 2)
    by_day = holidays.country_holidays(country, years=years, observed=False, language="en_US")
    days = sorted(by_day)
    runs: list[list[dt.date]] = []
    for day in days:
        if runs and day - runs[-1][-1] == dt.timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    named: dict[str, list[dt.date]] = {}
    for day in days:
        for name in by_day[day].split("; "):
            named.setdefault(name, []).append(day)
    events = []
    for run in runs:
        main = _main([by_day[day] for day in run])
        name = by_day[run[main]].split("; ")[0]
        if run[-1] >= first and run[0] <= last:
            events.append(Event(name, run[0], run[-1], moves=_moves(named[name]), main=run[main]))
    return events


def _main(names: list[str]) -> int:
    """The day that most of a run are named after: 추석 of its eve and morrow, whatever comes next."""
    after = [sum(name.split("; ")[0] in other for other in names) for name in names]
    middle = len(names) // 2
    return max(range(len(names)), key=lambda k: (after[k], -abs(k - middle)))


def _moves(days: list[dt.date]) -> bool:
    """Whether a holiday's days of different years lie on different dates."""
    of_year = [(day.replace(year=2000) - dt.date(2000, 1, 1)).days for day in days]
    return max(of_year) - min(of_year) > _SAME_DAY
