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

from crm_utils.errors import DataError
from crm_utils.features import held_out, period_of
from crm_utils.methods.churn import (
    FEATURES,
    Models,
    Scoring,
    Stakes,
    feature_drift,
    feature_ranges,
    find_evidence,
    fit_contender,
    leakage_alarms,
    learn_models,
    outcome_rates,
    plan_cutoffs,
    psi,
    reasons,
    return_rates,
    run_contest,
    theme_importance,
)  # fmt: skip
from crm_utils.methods.churn.themes import THEMES
from crm_utils.run import results
from crm_utils.sentences.churn import alarm_words
from crm_utils.sentences.churn_customers import (
    contact_columns,
    feature_table,
    reason_words,
    score_columns,
    theme_words,
)

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
            "usual_orders": 1.0, "orders_ahead": 1, "spend_ahead": 100.0, "defection": np.nan,
            "lapse": (rng.random(customers) < chance).astype(float),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return planted()


@pytest.fixture(scope="module")
def models(panel: pd.DataFrame) -> Models:
    return learn_models(panel, PLAN, PLAN.score_on, chosen="logistic", seed=1)


def limited(
    models: Models, *, least_risk: float = 0.0, least_gain: float = 0.0, share: float = 0.25
) -> Scoring:
    cuts = np.arange(1, 10) / 10
    return Scoring(models, STAKES, cuts, least_risk, least_gain, "shop", PLAN.score_on, share)


def today_of(panel: pd.DataFrame) -> pd.DataFrame:
    return panel[panel["cutoff"] == PLAN.score_on]


def as_table(rows: pd.DataFrame) -> ibis.expr.types.Table:
    return ibis.memtable(pa.Table.from_pandas(rows, preserve_index=False))


def test_scores_are_whole_and_those_to_contact_are_risky_and_worth_it(
    panel: pd.DataFrame, models: Models
) -> None:
    scores = limited(models, least_risk=0.6).score(today_of(panel))
    assert scores["p_lapse"].between(0, 1).all()
    assert scores["decile"].between(1, 10).all()
    assert scores.groupby("decile")["p_lapse"].mean().is_monotonic_decreasing
    value = scores["value_at_risk"] / scores["p_lapse"]
    expected = scores["p_lapse"] * 0.2 * (value - 1) - (1 - scores["p_lapse"]) * 0.3 - 0.1
    assert scores["expected_gain"].tolist() == pytest.approx(expected.tolist())
    assert (scores["contact"] == ((scores["p_lapse"] >= 0.6) & (expected > 0))).all()
    assert not scores.loc[~scores["contact"], "held_out"].any()
    assert 0.1 < scores.loc[scores["contact"], "held_out"].mean() < 0.45


def test_who_gets_no_discount_elsewhere_gets_a_reminder(panel: pd.DataFrame, models: Models) -> None:
    rows = today_of(panel).assign(segment=["Champions", "At Risk", "Lost"] * 100)
    scores = limited(models).score(rows)
    assert scores["offer"].tolist() == ["reminder", "discount", "discount"] * 100
    champion = scores.iloc[0]
    assert champion["expected_gain"] == pytest.approx(0.05 * champion["value_at_risk"] - 0.1)


def test_who_is_held_out_is_the_decision_of_the_study_and_period(panel: pd.DataFrame, models: Models) -> None:
    scores = limited(models).score(today_of(panel))
    decided = held_out(
        scores["customer_id"], study="shop", period=period_of(PLAN.score_on), scenario="churn_contact",
        share=0.25,
    )  # fmt: skip
    assert (scores["held_out"] == (scores["contact"] & decided)).all()
    alone = limited(models).score(today_of(panel).iloc[[17]])
    assert alone["held_out"].tolist() == scores["held_out"].iloc[[17]].tolist()


def test_batches_give_what_a_frame_gives_and_are_saved_as_they_come(
    panel: pd.DataFrame, models: Models, tmp_path: Path
) -> None:
    scoring, table = limited(models), as_table(today_of(panel).sample(frac=1, random_state=1))
    kept = results.write_table(ibis.duckdb.connect(), tmp_path, "churn_scores", scoring.batches(table))
    saved = pq.read_table(tmp_path / "churn_scores.parquet").to_pandas()
    frame = scoring.score(today_of(panel)).reset_index(drop=True)
    for name in ("reason_1", "reason_2"):  # Arrow reads no text as missing
        saved[name], frame[name] = saved[name].fillna("").astype(str), frame[name].fillna("").astype(str)
    pd.testing.assert_frame_equal(saved, frame, check_dtype=False)
    assert kept["rows"] == 300
    assert list(score_columns("USD", 28)) == saved.columns.tolist()


def test_the_list_holds_exactly_whom_to_contact(panel: pd.DataFrame, models: Models) -> None:
    scoring = limited(models, least_risk=0.5)
    listed, scores = scoring.contacts(as_table(today_of(panel))), scoring.score(today_of(panel))
    frame = listed.table.to_pandas()
    chosen = scores[scores["contact"] & ~scores["held_out"]]
    assert set(frame["customer_id"]) == set(chosen["customer_id"])
    assert frame["expected_gain"].is_monotonic_decreasing
    assert list(contact_columns("USD", 28)) == frame.columns.tolist()
    assert (listed.customers, listed.held_out) == (len(chosen), scores["held_out"].sum())
    shown = listed.by_tenth[["customers", "listed", "held_out"]]
    assert not ((shown >= 1) & (shown < 5)).any().any()  # groups under five are hidden
    nobody = limited(models, least_gain=np.inf).contacts(as_table(today_of(panel)))
    assert (nobody.customers, nobody.held_out, nobody.lapse_rate) == (0, 0, 0.0)


