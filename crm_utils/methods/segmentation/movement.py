"""How are customers moving? Counts between two days, the money that moved, and what moves by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features.statistics import LEVEL, SMALLEST_GROUP, z

__all__ = [
    "ABSENT_AFTER",
    "ABSENT_BEFORE",
    "Migration",
    "regression_to_mean",
    "revenue_bridge",
    "segment_migration",
    "shown_moves",
    "stayed_share",
    "transitions",
]

ABSENT_BEFORE = "not seen before"
ABSENT_AFTER = "no purchase since"


@dataclass(frozen=True)
class Migration:
    """What happened between two periods of equal length.

    Attributes
    ----------
    moves
        From :func:`transitions`.
    bridge
        From :func:`revenue_bridge`.
    pull
        From :func:`regression_to_mean`.
    """

    moves: pd.DataFrame
    bridge: pd.DataFrame
    pull: pd.DataFrame

    @property
    def shown_bridge(self) -> pd.DataFrame:
        """The bridge, or no row where a part of it speaks of fewer than five customers."""
        sizes = self.bridge["customers"]
        small = ((sizes > 0) & (sizes < SMALLEST_GROUP)).any() or sizes.sum() == 0
        return self.bridge.iloc[:0] if small else self.bridge

    @property
    def shown_pull(self) -> pd.DataFrame:
        """The pull by groups of five customers or more."""
        return self.pull[self.pull["customers"] >= SMALLEST_GROUP].reset_index(drop=True)


def segment_migration(before: ir.Table, after: ir.Table, *, order: Sequence[str] = ()) -> Migration:
    """Compare the segments of two periods: who moved where, and what it did to revenue.

    Parameters
    ----------
    before, after
        A row a customer: ``customer_id``, ``segment`` and ``revenue``, each from one of two periods of equal
        length and named by the *same* cuts, so that nobody moves because the measure did.
    order
        The order of the names in the result.
    """
    return Migration(
        transitions(before, after, column="segment", order=order),
        revenue_bridge(before, after),
        regression_to_mean(before, after),
    )


def transitions(before: ir.Table, after: ir.Table, *, column: str, order: Sequence[str] = ()) -> pd.DataFrame:
    """Count customers by their group on an earlier and on a later day.

    Parameters
    ----------
    before, after
        ``customer_id`` and ``column``, a row a customer. Who is missing in one is counted under
        :data:`ABSENT_BEFORE` or :data:`ABSENT_AFTER`.
    column
        ``"stage"``, ``"segment"`` …
    order
        The order of the groups in the result; others follow by name.

    Returns
    -------
    pandas.DataFrame
        ``before``, ``after``, ``customers``, ``share`` of the group before, with its 95 % Wilson interval
        ``low`` and ``high``. :func:`shown_moves` hides what is small.
    """
    left = before.select("customer_id", before=before[column])
    right = after.select(other_id=after.customer_id, after=after[column])
    both = left.outer_join(right, left.customer_id == right.other_id)
    both = both.select(before=both.before.fill_null(ABSENT_BEFORE), after=both.after.fill_null(ABSENT_AFTER))
    counts = both.group_by("before", "after").aggregate(customers=both.count())
    frame: pd.DataFrame = counts.to_pyarrow().to_pandas()
    named = [*order, *sorted((set(frame["before"]) | set(frame["after"])) - set(order))]
    place = {name: k for k, name in enumerate(named)} | {ABSENT_BEFORE: -1, ABSENT_AFTER: len(named)}
    frame = frame.sort_values(["before", "after"], key=lambda c: c.map(place), ignore_index=True)
    total = frame.groupby("before")["customers"].transform("sum")
    low, high = proportion_confint(frame["customers"], total, alpha=1 - LEVEL, method="wilson")
    return frame.assign(share=frame["customers"] / total, low=low, high=high)


def shown_moves(moves: pd.DataFrame) -> pd.DataFrame:
    """The moves of five customers or more, with ``group_customers``, all of the group they come from."""
    totals = moves.groupby("before")["customers"].transform("sum")
    return moves.assign(group_customers=totals)[moves["customers"] >= SMALLEST_GROUP].reset_index(drop=True)


def stayed_share(moves: pd.DataFrame, group: str | None = None) -> float | None:
    """The share of customers of both days, or of one group before, whose group is the same on both.

    None where they are fewer than five.
    """
    both = moves[(moves["before"] != ABSENT_BEFORE) & (moves["after"] != ABSENT_AFTER)]
    both = both if group is None else moves[moves["before"] == group]
    customers = both["customers"].sum()
    same = both.loc[both["before"] == both["after"], "customers"].sum()
    return float(same / customers) if customers >= SMALLEST_GROUP else None


def revenue_bridge(before: ir.Table, after: ir.Table) -> pd.DataFrame:
    """Split the change of revenue between two periods into whom it came from; the parts add up exactly.

    Parameters
    ----------
    before, after
        ``customer_id`` and ``revenue`` of each period, a row a customer.

    Returns
    -------
    pandas.DataFrame
        ``part`` (before, came, rose, fell, gone, after), ``customers``, ``amount``: money in the earlier
        period; of customers seen in the later alone; gained from those who spent more; missing from those who
        spent less, and from those who did not buy again (both negative); money in the later period.
    """
    left = before.select("customer_id", was=before.revenue)
    right = after.select(other_id=after.customer_id, now=after.revenue)
    both = left.outer_join(right, left.customer_id == right.other_id)
    zero = ibis.literal(0).cast("decimal(38, 2)")
    change = (both.now.fill_null(zero) - both.was.fill_null(zero)).cast("decimal(38, 2)")
    part = ibis.cases(
        (both.customer_id.isnull(), "came"),
        (both.other_id.isnull(), "gone"),
        (change >= 0, "rose"),
        else_="fell",
    )
    parts = both.select(part=part, change=change)
    sums = parts.group_by("part").aggregate(
        customers=parts.count(), amount=parts.change.sum().cast("float64")
    )
    frame: pd.DataFrame = (
        sums.to_pyarrow().to_pandas().set_index("part").reindex(["came", "rose", "fell", "gone"])
    )
    frame = frame.fillna(0).astype({"customers": "int64"}).reset_index()
    ends = [
        (
            name,
            *table.aggregate(n=table.count(), s=table.revenue.sum().cast("float64"))
            .to_pyarrow()
            .to_pylist()[0]
            .values(),
        )
        for name, table in (("before", before), ("after", after))
    ]
    whole = pd.DataFrame(ends, columns=["part", "customers", "amount"]).fillna(0.0)
    return pd.concat([whole[:1], frame, whole[1:]], ignore_index=True)


def regression_to_mean(before: ir.Table, after: ir.Table, *, groups: int = 5) -> pd.DataFrame:
    """Show how spend moves to the average with nothing done: rank by one period, look at the other.

    Parameters
    ----------
    before, after
        ``customer_id`` and ``revenue`` of two periods of equal length. Only customers of both are compared;
        those who came and those who went are in :func:`revenue_bridge`.
    groups
        How many groups at most, by value cut points, so equal spenders are never parted.

    Returns
    -------
    pandas.DataFrame
        ``ranked_by`` (before, after), ``group`` (1 spent least), ``customers``, ``ranked`` (mean spend in the
        period they were ranked by), ``other`` (in the other one), ``change`` = other − ranked, with its
        95 % interval ``low`` and ``high`` (normal, paired). No row when nobody bought in both.

    Notes
    -----
    Galton (1886): who is extreme in one period is less so in any other, later *or earlier*. Ranked by the
    later period, the earlier spend is pulled to the mean as well, and nothing that was done in between
    can have caused that. Were nothing changing, the two periods could be exchanged, among the customers of
    both as well, and the two pulls would be equal: only a difference between them is a change.
    """
    left = before.select("customer_id", was=before.revenue)
    right = after.select(other_id=after.customer_id, now=after.revenue)
    both = left.inner_join(right, left.customer_id == right.other_id)
    # Cents in a wide decimal: their squares stay exact, so the sums do not depend on the order of rows.
    cents = both.select(
        before=(both.was * 100).cast("decimal(19, 0)"), after=(both.now * 100).cast("decimal(19, 0)")
    )
    frames = [_pulled(cents, *names, groups) for names in (("before", "after"), ("after", "before"))]
    return pd.concat(frames, ignore_index=True)


def _pulled(cents: ir.Table, ranked: str, other: str, groups: int) -> pd.DataFrame:
    value = cents[ranked].cast("float64")
    levels = {f"q{k}": value.quantile(k / groups) for k in range(1, groups)}
    cuts = cents.aggregate(**levels).to_pyarrow().to_pylist()[0]
    group = ibis.literal(1, "int64")
    for cut in cuts.values():
        if cut is not None:
            group = group + (value > cut).cast("int64")
    change = (cents[other] - cents[ranked]).cast("decimal(19, 0)")
    grouped = cents.select(group=group, ranked=cents[ranked], other=cents[other], change=change)
    sums = grouped.group_by("group").aggregate(
        customers=grouped.count(),
        ranked=grouped.ranked.cast("decimal(38, 0)").sum().cast("float64") / 100,
        other=grouped.other.cast("decimal(38, 0)").sum().cast("float64") / 100,
        squares=(grouped.change * grouped.change).cast("decimal(38, 0)").sum().cast("float64") / 10_000,
    )
    frame: pd.DataFrame = sums.to_pyarrow().to_pandas().sort_values("group", ignore_index=True)
    n = frame["customers"]
    frame["ranked"], frame["other"] = frame["ranked"] / n, frame["other"] / n
    change = frame["other"] - frame["ranked"]
    half = z() * ((frame["squares"] / n - change**2).clip(lower=0) / n) ** 0.5
    return frame.drop(columns="squares").assign(
        ranked_by=ranked, change=change, low=change - half, high=change + half
    )
