"""Which items does a contender rank first for each customer? The best k of all scores, in blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from crm_utils.methods.cross_sell.contenders import Floats, Known

__all__ = ["rank_items"]

_BLOCK = 4096
"""Customers whose scores of all items are held at a time."""


def rank_items(
    known: Known, rows: NDArray[np.int64], *, task: str, method: str, k: int
) -> tuple[NDArray[np.int64], Floats]:
    """The k best items for each customer, and their scores.

    Parameters
    ----------
    known
        From :func:`.contenders.learn`.
    rows
        For whom, as rows of ``known``; −1 for one who is not known and has bought nothing.
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
    best = np.full((len(rows), k), -1, dtype=np.int64)
    strength = np.zeros((len(rows), k))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        scores = (_old_scores if task == "reminder" else _new_scores)(known, block, method)
        each = np.arange(len(block))
        for rank in range(min(k, len(known.items))):
            # The first of equal ones: columns are in the order of popularity.
            column = scores.argmax(axis=1)
            value = scores[each, column]
            scores[each, column] = -np.inf
            best[start + each, rank] = np.where(value > 0, column, -1)
            strength[start + each, rank] = np.where(value > 0, value, 0.0)
    return best, strength


def _old_scores(known: Known, block: NDArray[np.int64], method: str) -> Floats:
    """Scores of the items that each customer bought before."""
    owned = (known.chances if method == "timing" else known.times)[block]
    scores = np.full(owned.shape, -np.inf)
    scores[_where(owned)] = known.popularity[owned.indices] if method == "popularity" else owned.data
    return scores


def _new_scores(known: Known, block: NDArray[np.int64], method: str) -> Floats:
    """Scores of the items that each customer never bought."""
    owned = known.times[block]
    if method == "segment_popularity":
        scores = known.segment_popularity[known.segments[block]]
    elif method == "popularity":
        scores = np.tile(known.popularity, (len(block), 1))
    elif method == "cosine":
        scores = (owned > 0).astype(float) @ known.weights[method]
    else:
        scores = _best_rules(owned, known.weights.get(method))
    scores[_where(owned)] = -np.inf
    return scores


def _best_rules(owned: sparse.csr_matrix, weights: Floats | None) -> Floats:
    """Of all rules from what a customer bought to an item, the strongest."""
    scores = np.zeros(owned.shape)
    if weights is None:
        return scores
    offered = np.flatnonzero(weights.any(axis=0))
    leads = np.asarray(weights.any(axis=1))
    narrow = weights[:, offered]
    for row, bought in enumerate(np.split(owned.indices, owned.indptr[1:-1])):
        bought = bought[leads[bought]]
        if len(bought):
            scores[row, offered] = narrow[bought].max(axis=0)
    return scores


def _where(owned: sparse.csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Row and column of all that is bought."""
    return np.repeat(np.arange(owned.shape[0]), np.diff(owned.indptr)), owned.indices
