"""What will each customer bring, how sure is that, and what may a new one cost? One module a question."""

from __future__ import annotations

from crm_utils.methods.lifetime_value.contenders import (
    CONTENDERS,
    PURCHASE_MODELS,
    Buying,
    Fitted,
    fit_buying,
    fit_contender,
)
from crm_utils.methods.lifetime_value.contest import Contest, choose, learn_at, measure, run_contest
from crm_utils.methods.lifetime_value.honesty import Honesty, Robustness, check_intervals, look_again
from crm_utils.methods.lifetime_value.intervals import (
    COVERED,
    Bounds,
    calibration,
    conformal_bounds,
    coverage,
    own_bounds,
    total_bounds,
)
from crm_utils.methods.lifetime_value.new_customers import (
    ALL,
    NewCustomers,
    acquisition_costs,
    bid_cap,
    cohort_days,
    cohort_value,
)
from crm_utils.methods.lifetime_value.order_values import Independence, independence
from crm_utils.methods.lifetime_value.origins import OriginPlan, cannot, plan_origins
from crm_utils.methods.lifetime_value.overview import Fits, Overview, fit_all, overview
from crm_utils.methods.lifetime_value.panel import value_frame, value_panel
from crm_utils.methods.lifetime_value.prospects import (
    Prospects,
    ProspectTest,
    rank_prospects,
)
from crm_utils.methods.lifetime_value.tracking import Tracking, track
from crm_utils.methods.lifetime_value.worth import (
    Valuation,
    Worth,
    discounted,
    plan_valuation,
    worth_of_all,
    worth_of_groups,
)

__all__ = [
    "ALL",
    "CONTENDERS",
    "COVERED",
    "PURCHASE_MODELS",
    "Bounds",
    "Buying",
    "Contest",
    "Fits",
    "Fitted",
    "Honesty",
    "Independence",
    "NewCustomers",
    "OriginPlan",
    "Overview",
    "ProspectTest",
    "Prospects",
    "Robustness",
    "Tracking",
    "Valuation",
    "Worth",
    "acquisition_costs",
    "bid_cap",
    "calibration",
    "cannot",
    "check_intervals",
    "choose",
    "cohort_days",
    "cohort_value",
    "conformal_bounds",
    "coverage",
    "discounted",
    "fit_all",
    "fit_buying",
    "fit_contender",
    "independence",
    "learn_at",
    "look_again",
    "measure",
    "overview",
    "own_bounds",
    "plan_origins",
    "plan_valuation",
    "rank_prospects",
    "run_contest",
    "total_bounds",
    "track",
    "value_frame",
    "value_panel",
    "worth_of_all",
    "worth_of_groups",
]
