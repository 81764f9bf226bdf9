"""How is a plan told? What is due, who drops out and why, what is sent, what each message may bring."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.campaign_targeting import STAGES, Allocation, Plan, Rules, Scenario
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "CANNOT",
    "answer",
    "budget_labels",
    "budget_sentence",
    "country_words",
    "curve_columns",
    "curve_purpose",
    "exclusions_columns",
    "exclusions_purpose",
    "hour_labels",
    "list_columns",
    "list_purpose",
    "losing_warnings",
    "missing_sentences",
    "rules_sentences",
    "scenario_words",
    "send_action",
    "show_other_rules",
    "show_scenarios",
    "show_volume",
    "show_waterfall",
    "show_worth",
    "stage_names",
    "stage_words",
    "sure_sentences",
    "volume_title",
    "warnings",
    "waterfall_title",
    "worth_sentence",
]

CANNOT: dict[str, tuple[str, str]] = {
    "no_rules": (
        N_("This project has no folder rules/: nothing says what may be sent to whom, and when."),
        N_("Copy rules/ of this project beside studies/, and have them confirmed."),
    ),
}

#: Days after which nobody waits for a verdict any more: three years.
_YEARS = 3 * 365
_COUNTRIES = {
    "EU": N_("the European Union"),
    "KR": N_("South Korea"),
    "US": N_("the United States"),
}
_STAGES = {
    "due": N_("due"),
    "exit": N_("had done it already"),
    "suppressed": N_("spared: just bought, sent back, or waiting for an answer"),
    "again": N_("got this message lately"),
    "no_consent": N_("no consent, or no channel that may be used"),
    "without_channel": N_("cannot be reached where there is consent"),
    "closed_hours": N_("would arrive in closed hours, or too late"),
    "capped": N_("heard from us enough"),
    "held_out": N_("left out at random, to see if it works"),
    "to_send": N_("to send"),
}
_MISSING = {
    "second_purchase": N_("no list of new customers (notebook 02 made none)"),
    "next_best_offers": N_("no list of offers (notebook 03 made none)"),
    "champions": N_("no list of champions (notebook 02 made none)"),
    "churn_contacts": N_("no list of customers to contact (notebook 04 made none)"),
    "near_threshold": N_("no list of customers close to a tier (notebook 10 made none)"),
    "expiring_points": N_("no list of points that end soon (notebook 10 made none)"),
    "referrers": N_("no list of customers who brought friends (notebook 10 made none)"),
    "events": N_("no events"),
    "customers": N_("no table of customers"),
    "messages": N_("no messages"),
    "consents": N_("no consents"),
    "order_lines": N_("no order lines"),
    "order_status": N_("no states of orders"),
    "shelf": N_("no prices and stocks by day"),
    "products": N_("no products"),
}


def stage_words(stage: str) -> str:
    """What became of somebody who was due.

    Examples
    --------
    >>> stage_words("capped")
    'heard from us enough'
    """
    return _(_STAGES[stage])


def country_words(code: str) -> str:
    """Whose rules hold, as a sentence names it.

    Examples
    --------
    >>> country_words("US"), country_words("FR")
    ('the United States', 'FR')
    """
    return _(_COUNTRIES[code]) if code in _COUNTRIES else code


def scenario_words(scenarios: Sequence[Scenario]) -> dict[str, str]:
    """The title of each scenario, by its name."""
    return {scenario.id: scenario.title for scenario in scenarios}


def answer(plan: Plan) -> str:
    """The plan in a sentence."""
    totals = plan.waterfall[["due", *STAGES]].sum()
    if not totals["due"]:
        return _("No message became due: nobody reached a moment that a scenario waits for.")
    template = ngettext(
        "{send} of {due} message that became due can be sent; {out} customers are left out at random to see if they work.",
        "{send} of {due} messages that became due can be sent; {out} customers are left out at random to see if they work.",
        int(totals["due"]),
    )
    counted = {"send": totals["to_send"], "due": totals["due"], "out": totals["held_out"]}
    return template.format(**{name: wording.count(int(value)) for name, value in counted.items()})


def rules_sentences(rules: Rules, *, own: bool) -> list[str]:
    """Whose rules hold, since when, and who confirmed them."""
    sentences = [
        _("The rules of {country}, valid from {day}.").format(
            country=country_words(rules.country), day=wording.calendar_day(rules.valid_from)
        )
    ]
    if rules.reviewed.by:
        sentences.append(
            _("Reviewed on {day} by {who}.").format(
                day=wording.calendar_day(rules.reviewed.day), who=rules.reviewed.by
            )
        )
    else:
        sentences.append(_("Nobody has confirmed these rules. They are no legal advice."))
    if not own:
        sentences.append(
            _("This study has no scenarios of its own: these are the ones that orders alone allow.")
        )
    return sentences


def warnings(rules: Rules, *, consents_known: bool, starts: dt.date) -> list[str]:
    """What must not be overlooked before anything is sent.

    Parameters
    ----------
    rules
        The country's.
    consents_known
        Whether the study has consents.
    starts
        The first day of the plan.
    """
    sentences = []
    if starts < rules.valid_from:
        early = _(
            "The rules of {country} hold from {day}; this plan is for {starts}. Read it as an exercise: crm export "
            "hands nothing over."
        )
        sentences.append(
            early.format(
                country=country_words(rules.country),
                day=wording.calendar_day(rules.valid_from),
                starts=wording.calendar_day(starts),
            )
        )
    advertising = {name: one for name, one in rules.channels.items() if one.kind != "informational"}
    closed = sorted(name for name, channel in advertising.items() if not channel.unknown_consent)
    if consents_known or not closed:
        return sentences
    if len(closed) == len(advertising):
        nothing = _("Consent is unknown: nothing may be sent as advertising in {country}.")
        return [*sentences, nothing.format(country=country_words(rules.country))]
    template = _(
        "Consent is unknown: under the rules of {country}, advertising may not be sent by {channels}."
    )
    return [*sentences, template.format(country=country_words(rules.country), channels=", ".join(closed))]


def show_waterfall(plan: Plan, scenarios: Sequence[Scenario]) -> wording.Table:
    """Who drops out of each scenario, and why; the columns add up."""
    titles = scenario_words(scenarios)
    frame = pd.DataFrame({_("scenario"): [titles[name] for name in plan.waterfall["scenario"]]})
    for stage in ("due", *STAGES):
        frame[stage_words(stage)] = plan.waterfall[stage].to_numpy()
    return wording.table(
        frame, caption=_("What became of every message that was due; the columns add up to the first")
    )


def missing_sentences(plan: Plan, scenarios: Sequence[Scenario]) -> list[str]:
    """Which scenarios could not be looked for, and why."""
    titles = scenario_words(scenarios)
    template = _("{scenario}: not looked for, because this study has {what}.")
    return [
        template.format(scenario=titles[row["scenario"]], what=_missing(row["missing"]))
        for row in plan.left_out.to_dict("records")
    ]


def _missing(name: str) -> str:
    return _(_MISSING[name]) if name in _MISSING else _("no table {name}").format(name=name)


def show_volume(plan: Plan, *, currency: str) -> wording.Table:
    """Messages to send and their cost, by channel and hour of the day."""
    rows = plan.to_send.assign(hour=plan.to_send["send_at"].dt.hour)
    counts = (
        rows.groupby(["channel", "hour"])
        .agg(messages=("customer_id", "size"), cost=("cost", "sum"))
        .reset_index()
    )
    frame = pd.DataFrame({
        _("channel"): counts["channel"],
        _("hour"): [f"{hour:02}:00" for hour in counts["hour"]],
        _("messages"): counts["messages"],
        _("cost"): counts["cost"],
    })  # fmt: skip
    caption = _("What leaves the house, by channel and hour")
    return wording.table(frame, caption=caption, formats={_("cost"): wording.money_in(currency)})


def send_action(
    plan: Plan, scenarios: Sequence[Scenario], currency: str, *, rules: Rules, starts: dt.date
) -> dict[str, Any]:
    """What the card "send today's messages" needs: what they are, by which channel, at what cost, and why.

    A plan that starts before its rules hold is an exercise: its card names no list to hand over.
    """
    titles, of = scenario_words(scenarios), plan.to_send["scenario"].value_counts()
    each = _("{title}: {count}")
    kinds = "; ".join(each.format(title=titles[str(name)], count=wording.count(n)) for name, n in of.items())
    channels = plan.to_send["channel"].value_counts()
    named = _("{channel}: {count}")
    shown = ", ".join(
        named.format(channel=str(name).replace("_", " "), count=wording.count(n))
        for name, n in channels.items()
    )
    cost = wording.money(float(plan.to_send["cost"].sum()), currency)
    why = _("Each became due, may be sent, and keeps to the limits. Together they cost {cost}. {kinds}.")
    card = {
        "verb": _("Send today's"),
        "audience": ngettext("message", "messages, each to one customer", len(plan.to_send)),
        "customers": len(plan.to_send),
        "channel": shown,
        "held_out": int(plan.rows["holdout"].sum()),
        "why": why.format(cost=cost, kinds=kinds),
        "certainty": "unknown",
    }
    if starts < rules.valid_from:
        return card | {"verb": _("Send nothing; look through the day's")}
    return card | {"list": "contact_list"}


def show_scenarios(scenarios: Sequence[Scenario], plan: Plan, judged: dict[str, float]) -> wording.Table:
    """Each scenario: what is sent, left out, and when it can be judged."""
    rows = []
    for scenario in scenarios:
        mine = plan.rows[plan.rows["scenario"] == scenario.id]
        days = judged.get(scenario.id, math.inf)
        rows.append({
            _("scenario"): scenario.title,
            _("kind"): _("advertising") if scenario.kind == "advertising" else _("information"),
            _("to send"): int((~mine["holdout"].astype(bool)).sum()),
            _("left out"): int(mine["holdout"].sum()),
            _("can be judged after"): wording.days(math.ceil(days)) if days <= _YEARS else _("never, as it is"),
        })  # fmt: skip
    caption = _("Scenarios: when enough customers were left out to see two percentage points more buyers")
    return wording.table(pd.DataFrame(rows), caption=caption)


_OTHER_RULES = {
    "plan": N_("as planned"),
    "lower_caps": N_("caps one lower"),
    "higher_caps": N_("caps one higher"),
    "longer_night": N_("closed an hour longer at both ends"),
    "shorter_night": N_("closed an hour shorter at both ends"),
}


def show_other_rules(plans: Mapping[str, Plan]) -> wording.Table:
    """What other caps and hours would change."""
    frame = pd.DataFrame({
        _("rules"): [_(_OTHER_RULES[name]) for name in plans],
        _("to send"): [len(one.to_send) for one in plans.values()],
        _("dropped by caps"): [int(one.waterfall["capped"].sum()) for one in plans.values()],
        stage_words("closed_hours"): [int(p.waterfall["closed_hours"].sum()) for p in plans.values()],
    })  # fmt: skip
    return wording.table(frame, caption=_("The same day under other caps and hours"))


_DECISIONS = {
    "send": N_("go on: customers held out show that it gains"),
    "trim": N_("send fewer or offer less: more buy, but no gain is seen"),
    "test": N_("go on holding out: nothing is shown yet"),
    "stop": N_("stop: customers held out show that it loses"),
    "wait": N_("wait: no horizon is over"),
    "none": N_("never judged: hold out, and hand over the list by crm export"),
}


def worth_sentence(worth: pd.DataFrame, *, currency: str) -> str:
    """What today's messages should bring, where customers held out have shown it."""
    known = worth[worth["expected"].notna()]
    if known.empty:
        return _(
            "No scenario's effect is verified: no money is shown. Held-out customers have to be judged first."
        )
    money = wording.money_in(currency)
    ends = wording.interval(known["expected"].sum(), known["low"].sum(), known["high"].sum(), money)
    template = ngettext(
        "The {n} message of scenarios that were verified should bring {gain}, less what it costs.",
        "The {n} messages of scenarios that were verified should bring {gain}, less what they cost.",
        int(known["messages"].sum()),
    )
    return template.format(n=wording.count(known["messages"].sum()), gain=ends)


