"""Who buys lately, often and for much? Recency, frequency and monetary value, and names for their cells.

Scores come from value cut points, never from ranks, so customers with equal values always score equal
(Hughes, *Strategic Database Marketing*, 1994, sorts into fifths; ties then fall either way).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import QUIET_CHANCE, beyond_rhythm, hide_small, is_new
from crm_utils.methods.segmentation.cuts import BINS, RfmCuts

__all__ = ["SEGMENTS", "changed_by_refit", "rfm_score", "rfm_segment", "score_shares", "value_grid"]

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
    value = _value(scored)
    grid = [(r, v, name) for r, names in _GRID.items() for v, name in enumerate(names, start=1)]
    named = ibis.cases(*(((scored.r == r) & (value == v), name) for r, v, name in grid), else_=None)
    silent = beyond_rhythm(scored, chance=quiet_chance, silent_days=silent_days)
    new = is_new(scored, history_starts=history_starts)
    return scored.mutate(
        segment=ibis.cases(
            (named.isin(["Hibernating", "Lost"]) & ~silent, "About To Sleep"),
            ((named == "New") & ~new, "Promising"),
            else_=named,
        )
    )


def score_shares(scored: ir.Table, cuts: RfmCuts) -> pd.DataFrame:
    """Say what share of customers each score holds, and which values it stands for.

    Returns
    -------
    pandas.DataFrame
        ``measure`` (recency_days, orders, revenue), ``score`` 1 to 5, ``above`` and ``up_to`` (null where
        open), ``customers``, ``share``. A score that nobody holds is there with 0 customers; one that fewer
        than five hold is hidden.
    """
    frames = []
    for name, score in (("recency_days", "r"), ("orders", "f"), ("revenue", "m")):
        held = scored.group_by(score=scored[score]).aggregate(customers=scored.count())
        ends = [None, *(float(cut) for cut in getattr(cuts, name)), None]
        spans = pd.DataFrame({"above": ends[:-1], "up_to": ends[1:], "score": range(1, BINS + 1)})
        if score == "r":
            spans["score"] = BINS + 1 - spans["score"]
        frame = spans.merge(held.to_pyarrow().to_pandas(), how="left", on="score").sort_values("score")
        frame["customers"] = frame["customers"].fillna(0).astype("int64")
        frame = frame.assign(measure=name, share=frame["customers"] / max(frame["customers"].sum(), 1))
        frames.append(hide_small(frame, keep=["score", "above", "up_to"]))
    columns = ["measure", "score", "above", "up_to", "customers", "share"]
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


def value_grid(named: ir.Table) -> pd.DataFrame:
    """Count customers in the grid behind the names: r against the customer's value.

    Returns
    -------
    pandas.DataFrame
        ``r``, ``value`` (1 to 5 each, all 25 cells), ``segment`` (the name that most of the cell's customers
        bear; the grid's own where nobody stands there), ``bear_it`` (share of the cell's customers with that
        name: Hibernating, Lost and New are checked, and the others there bear another), ``customers``,
        ``share`` (of all). Cells with fewer than five customers are hidden.
    """
    counts = named.group_by(r=named.r, value=_value(named), borne=named.segment).aggregate(n=named.count())
    seen = counts.order_by("r", "value", ibis.desc("n"), "borne").to_pyarrow().to_pandas()
    seen["customers"] = seen.groupby(["r", "value"])["n"].transform("sum")
    most = seen.drop_duplicates(["r", "value"])
    grid = pd.DataFrame(
        [(r, v, name) for r, names in _GRID.items() for v, name in enumerate(names, start=1)],
        columns=["r", "value", "grid"],
    )
    frame = grid.merge(most, how="left", on=["r", "value"])
    frame["customers"] = frame["customers"].fillna(0).astype("int64")
    frame = frame.assign(
        segment=frame["borne"].fillna(frame["grid"]),
        bear_it=frame["n"] / frame["customers"].where(frame["customers"] > 0),
        share=frame["customers"] / max(frame["customers"].sum(), 1),
    )
    columns = ["r", "value", "segment", "bear_it", "customers", "share"]
    return hide_small(frame[columns], keep=["r", "value"])


def _value(scored: ir.Table) -> ir.Column:
    return ((scored.f + scored.m + 1) // 2).cast("int64")


def _cuts_below(value: ir.Column, cuts: Sequence[int | Decimal]) -> ir.Column:
    below = ibis.literal(0, "int64")
    for cut in cuts:
        below = below + (value > cut).cast("int64")
    return below
