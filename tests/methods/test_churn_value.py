"""What a lapse costs, where it is known: spend given that a customer buys, and the depth that follows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crm_utils.methods.churn import Stakes, fit_spend, plan_cutoffs, profit_by_depth
from crm_utils.methods.churn.contacts import judged_rows, riskier_share
from crm_utils.methods.churn.contest import Contest
from crm_utils.methods.churn.value import FEWEST_BUYERS

HORIZON = 28
STAKES = Stakes(save_rate=0.2, take_rate=0.3, offer=3, contact=0.5, margin=0.25, value_days=HORIZON)
PLAN = plan_cutoffs(dt.date(2024, 1, 1), dt.date(2024, 12, 31), horizon_days=HORIZON)


def shop(customers: int, seed: int) -> pd.DataFrame:
    """Poisson orders at a pace of one's own, baskets around a size of one's own.

    What can be known of a customer with x orders in three horizons is a closed form: the pace is
    Gamma(0.8 + x, 3.4), so the chance of none in the next is (3.4 / 4.4)^(0.8 + x).
    """
    rng = np.random.default_rng(seed)
    pace = rng.gamma(0.8, 1 / 0.4, customers)  # orders a horizon
    basket = 30 * np.exp(rng.normal(0, 0.5, customers))
    parts = []
    for cutoff in PLAN.all:
        past, ahead = rng.poisson(pace, (3, customers)), rng.poisson(pace)
        size = basket * np.exp(rng.normal(0, 0.3, customers))
        x = past.sum(axis=0)
        chance, mean = (3.4 / 4.4) ** (0.8 + x), (0.8 + x) / 3.4
        parts.append(pd.DataFrame({
            "customer_id": [f"c{k}" for k in range(customers)], "cutoff": cutoff,
            "orders_short": past[0], "orders_long": past.sum(axis=0), "spend_short": past[0] * basket,
            "spend_long": past.sum(axis=0) * basket, "recency_days": np.where(past[0] > 0, 5, 40),
            "usual_orders": (past.sum(axis=0) + 0.8) / 3.4, "orders_ahead": ahead,
            "spend_ahead": ahead * size, "lapse": (ahead == 0).astype(float),
            "true_chance": chance, "true_spend": basket * np.exp(0.045) * mean / (1 - chance),
        }))  # fmt: skip
    whole = pd.concat(parts, ignore_index=True)
    return whole[whole["orders_long"] > 0].reset_index(drop=True)


def test_the_value_at_risk_is_spend_given_that_they_buy() -> None:
    """By tenths of risk: what buyers spent is what was forecast; the unconditional mean is far below it."""
    panel = shop(4000, 1)
    model = fit_spend(panel[panel["cutoff"].isin(PLAN.labelled[:6])])
    later = panel[panel["cutoff"] == PLAN.labelled[-1]]
    tenth = pd.qcut(-later["true_chance"], 10, labels=False, duplicates="drop")
    forecast = pd.Series(model.predict(later), index=later.index)
    bought = later["orders_ahead"] > 0
    actual = later["spend_ahead"].where(bought).groupby(tenth).mean()
    ratio = forecast.where(bought).groupby(tenth).mean() / actual
    assert ratio.between(0.85, 1.2).all()
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    before = (later["spend_long"] / 3).groupby(tenth).mean()  # what was taken for it until now
    assert (actual / before).iloc[0] > 2  # in the riskiest tenth
    assert (actual / before).iloc[-1] == pytest.approx(1, abs=0.15)  # and in the safest


def test_few_buyers_all_have_the_mean_and_nobody_s_value_is_negative() -> None:
    panel = shop(30, 2)
    rows = panel[panel["cutoff"] == PLAN.labelled[0]]
    assert (rows["orders_ahead"] > 0).sum() < FEWEST_BUYERS
    few = fit_spend(rows)
    assert few.predict(rows).tolist() == [few.mean] * len(rows)
    assert fit_spend(rows.iloc[:0]).predict(rows).tolist() == [0.0] * len(rows)
    returned = fit_spend(rows.assign(spend_ahead=-5.0))
    assert returned.predict(rows).tolist() == [0.0] * len(rows)


def contest_of(panel: pd.DataFrame) -> Contest:
    rows = panel[panel["cutoff"].isin([*PLAN.validate, *PLAN.test])]
    window = np.where(rows["cutoff"].isin(PLAN.test), "test", "validate")
    forecasts = rows[["customer_id", "cutoff"]].assign(
        window=window, actual=rows["lapse"].astype(int), logistic=rows["true_chance"]
    )
    return Contest(forecasts.reset_index(drop=True), pd.DataFrame(), "logistic", "lapse", ("logistic",))


@pytest.mark.simulated
def test_the_interval_of_the_depth_holds_the_depth_that_is_right_for_the_true_value() -> None:
    """With the spend before as value it misses it: the list ends too early."""
    crowd = shop(60_000, 99)
    crowd = crowd[crowd["cutoff"].isin(PLAN.validate)]
    gain = (
        crowd["true_chance"] * STAKES.save_rate * (STAKES.margin * crowd["true_spend"] - STAKES.offer)
        - (1 - crowd["true_chance"]) * STAKES.take_rate * STAKES.offer
        - STAKES.contact
    )
    right, runs, held, held_before = float((gain > 0).mean()), 60, 0, 0
    for seed in range(runs):
        panel = shop(500, seed)
        rows = judged_rows(contest_of(panel), panel, PLAN, STAKES, riskier=1.0)
        before = panel.set_index(["customer_id", "cutoff"])["spend_long"] / 3 * STAKES.margin
        old = rows.assign(value=before.loc[list(zip(rows.customer_id, rows.cutoff, strict=True))].to_numpy())
        for frame, count in ((rows, True), (old, False)):
            validate, test = (frame[frame["window"] == w] for w in ("validate", "test"))
            depth = profit_by_depth(validate, test, STAKES, seed=1, draws=100)
            inside = depth.low - 0.005 <= right <= depth.high + 0.005
            held, held_before = held + (inside and count), held_before + (inside and not count)
    assert held / runs >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)
    assert held_before / runs < 0.5


def test_the_riskier_share_is_none_by_chance_and_the_right_one_where_risk_differs() -> None:
    rng, some = np.random.default_rng(5), 0
    days = np.repeat([1, 2], 400)
    for _ in range(200):
        rows = pd.DataFrame({"customer_id": np.arange(800).astype(str), "cutoff": days})
        rows = rows.assign(actual=(rng.random(800) < 0.3).astype(int), m=rng.random(800))
        some += riskier_share(rows, "m") > 0
    assert some / 200 <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 200)
    p = np.where(rows["m"] > 0.7, 0.6, 0.15)
    sharp = rows.assign(actual=(rng.random(800) < p).astype(int))
    assert riskier_share(sharp, "m") == pytest.approx(0.3, abs=0.05)
    assert riskier_share(sharp.assign(m=0.5), "m") == 0
    assert riskier_share(rows.iloc[:0], "m") == 0
