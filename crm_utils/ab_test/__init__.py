"""Did it work? Experiments judged by what was declared before them. One module a question."""

from __future__ import annotations

from crm_utils.ab_test.assignment import assigned, held_out_assignments, one_arm_each
from crm_utils.ab_test.bayes import Beliefs, compare_rates
from crm_utils.ab_test.campaigns import Pooled, campaign_changes, held_out_effects, placebo_table, pool
from crm_utils.ab_test.effects import Effect, adjust, compare, effects
from crm_utils.ab_test.false_alarms import aa_splits, aa_table
from crm_utils.ab_test.group_sequential import classical_bounds, crossing_chances, spending_bounds
from crm_utils.ab_test.judge import Judged, Tables, judge
from crm_utils.ab_test.moments import Sums, exact_sums, moments, read_sums
from crm_utils.ab_test.outcomes import customer_outcomes, orders_with_margin
from crm_utils.ab_test.past_campaigns import PastCampaigns, judge_campaigns
from crm_utils.ab_test.quantiles import quantile_spreads
from crm_utils.ab_test.report import (
    beliefs_table,
    declaration_table,
    experiment_numbers,
    results_table,
    validity_table,
    verdict_table,
)
from crm_utils.ab_test.sequential import (
    LEAST_PER_ARM,
    confidence_sequence,
    mixture_scale,
    sequence_half_width,
)
from crm_utils.ab_test.sizing import (
    as_if_assigned,
    customers_an_arm,
    enrolment,
    sizes,
    smallest_effects,
)
from crm_utils.ab_test.targeting import Targeting, judge_targeting
from crm_utils.ab_test.uplift import (
    FEATURES,
    Qini,
    cross_fitted_uplift,
    customer_features,
    policy_value,
    qini,
)
from crm_utils.ab_test.validity import SampleRatio, sample_ratio
from crm_utils.ab_test.verdict import VERDICTS, Verdict, decide, guardrails, overall

__all__ = [
    "FEATURES",
    "LEAST_PER_ARM",
    "VERDICTS",
    "Beliefs",
    "Effect",
    "Judged",
    "PastCampaigns",
    "Pooled",
    "Qini",
    "SampleRatio",
    "Sums",
    "Tables",
    "Targeting",
    "Verdict",
    "aa_splits",
    "aa_table",
    "adjust",
    "as_if_assigned",
    "assigned",
    "beliefs_table",
    "campaign_changes",
    "classical_bounds",
    "compare",
    "compare_rates",
    "confidence_sequence",
    "cross_fitted_uplift",
    "crossing_chances",
    "customer_features",
    "customer_outcomes",
    "customers_an_arm",
    "decide",
    "declaration_table",
    "effects",
    "enrolment",
    "exact_sums",
    "experiment_numbers",
    "guardrails",
    "held_out_assignments",
    "held_out_effects",
    "judge",
    "judge_campaigns",
    "judge_targeting",
    "mixture_scale",
    "moments",
    "one_arm_each",
    "orders_with_margin",
    "overall",
    "placebo_table",
    "policy_value",
    "pool",
    "qini",
    "quantile_spreads",
    "read_sums",
    "results_table",
    "sample_ratio",
    "sequence_half_width",
    "sizes",
    "smallest_effects",
    "spending_bounds",
    "validity_table",
    "verdict_table",
]
