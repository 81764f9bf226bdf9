"""How many customers or baskets does a test need? To find a share raised by a fifth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.power import normal_sample_size_one_tail
from statsmodels.stats.proportion import proportion_effectsize

from crm_utils.features.statistics import LEVEL, POWER

__all__ = ["RISE", "units_an_arm"]

RISE = 0.2
"""The relative rise that a proposed test should find, with the project's power and level, two-sided."""


def units_an_arm(share: ArrayLike, *, design_effect: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Units an arm to find a relative rise of a share by a fifth; not known for 0 or where it passes 1.

    Parameters
    ----------
    share
        Without the treatment, over the days that the test runs.
    design_effect
        How many times as many units it takes because those of one customer are alike (L. Kish, *Survey
        Sampling*, 1965, section 8.2); 1 for units that are independent.

    Examples
    --------
    >>> units_an_arm([0.25, 0.0, 0.9], design_effect=2).tolist()
    [2500.0, nan, nan]
    """
    base = np.asarray(share, dtype=float)
    base = np.where((base > 0) & (base * (1 + RISE) < 1), base, np.nan)
    effect = proportion_effectsize(base * (1 + RISE), base)
    # One tail of half the error: a two-sided test, whose other tail has no power to speak of.
    units = normal_sample_size_one_tail(effect, power=POWER, alpha=(1 - LEVEL) / 2, std_null=np.sqrt(2))
    return np.asarray(np.ceil(units * np.asarray(design_effect, dtype=float)))
