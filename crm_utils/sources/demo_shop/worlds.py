"""What is true in the simulated shop? Every planted parameter, in one place; nothing here is drawn.

Two worlds, because their truths contradict each other. ``pure`` follows BG/NBD and Gamma-Gamma to the
letter, so that a model's parameters can be recovered. ``full`` has what a shop has: seasons, departures
with reasons, goods that sell together, campaigns that some people buy less after.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from crm_utils.sources.demo_shop.planted import (
    ADS,
    ASKS,
    CARTS,
    DATES,
    FIRSTS,
    LOYAL,
    NOISE,
    SHELF,
    WRITES,
    Ads,
    Asking,
    Carts,
    Dates,
    FirstOrders,
    Loyalty,
    Noise,
    Scenarios,
    Shelf,
)

__all__ = [
    "ADS",
    "ASKS",
    "CARTS",
    "CHANNELS",
    "DATES",
    "DAYS",
    "FIRSTS",
    "FULL",
    "LOYAL",
    "NOISE",
    "NULL_TESTS",
    "PURE",
    "SHELF",
    "START",
    "TRIALS",
    "WRITES",
    "Ads",
    "Asking",
    "Carts",
    "Channel",
    "Dates",
    "FirstOrders",
    "Loyalty",
    "Noise",
    "Scenarios",
    "Shelf",
    "Touch",
    "Trial",
]

START = dt.date(2024, 1, 1)
DAYS = 731
"""Days from the first to the last day of the data, 2024-01-01 to 2025-12-31."""


@dataclass(frozen=True)
class Pure:
    """Parameters of the pure world. Time is in weeks (of 7 days), value in won an order.

    A customer's repeat purchases come at rate λ ~ Gamma(r, α) a week, and after each of them the customer
    leaves with probability p ~ Beta(a, b), never after the first purchase (P. Fader, B. Hardie and K. Lee,
    Marketing Science 24, 2005). An order's value is Gamma(p, ν) with ν ~ Gamma(q, γ) of the customer (Fader
    and Hardie, note 025, 2013), so its mean over customers is p γ / (q − 1). First purchases are uniform over
    a year.
    """

    r: float = 0.8
    alpha_weeks: float = 9.0
    a: float = 0.8
    b: float = 2.5
    p: float = 6.0
    q: float = 4.0
    gamma_won: float = 30_000.0
    first_purchase_days: int = 364


@dataclass(frozen=True)
class Full:
    """Parameters of the full world; time in days.

    Attributes
    ----------
    existing_share
        Customers who joined before the data begin.
    rate_shape, orders_a_year
        Shape of the gamma distribution of order rates, and its mean, while a customer stays.
    leave, leave_ad
        Chance to leave after an order, for any reason of one's own; and for those won by advertising.
    leave_late
        Chance to leave after an order that came late, on top.
    late, late_peak, late_far
        Share of online orders that come late; in November and December; factor for the far regions.
    late_nps, late_stars
        By how much a late order lowers an answer before rounding: of 11 points, of 5 stars.
    averse_age, averse_old, averse_young
        From this age the share of customers who buy less when written to; and below it.
    averse_skips
        Share of orders that such a customer leaves out after a message, within its horizon.
    new_days, new_response
        Customers for at most so many days respond so many times as strongly.
    guest_share, return_share
        Orders without a known customer; lines that come back.
    affinities
        Goods that sell together: the first, its partner, and the chance that the partner is added.
    """

    existing_share: float = 0.5
    rate_shape: float = 1.3
    orders_a_year: float = 6.5
    leave: float = 0.03
    leave_ad: float = 0.10
    leave_late: float = 0.20
    late: float = 0.06
    late_peak: float = 0.20
    late_far: float = 2.0
    late_nps: float = 3.0
    late_stars: float = 1.5
    averse_age: int = 55
    averse_old: float = 0.70
    averse_young: float = 0.04
    averse_skips: float = 0.70
    new_days: int = 180
    new_response: float = 1.8
    guest_share: float = 0.03
    return_share: float = 0.07
    affinities: tuple[tuple[str, str, float], ...] = (
        ("셔츠", "넥타이", 0.30),
        ("청바지", "벨트", 0.25),
        ("코트", "머플러", 0.30),
        ("운동화", "양말", 0.30),
        ("수영복", "모자", 0.30),
        ("원피스", "귀걸이", 0.25),
    )


@dataclass(frozen=True)
class Channel:
    """A message's cost (won), and how often it arrives, is opened, is clicked, and makes people opt out."""

    cost: int
    delivered: float
    opened: float
    clicked: float
    unsubscribed: float


CHANNELS = {
    "alimtalk": Channel(8, 0.97, 0.70, 0.12, 0.0),
    "brand_message": Channel(15, 0.96, 0.45, 0.10, 0.006),
    "sms": Channel(20, 0.98, 0.60, 0.05, 0.008),
    "app_push": Channel(1, 0.85, 0.12, 0.05, 0.004),
    "in_app": Channel(0, 0.60, 0.50, 0.08, 0.002),
    "email": Channel(2, 0.95, 0.22, 0.04, 0.005),
}


