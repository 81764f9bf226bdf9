"""Who referred whom, and who referred nobody but themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints, Rows
from crm_utils.sources.demo_shop.baskets import REFERRED
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.scenarios import Crowd
from crm_utils.sources.demo_shop.worlds import Loyalty

__all__ = ["Referred", "refer"]


@dataclass(frozen=True)
class Referred(Rows):
    """Referrals: who referred, whom, when, and whether both are one person."""

    referrer: Ints
    who: Ints
    at: Ints
    fraud: Flags


def refer(rng: np.random.Generator, world: Loyalty, crowd: Crowd, orders: Orders, happens: Flags) -> Referred:
    """Give each customer won by a friend, who joins within the data, a referrer who was there before."""
    people = crowd.people
    ranked = np.flatnonzero(~people.guest)
    ranked = ranked[np.argsort(people.joined[ranked], kind="stable")]
    who = np.flatnonzero(~people.guest & (people.joined >= 0) & (people.acquired == REFERRED))
    before = np.searchsorted(people.joined[ranked], people.joined[who])
    who, before = who[before > 0], before[before > 0]
    referrer = ranked[(rng.random(len(who)) * before).astype(np.int64)]
    made = np.bincount(orders.who[happens], minlength=len(people))
    fraud = (made[who] <= 1) & (rng.random(len(who)) < world.fraud_share)
    by = np.lexsort((who, people.joined[who]))
    return Referred(referrer[by], who[by], people.joined[who][by], fraud[by])
