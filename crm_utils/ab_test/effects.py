"""How large is the effect on each metric, with what uncertainty? Welch, CUPED and the delta method on sums.

Tests, intervals and p-values are tea-tasting's, on :class:`~crm_utils.ab_test.moments.Sums` made by the
engine.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from tea_tasting.experiment import ExperimentResult as Results
from tea_tasting.metrics import RatioOfMeans
from tea_tasting.multiplicity import adjust_fdr, adjust_fwer

from crm_utils.ab_test.moments import Sums, variable_names
from crm_utils.experiments import Experiment, Metric

__all__ = ["Effect", "adjust", "compare", "effects"]


@dataclass(frozen=True)
class Effect:
    """The difference of one metric between two arms.

    Attributes
    ----------
    control, treatment
        The metric in each arm; adjusted to the same covariate where there is one.
    effect, low, high
        Treatment − control in the metric's unit, with its interval.
    p
        Two-sided; None where nothing varies.
    error
        Standard error of the effect.
    relative, relative_low, relative_high
        The effect as a share of the control; None where the control is not positive.
    theta
        CUPED's coefficient (covariance over both arms pooled); 0 without a covariate that varies.
    """

    control: float
    treatment: float
    effect: float
    low: float
    high: float
    p: float | None
    error: float
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    theta: float


def compare(
    control: Sums, treatment: Sums, metric: Metric, *, alpha: float = 0.05, cuped: bool = True
) -> Effect:
    """Compare a metric of two arms by Welch's test, with the covariate (CUPED) where there is one.

    Parameters
    ----------
    control, treatment
        Sums of at least two customers each.
    metric
        A conversion, mean or ratio.
    alpha
        1 − the interval's level.
    cuped
        False ignores the covariate.

    Returns
    -------
    Effect

    Raises
    ------
    ValueError
        An arm has fewer than two customers, or a ratio's denominator is 0 in an arm.

    Notes
    -----
    CUPED (Deng et al. 2013) takes θ(x − x̄) off each value, θ = Cov(y, x) / Var(x) over both arms pooled; the
    effect stays unbiased because x is from before the assignment. A ratio is linearised (delta method, Deng
    et al. 2018). Both hold for large samples; how large on skewed spend is measured by ``nox -s calibrate``.

    Examples
    --------
    >>> from fractions import Fraction
    >>> def sums(n, total, squares):
    ...     return Sums(n, {"amount": Fraction(total)}, {("amount", "amount"): Fraction(squares)})
    >>> metric = Metric(name="revenue", kind="mean", of="amount")
    >>> found = compare(sums(100, 500, 3000), sums(100, 600, 4200), metric)
    >>> round(found.effect, 2), round(found.p, 4)
    (1.0, 0.003)
    """
    for arm in (control, treatment):
        if arm.n < 2:
            raise ValueError(f"An arm of {arm.n} customers has no variance; a comparison needs two at least.")
        if metric.per and not arm.totals[metric.per]:
            raise ValueError(f"'{metric.name}' divides by {metric.per}, and an arm has none.")
    names = variable_names(metric, control.totals)
    names = names if cuped else {part: name for part, name in names.items() if "covariate" not in part}
    one, other = control.aggregates(), treatment.aggregates()
    both = (one + other).with_zero_div()
    spread = both.ratio_var(names.get("numer_covariate"), names.get("denom_covariate"))
    if "numer_covariate" in names and not (spread > 0 and _has_before(both, names)):
        names = {part: name for part, name in names.items() if "covariate" not in part}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # a constant metric: nan, said in our own words
        found = RatioOfMeans(**names, confidence_level=1 - alpha).analyze_aggregates(one, other)
        plain = RatioOfMeans(**names, confidence_level=0.95, use_t=False).analyze_aggregates(one, other)
    error = (plain.effect_size_ci_upper - plain.effect_size_ci_lower) / 2 / norm.ppf(0.975)
    return _effect(found, error, _theta(both, names))


def effects(
    sums: Mapping[str, Sums], experiment: Experiment, *, metrics: Sequence[Metric] | None = None
) -> pd.DataFrame:
    """Compare every treatment with the control on every metric, corrected for how many there are.

    Parameters
    ----------
    sums
        For each arm, what :func:`~crm_utils.ab_test.moments.read_sums` gave.
    experiment
        Names the control, the metrics and alpha.
    metrics
        Others than the declared ones.

    Returns
    -------
    pandas.DataFrame
        A row an arm and metric: ``metric``, ``arm``, ``role`` (primary, further, guardrail), the fields of
        :class:`Effect`, ``effect_plain``, ``low_plain``, ``high_plain`` without covariate, ``p_adjusted``
        and ``note`` (why there is no effect). Primary: Holm over the arms. Further metrics:
        Benjamini-Hochberg over metrics and arms. Guardrails are judged by their margin, and their p is as it
        is.
    """
    rows = []
    for metric in metrics if metrics is not None else experiment.all_metrics:
        if metric.kind == "quantile":
            continue
        for arm in experiment.treatments:
            told = {"metric": metric.name, "arm": arm, "role": _role(metric, experiment)}
            rows.append(told | _row(sums, experiment, metric, arm))
    frame = pd.DataFrame(rows)
    frame["p_adjusted"] = frame["p"]
    for role, how in (("primary", "holm"), ("further", "benjamini_hochberg")):
        at = (frame["role"] == role) & frame["p"].notna()
        frame.loc[at, "p_adjusted"] = adjust(frame.loc[at, "p"].tolist(), how=how)
    return frame


def adjust(p: Sequence[float], *, how: str) -> list[float]:
    """Correct p-values for their number: ``holm`` (any false claim) or ``benjamini_hochberg`` (their share).

    Examples
    --------
    >>> adjust([0.01, 0.02, 0.5], how="holm"), adjust([0.01, 0.02, 0.5], how="benjamini_hochberg")
    ([0.03, 0.04, 0.5], [0.03, 0.03, 0.5])
    """
    if not p:
        return []
    results = Results({str(k): {"pvalue": value} for k, value in enumerate(p)})
    if how == "holm":
        found = adjust_fwer(results, arbitrary_dependence=True, method="bonferroni")
    else:
        found = adjust_fdr(results)
    adjusted = {row["metric"]: row["pvalue_adj"] for row in found.to_dicts()}
    return [float(adjusted[str(k)]) for k in range(len(p))]


def _row(sums: Mapping[str, Sums], experiment: Experiment, metric: Metric, arm: str) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(Effect.__annotations__)
    try:
        for name in (experiment.control, arm):
            if name not in sums:
                raise ValueError(f"Arm '{name}' has no customers.")
        found = compare(sums[experiment.control], sums[arm], metric, alpha=experiment.alpha)
        plain = compare(sums[experiment.control], sums[arm], metric, alpha=experiment.alpha, cuped=False)
    except ValueError as error:
        return nothing | {"note": str(error)}
    note = (
        ""
        if found.p is not None
        else f"Every customer has the same {metric.name}: there is nothing to compare."
    )
    without = {"effect_plain": plain.effect, "low_plain": plain.low, "high_plain": plain.high}
    return vars(found) | without | {"note": note}


def _role(metric: Metric, experiment: Experiment) -> str:
    if metric.name == experiment.primary.name:
        return "primary"
    guards = {guardrail.metric.name for guardrail in experiment.guardrails}
    return "guardrail" if metric.name in guards else "further"


def _has_before(both: Any, names: Mapping[str, str]) -> bool:
    """A ratio's covariate needs a denominator before the assignment."""
    return "denom_covariate" not in names or both.mean(names["denom_covariate"]) != 0


def _theta(both: Any, names: Mapping[str, str]) -> float:
    if "numer_covariate" not in names:
        return 0.0
    before = (names["numer_covariate"], names.get("denom_covariate"))
    return float(both.ratio_cov(names["numer"], names.get("denom"), *before) / both.ratio_var(*before))


def _effect(found: Any, error: float, theta: float) -> Effect:
    varies = bool(error > 0)
    relative = found.control > 0 and varies and math.isfinite(found.rel_effect_size_ci_upper)
    return Effect(
        control=float(found.control),
        treatment=float(found.treatment),
        effect=float(found.effect_size),
        low=float(found.effect_size_ci_lower if varies else found.effect_size),
        high=float(found.effect_size_ci_upper if varies else found.effect_size),
        p=float(found.pvalue) if varies else None,
        error=float(error) if varies else 0.0,
        relative=float(found.rel_effect_size) if relative else None,
        relative_low=float(found.rel_effect_size_ci_lower) if relative else None,
        relative_high=float(found.rel_effect_size_ci_upper) if relative else None,
        theta=theta,
    )
