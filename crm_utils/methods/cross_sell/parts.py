"""How sure is it, when baskets of one customer are alike? Customers in parts, and each part left out once.

The delete-a-group jackknife: P. S. Kott, "The Delete-a-Group Jackknife", Journal of Official Statistics
17(4), 2001. Whole customers are left out, so that their baskets need not be independent of each other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from crm_utils.errors import DataError
from crm_utils.features.statistics import LEVEL

__all__ = ["FEWEST_CUSTOMERS", "PARTS", "Judged", "judge_ratios"]

PARTS = 50
"""Parts that customers are put into; with fewer customers, each is a part of its own."""

FEWEST_CUSTOMERS = 20
"""Below this many, nothing is said about how sure a result is."""

Floats = NDArray[np.float64]


class Judged(NamedTuple):
    """Ratios with 95 % intervals, two-sided p-values for a ratio of 1, and Benjamini-Hochberg q-values."""

    ratio: Floats
    low: Floats
    high: Floats
    p_value: Floats
    q_value: Floats


def judge_ratios(counts: Floats, expected: Floats, without: Floats, expected_without: Floats) -> Judged:
    """Judge counts against what was expected of them, by leaving out a part of the customers at a time.

    Parameters
    ----------
    counts, expected
        What was counted and expected over all customers; one entry a ratio, ``expected`` above 0.
    without, expected_without
        The same without each part: a row a part, a column a ratio.

    Raises
    ------
    DataError
        There are too few parts: fewer than ``FEWEST_CUSTOMERS`` customers.

    Notes
    -----
    The logarithm of the ratio is taken as t-distributed with one degree of freedom fewer than parts. A count
    of nothing is taken as one half; a count under ten is never surer than a Poisson count.
    """
    parts = len(without)
    if parts < FEWEST_CUSTOMERS:
        raise DataError(
            f"{parts} customers are too few to say how sure a result is: it takes {FEWEST_CUSTOMERS}."
        )
    logs = np.log(np.maximum(counts, 0.5) / expected)
    left = np.log(np.maximum(without, 0.5) / expected_without)
    variance = (parts - 1) / parts * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    poisson = 1 / np.maximum(counts, 0.5)
    error = np.sqrt(np.where(counts < 10, np.maximum(variance, poisson), variance))
    error = np.maximum(error, 1e-12)  # a pair that every customer buys alike
    reach = student.ppf((1 + LEVEL) / 2, parts - 1) * error
    p = 2 * student.sf(np.abs(logs) / error, parts - 1)
    q = multipletests(p, method="fdr_bh")[1] if len(p) else p
    low = np.where(counts > 0, np.exp(logs - reach), 0.0)
    return Judged(counts / expected, low, np.exp(logs + reach), p, q)
