"""How good is a ranked list of offers? Hits, precision, recall, MAP, nDCG and MRR at k, a row a customer.

Definitions as in the evaluation of the Recommenders project (A. Argyriou, M. González-Fierro, L. Zhang,
"Microsoft Recommenders", WWW 2020), and K. Järvelin, J. Kekäläinen, ACM TOIS 20(4), 2002, for nDCG.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.statistics import LEVEL

__all__ = ["MEASURES", "bootstrap_means", "rank_measures"]

MEASURES = ("hit_rate", "precision", "recall", "map", "ndcg", "mrr")


def rank_measures(hits: NDArray[np.bool_], relevant: NDArray[np.int64]) -> pd.DataFrame:
    """Measure each customer's ranked offers.

    Parameters
    ----------
    hits
        A row a customer, a column a rank from the first to the k-th: whether the offer was relevant. An offer
        that was not made is no hit.
    relevant
        How many items were relevant to each customer, offered or not.

    Returns
    -------
    pandas.DataFrame
        ``hit_rate`` (1 with at least one hit), ``precision`` (hits / k), ``recall`` (hits / relevant),
        ``map`` (mean of the precisions at the hits, over the smaller of k and relevant), ``ndcg`` (gain
        1 / log2(rank + 1), over the best there is), ``mrr`` (1 / rank of the first hit). A customer to whom
        nothing was relevant scores 0 in all: the mean is over everyone.

    Examples
    --------
    >>> import numpy as np
    >>> rank_measures(np.array([[False, True]]), np.array([1])).round(3).to_dict("records")
    [{'hit_rate': 1.0, 'precision': 0.5, 'recall': 1.0, 'map': 0.5, 'ndcg': 0.631, 'mrr': 0.5}]
    """
    k = hits.shape[1]
    ranks = np.arange(1, k + 1)
    gains = 1 / np.log2(ranks + 1)
    most = np.minimum(relevant, k)
    best = np.append(0, gains.cumsum())[most]
    some = np.maximum(most, 1)
    precisions = hits.cumsum(axis=1) / ranks
    return pd.DataFrame(
        {
            "hit_rate": hits.any(axis=1).astype(float),
            "precision": hits.mean(axis=1) if k else np.zeros(len(hits)),
            "recall": hits.sum(axis=1) / np.maximum(relevant, 1),
            "map": (hits * precisions).sum(axis=1) / some,
            "ndcg": (hits * gains).sum(axis=1) / np.where(best > 0, best, 1),
            "mrr": (hits / ranks).max(axis=1, initial=0.0),
        }
    )


def bootstrap_means(values: NDArray[np.float64], *, seed: int, draws: int = 1000) -> NDArray[np.float64]:
    """95 % intervals of means over customers, by drawing customers with replacement (percentiles).

    Parameters
    ----------
    values
        A row a customer, a column a measure or a difference: all columns see the same draws.
    seed
        Of the draws.
    draws
        How many times.

    Returns
    -------
    numpy.ndarray
        Two rows, low and high; a column as in ``values``.
    """
    n, rng = len(values), np.random.default_rng(seed)
    if not n:
        return np.zeros((2, values.shape[1]))
    step = max(1, 5_000_000 // n)  # customers times draws held at a time
    means = [
        rng.multinomial(n, np.full(n, 1 / n), size=min(step, draws - done)) @ values / n
        for done in range(0, draws, step)
    ]
    return np.asarray(np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0))
