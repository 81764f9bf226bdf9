"""What will each customer spend in the next window? Contenders, from the plainest to the most flexible.

What they spent in the last window; the mean order value times the customer's own rate (NBD, nobody leaves);
the mean of the customer's RFM cell at earlier origins; BG/NBD, MBG/NBD and Pareto/NBD times the customer's
own order value (Gamma-Gamma); gradient boosting on all of it, with a Poisson loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from crm_utils.errors import DataError, StudyError, known_names
from crm_utils.features.order_value import OrderValue, ShrunkMean, fit_shrunk_mean, fit_value
from crm_utils.features.purchase_models import Purchases, fit_purchases

__all__ = [
    "CONTENDERS",
    "PURCHASE_MODELS",
    "Buying",
    "Fitted",
    "distinct_rows",
    "fit_buying",
    "fit_contender",
]

Floats = NDArray[np.float64]

PURCHASE_MODELS = {"mean_rate": "nbd", "bg_nbd": "bg_nbd", "mbg_nbd": "mbg_nbd", "pareto_nbd": "pareto_nbd"}
CONTENDERS = ("last_window", "mean_rate", "cell_mean", "mbg_nbd", "bg_nbd", "pareto_nbd", "boosting")
"""All contenders, the simplest first: among equals the first is chosen. MBG/NBD stands before BG/NBD,
which is as simple, for it may say who is still there: then the value agrees with that chance."""

_LEAST_IN_CELL = 20
_FEATURES = (
    "recency_days", "x", "t_x", "T", "spend", "spend_last", "spend_before", "orders_last", "mean_value",
)  # fmt: skip


@dataclass(frozen=True)
class Buying:
    """How often customers buy, and what an order is worth, as known at one origin.

    Attributes
    ----------
    purchases
        The model of repeat purchases; None where nobody had bought twice by then.
    value
        The value of an order day; None where no order had a positive one.
    shrunk
        Its rival without a distribution.
    kept
        What is left of an order's money after returns: spend ÷ gross, 0 to 1.
    """

    purchases: Purchases | None
    value: OrderValue | None
    shrunk: ShrunkMean
    kept: float

    def expected_orders(self, rows: pd.DataFrame, *, horizon_days: float) -> Floats:
        """Order days of each customer within a horizon; the last window's where there is no model."""
        if self.purchases is None:
            return rows["orders_last"].to_numpy(dtype=float)
        distinct, place = distinct_rows(rows)
        return self.purchases.expected(distinct, horizon_days=horizon_days)[place]

    def expected_value(self, rows: pd.DataFrame) -> Floats:
        """What an order day of each customer brings, returns taken off."""
        n = rows["days"].to_numpy(dtype=float)
        mean = rows["gross"].to_numpy(dtype=float) / np.maximum(n, 1)
        # Who paid nothing so far is outside Gamma-Gamma; the shrunk mean knows no such bound.
        shrunk = self.shrunk.expected(mean, n)
        order_value = (
            shrunk if self.value is None else np.where(mean > 0, self.value.expected(mean, n), shrunk)
        )
        return np.asarray(self.kept * order_value)


@dataclass(frozen=True)
class Fitted:
    """A contender that has learnt what was known at an origin.

    Attributes
    ----------
    name
        One of :data:`CONTENDERS`.
    horizon_days
        The window whose spend it forecasts.
    what
        What it learnt.
    """

    name: str
    horizon_days: int
    what: Any

    def predict(self, rows: pd.DataFrame) -> Floats:
        """The spend of each row's customer in the next window; never below 0."""
        if self.name == "last_window":
            forecast = rows["spend_last"].to_numpy(dtype=float)
        elif self.name in ("cell_mean", "boosting"):
            forecast = self.what.predict(rows)
        elif self.name == "mean_rate":
            often = self.what.expected_orders(rows, horizon_days=self.horizon_days)
            forecast = often * self.what.kept * self.what.shrunk.mean
        else:
            often = self.what.expected_orders(rows, horizon_days=self.horizon_days)
            forecast = often * self.what.expected_value(rows)
        return np.asarray(np.maximum(forecast, 0.0))


def fit_contender(
    name: str, past: pd.DataFrame, now: pd.DataFrame, *, horizon_days: int, seed: int = 0
) -> Fitted:
    """Let a contender learn.

    Parameters
    ----------
    name
        One of :data:`CONTENDERS`.
    past
        Rows of earlier origins, whose outcome was known by then.
    now
        Rows of the origin: what is known without any outcome.
    horizon_days
        The window.
    seed
        Of the boosting.

    Raises
    ------
    StudyError
        There is no such contender.
    """
    if name == "last_window":
        return Fitted(name, horizon_days, None)
    if name == "cell_mean":
        return Fitted(name, horizon_days, _Cells.fit(past))
    if name == "boosting":
        return Fitted(name, horizon_days, _Boosting.fit(past, seed=seed))
    if name not in PURCHASE_MODELS:
        known = known_names(name, CONTENDERS, label="There are")
        raise StudyError(f"There is no contender '{name}'. {known}")
    return Fitted(name, horizon_days, fit_buying(now, model=PURCHASE_MODELS[name]))


