"""What does the page on churn say? Results in, sentences and tables of text out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crm_utils import wording
from crm_utils.features.statistics import SMALLEST_GROUP, hide_small
from crm_utils.features.survival import Survival
from crm_utils.methods.churn import (
    MOVED,
    Alarm,
    Beside,
    ContactList,
    ContactPlan,
    Contest,
    Judgement,
    Lapses,
    Planned,
    Quality,
    ShareKept,
)
from crm_utils.sentences.churn_customers import (
    contact_columns,
    contacts_purpose,
    contender_words,
    feature_table,
    feature_words,
    group_words,
    reason_words,
    score_columns,
    scores_purpose,
    theme_words,
)
from crm_utils.tools.language import N_, NP_, Plural, _, ngettext

__all__ = [
    "CANNOT",
    "alarm_words",
    "answer",
    "assumption_table",
    "beside_words",
    "calibration_title",
    "calibration_words",
    "contact_columns",
    "contacts_purpose",
    "contest_table",
    "contest_title",
    "contest_words",
    "contributions_words",
    "drift_table",
    "drift_words",
    "feature_table",
    "importance_title",
    "judgement_words",
    "kept_words",
    "lapse_words",
    "last_table",
    "last_words",
    "loaded_words",
    "outcome_table",
    "plan_title",
    "plan_words",
    "propose",
    "quality_table",
    "reason_words",
    "return_title",
    "return_words",
    "robust_words",
    "score_columns",
    "scores_purpose",
    "silence_table",
    "silence_title",
    "silence_words",
    "sure",
    "tenth_table",
    "warnings",
]

CANNOT: dict[str, tuple[str | Plural, str]] = {
    "nobody_came_back": (
        NP_("Nobody ever came back in this history: its one customer bought on one day only.",
            "Nobody ever came back in this history: all {customers} customers bought on one day only.",
            "customers"),
        N_("It takes customers who buy again. Load a longer history, or map the id that a customer keeps."),
    ),
    "few_customers": (
        NP_("{customers} known customer is too few to tell a pattern from one person's habits.",
            "{customers} known customers are too few to tell a pattern from single people's habits.",
            "customers"),
        N_("It takes at least {needed} known customers."),
    ),
    "few_came_back": (
        N_("Only {back} of {customers} customers ever came back: there is too little to learn from."),
        N_("It takes at least {needed} customers who bought on two days. Load a longer history."),
    ),
    "short_history": (
        NP_("{days} day of history is too little: who stops buying shows only after a while.",
            "{days} days of history are too few: who stops buying shows only after a while.", "days"),
        N_("It takes at least {needed} days with orders before the day of the report."),
    ),
    "closed": (
        N_("No order came in the last {days} days, since {last_day}. While nobody buys, silence says nothing "
           "about a customer, and a lapse cannot be judged."),
        N_("Set as_of to {last_day}, or load the orders since then."),
    ),
    "nobody_active": (
        N_("Too few days have customers who bought shortly before them, up to {day}: there is nobody to "
           "learn from, or nobody to score."),
        N_("Raise active_days, or load more orders of known customers."),
    ),
}  # fmt: skip


def loaded_words(past: pd.DataFrame, today: pd.DataFrame, plan: Planned) -> str:
    """Who was looked at, on which days; and that the horizon is shorter where the data are short."""
    said = _(
        "{rows} rows of {customers} customers on {days} past days from {first} to {last}; {active} customers "
        "are active on {today}. The forecast is chosen on {validate} and tested on {test}."
    ).format(
        rows=wording.count(len(past)), customers=wording.count(past["customer_id"].nunique()),
        days=len(plan.labelled), first=wording.calendar_day(plan.labelled[0]), last=wording.calendar_day(plan.labelled[-1]),
        active=wording.count(len(today)), today=wording.calendar_day(plan.score_on),
        validate=wording.calendar_days(plan.validate), test=wording.calendar_days(plan.test),
    )  # fmt: skip
    if not plan.shortened:
        return said
    short = _("The data are too short for {asked}: here a lapse is {horizon} without a purchase.")
    shown = short.format(asked=wording.days(plan.asked_days), horizon=wording.days(plan.horizon_days))
    return f"{shown} {said}"


def outcome_table(lapses: Lapses) -> wording.Table:
    """Shares with each outcome, by cut-off."""
    return wording.table(
        lapses.by_day(),
        formats=dict.fromkeys(["lapse", "defection", "partial_defection"], _tenths_of_percent),
        names={"cutoff": _("cut-off"), "lapse": _("lapse"), "defection": _("defection"),
               "partial_defection": _("partial defection")},
        caption=_("Share of active customers with each outcome after the cut-off"),
    )  # fmt: skip


def return_title(lapses: Lapses) -> str:
    """The message of the picture of returns."""
    back = lapses.back()
    if back is None:
        return _("Nobody could be followed long enough to see who comes back")
    title = _("After {days} of silence {rate} buy within the next {within}")
    days = wording.days(lapses.horizon_days)
    return title.format(days=days, rate=wording.share(back["rate"]), within=lapses.horizon_days)


def lapse_words(lapses: Lapses) -> str:
    """How many stop buying, and how many of them come back."""
    days = wording.days(lapses.horizon_days)
    rate = wording.interval(*lapses.rate, wording.share)
    back = lapses.back()
    if back is None:
        return _("{rate} of active customers bought nothing for {days}.").format(rate=rate, days=days)
    return _(
        "{rate} of active customers bought nothing for {days}. Not all of them are lost: of customers silent "
        "for {days}, {back} bought again within the next {days}, with what the shop does anyway."
    ).format(rate=rate, days=days, back=_interval(back, wording.share))


def return_words(lapses: Lapses) -> str:
    """What a long silence means."""
    gone = lapses.back(3)
    if gone is None:
        return _("No silence of three horizons could be followed to its end yet.")
    return _(
        "Even after {long} of silence {back} bought within the next {days}: defection here is a long "
        "silence, not a proof that somebody left."
    ).format(
        long=wording.days(3 * lapses.horizon_days), back=_interval(gone, wording.share),
        days=wording.days(lapses.horizon_days),
    )  # fmt: skip


def silence_title(survival: Survival, zero: object) -> str:
    """The message of the picture of silence by segment."""
    if survival.differ:
        return _("Segments of {day} fall silent at different speeds").format(day=wording.calendar_day(zero))
    return _("Segments of {day} are not shown to fall silent at different speeds").format(
        day=wording.calendar_day(zero)
    )


def silence_words(survival: Survival) -> str:
    """What the test of equal curves says."""
    if survival.p_value is None:
        return _("There is one group only, or nobody fell silent: nothing to compare.")
    p = "< 0.0001" if survival.p_value < 1e-4 else f"= {wording.number(survival.p_value, 4)}"
    return _("Log-rank test that all groups fall silent alike: p {p}.").format(p=p)


def silence_table(survival: Survival) -> wording.Table:
    """Half of each segment has been silent after so many days, with its interval."""
    groups = hide_small(survival.groups.drop(columns=["events", "watched"]))
    return wording.table(
        groups.assign(group=groups["group"].map(group_words)),
        formats={"without": wording.share, "median": wording.count, "low": wording.count,
                 "high": wording.count},
        names={"group": _("segment"), "customers": _("customers"),
               "median": _("half are silent after, days"), "low": _("from"),
               "high": _("to"), "without": _("never silent so far")},
        caption=_("Days until half of a segment has been silent once, 95 % intervals; – is not yet"),
    )  # fmt: skip


def contest_table(contest: Contest) -> wording.Table:
    """The choice on the validation days."""
    chosen = contest.choice["chosen"].map({True: _("chosen"), False: ""})
    names = contest.choice["contender"].map(contender_words)
    return wording.table(
        contest.choice.assign(contender=names, chosen=chosen),
        formats=dict.fromkeys(["log_loss", "behind", "error"], _four),
        names={"contender": _("forecast by"), "log_loss": _("log-loss"), "behind": _("behind the best"),
               "error": _("standard error of that"), "chosen": _("choice")},
        caption=_("The choice, on the validation days; errors are clustered by customer"),
    )  # fmt: skip


def contest_title(quality: Quality) -> str:
    """The message of the picture of contenders."""
    name = contender_words(quality.contest.chosen)
    if quality.ranked:
        return _("Chosen before the test (green): {name}").format(name=name)
    return _("None is shown to rank better than chance (chosen: {name})").format(name=name)


def contest_words(quality: Quality) -> str:
    """How well the chosen forecast ranks, beside the better single measure."""
    plain = quality.of("roc_auc", contender=quality.baseline)
    return _(
        "Chosen: {name}. AUC {auc}, where 0.5 is chance; {plain_name} alone {plain}. In the tenth ranked "
        "highest {lift} times as many lapse as on average."
    ).format(
        name=contender_words(quality.contest.chosen), auc=_interval(quality.of("roc_auc"), wording.number),
        plain_name=contender_words(quality.baseline), plain=_interval(plain, wording.number),
        lift=_interval(quality.of("lift_at_10"), _one),
    )  # fmt: skip


def beside_words(beside: Beside) -> str:
    """Whether the chance of a lapse holds better than the one that the model of purchases gives."""
    if not beside.forecasts:
        return _("There is no model of purchases to compare the chance of a lapse with.")
    if beside.high is not None and beside.high < 0:
        template = _(
            "This chance of a lapse held better than the one that follows from expected orders (log-loss {ours} "
            "against {theirs}), so it is the one given: the page on lifetime value counts orders and spend."
        )
    elif beside.worse:
        template = _(
            "Careful: the chance of a lapse that follows from expected orders, as on the page on lifetime "
            "value, held better (log-loss {theirs} against {ours})."
        )
    else:
        template = _(
            "The chance of a lapse that follows from expected orders, as on the page on lifetime value, held "
            "as well (log-loss {theirs} against {ours})."
        )
    return template.format(ours=wording.number(beside.ours, 3), theirs=wording.number(beside.theirs, 3))


def quality_table(quality: Quality) -> wording.Table:
    """All measures of the chosen forecast, a column a test day."""
    table = quality.by_day().rename(columns=str)
    return wording.table(
        table.assign(measure=[_(_MEASURES.get(m, m)) for m in table["measure"]]),
        formats=dict.fromkeys([c for c in table.columns if c != "measure"], _three),
        names={"measure": _("measure"), "all": _("mean")},
        caption=_("{name} on each test day").format(name=contender_words(quality.contest.chosen)),
    )


def alarm_words(alarms: list[Alarm]) -> str:
    """Whether anything looks as if it knew the future."""
    if not alarms:
        return _(
            "No feature ranks too well alone, and nothing is far above the simple measures: no leak seen."
        )
    said = []
    for alarm in alarms:
        auc = wording.number(alarm.auc)
        if alarm.against is None:
            template = _("One feature alone ranks with an AUC of {auc} ({name}): does it know the future?")
            said.append(template.format(auc=auc, name=feature_words(alarm.name)))
        else:
            template = _(
                "{name} has an AUC of {auc} where the better single measure has {against}: look for a "
                "feature that knows the future."
            )
            name, against = contender_words(alarm.name), wording.number(alarm.against)
            said.append(template.format(name=name, auc=auc, against=against))
    return " ".join(said)


def calibration_title(quality: Quality) -> str:
    """The message of the picture of calibration."""
    slope = quality.of("calibration_slope")
    if np.isnan(slope["value"]):
        return _("Forecasts and what happened: too little varies to measure a slope")
    return _("Calibration slope {slope} on the test days").format(slope=_interval(slope, wording.number))


def calibration_words(quality: Quality) -> str:
    """On which days the slope was off."""
    off = quality.badly_calibrated
    if not off:
        return _("The slope is not far from 1 on any test day.")
    return _(
        "The slope is far from 1 on {days}: calibration is learnt from one day, and carries its season along."
    ).format(days=wording.calendar_days(off))


def last_words(quality: Quality) -> str:
    """What the scores of the last test day expected, and what came."""
    expected, happened = float(quality.last["expected"].sum()), float(quality.last["happened"].sum())
    said = _("Lapses that the scores of {day} expected: {expected}; that happened: {happened}.").format(
        day=wording.calendar_day(quality.days[-1]),
        expected=wording.count(expected),
        happened=wording.count(happened),
    )
    if not expected or abs(happened / expected - 1) <= _LEVEL_OFF:
        return said
    more = (
        _("So the chances were too low that day: trust their order more than their size.")
        if happened > expected
        else _("So the chances were too high that day: trust their order more than their size.")
    )
    return f"{said} {more}"


def last_table(quality: Quality) -> wording.Table:
    """The last test day in groups by forecast."""
    table = hide_small(quality.last, keep=["group"])
    shown = ["group", "customers", "forecast", "actual", "low", "high", "expected", "happened"]
    return wording.table(
        table[shown],
        formats=dict.fromkeys(["forecast", "actual", "low", "high"], wording.share)
        | {"expected": wording.count, "happened": wording.count, "group": wording.count},
        names={"group": _("group"), "customers": _("customers"), "forecast": _("forecast"),
               "actual": _("lapsed"), "low": _("from"), "high": _("to"), "expected": _("expected"),
               "happened": _("happened")},
        caption=_("Forecasts of {day} and what came of them, highest first, 95 % intervals").format(
            day=wording.calendar_day(quality.days[-1])
        ),
    )  # fmt: skip


def drift_words(drift: pd.DataFrame) -> str:
    """Which features moved enough to look into."""
    moved = [feature_words(name) for name in drift.loc[drift["moved"], "feature"]]
    if not moved:
        return _("Today's customers are like those learnt from: nothing moved enough to look into.")
    return _("Moved enough to look into (an index of {least} and twice what chance brings): {what}.").format(
        least=MOVED, what="; ".join(moved)
    )


def drift_table(drift: pd.DataFrame, *, since: object, day: object) -> wording.Table:
    """The largest shifts."""
    table = drift.head(6)[["feature", "psi", "by_chance"]]
    return wording.table(
        table.assign(feature=table["feature"].map(feature_words)),
        formats=dict.fromkeys(["psi", "by_chance"], _three),
        names={"feature": _("what"), "psi": _("index"), "by_chance": _("by chance alone")},
        caption=_("Population stability index: the largest shifts from {since} to {day}").format(
            since=wording.calendar_day(since), day=wording.calendar_day(day)
        ),
    )


def importance_title(importance: pd.DataFrame) -> str:
    """The message of the picture of themes."""
    if importance.empty or not (importance["low"] > 0).any():
        return _("The forecast is not shown to lean on anything")
    themes = [theme_words(theme) for theme in importance.loc[importance["low"] > 0, "theme"].head(2)]
    return _("The forecast leans most on: {themes}").format(themes=", ".join(themes))


def contributions_words(contacts: ContactList) -> str:
    """The first reasons on the list; shares of at least five customers."""
    most = contacts.first_reasons.head(4)
    shown = most[most * contacts.customers >= SMALLEST_GROUP]
    if shown.empty:
        return _("No reason is shared by enough customers on the list to be shown.")
    parts = [
        _("{theme} for {share}").format(theme=theme_words(str(theme)), share=wording.share(part))
        for theme, part in shown.items()
    ]
    return _("The first reason on the list: {reasons}.").format(reasons="; ".join(parts))


def plan_title(contacts: ContactPlan, currency: str) -> str:
    """The message of the picture of profit."""
    if not contacts.ranked:
        return _("Without a ranking no depth can be chosen")
    if not contacts.worth_it:
        return _("No depth is expected to bring more than it costs")
    d = contacts.depth
    money = wording.interval(d.profit, d.profit_low, d.profit_high, wording.money_in(currency))
    return _("Contacting {depth} brings {money} per 1,000 active customers").format(
        depth=wording.share(d.best), money=money
    )


def plan_words(contacts: ContactPlan) -> str:
    """Among whom the list looks, and how deep it goes."""
    if not contacts.ranked:
        return _("The forecast is not shown to rank customers, so nobody is chosen by it.")
    if contacts.riskier == 0:
        return _("No group of customers lapsed clearly more often than average, so nobody is chosen.")
    if not contacts.has_money:
        return _("There is no money in these data, so it cannot be said whom it pays to contact.")
    d = contacts.depth
    said = (
        _("On the validation days clearly more customers than average lapsed in the riskiest {riskier}: the "
          "list looks among them only. It goes down to {depth} of all active customers ({low} to {high}).")
        if d.low < d.high
        else _("On the validation days clearly more customers than average lapsed in the riskiest {riskier}: the "
               "list looks among them only. It goes down to {depth} of all active customers, in every resample.")
    )  # fmt: skip
    share = wording.share
    return said.format(
        riskier=share(contacts.riskier), depth=share(d.best), low=share(d.low), high=share(d.high)
    )


def assumption_table(contacts: ContactPlan, currency: str) -> wording.Table:
    """What the plan brings when an assumption is wrong."""
    money = wording.money_in(currency)
    shown = ["save_rate", "take_rate", "planned", "low", "high", "possible"]
    return wording.table(
        contacts.assumptions[shown],
        formats=dict.fromkeys(["save_rate", "take_rate"], wording.share)
        | dict.fromkeys(["planned", "low", "high", "possible"], money),
        names={"save_rate": _("true s"), "take_rate": _("true q"), "planned": _("this list brings"),
               "low": _("from"), "high": _("to"), "possible": _("at most, in hindsight")},
        caption=_("When an assumption is wrong: {currency} per 1,000 active customers, test days").format(
            currency=currency
        ),
    )  # fmt: skip


def robust_words(contacts: ContactPlan, other: str) -> str:
    """Whether the test days would have chosen alike, and the depth with half the margin."""
    chosen = _("The test days alone would have chosen: {other}.").format(other=contender_words(other))
    half, depth = contacts.half_margin.best, contacts.depth.best
    if half == depth:
        return chosen + " " + _("With half the margin the list would be as long.")
    shallow = _("With half the margin the list would go down to {half} of the customers instead of {depth}.")
    return chosen + " " + shallow.format(half=wording.share(half), depth=wording.share(depth))


def tenth_table(contacts: ContactList) -> wording.Table:
    """Where the list comes from, by tenths of risk."""
    shares = {"listed": contacts.by_tenth["listed"], "held_out": contacts.by_tenth["held_out"]}
    return wording.table(
        contacts.by_tenth.assign(**shares),
        formats={"decile": wording.count, "p_lapse": wording.share, "customers": wording.count,
                 "listed": wording.count, "held_out": wording.count},
        names={"decile": _("tenth by risk"), "customers": _("customers"), "p_lapse": _("mean risk"),
               "listed": _("on the list"), "held_out": _("held out")},
        caption=_("Where the list comes from; tenth 1 has the highest risk"),
    )  # fmt: skip


def kept_words(kept: ShareKept) -> str:
    """Where the share that a contact keeps comes from: measured on earlier lists, or assumed."""
    named = {
        "assumed": wording.share(kept.assumed), "sent": wording.count(kept.sent),
        "out": wording.count(kept.held_out), "days": wording.days(kept.days or kept.stakes.value_days),
        "horizon": wording.days(kept.stakes.value_days),
        "kept": wording.interval(kept.share, kept.low, kept.high, wording.share),
    }  # fmt: skip
    said = _(_KEPT[kept.status]).format(**named)
    if kept.others is None or kept.measured:
        return said
    others = wording.interval(*kept.others, wording.share)
    return said + " " + _("Other lists, sent to other customers, kept {others}.").format(others=others)


def judgement_words(judged: Judgement) -> str:
    """What the customers held out can show, and on which day."""
    if judged.smallest is None:
        return _("Nobody is held out, or nobody is contacted: what a contact keeps cannot be measured.")
    said = _(
        "{held} of {all} are held out at random. One such list can only show an effect if a contact keeps "
        "{smallest} or more of those who would stop; the plan counts with {assumed}."
    ).format(
        held=wording.count(judged.held_out), all=wording.count(judged.held_out + judged.contacted),
        smallest=wording.share(judged.smallest), assumed=wording.share(judged.assumed),
    )  # fmt: skip
    if judged.decided_on is None:
        return said + " " + _("Lists of this size do not decide it within twenty years: hold out more.")
    if judged.runs == 1:
        return (
            said
            + " "
            + _("This list alone decides it, on {day}.").format(day=wording.calendar_day(judged.decided_on))
        )
    later = _("{runs} such lists, one horizon apart and judged together, decide it on {day} at the earliest.")
    return (
        said
        + " "
        + later.format(runs=wording.count(judged.runs), day=wording.calendar_day(judged.decided_on))
    )


def answer(contacts: ContactPlan, listed: ContactList, quality: Quality, currency: str) -> str:
    """The answer to the page's question."""
    days = wording.days(contacts.stakes.value_days)
    if not contacts.ranked:
        return _(
            "There is no list today. The forecast of who will buy nothing for {days} does not rank customers "
            "better than chance (AUC {auc}; 0.5 is chance)."
        ).format(days=days, auc=_interval(quality.of("roc_auc"), wording.number))
    if not contacts.has_money:
        return _(
            "There is no list today: without money in the data it cannot be said whom it pays to contact. "
            "The forecast does rank who will buy nothing for {days}."
        ).format(days=days)
    if not listed.customers:
        return _(
            "There is no list today: under the assumed costs nobody at high risk is worth a contact. The "
            "forecast does rank who will buy nothing for {days}."
        ).format(days=days)
    gain = wording.interval(*contacts.gain, wording.money_in(currency))
    template = ngettext(
        "{customers} customer is slipping and worth a contact. For the whole shop that should bring {gain} "
        "in {days}, net of cost; the range covers other assumptions too.",
        "{customers} customers are slipping and worth a contact. For the whole shop that should bring {gain} "
        "in {days}, net of cost; the range covers other assumptions too.",
        listed.customers,
    )
    return template.format(customers=wording.count(listed.customers), gain=gain, days=days)


