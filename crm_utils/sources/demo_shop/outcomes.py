"""What is true of every customer of the simulated shop? Departures, tastes, both outcomes of each message.

The truth is never part of a snapshot and no notebook's run can open it: it is drawn anew from the study's
seed into files of its own, for tests and for exercises that compare an estimate with what is so.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop import catalogue as shop
from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.block import Block
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.columns import ids, moments, words
from crm_utils.sources.demo_shop.letters import SCENARIOS, VARIANTS
from crm_utils.sources.demo_shop.messages import Drawn
from crm_utils.sources.demo_shop.orders import LEFT
from crm_utils.sources.demo_shop.pure import Buyers
from crm_utils.sources.demo_shop.worlds import FULL, TRIALS, WRITES

__all__ = ["MEASURES", "of_buyers", "of_customers", "of_lost", "of_lots", "of_scenarios"]

MEASURES = ("orders", "amount", "contribution")
"""What is counted of each customer, with and without a message: purchases, won received (less returns), and
won of margin less discounts: Σ quantity × unit_margin − Σ discount. A message's own cost is not in it."""


def of_customers(block: Block) -> pa.Table:
    """What nobody in the shop knows of a customer of the full world.

    ``orders_a_year`` (while staying), ``left_at`` (the last order of who left; empty for who stays),
    ``left_why``, ``averse`` (buys less when written to), ``favourite`` (category), ``tier`` (0 to 2),
    ``best_hour`` (at which letters are opened most).
    """
    people, n = block.people, int((~block.people.guest).sum())
    return pa.table({
        "customer_id": ids("c", block.first + np.arange(n)), "orders_a_year": people.rate[:n] * 365.25,
        "left_at": moments(block.departures.at[:n]), "left_why": words(block.departures.why[:n], LEFT),
        "averse": people.averse[:n], "favourite": words(people.taste[:n], shop.CATEGORIES),
        "tier": people.tier[:n], "best_hour": np.array(WRITES.hours)[block.best_hour[:n]],
    })  # fmt: skip


def of_buyers(buyers: Buyers, first: int) -> pa.Table:
    """A buyer's λ (a week), p (to leave), ζ (mean value, won) and the last purchase of who left."""
    return pa.table({
        "customer_id": ids("c", first + np.arange(len(buyers.first))), "rate_a_week": buyers.rate,
        "leaves": buyers.leaves, "mean_value": buyers.mean_value, "left_at": moments(buyers.left),
    })  # fmt: skip


def of_lots(block: Block) -> pa.Table:
    """Both outcomes of each customer in each trial, counted within its horizon: a row a trial's arm.

    ``campaign_id``, ``experiment_id`` (empty for a campaign), ``arm``, ``customer_id``, ``drawn`` (whether
    this arm was drawn; where it was not, another or none was), ``new`` and ``averse``, ``region``, then for
    each measure ``<measure>_without`` and ``<measure>_with`` the message of this arm, all other trials as
    they were drawn. The mean of their difference over all rows of an arm is its true effect, exactly.
    """
    lines = _Counted(block)
    return pa.concat_tables(
        _of_trial(block, lines, number, arm)
        for number, trial in enumerate(TRIALS)
        for arm in range(len(trial.arms))
    )


def of_scenarios(block: Block) -> pa.Table:
    """Both outcomes of each message of a scenario, a row each.

    ``scenario``, ``customer_id``, ``sent_at``, ``variant``, ``held_out``, and orders within its horizon
    ``without`` the message and ``with`` it (−1: no outcome).
    """
    sent = block.letters
    return pa.table({
        "scenario": words(sent.scenario, SCENARIOS), "customer_id": ids("c", block.first + sent.who),
        "sent_at": moments(sent.at), "variant": words(sent.variant, VARIANTS), "held_out": sent.held,
        "without": sent.without, "with": sent.with_it,
    })  # fmt: skip


def of_lost(block: Block) -> pa.Table:
    """The orders that failed at payment: ``customer_id`` (empty for a guest), ``ordered_at``."""
    known = ~block.people.guest[block.lost.who]
    return pa.table({
        "customer_id": ids("c", block.first + block.lost.who, known), "ordered_at": moments(block.lost.at),
    })  # fmt: skip


class _Counted:
    """Every line of a block as its trials see it."""

    def __init__(self, block: Block) -> None:
        margin = shop.stock().margin
        lines, orders = block.lines, block.orders
        self.at, self.who, self.back = lines.at, orders.who[lines.order], lines.back
        self.trial, self.arm = orders.trial[lines.order], orders.arm[lines.order]
        self.skipped, self.coupon_of = orders.skipped[lines.order], orders.coupon[lines.order]
        self.happens = block.happens[lines.order]
        self.used = block.coupon_used[lines.order]
        first = np.zeros(len(lines), dtype=bool)
        first[np.unique(np.where(lines.back, -1, lines.order), return_index=True)[1]] = True
        self.one = (first & ~lines.back).astype(np.int64)
        self.amount, self.coupon = lines.amount, lines.coupon
        self.contribution = lines.quantity * margin[lines.product] - lines.discount


def _of_trial(block: Block, lines: _Counted, number: int, arm: int) -> pa.Table:
    one = block.drawn[number]
    start = np.full(len(block.people), 4 * END)
    start[one.who] = one.at
    within = (lines.at > start[lines.who]) & (lines.at < start[lines.who] + one.trial.horizon_days * DAY)
    own = (lines.trial == number) | (lines.skipped == number)
    anyway = within & lines.happens & ~own
    without = anyway | (within & (lines.skipped == number))
    sent = anyway | (within & (lines.trial == number) & (lines.arm == arm))
    other = lines.used & (lines.coupon_of != number)
    mine = lines.coupon_of == number
    columns = _labels(block, one, number, arm)
    for name, rows, coupon in (("without", without, other), ("with", sent, other | mine)):
        counted = _counted(lines, rows, coupon, len(block.people))
        columns |= {f"{measure}_{name}": values[one.who] for measure, values in counted.items()}
    return pa.table(columns)


def _counted(lines: _Counted, rows: Flags, coupon: Flags, people: int) -> dict[str, Ints]:
    """Sums of these lines for each customer, with these coupons used."""
    off = lines.coupon * coupon
    values = {"orders": lines.one, "amount": lines.amount - off,
              "contribution": lines.contribution - off * ~lines.back}  # fmt: skip
    return {
        name: np.bincount(lines.who[rows], value[rows], minlength=people).astype(np.int64)
        for name, value in values.items()
    }


def _labels(block: Block, one: Drawn, number: int, arm: int) -> dict[str, pa.Array]:
    n, people, trial = len(one.who), block.people, one.trial
    return {
        "campaign_id": pa.repeat(trial.campaign_id, n),
        "experiment_id": words(np.full(n, 0 if trial.experiment else -1), [trial.experiment]),
        "arm": pa.repeat(trial.arms[arm].arm, n), "customer_id": ids("c", block.first + one.who),
        "drawn": pa.array(one.arm == arm + 1),
        "new": pa.array(one.at - people.joined[one.who] <= FULL.new_days * DAY),
        "averse": pa.array(people.averse[one.who]), "region": words(people.region[one.who], shop.REGIONS),
    }  # fmt: skip
