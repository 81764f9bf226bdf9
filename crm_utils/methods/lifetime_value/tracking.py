"""Does a model count right after the day of its fit? Repeat purchases by week, expected and actual."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features import Number, known_orders, purchase_days
from crm_utils.features.purchase_counts import distinct_counts, purchase_counts
from crm_utils.features.purchase_models import Purchases, fit_purchases

__all__ = ["Tracking", "track", "weekly_repeats"]


@dataclass(frozen=True)
class Tracking:
    """Repeat purchases of the customers known on a day, before it and after it.

    Attributes
    ----------
    table
        A row a week: ``day`` (its last), ``actual`` and ``expected`` (repeat purchases since the beginning).
    fitted_on
        The day whose end the model was fitted at; what comes after it was not seen.
    model
        The model; None where nobody had bought twice by then.
    """

    table: pd.DataFrame
    fitted_on: dt.date
    model: str | None

    @property
    def missed(self) -> float | None:
        """Expected purchases after the day, over the actual ones, less 1."""
        if self.model is None or not len(self.table):
            return None
        before = self.table[self.table["day"] <= pd.Timestamp(self.fitted_on)]
        start = before.iloc[-1] if len(before) else self.table.iloc[0]
        expected, actual = (self.table.iloc[-1][name] - start[name] for name in ("expected", "actual"))
        return float(expected / actual - 1) if actual > 0 else None

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [Number("tracking.missed", self.missed, "share")]


def weekly_repeats(orders: ir.Table, *, known_on: dt.date, as_of: dt.date) -> pd.DataFrame:
    """Repeat purchases by day of customers first seen up to a day: ``day``, ``repeats``."""
    days = purchase_days(known_orders(orders, as_of=as_of))
    first = days.group_by("customer_id").aggregate(first_on=days.day.min())
    first = first.filter(first.first_on <= ibis.date(known_on.year, known_on.month, known_on.day))
    later = days.inner_join(first, "customer_id").filter(lambda t: t.day > t.first_on)
    counted = later.group_by("day").aggregate(repeats=later.count()).order_by("day")
    frame: pd.DataFrame = counted.to_pyarrow().to_pandas()
    return frame.assign(day=pd.to_datetime(frame["day"]))


def track(orders: ir.Table, *, model: str, fitted_on: dt.date, as_of: dt.date) -> Tracking:
    """Fit a model at the end of a day, and count on to the last day known.

    Parameters
    ----------
    orders
        ``customer_id``, ``ordered_at``, ``amount``.
    model
        One of the models of purchases.
    fitted_on
        Everything after it is held out.
    as_of
        The last day known.
    """
    actual = weekly_repeats(orders, known_on=fitted_on, as_of=as_of)
    counts = distinct_counts(purchase_counts(orders, as_of=fitted_on))
    if not len(counts) or not counts["x"].sum():
        return Tracking(pd.DataFrame(columns=["day", "actual", "expected"]), fitted_on, None)
    fit = fit_purchases(counts, model=model)
    weeks = np.arange((counts["T"].max() + (as_of - fitted_on).days) // 7 + 1)
    since = pd.Timestamp(fitted_on) - pd.Timedelta(days=int(counts["T"].max()))
    days = pd.Timestamp(as_of) - pd.to_timedelta(7 * weeks[::-1], unit="D")
    days = days[days >= since]
    expected = _expected(fit, counts, np.array([(day - pd.Timestamp(fitted_on)).days for day in days]))
    sums = actual.set_index("day")["repeats"].cumsum()
    reached = sums.reindex(sums.index.union(days)).ffill().fillna(0).reindex(days)
    table = pd.DataFrame({"day": days, "actual": reached.to_numpy(dtype=float), "expected": expected})
    return Tracking(table, fitted_on, model)


def _expected(fit: Purchases, counts: pd.DataFrame, offsets: np.ndarray) -> np.ndarray:
    """Expected repeat purchases of all by each day, from a curve of one new customer's."""
    new = pd.DataFrame({"x": [0], "t_x": [0], "T": [0]})
    longest = int(counts["T"].max()) + int(offsets.max())
    knots = np.unique(np.append(np.arange(0, longest + 1, 7), longest)).astype(float)
    curve = [float(fit.expected(new, horizon_days=day)[0]) if day else 0.0 for day in knots]
    ages = counts.groupby("T")["customers"].sum()
    tenure, customers = ages.index.to_numpy(dtype=float), ages.to_numpy(dtype=float)
    known = np.interp(np.clip(tenure + offsets[:, None], 0, None), knots, curve)
    return np.asarray(known @ customers)
