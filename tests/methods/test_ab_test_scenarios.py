"""Scenarios judged by who was held out: against sums by hand, and truths planted in many at once."""

from __future__ import annotations

import datetime as dt
import math

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.features import all_messages
from crm_utils.methods.ab_test import ScenarioResults, judge_scenarios

SENT = pd.Timestamp("2024-03-01 10:00")
AS_OF = dt.date(2024, 6, 30)


def judged(people: pd.DataFrame) -> ScenarioResults:
    """People with scenario, sent_at, held_out, reached, cost, and money (0: no order)."""
    ours = people.assign(
        delivered_at=people["sent_at"].where(people["reached"]), clicked_at=pd.NaT, kind="advertising"
    ).astype({"delivered_at": "datetime64[us]", "clicked_at": "datetime64[us]", "sent_at": "datetime64[us]"})
    handed = ibis.memtable(ours.drop(columns=["reached", "money"]))
    bought = people[people["money"] != 0]
    orders = ibis.memtable(pd.DataFrame({
        "order_id": [f"o{n}" for n in range(len(bought))], "customer_id": bought["customer_id"].to_numpy(),
        "ordered_at": (bought["sent_at"] + pd.Timedelta(days=3)).astype("datetime64[us]").to_numpy(),
        "amount": bought["money"].to_numpy(), "margin": bought["money"].to_numpy(), "kept": True,
    })).cast({"amount": "decimal(18, 2)", "margin": "decimal(38, 5)"})  # fmt: skip
    horizons = dict.fromkeys(people["scenario"].unique(), 28)
    return judge_scenarios(all_messages(None, handed), orders, horizons=horizons, as_of=AS_OF)


def shop(scenarios: int, n: int, *, seed: int, effect: float, bias: float = 0.0) -> pd.DataFrame:
    """Whom a message can reach (four in five) brings ``bias`` more anyway, ``effect`` more by it."""
    rng = np.random.default_rng(seed)
    size = scenarios * n
    held_out, can = rng.random(size) < 0.3, rng.random(size) < 0.8
    reached = can & ~held_out
    buys = rng.random(size) < 0.25
    money = np.round(np.where(buys, rng.gamma(2.0, 20.0, size), 0.0) + bias * can + effect * reached, 2)
    return pd.DataFrame({
        "scenario": [f"s{k // n}" for k in range(size)], "customer_id": [f"c{k}" for k in range(size)],
        "sent_at": SENT, "held_out": held_out, "reached": reached, "cost": 0.0, "money": money,
    })  # fmt: skip


def test_the_effect_and_its_interval_are_sums_by_hand() -> None:
    people = shop(1, 400, seed=1, effect=5.0).assign(cost=0.5)
    row = judged(people).table.iloc[0]
    sent, out = people[~people["held_out"]], people[people["held_out"]]
    y1, y0 = sent["money"] - 0.5, out["money"]
    effect = y1.mean() - y0.mean()
    half = 1.959964 * math.sqrt(y1.var() / len(y1) + y0.var() / len(y0))
    assert row[["effect", "low", "high"]].tolist() == pytest.approx([effect, effect - half, effect + half])
    c = effect / sent["reached"].mean()
    left = 1.959964 * math.sqrt((y1 - c * sent["reached"]).var() / len(y1) + y0.var() / len(y0))
    reach = left / sent["reached"].mean()
    ends = ["reached", "reached_low", "reached_high"]
    assert row[ends].tolist() == pytest.approx([c, c - reach, c + reach])
    assert row["delivered_only"] == pytest.approx(y1[sent["reached"]].mean() - y0.mean())
    assert row["rate"] == pytest.approx((sent["money"] > 0).mean())


def test_quarters_are_weighted_and_who_is_on_both_sides_counts_on_none() -> None:
    one = shop(1, 300, seed=2, effect=3.0)
    two = shop(1, 500, seed=3, effect=3.0).assign(sent_at=SENT + pd.Timedelta(days=60))
    two["customer_id"] += "x"
    twice = two.head(5).assign(held_out=lambda t: ~t["held_out"], reached=False)
    row = judged(pd.concat([one, two, twice])).table.iloc[0]
    effects, weights = [], []
    for part in (one, two.iloc[5:]):
        y1, y0 = part.loc[~part["held_out"], "money"], part.loc[part["held_out"], "money"]
        effects.append(y1.mean() - y0.mean())
        weights.append(len(y1) * len(y0) / len(part))
    assert row["effect"] == pytest.approx(np.average(effects, weights=weights))
    assert row["sent"] + row["held_out"] == 795


def test_few_are_hidden_and_a_horizon_that_is_not_over_waits() -> None:
    assert judged(shop(1, 8, seed=1, effect=0.0).assign(held_out=[True] * 4 + [False] * 4)).table.empty
    late = judged(shop(1, 100, seed=1, effect=0.0).assign(sent_at=pd.Timestamp("2024-06-20 10:00")))
    assert late.table["decision"].tolist() == ["wait"]


@pytest.mark.parametrize(("effect", "decision"), [(8.0, "send"), (-8.0, "stop"), (0.0, "test")])
def test_the_decision_follows_the_interval(effect: float, decision: str) -> None:
    assert judged(shop(1, 800, seed=5, effect=effect)).table["decision"].tolist() == [decision]


@pytest.mark.simulated
def test_a_a_scenarios_reject_at_the_nominal_rate_and_delivered_only_does_not() -> None:
    """Whom a message reaches brings more anyway: counting them alone finds effects that are not."""
    runs = 400
    table = judged(shop(runs, 400, seed=7, effect=0.0, bias=4.0)).table
    noise = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert abs(float((table["p"] < 0.05).mean()) - 0.05) < noise
    assert float(table["delivered_only"].mean()) > 0.5


@pytest.mark.simulated
def test_intervals_hold_the_planted_effect_and_that_of_those_reached() -> None:
    runs, effect = 400, 6.0
    table = judged(shop(runs, 400, seed=9, effect=effect, bias=4.0)).table
    noise = 3 * math.sqrt(0.05 * 0.95 / runs)
    planted = effect * 0.8
    assert abs(float(((table["low"] < planted) & (planted < table["high"])).mean()) - 0.95) < noise
    inside = (table["reached_low"] < effect) & (effect < table["reached_high"])
    assert abs(float(inside.mean()) - 0.95) < noise
