"""Did it work? Experiments judged by what was declared before them. One module a question."""

from __future__ import annotations

from crm_utils.methods.ab_test.contacts import ContactEffects, judge_contacts
from crm_utils.methods.ab_test.judge import Judged, Tables, judge
from crm_utils.methods.ab_test.outcomes import orders_with_margin
from crm_utils.methods.ab_test.past_campaigns import PastCampaigns, judge_campaigns
from crm_utils.methods.ab_test.planning import NextTest, cannot, plan_next_test
from crm_utils.methods.ab_test.report import Experiments, beliefs_table, judge_all, validity_table
from crm_utils.methods.ab_test.scenarios import ScenarioResults, judge_scenarios
from crm_utils.methods.ab_test.targeting import Targeting, judge_targeting, targeting_numbers

__all__ = [
    "ContactEffects",
    "Experiments",
    "Judged",
    "NextTest",
    "PastCampaigns",
    "ScenarioResults",
    "Tables",
    "Targeting",
    "beliefs_table",
    "cannot",
    "judge",
    "judge_all",
    "judge_campaigns",
    "judge_contacts",
    "judge_scenarios",
    "judge_targeting",
    "orders_with_margin",
    "plan_next_test",
    "targeting_numbers",
    "validity_table",
]
