"""Who are our customers, how do they move, and do the names hold up? One module a question."""

from __future__ import annotations

from crm_utils.methods.segmentation.actions import champions, second_purchase, smallest_effects
from crm_utils.methods.segmentation.answerable import cannot
from crm_utils.methods.segmentation.baseline import Ranking, rank_by_names
from crm_utils.methods.segmentation.clusters import Clusters, compare_clusters, find_clusters
from crm_utils.methods.segmentation.concentration import Concentration, concentration
from crm_utils.methods.segmentation.cuts import RfmCuts, rfm_cuts, saved_or_fitted
from crm_utils.methods.segmentation.lifecycle import STAGES, lifecycle_stage
from crm_utils.methods.segmentation.movement import (
    Migration,
    segment_migration,
    shown_moves,
    stayed_share,
    transitions,
)
from crm_utils.methods.segmentation.naming import Periods, fit_periods, name_customers, name_periods
from crm_utils.methods.segmentation.overview import (
    Totals,
    group_numbers,
    group_sizes,
    measure_ranges,
    silent_numbers,
    totals,
)
from crm_utils.methods.segmentation.profile import attribute_shares, coverage, coverage_numbers
from crm_utils.methods.segmentation.retention import CohortRetention, cohort_retention
from crm_utils.methods.segmentation.rfm import (
    SEGMENTS,
    changed_by_refit,
    rfm_score,
    rfm_segment,
    score_shares,
    value_grid,
)
from crm_utils.methods.segmentation.robustness import Robustness, robustness
from crm_utils.methods.segmentation.thresholds import Thresholds, fit_thresholds, silence_calibration
from crm_utils.methods.segmentation.validation import (
    ForwardValidation,
    Windows,
    forward_validation,
    other_windows,
)

__all__ = [
    "SEGMENTS",
    "STAGES",
    "Clusters",
    "CohortRetention",
    "Concentration",
    "ForwardValidation",
    "Migration",
    "Periods",
    "Ranking",
    "RfmCuts",
    "Robustness",
    "Thresholds",
    "Totals",
    "Windows",
    "attribute_shares",
    "cannot",
    "champions",
    "changed_by_refit",
    "cohort_retention",
    "compare_clusters",
    "concentration",
    "coverage",
    "coverage_numbers",
    "find_clusters",
    "fit_periods",
    "fit_thresholds",
    "forward_validation",
    "group_numbers",
    "group_sizes",
    "lifecycle_stage",
    "measure_ranges",
    "name_customers",
    "name_periods",
    "other_windows",
    "rank_by_names",
    "rfm_cuts",
    "rfm_score",
    "rfm_segment",
    "robustness",
    "saved_or_fitted",
    "score_shares",
    "second_purchase",
    "segment_migration",
    "shown_moves",
    "silence_calibration",
    "silent_numbers",
    "smallest_effects",
    "stayed_share",
    "totals",
    "transitions",
    "value_grid",
]
