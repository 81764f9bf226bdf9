"""What becomes of a message? Sent or withheld, delivered, opened, clicked, answered by opting out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Floats, Ints
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.people import NEVER
from crm_utils.sources.demo_shop.worlds import CHANNELS, Trial

__all__ = ["Drawn", "answers"]

SENT_AFTER = 600
"""Seconds from the draw to the message."""
AVERSE_LEAVE = 4.0
"""How many times as often averse customers opt out."""
ANSWER_CLICKS = 0.9
"""Share of those who order because of a message that click in it."""


@dataclass(frozen=True)
class Drawn:
    """One trial: who took part (numbers in the block), when, with which arm (0: no message, 1: the first).

    ``delivered``, ``opened``, ``clicked`` and ``left`` are moments, NEVER where it did not happen.
    """

    trial: Trial
    who: Ints
    at: Ints
    arm: Ints
    delivered: Ints
    opened: Ints
    clicked: Ints
    left: Ints

    @property
    def sent(self) -> Ints:
        """When the message was sent, or would have been."""
        return self.at + SENT_AFTER

    def arm_of(self, people: int) -> Ints:
        """The arm of everybody in the block; −1 for who did not take part."""
        arms = np.full(people, -1)
        arms[self.who] = self.arm
        return arms


def answers(
    rng: np.random.Generator,
    trial: Trial,
    who: Ints,
    at: Ints,
    arm: Ints,
    luck: Floats,
    ordered: Ints,
    averse: Flags,
) -> Drawn:
    """When each message arrived, was opened and clicked, and who left by it.

    ``ordered`` is the first order because of it, NEVER for none: whoever orders has opened it before. Nobody
    opts out of a notice.
    """
    n = len(who)
    rates = np.array([(c.delivered, c.opened, c.clicked, c.unsubscribed * (not trial.informational))
                      for c in (CHANNELS[touch.channel] for touch in trial.arms)])[arm - 1]  # fmt: skip
    arrived = (arm > 0) & (luck < rates[:, 0])
    answered = arrived & (ordered < END)
    u = rng.random((3, n))
    opened = arrived & (answered | (u[0] < rates[:, 1]))
    clicked = opened & ((answered & (u[1] < ANSWER_CLICKS)) | (u[1] < rates[:, 2] / rates[:, 1]))
    left = opened & (u[2] < rates[:, 3] / rates[:, 1] * np.where(averse, AVERSE_LEAVE, 1.0))
    delivered_at = at + SENT_AFTER + rng.integers(1, 60, n)
    room = np.where(answered, ordered - delivered_at, 7 * DAY)
    opened_at = delivered_at + 1 + np.minimum(rng.exponential(4 * 3600, n), room / 3).astype(np.int64)
    clicked_at = opened_at + rng.integers(5, 300, n)
    moments = [np.where(f, t, NEVER) for f, t in ((arrived, delivered_at), (opened, opened_at),
                                                 (clicked, clicked_at), (left, opened_at + 60))]  # fmt: skip
    return Drawn(trial, who, at, arm, *moments)
