"""From which past days is value forecast, and can these data answer at all? Rolling origins, a window apart.

At every origin a forecast sees what was known then, and is judged by the window after it (L. J. Tashman,
"Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16(4), 2000).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from crm_utils.errors import StudyError
from crm_utils.features import Cannot, ShopFacts

__all__ = ["FEWEST_REPEATS", "LEAST_DAYS", "OriginPlan", "cannot", "plan_origins"]

LEAST_DAYS = 14
"""A shorter window says more of the week's days than of customers."""
FEWEST_REPEATS = 20
"""Customers with a second purchase that it takes to learn how rates differ."""

_WINDOWS, _MOST = 4, 8
"""Windows of history that it takes: one to see, three to learn from, choose by and test on; and the most."""


@dataclass(frozen=True)
class OriginPlan:
    """The days looked back from.

    Attributes
    ----------
    horizon_days
        Days after an origin whose spend is forecast; also the days from one origin to the next.
    origins
        Past days whose window is over, earliest first. The first is there to learn from alone.
    validate, test
        Contenders are chosen on ``validate`` and reported on ``test``, which comes after it.
    score_on
        The last day known, from which customers are valued.
    """

    horizon_days: int
    origins: tuple[dt.date, ...]
    validate: tuple[dt.date, ...]
    test: tuple[dt.date, ...]
    score_on: dt.date

    @property
    def judged(self) -> tuple[dt.date, ...]:
        """Origins with a forecast of every contender."""
        return (*self.validate, *self.test)

    @property
    def all(self) -> tuple[dt.date, ...]:
        """Every day for which a panel is needed."""
        return (*self.origins, self.score_on)


def cannot(facts: ShopFacts, *, horizon_days: int = 91, **_: object) -> Cannot | None:
    """Why the value of these customers cannot be told; None where it can.

    Parameters
    ----------
    facts
        Of the shop.
    horizon_days
        The notebook's: days whose spend is forecast; a short history gets a shorter window instead. Its other
        parameters change nothing here.

    Raises
    ------
    StudyError
        The horizon is not at least a day.
    """
    if horizon_days < 1:
        raise StudyError(f"horizon_days is {horizon_days}. Spend needs at least one day to be seen in.")
    if not facts.customers:
        return Cannot("no_customers")
    if facts.no_money:
        return Cannot("no_money")
    numbers = {"customers": facts.customers, "repeat": facts.repeat_customers, "fewest": FEWEST_REPEATS}
    if not facts.repeat_customers:
        return Cannot("lifetime_value.nobody_twice", numbers)
    if facts.repeat_customers < FEWEST_REPEATS:
        return Cannot("lifetime_value.few_repeats", numbers)
    if facts.days < _WINDOWS * LEAST_DAYS:
        return Cannot("lifetime_value.short_history", {"days": facts.days, "needed": _WINDOWS * LEAST_DAYS})
    return None


def plan_origins(first_day: dt.date, as_of: dt.date, *, horizon_days: int) -> OriginPlan:
    """Lay origins a window apart, backwards from the last day known, and say what each is for.

    Parameters
    ----------
    first_day
        The first day of the data: every origin has at least a window before it.
    as_of
        The last day known.
    horizon_days
        The window wished for; where the history has no room for four of them, the longest that it has.

    Examples
    --------
    >>> plan = plan_origins(dt.date(2024, 1, 1), dt.date(2024, 12, 31), horizon_days=91)
    >>> plan.horizon_days, len(plan.origins), [str(day) for day in plan.test]
    (91, 3, ['2024-10-01'])
    """
    days = (as_of - first_day).days + 1
    horizon = max(min(horizon_days, days // _WINDOWS), 1)
    count = min(max(days // horizon - 1, 1), _MOST)
    step = dt.timedelta(days=horizon)
    origins = tuple(as_of - step * k for k in range(count, 0, -1))
    judged = origins[1:]
    tests = max(1, min(2, len(judged) // 2))
    return OriginPlan(horizon, origins, judged[:-tests][-3:], judged[-tests:], as_of)
