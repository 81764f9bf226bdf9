"""Do customers stay? Cohorts of first purchase, and how many of them buy in each later month."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features import is_purchase, known_orders
from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP

__all__ = ["CohortRetention", "cohort_retention"]

EXISTING_DAYS = 90
"""Customers first seen this soon after the data begin may have been customers before."""


@dataclass(frozen=True)
class CohortRetention:
    """Monthly cohorts of new customers.

    Attributes
    ----------
    table
        A row a cohort and month: ``cohort`` (first day of its month), ``month`` (0 is the first purchase's
        month), ``customers`` (size of the cohort), ``active`` (bought in that month), ``share``, ``low``,
        ``high`` (95 % Wilson interval), ``complete`` (False for the month that ``as_of`` cuts short).
    existing
        Customers left out: first seen too near the beginning of the data to be called new.
    """

    table: pd.DataFrame
    existing: int

    @property
    def pooled(self) -> pd.DataFrame:
        """All cohorts together: ``month`` (from 1), ``customers``, ``active``, ``share``, ``low``, ``high``.

        Complete months alone, and those with five customers or more.
        """
        whole = self.table[self.table["complete"] & (self.table["month"] > 0)]
        sums = whole.groupby("month")[["customers", "active"]].sum().reset_index()
        sums = sums[sums["customers"] >= SMALLEST_GROUP].reset_index(drop=True)
        low, high = proportion_confint(sums["active"], sums["customers"], alpha=1 - LEVEL, method="wilson")
        return sums.assign(share=sums["active"] / sums["customers"], low=low, high=high)

    @property
    def new(self) -> int:
        """Customers in all cohorts together."""
        return int(self.table.loc[self.table["month"] == 0, "customers"].sum())


def cohort_retention(
    orders: ir.Table, *, as_of: dt.date, history_starts: dt.date, existing_days: int = EXISTING_DAYS
) -> CohortRetention:
    """Follow the customers first seen in each month through the months after it.

    Parameters
    ----------
    orders
        The view ``orders``; guests and what is no purchase are left out.
    as_of
        The last day that may be seen.
    history_starts
        The first day of the data.
    existing_days
        Customers first seen within so many days of it are "existing", not a cohort.

    Returns
    -------
    CohortRetention
        Months without a single active customer are there with 0. A cohort whose month began before the
        existing customers' days were over holds only the customers that came after them.

    Notes
    -----
    Retention of month k is the share of a cohort that bought in the k-th calendar month after its first:
    not the share that never left, so it may rise again. Cohorts of a few customers have wide intervals,
    and differences between cohorts mix acquisition, season and age.
    """
    known = known_orders(orders, as_of=as_of)
    seen = known.filter(is_purchase(known))
    first = seen.group_by("customer_id").aggregate(first_day=seen.ordered_at.min().cast("date"))
    new_from = history_starts + dt.timedelta(days=existing_days)
    new = first.first_day >= ibis.date(new_from.year, new_from.month, new_from.day)
    existing = int(first.filter(~new).count().to_pyarrow().as_py())
    months = seen.select("customer_id", number=_month_number(seen.ordered_at)).distinct()
    cohorts = first.filter(new).select("customer_id", began=_month_number(first.first_day))
    joined = months.inner_join(cohorts, "customer_id")
    counts = joined.group_by("began", "number").aggregate(active=joined.count()).to_pyarrow().to_pandas()
    return CohortRetention(_complete(counts, as_of), existing)


def _month_number(when: ir.Column) -> ir.Column:
    return (when.year().cast("int64") * 12 + when.month().cast("int64") - 1).cast("int64")


def _complete(counts: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    last = as_of.year * 12 + as_of.month - 1
    ends = (as_of + dt.timedelta(days=1)).day == 1
    frame = pd.DataFrame([(b, n) for b in sorted(set(counts["began"])) for n in range(b, last + 1)],
                         columns=["began", "number"], dtype="int64")  # fmt: skip
    frame = frame.merge(counts, how="left", on=["began", "number"])
    frame["active"] = frame["active"].fillna(0).astype("int64")
    frame["customers"] = frame.groupby("began")["active"].transform("first")
    frame["month"] = frame["number"] - frame["began"]
    frame["cohort"] = [dt.date(b // 12, b % 12 + 1, 1) for b in frame["began"]]
    frame["share"] = frame["active"] / frame["customers"]
    low, high = proportion_confint(frame["active"], frame["customers"], alpha=1 - LEVEL, method="wilson")
    frame["low"], frame["high"] = low, high
    frame["complete"] = (frame["number"] < last) | ends
    return frame[["cohort", "month", "customers", "active", "share", "low", "high", "complete"]]
