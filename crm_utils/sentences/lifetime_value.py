"""What does the page on lifetime value say? Sentences; its tables are in ``lifetime_value_lists``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.lifetime_value import (
    Contest,
    Fits,
    Honesty,
    Independence,
    NewCustomers,
    Overview,
    Prospects,
    Robustness,
    Tracking,
    Worth,
)
from crm_utils.sentences.lifetime_value_lists import (
    choice_table,
    contender_names,
    contest_columns,
    coverage_table,
    curve_columns,
    fit_table,
    group_columns,
    group_table,
    measured_table,
    new_columns,
    new_table,
    order_value_table,
    prospect_columns,
    value_columns,
)
from crm_utils.tools.language import N_, NP_, Plural, _, ngettext

__all__ = [
    "CANNOT",
    "answer",
    "be_sure",
    "be_warned",
    "calibration_title",
    "choice_table",
    "contender_names",
    "contest_columns",
    "contest_title",
    "contest_words",
    "cost_words",
    "coverage_table",
    "coverage_words",
    "curve_columns",
    "data_words",
    "fit_table",
    "group_columns",
    "group_table",
    "independence_words",
    "leaving_words",
    "lists",
    "measured_table",
    "new_columns",
    "new_table",
    "nothing_words",
    "order_value_table",
    "payback_title",
    "propose",
    "prospect_columns",
    "prospect_words",
    "regularity_words",
    "robustness_words",
    "top_words",
    "tracking_title",
    "value_columns",
    "worth_words",
]

CANNOT: dict[str, tuple[str | Plural, str]] = {
    "nobody_twice": (
        NP_(
            "The one customer bought on one day only, so nothing says how often customers come back.",
            "None of {customers} customers bought on a second day, so nothing says how often they come back.",
            "customers",
        ),
        N_("Load more history, or a shop whose customers return."),
    ),
    "few_repeats": (
        N_("{repeat} of {customers} customers bought on a second day; a forecast takes {fewest}."),
        N_("Load more history, or more of the shop's customers."),
    ),
    "short_history": (
        NP_(
            "{days} day of history is too little: it takes {needed} to learn on some and test on others.",
            "{days} days of history are too few: it takes {needed} to learn on some and test on others.",
            "days",
        ),
        N_("Load more history."),
    ),
}
"""The reason, and what would change it."""

_MOST_CAPS = 6
_MISSED = 1 / 3
"""Share of the total by which a forecast may miss without a warning."""


def data_words(seen: Overview) -> str:
    """What there is to learn from."""
    plan = seen.plan
    return _(
        "{customers} customers in {weeks} weeks of history; {once} of them bought on one day only, and "
        "{back} of "
        "the money of purchases came back as returns. Spend is forecast {days} ahead. Forecasts are made "
        "as of {origins} past days: chosen on {validate}, tested on {test}."
    ).format(
        customers=wording.count(seen.customers), weeks=wording.count(seen.weeks),
        once=wording.share(seen.one_day_share), back=wording.share(seen.return_share, 1),
        days=wording.days(plan.horizon_days), origins=len(plan.origins),
        validate=wording.calendar_days(plan.validate), test=wording.calendar_days(plan.test),
    )  # fmt: skip


def leaving_words(fits: Fits) -> str:
    """Whether customers are seen to leave."""
    if not fits.leaving_seen:
        return _("Leaving is not visible in these data: a model in which nobody leaves fits as well.")
    best, names = fits.best, contender_names()
    share = best.leaving_share
    if share is None:
        return _(
            "Leaving is visible in these data: a model with leaving ({model}) fits better than one without."
        ).format(model=names[best.model].split(" ")[0])
    return _(
        "Leaving is visible in these data: {model} fits better than a model without it. After a purchase "
        "{share} leave for good."
    ).format(model=names[best.model].split(" ")[0], share=wording.share(share, 1))


def regularity_words(fits: Fits) -> str:
    """Whether purchases keep a rhythm."""
    regularity = fits.regularity
    if regularity.k is None:
        return _("Too few customers bought three times to say whether purchases keep a rhythm.")
    numbers = {
        "k": wording.interval(regularity.k, regularity.low, regularity.high, wording.number),
        "customers": wording.count(regularity.customers),
    }
    if regularity.regular:
        return _(
            "Purchases are more regular than chance: gaps have a shape of {k}, where chance has 1 "
            "({customers} customers), and that shape also foretold the gaps of customers not learnt from. "
            "Models of chance purchases are then too unsure about frequent buyers."
        ).format(**numbers)
    if regularity.seems_regular:
        return _(
            "Purchases look more regular than chance, with gaps of a shape of {k}, where chance has 1 "
            "({customers} customers); but that shape did not foretell the gaps of customers not learnt from."
        ).format(**numbers)
    return _(
        "Purchases are not more regular than chance: gaps have a shape of {k}, where chance has 1 "
        "({customers} "
        "customers)."
    ).format(**numbers)


def tracking_title(followed: Tracking) -> str:
    """How far the count was off after the fit."""
    missed = followed.missed
    if missed is None:
        return _("Nothing to follow after {day}").format(day=wording.calendar_day(followed.fitted_on))
    if missed >= 0:
        template = _("After {day} the model expected {share} more repeat purchases than came")
    else:
        template = _("After {day} the model expected {share} fewer repeat purchases than came")
    return template.format(day=wording.calendar_day(followed.fitted_on), share=wording.share(abs(missed)))


def contest_title(contest: Contest) -> str:
    """Who was chosen before the test."""
    return _("Chosen before the test (green): {name}").format(name=contender_names()[contest.chosen])


def contest_words(contest: Contest) -> str:
    """Whether a model beat last spend, whoever won."""
    name = contender_names()[contest.chosen]
    if contest.chosen == "last_window":
        return _(
            "No model was shown to beat repeating what each customer spent last, so that is the forecast."
        )
    _diff, low, high = contest.against("last_window")
    if high < 0:
        template = _(
            "Our forecast of what a customer will spend ({name}) was better than repeating what they spent "
            "last."
        )
    elif low > 0:
        template = _(
            "Careful: on the test days, repeating what customers spent last was better than our forecast "
            "({name})."
        )
    else:
        template = _(
            "Our forecast of what a customer will spend ({name}) was not shown to beat repeating what they "
            "spent last."
        )
    return template.format(name=name)


def independence_words(independence: Independence) -> str:
    """Whether frequent buyers spend more an order."""
    if independence.spread is None:
        return _("Too few customers to say whether the value of an order depends on their number.")
    spread = wording.number(independence.spread)
    if independence.independent:
        first = _(
            "The value of an order hardly depends on how often customers buy: the highest group has {spread} "
            "times the value of the lowest."
        ).format(spread=spread)
    else:
        first = _(
            "The value of an order depends on how often customers buy: the highest group has {spread} "
            "times the "
            "value of the lowest. A model that takes them as independent errs for the groups at the ends."
        ).format(spread=spread)
    if independence.first_ratio is None:
        return first
    second = _("A first order brings {ratio} times what later ones of the same customers bring.").format(
        ratio=wording.interval(
            independence.first_ratio, independence.first_low, independence.first_high, wording.number
        )
    )
    return f"{first} {second}"


def calibration_title(honesty: Honesty) -> str:
    """How the lowest and the highest tenth came out."""
    rows = honesty.curve
    held = int(((rows["forecast"] >= rows["low"]) & (rows["forecast"] <= rows["high"])).sum())
    return _("What came agrees with what was expected in {held} of {groups} groups").format(
        held=held, groups=len(rows)
    )


def nothing_words(honesty: Honesty, currency: str) -> list[str]:
    """What those brought of whom nothing was expected, if there were such."""
    template = _(
        "Of {customers} customers nothing was expected, yet they brought {money} on average: a value of 0 on "
        "the list is too low by about that, and no reason to give a customer up."
    )
    return [
        template.format(
            customers=wording.count(row["customers"]),
            money=wording.interval(row["actual"], row["low"], row["high"], wording.money_in(currency)),
        )
        for row in honesty.nothing.to_dict("records")
        if row["low"] > 0
    ]


def coverage_words(honesty: Honesty) -> str:
    """How often intervals held."""
    conformal, own = honesty.overall("conformal"), honesty.overall("own")
    if conformal is None:
        return _("No interval could be tested.")
    held = wording.interval(conformal["covered"], conformal["low"], conformal["high"], wording.share)
    first = _("Of the 90 % intervals from past errors {held} held on the test days.").format(held=held)
    first = " ".join([first, *_narrow_words(honesty), *_window_words(honesty)])
    if own is None:
        return first
    second = _("Of the model's own 90 % intervals {held} held.").format(
        held=wording.interval(own["covered"], own["low"], own["high"], wording.share)
    )
    return f"{first} {second}"


def _window_words(honesty: Honesty) -> list[str]:
    """What is known of how windows differ."""
    if honesty.windows == 1:
        return [_("They were learnt from a single window: how far windows differ could not be known.")]
    if honesty.windows_differ:
        return [
            _(
                "They were learnt from {windows} windows that differ by more than chance, and span what each "
                "of them alone would give."
            ).format(windows=honesty.windows)
        ]
    return []


def _narrow_words(honesty: Honesty) -> list[str]:
    """Which intervals were too narrow, if any."""
    short = honesty.too_narrow
    if not len(short):
        return []
    return [
        ngettext(
            "In {groups} of the groups of like forecasts they held {least}, which is too seldom.",
            "In {groups} of the groups of like forecasts they held {least} to {most}, which is too seldom.",
            len(short),
        ).format(
            groups=len(short),
            least=wording.share(short["covered"].min()),
            most=wording.share(short["covered"].max()),
        )
    ]


def _ranges_held(honesty: Honesty) -> str:
    """How often the range given for a customer held, without the models' names."""
    conformal = honesty.overall("conformal")
    if conformal is None:
        return _("No range could be tested.")
    held = wording.interval(conformal["covered"], conformal["low"], conformal["high"], wording.share)
    first = _("Of the ranges given for single customers, meant to hold 90 times in 100, {held} held.").format(
        held=held
    )
    return " ".join([first, *_narrow_words(honesty)])


