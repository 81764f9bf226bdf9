"""Are we where we said we would be, and why? Numbers by week, limits, drivers, forecasts, decisions."""

from __future__ import annotations

from crm_utils.methods.scorecard.alerts import alerts_of
from crm_utils.methods.scorecard.calendar import aligned, marks_of
from crm_utils.methods.scorecard.card import Card, cannot, proposed_goals, score
from crm_utils.methods.scorecard.control import Limits, control_limits
from crm_utils.methods.scorecard.decisions import decision_log
from crm_utils.methods.scorecard.drivers import (
    adding_up,
    by_kind,
    change_of_revenue,
    decompose,
    decompose_bootstrap,
    driver_numbers,
    mix_effect,
    mix_of_categories,
    mix_of_orders,
    two_periods,
)
from crm_utils.methods.scorecard.fit import Fit, Times, ToolChoice, crm_fit, five_times, tool_choice
from crm_utils.methods.scorecard.forecast import (
    Forecast,
    Past,
    forecast_total,
    outlook,
    score_past,
    with_earlier,
)
from crm_utils.methods.scorecard.goals import goals_of
from crm_utils.methods.scorecard.measures import REGISTRY, Measure, measure_by_week, measures_of
from crm_utils.methods.scorecard.since import Since, compare_runs, compare_with
from crm_utils.methods.scorecard.touches import (
    answer_weeks,
    cost_weeks,
    message_weeks,
    visit_weeks,
    weeks_beside,
)
from crm_utils.methods.scorecard.weeks import (
    Weeks,
    are_few,
    category_sums,
    known_weeks,
    period_sums,
    weekly_sums,
)

__all__ = [
    "REGISTRY",
    "Card",
    "Fit",
    "Forecast",
    "Limits",
    "Measure",
    "Past",
    "Since",
    "Times",
    "ToolChoice",
    "Weeks",
    "adding_up",
    "alerts_of",
    "aligned",
    "answer_weeks",
    "are_few",
    "by_kind",
    "cannot",
    "category_sums",
    "change_of_revenue",
    "compare_runs",
    "compare_with",
    "control_limits",
    "cost_weeks",
    "crm_fit",
    "decision_log",
    "decompose",
    "decompose_bootstrap",
    "driver_numbers",
    "five_times",
    "forecast_total",
    "goals_of",
    "known_weeks",
    "marks_of",
    "measure_by_week",
    "measures_of",
    "message_weeks",
    "mix_effect",
    "mix_of_categories",
    "mix_of_orders",
    "outlook",
    "period_sums",
    "proposed_goals",
    "score",
    "score_past",
    "tool_choice",
    "two_periods",
    "visit_weeks",
    "weekly_sums",
    "weeks_beside",
    "with_earlier",
]
