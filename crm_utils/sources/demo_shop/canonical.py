"""How does a block of the full world look to the shop? The canonical tables, without what nobody knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from crm_utils.sources.demo_shop import catalogue as shop
from crm_utils.sources.demo_shop import events as touch
from crm_utils.sources.demo_shop import loyalty
from crm_utils.sources.demo_shop.arrays import Ints
from crm_utils.sources.demo_shop.baskets import Lines
from crm_utils.sources.demo_shop.block import Block, stream
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.columns import days, ids, moments, money, pieces, whole, words
from crm_utils.sources.demo_shop.lots import Nulls
from crm_utils.sources.demo_shop.orders import CHANNELS, Orders
from crm_utils.sources.demo_shop.people import CONSENT_CHANNELS
from crm_utils.sources.demo_shop.worlds import CHANNELS as MESSAGES
from crm_utils.sources.demo_shop.worlds import FULL, LOTS

__all__ = ["Seen", "campaigns", "products", "tables"]

_CAMPAIGN_DAYS = 14
_CONSENT_SOURCES = ("가입", "설정", "메시지")


@dataclass(frozen=True)
class Seen:
    """What happened of a block, in order of time; order ids count on from the blocks before."""

    orders: Orders
    number: Ints
    lines: Lines
    paid: Ints

    @classmethod
    def of(cls, block: Block, before: int) -> Seen:
        """Leave out what did not happen, take coupons off, number orders by time."""
        kept = np.flatnonzero(block.happens)
        kept = kept[np.argsort(block.orders.at[kept], kind="stable")]
        row = np.full(len(block.orders), -1)
        row[kept] = np.arange(len(kept))
        lines = block.lines
        used = block.coupon_used[lines.order]
        amount, discount = (
            lines.amount - lines.coupon * used,
            lines.discount + lines.coupon * (used & ~lines.back),
        )
        now = Lines(row[lines.order], lines.at, lines.product, lines.quantity, amount, discount,
                    lines.coupon, lines.back).take(block.happens[lines.order])  # fmt: skip
        now = now.take(np.lexsort((now.product, now.order, now.back, now.at)))
        paid = np.bincount(now.order[~now.back], now.amount[~now.back], len(kept)).astype(np.int64)
        return cls(block.orders.take(kept), before + np.arange(len(kept)), now, paid)


def tables(block: Block, seed: int, number: int, counts: dict[str, int]) -> dict[str, pa.Table]:
    """The tables that a block adds rows to; ``counts`` holds the rows before, by which ids go on."""
    seen = Seen.of(block, counts["orders"])
    first = np.zeros(len(seen.orders), dtype=np.int64)
    bought = ~seen.lines.back
    first[seen.lines.order[bought][::-1]] = seen.lines.product[bought][::-1]
    events = touch.touches(stream(seed, number, "events"), block.people, block.departures, seen.orders,
                           first, block.drawn, len(shop.stock().name))  # fmt: skip
    answers = loyalty.answers(stream(seed, number, "answers"), FULL, seen.orders)
    points = loyalty.points(stream(seed, number, "points"), block.people, seen.orders, seen.paid)
    found = {
        "order_lines": _order_lines(block, seen),
        "customers": _customers(block, seen, events),
        "messages": _messages(block, counts["messages"]),
        "assignments": _assignments(block, block.nulls(seed, number)),
        "events": _events(block, events, counts),
        "consents": _consents(block),
        "feedback": _feedback(block, seen, answers, counts["feedback"]),
        "points": pa.table({
            "customer_id": _named(block, points.who), "occurred_at": moments(points.at),
            "points": whole(points.points), "kind": words(points.kind, loyalty.POINTS),
        }),
    }  # fmt: skip
    counts["orders"] += len(seen.orders)
    counts["sessions"] += int(events.visit.max(initial=-1)) + 1
    for name in ("messages", "events", "feedback"):
        counts[name] += len(found[name])
    return found


def products(*, priced: bool = True) -> pa.Table:
    """All products; without list prices where each order's price is drawn."""
    goods = shop.stock()
    known = np.full(len(goods.name), priced)
    kinds = [shop.SUBCATEGORIES[k] for k in goods.subcategory]
    return pa.table({
        "product_id": ids("p", np.arange(len(goods.name))), "name": list(goods.name),
        "category": [kind[1] for kind in kinds], "subcategory": [kind[0] for kind in kinds],
        "brand": words(goods.brand, shop.BRANDS), "unit_price": money(goods.price, known),
        "unit_margin": money(goods.margin, known),
        "launched_on": pa.array(goods.launched if priced else [None] * len(known), pa.date32()),
    })  # fmt: skip


