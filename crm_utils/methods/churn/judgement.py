"""When will the customers held out show whether a contact works? Said before the list goes out."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Protocol

from crm_utils.features.statistics import Number, smallest_effect
from crm_utils.methods.churn.profit import Stakes

__all__ = ["Judgement", "when_judged"]


@dataclass(frozen=True)
class Judgement:
    """What a comparison with those held out could see, and when.

    Attributes
    ----------
    contacted, held_out
        Customers.
    lapse_rate
        Expected of those held out: as customers like them lapsed on the test days, else as forecast.
    smallest
        The smallest share kept that one list shows with 80 % power; missing where nobody is held out.
    assumed
        The share that the plan assumes.
    runs, decided_on
        Lists of this size, a horizon apart, that show the assumed share when pooled; and the day on which
        the last of them is over. None where that is never.
    """

    contacted: int
    held_out: int
    lapse_rate: float
    smallest: float | None
    assumed: float
    runs: int | None
    decided_on: dt.date | None

    def numbers(self) -> list[Number]:
        """As a run records them."""
        return [
            Number("contact.smallest_share_seen", self.smallest, "share"),
            Number("contact.decided_on", self.decided_on, "day"),
        ]


class Listed(Protocol):
    """A list: how many are on it, how many are held out of it, and the share of both expected to lapse."""

    @property
    def customers(self) -> int: ...
    @property
    def held_out(self) -> int: ...
    @property
    def lapse_rate(self) -> float: ...


def when_judged(
    listed: Listed, *, stakes: Stakes, as_of: dt.date, lapse_rate: float | None = None
) -> Judgement:
    """Say beforehand what could be detected, and from when.

    Parameters
    ----------
    listed
        Today's list.
    stakes
        What the plan counts with.
    as_of
        The day of the list.
    lapse_rate
        Of customers as risky on past days; forecasts may be too bold, and would promise too much.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> listed = SimpleNamespace(customers=181, held_out=51, lapse_rate=0.5)
    >>> stakes = Stakes(0.1, 0.3, 1, 0.1, 0.25, 28)
    >>> judged = when_judged(listed, stakes=stakes, as_of=dt.date(2024, 1, 1))
    >>> round(judged.smallest, 2), judged.runs
    (0.44, 20)
    """
    contacted, held_out = listed.customers, listed.held_out
    lapse_rate = listed.lapse_rate if lapse_rate is None else lapse_rate
    if min(contacted, held_out) < 1 or not 0 < lapse_rate < 1:
        return Judgement(contacted, held_out, lapse_rate, None, stakes.save_rate, None, None)
    # Two arms of different size find what two of their harmonic mean find.
    arm = 2 * contacted * held_out / (contacted + held_out)
    smallest = smallest_effect(arm, lapse_rate * (1 - lapse_rate)) / lapse_rate
    if stakes.save_rate <= 0:
        return Judgement(contacted, held_out, lapse_rate, smallest, 0.0, None, None)
    runs = max(1, math.ceil((smallest / stakes.save_rate) ** 2))
    days = runs * stakes.value_days
    day = as_of + dt.timedelta(days=days) if days < _FAR else None
    return Judgement(contacted, held_out, lapse_rate, smallest, stakes.save_rate, runs, day)


_FAR = 20 * 365
"""Days: what is decided later is not decided."""