def worth_words(worth: Worth, currency: str) -> str:
    """What all customers are expected to bring."""
    money = wording.money_in(currency)
    sums = {
        "window": wording.interval(worth.window, worth.low, worth.high, money),
        "days": wording.days(worth.horizon_days), "half": money(worth.weeks_26),
        "year": money(worth.weeks_52), "margin": money(worth.margin),
    }  # fmt: skip
    if worth.low is None:
        template = _(
            "Together they are expected to spend {window} in the next {days}, {half} in 26 weeks and "
            "{year} in "
            "52, a discounted margin of {margin}. Too few past totals are there to say how far such a sum "
            "misses: these are the forecast's word only."
        )
    else:
        template = _(
            "Together they are expected to spend {window} in the next {days}, {half} in 26 weeks and "
            "{year} in "
            "52, a discounted margin of {margin}. The interval (90 %) comes from how far past totals missed."
        )
    return template.format(**sums)


def top_words(worth: Worth) -> str:
    """What the top tenth brings."""
    if worth.top_share is None:
        return _("Nobody is expected to bring anything.")
    first = _("The top tenth ({customers} customers) are expected to bring {share} of the margin.").format(
        customers=wording.count(worth.top_customers), share=wording.share(worth.top_share)
    )
    if worth.top_tested is None:
        return first
    second = _("On the test days the tenth ranked highest brought {share} of the spend.").format(
        share=wording.share(worth.top_tested)
    )
    return f"{first} {second}"