def propose(
    act: Callable[..., None], contacts: ContactPlan, listed: ContactList, *, horizon_days: int
) -> None:
    """Give a run the card of the list; none without a list."""
    if not listed.customers:
        return
    gain, low, high = contacts.gain
    offer = _("a discount")
    if listed.reminders:
        offer = ngettext(
            "a discount; {reminders} customer gets a reminder without one",
            "a discount; {reminders} customers get a reminder without one",
            listed.reminders,
        ).format(reminders=wording.count(listed.reminders))
    why = _(
        "They are among the riskiest {riskier}, of whom clearly more stop buying than on average, and each "
        "is expected to bring more than the contact costs."
    ).format(riskier=wording.share(contacts.riskier))
    act(
        _("Contact"), _("customers who are slipping"), customers=listed.customers, why=why, offer=offer,
        gain=gain, low=low, high=high, horizon_days=horizon_days, list="churn_contacts",
        certainty="tested" if contacts.effect_shown else "assumed", held_out=listed.held_out,
    )  # fmt: skip


def warnings(quality: Quality, alarms: list[Alarm]) -> list[str]:
    """What must not be overlooked: no ranking, or one that is too good to be true."""
    said = []
    if not quality.ranked:
        auc = _interval(quality.of("roc_auc"), wording.number)
        template = _(
            "The forecast of who stops buying is no better than chance here (AUC {auc}): do not use it."
        )
        said.append(template.format(auc=auc))
    if alarms:
        said.append(alarm_words(alarms))
    return said


