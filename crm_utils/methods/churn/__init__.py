"""Who is slipping, who is leaving, and whom does it pay to contact? One module a question."""

from __future__ import annotations

from crm_utils.features.survival import Survival, kaplan_meier
from crm_utils.methods.churn.answerable import Planned, cannot, nobody_active, plan_for
from crm_utils.methods.churn.beside import Beside, beside_purchases, with_values
from crm_utils.methods.churn.calibration import calibration_curve, clustered_share
from crm_utils.methods.churn.contacts import ContactPlan, plan_contacts
from crm_utils.methods.churn.contenders import BASELINES, CONTENDERS, Fitted, fit_contender
from crm_utils.methods.churn.contest import Contest, choose, learn_by, run_contest
from crm_utils.methods.churn.cutoffs import CutoffPlan, known_cutoffs, longest_horizon, plan_cutoffs
from crm_utils.methods.churn.depth import Depth, profit_by_depth, try_assumptions
from crm_utils.methods.churn.drift import MOVED, feature_drift, psi, score_drift
from crm_utils.methods.churn.frames import name_on, on_day, panel_frame, segments_on
from crm_utils.methods.churn.judgement import Judgement, when_judged
from crm_utils.methods.churn.kept import ShareKept, share_kept
from crm_utils.methods.churn.metrics import measure_forecasts
from crm_utils.methods.churn.models import Models, learn_models
from crm_utils.methods.churn.panel import DEFECTION_HORIZONS, churn_panel
from crm_utils.methods.churn.profit import NO_DISCOUNT, Stakes
from crm_utils.methods.churn.quality import Quality, measure_quality
from crm_utils.methods.churn.reasons import find_evidence, reasons
from crm_utils.methods.churn.returns import Lapses, lapses, outcome_rates, return_rates
from crm_utils.methods.churn.scoring import ContactList, Scoring, plan_scoring
from crm_utils.methods.churn.scrutiny import Alarm, importance_on, leakage_alarms, theme_importance
from crm_utils.methods.churn.survival import silence_times
from crm_utils.methods.churn.themes import FEATURES, feature_ranges
from crm_utils.methods.churn.value import fit_spend, learn_spend_by

__all__ = [
    "BASELINES",
    "CONTENDERS",
    "DEFECTION_HORIZONS",
    "FEATURES",
    "MOVED",
    "NO_DISCOUNT",
    "Alarm",
    "Beside",
    "ContactList",
    "ContactPlan",
    "Contest",
    "CutoffPlan",
    "Depth",
    "Fitted",
    "Judgement",
    "Lapses",
    "Models",
    "Planned",
    "Quality",
    "Scoring",
    "ShareKept",
    "Stakes",
    "Survival",
    "beside_purchases",
    "calibration_curve",
    "cannot",
    "choose",
    "churn_panel",
    "clustered_share",
    "feature_drift",
    "feature_ranges",
    "find_evidence",
    "fit_contender",
    "fit_spend",
    "importance_on",
    "kaplan_meier",
    "known_cutoffs",
    "lapses",
    "leakage_alarms",
    "learn_by",
    "learn_models",
    "learn_spend_by",
    "longest_horizon",
    "measure_forecasts",
    "measure_quality",
    "name_on",
    "nobody_active",
    "on_day",
    "outcome_rates",
    "panel_frame",
    "plan_contacts",
    "plan_cutoffs",
    "plan_for",
    "plan_scoring",
    "profit_by_depth",
    "psi",
    "reasons",
    "return_rates",
    "run_contest",
    "score_drift",
    "segments_on",
    "share_kept",
    "silence_times",
    "theme_importance",
    "try_assumptions",
    "when_judged",
    "with_values",
]
