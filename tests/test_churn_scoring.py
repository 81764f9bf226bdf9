"""Scores a customer, their reasons, what drifts, what alarms: on a panel whose truth is planted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_utils import results
from crm_utils.churn import (
    FEATURES,
    Scoring,
    Stakes,
    feature_drift,
    feature_table,
    fit_contender,
    leakage_alarms,
    outcome_rates,
    plan_cutoffs,
    plan_scoring,
    psi,
    reasons,
    return_rates,
    run_contest,
    theme_importance,
)  # fmt: skip
from crm_utils.churn.words import THEMES, sentence
from crm_utils.errors import DataError

PLAN = plan_cutoffs(dt.date(2024, 1, 1), dt.date(2024, 12, 31), horizon_days=28)
STAKES = Stakes(save_rate=0.2, take_rate=0.3, offer=1, contact=0.1, margin=0.25, value_days=28)


def planted(customers: int = 300, seed: int = 1) -> pd.DataFrame:
    """Lapse depends on silence alone; stores is noise; everything else is constant."""
    rng, parts = np.random.default_rng(seed), []
    for cutoff in PLAN.all:
        recency = rng.integers(0, 60, customers)
        chance = 1 / (1 + np.exp(-(np.log1p(recency) - 3) * 2))
        parts.append(pd.DataFrame({
            "customer_id": [f"c{k:04d}" for k in range(customers)], "cutoff": cutoff, "recency_days": recency,
            "rhythm_days": 6.2, "silence_ratio": recency / 6.2, "orders_short": 1, "orders_middle": 2,
            "orders_long": 3, "spend_long": 300.0, "stores": rng.integers(1, 5, customers),
            "lapse": (rng.random(customers) < chance).astype(float),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return planted()


@pytest.fixture(scope="module")
def scoring(panel: pd.DataFrame) -> Scoring:
    train, later = (panel[panel["cutoff"] == PLAN.labelled[k]] for k in (-2, -1))
    model = fit_contender("logistic", train, later)
    today = panel[panel["cutoff"] == PLAN.score_on]
    return plan_scoring(
        today, model, model, None, STAKES, horizon_days=28, depth=0.3, holdout_share=0.25, seed=5
    )


def test_scores_are_whole_and_those_to_contact_are_the_promised_share(
    panel: pd.DataFrame, scoring: Scoring
) -> None:
    scores = scoring.score(panel[panel["cutoff"] == PLAN.score_on])
    assert scores["p_lapse"].between(0, 1).all()
    assert scores["p_defection"].isna().all()
    assert sorted(scores["decile"].unique()) == list(range(1, 11))
    assert scores.groupby("decile")["p_lapse"].mean().is_monotonic_decreasing
    assert scores["contact"].mean() == pytest.approx(0.3, abs=0.02)
    assert scores.loc[scores["contact"], "p_lapse"].min() >= scores.loc[~scores["contact"], "p_lapse"].max()
    assert not scores.loc[~scores["contact"], "holdout"].any()
    assert 0.1 < scores.loc[scores["contact"], "holdout"].mean() < 0.45
    assert scores["value_at_stake"].tolist() == pytest.approx((scores["p_lapse"] * 25).tolist())


def test_batches_give_what_a_frame_gives_and_are_saved_as_they_come(
    panel: pd.DataFrame, scoring: Scoring, tmp_path: Path
) -> None:
    today = panel[panel["cutoff"] == PLAN.score_on]
    table = ibis.memtable(pa.Table.from_pandas(today.sample(frac=1, random_state=1), preserve_index=False))
    kept = results.write_table(ibis.duckdb.connect(), tmp_path, "churn_scores", scoring.batches(table))
    saved = pq.read_table(tmp_path / "churn_scores.parquet").to_pandas()
    pd.testing.assert_frame_equal(saved, scoring.score(today).reset_index(drop=True), check_dtype=False)
    assert kept["rows"] == 300
    assert saved.columns.tolist() == [
        "customer_id", "p_lapse", "p_defection", "decile", "value_at_stake", "reasons", "contact", "holdout"
    ]  # fmt: skip


def test_the_lot_falls_on_customers_whatever_their_company(panel: pd.DataFrame, scoring: Scoring) -> None:
    today = panel[panel["cutoff"] == PLAN.score_on]
    alone = scoring.score(today.iloc[[17]])
    together = scoring.score(today).iloc[[17]]
    assert alone.to_dict("records")[0] == pytest.approx(together.to_dict("records")[0], nan_ok=True)


def test_nobody_is_contacted_at_depth_nought(panel: pd.DataFrame, scoring: Scoring) -> None:
    today = panel[panel["cutoff"] == PLAN.score_on]
    none = plan_scoring(
        today,
        scoring.lapse,
        scoring.explain,
        None,
        STAKES,
        horizon_days=28,
        depth=0.0,
        holdout_share=0.5,
        seed=1,
    )
    assert not none.score(today)[["contact", "holdout"]].any().any()


def test_nobody_expected_to_cost_more_than_they_bring_is_contacted(
    panel: pd.DataFrame, scoring: Scoring
) -> None:
    today = panel[panel["cutoff"] == PLAN.score_on]
    deep = plan_scoring(
        today, scoring.lapse, scoring.explain, None, STAKES,
        horizon_days=28, depth=1.0, holdout_share=0.25, seed=1,
    )  # fmt: skip
    scores = deep.score(today)
    p = scores["p_lapse"]
    expected = (
        p * 0.2 * (25 - 1) - (1 - p) * 0.3 * 1 - 0.1
    )  # V: 300 in three horizons, a quarter of it margin
    assert expected.min() < 0 < expected.max()
    assert (scores["contact"] == (expected >= 0)).all()


def test_reasons_are_what_raises_the_risk(panel: pd.DataFrame, scoring: Scoring) -> None:
    rows = panel[panel["cutoff"] == PLAN.score_on]
    longest, shortest = rows.nlargest(1, "recency_days"), rows.nsmallest(1, "recency_days")
    said = reasons(scoring.explain, longest, horizon_days=28)[0]
    assert said.startswith(f"{longest['recency_days'].iloc[0]} days since the last order; usually every 6")
    assert "since the last order" not in reasons(scoring.explain, shortest, horizon_days=28)[0]


def test_every_theme_has_words_even_where_little_is_known() -> None:
    row = {f.name: 2.0 for f in FEATURES} | {"segment": "Loyal"}
    assert all("not known" not in sentence(theme, row, horizon_days=28) for theme in THEMES)
    assert all(sentence(theme, {}, horizon_days=28) == f"{theme} not known" for theme in THEMES)
    assert (
        sentence("silence", {"recency_days": 1, "rhythm_days": np.nan}, horizon_days=28)
        == "1 day since the last order"
    )


def test_features_are_described(panel: pd.DataFrame) -> None:
    told = feature_table(panel.assign(coupon_share=np.nan))
    assert set(told["feature"]) == {f.name for f in FEATURES if f.name in panel.columns} | {"coupon_share"}
    assert told.set_index("feature").loc["coupon_share", "known"] == 0


def test_the_planted_theme_matters_and_noise_does_not(panel: pd.DataFrame) -> None:
    train, later, rows = (panel[panel["cutoff"] == day] for day in PLAN.labelled[:3])
    found = theme_importance(fit_contender("logistic", train, later), rows, seed=1).set_index("theme")
    assert found["importance"].idxmax() == "silence"
    assert found.loc["silence", "low"] > 0
    assert found.loc["stores", "low"] < 0.005
    assert found.loc["orders", "importance"] == pytest.approx(0, abs=1e-12)


def test_alarms_ring_for_a_planted_leak_and_for_nothing_else(panel: pd.DataFrame) -> None:
    contest = run_contest(panel, PLAN, contenders=("recency", "orders", "logistic"))
    assert leakage_alarms(panel, contest) == []
    leaky = panel.assign(stores=panel["lapse"].fillna(0) * 3 + panel["stores"] / 10)
    found = run_contest(leaky, PLAN, contenders=("recency", "orders", "logistic"))
    said = leakage_alarms(leaky, found)
    assert said[0] == "stores alone ranks with an AUC of 1.00: does it know the future?"
    assert said[1].startswith("logistic has an AUC of 1.00 where the better baseline has")


def test_psi_by_hand_and_by_chance() -> None:
    then, now = np.repeat([1.0, 2.0], [50, 50]), np.repeat([1.0, 2.0], [80, 20])
    by_hand = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert psi(then, now)[0] == pytest.approx(by_hand)
    rng = np.random.default_rng(3)
    drawn = [psi(rng.normal(size=800), rng.normal(size=500)) for _ in range(300)]
    index, chance = np.mean(drawn, axis=0)
    assert index == pytest.approx(chance, rel=0.1)  # the expectation without any shift
    assert psi(np.full(9, np.nan), np.full(5, np.nan))[0] == 0
    assert psi(np.arange(100.0), np.full(100, np.nan))[0] > 1


def test_drift_names_what_moved(panel: pd.DataFrame) -> None:
    then = panel[panel["cutoff"] == PLAN.labelled[0]].assign(segment="Loyal")
    now = panel[panel["cutoff"] == PLAN.score_on].assign(segment=["Loyal", "Lost"] * 150, spend_long=10.0)
    moved = feature_drift(then, now)
    assert set(moved.loc[moved["moved"], "feature"]) == {"segment", "spend_long"}


def test_rates_and_returns_by_hand() -> None:
    rows = pd.DataFrame({
        "customer_id": list("abcd"), "cutoff": PLAN.labelled[0], "followed_days": [90, 90, 90, 30],
        "next_in_days": [5, 40, None, None], "lapse": [0, 1, 1, 1], "defection": [0, 0, 1, None],
        "partial_defection": [1, None, None, None],
    })  # fmt: skip
    told = outcome_rates(rows).set_index("outcome")
    assert told["rate"].to_dict() == pytest.approx(
        {"lapse": 0.75, "defection": 1 / 3, "partial_defection": 1}
    )
    back = return_rates(rows, silent_days=[28], within_days=[28, 60, 100])
    assert back["customers"].tolist() == [2, 2, 0]
    assert back["rate"].tolist()[:2] == [0.5, 0.5]
    assert back["rate"].isna().tolist() == [False, False, True]


def test_reasons_of_boosting_are_refused(panel: pd.DataFrame) -> None:
    train, later = (panel[panel["cutoff"] == day] for day in PLAN.labelled[:2])
    with pytest.raises(DataError, match="Take the reasons from the logistic regression"):
        reasons(fit_contender("boosting", train, later), later, horizon_days=28)
