"""Another way of choosing, judged by random sends: planted truth, known chances, refused without them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from crm_utils.errors import DataError
from crm_utils.methods.campaign_targeting.off_policy import off_policy


def world(seed: int, n: int = 600) -> tuple[pd.DataFrame, pd.Series, float]:
    """Half loves messages (+2), half is put off (−1); old sends go to who loves them more often."""
    rng = np.random.default_rng(seed)
    loves = rng.random(n) < 0.5
    p_send = np.where(loves, 0.7, 0.2)
    sent = rng.random(n) < p_send
    mean = np.where(sent, np.where(loves, 2.0, -1.0), 0.0) + loves
    reward = mean + rng.normal(0, 1, n)
    wants = np.where(loves, 1.0, 0.0)  # the new policy: only who loves them
    same = np.where(sent, wants, 1 - wants)
    model = np.where(sent, np.where(loves, 1.5, -0.5), 0.0)
    by_policy = np.where(loves, 1.5, 0.0)
    logged = pd.DataFrame({
        "propensity": np.where(sent, p_send, 1 - p_send), "reward": reward, "expected": model,
        "expected_by_policy": by_policy,
    })  # fmt: skip
    return logged, pd.Series(same), 0.5 * 3.0


def test_the_policy_that_was_used_is_worth_what_it_brought() -> None:
    logged, _, _ = world(1)
    own = off_policy(logged, logged["propensity"])
    assert own.table.set_index("how")["value"][["ips", "snips"]].tolist() == pytest.approx(
        [logged["reward"].mean()] * 2
    )
    assert own.effective == pytest.approx(len(logged))


def test_the_effective_number_is_that_of_equal_weights() -> None:
    logged = pd.DataFrame({"propensity": [0.5, 0.5, 0.5, 0.01], "reward": 1.0})
    assert off_policy(logged, pd.Series([1.0, 1.0, 1.0, 1.0])).effective == pytest.approx(
        106**2 / (12 + 10_000)
    )


@pytest.mark.simulated
def test_intervals_hold_the_planted_value_by_all_three_ways() -> None:
    runs = 1000
    rows = []
    for seed in range(runs):
        logged, same, truth = world(seed)
        table = off_policy(logged, same).table.set_index("how")
        rows.append((table["low"] < truth) & (truth < table["high"]))
    inside = pd.DataFrame(rows).mean()
    assert (abs(inside - 0.95) < 3 * math.sqrt(0.05 * 0.95 / runs) + 0.005).all()


@pytest.mark.parametrize("column", [None, [0.5, 0.0], [0.5, np.nan]])
def test_without_chances_nothing_is_said(column: list[float] | None) -> None:
    logged = pd.DataFrame({"reward": [1.0, 2.0]})
    if column is not None:
        logged["propensity"] = column
    how_many = 2 if column is None else 1
    with pytest.raises(DataError, match=f"{how_many} of 2 messages have no propensity above 0"):
        off_policy(logged, pd.Series([1.0, 1.0]))
