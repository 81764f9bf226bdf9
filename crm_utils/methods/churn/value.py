"""What is lost when a customer buys nothing for a horizon? What they would spend, given that they buy.

Somebody about to lapse, and kept, is somebody who buys: their spend is that of customers like them who did
buy, and not the average over those who did not. It is learnt on earlier cut-offs, by a Poisson regression
with a logarithmic link, whose forecasts are right on average whatever the spread of spend is (C. Gourieroux,
A. Monfort, A. Trognon, *Econometrica* 52(3), 1984, pseudo-maximum likelihood).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import PoissonRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from crm_utils.methods.churn.cutoffs import CutoffPlan, known_cutoffs

__all__ = ["FEWEST_BUYERS", "SpendIfBuying", "fit_spend", "learn_spend_by"]

Floats = NDArray[np.float64]

FEWEST_BUYERS = 50
"""Rows with a purchase from which a regression is fitted; with fewer, everybody has their mean."""

_READS = ("spend_long", "spend_short", "orders_long", "orders_short", "recency_days", "usual_orders")


@dataclass(frozen=True)
class SpendIfBuying:
    """Expected revenue of a horizon, of a customer who buys in it.

    Attributes
    ----------
    mean, most
        The mean over the buyers learnt from; no forecast is above the most that one of a hundred spent.
    pipeline
        scikit-learn's, from the features to revenue in means; None where there were too few buyers.
    columns
        The features it reads.
    """

    mean: float
    most: float
    pipeline: Pipeline | None
    columns: tuple[str, ...]

    def predict(self, rows: pd.DataFrame) -> Floats:
        """Money for each row, never below 0."""
        if self.pipeline is None:
            return np.full(len(rows), self.mean)
        with threadpool_limits(limits=1):
            spend = self.mean * self.pipeline.predict(_prepared(rows, self.columns))
        return np.asarray(np.clip(spend, 0.0, self.most))


def fit_spend(rows: pd.DataFrame) -> SpendIfBuying:
    """Learn the spend of those who bought.

    Parameters
    ----------
    rows
        Of a panel, with ``orders_ahead`` and ``spend_ahead`` known.
    """
    bought = rows[rows["orders_ahead"] > 0]
    spend = bought["spend_ahead"].to_numpy(dtype=float).clip(min=0)
    mean = float(spend.mean()) if len(spend) else 0.0
    most = float(np.quantile(spend, 0.99)) if len(spend) else 0.0
    columns = tuple(c for c in _READS if c in rows.columns)
    if len(bought) < FEWEST_BUYERS or mean <= 0:
        return SpendIfBuying(mean, max(most, mean), None, columns)
    model = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-3, max_iter=1000))
    with threadpool_limits(limits=1):
        model.fit(_prepared(bought, columns), spend / mean)
    return SpendIfBuying(mean, max(most, mean), model, columns)


def learn_spend_by(panel: pd.DataFrame, plan: CutoffPlan, day: dt.date) -> SpendIfBuying:
    """Fit with what was known at the end of a day."""
    known = known_cutoffs(plan.labelled, day, label_days=plan.horizon_days)
    return fit_spend(panel[panel["cutoff"].isin(known)])


def _prepared(rows: pd.DataFrame, columns: tuple[str, ...]) -> Floats:
    """Logarithms: with a logarithmic link a customer who spends twice as much is worth twice as much."""
    values = rows[list(columns)].to_numpy(dtype=float)
    return np.asarray(np.log1p(np.nan_to_num(values, nan=0.0).clip(min=0)))
