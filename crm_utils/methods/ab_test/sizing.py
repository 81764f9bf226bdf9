"""How many customers, for how long, to find an effect of what size? From the shop's own variance.

Conversions by the pooled two-proportion formula (Fleiss, *Statistical Methods for Rates and Proportions*),
means and ratios by their variance after the covariate, quantiles by the spread of order statistics. What does
not vary has no sample size, and no row.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from crm_utils.experiments import Metric
from crm_utils.features import is_purchase
from crm_utils.features.statistics import LEVEL, POWER, customers_an_arm, smallest_effect
from crm_utils.methods.ab_test.moments import Sums, variable_names
from crm_utils.methods.ab_test.quantiles import Spread

__all__ = ["as_if_assigned", "customers_for_rates", "enrolment", "sizes", "smallest_effects", "unvaried"]


def as_if_assigned(orders: ir.Table, *, on: dt.date, active_days: int) -> ir.Table:
    """Take past customers as if an experiment had begun on a day: their variance sizes the next one.

    Parameters
    ----------
    orders
        ``customer_id``, ``ordered_at``, ``amount``, a row an order; where it is known, ``kept``.
    on
        The day at whose beginning everybody is assigned.
    active_days
        Customers with a purchase in so many days before are taken.

    Returns
    -------
    ibis.expr.types.Table
        ``experiment_id`` (``past``), ``customer_id``, ``arm`` (``everyone``), ``assigned_at``.
    """
    start = dt.datetime.combine(on, dt.time())
    near = orders.filter(
        orders.customer_id.notnull(),
        is_purchase(orders),
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
    near = orders.filter(orders.customer_id.notnull(), is_purchase(orders))
    near = near.filter(near.ordered_at >= start, near.ordered_at < end)
    first = near.group_by("customer_id").aggregate(day=near.ordered_at.cast("date").min())
    passed = first.day.delta(ibis.date(start.year, start.month, start.day), unit="day").cast("int64")
    return first.group_by(week=(passed // 7 + 1).cast("int64")).aggregate(customers=first.count())


def customers_for_rates(
    control: float, treatment: float, *, power: float = POWER, alpha: float = 1 - LEVEL
) -> float:
    """How many customers each of two arms needs to tell two conversion rates apart (pooled, two-sided).

    Examples
    --------
    >>> round(customers_for_rates(0.20, 0.25), 2)
    1093.74
    """
    return float(samplesize_proportions_2indep_onetail(treatment - control, control, power, alpha=alpha))


def sizes(
    sums: Sums,
    metrics: Sequence[Metric],
    *,
    lifts: Sequence[float] = (0.02, 0.05, 0.1, 0.2),
    power: float = POWER,
    alpha: float = 1 - LEVEL,
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
        From :func:`.quantiles.quantile_spreads`. A quantile has no covariate, so its two
        numbers of customers are one.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``now`` (present value), ``lift``, ``effect``, ``customers`` (both arms),
        ``customers_plain`` (without covariate), ``weeks`` (None where not enough customers come in the weeks
        of ``arriving``).
    """
    rows, spreads = [], spreads or {}
    for metric in _sized(sums, metrics, spreads):
        now = _value(sums, metric, spreads)
        for lift in lifts:
            if metric.kind == "conversion" and now * (1 + lift) >= 1:
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
    alpha: float = 1 - LEVEL,
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
        ``metric``, ``now``, ``effect``, ``relative``, and ``effect_plain`` without covariate. ``effect`` and
        ``relative`` are missing where not even a doubling would be seen, or where a rate has no room for it.
    """
    rows, spreads = [], spreads or {}
    for metric in _sized(sums, metrics, spreads):
        now = _value(sums, metric, spreads)
        effect, plain = (
            smallest_effect(
                customers / 2, _variance(sums, metric, spreads, cuped=cuped), power=power, level=1 - alpha
            )
            for cuped in (True, False)
        )
        seen = effect <= now and (metric.kind != "conversion" or now + effect < 1)
        rows.append({
            "metric": metric.name, "now": now, "effect": effect if seen else math.nan,
            "relative": effect / now if seen else math.nan, "effect_plain": plain if seen else math.nan,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["metric", "now", "effect", "relative", "effect_plain"])


def unvaried(
    sums: Sums, metrics: Sequence[Metric], *, spreads: Mapping[str, Spread] | None = None
) -> list[str]:
    """Metrics that no test can be planned with: nothing, or the same value, for every customer.

    A quantile without a :class:`.quantiles.Spread` is one too: it lies in a mass of equal values.
    """
    sized = {metric.name for metric in _sized(sums, metrics, spreads or {})}
    return [metric.name for metric in metrics if metric.name not in sized]


def _sized(sums: Sums, metrics: Sequence[Metric], spreads: Mapping[str, Spread]) -> list[Metric]:
    return [
        metric
        for metric in metrics
        if (metric.kind != "quantile" or metric.name in spreads)
        and _value(sums, metric, spreads) > 0
        and _variance(sums, metric, spreads, cuped=False) > 0
    ]


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
    variance = _variance(sums, metric, spreads, cuped=cuped)
    if metric.kind != "conversion":
        return math.ceil(2 * customers_an_arm(lift * now, variance, power=power, level=1 - alpha))
    plain = 2 * customers_for_rates(now, now * (1 + lift), power=power, alpha=alpha)
    return math.ceil(plain * variance / _variance(sums, metric, spreads, cuped=False))


def _variance(sums: Sums, metric: Metric, spreads: Mapping[str, Spread], *, cuped: bool) -> float:
    """Of a customer's value; a ratio's by the delta method; less what the covariate explains (1 − r²)."""
    if metric.kind == "quantile":
        return spreads[metric.name].spread ** 2
    names, aggregates = variable_names(metric, sums.totals), sums.aggregates()
    one = (names["numer"], names.get("denom"))
    before = (names.get("numer_covariate"), names.get("denom_covariate"))
    whole = float(aggregates.ratio_var(*one))
    if not cuped or before[0] is None or (before[1] is not None and not aggregates.mean(before[1])):
        return _clean(whole, _value(sums, metric, spreads))
    spread = float(aggregates.ratio_var(*before))
    left = whole - float(aggregates.ratio_cov(*one, *before)) ** 2 / spread if spread > 0 else whole
    return _clean(left, _value(sums, metric, spreads))


def _clean(variance: float, now: float) -> float:
    """Rounding leaves some 1e-16 of what does not vary."""
    return variance if variance > 1e-12 * now**2 else 0.0


def _weeks(customers: int, arriving: pd.DataFrame | None, horizon_days: int) -> int | None:
    if arriving is None:
        return None
    by_week = arriving.sort_values("week")
    enough = by_week["week"][by_week["customers"].cumsum() >= customers]
    if enough.empty:
        return None
    # From the first week in which anybody came: data may begin later than the weeks that were looked at.
    return int(enough.iloc[0]) - int(by_week["week"].iloc[0]) + 1 + math.ceil(horizon_days / 7)
