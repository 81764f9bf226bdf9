"""Past campaigns: planted effects against held-out shares, and the placebo on real campaigns without any."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ab_shop import on_engine
from scipy.stats import binom, t
from tiny import ROOT

from crm_utils import engine, snapshots
from crm_utils.experiments import CATALOGUE, Metric
from crm_utils.methods import ab_test
from crm_utils.methods.ab_test.campaigns import campaign_changes, placebo_table, pool
from crm_utils.run import View
from crm_utils.study import read_study
from crm_utils.tables import AsOf

ORDERS = [Metric(name=name, **CATALOGUE[name]) for name in ("orders", "revenue")]
FIRST, LAST = dt.date(2025, 1, 1), dt.date(2025, 12, 31)


def campaigns_with(effects: list[float], *, seed: int, customers: int = 3_000) -> SimpleNamespace:
    """One campaign a month, 30 % held out; each brings so many orders a customer whom it was sent to."""
    rng = np.random.default_rng(seed)
    ids, lines, messages, plans = np.array([f"c{k}" for k in range(customers)]), [], [], []
    who = np.repeat(np.arange(customers), rng.poisson(rng.gamma(2, 2, customers)))
    lines.append(pd.DataFrame({"customer_id": ids[who], "at": rng.random(len(who)) * 364}))
    for k, effect in enumerate(effects):
        start, out = 70 + 30 * k, rng.random(customers) < 0.3
        extra = np.repeat(np.arange(customers), rng.poisson(effect * ~out))
        at = start + 0.5 + rng.random(len(extra)) * 27
        lines.append(pd.DataFrame({"customer_id": ids[extra], "at": at}))
        day = pd.Timestamp(FIRST) + pd.Timedelta(days=start)
        sent = {"campaign_id": f"k{k}", "customer_id": ids, "held_out": out, "cost": 1.0}
        messages.append(pd.DataFrame(sent | {"sent_at": day + pd.Timedelta(hours=10)}))
        ends = (day + pd.Timedelta(days=20)).date()
        plans.append({"campaign_id": f"k{k}", "name": f"C {k}", "starts_on": day.date(), "ends_on": ends})
    orders = pd.concat(lines).reset_index(drop=True)
    moment = pd.Timestamp(FIRST) + pd.to_timedelta(orders.pop("at"), unit="D").dt.round("s")
    orders = orders.assign(order_id=orders.index.astype(str), product_id="p", quantity=1, discount=0,
                           amount=100.0, ordered_at=moment)  # fmt: skip
    made = on_engine(orders, messages=pd.concat(messages), campaigns=pd.DataFrame(plans))
    return SimpleNamespace(**made)


def judged(made: Any, *, as_of: dt.date = LAST, first: dt.date = FIRST) -> ab_test.PastCampaigns:
    return ab_test.judge_campaigns(
        made.orders, made.messages, made.campaigns, ORDERS,
        as_of=as_of, first=first, horizon_days=28, before_days=60,
    )  # fmt: skip


def test_each_campaign_and_all_together_hold_what_was_planted() -> None:
    planted = [0.3, 0.0, 0.2, 0.1]
    made = campaigns_with(planted, seed=1)
    past = judged(made)
    rows = past.held_out[past.held_out["metric"] == "orders"].set_index("campaign_id")
    for k, effect in enumerate(planted):
        assert rows.loc[f"k{k}", "low"] - 0.05 < effect < rows.loc[f"k{k}", "high"] + 0.05
    assert rows.loc["k0", "p_adjusted"] < 0.001
    pooled = past.pooled["orders"]
    assert pooled.low < np.mean(planted) < pooled.high
    assert pooled.campaigns == 4
    assert pooled.i_squared > 0.5  # they do differ
    assert past.placebo.empty
    assert past.in_two_arms == 0
    saved = past.to_frame()
    assert saved["how"].unique().tolist() == ["held_out"]
    assert len(saved) == 8


def test_a_campaign_whose_horizon_has_not_passed_is_not_judged() -> None:
    made = campaigns_with([0.2, 0.2], seed=2, customers=500)
    early = dt.date(2025, 4, 12)  # the second began on 11 April
    past = judged(made, as_of=early)
    assert set(past.held_out["campaign_id"]) == {"k0"}


def test_pooling_alike_campaigns_is_the_weighted_mean() -> None:
    effects = pd.DataFrame({"effect": [1.0, 1.0, 1.0], "error": [0.1, 0.2, 0.4]})
    pooled = pool(effects)
    error = (1 / (1 / effects["error"] ** 2).sum()) ** 0.5
    assert pooled is not None
    assert (pooled.effect, pooled.i_squared) == (pytest.approx(1), 0)
    assert pooled.high - pooled.effect == pytest.approx(t.ppf(0.975, 2) * error)
    assert pool(effects.iloc[:1]).campaigns == 1  # type: ignore[union-attr]
    assert pool(effects.iloc[:0]) is None


@pytest.mark.parametrize("campaigns", [2, 3, 5])
def test_pooled_intervals_hold_the_mean_of_campaigns_that_differ(campaigns: int) -> None:
    rng, tries = np.random.default_rng(campaigns), 400
    covered = 0
    for _ in range(tries):
        errors = rng.uniform(0.3, 1.5, campaigns)
        effects = pd.DataFrame({"effect": rng.normal(2, np.sqrt(1 + errors**2)), "error": errors})
        pooled = pool(effects)
        covered += pooled.low <= 2 <= pooled.high  # type: ignore[union-attr]
    assert covered / tries > 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / tries)


def _changes(before: float, placebo: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = []
    for targeted, n in ((True, 400), (False, 600)):
        mean = {"before": 10 + before * targeted, "placebo": placebo * targeted, "change": 2.0 * targeted}
        row = {"campaign_id": "k", "targeted": targeted, "days": 28, "customers": n}
        for name, value in mean.items():
            row |= {f"{name}_sum": round(value * n), f"{name}_squares": round((value**2 + 16) * n)}
        rows.append(row)
    plan = {"campaign_id": "k", "name": "Campaign", "starts_on": dt.date(2025, 5, 1), "targeted": 400}
    return pd.DataFrame(rows), pd.DataFrame([plan])


@pytest.mark.parametrize(
    ("before", "placebo", "status"),
    [
        (0.4, 0.1, "estimated"),
        (0.4, 3.0, "placebo_failed"),
        (4.0, 0.1, "too_different"),
        (4.0, 3.0, "failed_both"),
    ],
)
def test_an_estimate_is_shown_only_after_a_passed_placebo(before: float, placebo: float, status: str) -> None:
    changes, plans = _changes(before, placebo)
    row = placebo_table(changes, plans, first=FIRST, last=LAST).iloc[0]
    assert row["status"] == status
    assert pd.isna(row["effect"]) == (status != "estimated")
    if status == "estimated":  # two a customer in four weeks
        assert row["effect"] == pytest.approx(0.5)
        # A placebo that found nothing has not passed: what its interval leaves possible widens the estimate.
        furthest = max(abs(row["placebo_low"]), abs(row["placebo_high"]))
        own = 1.96 * 4 * np.sqrt(1 / 400 + 1 / 600) / 4
        assert row["high"] - row["effect"] == pytest.approx(own + furthest, rel=0.01)
    assert row["placebo"] == pytest.approx(placebo / 4)
    assert row["difference"] == pytest.approx(before / 4, rel=0.01)


def test_without_time_before_or_after_there_is_no_estimate() -> None:
    changes, plans = _changes(0.4, 0.1)
    late = placebo_table(changes, plans, first=dt.date(2025, 4, 1), last=LAST).iloc[0]
    assert late["status"] == "no_past"
    soon = placebo_table(changes, plans, first=FIRST, last=dt.date(2025, 5, 20)).iloc[0]
    assert soon["status"] == "not_passed"
    alone = placebo_table(changes[changes["targeted"]], plans, first=FIRST, last=LAST).iloc[0]
    assert alone["status"] == "too_few"


@pytest.mark.simulated
def test_newcomers_do_not_make_an_honest_campaign_fail() -> None:
    """A shop that grows; who is there is targeted at random, and nothing happens."""
    rng, failed = np.random.default_rng(4), {True: 0, False: 0}
    start, days = 112, 28
    for _ in range(12):
        came = rng.integers(0, 168, 900)
        who = np.repeat(np.arange(900), rng.poisson((196 - came) / 10))
        at = came[who] + rng.random(len(who)) * (196 - came[who])
        orders = pd.DataFrame({"customer_id": who.astype(str), "order_id": np.arange(len(who)).astype(str),
                               "ordered_at": pd.Timestamp(FIRST) + pd.to_timedelta(at, unit="D").round("s"),
                               "product_id": "p", "quantity": 1, "discount": 0, "amount": 10.0})  # fmt: skip
        there = np.flatnonzero(came < start)
        meant = there[rng.random(len(there)) < 0.5].astype(str)
        day = pd.Timestamp(FIRST) + pd.Timedelta(days=start)
        shared = {"held_out": False, "cost": 1.0, "sent_at": day}
        messages = pd.DataFrame({"campaign_id": "k", "customer_id": meant} | shared)
        ends = day + pd.Timedelta(days=days - 1)
        plans = pd.DataFrame(
            [{"campaign_id": "k", "name": "K", "starts_on": day.date(), "ends_on": ends.date()}]
        )
        made = on_engine(orders, messages=messages, campaigns=plans)
        for newcomers in failed:
            changes = campaign_changes(
                made["orders"], made["messages"], made["campaigns"], newcomers=newcomers
            )
            row = placebo_table(
                changes.execute(), plans.assign(targeted=len(meant)), first=FIRST, last=LAST
            ).iloc[0]
            failed[newcomers] += row["status"] in ("placebo_failed", "too_different", "failed_both")
    assert failed[False] <= binom.isf(0.005, 12, 0.05)
    assert failed[True] > failed[False]


@pytest.mark.slow
def test_complete_journeys_campaigns_fail_their_placebo(complete_journey: snapshots.Snapshot) -> None:
    """Campaign 13, measured independently: −3.41 $ a week [−5.41, −1.41] before it began, newcomers included.

    Without the 140 households first seen within two spans before it, −3.20 [−5.24, −1.16], measured as well.
    """
    study = read_study(ROOT, "complete_journey")
    view = View(engine.connect(), study, complete_journey, AsOf.parse("2017-12-31"))
    made = SimpleNamespace(
        orders=ab_test.orders_with_margin(view.table("order_lines"), view.table("products")),
        messages=view.table("messages"),
        campaigns=view.table("campaigns"),
    )
    past = judged(made, as_of=dt.date(2017, 12, 31), first=study.history_starts)
    row = past.placebo.set_index("campaign_id").loc["13"]
    placebo = row[["placebo", "placebo_low", "placebo_high"]].astype(float).tolist()
    assert placebo == pytest.approx([-3.20, -5.24, -1.16], abs=0.01)
    changes = campaign_changes(made.orders, made.messages, made.campaigns, newcomers=True).execute()
    plans = made.campaigns.execute().assign(targeted=1)
    all_told = placebo_table(changes, plans, first=study.history_starts, last=dt.date(2017, 12, 31))
    all_told = all_told.set_index("campaign_id").loc["13", ["placebo", "placebo_low", "placebo_high"]]
    assert all_told.astype(float).tolist() == pytest.approx([-3.41, -5.41, -1.41], abs=0.01)
    assert (row["targeted"], row["days"]) == (1_077, 49)
    assert row["status"] in ("placebo_failed", "failed_both")
    assert past.placebo["effect"].isna().all()
    assert past.placebo["difference"].astype(float).median() == pytest.approx(1.2, abs=0.3)
    assert past.held_out.empty
    assert past.pooled == {}
