"""Who moved between tiers at a review? Counts, and what movers spent before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.statistics import SMALLEST_GROUP, hide_small

__all__ = ["Migration", "migration", "moves_table"]


@dataclass(frozen=True)
class Migration:
    """Moves between tiers.

    Attributes
    ----------
    table
        A row a review and pair of tiers: ``review``, ``before``, ``tier``, ``customers``, ``spend_before``
        (mean of what counts, in the window before the review), ``spend_after`` (mean money after it);
        groups under five customers are blank.
    tiers
        From the lowest.
    """

    table: pd.DataFrame
    tiers: tuple[str, ...]

    @property
    def shares(self) -> pd.DataFrame:
        """At the last review: of each tier before (rows), the share that went where (columns)."""
        last = self.table[self.table["review"] == self.table["review"].max()]
        wide = last.pivot_table(index="before", columns="tier", values="customers", aggfunc="sum")
        wide = wide.reindex(index=self.tiers, columns=self.tiers).dropna(how="all")
        shares: pd.DataFrame = wide.div(wide.sum(axis=1), axis=0)
        return shares

    def moved(self, review: object, sign: int) -> int:
        """Customers who rose (1) or fell (−1) at a review, as far as they are shown."""
        place = {tier: k for k, tier in enumerate(self.tiers)}
        rows = self.table[self.table["review"] == review]
        step = rows["tier"].map(place).astype(float) - rows["before"].map(place).astype(float)
        return int(rows.loc[step * sign > 0, "customers"].fillna(0).sum())


def migration(standings: ir.Table, tiers: Sequence[str]) -> Migration:
    """Count the moves at each review.

    Parameters
    ----------
    standings
        As :func:`.standings.standings` gives them, with tiers.
    tiers
        From the lowest.
    """
    counts = standings.group_by("review", before="tier_before", tier="tier").aggregate(
        customers=standings.count(), running=standings.running.sum(), after=standings.after.sum()
    )
    rows = counts.order_by(["review", "before", "tier"]).to_pyarrow().to_pandas()
    rows = rows.assign(
        spend_before=rows["running"].astype(float) / rows["customers"],
        spend_after=rows["after"].astype(float) / rows["customers"],
    ).drop(columns=["running", "after"])
    parts = [hide_small(part, least=SMALLEST_GROUP) for _day, part in rows.groupby("review")]
    shown = pd.concat(parts, ignore_index=True) if parts else rows
    place = {tier: k for k, tier in enumerate(tiers)}
    shown = shown.sort_values(
        ["review", "before", "tier"], key=lambda s: s.map(place) if s.name != "review" else s
    )
    return Migration(shown.reset_index(drop=True), tuple(tiers))


def moves_table(moves: Migration | None) -> pd.DataFrame:
    """The moves, or a table without rows where there are none."""
    names = ["review", "before", "tier", "customers", "spend_before", "spend_after"]
    return pd.DataFrame(columns=names) if moves is None else moves.table
