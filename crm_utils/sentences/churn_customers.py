"""What does a feature mean, why is a customer at risk, and what stands in a saved column? Words for codes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from crm_utils import wording
from crm_utils.features.survival import OTHERS
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "contact_columns",
    "contacts_purpose",
    "contender_words",
    "feature_table",
    "feature_words",
    "group_words",
    "reason_words",
    "score_columns",
    "scores_purpose",
    "theme_words",
]

_FEATURES: dict[str, tuple[str, str]] = {
    "recency_days": (N_("days from the last purchase to the cut-off"),
                     N_("the longer the silence, the likelier it goes on")),
    "rhythm_days": (N_("usual days from one order day to the next"),
                    N_("who comes seldom is silent for long without leaving")),
    "silence_ratio": (N_("days of silence ÷ the customer's usual days"),
                      N_("the same silence is long for one and short for another")),
    "usual_orders": (N_("order days to expect in a horizon at the customer's own pace"),
                     N_("uses all of the history; near everybody's pace where it is short")),
    "orders_short": (N_("purchases in the last horizon"), N_("habits go on")),
    "orders_middle": (N_("purchases in the last two horizons"), N_("steadier than one horizon")),
    "orders_long": (N_("purchases in the last three horizons"), N_("steadier still")),
    "order_trend": (N_("purchases of the last horizon ÷ those of the last three"),
                    N_("one third is steady, less is slowing down")),
    "spend_short": (N_("revenue in the last horizon, less returns"),
                    N_("a large basket is a main shopping trip")),
    "spend_long": (N_("revenue in the last three horizons, less returns"),
                   N_("how much of their needs customers buy here")),
    "spend_trend": (N_("revenue of the last horizon ÷ that of the last three"),
                    N_("smaller baskets come before fewer baskets")),
    "basket_lines": (N_("lines in a purchase, last three horizons"),
                     N_("who buys many things depends on the shop more")),
    "discount_share": (N_("discount ÷ price before it, last three horizons"),
                       N_("who comes for price cuts goes elsewhere for them too")),
    "coupon_share": (N_("purchases with a manufacturer's coupon ÷ all, last three horizons"),
                     N_("who comes for price cuts goes elsewhere for them too")),
    "stores": (N_("different stores, last three horizons"),
               N_("several stores are several occasions to buy")),
    "tenure_days": (N_("days since the first purchase, at most three horizons"),
                    N_("newcomers leave more easily")),
    "messages": (N_("messages sent in the last three horizons"),
                 N_("who gets messages was chosen for them: this is no effect of messages")),
    "answers": (N_("messages clicked or redeemed by the cut-off"), N_("who answers can be reached")),
    "segment": (N_("the segment as named on the cut-off"), N_("a summary of the other columns")),
    "score": (N_("the forecast itself"), ""),
}  # fmt: skip

_UNITS = {
    "days": N_("days"),
    "ratio": N_("ratio"),
    "orders": N_("orders"),
    "share": N_("share"),
    "money": N_("money"),
    "lines": N_("lines"),
    "stores": N_("stores"),
    "messages": N_("messages"),
}

_THEMES = {
    "silence": N_("length of the silence"),
    "orders": N_("number of orders"),
    "trend": N_("orders getting fewer"),
    "spend": N_("spend"),
    "basket": N_("size of the basket"),
    "discounts": N_("use of discounts"),
    "stores": N_("number of stores"),
    "tenure": N_("time as a customer"),
    "messages": N_("answers to messages"),
    "segment": N_("segment"),
}

_CONTENDERS = {
    "recency": N_("days since the last order"),
    "orders": N_("orders of the last two horizons"),
    "logistic": N_("logistic regression"),
    "boosting": N_("gradient boosting"),
}


def theme_words(theme: str) -> str:
    """What a theme is about; an unknown one by its own name."""
    return _(_THEMES[theme]) if theme in _THEMES else theme


def contender_words(name: str) -> str:
    """What a contender is called."""
    return _(_CONTENDERS[name]) if name in _CONTENDERS else name


def feature_words(name: str) -> str:
    """What a feature is."""
    return _(_FEATURES[name][0]) if name in _FEATURES else name


def group_words(name: str) -> str:
    """A group of customers: a segment's name, or what stands in for one."""
    return {OTHERS: _("smaller segments together"), "none": _("no segment")}.get(name, name)


def feature_table(ranges: pd.DataFrame) -> wording.Table:
    """The features with meaning, reason and range, from ``feature_ranges``."""
    words = [_FEATURES.get(name, (name, "")) for name in ranges["feature"]]
    table = ranges.assign(
        feature=[_(meaning) for meaning, _why in words],
        why=[_(why) if why else "" for _meaning, why in words],
        unit=[_(_UNITS[unit]) if unit else "" for unit in ranges["unit"]],
    )
    return wording.table(
        table[["feature", "why", "unit", "known", "p5", "median", "p95"]],
        formats={"known": wording.share},
        names={"feature": _("what"), "why": _("why it may matter"), "unit": _("unit"), "known": _("known of"),
               "p5": _("5 in 100 below"), "median": _("median"), "p95": _("5 in 100 above")},
        caption=_("What is known of each customer on a cut-off, all of it from before"),
    )  # fmt: skip


