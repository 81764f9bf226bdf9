"""What do models of repeat purchases need to know of each customer? Three numbers, and how regular they are.

Everything is counted in the engine, by days: two orders of one day are one purchase. Customers with the same
three numbers are one row with a weight, so that a fit costs what there is to tell apart, not customers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import logsumexp

from crm_utils.features.customer_summary import known_orders, purchase_days
from crm_utils.features.purchase_models import Purchases
from crm_utils.features.statistics import z

__all__ = ["Regularity", "distinct_counts", "gap_pairs", "purchase_counts", "regularity", "with_forecasts"]

_KEY = ("x", "t_x", "T")
_MOST_REGULAR = 50.0
"""A shape above it is a clock, whatever it is."""


def purchase_counts(orders: ir.Table, *, as_of: dt.date) -> ir.Table:
    """Count each customer's purchases as known at the end of a day.

    Parameters
    ----------
    orders
        ``customer_id`` (null for guests, who are left out), ``ordered_at``, ``amount`` (negative for a
        return, which is no purchase).
    as_of
        The last day that may be seen.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``; ``x``, repeat purchases: order days less one; ``t_x``, days from the first to the
        last; ``T``, days from the first to ``as_of``.
    """
    days = purchase_days(known_orders(orders, as_of=as_of))
    per = days.group_by("customer_id").aggregate(
        x=days.count() - 1, first_on=days.day.min(), last_on=days.day.max()
    )
    today = ibis.date(as_of.year, as_of.month, as_of.day)
    return per.select(
        "customer_id",
        x=per.x.cast("int64"),
        t_x=per.last_on.delta(per.first_on, unit="day").cast("int64"),
        T=today.delta(per.first_on, unit="day").cast("int64"),
    )


def distinct_counts(counts: ir.Table) -> pd.DataFrame:
    """Bring counts into memory, customers with the same three numbers in one row.

    Returns
    -------
    pandas.DataFrame
        ``x``, ``t_x``, ``T`` and ``customers``, in this order.
    """
    grouped = counts.group_by(list(_KEY)).aggregate(customers=counts.count())
    frame: pd.DataFrame = grouped.order_by(list(_KEY)).to_pyarrow().to_pandas()
    return frame


def with_forecasts(counts: ir.Table, model: Purchases, *, horizon_days: float | None = None) -> ir.Table:
    """Add to each customer what a model expects: worked out once for each distinct row, joined in the engine.

    Parameters
    ----------
    counts
        From :func:`purchase_counts`; further columns stay.
    model
        The fit.
    horizon_days
        Days to look ahead; None for the first of the columns alone.

    Returns
    -------
    ibis.expr.types.Table
        ``counts`` with ``alive`` (chance of not having left), ``expected_orders`` and ``chance_of_none``
        within the horizon.
    """
    distinct = distinct_counts(counts)
    forecasts = distinct[list(_KEY)].assign(alive=model.alive(distinct))
    if horizon_days is not None:
        forecasts = forecasts.assign(
            expected_orders=model.expected(distinct, horizon_days=horizon_days),
            chance_of_none=model.chance_of_none(distinct, horizon_days=horizon_days),
        )
    joined = counts.inner_join(ibis.memtable(forecasts), list(_KEY))
    return joined.drop([f"{name}_right" for name in _KEY if f"{name}_right" in joined.columns])


def gap_pairs(orders: ir.Table, *, as_of: dt.date) -> pd.DataFrame:
    """First two gaps of each customer with three order days: ``first``, ``both`` (days), ``customers``."""
    days = purchase_days(known_orders(orders, as_of=as_of))
    own = ibis.window(group_by="customer_id", order_by="day")
    days = days.mutate(
        place=ibis.row_number().over(own), second=days.day.lead(1).over(own), third=days.day.lead(2).over(own)
    )
    begun = days.filter(days.place == 0, days.third.notnull())
    begun = begun.select(
        first=begun.second.delta(begun.day, unit="day"), both=begun.third.delta(begun.day, unit="day")
    )
    pairs = begun.group_by(["first", "both"]).aggregate(customers=begun.count())
    frame: pd.DataFrame = pairs.order_by(["first", "both"]).to_pyarrow().to_pandas()
    return frame


@dataclass(frozen=True)
class Regularity:
    """How regular purchases are: the shape k of Erlang gaps, 1 by chance, more where they keep a rhythm.

    Attributes
    ----------
    k, low, high
        The shape and its 95 % interval; None where nothing could be told.
    customers
        With three order days or more.
    gain, gain_low
        Log-likelihood that a pair of gaps of half of the customers gains over chance by the shape that the
        other half has; and the lower end of its 95 % interval.
    """

    k: float | None
    low: float | None
    high: float | None
    customers: int
    gain: float | None = None
    gain_low: float | None = None

    @property
    def seems_regular(self) -> bool:
        """Whether purchases are more regular than chance, at 95 %."""
        return self.low is not None and self.low > 1

    @property
    def regular(self) -> bool:
        """Whether that also foretells the gaps of customers not learnt from."""
        return self.seems_regular and self.gain_low is not None and self.gain_low > 0


def regularity(pairs: pd.DataFrame) -> Regularity:
    """Tell from each customer's first two gaps how regular purchases are.

    Parameters
    ----------
    pairs
        From :func:`gap_pairs`.

    Notes
    -----
    The share of the first gap in two has variance 1 / (4 (2k + 1)) for gaps of shape k, whatever each
    customer's rate (R. Wheat, D. Morrison, *Journal of Marketing Research* 27, 1990). Gaps of whole days:
    where days are bought on by chance, the first of two gaps with sum S is any of 1, …, S − 1 alike, so the
    share is compared with the variance of that, (1 − 1 / (S − 1)²) / 12. The sum is given, so it does not
    matter that long gaps are cut off by the end of the data.

    Examples
    --------
    >>> even = pd.DataFrame({"first": [7, 7, 6], "both": [14, 14, 13], "customers": [60, 50, 40]})
    >>> regularity(even).regular
    True
    """
    rows = pairs[pairs["both"] > 2]
    w, last = rows["customers"].to_numpy(dtype=float), rows["both"].to_numpy(dtype=float) - 1
    by_chance = (1 - 1 / last**2) / 12
    square = ((rows["first"].to_numpy(dtype=float) - 0.5) / last - 0.5) ** 2
    expected, n = float(w @ by_chance), int(w.sum())
    if n < 2 or expected == 0:
        return Regularity(None, None, None, n)
    ratio = float(w @ square) / expected
    error = float(np.sqrt(w @ (square - ratio * by_chance) ** 2)) / expected
    most, least = ratio + z() * error, max(ratio - z() * error, 1e-6)
    # Below a ratio of 3 the shape is positive; above, gaps are burstier than any Erlang's.
    k, low, high = (_shape(r) for r in (ratio, most, least))
    return Regularity(k, low, high, n, *_gain(rows))


def _shape(ratio: float) -> float:
    return max((3 / max(ratio, 1e-6) - 1) / 2, 0.0)


def _gain(rows: pd.DataFrame) -> tuple[float | None, float | None]:
    """Learn the shape from half of the customers, drawn at random, and score the gaps of the others."""
    customers = rows["customers"].to_numpy()
    learnt = np.random.default_rng(0).binomial(customers, 0.5)
    kept = customers - learnt
    if min(learnt.sum(), kept.sum()) < 2:
        return None, None
    both, first = rows["both"].to_numpy(dtype=float), rows["first"].to_numpy(dtype=float)
    expected = float(learnt @ ((1 - 1 / (both - 1) ** 2) / 12))
    if expected == 0:
        return None, None
    ratio = float(learnt @ (((first - 0.5) / (both - 1) - 0.5) ** 2)) / expected
    power = min(max(_shape(ratio), 0.05), _MOST_REGULAR) - 1
    sums = {s: logsumexp(power * np.log(np.arange(1, s) * (s - np.arange(1, s)))) for s in set(both)}
    # P(first gap | sum of both) under Erlang gaps of whole days, against one day like another.
    score = power * np.log(first * (both - first)) - np.array([sums[s] for s in both]) + np.log(both - 1)
    mean = float(np.average(score, weights=kept))
    error = float(np.sqrt(kept @ (score - mean) ** 2)) / float(kept.sum())
    return mean, mean - z() * error
