"""Which days does a forecast look back from? Cut-offs a horizon apart, and what each of them is for.

Rolling origin: at every day that is judged, a model learns from earlier cut-offs whose outcome was known by
then and is calibrated on the last of them (L. J. Tashman, "Out-of-sample tests of forecasting accuracy",
International Journal of Forecasting 16(4), 2000).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from crm_utils.errors import DataError, StudyError

__all__ = ["ROOM", "WINDOWS", "CutoffPlan", "known_cutoffs", "longest_horizon", "plan_cutoffs"]

WINDOWS = 3
"""Horizons that features look back over: the short window is one long, the middle two, the long three."""

_FEWEST = 4
"""Cut-offs with an outcome that it takes: to learn from, to calibrate on, to choose by, to test on."""

ROOM = WINDOWS + _FEWEST
"""Horizons of history that a forecast takes at least."""

_TESTS, _VALIDATIONS = 3, 2


@dataclass(frozen=True)
class CutoffPlan:
    """The days looked back from.

    Attributes
    ----------
    horizon_days
        How many days after a cut-off its outcome is watched; also the days from one cut-off to the next.
    labelled
        Cut-offs whose horizon is over, earliest first.
    validate, test
        The last of them: the model is chosen on ``validate`` and reported on ``test``, which comes after it.
    score_on
        The last day known, on which customers are scored.
    """

    horizon_days: int
    labelled: tuple[dt.date, ...]
    validate: tuple[dt.date, ...]
    test: tuple[dt.date, ...]
    score_on: dt.date

    @property
    def all(self) -> tuple[dt.date, ...]:
        """Every day for which a panel is needed."""
        return (*self.labelled, self.score_on)


def longest_horizon(history_starts: dt.date, as_of: dt.date) -> int:
    """The longest horizon, in days, that a history has room for.

    Examples
    --------
    >>> longest_horizon(dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    52
    """
    return ((as_of - history_starts).days + 1) // ROOM


def plan_cutoffs(history_starts: dt.date, as_of: dt.date, *, horizon_days: int) -> CutoffPlan:
    """Lay cut-offs a horizon apart, backwards from the last day known, and say what each is for.

    Parameters
    ----------
    history_starts
        The first day of the data: no cut-off has fewer than three horizons before it.
    as_of
        The last day known.
    horizon_days
        Days after a cut-off in which a purchase keeps a customer from lapsing.

    Returns
    -------
    CutoffPlan
        Up to three cut-offs to test on and up to two to choose by; the others are for learning alone.

    Raises
    ------
    StudyError
        The horizon is not at least a day.
    DataError
        The history is too short for it.

    Examples
    --------
    >>> plan = plan_cutoffs(dt.date(2024, 1, 1), dt.date(2024, 12, 31), horizon_days=28)
    >>> len(plan.labelled), [str(day) for day in plan.test]
    (10, ['2024-10-08', '2024-11-05', '2024-12-03'])
    """
    if horizon_days < 1:
        raise StudyError(f"horizon_days is {horizon_days}. A lapse needs at least one day to be seen in.")
    days = (as_of - history_starts).days + 1
    longest = longest_horizon(history_starts, as_of)
    if horizon_days > longest:
        raise DataError(
            f"{days} days of history ({history_starts} to {as_of}) are too few for a horizon of "
            f"{horizon_days} days: features look back over {WINDOWS} horizons, and {_FEWEST} more are needed "
            f"to learn, calibrate, choose and test. Set horizon_days to at most {longest}, or load more "
            "history."
        )
    count = days // horizon_days - WINDOWS
    step = dt.timedelta(days=horizon_days)
    labelled = tuple(as_of - step * k for k in range(count, 0, -1))
    tests = max(1, min(_TESTS, count // 3))
    validations = max(1, min(_VALIDATIONS, (count - tests) // 3))
    return CutoffPlan(
        horizon_days, labelled, labelled[-tests - validations : -tests], labelled[-tests:], as_of
    )


def known_cutoffs(labelled: tuple[dt.date, ...], day: dt.date, *, label_days: int) -> tuple[dt.date, ...]:
    """The cut-offs whose outcome of ``label_days`` was known at the end of ``day``, earliest first."""
    return tuple(c for c in labelled if c + dt.timedelta(days=label_days) <= day)
