"""What does the page on journeys say? Sentences; its tables are in ``customer_journey_lists``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.features import Number
from crm_utils.methods.customer_journey import (
    Coverage,
    CreditStudy,
    DelayLifts,
    Funnel,
    Leaks,
    SecondOrders,
    Sessions,
    StepTimes,
    Ways,
)
from crm_utils.sentences.customer_journey_lists import (
    again_word,
    by_word,
    calibration_table,
    coverage_table,
    credit_table,
    delays_table,
    funnel_table,
    hours_word,
    leak_word,
    leaks_table,
    lists,
    moment_word,
    moments_table,
    robust_table,
    rule_word,
    second_table,
    segment_word,
    sessions_table,
    sources_table,
    stage_word,
    step_word,
    touch_word,
    ways_table,
)
from crm_utils.tools.language import N_, _, ngettext

__all__ = [
    "CANNOT", "be_sure", "be_told", "be_warned", "calibration_table", "calibration_words", "coverage_table",
    "coverage_words", "credit_rows", "credit_table", "credit_title", "credit_words", "curve_labels",
    "delay_words", "delays_table", "funnel_labels", "funnel_table", "funnel_title", "funnel_words", "leak_words",
    "leaks_table", "lists", "moments_table", "numbers_of", "propose", "rework_words", "robust_table",
    "second_table", "second_title", "second_words", "sessions_table", "sessions_words", "sources_table",
    "sources_words", "step_names", "step_title", "step_words", "touch_labels", "ways_table", "ways_title", "ways_words",
]  # fmt: skip

CANNOT: dict[str, tuple[str, str]] = {
    "nothing": (
        N_("This shop has no events, no messages, and too few new customers to follow to a second order."),
        N_(
            "Record in events what customers do (visit, view, cart, checkout, purchase) with session, customer, source and time; keep messages with who was held out."
        ),
    )
}
"""The reason, and what would change it."""

_ANYWAY_AFTER = 1.0  # hours
_MOST_ROWS = 13
_GAIN_DAYS = 28
_SHOWN = ("last_non_direct", "markov", "click_7")


def numbers_of(*results: Any, currency: str = "") -> list[Number]:
    """What is recorded of each result that there is."""
    numbers: list[Number] = []
    for result in results:
        if isinstance(result, Leaks):
            numbers += result.numbers(currency)
        elif isinstance(result, list):
            numbers += numbers_of(*result, currency=currency)
        elif result is not None:
            numbers += result.numbers()
    return numbers


def coverage_words(seen: Coverage) -> list[str]:
    """What is recorded, and what is not."""
    said = []
    if seen.events:
        said.append(
            _("{events} events, {known} of them with a customer: {kinds}.").format(
                events=wording.count(seen.events), known=wording.share(seen.known),
                kinds=", ".join(
                    _("{kind} {n}").format(kind=_(r["kind"]), n=wording.count(r["events"]))
                    for r in seen.kinds.to_dict("records")
                ),
            )
        )  # fmt: skip
    else:
        said.append(
            _(
                "This study has no events: nothing is known of visits, carts and checkouts. What follows comes from orders and messages alone. Record events with customer, session, source and time, and the rest of this page answers too."
            )
        )
    if seen.missing:
        said.append(
            _("Not recorded: {stages}.").format(stages=", ".join(stage_word(s) for s in seen.missing))
        )
    return said


def sessions_words(seen: Sessions | None) -> list[str]:
    """How visits were made."""
    if seen is None:
        return []
    said = [
        _("{visits} visits by a pause of {gap} minutes; {robots} of them are robots' by the rule, with {events} events, and are left out.").format(
            visits=wording.count(seen.visits), gap=seen.gap_minutes, robots=wording.count(seen.robots),
            events=wording.count(seen.robot_events),
        )
    ]  # fmt: skip
    if not pd.isna(seen.agreement):
        said.append(
            _("The pause and the given ids agree at {share} of successive events; {mixed} given ids were seen with several customers.").format(
                share=wording.share(seen.agreement, 1), mixed=wording.count(seen.mixed)
            )
        )  # fmt: skip
    return said


def funnel_words(funnels: list[Funnel]) -> list[str]:
    """Of a hundred who enter, how many get to the end."""
    said = []
    for one in funnels:
        said.append(_short(one))
        if one.immature:
            said.append(
                _("{n} of them entered too late to know, and are left out.").format(
                    n=wording.count(one.immature)
                )
            )
    return said


def funnel_title(funnels: list[Funnel]) -> str:
    """The message of the funnel's picture: the step that loses most."""
    if not funnels:
        return _("No funnel: no events")
    rows = funnels[-1].table.reset_index(drop=True)
    k = 1 + int(rows["of_previous"].iloc[1:].to_numpy().argmin()) if len(rows) > 1 else 0
    return _("Most visits stall before “{step}”: {share} get there").format(
        step=step_word(rows["step"].iloc[k]), share=wording.share(rows["of_previous"].iloc[k])
    )


