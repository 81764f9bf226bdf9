"""What becomes of orders and coupons, and what is on the shelf? Prices, stock, and who can be reached."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop.arrays import Ints
from crm_utils.sources.demo_shop.block import Block
from crm_utils.sources.demo_shop.catalogue import stock
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.columns import ids, moments, money, whole, words
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import NEVER
from crm_utils.sources.demo_shop.seen import Seen, named
from crm_utils.sources.demo_shop.shelves import OPENS, dropped_price, is_sold_out
from crm_utils.sources.demo_shop.worlds import DATES, DAYS, SHELF

__all__ = ["called_at", "coupons", "delivered_at", "order_status", "reach", "shelf"]

STATUS = ("paid", "shipped", "delivered", "returned")
CALLS = 0.3
"""Share of late orders that somebody calls about."""
COUNTED_EVERY = 28
"""Days between two counts of the stock."""


def delivered_at(rng: np.random.Generator, orders: Orders) -> Ints:
    """When each parcel comes, seconds; NEVER for what is bought in a store."""
    day = orders.at // DAY + orders.arrives
    first = np.where(day < day_number(DATES.partner_starts), DATES.hours_before[0], DATES.hours_after[0])
    last = np.where(day < day_number(DATES.partner_starts), DATES.hours_before[1], DATES.hours_after[1])
    at = day * DAY + ((first + rng.random(len(orders)) * (last - first)) * 3600).astype(np.int64)
    return np.where(orders.channel > 0, at, NEVER)


def called_at(rng: np.random.Generator, orders: Orders) -> Ints:
    """When somebody calls about a late parcel, the day before it comes; NEVER where nobody does."""
    calls = orders.late & (rng.random(len(orders)) < CALLS)
    day = orders.at // DAY + orders.arrives - 1
    return np.where(calls, day * DAY + rng.integers(9 * 3600, 20 * 3600, len(orders)), NEVER)


def order_status(rng: np.random.Generator, seen: Seen, delivered: Ints) -> pa.Table:
    """A row a change, in order: paid, online shipped and delivered, and returned where goods came back."""
    orders, every = seen.orders, np.arange(len(seen.orders))
    sent = every[orders.channel > 0]
    shipped = orders.at[sent] + ((0.3 + 0.5 * rng.random(len(sent))) * (delivered - orders.at)[sent])
    returned, first = np.unique(seen.lines.order[seen.lines.back], return_index=True)
    moment = [orders.at, shipped.astype(np.int64), delivered[sent], seen.lines.at[seen.lines.back][first]]
    row = np.concatenate([every, sent, sent, returned])
    at, status = np.concatenate(moment), np.repeat(np.arange(4), [len(part) for part in moment])
    rows = np.flatnonzero(at < END)
    rows = rows[np.lexsort((status[rows], at[rows]))]
    return pa.table({
        "order_id": ids("o", seen.number[row[rows]]), "status": words(status[rows], STATUS),
        "occurred_at": moments(at[rows]),
    })  # fmt: skip


def coupons(block: Block, seen: Seen, before: int) -> pa.Table:
    """A row a coupon, those of trials that give one, in order of time; all take off a share of the price."""
    parts = []
    for number, one in enumerate(block.drawn):
        if one.trial.coupon:
            sent = np.flatnonzero(one.delivered < END)
            redeemed = np.full(len(block.people), -1)
            rows = np.flatnonzero((seen.orders.coupon == number) & seen.used)
            redeemed[seen.orders.who[rows]] = rows
            ends = one.at[sent] + one.trial.horizon_days * DAY
            parts.append((one.who[sent], one.delivered[sent], ends, redeemed[one.who[sent]]))
    who, given, end, order = (np.concatenate(column) for column in zip(*parts, strict=True))
    by = np.lexsort((who, given))
    who, given, end, order = who[by], given[by], end[by], order[by]
    known = order >= 0
    return pa.table({
        "coupon_id": ids("k", before + np.arange(len(by))), "customer_id": named(block, who),
        "issued_at": moments(given), "expires_at": moments(end),
        "redeemed_at": moments(np.append(seen.orders.at, NEVER)[order]),
        "order_id": ids("o", np.append(seen.number, 0)[order], known),
        "value": money(np.zeros(len(by), dtype=np.int64), np.zeros(len(by), dtype=bool)),
    })  # fmt: skip


def reach(block: Block) -> pa.Table:
    """A row a change of what push reaches: from joining on, lost by an app update, found again."""
    people, tokens = block.people, block.tokens
    who = np.flatnonzero(~people.guest)
    lost, back = who[tokens.lost[who] < END], who[tokens.back[who] < END]
    whose = np.concatenate([who, lost, back])
    at = np.concatenate([people.joined[who], tokens.lost[lost], tokens.back[back]])
    yes = np.repeat([True, False, True], [len(who), len(lost), len(back)])
    by = np.lexsort((whose, at))
    return pa.table({
        "customer_id": named(block, whose[by]), "channel": pa.repeat("app_push", len(by)),
        "reachable": yes[by], "changed_at": moments(at[by]),
    })  # fmt: skip


def shelf(seed: int, customers: int) -> pa.Table:
    """A row a change of price or stock, which is counted every four weeks and when it ends."""
    goods, rng = stock(), np.random.default_rng([seed, 7])
    starts = np.array([0 if day is None else day_number(day) for day in goods.launched])
    counts = np.arange(0, DAYS, COUNTED_EVERY)
    day, product = np.repeat(counts, len(goods.name)), np.tile(np.arange(len(goods.name)), len(counts))
    rows = np.flatnonzero(day + COUNTED_EVERY > starts[product])
    day, product = np.maximum(day[rows], starts[product[rows]]), product[rows]
    new = np.zeros(len(rows), dtype=bool)
    new[np.unique(product, return_index=True)[1]] = True
    left = 20 + rng.poisson(customers / 60, len(rows))
    kept = ~is_sold_out(product, day * DAY + OPENS)
    sold_out, cheaper = day_number(SHELF.sold_out_on), day_number(SHELF.cheaper_from)
    # Sold out, back again with the usual stock, and a price that falls.
    days = np.append(day[kept], [sold_out, sold_out + SHELF.sold_out_days, cheaper])
    product = np.append(product[kept], [SHELF.sold_out, SHELF.sold_out, SHELF.cheaper])
    stocked = np.append(left[kept], [0, 20 + customers // 60, 0])
    by = np.argsort(days, kind="stable")
    return pa.table({
        "product_id": ids("p", product[by]), "changed_at": moments(days[by] * DAY + OPENS),
        "price": money(np.append(goods.price[product[:-1]], dropped_price(goods))[by],
                       np.append(new[kept], [False, False, True])[by]),
        "stock": whole(stocked[by], (np.arange(len(days)) < len(days) - 1)[by]),
    })  # fmt: skip
