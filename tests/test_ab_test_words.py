"""How experiments are told: the unit of each metric, what a stopped one says, what a verdict is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ab_shop import AS_OF, declare, shop

from crm_utils import ab_test_words as words
from crm_utils.ab_test import Judged, Tables, judge, judge_targeting
from crm_utils.experiments import CATALOGUE, Metric


@pytest.fixture(scope="module")
def tables() -> Tables:
    return shop(seed=3, extra=0.25)


@pytest.fixture(scope="module")
def shipped(tables: Tables) -> Judged:
    plan = declare(title="Ten percent off", trigger={"event": "visit"})
    return judge(plan, tables, as_of=AS_OF)


def test_each_metric_is_written_in_its_own_unit(shipped: Judged) -> None:
    table = words.effects_written(shipped, currency="KRW").set_index("metric")
    known = shipped.effects.set_index("metric")
    assert table.loc["order value", "control"] == f"₩{known.loc['order_value', 'control']:,.0f}"
    assert table.loc["conversion", "control"] == f"{100 * known.loc['conversion', 'control']:.1f}\N{NBSP}%"
    points = f"{100 * known.loc['conversion', 'effect']:.1f} pp ("
    assert table.loc["conversion", "effect"].startswith(points)
    assert not table.index.str.contains("_").any()


def test_a_verdict_has_its_title_reason_and_money_of_all_customers(shipped: Judged) -> None:
    ((sentence, at_stake),) = words.verdict_sentences([shipped], currency="KRW")
    assert sentence.startswith(
        "Ten percent off: ship, because the primary metric (orders) is better, and every"
    )
    row = shipped.effect("contribution", "coupon")
    assert at_stake == pytest.approx(abs(row["effect"]) * shipped.sums["coupon"].n)
    assert f"₩{row['effect']:,.0f}" in sentence


def test_a_stopped_experiment_is_named_and_nothing_else_is_told_of_it() -> None:
    one = judge(declare(), shop(seed=3, loses=0.9), as_of=AS_OF)
    assert words.stopped_sentence([one]).startswith("Stopped by its sample ratio: coupon (p = ")
    assert words.verdict_sentences([one], currency="KRW") == []
    assert words.with_and_without(one, currency="KRW") == ""


def test_nothing_is_said_of_what_is_not_there(shipped: Judged) -> None:
    assert words.stopped_sentence([shipped]) == ""
    assert words.triggered_sentence(replace(shipped, triggered=pd.DataFrame()), currency="KRW") == ""


def test_a_trigger_that_the_treatment_moves_is_not_trusted(shipped: Judged) -> None:
    assert "Where the treatment itself" in words.triggered_sentence(shipped, currency="KRW")
    moved = replace(shipped, triggered=shipped.triggered.assign(ratio_p=1e-9))
    assert "The treatment itself brings customers" in words.triggered_sentence(moved, currency="KRW")


def test_quantiles_are_corrected_together_with_the_further_metrics(tables: Tables) -> None:
    p90 = {"name": "revenue_p90", "kind": "quantile", "of": "amount", "q": 0.9}
    one = judge(declare(metrics=["conversion", "revenue", p90]), tables, as_of=AS_OF)
    further = one.effects[one.effects["role"] == "further"]
    p = further["p"].astype(float).to_numpy()
    order = np.argsort(p)
    stepped = np.minimum.accumulate((p[order] * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    assert further["p_adjusted"].astype(float).to_numpy()[order] == pytest.approx(np.minimum(stepped, 1))
    assert "revenue_p90" in set(further["metric"])


def test_sizes_and_smallest_effects_have_words() -> None:
    metrics = [Metric(name=name, **CATALOGUE[name]) for name in ("order_value", "return_rate")]
    sizes = pd.DataFrame({"metric": ["order_value", "return_rate"], "now": [43_074.2, 0.125],
                          "effect": [861.5, 0.0125]})  # fmt: skip
    told = words.sizes_written(sizes, metrics, currency="KRW")
    assert told.to_numpy().tolist() == [
        ["order value", "₩43,074", "₩862"],
        ["return rate", "12.5\N{NBSP}%", "1.2 pp"],
    ]
    smallest = pd.DataFrame({"metric": ["order_value"], "relative": [0.112]})
    assert words.smallest_written(smallest) == "order value 11.2\N{NBSP}%"


def test_targeting_finds_nothing_where_everyone_gains_alike(shipped: Judged, tables: Tables) -> None:
    found = judge_targeting(shipped, tables, seed=20)
    assert (found.arm, found.outcome) == ("coupon", "contribution")
    value, low, high = found.against_all
    assert low <= value <= high
    assert not found.worth_it
