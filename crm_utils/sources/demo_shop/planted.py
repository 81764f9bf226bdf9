"""What is true beside orders, campaigns and experiments? Every parameter of it; nothing here is drawn.

Carts and payments, days on which something happens, scenarios, feedback, loyalty, what makes data dirty, paid
sources, and first orders. Read them from :mod:`crm_utils.sources.demo_shop.worlds`, which holds the rest.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = [
    "ADS",
    "ASKS",
    "CARTS",
    "DATES",
    "FIRSTS",
    "LOYAL",
    "NOISE",
    "SHELF",
    "WRITES",
    "Ads",
    "Asking",
    "Carts",
    "Dates",
    "FirstOrders",
    "Loyalty",
    "Noise",
    "Scenarios",
    "Shelf",
]


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
        Share of online orders whose product was left in a cart before; none of those that tiers bring.
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
    lifts: tuple[float, ...] = (0.0, 0.20, 0.0)
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
    fallback_lift: float = 0.20
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


@dataclass(frozen=True)
class Shelf:
    """What changes on the shelf, at six o'clock; products by their number.

    Attributes
    ----------
    sold_out, sold_out_on, sold_out_days
        The product of which there is none for so many days; who would buy it takes the style before it.
    cheaper, cheaper_from, drop
        The product whose price falls by this share from this day on; as many buy it as before.
    """

    sold_out: int = 49
    sold_out_on: dt.date = dt.date(2025, 3, 6)
    sold_out_days: int = 14
    cheaper: int = 148
    cheaper_from: dt.date = dt.date(2025, 5, 12)
    drop: float = 0.20


CARTS, DATES, WRITES, ASKS = Carts(), Dates(), Scenarios(), Asking()
LOYAL, NOISE, ADS, FIRSTS, SHELF = Loyalty(), Noise(), Ads(), FirstOrders(), Shelf()
