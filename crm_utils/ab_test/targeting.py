"""Could a model choose whom to contact? From a judged experiment to policies and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from crm_utils.ab_test.judge import Judged, Tables
from crm_utils.ab_test.uplift import (
    FEATURES,
    Qini,
    cross_fitted_uplift,
    customer_features,
    policy_value,
    qini,
)

__all__ = ["Targeting", "judge_targeting"]


@dataclass(frozen=True)
class Targeting:
    """Whether a model's order of customers is worth following.

    Attributes
    ----------
    arm
        The treatment.
    outcome
        What is gained: contribution where margins are known, else amount.
    curve
        How well the model orders customers.
    policies
        From :func:`~crm_utils.ab_test.uplift.policy_value`.
    """

    arm: str
    outcome: str
    curve: Qini
    policies: pd.DataFrame

    @property
    def against_all(self) -> tuple[float, float, float]:
        """What contacting those with a predicted gain adds to contacting all: value, low, high a customer."""
        row = self.policies[self.policies["policy"] == "targeted − all"].iloc[0]
        return float(row["value"]), float(row["low"]), float(row["high"])

    @property
    def worth_it(self) -> bool:
        """Whether choosing beats contacting all, and contacting none, with its whole interval."""
        rows = self.policies.set_index("policy").loc[["targeted − all", "targeted − none"]]
        return bool((rows["low"] > 0).all())


def judge_targeting(one: Judged, tables: Tables, *, seed: int) -> Targeting:
    """Let a T-learner predict what the first treatment does to each customer, and judge its order.

    Parameters
    ----------
    one
        An experiment that may be believed.
    tables
        What it was judged from.
    seed
        Of folds, models and bootstrap.
    """
    arm, control = one.experiment.treatments[0], one.experiment.control
    people = customer_features(one.rows, tables.orders).to_pyarrow().to_pandas()
    people = people[people["arm"].isin([arm, control])].reset_index(drop=True)
    outcome = "contribution" if people["contribution"].notna().all() else "amount"
    treated, value = (people["arm"] == arm).to_numpy(), people[outcome].to_numpy()
    uplift = cross_fitted_uplift(people[list(FEATURES)], treated, value, seed=seed)
    return Targeting(
        arm, outcome, qini(uplift, treated, value, seed=seed), policy_value(uplift, treated, value)
    )