def test_reasons_are_reasons_to_leave_only(panel: pd.DataFrame, models: Models) -> None:
    """No theme is listed of whose value fewer than average lapsed, whatever the model's term says."""
    rows = today_of(panel)
    why = reasons(models.explain, models.evidence, rows)
    past = panel[panel["cutoff"] < PLAN.score_on]
    for k, (theme, value) in enumerate(zip(why["reason_1"], why["reason_1_value"], strict=True)):
        if theme == "silence":
            assert value == rows["recency_days"].iloc[k]
            alike = past[(past["recency_days"] - value).abs() <= 6]
            assert alike["lapse"].mean() > 0.9 * past["lapse"].mean()
    longest = why.loc[rows["recency_days"].idxmax()]
    assert longest["reason_1"] == "silence"
    shortest = why.loc[rows["recency_days"].idxmin()]
    assert "silence" not in (shortest["reason_1"], shortest["reason_2"])


def test_a_term_that_only_balances_another_is_no_reason() -> None:
    """Two features that say the same: fitted together one may raise the risk of those who are safe."""
    rng = np.random.default_rng(3)
    parts = []
    for cutoff in PLAN.labelled[:3]:
        orders = rng.poisson(6, 800)
        spend = orders * 20 * np.exp(rng.normal(0, 0.3, 800))
        # Many orders keep; at the same number of orders, more spend leaves.
        logit = 2 - 0.6 * orders + 0.01 * spend
        lapse = (rng.random(800) < 1 / (1 + np.exp(-logit))).astype(float)
        parts.append(pd.DataFrame({
            "customer_id": [f"c{k}" for k in range(800)], "cutoff": cutoff, "orders_middle": orders,
            "spend_long": spend, "lapse": lapse,
        }))  # fmt: skip
    train, later, rows = parts
    model = fit_contender("logistic", train, later)
    terms, evidence = model.contributions(rows), find_evidence(pd.concat([train, later]))
    safe = rows["spend_long"] > 150
    assert (terms.loc[safe, "spend"] > 0).mean() > 0.9  # what the page listed as a reason before
    why = reasons(model, evidence, rows)
    assert not (why.loc[safe, ["reason_1", "reason_2"]] == "spend").any().any()
    assert rows.loc[safe, "lapse"].mean() < rows["lapse"].mean()


def test_every_reason_has_words_and_every_column_a_meaning() -> None:
    for theme in THEMES:
        said = reason_words(theme, 2.0, horizon_days=28)
        assert said
        assert reason_words(theme, np.nan, horizon_days=28) == theme_words(theme)
    assert reason_words("silence", 1, horizon_days=28) == "1 day since the last order"
    assert all(meaning for meaning, _unit in score_columns("USD", 28).values())


def test_features_are_described(panel: pd.DataFrame) -> None:
    ranges = feature_ranges(panel.assign(coupon_share=np.nan))
    assert set(ranges["feature"]) == {f.name for f in FEATURES if f.name in panel.columns} | {"coupon_share"}
    assert ranges.set_index("feature").loc["coupon_share", "known"] == 0
    assert feature_ranges(panel.head(20))["p95"].isna().all()  # ends of twenty are single customers
    assert "days from the last purchase" in repr(feature_table(ranges))


def test_the_planted_theme_matters_and_noise_does_not(panel: pd.DataFrame) -> None:
    train, later, rows = (panel[panel["cutoff"] == day] for day in PLAN.labelled[:3])
    themes = theme_importance(fit_contender("logistic", train, later), rows, seed=1).set_index("theme")
    assert themes["importance"].idxmax() == "silence"
    assert themes.loc["silence", "low"] > 0
    assert themes.loc["stores", "low"] < 0.005
    assert themes.loc["orders", "importance"] == pytest.approx(0, abs=1e-12)


def test_alarms_ring_for_a_planted_leak_and_for_nothing_else(panel: pd.DataFrame) -> None:
    contest = run_contest(panel, PLAN, contenders=("recency", "orders", "logistic"))
    assert leakage_alarms(panel, contest) == []
    leaky = panel.assign(stores=panel["lapse"].fillna(0) * 3 + panel["stores"] / 10)
    leaking = run_contest(leaky, PLAN, contenders=("recency", "orders", "logistic"))
    alarms = leakage_alarms(leaky, leaking)
    assert [(alarm.name, round(alarm.auc, 2)) for alarm in alarms] == [("stores", 1.0), ("logistic", 1.0)]
    assert alarms[0].against is None
    assert alarms[1].against is not None
    said = alarm_words(alarms)
    assert "(different stores, last three horizons): does it know the future?" in said
    assert "logistic regression has an AUC of 1.00 where the better single measure has" in said


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
    rates = outcome_rates(rows).set_index("outcome")
    assert rates["rate"].to_dict() == pytest.approx(
        {"lapse": 0.75, "defection": 1 / 3, "partial_defection": 1}
    )
    back = return_rates(rows, silent_days=[28], within_days=[28, 60, 100])
    assert back["customers"].tolist() == [2, 2, 0]
    assert back["rate"].tolist()[:2] == [0.5, 0.5]
    assert back["rate"].isna().tolist() == [False, False, True]


def test_reasons_of_boosting_are_refused(panel: pd.DataFrame) -> None:
    train, later = (panel[panel["cutoff"] == day] for day in PLAN.labelled[:2])
    with pytest.raises(DataError, match="Take the reasons from the logistic regression"):
        reasons(fit_contender("boosting", train, later), find_evidence(train), later)
