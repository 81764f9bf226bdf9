"""What is made up in the simulated shop, and how, for the data dictionary and the report's pages."""

from __future__ import annotations

from crm_utils.sources import Decision

__all__ = ["DECISIONS"]

DECISIONS = (
    Decision(
        "order_lines",
        "everything is simulated: no customer, order or product exists",
        "drawn from the seed in the study; every page says so",
    ),
    Decision(
        "order_lines",
        "what is true behind the data (why customers leave, what a message changes) is known",
        "in no table of the snapshot; drawn again from the seed into files of their own when asked for",
    ),
    Decision(
        "order_lines",
        "world full: orders follow season, week and sales; some goods sell together; some lines come back",
        "a return is an order of its own, 3 to 14 days later, with what was paid as a negative amount",
    ),
    Decision(
        "order_lines",
        "world pure: repeat purchases and their value follow BG/NBD and Gamma-Gamma",
        "an order's amount is the drawn value, in whole won, shared among one to three lines; products have "
        "no list price, and there are no other tables than products and customers",
    ),
    Decision(
        "products",
        "prices in won, multiples of 100; a third of the styles are launched during the two years",
        "a style that is not launched yet is in no order",
    ),
    Decision(
        "customers",
        "half of the customers joined up to three years before the data begin",
        "their earlier orders are not there, as at any panel's start",
    ),
    Decision(
        "messages",
        "campaigns reach only customers with consent to advertising on that channel, at night with one more",
        "a tenth of them, drawn at random, is held out; experiments hold out their control arm. A notice is "
        "informational and needs no consent",
    ),
    Decision(
        "messages",
        "six scenarios beside the campaigns, in 2025; both outcomes of every message are known",
        "each is held out by lot, but for notices; propensity is the chance of what was drawn",
    ),
    Decision(
        "shelf",
        "prices stay as they are, and nothing is ever sold out",
        "stock is counted every four weeks and does not follow the orders",
    ),
    Decision(
        "assignments",
        "coupon_10 (10 % off one order) and message_channel (no notice, by SMS, by alimtalk) have effects",
        "both outcomes of every customer are known; some customers buy less when written to",
    ),
    Decision(
        "assignments",
        "broken_banner draws more of those who bought lately into one arm, and some customers into both",
        "kept: an analysis must catch it. Its treatment does nothing",
    ),
    Decision("assignments", "a_a_check treats both arms alike", "kept: nothing is to be found"),
    Decision(
        "events",
        "online visits with and without an order, carts left behind, failed payments, parcels, calls",
        "a fifth of the visits without an order have no customer; parcels and calls belong to no visit; a "
        "visit in the app has the source app; in the week from 2025-07-21 the tag is broken",
    ),
    Decision(
        "feedback",
        "scores after some orders, lower when the parcel came late; a late parcel also makes customers leave",
        "late is 5 to 9 days from paid to delivered, in order_status; texts are put together from parts; who "
        "answers depends on lateness",
    ),
    Decision(
        "points",
        "1 % of what was paid, spent all at once on a gift, expired after 365 days",
        "no order is paid with points, so they change no amount",
    ),
    Decision(
        "tiers",
        "some order more to reach a cut that they know; the upper cut nobody knows beforehand",
        "set three times by what was paid in 182 days; what the upper tier brings is known",
    ),
    Decision(
        "referrals",
        "some refer themselves, and share a session with themselves",
        "kept: an analysis must catch it",
    ),
    Decision(
        "marketing_costs",
        "two paid sources, each bought in one week of every two, by lot",
        "one brings visits, the other takes those that come anyway; orders do not depend on either",
    ),
)
