"""Is CRM right for this shop, and which tool suits? Repeat purchases, break-even, "five times", scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import beta, t

from crm_utils.features import is_purchase
from crm_utils.features.facts import ShopFacts
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, Number
from crm_utils.methods.scorecard.weeks import PARTS, Weeks

__all__ = [
    "CLAIM",
    "Fit",
    "Times",
    "ToolChoice",
    "crm_fit",
    "five_times",
    "tool_choice",
    "visits_by_past",
]

CLAIM = 5.0
"""What the trade says: a past customer is so many times as likely to buy as a new one."""
_DRAWS = 1000
_CONTACTS_AN_ORDER = 2000  # as crm new proposes it: a hundredth of a twentieth of an order


@dataclass(frozen=True)
class Fit:
    """What speaks for and against CRM in this shop.

    Attributes
    ----------
    repeat_share, low, high
        Of known customers, those who bought on two days or more; its interval. Missing without customers.
    break_even
        Additional orders that 1,000 contacts must bring to pay for themselves; missing where none earns.
    opt_outs
        Of 1,000 messages that arrived, those answered by an opt-out; missing without messages.
    """

    repeat_share: float
    low: float
    high: float
    break_even: float
    opt_outs: float

    def numbers(self) -> list[Number]:
        """As a run records them."""
        known = None if math.isnan(self.repeat_share) else self.repeat_share
        ends = {} if known is None else {"low": self.low, "high": self.high}
        return [
            Number("fit.repeat_share", known, unit="share", **ends),
            Number("fit.break_even", None if math.isnan(self.break_even) else self.break_even, unit="orders"),
            Number("fit.opt_outs", None if math.isnan(self.opt_outs) else self.opt_outs, unit="customers"),
        ]


def crm_fit(facts: ShopFacts, weeks: Weeks, *, margin_share: float, contact_cost: float) -> Fit:
    """Repeat share, break-even and opt-outs.

    Parameters
    ----------
    facts
        Of the shop.
    weeks
        For the money an order and opt-outs.
    margin_share, contact_cost
        What is left of revenue (0 to 1); what one contact costs, in money, or 0 for a two-thousandth of an
        order. Assumed, not known.
    """
    n, k = facts.customers, facts.repeat_customers
    share = low = high = math.nan
    if n >= SMALLEST_GROUP:
        share, tail = k / n, (1 - LEVEL) / 2
        low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
        high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    orders, gross = float(weeks.sums["orders"].sum()), float(weeks.sums["gross"].sum())
    earned = margin_share * gross / orders if orders else 0.0
    contact_cost = contact_cost or gross / max(orders, 1.0) / _CONTACTS_AN_ORDER
    arrived = weeks.sums["delivered"].sum() if "delivered" in weeks.sums else 0.0
    return Fit(
        share, low, high,
        1000 * contact_cost / earned if earned > 0 else math.nan,
        1000 * float(weeks.sums["unsubscribed"].sum()) / float(arrived) if arrived else math.nan,
    )  # fmt: skip


@dataclass(frozen=True)
class Times:
    """How likely a visit of a past customer is to end in a purchase, against that of anybody else.

    Attributes
    ----------
    past, others
        Shares of visits with a purchase.
    past_visits, other_visits
        How many there are.
    ratio, low, high
        The first over the second, with its interval; missing where one of them has no purchase.
    """

    past: float
    others: float
    past_visits: int
    other_visits: int
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``less``, ``more``, ``open`` (the interval holds the claim) or ``unknown``."""
        if math.isnan(self.ratio):
            return "unknown"
        return "less" if self.high < CLAIM else "more" if self.low > CLAIM else "open"

    def numbers(self) -> list[Number]:
        """As a run records them."""
        if math.isnan(self.ratio):
            return [Number("times.past_customer", None, unit="ratio")]
        return [Number("times.past_customer", self.ratio, unit="ratio", low=self.low, high=self.high)]


def visits_by_past(events: ir.Table, orders: ir.Table) -> ir.Table:
    """Visits with and without a purchase, of those who had bought before the visit began and of all others.

    Parameters
    ----------
    events, orders
        The canonical tables.

    Returns
    -------
    ibis.expr.types.Table
        ``past`` (bool), ``part`` (0 to 39: of the customers, else of the visits), ``visits``, ``buying``.
    """
    known = orders.filter(orders.customer_id.notnull(), is_purchase(orders))
    first = known.group_by("customer_id").aggregate(first_at=known.ordered_at.min())
    first = first.mutate(part=(ibis.row_number().over(order_by=first.customer_id) % PARTS).cast("int64"))
    seen = events.filter(events.session_id.notnull())
    visits = seen.group_by("session_id").aggregate(
        customer_id=seen.customer_id.max(),
        began=seen.occurred_at.min(),
        buying=(seen.event == "purchase").cast("int64").max(),
    )
    rows = visits.left_join(first, "customer_id")
    rows = rows.mutate(
        alone=(ibis.row_number().over(order_by=rows.session_id) % PARTS).cast("int64"),
        past=(rows.first_at < rows.began).fill_null(False),
    )
    rows = rows.mutate(part=ibis.coalesce(rows.part, rows.alone))
    sums = rows.group_by("past", "part").aggregate(visits=rows.count(), buying=rows.buying.sum())
    return sums.order_by("past", "part")