def answer(worth: Worth, new: NewCustomers, currency: str) -> str:
    """The page's question in two sentences."""
    money = wording.money_in(currency)
    first = _(
        "{customers} customers are expected to spend {window} in the next {days}; a tenth of them bring "
        "{top} of "
        "the margin."
    ).format(
        customers=wording.count(worth.customers), days=wording.days(worth.horizon_days),
        window=wording.interval(worth.window, worth.low, worth.high, money),
        top=wording.share(worth.top_share),
    )  # fmt: skip
    row = new.overall
    if row is None:
        second = _("What a new customer may cost cannot be told: too few were won after the data begin.")
    else:
        alike = wording.alike(money, [row["value"], row["bid_cap"]])
        second = _("A new customer brings a margin of {value} in {days}: pay at most {cap} for one.").format(
            value=wording.interval(row["value"], row["low"], row["high"], alike), cap=alike(row["bid_cap"]),
            days=wording.days(row["horizon_days"]),
        )  # fmt: skip
    return f"{first} {second}"


def payback_title(new: NewCustomers, currency: str) -> str:
    """What a new customer has brought at the end of the curve."""
    row = new.overall
    if row is None:
        return _("Too few new customers to draw what they bring")
    return _("A new customer brings a margin of {value} within {days}").format(
        value=wording.money(row["value"], currency), days=wording.days(row["horizon_days"])
    )


