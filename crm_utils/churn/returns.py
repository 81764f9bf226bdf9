"""How many lapse, and how many of them come back? Silence told apart from loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crm_utils.churn.calibration import clustered_share

__all__ = ["outcome_rates", "return_rates"]


def outcome_rates(panel: pd.DataFrame) -> pd.DataFrame:
    """Shares of active customers with each outcome, at each cut-off where it is known.

    Parameters
    ----------
    panel
        From :func:`crm_utils.churn.panel_frame`.

    Returns
    -------
    pandas.DataFrame
        ``outcome`` (``lapse``, ``defection``, ``partial_defection``), ``cutoff``, ``customers``, ``rate``,
        ``low``, ``high`` (95 %).
    """
    rows = []
    for outcome in ("lapse", "defection", "partial_defection"):
        known = panel[panel[outcome].notna()]
        for cutoff, inside in known.groupby("cutoff"):
            rate, low, high = clustered_share(inside[outcome].to_numpy(dtype=float), inside["customer_id"])
            rows.append((outcome, cutoff, len(inside), rate, low, high))
    return pd.DataFrame(rows, columns=["outcome", "cutoff", "customers", "rate", "low", "high"])


def return_rates(
    panel: pd.DataFrame, *, silent_days: Sequence[int], within_days: Sequence[int]
) -> pd.DataFrame:
    """Of customers silent for so long after a cut-off, the share that buys again soon after.

    Parameters
    ----------
    panel
        From :func:`crm_utils.churn.panel_frame`.
    silent_days
        Days after the cut-off without a purchase.
    within_days
        Days after those in which a purchase counts as a return.

    Returns
    -------
    pandas.DataFrame
        ``silent_days``, ``within_days``, ``customers`` (rows whose days are over), ``rate``, ``low``,
        ``high`` (95 %, clustered by customer); missing where nobody could be followed that long.

    Notes
    -----
    Longer spans can only be followed from earlier cut-offs, so rows of a table speak of different seasons.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": list("abc"), "followed_days": 60, "next_in_days": [5, 40, None]})
    >>> return_rates(rows, silent_days=[28], within_days=[28])[["customers", "rate"]].to_dict("records")
    [{'customers': 2, 'rate': 0.5}]
    """
    rows = []
    for silent in silent_days:
        for within in within_days:
            next_in = panel["next_in_days"].fillna(np.inf)
            quiet = panel[(panel["followed_days"] >= silent + within) & (next_in > silent)]
            back = (quiet["next_in_days"] <= silent + within).to_numpy().astype(float)
            rows.append((silent, within, len(quiet), *clustered_share(back, quiet["customer_id"])))
    return pd.DataFrame(rows, columns=["silent_days", "within_days", "customers", "rate", "low", "high"])
