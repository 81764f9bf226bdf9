"""Can these data answer who is slipping? Facts and parameters, looked at before anything is computed.

``crm check`` and notebook 04 ask the same function with the same facts, so they agree.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from crm_utils.errors import StudyError
from crm_utils.features import Cannot, ShopFacts
from crm_utils.methods.churn.cutoffs import ROOM, CutoffPlan, longest_horizon, plan_cutoffs
from crm_utils.methods.churn.profit import Stakes

__all__ = ["FEWEST_BACK", "FEWEST_CUSTOMERS", "SHORTEST", "Planned", "cannot", "nobody_active", "plan_for"]

FEWEST_CUSTOMERS = 30
"""Known customers from which a pattern can be told from single people's habits."""

FEWEST_BACK = 5
"""Customers who came back from which there is anything to learn about coming back."""

SHORTEST = 7
"""Days: a horizon that is shorter sees weekdays, not customers who leave."""

_CLOSED = 7
"""Times the usual days from one order day to the next: a shop without an order for longer looks closed."""


def cannot(
    facts: ShopFacts,
    *,
    horizon_days: int = 28,
    active_days: int = 84,
    margin_share: float = 0.25,
    save_rate: float = 0.10,
    remind_rate: float = 0.05,
    take_rate: float = 0.30,
    offer_cost: float = 1.0,
    contact_cost: float = 0.10,
    budget: float = 0.0,
    holdout_share: float = 0.2,
    most_rows: int = 200_000,
    **_others: object,
) -> Cannot | None:
    """Say why these data cannot answer notebook 04's question; None where they can.

    Parameters
    ----------
    facts
        What the data hold as of the day.
    horizon_days, active_days, margin_share, save_rate, remind_rate, take_rate, offer_cost, contact_cost, \
budget, holdout_share, most_rows
        The notebook's parameters, by their names; the others decide nothing here.

    Raises
    ------
    StudyError
        A parameter makes no sense: a cost below 0, a share above 1.

    Examples
    --------
    >>> import datetime as dt
    >>> from decimal import Decimal
    >>> day = dt.date(2024, 12, 31)
    >>> facts = ShopFacts(lines=180, orders=180, returns=0, guest_orders=0, guest_revenue=Decimal(0),
    ...     customers=180, repeat_customers=0, larger_orders=0, products=1, prices=9, order_days=180,
    ...     first_day=dt.date(2024, 1, 1), last_day=day, as_of=day, revenue=Decimal(1800))
    >>> cannot(facts).code
    'churn.nobody_came_back'
    """
    Stakes(save_rate, take_rate, offer_cost, contact_cost, margin_share, max(horizon_days, 1), remind_rate)
    _check(horizon_days, active_days, budget, holdout_share, most_rows)
    if facts.customers == 0:
        return Cannot("no_customers")
    if facts.repeat_customers == 0:
        return Cannot("churn.nobody_came_back", {"customers": facts.customers})
    if facts.customers < FEWEST_CUSTOMERS:
        return Cannot("churn.few_customers", {"customers": facts.customers, "needed": FEWEST_CUSTOMERS})
    if facts.repeat_customers < FEWEST_BACK:
        numbers = {"back": facts.repeat_customers, "customers": facts.customers, "needed": FEWEST_BACK}
        return Cannot("churn.few_came_back", numbers)
    shortest = min(horizon_days, SHORTEST)
    if facts.days < ROOM * shortest:
        return Cannot("churn.short_history", {"days": facts.days, "needed": ROOM * shortest})
    plan = plan_for(facts, horizon_days=horizon_days)
    if _closed(facts, plan.horizon_days):
        return Cannot("churn.closed", {"days": facts.silent_days, "last_day": facts.last_day})
    if facts.customer_days is not None:
        return _nobody(plan, {day for day in plan.all if _is_active(facts.customer_days, day, active_days)})
    return None


def _is_active(bought: Sequence[dt.date], day: dt.date, active_days: int) -> bool:
    """Whether any known customer bought in the last ``active_days`` up to a day."""
    before = bisect.bisect_right(bought, day)
    return before > 0 and (day - bought[before - 1]).days < active_days


def nobody_active(panel: pd.DataFrame, plan: CutoffPlan) -> Cannot | None:
    """Say that there is nobody to score today, or nobody to learn from and to judge by; None where there is.

    The facts foresee it, unless so many customers are known that the panel is a sample.
    """
    return _nobody(plan, set(panel["cutoff"]))


def _nobody(plan: CutoffPlan, there: set[dt.date]) -> Cannot | None:
    if plan.score_on in there and there & set(plan.validate) and there & set(plan.test):
        return None
    return Cannot("churn.nobody_active", {"day": plan.score_on})


def plan_for(facts: ShopFacts, *, horizon_days: int) -> Planned:
    """Lay the cut-offs into the history there is, with a shorter horizon where it has no room for this."""
    assert facts.first_day is not None
    horizon = min(horizon_days, max(longest_horizon(facts.first_day, facts.as_of), 1))
    plan = plan_cutoffs(facts.first_day, facts.as_of, horizon_days=horizon)
    return Planned(**vars(plan), asked_days=horizon_days)


@dataclass(frozen=True)
class Planned(CutoffPlan):
    """Cut-offs for a shop, and the horizon that was asked for.

    Attributes
    ----------
    asked_days
        The notebook's ``horizon_days``; more than ``horizon_days`` where the data are too short for it.
    """

    asked_days: int

    @property
    def shortened(self) -> bool:
        """Whether the horizon is shorter than asked for."""
        return self.horizon_days < self.asked_days


def _closed(facts: ShopFacts, horizon_days: int) -> bool:
    """Nobody ordered for a horizon, or for half of one in a shop that has orders far more often than that."""
    usual = (facts.days - facts.silent_days) / max(facts.order_days, 1)
    silent = facts.silent_days
    return silent >= horizon_days or (2 * silent >= horizon_days and silent > _CLOSED * usual)


def _check(horizon: int, active: int, budget: float, holdout: float, most_rows: int) -> None:
    for name, whole in (("horizon_days", horizon), ("active_days", active), ("most_rows", most_rows)):
        if whole < 1:
            raise StudyError(f"{name} is {whole}. Give at least 1.")
    if budget < 0:
        raise StudyError(f"budget is {budget}. Give an amount of money, or 0 for no limit.")
    if not 0 <= holdout < 1:
        raise StudyError(f"holdout_share is {holdout}. It is a share: from 0 to below 1.")
