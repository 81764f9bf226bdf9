"""What is true in the simulated shop? Every planted parameter, in one place; nothing here is drawn.

Two worlds, because their truths contradict each other. ``pure`` follows BG/NBD and Gamma-Gamma to the
letter, so that a model's parameters can be recovered. ``full`` has what a shop has: seasons, departures
with reasons, goods that sell together, campaigns that some people buy less after.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Carts:
    """Visits, what is left in the cart, and who comes back for it.

    Attributes
    ----------
    visits_an_order, cart_share
        Visits without an order for each order that is to be expected; how many of them fill a cart.
    search_share
        Visits and purchases that search first.
    app_first, app_last
        Share of the app among visits without an order on the first and on the last day; it rises evenly.
    checkout_app, checkout_web
        Share of carts left behind that got to the checkout: constant within app and web, so that the shop's
        share rises by the mix alone.
    from_cart
        Share of online orders whose product was left in a cart before.
    back_hours, back_spread
        Median (hours) and standard deviation of the log of the time from such a cart to its order.
    reminder_starts, reminder_ends, reminder_held
        Days between which the scenario cart_reminder runs, and the share that is held out.
    delays, lifts
        Hours from cart to reminder, drawn at random, and by how much each raises the chance to buy.
    clicks_through
        Of online orders that a message brings and in which it was clicked, those that the click leads to.
    leak_starts, leak_days, leak_share
        When payment fails in the app, for how long, and for which share of its orders.
    """

    visits_an_order: float = 1.6
    cart_share: float = 0.6
    search_share: float = 0.25
    app_first: float = 0.40
    app_last: float = 0.70
    checkout_app: float = 0.45
    checkout_web: float = 0.20
    from_cart: float = 0.25
    back_hours: float = 6.0
    back_spread: float = 1.5
    reminder_starts: dt.date = dt.date(2025, 1, 13)
    reminder_ends: dt.date = dt.date(2025, 8, 31)
    reminder_held: float = 0.5
    delays: tuple[int, ...] = (1, 4, 24)
    lifts: tuple[float, ...] = (0.0, 0.12, 0.0)
    clicks_through: float = 0.95
    leak_starts: dt.date = dt.date(2025, 5, 20)
    leak_days: int = 14
    leak_share: float = 0.35


@dataclass(frozen=True)
class Dates:
    """What happens on days of its own.

    Attributes
    ----------
    partner_starts, hours_before, hours_after
        From this day another partner delivers: the hours of the day between which parcels come, until then
        and from then on. The days that a parcel takes stay the same.
    tag_starts, tag_days
        When the web and app tag is broken: no touch is seen there, while orders go on.
    holidays, holiday_share, holiday_before_days
        First days of the three holidays around Seollal and Chuseok; share of their orders that are made on
        one of so many days before instead.
    """

    partner_starts: dt.date = dt.date(2025, 3, 10)
    hours_before: tuple[int, int] = (9, 20)
    hours_after: tuple[int, int] = (8, 15)
    tag_starts: dt.date = dt.date(2025, 7, 21)
    tag_days: int = 7
    holidays: tuple[dt.date, ...] = (
        dt.date(2024, 2, 9), dt.date(2024, 9, 16), dt.date(2025, 1, 28), dt.date(2025, 10, 5),
    )  # fmt: skip
    holiday_share: float = 0.55
    holiday_before_days: int = 10


@dataclass(frozen=True)
class Scenarios:
    """Messages that scenarios send, and what is true of each; every one is held out by chance.

    Attributes
    ----------
    birthday_held
        Share held out of the scenario birthday, on the day in 2025; it has no effect at all.
    early_on, early_held, early_share
        The scenario early_access: its day, the share held out, and the share of customers who, with an order
        in the 8th to 28th day after it, make it in the first 7 days instead. Over 28 days it brings nothing.
    newsletter_starts, newsletter_weeks, newsletter_held, newsletter_shares
        A newsletter by e-mail every week: the share of customers who never get it, and the chances, one drawn
        for each other customer, to get it in a week.
    opt_out, opt_out_more
        Chance to opt out by a newsletter after none in the 28 days before; how much each of these adds.
    hours, opens, opens_best
        Hours of the day at which chance sends it, chance to open it, and in the customer's own best hour.
    token_lost_on, token_lost
        Day of an app update that loses the push tokens of this share of customers, until weeks later.
    restock_on, fallback_held, fallback_lift
        The notice restock by app_push; where it does not arrive an alimtalk stands in for it, but for the
        share held out; by how many orders within 14 days that helps.
    confirm_days
        Days after the consent on which the notice of reconfirmation comes, as the law asks every two years.
    """

    birthday_held: float = 0.5
    early_on: dt.date = dt.date(2025, 1, 20)
    early_held: float = 0.5
    early_share: float = 0.6
    newsletter_starts: dt.date = dt.date(2025, 4, 15)
    newsletter_weeks: int = 12
    newsletter_held: float = 0.1
    newsletter_shares: tuple[float, float] = (0.3, 0.9)
    opt_out: float = 0.002
    opt_out_more: float = 0.003
    hours: tuple[int, ...] = (8, 12, 16, 20)
    opens: float = 0.12
    opens_best: float = 0.45
    token_lost_on: dt.date = dt.date(2025, 3, 11)
    token_lost: float = 0.30
    restock_on: dt.date = dt.date(2025, 3, 20)
    fallback_held: float = 0.5
    fallback_lift: float = 0.12
    confirm_days: int = 730


@dataclass(frozen=True)
class Asking:
    """Who is asked for feedback, when, and who answers.

    Attributes
    ----------
    nps_share, csat_share, review_share
        Share of orders that are asked for each score, and that get a review without being asked.
    timings, timing_answers
        When it is asked for the NPS, by lot: at delivery, or so many days after the order; and the factor of
        the chance to answer. Scores do not depend on it.
    answers, answers_late
        Chance to answer the NPS; where the parcel came late. A score depends on nothing but lateness and
        chance, so weighting by lateness undoes the bias.
    csat_answers
        Chance to answer the CSAT, the same for all.
    comments
        Share of NPS answers with a text.
    """

    nps_share: float = 0.35
    csat_share: float = 0.16
    review_share: float = 0.12
    timings: tuple[int, ...] = (0, 3, 7)
    timing_answers: tuple[float, ...] = (1.0, 0.85, 0.65)
    answers: float = 0.40
    answers_late: float = 0.14
    csat_answers: float = 0.5
    comments: float = 0.4


@dataclass(frozen=True)
class Loyalty:
    """Tiers, points and referrals.

    Attributes
    ----------
    reviews, window_days
        Days on which tiers are set anew, by what was paid in so many days before (returns not taken off).
    silver, gold
        Cuts in won. The first is known to all; the second is set afterwards, so nobody can aim at it.
    top_up_days, top_up_won, top_up_share
        So many days before a review, of those who lack at most so much for silver this share orders what
        they lack.
    gold_orders
        Orders that gold brings in the time until the next review, on average; silver brings none.
    welcome, earn_share, spends, lives_days
        Points when joining; points a won paid; chance that an order spends all of them on a gift; days after
        which points are lost. So the share lost is (1 − spends) to the power of the orders in between.
    reward
        Points that a referrer gets.
    fraud_share
        Of the referred with one order or none, those who are the referrer again: they share a session.
    """

    reviews: tuple[dt.date, ...] = (dt.date(2024, 7, 1), dt.date(2025, 1, 1), dt.date(2025, 7, 1))
    window_days: int = 182
    silver: int = 300_000
    gold: int = 483_700
    top_up_days: int = 10
    top_up_won: int = 40_000
    top_up_share: float = 0.5
    gold_orders: float = 1.0
    welcome: int = 1_000
    earn_share: float = 0.01
    spends: float = 0.15
    lives_days: int = 365
    reward: int = 3_000
    fraud_share: float = 0.10


@dataclass(frozen=True)
class Noise:
    """What makes data dirty, in sessions for 10,000 customers or as shares.

    Attributes
    ----------
    bots, bot_views
        Sessions of robots, and the views in each of them, within minutes and without a customer.
    shared_sessions
        Share of visits without a cart that carry the session id of another visit.
    shared_phones, phone_visits
        Share of customers who share a phone with another one; sessions in which both are seen.
    """

    bots: int = 15
    bot_views: int = 400
    shared_sessions: float = 0.004
    shared_phones: float = 0.01
    phone_visits: int = 3


@dataclass(frozen=True)
class Ads:
    """Two paid sources, each on in one week of every two, by lot.

    Attributes
    ----------
    weeks
        Weeks from the first day of the data in which they are bought, an even number.
    extra
        Visits that instagram / cpc brings in its weeks, for each visit without an order that comes anyway.
    takes
        Share of visits from naver and direct that naver / brand_search takes in its weeks; it brings none.
    cost_instagram, cost_brand
        Won a customer of the shop and week.
    """

    weeks: int = 104
    extra: float = 0.18
    takes: float = 0.30
    cost_instagram: int = 120
    cost_brand: int = 40


@dataclass(frozen=True)
class FirstOrders:
    """What new customers' first orders hold, by how soon the second follows.

    Attributes
    ----------
    soon_days
        A second order within so many days is soon.
    soon_share, soon_kinds
        Of the first orders that are soon followed, those that hold one of these kinds in place of another.
    later_share, later_kinds
        The same of all other first orders.
    """

    soon_days: int = 45
    soon_share: float = 0.30
    soon_kinds: tuple[str, ...] = ("양말", "속옷", "잠옷")
    later_share: float = 0.30
    later_kinds: tuple[str, ...] = ("코트", "패딩", "재킷")


PURE, FULL, CARTS, DATES = Pure(), Full(), Carts(), Dates()
WRITES, ASKS, LOYAL, NOISE = Scenarios(), Asking(), Loyalty(), Noise()
ADS, FIRSTS = Ads(), FirstOrders()
