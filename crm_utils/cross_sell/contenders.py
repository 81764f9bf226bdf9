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

from crm_utils.cross_sell.adjusted_lift import PairLift
from crm_utils.cross_sell.history import due_days, timing_cells

__all__ = ["METHODS", "Known", "learn", "rank_items"]

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
    customers, items
        Their names in the order of rows and columns; items bought in the last 28 days, the most bought first.
    times, chances
        Days on which a customer bought an item, and the chance to buy it again by its timing.
    popularity
        Customers who bought each item in the last 28 days.
    segments, segment_popularity
        Each customer's segment ("" where there is none), and its popularity: a row a segment.
    weights
        For each method that goes from item to item, a matrix from bought (row) to offered (column).
    due
        The history with ``gap_days``, ``silent_days`` and ``due_in_days``.
    """

    as_of: dt.date
    customers: NDArray[np.object_]
    items: NDArray[np.object_]
    times: sparse.csr_matrix
    chances: sparse.csr_matrix
    popularity: Floats
    segments: NDArray[np.object_]
    segment_popularity: pd.DataFrame
    weights: dict[str, Floats]
    due: pd.DataFrame


def learn(
    history: pd.DataFrame,
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
        From :func:`crm_utils.cross_sell.history.item_history`, as a DataFrame.
    as_of
        The same day.
    pairs
        Lift up to the same day; without it the rules offer nothing.
    segments
        Each customer's segment as of the same day, by ``customer_id``.
    chances
        From :func:`crm_utils.cross_sell.history.rebuy_chances` of an earlier window.
    """
    due = due_days(history, as_of=as_of).sort_values(["customer_id", "item"], ignore_index=True)
    popular = due.groupby("item", as_index=False)[["recent"]].sum().query("recent > 0")
    popular = popular.sort_values(["recent", "item"], ascending=[False, True])
    items = popular["item"].to_numpy(dtype=object)
    kept = due[due["item"].isin(items)]
    who = pd.Categorical(kept["customer_id"], categories=sorted(due["customer_id"].unique()))
    what = pd.Categorical(kept["item"], categories=items)
    shape, at = (len(who.categories), len(items)), (who.codes, what.codes)
    cells = pd.Series(timing_cells(kept))
    chance = np.zeros(len(kept)) if chances is None else cells.map(chances).fillna(chances.mean()).to_numpy()
    of = (
        pd.Series("", index=who.categories)
        if segments is None
        else segments.reindex(who.categories, fill_value="")
    )
    named = kept.assign(segment=kept["customer_id"].map(of))
    by_segment = named.pivot_table(
        index="segment", columns="item", values="recent", aggfunc="sum", fill_value=0
    )
    times = sparse.csr_matrix((kept["times"].astype(float), at), shape)
    return Known(
        as_of=as_of,
        customers=np.asarray(who.categories, dtype=object),
        items=items,
        times=times,
        chances=sparse.csr_matrix((chance, at), shape),
        popularity=popular["recent"].to_numpy(dtype=float),
        segments=of.to_numpy(dtype=object),
        segment_popularity=by_segment.reindex(columns=items, fill_value=0),
        weights={"cosine": _cosine(times)} | ({} if pairs is None else _rule_weights(pairs, items)),
        due=due,
    )


