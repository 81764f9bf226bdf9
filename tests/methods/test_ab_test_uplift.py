"""Uplift on planted truth: found where it is, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crm_utils.engine import keep
from crm_utils.features.statistics import z
from crm_utils.methods.ab_test.assignment import assigned, one_arm_each
from crm_utils.methods.ab_test.outcomes import customer_outcomes
from crm_utils.methods.ab_test.targeting import judge_targeting
from crm_utils.methods.ab_test.uplift import (
    FEATURES,
    customer_features,
    policy_value,
    predicted_groups,
    qini,
    split_uplift,
)


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
    # One half teaches and the other judges: cross-fitting's intervals lay below 0 in 10 to 19 % of tests.
    split = split_uplift(x, treated, y, seed=1)
    uplift, treated, y, effect = split.uplift, *(v[split.judges] for v in (treated, y, effect))
    assert np.corrcoef(uplift, effect)[0, 1] > 0.7
    curve = qini(uplift, treated, y, seed=1)
    assert curve.better
    # Perfectly ordered, the area over the line is ½·.6·½: half the customers gain .6 more, half .6 less.
    assert curve.coefficient == pytest.approx(0.15, abs=0.04)
    value = policy_value(uplift, treated, y).set_index("policy")
    # Contacting the good half brings .8 · ½, all .2, none 0.
    assert value.loc["targeted − all", "low"] < 0.2 < value.loc["targeted − all", "high"]
    assert value.loc["targeted − none", "low"] < 0.4 < value.loc["targeted − none", "high"]
    assert value.loc["targeted − all", "low"] > 0


def test_without_differences_nothing_is_found_more_often_than_promised() -> None:
    better = 0
    for seed in range(40):
        x, treated, y, _ = drawn(0.0, seed=seed, n=1_000)
        uplift = np.random.default_rng(seed).normal(size=len(y))  # an order that knows nothing
        better += qini(uplift, treated, y, seed=seed, draws=100).better
    assert better <= 5  # one-sided 2.5 %: six or more have a chance under 1 in 10,000
    x, treated, y, _ = drawn(0.0, seed=2)
    split = split_uplift(x, treated, y, seed=2)
    assert not qini(split.uplift, treated[split.judges], y[split.judges], seed=2).better


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
    assert everyone.loc["all", "high"] - everyone.loc["all", "value"] == pytest.approx(z() * error)


def test_predictions_never_come_from_a_model_that_saw_the_customer() -> None:
    """Noise alone: a model that had seen it would predict it."""
    rng = np.random.default_rng(9)
    x = pd.DataFrame(rng.normal(size=(2_000, 2)), columns=["a", "b"])
    treated, y = rng.random(2_000) < 0.5, rng.normal(size=2_000)
    split = split_uplift(x, treated, y, seed=1)
    sign = np.where(treated, 1, -1)
    seen = (sign * y)[split.judges]
    assert abs(np.corrcoef(split.uplift, seen)[0, 1]) < 0.11  # 3.5 standard errors of 1,000


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


def test_for_whom_knows_the_customers_own_and_declared_attributes_in_every_arm() -> None:
    """A region is known, a plan is declared, and a third column is neither."""
    from ab_shop import shop

    tables = shop(seed=5, customers=900, arms=("control", "mail", "coupon"))
    rows = keep(customer_outcomes(
        one_arm_each(assigned(tables.assignments)), tables.orders, horizon_days=56, before_days=91
    ))  # fmt: skip
    known = pd.DataFrame({"customer_id": [f"c{k}" for k in range(900)]})
    known["region"] = np.where(np.arange(900) % 2, "north", "south")
    known["plan"] = np.where(np.arange(900) % 3, "monthly", "yearly")
    known["secret"] = "s"  # not declared, so not used
    people = tables.orders.get_backend().create_table("people", known)
    plan = SimpleNamespace(control="control", treatments=("mail", "coupon"), features=["plan"])
    one = SimpleNamespace(rows=rows, sums={"control": 1}, experiment=plan)
    judged = judge_targeting(one, replace(tables, customers=people), seed=1)  # type: ignore[arg-type]
    assert list(judged) == ["mail", "coupon"]
    for arm, targeting in judged.items():
        assert targeting is not None, arm
        names = " ".join(targeting.features)
        assert "region" in names
        assert "plan" in names
        assert "secret" not in names


def test_equal_predictions_are_ties_whatever_the_order_of_rows() -> None:
    """causalml's issues 272 and 798, and sklift's 53: the same model had another area after sorting."""
    rng = np.random.default_rng(0)
    n = 2_000
    treated = rng.random(n) < 0.5
    y = rng.exponential(10, n) + 2 * treated
    for order in (np.arange(n), np.argsort(-y * np.where(treated, 1, -1)), np.argsort(y)):
        curve = qini(np.zeros(n), treated[order], y[order], seed=1, draws=50)
        assert (curve.coefficient, curve.low, curve.high) == pytest.approx((0, 0, 0), abs=1e-12)
        assert not curve.better
    two, shuffled = np.where(rng.random(n) < 0.5, 1.0, 0.0), rng.permutation(n)
    one = qini(two, treated, y, seed=1, draws=50).coefficient
    other = qini(two[shuffled], treated[shuffled], y[shuffled], seed=1, draws=50).coefficient
    assert one == pytest.approx(other, abs=1e-12)


def test_who_cannot_be_distinguished_is_not_chosen_among() -> None:
    """Newcomers: every feature is the same, or missing, for everybody."""
    rng = np.random.default_rng(3)
    treated, y = rng.random(400) < 0.5, rng.exponential(10, 400)
    same = pd.DataFrame({"orders_before": 0.0, "recency_days": np.nan, "region": "Busan"}, index=range(400))
    assert split_uplift(same, treated, y, seed=1) is None
    known = same.assign(region=np.where(rng.random(400) < 0.5, "Busan", None))
    split = split_uplift(known, treated, y, seed=1)
    assert split is not None
    assert split.features == ("region=Busan",)
    gap = same.assign(recency_days=np.where(treated, 3.0, np.nan))  # missing for all of one arm
    assert split_uplift(gap, treated, y, seed=1) is not None


def test_groups_hold_their_predictions_and_a_wrong_model_is_seen() -> None:
    x, treated, y, effect = drawn(0.6, seed=5)
    good = predicted_groups(effect, treated, y)
    assert good["customers"].sum() == len(y)
    assert good["p_differ"].iloc[0] < 0.001 < good["p_calibrated"].iloc[0]
    assert predicted_groups(-3 * effect, treated, y)["p_calibrated"].iloc[0] < 0.001
    assert predicted_groups(x["c"].to_numpy(), treated, y)["p_differ"].iloc[0] > 0.001
