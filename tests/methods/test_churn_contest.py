"""Contenders on customers whose hazard is known: near the best possible, calibrated, and nothing shuffled."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from crm_utils.errors import DataError
from crm_utils.methods.churn import churn_panel, measure_quality, plan_cutoffs
from crm_utils.methods.churn.calibration import calibration_curve, clustered_share
from crm_utils.methods.churn.contenders import CONTENDERS, fit_contender
from crm_utils.methods.churn.contest import choose, learn_by, run_contest
from crm_utils.methods.churn.frames import panel_frame

STARTS, AS_OF, HORIZON = dt.date(2024, 1, 1), dt.date(2024, 12, 31), 28
R, ALPHA = 0.9, 18.0
"""Purchases come at a customer's own constant rate a day; rates are Gamma(R, ALPHA)."""


def simulated(customers: int, seed: int) -> tuple[ir.Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(R, 1 / ALPHA, customers)
    days = (AS_OF - STARTS).days + 1
    who = np.repeat(np.arange(customers), rng.poisson(rates * days))
    at = np.datetime64(STARTS, "us") + (rng.random(len(who)) * days * 86400e6).astype("timedelta64[us]")
    table = pa.table({"customer_id": np.char.add("c", who.astype(str)), "ordered_at": at,
                      "amount": pa.array([10] * len(who), pa.decimal128(18, 2))})  # fmt: skip
    return ibis.memtable(table), rates


@pytest.fixture(scope="module")
def shop() -> tuple[pd.DataFrame, np.ndarray]:
    orders, rates = simulated(5000, 3)
    plan = plan_cutoffs(STARTS, AS_OF, horizon_days=HORIZON)
    panel = churn_panel(orders, cutoffs=plan.all, as_of=AS_OF, horizon_days=HORIZON, active_days=84)
    return panel_frame(panel), rates


PLAN = plan_cutoffs(STARTS, AS_OF, horizon_days=HORIZON)


@pytest.mark.simulated
def test_known_hazard_is_ranked_as_well_as_anyone_could(shop: tuple[pd.DataFrame, np.ndarray]) -> None:
    """The best possible, given what was bought: ((α + T) / (α + T + h))^(r + x), gamma-Poisson itself."""
    panel, _ = shop
    contest = run_contest(panel, PLAN)
    truth = panel.assign(T=[(c - STARTS).days + 1 for c in panel["cutoff"]])
    # From rhythm_days = (α̂ + S) / (r̂ + n) follows nothing of x alone: count purchases anew.
    orders, _ = simulated(5000, 3)
    bought = orders.to_pyarrow().to_pandas()
    for day in PLAN.test:
        rows = truth[truth["cutoff"] == day]
        x = (
            bought[bought["ordered_at"] < pd.Timestamp(day) + pd.Timedelta(days=1)]
            .groupby("customer_id")
            .size()
        )
        x = x.reindex(rows["customer_id"]).to_numpy()
        best = ((ALPHA + rows["T"]) / (ALPHA + rows["T"] + HORIZON)) ** (R + x)
        forecast = contest.test[contest.test["cutoff"] == day]
        assert (forecast["customer_id"].to_numpy() == rows["customer_id"].to_numpy()).all()
        possible = roc_auc_score(rows["lapse"], best)
        assert possible - roc_auc_score(forecast["actual"], forecast[contest.chosen]) < 0.01


def test_calibration_covers_the_true_probabilities(shop: tuple[pd.DataFrame, np.ndarray]) -> None:
    """exp(−rate · horizon) is each customer's true chance: groups' intervals hold its mean as promised."""
    panel, rates = shop
    rng, covered, groups = np.random.default_rng(8), 0, 0
    rows = panel[panel["cutoff"].isin(PLAN.test)].reset_index(drop=True)
    truth = np.exp(-rates[rows["customer_id"].str[1:].astype(int)] * HORIZON)
    for _ in range(60):  # the same customers, their horizons drawn anew
        drawn = rows[["customer_id"]].assign(model=truth, actual=(rng.random(len(rows)) < truth).astype(int))
        curve = calibration_curve(drawn, "model")
        covered += int(((curve["low"] <= curve["forecast"]) & (curve["forecast"] <= curve["high"])).sum())
        groups += len(curve)
    assert covered / groups == pytest.approx(0.95, abs=0.027)  # three Monte-Carlo errors of 600


def test_clustered_intervals_cover_where_customers_come_again() -> None:
    rng, covered, naive = np.random.default_rng(9), 0, 0
    for _ in range(300):
        chance = rng.beta(0.5, 2, 120)  # each customer's own, so that rows of one are alike
        happened = (rng.random((120, 4)) < chance[:, None]).astype(int).ravel()
        customers = pd.Series(np.repeat(np.arange(120), 4).astype(str))
        _, low, high = clustered_share(happened, customers)
        _, flat, top = clustered_share(happened, pd.Series(np.arange(480).astype(str)))
        covered += low <= 0.2 <= high
        naive += flat <= 0.2 <= top
    assert covered / 300 == pytest.approx(0.95, abs=0.038)
    assert naive / 300 < 0.9


def test_the_chosen_model_is_calibrated(shop: tuple[pd.DataFrame, np.ndarray]) -> None:
    contest = run_contest(shop[0], PLAN, contenders=("orders", "logistic"))
    curve = calibration_curve(contest.test, "logistic")
    assert ((curve["forecast"] - curve["actual"]).abs() < 0.05).all()


def test_nothing_later_than_the_day_teaches(shop: tuple[pd.DataFrame, np.ndarray]) -> None:
    panel, _ = shop
    day = PLAN.test[0]
    later = panel["cutoff"] >= day - dt.timedelta(days=HORIZON - 1)
    changed = panel.assign(lapse=np.where(later, 1 - panel["lapse"], panel["lapse"]))
    rows = panel[panel["cutoff"] == day]
    for name in CONTENDERS:
        one, other = (learn_by(t, PLAN, day, name=name).predict(rows) for t in (panel, changed))
        assert (one == other).all()


def test_contributions_add_up_to_the_score(shop: tuple[pd.DataFrame, np.ndarray]) -> None:
    panel, _ = shop
    rows = panel[panel["cutoff"] == AS_OF]
    for name in ("recency", "orders", "logistic"):
        model = learn_by(panel, PLAN, AS_OF, name=name)
        terms, p = model.contributions(rows), model.predict(rows)
        inside = (p > 2e-6) & (p < 1 - 2e-6)
        logit = np.log(p / (1 - p))
        assert (model.base + terms.sum(axis=1).to_numpy())[inside] == pytest.approx(logit[inside], abs=1e-6)
    with pytest.raises(DataError, match="Gradient boosting is no sum of terms"):
        learn_by(panel, PLAN, AS_OF, name="boosting").contributions(rows)


def test_the_simplest_within_one_error_is_chosen_and_rows_of_a_customer_are_no_news() -> None:
    rng = np.random.default_rng(1)
    actual = (rng.random(2000) < 0.3).astype(int)
    good = np.where(actual == 1, 0.6, 0.2)
    rows = pd.DataFrame({"customer_id": np.arange(2000).astype(str), "actual": actual, "plain": 0.3})
    rows = rows.assign(good=good, fancy=(good + rng.normal(0, 1e-3, 2000)).clip(0.01, 0.99))
    once = choose(rows, ("plain", "good", "fancy"))
    assert once.loc[once["chosen"], "contender"].tolist() == ["good"]
    again = choose(pd.concat([rows] * 4), ("plain", "good", "fancy"))
    assert again["error"].tolist() == pytest.approx(once["error"].tolist())


def test_constant_and_missing_features_are_no_obstacle(shop: tuple[pd.DataFrame, np.ndarray]) -> None:
    panel = shop[0].assign(stores=3, coupon_share=np.nan, segment="none")
    train, later = panel[panel["cutoff"] == PLAN.labelled[0]], panel[panel["cutoff"] == PLAN.labelled[2]]
    for name in ("logistic", "boosting"):
        p = fit_contender(name, train, later).predict(later.assign(segment="never seen"))
        assert np.isfinite(p).all()
        assert roc_auc_score(later["lapse"], p) > 0.7


@pytest.mark.parametrize(("lapse", "which"), [(0, "none"), (1, "all")])
def test_no_churner_or_only_churners_is_said(
    shop: tuple[pd.DataFrame, np.ndarray], lapse: int, which: str
) -> None:
    """Learning from one outcome is refused; the contest goes on with the same chance for everybody."""
    panel = shop[0].assign(lapse=lapse)
    train, later = (panel[panel["cutoff"] == day] for day in PLAN.labelled[:2])
    with pytest.raises(
        DataError, match=f"{which} show lapse: there is nothing to tell apart. Choose another"
    ):
        fit_contender("orders", train, later)
    contest = run_contest(panel, PLAN)
    assert contest.test[list(CONTENDERS)].nunique().max() <= len(PLAN.test)
    assert not measure_quality(contest, seed=1, draws=20).ranked


def test_one_known_cutoff_is_too_few(shop: tuple[pd.DataFrame, np.ndarray]) -> None:
    day = PLAN.labelled[0] + dt.timedelta(days=HORIZON)
    model = learn_by(shop[0], PLAN, day, name="orders")
    rows = shop[0][shop[0]["cutoff"] == day]
    chance = np.unique(model.predict(rows))
    known = shop[0][shop[0]["cutoff"] == PLAN.labelled[0]]["lapse"]
    assert chance.tolist() == pytest.approx([known.mean()], abs=0.001)
    assert (model.contributions(rows) == 0).all().all()


def test_a_sample_is_of_whole_customers_and_does_not_depend_on_order() -> None:
    orders, _ = simulated(400, 5)
    given = {"cutoffs": PLAN.all, "as_of": AS_OF, "horizon_days": HORIZON, "active_days": 84}
    panel = churn_panel(orders, **given)
    whole, part = panel_frame(panel), panel_frame(panel, most_rows=1000, seed=2)
    assert 600 < len(part) < 1400 < len(whole)
    kept = whole[whole["customer_id"].isin(part["customer_id"].unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, part)
    assert panel_frame(panel.filter(panel.orders_long < 0)).empty
