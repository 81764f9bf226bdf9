"""Which values split customers into fifths? Cut points, fitted once, saved, and used again by later runs.

Values, never ranks: customers with equal values always score equal, today and under last year's cuts.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd

from crm_utils.errors import DataError, known_names

__all__ = ["BINS", "CUTS_VERSION", "RfmCuts", "rfm_cuts", "saved_or_fitted"]

BINS = 5
CUTS_VERSION = 1
"""Rises when the meaning of saved cuts changes."""


@dataclass(frozen=True)
class RfmCuts:
    """Cut points of one fit: a value above the k-th cut belongs to score k + 1 or more.

    Attributes
    ----------
    recency_days, orders
        Whole numbers, ascending: for whole values "above 4.6" and "above 4" are the same.
    revenue
        Cents, ascending.
    fitted_on
        The ``as_of`` of the customers they come from.
    customers
        How many they come from.
    """

    recency_days: tuple[int, ...]
    orders: tuple[int, ...]
    revenue: tuple[Decimal, ...]
    fitted_on: dt.date
    customers: int

    @property
    def collapsed(self) -> tuple[str, ...]:
        """Measures with equal cuts: so many customers share a value that some scores stay empty."""
        return tuple(name for name, cuts in self._measures() if len(set(cuts)) < len(cuts))

    def to_frame(self) -> pd.DataFrame:
        """A row a cut, for saving: version, fitted_on, customers, measure, score (given above it), cut."""
        rows = [
            (CUTS_VERSION, self.fitted_on, self.customers, name, k + 2, Decimal(cut))
            for name, cuts in self._measures()
            for k, cut in enumerate(cuts)
        ]
        return pd.DataFrame(rows, columns=["version", "fitted_on", "customers", "measure", "score", "cut"])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> RfmCuts:
        """Cuts from what :meth:`to_frame` gave, so that a later run scores by an earlier one's measure."""
        missing = {"version", "fitted_on", "customers", "measure", "score", "cut"} - set(frame.columns)
        if missing:
            raise DataError(f"These are no saved RFM cuts: they have no column {min(missing)!r}. "
                            + known_names(min(missing), map(str, frame.columns)))  # fmt: skip
        versions = sorted({int(v) for v in frame["version"]})
        if versions != [CUTS_VERSION]:
            raise DataError(f"Saved RFM cuts have version {versions}; this code reads version "
                            f"{CUTS_VERSION}. Fit them again: leave out the cuts file.")  # fmt: skip
        ordered = frame.sort_values("score")
        by = {name: [Decimal(str(cut)) for cut in rows["cut"]] for name, rows in ordered.groupby("measure")}
        return cls(
            tuple(int(c) for c in by["recency_days"]),
            tuple(int(c) for c in by["orders"]),
            tuple(by["revenue"]),
            pd.Timestamp(frame["fitted_on"].iloc[0]).date(),
            int(frame["customers"].iloc[0]),
        )

    @classmethod
    def read(cls, path: str | Path) -> RfmCuts:
        """Cuts from the ``rfm_cuts.parquet`` that an earlier run left among its tables."""
        if not Path(path).is_file():
            raise DataError(
                f"There is no file {path} with RFM cuts. A run leaves them as tables/rfm_cuts.parquet."
            )
        return cls.from_frame(pd.read_parquet(path))

    def _measures(self) -> tuple[tuple[str, Sequence[int | Decimal]], ...]:
        return ("recency_days", self.recency_days), ("orders", self.orders), ("revenue", self.revenue)


def rfm_cuts(summary: ir.Table, *, as_of: dt.date) -> RfmCuts:
    """Fit the values that split customers into fifths, by recency, orders and revenue.

    Parameters
    ----------
    summary
        A row a customer, from :func:`crm_utils.features.customer_summary`.
    as_of
        The day of the summary, kept with the cuts.

    Returns
    -------
    RfmCuts
        Four cuts a measure. Where many customers share a value, cuts coincide (see ``collapsed``).

    Notes
    -----
    Cuts are the 20, 40, 60 and 80 % quantiles of the values (type 7 of Hyndman and Fan, 1996), rounded down
    to whole days, whole orders and cents, which changes no score.
    """
    levels = [k / BINS for k in range(1, BINS)]
    columns = {"recency_days": "int64", "orders": "int64", "revenue": "float64"}
    wanted = {
        f"{name}_{k}": summary[name].cast("float64").quantile(level)
        for name in columns
        for k, level in enumerate(levels)
    }
    row = summary.aggregate(customers=summary.count(), **wanted).to_pyarrow().to_pylist()[0]
    # Without a customer (an early period of a young shop) every cut is 0, and nobody is there to be scored.
    fitted = {name: [row[f"{name}_{k}"] or 0 for k in range(len(levels))] for name in columns}
    return RfmCuts(
        tuple(_down(q) for q in fitted["recency_days"]),
        tuple(_down(q) for q in fitted["orders"]),
        tuple(Decimal(_down(q * 100)) / 100 for q in fitted["revenue"]),
        as_of,
        int(row["customers"]),
    )


def saved_or_fitted(path: str, summary: ir.Table, *, as_of: dt.date) -> RfmCuts:
    """The cuts of an earlier run where a file is named, else those of these customers."""
    return RfmCuts.read(path) if path else rfm_cuts(summary, as_of=as_of)


def _down(quantile: float) -> int:
    # Exact quantiles are whole or at least a fifth above; the nudge undoes rounding such as 24.9999999.
    return math.floor(quantile + 0.01)
