"""What can be bought at which price? One product is sold out for two weeks, one gets cheaper for good."""

from __future__ import annotations

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.catalogue import Catalogue
from crm_utils.sources.demo_shop.clock import DAY, day_number
from crm_utils.sources.demo_shop.worlds import SHELF

__all__ = ["OPENS", "dropped_price", "in_stock", "is_sold_out", "price_at"]

OPENS = 6 * 3600
"""Second of the day at which the shelf changes."""


def is_sold_out(product: Ints, at: Ints) -> Flags:
    """Whether there is none of these products at these moments."""
    since = at - day_number(SHELF.sold_out_on) * DAY - OPENS
    return np.asarray((product == SHELF.sold_out) & (since >= 0) & (since < SHELF.sold_out_days * DAY))


def in_stock(product: Ints, at: Ints) -> Ints:
    """The products; in place of one that is sold out the style before it, of the same kind and tier."""
    return np.asarray(product - is_sold_out(product, at))


def dropped_price(goods: Catalogue) -> int:
    """What the product that gets cheaper costs from then on, in won; a multiple of 100."""
    return int(goods.price[SHELF.cheaper] * (1 - SHELF.drop) // 100 * 100)


def price_at(goods: Catalogue, product: Ints, at: Ints) -> Ints:
    """What one of each product costs at these moments, in won."""
    dropped = (product == SHELF.cheaper) & (at >= day_number(SHELF.cheaper_from) * DAY + OPENS)
    return np.asarray(np.where(dropped, dropped_price(goods), goods.price[product]))