def reason_words(theme: str | None, value: float | None, *, horizon_days: int) -> str:
    """Say in words why a customer is at risk, from the code and the number of a saved list.

    Parameters
    ----------
    theme, value
        ``reason_1`` and ``reason_1_value`` of a list.
    horizon_days
        The horizon of the scores.

    Examples
    --------
    >>> reason_words("silence", 17, horizon_days=28)
    '17 days since the last order'
    >>> reason_words(None, None, horizon_days=28)
    'no single reason'
    """
    if theme is None or pd.isna(theme):
        return _("no single reason")
    known = value is not None and math.isfinite(value)
    if theme not in _REASONS or not known:
        return theme_words(theme)
    return _REASONS[theme](float(value or 0.0), horizon_days)


def _silence(value: float, _horizon: int) -> str:
    one, many = N_("{days} day since the last order"), N_("{days} days since the last order")
    return ngettext(one, many, value).format(days=wording.count(value))


def _orders(value: float, horizon: int) -> str:
    one, many = N_("{orders} order in the last {days} days"), N_("{orders} orders in the last {days} days")
    return ngettext(one, many, value).format(orders=wording.count(value), days=2 * horizon)


def _trend(value: float, horizon: int) -> str:
    template = _("{share} of the orders of the last {long} days fell into the last {short}")
    return template.format(share=wording.share(value), long=3 * horizon, short=horizon)


def _spend(value: float, horizon: int) -> str:
    return _("spent {money} in the last {days} days").format(money=wording.count(value), days=3 * horizon)


def _basket(value: float, _horizon: int) -> str:
    return _("{lines} lines in a purchase").format(lines=wording.number(value, 1))


def _discounts(value: float, _horizon: int) -> str:
    return _("{share} off on average").format(share=wording.share(value))


def _stores(value: float, _horizon: int) -> str:
    one, many = N_("buys in {stores} store"), N_("buys in {stores} stores")
    return ngettext(one, many, value).format(stores=wording.count(value))


def _tenure(value: float, _horizon: int) -> str:
    one, many = N_("a customer for {days} day"), N_("a customer for {days} days")
    return ngettext(one, many, value).format(days=wording.count(value))


def _messages(value: float, horizon: int) -> str:
    one = N_("{answers} message answered in the last {days} days")
    many = N_("{answers} messages answered in the last {days} days")
    return ngettext(one, many, value).format(answers=wording.count(value), days=3 * horizon)


_REASONS: dict[str, Callable[[float, int], str]] = {
    "silence": _silence,
    "orders": _orders,
    "trend": _trend,
    "spend": _spend,
    "basket": _basket,
    "discounts": _discounts,
    "stores": _stores,
    "tenure": _tenure,
    "messages": _messages,
}


def scores_purpose() -> str:
    """What ``churn_scores`` is for."""
    return _(
        "Risk of every active customer, with reasons and what a contact should bring. No list to contact."
    )


def contacts_purpose() -> str:
    """What ``churn_contacts`` is for."""
    return _("Customers to contact, the largest expected gain first. Those held out are not on it.")


def contact_columns(currency: str, horizon_days: int) -> dict[str, tuple[str, str]]:
    """What each column of ``churn_contacts`` means, and its unit."""
    left_out = ("p_defection", "contact", "held_out")
    return {k: v for k, v in score_columns(currency, horizon_days).items() if k not in left_out}


def score_columns(currency: str, horizon_days: int) -> dict[str, tuple[str, str]]:
    """What each column of ``churn_scores`` means, and its unit."""
    share = _("share, 0 to 1")
    days = horizon_days
    return {
        "customer_id": (_("the customer"), ""),
        "segment": (_("the segment as of the day of the report"), ""),
        "p_lapse": (_("chance of no purchase in the next {days} days").format(days=days), share),
        "p_defection": (_("chance of no purchase in the next {days} days").format(days=3 * days), share),
        "decile": (_("tenth by that chance; 1 holds the customers of highest risk"), ""),
        "value_at_risk": (
            _("margin expected to be lost in the next {days} days: chance × what they would spend").format(
                days=days
            ),
            currency,
        ),
        "alive": (
            _("chance of being still there, from lifetime_value; missing where it is not told"), share
        ),
        "expected_value": (_("spend expected in its longer window, from lifetime_value"), currency),
        "offer": (_("discount, or reminder (a message without a discount)"), ""),
        "expected_gain": (
            _("what a contact should bring in {days} days, net of its cost").format(days=days), currency
        ),
        "reason_1": (_("what raises the risk most, as a code"), ""),
        "reason_1_value": (_("the customer's number behind the first reason"), _("by reason")),
        "reason_2": (_("what raises the risk second most, as a code"), ""),
        "reason_2_value": (_("the customer's number behind the second reason"), _("by reason")),
        "contact": (_("true: worth a contact today"), ""),
        "held_out": (_("true: worth a contact, but left out at random to see if contacts work"), ""),
    }  # fmt: skip