def losing_warnings(worth: pd.DataFrame, scenarios: Sequence[Scenario]) -> list[str]:
    """Scenarios that send today although customers held out have shown that they lose."""
    titles = scenario_words(scenarios)
    losing = worth[(worth["decision"] == "stop") & (worth["messages"] > 0)]
    template = _(
        "{scenario} sends {n} today, and customers held out have shown that it loses money: take it out of the "
        "scenarios file, or change it."
    )
    return [
        template.format(scenario=titles[row["scenario"]], n=wording.count(row["messages"]))
        for row in losing.to_dict("records")
    ]


def show_worth(worth: pd.DataFrame, scenarios: Sequence[Scenario], *, currency: str) -> wording.Table:
    """A row a scenario: messages, cost, what they should bring, and what follows."""
    money, titles = wording.money_in(currency), scenario_words(scenarios)
    informs = {one.id for one in scenarios if one.kind == "informational"}
    rows = [
        {
            _("scenario"): titles[row["scenario"]], _("to send"): row["messages"], _("cost"): money(row["cost"]),
            _("should bring"): wording.interval(row["expected"], row["low"], row["high"], money)
            if pd.notna(row["expected"]) else _("not verified"),
            _("what follows"): _("it informs: nobody is left out, nothing is judged")
            if row["scenario"] in informs else _(_DECISIONS[row["decision"]]),
        }
        for row in worth.to_dict("records")
    ]  # fmt: skip
    caption = _("What each scenario should bring today, by customers held out of it before")
    return wording.table(pd.DataFrame(rows), caption=caption)