@dataclass(frozen=True)
class Touch:
    """One arm in which a message is sent: by which channel, and the extra orders that it brings.

    ``extra`` is the mean number of additional orders within the horizon of a customer whom it reaches, who
    has not left, is not new and not averse.
    """

    arm: str
    channel: str
    extra: float


@dataclass(frozen=True)
class Trial:
    """A campaign or an experiment in which chance decides who is written to.

    Attributes
    ----------
    campaign_id, name, kind
        As in ``campaigns``; ``kind`` is what is written about.
    starts, spread_days, hours
        First day, days over which people are written to, and the hours of the day (from, to).
    horizon_days
        Days from the assignment in which it has an effect, and in which its truth is counted.
    arms, control
        The arms with a message, of equal size, and the share without.
    coupon, redeems
        Part of the price that one order's coupon takes off, and the chance that it is used.
    informational
        A notice that needs no consent to advertising.
    experiment, control_arm
        Its name in ``assignments``; empty for a campaign with a held-out share.
    """

    campaign_id: str
    name: str
    kind: str
    starts: dt.date
    arms: tuple[Touch, ...]
    control: float = 0.1
    spread_days: int = 1
    hours: tuple[int, int] = (10, 20)
    horizon_days: int = 28
    coupon: float = 0.0
    redeems: float = 0.0
    informational: bool = False
    experiment: str = ""
    control_arm: str = ""


def _campaign(
    number: int, name: str, kind: str, day: str, channel: str, extra: float, **more: float | tuple[int, int]
) -> Trial:
    arms = (Touch("sent", channel, extra),)
    return Trial(f"k{number:02d}", name, kind, dt.date.fromisoformat(day), arms, **more)  # type: ignore[arg-type]


#: In order of time. No campaign runs within the horizon of another or of an experiment with an effect of its
#: own on who can be written to, so that effects add up and each truth is exact.
TRIALS = (
    _campaign(1, "설맞이 선물 제안", "season", "2024-02-01", "email", 0.03),
    _campaign(2, "봄 신상품 소식", "news", "2024-03-11", "app_push", 0.06),
    _campaign(3, "가정의 달 쿠폰", "coupon", "2024-04-29", "brand_message", 0.14, coupon=0.10, redeems=0.6),
    _campaign(4, "여름 세일 안내", "sale", "2024-06-20", "sms", 0.10),
    _campaign(5, "밤에만 열리는 특가", "sale", "2024-08-12", "app_push", 0.08, hours=(21, 22)),
    _campaign(6, "가을 신상품 소식", "news", "2024-09-12", "in_app", 0.05),
    _campaign(7, "코트 미리 보기", "news", "2024-10-14", "email", 0.03),
    _campaign(8, "블랙 프라이데이", "sale", "2024-11-18", "brand_message", 0.14),
    _campaign(9, "봄맞이 쿠폰", "coupon", "2025-02-17", "sms", 0.12, coupon=0.10, redeems=0.6),
    _campaign(10, "봄 코디 제안", "news", "2025-04-07", "email", 0.0),
    _campaign(11, "여름 세일 안내", "sale", "2025-06-20", "brand_message", 0.12),
    _campaign(12, "휴가철 준비", "season", "2025-08-04", "app_push", 0.06),
    Trial(
        "k13", "10% 쿠폰", "coupon", dt.date(2025, 9, 15), (Touch("coupon", "brand_message", 0.42),),
        control=0.5, spread_days=14, horizon_days=56, coupon=0.10, redeems=0.6,
        experiment="coupon_10", control_arm="control",
    ),
    Trial(
        "k14", "포인트 소멸 안내", "notice", dt.date(2025, 10, 6),
        (Touch("sms", "sms", 0.33), Touch("alimtalk", "alimtalk", 0.44)),
        control=1 / 3, horizon_days=56, informational=True,
        experiment="message_channel", control_arm="none",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class NullTest:
    """An experiment whose treatment does nothing: what it seems to find is chance, or a broken trial.

    ``second_if_buyer`` and ``second_otherwise`` are the chances of the second arm for customers who bought in
    the 90 days before and for the others: unequal where the trial is broken. ``in_both`` is the share of
    customers who stand in both arms.
    """

    experiment: str
    arms: tuple[str, str]
    starts: dt.date
    spread_days: int
    second_if_buyer: float = 0.5
    second_otherwise: float = 0.5
    in_both: float = 0.0


NULL_TESTS = (
    NullTest("broken_banner", ("control", "banner"), dt.date(2025, 9, 22), 14, 0.72, 0.50, 0.004),
    NullTest("a_a_check", ("a", "b"), dt.date(2025, 10, 13), 14),
)

PURE, FULL = Pure(), Full()