def five_times(events: ir.Table | None, orders: ir.Table) -> Times:
    """Test the trade's claim that a past customer is five times as likely to buy as a new one.

    Parameters
    ----------
    events, orders
        The canonical tables; without events nothing can be said.

    Returns
    -------
    Times

    Notes
    -----
    The interval is of the log ratio, by the delete-a-group jackknife over parts of the customers (Kott,
    *Journal of Official Statistics* 17, 2001): visits of one customer are not independent. It compares who
    comes by themselves; what a contact would do to either is another question.
    """
    empty = Times(math.nan, math.nan, 0, 0, math.nan, math.nan, math.nan)
    rows = None if events is None else visits_by_past(events, orders).execute()
    if rows is None or rows.empty:
        return empty
    index = pd.MultiIndex.from_product([[True, False], range(PARTS)], names=["past", "part"])
    sums = rows.set_index(["past", "part"]).reindex(index, fill_value=0).astype(float)
    past, others = (sums.loc[side] for side in (True, False))

    def log_ratio(keep: np.ndarray) -> float:
        shares = [one["buying"][keep].sum() / max(one["visits"][keep].sum(), 1.0) for one in (past, others)]
        return math.log(shares[0] / shares[1]) if min(shares) > 0 else math.nan

    everybody = np.ones(PARTS, dtype=bool)
    whole = log_ratio(everybody)
    left = np.array([log_ratio(np.arange(PARTS) != part) for part in range(PARTS)])
    error = math.sqrt((PARTS - 1) / PARTS * float(((left - whole) ** 2).sum()))
    half = float(t.ppf((1 + LEVEL) / 2, PARTS - 1)) * error
    visits = [int(one["visits"].sum()) for one in (past, others)]
    shares = [one["buying"].sum() / max(n, 1) for one, n in zip((past, others), visits, strict=True)]
    if min(visits) < SMALLEST_GROUP or math.isnan(whole) or math.isnan(half):
        return Times(shares[0], shares[1], visits[0], visits[1], math.nan, math.nan, math.nan)
    ends = [math.exp(whole + move) for move in (0.0, -half, half)]
    return Times(shares[0], shares[1], visits[0], visits[1], *ends)


@dataclass(frozen=True)
class ToolChoice:
    """Tools by their weighted score.

    Attributes
    ----------
    table
        A row a tool, the best first: ``vendor``, ``score`` (0 to 1), ``first_share`` (of draws with other
        weights in which it came first).
    """

    table: pd.DataFrame

    @property
    def is_stable(self) -> bool:
        """Whether the first one stays first under nine tenths of other weights."""
        return bool(len(self.table)) and float(self.table["first_share"].iloc[0]) >= 0.9


def tool_choice(scores: pd.DataFrame | None, *, seed: int = 0) -> ToolChoice | None:
    """Score tools by the shop's own weights, and see whether the order hangs on them.

    Parameters
    ----------
    scores
        A row a vendor and criterion: ``vendor``, ``criterion``, ``weight`` (above 0, the same for all
        vendors), ``score`` (more is better; any scale, the same within a criterion). None: nobody asks.
    seed
        Of the draws of other weights.

    Returns
    -------
    ToolChoice

    Notes
    -----
    Scores are put on 0 to 1 within each criterion. Other weights are Dirichlet with the shop's as mean and as
    many pseudo-counts as there are criteria times four: most draws change a weight by half or double.

    Examples
    --------
    >>> rows = [("a", "price", 2, 9), ("b", "price", 2, 1), ("a", "support", 1, 5), ("b", "support", 1, 4)]
    >>> best = tool_choice(pd.DataFrame(rows, columns=["vendor", "criterion", "weight", "score"]))
    >>> best.table["vendor"].tolist(), best.is_stable  # it is better in everything
    (['a', 'b'], True)
    """
    if scores is None or scores.empty:
        return None
    grid = scores.pivot_table(index="vendor", columns="criterion", values="score", aggfunc="mean").fillna(0.0)
    weight = scores.groupby("criterion")["weight"].first().reindex(grid.columns).to_numpy(dtype=float)
    weight = weight / weight.sum()
    span = (grid.max() - grid.min()).replace(0, 1.0)
    scaled = ((grid - grid.min()) / span).to_numpy(dtype=float)
    drawn = np.random.default_rng(seed).dirichlet(4 * len(weight) * weight, size=_DRAWS)
    first = (scaled @ drawn.T).argmax(axis=0)
    share = np.bincount(first, minlength=len(grid)) / _DRAWS
    table = pd.DataFrame({"vendor": grid.index, "score": scaled @ weight, "first_share": share})
    return ToolChoice(table.sort_values(["score", "vendor"], ascending=[False, True], ignore_index=True))
