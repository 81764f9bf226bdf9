"""Was each goal met? The study's goals, held against what the notebooks recorded.

A goal is met or missed only when the whole interval of its number lies on one side of the target; an
estimate whose interval holds the target leaves it open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_utils.features.goals import is_met
from crm_utils.study import Goal

__all__ = ["judge_goals"]


def judge_goals(goals: Sequence[Goal], results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Hold each goal against its number.

    Parameters
    ----------
    goals
        As the study states them.
    results
        The content of ``results/<notebook>.json``, by notebook.

    Returns
    -------
    list of dict
        name, number, bound (``at least`` or ``at most``), target, owner and by (a day; may be
        empty), value, low, high, unit, met: True, False, or None where it is open or the number was not
        recorded.

    Examples
    --------
    >>> goal = Goal(name="Repeat buyers", number="segmentation.repeat_purchase_rate", at_least=0.4)
    >>> rate = {"value": 0.45, "unit": "share", "low": 0.39, "high": 0.51}
    >>> judged = judge_goals([goal], {"segmentation": {"numbers": {"repeat_purchase_rate": rate}}})
    >>> judged[0]["met"] is None  # 0.39 would miss it, 0.51 would meet it
    True
    """
    return [_judge(goal, results) for goal in goals]


def _judge(goal: Goal, results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    notebook, _, name = goal.number.partition(".")
    number = results.get(notebook, {}).get("numbers", {}).get(name, {})
    value, target = number.get("value"), goal.target
    measured = {
        "value": value,
        "unit": number.get("unit", ""),
        "low": number.get("low"),
        "high": number.get("high"),
    }
    met = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        ends = (measured["low"], measured["high"])
        met = is_met(value, *ends, target=target, at_least=goal.at_least is not None)
    return {
        "name": goal.name,
        "number": goal.number,
        "bound": goal.bound,
        "target": target,
        "owner": goal.owner,
        "by": goal.by.isoformat() if goal.by else "",
        **measured,
        "met": met,
    }
