"""How many answers of which score are there, and what do they say? NPS, CSAT and stars with their intervals.

The interval of the NPS is the adjusted Wald of B. Rocks, Interval estimation for the net promoter score, *The
American Statistician* 70(4), 2016: three answers are added, three quarters of one promoter and of one
detractor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import norm, t

from crm_utils.errors import DataError
from crm_utils.features.low_scores import DETRACTORS, SCALES, is_low
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z

__all__ = [
    "Difference", "Score", "compare_nps", "known_answers", "measure_scores", "nps",
    "off_scale", "score_counts",
]  # fmt: skip

PROMOTERS, SATISFIED = 9, 4
"""From this score on: of the NPS, and of scales that end at five."""
_ADDED = 0.75  # promoters and as many detractors; twice as many passives (Rocks 2016)


@dataclass(frozen=True)
class Score:
    """A score with its interval: NPS in points from −100 to 100, CSAT a share, stars a mean.

    Attributes
    ----------
    value, low, high
        The score and the ends of its interval.
    answers
        How many gave one: the denominator.
    effective
        How many independent answers they are worth.
    """

    value: float
    low: float
    high: float
    answers: int
    effective: float


@dataclass(frozen=True)
class Difference:
    """One score less another, with its interval and the p-value of the test that they are the same."""

    value: float
    low: float
    high: float
    p: float


def nps(counts: Mapping[int, float], *, level: float = LEVEL, effective: float | None = None) -> Score:
    """Net promoter score: the share of 9 and 10 less the share of 0 to 6, in points.

    Parameters
    ----------
    counts
        Answers by score, 0 to 10; weighted ones where they have weights.
    level
        Of the interval.
    effective
        How many independent answers they are worth, where one customer gave several or answers have weights;
        their sum by default.

    Returns
    -------
    Score
        From −100 to 100.

    Raises
    ------
    DataError
        A score is outside 0 to 10.

    Notes
    -----
    With p = (promoters + ¾)/(n + 3) and d = (detractors + ¾)/(n + 3) the interval is
    p − d ± z √((p + d − (p − d)²)/(n + 3)), clipped to ±1. Independent answers are assumed.

    Examples
    --------
    >>> score = nps({10: 50, 8: 30, 3: 20})
    >>> score.value, round(score.low), round(score.high)
    (30.0, 14, 44)
    """
    _check("nps", counts)
    promoters = float(sum(n for score, n in counts.items() if score >= PROMOTERS))
    detractors = float(sum(n for score, n in counts.items() if score <= DETRACTORS))
    total = float(sum(counts.values()))
    if not total:
        return Score(math.nan, math.nan, math.nan, 0, 0.0)
    worth = total if effective is None else effective
    middle, error = _adjusted(promoters / total, detractors / total, worth)
    reach, value = z(level) * error, (promoters - detractors) / total
    low, high = max(middle - reach, -1.0), min(middle + reach, 1.0)
    return Score(100 * value, 100 * min(low, value), 100 * max(high, value), round(total), worth)


def compare_nps(
    after: Mapping[int, float], before: Mapping[int, float], *, level: float = LEVEL,
    effective: tuple[float, float] | None = None,
) -> Difference:  # fmt: skip
    """Test whether the NPS changed from one group or period to another.

    Parameters
    ----------
    after, before
        Answers by score of both, of different customers.
    level
        Of the interval.
    effective
        How many independent answers each are worth; their sums by default.

    Returns
    -------
    Difference
        In points: after less before. The interval and the test use the adjusted variances of :func:`nps`.
    """
    middles, variances, values = [], [], []
    for counts, worth in zip((after, before), effective or (None, None), strict=True):
        score = nps(counts, level=level, effective=worth)
        total = sum(counts.values())
        shares = [
            sum(n for s, n in counts.items() if s >= PROMOTERS) / total if total else math.nan,
            sum(n for s, n in counts.items() if s <= DETRACTORS) / total if total else math.nan,
        ]
        middle, error = _adjusted(shares[0], shares[1], score.effective)
        middles.append(middle)
        variances.append(error**2)
        values.append(score.value / 100)
    change, error = middles[0] - middles[1], math.sqrt(sum(variances))
    value, reach = values[0] - values[1], z(level) * error
    ends = min(change - reach, value), max(change + reach, value)
    return Difference(
        100 * value, 100 * ends[0], 100 * ends[1], 2 * float(norm.sf(abs(change) / error)) if error else 1.0
    )


def known_answers(feedback: ir.Table) -> ir.Table:
    """Answers with a score on the scale of their kind, and who gave each: ``person``, ``low``.

    An answer without a customer counts as a person of its own: nobody can tell whether two are one's.
    """
    t_ = feedback
    on_scale = ibis.or_(
        *[(t_.kind == kind) & t_.score.between(low, high) for kind, (low, high) in SCALES.items()]
    )
    known = t_.filter(on_scale.fill_null(False))
    return known.mutate(
        person=ibis.coalesce("c" + known.customer_id, "f" + known.feedback_id),
        low=is_low(known).cast("int64"),
    )


def score_counts(feedback: ir.Table, by: Sequence[str] = ()) -> ir.Table:
    """Count answers by kind and score, a group each, in the engine.

    Parameters
    ----------
    feedback
        ``feedback_id``, ``customer_id``, ``kind``, ``score`` and the columns of ``by``.
    by
        Columns that make groups; an empty value is a group of its own, "".

    Returns
    -------
    ibis.expr.types.Table
        The columns of ``by``, ``kind``, ``score``, ``answers``; and, the same in every row of a group and
        kind, ``customers`` and three sums over customers of their answers n and the sum s of what these
        count for (a promoter 1 and a detractor −1; satisfied 1; stars): ``nn`` of n², ``sn`` of s·n, ``ss``
        of s².
    """
    rows = known_answers(feedback)
    rows = rows.mutate(**{name: rows[name].cast("string").fill_null("") for name in by})
    is_nps, score = rows.kind == "nps", rows.score
    net = (score >= PROMOTERS).cast("int64") - (score <= DETRACTORS).cast("int64")
    stars = (rows.kind == "review").ifelse(score, (score >= SATISFIED).cast("int64"))
    rows = rows.mutate(counts_for=is_nps.ifelse(net, stars))
    each = rows.group_by([*by, "kind", "person"]).aggregate(n=rows.count(), s=rows.counts_for.sum())
    groups = each.group_by([*by, "kind"]).aggregate(
        customers=each.count(),
        nn=(each.n * each.n).sum().cast("int64"),
        sn=(each.s * each.n).sum().cast("int64"),
        ss=(each.s * each.s).sum().cast("int64"),
    )
    counts = rows.group_by([*by, "kind", "score"]).aggregate(answers=rows.count())
    keys = [*by, "kind"]
    return counts.inner_join(groups, keys).select(*keys, "score", "answers", "customers", "nn", "sn", "ss")


def off_scale(feedback: ir.Table) -> pd.DataFrame:
    """Count scores outside their kind's scale, which are left out: ``kind``, ``score``, ``answers``."""
    scored = feedback.filter(feedback.score.notnull(), feedback.kind.isin(list(SCALES)))
    counts = scored.group_by(["kind", "score"]).aggregate(answers=scored.count()).order_by("kind", "score")
    rows: pd.DataFrame = counts.to_pandas()
    ends = rows["kind"].map(SCALES)
    outside = [not low <= score <= high for score, (low, high) in zip(rows["score"], ends, strict=True)]
    return rows[np.array(outside, dtype=bool)].reset_index(drop=True)


