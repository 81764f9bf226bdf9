"""What could be offered to whom, by which method? Contenders that score every item for every customer.

Item-to-item cosine: B. Sarwar et al., "Item-Based Collaborative Filtering Recommendation Algorithms", WWW
2001, on bought or not. Everything is learnt from one day's history; nothing later is seen.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from crm_utils.methods.cross_sell.adjusted_lift import PairLift
from crm_utils.methods.cross_sell.coded import Coded
from crm_utils.methods.cross_sell.history import cell_keys, due_days, timing_cells

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
        The history with ``gap_days``, ``silent_days`` and ``due_in_days``, by customer and item.
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
    due: pd.DataFrame

    def rows_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each customer's number; −1, the last and empty one, for who is not known."""
        at = np.searchsorted(self.numbers, numbers)
        there = np.append(self.numbers, -1)[at] == numbers
        return np.where(there, at, -1)


def learn(
    history: pd.DataFrame,
    baskets: Coded,
    *,
    as_of: dt.date,
    pairs: PairLift | None = None,
    segments: pd.Series[str] | None = None,
    chances: pd.Series[float] | None = None,
) -> Known:
    """Learn all contenders from what customers bought up to a day.

    Parameters
    ----------
    history
        From :func:`.history.item_history`, as a DataFrame.
    baskets
        The same coded baskets: names are taken from them.
    as_of
        The same day.
    pairs
        Lift up to the same day; without it the rules offer nothing.
    segments
        Each customer's segment as of the same day, by ``customer_id``.
    chances
        From :func:`.history.rebuy_chances` of an earlier window.
    """
    # Ordered by one number for both: a tenth of the time that ordering by two columns takes.
    due = due_days(history.iloc[np.argsort(cell_keys(history))].reset_index(drop=True), as_of=as_of)
    recent: Floats = np.bincount(due["item"], due["recent"], len(baskets.items)).astype(np.float64)
    order = np.argsort(-recent, kind="stable")[: np.count_nonzero(recent)]
    columns = np.full(len(recent), -1)
    columns[order] = np.arange(len(order))
    numbers = due["customer"].unique().astype(np.int64)
    # The columns that scores are made of alone: a large shop's history is what fills the memory.
    shelf = columns[due["item"]]
    there = shelf >= 0
    kept = due.loc[there, ["times", "recent"]]
    at = (
        np.searchsorted(numbers, due.loc[there, "customer"]).astype(np.int32),
        shelf[there].astype(np.int32),
    )
    shape = (len(numbers) + 1, len(order))
    chance: Floats = np.zeros(len(kept))
    if chances is not None:
        cells = pd.Series(timing_cells(due)[there])
        chance = np.asarray(cells.map(chances).fillna(chances.mean()), dtype=np.float64)
    times = sparse.csr_matrix((kept["times"].astype(float), at), shape)
    customers = baskets.customers[numbers]
    popularity = recent[order]
    segment, names = _numbered(segments, customers)
    by_segment = np.zeros((len(names), len(order)))
    np.add.at(by_segment, (segment[at[0]], at[1]), kept["recent"])
    by_segment[-1] = popularity
    items = baskets.items[order]
    return Known(
        as_of=as_of, customers=customers, numbers=numbers, items=items, columns=columns, times=times,
        chances=sparse.csr_matrix((chance, at), shape), popularity=popularity, segments=segment,
        segment_popularity=by_segment, segment_names=names,
        weights={"cosine": _cosine(times)} | ({} if pairs is None else _rule_weights(pairs, items)), due=due,
    )  # fmt: skip


def _numbered(
    segments: pd.Series[str] | None, customers: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Each row's segment by number, and the names; who has none, or is not known, is in the last one."""
    named = pd.Series("", index=customers) if segments is None else segments.reindex(customers, fill_value="")
    names = np.append(np.array(sorted({*named} - {""}), dtype=object), "")
    return np.append(np.searchsorted(names[:-1], named.to_numpy(dtype=object)), len(names) - 1), names


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