def fit_buying(rows: pd.DataFrame, *, model: str) -> Buying:
    """Fit a model of repeat purchases, and of an order's value, by what one origin knows."""
    n, gross = rows["days"].to_numpy(dtype=float), rows["gross"].to_numpy(dtype=float)
    mean = gross / np.maximum(n, 1)
    shrunk = fit_shrunk_mean(mean, n, rows["squares"].to_numpy(dtype=float))
    total = float(gross.sum())
    kept = min(max(float(rows["spend"].sum()) / total, 0.0), 1.0) if total > 0 else 0.0
    purchases = value = None
    if rows["x"].sum() > 0:
        purchases = fit_purchases(distinct_rows(rows)[0], model=model)
    if (mean > 0).any():
        value = _value_or_none(mean, n)
    return Buying(purchases, value, shrunk, kept)


def distinct_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Distinct (x, t_x, T) with their number of ``customers``, and each row's place among them."""
    grouped = rows.groupby(["x", "t_x", "T"], sort=True)
    place = np.asarray(grouped.ngroup(), dtype=np.int64)
    distinct: pd.DataFrame = grouped.size().rename("customers").reset_index()
    return distinct, place


def _value_or_none(mean: Floats, n: Floats) -> OrderValue | None:
    try:
        return fit_value(mean, n)
    except DataError:
        return None


@dataclass(frozen=True)
class _Cells:
    """Mean spend of customers alike in recency, frequency and money at earlier origins."""

    cuts: dict[str, Floats]
    means: dict[tuple[str, ...], pd.Series[float]]
    overall: float

    @classmethod
    def fit(cls, past: pd.DataFrame) -> _Cells:
        measures = {"recency": 5, "frequency": 5, "money": 5}
        columns = _rfm(past)
        cuts = {
            name: np.unique(np.quantile(columns[name], np.arange(1, groups) / groups, method="inverted_cdf"))
            for name, groups in measures.items()
        }
        scored = pd.DataFrame({name: np.searchsorted(cuts[name], columns[name]) for name in cuts})
        scored["spend"] = past["spend_ahead"].to_numpy(dtype=float)
        means: dict[tuple[str, ...], pd.Series[float]] = {}
        levels: tuple[tuple[str, ...], ...] = (
            ("recency", "frequency", "money"),
            ("recency", "frequency"),
            ("recency",),
        )
        for level in levels:
            cells = scored.groupby(list(level))["spend"].agg(["mean", "size"])
            means[level] = cells.loc[cells["size"] >= _LEAST_IN_CELL, "mean"]
        return cls(cuts, means, float(scored["spend"].mean()) if len(scored) else 0.0)

    def predict(self, rows: pd.DataFrame) -> Floats:
        columns = _rfm(rows)
        scored = pd.DataFrame({name: np.searchsorted(cut, columns[name]) for name, cut in self.cuts.items()})
        forecast = np.full(len(rows), np.nan)
        for level, means in self.means.items():
            cell = pd.MultiIndex.from_frame(scored[list(level)]) if len(level) > 1 else scored[level[0]]
            of_level = means.reindex(cell).to_numpy(dtype=float)
            forecast = np.where(np.isnan(forecast), of_level, forecast)
        return np.where(np.isnan(forecast), self.overall, forecast)


@dataclass(frozen=True)
class _Boosting:
    """Gradient boosting on all features; a constant where nobody spent anything."""

    model: HistGradientBoostingRegressor | None
    mean: float

    @classmethod
    def fit(cls, past: pd.DataFrame, *, seed: int) -> _Boosting:
        outcome = np.maximum(past["spend_ahead"].to_numpy(dtype=float), 0.0)
        if not outcome.sum():
            return cls(None, 0.0)
        model = HistGradientBoostingRegressor(
            loss="poisson", learning_rate=0.06, max_iter=150, max_leaf_nodes=15, min_samples_leaf=40,
            l2_regularization=1.0, early_stopping=False, random_state=seed,
        )  # fmt: skip
        with threadpool_limits(limits=1):  # the same model on every machine
            model.fit(_features(past), outcome / outcome.mean())
        return cls(model, float(outcome.mean()))

    def predict(self, rows: pd.DataFrame) -> Floats:
        if self.model is None:
            return np.zeros(len(rows))
        with threadpool_limits(limits=1):
            return np.asarray(self.mean * self.model.predict(_features(rows)))


def _rfm(rows: pd.DataFrame) -> dict[str, Floats]:
    return {
        "recency": (rows["T"] - rows["t_x"]).to_numpy(dtype=float),
        "frequency": rows["x"].to_numpy(dtype=float),
        "money": rows["spend"].to_numpy(dtype=float),
    }


def _features(rows: pd.DataFrame) -> Floats:
    more = rows.assign(recency_days=rows["T"] - rows["t_x"], mean_value=rows["gross"] / rows["days"].clip(1))
    return more[list(_FEATURES)].to_numpy(dtype=float)
