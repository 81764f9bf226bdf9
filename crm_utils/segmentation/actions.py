"""What should we do for each segment? An action each, and what a test of it could find.

The actions are the trade's usual ones, written as hypotheses. Nobody learns from an action without customers
held out of it, so each comes with the smallest effect that its test would find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

__all__ = ["ACTIONS", "Action", "action_plan"]

POWER, LEVEL = 0.8, 0.05
SMALLEST = 5


@dataclass(frozen=True)
class Action:
    """What to do, why, on which channel, and what it should change (``rate`` or ``spend``)."""

    what: str
    why: str
    channel: str
    aim: str


ACTIONS = {
    "Champions": Action("thank: early access, no discount", "they buy anyway; a discount gives margin away",
                        "app or e-mail; a card in the parcel", "spend"),
    "Loyal": Action("points for a category they do not buy yet", "room to grow lies in width, not in visits",
                    "app or e-mail", "spend"),
    "Potential Loyalist": Action("invite to the loyalty programme", "they come often enough to form a habit",
                                 "e-mail, at the till", "rate"),
    "New": Action("welcome series, help with the first order", "the second order decides whether they stay",
                  "e-mail", "rate"),
    "Promising": Action("a small reason to come again soon", "seen lately, little known", "e-mail", "rate"),
    "Need Attention": Action("remind of what they buy regularly", "middling, may tip either way",
                             "e-mail or push", "rate"),
    "About To Sleep": Action("remind of favourites; no discount yet", "low value: only cheap contact pays",
                             "e-mail", "rate"),
    "At Risk": Action("personal offer on what they used to buy", "much value, less seen of late",
                      "e-mail, then mail", "rate"),
    "Can't Lose": Action("call or letter; ask what went wrong", "few, worth much, silent the longest",
                         "phone or mail", "rate"),
    "Hibernating": Action("one seasonal win-back", "low value: more contact costs more than it brings",
                          "e-mail", "rate"),
    "Lost": Action("one last win-back, then stop writing", "unasked mail costs consent and reputation",
                   "e-mail", "rate"),
}  # fmt: skip


def action_plan(tested: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """Put an action beside each segment of today, and the smallest effect that a test of it would find.

    Parameters
    ----------
    tested
        The table of :func:`forward_validation`: ``group``, ``rate``, ``low``, ``high``, ``spend_sd``,
        ``verdict``.
    sizes
        Today's ``group`` and ``customers``.

    Returns
    -------
    pandas.DataFrame
        A row a segment of five customers or more: ``group``, ``customers``, ``verdict``, ``what``, ``why``,
        ``channel``, ``aim``, ``rate_change`` (share), ``spend_change`` (money a customer). Where a name was
        not earned, ``what`` says to treat the customers like all others until their rhythm says more.

    Notes
    -----
    Half of the segment gets the action, half does not, by lot. The smallest effect found with 80 % power at
    5 % (two-sided) is (z₀.₉₇₅ + z₀.₈)·√(2s²/(n/2)), s² being p(1 − p) for the rate. Where nobody bought, or
    everybody, p is the end of its interval that lies nearer to one half: a rate of exactly 0 or 1 would vary
    by nothing. Spend that does not vary sizes no test. A rate near 1 has no room to rise by that much: then
    spend is the measure.
    """
    plan = sizes[sizes["customers"] >= SMALLEST][["group", "customers"]].merge(
        tested[["group", "rate", "low", "high", "spend_sd", "verdict"]], how="left", on="group"
    )
    actions = pd.DataFrame([{"group": g, **vars(a)} for g, a in ACTIONS.items()])
    plan = plan.merge(actions, how="left", on="group")
    unearned = plan["verdict"] == "not earned"
    plan.loc[unearned, "what"] = "nothing special: " + plan["group"] + " is not what they are"
    plan.loc[unearned, "why"] = "customers with this name did not keep its promise"
    reach = (norm.ppf(1 - LEVEL / 2) + norm.ppf(POWER)) * np.sqrt(4 / plan["customers"])
    p = plan["rate"].mask(plan["rate"] == 0, plan["high"]).mask(plan["rate"] == 1, plan["low"])
    return plan.assign(
        verdict=plan["verdict"].fillna("too few"),
        rate_change=reach * np.sqrt(p * (1 - p)),
        spend_change=(reach * plan["spend_sd"]).mask(plan["spend_sd"] == 0),
    ).drop(columns=["rate", "low", "high", "spend_sd"])
