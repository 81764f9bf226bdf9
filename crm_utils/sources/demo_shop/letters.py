"""Messages that scenarios send, one customer at a time: when, how, held out or not, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Floats, Ints, Rows
from crm_utils.sources.demo_shop.people import NEVER
from crm_utils.sources.demo_shop.worlds import CHANNELS

__all__ = ["CHANNEL_NAMES", "SCENARIOS", "TEMPLATES", "VARIANTS", "Letters", "letters", "together"]

CHANNEL_NAMES = tuple(CHANNELS)
SCENARIOS = (
    "cart_reminder", "birthday", "early_access", "newsletter", "restock", "consent_reconfirmation",
)  # fmt: skip
TEMPLATES = ("장바구니 알림", "생일 축하", "신상품 먼저 보기", "주간 소식", "재입고 알림", "수신 동의 확인")
VARIANTS = ("a", "b", "c", "d")


@dataclass(frozen=True)
class Letters(Rows):
    """Messages of scenarios, sent or withheld; arrays with a value each.

    Attributes
    ----------
    scenario, channel, variant
        Numbers into SCENARIOS and CHANNEL_NAMES; which version (−1: there is one only).
    who, at, held, propensity
        Customer, seconds, whether withheld at random, and the chance of what was drawn.
    advertising
        Whether consent is needed.
    delivered, opened, clicked, left
        Moments; NEVER where it did not happen.
    visit
        The visit that set it off; −1 for none.
    fallback
        The row of the message that this one stands in for; −1 for none.
    without, with_it
        Orders within the scenario's horizon without the message and with it, both known; in no table.
    """

    scenario: Ints
    channel: Ints
    variant: Ints
    who: Ints
    at: Ints
    held: Flags
    propensity: Floats
    advertising: Flags
    delivered: Ints
    opened: Ints
    clicked: Ints
    left: Ints
    visit: Ints
    fallback: Ints
    without: Ints
    with_it: Ints


def together(parts: Sequence[Letters]) -> Letters:
    """All parts, one after the other; what stands in for a message stands right after that part."""
    rows, moved, before = 0, [], 0
    for part in parts:
        moved.append(replace(part, fallback=np.where(part.fallback >= 0, part.fallback + before, -1)))
        before, rows = rows, rows + len(part)
    return Letters.joined(moved)


def letters(
    rng: np.random.Generator,
    scenario: str,
    channel: str,
    who: Ints,
    at: Ints,
    held: Flags,
    propensity: Floats,
    *,
    variant: Ints | None = None,
    visit: Ints | None = None,
    advertising: bool = True,
    arrives: Flags | None = None,
    opens: Floats | None = None,
    clicked: Ints | None = None,
    outcomes: tuple[Ints, Ints] | None = None,
) -> Letters:
    """Draw what becomes of a scenario's messages, by its channel's usual rates.

    Parameters
    ----------
    arrives, opens
        Whether each arrives, and its chance to be opened, where they are not the channel's usual.
    clicked
        Moments of clicks that are known already (NEVER for none): those messages arrive and are opened.
    outcomes
        Orders without the message and with it.
    """
    n, usual, none = len(who), CHANNELS[channel], np.full(len(who), -1)
    known = np.full(n, NEVER) if clicked is None else clicked
    u = rng.random((3, n))
    arrived = ~held & ((u[0] < usual.delivered if arrives is None else arrives) | (known < NEVER))
    rate = usual.opened if opens is None else opens
    opened = arrived & ((u[1] < rate) | (known < NEVER))
    clicks = opened & ((u[2] < usual.clicked / usual.opened) | (known < NEVER))
    delivered_at = at + rng.integers(1, 60, n)
    without, with_it = (none, none) if outcomes is None else outcomes
    room = np.where(known < NEVER, np.maximum(known - delivered_at - 2, 1), NEVER)
    opened_at = delivered_at + 1 + np.minimum(rng.exponential(2 * 3600, n).astype(np.int64), room // 2)
    clicked_at = np.where(known < NEVER, known, opened_at + rng.integers(5, 300, n))
    delivered = np.where(arrived, delivered_at, NEVER)
    opened_ = np.where(opened, opened_at, NEVER)
    clicked_ = np.where(clicks, clicked_at, NEVER)
    return Letters(
        none + 1 + SCENARIOS.index(scenario), none + 1 + CHANNEL_NAMES.index(channel),
        none if variant is None else variant, who, at, held, propensity, np.full(n, advertising),
        delivered, opened_, clicked_,
        np.full(n, NEVER), none if visit is None else visit, none, without, with_it,
    )  # fmt: skip
