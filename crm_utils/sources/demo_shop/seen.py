"""What happened of a block: the orders and lines that took place, numbered by time, coupons taken off."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.baskets import Lines
from crm_utils.sources.demo_shop.block import Block
from crm_utils.sources.demo_shop.columns import ids
from crm_utils.sources.demo_shop.orders import Orders

__all__ = ["Seen", "named"]


@dataclass(frozen=True)
class Seen:
    """What happened of a block, in order of time.

    Attributes
    ----------
    orders, number
        The orders, and their numbers, which count on from the blocks before.
    lines
        Their lines, and what came back; ``order`` is a row of ``orders``, coupons are off the amounts.
    paid
        What was paid for each order, won.
    used
        Whether its coupon was used.
    """

    orders: Orders
    number: Ints
    lines: Lines
    paid: Ints
    used: Flags

    @classmethod
    def of(cls, block: Block, before: int) -> Seen:
        """Leave out what did not happen, take coupons off, number orders by time."""
        kept = np.flatnonzero(block.happens)
        kept = kept[np.argsort(block.orders.at[kept], kind="stable")]
        row = np.full(len(block.orders), -1)
        row[kept] = np.arange(len(kept))
        lines = block.lines
        used = block.coupon_used[lines.order]
        now = replace(
            lines,
            order=row[lines.order],
            amount=lines.amount - lines.coupon * used,
            discount=lines.discount + lines.coupon * (used & ~lines.back),
        ).take(block.happens[lines.order])
        now = now.take(np.lexsort((now.product, now.order, now.back, now.at)))
        paid = np.bincount(now.order[~now.back], now.amount[~now.back], len(kept)).astype(np.int64)
        number = before + np.arange(len(kept))
        return cls(block.orders.take(kept), number, now, paid, block.coupon_used[kept])


def named(block: Block, who: Ints) -> pa.Array:
    """Customers' ids; guests and the unknown have none."""
    known = (who >= 0) & ~np.append(block.people.guest, True)[who]
    return ids("c", block.first + who, known)
