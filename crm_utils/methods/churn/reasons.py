"""Why is a customer at risk? Codes and numbers, and only of what speaks for leaving.

A theme is a reason when the model's own term for it raises the customer's risk *and* customers with such a
value lapsed more often than average in the past. The second keeps out what only balances another term: a
model that has already counted the silence may add for many orders what it took off for another feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.methods.churn.contenders import Fitted
from crm_utils.methods.churn.themes import LEADING

__all__ = ["MOST_REASONS", "Evidence", "find_evidence", "reasons"]

MOST_REASONS = 2
"""Reasons that a list gives for each customer."""

_GROUPS = 5


@dataclass(frozen=True)
class Evidence:
    """How many lapsed, by the value of each theme's leading feature.

    Attributes
    ----------
    cuts
        For each theme with numbers, the values that separate its groups, rising; the rates have one entry
        more, and a last one for customers whose value is not known.
    rates
        Share that lapsed in each group.
    named
        For themes with names, the share for each of them.
    overall
        Share of all.
    """

    cuts: dict[str, NDArray[np.float64]]
    rates: dict[str, NDArray[np.float64]]
    named: dict[str, dict[str, float]]
    overall: float

    def speaks_for_leaving(self, theme: str, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """For each row: whether customers with such a value lapsed more often than average."""
        name = LEADING.get(theme)
        if name is None or name not in rows.columns:
            return np.zeros(len(rows), dtype=bool)
        if theme in self.named:
            shares = rows[name].astype(str).map(self.named[theme])
            return np.asarray(shares.fillna(0.0).to_numpy(dtype=float) > self.overall)
        if theme not in self.cuts:
            return np.zeros(len(rows), dtype=bool)
        values = rows[name].to_numpy(dtype=float)
        group = np.searchsorted(self.cuts[theme], values, side="left")
        known = np.isfinite(values)
        rates = self.rates[theme][np.where(known, group, 0)]
        return np.asarray(known & (rates > self.overall))


def find_evidence(rows: pd.DataFrame, *, label: str = "lapse") -> Evidence:
    """Count past lapses by the leading feature of each theme, in fifths of its values.

    Parameters
    ----------
    rows
        Of a panel, with the label known.
    label
        The outcome.
    """
    actual = rows[label].to_numpy(dtype=float)
    overall = float(actual.mean()) if len(actual) else 0.0
    cuts, rates, named = {}, {}, {}
    for theme, name in LEADING.items():
        if name not in rows.columns or not len(rows):
            continue
        if not pd.api.types.is_numeric_dtype(rows[name]):
            shares = pd.Series(actual).groupby(rows[name].astype(str).to_numpy()).mean()
            named[theme] = {str(k): float(v) for k, v in shares.items()}
            continue
        values = rows[name].to_numpy(dtype=float)
        known = np.isfinite(values)
        if not known.any():
            continue
        steps = np.arange(1, _GROUPS) / _GROUPS
        cuts[theme] = np.unique(np.quantile(values[known], steps, method="inverted_cdf"))
        group = np.searchsorted(cuts[theme], values[known], side="left")
        size = np.bincount(group, minlength=len(cuts[theme]) + 1)
        lapsed = np.bincount(group, weights=actual[known], minlength=len(cuts[theme]) + 1)
        rates[theme] = np.where(size > 0, lapsed / np.maximum(size, 1), 0.0)
    return Evidence(cuts, rates, named, overall)


def reasons(
    model: Fitted, evidence: Evidence, rows: pd.DataFrame, *, most: int = MOST_REASONS
) -> pd.DataFrame:
    """Find for each row what raises its risk most.

    Parameters
    ----------
    model
        One whose terms add up.
    evidence
        Past lapses by value.
    rows
        The panel's rows.
    most
        Reasons a customer.

    Returns
    -------
    pandas.DataFrame
        A row as in ``rows``: ``reason_1``, ``reason_1_value``, ``reason_2``, …: a theme and the number its
        leading feature has (missing where it is a name, and where there is no such reason).
    """
    terms = model.contributions(rows)
    allowed = {theme: evidence.speaks_for_leaving(str(theme), rows) for theme in terms.columns}
    counted = np.column_stack([np.where(allowed[t], terms[t], -np.inf) for t in terms.columns])
    themes = np.array(terms.columns, dtype=object)
    order = np.argsort(-counted, axis=1, kind="stable")
    said: dict[str, object] = {}
    for k in range(most):
        place = order[:, k] if k < len(themes) else np.zeros(len(rows), dtype=int)
        weight = np.take_along_axis(counted, place[:, None], axis=1)[:, 0]
        there = (weight > 0) & (k < len(themes))
        said[f"reason_{k + 1}"] = pd.Series(themes[place], index=rows.index, dtype=object).where(there, None)
        said[f"reason_{k + 1}_value"] = _values(rows, themes, place, there)
    return pd.DataFrame(said, index=rows.index)


def _values(
    rows: pd.DataFrame, themes: NDArray[np.object_], place: NDArray[np.int64], there: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The number of each row's chosen theme; missing where it is none."""
    values = np.full(len(rows), np.nan)
    for k, theme in enumerate(themes):
        name = LEADING.get(str(theme))
        mine = there & (place == k)
        if mine.any() and name in rows.columns and pd.api.types.is_numeric_dtype(rows[name]):
            values[mine] = rows[name].to_numpy(dtype=float)[mine]
    return values
