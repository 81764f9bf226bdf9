"""Worth, new customers and prospects: plain sums, known cohorts, planted hazards."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lifetime_shop import END, START, shop

from crm_utils.errors import StudyError
from crm_utils.features.purchase_models import fit_purchases
from crm_utils.methods import lifetime_value
from crm_utils.methods.lifetime_value import ALL
from crm_utils.methods.lifetime_value.prospects import fit_hazards, judge_hazards

MARGIN = {"margin_share": 0.4, "yearly_rate": 0.0}
TODAY = {"as_of": END, "history_starts": START}


@pytest.fixture(scope="module")
def world():
    orders, customers = shop(600, seed=4)
    plan = lifetime_value.plan_origins(START, END, horizon_days=73)
    panel = lifetime_value.value_panel(orders, origins=plan.all, as_of=END, horizon_days=73).cache()
    frame = lifetime_value.value_frame(panel)
    contenders = ("last_window", "mean_rate", "bg_nbd")
    contest = lifetime_value.run_contest(frame, plan, contenders=contenders)
    return orders, customers, plan, panel, frame, contest


def valued(world, **assumed) -> pa.Table:
    _, _, plan, panel, frame, contest = world
    now = frame[frame["origin"] == END]
    fit = fit_purchases(now, model="mbg_nbd")
    valuation = lifetime_value.plan_valuation(
        frame, contest, plan, purchases=fit, gives_alive=True, **assumed
    )
    return valuation.table(panel.filter(panel.origin == ibis.date(str(END))))


def test_no_rate_is_the_plain_sum_and_a_year_at_ten_percent_is_ten_percent() -> None:
    flows, days = np.array([[1.0, 2.0, 3.0], [0.0, 0, 5]]), np.array([0.0, 365, 730])
    assert lifetime_value.discounted(flows, days, yearly_rate=0.0).tolist() == [6.0, 5.0]
    assert lifetime_value.discounted(flows, days, yearly_rate=0.1) == pytest.approx(
        [1 + 2 / 1.1 + 3 / 1.21, 5 / 1.21]
    )
    with pytest.raises(StudyError, match="yearly_rate is -1"):
        lifetime_value.discounted(flows, days, yearly_rate=-1)


def test_without_a_rate_the_margin_is_a_share_of_a_years_value(world) -> None:
    rows, less = valued(world, **MARGIN).to_pandas(), valued(world, margin_share=0.4, yearly_rate=0.2)
    assert rows["margin_value"].to_numpy() == pytest.approx(0.4 * rows["value_52_weeks"].to_numpy())
    ratio = np.sum(less["margin_value"].to_numpy()) / rows["margin_value"].sum()
    assert ratio == pytest.approx(1.2**-0.5, rel=0.05)  # most of the money comes by the middle of the year


def test_values_grow_with_the_span_and_stand_in_their_interval(world) -> None:
    rows = valued(world, **MARGIN).to_pandas()
    assert (rows["value_26_weeks"] >= rows["expected_value"] * 0.999).all()
    assert (rows["value_52_weeks"] >= rows["value_26_weeks"] * 0.999).all()
    assert ((rows["low"] <= rows["expected_value"]) & (rows["expected_value"] <= rows["high"])).all()
    assert rows["alive"].between(0, 1).all()
    assert rows["customer_id"].is_unique


def test_a_margin_is_a_share(world) -> None:
    with pytest.raises(StudyError, match=r"margin_share is 1\.5"):
        valued(world, margin_share=1.5, yearly_rate=0.1)


def test_the_top_tenth_is_a_tenth_and_groups_add_up(world) -> None:
    _, customers, *_, contest = world
    table = valued(world, **MARGIN)
    worth = lifetime_value.worth_of_all(table, contest)
    assert worth.top_customers == round(table.num_rows / 10)
    assert worth.window == pytest.approx(np.sum(table["expected_value"].to_numpy()))
    assert 0.1 < worth.top_share < 1
    groups = lifetime_value.worth_of_groups(table, None, customers)
    assert groups["group"].tolist() == ["search", "ad"]
    assert groups["margin_value"].sum() == pytest.approx(worth.margin, rel=1e-6)
    assert lifetime_value.worth_of_groups(table, None, None).empty


def cohort(rows: list[tuple[str, int, int, float]]) -> pd.DataFrame:
    """Customer, days watched, days since the first order, amount."""
    frame = pd.DataFrame(rows, columns=["customer_id", "watched", "age", "amount"])
    first = [END - dt.timedelta(days=int(days)) for days in frame["watched"]]
    return frame.assign(acquisition_channel=None, first_on=first)


def test_all_watched_alike_is_the_mean_and_its_plain_error() -> None:
    amounts = np.random.default_rng(1).gamma(2, 10, (40, 2))
    rows = [(f"c{k}", 400, day, amounts[k, j]) for k in range(40) for j, day in enumerate((0, 50))]
    new = lifetime_value.cohort_value(cohort(rows), margin_share=0.5, yearly_rate=0.0, serve_cost=3.65)
    row, total = new.overall, 0.5 * amounts.sum(axis=1)
    assert row["value_0"] == pytest.approx(0.5 * amounts[:, 0].mean())
    assert row["value_365"] == row["value"] == pytest.approx(total.mean())
    assert row["high"] - row["value"] == pytest.approx(1.96 * total.std() / np.sqrt(40), rel=1e-3)
    assert row["bid_cap"] == pytest.approx(row["low"] - 3.65)
    assert row["horizon_days"] == 365


def test_who_was_watched_for_a_short_time_counts_as_long() -> None:
    rows = [(f"a{k}", 400, day, 10.0) for k in range(50) for day in (0, 100)]
    rows += [(f"b{k}", 20, 0, 10.0) for k in range(50)]
    new = lifetime_value.cohort_value(cohort(rows), margin_share=1.0, yearly_rate=0.0)
    assert new.overall["value"] == pytest.approx(20.0)


@pytest.mark.simulated
def test_intervals_of_censored_cohorts_cover_the_truth() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(100):
        rows = []
        for k in range(100):
            watched, often = int(rng.integers(30, 500)), rng.gamma(1, 1)
            ages = np.append(0, np.flatnonzero(rng.random(120) < 0.02 * often) + 1)
            rows += [(f"c{k}", watched, int(age), 10.0) for age in ages if age <= watched]
        new = lifetime_value.cohort_value(cohort(rows), margin_share=1.0, yearly_rate=0.0)
        row = new.curves[new.curves["age"] == 90].iloc[0]
        hits += row["low"] <= 10 * (1 + 90 * 0.02) <= row["high"]
    assert hits >= 86  # of 100 at 95 %


def test_existing_customers_are_not_new_and_who_leaves_sooner_is_worth_less(world) -> None:
    orders, customers, *_ = world
    days = lifetime_value.cohort_days(orders, customers, **TODAY)
    assert min(days["first_on"]) >= START + dt.timedelta(days=90)
    assert (days["age"] <= days["watched"]).all()
    new = lifetime_value.cohort_value(days, **MARGIN)
    caps = new.channels.set_index("acquisition_channel")["bid_cap"]
    assert caps["ad"] < caps["search"]
    without = lifetime_value.cohort_days(orders, None, **TODAY)
    assert without["amount"].sum() == pytest.approx(days["amount"].sum())
    assert without["acquisition_channel"].isna().all()


def test_costs_of_whole_periods_are_shared_by_those_won_in_them() -> None:
    rows = cohort([("a", 100, 0, 9.0), ("b", 90, 0, 9.0), ("c", 20, 0, 9.0)])
    rows["acquisition_channel"] = ["ad", "ad", "search"]
    costs = pd.DataFrame({
        "starts_on": [END - dt.timedelta(days=120), END - dt.timedelta(days=40)],
        "ends_on": [END - dt.timedelta(days=60), END + dt.timedelta(days=5)],
        "acquisition_channel": ["ad", "search"], "cost": [50.0, 99.0],
    })  # fmt: skip
    assert lifetime_value.acquisition_costs(costs, rows, **TODAY) == {ALL: 25.0, "ad": 25.0}
    table = ibis.memtable(costs)  # as a run opens it
    assert lifetime_value.acquisition_costs(table, rows, **TODAY) == {ALL: 25.0, "ad": 25.0}
    assert lifetime_value.acquisition_costs(None, rows, **TODAY) == {}


def test_payback_is_the_day_on_which_the_margin_has_reached_the_cost() -> None:
    rows = cohort([(f"c{k}", 400, day, 10.0) for k in range(40) for day in (0, 100, 200)])
    plain = {"margin_share": 1.0, "yearly_rate": 0.0}
    assert 100 <= lifetime_value.cohort_value(rows, costs={ALL: 15.0}, **plain).overall["payback_days"] <= 107
    assert np.isnan(lifetime_value.cohort_value(rows, costs={ALL: 99.0}, **plain).overall["payback_days"])


@pytest.mark.parametrize("rows", [[("a", 100, 0, 9.0)], []])
def test_too_few_new_customers_have_no_cap(rows) -> None:
    new = lifetime_value.cohort_value(cohort(rows), **MARGIN)
    assert new.overall is None
    assert new.table["customers"].isna().all()
    assert [n.value for n in new.numbers()] == [0]


def members(seed: int, hazard: dict[str, float], days: int = 365, each: int = 4) -> pd.DataFrame:
    """Members of channels with a constant chance a day of a first order."""
    rng = np.random.default_rng(seed)
    joined = pd.Timestamp(START) + pd.to_timedelta(np.repeat(np.arange(days), each), unit="D")
    parts = []
    for name, chance in hazard.items():
        first = joined + pd.to_timedelta(rng.geometric(chance, len(joined)) - 1, unit="D")
        frame = pd.DataFrame({"joined_on": joined, "first_on": first})
        parts.append(frame.assign(acquisition_channel=name, members=1))
    everyone = pd.concat(parts, ignore_index=True)
    return everyone.assign(first_on=everyone["first_on"].where(everyone["first_on"] <= pd.Timestamp(END)))


def test_planted_hazards_come_back() -> None:
    hazards = fit_hazards(members(1, {"a": 0.004, "b": 0.02}), as_of=END)
    for name, truth in (("a", 0.004), ("b", 0.02)):
        chance = hazards.chance(np.array([20.0]), pd.Series([name]), horizon_days=30)[0]
        assert chance == pytest.approx(1 - (1 - truth) ** 30, rel=0.25), name


def test_a_channel_that_tells_ranks_better_than_most_recent_first() -> None:
    judged = judge_hazards(members(2, {"a": 0.001, "b": 0.02}), as_of=END, horizon_days=60)
    assert judged.auc > judged.auc_recent + 0.05
    assert judged.expected == pytest.approx(judged.first_orders, rel=0.25)


def test_prospects_are_members_without_an_order(world) -> None:
    orders, customers, *_ = world
    extra = ibis.memtable(pa.table({
        "customer_id": [f"m{k}" for k in range(40)],
        "joined_on": [END - dt.timedelta(days=k) for k in range(40)],
        "acquisition_channel": ["ad", "search"] * 20,
    }))  # fmt: skip
    people = customers.union(extra)
    new = lifetime_value.cohort_value(lifetime_value.cohort_days(orders, people, **TODAY), **MARGIN)
    ranked = lifetime_value.rank_prospects(people, orders, new, horizon_days=60, **TODAY)
    assert sorted(ranked.table["customer_id"]) == sorted(f"m{k}" for k in range(40))
    assert ranked.table["chance"].between(0, 1).all()
    assert ranked.table["expected_value"].is_monotonic_decreasing
    assert ranked.tested is not None


@pytest.mark.parametrize("known", [False, True])
def test_without_a_day_of_joining_nothing_is_said(world, known) -> None:
    orders, customers, *_ = world
    new = lifetime_value.cohort_value(cohort([]), **MARGIN)
    table = customers.drop("joined_on") if known else None
    ranked = lifetime_value.rank_prospects(table, orders, new, horizon_days=60, **TODAY)
    assert ranked.table.empty
    assert ranked.tested is None
    assert not ranked.ranked
