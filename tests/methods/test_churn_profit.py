"""Profit by hand, the best depth where it is known, budgets, and what wrong assumptions cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_utils.errors import StudyError
from crm_utils.methods.churn import Stakes, profit_by_depth, try_assumptions
from crm_utils.methods.churn.depth import PER, spend_depth
from crm_utils.methods.churn.profit import contact_profit

STAKES = Stakes(save_rate=0.2, take_rate=0.5, offer=5, contact=1, margin=0.25, value_days=28)


def judged(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 3, n)
    return pd.DataFrame({
        "customer_id": np.arange(n).astype(str), "cutoff": 1, "chance": chance, "value": 60.0,
        "actual": (rng.random(n) < chance).astype(int),
    })  # fmt: skip


def test_profit_is_the_formula() -> None:
    p, value = np.array([0.3, 1.0, 0.0]), np.array([50.0, 50.0, 50.0])
    by_hand = [0.3 * 0.2 * 45 - 0.7 * 0.5 * 5 - 1, 0.2 * 45 - 1, -0.5 * 5 - 1]
    assert contact_profit(p, value, STAKES).tolist() == pytest.approx(by_hand)
    # A reminder gives nothing away, and keeps fewer: p·s₀·V − c.
    reminded = contact_profit(p, value, STAKES, np.array([True, False, True]))
    assert reminded.tolist() == pytest.approx([0.3 * 0.05 * 50 - 1, by_hand[1], -1])


def test_expected_profit_is_the_mean_of_simulated_campaigns() -> None:
    rng, n = np.random.default_rng(1), 400_000
    leaves, saved, takes = rng.random(n) < 0.4, rng.random(n) < 0.2, rng.random(n) < 0.5
    earned = np.where(leaves, saved * (60 - 5.0), -5.0 * takes) - 1
    error = earned.std() / np.sqrt(n)
    assert contact_profit(np.array([0.4]), np.array([60.0]), STAKES)[0] == pytest.approx(
        earned.mean(), abs=3 * error
    )


def test_the_best_depth_is_where_expected_profit_ends() -> None:
    """Π = 0 at p = (qδ + c) / (s(V − δ) + qδ): contacting everyone above it is best."""
    validate, test = judged(40_000, 2), judged(40_000, 3)
    threshold = (0.5 * 5 + 1) / (0.2 * 55 + 0.5 * 5)
    by_depth = profit_by_depth(validate, test, STAKES, seed=1, draws=100)
    assert by_depth.best == pytest.approx((validate["chance"] > threshold).mean(), abs=0.03)
    assert by_depth.low <= by_depth.best <= by_depth.high
    expected = contact_profit(test["chance"], test["value"], STAKES)
    possible = PER * expected.clip(min=0).mean()
    assert by_depth.profit_low <= possible <= by_depth.profit_high
    curve = by_depth.curve[by_depth.curve["window"] == "test"].set_index("depth")["profit"]
    everyone = contact_profit(test["actual"].astype(float), test["value"], STAKES).mean()
    assert [curve[0.0], curve[1.0]] == pytest.approx([0, PER * everyone])


def test_the_list_knows_forecasts_only() -> None:
    validate, test = judged(2000, 4), judged(2000, 5)
    by_depth = profit_by_depth(validate, test.assign(chance=0.5), STAKES, seed=1, draws=20)
    curve = by_depth.curve[by_depth.curve["window"] == "test"].set_index("depth")["profit"]
    assert curve[0.5] == pytest.approx(curve[1.0] / 2, rel=0.2)  # a list in no order gains in proportion


def test_a_budget_ends_the_list() -> None:
    rows = judged(1000, 6)
    each = 1 + 5 * (rows["chance"] * 0.2 + (1 - rows["chance"]) * 0.5)
    assert spend_depth(rows, STAKES, None) == 1
    assert spend_depth(rows, STAKES, float(each.mean())) == 1
    assert spend_depth(rows, STAKES, 0.0) == 0
    top = rows.assign(cost=each).sort_values("chance", ascending=False)["cost"].cumsum() / 1000
    assert spend_depth(rows, STAKES, float(top.iloc[99])) == pytest.approx(0.10)
    by_depth = profit_by_depth(
        rows, rows, STAKES, seed=1, draws=20, budget=float(top.iloc[29]) * 500, audience=500
    )
    assert by_depth.allowed == pytest.approx(0.03)
    assert by_depth.best <= by_depth.allowed


def test_contacting_nobody_is_a_choice() -> None:
    dear = replace(STAKES, contact=1000)
    by_depth = profit_by_depth(judged(500, 7), judged(500, 8), dear, seed=1, draws=20)
    assert (by_depth.best, by_depth.profit) == (0, 0)


def test_knowing_the_truth_never_loses_on_the_days_it_chose_by() -> None:
    rows = judged(5000, 9)
    best = profit_by_depth(rows, rows, STAKES, seed=1, draws=20).best
    wrong = try_assumptions(rows, rows, STAKES, depth=best, seed=1, draws=20)
    assert (wrong["regret"] >= -1e-9).all()
    right = wrong[(wrong["save_rate"] == 0.2) & (wrong["take_rate"] == 0.5)].iloc[0]
    assert right["regret"] == pytest.approx(0, abs=1e-9)
    assert wrong["regret"].max() > 0


def test_what_was_possible_is_a_maximum_where_the_days_differ() -> None:
    """On other days a list chosen knowing the truth may bring less than the plan: chance, and no regret."""
    for seed in range(5):
        wrong = try_assumptions(
            judged(150, seed), judged(150, 50 + seed), STAKES, depth=0.4, seed=1, draws=20
        )
        assert (wrong["regret"] >= 0).all()
        assert (wrong["low"] <= wrong["planned"]).all()
        assert (wrong["planned"] <= wrong["high"]).all()


def test_nobody_who_is_not_open_is_contacted_and_they_end_the_depth() -> None:
    rows = judged(2000, 11).assign(value=400.0)  # so large a value that everybody would pay
    rows["open"] = rows["chance"] >= rows["chance"].quantile(0.7)
    depth = profit_by_depth(rows, rows, STAKES, seed=1, draws=20)
    assert depth.allowed == pytest.approx(0.3, abs=0.01)
    assert depth.best == pytest.approx(0.3, abs=0.02)
    free = profit_by_depth(rows.drop(columns="open"), rows.drop(columns="open"), STAKES, seed=1, draws=20)
    assert free.best > 0.7


def test_what_was_possible_could_be_paid_for() -> None:
    """With money for a twentieth of the list, nobody who knew the truth could have gone deeper either."""
    rows, audience = judged(4000, 10), 1000
    budget = 0.05 * audience * (STAKES.contact + STAKES.offer)
    depth = profit_by_depth(rows, rows, STAKES, seed=1, draws=20, budget=budget, audience=audience).best
    limited = try_assumptions(
        rows, rows, STAKES, depth=depth, seed=1, draws=20, budget=budget, audience=audience
    )
    free = try_assumptions(rows, rows, STAKES, depth=depth, seed=1, draws=20)
    assert (free["possible"] >= limited["possible"]).all()
    assert (free["possible"] > 1.5 * limited["possible"]).any()
    assert (limited["regret"] >= -1e-9).all()  # the planned list, too, ends where the money is spent


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"save_rate": 1.2}, "save_rate is 1.2. It is a share: from 0 to 1."),
        ({"margin": -0.1}, "margin_share is -0.1. It is a share"),
        ({"offer": -1}, "offer_cost is -1. A cost is 0 or more."),
        ({"contact": -1}, "contact_cost is -1. A cost is 0 or more."),
        ({"remind_rate": 2}, "remind_rate is 2. It is a share: from 0 to 1."),
        ({"value_days": 0}, "value_days is 0. Margin is lost over at least one day."),
    ],
)
def test_stakes_that_make_no_sense_are_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        replace(STAKES, **change)
