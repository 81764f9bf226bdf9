"""What goes together so often that it could be sold together? And the test that would prove that it pays."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.methods.cross_sell.clusters import ClusterSums
from crm_utils.methods.cross_sell.coded import Coded, day_number
from crm_utils.methods.cross_sell.sizes import units_an_arm

__all__ = ["BestPair", "best_pair", "bundle_candidates", "size_bundle_tests"]

_COLUMNS = ["antecedent", "consequent", "confidence", "more", "low", "high"]
_SUMS = ["clusters", "units", "hits", "units_squared", "hits_squared", "product"]


@dataclass(frozen=True)
class BestPair:
    """The pair that goes furthest beyond basket size.

    Attributes
    ----------
    item, other
        Who buys the item often buys the other, too.
    adjusted_lift, low, high
        With its 95 % interval.
    confidence, expected_confidence
        Share of the item's baskets that hold the other, and what basket size alone explains.
    buyers
        Customers who bought the item; each order of a guest is one.
    """

    item: str
    other: str
    adjusted_lift: float
    low: float
    high: float
    confidence: float
    expected_confidence: float
    buyers: int


def best_pair(rules: pd.DataFrame, baskets: Coded) -> BestPair | None:
    """The strongest of the significant rules from :func:`.cross_sell.directed_rules`; None without one."""
    sure = rules[rules["significant"]]
    if sure.empty:
        return None
    best = sure.iloc[0]
    code = int(np.flatnonzero(baskets.items == best["antecedent"])[0])
    rows = baskets.rows.filter(baskets.rows["item"] == code)
    names = ("adjusted_lift", "low", "high", "confidence", "expected_confidence")
    measures: dict[str, Any] = {name: float(best[name]) for name in names}
    buyers = int(rows.customer.nunique().to_pyarrow().as_py())
    return BestPair(item=best["antecedent"], other=best["consequent"], buyers=buyers, **measures)


def bundle_candidates(rules: pd.DataFrame) -> pd.DataFrame:
    """Pairs that sell together beyond basket size, as a share of baskets more than expected.

    Parameters
    ----------
    rules
        From :func:`.cross_sell.directed_rules`.

    Returns
    -------
    pandas.DataFrame
        One row a significant pair, the way with the higher confidence: ``antecedent``, ``consequent``,
        ``confidence``, ``more`` (confidence less what basket size alone brings), ``low``, ``high`` (95 %).
        The most first.
    """
    sure = rules[rules["significant"]].sort_values("confidence", ascending=False, kind="stable")
    pair = [tuple(sorted(ends)) for ends in zip(sure["antecedent"], sure["consequent"], strict=True)]
    sure = sure[~pd.Series(pair, index=sure.index, dtype=object).duplicated()]
    expected = sure["expected_confidence"]
    candidates = sure[["antecedent", "consequent", "confidence"]].assign(
        more=sure["confidence"] - expected,
        low=expected * (sure["low"] - 1),
        high=np.minimum(expected * (sure["high"] - 1), 1 - expected),  # no confidence is above one
    )
    return candidates[_COLUMNS].sort_values("more", ascending=False, ignore_index=True)


def size_bundle_tests(
    bundles: pd.DataFrame,
    baskets: Coded,
    *,
    as_of: dt.date,
    horizon_days: int | None = None,
    most: int = 50,
) -> pd.DataFrame:
    """Say how large a test of each bundle has to be, when the baskets of one customer are alike.

    Parameters
    ----------
    bundles
        From :func:`bundle_candidates`.
    baskets
        The same baskets.
    as_of, horizon_days
        The last day, and the days that a test would run; None for as long as the data do.
    most
        So many bundles are sized, from the top; the others are left out.

    Returns
    -------
    pandas.DataFrame
        ``bundles`` with ``design_effect``, ``per_arm`` (baskets with the antecedent that each arm needs to
        find a rise of the confidence by a fifth) and ``customers_per_arm`` (customers who bring so many
        within ``horizon_days``). Missing where every such basket held the consequent.

    Notes
    -----
    A test of a bundle draws customers, and counts their baskets. How alike the baskets of one customer are
    within a test's length is measured from windows of ``horizon_days``, counted back from ``as_of``: variance
    of the confidence with customers' windows as clusters ÷ that of as many independent baskets. A longer test
    has more baskets a customer and a larger design effect.
    """
    top = bundles.head(most).reset_index(drop=True)
    if top.empty:
        nothing = pd.Series(dtype=float)
        return top.assign(design_effect=nothing, per_arm=nothing, customers_per_arm=nothing)
    sums = _sums(top, baskets, as_of=as_of, horizon_days=horizon_days).to_pyarrow().to_pandas()
    sums = sums.set_index("bundle").reindex(range(len(top)), fill_value=0)
    alike = ClusterSums(*(sums[name].to_numpy(dtype=float) for name in _SUMS))
    per_arm = units_an_arm(top["confidence"], design_effect=alike.design_effect)
    each = sums["units"] / sums["clusters"].where(sums["clusters"] > 0)
    return top.assign(
        design_effect=alike.design_effect, per_arm=per_arm, customers_per_arm=np.ceil(per_arm / each)
    )


def _sums(bundles: pd.DataFrame, baskets: Coded, *, as_of: dt.date, horizon_days: int | None) -> ir.Table:
    """For each bundle, over customers' windows: baskets with the first item, and those with both."""
    code = {name: number for number, name in enumerate(baskets.items)}
    ends = {end: bundles[end].map(code).to_numpy() for end in ("antecedent", "consequent")}
    asked = ibis.memtable(pd.DataFrame({"bundle": np.arange(len(bundles))} | ends).astype("int32"))
    rows = baskets.rows
    back = day_number(as_of) - rows.day
    window = ibis.literal(0) if horizon_days is None else (back // horizon_days).cast("int32")
    first = rows.select("basket", "customer", "item", window=window)
    first = first.inner_join(asked, first["item"] == asked.antecedent)
    first = first.select("bundle", "basket", "customer", "window", "consequent")
    other = rows.select(basket_2="basket", item_2="item")
    both = first.left_join(other, [first.basket == other.basket_2, first.consequent == other.item_2])
    each = both.group_by("bundle", "customer", "window").aggregate(
        m=both.count().cast("int64"), y=both.basket_2.notnull().cast("int64").sum()
    )
    return each.group_by("bundle").aggregate(
        clusters=each.count(), units=each.m.sum(), hits=each.y.sum(),
        units_squared=(each.m * each.m).sum(), hits_squared=(each.y * each.y).sum(),
        product=(each.m * each.y).sum(),
    )  # fmt: skip
