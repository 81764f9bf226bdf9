"""What do we call each customer as of a day? Summary, scores, segment and stage in one step."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from crm_utils.engine import keep
from crm_utils.features import QUIET_CHANCE, customer_summary, known_orders, purchase_days
from crm_utils.features.presence import with_alive
from crm_utils.methods.segmentation.cuts import RfmCuts, rfm_cuts
from crm_utils.methods.segmentation.lifecycle import DORMANT_CHANCE, LOST_DAYS, lifecycle_stage
from crm_utils.methods.segmentation.rfm import rfm_score, rfm_segment

__all__ = ["Periods", "fit_periods", "name_customers", "name_periods"]


def name_customers(
    orders: ir.Table,
    *,
    as_of: dt.date,
    history_starts: dt.date,
    since: dt.date | None = None,
    cuts: RfmCuts | None = None,
    silent_days: int | None = None,
    lost_days: int = LOST_DAYS,
    quiet_chance: float = QUIET_CHANCE,
    dormant_chance: float = DORMANT_CHANCE,
    presence: str | None = None,
) -> ir.Table:
    """Name customers by what was known at the end of a day, and by nothing later.

    Parameters
    ----------
    orders
        Orders and returns; later ones are ignored.
    as_of
        The day.
    history_starts
        The first day of the data.
    since
        Look at purchases from this day on only, so that two periods can be compared. Who is new is judged by
        the first purchase of all the same.
    cuts
        Cut points of an earlier fit; fitted on these customers when None.
    silent_days, lost_days, quiet_chance, dormant_chance
        Thresholds of :func:`rfm_segment` and :func:`lifecycle_stage`; the chances from
        :func:`.thresholds.fit_thresholds`.
    presence
        The model whose chance of being still there judges silences (:mod:`crm_utils.features.presence`); None
        for the own rhythm.

    Returns
    -------
    ibis.expr.types.Table
        The customer summary with ``r``, ``f``, ``m``, ``segment``, ``stage``, and ``alive``, the chance of
        being still there (null without ``presence``, or while nobody had bought twice). With ``since``,
        ``first_ordered_on`` and ``tenure_days`` reach back behind it.
    """
    summary = customer_summary(orders, as_of=as_of, since=since)
    if since is not None:
        summary = _first_of_all(summary, orders, as_of=as_of)
    if presence is not None:
        known = known_orders(orders, as_of=as_of, since=since)
        summary = with_alive(summary, known, as_of=as_of, model=presence)
    if "alive" not in summary.columns:
        summary = summary.mutate(alive=ibis.null("float64"))
    summary = keep(summary)
    scored = rfm_score(summary, cuts or rfm_cuts(summary, as_of=as_of))
    named = rfm_segment(
        scored, history_starts=history_starts, silent_days=silent_days, quiet_chance=quiet_chance
    )
    staged = lifecycle_stage(
        named, history_starts=history_starts, silent_days=silent_days, lost_days=lost_days,
        quiet_chance=quiet_chance, dormant_chance=dormant_chance,
        # Of a gap that is over there is the rhythm's chance alone.
        gap_chance=None if presence is None else DORMANT_CHANCE,
    )  # fmt: skip
    return keep(staged)


@dataclass(frozen=True)
class Periods:
    """The days that the tests of a segmentation need, fitted into the data there are.

    Attributes
    ----------
    named_on, next_days
        Names given at the end of the first are tested on so many days after it.
    middle, period_days
        The last day of the earlier of two periods of equal length; the later one ends with the data.
    learnt_on
        The day whose silences teach what is rare, by who came back from it up to ``named_on``.
    shortened
        Whether the data were too short for the days asked for.
    """

    named_on: dt.date
    next_days: int
    middle: dt.date
    period_days: int
    learnt_on: dt.date
    shortened: bool


def fit_periods(first_day: dt.date, as_of: dt.date, *, next_days: int, period_days: int) -> Periods:
    """Fit both tests into the data: at most a third of the days to look ahead, half of them for a period.

    Parameters
    ----------
    first_day, as_of
        The first day of the data, and the last that is known. Three days are the fewest that have a past and
        a future; with less, the days ahead and the period are 0.
    next_days, period_days
        What is asked for.

    Examples
    --------
    >>> fit_periods(dt.date(2024, 1, 1), dt.date(2024, 3, 31), next_days=28, period_days=182)
    Periods(named_on=datetime.date(2024, 3, 3), next_days=28, middle=datetime.date(2024, 2, 15), \
period_days=45, learnt_on=datetime.date(2024, 2, 1), shortened=True)
    """
    days = (as_of - first_day).days + 1
    ahead, period = (min(next_days, days // 3), min(period_days, days // 2)) if days >= 3 else (0, 0)
    named_on = as_of - dt.timedelta(days=ahead)
    back = min(period_days, (named_on - first_day).days // 2)
    return Periods(
        named_on, ahead, as_of - dt.timedelta(days=period), period, named_on - dt.timedelta(days=back),
        (ahead, period) != (next_days, period_days),
    )  # fmt: skip


def name_periods(
    orders: ir.Table, periods: Periods, *, as_of: dt.date, **rules: Any
) -> tuple[ir.Table, ir.Table]:
    """Name the customers of two periods of equal length, both by the cuts of the earlier one.

    Each table sums up its own period alone, so revenue and orders can be compared, and nobody moves because
    the cuts did. Only first purchases are looked for before it: an old customer who comes back is not new. A
    rhythm learnt from one period is rougher than one from all the data. ``rules`` as for
    :func:`name_customers`.
    """
    day = dt.timedelta(days=1)
    since = periods.middle - (periods.period_days - 1) * day
    first = customer_summary(orders, as_of=periods.middle, since=since)
    cuts = rfm_cuts(first, as_of=periods.middle)
    earlier = name_customers(orders, as_of=periods.middle, since=since, cuts=cuts, **rules)
    later = name_customers(orders, as_of=as_of, since=periods.middle + day, cuts=cuts, **rules)
    return earlier, later


def _first_of_all(summary: ir.Table, orders: ir.Table, *, as_of: dt.date) -> ir.Table:
    """The summary of a period with the first purchase of all the data, and the days since it."""
    days = purchase_days(known_orders(orders, as_of=as_of))
    first = days.group_by("customer_id").aggregate(first_ordered_on=days.day.min())
    today = ibis.date(as_of.year, as_of.month, as_of.day)
    whole = summary.drop("first_ordered_on", "tenure_days").inner_join(first, "customer_id")
    whole = whole.mutate(tenure_days=today.delta(whole.first_ordered_on, unit="day"))
    return whole.select(*summary.columns)
