"""Are customers still like those learnt from? How far features and scores have shifted.

PSI = Σ (now − then) · ln(now / then) over groups of the earlier values (S. Kullback's symmetric divergence).
It is never 0: two samples of the same customers give about (groups − 1) · (1 / n + 1 / m), B. Yurdakul,
*Statistical Properties of Population Stability Index*, 2018.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.methods.churn.contenders import Fitted
from crm_utils.methods.churn.themes import features_there

__all__ = ["MOVED", "feature_drift", "psi", "score_drift"]

MOVED = 0.1
"""From here on a shift is worth a look; from .25 on the trade calls it large."""

_GROUPS = 10


def psi(then: NDArray[np.float64], now: NDArray[np.float64]) -> tuple[float, float]:
    """Population stability index, and what chance alone would bring.

    Parameters
    ----------
    then, now
        Values; missing ones are a group of their own.

    Returns
    -------
    tuple
        The index, and its expectation without any shift.

    Notes
    -----
    A group without anyone counts as half a customer.

    Examples
    --------
    >>> import numpy as np
    >>> psi(np.arange(1000.0), np.arange(1000.0))[0]
    0.0
    """
    known = then[np.isfinite(then)]
    counts = []
    few = np.unique(known)
    cuts = few if len(few) <= _GROUPS else _tenths(known)
    for values in (then, now):
        group = np.searchsorted(cuts, values, side="left")
        if len(few) <= _GROUPS:  # a value that was not there before is a group beside those that were
            group = group + np.searchsorted(cuts, values, side="right")
        group = np.where(np.isfinite(values), group, 2 * len(cuts) + 1)
        counts.append(np.bincount(group, minlength=2 * len(cuts) + 2))
    used = (counts[0] + counts[1]) > 0
    shares = [np.maximum(c[used], 0.5) / max(len(v), 1) for c, v in zip(counts, (then, now), strict=True)]
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return index, float((used.sum() - 1) * (1 / max(len(then), 1) + 1 / max(len(now), 1)))


def _tenths(values: NDArray[np.float64]) -> NDArray[np.float64]:
    cuts = np.quantile(values, np.arange(1, _GROUPS) / _GROUPS, method="inverted_cdf")
    return np.asarray(np.unique(cuts))


def feature_drift(then: pd.DataFrame, now: pd.DataFrame, *, scores: tuple[str, ...] = ()) -> pd.DataFrame:
    """The shift of every feature and score between two sets of rows.

    Returns
    -------
    pandas.DataFrame
        ``feature``, ``psi``, ``by_chance``, ``moved`` (psi of at least :data:`MOVED` and twice what chance
        brings), largest first.
    """
    rows = []
    for name in [f.name for f in features_there(then.columns)] + list(scores):
        before, after = then[name], now[name]
        if not pd.api.types.is_numeric_dtype(before):
            names = sorted({*before.astype(str), *after.astype(str)})
            places = {value: float(k) for k, value in enumerate(names)}
            before, after = before.astype(str).map(places), after.astype(str).map(places)
        rows.append((name, *psi(before.to_numpy(dtype=float), after.to_numpy(dtype=float))))
    table = pd.DataFrame(rows, columns=["feature", "psi", "by_chance"])
    table["moved"] = (table["psi"] >= MOVED) & (table["psi"] >= 2 * table["by_chance"])
    return table.sort_values("psi", ascending=False, ignore_index=True)


def score_drift(past: pd.DataFrame, today: pd.DataFrame, model: Fitted) -> pd.DataFrame:
    """The shift of features and of the forecast, from the last past cut-off to today.

    Parameters
    ----------
    past, today
        Rows of a panel.
    model
        The forecast, which becomes a column ``score``.
    """
    before = past[past["cutoff"] == past["cutoff"].max()]
    then, now = (rows.assign(score=model.predict(rows)) for rows in (before, today))
    return feature_drift(then, now, scores=("score",))