def campaigns() -> pa.Table:
    """All campaigns, those of the experiments among them."""
    start = np.array([day_number(lot.starts) for lot in LOTS])
    last = start + np.array([max(_CAMPAIGN_DAYS, lot.spread_days) - 1 for lot in LOTS])
    one = [lot.arms[0].channel if len(lot.arms) == 1 else None for lot in LOTS]
    return pa.table({
        "campaign_id": [lot.campaign_id for lot in LOTS], "name": [lot.name for lot in LOTS],
        "kind": [lot.kind for lot in LOTS], "channel": pa.array(one, pa.string()),
        "starts_on": days(start), "ends_on": days(last),
    })  # fmt: skip


def _named(block: Block, who: Ints) -> pa.Array:
    """Customers' ids; guests and the unknown have none."""
    known = (who >= 0) & ~np.append(block.people.guest, True)[who]
    return ids("c", block.first + who, known)


def _order_lines(block: Block, seen: Seen) -> pa.Table:
    lines, order = seen.lines, seen.orders.take(seen.lines.order)
    number = seen.number[lines.order]
    letter = np.where(lines.back, "r", "o")
    store = np.where(order.channel == 0, block.people.region[order.who] % len(shop.STORES), len(shop.STORES))
    bought, back = ids("o", number), ids("r", number)
    return pa.table({
        "order_id": pa.compute.if_else(pa.array(letter == "o"), bought, back),
        "customer_id": _named(block, order.who), "product_id": ids("p", lines.product),
        "ordered_at": moments(lines.at), "quantity": pieces(lines.quantity),
        "amount": money(lines.amount), "discount": money(lines.discount),
        "store_id": words(store, (*shop.STORES, "온라인")), "channel": words(order.channel, CHANNELS),
    })  # fmt: skip


