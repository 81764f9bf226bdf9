"""Which forecast is good enough? The simplest whose loss is within one standard error of the lowest.

The rule of one standard error is that of L. Breiman, J. Friedman, R. Olshen, C. Stone, *Classification and
Regression Trees*, 1984, section 3.4.3; errors are clustered by customer, who stands in several rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["clustered_error", "simplest_within_error"]

Floats = NDArray[np.float64]


def simplest_within_error(losses: Mapping[str, Floats], customers: pd.Series[str]) -> pd.DataFrame:
    """Hold every contender against the best, row by row, and choose the first that is near enough.

    Parameters
    ----------
    losses
        Of each contender, the simplest first: a loss a row, all of the same rows.
    customers
        Whose each row is.

    Returns
    -------
    pandas.DataFrame
        A row a contender: ``contender``, ``loss`` (mean), ``behind`` (the best), ``error`` (standard error of
        that), ``chosen``. Without rows the numbers are missing and the simplest is chosen.

    Examples
    --------
    >>> losses = {"plain": np.array([1.0, 0, 0, 1]), "fancy": np.array([1.0, 0, 0, 0])}
    >>> simplest_within_error(losses, pd.Series(list("abcd")))["chosen"].tolist()
    [True, False]
    """
    names = list(losses)
    if not len(customers):
        table = pd.DataFrame({"contender": names, "loss": np.nan, "behind": np.nan, "error": np.nan})
        return table.assign(chosen=table.index == 0)
    best = min(names, key=lambda name: float(losses[name].mean()))
    rows = []
    for name in names:
        behind = losses[name] - losses[best]
        error = clustered_error(behind, customers)
        rows.append((name, float(losses[name].mean()), float(behind.mean()), error))
    table = pd.DataFrame(rows, columns=["contender", "loss", "behind", "error"])
    near = table["behind"] <= table["error"]
    return table.assign(chosen=table.index == near.idxmax())


def clustered_error(values: Floats, customers: pd.Series[str]) -> float:
    """Standard error of a mean whose rows of one customer belong together.

    √(C / (C − 1) · Σ_c (Σ_{i in c} (v_i − v̄))²) / N.
    """
    codes, clusters = pd.factorize(customers)
    sums = np.bincount(codes, weights=values - values.mean(), minlength=len(clusters))
    n = len(clusters)
    return float(np.sqrt(n / max(n - 1, 1) * (sums**2).sum()) / max(len(values), 1))
