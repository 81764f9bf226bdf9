"""Several treatments: which one? Arm against arm, and the chance of regretting the choice.

That two arms both beat the control says nothing of which is the better one. Every pair is compared, corrected
for their number; the recommended arm is the one that brings most among those that may ship, and the chance
that another would have brought more is read off the normal distribution of all arms' estimates together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.experiments import Experiment, Metric
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.methods.ab_test.effects import Effect, adjust, compare
from crm_utils.methods.ab_test.moments import Sums
from crm_utils.methods.ab_test.sequential import mixture_scale, sequence_half_width
from crm_utils.methods.ab_test.verdict import Verdict

__all__ = ["Rivals", "compare_arms"]

DRAWS = 20_000


@dataclass(frozen=True)
class Rivals:
    """Treatments against each other.

    Attributes
    ----------
    table
        A row a pair: ``metric``, ``arm``, ``other``, ``effect`` (arm − other), ``low``, ``high`` (intervals
        of all pairs together), ``p``, ``p_adjusted`` (Holm).
    metric
        By which an arm is recommended: money where it is known, else the primary.
    recommended
        The arm that brings most among those that may ship; None where none may.
    regret
        The chance that another arm, or the control, brings more than the recommended one.
    loss
        What is lost by the choice on average, a customer, in the metric's unit.
    """

    table: pd.DataFrame
    metric: str
    recommended: str | None
    regret: float | None
    loss: float | None


def compare_arms(
    sums: Mapping[str, Sums],
    experiment: Experiment,
    verdicts: Sequence[Verdict],
    *,
    metrics: Sequence[Metric],
    planned: int | None = None,
    seed: int = 20,
) -> Rivals:
    """Compare treatments with each other, and recommend one where any may ship.

    Parameters
    ----------
    sums
        For each arm.
    experiment, verdicts
        The declaration, and what :func:`.verdict.decide` made of it.
    metrics
        Those that the sums hold.
    planned
        Customers of two arms at which a confidence sequence is narrowest, while the experiment goes on: then
        the intervals are those that hold at all looks. None at the end.
    seed
        Of the draws behind the chance of regret.
    """
    names = {metric.name: metric for metric in metrics}
    worth = next((names[n] for n in ("contribution", "revenue") if n in names), experiment.primary)
    known = [arm for arm in experiment.treatments if arm in sums and sums[arm].n >= SMALLEST_GROUP]
    shared = [names[name] for name in dict.fromkeys([experiment.primary.name, worth.name]) if name in names]
    pairs = list(combinations(known, 2))
    parts = [_pairs(sums, metric, pairs, experiment.alpha, planned) for metric in shared if pairs]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
    ships = [v.arm for v in verdicts if v.word == "ship" and v.arm in known]
    if not ships or not shared:
        return Rivals(table, worth.name, None, None, None)
    gains, joint = _joint(sums, worth, [experiment.control, *known])
    if worth.sign < 0:
        gains = -gains
    best = max(ships, key=lambda arm: gains[1 + known.index(arm)])
    at = 1 + known.index(best)
    drawn = np.random.default_rng(seed).multivariate_normal(gains, joint, size=DRAWS, method="eigh")
    missed = drawn.max(axis=1) - drawn[:, at]
    return Rivals(table, worth.name, best, float((missed > 0).mean()), float(missed.mean()))


_COLUMNS = ["metric", "arm", "other", "effect", "low", "high", "p", "p_adjusted"]


def _pairs(
    sums: Mapping[str, Sums], metric: Metric, pairs: Sequence[tuple[str, str]], alpha: float,
    planned: int | None,
) -> pd.DataFrame:  # fmt: skip
    rows: list[dict[str, Any]] = []
    shared = alpha / len(pairs)
    for one, other in pairs:
        seen = _compared(sums, metric, other, one)
        if seen is None:
            continue
        half = z(1 - shared) * seen.error
        if planned is not None:
            n, rho = sums[one].n + sums[other].n, mixture_scale(planned, alpha=shared)
            half = float(sequence_half_width(seen.error, n, rho=rho, alpha=shared))
        rows.append({"metric": metric.name, "arm": one, "other": other, "effect": seen.effect,
                     "low": seen.effect - half, "high": seen.effect + half, "p": seen.p})  # fmt: skip
    frame = pd.DataFrame(rows, columns=_COLUMNS[:-1])
    frame["p_adjusted"] = frame["p"]
    known = frame["p"].notna()
    frame.loc[known, "p_adjusted"] = adjust(frame.loc[known, "p"].astype(float).tolist(), how="holm")
    return frame


def _compared(sums: Mapping[str, Sums], metric: Metric, control: str, arm: str) -> Effect | None:
    if metric.per and not (sums[control].totals[metric.per] and sums[arm].totals[metric.per]):
        return None
    return compare(sums[control], sums[arm], metric)


def _joint(sums: Mapping[str, Sums], metric: Metric, arms: Sequence[str]) -> tuple[Any, Any]:
    """Estimates of all arms less the first, and their covariances, from the errors of every pair.

    Cov(a, b) = (Var a + Var b − Var(a − b)) / 2, all against the first arm.
    """
    k = len(arms)
    gains, spread = np.zeros(k), np.zeros((k, k))
    for i, j in combinations(range(k), 2):
        seen = _compared(sums, metric, arms[i], arms[j])
        spread[i, j] = spread[j, i] = 0.0 if seen is None else seen.error**2
        if i == 0 and seen is not None:
            gains[j] = seen.effect
    own = spread[0]
    return gains, (own[:, None] + own[None, :] - spread) / 2