def measure_scores(
    counts: pd.DataFrame, by: Sequence[str] = (), *, level: float = LEVEL, least: int = SMALLEST_GROUP
) -> pd.DataFrame:
    """Turn counts into scores with intervals, a row a group and kind; small groups are left out.

    Parameters
    ----------
    counts
        As :func:`score_counts` gives them.
    by
        The columns that make groups.
    level
        Of the intervals.
    least
        Customers: a smaller group has no row.

    Returns
    -------
    pandas.DataFrame
        ``by``, ``kind``, ``value``, ``low``, ``high``, ``answers``, ``customers``, ``effective``, ``spread``
        (standard deviation of one answer). NPS in points, CSAT the share of 4 and 5, review the mean of
        stars.

    Notes
    -----
    Who answers often answers alike: the variance is that of sums over customers, as a design effect
    Σ(s − m n)² / Σ(x − m)² of at least 1 (Kish, *Survey Sampling*, 1965). CSAT has Agresti and Coull's
    interval.
    """
    rows = []
    # In one order: a sum of floats depends on it in its last digit.
    for key, group in counts.sort_values([*by, "kind", "score"]).groupby([*by, "kind"], sort=True):
        customers = int(group["customers"].iloc[0])
        if customers >= least:
            names = dict(zip([*by, "kind"], key, strict=True))
            rows.append(names | _measured(str(key[-1]), group, level) | {"customers": customers})
    columns = [*by, "kind", "value", "low", "high", "answers", "customers", "effective", "spread"]
    return pd.DataFrame(rows, columns=columns)


