"""What do customers answer, and how do their points come and go? Scores, reviews, balances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints
from crm_utils.sources.demo_shop.clock import DAY, END
from crm_utils.sources.demo_shop.orders import Orders
from crm_utils.sources.demo_shop.people import People
from crm_utils.sources.demo_shop.worlds import Full

__all__ = ["FEEDBACK", "POINTS", "TEXTS", "Answers", "Points", "answers", "points"]

FEEDBACK = ("nps", "csat", "review")
ASKED = (0.08, 0.08, 0.12)
"""Share of orders after which each kind of answer comes."""
TOPS = (10, 5, 5)
BOTTOMS = (0, 1, 1)
USUAL, SPREAD = (8.4, 4.3, 4.3), (1.7, 0.8, 0.9)
UNNAMED = 0.05

_GOOD = (
    "색상이 화면과 같고 예뻐요",
    "핏이 좋아서 자주 입게 돼요",
    "소재가 부드럽고 편해요",
    "가격 대비 만족해요",
    "선물했더니 좋아하네요",
)
_FAIR = (
    "무난하게 입을 만해요",
    "생각보다 얇지만 괜찮아요",
    "사이즈가 조금 크게 나왔어요",
    "보통이에요",
    "색상이 사진과 조금 달라요",
)
_POOR = (
    "마감이 아쉬워요",
    "사이즈가 맞지 않아 실망했어요",
    "세탁 후에 줄었어요",
    "사진과 너무 달라요",
    "다시 사지는 않을 것 같아요",
)
_LATE = (
    "배송이 너무 늦었어요",
    "기다리다가 필요한 날을 놓쳤어요",
    "배송 지연 안내가 없었어요",
    "포장은 좋은데 배송이 느려요",
    "일주일 넘게 걸렸어요",
)
TEXTS = (*_GOOD, *_FAIR, *_POOR, *_LATE)

POINTS = ("given", "earned", "spent", "expired")
GIVEN, EARNED, SPENT, EXPIRED = range(4)
WELCOME = 1_000
EARN = 0.01
SPENDS = 0.15
"""Share of orders at which a customer changes all points for a gift; no order is paid with points."""
LIVES_DAYS = 365


@dataclass(frozen=True)
class Answers:
    """Answers: order row, moment, kind, score, number of the text (−1 for none), whether it has a name."""

    order: Ints
    at: Ints
    kind: Ints
    score: Ints
    text: Ints
    named: Flags


@dataclass(frozen=True)
class Points:
    """Changes of balances: customer, moment, points, kind; by customer and time."""

    who: Ints
    at: Ints
    points: Ints
    kind: Ints


def answers(rng: np.random.Generator, world: Full, orders: Orders) -> Answers:
    """Scores after some of the orders; a late parcel lowers them before rounding."""
    kind_asked = np.searchsorted(np.cumsum(ASKED), rng.random(len(orders)), side="right")
    order = np.flatnonzero(kind_asked < len(FEEDBACK))
    kind, late = kind_asked[order], orders.late[order]
    lower = np.where(kind == 0, world.late_nps, world.late_stars) * late
    wanted = np.array(USUAL)[kind] - lower + np.array(SPREAD)[kind] * rng.standard_normal(len(order))
    score = np.clip(wanted.round().astype(np.int64), np.array(BOTTOMS)[kind], np.array(TOPS)[kind])
    day = orders.at[order] // DAY + orders.arrives[order] + rng.integers(1, 6, len(order))
    at = day * DAY + rng.integers(9 * 3600, 23 * 3600, len(order))
    mood = np.where(late & (rng.random(len(order)) < 0.7), 3, np.select([score >= 4, score == 3], [0, 1], 2))
    text = np.where(kind == 2, mood * len(_GOOD) + rng.integers(0, len(_GOOD), len(order)), -1)
    rows = np.flatnonzero(at < END)
    rows = rows[np.argsort(at[rows], kind="stable")]
    named = rng.random(len(order)) >= UNNAMED
    return Answers(order[rows], at[rows], kind[rows], score[rows], text[rows], named[rows])


def points(rng: np.random.Generator, people: People, orders: Orders, paid: Ints) -> Points:
    """Points given when joining, earned by orders, spent all at once, or expired after a year.

    Parameters
    ----------
    orders, paid
        The orders that happened, and what was paid for each, won.
    """
    mine = np.flatnonzero(~people.guest[orders.who])
    spends = mine[rng.random(len(mine)) < SPENDS]
    new = np.flatnonzero(~people.guest & (people.joined >= 0))
    earned = (paid[mine] * EARN).astype(np.int64)
    who = np.concatenate([new, orders.who[mine]])
    at = np.concatenate([people.joined[new], orders.at[mine]])
    worth = np.concatenate([np.full(len(new), WELCOME), earned])
    kind = np.repeat([GIVEN, EARNED], [len(new), len(mine)])
    # The next time a customer spends; an order spends what was there before it.
    span = 8 * END
    when = np.sort(orders.who[spends] * span + orders.at[spends])
    next_spent = np.searchsorted(when, who * span + at, side="right")
    spent_at = np.append(when, 4 * len(people) * span)[next_spent] - who * span
    ends = at + LIVES_DAYS * DAY
    used = spent_at <= ends
    total = np.bincount(next_spent[used], worth[used], minlength=len(when) + 1)[:-1].astype(np.int64)
    gone = ~used & (ends < END)
    parts = (
        (who, at, worth, kind),
        (when // span, when % span, -total, np.full(len(when), SPENT)),
        (who[gone], ends[gone], -worth[gone], np.full(int(gone.sum()), EXPIRED)),
    )
    who, at, worth, kind = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows = np.flatnonzero(worth != 0)
    rows = rows[np.lexsort((kind[rows], at[rows], who[rows]))]
    return Points(who[rows], at[rows], worth[rows], kind[rows])
