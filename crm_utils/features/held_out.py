"""Who is left out, so that we can see whether something works? Decided once for a study and a period.

Each scenario (a list, a campaign) leaves out its own customers at random, and a small universal group is left
out of everything. Who that is depends on the customer, the study, the period and the scenario alone, so every
list of a run agrees, no list spoils another's experiment, and a later run finds the same customers.
"""

from __future__ import annotations

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_utils.features.at_random import at_random

__all__ = ["UNIVERSAL_SHARE", "held_out", "period_of"]

UNIVERSAL_SHARE = 0.02
"""Of all customers: written to by no scenario during a period, to see what all of them bring together."""


def period_of(day: dt.date) -> str:
    """The period in which nobody changes sides: the quarter of a day.

    Examples
    --------
    >>> period_of(dt.date(2024, 5, 17))
    '2024Q2'
    """
    return f"{day.year}Q{(day.month - 1) // 3 + 1}"


def held_out(
    customers: pd.Series[str] | NDArray[np.object_],
    *,
    study: str,
    period: str,
    scenario: str,
    share: float,
    universal_share: float = UNIVERSAL_SHARE,
) -> NDArray[np.bool_]:
    """Which of these customers are left out of a scenario.

    Parameters
    ----------
    customers
        Ids.
    study, period, scenario
        What the decision is for; the period from :func:`period_of`.
    share
        Of those who are not in the universal group: left out of this scenario, 0 to 1.
    universal_share
        Left out of every scenario, 0 to 1.

    Returns
    -------
    numpy.ndarray
        True for who is left out; the same for an id in any company and order.

    Examples
    --------
    >>> import numpy as np
    >>> ids = np.array([f"c{n}" for n in range(100_000)])
    >>> given = {"study": "s", "period": "2024Q2", "share": 0.1}
    >>> one, two = held_out(ids, scenario="a", **given), held_out(ids, scenario="b", **given)
    >>> round(float(one.mean()), 2), round(float((one & two).mean()), 2)  # 2 % of all, and 10 % of 10 %
    (0.12, 0.03)
    """
    universal = at_random(customers, seed=_key(study, period, "*")) < universal_share
    own = at_random(customers, seed=_key(study, period, scenario)) < share
    return np.asarray(universal | own)


def _key(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:6], "big")
