"""The tables and lists of the page on journeys: words for codes, tables of text, what lists are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crm_utils import wording
from crm_utils.methods.customer_journey import (
    PLACEBO,
    Coverage,
    CreditStudy,
    DelayLifts,
    Funnel,
    Leaks,
    SecondOrders,
    Ways,
)
from crm_utils.methods.customer_journey.visits import Sessions
from crm_utils.tools.language import N_, _

__all__ = [
    "calibration_table", "coverage_table", "credit_table", "delays_table", "funnel_table", "hours_word",
    "leak_word", "leaks_table", "lists", "moment_word", "moments_table", "robust_table", "rule_word",
    "second_table", "sessions_table", "sources_table", "step_word", "touch_word", "ways_table",
]  # fmt: skip

_MOST_CAMPAIGNS, _MOST_WAYS, _MOST_TOUCHES = 12, 10, 10
LEAST_CREDIT = 20
"""Orders of credit below which a factor says nothing."""
_RULES = {
    "first": N_("first touch"), "last": N_("last touch"), "last_non_direct": N_("last touch, not direct"),
    "linear": N_("linear"), "position": N_("position (40/20/40)"), "shapley": N_("Shapley"),
    "markov": N_("Markov"), "markov_2": N_("Markov, two touches"), "click_1": N_("click in 1 day"),
    "click_7": N_("click in 7 days"), "click_28": N_("click in 28 days"),
}  # fmt: skip
_STEPS = {
    "visit": N_("visit"), "view": N_("view a product"), "cart": N_("fill a cart"), "search": N_("search"),
    "checkout": N_("reach the checkout"), "purchase": N_("buy"), "payment_failed": N_("payment fails"),
}  # fmt: skip
_STAGES = {
    "awareness": N_("awareness (인지)"), "visit": N_("visit (방문)"), "browse": N_("browse (탐색)"),
    "cart": N_("cart (장바구니)"), "checkout": N_("checkout (결제)"), "delivery": N_("delivery (배송)"),
    "review": N_("review (후기)"), "repurchase": N_("repurchase (재구매)"), "referral": N_("referral (추천)"),
}  # fmt: skip
_MOMENTS = {
    "viewed": N_("viewed, nothing bought"), "cart_left": N_("cart left"),
    "checkout_left": N_("checkout left"), "payment_failed": N_("payment failed"),
}  # fmt: skip
_SEGMENTS = {"app": N_("app"), "web": N_("web"), "store": N_("store")}
_MEETS = {
    "view": N_("a reminder of what was viewed"), "cart": N_("a cart reminder"),
    "checkout": N_("a link back to the checkout, with help at paying"),
}  # fmt: skip
_BY = {
    "category": N_("first category"), "channel": N_("channel of the first order"),
    "acquisition": N_("how the customer was won"),
}  # fmt: skip
_AGAIN = {"returned": N_("something came back"), "call": N_("somebody called about it")}
_DELIVERY = {"late": N_("late parcel"), "on_time": N_("parcel on time")}


def rule_word(rule: str) -> str:
    """What a rule is called.

    Examples
    --------
    >>> rule_word("click_7")
    'click in 7 days'
    """
    return _(_RULES[rule])


def step_word(step: str) -> str:
    """What somebody does at a step."""
    return _(_STEPS[step]) if step in _STEPS else step


def stage_word(stage: str) -> str:
    """A stage of the journey."""
    return _(_STAGES[stage])


def moment_word(moment: str) -> str:
    """What a moment is called."""
    return _(_MOMENTS[moment])


def by_word(by: str) -> str:
    """By what customers are told apart."""
    return _(_BY[by])


def segment_word(segment: str) -> str:
    """A kind of touchpoint."""
    return _(_SEGMENTS[segment]) if segment in _SEGMENTS else segment


def meets_word(step: str) -> str:
    """Which message meets who stalls at a step."""
    return _(_MEETS[step]) if step in _MEETS else step_word(step)


def touch_word(touch: str) -> str:
    """A campaign or source as a page calls it.

    Examples
    --------
    >>> touch_word("(placebo)")
    'nobody got it (A/A)'
    """
    return _("nobody got it (A/A)") if touch == PLACEBO else touch


def hours_word(hours: float) -> str:
    r"""A span in hours, or in days from two on.

    Examples
    --------
    >>> hours_word(3.96), hours_word(83.75), hours_word(0.25)
    ('4\xa0h', '3.5 days', '15\xa0min')
    """
    if not np.isfinite(hours):
        return wording.MISSING
    if hours < 1:
        return _("{minutes}\N{NO-BREAK SPACE}min").format(minutes=wording.count(60 * hours))
    if hours < 47.5:
        return _("{hours}\N{NO-BREAK SPACE}h").format(hours=wording.count(hours))
    return _("{days} days").format(days=wording.number(hours / 24, 1))


def leak_word(row: Mapping[Any, Any]) -> str:
    """What leaks where.

    Examples
    --------
    >>> leak_word({"segment": "app", "step": "checkout", "next_step": "purchase"})
    'app: from “reach the checkout” to “buy”'
    """
    return _("{segment}: from “{step}” to “{next}”").format(
        segment=segment_word(row["segment"]), step=step_word(row["step"]), next=step_word(row["next_step"])
    )


def coverage_table(seen: Coverage) -> wording.Table:
    """Stages that are recorded, and those that are not."""
    shown = pd.DataFrame({
        "stage": [stage_word(s) for s in seen.stages["stage"]], "rows": seen.stages["rows"],
        "known": seen.stages["known"],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Stages of the journey, and what is recorded of each"),
        formats={"known": wording.share},
        names={"stage": _("stage"), "rows": _("recorded"), "known": _("with a customer")},
    )


def sessions_table(seen: Sessions | None) -> wording.Table:
    """What other pauses would change."""
    rows = seen.by_gap if seen else pd.DataFrame(columns=["gap_minutes", "visits", "agreement"])
    return wording.table(
        rows,
        caption=_("Visits by the pause that ends one"),
        formats={"agreement": lambda v: wording.share(v, 1), "visits": wording.count},
        names={"gap_minutes": _("pause, minutes"), "visits": _("visits"),
               "agreement": _("agrees with the given ids")},
    )  # fmt: skip


def funnel_table(funnels: list[Funnel]) -> wording.Table:
    """Each funnel's steps, with intervals."""
    rows = pd.concat([f.table for f in funnels], ignore_index=True) if funnels else pd.DataFrame()
    names = {"customer": _("customers"), "session": _("visits")}
    shown = pd.DataFrame({
        "by": [names[b] for b in rows["by"]], "step": [step_word(s) for s in rows["step"]],
        "reached": rows["reached"],
        "share": [wording.interval(v, low, high, wording.share) for v, low, high in rows[["of_entrants", "low", "high"]].to_numpy()],
        "previous": rows["of_previous"],
    }) if len(rows) else pd.DataFrame(columns=["by", "step", "reached", "share", "previous"])  # fmt: skip
    return wording.table(
        shown,
        caption=_("The closed funnel, by customer and by visit, with 95 % intervals"),
        formats={"previous": wording.share},
        names={"by": _("of"), "step": _("step"), "reached": _("reached"), "share": _("of those who entered"),
               "previous": _("of the step before")},
    )  # fmt: skip