def sure(quality: Quality, contacts: ContactPlan, *, horizon_days: int) -> list[str]:
    """How sure? Tested on what, wrong how often, which assumption would turn it."""
    days = wording.days(horizon_days)
    tested = ngettext(
        "Of the tenth we call riskiest, {top} buy nothing for {days}; on average {average} in 100. Tested on "
        "{count} day that was not used to choose the forecast.",
        "Of the tenth we call riskiest, {top} buy nothing for {days}; on average {average} in 100. Tested on "
        "{count} days that were not used to choose the forecast.",
        len(quality.days),
    ).format(
        top=wording.interval(*quality.top, wording.share), days=days, count=len(quality.days),
        average=wording.count(100 * (quality.average[0] or 0.0)),
    )  # fmt: skip
    wrong = _("So {wrong} in 100 of the riskiest tenth buy anyway: for them no contact was needed.").format(
        wrong=wording.count(100 * (1 - (quality.top[0] or 0.0)))
    )
    even = contacts.break_even
    if not contacts.ranked:
        turn = _(
            "The forecast is not shown to beat chance: no assumption about costs makes a list of it pay."
        )
    elif contacts.kept and contacts.kept.measured and not contacts.worth_it:
        turn = _(
            "What a contact keeps was measured on earlier lists: {kept} of those who would stop. Another offer "
            "may keep more."
        ).format(kept=_kept_so_far(contacts.kept))
    elif contacts.kept and contacts.kept.measured and even is not None:
        turn = _(
            "Earlier lists kept {kept} of those who would stop. If this one keeps less than {even}, it costs "
            "more than it brings."
        ).format(kept=_kept_so_far(contacts.kept), even=wording.share(even, 1))
    elif not contacts.worth_it or even is None:
        turn = _(
            "What a contact keeps is assumed, not measured: with a stronger effect some may be worth it."
        )
    else:
        turn = _(
            "We assume that an offer keeps {s} of those who would stop. If it keeps less than {even}, the "
            "list costs more than it brings."
        ).format(s=wording.share(contacts.stakes.save_rate), even=wording.share(even, 1))
    return [tested, wrong, turn]


