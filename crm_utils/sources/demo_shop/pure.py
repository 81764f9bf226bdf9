"""The pure world: BG/NBD and Gamma-Gamma to the letter, and nothing else.

P. Fader, B. Hardie and K. Lee, *Counting Your Customers the Easy Way*, Marketing Science 24 (2005); P. Fader
and B. Hardie, *The Gamma-Gamma Model of Monetary Value*, note 025 (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop.arrays import Floats, Ints
from crm_utils.sources.demo_shop.catalogue import stock
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.columns import days, ids, moments, money, pieces, words
from crm_utils.sources.demo_shop.worlds import Pure

__all__ = ["Buyers", "simulate", "tables"]

WEEK = 7 * DAY
MOST_LINES = 3


@dataclass(frozen=True)
class Buyers:
    """A block of buyers and their purchases.

    Attributes
    ----------
    first, rate, leaves, mean_value
        For each buyer: the moment of the first purchase (seconds), λ (a week), p, and ζ = p / ν (won).
    left
        Moment of the last purchase of who left within the data; END of who is there.
    who, at, value
        For each purchase, by buyer and time: the buyer, seconds, won.
    """

    first: Ints
    rate: Floats
    leaves: Floats
    mean_value: Floats
    left: Ints
    who: Ints
    at: Ints
    value: Ints


def simulate(rng: np.random.Generator, world: Pure, customers: int) -> Buyers:
    """Draw buyers, and their purchases until they leave or the data end."""
    first = rng.integers(0, world.first_purchase_days * DAY, customers)
    rate = rng.gamma(world.r, 1 / world.alpha_weeks, customers)
    leaves = rng.beta(world.a, world.b, customers)
    weeks = (END - first) / WEEK
    count = rng.poisson(rate * weeks)
    who = np.repeat(np.arange(customers), count)
    at = first[who] + (rng.random(len(who)) * weeks[who] * WEEK).astype(np.int64)
    rows = np.lexsort((at, who))
    who, at = who[rows], at[rows]
    # Geometric from 1: the buyer leaves after that repeat purchase, if it is ever reached.
    last = rng.geometric(np.maximum(leaves, 1e-12))
    rank = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count) + 1
    left = np.full(customers, END)
    ending = rank == last[who]
    left[who[ending]] = at[ending]
    kept = rank <= last[who]
    who, at = np.concatenate([np.arange(customers), who[kept]]), np.concatenate([first, at[kept]])
    rows = np.lexsort((at, who))
    nu = rng.gamma(world.q, 1 / world.gamma_won, customers)
    value = rng.gamma(world.p, 1 / nu[who]).round().astype(np.int64)
    return Buyers(first, rate, leaves, world.p / nu, left, who[rows], at[rows], np.maximum(value, 1)[rows])


def tables(
    rng: np.random.Generator, buyers: Buyers, first: int, counts: dict[str, int]
) -> dict[str, pa.Table]:
    """Orders of one to three lines that add up to the purchase's value, and the buyers."""
    order = np.argsort(buyers.at, kind="stable")
    lines = rng.integers(1, MOST_LINES + 1, len(order))
    row = np.repeat(np.arange(len(order)), lines)
    weight = rng.random(len(row))
    share = np.cumsum(weight) - np.repeat((np.cumsum(weight) - weight)[np.cumsum(lines) - lines], lines)
    whole = np.repeat(share[np.cumsum(lines) - 1], lines)
    upto = np.rint(buyers.value[order][row] * share / whole).astype(np.int64)
    begins = np.isin(np.arange(len(row)), np.cumsum(lines) - lines)
    amount = upto - np.where(begins, 0, np.append(0, upto[:-1]))
    who, n = buyers.who[order][row], len(row)
    added = {
        "order_lines": pa.table({
            "order_id": ids("o", counts["orders"] + row), "customer_id": ids("c", first + who),
            "product_id": ids("p", rng.integers(0, len(stock().name), n)),
            "ordered_at": moments(buyers.at[order][row]),
            "quantity": pieces(np.ones(n, dtype=np.int64)),
            "amount": money(amount), "discount": money(np.zeros(n, dtype=np.int64)),
            "channel": words(np.ones(n, dtype=np.int64), ("store", "web")),
        }),
        "customers": pa.table({
            "customer_id": ids("c", first + np.arange(len(buyers.first))),
            "joined_on": days(buyers.first // DAY),
        }),
    }  # fmt: skip
    counts["orders"] += len(order)
    return added