def ways_table(ways: Ways) -> wording.Table:
    """The most frequent ways of visits."""
    rows = (
        ways.variants.table.head(_MOST_WAYS)
        if ways.variants
        else pd.DataFrame(columns=["way", "visits", "share"])
    )
    return wording.table(
        rows[["way", "visits", "share"]],
        caption=_("The ten most frequent ways of visits"),
        formats={"share": wording.share, "visits": wording.count},
        names={"way": _("events, repeats in a row once"), "visits": _("visits"), "share": _("of all visits")},
    )


def second_table(result: SecondOrders | None) -> wording.Table:
    """By what the second order differs, with the tests."""
    rows = []
    for test in result.tests.to_dict("records") if result else []:
        groups = result.by[test["by"]].groups  # type: ignore[union-attr]
        known = groups.dropna(subset=["median"]).sort_values("median")
        ends = [known.iloc[k] for k in (0, -1)] if len(known) else []
        told_ends = [
            _("{group}: {days}").format(group=row["group"], days=wording.interval(row["median"], row["low"], row["high"], wording.days))
            for row in ends
        ]  # fmt: skip
        rows.append((by_word(test["by"]), *(told_ends or [wording.MISSING] * 2), _q(test["q"])))
    shown = pd.DataFrame(rows, columns=["by", "soonest", "latest", "q"])
    return wording.table(
        shown,
        caption=_("Half have ordered again after so many days: the soonest and the latest group"),
        names={"by": _("by"), "soonest": _("soonest"), "latest": _("latest"), "q": _("chance alone (q)")},
    )


