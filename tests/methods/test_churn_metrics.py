"""Measures against scikit-learn and statsmodels, with weights and ties; intervals cover as they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from crm_utils.methods.churn.metrics import MEASURES, measure_forecasts, measures


def drawn(n: int, seed: int, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, n).clip(0.01, 0.99)
    p = p.round(1).clip(0.05, 0.95) if ties else p
    return (rng.random(n) < p).astype(int), p, rng.multinomial(n, np.full(n, 1 / n), size=3).T.astype(float)


@pytest.mark.parametrize("ties", [False, True])
def test_measures_are_those_of_scikit_learn_and_statsmodels(ties: bool) -> None:
    y, p, weights = drawn(700, 1, ties=ties)
    ours = measures(y, p, weights)
    for k, w in enumerate(weights.T):
        assert ours["roc_auc"][k] == pytest.approx(roc_auc_score(y, p, sample_weight=w))
        assert ours["pr_auc"][k] == pytest.approx(average_precision_score(y, p, sample_weight=w))
        assert ours["brier"][k] == pytest.approx(brier_score_loss(y, p, sample_weight=w))
        assert ours["log_loss"][k] == pytest.approx(log_loss(y, p, sample_weight=w))
        logit = np.log(p / (1 - p))
        slope = (
            sm.GLM(y, sm.add_constant(logit), family=sm.families.Binomial(), freq_weights=w).fit().params[1]
        )
        level = sm.GLM(y, np.ones(len(y)), family=sm.families.Binomial(), freq_weights=w, offset=logit).fit()
        assert ours["calibration_slope"][k] == pytest.approx(slope, abs=1e-6)
        assert ours["calibration_intercept"][k] == pytest.approx(level.params[0], abs=1e-6)
    rate = np.average(y, weights=weights[:, 0])
    assert ours["brier_null"][0] == pytest.approx(rate * (1 - rate))


def test_lift_and_gain_counted_by_hand() -> None:
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    measured = measures(y, np.linspace(0.9, 0.1, 10))
    assert measured["lift_at_10"][0] == pytest.approx(5)
    assert measured["gain_at_20"][0] == pytest.approx(1)
    assert measured["gain_at_5"][0] == pytest.approx(0.25)  # half of the first customer
    same = measures(y, np.full(10, 0.2))
    assert [same[f"lift_at_{d}"][0] for d in (5, 10, 20)] == pytest.approx([1, 1, 1])
    assert same["roc_auc"][0] == 0.5
    assert np.isnan(same["calibration_slope"][0])


def test_weighting_a_customer_twice_is_writing_the_row_twice() -> None:
    y, p, _ = drawn(200, 2)
    w = np.random.default_rng(3).integers(0, 4, 200)
    weighted, written = measures(y, p, w[:, None].astype(float)), measures(np.repeat(y, w), np.repeat(p, w))
    assert {k: weighted[k][0] for k in MEASURES} == pytest.approx({k: written[k][0] for k in MEASURES})


def test_one_outcome_alone_ranks_nobody() -> None:
    measured = measures(np.zeros(5, dtype=int), np.linspace(0.1, 0.5, 5))
    assert all(np.isnan(measured[k][0]) for k in ("roc_auc", "pr_auc", "lift_at_10", "calibration_slope"))
    assert measured["brier_null"][0] == 0


@pytest.mark.simulated
def test_intervals_cover_and_know_that_customers_come_again() -> None:
    """Forecasts are the true probabilities: slope 1, intercept 0 and the expected Brier are the truth."""
    rng = np.random.default_rng(4)
    covered = dict.fromkeys(["calibration_slope", "calibration_intercept", "brier"], 0)
    runs = 150
    for k in range(runs):
        customers = np.tile(np.arange(250), 2)
        p = np.tile(rng.beta(1, 3, 250).clip(0.02, 0.98), 2)
        frame = pd.DataFrame({
            "customer_id": customers.astype(str), "cutoff": np.repeat([1, 2], 250),
            "actual": (rng.random(500) < p).astype(int), "model": p,
        })  # fmt: skip
        table = measure_forecasts(frame, ("model",), seed=k, draws=200)
        mean = table[table["cutoff"] == "all"].set_index("measure")
        truth = {"calibration_slope": 1.0, "calibration_intercept": 0.0, "brier": 3 / 20}
        for name, true in truth.items():
            covered[name] += mean.loc[name, "low"] <= true <= mean.loc[name, "high"]
    for name, count in covered.items():
        assert count / runs == pytest.approx(0.95, abs=0.055), name  # three Monte-Carlo errors


def test_the_average_moves_more_where_customers_come_again_with_the_same_outcome() -> None:
    rng = np.random.default_rng(5)
    p = np.tile(rng.beta(2, 2, 300), 2)
    once = (rng.random(300) < p[:300]).astype(int)

    def width(actual: np.ndarray) -> float:
        frame = pd.DataFrame({"customer_id": np.tile(np.arange(300), 2).astype(str), "actual": actual,
                              "cutoff": np.repeat([1, 2], 300), "model": p})  # fmt: skip
        auc = measure_forecasts(frame, ("model",), seed=1).query("cutoff == 'all' and measure == 'roc_auc'")
        return float((auc["high"] - auc["low"]).iloc[0])

    fresh = (rng.random(600) < p).astype(int)
    assert width(np.tile(once, 2)) > 1.2 * width(fresh)
