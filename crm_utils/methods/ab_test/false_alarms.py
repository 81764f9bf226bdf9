"""Does the test keep its promise in this shop? A/A splits of past customers, to whom nothing was done.

Whatever such a split finds is a false alarm; the share of splits that find something should be α.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from crm_utils.errors import DataError
from crm_utils.experiments import Metric

__all__ = ["aa_splits", "aa_table"]

Floats = npt.NDArray[np.float64]


def aa_table(
    rows: ir.Table,
    metrics: Sequence[Metric],
    *,
    splits: int,
    seed: int,
    alpha: float = 0.05,
    most: int = 20_000,
) -> pd.DataFrame:
    """Run A/A splits of past customers for each metric, without and with its covariate.

    Parameters
    ----------
    rows
        A row a customer, from :func:`.outcomes.customer_outcomes`.
    metrics
        Conversions and means.
    splits, seed, alpha
        As for :func:`aa_splits`.
    most
        Of more customers a sample is taken: the first by the hash of their id.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``covariate`` (yes, no), ``rate``, ``low``, ``high``, ``splits``.
    """
    used = [metric for metric in metrics if metric.kind in ("conversion", "mean")]
    columns = {c for metric in used for c in (metric.of, f"{metric.of}_before")} & set(rows.columns)
    names = ["metric", "covariate", "rate", "low", "high", "splits"]
    if not columns:
        return pd.DataFrame(columns=names)
    drawn = rows.order_by(rows.customer_id.hexdigest("md5")).limit(most)
    frame = drawn.select(**{c: drawn[c].cast("float64") for c in sorted(columns)}).to_pyarrow().to_pandas()
    rates = []
    for metric in used:
        y, before = (_seen(frame.get(column), metric) for column in (metric.of, f"{metric.of}_before"))
        for covariate in (None, before) if before is not None else (None,):
            if y is not None:
                named = {"metric": metric.name, "covariate": "no" if covariate is None else "yes"}
                rates.append(named | aa_splits(y, covariate, splits=splits, seed=seed, alpha=alpha))
    return pd.DataFrame(rates, columns=names)


def _seen(column: Any, metric: Metric) -> Floats | None:
    """A column as the metric counts it."""
    if column is None:
        return None
    values: Floats = column.to_numpy(float)
    if metric.kind == "conversion":
        return (values > 0).astype(float)
    return values if metric.cap is None else np.minimum(values, metric.cap)


def aa_splits(
    values: Floats, before: Floats | None = None, *, splits: int, seed: int, alpha: float = 0.05
) -> dict[str, float]:
    """Split past customers at random many times and test for an effect that is not there.

    Parameters
    ----------
    values
        The outcome of each customer.
    before
        Its covariate, for CUPED.
    splits, seed
        How many random halves, and from which seed.

    Returns
    -------
    dict
        ``rate``: share of splits that a Welch test rejects, which should be ``alpha``; ``low``, ``high``: its
        95 % Wilson interval; ``splits``.

    Raises
    ------
    DataError
        There are fewer than four customers: a half needs two.
    """
    if len(values) < 4:
        raise DataError(f"{len(values)} customers cannot be split into halves that vary; it takes four.")
    rng = np.random.default_rng(seed)
    y = values
    if before is not None and before.var() > 0:
        y = values - np.cov(values, before)[0, 1] / before.var(ddof=1) * (before - before.mean())
    rejected, n = 0, len(y)
    for _ in range(splits):
        half = rng.permutation(n) < n // 2
        one, other = y[half], y[~half]
        error = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
        rejected += bool(error) and abs(one.mean() - other.mean()) > norm.ppf(1 - alpha / 2) * error
    low, high = proportion_confint(rejected, splits, method="wilson")
    return {"rate": rejected / splits, "low": float(low), "high": float(high), "splits": splits}
