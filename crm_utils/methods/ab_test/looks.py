"""What did each planned look say, and might the test have stopped there? z against its bound.

Information is counted in customers whose horizon is complete: their outcomes are final, so looks differ by
independent customers, which the bounds need.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.experiments import Experiment
from crm_utils.methods.ab_test.effects import compare
from crm_utils.methods.ab_test.group_sequential import spending_bounds
from crm_utils.methods.ab_test.moments import Sums

__all__ = ["planned_looks", "with_completion"]


def with_completion(customers: ir.Table, *, horizon_days: int) -> ir.Table:
    """Add ``complete_on``, the last day of each customer's horizon, to a row a customer.

    A horizon that ends at midnight has the day before as its last.

    Parameters
    ----------
    customers
        With ``assigned_at``.
    horizon_days
        Days from the assignment in which outcomes count.
    """
    end = customers.assigned_at + ibis.interval(days=horizon_days)
    return customers.mutate(complete_on=(end - ibis.interval(microseconds=1)).cast("date"))


def planned_looks(
    by_day: Mapping[tuple[Any, ...], Sums], experiment: Experiment, *, arm: str, done: bool, as_of: dt.date
) -> pd.DataFrame:
    """Judge an arm at the planned looks that have passed, and at the end.

    Parameters
    ----------
    by_day
        Sums by (arm, day on which the horizon was complete).
    experiment
        Its looks, spending, planned customers and primary metric.
    arm
        The treatment.
    done
        Whether everybody's horizon is complete: then the last look spends all that is left.
    as_of
        Later looks are not shown.

    Returns
    -------
    pandas.DataFrame
        ``arm``, ``day``, ``customers`` of all arms, ``fraction`` of those planned, ``z``, ``error`` (of the
        effect), ``bound`` (of |z|), ``crossed``. Empty without looks. Several treatments share alpha
        equally (Bonferroni).
    """
    columns = ["arm", "day", "customers", "fraction", "z", "error", "bound", "crossed"]
    if not experiment.looks:
        return pd.DataFrame(columns=columns)
    days = [day for day in experiment.looks if day <= as_of]
    rows = [row for day in days if (row := _at(by_day, experiment, arm, day))]
    last = max((complete for _, complete in by_day), default=as_of)
    if done and (row := _at(by_day, experiment, arm, last)):
        row["fraction"] = 1.0  # more or fewer than planned: at the end all that is left is spent
        rows = [earlier for earlier in rows if earlier["customers"] < row["customers"]] + [row]
    # A look without a new customer is no look; what was planned cannot be exceeded before the end.
    kept = [
        r
        for k, r in enumerate(rows)
        if r["fraction"] <= 1 and (not k or r["fraction"] > rows[k - 1]["fraction"])
    ]
    if not kept:
        return pd.DataFrame(columns=columns)
    alpha = experiment.alpha / len(experiment.treatments)
    bounds = spending_bounds(
        [r["fraction"] for r in kept],
        information=[r["customers"] for r in kept],
        alpha=alpha,
        spending=experiment.spending,
    )
    frame = pd.DataFrame(kept).assign(bound=bounds)
    return frame.assign(crossed=frame["z"].abs() > frame["bound"])[columns]


def _at(
    by_day: Mapping[tuple[Any, ...], Sums], experiment: Experiment, arm: str, day: dt.date
) -> dict[str, Any] | None:
    so_far: dict[str, Sums] = {}
    for (name, complete), sums in by_day.items():
        if complete <= day:
            so_far[name] = so_far[name] + sums if name in so_far else sums
    one, other = so_far.get(experiment.control), so_far.get(arm)
    if one is None or other is None or min(one.n, other.n) < 2:
        return None
    per = experiment.primary.per
    if per and not (one.totals[per] and other.totals[per]):
        return None
    effect = compare(one, other, experiment.primary, alpha=experiment.alpha)
    n = sum(sums.n for sums in so_far.values())
    z = effect.effect / effect.error if effect.error else math.nan
    planned = experiment.customers or n
    return {"arm": arm, "day": day, "customers": n, "fraction": n / planned, "z": z, "error": effect.error}
