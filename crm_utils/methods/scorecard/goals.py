"""Are we where we said we would be? The goals on the week's numbers, and what their date may bring."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any, Protocol

import pandas as pd

from crm_utils.features.goals import is_met
from crm_utils.methods.scorecard.card import Card
from crm_utils.methods.scorecard.forecast import outlook

__all__ = ["GoalLike", "goals_of"]

_OURS = "scorecard.week."


class GoalLike(Protocol):
    """What is asked of a goal; the study's goals are such."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def number(self) -> str:
        """``<notebook>.<number>``."""

    @property
    def target(self) -> float:
        """The number to reach."""

    @property
    def bound(self) -> str:
        """``at least`` or ``at most``."""

    @property
    def owner(self) -> str:
        """Who answers for it; may be empty."""

    @property
    def by(self) -> dt.date | None:
        """The day on which it is to be reached."""


def goals_of(goals: Iterable[GoalLike], card: Card) -> pd.DataFrame:
    """Hold each goal against the week's numbers.

    Parameters
    ----------
    goals
        The study's.
    card
        The week.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``number``, ``measure``, ``unit``, ``owner``, ``by``, ``bound``, ``target``, ``value``,
        ``low``, ``high``, ``state``: ``met``, ``missed``, ``not_yet`` (as missed, and its day is still to
        come), ``open`` (the interval holds the target), ``no_number`` (no such number, or no value yet),
        ``no_share`` (a target above 1 for a share: per cent were meant), ``elsewhere`` (another page's
        number); ``outlook`` to its day: ``likely``, ``unlikely``, ``open``, or empty where it has none.
    """
    weeks = card.table.set_index("measure")
    rows = []
    for goal in goals:
        measure = goal.number.removeprefix(_OURS)
        row: dict[str, Any] = dict.fromkeys(("value", "low", "high"), math.nan) | {
            "name": goal.name, "number": goal.number, "measure": measure, "unit": "", "owner": goal.owner,
            "by": goal.by, "bound": goal.bound, "target": goal.target, "state": "no_number", "outlook": "",
        }  # fmt: skip
        if not goal.number.startswith("scorecard."):
            row["state"] = "elsewhere"
        elif measure in weeks.index:
            row |= _judged(goal, weeks.loc[measure], card)  # type: ignore[arg-type]
        rows.append(row)
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = [
    "name", "number", "measure", "unit", "owner", "by", "bound", "target", "value", "low", "high", "state",
    "outlook",
]  # fmt: skip


def _judged(goal: GoalLike, week: pd.Series[Any], card: Card) -> dict[str, Any]:
    value, low, high = (float(week[name]) for name in ("value", "level_low", "level_high"))
    known = {"unit": week["unit"], "value": value, "low": low, "high": high}
    if week["unit"] == "share" and goal.target > 1:
        return known | {"state": "no_share"}
    if math.isnan(value):
        return known
    ends = [None if math.isnan(end) else end for end in (low, high)]
    at_least = goal.bound == "at least"
    met = is_met(value, *ends, target=goal.target, at_least=at_least)
    missed = "not_yet" if _is_to_come(goal, card) else "missed"
    return known | {
        "state": {True: "met", False: missed, None: "open"}[met],
        "outlook": _outlook(goal, str(week.name), card, at_least=at_least),
    }


def _is_to_come(goal: GoalLike, card: Card) -> bool:
    """Whether the goal's day lies after the week."""
    return goal.by is not None and goal.by > card.week + dt.timedelta(days=6)


def _outlook(goal: GoalLike, measure: str, card: Card, *, at_least: bool) -> str:
    last = card.week + dt.timedelta(days=6)
    if goal.by is None or not _is_to_come(goal, card):
        return ""
    series = card.history[card.history["measure"] == measure]["value"]
    weeks = max(1, (goal.by - last).days // 7)
    return outlook(series, weeks=weeks, target=goal.target, at_least=at_least)
