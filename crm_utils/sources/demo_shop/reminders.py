"""A reminder of what was left in the cart: sent after a delay that chance chooses, or withheld by chance."""

from __future__ import annotations

import numpy as np

from crm_utils.sources.demo_shop.arrays import Ints
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.events import tag_is_broken
from crm_utils.sources.demo_shop.letters import Letters, letters
from crm_utils.sources.demo_shop.orders import Departures
from crm_utils.sources.demo_shop.people import NEVER, Consents
from crm_utils.sources.demo_shop.visits import Visits
from crm_utils.sources.demo_shop.worlds import Carts

__all__ = ["CHANNEL", "remind"]

CHANNEL = "brand_message"
FIRST_HOUR, LAST_HOUR = 8, 17
"""Carts left between these hours are reminded of: so every delay falls into the day."""
HORIZON_DAYS = 7
"""Days from the cart in which its order counts."""
CLICKS = 0.85
"""Of those who buy because of it, those who click in it."""


def remind(
    rng: np.random.Generator,
    world: Carts,
    consents: Consents,
    departures: Departures,
    visits: Visits,
    back_at: Ints,
) -> tuple[Letters, Ints]:
    """The messages, and when each brings an order (NEVER where it does not).

    Parameters
    ----------
    back_at
        When each visit's cart is bought by itself; NEVER for those that are not.

    Notes
    -----
    Who has bought by the time of the message gets none, held out or not.
    """
    rows = np.flatnonzero(visits.cart & ~visits.failed & (visits.who >= 0) & ~tag_is_broken(visits.at))
    day, hour = visits.at[rows] // DAY, visits.at[rows] % DAY // 3600
    inside = (day >= day_number(world.reminder_starts)) & (day <= day_number(world.reminder_ends))
    rows = rows[inside & (hour >= FIRST_HOUR) & (hour < LAST_HOUR)]
    who, n = visits.who[rows], len(rows)
    variant = rng.integers(0, len(world.delays), n)
    at = visits.at[rows] + np.array(world.delays)[variant] * 3600
    held = rng.random(n) < world.reminder_held
    would = rng.random(n) < np.array(world.lifts)[variant]
    wait, clicks = 900 + rng.exponential(2 * 3600, n).astype(np.int64), rng.random(n) < CLICKS
    may = consents.holds(CHANNEL, visits.at[rows], who) & consents.holds(CHANNEL, at, who)
    may &= (back_at[rows] > at) & (departures.at[who] > at)
    keep = np.flatnonzero(may)
    rows, who, variant, at = rows[keep], who[keep], variant[keep], at[keep]
    held, would, wait, clicks = held[keep], would[keep], wait[keep], clicks[keep]
    would &= (departures.at[who] > at + wait) & (at + wait < END) & (back_at[rows] >= NEVER)
    ordered = np.where(would & ~held, at + wait, NEVER)
    clicked = np.where((ordered < NEVER) & clicks, ordered - 600, NEVER)
    share = np.where(held, world.reminder_held, 1 - world.reminder_held) / len(world.delays)
    itself = (back_at[rows] < visits.at[rows] + HORIZON_DAYS * DAY).astype(np.int64)
    outcomes = (itself, np.maximum(itself, would))
    sent = letters(rng, "cart_reminder", CHANNEL, who, at, held, share, variant=variant, visit=rows,
                   clicked=clicked, outcomes=outcomes)  # fmt: skip
    return sent, ordered
