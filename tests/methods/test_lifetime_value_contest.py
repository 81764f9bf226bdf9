"""Origins, panel, contenders and contest: no look ahead, known winners, measures by their definitions."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifetime_shop import END, START, order_table, shop

from crm_utils.errors import StudyError
from crm_utils.features.contests import clustered_error
from crm_utils.features.facts import ShopFacts
from crm_utils.methods import lifetime_value
from crm_utils.sentences import cannot as cannot_words

FACTS = ShopFacts(
    lines=900, orders=900, returns=0, guest_orders=0, guest_revenue=Decimal(0), customers=300,
    repeat_customers=200, larger_orders=0, products=9, prices=9, order_days=300, first_day=START,
    last_day=END, as_of=END, revenue=Decimal(9),
)  # fmt: skip
WINDOW = 73


def panel_of(orders, origins, *, as_of=END, horizon_days=WINDOW):
    return lifetime_value.value_panel(orders, origins=origins, as_of=as_of, horizon_days=horizon_days)


@pytest.fixture(scope="module")
def made() -> tuple[pd.DataFrame, lifetime_value.OriginPlan]:
    orders, _ = shop(600, seed=2)
    plan = lifetime_value.plan_origins(START, END, horizon_days=WINDOW)
    return lifetime_value.value_frame(panel_of(orders, plan.all)), plan


@pytest.fixture(scope="module")
def contest(made) -> lifetime_value.Contest:
    return lifetime_value.run_contest(*made, seed=1)


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"customers": 0, "repeat_customers": 0}, "no_customers", "No order has a customer."),
        ({"repeat_customers": 0}, "lifetime_value.nobody_twice", "None of 300 customers bought on a second"),
        ({"repeat_customers": 7}, "lifetime_value.few_repeats", "7 of 300 customers bought on a second day"),
        (
            {"first_day": END - dt.timedelta(days=40)},
            "lifetime_value.short_history",
            "41 days of history are too few: it takes 56",
        ),
    ],
)
def test_what_cannot_be_said_is_said_with_its_reason(changed, code, says) -> None:
    answer = lifetime_value.cannot(dataclasses.replace(FACTS, **changed), horizon_days=91, margin_share=0.2)
    assert answer.code == code
    assert cannot_words.reason(answer).startswith(says)
    assert cannot_words.remedy(answer)


def test_a_shop_that_can_be_told_has_no_reason_and_a_horizon_of_none_is_refused() -> None:
    assert lifetime_value.cannot(FACTS) is None
    with pytest.raises(StudyError, match="horizon_days is 0"):
        lifetime_value.cannot(FACTS, horizon_days=0)


@given(st.integers(56, 2000), st.integers(1, 400))
def test_origins_lie_a_window_apart_within_the_history(days: int, wished: int) -> None:
    first = END - dt.timedelta(days=days - 1)
    plan = lifetime_value.plan_origins(first, END, horizon_days=wished)
    assert 1 <= plan.horizon_days <= wished
    assert set(np.diff([day.toordinal() for day in plan.all])) == {plan.horizon_days}
    assert (plan.origins[0] - first).days + 1 >= plan.horizon_days
    assert plan.validate
    assert max(plan.validate) < min(plan.test)
    assert set(plan.judged) <= set(plan.origins[1:])


def test_a_panel_row_is_what_was_known_and_what_came() -> None:
    orders = order_table(pd.DataFrame(
        [("ann", "2024-01-05", 10.0), ("ann", "2024-01-05", 5.0), ("ann", "2024-02-04", 20.0),
         ("ann", "2024-02-06", -8.0), ("ann", "2024-03-01", 30.0), ("bob", "2024-03-01", 7.0)],
        columns=["customer_id", "ordered_at", "amount"],
    ))  # fmt: skip
    day = dt.date(2024, 2, 10)
    rows = lifetime_value.value_frame(panel_of(orders, [day], horizon_days=28))
    assert rows["customer_id"].tolist() == ["ann"]
    assert rows.iloc[0].to_dict() == {
        "customer_id": "ann", "origin": day, "x": 1, "t_x": 30, "T": 36, "days": 2, "gross": 35.0,
        "first_gross": 15.0, "squares": 625.0, "spend": 27.0, "spend_last": 12.0, "spend_before": 15.0,
        "orders_last": 1, "gross_last": 20.0, "spend_ahead": 30.0, "gross_ahead": 30.0, "orders_ahead": 1,
    }  # fmt: skip


def test_no_feature_changes_with_what_comes_later_and_a_window_that_is_not_over_is_missing() -> None:
    orders, _ = shop(200, seed=5)
    day = dt.date(2024, 8, 1)
    known = orders.filter(orders.ordered_at < dt.datetime(2024, 8, 2))
    late, early = (
        lifetime_value.value_frame(panel_of(table, [day], as_of=as_of))
        for table, as_of in ((orders, END), (known, day))
    )
    labels = ["spend_ahead", "gross_ahead", "orders_ahead"]
    assert early["spend_ahead"].isna().all()
    assert late["spend_ahead"].notna().all()
    pd.testing.assert_frame_equal(late.drop(columns=labels), early.drop(columns=labels))


def test_a_sample_takes_whole_customers(made) -> None:
    orders, _ = shop(600, seed=2)
    whole, plan = made
    part = lifetime_value.value_frame(panel_of(orders, plan.all), most_rows=500, seed=3)
    assert 250 < len(part) < 900
    kept = whole[whole["customer_id"].isin(part["customer_id"].unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, kept)


def test_every_contender_forecasts_a_finite_amount_for_everyone(contest) -> None:
    forecasts = contest.forecasts[list(lifetime_value.CONTENDERS)].to_numpy()
    assert np.isfinite(forecasts).all()
    assert (forecasts >= 0).all()


def test_the_models_forecast_the_planted_shop_well(contest) -> None:
    """Buyers who leave at random: the model that says so is nearly unbiased, last spend is far behind."""
    loss = contest.choice.set_index("contender")["loss"]
    assert loss["bg_nbd"] < loss["last_window"]
    assert contest.chosen != "last_window"
    assert contest.against("last_window")[2] < 0
    assert abs(contest.value("bg_nbd", "bias")["value"]) < 0.15
    assert contest.value("bg_nbd", "gini")["value"] > 0.3


def test_nobody_who_bought_twice_and_no_money_at_all_break_nothing(made) -> None:
    frame, plan = made
    money = [c for c in frame.columns if c.startswith("spend") or "gross" in c or c == "squares"]
    once, free = frame.assign(x=0, t_x=0, days=1), frame.assign(**{c: frame[c] * 0.0 for c in money})
    for changed in (once, free):
        outcome = lifetime_value.run_contest(changed, plan, seed=1)
        assert np.isfinite(outcome.forecasts[list(lifetime_value.CONTENDERS)].to_numpy()).all()
        assert all(number.value is None or number.value == number.value for number in outcome.numbers())
    assert outcome.chosen == "last_window"


def test_customers_whose_returns_exceed_their_purchases_are_expected_to_bring_nothing_less() -> None:
    rows = [(f"c{k % 40}", START + dt.timedelta(days=5 * k), 20.0) for k in range(70)]
    rows += [(f"c{k}", START + dt.timedelta(days=351), -500.0) for k in range(40)]
    orders = order_table(pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]))
    plan = lifetime_value.plan_origins(START, END, horizon_days=73)
    frame = lifetime_value.value_frame(panel_of(orders, plan.all, horizon_days=73))
    assert (frame.loc[frame["origin"] == END, "spend"] < 0).all()
    contest = lifetime_value.run_contest(frame, plan, contenders=("last_window", "cell_mean", "mbg_nbd"))
    forecasts = contest.forecasts[["last_window", "cell_mean", "mbg_nbd"]].to_numpy()
    assert np.isfinite(forecasts).all()
    assert (forecasts >= 0).all()


def test_currency_and_order_of_rows_change_nothing(made, contest) -> None:
    frame, plan = made
    names = ("last_window", "bg_nbd", "cell_mean")
    money = [c for c in frame.columns if c.startswith("spend") or "gross" in c]
    won = frame.assign(**{c: frame[c] * 1000 for c in money}, squares=frame["squares"] * 1e6)
    other = lifetime_value.run_contest(won.sample(frac=1, random_state=1), plan, contenders=names)
    merged = other.forecasts.merge(contest.forecasts, on=["customer_id", "origin"])
    for name in names:
        here, there = merged[f"{name}_x"].to_numpy(), 1000 * merged[f"{name}_y"].to_numpy()
        assert here == pytest.approx(there, rel=1e-4, abs=1e-3)


def rows_of(**contenders) -> pd.DataFrame:
    n = len(next(iter(contenders.values())))
    return pd.DataFrame({"customer_id": [f"c{k}" for k in range(n)], **contenders})


def test_the_simplest_within_one_standard_error_is_chosen() -> None:
    rng = np.random.default_rng(1)
    actual = rng.gamma(1, 10, 400)
    rows = rows_of(
        actual=actual, plain=actual + rng.normal(0, 3, 400), fancy=actual + rng.normal(0, 2.99, 400)
    )
    worse = rows.assign(plain=actual + rng.normal(0, 6, 400))
    for table, name in ((rows, "plain"), (worse, "fancy")):
        choice = lifetime_value.choose(table, ("plain", "fancy"))
        assert choice.query("chosen")["contender"].tolist() == [name]


def test_rows_of_one_customer_belong_together() -> None:
    values = np.array([1.0, 1, -1, -1])
    alone = clustered_error(values, pd.Series(list("abcd")))
    assert alone == pytest.approx(values.std(ddof=1) / 2)
    assert clustered_error(values, pd.Series(list("aabb"))) > 1.2 * alone


def test_measures_are_their_definitions() -> None:
    rows = rows_of(actual=[0.0, 0, 10, 30], exact=[0.0, 0, 10, 30], none=[0.0] * 4, turned=[30.0, 10, 0, 0])
    measured = lifetime_value.measure(rows, ("exact", "none", "turned")).set_index(["contender", "measure"])
    value = measured["value"]
    assert value["exact", "rmse"] == value["exact", "mae"] == value["exact", "bias"] == 0
    assert value["exact", "gini"] == pytest.approx(1)
    assert (value["none", "bias"], value["none", "mae"]) == (-1, 10)
    assert value["none", "gini"] == pytest.approx(0)
    assert value["turned", "gini"] < 0


def test_jackknife_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(60):
        rows = rows_of(actual=rng.exponential(10, 300), forecast=np.full(300, 10.0))
        row = lifetime_value.measure(rows, ("forecast",)).set_index("measure").loc["bias"]
        hits += row["low"] <= 0 <= row["high"]
    assert hits >= 51  # of 60 at 95 %: fewer has a chance under 1 in 1,000
