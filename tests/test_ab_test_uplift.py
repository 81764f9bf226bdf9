"""Uplift on planted truth: found where it is, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crm_utils.ab_test import (
    FEATURES,
    assigned,
    cross_fitted_uplift,
    customer_features,
    one_arm_each,
    policy_value,
    qini,
)
from crm_utils.ab_test.outcomes import customer_outcomes


def drawn(
    effect_of_first: float, *, seed: int, n: int = 6_000
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Customers whose effect is ±effect by the sign of the first feature, around an effect of .2."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    treated = rng.random(n) < 0.5
    effect = 0.2 + effect_of_first * np.sign(x["a"].to_numpy())
    return x, treated, x["b"].to_numpy() + rng.normal(size=n) + effect * treated, effect


def test_planted_differences_are_found_and_worth_acting_on() -> None:
    x, treated, y, effect = drawn(0.6, seed=1)
    uplift = cross_fitted_uplift(x, treated, y, seed=1)
    assert np.corrcoef(uplift, effect)[0, 1] > 0.7
    curve = qini(uplift, treated, y, seed=1)
    assert curve.found
    # Perfectly ordered, the area over the line is ½·.6·½: half the customers gain .6 more, half .6 less.
    assert curve.coefficient == pytest.approx(0.15, abs=0.04)
    value = policy_value(uplift, treated, y).set_index("policy")
    # Contacting the good half brings .8 · ½, all .2, none 0.
    assert value.loc["targeted − all", "low"] < 0.2 < value.loc["targeted − all", "high"]
    assert value.loc["targeted − none", "low"] < 0.4 < value.loc["targeted − none", "high"]
    assert value.loc["targeted − all", "low"] > 0


def test_without_differences_nothing_is_found_more_often_than_promised() -> None:
    found = 0
    for seed in range(40):
        x, treated, y, _ = drawn(0.0, seed=seed, n=1_000)
        uplift = np.random.default_rng(seed).normal(size=len(y))  # an order that knows nothing
        found += qini(uplift, treated, y, seed=seed, draws=100).found
    assert found <= 5  # one-sided 2.5 %: six or more have a chance under 1 in 10,000
    x, treated, y, _ = drawn(0.0, seed=2)
    assert not qini(cross_fitted_uplift(x, treated, y, seed=2), treated, y, seed=2).found


def test_the_curve_ends_at_the_effect_on_all_and_policies_agree_with_arm_means() -> None:
    x, treated, y, _ = drawn(0.3, seed=4, n=900)
    curve = qini(x["a"].to_numpy(), treated, y, seed=1).curve
    difference = y[treated].mean() - y[~treated].mean()
    assert curve["gain"].iloc[0] == 0
    assert curve["gain"].iloc[-1] == pytest.approx(difference)
    everyone = policy_value(np.ones(len(y)), treated, y, cost=0.1).set_index("policy")
    assert everyone.loc["targeted", "value"] == pytest.approx(y[treated].mean() - 0.1)
    assert everyone.loc["none", "value"] == pytest.approx(y[~treated].mean())
    error = np.sqrt(y[treated].var() / treated.sum())
    assert everyone.loc["all", "high"] - everyone.loc["all", "value"] == pytest.approx(1.96 * error)


def test_predictions_never_come_from_a_model_that_saw_the_customer() -> None:
    """Noise alone: a model that had seen it would predict it."""
    rng = np.random.default_rng(9)
    x, treated, y = pd.DataFrame(rng.normal(size=(2_000, 2))), rng.random(2_000) < 0.5, rng.normal(size=2_000)
    uplift = cross_fitted_uplift(x, treated, y, seed=1)
    sign = np.where(treated, 1, -1)
    assert abs(np.corrcoef(uplift, sign * y)[0, 1]) < 0.08  # 3.5 standard errors


def test_features_are_from_before_the_assignment() -> None:
    from ab_shop import shop

    tables = shop(seed=2, customers=300)
    rows = customer_outcomes(
        one_arm_each(assigned(tables.assignments)), tables.orders, horizon_days=56, before_days=91
    )
    frame = customer_features(rows, tables.orders, most=10_000).to_pyarrow().to_pandas()
    assert len(frame) == 300
    assert (frame["recency_days"].dropna().between(0, 92)).all()
    assert (frame["orders_ever"].fillna(0) == frame["orders_before"]).all()  # this shop begins 91 days before
    assert set(FEATURES) <= set(frame)
