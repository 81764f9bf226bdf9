"""How large is the effect on each metric, with what uncertainty? Welch, CUPED and the delta method on sums.

Tests, intervals and p-values are tea-tasting's, on :class:`.moments.Sums` made by the
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
from tea_tasting.experiment import ExperimentResult as Results
from tea_tasting.metrics import RatioOfMeans
from tea_tasting.multiplicity import adjust_fdr, adjust_fwer

from crm_utils.experiments import Experiment, Metric
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z
from crm_utils.methods.ab_test.moments import Sums, variable_names

__all__ = ["COMPARED", "Effect", "adjust", "compare", "effects"]

COMPARED = "compared"
"""The ``status`` of an effect that has a value. Others say why it has none: ``nobody`` (an arm is empty),
``too_few`` (fewer than :data:`~crm_utils.features.statistics.SMALLEST_GROUP` in an arm), ``no_denominator``
(a ratio divides by nothing), ``constant`` (everybody has the same value), ``equal_values`` (a quantile lies
in a mass of equal values) and ``void`` (the sample ratio stopped the experiment)."""


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
        The effect as a share of the control; None unless both arms are clearly above 0: a mean whose own
        interval reaches 0 gives a ratio without bounds (Fieller 1954).
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
        analysis = _analyzed(one, other, names, level=1 - alpha)
        plain = _analyzed(one, other, names, level=LEVEL, use_t=False)
    error = (plain.effect_size_ci_upper - plain.effect_size_ci_lower) / 2 / z()
    clear = all(_above_zero(arm, names, alpha) for arm in (one, other))
    return _effect(analysis, error, _theta(both, names), clear=clear)


def effects(
    sums: Mapping[str, Sums], experiment: Experiment, *, metrics: Sequence[Metric] | None = None
) -> pd.DataFrame:
    """Compare every treatment with the control on every metric, corrected for how many there are.

    Parameters
    ----------
    sums
        For each arm, what :func:`.moments.read_sums` gave.
    experiment
        Names the control, the metrics and alpha.
    metrics
        Others than the declared ones.

    Returns
    -------
    pandas.DataFrame
        A row an arm and metric: ``metric``, ``arm``, ``role`` (primary, further, guardrail), the fields of
        :class:`Effect`, ``effect_plain``, ``low_plain``, ``high_plain`` without covariate, ``p_adjusted``
        and ``status`` (:data:`COMPARED`, or why there is no effect). Primary: Holm over the arms. Further
        metrics: Benjamini-Hochberg over metrics and arms. Guardrails are judged by their margin, and their p
        is as it is.
    """
    rows = []
    for metric in metrics if metrics is not None else experiment.all_metrics:
        if metric.kind == "quantile":
            continue
        for arm in experiment.treatments:
            named = {"metric": metric.name, "arm": arm, "role": _role(metric, experiment)}
            rows.append(named | _row(sums, experiment, metric, arm))
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
        corrected = adjust_fwer(results, arbitrary_dependence=True, method="bonferroni")
    else:
        corrected = adjust_fdr(results)
    adjusted = {row["metric"]: row["pvalue_adj"] for row in corrected.to_dicts()}
    return [float(adjusted[str(k)]) for k in range(len(p))]


def _analyzed(one: Any, other: Any, names: Mapping[str, str], *, level: float, **options: Any) -> Any:
    """tea-tasting's two-sided test; where its relative interval is too wide for a float, without that."""
    try:
        return RatioOfMeans(**names, confidence_level=level, **options).analyze_aggregates(one, other)
    except OverflowError:  # one-sided, the relative interval's exponential cannot overflow
        half = RatioOfMeans(**names, confidence_level=(1 + level) / 2, alternative="greater", **options)
        one_sided = half.analyze_aggregates(one, other)
        return one_sided._replace(
            effect_size_ci_upper=2 * one_sided.effect_size - one_sided.effect_size_ci_lower,
            pvalue=2 * min(one_sided.pvalue, 1 - one_sided.pvalue),
        )


def _row(sums: Mapping[str, Sums], experiment: Experiment, metric: Metric, arm: str) -> dict[str, Any]:
    names = [*Effect.__annotations__, "effect_plain", "low_plain", "high_plain"]
    nothing: dict[str, Any] = dict.fromkeys(names)
    one, other = sums.get(experiment.control), sums.get(arm)
    if one is None or other is None or not min(one.n, other.n):
        return nothing | {"status": "nobody"}
    if min(one.n, other.n) < SMALLEST_GROUP:
        return nothing | {"status": "too_few"}
    if metric.per and not (one.totals[metric.per] and other.totals[metric.per]):
        return nothing | {"status": "no_denominator"}
    effect = compare(one, other, metric, alpha=experiment.alpha)
    plain = compare(one, other, metric, alpha=experiment.alpha, cuped=False)
    without = {"effect_plain": plain.effect, "low_plain": plain.low, "high_plain": plain.high}
    return vars(effect) | without | {"status": "constant" if effect.p is None else COMPARED}


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


def _above_zero(arm: Any, names: Mapping[str, str], alpha: float) -> bool:
    """Whether an arm's own interval lies above 0; without the covariate, as the arm stands there."""
    arm = arm.with_zero_div()
    value = arm.mean(names["numer"]) / arm.mean(names.get("denom"))
    error = math.sqrt(max(arm.ratio_var(names["numer"], names.get("denom")), 0.0) / arm.count())
    return bool(value > z(1 - alpha) * error)


def _effect(analysis: Any, error: float, theta: float, *, clear: bool) -> Effect:
    varies = bool(error > 0)
    ends = [analysis.rel_effect_size, analysis.rel_effect_size_ci_lower, analysis.rel_effect_size_ci_upper]
    relative = varies and clear and analysis.control > 0 and all(map(math.isfinite, ends))
    return Effect(
        control=float(analysis.control),
        treatment=float(analysis.treatment),
        effect=float(analysis.effect_size),
        low=float(analysis.effect_size_ci_lower if varies else analysis.effect_size),
        high=float(analysis.effect_size_ci_upper if varies else analysis.effect_size),
        p=float(analysis.pvalue) if varies else None,
        error=float(error) if varies else 0.0,
        relative=float(analysis.rel_effect_size) if relative else None,
        relative_low=float(analysis.rel_effect_size_ci_lower) if relative else None,
        relative_high=float(analysis.rel_effect_size_ci_upper) if relative else None,
        theta=theta,
    )
