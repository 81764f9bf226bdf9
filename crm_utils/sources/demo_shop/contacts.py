"""How do the shop's contacts with its customers look? Messages, assignments, touches, consents, answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_utils.sources.demo_shop import asking
from crm_utils.sources.demo_shop import events as touch
from crm_utils.sources.demo_shop.arrays import Ints
from crm_utils.sources.demo_shop.block import Block
from crm_utils.sources.demo_shop.clock import END
from crm_utils.sources.demo_shop.columns import ids, moments, money, shares, whole, words
from crm_utils.sources.demo_shop.letters import CHANNEL_NAMES, SCENARIOS, TEMPLATES, VARIANTS
from crm_utils.sources.demo_shop.nulls import Nulls
from crm_utils.sources.demo_shop.people import CONSENT_CHANNELS
from crm_utils.sources.demo_shop.seen import Seen, named
from crm_utils.sources.demo_shop.texts import TEXTS
from crm_utils.sources.demo_shop.worlds import CHANNELS as MESSAGES
from crm_utils.sources.demo_shop.worlds import TRIALS

__all__ = ["asked", "assignments", "consents", "events", "feedback", "messages"]

_CAMPAIGNS = tuple(trial.campaign_id for trial in TRIALS)
_CONSENT_SOURCES = ("가입", "설정", "메시지")


def messages(block: Block, before: int, sessions: int) -> pa.Table:
    """A row a message, sent or withheld, in order of time.

    ``before`` messages and ``sessions`` sessions (those of this block's orders among them) come first.
    """
    parts = [_of_scenarios(block, sessions)]
    for number in range(len(block.drawn)):
        redeemed = np.full(len(block.people), END)
        rows = np.flatnonzero(block.happens & (block.orders.coupon == number) & block.coupon_used)
        redeemed[block.orders.who[rows]] = block.orders.at[rows]
        parts.append(_of_trial(block, number, redeemed[block.drawn[number].who]))
    table = pa.concat_tables(parts)
    by = pc.sort_indices(
        table, [("sent_at", "ascending"), ("customer_id", "ascending"), ("row", "ascending")]
    )
    place = np.empty(len(table), dtype=np.int64)
    place[by.to_numpy()] = np.arange(len(table))
    fallback = table["fallback_of"].to_numpy()
    named_by = ids("m", before + np.where(fallback >= 0, place[fallback], -1), fallback >= 0)
    table = table.set_column(table.column_names.index("fallback_of"), "fallback_of", named_by)
    table = table.add_column(0, "message_id", ids("m", before + place))
    return table.take(by).drop_columns(["row"])


def _of_trial(block: Block, number: int, redeemed: Ints) -> pa.Table:
    one = block.drawn[number]
    sent, n = one.arm > 0, len(one.who)
    names = [arm.channel for arm in one.trial.arms]
    channel = np.where(sent, one.arm - 1, 0 if len(names) == 1 else -1)
    cost = np.array([MESSAGES[name].cost for name in names])[channel] * sent
    failed = np.where(sent & (one.delivered >= END), 0, -1)
    chance = np.where(sent, (1 - one.trial.control) / len(names), one.trial.control)
    none = pa.nulls(n, pa.string())
    return pa.table({
        "campaign_id": words(np.full(n, number), _CAMPAIGNS), "scenario": none,
        "customer_id": named(block, one.who), "channel": words(channel, names),
        "kind": pa.repeat("informational" if one.trial.informational else "advertising", n),
        "sent_at": moments(one.sent), "held_out": ~sent, "delivered_at": moments(one.delivered),
        "failed_reason": words(failed, ["unreachable"]), "opened_at": moments(one.opened),
        "clicked_at": moments(one.clicked), "redeemed_at": moments(redeemed),
        "unsubscribed_at": moments(one.left), "cost": money(cost), "template": none, "variant": none,
        "propensity": shares(chance), "anchor_id": none, "fallback_of": np.full(n, -1),
        "row": np.full(n, -1),
    })  # fmt: skip


def _of_scenarios(block: Block, sessions: int) -> pa.Table:
    sent, n = block.letters, len(block.letters)
    cost = np.array([MESSAGES[name].cost for name in CHANNEL_NAMES])[sent.channel] * ~sent.held
    failed = np.where(~sent.held & (sent.delivered >= END), 0, -1)
    return pa.table({
        "campaign_id": pa.nulls(n, pa.string()), "scenario": words(sent.scenario, SCENARIOS),
        "customer_id": named(block, sent.who), "channel": words(sent.channel, CHANNEL_NAMES),
        "kind": words(sent.advertising.astype(np.int64), ("informational", "advertising")),
        "sent_at": moments(sent.at), "held_out": sent.held, "delivered_at": moments(sent.delivered),
        "failed_reason": words(failed, ["unreachable"]), "opened_at": moments(sent.opened),
        "clicked_at": moments(sent.clicked), "redeemed_at": pa.nulls(n, pa.timestamp("us")),
        "unsubscribed_at": moments(sent.left), "cost": money(cost),
        "template": words(sent.scenario, TEMPLATES),
        "variant": words(sent.variant, VARIANTS), "propensity": shares(sent.propensity),
        "anchor_id": ids("s", sessions + sent.visit, sent.visit >= 0), "fallback_of": sent.fallback,
        "row": np.arange(n),
    })  # fmt: skip


def assignments(block: Block, nulls: list[Nulls]) -> pa.Table:
    """Who was assigned to which arm, in order of time."""
    parts = [(one.trial.experiment, (one.trial.control_arm, *(arm.arm for arm in one.trial.arms)), one.who,
              one.arm, one.at) for one in block.drawn if one.trial.experiment]  # fmt: skip
    parts += [(one.test.experiment, one.test.arms, one.who, one.second, one.at) for one in nulls]
    table = pa.concat_tables([
        pa.table({
            "experiment_id": pa.repeat(experiment, len(who)), "customer_id": named(block, who),
            "arm": words(arm, arms), "assigned_at": moments(at),
        }) for experiment, arms, who, arm, at in parts
    ])  # fmt: skip
    return table.sort_by([("assigned_at", "ascending"), ("customer_id", "ascending"), ("arm", "ascending")])


def events(block: Block, events: touch.Events, counts: dict[str, int]) -> pa.Table:
    """A row a touch, in order of time."""
    return pa.table({
        "event_id": ids("e", counts["events"] + np.arange(len(events.at))),
        "customer_id": named(block, events.who),
        "session_id": ids("s", counts["sessions"] + events.visit, events.visit >= 0),
        "occurred_at": moments(events.at), "event": words(events.event, touch.EVENTS),
        "product_id": ids("p", events.product, events.product >= 0),
        "source": words(events.source, touch.SOURCES), "medium": words(events.source, touch.MEDIA),
        "campaign_id": words(events.trial, _CAMPAIGNS),
    })  # fmt: skip


def consents(block: Block) -> pa.Table:
    """A row a change, those through messages among them, in order of time."""
    parts, given = [], block.consents
    who = np.flatnonzero(~block.people.guest)
    for k, channel in enumerate(CONSENT_CHANNELS):
        changed = np.where(given.changed[:, k] < given.left[:, k], given.changed[:, k], END)
        allows = given.first[:, k]
        steps = ((given.joined, allows, 0), (changed, ~allows, 1), (given.left[:, k], allows & False, 2))
        for at, allowed, source in steps:
            rows = who[at[who] < END]
            parts.append(pa.table({
                "customer_id": named(block, rows), "channel": pa.repeat(channel, len(rows)),
                "advertising": allowed[rows], "night": allowed[rows] & given.night[rows],
                "source": words(np.full(len(rows), source), _CONSENT_SOURCES),
                "changed_at": moments(at[rows]),
            }))  # fmt: skip
    order = [("changed_at", "ascending"), ("customer_id", "ascending"), ("channel", "ascending")]
    return pa.concat_tables(parts).sort_by(order)


def asked(block: Block, seen: Seen, requests: asking.Requests) -> pa.Table:
    """A row a request, in order of time."""
    return pa.table({
        "customer_id": named(block, seen.orders.who[requests.order]),
        "order_id": ids("o", seen.number[requests.order]), "kind": words(requests.kind, asking.FEEDBACK),
        "asked_at": moments(requests.at), "channel": pa.repeat("alimtalk", len(requests)),
    })  # fmt: skip


def feedback(block: Block, seen: Seen, answers: asking.Answers, first: Ints, before: int) -> pa.Table:
    """A row an answer, in order of time; some without a name."""
    who = seen.orders.who[answers.order]
    return pa.table({
        "feedback_id": ids("f", before + np.arange(len(answers.at))),
        "customer_id": named(block, np.where(answers.named, who, -1)),
        "order_id": ids("o", seen.number[answers.order], answers.named), "submitted_at": moments(answers.at),
        "kind": words(answers.kind, asking.FEEDBACK), "score": whole(answers.score, answers.score >= 0),
        "text": words(answers.text, TEXTS), "product_id": ids("p", first[answers.order], answers.about),
        "resolved_at": moments(answers.resolved),
    })  # fmt: skip
