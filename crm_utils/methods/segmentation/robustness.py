"""Would we say the same with old cuts, another seed, another last day? Each is tried."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from crm_utils.features import customer_summary
from crm_utils.features.statistics import Number
from crm_utils.methods.segmentation.clusters import Clusters, compare_clusters, find_clusters
from crm_utils.methods.segmentation.concentration import concentration
from crm_utils.methods.segmentation.cuts import rfm_cuts
from crm_utils.methods.segmentation.naming import Periods, name_customers
from crm_utils.methods.segmentation.rfm import changed_by_refit

__all__ = ["Robustness", "robustness"]


@dataclass(frozen=True)
class Robustness:
    """What changes when something changes that should not matter much.

    Attributes
    ----------
    cuts_of
        The earlier day whose cuts were tried.
    changed
        Share of customers who bear another name by those cuts.
    other_k, agreement
        Clusters found with another seed, and the adjusted Rand of the two clusterings.
    top_fifth_lowest, top_fifth_highest
        The top fifth's share of revenue on today, on ``named_on`` and on ``middle``: its spread over days,
        beside its interval over customers; None where it is not shown.
    """

    cuts_of: dt.date
    changed: float
    other_k: int
    agreement: float
    top_fifth_lowest: float | None
    top_fifth_highest: float | None

    def numbers(self) -> list[Number]:
        """What a run records of it."""
        return [
            Number("refit.changed", self.changed, "share"),
            Number("top_fifth_share.lowest", self.top_fifth_lowest, "share"),
            Number("top_fifth_share.highest", self.top_fifth_highest, "share"),
        ]


def robustness(
    orders: ir.Table,
    named: ir.Table,
    clusters: Clusters,
    periods: Periods,
    *,
    as_of: dt.date,
    seed: int,
    rules: Mapping[str, Any],
) -> Robustness:
    """Name by the cuts of ``periods.middle``, cluster with another seed, and look back from earlier days.

    Parameters
    ----------
    orders, named, clusters
        The view ``orders`` up to ``as_of``, and what was made of it.
    periods
        The days of the tests.
    as_of, seed, rules
        As for the names and the clusters.
    """
    before = customer_summary(orders, as_of=periods.middle)
    by_old = name_customers(orders, as_of=as_of, cuts=rfm_cuts(before, as_of=periods.middle), **rules)
    moves = changed_by_refit(by_old, named)
    changed = moves.loc[moves["segment"] != moves["segment_refitted"], "customers"].sum()
    other = find_clusters(named, seed=seed + 1, bootstraps=2, nulls=2)
    days = [periods.named_on, periods.middle]
    shares = [concentration(customer_summary(orders, as_of=day), resamples=0) for day in days]
    known = [s.top_fifth_share for s in [concentration(named, resamples=0), *shares]]
    seen = [share for share in known if share is not None]
    return Robustness(
        periods.middle, float(changed / max(moves["customers"].sum(), 1)), other.k,
        compare_clusters(clusters.assign(named), other.assign(named)),
        min(seen, default=None), max(seen, default=None),
    )  # fmt: skip