def funnel_labels() -> dict[str, str]:
    """What bars and axis of the funnel are called."""
    return {
        "customer": _("customers, within days"), "session": _("visits"),
        "x": _("share of those who entered (95 % interval)"),
    }  # fmt: skip


def step_names() -> dict[str, str]:
    """What each event is called."""
    return {
        name: step_word(name)
        for name in ("visit", "search", "view", "cart", "checkout", "payment_failed", "purchase")
    }


def step_words(steps: dict[str, StepTimes]) -> list[str]:
    """How long people take by themselves."""
    said = []
    for moment, step in steps.items():
        half = step.quantile(0.5)
        said.append(
            _("{moment}: {share} buy within 7 days by themselves. Half of those who come back in 28 days do so within {half}; a message after {hours} meets {anyway} who would have come anyway.").format(
                moment=moment_word(moment).capitalize(),
                share=wording.interval(*step.by(168), wording.share), half=hours_word(half),
                hours=hours_word(_ANYWAY_AFTER), anyway=wording.share(step.anyway(_ANYWAY_AFTER)),
            )
        )  # fmt: skip
    return said


def step_title(steps: dict[str, StepTimes]) -> str:
    """The message of the picture of step times."""
    step = steps.get("cart_left") or next(iter(steps.values()), None)
    if step is None:
        return _("No times between steps: no events")
    return _("After {start}, {share} buy within a day by themselves").format(
        start=moment_word("cart_left" if "cart_left" in steps else next(iter(steps))),
        share=wording.share(step.by(24)[0]),
    )


def curve_labels(steps: dict[str, StepTimes]) -> dict[str, str]:
    """What the curves are called, and the axes."""
    return {name: moment_word(name) for name in steps} | {
        "x": _("hours since (log scale)"), "y": _("share who bought (95 % band)"),
        "delay": _("usual delays: 1, 4, 24 hours"),
    }  # fmt: skip


def ways_words(ways: Ways) -> list[str]:
    """How many ways there are."""
    if ways.variants is None:
        return []
    seen = ways.variants
    return [
        _("{visits} visits took {ways} ways; {once} of the ways were taken once.").format(
            visits=wording.count(seen.visits), ways=wording.count(seen.ways),
            once=wording.share(seen.once / max(seen.ways, 1)),
        )
    ]  # fmt: skip


def ways_title(ways: Ways) -> str:
    """The message of the flow."""
    if ways.variants is None or not len(ways.moves):
        return _("No ways: no events")
    ends = ways.moves[ways.moves["target"] == "(end)"].sort_values("visits", ascending=False)
    lost = ends[ends["source"] != "purchase"]
    if not len(lost):
        return _("Where visits go")
    return _("Most visits without an order end after “{step}”").format(step=step_word(lost["source"].iloc[0]))


def rework_words(ways: Ways) -> list[str]:
    """What is done twice."""
    return [
        _("{what}: {share} of {parcels}.").format(
            what=again_word(r).capitalize(), share=wording.interval(r["share"], r["low"], r["high"], lambda v: wording.share(v, 1)),
            parcels=wording.count(r["parcels"]),
        )
        for r in ways.rework.to_dict("records")
    ]  # fmt: skip


