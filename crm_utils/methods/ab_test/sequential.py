"""May we look every day? Asymptotic confidence sequences: intervals that hold at all times at once.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, *Time-uniform central limit theory and asymptotic confidence
sequences* (Annals of Statistics 2024), with their normal mixture of scale ρ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_utils.experiments import Metric
from crm_utils.methods.ab_test.effects import compare
from crm_utils.methods.ab_test.moments import Sums

__all__ = [
    "LEAST_PER_ARM",
    "PLANNED",
    "at_all_times",
    "confidence_sequence",
    "mixture_scale",
    "sequence_half_width",
]

PLANNED = 10_000
"""Customers at which a sequence is narrowest where a study plans no number: ρ must not follow the data."""

LEAST_PER_ARM = 500
"""Customers that each arm needs before a sequence begins: it is asymptotic, and fails early on skewed spend.

From this many on, with values capped at the 95th percentile of buyers, it kept its promise on such spend
(benchmarks/CALIBRATION.md).
"""

Floats = npt.NDArray[np.float64]


def mixture_scale(customers: float, *, alpha: float = 0.05) -> float:
    """The ρ that makes the sequence narrowest at a number of customers (Waudby-Smith et al., appendix).

    Examples
    --------
    >>> round(mixture_scale(10_000), 5)
    0.02963
    """
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / customers)


def sequence_half_width(error: Any, n: Any, *, rho: float, alpha: float = 0.05) -> Floats:
    """Half the width of the sequence's interval, for whole arrays at once.

    Parameters
    ----------
    error
        Standard error of the effect now.
    n
        Customers of both arms together now.
    rho
        From :func:`mixture_scale`, chosen before.
    alpha
        The chance that the interval ever misses the effect, from the first time on.

    Notes
    -----
    With σ̂² = n·error², the variance of one customer's influence on the effect, the half-width is
    σ̂ √( 2(nρ² + 1) / (n²ρ²) · log( √(nρ² + 1) / α ) ).

    Examples
    --------
    >>> sequence_half_width(1.0, 10_000, rho=mixture_scale(10_000)).round(2)
    np.float64(3.04)
    """
    error, n = np.asarray(error, dtype=float), np.asarray(n, dtype=float)
    spread = n * rho**2 + 1
    width: Floats = error * np.sqrt(2 * spread / (n * rho**2) * np.log(np.sqrt(spread) / alpha))
    return width


def confidence_sequence(
    by_day: Mapping[tuple[Any, ...], Sums],
    metric: Metric,
    *,
    control: str,
    arm: str,
    planned: int,
    alpha: float = 0.05,
    least: int = LEAST_PER_ARM,
) -> pd.DataFrame:
    """Follow an effect day by day, with the interval of a single look and the sequence's.

    Parameters
    ----------
    by_day
        Sums of the customers whose horizon was complete on each day, by (arm, day).
    metric
        A conversion, mean or ratio; a mean of skewed values should be capped.
    control, arm
        The two arms.
    planned
        Customers of both arms at which the sequence is to be narrowest.
    alpha
        The chance that the sequence ever misses.
    least
        Customers an arm before it begins.

    Returns
    -------
    pandas.DataFrame
        A row a day: ``day``, ``n_control``, ``n_arm``, ``effect``, ``low``, ``high`` (one look), ``error``,
        ``always_low``, ``always_high`` (all looks together), ``decided`` (they exclude 0 on this day).

    Notes
    -----
    Intervals of earlier days do not cut later ones. Their running intersection assumes an effect that never
    changes; where effects fade it becomes too short, and empty at last.
    """
    rho = mixture_scale(planned, alpha=alpha)
    rows: list[dict[str, Any]] = []
    for day, (one, other) in _running(by_day, control, arm):
        empty = metric.per and not (one.totals[metric.per] and other.totals[metric.per])
        if min(one.n, other.n) < least or empty:
            continue
        effect = compare(one, other, metric, alpha=alpha)
        half = float(sequence_half_width(effect.error, one.n + other.n, rho=rho, alpha=alpha))
        rows.append(
            {
                "day": day, "n_control": one.n, "n_arm": other.n, "effect": effect.effect, "low": effect.low,
                "high": effect.high, "error": effect.error, "always_low": effect.effect - half,
                "always_high": effect.effect + half,
            }
        )  # fmt: skip
    columns = ["day", "n_control", "n_arm", "effect", "low", "high", "error", "always_low", "always_high"]
    frame = pd.DataFrame(rows, columns=columns)
    beyond = (frame["always_low"] > 0) | (frame["always_high"] < 0)
    return frame.assign(decided=beyond & (frame["error"] > 0))


def at_all_times(
    effects: pd.DataFrame, sizes: Mapping[str, int], *, control: str, planned: int, alpha: float
) -> pd.DataFrame:
    """Widen the intervals of all metrics to those that hold whenever one looks.

    Parameters
    ----------
    effects
        From :func:`.effects.effects`: ``arm``, ``effect``, ``error``, ``low``, ``high``.
    sizes
        Customers of each arm.
    control, planned, alpha
        As for :func:`confidence_sequence`.

    Returns
    -------
    pandas.DataFrame
        ``effects`` with other ``low`` and ``high``: without end where an arm has too few customers for a
        sequence, as they were where there is no error.
    """
    rho = mixture_scale(planned, alpha=alpha)
    widened = effects.copy()
    known = effects["error"].notna()
    both = effects.loc[known, "arm"].map(lambda arm: sizes.get(control, 0) + sizes.get(arm, 0)).astype(float)
    least = effects.loc[known, "arm"].map(lambda arm: min(sizes.get(control, 0), sizes.get(arm, 0)))
    half = sequence_half_width(effects.loc[known, "error"].astype(float), both, rho=rho, alpha=alpha)
    half = np.where(least >= LEAST_PER_ARM, half, math.inf)
    middle = effects.loc[known, "effect"].astype(float)
    widened.loc[known, "low"], widened.loc[known, "high"] = middle - half, middle + half
    return widened


def _running(
    by_day: Mapping[tuple[Any, ...], Sums], control: str, arm: str
) -> Sequence[tuple[Any, tuple[Sums, Sums]]]:
    """Both arms' sums up to each day."""
    days = sorted({day for name, day in by_day if name in (control, arm)})
    running, so_far = [], dict.fromkeys((control, arm))
    for day in days:
        for name in so_far:
            new = by_day.get((name, day))
            if new is not None:
                before: Any = so_far[name]
                so_far[name] = new if before is None else before + new
        one, other = so_far[control], so_far[arm]
        if one is not None and other is not None:
            running.append((day, (one, other)))
    return running
