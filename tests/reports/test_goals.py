from __future__ import annotations

from typing import Any

import pytest

from crm_utils.reports.goals import judge_goals
from crm_utils.study import Goal


@pytest.mark.parametrize(
    ("number", "at_least", "at_most"),
    [
        ({"value": 0.5, "low": 0.45, "high": 0.55}, True, False),
        ({"value": 0.38, "low": 0.3, "high": 0.39}, False, True),
        ({"value": 0.41, "low": 0.35, "high": 0.45}, None, None),
        ({"value": 0.41}, True, False),
        ({"value": 0.4}, True, True),
        ({"value": 3}, True, False),
        ({"value": None}, None, None),
        ({"value": "ship"}, None, None),
        (None, None, None),
    ],
)
def test_a_goal_is_met_missed_or_open(
    number: dict[str, Any] | None, at_least: bool | None, at_most: bool | None
) -> None:
    numbers = {} if number is None else {"rate.all": {"unit": "share", **number}}
    results = {"churn": {"numbers": numbers}}
    goals = [Goal(name="g", number="churn.rate.all", **{side: 0.4}) for side in ("at_least", "at_most")]
    judged = judge_goals(goals, results)
    assert [goal["met"] for goal in judged] == [at_least, at_most]
    assert [goal["bound"] for goal in judged] == ["at least", "at most"]


def test_a_notebook_that_left_no_results_leaves_the_goal_open() -> None:
    assert judge_goals([Goal(name="g", number="churn.rate", at_least=1)], {})[0]["met"] is None