def second_words(result: SecondOrders | None) -> list[str]:
    """When the second order comes."""
    if result is None:
        return [_("Fewer than 30 new customers can be followed to a second order: nothing is said of it.")]
    median, low, high = result.median
    thirty = wording.interval(*result.within(30), wording.share)
    if pd.isna(median):
        said = _("{customers} new customers: fewer than half have ordered again in 182 days; {thirty} within 30 days. So 30 days is early for this shop.").format(
            customers=wording.count(result.customers), thirty=thirty
        )  # fmt: skip
    else:
        template = (
            _("{customers} new customers: half have ordered again after {median}; {thirty} within 30 days. So 30 days is early for this shop.")
            if median > 30 else
            _("{customers} new customers: half have ordered again after {median}; {thirty} within 30 days. So 30 days is late for this shop.")
        )  # fmt: skip
        said = template.format(
            customers=wording.count(result.customers), median=wording.interval(median, low, high, wording.days),
            thirty=thirty,
        )  # fmt: skip
    differ = [by_word(r["by"]) for r in result.tests.to_dict("records") if r["q"] < 0.05]
    if differ:
        return [said, _("Customers differ by {what}, beyond chance.").format(what=", ".join(differ))]
    return [said, _("No group of first orders is shown to differ.")]


def second_title(result: SecondOrders | None, by: str = "category") -> str:
    """The message of the curves of second orders."""
    if result is None:
        return _("Second orders")
    curve = result.by.get(by) or next(iter(result.by.values()), None)
    known = curve.groups.dropna(subset=["median"]).sort_values("median") if curve else pd.DataFrame()
    if len(known) < 2:
        median = result.median[0]
        if pd.isna(median):
            return _("Fewer than half have ordered again so far")
        return _("Half have ordered again after {days}").format(days=wording.days(median))
    return _("Second orders come soonest after “{soon}”, latest after “{late}”").format(
        soon=known["group"].iloc[0], late=known["group"].iloc[-1]
    )


def credit_words(study: CreditStudy | None) -> list[str]:
    """Credit beside lift, with the made-up campaign."""
    if study is None:
        return [
            _(
                "Nothing touched anybody here before an order: there is no credit to share. Record messages with who was held out, or visits with their source."
            )
        ]
    said = [
        _("{converting} paths end with an order and {nothing} with nothing (null paths); before {untouched} of orders nothing was recorded in the {days} that count.").format(
            converting=wording.count(study.converting), nothing=wording.count(study.nothing),
            untouched=wording.share(study.untouched), days=wording.days(study.lookback_days),
        )
    ]  # fmt: skip
    placebo = placebo_words(study)
    if placebo:
        said.append(placebo)
    names = study.table.loc[study.table["campaign_id"] != "", ["campaign_id", "verified"]].drop_duplicates()
    if len(names):
        said.append(
            _("Of {all} campaigns {known} held somebody out at random. The others, and sources that were never switched off, are not verified (증분 미검증).").format(
                all=wording.count(len(names)), known=wording.count(int(names["verified"].sum()))
            )
        )  # fmt: skip
    elif not len(study.verified):
        said.append(_("No touch here was ever held out: all credit is not verified (증분 미검증)."))
    return said


def placebo_words(study: CreditStudy | None) -> str:
    """What rules give a campaign that nobody got; empty where it could not be made."""
    if study is None or not len(study.placebo):
        return ""
    rows = study.placebo[~study.placebo["rule"].str.startswith("click")]
    rows = rows if len(rows) else study.placebo
    top = study.placebo.iloc[0]
    return _("A made-up campaign that nobody received gets {least} to {most} orders of credit, by rule; its lift is {lift}.").format(
        least=wording.count(rows["credit"].min()), most=wording.count(rows["credit"].max()),
        lift=wording.interval(top["lift"], top["lift_low"], top["lift_high"], wording.count),
    )  # fmt: skip


def credit_title(study: CreditStudy | None) -> str:
    """The message of the page's picture."""
    if study is None:
        return _("No credit to share")
    if len(study.placebo):
        return _("Rules credit what did nothing; the lift does not")
    return _("Credit beside lift")