_LEVEL_OFF = 0.1
"""Lapses may differ from what the scores expected by so much before a sentence says so."""

_KEPT = {
    "none": N_(
        "No earlier list of this kind held customers out, so what a contact keeps is assumed: {assumed} of those "
        "who would stop. Once a list was sent, with some held out, the A/B page measures it for later plans."
    ),
    "waiting": N_(
        "Earlier lists went to {sent} customers and held {out} out, but their {days} are not over yet. Until "
        "then what a contact keeps is assumed: {assumed} of those who would stop."
    ),
    "other_horizon": N_(
        "Earlier lists were judged over {days}, and this page asks about {horizon}. So what a contact keeps is "
        "assumed: {assumed} of those who would stop."
    ),
    "too_wide": N_(
        "Earlier lists kept {kept} of those who would stop ({sent} customers were sent one, {out} were held "
        "out). That is too uncertain to replace the {assumed} that we assume."
    ),
    "measured": N_(
        "Earlier lists kept {kept} of those who would stop ({sent} customers were sent one, {out} were held "
        "out). The plan counts with that instead of the {assumed} that was assumed."
    ),
}

_MEASURES = {
    "roc_auc": N_("AUC of the ranking (0.5 is chance)"),
    "pr_auc": N_("average precision"),
    "brier": N_("Brier score"),
    "brier_null": N_("Brier score of the same chance for everybody"),
    "log_loss": N_("log-loss"),
    "calibration_intercept": N_("calibration intercept (0 is right)"),
    "calibration_slope": N_("calibration slope (1 is right)"),
    "lift_at_5": N_("riskiest 5 %: lapses ÷ average"),
    "lift_at_10": N_("riskiest 10 %: lapses ÷ average"),
    "lift_at_20": N_("riskiest 20 %: lapses ÷ average"),
    "gain_at_5": N_("riskiest 5 %: share of all lapses"),
    "gain_at_10": N_("riskiest 10 %: share of all lapses"),
    "gain_at_20": N_("riskiest 20 %: share of all lapses"),
}


def _kept_so_far(kept: ShareKept) -> str:
    return wording.interval(kept.share, kept.low, kept.high, wording.share)


def _interval(row: Any, how: Any) -> str:
    """A value with its interval, from ``rate`` or ``value``, ``low`` and ``high``."""
    value = row["rate"] if "rate" in row else row["value"]
    return wording.interval(value, row["low"], row["high"], how)


def _one(value: float) -> str:
    return wording.number(value, 1)


def _three(value: float) -> str:
    return wording.number(value, 3)


def _four(value: float) -> str:
    return wording.number(value, 4)


def _tenths_of_percent(value: float) -> str:
    return wording.share(value, 1)
