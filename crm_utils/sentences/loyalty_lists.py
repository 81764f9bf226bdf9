"""What do the tables and lists of the loyalty programme hold? Names, meanings and units of their columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.loyalty import SILENCES, Migration, Owed, Referrals, Rule
from crm_utils.sentences.loyalty import amount_in, verdict_word
from crm_utils.tools.language import _

__all__ = [
    "age_word",
    "backtest_table",
    "flow_table",
    "lists",
    "migration_table",
    "origins_table",
    "silence_word",
    "silence_words",
    "thresholds_shown",
]


def silence_word(silence: int) -> str:
    """A stratum of silence.

    Examples
    --------
    >>> silence_word(0), silence_word(4)
    ('28 days or less', 'more than 224 days')
    """
    if silence == 0:
        return _("{days} or less").format(days=wording.days(SILENCES[0]))
    if silence == len(SILENCES):
        return _("more than {days}").format(days=wording.days(SILENCES[-1]))
    return _("{first} to {last} days").format(first=SILENCES[silence - 1] + 1, last=SILENCES[silence])


def silence_words() -> list[str]:
    """All strata of silence, from the shortest."""
    return [silence_word(k) for k in range(len(SILENCES) + 1)]


def age_word(age: int) -> str:
    """A stratum of age.

    Examples
    --------
    >>> age_word(0)
    'first quarter of its life'
    """
    return [
        _("first quarter of its life"), _("second quarter"), _("third quarter"), _("last quarter of its life"),
    ][age]  # fmt: skip


def flow_table(quarters: pd.DataFrame) -> wording.Table:
    """What came in and went by quarters."""
    names = ["issued", "spent", "expired", "cancelled", "outstanding"]
    shown = quarters[["ends_on", *names]].assign(ends_on=quarters["ends_on"].map(str))
    return wording.table(
        shown,
        caption=_("Points by thirteen weeks"),
        formats={"ends_on": str, **dict.fromkeys(names, wording.count)},
        names={
            "ends_on": _("until"), "issued": _("came in"), "spent": _("spent"), "expired": _("expired"),
            "cancelled": _("taken back"), "outstanding": _("open at the end"),
        },
    )  # fmt: skip


def backtest_table(owed: Owed, *, as_of: dt.date) -> wording.Table:
    """The same on earlier quarters."""
    rows = owed.backtest.table if owed.backtest else pd.DataFrame(columns=["back"])
    records = rows.to_dict("records")
    shown = pd.DataFrame({
        "day": [str(as_of - dt.timedelta(weeks=int(r["back"]))) for r in records],
        "expected": [wording.interval(r["expected"], r["low"], r["high"], wording.count) for r in records],
        "spent": [r["spent"] for r in records],
        "held": [_("yes") if r["held"] else _("no") for r in records],
        "flat": [wording.count(r["flat"]) for r in records],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("What would have been said on earlier days of the points spent until today, and what came"),
        formats={"spent": wording.count},
        names={
            "day": _("asked on"), "expected": _("expected until today (95 % interval)"),
            "spent": _("really spent"), "held": _("interval held"), "flat": _("flat rate, all ended since"),
        },
    )  # fmt: skip


def migration_table(moves: Migration | None, currency: str) -> wording.Table:
    """Moves at the last review."""
    names = ["before", "tier", "customers", "spend_before", "spend_after"]
    rows = pd.DataFrame(columns=names) if moves is None else moves.table
    if moves is not None and len(rows):
        rows = rows[rows["review"] == rows["review"].max()][names]
    money = wording.money_in(currency)
    return wording.table(
        rows.reset_index(drop=True),
        caption=_("Moves at the last review: who rises had a good period before it, and spends less after it"),
        formats={"customers": wording.count, "spend_before": money, "spend_after": money},
        names={
            "before": _("from"), "tier": _("to"), "customers": _("customers"),
            "spend_before": _("what counted, a customer"), "spend_after": _("money after, a customer"),
        },
    )  # fmt: skip


def thresholds_shown(table: pd.DataFrame, rule: Rule | None, currency: str) -> wording.Table:
    """What may be said of each cut."""
    how: Callable[..., str] = amount_in(rule, currency)
    records = table.to_dict("records")
    shown = pd.DataFrame({
        "tier": [r["tier"] for r in records], "cut": [how(r["cut"]) for r in records],
        "excess": [
            wording.interval(r["excess"], r["excess_low"], r["excess_high"], wording.count) for r in records
        ],
        "density_p": [_p(r["density_p"]) for r in records],
        "effect": [
            wording.interval(r["effect"], min(r["low"], r["effect"]), max(r["high"], r["effect"]), wording.number)
            for r in records
        ],
        "verdict": [verdict_word(r["verdict"]) for r in records],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Cuts: who gathers there, and what changes there; 95 % intervals"),
        names={
            "tier": _("tier"), "cut": _("from"), "excess": _("more than expected just above"),
            "density_p": _("p, density does not break"), "effect": _("more purchases after"),
            "verdict": _("what may be said"),
        },
    )  # fmt: skip


def origins_table(value: Referrals | None) -> wording.Table:
    """Referred customers against those of each origin."""
    records = [] if value is None else value.origins.to_dict("records")
    writers = {"margin": wording.number, "rate": wording.points, "again": wording.points}
    shown = pd.DataFrame({
        "origin": [r["origin"] or _("not known") for r in records], "customers": [r["customers"] for r in records],
        **{
            name: [wording.interval(r[name], r[f"{name}_low"], r[f"{name}_high"], how) for r in records]
            for name, how in writers.items()
        },
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Referred customers against others of the same month and channel, by how these were won"),
        names={
            "origin": _("others won by"), "customers": _("of them"), "margin": _("margin, times theirs"),
            "rate": _("more margin of what is paid"), "again": _("more who bought again"),
        },
    )  # fmt: skip


def lists(currency: str) -> dict[str, dict[str, Any]]:
    """What each saved table is for, and what its columns mean: what ``run.save`` takes."""
    low, high = _("lower end of the 95 % interval"), _("upper end of the 95 % interval")
    points, customers, day = _("points"), _("customers"), _("day")
    return {
        "points_liability": {
            "purpose": _("Open points and how many will be spent, by age and silence: a draft for the accountant."),
            "columns": {
                "age": (_("quarter of their life, from 0"), ""), "silence": (_("stratum of the customer's silence, from 0"), ""),
                "outstanding": (_("open points"), points), "expected": (_("of them to be spent"), points),
                "low": (low, points), "high": (high, points),
            },
        },
        "points_fates": {
            "purpose": _("What came in and went, by thirteen weeks."),
            "columns": {
                "starts_on": (_("first day"), day), "ends_on": (_("last day"), day), "issued": (_("came in"), points),
                "spent": (_("spent"), points), "expired": (_("expired"), points), "cancelled": (_("taken back"), points),
                "outstanding": (_("open at the end"), points),
            },
        },
        "tier_moves": {
            "purpose": _("Moves between tiers at each review; groups under five customers are blank."),
            "columns": {
                "review": (_("the review"), day), "before": (_("tier before"), ""), "tier": (_("tier from then on"), ""),
                "customers": (_("who moved so"), customers),
                "spend_before": (_("what counted before the review, a customer"), currency),
                "spend_after": (_("money after it, a customer"), currency),
            },
        },
        "thresholds": {
            "purpose": _("Each cut: who gathers there, and whether the tier changes anybody."),
            "columns": {
                "cut": (_("from which value on"), ""), "tier": (_("the tier"), ""),
                "excess": (_("customers and reviews more than expected just above"), ""),
                "excess_low": (low, ""), "excess_high": (high, ""),
                "density_p": (_("p-value of a density that does not break"), ""),
                "effect": (_("more purchases after; empty where none can be told"), _("purchases")),
                "low": (low, _("purchases")), "high": (high, _("purchases")), "p": (_("p-value of no effect"), ""),
                "verdict": (_("aimed_at, effect, not_shown or too_few"), ""),
            },
        },
        "near_threshold": {
            "purpose": _("Customers who lack little for a tier at the next review."),
            "columns": {
                "customer_id": (_("the customer"), ""), "tier": (_("tier now"), ""),
                "next_tier": (_("tier that the review would give them with what they lack"), ""),
                "running": (_("what counts so far"), ""), "lacks": (_("what they lack"), ""),
                "review_on": (_("the next review, if they go on as so far"), day),
            },
        },
        "expiring_points": {
            "purpose": _("Customers whose points end soon."),
            "columns": {
                "customer_id": (_("the customer"), ""), "points": (_("that end soon"), points),
                "ends_on": (_("when the first of them end"), day), "balance": (_("all open points"), points),
            },
        },
        "referrers": {
            "purpose": _("Customers whose referred friends bought; those under suspicion are left out."),
            "columns": {
                "customer_id": (_("the customer"), ""), "friends": (_("friends who bought"), customers),
                "orders": (_("purchases of these friends"), _("orders")),
                "last_referred_on": (_("the last referral"), day),
            },
        },
    }  # fmt: skip


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else wording.number(value, 3)
