"""Which contender is good enough, and how good is it on days it was not chosen by? A rolling contest.

On every judged cut-off each contender has learnt from earlier ones whose outcome was known by then. The
choice falls on the validation cut-offs; the test cut-offs come after them and choose nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_utils.features.contests import simplest_within_error
from crm_utils.methods.churn.contenders import CONTENDERS, Fitted, fit_contender, flat
from crm_utils.methods.churn.cutoffs import CutoffPlan, known_cutoffs

__all__ = ["Contest", "can_learn", "choose", "learn_by", "run_contest"]


@dataclass(frozen=True)
class Contest:
    """Forecasts that could have been made at the time, and which contender they speak for.

    Attributes
    ----------
    forecasts
        A row a customer and judged cut-off: ``customer_id``, ``cutoff``, ``window`` (``validate`` or
        ``test``), ``actual`` (0 or 1), and a probability for each contender.
    choice
        A row a contender: ``contender``, ``log_loss`` on the validation cut-offs, ``behind`` (that less the
        lowest), ``error`` (standard error of that paired difference, clustered by customer), ``chosen``.
    chosen
        The simplest contender behind the best by no more than one standard error.
    label
        The outcome that was forecast.
    contenders
        Who took part, the simplest first.
    """

    forecasts: pd.DataFrame
    choice: pd.DataFrame
    chosen: str
    label: str
    contenders: tuple[str, ...]

    @property
    def test(self) -> pd.DataFrame:
        """Forecasts for the test cut-offs."""
        return self.forecasts[self.forecasts["window"] == "test"].reset_index(drop=True)

    @property
    def validate(self) -> pd.DataFrame:
        """Forecasts for the validation cut-offs."""
        return self.forecasts[self.forecasts["window"] == "validate"].reset_index(drop=True)


def learn_by(
    panel: pd.DataFrame, plan: CutoffPlan, day: dt.date, *, name: str, label: str = "lapse",
    label_days: int | None = None, seed: int = 0,
) -> Fitted:  # fmt: skip
    """Fit a contender with what was known at the end of a day.

    Parameters
    ----------
    panel
        From :func:`.churn.panel_frame`.
    plan
        The cut-offs.
    day
        Only cut-offs whose outcome was known by then are learnt from; the last of them is kept to calibrate
        on.
    name
        The contender.
    label, label_days
        The outcome, and how many days after a cut-off it takes to know it (a horizon by default).
    seed
        Of the boosting.

    Returns
    -------
    Fitted
        A flat forecast where there is nothing to learn from: fewer than two cut-offs known, or one of the two
        sets of rows with one outcome alone.
    """
    known = known_cutoffs(plan.labelled, day, label_days=label_days or plan.horizon_days)
    rows = panel[panel["cutoff"].isin(known)]
    if not can_learn(panel, known, label=label):
        return flat(name, rows, label=label)
    train, calibrate = panel[panel["cutoff"].isin(known[:-1])], panel[panel["cutoff"] == known[-1]]
    return fit_contender(name, train, calibrate, label=label, seed=seed)


def can_learn(panel: pd.DataFrame, known: tuple[dt.date, ...], *, label: str = "lapse") -> bool:
    """Whether rows to learn from, and later ones to calibrate on, both hold both outcomes."""
    if len(known) < 2:
        return False
    sets = (panel["cutoff"].isin(known[:-1]), panel["cutoff"] == known[-1])
    return all(0 < panel.loc[inside, label].sum() < inside.sum() for inside in sets)


def run_contest(
    panel: pd.DataFrame, plan: CutoffPlan, *, contenders: tuple[str, ...] = CONTENDERS, seed: int = 0
) -> Contest:
    """Let the contenders forecast lapse on every judged cut-off, and choose one of them.

    Parameters
    ----------
    panel
        From :func:`.churn.panel_frame`, all cut-offs of the plan.
    plan
        Which cut-offs are judged.
    contenders
        Who takes part, the simplest first.
    seed
        Of the boosting.

    Notes
    -----
    A day on which nobody was active judges nothing. On a day by which there was nothing to learn from, every
    contender gives all customers the same chance.
    """
    parts = []
    for window, days in (("validate", plan.validate), ("test", plan.test)):
        for day in days:
            rows = panel[panel["cutoff"] == day].reset_index(drop=True)
            if rows.empty:
                continue
            part = rows[["customer_id", "cutoff"]].assign(window=window, actual=rows["lapse"].astype(int))
            for name in contenders:
                part[name] = learn_by(panel, plan, day, name=name, seed=seed).predict(rows)
            parts.append(part)
    columns = ["customer_id", "cutoff", "window", "actual", *contenders]
    forecasts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    choice = choose(forecasts[forecasts["window"] == "validate"], contenders)
    chosen = str(choice.loc[choice["chosen"], "contender"].iloc[0])
    return Contest(forecasts, choice, chosen, "lapse", contenders)


def choose(forecasts: pd.DataFrame, contenders: tuple[str, ...]) -> pd.DataFrame:
    """Choose the simplest contender whose log-loss is within one standard error of the lowest.

    Parameters
    ----------
    forecasts
        ``customer_id``, ``actual`` and a probability for each contender.
    contenders
        The simplest first.

    Returns
    -------
    pandas.DataFrame
        As :attr:`Contest.choice`.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": list("aabb"), "actual": [1, 1, 0, 0],
    ...                      "plain": [0.6, 0.6, 0.4, 0.4], "fancy": [0.6, 0.6, 0.4, 0.41]})
    >>> choose(rows, ("plain", "fancy"))["chosen"].tolist()
    [True, False]
    """
    actual = forecasts["actual"].to_numpy()
    losses = {
        name: -np.log(np.where(actual == 1, forecasts[name], 1 - forecasts[name])) for name in contenders
    }
    table = simplest_within_error(losses, forecasts["customer_id"])
    return table.rename(columns={"loss": "log_loss"})
