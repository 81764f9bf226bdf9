"""What do new customers bring by each day since the first order, and what may winning one cost? Cohorts.

The mean cumulative margin of customers first seen well after the data begin. Who has been there for a short
time is counted for as long as they were watched: the mean of each day is over those still watched on it, and
the error is the robust one of such sums (J. Lawless, C. Nadeau, *Technometrics* 37, 1995).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features import NEW_DAYS, Number, hide_small, is_purchase, known_orders
from crm_utils.features.statistics import z

__all__ = ["AGES", "ALL", "NewCustomers", "acquisition_costs", "bid_cap", "cohort_days", "cohort_value"]

Floats = NDArray[np.float64]

ALL = "*"
"""The group of all new customers, whatever their channel."""
AGES = (0, 30, 90, 365)
"""Days since the first order at which a cohort's value is told."""
_CURVE = ("age", "value", "low", "high")
_WATCHED = 30
"""Customers still watched that a mean takes; where fewer are, the curve ends."""


def cohort_days(
    orders: ir.Table, customers: ir.Table | None, *, as_of: dt.date, history_starts: dt.date
) -> pd.DataFrame:
    """Days on which new customers brought or returned something.

    Parameters
    ----------
    orders
        ``customer_id``, ``ordered_at``, ``amount`` (decimal).
    customers
        With ``acquisition_channel``; None where there is no such table.
    as_of
        The last day known.
    history_starts
        The first day of the data: who is first seen within 90 days of it may have been there before.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``acquisition_channel`` (None where it is not known), ``first_on``, ``watched``
        (days from the first order to ``as_of``), ``age`` (days from the first order), ``amount`` (money,
        returns taken off).
    """
    seen = known_orders(orders, as_of=as_of)
    seen = seen.mutate(day=seen.ordered_at.cast("date"))
    bought = seen.filter(is_purchase(seen))
    first = bought.group_by("customer_id").aggregate(first_on=bought.day.min())
    since = history_starts + dt.timedelta(days=NEW_DAYS)
    first = first.filter(first.first_on >= ibis.date(since.year, since.month, since.day))
    if customers is None or "acquisition_channel" not in customers.columns:
        first = first.mutate(acquisition_channel=ibis.null("string"))
    else:
        known = customers.select("customer_id", "acquisition_channel")
        first = first.left_join(known, "customer_id")
        first = first.drop([name for name in first.columns if name.endswith("_right")])
    days = seen.group_by(["customer_id", "day"]).aggregate(amount=seen.amount.sum().cast("decimal(38, 2)"))
    joined = days.inner_join(first, "customer_id")
    today = ibis.date(as_of.year, as_of.month, as_of.day)
    by_age = joined.filter(joined.day >= joined.first_on).select(
        "customer_id", "acquisition_channel", "first_on",
        watched=today.delta(joined.first_on, unit="day"), age=joined.day.delta(joined.first_on, unit="day"),
        amount=joined.amount.cast("float64"),
    )  # fmt: skip
    frame: pd.DataFrame = by_age.to_pyarrow().to_pandas()
    frame["first_on"] = pd.to_datetime(frame["first_on"]).dt.date
    return frame.sort_values(["customer_id", "age"], ignore_index=True)


@dataclass(frozen=True)
class NewCustomers:
    """What new customers brought, and what one may cost.

    Attributes
    ----------
    table
        A row a channel, all of them first (``*``): ``acquisition_channel``, ``customers``, ``value_0``,
        ``value_30``, ``value_90``, ``value_365`` (margin a customer by that day, discounted, money; missing
        where too few were watched so long), ``horizon_days`` (where the curve ends), ``value``, ``low``,
        ``high`` (at it, 95 %), ``bid_cap``, ``cost`` (of winning one; missing where it is not known),
        ``payback_days`` (missing where it is not paid back within the curve).
    curves
        ``acquisition_channel``, ``age``, ``value``, ``low``, ``high``.
    """

    table: pd.DataFrame
    curves: pd.DataFrame

    @property
    def channels(self) -> pd.DataFrame:
        """Rows of single channels whose value can be told."""
        known = self.table[(self.table["acquisition_channel"] != ALL) & self.table["bid_cap"].notna()]
        return known.sort_values("customers", ascending=False)

    @property
    def overall(self) -> pd.Series[float] | None:
        """The row of all new customers; None where there are too few."""
        rows = self.table[(self.table["acquisition_channel"] == ALL) & self.table["bid_cap"].notna()]
        return rows.iloc[0] if len(rows) else None

    def numbers(self) -> list[Number]:
        """What is recorded, of all new customers."""
        row = self.overall
        if row is None:
            known = self.table["customers"].dropna()
            return [Number("new.customers", int(known.max()) if len(known) else 0, "customers")]
        payback = None if pd.isna(row["payback_days"]) else int(row["payback_days"])
        return [
            Number("new.customers", int(row["customers"]), "customers"),
            Number("new.value", row["value"], "money", row["low"], row["high"]),
            Number("new.horizon_days", int(row["horizon_days"]), "days"),
            Number("new.bid_cap", row["bid_cap"], "money"),
            Number("new.payback_days", payback, "days"),
        ]


