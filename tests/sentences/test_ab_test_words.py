"""How experiments are said: the unit of each metric, what a void one says, what a verdict says of money."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ab_shop import AS_OF, declare, shop

from crm_utils import wording
from crm_utils.experiments import CATALOGUE, Metric
from crm_utils.methods.ab_test import Judged, Tables, judge, judge_all, judge_targeting, plan_next_test
from crm_utils.methods.ab_test.verdict import Verdict
from crm_utils.sentences import ab_test as words


@pytest.fixture(scope="module")
def tables() -> Tables:
    return shop(seed=3, extra=0.25)


@pytest.fixture(scope="module")
def shipped(tables: Tables) -> Judged:
    plan = declare(title="Ten percent off", trigger={"event": "visit"})
    return judge(plan, tables, as_of=AS_OF)


def said(one: Judged) -> str:
    return words.verdict_sentence(one, one.verdicts[0], currency="KRW")


def test_each_metric_is_written_in_its_own_unit(shipped: Judged) -> None:
    table = words.effects_written(shipped, currency="KRW").set_index("metric")
    known = shipped.effects.set_index("metric")
    assert table.loc["order value", "control"] == f"₩{known.loc['order_value', 'control']:,.0f}"
    assert table.loc["conversion", "control"] == f"{100 * known.loc['conversion', 'control']:.1f}\N{NBSP}%"
    points = f"{100 * known.loc['conversion', 'effect']:.1f} pp ("
    assert table.loc["conversion", "effect"].startswith(points)
    assert not table.index.str.contains("_").any()


def test_a_verdict_names_its_title_its_reason_and_the_money(shipped: Judged) -> None:
    sentence = said(shipped)
    assert sentence.startswith("Use “Ten percent off” for all: orders improved by ")
    row = shipped.effect("contribution", "coupon")
    assert f"Contribution changes by ₩{row['effect']:,.0f} (" in sentence
    assert "a loss of more than ₩" in sentence


def test_of_two_arms_that_work_the_better_one_is_used_and_the_other_says_so(shipped: Judged) -> None:
    plan = shipped.experiment.model_copy(update={"arms": {"control": 1, "coupon": 1, "letter": 1}})
    two = replace(shipped, experiment=plan)
    best = replace(two, rivals=replace(two.rivals, recommended="coupon"))
    assert said(best).startswith("Use coupon (test “Ten percent off”) for all: orders improved by ")
    second = replace(two, rivals=replace(two.rivals, recommended="letter"))
    assert said(second).startswith("Works as well: coupon (test “Ten percent off”); orders improved by ")
    assert "But use letter (test “Ten percent off”), which brought more in the test." in said(second)
    why = words.verdict_sentence(best, best.verdicts[0], currency="KRW", says="why")
    assert why.startswith("Orders improved by ")


def test_a_verdict_that_crossed_says_when_and_what_it_is_now(shipped: Judged) -> None:
    crossed = Verdict("coupon", "ship", "better", ("orders",), dt.date(2025, 11, 3))
    one = replace(shipped, verdicts=[crossed], adjusted={"coupon": 0.2}, always=True)
    assert "This was clear at the planned look of 3 November 2025. Stopping early exaggerates" in said(one)
    assert "adjusted for that, the effect is about 0.200." in said(one)
    assert "The interval holds however often one looks." in said(one)
    faded = one.holding.assign(low=-1.0)
    assert "It seemed clear at the planned look of 3 November 2025; now it is " in said(
        replace(one, holding=faded)
    )


def test_a_warning_of_the_sample_ratio_stands_in_the_verdict_and_is_warned_of(shipped: Judged) -> None:
    ratio = replace(shipped.ratio, verdict="warning", judged_p=0.004)
    one = replace(shipped, ratio=ratio, warnings=[("ratio_warning", {"p": 0.004})])
    assert said(one).endswith("Careful: its groups are not as large as planned; customers may be missing.")
    loud: list[str] = []
    quiet: list[str] = []
    book = judge_all([], shop(seed=1, customers=10), as_of=AS_OF)
    words.warn_of(loud.append, quiet.append, replace(book, judged=(one,)))
    assert (len(loud), quiet) == (1, [])


def test_a_void_experiment_is_an_action_to_avoid_and_nothing_else_is_said_of_it() -> None:
    tables, actions = shop(seed=3, loses=0.9), []
    book = judge_all([declare()], tables, as_of=AS_OF)
    assert said(book.judged[0]) == ""
    assert book.chosen is None
    words.propose(
        lambda verb, audience, **more: actions.append((verb, more)), book, plan_of(tables), currency="KRW"
    )
    ((verb, more),) = actions
    assert verb == "Do not use the test “coupon”"
    assert (more["avoid"], more["customers"]) == (True, book.judged[0].customers)
    findings: list[str] = []
    words.announce(findings.append, book, currency="KRW")
    assert findings == ["Treatments tested: 1; cannot be used: 1."]


def plan_of(tables: Tables) -> Any:
    days = {"horizon_days": 28, "before_days": 91, "active_days": 182}
    return plan_next_test(tables.orders, None, [], as_of=dt.date(2025, 10, 31), splits=5, seed=1, **days)


def test_shipping_brings_the_contribution_of_all_active_customers(shipped: Judged, tables: Tables) -> None:
    book, actions = judge_all([shipped.experiment], tables, as_of=AS_OF), []
    plan = plan_of(tables)
    words.propose(lambda verb, audience, **more: actions.append((verb, more)), book, plan, currency="KRW")
    ((verb, more),) = actions
    assert verb == "Use “Ten percent off” for"
    assert more["gain"] == pytest.approx(shipped.effect("contribution", "coupon")["effect"] * plan.customers)
    assert more["low"] < more["gain"] < more["high"]
    assert (more["certainty"], more["horizon_days"]) == ("tested", 56)
    # The test saw a sample; that all react alike is an assumption, and the card says it.
    tested = sum(sums.n for sums in shipped.sums.values())
    assert f"Tested on {tested:,} customers: for all these {plan.customers:,} it holds" in more["why"]


def test_what_worked_on_newcomers_is_not_offered_to_regular_customers(
    shipped: Judged, tables: Tables
) -> None:
    assert not shipped.newcomers
    sums = {
        arm: replace(s, totals=s.totals | {"orders_before": Fraction(0)}) for arm, s in shipped.sums.items()
    }
    new = replace(shipped, sums=sums)
    assert new.newcomers
    book = replace(judge_all([], tables, as_of=AS_OF), judged=(new,))
    actions: list[Any] = []
    words.propose(lambda verb, audience, **more: actions.append((audience, more)), book, plan_of(tables),
                  currency="KRW")  # fmt: skip
    ((audience, more),) = actions
    assert audience == "customers as new as those tested"
    assert more["customers"] == new.customers
    assert "it says nothing of others" in more["why"]


def test_a_share_improves_by_points_and_not_a_customer(tables: Tables) -> None:
    one = judge(declare(primary="conversion", metrics=["revenue"]), tables, as_of=AS_OF)
    assert re.search(r"conversion improved by [\d.]+ pp \([\d.]+ pp to [\d.]+ pp\)\.", said(one))


def test_nothing_is_said_of_what_is_not_there(shipped: Judged) -> None:
    nothing = "No trigger is declared, or nobody met it."
    assert words.triggered_sentence(replace(shipped, triggered=pd.DataFrame()), currency="KRW") == nothing
    assert words.triggered_sentence(None, currency="KRW") == nothing
    assert words.effects_table(None, currency="KRW") is None


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


def test_sizes_and_smallest_effects_have_words(tables: Tables) -> None:
    metrics = tuple(
        Metric(name=name, **CATALOGUE[name]) for name in ("order_value", "return_rate", "conversion")
    )
    sizes = pd.DataFrame({"metric": ["order_value", "return_rate"], "now": [43_074.2, 0.125], "lift": 0.02,
                          "effect": [861.5, 0.0125], "customers": 10, "customers_plain": 10,
                          "weeks": 2})  # fmt: skip
    smallest = pd.DataFrame({"metric": ["order_value", "conversion"], "relative": [0.112, np.nan]})
    plan = replace(plan_of(tables), metrics=metrics, sizes=sizes, smallest=smallest, unvaried=("revenue",))
    text = repr(words.sizes_table(plan, currency="KRW"))
    for written in ("₩43,074", "₩862", "12.5\N{NBSP}%", "1.2 pp"):
        assert written in text
    sentence = words.smallest_sentence(plan)
    assert "order value 11.2\N{NBSP}%" in sentence
    assert "Not even a doubling could be seen of: conversion." in sentence
    assert "No sample size exists for: revenue." in sentence


def test_every_table_is_a_table(shipped: Judged, tables: Tables) -> None:
    book = judge_all([shipped.experiment], tables, as_of=AS_OF)
    declared = words.declaration_table(book, currency="KRW")
    for table in (declared, words.validity_words(book), words.beliefs_table(shipped)):
        assert isinstance(table, wording.Table)


def test_targeting_finds_nothing_where_everyone_gains_alike(shipped: Judged, tables: Tables) -> None:
    one = judge_targeting(shipped, tables, seed=20)["coupon"]
    assert one is not None
    assert (one.arm, one.outcome) == ("coupon", "contribution")
    value, low, high = one.against_all
    assert low <= value <= high
    assert not one.worth_it
    assert "choosing is not shown to be worth it" in words.targeting_sentence({"coupon": one}, currency="KRW")
