"""How sure do we want to be, and how small may a group be? One home for the level, the power and the limit.

Every interval of the project has the level :data:`LEVEL`, every planned test the power :data:`POWER`; a group
of fewer than :data:`SMALLEST_GROUP` customers is shown nowhere, because its numbers would be single people's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

__all__ = [
    "LEVEL",
    "POWER",
    "SMALLEST_GROUP",
    "Number",
    "customers_an_arm",
    "hide_small",
    "smallest_effect",
    "z",
]

LEVEL = 0.95
"""Of intervals: the share of them that hold the truth."""
POWER = 0.8
"""Of planned tests: the chance of finding an effect of the size that they were planned for."""
SMALLEST_GROUP = 5
"""Customers: a smaller group is merged or hidden on every page, in every result and picture."""


@dataclass(frozen=True)
class Number:
    """A named number as a run records it: with its unit, its interval and its p-value where it has them."""

    name: str
    value: Any
    unit: str = ""
    low: Any = None
    high: Any = None
    p: Any = None


def z(level: float = LEVEL) -> float:
    """Standard errors from an estimate to an end of its two-sided interval.

    Examples
    --------
    >>> round(z(), 4)
    1.96
    """
    return float(norm.ppf((1 + level) / 2))


def customers_an_arm(effect: float, variance: float, *, power: float = POWER, level: float = LEVEL) -> float:
    """Customers that each of two equal arms needs to find a difference of means.

    Parameters
    ----------
    effect
        The difference that has to be found, in the metric's unit; not 0.
    variance
        Of the metric, a customer; the mean of both arms' where they differ.
    power, level
        The chance of finding it; one less the two-sided error.

    Returns
    -------
    float
        2 s² (z_{1−α/2} + z_{power})² / effect² (Cohen, *Statistical Power Analysis*, 2nd ed., 1988,
        eq. 2.4.1, with the normal in place of t); infinite where the effect is 0.

    Examples
    --------
    >>> round(customers_an_arm(0.25, (0.5 * 0.5 + 0.75 * 0.25) / 2, power=0.9), 1)
    73.6
    """
    reach = z(level) + float(norm.ppf(power))
    return 2 * variance * reach**2 / effect**2 if effect else math.inf


def smallest_effect(
    customers: float, variance: float, *, power: float = POWER, level: float = LEVEL
) -> float:
    """The difference of means that a test with so many customers an arm finds; 0 where nothing varies.

    Examples
    --------
    >>> round(smallest_effect(1000, 0.25), 4)
    0.0626
    """
    return (
        float(np.sqrt(2 * variance / customers) * (z(level) + float(norm.ppf(power))))
        if customers
        else math.inf
    )


def hide_small(
    groups: pd.DataFrame,
    *,
    customers: str = "customers",
    keep: Iterable[str] = (),
    least: int = SMALLEST_GROUP,
) -> pd.DataFrame:
    """Blank out what would speak of single customers: every number of a group smaller than ``least``.

    Parameters
    ----------
    groups
        A row a group.
    customers
        The column that says how many customers are in it.
    keep
        Columns that stay as they are beside texts and categories: those that do not come from customers.
    least
        The smallest group that is shown.

    Returns
    -------
    pandas.DataFrame
        The same rows; numbers of small groups, their size too, are missing. Where exactly one group is small,
        the smallest of the others is hidden with it: a total less all that is shown would give it away.

    Examples
    --------
    >>> groups = pd.DataFrame({"customers": [40, 6, 1], "revenue": [9.0, 2.0, 7.0]})
    >>> hide_small(groups)["revenue"].isna().tolist()
    [False, True, True]
    """
    size = groups[customers].fillna(0)
    small = (size > 0) & (size < least)
    if small.sum() == 1 and (size >= least).sum() > 0:
        small = small | (groups.index == size[size >= least].idxmin())
    shown = groups.copy()
    for column in groups.columns:
        if column in keep or not _is_number(groups[column]):
            continue
        shown[column] = groups[column].astype(float).where(~small) if small.any() else groups[column]
    return shown


def _is_number(values: pd.Series) -> bool:
    """Whether a column holds numbers; exact ones (Decimal) are objects to pandas."""
    if values.dtype != object:
        return pd.api.types.is_numeric_dtype(values)
    known = values.dropna()
    return len(known) > 0 and all(isinstance(value, int | float | Decimal) for value in known)
