"""What would another way of choosing have brought, by what this one sent at random? Only with known chances.

Each message is weighed by how much likelier the other policy would have sent it: by inverse propensity (IPS),
by that divided by the sum of the weights (SNIPS; Swaminathan and Joachims, *NeurIPS* 2015), or as a
correction
of a model (doubly robust; Dudík, Langford and Li, *ICML* 2011). Where few messages carry all the weight, the
effective number says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_utils.errors import DataError
from crm_utils.features.statistics import z

__all__ = ["OffPolicy", "off_policy"]


@dataclass(frozen=True)
class OffPolicy:
    """What a policy would have brought, a customer.

    Attributes
    ----------
    table
        ``how`` (``ips``, ``snips`` and, with a model, ``dr``), ``value``, ``low``, ``high``.
    customers
        Rows logged.
    effective
        Customers that weigh as much as all of them do unequally: (Σw)² ÷ Σw².
    """

    table: pd.DataFrame
    customers: int
    effective: float


def off_policy(logged: pd.DataFrame, policy: pd.Series[float]) -> OffPolicy:
    """Judge a policy by messages that another one sent.

    Parameters
    ----------
    logged
        A row a customer: ``propensity`` (the chance, above 0, of what was done: sent, or left out),
        ``reward`` and, for the doubly robust estimate, ``expected`` (a model's reward of what was done) and
        ``expected_by_policy`` (of what the policy would do, on average over its chances).
    policy
        The chance that the policy would have done the same, by the same index.

    Raises
    ------
    DataError
        A propensity is missing or not above 0: then nothing can be said.

    Notes
    -----
    Intervals are normal, from the spread of the terms (for SNIPS by the delta method); they are too narrow
    where ``effective`` is small.

    Examples
    --------
    >>> logged = pd.DataFrame({"propensity": [0.5] * 4, "reward": [1.0, 3.0, 0.0, 2.0]})
    >>> off_policy(logged, pd.Series([1.0, 1.0, 0.0, 0.0])).table["value"].tolist()
    [2.0, 2.0]
    """
    chances = logged.get("propensity", pd.Series(np.nan, index=logged.index))
    chance = chances.to_numpy(float)
    missing = int((~(chance > 0)).sum())
    if missing:
        raise DataError(
            f"{missing} of {len(logged)} messages have no propensity above 0. Without the chance that "
            "each was "
            "sent, nothing can be said of another way of choosing."
        )
    weight, reward = policy.to_numpy(float) / chance, logged["reward"].to_numpy(float)
    rows = [_row("ips", weight * reward)]
    total = float(weight.sum())
    if total:
        value = float((weight * reward).sum() / total)
        rows.append(_row("snips", value + weight * (reward - value) * len(weight) / total))
    if "expected" in logged.columns:
        expected, by_policy = (logged[name].to_numpy(float) for name in ("expected", "expected_by_policy"))
        rows.append(_row("dr", by_policy + weight * (reward - expected)))
    effective = total**2 / float((weight**2).sum()) if total else 0.0
    return OffPolicy(pd.DataFrame(rows), len(logged), effective)


def _row(how: str, terms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, str | float]:
    value = float(terms.mean())
    half = z() * float(terms.std(ddof=1)) / math.sqrt(len(terms)) if len(terms) > 1 else math.inf
    return {"how": how, "value": value, "low": value - half, "high": value + half}
