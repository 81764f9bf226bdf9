"""Is any day, hour or weekday missing? Volumes over time, gaps, unusual days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import binom

from crm_utils.errors import DataError
from crm_utils.features.statistics import Number
from crm_utils.tables import MONEY

__all__ = ["Days", "Hours", "day_gaps", "hours_of", "unusual_days", "volume_by"]

_GRAINS = {"day", "hour", "weekday_hour", "channel"}


CLOSED_SHARE, CLOSED_CHANCE = 0.1, 0.001
"""A weekday is closed when at most this share of its days had orders, and that had a chance under this."""


SPARSE_SHARE = 0.5
"""With orders on fewer of the open days, single days without one say nothing."""


def volume_by(orders: ir.Table, grain: str) -> ir.Table:
    """Orders, customers and revenue by day, by hour, by weekday and hour, or by channel.

    Parameters
    ----------
    orders
        The view ``orders``.
    grain
        ``day`` (columns: day), ``hour`` (hour, 0–23), ``weekday_hour`` (weekday, 0 = Monday; hour) or
        ``channel`` (channel).

    Returns
    -------
    ibis Table
        The columns of the grain, then orders, customers (distinct, guests left out), revenue (money),
        ordered by the grain.

    Raises
    ------
    DataError
        There is no such grain.
    """
    at = orders.ordered_at
    keys = {
        "day": {"day": at.date()},
        "hour": {"hour": at.hour()},
        "weekday_hour": {"weekday": at.day_of_week.index(), "hour": at.hour()},
        "channel": {"channel": orders.channel},
    }
    if grain not in keys:
        raise DataError(f"No grain '{grain}'. There are: {', '.join(sorted(_GRAINS))}.")
    grouped = orders.mutate(**keys[grain]).group_by(list(keys[grain]))
    return grouped.agg(
        orders=lambda t: t.count(),
        customers=lambda t: t.customer_id.nunique(),
        revenue=lambda t: t.amount.sum().cast(MONEY),
    ).order_by(list(keys[grain]))


@dataclass(frozen=True)
class Days:
    """Which days brought orders.

    Attributes
    ----------
    unusual
        From :func:`unusual_days`; no row where orders are too sparse to judge single days.
    period
        Days looked at.
    open
        Days with an order.
    empty
        Days without one, closed weekdays aside.
    closed
        Weekdays on which the shop is closed, 0 = Monday.
    longest_gap
        Days between two days with orders, at most; the last day counts as the end.
    gap_from, gap_to
        The last day with orders before it, and the day on which it ends; None without a gap.
    sparse
        Whether fewer than half of the open weekdays' days had an order.
    """

    unusual: pd.DataFrame
    period: int
    open: int
    empty: int
    closed: tuple[int, ...]
    longest_gap: int
    gap_from: dt.date | None
    gap_to: dt.date | None
    sparse: bool

    def numbers(self) -> list[Number]:
        """What a run records of them."""
        return [
            Number("days.empty", self.empty, "days"),
            Number("days.unusual", None if self.sparse else len(self.unusual), "days"),
            Number("days.longest_gap", self.longest_gap, "days"),
        ]


def day_gaps(days: pd.DataFrame, *, first: dt.date, last: dt.date, cut: float = 5.0) -> Days:
    """Count days without an order; find the longest gap and the days far from their weekday's usual.

    Parameters
    ----------
    days
        A row a day with an order: day (date), orders (count).
    first, last
        The period that should be covered.
    cut
        How many robust standard deviations count as far.
    """
    at_day = pd.to_datetime(days["day"]).dt.date
    seen = days[(at_day >= first) & (at_day <= last)]
    index = pd.date_range(first, last, freq="D")
    ordered = pd.Series(index.isin(pd.to_datetime(seen["day"])), index=index)
    closed = _closed_weekdays(ordered)
    workdays = ordered[~index.day_of_week.isin(closed)]
    sparse = bool(len(workdays)) and float(workdays.mean()) < SPARSE_SHARE
    unusual = unusual_days(seen, first=first, last=last, cut=cut)
    at = [day.date() for day in index[ordered]]
    gaps = [(b - a).days for a, b in zip(at, [*at[1:], last], strict=True)]
    widest = int(np.argmax(gaps)) if gaps else 0
    wide = bool(gaps) and gaps[widest] > 1
    return Days(
        unusual.iloc[:0] if sparse else unusual, len(index), int(ordered.sum()), int((~workdays).sum()),
        closed, max(gaps, default=0), at[widest] if wide else None,
        [*at[1:], last][widest] if wide else None, sparse,
    )  # fmt: skip


def unusual_days(days: pd.DataFrame, *, first: dt.date, last: dt.date, cut: float = 5.0) -> pd.DataFrame:
    """Days without any order where there usually are some, and days far from what their weekday brings.

    Parameters
    ----------
    days
        A row a day: day (date), orders (count).
    first, last
        The period that should be covered; a day without a row had no order.
    cut
        How many robust standard deviations count as far.

    Returns
    -------
    DataFrame
        day, orders, usual (median of the weekday), distance (robust standard deviations), in time order.

    Notes
    -----
    On the log scale, log(1 + orders), a day is compared with the median of its weekday; the spread is
    1.4826 × the median absolute deviation over all days (Rousseeuw and Croux, 1993), so that the odd days
    do not hide each other. A weekday is closed when at most a tenth of its days had an order, and that few
    had a chance under 1 in 1,000 by the other days: no order is no gap then, and a day with some is far. A
    shop with few orders has days without one on every weekday, and none is closed. With a strong trend or
    season every day of a high season is far: read it then as a list of days to look at, no more.
    """
    index = pd.date_range(first, last, freq="D")
    orders = days.set_index(pd.to_datetime(days["day"]))["orders"].reindex(index, fill_value=0)
    level = np.log1p(orders)
    usual = level.groupby(index.day_of_week).transform("median")
    residual = level - usual
    spread = 1.4826 * float(np.median(np.abs(residual - np.median(residual))))
    distance = residual / spread if spread > 0 else residual.where(residual == 0, np.inf * np.sign(residual))
    every_day = pd.DataFrame(
        {
            "day": index.date,
            "orders": orders.to_numpy(),
            "usual": np.expm1(usual).to_numpy(),
            "distance": distance.to_numpy(),
        }
    )
    closed = index.day_of_week.isin(_closed_weekdays(orders > 0))
    missing = (every_day["orders"] == 0) & ~closed
    return every_day[missing | (every_day["distance"].abs() > cut)].reset_index(drop=True)


@dataclass(frozen=True)
class Hours:
    """When people buy.

    Attributes
    ----------
    cells
        ``weekday`` (0 = Monday), ``hour``, ``orders``.
    busiest
        The hour with most orders; None where every order stands at midnight.
    night_share
        Share of orders from 1 to 6 in the morning; None as above.
    """

    cells: pd.DataFrame
    busiest: int | None
    night_share: float | None

    def numbers(self) -> list[Number]:
        """What a run records of them."""
        return [
            Number("hour.busiest", self.busiest, "hour of the day"),
            Number("orders.night_share", self.night_share, "share"),
        ]


def hours_of(orders: ir.Table) -> Hours:
    """Count orders by weekday and hour; days alone, all at midnight, tell no hour."""
    cells = volume_by(orders, "weekday_hour").to_pyarrow().to_pandas()
    if not (cells["hour"] > 0).any():
        return Hours(cells, None, None)
    by_hour = cells.groupby("hour")["orders"].sum()
    night = by_hour[(by_hour.index >= 1) & (by_hour.index <= 5)].sum()
    return Hours(cells, int(by_hour.idxmax()), float(night / by_hour.sum()))


def _closed_weekdays(ordered: pd.Series) -> tuple[int, ...]:
    """Weekdays with hardly an order while other days have many: rarely open, and rarer than by chance."""
    closed = []
    weekday = ordered.index.day_of_week  # type: ignore[attr-defined]
    for day in range(7):
        own, others = ordered[weekday == day], ordered[weekday != day]
        if len(own) and len(others) and own.mean() <= CLOSED_SHARE:
            chance = float(binom.cdf(int(own.sum()), len(own), float(others.mean())))
            closed += [day] if chance < CLOSED_CHANCE else []
    return tuple(closed)
