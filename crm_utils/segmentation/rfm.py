"""Who buys lately, often and for much? Recency, frequency and monetary value, and names for their cells.

Scores come from value cut points, never from ranks, so customers with equal values always score equal
(Hughes, *Strategic Database Marketing*, 1994, sorts into fifths; ties then fall either way).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.errors import DataError, known_names
from crm_utils.features import QUIET_CHANCE

__all__ = ["SEGMENTS", "RfmCuts", "changed_by_refit", "rfm_cuts", "rfm_score", "rfm_segment", "score_shares"]

BINS = 5
CUTS_VERSION = 1
"""Rises when the meaning of saved cuts changes."""

NEW_DAYS = 90
"""Days during which a customer counts as new; and days after the data begin before anyone can."""

SEGMENTS = (
    "Champions", "Loyal", "Potential Loyalist", "New", "Promising", "Need Attention", "About To Sleep",
    "At Risk", "Can't Lose", "Hibernating", "Lost",
)  # fmt: skip
"""Every name that :func:`rfm_segment` gives, best first."""

_GRID = {
    # value of the customer, (f + m) / 2 rounded up:  1, 2, 3, 4, 5
    5: ("New", "Potential Loyalist", "Potential Loyalist", "Loyal", "Champions"),
    4: ("Promising", "Promising", "Potential Loyalist", "Loyal", "Champions"),
    3: ("About To Sleep", "About To Sleep", "Need Attention", "Loyal", "Loyal"),
    2: ("Hibernating", "Hibernating", "At Risk", "At Risk", "At Risk"),
    1: ("Lost", "Hibernating", "At Risk", "Can't Lose", "Can't Lose"),
}


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
    if not row["customers"]:
        raise DataError(f"No customer bought anything up to {as_of}: there is nothing to fit RFM cuts to.")
    fitted = {name: [row[f"{name}_{k}"] for k in range(len(levels))] for name in columns}
    return RfmCuts(
        tuple(_down(q) for q in fitted["recency_days"]),
        tuple(_down(q) for q in fitted["orders"]),
        tuple(Decimal(_down(q * 100)) / 100 for q in fitted["revenue"]),
        as_of,
        int(row["customers"]),
    )


def rfm_score(summary: ir.Table, cuts: RfmCuts) -> ir.Table:
    """Give each customer scores r, f and m from 1 to 5; 5 is lately, often and much.

    Returns
    -------
    ibis.expr.types.Table
        The summary with ``r``, ``f`` and ``m``: f and m are 1 + the number of cuts below the value; r is
        mirrored, 5 − that number, as few days are good.
    """
    return summary.mutate(
        r=ibis.literal(BINS, "int64") - _cuts_below(summary.recency_days, cuts.recency_days),
        f=ibis.literal(1, "int64") + _cuts_below(summary.orders, cuts.orders),
        m=ibis.literal(1, "int64") + _cuts_below(summary.revenue, cuts.revenue),
    )


def rfm_segment(
    scored: ir.Table,
    *,
    history_starts: dt.date,
    silent_days: int | None = None,
    quiet_chance: float = QUIET_CHANCE,
) -> ir.Table:
    """Name each customer's cell: every one of the 125 gets exactly one of :data:`SEGMENTS`.

    Parameters
    ----------
    scored
        A customer summary with ``r``, ``f`` and ``m``.
    history_starts
        The first day of the data: whoever was first seen within 90 days of it may be an old customer.
    silent_days
        A silence longer than this always counts as silent, whatever the rhythm; None for rhythm alone.
    quiet_chance
        A silence counts as beyond the customer's own rhythm below this chance.

    Returns
    -------
    ibis.expr.types.Table
        The input with ``segment``.

    Notes
    -----
    The grid is r against the customer's value (f + m) / 2 rounded up, after the names in common use. Two
    kinds of names promise more than a fifth can hold, and are checked: Hibernating and Lost need a
    silence beyond the customer's own rhythm (else About To Sleep), and New needs a first order within
    90 days that cannot be the data's own beginning (else Promising). In a shop where everyone buys
    weekly the worst fifth by recency is hardly silent.
    """
    value = ((scored.f + scored.m + 1) // 2).cast("int64")
    grid = [(r, v, name) for r, names in _GRID.items() for v, name in enumerate(names, start=1)]
    named = ibis.cases(*(((scored.r == r) & (value == v), name) for r, v, name in grid), else_=None)
    silent = (scored.silence_chance < quiet_chance).fill_null(False)
    if silent_days is not None:
        silent = silent | (scored.recency_days > silent_days)
    known_from = history_starts + dt.timedelta(days=NEW_DAYS)
    new = (scored.tenure_days <= NEW_DAYS) & (
        scored.first_ordered_on >= ibis.date(known_from.year, known_from.month, known_from.day)
    )
    return scored.mutate(
        segment=ibis.cases(
            (named.isin(["Hibernating", "Lost"]) & ~silent, "About To Sleep"),
            ((named == "New") & ~new, "Promising"),
            else_=named,
        )
    )


def score_shares(scored: ir.Table) -> pd.DataFrame:
    """Say what share of customers each score holds, and which values it spans.

    Returns
    -------
    pandas.DataFrame
        ``measure`` (recency_days, orders, revenue), ``score`` 1 to 5, ``customers``, ``share``, ``low``,
        ``high``: a score that nobody holds is there with 0 customers.
    """
    frames = []
    for name, score in (("recency_days", "r"), ("orders", "f"), ("revenue", "m")):
        held = scored.group_by(score=scored[score]).aggregate(
            customers=scored.count(),
            low=scored[name].min().cast("float64"),
            high=scored[name].max().cast("float64"),
        )
        frame: pd.DataFrame = (
            held.to_pyarrow().to_pandas().set_index("score").reindex(range(1, BINS + 1)).reset_index()
        )
        frame["customers"] = frame["customers"].fillna(0).astype("int64")
        frames.append(frame.assign(measure=name, share=frame["customers"] / max(frame["customers"].sum(), 1)))
    columns = ["measure", "score", "customers", "share", "low", "high"]
    return pd.concat(frames, ignore_index=True)[columns]


def changed_by_refit(old: ir.Table, new: ir.Table) -> pd.DataFrame:
    """Count the customers whose segment depends on which cuts name them.

    Parameters
    ----------
    old, new
        The same customers named with saved cuts and with cuts fitted again (``customer_id``, ``segment``).

    Returns
    -------
    pandas.DataFrame
        ``segment`` (by the saved cuts), ``segment_refitted``, ``customers``, ordered by the names.
    """
    both = old.select("customer_id", "segment").inner_join(
        new.select("customer_id", segment_refitted=new.segment), "customer_id"
    )
    counts = both.group_by("segment", "segment_refitted").aggregate(customers=both.count())
    frame: pd.DataFrame = counts.to_pyarrow().to_pandas()
    order = {name: k for k, name in enumerate(SEGMENTS)}
    return frame.sort_values(["segment", "segment_refitted"], key=lambda c: c.map(order), ignore_index=True)


def _cuts_below(value: ir.Column, cuts: Sequence[int | Decimal]) -> ir.Column:
    below = ibis.literal(0, "int64")
    for cut in cuts:
        below = below + (value > cut).cast("int64")
    return below


def _down(quantile: float) -> int:
    # Exact quantiles are whole or at least a fifth above; the nudge undoes rounding such as 24.9999999.
    return math.floor(quantile + 0.01)
