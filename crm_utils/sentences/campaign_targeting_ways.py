"""How are a plan's alternatives told? The hour that is best, other ways of choosing, what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.campaign_targeting import BREAKS, Plan, Rules, SendHours
from crm_utils.methods.campaign_targeting.hours import LEAST, TEST_DAYS, WINDOW
from crm_utils.sentences.campaign_targeting import country_words
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "hours_sentence",
    "not_looked_at_warnings",
    "reconfirm_warnings",
    "show_ways",
    "ways_sentence",
    "week_labels",
]

_WAYS = {
    "plan": N_("this plan"),
    "everybody": N_("send to all who are due"),
    "newest_first": N_("newest moment first"),
    "calendar_caps": N_("caps by calendar day and week"),
    "no_priority": N_("no priority: the earliest hour first"),
    "best_tenth": N_("only the best tenth by RFM"),
}
_BREAKS = {
    "done_already": N_("done or spared"),
    "no_consent": N_("without consent"),
    "out_of_reach": N_("cannot arrive"),
    "closed_hours": N_("in closed hours"),
    "over_caps": N_("too soon after others"),
}
_UNSEEN = {
    "open_case": N_("Customers with an open case cannot be spared: this study has no feedback."),
    "low_score": N_("Customers who gave a low score cannot be spared: this study has no feedback."),
    "late_delivery": N_(
        "Customers whose parcel was late cannot be spared: this study has neither order_status nor events."
    ),
}


def not_looked_at_warnings(plan: Plan) -> list[str]:
    """What scenarios spare customers by, and these data do not tell."""
    return [_(_UNSEEN[name]) for name in plan.not_looked_at]


def reconfirm_warnings(rules: Rules, overdue: int | None) -> list[str]:
    """How many consents are older than the law lets go without a word; they go on holding."""
    if not overdue or rules.reconfirm_months is None:
        return []
    template = ngettext(
        "{n} customer agreed to advertising more than {months} months ago and was not reminded of it since. The "
        "consent holds, but the rules of {country} want it confirmed: have the scenario that asks for it reach "
        "older consents too (its expiry, in the scenarios file).",
        "{n} customers agreed to advertising more than {months} months ago and were not reminded of it since. "
        "Their consents hold, but the rules of {country} want them confirmed: have the scenario that asks for "
        "it reach older consents too (its expiry, in the scenarios file).",
        overdue,
    )
    return [
        template.format(
            n=wording.count(overdue), months=rules.reconfirm_months, country=country_words(rules.country)
        )
    ]


def hours_sentence(hours: SendHours) -> str:
    """Which hour is best, whether customers' own hours are better, and by how much."""
    if hours.shop_hour is None:
        return _("Nothing is known of when customers come: each message leaves at the hour of its scenario.")
    shop = _("{hour:02}:00").format(hour=hours.shop_hour)
    if hours.customers < LEAST:
        few = _(
            "The shop's best open hour is {shop}. Too few customers came both before and in the last {days} days "
            "to tell whether hours of their own are better: {n} of {least} needed."
        )
        counted = {"n": wording.count(hours.customers), "least": wording.count(LEAST)}
        return few.format(shop=shop, days=TEST_DAYS, **counted)
    given = {
        "shop": shop, "own": wording.share(hours.near_own), "all": wording.share(hours.near_shop),
        "window": WINDOW, "days": TEST_DAYS, "n": wording.count(hours.customers),
        "gap": wording.interval(hours.difference, hours.low, hours.high, wording.points),
        "what": _("visits") if hours.by_events else _("orders"),
    }  # fmt: skip
    if hours.better:
        better = _(
            "Customers' own hours are better: in the last {days} days {own} of their {what} began within {window} "
            "hours of their own earlier hour, and {all} within {window} hours of {shop}, the shop's best; a "
            "difference of {gap}, over {n} customers. Scenarios at the best hour use each customer's own."
        )
        return better.format(**given)
    same = _(
        "Customers' own hours are not shown to be better than the shop's best, {shop}: in the last {days} days "
        "{own} of their {what} began within {window} hours of their own earlier hour, {all} within {window} hours "
        "of {shop}; a difference of {gap}, over {n} customers. Scenarios at the best hour use {shop} for all."
    )
    return same.format(**given)


def week_labels(hours: SendHours, closed: Sequence[int]) -> dict[str, Any]:
    """Words of the picture of the week; its title is what it shows."""
    days = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
    seen = hours.week["visits"].sum()
    if not seen:
        title = _("Nothing is known of when customers come")
    else:
        share = hours.week.loc[hours.week["hour"].isin(closed), "visits"].sum() / seen
        template = (
            _("{share} of visits begin in hours closed for advertising")
            if hours.by_events
            else _("{share} of orders are made in hours closed for advertising")
        )
        title = template.format(share=wording.share(share))
    return {
        "days": days, "x": _("hour of the day, local time; hatched: closed for advertising"),
        "legend": _("visits") if hours.by_events else _("orders"), "title": title,
    }  # fmt: skip


def ways_sentence(ways: pd.DataFrame) -> str:
    """What sending to all would break and, where effects were verified, what the plan should bring."""
    by = {row["way"]: row for row in ways.to_dict("records")}
    every = by["everybody"]
    template = ngettext(
        "Sending to all who are due would send {n} message: {consent} without consent, {closed} in closed "
        "hours, {caps} too soon after others, {done} to who had done it or is spared.",
        "Sending to all who are due would send {n} messages: {consent} without consent, {closed} in closed "
        "hours, {caps} too soon after others, {done} to who had done it or is spared.",
        every["messages"],
    )
    names = {"n": "messages", "consent": "no_consent", "closed": "closed_hours", "caps": "over_caps",
             "done": "done_already"}  # fmt: skip
    said = template.format(**{key: wording.count(every[name]) for key, name in names.items()})
    if by["plan"]["verified"]:
        return said
    return said + " " + _("No effect is verified, so only numbers of messages can be compared.")


def show_ways(ways: pd.DataFrame, *, currency: str) -> wording.Table:
    """The plan beside other ways of choosing: what they send, break, and should bring."""
    frame = pd.DataFrame({_("way of choosing"): [_(_WAYS[name]) for name in ways["way"]]})
    frame[_("messages")] = ways["messages"].to_numpy()
    for name in BREAKS:
        frame[_(_BREAKS[name])] = ways[name].to_numpy()
    money = wording.money_in(currency)
    frame[_("should bring")] = [
        wording.interval(row["expected"], row["low"], row["high"], money)
        if pd.notna(row["expected"]) else _("not verified")
        for row in ways.to_dict("records")
    ]  # fmt: skip
    caption = _(
        "Other ways of choosing, and how many of their messages break a rule; customers left out at random are "
        "counted as sent in every row"
    )
    return wording.table(frame, caption=caption)
