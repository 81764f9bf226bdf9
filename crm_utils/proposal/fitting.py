"""Do a study's costs and horizon still fit its orders? They were computed for a mapping, which may change."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import pyarrow as pa

from crm_utils.proposal.parameters import CONTACT_SHARE, OFFER_SHARE, days_to_next, rounded
from crm_utils.proposal.table import Order
from crm_utils.wording import money, share

__all__ = ["no_longer_fit"]

#: Of a usual order: an offer that costs more, or less, was written for other amounts; so with a contact.
_MOST_OFFER, _LEAST_OFFER, _MOST_CONTACT = 0.5, 0.001, 0.1
#: A horizon so many times shorter or longer than the shop's rhythm was written for other orders.
_TIMES = 3


def no_longer_fit(orders: pa.Table | None, parameters: Mapping[str, Any], *, currency: str) -> list[str]:
    """What to look at, a sentence each.

    Parameters
    ----------
    orders
        customer_id, day and amount of the orders that would load; None where none would.
    parameters
        Of notebook 04: what the study says, and the notebook's own where it says nothing.
    currency
        The shop's.

    Examples
    --------
    >>> import datetime as dt
    >>> orders = pa.table({"customer_id": ["a"], "day": [dt.date(2024, 1, 1)], "amount": [20.0]})
    >>> (sentence,) = no_longer_fit(orders, {"offer_cost": 50.0}, currency="EUR")
    >>> sentence.replace("\N{NO-BREAK SPACE}", " ")
    'notebooks: churn: offer_cost 50.0 is 250 % of a usual order (€20.00). About a twentieth would be 1.'
    """
    if orders is None or not parameters:
        return []
    paid = [amount for amount in orders["amount"].to_pylist() if amount and amount > 0]
    usual = median(paid) if paid else 0.0
    return [*_costs(usual, parameters, currency), *_horizon(orders, parameters)] if usual else []


def _costs(usual: float, parameters: Mapping[str, Any], currency: str) -> list[str]:
    limits = {
        "offer_cost": (_LEAST_OFFER, _MOST_OFFER, OFFER_SHARE, "About a twentieth"),
        "contact_cost": (0.0, _MOST_CONTACT, OFFER_SHARE * CONTACT_SHARE, "A hundredth of an offer"),
    }
    said = []
    for name, (least, most, part, words) in limits.items():
        cost = parameters.get(name)
        if not isinstance(cost, (int, float)) or least * usual <= cost <= most * usual or cost == 0:
            continue
        said.append(
            f"notebooks: churn: {name} {cost} is {share(cost / usual)} of a usual order "
            f"({money(usual, currency)}). {words} would be {rounded(usual * part)}."
        )
    return said


def _horizon(orders: pa.Table, parameters: Mapping[str, Any]) -> list[str]:
    horizon = parameters.get("horizon_days")
    rows = zip(*(orders[name].to_pylist() for name in ("customer_id", "day", "amount")), strict=True)
    days = days_to_next([Order(customer or "", day, amount) for customer, day, amount in rows])
    if days is None or not isinstance(horizon, int) or horizon < 1:
        return []
    from crm_utils.methods.churn import longest_horizon  # takes its time: only where it is asked

    known = [day for day in orders["day"].to_pylist() if day]
    fits = max(7, 7 * round(days / 7))
    fits = min(fits, max(7, longest_horizon(min(known), max(known)) // 7 * 7))
    if fits / _TIMES <= horizon <= fits * _TIMES:
        return []
    return [
        f"notebooks: churn: horizon_days {horizon} is far from this shop's rhythm: half of the orders had a "
        f"next one within {days} days. About {fits} would fit."
    ]