def cohort_value(
    days: pd.DataFrame, *, margin_share: float, yearly_rate: float, serve_cost: float = 0.0,
    costs: dict[str, float] | None = None,
) -> NewCustomers:  # fmt: skip
    """The margin that new customers brought by day, by channel, and the most that winning one may cost.

    Parameters
    ----------
    days
        From :func:`cohort_days`.
    margin_share, yearly_rate
        Assumed: share of revenue left; discount a year, from the first order on.
    serve_cost
        Assumed: cost of serving a customer for a year, money.
    costs
        What winning a customer costs, by channel; :data:`ALL` for all together.
    """
    groups: list[tuple[str, pd.DataFrame]] = [(ALL, days)] if len(days) else []
    groups += [(str(name), rows) for name, rows in days.groupby("acquisition_channel")]
    rows, curves = [], []
    for name, part in groups:
        curve = _curve(part, margin_share=margin_share, yearly_rate=yearly_rate)
        cost = (costs or {}).get(name)
        rows.append(_told(name, part["customer_id"].nunique(), curve, serve_cost, cost))
        curves.append(curve.assign(acquisition_channel=name))
    columns = [
        "acquisition_channel", "customers", *(f"value_{age}" for age in AGES), "horizon_days", "value", "low",
        "high", "bid_cap", "cost", "payback_days",
    ]  # fmt: skip
    table = hide_small(pd.DataFrame(rows, columns=columns))
    all_curves = (
        pd.concat(curves, ignore_index=True)
        if curves
        else pd.DataFrame(columns=[*_CURVE, "acquisition_channel"])
    )
    return NewCustomers(table, all_curves)


def bid_cap(low: float, *, horizon_days: float, serve_cost: float) -> float:
    """The most that winning a customer may cost: the margin's lower bound less the cost of serving.

    Examples
    --------
    >>> bid_cap(30.0, horizon_days=365, serve_cost=4.0)
    26.0
    """
    return max(low - serve_cost * horizon_days / 365, 0.0)


def acquisition_costs(
    costs: ir.Table | pd.DataFrame | None, days: pd.DataFrame, *, as_of: dt.date, history_starts: dt.date
) -> dict[str, float]:
    """What winning a customer has cost, by channel: the cost of whole periods ÷ customers won in them.

    Parameters
    ----------
    costs
        The canonical ``marketing_costs``; None where there is none.
    days
        From :func:`cohort_days`.
    as_of
        Periods that end later are left out, and so are those before new customers could be told.

    Returns
    -------
    dict
        Money a customer by channel, and of :data:`ALL`; empty where nothing is known.
    """
    if costs is None or not len(days):
        return {}
    if isinstance(costs, ir.Table):
        costs = costs.to_pyarrow().to_pandas()
    starts, ends = (pd.to_datetime(costs[name]).dt.date for name in ("starts_on", "ends_on"))
    since = history_starts + dt.timedelta(days=NEW_DAYS)
    whole = costs.assign(starts_on=starts, ends_on=ends)[(ends <= as_of) & (starts >= since)]
    won = days.drop_duplicates("customer_id")[["first_on", "acquisition_channel"]]
    by_channel = {}
    groups = [(ALL, whole, won)]
    groups += [
        (str(name), part, won[won["acquisition_channel"] == name])
        for name, part in whole.groupby("acquisition_channel")
    ]
    for name, part, people in groups:
        inside = np.zeros(len(people), dtype=bool)
        for row in part.itertuples():
            inside |= ((people["first_on"] >= row.starts_on) & (people["first_on"] <= row.ends_on)).to_numpy()
        if inside.sum():
            by_channel[name] = float(part["cost"].astype(float).sum() / inside.sum())
    return by_channel


def _curve(days: pd.DataFrame, *, margin_share: float, yearly_rate: float) -> pd.DataFrame:
    """Mean cumulative margin by day since the first order, with its 95 % interval."""
    codes, names = pd.factorize(days["customer_id"])
    watched = np.zeros(len(names), dtype=np.int64)
    watched[codes] = days["watched"].to_numpy()
    last = min(int(watched.max()), AGES[-1])
    at_risk = (len(watched) - np.searchsorted(np.sort(watched), np.arange(last + 1), side="left")).astype(
        float
    )
    enough = np.flatnonzero(at_risk >= _WATCHED)
    if not len(enough):
        return pd.DataFrame(columns=[*_CURVE], dtype=float)
    last = int(enough[-1])
    kept = days["age"].to_numpy() <= last
    age, codes = days["age"].to_numpy()[kept], codes[kept]
    money = margin_share * days["amount"].to_numpy(dtype=float)[kept] * (1 + yearly_rate) ** (-age / 365)
    at_risk = at_risk[: last + 1]
    mean = np.bincount(age, weights=money, minlength=last + 1) / at_risk
    value, taken = np.cumsum(mean), np.cumsum(mean / at_risk)
    shown = np.unique(np.append(np.arange(0, last + 1, 7), [a for a in (*AGES, last) if a <= last]))
    rows = []
    for day in shown:
        before = age <= day
        own = np.bincount(codes[before], weights=(money / at_risk[age])[before], minlength=len(names))
        error = float(np.sqrt(((own - taken[np.minimum(watched, day)]) ** 2).sum()))
        rows.append((int(day), value[day], value[day] - z() * error, value[day] + z() * error))
    return pd.DataFrame(rows, columns=[*_CURVE])


def _told(
    name: str, customers: int, curve: pd.DataFrame, serve_cost: float, cost: float | None
) -> tuple[object, ...]:
    by_age = curve.set_index("age")
    values = [by_age["value"].get(age, np.nan) for age in AGES]
    if not len(curve):
        return (name, customers, *values, *(np.nan,) * 5, np.nan if cost is None else cost, np.nan)
    horizon = int(by_age.index.max())
    value, low, high = (float(by_age[end][horizon]) for end in ("value", "low", "high"))
    paid = np.nan
    if cost is not None:
        net = curve["value"] - serve_cost * curve["age"] / 365
        back = curve.loc[net >= cost, "age"]
        paid = float(back.iloc[0]) if len(back) else np.nan
    cap = bid_cap(low, horizon_days=horizon, serve_cost=serve_cost)
    told_cost = np.nan if cost is None else cost
    return (name, customers, *values, horizon, value, low, high, cap, told_cost, paid)