def credit_rows(study: CreditStudy | None) -> pd.DataFrame:
    """What the picture shows: the made-up campaign first, then campaigns by Markov's credit.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``lift``, ``low``, ``high`` and a column a rule.
    """
    columns = ["name", "lift", "low", "high", *_SHOWN]
    if study is None:
        return pd.DataFrame(columns=columns)
    table = pd.concat([study.placebo, study.table])
    table = table[(table["campaign_id"] != "") & table["rule"].isin(_SHOWN)]
    if not len(table):
        return pd.DataFrame(columns=columns)
    wide = table.pivot_table(index="campaign_id", columns="rule", values="credit", aggfunc="first").reindex(
        columns=_SHOWN
    )
    ends = table.groupby("campaign_id")[["lift", "lift_low", "lift_high"]].first()
    rows = wide.join(ends).reset_index()
    first = rows["campaign_id"].isin(study.placebo["campaign_id"])
    rows = rows.assign(first=first, none=rows["lift"].isna())
    rows = rows.sort_values(["first", "none", "markov"], ascending=[False, True, False]).head(_MOST_ROWS)
    names = [
        touch_word(r["campaign_id"]) if pd.notna(r["lift"]) else _("{name}: not verified").format(name=r["campaign_id"])
        for r in rows.to_dict("records")
    ]  # fmt: skip
    shown = rows.assign(name=names).rename(columns={"lift_low": "low", "lift_high": "high"})
    return shown[columns].reset_index(drop=True)


def touch_labels() -> dict[str, str]:
    """What marks and axis of the picture are called."""
    return {
        "last_non_direct": _("credit: last touch, not direct"), "markov": _("credit: Markov"),
        "click_7": _("credit: click in 7 days"), "lift": _("lift: against those held out (95 % interval)"),
        "x": _("orders"),
    }  # fmt: skip


def sources_words(rows: pd.DataFrame) -> list[str]:
    """What paid sources brought."""
    said = []
    for r in rows.to_dict("records"):
        template = (
            _("{source} was bought in {on} periods and not in {off}: {credit} visits carry its name, and {lift} came because of it.")
            if r["low"] > 0 else
            _("{source} was bought in {on} periods and not in {off}: {credit} visits carry its name, but that it brought any is not shown ({lift}): it takes visits that come anyway.")
            if r["high"] < r["credit"] else
            _("{source} was bought in {on} periods and not in {off}: {credit} visits carry its name; whether it brought any cannot be told ({lift}).")
        )  # fmt: skip
        said.append(
            template.format(
                source=r["source"], on=r["on"], off=r["off"], credit=wording.count(r["credit"]),
                lift=wording.interval(r["lift"], r["low"], r["high"], wording.count),
            )
        )  # fmt: skip
    if not said:
        said.append(
            _(
                "No paid source was switched on and off by known costs: what sources of visits bring is not verified (증분 미검증)."
            )
        )
    return said


def calibration_words(study: CreditStudy | None) -> list[str]:
    """Whether a factor from other campaigns mends a rule."""
    if study is None or not len(study.calibration.table):
        return [_("Fewer than three campaigns held somebody out: credit cannot be calibrated.")]
    rows = study.calibration.table.set_index("rule")
    plain = rows["off"].min()
    best = rows["off_calibrated"].idxmin()
    template = (
        _("Multiplied by the factor of the other campaigns, {rule} is {off} orders a campaign from the lift; the nearest plain rule is {plain}. The lifts themselves are only known to {error} orders (one standard error).")
        if rows["off_calibrated"].min() < plain else
        _("Calibrated by the factor of the other campaigns no rule comes nearer to the lift ({off} orders a campaign, {rule}) than the nearest plain one ({plain}). The lifts themselves are only known to {error} orders (one standard error).")
    )  # fmt: skip
    return [
        template.format(
            rule=rule_word(str(best)), off=wording.count(rows["off_calibrated"].min()), plain=wording.count(plain),
            error=wording.count(study.calibration.error),
        )
    ]  # fmt: skip


