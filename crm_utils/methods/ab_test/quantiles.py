"""How far apart are two quantiles? From counts of values, order statistics and binomial ranks.

The interval of one quantile lies between two order statistics (binomial ranks); its standard error is their
distance over 2z, and the difference of two independent quantiles is normal (Price and Bonett 2002). Where
the value at those ranks repeats (half of the customers bought nothing), there is no such interval: refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from scipy.stats import binom, norm
from statsmodels.regression.quantile_regression import hall_sheather

from crm_utils.experiments import Experiment, Metric
from crm_utils.features.statistics import z
from crm_utils.methods.ab_test.effects import COMPARED

__all__ = ["Spread", "order_statistics", "quantile_effect", "quantile_ranks", "quantile_spreads"]


@dataclass(frozen=True)
class Spread:
    """A quantile of past customers, and how much it varies: its standard error is spread / √customers."""

    now: float
    spread: float


def quantile_ranks(n: int, q: float, *, alpha: float = 0.05) -> tuple[int, int, int]:
    """Ranks (from 1) of the quantile and of its interval's two ends among n values.

    The ends' ranks l and u have P(l ≤ Binomial(n, q) < u) ≥ 1 − α. An l of 0 or a u of n + 1 is no rank: so
    far out, so few values hold no interval.

    Examples
    --------
    >>> quantile_ranks(100, 0.5)
    (50, 40, 61)
    """
    low, high = int(binom.ppf(alpha / 2, n, q)), int(binom.isf(alpha / 2, n, q)) + 1
    return max(1, math.ceil(n * q)), low, high


def order_statistics(rows: ir.Table, *, column: str, ranks: Mapping[str, tuple[int, ...]]) -> ir.Table:
    """Read the values at given ranks off the counts of each value.

    Parameters
    ----------
    rows
        A row a customer: ``arm`` and ``column``.
    ranks
        For each arm, ranks from 1; every arm has as many.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, ``at_0``, ``at_1`` …: the smallest value that at least so many customers do not exceed.
    """
    counts = rows.group_by("arm", value=rows[column]).aggregate(n=rows.count())
    up_to = ibis.window(group_by="arm", order_by="value", preceding=None, following=0)
    counts = counts.mutate(up_to=counts.n.sum().over(up_to))
    many = len(next(iter(ranks.values())))
    wanted = [
        ibis.cases(*[(counts.arm == arm, r[k]) for arm, r in ranks.items()], else_=2**62) for k in range(many)
    ]
    return counts.group_by("arm").aggregate(
        **{f"at_{k}": counts.value.min(where=counts.up_to >= rank) for k, rank in enumerate(wanted)}
    )


def quantile_effect(
    rows: ir.Table, metric: Metric, experiment: Experiment, sizes: Mapping[str, int]
) -> pd.DataFrame:
    """Compare a quantile of every treatment with the control's.

    Parameters
    ----------
    rows
        A row a customer: ``arm`` and the metric's outcome.
    metric
        Of kind ``quantile``.
    experiment
        Names the control and alpha.
    sizes
        Customers of each arm.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``arm``, ``control``, ``treatment``, ``effect``, ``low``, ``high``, ``p``, ``error``,
        ``status``: where the quantile lies in a mass of equal values (``equal_values``), or an arm has too
        few customers for an interval there (``too_few``), the effect is empty.
    """
    q = float(metric.q or 0.5)
    ranks = {
        a: quantile_ranks(sizes[a], q) for a in (experiment.control, *experiment.treatments) if sizes.get(a)
    }
    ranks = {arm: r for arm, r in ranks.items() if r[1] >= 1 and r[2] <= sizes[arm]}
    table = order_statistics(rows, column=metric.of, ranks=ranks) if ranks else None
    by_arm = {} if table is None else {r["arm"]: r for r in table.to_pyarrow().to_pylist()}
    return pd.DataFrame([_difference(metric, experiment, by_arm, arm) for arm in experiment.treatments])


def quantile_spreads(rows: ir.Table, metrics: Sequence[Metric], *, customers: int) -> dict[str, Spread]:
    """How much quantiles vary among past customers, to size a test of them.

    Parameters
    ----------
    rows
        A row a customer, from :func:`.outcomes.customer_outcomes`.
    metrics
        Others than quantiles are passed over.
    customers
        How many rows there are.

    Returns
    -------
    dict
        A :class:`Spread` for each quantile; none for one that lies in a mass of equal values, or beyond the
        ranks of so few customers.

    Notes
    -----
    √(q (1 − q)) s, where s = 1 / f(x_q) is the slope of the quantiles there: their difference from q − h to
    q + h over 2h, with the bandwidth h of Hall and Sheather (JRSS B 50, 1988). The interval of
    one quantile would do as well, with more noise: fewer customers lie between its ends.
    """
    spreads = {}
    for metric in metrics:
        if metric.kind != "quantile":
            continue
        q = float(metric.q or 0.5)
        h = float(hall_sheather(customers, q)) if customers else 1.0
        ranks = tuple(math.ceil(customers * share) for share in (q, q - h, q + h))
        if ranks[1] < 1 or ranks[2] > customers:
            continue
        everyone = rows.mutate(arm=ibis.literal("everyone"))
        table = order_statistics(everyone, column=metric.of, ranks={"everyone": ranks})
        row = table.to_pyarrow().to_pylist()[0]
        now, low, high = (float(row[f"at_{k}"]) for k in range(3))
        if low < now < high:
            spreads[metric.name] = Spread(now, math.sqrt(q * (1 - q)) * (high - low) / (2 * h))
    return spreads


def _difference(
    metric: Metric, experiment: Experiment, by_arm: Mapping[str, Any], arm: str
) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": metric.name, "arm": arm}
    row |= dict.fromkeys(["control", "treatment", "effect", "low", "high", "p", "error"])
    for name in (experiment.control, arm):
        if name not in by_arm:
            return row | {"status": "too_few"}
        _, low, high = (float(by_arm[name][f"at_{k}"]) for k in range(3))
        if low == high:
            return row | {"status": "equal_values"}
    one, other = by_arm[experiment.control], by_arm[arm]
    errors = [(float(r["at_2"]) - float(r["at_1"])) / (2 * z()) for r in (one, other)]
    error, effect = math.hypot(*errors), float(other["at_0"]) - float(one["at_0"])
    half = norm.ppf(1 - experiment.alpha / 2) * error
    return row | {
        "control": float(one["at_0"]), "treatment": float(other["at_0"]), "effect": effect, "low": effect -
        half, "high": effect + half, "p": float(2 * norm.sf(abs(effect) / error)), "error": error,
        "status": COMPARED,
    }  # fmt: skip
