"""What drives customers away that we could repair, and what is it worth? One module a question."""

from __future__ import annotations

from crm_utils.features.deliveries import cells, delivery_of_orders, order_outcomes
from crm_utils.features.low_scores import SCALES
from crm_utils.features.strata import Adjusted, adjusted_difference
from crm_utils.methods.feedback.cases import Cases, cases, cases_of
from crm_utils.methods.feedback.drawn_days import Uneven
from crm_utils.methods.feedback.drivers import drivers, lever_cells
from crm_utils.methods.feedback.funnel import Funnel, funnel
from crm_utils.methods.feedback.lapse import ScoreAndLapse, other_horizons, score_and_lapse
from crm_utils.methods.feedback.outcomes import answer_outcomes
from crm_utils.methods.feedback.overview import (
    Overview,
    cannot,
    compare_periods,
    no_answers,
    overview,
    with_period,
)
from crm_utils.methods.feedback.repairs import (
    Kept,
    Repairs,
    closed_loop,
    kept_value,
    late_parcels,
    outcomes_of_texts,
    recent_orders,
    repairs,
)
from crm_utils.methods.feedback.response import (
    MARGINS,
    Response,
    Weights,
    asked_rows,
    response,
    response_of,
    weights,
)
from crm_utils.methods.feedback.scores import (
    Difference,
    Score,
    compare_nps,
    known_answers,
    measure_scores,
    nps,
    off_scale,
    score_counts,
    scores_by,
)
from crm_utils.methods.feedback.themes import Themes, find_themes, keyness, text_sample, word_counts
from crm_utils.methods.feedback.timing import LATER_DAYS, Timing, timing, timing_of
from crm_utils.methods.feedback.tokens import analyser_here, tokens
from crm_utils.methods.feedback.touchpoints import GROUPS, with_groups

__all__ = [
    "GROUPS",
    "LATER_DAYS",
    "MARGINS",
    "SCALES",
    "Adjusted",
    "Cases",
    "Difference",
    "Funnel",
    "Kept",
    "Overview",
    "Repairs",
    "Response",
    "Score",
    "ScoreAndLapse",
    "Themes",
    "Timing",
    "Uneven",
    "Weights",
    "adjusted_difference",
    "analyser_here",
    "answer_outcomes",
    "asked_rows",
    "cannot",
    "cases",
    "cases_of",
    "cells",
    "closed_loop",
    "compare_nps",
    "compare_periods",
    "delivery_of_orders",
    "drivers",
    "find_themes",
    "funnel",
    "kept_value",
    "keyness",
    "known_answers",
    "late_parcels",
    "lever_cells",
    "measure_scores",
    "no_answers",
    "nps",
    "off_scale",
    "order_outcomes",
    "other_horizons",
    "outcomes_of_texts",
    "overview",
    "recent_orders",
    "repairs",
    "response",
    "response_of",
    "score_and_lapse",
    "score_counts",
    "scores_by",
    "text_sample",
    "timing",
    "timing_of",
    "tokens",
    "weights",
    "with_groups",
    "with_period",
    "word_counts",
]
