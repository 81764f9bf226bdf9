"""How does a block of the full world look to the shop? The canonical tables, without what nobody knows."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_utils.sources.demo_shop import asking, contacts, fulfilment, loyalty, noise, standing
from crm_utils.sources.demo_shop import catalogue as shop
from crm_utils.sources.demo_shop import events as touch
from crm_utils.sources.demo_shop.block import Block, stream
from crm_utils.sources.demo_shop.clock import DAY, END, day_number
from crm_utils.sources.demo_shop.columns import days, ids, moments, money, pieces, whole, words
from crm_utils.sources.demo_shop.orders import CHANNELS
from crm_utils.sources.demo_shop.seen import Seen, named
from crm_utils.sources.demo_shop.worlds import ASKS, FULL, LOYAL, NOISE, TRIALS

__all__ = ["asked_of", "campaigns", "products", "tables"]

_CAMPAIGN_DAYS = 14


def tables(block: Block, seed: int, number: int, counts: dict[str, int]) -> dict[str, pa.Table]:
    """The tables that a block adds rows to; ``counts`` holds the rows before, by which ids go on."""
    seen = Seen.of(block, counts["orders"])
    first = np.zeros(len(seen.orders), dtype=np.int64)
    bought = ~seen.lines.back
    first[seen.lines.order[bought][::-1]] = seen.lines.product[bought][::-1]
    delivered = fulfilment.delivered_at(stream(seed, number, "parcels"), seen.orders)
    draw = functools.partial(stream, seed, number)
    called = fulfilment.called_at(stream(seed, number, "calls"), seen.orders)
    events = touch.touches(
        stream(seed, number, "events"), seen.orders, first, delivered, called, block.visits, block.drawn,
        block.letters, noise.mixed_up(draw("sessions"), NOISE, block.visits), block.on,
        lambda first: _noise(block, draw("noise"), first),
    )  # fmt: skip
    asked = asking.requests(stream(seed, number, "asked"), ASKS, FULL, block.people, seen.orders, delivered)
    answers = asking.answers(
        stream(seed, number, "answers"), ASKS, FULL, seen.orders, asked, delivered, called, first
    )
    points = loyalty.points(
        stream(seed, number, "points"), LOYAL, block.people, seen.orders, seen.paid, block.referred
    )
    added = {
        "order_lines": _order_lines(block, seen),
        "customers": _customers(block, seen, events),
        "messages": contacts.messages(block, counts["messages"], counts["sessions"] + len(seen.orders)),
        "assignments": contacts.assignments(block, block.nulls(seed, number)),
        "events": contacts.events(block, events, counts),
        "consents": contacts.consents(block),
        "order_status": fulfilment.order_status(stream(seed, number, "status"), seen, delivered),
        "reach": fulfilment.reach(block),
        "coupons": fulfilment.coupons(block, seen, counts["coupons"]),
        "feedback": contacts.feedback(block, seen, answers, first, counts["feedback"]),
        "asked": contacts.asked(block, seen, asked),
        "points": standing.points(block, seen, points), "tiers": standing.tiers(block),
        "referrals": standing.referrals(block),
    }  # fmt: skip
    counts["orders"] += len(seen.orders)
    counts["sessions"] += int(events.visit.max(initial=-1)) + 1
    for name in ("messages", "events", "feedback", "coupons"):
        counts[name] += len(added[name])
    return added


def _noise(block: Block, rng: np.random.Generator, first: int) -> list[touch.Events]:
    """Robots, and phones that two people share."""
    bots = noise.robots(rng, NOISE, block.people, len(shop.stock().name), first)
    after = max(first, int(bots.visit.max(initial=-1)) + 1)
    return [bots, noise.phones(rng, NOISE, block.people, block.referred, after)]


def asked_of(block: Block, seed: int, number: int) -> pa.Table:
    """What everybody who was asked for the NPS would answer, and whether they do: part of the truth."""
    seen = Seen.of(block, 0)
    delivered = fulfilment.delivered_at(stream(seed, number, "parcels"), seen.orders)
    asked = asking.requests(stream(seed, number, "asked"), ASKS, FULL, block.people, seen.orders, delivered)
    asked = asked.take(asked.kind == asking.NPS)
    return pa.table({
        "customer_id": named(block, seen.orders.who[asked.order]), "asked_at": moments(asked.at),
        "late": seen.orders.late[asked.order], "score": asked.score, "answers": asked.back_at < END,
        "days": np.array(ASKS.timings)[asked.timing],
    })  # fmt: skip


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
    start = np.array([day_number(trial.starts) for trial in TRIALS])
    last = start + np.array([max(_CAMPAIGN_DAYS, trial.spread_days) - 1 for trial in TRIALS])
    one = [trial.arms[0].channel if len(trial.arms) == 1 else None for trial in TRIALS]
    return pa.table({
        "campaign_id": [trial.campaign_id for trial in TRIALS], "name": [trial.name for trial in TRIALS],
        "kind": [trial.kind for trial in TRIALS], "channel": pa.array(one, pa.string()),
        "starts_on": days(start), "ends_on": days(last),
    })  # fmt: skip


def _order_lines(block: Block, seen: Seen) -> pa.Table:
    lines, order = seen.lines, seen.orders.take(seen.lines.order)
    number = seen.number[lines.order]
    store = np.where(order.channel == 0, block.people.region[order.who] % len(shop.STORES), len(shop.STORES))
    order_id = pc.if_else(pa.array(lines.back), ids("r", number), ids("o", number))
    return pa.table({
        "order_id": order_id, "customer_id": named(block, order.who), "product_id": ids("p", lines.product),
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
        "joined_at": moments(people.joined[:n]),
        "birth_year": whole(people.birth_year[:n]),
        "birthday": words(people.birthday[:n], [day[5:] for day in birthday]),
        "gender": words((~people.woman[:n]).astype(np.int64), shop.GENDERS),
        "region": words(people.region[:n], shop.REGIONS),
        "acquisition_channel": words(people.acquired[:n], shop.ACQUIRED), "last_active_at": moments(last[:n]),
    })  # fmt: skip
