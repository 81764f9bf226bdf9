"""What do we owe, does the programme change anybody, and which cut should move? One module a question."""

from __future__ import annotations

from crm_utils.methods.loyalty.bunching import Bunching, bunching
from crm_utils.methods.loyalty.claims import (
    FREQUENT,
    Claim,
    late_claim,
    late_test,
    price_cells,
    price_claim,
    price_test,
)
from crm_utils.methods.loyalty.density_break import DensityBreak, density_break
from crm_utils.methods.loyalty.friends import Fraud, ReferralPage, fraud, referral_page, shared_keys
from crm_utils.methods.loyalty.jump import Jump, jump
from crm_utils.methods.loyalty.ledger import Ledger, below_zero, ledger_facts, read_ledger, require_sound
from crm_utils.methods.loyalty.liability import (
    Backtest,
    Liability,
    backtest,
    issue_rate,
    liability,
    liability_table,
)
from crm_utils.methods.loyalty.lists import (
    Lists,
    expiring_points,
    make_lists,
    near_threshold,
    next_review,
    referrers,
)
from crm_utils.methods.loyalty.lots import FATES, fates, lots
from crm_utils.methods.loyalty.migration import Migration, migration, moves_table
from crm_utils.methods.loyalty.overview import Programme, TierPage, cannot, naive_tiers, programme, tier_page
from crm_utils.methods.loyalty.owed import Owed, count_points, points_fates
from crm_utils.methods.loyalty.placebo import Estimate, Placebo, compare_sides, placebo
from crm_utils.methods.loyalty.prices import Allocation, Earning, allocate_price, earning, recognised
from crm_utils.methods.loyalty.redemption import Redemption, redemption
from crm_utils.methods.loyalty.referrals import Referrals, newcomer_cells, newcomers, referral_value
from crm_utils.methods.loyalty.reward import Reward, TierWorth, reward_cost, reward_of
from crm_utils.methods.loyalty.standing import (
    AGES,
    SILENCES,
    issue_counts,
    open_counts,
    points_flow,
    redemption_counts,
    standing,
)
from crm_utils.methods.loyalty.standings import Window, sample_standings, standings
from crm_utils.methods.loyalty.thresholds import (
    VERDICTS,
    Threshold,
    judge_threshold,
    judge_thresholds,
    thresholds_numbers,
    thresholds_table,
)
from crm_utils.methods.loyalty.tiers import (
    Rule,
    disagreements,
    parse_rule,
    review_days,
    tier_names,
    tiers,
)

__all__ = [
    "AGES",
    "FATES",
    "FREQUENT",
    "SILENCES",
    "VERDICTS",
    "Allocation",
    "Backtest",
    "Bunching",
    "Claim",
    "DensityBreak",
    "Earning",
    "Estimate",
    "Fraud",
    "Jump",
    "Ledger",
    "Liability",
    "Lists",
    "Migration",
    "Owed",
    "Placebo",
    "Programme",
    "Redemption",
    "ReferralPage",
    "Referrals",
    "Reward",
    "Rule",
    "Threshold",
    "TierPage",
    "TierWorth",
    "Window",
    "allocate_price",
    "backtest",
    "below_zero",
    "bunching",
    "cannot",
    "compare_sides",
    "count_points",
    "density_break",
    "disagreements",
    "earning",
    "expiring_points",
    "fates",
    "fraud",
    "issue_counts",
    "issue_rate",
    "judge_threshold",
    "judge_thresholds",
    "jump",
    "late_claim",
    "late_test",
    "ledger_facts",
    "liability",
    "liability_table",
    "lots",
    "make_lists",
    "migration",
    "moves_table",
    "naive_tiers",
    "near_threshold",
    "newcomer_cells",
    "newcomers",
    "next_review",
    "open_counts",
    "parse_rule",
    "placebo",
    "points_fates",
    "points_flow",
    "price_cells",
    "price_claim",
    "price_test",
    "programme",
    "read_ledger",
    "recognised",
    "redemption",
    "redemption_counts",
    "referral_page",
    "referral_value",
    "referrers",
    "require_sound",
    "review_days",
    "reward_cost",
    "reward_of",
    "sample_standings",
    "shared_keys",
    "standing",
    "standings",
    "thresholds_numbers",
    "thresholds_table",
    "tier_names",
    "tier_page",
    "tiers",
]
