"""A budget spent against every choice there is; the bound holds, the curve is concave."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.methods.campaign_targeting import budget as module
from crm_utils.methods.campaign_targeting.budget import allocate, budget_curve, options_of

OPTION = st.tuples(st.integers(-2, 9), st.integers(0, 6))
PEOPLE = st.lists(st.lists(OPTION, min_size=1, max_size=3), min_size=1, max_size=4)


def frame(people: list[list[tuple[int, int]]]) -> pd.DataFrame:
    rows = [(f"c{n}", f"o{k}", v, c) for n, mine in enumerate(people) for k, (v, c) in enumerate(mine)]
    table = pd.DataFrame(rows, columns=["customer_id", "option", "value", "cost"])
    return table.astype({"value": float, "cost": float})


def best_of_all(people: list[list[tuple[int, int]]], budget: float) -> int:
    """Every choice of one option or none a customer."""
    every = itertools.product(*[[(0, 0), *mine] for mine in people])
    return max(sum(v for v, _ in one) for one in every if sum(c for _, c in one) <= budget)


@settings(max_examples=50, deadline=None)
@given(PEOPLE, st.integers(0, 20))
def test_few_customers_get_the_best_choice_there_is(people: list, budget: int) -> None:
    best = allocate(frame(people), budget)
    assert best.value == pytest.approx(best_of_all(people, budget))
    assert best.cost <= budget
    assert best.exact
    assert best.chosen["customer_id"].is_unique
    assert best.bound >= best.value - 1e-9


@settings(max_examples=50, deadline=None)
@given(PEOPLE, st.integers(0, 20))
def test_the_quick_way_keeps_the_budget_and_its_bound_holds(people: list, budget: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "EXACT_BELOW", 0)
        quick = allocate(frame(people), budget)
    best = best_of_all(people, budget)
    largest = max(max(v for v, _ in mine) for mine in people)
    assert quick.cost <= budget + 1e-9
    assert quick.value - 1e-9 <= best <= quick.bound + 1e-9
    assert best - quick.value <= max(largest, 0) + 1e-9  # within one step of the best
    assert quick.chosen["customer_id"].is_unique
    if quick.exact:
        assert quick.value == pytest.approx(best)


def test_many_customers_are_within_a_thousandth_of_the_bound_and_the_price_is_the_slope() -> None:
    rng = np.random.default_rng(1)
    options = pd.DataFrame({
        "customer_id": np.repeat([f"c{n:05}" for n in range(5000)], 3), "option": ["a", "b", "c"] * 5000,
        "value": rng.gamma(2.0, 10.0, 15000), "cost": rng.uniform(1, 20, 15000),
    })  # fmt: skip
    few, more = allocate(options, 20_000.0), allocate(options, 20_100.0)
    assert not few.exact
    assert few.gap < 0.001
    assert (more.bound - few.bound) / 100 == pytest.approx(few.price, rel=0.02)
    curve = budget_curve(options)
    slopes = np.diff(curve["value"]) / np.diff(curve["budget"])
    assert (np.diff(slopes) <= 1e-9).all()
    assert np.interp(20_000.0, curve["budget"], curve["value"]) <= few.bound + 1e-6
    shuffled = allocate(options.sample(frac=1, random_state=2), 20_000.0)
    assert shuffled.value == pytest.approx(few.value)


def test_nothing_to_spend_on_costs_nothing() -> None:
    nothing = frame([[(-1, 1)], [(-2, 0)]])
    assert (allocate(nothing, 5).value, len(budget_curve(nothing))) == (0.0, 1)
    assert allocate(frame([[(3, 4)]]), 0).value == 0


def test_only_verified_messages_are_options() -> None:
    rows = pd.DataFrame({
        "customer_id": ["a", "b", "c"], "scenario": "s", "expected_margin": [2.0, None, 3.0], "cost": 1.0,
        "holdout": [False, False, True],
    })  # fmt: skip
    assert options_of(rows).to_dict("records") == [
        {"customer_id": "a", "option": "s", "value": 2.0, "cost": 1.0}
    ]
