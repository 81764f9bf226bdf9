"""Who are our customers, how do they move, and do the names hold up? One module a question."""

from __future__ import annotations

from crm_utils.segmentation.actions import ACTIONS, action_plan
from crm_utils.segmentation.clusters import LEAST_STABILITY, Clusters, compare_clusters, find_clusters
from crm_utils.segmentation.concentration import Concentration, concentration
from crm_utils.segmentation.cuts import RfmCuts, rfm_cuts
from crm_utils.segmentation.lifecycle import STAGES, lifecycle_stage
from crm_utils.segmentation.movement import Migration, segment_migration, transitions
from crm_utils.segmentation.naming import Periods, fit_periods, name_customers, name_periods
from crm_utils.segmentation.overview import Totals, group_numbers, group_sizes, measure_ranges, totals
from crm_utils.segmentation.profile import attribute_shares, coverage
from crm_utils.segmentation.retention import CohortRetention, cohort_retention
from crm_utils.segmentation.rfm import (
    SEGMENTS,
    changed_by_refit,
    rfm_score,
    rfm_segment,
    score_shares,
    value_grid,
)
from crm_utils.segmentation.validation import (
    ForwardValidation,
    compare_verdicts,
    forward_validation,
    other_windows,
    silence_calibration,
)

__all__ = [
    "ACTIONS",
    "LEAST_STABILITY",
    "SEGMENTS",
    "STAGES",
    "Clusters",
    "CohortRetention",
    "Concentration",
    "ForwardValidation",
    "Migration",
    "Periods",
    "RfmCuts",
    "Totals",
    "action_plan",
    "attribute_shares",
    "changed_by_refit",
    "cohort_retention",
    "compare_clusters",
    "compare_verdicts",
    "concentration",
    "coverage",
    "find_clusters",
    "fit_periods",
    "forward_validation",
    "group_numbers",
    "group_sizes",
    "lifecycle_stage",
    "measure_ranges",
    "name_customers",
    "name_periods",
    "other_windows",
    "rfm_cuts",
    "rfm_score",
    "rfm_segment",
    "score_shares",
    "segment_migration",
    "silence_calibration",
    "totals",
    "transitions",
    "value_grid",
]
