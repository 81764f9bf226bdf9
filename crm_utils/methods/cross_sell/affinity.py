"""Which segment buys more of what than the other customers? For content that speaks to a segment."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.engine import keep
from crm_utils.features import SMALLEST_GROUP, Number
from crm_utils.methods.cross_sell.adjusted_lift import LEAST_EXPECTED
from crm_utils.methods.cross_sell.coded import Coded
from crm_utils.methods.cross_sell.parts import FEWEST_CUSTOMERS, PARTS, judge_ratios

__all__ = ["affinity_numbers", "segment_affinities"]


def segment_affinities(
    baskets: Coded, segments: ir.Table | None, *, least_expected: float = LEAST_EXPECTED
) -> pd.DataFrame:
    """Compare each segment's mix of items with that of all other customers.

    Parameters
    ----------
    baskets
        From :func:`.cross_sell.code_baskets`.
    segments
        ``customer_id``, ``segment``; None where nobody could be named.
    least_expected
        Cells expected to hold fewer entries (an item in an order) are not tested.

    Returns
    -------
    pandas.DataFrame
        ``segment``, ``item``, ``count``, ``index`` (the item's share of the segment's entries ÷ its share of
        the others'; 1 is alike), ``low``, ``high`` (95 %, clustered by customer), ``p_value``, ``q_value``
        (Benjamini-Hochberg over all rows). By segment, then falling index. Empty where customers are too few;
        segments of fewer than five customers are left out, and count as others.

    Notes
    -----
    A share of entries, not of customers: those who buy more of everything do not stand out for it. Segments
    made from the same orders differ in what they buy for the same reasons: a description, not an effect.
    """
    columns = ["segment", "item", "count", "index", "low", "high", "p_value", "q_value"]
    if segments is None:
        return pd.DataFrame(columns=columns)
    dealt = segments.mutate(part=ibis.row_number().over(order_by=segments.customer_id) % PARTS)
    numbers = np.arange(len(baskets.customers), dtype=np.int32)
    names = ibis.memtable(pd.DataFrame({"customer": numbers, "customer_id": baskets.customers}))
    dealt = keep(dealt.inner_join(names, "customer_id").select("customer", "segment", "part"))
    bought = baskets.rows.select("customer", "item").inner_join(dealt, "customer")
    cells = bought.group_by("segment", "item", "part").aggregate(n=bought.count()).to_pyarrow().to_pandas()
    if cells["part"].nunique() < FEWEST_CUSTOMERS or cells["segment"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    named, items = np.sort(cells["segment"].unique()), np.sort(cells["item"].unique())
    parts = np.sort(cells["part"].unique())
    held = np.zeros((len(parts), len(named), len(items)))
    at = (np.searchsorted(parts, cells["part"]), np.searchsorted(named, cells["segment"]))
    held[(*at, np.searchsorted(items, cells["item"]))] = cells["n"]
    counts, expected = held.sum(axis=0), _expected(held.sum(axis=0))
    # In so many parts there are as many people.
    several = (held.sum(axis=2) > 0).sum(axis=0) >= SMALLEST_GROUP
    row, column = np.nonzero((expected >= least_expected) & several[:, None])
    left = counts - held
    # One part at a time: an expectation of nothing, left out, would divide by zero.
    without = np.array([np.maximum(_expected(some)[row, column], 1e-9) for some in left])
    judged = judge_ratios(counts[row, column], expected[row, column], left[:, row, column], without)
    frame = pd.DataFrame({
        "segment": named[row], "item": baskets.items[items[column]],
        "count": counts[row, column].astype("int64"),
        "index": judged.ratio, "low": judged.low, "high": judged.high,
        "p_value": judged.p_value, "q_value": judged.q_value,
    })  # fmt: skip
    return frame.sort_values(["segment", "index", "item"], ascending=[True, False, True], ignore_index=True)


def affinity_numbers(affinities: pd.DataFrame) -> list[Number]:
    """What a run records of it: cells that differ from the other customers."""
    return [Number("affinities.significant", int((affinities["q_value"] <= 0.05).sum()), "cells")]


def _expected(counts: np.ndarray) -> np.ndarray:
    """Entries of each segment and item, if the segment had the other customers' mix."""
    others = counts.sum(axis=0) - counts
    everything = np.maximum(others.sum(axis=1, keepdims=True), 1)
    return np.asarray(counts.sum(axis=1, keepdims=True) * others / everything)