def credit_table(study: CreditStudy | None) -> wording.Table:
    """Credits of the best known rules beside the lift, campaigns with most credit first."""
    rules = ["last_non_direct", "markov", "click_7"]
    columns = ["touch", "sent", *rules, "lift", "factor"]
    rows: list[tuple[str, ...]] = []
    if study is not None:
        table = pd.concat([study.placebo, study.table])
        table = table[table["campaign_id"] != ""]
        place = table[table["rule"] == "markov"].set_index("campaign_id")["credit"]
        names = [PLACEBO] * len(study.placebo.head(1))
        names += list(place.drop(PLACEBO, errors="ignore").sort_values(ascending=False).index)
        for name in names[: _MOST_CAMPAIGNS + 1]:
            own = table[table["campaign_id"] == name].set_index("rule")
            any_row = own.iloc[0]
            cells = [
                _orders(own.loc[rule, "credit"]) if rule in own.index else _orders(0.0) for rule in rules
            ]
            lift = (
                wording.interval(any_row["lift"], any_row["lift_low"], any_row["lift_high"], wording.count)
                if any_row["verified"] else _("not verified (증분 미검증)")
            )  # fmt: skip
            rows.append(
                (touch_word(name), str(any_row["channel"]) or wording.MISSING, *cells, lift, _factor(own))
            )
    return wording.table(
        pd.DataFrame(rows, columns=columns),
        caption=_("Orders by rule, beside the orders that those held out say it brought"),
        names={"touch": _("campaign"), "sent": _("channel"), **{rule: rule_word(rule) for rule in rules},
               "lift": _("lift (95 % interval)"), "factor": _("lift ÷ Markov credit")},
    )  # fmt: skip