def rank_items(
    known: Known, customers: NDArray[np.object_], *, task: str, method: str, k: int
) -> tuple[NDArray[np.int64], Floats]:
    """The k best items for each customer, and their scores.

    Parameters
    ----------
    known
        From :func:`learn`.
    customers
        For whom; one who is not known has bought nothing.
    task
        ``new``: items the customer never bought; ``reminder``: items bought before.
    method
        One of ``METHODS[task]``.
    k
        How many offers at most.

    Returns
    -------
    tuple
        Columns of ``known.items``, −1 where there is nothing to offer, and scores; a row a customer. Of equal
        scores the more popular item comes first.
    """
    rows = pd.Index(known.customers).get_indexer(pd.Index(customers))
    k_there = min(k, len(known.items))
    best = np.full((len(rows), k), -1, dtype=np.int64)
    found = np.zeros((len(rows), k))
    if not k_there:
        return best, found
    # A tie is decided by the column's place, which is its popularity's.
    tie = np.arange(len(known.items)) * 1e-9
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        times = _rows(known.times, block)
        scores = _scores(known, block, times, method)
        allowed = (scores > 0) & ((times == 0) if task == "new" else (times > 0))
        scores = np.where(allowed, scores, -np.inf)
        largest = float(scores[allowed].max()) if allowed.any() else 1.0
        keys = scores - tie * largest
        top = np.argpartition(-keys, k_there - 1, axis=1)[:, :k_there]
        top = np.take_along_axis(top, np.take_along_axis(-keys, top, axis=1).argsort(axis=1), axis=1)
        value = np.take_along_axis(scores, top, axis=1)
        best[start : start + len(block), :k_there] = np.where(np.isfinite(value), top, -1)
        found[start : start + len(block), :k_there] = np.where(np.isfinite(value), value, 0.0)
    return best, found


def _scores(known: Known, block: NDArray[np.int64], times: Floats, method: str) -> Floats:
    everyone = np.broadcast_to(known.popularity, times.shape)
    if method == "frequency":
        return times
    if method == "timing":
        return _rows(known.chances, block)
    if method == "segment_popularity" and len(known.segments):
        named = pd.Index(known.segment_popularity.index)
        place = named.get_indexer(pd.Index(np.where(block >= 0, known.segments[block], "")))
        of = known.segment_popularity.to_numpy(dtype=float)
        return np.where((place >= 0)[:, None], of[place], everyone)
    if method in ("popularity", "segment_popularity"):
        return np.asarray(everyone)
    weights = known.weights.get(method)
    if weights is None:
        return np.zeros(times.shape)
    owned = (times > 0).astype(float)
    if method == "cosine":
        return owned @ weights
    scores = np.zeros(times.shape)
    offered = np.flatnonzero(weights.any(axis=0))
    best, weights = np.zeros((len(owned), len(offered))), weights[:, offered]
    for bought in np.flatnonzero(weights.any(axis=1)):  # the best rule that applies
        np.maximum(best, owned[:, [bought]] * weights[bought], out=best)
    scores[:, offered] = best
    return scores


def _rows(matrix: sparse.csr_matrix, block: NDArray[np.int64]) -> Floats:
    """Dense rows; zeros for a customer who is not known."""
    if not matrix.shape[0]:
        return np.zeros((len(block), matrix.shape[1]))
    dense = np.asarray(matrix[np.maximum(block, 0)].todense(), dtype=float)
    return dense * (block >= 0)[:, None]


def _cosine(times: sparse.csr_matrix) -> Floats:
    bought = (times > 0).astype(float)
    both = np.asarray((bought.T @ bought).todense())
    buyers = np.sqrt(np.maximum(both.diagonal(), 1))
    cosine = both / np.outer(buyers, buyers)
    np.fill_diagonal(cosine, 0)
    return cosine


def _rule_weights(pairs: PairLift, items: NDArray[np.object_]) -> dict[str, Floats]:
    place = pd.Index(items)
    found = {name: np.zeros((len(items), len(items))) for name in METHODS["new"][3:]}
    sure = pairs.table["q_value"].le(0.05) & pairs.table["adjusted_lift"].gt(1)
    for bought, offered in (("item", "other"), ("other", "item")):
        a, c = (place.get_indexer(pd.Index(pairs.table[end])) for end in (bought, offered))
        confidence = pairs.table["count"] / pairs.table[f"{bought}_count"]
        there = (a >= 0) & (c >= 0)
        for name, weight, use in (
            ("rules", pairs.table["adjusted_lift"], sure),
            ("rules_by_confidence", confidence, sure),
            ("rules_by_raw_lift", pairs.table["lift"], pairs.table["lift"] > 1),
        ):
            kept = there & use.to_numpy()
            found[name][a[kept], c[kept]] = weight.to_numpy()[kept]
    return found
