"""How long until customers of a segment fall silent? Kaplan-Meier curves from one fixed day.

E. L. Kaplan, P. Meier, JASA 53, 1958, and N. Mantel's log-rank test, Cancer Chemotherapy Reports 50, 1966,
by statsmodels; bands for a whole curve after W. J. Hall, J. A. Wellner, Biometrika 67, 1980.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from crm_utils.features import known_orders, purchase_days

__all__ = ["FEWEST", "Survival", "kaplan_meier", "silence_times"]

FEWEST = 30
"""Segments of fewer customers are followed together."""

_OTHERS = "other segments"

_KOLMOGOROV = 1.3581
"""95 % point of the largest distance of a Brownian bridge from 0."""


@dataclass(frozen=True)
class Survival:
    """Curves by group.

    Attributes
    ----------
    table
        A row a group and day with an event: ``group``, ``days``, ``at_risk``, ``events``, ``survival``,
        ``low``, ``high`` (95 % for the curve as a whole).
    groups
        A row a group: ``group``, ``customers``, ``events``, ``median`` (days; missing while more than half
        are without the event).
    chi2, p_value
        Log-rank test that all groups have the same curve; None for a single group.
    """

    table: pd.DataFrame
    groups: pd.DataFrame
    chi2: float | None
    p_value: float | None

    def at(self, group: str, day: float) -> float:
        """The share of a group that is without the event after ``day`` days."""
        seen = self.table[(self.table["group"] == group) & (self.table["days"] <= day)]
        return float(seen["survival"].iloc[-1]) if len(seen) else 1.0


def silence_times(
    orders: ir.Table, segments: ir.Table, *, cutoff: dt.date, as_of: dt.date, silent_days: int
) -> ir.Table:
    """Count customers by the days from a cut-off until they have been silent for so long.

    Parameters
    ----------
    orders
        ``customer_id``, ``ordered_at``, ``amount``.
    segments
        ``customer_id``, ``segment`` as named on the cut-off: time zero and group are both fixed there.
    cutoff
        Time zero. Only customers not yet silent then are followed: with a purchase in the last
        ``silent_days``.
    as_of
        The last day known: who is not silent by then was watched until then.
    silent_days
        Days without a purchase that make a silence.

    Returns
    -------
    ibis.expr.types.Table
        ``group``, ``days``, ``event`` (1 silent, 0 watched no longer), ``customers``.

    Notes
    -----
    A silence is known on the day it is complete, ``silent_days`` after the purchase before it.
    """
    since = cutoff - dt.timedelta(days=silent_days - 1)
    days = purchase_days(known_orders(orders, as_of=as_of, since=since))
    following = days.day.lead().over(ibis.window(group_by="customer_id", order_by="day"))
    gaps = days.mutate(
        gap=following.delta(days.day, unit="day"), after=_day(cutoff).delta(days.day, unit="day")
    )
    gaps = gaps.mutate(complete=silent_days - gaps.after)
    watched = (as_of - cutoff).days
    is_silent = (gaps.gap.isnull() | (gaps.gap > silent_days)) & (gaps.complete <= watched)
    per = gaps.group_by("customer_id").aggregate(
        there=gaps.after.max(), silent_after=gaps.complete.min(where=is_silent)
    )
    per = per.filter(per.there >= 0).left_join(segments.select("customer_id", "segment"), "customer_id")
    rows = per.select(
        group=per.segment.fill_null("none"),
        days=per.silent_after.fill_null(watched),
        event=per.silent_after.notnull().cast("int64"),
    )
    return rows.group_by("group", "days", "event").aggregate(customers=rows.count())


def kaplan_meier(counts: pd.DataFrame, *, fewest: int = FEWEST) -> Survival:
    """Estimate the curves of all groups, and test whether they differ.

    Parameters
    ----------
    counts
        ``group``, ``days``, ``event`` (0 or 1), ``customers``.
    fewest
        Groups of fewer customers are put together.

    Returns
    -------
    Survival

    Examples
    --------
    >>> rows = pd.DataFrame({"group": "all", "days": [1, 2, 3], "event": [1, 0, 1], "customers": [1, 1, 2]})
    >>> kaplan_meier(rows, fewest=1).at("all", 1)
    0.75
    """
    sizes = counts.groupby("group")["customers"].sum()
    kept = counts["group"].where(counts["group"].map(sizes) >= fewest, _OTHERS)
    rows = counts.assign(group=kept).groupby(["group", "days", "event"], as_index=False)["customers"].sum()
    rows = rows.loc[rows.index.repeat(rows["customers"])]
    curves, groups = [], []
    for name, inside in rows.groupby("group"):
        events = int(inside["event"].sum())
        median = None
        if events:
            curve = SurvfuncRight(inside["days"].to_numpy(), inside["event"].to_numpy())
            curves.append(_curve(str(name), curve))
            median = curve.quantile(0.5) if np.isfinite(curve.quantile(0.5)) else None
        groups.append((str(name), len(inside), events, median))
    columns = ["group", "days", "at_risk", "events", "survival", "low", "high"]
    table = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=columns)
    chi2, p_value = None, None
    if len(groups) > 1 and rows["event"].any():
        chi2, p_value = survdiff(rows["days"].to_numpy(), rows["event"].to_numpy(), rows["group"].to_numpy())
    return Survival(
        table, pd.DataFrame(groups, columns=["group", "customers", "events", "median"]),
        None if chi2 is None else float(chi2), None if p_value is None else float(p_value),
    )  # fmt: skip


def _curve(name: str, curve: SurvfuncRight) -> pd.DataFrame:
    # Hall and Wellner's own form, S ± 1.358 · (1 + nσ²) · S / √n with n at time zero: statsmodels puts those
    # still at risk in place of n, and its logarithm opens the band wide where hardly anyone had the event.
    n, share = len(curve.time), curve.surv_prob
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = _KOLMOGOROV * (1 + n * (curve.surv_prob_se / share) ** 2) * share / np.sqrt(n)
    low, high = np.clip(share - reach, 0, 1), np.clip(share + reach, 0, 1)
    return pd.DataFrame(
        {"group": name, "days": curve.surv_times, "at_risk": curve.n_risk, "events": curve.n_events,
         "survival": share, "low": low, "high": high}
    )  # fmt: skip


def _day(day: dt.date) -> ir.DateScalar:
    return ibis.date(day.year, day.month, day.day)