def budget_sentence(spent: Allocation | None, *, budget: float, currency: str) -> str:
    """What a budget is best spent on, what the next unit of money would bring, and how far from the best it is."""
    if spent is None:
        return ""
    if not budget:
        return _("No budget is set (budget): everything that may be sent and pays is sent.")
    money = wording.money_in(currency)
    template = ngettext(
        "{budget} are best spent on {n} customer, who should bring {value}; the next unit of money would bring "
        "{price}. At most {gap} below the best.",
        "{budget} are best spent on {n} customers, who should bring {value}; the next unit of money would bring "
        "{price}. At most {gap} below the best.",
        len(spent.chosen),
    )
    return template.format(
        budget=money(budget), n=wording.count(len(spent.chosen)), value=money(spent.value),
        price=wording.number(spent.price), gap=wording.share(spent.gap, 1),
    )  # fmt: skip


def budget_labels(spent: Allocation | None, *, currency: str) -> dict[str, str]:
    """Words of the picture of the budget."""
    axes = {"x": _("budget, {currency}").format(currency=currency),
            "y": _("what it should bring, {currency}").format(currency=currency)}  # fmt: skip
    if spent is None:
        return {**axes, "title": _("No effect is verified: no budget can be judged")}
    return {**axes, "title": _("Each further unit of money brings less")}


