"""What notebook 04 assumes of a shop, to begin with: its horizon by the shop's rhythm, costs in its money.

The rhythm is the Kaplan-Meier median of the days from an order to the same customer's next. Orders without a
next one are censored where the lines end, so that few lines do not make a shop look quick.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import defaultdict
from statistics import median

from crm_utils.proposal.asking import frequent
from crm_utils.proposal.table import Order, TableProposal

__all__ = ["CONTACT_SHARE", "OFFER_SHARE", "churn_lines", "days_to_next", "rounded"]

#: What an offer costs, as a share of a usual order, and a contact as a share of that: to begin with.
OFFER_SHARE, CONTACT_SHARE = 0.05, 0.01
#: Next orders that are enough to say when they come.
_ENOUGH = 50
#: Horizons in which a customer counts as active.
_ACTIVE = 3


def churn_lines(tables: list[TableProposal], currency: str) -> list[str]:
    """The parameters of notebook 04 as lines of a study; a comment what cannot be told.

    Parameters
    ----------
    tables
        Files of order lines.
    currency
        The shop's.
    """
    orders = [order for table in tables for order in table.orders()]
    lines = ["notebooks:", f"  churn: # to begin with, in {currency}; docs/your-data.md says what each is"]
    lines += _horizon_lines(orders, whole=all(table.looked.whole for table in tables))
    lines.append("    margin_share: 0.25 # LOOK: the share of revenue left after the costs that vary with it")
    paid = [order.amount for order in orders if order.amount is not None and order.amount > 0]
    if not paid:
        lines.append("    # offer_cost: ??? # LOOK: what a taken offer costs; no amount could be read")
        return [*lines, "    # contact_cost: ??? # LOOK: what one contact costs"]
    offer = median(paid) * OFFER_SHARE
    return [
        *lines,
        f"    offer_cost: {rounded(offer)} # LOOK: what an offer costs that is taken; "
        f"this is about {OFFER_SHARE:.0%} of a usual order ({median(paid):,.2f})",
        f"    contact_cost: {rounded(offer * CONTACT_SHARE)} # LOOK: what one contact costs; "
        f"this is about {CONTACT_SHARE:.0%} of that",
    ]


def _horizon_lines(orders: list[Order], *, whole: bool) -> list[str]:
    days = days_to_next(orders)
    if days is None:
        return [
            "    # horizon_days: 28 # LOOK: about the days from an order to the customer's next, in weeks; "
            "these lines are too few to tell"
        ]
    horizon, why = max(7, 7 * round(days / 7)), f"half of the orders had a next one within {days} days"
    seen = [order.day for order in orders if order.day]
    if whole:
        from crm_utils.methods.churn import longest_horizon  # takes its time: only where it is asked
    if whole and horizon > (longest := longest_horizon(min(seen), max(seen))):
        if longest < 7:
            return ["    # horizon_days: 28 # LOOK: too few weeks of data to forecast who lapses"]
        horizon, why = longest // 7 * 7, f"{why}; more needs a longer history"
    return [
        f"    horizon_days: {horizon} # LOOK: {why}",
        f"    active_days: {_ACTIVE * horizon} # so recent a purchase makes a customer active",
    ]


def days_to_next(orders: list[Order]) -> int | None:
    """The days after which half of the orders have been followed by the same customer's next.

    Parameters
    ----------
    orders
        In any order; those of nobody, those that were paid back and those of a till are left out.

    Returns
    -------
    int or None
        None where too few are followed by another, or fewer than half within the time that they cover.

    Examples
    --------
    >>> first = dt.date(2024, 1, 1)
    >>> days = [(f"c{n}", first + dt.timedelta(n % 9 + 30 * k)) for n in range(40) for k in (0, 1, 2)]
    >>> days_to_next([Order(customer, day, 9.0) for customer, day in days])
    30
    """
    by_customer: dict[str, set[dt.date]] = defaultdict(set)
    for order in orders:
        if order.customer and order.day and (order.amount is None or order.amount > 0):
            by_customer[order.customer].add(order.day)
    for till in frequent(orders):
        by_customer.pop(till, None)
    if not by_customer:
        return None
    end = max(map(max, by_customer.values()))
    gaps: list[int] = []
    silent: list[int] = []
    for days in map(sorted, by_customer.values()):
        gaps += [(after - before).days for before, after in itertools.pairwise(days)]
        silent.append((end - days[-1]).days)
    if len(gaps) < _ENOUGH:
        return None
    from scipy.stats import CensoredData, ecdf

    follows = ecdf(CensoredData(uncensored=gaps, right=silent)).sf
    reached = follows.quantiles[follows.probabilities <= 0.5]
    return int(reached[0]) if len(reached) else None


def rounded(value: float) -> str:
    """To one digit that counts, as YAML reads a number.

    Examples
    --------
    >>> rounded(1834.0), rounded(0.0312), rounded(3_400_000.0)
    ('2000', '0.03', '3000000')
    """
    power = math.floor(math.log10(value))
    return f"{round(value, -power):.{max(0, -power)}f}"
