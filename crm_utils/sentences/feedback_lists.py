"""What do the tables and lists on feedback hold? Names, meanings and units of their columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.methods.feedback import Repairs, Themes
from crm_utils.tools.language import N_, _

__all__ = [
    "by_word",
    "change_table",
    "group_word",
    "horizons_table",
    "kind_word",
    "lists",
    "repair_word",
    "repairs_table",
    "scores_table",
    "themes_table",
    "ticks",
    "writes",
]

Row = Mapping[Any, Any]
_KINDS = {"nps": N_("NPS"), "csat": N_("share satisfied (CSAT)"), "review": N_("stars, of five")}
_BY = {
    "channel": N_("order's channel"), "category": N_("category"), "region": N_("region"), "delivery": N_("delivery"),
    "month": N_("month"),
}  # fmt: skip
_DELIVERY = {"late": N_("late"), "on_time": N_("on time")}
_MOST_GROUPS, _MOST_WORDS = 40, 8


def kind_word(kind: str) -> str:
    """What a kind of answer is called.

    Examples
    --------
    >>> kind_word("nps")
    'NPS'
    """
    return _(_KINDS[kind])


def group_word(by: str, group: str) -> str:
    """A group as a page calls it.

    Examples
    --------
    >>> group_word("delivery", "late"), group_word("region", "")
    ('late', 'not known')
    """
    if not group:
        return _("not known")
    return _(_DELIVERY[group]) if by == "delivery" else group


def by_word(by: str) -> str:
    """What makes the groups."""
    return _(_BY[by])


def writes(kind: str) -> Callable[..., str]:
    """What writes a score of this kind."""
    if kind == "csat":
        return wording.share
    return partial(wording.number, digits=1 if kind == "nps" else 2)


def ticks(kind: str) -> Callable[..., str]:
    """What writes a score on an axis: round values."""
    return wording.count if kind == "nps" else writes(kind)


def _change(kind: str) -> Callable[..., str]:
    return wording.points if kind == "csat" else writes(kind)


def _interval(row: Row) -> str:
    return wording.interval(row["value"], row["low"], row["high"], writes(row["kind"]))


def scores_table(scores: pd.DataFrame) -> wording.Table:
    """Each kind's score with its interval and its denominator."""
    rows = scores.to_dict("records")
    shown = pd.DataFrame({
        "kind": [kind_word(row["kind"]) for row in rows], "score": [_interval(row) for row in rows],
        "answers": [row["answers"] for row in rows], "customers": [row["customers"] for row in rows],
        "worth": [round(row["effective"]) for row in rows],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Scores of those who answered, with 95 % intervals"),
        names={
            "kind": _("question"), "score": _("score"), "answers": _("answers"), "customers": _("customers"),
            "worth": _("independent answers they are worth"),
        },
    )  # fmt: skip


def change_table(changes: pd.DataFrame, *, days: int) -> wording.Table:
    """The last period against the one before it."""
    rows = changes.to_dict("records")
    shown = pd.DataFrame({
        "kind": [kind_word(row["kind"]) for row in rows],
        "before": [writes(row["kind"])(row["before"]) for row in rows],
        "now": [writes(row["kind"])(row["now"]) for row in rows],
        "change": [
            wording.interval(row["change"], row["low"], row["high"], _change(row["kind"]))
            for row in rows
        ],
        "says": [_("changed") if row["p"] < 0.05 / max(len(rows), 1) else _("no change beyond chance") for row in rows],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("The last {days} days against the {days} days before them").format(days=wording.count(days)),
        names={
            "kind": _("question"), "before": _("before"), "now": _("now"), "change": _("change (95 % interval)"),
            "says": _("what the test says"),
        },
    )  # fmt: skip


def themes_table(themes: Themes) -> wording.Table:
    """Words of low and of high scores, with what many wrote around them."""
    rows = themes.shown(most=_MOST_WORDS)
    side = rows["z"].map(lambda z: _("low scores") if z > 0 else _("high scores"))
    shown = rows.assign(side=side, quote=rows["quote"].map(lambda q: q or wording.MISSING))
    return wording.table(
        shown[["side", "word", "low", "high", "customers", "quote"]],
        caption=_("Words that tell low from high scores, and what five customers or more wrote around them"),
        formats={"low": wording.count, "high": wording.count},
        names={
            "side": _("word of"), "word": _("word"), "low": _("texts with a low score"),
            "high": _("texts with a high score"), "customers": _("customers"), "quote": _("as many wrote"),
        },
    )  # fmt: skip


def horizons_table(rows: pd.DataFrame) -> wording.Table:
    """What a low score and a late parcel come before, over other horizons."""
    records = rows.to_dict("records")
    shown = pd.DataFrame({
        "days": rows["days"].to_numpy(),
        **{
            name: [
                wording.interval(r[name], r[f"{name}_low"], r[f"{name}_high"], wording.points) for r in records
            ]
            for name in ("plain", "within", "cause")
        },
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("How many more lapse, with 95 % intervals, by the days that make a lapse"),
        names={
            "days": _("days"), "plain": _("after a low score"), "within": _("… within the same delivery"),
            "cause": _("after a late parcel"),
        },
    )  # fmt: skip


def repair_word(row: Row) -> str:
    """What is repaired.

    Examples
    --------
    >>> repair_word({"repair": "late", "word": ""})
    'parcels that come late'
    """
    if row["repair"] == "late":
        return _("parcels that come late")
    return _("what is meant by “{word}”").format(word=row["word"])


def repairs_table(repairs: Repairs, currency: str) -> wording.Table:
    """Repairs by value at risk."""
    rows = repairs.table[repairs.table["value"] > 0]
    records = rows.to_dict("records")
    money = wording.money_in(currency)
    shown = pd.DataFrame({
        "what": [repair_word(row) for row in rows.to_dict("records")],
        "customers": rows["customers"].to_numpy(),
        "difference": [wording.interval(r["difference"], r["low"], r["high"], wording.points) for r in records],
        "value": [wording.interval(r["value"], r["value_low"], r["value_high"], money) for r in records],
    })  # fmt: skip
    return wording.table(
        shown,
        caption=_("Repairs by margin at risk in {days}, if the difference is caused by them").format(
            days=wording.days(repairs.horizon_days)
        ),
        names={
            "what": _("repair"), "customers": _("customers hit"), "difference": _("more of them lapse by"),
            "value": _("margin at risk (95 % interval)"),
        },
    )  # fmt: skip


def lists(currency: str) -> dict[str, dict[str, Any]]:
    """What each saved table is for, and what its columns mean: what ``run.save`` takes."""
    return {
        "feedback_scores": {
            "purpose": _("Scores with intervals by group; groups under five customers are not in it."),
            "columns": {
                "by": (_("what makes the groups; empty for all"), ""), "group": (_("the group; empty where not known"), ""),
                "kind": (_("nps, csat or review"), ""), "value": (_("NPS in points, CSAT a share, review a mean of stars"), ""),
                "low": (_("lower end of the 95 % interval"), ""), "high": (_("upper end of the 95 % interval"), ""),
                "answers": (_("answers"), _("answers")), "customers": (_("customers who gave them"), _("customers")),
                "effective": (_("independent answers they are worth"), _("answers")),
                "spread": (_("standard deviation of one answer"), ""),
            },
        },
        "themes": {
            "purpose": _("Words that tell low from high scores; each was used by five customers or more."),
            "columns": {
                "word": (_("the word"), ""), "low": (_("texts with a low score that hold it; empty for 1 to 4"), _("texts")),
                "high": (_("texts with a high score that hold it; empty for 1 to 4"), _("texts")),
                "customers": (_("customers who used it on its side"), _("customers")),
                "z": (_("above 0: a word of low scores, below: of high ones; in standard errors"), ""),
                "q": (_("share of such words that would be chance"), _("share")),
                "half_1": (_("z among one half of the customers"), ""), "half_2": (_("z among the other half"), ""),
                "stable": (_("whether both halves say the same"), ""),
                "quote": (_("what five customers or more wrote around it"), ""),
            },
        },
        "repairs": {
            "purpose": _("What could be repaired, by the margin at risk: for whoever owns the cause."),
            "columns": {
                "repair": (_("late: late parcels; word: what a word of low scores complains of"), ""),
                "word": (_("the word"), ""), "customers": (_("customers hit in the last horizon"), _("customers")),
                "difference": (_("more of them lapse than of like customers"), _("share")),
                "low": (_("lower end of its 95 % interval"), _("share")), "high": (_("upper end of its 95 % interval"), _("share")),
                "p": (_("p-value of no difference"), ""), "overlap": (_("share of those hit who have a counterpart"), _("share")),
                "value": (_("margin at risk in one horizon"), currency),
                "value_low": (_("lower end of its 95 % interval"), currency),
                "value_high": (_("upper end of its 95 % interval"), currency),
            },
        },
        "closed_loop": {
            "purpose": _("Customers with a low score who should hear from a person before any advertising."),
            "columns": {
                "customer_id": (_("the customer"), ""), "question": (_("nps, csat or review"), ""),
                "score": (_("the score given"), ""), "answered_on": (_("on which day"), _("day")),
                "reason": (_("late_delivery where the parcel came late, else low_score"), ""),
                "due_by": (_("until when somebody should have called or written"), _("day")),
                "owner": (_("who does: fill it in"), ""),
            },
        },
    }  # fmt: skip