def curve_purpose() -> str:
    """What the table of budgets is for."""
    return _("The most that each budget can bring today, from verified effects alone; empty without any.")


def curve_columns() -> dict[str, tuple[str, str]]:
    """What its columns mean."""
    return {
        "budget": (_("what may be spent on messages"), _("money")),
        "value": (_("what that can bring at most"), _("money")),
        "customers": (_("who are written to"), _("customers")),
    }


def stage_names() -> dict[str, str]:
    """What each stage is called."""
    return {stage: stage_words(stage) for stage in ("due", *STAGES)}


def hour_labels() -> dict[str, str]:
    """Names of the axes of the hours."""
    return {"x": _("hour of the day, local time"), "y": _("messages")}


def exclusions_purpose() -> str:
    """What the table of exclusions is for."""
    return _("How many were due for each scenario, and what became of them; no customers.")


def exclusions_columns() -> dict[str, tuple[str, str]]:
    """What its columns mean."""
    counted = {stage: (stage_words(stage), _("messages")) for stage in ("due", *STAGES)}
    return {"scenario": (_("which automation"), _("name")), **counted}


def list_purpose() -> str:
    """What the list is for."""
    return _(
        "The one list to send from: who gets which message, where and when. Rows with holdout are not sent."
    )


def list_columns() -> dict[str, tuple[str, str]]:
    """What the list's columns mean."""
    return {
        "message_id": (_("which message; a provider echoes it"), _("id")),
        "customer_id": (_("who"), _("id")),
        "scenario": (_("which automation"), _("name")),
        "class": (_("advertising or informational"), _("name")),
        "item": (_("what the message is about; empty for nothing"), _("name")),
        "template": (_("the text's name at the provider; empty without one"), _("name")),
        "anchor_at": (_("the moment that it starts from"), _("local time")),
        "expected_margin": (_("what it should bring; empty where nothing was verified"), _("money")),
        "low": (_("lower end of it"), _("money")),
        "high": (_("upper end of it"), _("money")),
        "propensity": (_("chance of not being left out; empty where a list drew by itself"), _("share")),
        "action": (_("what is done"), _("words of the study")),
        "offer": (_("what they get; empty for nothing"), _("words of the study")),
        "due_at": (_("when it became due"), _("local time")),
        "send_at": (_("when to send it"), _("local time")),
        "channel": (_("where"), _("name")),
        "priority": (_("the lower number went first"), _("number")),
        "cost": (_("of sending it"), _("money")),
        "holdout": (_("left out at random: do not send"), _("yes or no")),
    }


def waterfall_title(plan: Plan) -> str:
    """The message of the waterfall."""
    lost = plan.waterfall[[stage for stage in STAGES if stage not in ("to_send", "held_out")]].sum()
    if not lost.sum():
        return _("Nobody drops out")
    return _("The commonest reason to drop out is “{reason}”").format(reason=stage_words(str(lost.idxmax())))


def volume_title(plan: Plan) -> str:
    """The message of the hours."""
    if plan.to_send.empty:
        return _("Nothing to send")
    hour = int(plan.to_send["send_at"].dt.hour.mode().iloc[0])
    return _("Most messages leave at {hour:02}:00").format(hour=hour)


def sure_sentences(worth: pd.DataFrame, *, outside: int) -> list[str]:
    """How sure the page is, in three lines."""
    return [
        ngettext(
            "{n} message of this list breaks a rule: a second look, one message at a time, found it. Send nothing.",
            "{n} messages of this list break a rule: a second look, one message at a time, found them. Send nothing.",
            outside,
        ).format(n=outside)
        if outside
        else _("No message of this list breaks consent, hours or caps: each was looked at once more."),
        _("No scenario has been judged by customers left out yet: what a message brings is not known, so no money is shown.")
        if worth["decision"].isin(["none", "wait"]).all()
        else _("Money is shown only for scenarios that customers left out have shown to gain or to lose."),
        _("Between this plan and sending, somebody may buy or withdraw consent: send soon, or plan again."),
    ]  # fmt: skip