def leak_words(result: Leaks | None, currency: str) -> list[str]:
    """Where it leaks."""
    if result is None:
        return []
    if not len(result.table):
        return [_("No step loses more in one place or week than elsewhere, beyond chance.")]
    money = wording.money_in(currency)
    said = []
    for row in result.table[result.table["leak"] == "sudden"].head(2).to_dict("records"):
        said.append(
            _("From {first} to {last} only {rate} went on in “{leak}”, in other weeks {other}: {bound} of margin at most.").format(
                first=row["starts_on"], last=row["ends_on"], rate=wording.share(row["rate"]), leak=leak_word(row),
                other=wording.share(row["other"]),
                bound=wording.interval(row["bound"], row["bound_low"], row["bound_high"], money),
            )
        )  # fmt: skip
    if len(result.whole) > 1:
        said.append(
            _("From “{first}” to “{last}” over all: {shares}. Where more are let through one step, fewer go on at the next: look at the whole before one step.").format(
                first=step_word("view"), last=step_word("purchase"),
                shares=", ".join(
                    _("{segment} {share}").format(
                        segment=segment_word(r["segment"]),
                        share=wording.interval(r["rate"], r["low"], r["high"], lambda v: wording.share(v, 1)),
                    )
                    for r in result.whole.to_dict("records")
                ),
            )
        )  # fmt: skip
    return said


def delay_words(delays: DelayLifts | None) -> list[str]:
    """Which delay a lot shows to be best."""
    if delays is None:
        return [
            _("No message had its delay drawn by lot: delays below are read from curves, and not tested.")
        ]
    said = []
    for scenario, rows in delays.table.groupby("scenario"):
        best = rows[rows["best"]]
        if len(best):
            row = best.iloc[0]
            said.append(
                _("{scenario}: best after {hours}, where {lift} more of those sent buy than of those held out; no other delay is shown to do as well.").format(
                    scenario=scenario, hours=hours_word(row["hours"]),
                    lift=wording.interval(row["lift"], row["low"], row["high"], wording.points),
                )
            )  # fmt: skip
        else:
            said.append(_("{scenario}: no delay is shown to be best.").format(scenario=scenario))
    return said


def be_told(
    tell: Callable[[str], None], funnels: list[Funnel], leaks: Leaks | None, study: CreditStudy | None,
    second: SecondOrders | None,
) -> None:  # fmt: skip
    """Say the answer in two sentences."""
    if funnels:
        words = _short(funnels[0])
        if leaks is not None and len(leaks.table):
            row = leaks.table.iloc[0].to_dict()
            words = _("{funnel} The costliest step: {leak}, where {rate} go on and {other} elsewhere.").format(
                funnel=words, leak=leak_word(row), rate=wording.share(row["rate"]),
                other=wording.share(row["other"]),
            )  # fmt: skip
        tell(words)
    else:
        tell(
            _(
                "{second} Where visits stall cannot be said: no views, carts and checkouts are recorded."
            ).format(second=second_words(second)[0])
        )
    placebo = placebo_words(study)
    if placebo:
        tell(
            _("{placebo} Credit is no effect: believe the lift, and hold out where there is none.").format(
                placebo=placebo
            )
        )
    elif study is None:
        tell(credit_words(study)[0])


def _short(one: Funnel) -> str:
    row = one.table.iloc[-1]
    n, low, high = (wording.count(100 * row[name]) for name in ("of_entrants", "low", "high"))
    template = (
        _("Of 100 customers who {first}, {n} ({low} to {high}) {last} within {days}.")
        if one.by == "customer"
        else _("Of 100 visits with “{first}”, {n} ({low} to {high}) end with “{last}”.")
    )
    return template.format(
        first=step_word(one.table["step"].iloc[0]), last=step_word(row["step"]), n=n, low=low, high=high,
        days=wording.days(one.within_days),
    )  # fmt: skip


