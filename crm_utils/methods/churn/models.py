"""What is learnt for today's scores? The chosen forecast, one that explains it, and what a lapse costs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from crm_utils.methods.churn.contenders import Fitted
from crm_utils.methods.churn.contest import can_learn, learn_by
from crm_utils.methods.churn.cutoffs import CutoffPlan, known_cutoffs
from crm_utils.methods.churn.panel import DEFECTION_HORIZONS
from crm_utils.methods.churn.reasons import Evidence, find_evidence
from crm_utils.methods.churn.value import SpendIfBuying, learn_spend_by

__all__ = ["Models", "learn_models"]


@dataclass(frozen=True)
class Models:
    """What was learnt by a day.

    Attributes
    ----------
    lapse, explain
        The chosen contender, and one whose terms add up: the same where it does.
    defection
        A forecast of defection by a contender whose terms add up; None where too few cut-offs show it.
    spend, evidence
        What is spent by those who buy; past lapses by value.
    """

    lapse: Fitted
    explain: Fitted
    defection: Fitted | None
    spend: SpendIfBuying
    evidence: Evidence


def learn_models(panel: pd.DataFrame, plan: CutoffPlan, day: dt.date, *, chosen: str, seed: int) -> Models:
    """Learn all of it with what was known at the end of a day.

    Parameters
    ----------
    panel
        From :func:`.churn.panel_frame`.
    plan
        The cut-offs.
    day
        The day.
    chosen
        The contender that the contest chose.
    seed
        Of the boosting.
    """
    lapse = learn_by(panel, plan, day, name=chosen, seed=seed)
    explain = lapse if chosen != "boosting" else learn_by(panel, plan, day, name="logistic", seed=seed)
    days = DEFECTION_HORIZONS * plan.horizon_days
    known = known_cutoffs(plan.labelled, day, label_days=days)
    defection = None
    if can_learn(panel, known, label="defection"):
        defection = learn_by(
            panel, plan, day, name=explain.name, label="defection", label_days=days, seed=seed
        )
    past = panel[panel["cutoff"].isin(known_cutoffs(plan.labelled, day, label_days=plan.horizon_days))]
    return Models(lapse, explain, defection, learn_spend_by(panel, plan, day), find_evidence(past))
