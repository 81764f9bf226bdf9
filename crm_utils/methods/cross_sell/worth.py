"""What did offering bring? What customers spent who were sent offers, less what those held out spent.

By intention to treat: everybody who was drawn counts, opened or not, and so does who bought nothing. What
offered goods sold is no answer: most of it would have been bought anyway.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import t as student

from crm_utils.features import LEVEL, Number
from crm_utils.methods.cross_sell.offers import SCENARIO
from crm_utils.methods.cross_sell.parts import FEWEST_CUSTOMERS

__all__ = ["OffersWorth", "offers_worth", "unless_they_lose"]

_EXACT = "decimal(18, 2)"


@dataclass(frozen=True)
class OffersWorth:
    """What an offer added, a customer.

    Attributes
    ----------
    sent, held_out
        Customers in each arm whose days are over; one in two quarters counts twice.
    gain, low, high
        Difference of the arms' means over the horizon, net of what sending cost, with its 95 % interval
        (Welch); None where nobody, or too few, were held out.
    is_margin
        Whether it is margin; else it is revenue, because products have no margin.
    horizon_days
        Days after the message that count.
    """

    sent: int
    held_out: int
    gain: float | None
    low: float | None
    high: float | None
    is_margin: bool
    horizon_days: int

    @property
    def loses(self) -> bool:
        """Whether offering was shown to bring less than leaving customers alone."""
        return self.high is not None and self.high < 0

    def numbers(self, currency: str) -> list[Number]:
        """What a run records of it."""
        return [Number("offers.worth", self.gain, f"{currency} a customer", self.low, self.high)]


def unless_they_lose(offers: pd.DataFrame, worth: OffersWorth) -> pd.DataFrame:
    """The offers to send: all of them, or none where sending was shown to lose."""
    return offers.head(0) if worth.loses else offers


def offers_worth(
    order_lines: ir.Table,
    products: ir.Table | None,
    messages: ir.Table | None,
    *,
    as_of: dt.date,
    horizon_days: int,
    scenario: str = SCENARIO,
) -> OffersWorth:
    """Compare customers who were sent offers with those held out.

    Parameters
    ----------
    order_lines, products
        Canonical tables; margin is quantity × unit margin − discount where products have a unit margin.
    messages
        Canonical messages, those withheld among them; None where the study has none.
    as_of, horizon_days
        The last day, and the days after a message that count; later messages are left out.
    scenario
        Which messages are meant.

    Returns
    -------
    OffersWorth
        Without a gain where fewer than 20 customers are in an arm.

    Notes
    -----
    A customer counts from the first message of a quarter, because the arm is drawn anew each quarter; who is
    in both arms of one quarter is left out. Returns are taken off.
    """
    is_margin = products is not None and "unit_margin" in products.columns and _any(products.unit_margin)
    none = OffersWorth(0, 0, None, None, None, is_margin, horizon_days)
    if messages is None:
        return none
    drawn = _drawn(messages, scenario=scenario, last=as_of - dt.timedelta(days=horizon_days))
    sums = _sums(drawn, _lines(order_lines, products if is_margin else None), horizon_days=horizon_days)
    arms = {bool(row.pop("held_out")): row for row in sums.to_pyarrow().to_pylist()}
    n = {arm: int(arms[arm]["n"]) if arm in arms else 0 for arm in (False, True)}
    if min(n.values()) < FEWEST_CUSTOMERS:
        return replace(none, sent=n[False], held_out=n[True])
    mean = {arm: float(arms[arm]["total"]) / n[arm] for arm in arms}
    squares = {arm: float(arms[arm]["squares"]) / n[arm] - mean[arm] ** 2 for arm in arms}
    errors = {arm: max(squares[arm], 0.0) / (n[arm] - 1) for arm in arms}
    gain, variance = mean[False] - mean[True], sum(errors.values())
    freedom = variance**2 / max(sum(errors[arm] ** 2 / (n[arm] - 1) for arm in arms), 1e-300)
    reach = float(student.ppf((1 + LEVEL) / 2, max(freedom, 1.0)) * np.sqrt(variance))
    return OffersWorth(n[False], n[True], gain, gain - reach, gain + reach, is_margin, horizon_days)


def _drawn(messages: ir.Table, *, scenario: str, last: dt.date) -> ir.Table:
    """Who was drawn when, a row a customer and quarter, in one arm: with what sending cost."""
    meant = messages.filter(
        messages.scenario == scenario, messages.sent_at.cast("date") <= ibis.date(str(last))
    )
    cost = meant.cost if "cost" in meant.columns else ibis.null("decimal(18, 2)")
    meant = meant.mutate(quarter=meant.sent_at.year() * 4 + meant.sent_at.quarter(), paid=cost)
    each = meant.group_by("customer_id", "quarter").aggregate(
        sent_at=meant.sent_at.min(), held_out=meant.held_out.max(), arms=meant.held_out.nunique(),
        paid=meant.paid.sum().cast(_EXACT),
    )  # fmt: skip
    return each.filter(each.arms == 1).drop("arms")


def _lines(order_lines: ir.Table, products: ir.Table | None) -> ir.Table:
    """What each order line of a known customer brought: margin where products have one, else revenue."""
    lines = order_lines.filter(order_lines.customer_id.notnull())
    if products is not None:
        shelf = products.select(priced=products.product_id, unit_margin=products.unit_margin)
        lines = lines.left_join(shelf, lines.product_id == shelf.priced)
        earned = (lines.quantity.cast("decimal(19, 3)") * lines.unit_margin).fill_null(ibis.literal(0))
        off = lines.discount if "discount" in lines.columns else ibis.null("decimal(18, 2)")
        lines = lines.mutate(amount=earned - off.fill_null(ibis.literal(0)))
    return lines.select(buyer="customer_id", ordered_at="ordered_at", value=lines.amount.cast(_EXACT))


def _sums(drawn: ir.Table, lines: ir.Table, *, horizon_days: int) -> ir.Table:
    """Customers of each arm, and the sum and sum of squares of what they brought, cost taken off."""
    on = [drawn.customer_id == lines.buyer, lines.ordered_at > drawn.sent_at]
    after = drawn.inner_join(lines, on)
    passed = after.ordered_at.cast("date").epoch_days() - after.sent_at.cast("date").epoch_days()
    after = after.filter(passed <= horizon_days)
    brought = after.group_by(who="customer_id", when="quarter").aggregate(
        value=after.value.sum().cast(_EXACT)
    )
    all_ = drawn.left_join(brought, [drawn.customer_id == brought.who, drawn.quarter == brought.when])
    zero = ibis.literal(0).cast(_EXACT)
    net = (all_.value.fill_null(zero) - all_.paid.fill_null(zero)).cast(_EXACT)
    all_ = all_.mutate(net=net)
    return all_.group_by("held_out").aggregate(
        n=all_.count(), total=all_.net.sum().cast("decimal(38, 2)"),
        squares=(all_.net * all_.net).sum().cast("decimal(38, 4)"),
    )  # fmt: skip


def _any(column: ir.Column) -> bool:
    return bool(column.count().to_pyarrow().as_py())
