"""Of customers forecast at 30 %, do 30 % lapse? Groups by forecast, with what happened and how sure that is.

Intervals are Wilson's with the effective number of customers: what rows of one customer add less than rows
of others do (E. L. Korn, B. I. Graubard, Survey Methodology 24(2), 1998).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from crm_utils.features.statistics import LEVEL

__all__ = ["calibration_curve", "clustered_share"]


def calibration_curve(forecasts: pd.DataFrame, contender: str, *, groups: int = 10) -> pd.DataFrame:
    """Compare forecasts with what happened, in groups of about equal size.

    Parameters
    ----------
    forecasts
        ``customer_id``, ``actual`` (0 or 1) and a probability for the contender.
    contender
        The column with the forecasts.
    groups
        How many at most; equal forecasts stay together.

    Returns
    -------
    pandas.DataFrame
        From the highest forecast down: ``group`` (1 is highest), ``customers`` (rows), ``forecast`` (mean),
        ``actual`` (share), ``low``, ``high`` (95 %), ``expected`` (forecast · rows), ``happened``.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": list("abcd"), "actual": [1, 0, 0, 0], "model": [.6, .6, .1, .1]})
    >>> calibration_curve(rows, "model", groups=2)[["forecast", "actual"]].round(2).to_dict("records")
    [{'forecast': 0.6, 'actual': 0.5}, {'forecast': 0.1, 'actual': 0.0}]
    """
    values = forecasts[contender].to_numpy(dtype=float)
    cuts = np.unique(np.quantile(values, np.arange(1, groups) / groups, method="inverted_cdf"))
    group = np.searchsorted(-cuts[::-1], -values, side="right")
    rows = []
    for k in np.unique(group):
        inside = forecasts[group == k]
        share, low, high = clustered_share(inside["actual"].to_numpy(), inside["customer_id"])
        row = {"customers": len(inside), "forecast": values[group == k].mean(), "actual": share}
        row |= {"low": low, "high": high, "expected": values[group == k].sum()}
        rows.append(row | {"happened": int(inside["actual"].sum())})
    table = pd.DataFrame(rows)
    table.insert(0, "group", np.arange(1, len(table) + 1))
    return table


def clustered_share(
    happened: NDArray[np.float64] | NDArray[np.int64], customers: pd.Series[str]
) -> tuple[float | None, float | None, float | None]:
    """A share of rows with its 95 % interval, where a customer may stand in several rows; None without rows.

    Examples
    --------
    >>> clustered_share(np.array([1, 0]), pd.Series(["ann", "bob"]))[0]
    0.5
    """
    n = len(happened)
    if not n:
        return None, None, None
    share = float(happened.mean())
    codes, names = pd.factorize(customers)
    sums = np.bincount(codes, weights=happened - share)
    clustered = len(names) / max(len(names) - 1, 1) * (sums**2).sum() / n**2
    simple = share * (1 - share) / n
    design = max(clustered / simple, 1.0) if simple > 0 else n / len(names)
    low, high = proportion_confint(share * n / design, n / design, alpha=1 - LEVEL, method="wilson")
    return share, float(low), float(high)
