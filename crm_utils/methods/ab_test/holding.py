"""Which interval holds, and which estimate? Over the arms, over the looks, after an early stop.

A fixed interval holds for one arm and one look. Several arms share the error rate (Bonferroni); while an
experiment goes on, or where a look ended it, intervals have to hold at every look; at the end of planned
looks the primary's is as wide as the last bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.experiments import Experiment
from crm_utils.features.statistics import z
from crm_utils.methods.ab_test.early_stop import adjusted_estimate
from crm_utils.methods.ab_test.effects import COMPARED
from crm_utils.methods.ab_test.moments import Sums
from crm_utils.methods.ab_test.sequential import (
    PLANNED,
    at_all_times,
    confidence_sequence,
    mixture_scale,
    sequence_half_width,
)
from crm_utils.methods.ab_test.verdict import crossings

__all__ = [
    "adjusted_effects",
    "all_sequences",
    "holding_intervals",
    "one_row",
    "planned_size",
    "stopped_by_a_look",
]

MOST_LOOKS = 400
"""Looks that the adjustment of an early stop reckons with at most."""


def planned_size(experiment: Experiment) -> int:
    """Customers of two arms at which a sequence is narrowest: as declared, and never by what came."""
    return max(2, round((experiment.customers or PLANNED) * 2 / (1 + len(experiment.treatments))))


def all_sequences(by_day: Mapping[tuple[Any, ...], Sums], experiment: Experiment) -> pd.DataFrame:
    """Follow the primary of every treatment; see :func:`.sequential.confidence_sequence`, with ``arm``."""
    alpha, planned = experiment.alpha / len(experiment.treatments), planned_size(experiment)
    parts = [
        confidence_sequence(
            by_day, experiment.primary, control=experiment.control, arm=arm, planned=planned, alpha=alpha
        ).assign(arm=arm)
        for arm in experiment.treatments
    ]
    return pd.concat(parts, ignore_index=True)


def holding_intervals(
    effects: pd.DataFrame,
    sums: Mapping[str, Sums],
    experiment: Experiment,
    looks: pd.DataFrame,
    *,
    always: bool,
) -> pd.DataFrame:  # fmt: skip
    """Effects with the intervals that hold: shared by the arms, and wide enough for the looks that were."""
    shared = experiment.alpha / len(experiment.treatments)
    if always:
        sizes = {arm: s.n for arm, s in sums.items()}
        wide = at_all_times(
            effects, sizes, control=experiment.control, planned=planned_size(experiment), alpha=shared
        )
        return _relative_too(wide, effects)
    wider = z(1 - shared) / z(1 - experiment.alpha)
    holding = effects.copy()
    for end in ("low", "high"):
        middle = effects["effect"].astype(float)
        holding[end] = middle + (effects[end].astype(float) - middle) * wider
    for arm, own in looks.groupby("arm"):
        row = (holding["arm"] == arm) & (holding["role"] == "primary") & holding["error"].notna()
        half = float(own["bound"].iloc[-1]) * holding.loc[row, "error"].astype(float)
        middle = holding.loc[row, "effect"].astype(float)
        holding.loc[row, "low"], holding.loc[row, "high"] = middle - half, middle + half
    return _relative_too(holding, effects)


def stopped_by_a_look(
    experiment: Experiment, counts: pd.DataFrame, sequence: pd.DataFrame, looks: pd.DataFrame
) -> bool:
    """Whether nobody came any more from a crossing on, before the declared end: then looking made the end."""
    crossed = crossings(experiment, False, looks, sequence)
    if crossed is None or crossed.empty or experiment.ends_on is None or counts.empty:
        return False
    first = pd.Timestamp(crossed["day"].min()).date()
    return bool(counts["last"].max().date() <= first < experiment.ends_on)


def adjusted_effects(
    effects: pd.DataFrame, experiment: Experiment, looks: pd.DataFrame, sequence: pd.DataFrame
) -> dict[str, float]:
    """For each arm that crossed before the end, the primary effect less what stopping there exaggerates."""
    adjusted = {}
    for arm in experiment.treatments:
        row = one_row(effects, experiment.primary.name, arm)
        path = _path(experiment, arm, looks, sequence)
        if row.get("status") != COMPARED or path is None:
            continue
        at, effect, error, customers, bounds = path
        adjusted[arm] = adjusted_estimate(
            effect, error, customers, bounds, at=at, now=(float(row["effect"]), float(row["error"]))
        )
    return adjusted


def one_row(effects: pd.DataFrame, metric: str, arm: str) -> dict[str, Any]:
    """The row of a metric and an arm; empty where there is none."""
    row = effects[(effects["metric"] == metric) & (effects["arm"] == arm)]
    return {str(k): v for k, v in row.iloc[0].items()} if len(row) else {}


def _relative_too(holding: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Widen relative intervals by as much, on the logarithm's scale on which they are; none without ends."""
    was, now = ((f["high"] - f["low"]).astype(float) for f in (effects, holding))
    times = (now / was).where(was > 0, 1.0)
    ends = {
        name: np.log1p(effects[name].astype(float)) for name in ("relative", "relative_low", "relative_high")
    }
    clear = effects["relative"].notna() & np.isfinite(times)
    for name in ("relative_low", "relative_high"):
        wider = np.expm1(ends["relative"] + (ends[name] - ends["relative"]) * times.where(clear, 1.0))
        holding[name] = wider.where(clear)
    holding["relative"] = effects["relative"].astype(float).where(clear)
    return holding


def _path(
    experiment: Experiment, arm: str, looks: pd.DataFrame, sequence: pd.DataFrame
) -> tuple[int, float, float, Any, Any] | None:
    """The first crossing of an arm, and all looks from the first to the planned end with their bounds."""
    if experiment.looks:
        own = looks[looks["arm"] == arm].reset_index(drop=True)
        if not own["crossed"].astype(bool).any():
            return None
        at, customers = int(own["crossed"].argmax()), own["customers"].to_numpy(float)
        end = max(float(experiment.customers or 0), customers[-1])
        bounds = own["bound"].to_numpy(float)
        if end > customers[-1]:
            customers, bounds = np.append(customers, end), np.append(bounds, np.inf)
        z_at, error = float(own["z"].iloc[at]), float(own["error"].iloc[at])
        return at, z_at * error, error, customers, bounds
    own = sequence[sequence["arm"] == arm].reset_index(drop=True)
    if not own["decided"].astype(bool).any():
        return None
    at, customers = int(own["decided"].argmax()), (own["n_control"] + own["n_arm"]).to_numpy(float)
    end, pace = (
        float(planned_size(experiment)),
        max(1.0, (customers[-1] - customers[0]) / max(len(own) - 1, 1)),
    )
    more = np.arange(customers[-1] + pace, end, max(pace, (end - customers[-1]) / MOST_LOOKS))
    customers = np.append(customers, more)[: max(MOST_LOOKS, at + 1)]
    alpha = experiment.alpha / len(experiment.treatments)
    bounds = sequence_half_width(
        1.0, customers, rho=mixture_scale(planned_size(experiment), alpha=alpha), alpha=alpha
    )
    row = own.iloc[at]
    return at, float(row["effect"]), float(row["error"]), customers, bounds
