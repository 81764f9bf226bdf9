"""Could a model choose whom to contact? From a judged experiment to policies and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.features.statistics import Number
from crm_utils.methods.ab_test.judge import Judged, Tables
from crm_utils.methods.ab_test.uplift import (
    FEATURES,
    Qini,
    customer_features,
    policy_value,
    predicted_groups,
    qini,
    split_uplift,
)

__all__ = ["Targeting", "judge_targeting", "targeting_numbers"]


@dataclass(frozen=True)
class Targeting:
    """Whether a model's ranking of customers is worth following, for one arm.

    Attributes
    ----------
    arm
        The treatment.
    outcome
        What is gained: contribution where margins are known, else amount.
    features
        What the model knew of a customer, of all that varies.
    curve
        How well the model ranks customers.
    groups
        From :func:`.uplift.predicted_groups`: predicted and observed effects.
    policies
        From :func:`.uplift.policy_value`.
    """

    arm: str
    outcome: str
    features: tuple[str, ...]
    curve: Qini
    groups: pd.DataFrame
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

    def numbers(self, experiment: str, currency: str) -> list[Number]:
        """What a run records: ``<experiment>.<arm>.qini`` with its interval."""
        curve = self.curve
        name = f"{experiment}.{self.arm}.qini"
        return [Number(name, curve.coefficient, currency, low=curve.low, high=curve.high)]


def judge_targeting(one: Judged | None, tables: Tables, *, seed: int) -> Mapping[str, Targeting | None]:
    """Let a T-learner predict what each treatment does to each customer, and judge its ranking.

    Parameters
    ----------
    one
        An experiment that may be believed, or None.
    tables
        What it was judged from.
    seed
        Of the split, models and bootstrap.

    Returns
    -------
    dict
        For each treatment a :class:`Targeting`, or None where there is nothing to choose by: too few
        customers, or none of whom anything is known that differs. Empty without an experiment.
    """
    if one is None or not one.sums:
        return {}
    plan = one.experiment
    people = customer_features(one.rows, tables.orders, tables.customers, attributes=plan.features)
    frame = people.to_pyarrow().to_pandas()
    return {arm: _targeting(frame, plan.control, arm, seed) for arm in plan.treatments}


def targeting_numbers(
    by_arm: Mapping[str, Targeting | None], one: Judged | None, currency: str
) -> list[Number]:
    """What a run records of every arm with a model."""
    known = [t for t in by_arm.values() if t is not None]
    return [number for t in known for number in t.numbers(one.experiment.id, currency)] if one else []


def _targeting(people: pd.DataFrame, control: str, arm: str, seed: int) -> Targeting | None:
    people = people[people["arm"].isin([arm, control])].reset_index(drop=True)
    outcome = "contribution" if people["contribution"].notna().all() else "amount"
    treated, value = (people["arm"] == arm).to_numpy(), people[outcome].to_numpy(float)
    features = people[[*FEATURES, *[name for name in people if str(name).startswith("is_")]]]
    split = split_uplift(features, treated, value, seed=seed)
    if split is None:
        return None
    judged: tuple[Any, Any, Any] = (split.uplift, treated[split.judges], value[split.judges])
    policies = policy_value(*judged)
    if not np.isfinite(policies["value"]).all():
        return None
    return Targeting(
        arm, outcome, split.features, qini(*judged, seed=seed), predicted_groups(*judged), policies
    )