def scores_by(answers: ir.Table, groups: Sequence[str], *, level: float = LEVEL) -> pd.DataFrame:
    """Scores of all and of each group of several kinds of groups, one below the other.

    Parameters
    ----------
    answers
        As ``with_groups`` gives them.
    groups
        Columns of groups; one of which nothing is known has no rows.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``by`` (empty for all), ``group``, and the columns of :func:`measure_scores`.
    """
    parts = [measure_scores(score_counts(answers).to_pandas(), level=level).assign(by="", group="")]
    for name in groups:
        rows = measure_scores(score_counts(answers, [name]).to_pandas(), [name], level=level)
        if (rows[name] != "").any():
            parts.append(rows.assign(by=name, group=rows[name]).drop(columns=name))
    result = pd.concat(parts, ignore_index=True)
    return result[["by", "group", *[c for c in result.columns if c not in ("by", "group")]]]


def _measured(kind: str, group: pd.DataFrame, level: float) -> dict[str, float]:
    score, n = group["score"].to_numpy(dtype=float), group["answers"].to_numpy(dtype=float)
    if kind == "nps":
        x = (score >= PROMOTERS).astype(float) - (score <= DETRACTORS)
    else:
        x = score if kind == "review" else (score >= SATISFIED).astype(float)
    total = float(n.sum())
    mean = float((n * x).sum() / total)
    around = float((n * (x - mean) ** 2).sum())
    nn, sn, ss = (float(group[name].iloc[0]) for name in ("nn", "sn", "ss"))
    effect = max(1.0, (ss - 2 * mean * sn + mean**2 * nn) / around) if around > 0 else max(1.0, nn / total)
    worth, spread = total / effect, math.sqrt(around / total)
    if kind == "nps":
        result = nps(dict(zip(score.astype(int), n, strict=True)), level=level, effective=worth)
        value, low, high, spread = result.value, result.low, result.high, 100 * spread
    elif kind == "csat":
        value, (low, high) = mean, _agresti_coull(mean, worth, level)
    else:
        error = math.sqrt(around / max(total - 1, 1)) / math.sqrt(worth)
        reach = float(t.ppf((1 + level) / 2, max(worth - 1, 1))) * error
        value, low, high = mean, max(mean - reach, 1.0), min(mean + reach, 5.0)
    return {
        "value": value, "low": low, "high": high, "answers": int(total), "effective": worth, "spread": spread,
    }  # fmt: skip


def _adjusted(promoters: float, detractors: float, n: float) -> tuple[float, float]:
    """Middle and standard error of the adjusted Wald interval, from shares."""
    p, d = ((share * n + _ADDED) / (n + 4 * _ADDED) for share in (promoters, detractors))
    return p - d, math.sqrt(max(p + d - (p - d) ** 2, 0.0) / (n + 4 * _ADDED))


def _agresti_coull(share: float, n: float, level: float) -> tuple[float, float]:
    square = z(level) ** 2
    middle = (share * n + square / 2) / (n + square)
    reach = z(level) * math.sqrt(middle * (1 - middle) / (n + square))
    return max(min(middle - reach, share), 0.0), min(max(middle + reach, share), 1.0)


def _check(kind: str, counts: Mapping[int, float]) -> None:
    low, high = SCALES[kind]
    for score, n in counts.items():
        if n and not low <= score <= high:
            raise DataError(f"Score {score:g} in {n:g} rows of kind {kind}: {low} to {high}.")
