"""How often would items meet if baskets kept their sizes alone? Quasi-independence within strata of size.

For the smallest baskets it is exact; for larger ones, of s items, it agrees with conditional Poisson sampling
to the order of 1/s² (J. Hájek, Annals of Mathematical Statistics 35, 1964).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial

import numpy as np

from crm_utils.methods.cross_sell.parts import Floats

__all__ = ["expected_pairs", "odds"]

_ROUNDS = 60


def expected_pairs(margins: Floats) -> Floats:
    """Expected baskets of each pair of items, from the items met by stratum; rare ones in the last row."""
    u, _ = odds(margins)
    return np.asarray(u @ u.T)


def odds(margins: Floats, *, others: int = 1) -> tuple[Floats, Floats]:
    """How readily each item fills a place in a basket, given the sizes of all.

    Parameters
    ----------
    margins
        Items × strata: in how many sets of ``others`` other items each item was met, (s − 1 choose others)
        summed over its baskets of s items. The last row is that of all rare items together.
    others
        How many; with 1 a set of two items is looked at, with 2 a set of three.

    Returns
    -------
    tuple
        u of the items, but the rare ones (items × strata), and U, its sum over all items (strata): with them
        u_a · e(u without a) is each item's margin, where e is the elementary symmetric polynomial of degree
        ``others``: the sum over all sets of so many other items of the product of their u.

    Notes
    -----
    Rare items are many and each of them small: only their sum counts. Each round is a step on the logarithm
    that sets the scale right at once; whole steps swing where one item is in nearly every basket.
    """
    items, rare = margins[:-1], margins[-1]
    total = np.maximum(margins.sum(axis=0), 1)
    start = (factorial(others) * total) ** (1 / (others + 1)) / total
    u, few = start * items, start * rare
    for _ in range(_ROUNDS):
        powers = [u**j for j in range(1, others + 1)]
        sums = [p.sum(axis=0) for p in powers]
        sums[0] = sums[0] + few
        without = _elementary([all_ - own for all_, own in zip(sums, powers, strict=True)])
        few = _root(few**others * rare / np.maximum(_elementary(sums), 1e-9), others + 1)
        u = _root(u**others * items / np.maximum(without, 1e-9), others + 1)
    return u, u.sum(axis=0) + few


def _root(values: Floats, degree: int) -> Floats:
    """The root of a degree; the usual ones have functions of their own, which are much faster."""
    known = {2: np.sqrt, 3: np.cbrt}
    return np.asarray(known[degree](values) if degree in known else values ** (1 / degree))


def _elementary(sums: Sequence[Floats]) -> Floats:
    """The elementary symmetric polynomial of the degree that the sums of powers go to (Newton, Girard)."""
    sums_of_products = [np.ones_like(sums[0])]
    for degree in range(1, len(sums) + 1):
        terms = [(-1) ** (j - 1) * sums_of_products[degree - j] * sums[j - 1] for j in range(1, degree + 1)]
        sums_of_products.append(np.asarray(sum(terms[1:], terms[0])) / degree)
    return sums_of_products[-1]
