"""How many lapse, and how many of them come back? Silence is not loss."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.features.statistics import SMALLEST_GROUP, Number, hide_small
from crm_utils.methods.churn.calibration import clustered_share
from crm_utils.methods.churn.cutoffs import CutoffPlan

__all__ = ["Lapses", "lapses", "outcome_rates", "return_rates"]

OUTCOMES = ("lapse", "defection", "partial_defection")

Share = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Lapses:
    """How many lapse, and how many come back.

    Attributes
    ----------
    rates
        From :func:`outcome_rates`.
    returns
        From :func:`return_rates`, for silences of one to four horizons.
    rate
        Share that lapsed over all test days, with its interval.
    horizon_days
        The horizon.
    test
        The test days.
    """

    rates: pd.DataFrame
    returns: pd.DataFrame
    rate: Share
    horizon_days: int
    test: tuple[dt.date, ...]

    def back(self, horizons: int = 1) -> pd.Series[float] | None:
        """Who bought within a horizon after so many silent ones; None where nobody could be followed."""
        silent = horizons * self.horizon_days
        rows = self.returns[
            (self.returns["silent_days"] == silent) & (self.returns["within_days"] == self.horizon_days)
        ].dropna(subset=["rate"])
        rows = rows[rows["customers"] >= SMALLEST_GROUP]
        return rows.iloc[0] if len(rows) else None

    def by_day(self) -> pd.DataFrame:
        """The rates: a row a cut-off, a column an outcome, missing where it is not known."""
        shown = hide_small(self.rates)
        wide = shown.pivot_table(index="cutoff", columns="outcome", values="rate", sort=False)
        return wide.reindex(columns=list(OUTCOMES)).rename_axis(columns=None).reset_index()

    def numbers(self) -> list[Number]:
        """As a run records them."""
        of = {r.cutoff: r for r in self.rates[self.rates["outcome"] == "lapse"].itertuples()}
        numbers = [Number("lapse.rate", self.rate[0], "share", self.rate[1], self.rate[2])]
        for k, day in enumerate(self.test, start=1):
            numbers.append(Number(f"test_{k}.cutoff", day, "day"))
            row: Any = of.get(day)
            if row is not None and row.customers >= SMALLEST_GROUP:
                numbers.append(Number(f"lapse.rate.test_{k}", row.rate, "share", row.low, row.high))
        for name, horizons in (("lapse", 1), ("defection", 3)):
            back = self.back(horizons)
            if back is not None:
                numbers.append(
                    Number(f"{name}.return_rate", back["rate"], "share", back["low"], back["high"])
                )
        return numbers


def lapses(panel: pd.DataFrame, plan: CutoffPlan) -> Lapses:
    """Count who lapsed and who came back, on all days whose outcome is known.

    Parameters
    ----------
    panel
        Rows of the past cut-offs, from :func:`.churn.panel_frame`.
    plan
        The cut-offs.
    """
    horizon = plan.horizon_days
    tested = panel[panel["cutoff"].isin(plan.test)]
    rate = clustered_share(tested["lapse"].to_numpy(dtype=float), tested["customer_id"])
    spans = [k * horizon for k in (1, 2, 3, 4)]
    returns = return_rates(panel, silent_days=spans, within_days=spans[:3])
    return Lapses(outcome_rates(panel), returns, rate, horizon, plan.test)


def outcome_rates(panel: pd.DataFrame) -> pd.DataFrame:
    """Shares of active customers with each outcome, at each cut-off where it is known.

    Parameters
    ----------
    panel
        From :func:`.churn.panel_frame`.

    Returns
    -------
    pandas.DataFrame
        ``outcome`` (``lapse``, ``defection``, ``partial_defection``), ``cutoff``, ``customers``, ``rate``,
        ``low``, ``high`` (95 %).
    """
    rows = []
    for outcome in OUTCOMES:
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
        From :func:`.churn.panel_frame`.
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
