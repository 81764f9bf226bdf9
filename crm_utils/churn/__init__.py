"""Who is slipping, who is leaving, and whom does it pay to contact? One module a question."""

from __future__ import annotations

from crm_utils.churn.cutoffs import CutoffPlan, longest_horizon, plan_cutoffs
from crm_utils.churn.panel import DEFECTION_HORIZONS, churn_panel

__all__ = ["DEFECTION_HORIZONS", "CutoffPlan", "churn_panel", "longest_horizon", "plan_cutoffs"]
