"""Who are our customers, how do they move, and do the names hold up? One module a question."""

from __future__ import annotations

from crm_utils.segmentation.clusters import Clusters, find_clusters
from crm_utils.segmentation.concentration import Concentration, concentration
from crm_utils.segmentation.cuts import RfmCuts, rfm_cuts
from crm_utils.segmentation.lifecycle import STAGES, lifecycle_stage
from crm_utils.segmentation.movement import Migration, segment_migration, transitions
from crm_utils.segmentation.profile import attribute_shares, coverage
from crm_utils.segmentation.retention import CohortRetention, cohort_retention
from crm_utils.segmentation.rfm import SEGMENTS, changed_by_refit, rfm_score, rfm_segment, score_shares
from crm_utils.segmentation.validation import ForwardValidation, forward_validation

__all__ = [
    "SEGMENTS",
    "STAGES",
    "Clusters",
    "CohortRetention",
    "Concentration",
    "ForwardValidation",
    "Migration",
    "RfmCuts",
    "attribute_shares",
    "changed_by_refit",
    "cohort_retention",
    "concentration",
    "coverage",
    "find_clusters",
    "forward_validation",
    "lifecycle_stage",
    "rfm_cuts",
    "rfm_score",
    "rfm_segment",
    "score_shares",
    "segment_migration",
    "transitions",
]