def sources_table(rows: pd.DataFrame) -> wording.Table:
    """Paid sources that were switched on and off."""
    records = rows.to_dict("records")
    shown = pd.DataFrame({
        "source": [r["source"] for r in records], "weeks": [r["on"] for r in records],
        "credit": [round(r["credit"]) for r in records],
        "lift": [wording.interval(r["lift"], r["low"], r["high"], wording.count) for r in records],
        "factor": [wording.interval(r["factor"], r["low"] / r["credit"], r["high"] / r["credit"], wording.number) for r in records],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Paid sources: visits that carry their name, and visits that came only because they were bought"),
        names={"source": _("source"), "weeks": _("periods bought"), "credit": _("visits with its name"),
               "lift": _("visits it brought (95 % interval)"), "factor": _("brought ÷ named")},
    )  # fmt: skip


def calibration_table(study: CreditStudy | None) -> wording.Table:
    """How far rules are from the lift, before and after the other campaigns' factor."""
    rows = (
        study.calibration.table
        if study
        else pd.DataFrame(columns=["rule", "campaigns", "factor", "off", "off_calibrated"])
    )
    shown = rows.assign(rule=[rule_word(r) for r in rows["rule"]])
    return wording.table(
        shown[["rule", "factor", "off", "off_calibrated"]],
        caption=_("How far credit is from the lift: mean distance, orders a campaign"),
        formats={"factor": wording.number, "off": wording.count, "off_calibrated": wording.count},
        names={"rule": _("rule"), "factor": _("lift ÷ credit, all campaigns"), "off": _("as credited"),
               "off_calibrated": _("after the other campaigns' factor")},
    )  # fmt: skip


def robust_table(study: CreditStudy | None) -> wording.Table:
    """Shares of credit by rule, order and look-back."""
    rows = study.robust.head(_MOST_TOUCHES) if study else pd.DataFrame(columns=["touch"])
    names = {"touch": _("touch")}
    for column in rows.columns[1:]:
        rule, days = column.split(".")
        names[column] = _("{rule}, {days}").format(rule=rule_word(rule), days=wording.days(int(days)))
    return wording.table(
        rows,
        caption=_("Shares of all credit by rule and look-back"),
        formats=dict.fromkeys(list(rows.columns[1:]), lambda v: wording.share(v, 1)),
        names=names,
    )


def leaks_table(result: Leaks | None, currency: str) -> wording.Table:
    """The three costliest leaks, and the message that would meet them."""
    rows = result.shown.to_dict("records") if result else []
    if result is not None:
        sudden = result.table[
            (result.table["leak"] == "sudden") & ~result.table.index.isin(result.shown.index)
        ]
        rows += sudden.head(2).to_dict("records")
    money = wording.money_in(currency)
    shown = pd.DataFrame({
        "leak": [leak_word(r) for r in rows], "when": [_when(r) for r in rows],
        "entrants": [r["entrants"] for r in rows],
        "rate": [wording.share(r["rate"]) for r in rows], "other": [_other(r) for r in rows],
        "bound": [wording.interval(r["bound"], r["bound_low"], r["bound_high"], money) for r in rows],
        "message": [meets_word(r["step"]) for r in rows],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("The costliest leaks: at most so much margin, never a promise"),
        names={"leak": _("leak"), "when": _("when"), "entrants": _("visits that got there"),
               "rate": _("go on"), "other": _("go on elsewhere"), "bound": _("margin at most (95 % interval)"),
               "message": _("message that would meet it")},
    )  # fmt: skip


def moments_table(rows: pd.DataFrame) -> wording.Table:
    """When to write after each moment."""
    records = rows.to_dict("records")
    shown = pd.DataFrame({
        "moment": [moment_word(r["moment"]) for r in records], "half": [hours_word(r["p50"]) for r in records],
        "delay": [hours_word(r["suggested_delay"]) for r in records],
        "anyway": [wording.interval(r["share_returning_anyway"], r["low"], r["high"], wording.share) for r in records],
        "sure": [_tested(r) for r in records],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Moments that deserve a message, and how long to wait"),
        names={"moment": _("moment"), "half": _("half of those who come back do so within"),
               "delay": _("write after"), "anyway": _("of those met then, come anyway"),
               "sure": _("how sure")},
    )  # fmt: skip


def delays_table(delays: DelayLifts | None) -> wording.Table:
    """What a message does at each delay that a lot gave it."""
    rows = delays.table.to_dict("records") if delays else []
    shown = pd.DataFrame({
        "scenario": [r["scenario"] for r in rows], "hours": [hours_word(r["hours"]) for r in rows],
        "n": [r["sent"] + r["held_out"] for r in rows],
        "rate": [wording.share(r["rate"]) for r in rows], "held": [wording.share(r["rate_held_out"]) for r in rows],
        "lift": [wording.interval(r["lift"], r["low"], r["high"], wording.points) for r in rows],
        "best": [_("shown to be best") if r["best"] else "" for r in rows],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Messages by the delay that a lot gave them: who bought, sent and held out"),
        names={"scenario": _("scenario"), "hours": _("sent after"), "n": _("messages drawn"),
               "rate": _("bought, sent"), "held": _("bought, held out"), "lift": _("lift (95 % interval)"),
               "best": _("verdict")},
    )  # fmt: skip


def lists(currency: str) -> dict[str, dict[str, Any]]:
    """What each saved table is for, and what its columns mean: what ``run.save`` takes."""
    ends = (_("lower end of its 95 % interval"), _("upper end of its 95 % interval"))
    return {
        "journey_stage": {
            "purpose": _("Where each customer stands: the stage of the last touch."),
            "columns": {"customer_id": (_("the customer"), ""), "journey_stage": (_("the stage"), ""),
                        "since": (_("when the last touch was"), _("local time"))},
        },
        "touchpoints": {
            "purpose": _("Credit of every touch by every rule beside the held-out lift; without one it is not verified."),
            "columns": {
                "rule": (_("the rule"), ""), "channel": (_("channel of a campaign, or source of visits"), ""),
                "campaign_id": (_("campaign or scenario; empty for a source of visits"), ""),
                "credit": (_("orders that the rule gives it"), _("orders")),
                "low": (ends[0], _("orders")), "high": (ends[1], _("orders")),
                "lift": (_("orders beyond those held out at random; empty where nobody was"), _("orders")),
                "lift_low": (ends[0], _("orders")), "lift_high": (ends[1], _("orders")),
                "verified": (_("whether somebody was held out at random"), ""),
                "factor": (_("lift over credit"), ""), "factor_low": (ends[0], ""), "factor_high": (ends[1], ""),
            },
        },
        "moments": {
            "purpose": _("When to write after each moment: for the delay of a scenario in 07."),
            "columns": {
                "moment": (_("the moment"), ""), "anchor_event": (_("the event: anchor of a scenario"), ""),
                "p25": (_("a quarter of those who come back in time are back"), _("hours")),
                "p50": (_("half are"), _("hours")), "p75": (_("three quarters are"), _("hours")),
                "suggested_delay": (_("how long to wait: tested where a lot drew delays, else p75"), _("hours")),
                "share_returning_anyway": (_("of those not back then, share who come by themselves"), _("share")),
                "low": (ends[0], _("share")), "high": (ends[1], _("share")), "n": (_("customers followed"), _("customers")),
                "tested": (_("whether the delay was tested by lot"), ""),
                "lift": (_("share more who buy by a message after this delay"), _("share")),
                "lift_low": (ends[0], _("share")), "lift_high": (ends[1], _("share")),
                "scenario": (_("by which the delay was tested"), ""),
            },
        },
        "leaks": {
            "purpose": _("Steps at which visits end that go on elsewhere; money is a bound, not a gain."),
            "columns": {
                "leak": (_("standing: below the best segment; sudden: weeks below the segment's others"), ""),
                "segment": (_("app, web or store"), ""), "step": (_("from this event"), ""), "next_step": (_("to this one"), ""),
                "starts_on": (_("first day"), _("day")), "ends_on": (_("last day"), _("day")),
                "entrants": (_("visits that got to the step"), _("visits")), "rate": (_("share that went on"), _("share")),
                "other": (_("the same elsewhere, or in other weeks"), _("share")), "gap": (_("difference"), _("share")),
                "low": (ends[0], _("share")), "high": (ends[1], _("share")),
                "compared_with": (_("the best segment; empty for the segment's other weeks"), ""),
                "orders": (_("orders missing at most"), _("orders")), "bound": (_("their margin"), currency),
                "bound_low": (ends[0], currency), "bound_high": (ends[1], currency),
                "ended": (_("whether it is over"), ""),
            },
        },
        "funnel": {
            "purpose": _("The closed funnel by customer and by visit."),
            "columns": {
                "by": (_("customer or session"), ""), "step": (_("the event"), ""),
                "reached": (_("how many got there"), ""), "of_entrants": (_("of those who entered"), _("share")),
                "low": (ends[0], _("share")), "high": (ends[1], _("share")),
                "of_previous": (_("of those of the step before"), _("share")),
            },
        },
    }  # fmt: skip


def _orders(value: Any) -> str:
    return wording.count(value)


def _factor(own: pd.DataFrame) -> str:
    if "markov" not in own.index:
        return wording.MISSING
    row = own.loc["markov"].to_dict()
    if not row["verified"] or row["credit"] < LEAST_CREDIT:
        return wording.MISSING
    return wording.interval(row["factor"], row["factor_low"], row["factor_high"], wording.number)


def _q(q: float) -> str:
    return _("below 0.001") if q < 0.001 else wording.number(q, 3)


def _when(row: Mapping[Any, Any]) -> str:
    if row["leak"] == "standing":
        return _("all the time")
    template = _("{first} to {last}, over") if row["ended"] else _("{first} to {last}")
    return template.format(first=row["starts_on"], last=row["ends_on"])


def _other(row: Mapping[Any, Any]) -> str:
    if row["leak"] == "standing":
        return _("{share} ({segment})").format(
            share=wording.share(row["other"]), segment=segment_word(str(row["compared_with"]))
        )
    return _("{share} (other weeks)").format(share=wording.share(row["other"]))


def _tested(row: Mapping[Any, Any]) -> str:
    if not row["tested"]:
        return _("not tested")
    return _("tested: {lift} more buy").format(
        lift=wording.interval(row["lift"], row["lift_low"], row["lift_high"], wording.points)
    )


def again_word(row: Mapping[Any, Any]) -> str:
    """What was done twice."""
    return _("{what} ({delivery})").format(
        what=_(_AGAIN[row["what"]]), delivery=_(_DELIVERY[row["delivery"]])
    )
