"""Campaign targeting: whom to write to, with what, where and when; whom not, and why."""

from __future__ import annotations

from crm_utils.features import all_messages
from crm_utils.methods.campaign_targeting.budget import Allocation, allocate, budget_curve, options_of, spend
from crm_utils.methods.campaign_targeting.candidates import Candidates, find_candidates
from crm_utils.methods.campaign_targeting.caps import arbitrate
from crm_utils.methods.campaign_targeting.hours import SendHours, send_hours, visits
from crm_utils.methods.campaign_targeting.judging import days_to_verdicts, days_until_judged
from crm_utils.methods.campaign_targeting.lists import everybody_listed, known_tables
from crm_utils.methods.campaign_targeting.model import Scenario
from crm_utils.methods.campaign_targeting.moments import moments
from crm_utils.methods.campaign_targeting.other_ways import (
    BREAKS,
    WAYS,
    best_tenth,
    broken_rules,
    other_ways,
    outside_rules,
    under_other_rules,
)
from crm_utils.methods.campaign_targeting.past import past_of_customers
from crm_utils.methods.campaign_targeting.plan import (
    STAGES,
    Plan,
    cannot,
    closed_hours,
    make_plan,
    other_caps,
    other_hours,
    plan_of,
)
from crm_utils.methods.campaign_targeting.reach import (
    latest_consents,
    out_of_reach,
    overdue_reconfirmations,
    reachable,
)
from crm_utils.methods.campaign_targeting.recheck import recheck
from crm_utils.methods.campaign_targeting.replay import replay
from crm_utils.methods.campaign_targeting.rules import Cap, Rules
from crm_utils.methods.campaign_targeting.worth import judged, verified, worth_by_scenario

__all__ = [
    "BREAKS",
    "STAGES",
    "WAYS",
    "Allocation",
    "Candidates",
    "Cap",
    "Plan",
    "Rules",
    "Scenario",
    "SendHours",
    "all_messages",
    "allocate",
    "arbitrate",
    "best_tenth",
    "broken_rules",
    "budget_curve",
    "cannot",
    "closed_hours",
    "days_to_verdicts",
    "days_until_judged",
    "everybody_listed",
    "find_candidates",
    "judged",
    "known_tables",
    "latest_consents",
    "make_plan",
    "moments",
    "options_of",
    "other_caps",
    "other_hours",
    "other_ways",
    "out_of_reach",
    "outside_rules",
    "overdue_reconfirmations",
    "past_of_customers",
    "plan_of",
    "reachable",
    "recheck",
    "replay",
    "send_hours",
    "spend",
    "under_other_rules",
    "verified",
    "visits",
    "worth_by_scenario",
]