def _customers(block: Block, seen: Seen, events: touch.Events) -> pa.Table:
    people = block.people
    n = int((~people.guest).sum())
    last = people.joined.copy()
    known = events.who >= 0
    np.maximum.at(last, events.who[known], events.at[known])
    np.maximum.at(last, seen.orders.who[seen.lines.order], seen.lines.at)
    birthday = np.arange("2023-01-01", "2024-01-01", dtype="datetime64[D]").astype(str)
    return pa.table({
        "customer_id": ids("c", block.first + np.arange(n)), "joined_on": days(people.joined[:n] // DAY),
        "birth_year": whole(people.birth_year[:n]),
        "birthday": words(people.birthday[:n], [day[5:] for day in birthday]),
        "gender": words((~people.woman[:n]).astype(np.int64), shop.GENDERS),
        "region": words(people.region[:n], shop.REGIONS),
        "acquisition_channel": words(people.acquired[:n], shop.ACQUIRED), "last_active_at": moments(last[:n]),
    })  # fmt: skip


def _messages(block: Block, before: int) -> pa.Table:
    parts = []
    for number, one in enumerate(block.drawn):
        redeemed = np.full(len(block.people), END)
        rows = np.flatnonzero(block.happens & (block.orders.coupon == number) & block.coupon_used)
        redeemed[block.orders.who[rows]] = block.orders.at[rows]
        parts.append(_messages_of(block, number, redeemed[one.who]))
    found = pa.concat_tables(parts).sort_by([("sent_at", "ascending"), ("customer_id", "ascending")])
    return found.add_column(0, "message_id", ids("m", before + np.arange(len(found))))


def _messages_of(block: Block, number: int, redeemed: Ints) -> pa.Table:
    one = block.drawn[number]
    sent, n = one.arm > 0, len(one.who)
    names = [arm.channel for arm in one.lot.arms]
    channel = np.where(sent, one.arm - 1, 0 if len(names) == 1 else -1)
    cost = np.array([MESSAGES[name].cost for name in names])[channel] * sent
    failed = np.where(sent & (one.delivered >= END), 0, -1)
    return pa.table({
        "campaign_id": words(np.full(n, number), [lot.campaign_id for lot in LOTS]),
        "customer_id": _named(block, one.who), "channel": words(channel, names),
        "kind": pa.repeat("informational" if one.lot.informational else "advertising", n),
        "sent_at": moments(one.sent), "held_out": ~sent, "delivered_at": moments(one.delivered),
        "failed_reason": words(failed, ["unreachable"]), "opened_at": moments(one.opened),
        "clicked_at": moments(one.clicked), "redeemed_at": moments(redeemed),
        "unsubscribed_at": moments(one.left), "cost": money(cost),
    })  # fmt: skip


def _assignments(block: Block, nulls: list[Nulls]) -> pa.Table:
    parts = [(one.lot.experiment, (one.lot.control_arm, *(arm.arm for arm in one.lot.arms)), one.who, one.arm,
              one.at) for one in block.drawn if one.lot.experiment]  # fmt: skip
    parts += [(one.test.experiment, one.test.arms, one.who, one.second, one.at) for one in nulls]
    found = pa.concat_tables([
        pa.table({
            "experiment_id": pa.repeat(experiment, len(who)), "customer_id": _named(block, who),
            "arm": words(arm, arms), "assigned_at": moments(at),
        }) for experiment, arms, who, arm, at in parts
    ])  # fmt: skip
    return found.sort_by([("assigned_at", "ascending"), ("customer_id", "ascending"), ("arm", "ascending")])


def _events(block: Block, events: touch.Events, counts: dict[str, int]) -> pa.Table:
    return pa.table({
        "event_id": ids("e", counts["events"] + np.arange(len(events.at))),
        "customer_id": _named(block, events.who), "session_id": ids("s", counts["sessions"] + events.visit),
        "occurred_at": moments(events.at), "event": words(events.event, touch.EVENTS),
        "product_id": ids("p", events.product, events.product >= 0),
        "source": words(events.source, touch.SOURCES), "medium": words(events.source, touch.MEDIA),
        "campaign_id": words(events.lot, [lot.campaign_id for lot in LOTS]),
    })  # fmt: skip


def _consents(block: Block) -> pa.Table:
    parts, given = [], block.consents
    who = np.flatnonzero(~block.people.guest)
    for k, channel in enumerate(CONSENT_CHANNELS):
        changed = np.where(given.changed[:, k] < given.left[:, k], given.changed[:, k], END)
        allows = given.first[:, k]
        steps = ((given.joined, allows, 0), (changed, ~allows, 1), (given.left[:, k], allows & False, 2))
        for at, allowed, source in steps:
            rows = who[at[who] < END]
            parts.append(pa.table({
                "customer_id": _named(block, rows), "channel": pa.repeat(channel, len(rows)),
                "advertising": allowed[rows], "night": allowed[rows] & given.night[rows],
                "source": words(np.full(len(rows), source), _CONSENT_SOURCES),
                "changed_at": moments(at[rows]),
            }))  # fmt: skip
    order = [("changed_at", "ascending"), ("customer_id", "ascending"), ("channel", "ascending")]
    return pa.concat_tables(parts).sort_by(order)


def _feedback(block: Block, seen: Seen, answers: loyalty.Answers, before: int) -> pa.Table:
    who = seen.orders.who[answers.order]
    return pa.table({
        "feedback_id": ids("f", before + np.arange(len(answers.at))),
        "customer_id": _named(block, np.where(answers.named, who, -1)),
        "order_id": ids("o", seen.number[answers.order], answers.named), "submitted_at": moments(answers.at),
        "kind": words(answers.kind, loyalty.FEEDBACK), "score": whole(answers.score),
        "text": words(answers.text, loyalty.TEXTS),
    })  # fmt: skip
