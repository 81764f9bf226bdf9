"""Whom to contact: the riskiest, where the ranking is shown to be one, as deep as it pays.

Nobody is on the list because an assumption multiplies a large spend: first the risk must be high by what
happened on earlier days, then the expected gain must be positive, then the depth and the budget end it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.features.held_out import UNIVERSAL_SHARE
from crm_utils.features.statistics import Number
from crm_utils.methods.churn.calibration import clustered_share
from crm_utils.methods.churn.contest import Contest
from crm_utils.methods.churn.cutoffs import CutoffPlan
from crm_utils.methods.churn.depth import PER, Depth, profit_by_depth, try_assumptions
from crm_utils.methods.churn.kept import ShareKept
from crm_utils.methods.churn.profit import Stakes, without_discount
from crm_utils.methods.churn.value import learn_spend_by

__all__ = ["ContactPlan", "judged_rows", "plan_contacts", "riskier_share"]

_ROWS_A_GROUP = 30
"""Rows of validation days in a group by risk: tenths where there are enough, halves where there are few."""


@dataclass(frozen=True)
class ContactPlan:
    """How many to contact, and what that should bring.

    Attributes
    ----------
    ranked
        Whether the forecast is shown to rank at all: the interval of its AUC lies above one half.
    riskier
        The share of customers, riskiest first, among whom clearly more lapsed than on average.
    has_money
        Whether a lapse costs anything in these data.
    depth
        How deep to go, chosen among the riskier.
    assumptions
        What the plan brings where s or q are others, from :func:`try_assumptions`.
    half_margin
        The depth, were the margin half as large.
    audience, holdout_share, stakes
        Active customers today, the share of contacts held out, and what is assumed.
    kept
        Where the share that a contact keeps comes from.
    lapse_rate
        Of customers as risky on the test days, the share that did lapse; None where there were none.
    """

    ranked: bool
    riskier: float
    has_money: bool
    depth: Depth
    assumptions: pd.DataFrame
    half_margin: Depth
    audience: int
    holdout_share: float
    stakes: Stakes
    kept: ShareKept | None = None
    lapse_rate: float | None = None

    @property
    def worth_it(self) -> bool:
        """Whether anybody is to be contacted."""
        return self.depth.best > 0

    @property
    def effect_shown(self) -> bool:
        """Whether earlier lists, compared with those held out of them, were shown to keep customers."""
        return self.kept is not None and self.kept.measured and (self.kept.low or 0.0) > 0

    @property
    def gain(self) -> tuple[float, float, float]:
        """Expected change for the whole shop in a horizon, net of cost, without those held out; money.

        The ends are the lowest and the highest over the assumptions and over the samples.
        """
        each = self.audience / PER * (1 - self.holdout_share) * (1 - UNIVERSAL_SHARE)
        ends = self.assumptions["low"].min(), self.assumptions["high"].max()
        low, high = min(float(ends[0]), self.depth.profit), max(float(ends[1]), self.depth.profit)
        return self.depth.profit * each, low * each, high * each

    @property
    def break_even(self) -> float | None:
        """The share kept below which the list costs more than it brings; None where no effect helps."""
        known = self.assumptions[self.assumptions["take_rate"] == self.stakes.take_rate]
        ends = known.sort_values("save_rate").iloc[[0, -1]]
        rise = float(ends["planned"].iloc[1] - ends["planned"].iloc[0])
        run = float(ends["save_rate"].iloc[1] - ends["save_rate"].iloc[0])
        if rise <= 0 or run <= 0:
            return None
        even = self.stakes.save_rate - self.depth.profit * run / rise
        return float(np.clip(even, 0.0, 1.0))

    def numbers(self, currency: str) -> list[Number]:
        """As a run records them."""
        d = self.depth
        half = self.half_margin
        gain, low, high = self.gain
        return [
            Number("ranking.shown", int(self.ranked)),
            Number("ranking.riskier_share", self.riskier, "share"),
            Number("profit.best_depth", d.best, "share", d.low, d.high),
            Number("profit.per_thousand", d.profit, currency, d.profit_low, d.profit_high),
            Number("profit.best_depth_half_margin", half.best, "share", half.low, half.high),
            Number("profit.gain", gain, currency, low, high),
        ]


def plan_contacts(
    contest: Contest,
    auc_low: float,
    panel: pd.DataFrame,
    plan: CutoffPlan,
    stakes: Stakes,
    *,
    audience: int,
    budget: float,
    holdout_share: float,
    seed: int,
    kept: ShareKept | None = None,
    draws: int = 400,
) -> ContactPlan:
    """Decide how many to contact.

    Parameters
    ----------
    contest
        Forecasts on judged days.
    auc_low
        The lower end of the chosen forecast's AUC on the test days; missing where it is not known.
    panel
        From :func:`.churn.panel_frame`.
    plan
        The cut-offs.
    stakes
        What is assumed.
    audience
        Active customers today.
    budget
        Money for contacts and offers together; 0 for no limit.
    holdout_share
        Share of those to be contacted that is left out.
    seed, draws
        Of the bootstraps.
    kept
        Where the share that a contact keeps comes from: its interval is tried where it was measured.
    """
    ranked = bool(auc_low > 0.5)
    riskier = riskier_share(contest.validate, contest.chosen) if ranked else 0.0
    rows = judged_rows(contest, panel, plan, stakes, riskier=riskier)
    validate, test = (rows[rows["window"] == w].reset_index(drop=True) for w in ("validate", "test"))
    limits: dict[str, Any] = {"budget": budget or None, "audience": audience}
    depth = profit_by_depth(validate, test, stakes, seed=seed, draws=draws, **limits)
    tried = try_assumptions(
        validate, test, stakes, depth=depth.best, seed=seed, draws=draws // 2,
        save_times=kept.times if kept else None, **limits,
    )  # fmt: skip
    poorer, poorer_test = (t.assign(value=t["value"] / 2) for t in (validate, test))
    half = profit_by_depth(poorer, poorer_test, stakes, seed=seed, draws=draws // 4, **limits)
    has_money = bool((rows["value"] > 0).any())
    risky = test.loc[test["open"], "actual"]
    lapsed = float(risky.mean()) if len(risky) else None
    chosen = (ranked, riskier, has_money, depth, tried, half, audience, holdout_share, stakes)
    return ContactPlan(*chosen, kept, lapsed)


def riskier_share(forecasts: pd.DataFrame, contender: str) -> float:
    """The share of customers, riskiest first, among whom clearly more lapsed than on average.

    Parameters
    ----------
    forecasts
        Of the validation days: ``customer_id``, ``cutoff``, ``actual`` and the contender's forecast.
    contender
        Whose.

    Notes
    -----
    Groups of equal size by place on their day, from the riskiest down: a group counts while the interval of
    its share lies above the share of all, and the first that does not ends it. So no more than one time in
    forty a group counts by chance (tests in a fixed order).
    """
    if not len(forecasts):
        return 0.0
    groups = int(np.clip(len(forecasts) // _ROWS_A_GROUP, 2, 10))
    place = (-forecasts[contender]).groupby(forecasts["cutoff"]).rank(pct=True, method="average")
    group = np.ceil(place * groups).clip(1, groups)
    overall, reached = float(forecasts["actual"].mean()), 0
    for k in range(1, groups):
        inside = forecasts[group == k]
        low = clustered_share(inside["actual"].to_numpy(), inside["customer_id"])[1]
        if low is None or low <= overall:
            break
        reached = k
    return reached / groups


def judged_rows(
    contest: Contest, panel: pd.DataFrame, plan: CutoffPlan, stakes: Stakes, *, riskier: float
) -> pd.DataFrame:
    """Forecasts on judged days with what a lapse would cost, as it was known on each of them.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``cutoff``, ``window``, ``actual``, ``chance``, ``value`` (V, money), ``open`` (among
        the riskier) and ``plain`` (no discount for this segment).
    """
    parts = []
    for day, forecast in contest.forecasts.groupby("cutoff"):
        rows = (
            panel[panel["cutoff"] == day].set_index("customer_id").loc[forecast["customer_id"]].reset_index()
        )
        chance = forecast[contest.chosen].to_numpy(dtype=float)
        spend = learn_spend_by(panel, plan, day).predict(rows)  # type: ignore[arg-type] # a date
        part = forecast[["customer_id", "cutoff", "window", "actual"]].assign(
            chance=chance, value=stakes.margin * spend, open=chance >= risk_cut(chance, riskier),
            plain=without_discount(rows),
        )  # fmt: skip
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def risk_cut(chance: np.ndarray, riskier: float) -> float:
    """The chance from which a customer is among the riskier share; infinite where nobody is."""
    if riskier <= 0 or not len(chance):
        return math.inf
    return float(np.quantile(chance, 1 - riskier, method="inverted_cdf"))
