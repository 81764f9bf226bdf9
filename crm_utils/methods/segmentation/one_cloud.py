"""What would the same customers look like as one cloud? Data without groups, to hold a clustering against.

Each measure keeps its shape but for its humps, and its rank correlation with the others: a Gaussian copula
over margins smoothed until they have one mode (the critical bandwidth of Silverman, *Using kernel density
estimates to investigate multimodality*, J. R. Statist. Soc. B 43, 1981). A cloud that is skewed, flat or cut
off at one order is so compared with its like, and not with a normal one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.stats import norm, rankdata

__all__ = ["one_cloud", "spread_out"]

Floats = NDArray[np.float64]
_WIDEST = 0.35
"""Log units to either side over which a value of a coarse grain is spread, at most."""


def spread_out(points: Floats, rng: np.random.Generator) -> Floats:
    """Spread each value evenly over the way to its neighbours, so that lumps at whole orders are no groups.

    Parameters
    ----------
    points
        Rows of measures, in log units.
    rng
        Draws the places.

    Returns
    -------
    numpy.ndarray
        The same shape; values that lie close to each other hardly move.
    """
    spread = points.copy()
    for d in range(points.shape[1]):
        values, at = np.unique(points[:, d], return_inverse=True)
        if len(values) > 1:
            half = np.minimum(np.diff(values) / 2, _WIDEST)
            below, above = np.append(half[:1], half), np.append(half, half[-1:])
            spread[:, d] += rng.random(len(points)) * (below + above)[at] - below[at]
    return spread


def one_cloud(points: Floats, rng: np.random.Generator, *, cell: float) -> Floats:
    """Draw as many customers from one cloud with these margins and rank correlations.

    Parameters
    ----------
    points
        Rows of measures, in log units.
    rng
        Draws the cloud.
    cell
        Width of the grid on which modes are counted.

    Returns
    -------
    numpy.ndarray
        The same shape.
    """
    n, measures = points.shape
    scores = np.column_stack([norm.ppf((rankdata(column) - 0.5) / n) for column in points.T])
    varies = scores.std(axis=0) > 0
    correlation = np.eye(measures)
    if varies.sum() > 1:
        correlation[np.ix_(varies, varies)] = np.corrcoef(scores[:, varies], rowvar=False)
    drawn = rng.multivariate_normal(np.zeros(measures), correlation, n, method="eigh")
    columns = [
        np.sort(_smoothed(points[:, d], rng, cell))[rankdata(drawn[:, d], method="ordinal").astype(int) - 1]
        for d in range(measures)
    ]
    return np.column_stack(columns)


def _smoothed(column: Floats, rng: np.random.Generator, cell: float) -> Floats:
    """A draw from the margin with just so much smoothing that one mode is left, its variance unchanged."""
    if column.std() == 0:
        return column
    cells = np.rint((column - column.min()) / cell).astype(int)
    width = cell * _critical_bandwidth(np.bincount(cells).astype(float))
    mean, drawn = column.mean(), rng.choice(column, len(column)) + width * rng.normal(size=len(column))
    shrunk: Floats = mean + (drawn - mean) / np.sqrt(1 + (width / column.std()) ** 2)
    return shrunk


def _critical_bandwidth(counts: Floats) -> float:
    """The least bandwidth, in cells, at which the counts have a single mode."""
    if _modes(counts) <= 1:
        return 0.0
    low, high = 0.0, len(counts) + 1.0
    for _ in range(14):
        middle = (low + high) / 2
        room = int(4 * middle) + 2
        smooth = gaussian_filter1d(np.pad(counts, room), middle, mode="constant")
        low, high = (low, middle) if _modes(smooth) <= 1 else (middle, high)
    return high


def _modes(heights: Floats) -> int:
    steps = np.diff(np.concatenate([[0.0], heights, [0.0]]))
    turns = np.sign(steps[np.abs(steps) > 1e-9 * heights.max()])
    return int((np.diff(turns) < 0).sum())
