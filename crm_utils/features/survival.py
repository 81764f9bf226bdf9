"""How long until something happens to customers? Curves that know some were watched for a shorter time.

E. L. Kaplan, P. Meier, JASA 53, 1958, and N. Mantel's log-rank test, Cancer Chemotherapy Reports 50, 1966,
by statsmodels; bands for a whole curve after W. J. Hall, J. A. Wellner, Biometrika 67, 1980; intervals of the
median after R. Brookmeyer, J. Crowley, Biometrics 38, 1982, on the scale of log(−log S).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import kolmogi
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from crm_utils.features.statistics import LEVEL, Number, z

__all__ = ["FEWEST", "OTHERS", "Survival", "kaplan_meier"]

FEWEST = 30
"""Groups of fewer customers are followed together."""

OTHERS = "other"
"""The group in which they are."""

_ROUNDING = 1e-9
"""A product of fractions that is one half may come out a little above it."""


@dataclass(frozen=True)
class Survival:
    """Curves by group.

    Attributes
    ----------
    table
        A row a group and day with an event: ``group``, ``days``, ``at_risk``, ``events``, ``survival``,
        ``low``, ``high`` (95 % for the curve as a whole).
    groups
        A row a group: ``group``, ``customers``, ``events``, ``median`` (the first day on which no more than
        half are without the event; missing while more are), ``low``, ``high`` (its interval, days; ``high``
        is missing where it has no end yet), ``watched`` (days that somebody was followed), ``without`` (share
        without the event after them).
    chi2, p_value
        Log-rank test that all groups have the same curve; None for a single group.
    """

    table: pd.DataFrame
    groups: pd.DataFrame
    chi2: float | None
    p_value: float | None

    @property
    def differ(self) -> bool:
        """Whether the curves are shown to differ."""
        return self.p_value is not None and self.p_value < 1 - LEVEL

    def numbers(self, name: str) -> list[Number]:
        """The log-rank test, as a run records it."""
        if self.p_value is None:
            return []
        return [Number(f"{name}.log_rank", self.chi2), Number(f"{name}.log_rank_p", self.p_value)]

    def at(self, group: str, day: float) -> float:
        """The share of a group that is without the event after ``day`` days."""
        seen = self.table[(self.table["group"] == group) & (self.table["days"] <= day)]
        return float(seen["survival"].iloc[-1]) if len(seen) else 1.0


def kaplan_meier(counts: pd.DataFrame, *, fewest: int = FEWEST) -> Survival:
    """Estimate the curves of all groups, and test whether they differ.

    Parameters
    ----------
    counts
        ``group``, ``days``, ``event`` (0 or 1), ``customers``.
    fewest
        Groups of fewer customers are put together.

    Returns
    -------
    Survival

    Examples
    --------
    >>> rows = pd.DataFrame({"group": "all", "days": [1, 2, 3], "event": [1, 0, 1], "customers": [1, 1, 2]})
    >>> kaplan_meier(rows, fewest=1).at("all", 1)
    0.75
    """
    sizes = counts.groupby("group")["customers"].sum()
    kept = counts["group"].where(counts["group"].map(sizes) >= fewest, OTHERS)
    rows = counts.assign(group=kept).groupby(["group", "days", "event"], as_index=False)["customers"].sum()
    rows = rows.loc[rows.index.repeat(rows["customers"])]
    curves, groups = [], []
    for name, inside in rows.groupby("group"):
        events, watched = int(inside["event"].sum()), float(inside["days"].max())
        median: tuple[float | None, float | None, float | None] = (None, None, None)
        without = 1.0
        if events:
            curve = SurvfuncRight(inside["days"].to_numpy(), inside["event"].to_numpy())
            curves.append(_curve(str(name), curve))
            median, without = _median(curve), float(curve.surv_prob[-1])
        groups.append((str(name), len(inside), events, *median, watched, without))
    columns = ["group", "days", "at_risk", "events", "survival", "low", "high"]
    table = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=columns)
    chi2, p_value = None, None
    if len(groups) > 1 and rows["event"].any():
        chi2, p_value = survdiff(rows["days"].to_numpy(), rows["event"].to_numpy(), rows["group"].to_numpy())
    summed = ["group", "customers", "events", "median", "low", "high", "watched", "without"]
    frame = pd.DataFrame(groups, columns=summed).astype(dict.fromkeys(summed[3:], float))
    return Survival(
        table, frame, None if chi2 is None else float(chi2), None if p_value is None else float(p_value)
    )


def _median(curve: SurvfuncRight) -> tuple[float | None, float | None, float | None]:
    """The smallest day with S ≤ 1/2, and those with the lower and the upper end of S's interval ≤ 1/2.

    statsmodels' own quantile wants S below 1/2, and is late, or missing, where S stands at exactly one half.
    """
    share = curve.surv_prob
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = curve.surv_prob_se / (share * np.log(share))
        low, high = (share ** np.exp(side * z() * theta) for side in (-1, 1))
    # The last step may lead to 0, whose interval is not known: it ends there.
    ends = (np.where(share <= 0, 0.0, end) for end in (np.fmin(low, high), np.fmax(low, high)))
    first = [_first_at_most_half(curve.surv_times, s) for s in (share, *ends)]
    return first[0], first[1], first[2]


def _first_at_most_half(days: np.ndarray, share: np.ndarray) -> float | None:
    reached = np.flatnonzero(share <= 0.5 + _ROUNDING)
    return float(days[reached[0]]) if len(reached) else None


def _curve(name: str, curve: SurvfuncRight) -> pd.DataFrame:
    # Hall and Wellner's own form, S ± 1.358 · (1 + nσ²) · S / √n with n at time zero: statsmodels puts those
    # still at risk in place of n, and its logarithm opens the band wide where hardly anyone had the event.
    n, share = len(curve.time), curve.surv_prob
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = kolmogi(1 - LEVEL) * (1 + n * (curve.surv_prob_se / share) ** 2) * share / np.sqrt(n)
    low, high = np.clip(share - reach, 0, 1), np.clip(share + reach, 0, 1)
    return pd.DataFrame(
        {"group": name, "days": curve.surv_times, "at_risk": curve.n_risk, "events": curve.n_events,
         "survival": share, "low": low, "high": high}
    )  # fmt: skip
