"""How sure is a share when the baskets or offers of one customer are alike? By sums over customers.

The linearised variance of a ratio with customers as clusters: W. G. Cochran, *Sampling Techniques*, 3rd ed.,
1977, sections 6.4 and 9A. The design effect that it gives: L. Kish, *Survey Sampling*, 1965, section 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crm_utils.features.statistics import z

__all__ = ["ClusterSums"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClusterSums:
    """Sums over clusters of their m units, y of which are hits; an entry a share that is looked at.

    Attributes
    ----------
    clusters, units, hits
        How many clusters there are, Σ m, Σ y.
    units_squared, hits_squared, product
        Σ m², Σ y², Σ m y: whole numbers, exact whatever the order of addition.
    """

    clusters: Floats
    units: Floats
    hits: Floats
    units_squared: Floats
    hits_squared: Floats
    product: Floats

    @classmethod
    def of(cls, units: ArrayLike, hits: ArrayLike) -> ClusterSums:
        """Sum up one share from its clusters."""
        m, y = (np.asarray(a, dtype=float) for a in (units, hits))
        sums = (len(m), m.sum(), y.sum(), (m * m).sum(), (y * y).sum(), (m * y).sum())
        return cls(*(np.array([value], dtype=float) for value in sums))

    @property
    def share(self) -> Floats:
        """Hits ÷ units; not a number where there are no units."""
        return np.asarray(self.hits / np.where(self.units > 0, self.units, np.nan))

    @property
    def error(self) -> Floats:
        """Standard error of the share, clusters being independent and not their units."""
        p, n = self.share, np.where(self.clusters > 1, self.clusters, np.nan)
        squares = self.hits_squared - 2 * p * self.product + p * p * self.units_squared
        return np.asarray(np.sqrt(n / (n - 1) * np.maximum(squares, 0)) / self.units)

    @property
    def design_effect(self) -> Floats:
        """Variance of the share ÷ that of as many independent units; at least 1: no test is made too small.

        Not a number where all units are hits, or none.
        """
        p = self.share
        alone = p * (1 - p) / np.where(self.units > 0, self.units, np.nan)
        effect = self.error**2 / np.where(alone > 0, alone, np.nan)
        return np.asarray(np.where(np.isnan(effect), np.nan, np.maximum(effect, 1.0)))

    def interval(self) -> tuple[Floats, Floats]:
        """The share's 95 % interval, kept within 0 and 1.

        Wilson's, with the units that would be as sure if they were independent: it does not shrink to a point
        where all units are hits, or none (E. L. Korn, B. I. Graubard, Survey Methodology 24, 1998).
        """
        p, reach = self.share, z()
        effect = self.design_effect
        # Without any difference between units nothing is known of how alike they are: count clusters.
        n = np.where(np.isnan(effect), self.clusters, self.units / effect)
        middle = (p + reach**2 / (2 * n)) / (1 + reach**2 / n)
        half = reach / (1 + reach**2 / n) * np.sqrt(p * (1 - p) / n + reach**2 / (4 * n * n))
        return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
