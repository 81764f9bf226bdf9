"""What could be offered to whom, by which method? Contenders that score every item for every customer.

Item-to-item cosine: B. Sarwar et al., "Item-Based Collaborative Filtering Recommendation Algorithms", WWW
2001, on bought or not. Everything is learnt from one day's history; nothing later is seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from crm_utils.methods.cross_sell.adjusted_lift import PairLift
from crm_utils.methods.cross_sell.coded import Coded
from crm_utils.methods.cross_sell.history import due_days, timing_cell

__all__ = ["METHODS", "Known", "learn"]

METHODS = {
    "new": (
        "popularity",
        "segment_popularity",
        "cosine",
        "rules",
        "rules_by_confidence",
        "rules_by_raw_lift",
    ),
    "reminder": ("popularity", "frequency", "timing"),
}
"""The contenders of each task: items new to the customer, and items that the customer bought before."""

_BLOCK = 4096
_CELLS = 100
"""More than there are cells of timing."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What is known of customers and items at the end of a day.

    Attributes
    ----------
    as_of
        The day.
    customers, numbers
        Names in the order of rows, and their numbers in the coded baskets (rising).
    items, columns
        Items bought in the last 28 days, the most bought first; and the column of each number, −1 for others.
    times, chances
        Days on which a customer bought an item, and the chance to buy it again by its timing. A last row,
        empty, is for who is not known.
    popularity
        Customers who bought each item in the last 28 days.
    segments, segment_popularity
        Number of each row's segment, and its popularity: a row a segment. The last segment is everyone.
    segment_names
        Their names; "" for everyone.
    weights
        For each method that goes from item to item, a matrix from bought (row) to offered (column).
    due
        From :func:`.history.due_days`; it stays in the engine.
    """

    as_of: dt.date
    customers: NDArray[np.object_]
    numbers: NDArray[np.int64]
    items: NDArray[np.object_]
    columns: NDArray[np.int64]
    times: sparse.csr_matrix
    chances: sparse.csr_matrix
    popularity: Floats
    segments: NDArray[np.int64]
    segment_popularity: Floats
    segment_names: NDArray[np.object_]
    weights: dict[str, Floats]
    due: ir.Table

    def rows_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each customer's number; −1, the last and empty one, for who is not known."""
        at = np.searchsorted(self.numbers, numbers)
        there = np.append(self.numbers, -1)[at] == numbers
        return np.where(there, at, -1)


def learn(
    history: ir.Table,
    baskets: Coded,
    *,
    as_of: dt.date,
    pairs: PairLift | None = None,
    segments: pd.Series[str] | None = None,
    chances: pd.Series[float] | None = None,
    methods: Collection[str] | None = None,
) -> Known:
    """Learn the contenders from what customers bought up to a day.

    Parameters
    ----------
    history
        From :func:`.history.item_history`, kept.
    baskets
        The same coded baskets: names are taken from them.
    as_of
        The same day.
    pairs
        Lift up to the same day; without it the rules offer nothing.
    segments
        Each customer's segment as of the same day, by ``customer_id``.
    chances
        From :func:`.history.rebuy_chances` of an earlier window; without them timing has none to offer.
    methods
        Those whose weights between items will be asked; None for all.
    """
    due = due_days(history, items=len(baskets.items), as_of=as_of)
    each = _frame(history.group_by("item").aggregate(n=history.recent.sum()))
    recent: Floats = np.zeros(len(baskets.items))
    recent[each["item"]] = each["n"]
    order = np.argsort(-recent, kind="stable")[: np.count_nonzero(recent)]
    columns = np.full(len(recent), -1)
    columns[order] = np.arange(len(order))
    numbers = np.sort(_frame(history.select("customer").distinct())["customer"].to_numpy(dtype=np.int64))
    row, column, times, now, cell = _bought(due, order, numbers)
    shape = (len(numbers) + 1, len(order))
    # The place of each entry by customer and item, for all that is known of it.
    place = sparse.csr_matrix((np.arange(len(row)), (row, column)), shape)
    bought = _filled(place, times.astype(np.float32))
    chance = np.zeros(len(row))
    if chances is not None:
        by_cell = chances.reindex(range(_CELLS)).fillna(chances.mean()).to_numpy(dtype=float)
        chance = by_cell[cell]
    customers = baskets.customers[numbers]
    popularity = recent[order]
    segment, names = _numbered(segments, customers)
    lately = now > 0
    cells = segment[row[lately]] * len(order) + column[lately]
    by_segment = np.bincount(cells, minlength=len(names) * len(order)).astype(float)
    by_segment = by_segment.reshape(len(names), len(order))
    by_segment[-1] = popularity
    items = baskets.items[order]
    return Known(
        as_of=as_of, customers=customers, numbers=numbers, items=items, columns=columns, times=bought,
        chances=_filled(place, chance), popularity=popularity, segments=segment,
        segment_popularity=by_segment, segment_names=names,
        weights=_weights(bought, pairs, items, METHODS["new"] if methods is None else methods), due=due,
    )  # fmt: skip


