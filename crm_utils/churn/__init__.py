"""Who is slipping, who is leaving, and whom does it pay to contact? One module a question."""

from __future__ import annotations

from crm_utils.churn.calibration import calibration_curve, clustered_share
from crm_utils.churn.contenders import BASELINES, CONTENDERS, Fitted, fit_contender
from crm_utils.churn.contest import Contest, choose, learn_by, run_contest
from crm_utils.churn.cutoffs import CutoffPlan, known_cutoffs, longest_horizon, plan_cutoffs
from crm_utils.churn.drift import MOVED, feature_drift, psi
from crm_utils.churn.frames import panel_frame
from crm_utils.churn.metrics import measure_forecasts
from crm_utils.churn.panel import DEFECTION_HORIZONS, churn_panel
from crm_utils.churn.profit import Depth, Stakes, margin_lost, profit_by_depth, try_assumptions
from crm_utils.churn.returns import outcome_rates, return_rates
from crm_utils.churn.scoring import Scoring, plan_scoring, reasons
from crm_utils.churn.scrutiny import leakage_alarms, theme_importance
from crm_utils.churn.survival import Survival, kaplan_meier, silence_times
from crm_utils.churn.words import FEATURES, feature_table

__all__ = [
    "BASELINES",
    "CONTENDERS",
    "DEFECTION_HORIZONS",
    "FEATURES",
    "MOVED",
    "Contest",
    "CutoffPlan",
    "Depth",
    "Fitted",
    "Scoring",
    "Stakes",
    "Survival",
    "calibration_curve",
    "choose",
    "churn_panel",
    "clustered_share",
    "feature_drift",
    "feature_table",
    "fit_contender",
    "kaplan_meier",
    "known_cutoffs",
    "leakage_alarms",
    "learn_by",
    "longest_horizon",
    "margin_lost",
    "measure_forecasts",
    "outcome_rates",
    "panel_frame",
    "plan_cutoffs",
    "plan_scoring",
    "profit_by_depth",
    "psi",
    "reasons",
    "return_rates",
    "run_contest",
    "silence_times",
    "theme_importance",
    "try_assumptions",
]
