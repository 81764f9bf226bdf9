"""How many customers, for how long, to find an effect of what size? From the shop's own variance.

Conversions by the pooled two-proportion formula (Fleiss, *Statistical Methods for Rates and Proportions*),
means and ratios by tea-tasting, with the covariate's help; quantiles by the spread of order statistics.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail
from tea_tasting.metrics import RatioOfMeans

from crm_utils.ab_test.moments import Sums, variable_names
from crm_utils.ab_test.quantiles import Spread
from crm_utils.experiments import Metric

__all__ = ["as_if_assigned", "customers_an_arm", "enrolment", "sizes", "smallest_effects"]

POWER = 0.8


def as_if_assigned(orders: ir.Table, *, on: dt.date, active_days: int) -> ir.Table:
    """Take past customers as if an experiment had begun on a day: their variance sizes the next one.

    Parameters
    ----------
    orders
        ``customer_id``, ``ordered_at``, a row an order.
    on
        The day at whose beginning everybody is assigned.
    active_days
        Customers with an order in so many days before are taken.

    Returns
    -------
    ibis.expr.types.Table
        ``experiment_id`` (``past``), ``customer_id``, ``arm`` (``everyone``), ``assigned_at``.
    """
    start = dt.datetime.combine(on, dt.time())
    near = orders.filter(
        orders.customer_id.notnull(),
        orders.ordered_at < start,
        orders.ordered_at >= start - dt.timedelta(days=active_days),
    )
    known = near.select("customer_id").distinct()
    return known.mutate(
        experiment_id=ibis.literal("past"), arm=ibis.literal("everyone"),
        assigned_at=ibis.literal(start, type="timestamp(6)"),
    )  # fmt: skip


def enrolment(orders: ir.Table, *, as_of: dt.date, weeks: int = 26) -> ir.Table:
    """Count who came for the first time in each of the last weeks: how fast an experiment fills.

    Returns
    -------
    ibis.expr.types.Table
        ``week`` (1 is the first of the weeks up to ``as_of``), ``customers`` whose first order in these weeks
        lies in it.
    """
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    start = end - dt.timedelta(days=7 * weeks)
    near = orders.filter(orders.customer_id.notnull(), orders.ordered_at >= start, orders.ordered_at < end)
    first = near.group_by("customer_id").aggregate(day=near.ordered_at.cast("date").min())
    passed = first.day.delta(ibis.date(start.year, start.month, start.day), unit="day").cast("int64")
    return first.group_by(week=(passed // 7 + 1).cast("int64")).aggregate(customers=first.count())


def customers_an_arm(control: float, treatment: float, *, power: float = POWER, alpha: float = 0.05) -> float:
    """How many customers each of two arms needs to tell two conversion rates apart (pooled, two-sided).

    Examples
    --------
    >>> round(customers_an_arm(0.20, 0.25), 2)
    1093.74
    """
    return float(samplesize_proportions_2indep_onetail(treatment - control, control, power, alpha=alpha))


def sizes(
    sums: Sums,
    metrics: Sequence[Metric],
    *,
    lifts: Sequence[float] = (0.02, 0.05, 0.1, 0.2),
    power: float = POWER,
    alpha: float = 0.05,
    arriving: pd.DataFrame | None = None,
    horizon_days: int = 0,
    spreads: Mapping[str, Spread] | None = None,
) -> pd.DataFrame:
    """Customers and weeks that a test of two equal arms needs, for several relative effects.

    Parameters
    ----------
    sums
        Sums over past customers as if assigned.
    metrics
        What is to be sized; a quantile only where ``spreads`` has it.
    lifts
        Effects as shares of the metric's present value.
    power, alpha
        Chance to find the effect; two-sided error rate.
    arriving
        From :func:`enrolment` as a frame: for the weeks until enough customers came.
    horizon_days
        Added to the weeks, as the last customer's horizon has to pass.
    spreads
        From :func:`~crm_utils.ab_test.quantiles.quantile_spreads`. A quantile has no covariate, so its two
        numbers of customers are one.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``now`` (present value), ``lift``, ``effect``, ``customers`` (both arms),
        ``customers_plain`` (without covariate), ``weeks`` (None where not enough customers come in the weeks
        of ``arriving``).
    """
    rows, spreads = [], spreads or {}
    for metric in _sized(metrics, spreads):
        now = _value(sums, metric, spreads)
        for lift in lifts:
            if not now or (metric.kind == "conversion" and now * (1 + lift) >= 1):
                continue  # a rate has no room above 1
            rows.append({
                "metric": metric.name, "now": now, "lift": lift, "effect": lift * now,
                "customers": _customers(sums, metric, lift, power, alpha, spreads, cuped=True),
                "customers_plain": _customers(sums, metric, lift, power, alpha, spreads, cuped=False),
            })  # fmt: skip
    frame = pd.DataFrame(rows, columns=["metric", "now", "lift", "effect", "customers", "customers_plain"])
    weeks = [_weeks(n, arriving, horizon_days) for n in frame["customers"]]
    return frame.assign(weeks=pd.array(weeks, dtype="Int64"))


def smallest_effects(
    sums: Sums,
    metrics: Sequence[Metric],
    *,
    customers: int,
    power: float = POWER,
    alpha: float = 0.05,
    spreads: Mapping[str, Spread] | None = None,
) -> pd.DataFrame:
    """The smallest effect that a test of two equal arms with so many customers finds.

    Parameters
    ----------
    sums, metrics, power, alpha, spreads
        As for :func:`sizes`.
    customers
        Both arms together.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``now``, ``effect``, ``relative``, and ``effect_plain`` without covariate.
    """
    rows, spreads = [], spreads or {}
    for metric in _sized(metrics, spreads):
        now = _value(sums, metric, spreads)
        if not now:
            continue
        if metric.kind == "quantile":
            found = 2 * [spreads[metric.name].spread * _reach(power, alpha) / math.sqrt(customers)]
        else:
            found = [
                _solved(
                    sums, metric, "effect_size", power=power, alpha=alpha, n_obs=customers, cuped=cuped
                ).effect_size
                for cuped in (True, False)
            ]
        rows.append({"metric": metric.name, "now": now, "effect": found[0], "relative": found[0] / now,
                     "effect_plain": found[1]})  # fmt: skip
    return pd.DataFrame(rows, columns=["metric", "now", "effect", "relative", "effect_plain"])


def _sized(metrics: Sequence[Metric], spreads: Mapping[str, Spread]) -> list[Metric]:
    return [metric for metric in metrics if metric.kind != "quantile" or metric.name in spreads]


def _reach(power: float, alpha: float) -> float:
    """√N times the effect that N customers in two equal arms find, for a spread of 1.

    2 (z_(1 − α/2) + z_power): an arm's error is its spread over √(N/2), the difference's √2 times that.
    """
    return float(2 * (norm.ppf(1 - alpha / 2) + norm.ppf(power)))


def _value(sums: Sums, metric: Metric, spreads: Mapping[str, Spread]) -> float:
    if metric.kind == "quantile":
        return spreads[metric.name].now
    names = variable_names(metric, sums.totals)
    over = sums.totals[names["denom"]] if metric.per else sums.n
    return float(sums.totals[names["numer"]] / over) if over else 0.0


def _customers(
    sums: Sums, metric: Metric, lift: float, power: float, alpha: float, spreads: Mapping[str, Spread], *,
    cuped: bool,
) -> int:  # fmt: skip
    """Both arms together; a conversion's rate changes its variance, a mean's is taken as it is."""
    now = _value(sums, metric, spreads)
    if metric.kind == "quantile":
        return math.ceil((spreads[metric.name].spread * _reach(power, alpha) / (lift * now)) ** 2)
    if metric.kind != "conversion":
        found = _solved(sums, metric, "n_obs", power=power, alpha=alpha, lift=lift, cuped=cuped)
        return int(found.n_obs)
    plain = 2 * customers_an_arm(now, now * (1 + lift), power=power, alpha=alpha)
    return math.ceil(plain * (_kept(sums, metric) if cuped else 1.0))


def _kept(sums: Sums, metric: Metric) -> float:
    """The share of the variance that the covariate leaves: 1 − r²."""
    names = variable_names(metric, sums.totals)
    found = sums.aggregates()
    if "numer_covariate" not in names or not found.var(names["numer_covariate"]):
        return 1.0
    y, x = names["numer"], names["numer_covariate"]
    return float(1 - found.cov(y, x) ** 2 / (found.var(y) * found.var(x)))


def _solved(
    sums: Sums, metric: Metric, what: str, *, power: float, alpha: float, cuped: bool,
    lift: float | None = None, n_obs: int | None = None,
) -> Any:  # fmt: skip
    names = variable_names(metric, sums.totals)
    if not cuped:
        names = {part: name for part, name in names.items() if "covariate" not in part}
    # Normal: at such sizes t is no other, and its non-central form has no value in SciPy for a large shift.
    test = RatioOfMeans(**names, power=power, alpha=alpha, rel_effect_size=lift, n_obs=n_obs, use_t=False)
    return test.solve_power_from_aggregates(sums.aggregates(), what)[0]


def _weeks(customers: int, arriving: pd.DataFrame | None, horizon_days: int) -> int | None:
    if arriving is None:
        return None
    by_week = arriving.sort_values("week")
    enough = by_week["week"][by_week["customers"].cumsum() >= customers]
    if enough.empty:
        return None
    # From the first week in which anybody came: data may begin later than the weeks that were looked at.
    return int(enough.iloc[0]) - int(by_week["week"].iloc[0]) + 1 + math.ceil(horizon_days / 7)