def _bought(
    due: ir.Table, order: NDArray[np.int64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What was bought of the items that can be offered: row and column, times, lately or not, timing cell.

    Narrow numbers: of a large shop there are a hundred million.
    """
    place = {"item": order.astype(np.int32), "column": np.arange(len(order), dtype=np.int32)}
    rows = due.mutate(cell=timing_cell(due)).inner_join(ibis.memtable(pd.DataFrame(place)), "item")
    small = {name: rows[name].cast("int16") for name in ("times", "recent", "cell")}
    arrow = rows.select("customer", "column", **small).to_pyarrow()
    customer, column, times, now, cell = (arrow[name].to_numpy() for name in arrow.column_names)
    row = np.searchsorted(numbers, customer).astype(np.int32)
    return row, column, times, now, cell


def _filled(place: sparse.csr_matrix, values: NDArray[Any]) -> sparse.csr_matrix:
    """The values where their places are; rows and columns are shared."""
    return sparse.csr_matrix((values[place.data], place.indices, place.indptr), place.shape)


def _frame(table: ir.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pyarrow().to_pandas()
    return frame


def _numbered(
    segments: pd.Series[str] | None, customers: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Each row's segment by number, and the names; who has none, or is not known, is in the last one."""
    named = pd.Series("", index=customers) if segments is None else segments.reindex(customers, fill_value="")
    names = np.append(np.array(sorted({*named} - {""}), dtype=object), "")
    return np.append(np.searchsorted(names[:-1], named.to_numpy(dtype=object)), len(names) - 1), names


def _weights(
    bought: sparse.csr_matrix, pairs: PairLift | None, items: NDArray[np.object_], methods: Collection[str]
) -> dict[str, Floats]:
    """For each of the methods that goes from item to item, its matrix."""
    weights = {"cosine": _cosine(bought)} if "cosine" in methods else {}
    if pairs is not None and set(methods) & {*METHODS["new"][3:]}:
        weights |= _rule_weights(pairs, items)
    return weights


def _cosine(times: sparse.csr_matrix) -> Floats:
    both = np.zeros((times.shape[1],) * 2)
    for start in range(0, times.shape[0], _BLOCK):
        # Dense and narrow: counts up to a block's length are exact in 32 bits, and multiply fast.
        bought = (times[start : start + _BLOCK] > 0).astype(np.float32).toarray()
        both += bought.T @ bought
    buyers = np.sqrt(np.maximum(both.diagonal(), 1))
    cosine = both / np.outer(buyers, buyers)
    np.fill_diagonal(cosine, 0)
    return np.asarray(cosine)


def _rule_weights(pairs: PairLift, items: NDArray[np.object_]) -> dict[str, Floats]:
    place = pd.Index(items)
    weights = {name: np.zeros((len(items), len(items))) for name in METHODS["new"][3:]}
    table = pairs.table
    sure = table["q_value"].le(0.05) & table["adjusted_lift"].gt(1)
    ends = {end: place.get_indexer(pd.Index(table[end])) for end in ("item", "other")}
    for bought, offered in (("item", "other"), ("other", "item")):
        there = (ends["item"] >= 0) & (ends["other"] >= 0)
        for name, weight, use in (
            ("rules", table["adjusted_lift"], sure),
            ("rules_by_confidence", table["count"] / table[f"{bought}_count"], sure),
            ("rules_by_raw_lift", table["lift"], table["lift"] > 1),
        ):
            kept = there & use.to_numpy()
            weights[name][ends[bought][kept], ends[offered][kept]] = weight.to_numpy()[kept]
    return weights
