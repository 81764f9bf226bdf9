"""How do points, tiers and referrals look to the shop? Canonical tables, and what is true behind them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop import loyalty
from crm_utils.sources.demo_shop.block import Block
from crm_utils.sources.demo_shop.clock import END
from crm_utils.sources.demo_shop.columns import ids, moments, whole, words
from crm_utils.sources.demo_shop.seen import Seen, named
from crm_utils.sources.demo_shop.tiers import TIERS

__all__ = ["points", "referrals", "reviews", "tiers", "who_refers_whom"]


def points(block: Block, seen: Seen, changes: loyalty.Points) -> pa.Table:
    """A row a change of a balance, by customer and time."""
    return pa.table({
        "customer_id": named(block, changes.who), "occurred_at": moments(changes.at),
        "points": whole(changes.points), "kind": words(changes.kind, loyalty.POINTS),
        "expires_at": moments(changes.ends),
        "order_id": ids("o", np.append(seen.number, 0)[changes.order], changes.order >= 0),
    })  # fmt: skip


def tiers(block: Block) -> pa.Table:
    """A row a change of a tier, in order of time: the lowest when joining, then what reviews change."""
    people, reviewed = block.people, block.standing
    mine = np.flatnonzero(~people.guest)
    who = np.concatenate([mine, reviewed.who])
    at = np.concatenate([people.joined[mine], reviewed.at])
    tier = np.concatenate([np.zeros(len(mine), dtype=np.int64), reviewed.tier])
    by = np.lexsort((at, who))
    who, at, tier = who[by], at[by], tier[by]
    changed = np.append(True, (who[1:] != who[:-1]) | (tier[1:] != tier[:-1])) & (at < END)
    rows = np.flatnonzero(changed)
    rows = rows[np.lexsort((who[rows], at[rows]))]
    return pa.table({
        "customer_id": named(block, who[rows]), "tier": words(tier[rows], TIERS), "since": moments(at[rows]),
    })  # fmt: skip


def referrals(block: Block) -> pa.Table:
    """A row a referral, in order of time."""
    mine = block.referred
    return pa.table({
        "referrer_id": named(block, mine.referrer), "customer_id": named(block, mine.who),
        "referred_at": moments(mine.at),
    })  # fmt: skip


def reviews(block: Block) -> pa.Table:
    """What is true of each review: won paid, tier, who topped up, and the orders that gold would bring."""
    reviewed = block.standing
    return pa.table({
        "customer_id": named(block, reviewed.who), "since": moments(reviewed.at), "paid": reviewed.paid,
        "tier": words(reviewed.tier, TIERS), "topped_up": reviewed.topped, "would": reviewed.would,
    })  # fmt: skip


def who_refers_whom(block: Block) -> pa.Table:
    """The referrals, and whether both are one person."""
    return referrals(block).append_column("fraud", pa.array(block.referred.fraud))
