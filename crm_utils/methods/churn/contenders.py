"""How likely is each customer to lapse? Four contenders, from the plainest to the most flexible.

Recency alone; purchases of the last two horizons alone; regularised logistic regression on all features;
histogram gradient boosting. Each is calibrated on a later cut-off than it learnt from, by a line through the
logits (J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999): the ranking stays, and a
logistic model stays a sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from crm_utils.errors import DataError
from crm_utils.methods.churn.themes import THEMES, features_there

__all__ = ["BASELINES", "CONTENDERS", "Fitted", "fit_contender", "flat"]

Floats = NDArray[np.float64]

BASELINES = ("recency", "orders")
CONTENDERS = (*BASELINES, "logistic", "boosting")
"""All contenders, the simplest first: among equals the first is chosen."""

_ALONE = {"recency": "recency_days", "orders": "orders_middle"}
_NEARLY_SURE = 1e-6
"""No forecast is nearer to 0 or 1: one surprise would cost an infinite log-loss."""

_ALMOST_FREE = 1e6
"""Inverse strength of the penalty where none is wanted, but a line through separated points must end."""


@dataclass(frozen=True)
class Fitted:
    """A contender that has learnt.

    Attributes
    ----------
    name
        One of :data:`CONTENDERS`.
    columns
        The features it reads.
    pipeline
        scikit-learn's, from those columns to an uncalibrated probability; None for a flat forecast, which
        gives everybody the same chance, because there was nothing to learn from.
    shift, stretch
        Calibration: logit = shift + stretch · uncalibrated logit.
    center
        For a sum of terms: the mean of each prepared column over what it learnt from.
    """

    name: str
    columns: tuple[str, ...]
    pipeline: Pipeline | None
    shift: float
    stretch: float
    center: Floats

    def predict(self, panel: pd.DataFrame) -> Floats:
        """The calibrated probability for each row."""
        if self.pipeline is None:
            return np.full(len(panel), float(_expit(np.array([self.shift]))[0]))
        with threadpool_limits(limits=1):
            return _expit(self.shift + self.stretch * _raw_logit(self.pipeline, panel[list(self.columns)]))

    @property
    def base(self) -> float:
        """The logit of the average customer, against whom :meth:`contributions` are measured."""
        if self.pipeline is None:
            return self.shift
        head = self.pipeline[-1]
        return float(self.shift + self.stretch * (head.intercept_[0] + self.center @ head.coef_[0]))

    def contributions(self, panel: pd.DataFrame) -> pd.DataFrame:
        """What each theme adds to a row's logit, against the average customer. Exact: the sum is the score.

        Returns
        -------
        pandas.DataFrame
            A row as in ``panel``, a column a theme; :attr:`base` plus their sum is the logit of
            :meth:`predict`, up to the bound that keeps forecasts from 0 and 1.

        Raises
        ------
        DataError
            The model is no sum of terms.
        """
        if self.pipeline is None:
            return pd.DataFrame({THEMES[0]: np.zeros(len(panel))}, index=panel.index)
        if self.name == "boosting":
            raise DataError(
                "Gradient boosting is no sum of terms. Take the reasons from the logistic regression."
            )
        prepared = np.asarray(self.pipeline[:-1].transform(panel[list(self.columns)]))
        terms = self.stretch * self.pipeline[-1].coef_[0] * (prepared - self.center)
        numbers = [f.theme for f in features_there(pd.Index(self.columns)) if f.name != "segment"]
        themes = np.array(numbers + ["segment"] * (terms.shape[1] - len(numbers)))
        shown = [theme for theme in THEMES if theme in set(themes)]
        return pd.DataFrame({t: terms[:, themes == t].sum(axis=1) for t in shown}, index=panel.index)


def flat(name: str, rows: pd.DataFrame, *, label: str = "lapse") -> Fitted:
    """The same chance for everybody: the share of the rows, drawn a little towards one half.

    For a contender that has nothing to learn from: too few days, or one outcome alone.
    """
    rate = (float(rows[label].sum()) + 0.5) / (len(rows) + 1)
    return Fitted(name, (), None, float(np.log(rate / (1 - rate))), 0.0, np.zeros(0))


def fit_contender(
    name: str, train: pd.DataFrame, calibrate: pd.DataFrame, *, label: str = "lapse", seed: int = 0
) -> Fitted:
    """Let a contender learn, and calibrate it on later rows.

    Parameters
    ----------
    name
        One of :data:`CONTENDERS`.
    train, calibrate
        Rows of the panel with the label known; those to calibrate on come from a later cut-off.
    label
        ``lapse``, ``defection`` or ``partial_defection``.
    seed
        Of the boosting.

    Raises
    ------
    DataError
        One of them has no customer with the outcome, or none without.
    """
    for rows, what in ((train, "learn from"), (calibrate, "calibrate on")):
        _check_both(rows, label, what)
    there = [f.name for f in features_there(train.columns) if train[f.name].notna().any()]
    columns = tuple(c for c in there if c == _ALONE.get(name, c))
    pipeline = make_pipeline(_prepare(name, columns), _head(name, seed))
    with threadpool_limits(limits=1):  # the same model on every machine
        pipeline.fit(train[list(columns)], train[label].to_numpy(dtype=int))
    logit = _raw_logit(pipeline, calibrate[list(columns)])
    line = LogisticRegression(C=_ALMOST_FREE).fit(logit[:, None], calibrate[label].to_numpy(dtype=int))
    center = np.asarray(pipeline[:-1].transform(train[list(columns)])).mean(axis=0)
    return Fitted(name, columns, pipeline, float(line.intercept_[0]), float(line.coef_[0, 0]), center)


def _check_both(rows: pd.DataFrame, label: str, what: str) -> None:
    happened = int(rows[label].sum())
    if happened in (0, len(rows)):
        which = "none" if happened == 0 else "all"
        days = ", ".join(sorted({str(day) for day in rows["cutoff"]}))
        raise DataError(
            f"Of {len(rows)} customers to {what} ({days}), {which} show {label}: there is nothing to tell "
            "apart. Choose another horizon_days or active_days."
        )


def _prepare(name: str, columns: tuple[str, ...]) -> ColumnTransformer:
    numbers = [c for c in columns if c != "segment"]
    named = [c for c in columns if c == "segment"]
    if name == "boosting":  # trees need no scale and know what to do with gaps
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        return ColumnTransformer([("numbers", "passthrough", numbers), ("names", codes, named)])
    scaled = make_pipeline(
        FunctionTransformer(_logarithm),
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),  # a constant feature becomes 0 and says nothing
    )
    flags = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", scaled, numbers), ("names", flags, named)])


def _head(name: str, seed: int) -> LogisticRegression | HistGradientBoostingClassifier:
    if name == "boosting":
        return HistGradientBoostingClassifier(
            max_iter=120, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=40, l2_regularization=1.0,
            early_stopping=False, random_state=seed,
        )  # fmt: skip
    return LogisticRegression(C=1.0, max_iter=1000)


def _logarithm(values: pd.DataFrame) -> pd.DataFrame:
    """Counts, days and money are skewed, and their ratios matter; a negative revenue is as no revenue."""
    return values.astype(float).clip(lower=0).transform(np.log1p)


def _raw_logit(pipeline: Pipeline, rows: pd.DataFrame) -> Floats:
    return np.asarray(pipeline.decision_function(rows), dtype=float)


def _expit(logit: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(np.clip(1 / (1 + np.exp(-logit)), _NEARLY_SURE, 1 - _NEARLY_SURE))