def cost_words(new: NewCustomers, currency: str) -> str:
    """What winning a customer has cost, or what is missing to say so."""
    row = new.overall
    if row is None:
        return _(
            "Customers first seen in the first 90 days of the data may be old ones. Too few came later to "
            "say "
            "what a new one brings: load more history."
        )
    if pd.isna(row["cost"]):
        return _(
            "What winning a customer has cost is not known: a table marketing_costs (starts_on, ends_on, "
            "acquisition_channel, cost) would tell whether it is paid back, and when."
        )
    numbers = {
        "cost": wording.money(row["cost"], currency), "ratio": wording.number(row["value"] / row["cost"], 1),
        "days": wording.days(row["payback_days"]),
    }  # fmt: skip
    if pd.isna(row["payback_days"]):
        template = _("Winning a customer has cost {cost} and is not paid back within the days seen.")
    else:
        template = _(
            "Winning a customer has cost {cost}, is paid back after {days}, and brings {ratio} times that."
        )
    return template.format(**numbers)


def prospect_words(members: Prospects) -> str:
    """Whether members without an order can be ranked."""
    tested = members.tested
    if tested is None:
        return _("No day of joining is known, so nothing is said of members without an order.")
    if tested.auc is None or tested.auc_recent is None:
        return ngettext(
            "{members} member had no order on the test day, and {first} of them placed one: too few to test a "
            "ranking.",
            "{members} members had no order on the test day, and {first} of them placed one: too few to test a "
            "ranking.",
            tested.prospects,
        ).format(members=wording.count(tested.prospects), first=wording.count(tested.first_orders))
    numbers = {
        "auc": wording.number(tested.auc), "recent": wording.number(tested.auc_recent),
        "expected": wording.count(tested.expected), "first": wording.count(tested.first_orders),
        "members": wording.count(tested.prospects),
    }  # fmt: skip
    if members.ranked:
        template = _(
            "Of {members} members without an order {first} placed one (expected: {expected}). Ranked by "
            "chance they "
            "are told apart with {auc}, most recent first with {recent} (0.5 is chance): use the chance."
        )
    else:
        template = _(
            "Of {members} members without an order {first} placed one (expected: {expected}). Ranked by "
            "chance they "
            "are told apart with {auc}, most recent first with {recent} (0.5 is chance): most recent first "
            "is as good."
        )
    return template.format(**numbers)


def robustness_words(again: Robustness, contest: Contest) -> str:
    """What another look says."""
    names = contender_names()
    same = again.chosen_by_test == contest.chosen
    first = (
        _("The test days would have chosen the same forecast.")
        if same
        else _("The test days would have chosen another forecast: {other}.").format(
            other=names[again.chosen_by_test]
        )
    )
    ratio = again.rmse(contest.chosen) / max(again.rmse("last_window"), 1e-12)
    second = _(
        "Without the top 1 % of spenders the error of the chosen one is {ratio} times that of the last "
        "window's spend."
    ).format(ratio=wording.number(ratio))
    if again.gross_ratio is None:
        return f"{first} {second}"
    third = _("Before returns are taken off, for all customers, it is {ratio} times.").format(
        ratio=wording.number(again.gross_ratio)
    )
    return f"{first} {second} {third}"


def be_warned(warn: Callable[[str], None], contest: Contest, honesty: Honesty) -> None:
    """Warn where the total of the test days was missed by a third or more, or ranges were too narrow.

    Parameters
    ----------
    warn
        ``run.warn``.
    contest, honesty
        The contest, and how often intervals held.
    """
    for words in _narrow_words(honesty):
        warn(
            _(
                "Do not rely on the ranges of what single customers will spend, meant to hold 90 %. {words}"
            ).format(words=words)
        )
    row = contest.value(contest.chosen, "bias")
    if pd.isna(row["value"]) or abs(row["value"]) < _MISSED:
        return
    if row["value"] < 0:
        template = _(
            "The total forecast was {share} below what came on the test days: plan the next window with care."
        )
    else:
        template = _(
            "The total forecast was {share} above what came on the test days: plan the next window with care."
        )
    warn(template.format(share=wording.share(abs(row["value"]))))