def be_warned(warn: Callable[[str], None], seen: Coverage) -> None:
    """Say what must not be overlooked."""
    if seen.silent:
        warn(
            ngettext(
                "On {days} day ({first} to {last}) orders went on and hardly an event was recorded: the tag was broken. It is left out where weeks are compared.",
                "On {days} days ({first} to {last}) orders went on and hardly an event was recorded: the tag was broken. They are left out where weeks are compared.",
                len(seen.silent),
            ).format(
                days=len(seen.silent),
                first=wording.calendar_day(seen.silent[0]),
                last=wording.calendar_day(seen.silent[-1]),
            )
        )  # fmt: skip


def propose(
    act: Callable[..., None], delays: DelayLifts | None, leaks: Leaks | None, sources: pd.DataFrame, currency: str
) -> None:  # fmt: skip
    """Say what to do: send at the tested delay, look at what leaks, do not pay for what takes.

    Parameters
    ----------
    act
        ``run.action``.
    delays, leaks, sources
        Results; None or empty where there are none.
    currency
        The study's.
    """
    if delays is not None and leaks is not None:
        for row in delays.best.to_dict("records"):
            units = row["a_day"] * _GAIN_DAYS
            gains = [units * row[name] * leaks.margin for name in ("lift", "low", "high")]
            act(
                _("Remind after {hours}").format(hours=hours_word(row["hours"])),
                _("customers who leave a {anchor} ({scenario})").format(anchor=row["anchor_event"], scenario=row["scenario"]),
                customers=round(units), gain=gains[0], low=gains[1], high=gains[2], horizon_days=_GAIN_DAYS,
                certainty="tested", list="moments",
                why=_("A lot drew the delay: {lift} more of those sent buy, at other delays that is not shown. As many as were due a day while it ran, all at this delay; the cost of sending is not taken off. The scenarios file sets it: the delay of that scenario.").format(
                    lift=wording.interval(row["lift"], row["low"], row["high"], wording.points)
                ),
            )  # fmt: skip
    if leaks is not None:
        money = wording.money_in(currency)
        for row in leaks.shown.to_dict("records")[:2]:
            act(
                _("Look into"),
                _("visits in the {segment} at “{step}”: why do so few “{next}”?").format(
                    segment=segment_word(row["segment"]), step=step_word(row["step"]), next=step_word(row["next_step"])
                ),
                customers=int(row["entrants"]), list="leaks",
                why=_("{rate} go on, {other} elsewhere. If it did as well: {bound} of margin at most. It is a bound: who comes there may differ.").format(
                    rate=wording.share(row["rate"]), other=wording.share(row["other"]),
                    bound=wording.interval(row["bound"], row["bound_low"], row["bound_high"], money),
                ),
            )  # fmt: skip
    for row in sources.to_dict("records"):
        if row["low"] <= 0 and row["high"] < row["credit"]:
            act(
                _("Do not pay {source} by its credit").format(source=row["source"]), _("visits that carry its name"),
                customers=round(row["credit"]), avoid=True,
                why=_("In the periods in which it was not bought as many came: {lift} visits because of it, all sources together.").format(
                    lift=wording.interval(row["lift"], row["low"], row["high"], wording.count)
                ),
            )  # fmt: skip


def be_sure(
    sure: Callable[[str], None], study: CreditStudy | None, steps: dict[str, StepTimes], leaks: Leaks | None,
    currency: str,
) -> None:  # fmt: skip
    """Three lines of how sure this is."""
    if study is None:
        sure(
            _(
                "Second orders are followed with those who have not ordered yet; nothing else is measured here."
            )
        )
    else:
        sure(
            _("Lifts compare customers drawn at random, sent or not; credit compares nobody with anybody.")
            if len(study.verified)
            else _(
                "No real campaign held anybody out, so no credit here is verified; only the made-up one is."
            )
        )
        sure(calibration_words(study)[0])
    if leaks is not None and len(leaks.table):
        sure(
            _("Leaks are bounds at an assumed margin of {margin} an order; the best segment is chosen on one half of the customers and measured on the other.").format(
                margin=wording.money(leaks.margin, currency)
            )
        )  # fmt: skip
    elif steps:
        sure(_("Times between steps count who is still watched."))
