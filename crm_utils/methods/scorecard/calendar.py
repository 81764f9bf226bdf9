"""With which week of last year may a week be compared? The one with the same events, not the same date.

설날 and 추석 move by up to a month, and so do a shop's sales: the same date of last year is then another
week.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crm_utils.features.calendar import Event

__all__ = ["Marks", "aligned", "last_year_of", "marks_of"]

YEAR = dt.timedelta(days=364)
"""52 weeks: the same weekdays, a day or two from the same date."""
_NEAR_WEEKS, _FAR_WEEKS = 2, 5  # weeks around the same date: of ordinary weeks; of events, which move so far
_WEEK = dt.timedelta(days=7)


@dataclass(frozen=True)
class Marks:
    """What sets weeks apart.

    Attributes
    ----------
    days
        By week (its Monday): how many days of each event that moves. The week before a long one has a mark
        of its own: presents are bought then.
    special
        By week: the events whose weeks are never ordinary ones.
    holidays
        By week: the names of all events in it, to be told beside an alarm.
    """

    days: Mapping[dt.date, Counter[tuple[str, str]]] = field(default_factory=dict)
    special: Mapping[dt.date, tuple[str, ...]] = field(default_factory=dict)
    holidays: Mapping[dt.date, tuple[str, ...]] = field(default_factory=dict)

    def is_special(self, week: dt.date) -> bool:
        """Whether a week holds, or leads to, an event whose weeks are unlike others."""
        return bool(self.special.get(week))


def marks_of(events: Iterable[Event]) -> Marks:
    """Mark the weeks in which events fall."""
    days: dict[dt.date, Counter[tuple[str, str]]] = {}
    special: dict[dt.date, list[str]] = {}
    holidays: dict[dt.date, list[str]] = {}
    for event in events:
        for day in event.days:
            week = _monday(day)
            _add(holidays, week, event.name)
            if event.is_special:
                _add(special, week, event.name)
            if event.moves:
                days.setdefault(week, Counter())[event.name, "in"] += 1
        if event.is_special and not event.sale:
            before = _monday(event.middle) - _WEEK
            days.setdefault(before, Counter())[event.name, "before"] += 1
            _add(special, before, event.name)
    return Marks(days, {k: tuple(v) for k, v in special.items()}, {k: tuple(v) for k, v in holidays.items()})


def aligned(week: dt.date, known: Collection[dt.date], marks: Marks) -> dt.date | None:
    """The week of the year before that a week may be compared with; None where there is none.

    Parameters
    ----------
    week
        Its Monday.
    known
        Mondays of the weeks that are known.
    marks
        From :func:`marks_of`.

    Notes
    -----
    Among the weeks around the same date: the one that shares most days of the same events, then the one with
    fewest days of others, then the nearest. A week of 설날 has no other to be compared with than the week
    of 설날. A week whose own date is not known a year before has none either, unless an event is shared: the
    first week of January is no last year's Christmas.

    Examples
    --------
    >>> monday = dt.date(2025, 3, 31)
    >>> aligned(monday, [dt.date(2024, 4, 1)], Marks())
    datetime.date(2024, 4, 1)
    """
    here: Counter[tuple[str, str]] = marks.days.get(week, Counter())
    special = marks.is_special(week)
    reach = _FAR_WEEKS if here else _NEAR_WEEKS
    near = [week - YEAR + k * _WEEK for k in range(-reach, reach + 1)]
    best = min((w for w in near if w in known), key=lambda w: _unlike(w, week, here, marks), default=None)
    if best is None:
        return None
    there = marks.days.get(best, Counter())
    # At the beginning of the data a neighbour would stand in for a week that nobody knows.
    if not (here & there) and (special or week - YEAR not in known):
        return None
    return best if special or not marks.is_special(best) else None


def _unlike(
    week: dt.date, now: dt.date, here: Counter[tuple[str, str]], marks: Marks
) -> tuple[int, int, int, int]:
    there: Counter[tuple[str, str]] = marks.days.get(week, Counter())
    away = (week - (now - YEAR)).days
    return -(here & there).total(), (there - here).total(), abs(away), away


def last_year_of(weeks: Sequence[dt.date], marks: Marks) -> list[dt.date | None]:
    """For each week, the one of the year before to compare it with."""
    known = set(weeks)
    return [aligned(week, known, marks) for week in weeks]


def _monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def _add(names: dict[dt.date, list[str]], week: dt.date, name: str) -> None:
    listed = names.setdefault(week, [])
    if name not in listed:
        listed.append(name)