def lists(currency: str) -> dict[str, dict[str, Any]]:
    """What each saved list is for, and what its columns mean: what ``run.save`` takes."""
    return {
        "lifetime_value": {
            "purpose": _("What each customer is expected to bring: for budgets, and for whom to look after."),
            "columns": value_columns(currency),
        },
        "value_by_segment": {
            "purpose": _("What segments and channels are expected to bring."),
            "columns": group_columns(currency),
        },
        "new_customer_value": {
            "purpose": _("What a new customer brings and may cost, by channel: for bids."),
            "columns": new_columns(currency),
        },
        "value_contest": {
            "purpose": _("How well each forecast did on days that it was not chosen by."),
            "columns": contest_columns(),
        },
        "value_calibration": {
            "purpose": _("What was expected and what came, in tenths of the forecast."),
            "columns": curve_columns(currency),
        },
        "prospects": {
            "purpose": _("Members without an order, for a welcome: the most promising first."),
            "columns": prospect_columns(currency),
        },
    }


def propose(act: Callable[..., None], new: NewCustomers, members: Prospects, currency: str) -> None:
    """Say what not to pay more than, by large channel or for all; and whom to welcome.

    Parameters
    ----------
    act
        ``run.action``.
    new
        The cohorts.
    members
        Members without an order; proposed where their ranking held.
    currency
        Of the study.
    """
    rows = new.channels
    if not len(rows):
        rows = new.table[new.table["bid_cap"].notna()].head(1)
    if len(rows):
        _caps(act, rows, currency)
    if members.ranked and len(members.table):
        act(
            _("Welcome"),
            _("members without an order, the most promising first"),
            customers=len(members.table),
            why=_("In the test, ranking them by the chance of a first order beat taking the newest first."),
            list="prospects",
        )


def _caps(act: Callable[..., None], rows: pd.DataFrame, currency: str) -> None:
    """One card that says what a new customer may cost, for each channel where channels are known."""
    money = wording.money_in(currency)
    money = wording.alike(money, [*rows["bid_cap"], *rows["value"].dropna()])
    caps = [money(cap) for cap in rows["bid_cap"].head(_MOST_CAPS)]
    first, more = rows.iloc[0], len(rows) - len(caps)
    by_channel = str(first["acquisition_channel"]) != "*"
    if by_channel:
        named = [
            _("{channel} {cap}").format(channel=channel, cap=cap)
            for channel, cap in zip(rows["acquisition_channel"].head(_MOST_CAPS), caps, strict=True)
        ]
        if more:
            named.append(ngettext("{n} more in the list", "{n} more in the list", more).format(n=more))
        why = _(
            "At most: {caps}. Each is the lower end of the margin that one brings by day {days} (95 % "
            "interval), less the cost of serving."
        ).format(caps=", ".join(named), days=wording.count(first["horizon_days"]))
        verb = (
            _("Do not pay more than {low} to {high} for a new customer, by channel").format(
                low=money(rows["bid_cap"].min()), high=money(rows["bid_cap"].max())
            )
            if len(rows) > 1
            else _("Do not pay more than {cap} for a new customer from {channel}").format(
                cap=caps[0], channel=first["acquisition_channel"]
            )
        )
    else:
        verb = _("Do not pay more than {cap} for a new customer").format(cap=caps[0])
        why = _(
            "By day {days} one has brought a margin of {value} (95 % interval); the lower end less the "
            "cost of serving is the most to pay."
        ).format(
            days=wording.count(first["horizon_days"]),
            value=wording.interval(first["value"], first["low"], first["high"], money),
        )
    act(
        verb,
        _("new customers seen so far"),
        customers=int(rows["customers"].sum()),
        why=why,
        certainty="assumed",
        list="new_customer_value",
        avoid=True,
    )


def be_sure(sure: Callable[[str], None], contest: Contest, honesty: Honesty, *, margin_share: float) -> None:
    """Say how sure the answer is: on what it was tested, how often it was wrong, what would turn it."""
    days = sorted({str(day)[:10] for day in contest.test["origin"]})
    sure(
        _("Tested on {forecasts} forecasts made as of {days}, which had no say in the choice.").format(
            forecasts=wording.count(len(contest.test)), days=wording.calendar_days(days)
        )
    )
    bias = contest.value(contest.chosen, "bias")
    total = (
        _("The total could not be compared.")
        if pd.isna(bias["value"])
        else _("The total forecast was {share} below what came.").format(share=wording.share(-bias["value"]))
        if bias["value"] < 0
        else _("The total forecast was {share} above what came.").format(share=wording.share(bias["value"]))
    )
    sure(f"{_ranges_held(honesty)} {total}")
    sure(
        _(
            "A margin of {margin} of revenue is assumed; every cap rises and falls with it. A season that "
            "the data do not hold is not foreseen."
        ).format(margin=wording.share(margin_share))
    )
