"""Credit by rules, by Markov and by Shapley: published numbers, other algebra, brute force, bad input."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm_utils.methods.customer_journey import (
    PLACEBO,
    RULES,
    all_credits,
    beside,
    calibrate,
    chain_credit,
    credits,
    markov_credit,
    rule_credit,
    set_shapley,
)

GOLDEN = pd.DataFrame({"path": ["C1 > C2 > C3", "C1", "C2 > C3"], "converted": [1, 0, 0], "paths": [1, 1, 1]})


def counted(rows: list[tuple[str, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["path", "converted", "paths"])


random_paths = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6).map(" > ".join),
        st.integers(0, 1), st.integers(1, 9),
    ),
    min_size=1, max_size=12,
).map(lambda rows: counted([*rows, ("a > b", 1, 1)]))  # fmt: skip


def test_markov_is_as_published():
    credit = markov_credit(GOLDEN)
    assert credit.attrs["conversion"] == pytest.approx(1 / 3, abs=1e-12)
    assert credit["removal"].tolist() == pytest.approx([0.5, 1, 1], abs=1e-12)
    assert credit["credit"].tolist() == pytest.approx([0.2, 0.4, 0.4], abs=1e-12)


def without(paths: pd.DataFrame, order: int, removed: str | None) -> float:
    """The chance of an order by walking the chain long enough, one touch leading to nothing."""
    moves: dict[tuple, dict[tuple, float]] = {}
    for path, converted, n in paths.itertuples(index=False):
        steps = path.split(" > ")
        states = [("start",)] + [tuple(steps[max(0, k - order + 1) : k + 1]) for k in range(len(steps))]
        states.append(("won",) if converted else ("lost",))
        for one, other in itertools.pairwise(states):
            moves.setdefault(one, {})[other] = moves.get(one, {}).get(other, 0) + n
    here, won = {("start",): 1.0}, 0.0
    for _ in range(3000):
        following: dict[tuple, float] = {}
        for state, chance in here.items():
            total = sum(moves[state].values())
            for other, n in moves[state].items():
                if other == ("won",):
                    won += chance * n / total
                elif other != ("lost",) and other[-1] != removed:
                    following[other] = following.get(other, 0.0) + chance * n / total
        here = following
        if sum(here.values()) < 1e-13:
            break
    return won


@settings(max_examples=40, deadline=None)
@given(random_paths, st.sampled_from([1, 2]))
@example(counted([("d", 1, 1), ("d > c", 0, 1), ("a > b", 1, 1)]), 2)  # a state a touch, in another order
def test_markov_against_a_walk(paths: pd.DataFrame, order: int):
    credit = markov_credit(paths, order=order)
    base = without(paths, order, None)
    for touch, removal in zip(credit["touch"], credit["removal"], strict=True):
        assert removal == pytest.approx(1 - without(paths, order, touch) / base, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(random_paths, st.sampled_from([1, 2, 3]))
def test_the_base_is_orders_over_paths_and_credits_add_up(paths: pd.DataFrame, order: int):
    credit = markov_credit(paths, order=order)
    won = paths.loc[paths["converted"] == 1, "paths"].sum()
    assert credit.attrs["conversion"] == pytest.approx(won / paths["paths"].sum(), abs=1e-9)
    assert credit["credit"].sum() == pytest.approx(won, abs=1e-9)
    assert (credit["credit"] >= 0).all()


@settings(max_examples=60, deadline=None)
@given(random_paths)
def test_repeats_in_a_row_change_nothing_at_order_one(paths: pd.DataFrame):
    once = paths.assign(
        path=[" > ".join(k for k, _ in itertools.groupby(p.split(" > "))) for p in paths["path"]]
    )
    one, other = markov_credit(paths), markov_credit(once)
    assert one["credit"].tolist() == pytest.approx(other["credit"].tolist(), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(random_paths)
def test_every_rule_adds_up_and_gives_nothing_for_nothing(paths: pd.DataFrame):
    won = paths.loc[paths["converted"] == 1, "paths"].sum()
    used = {t for p in paths.loc[paths["converted"] == 1, "path"] for t in p.split(" > ")}
    for rule in RULES:
        credit = rule_credit(paths, rule)
        assert credit["credit"].sum() == pytest.approx(won, abs=1e-9)
        assert (credit.loc[~credit["touch"].isin(used), "credit"] == 0).all()
    credit = set_shapley(paths)
    assert credit["credit"].sum() == pytest.approx(won, abs=1e-9)
    assert (credit.loc[~credit["touch"].isin(used), "credit"] == 0).all()


def test_a_touch_that_leads_to_nothing_gets_nothing_from_markov():
    """One in null paths alone that leads on to others does get credit: the chain takes that way."""
    credit = markov_credit(counted([("a > b", 1, 5), ("a > z", 0, 5), ("y > a", 0, 5)]))
    credit = credit.set_index("touch")["credit"]
    assert credit["z"] == pytest.approx(0, abs=1e-12)
    assert credit["y"] > 0


def test_rules_by_hand():
    paths = counted([("a > b > direct", 1, 10), ("b", 1, 5), ("a", 0, 7)])
    share = {rule: rule_credit(paths, rule).set_index("touch")["credit"].to_dict() for rule in RULES}
    assert share["first"] == {"a": 10, "b": 5, "direct": 0}
    assert share["last"] == {"a": 0, "b": 5, "direct": 10}
    assert share["last_non_direct"] == {"a": 0, "b": 15, "direct": 0}
    assert share["linear"] == pytest.approx({"a": 10 / 3, "b": 10 / 3 + 5, "direct": 10 / 3})
    assert share["position"] == pytest.approx({"a": 4, "b": 2 + 5, "direct": 4})


def shapley_by_permutations(paths: pd.DataFrame) -> dict[str, float]:
    """The mean gain of each touch over all orders in which a coalition can form."""
    names = sorted({t for p in paths["path"] for t in p.split(" > ")})

    games = [(frozenset(p.split(" > ")), n) for p, won, n in paths.itertuples(index=False) if won]

    def worth(coalition: set[str]) -> float:
        return sum(n for touches, n in games if touches <= coalition)

    value = dict.fromkeys(names, 0.0)
    orders = list(itertools.permutations(names))
    for order in orders:
        for k, name in enumerate(order):
            value[name] += worth({*order[: k + 1]}) - worth({*order[:k]})
    return {name: total / len(orders) for name, total in value.items()}


@settings(max_examples=10, deadline=None)
@given(random_paths)
def test_shapley_is_the_mean_over_all_coalitions(paths: pd.DataFrame):
    credit = set_shapley(paths).set_index("touch")["credit"].to_dict()
    assert credit == pytest.approx(shapley_by_permutations(paths), abs=1e-9)


def test_a_loop_without_exit_is_named():
    moves = pd.DataFrame(
        [("(start)", "a", 5), ("a", "(order)", 2), ("a", "b", 3), ("b", "c", 3), ("c", "b", 3)],
        columns=["source", "target", "paths"],
    )
    with pytest.raises(ValueError, match=r"No path from b, c comes to an end: a loop without an exit"):
        chain_credit(moves, orders=2)


def test_no_order_is_an_error_and_every_order_is_none():
    with pytest.raises(ValueError, match="None of 3 paths ends with an order"):
        markov_credit(counted([("a", 0, 2), ("a > b", 0, 1)]))
    credit = markov_credit(counted([("a", 1, 2), ("a > b", 1, 1)]))
    assert credit.attrs["conversion"] == pytest.approx(1)
    assert credit["credit"].sum() == pytest.approx(3)
    with pytest.raises(ValueError, match="'best' is no rule"):
        rule_credit(GOLDEN, "best")


def test_a_thousand_channels_take_less_than_a_second():
    rng = np.random.default_rng(6)
    names = np.array([f"c{k:04d}" for k in range(1000)])
    rows = [
        (" > ".join(rng.choice(names, rng.integers(1, 8))), int(rng.random() < 0.3), 1) for _ in range(6000)
    ]
    began = time.process_time()
    credit = markov_credit(counted(rows))
    assert time.process_time() - began < 1.0
    assert len(credit) == 1000
    assert credit["credit"].sum() == pytest.approx(sum(won for _, won, _ in rows), abs=1e-6)


@pytest.mark.simulated
@pytest.mark.parametrize("rule", ["linear", "markov"])
def test_the_jackknife_is_as_wide_as_credits_differ_between_shops(rule: str):
    """Shops drawn anew: the mean standard error is the standard deviation, within Monte-Carlo error."""
    rng = np.random.default_rng(4)
    kinds = ["a > b", "b", "a", "b > a > c", "c"]
    seen, errors = [], []
    for _ in range(150):
        part = rng.multinomial(1600, [0.3, 0.2, 0.2, 0.1, 0.2])
        rows = [
            (path, won, f"{g:x}", 1)
            for path, n in zip(kinds, part, strict=True)
            for won, g in zip(
                rng.random(n) < 0.2 + 0.1 * path.count("a"), rng.integers(0, 16, n), strict=True
            )
        ]
        paths = pd.DataFrame(rows, columns=["path", "converted", "group", "paths"])
        paths["converted"] = paths["converted"].astype(int)
        paths = paths.groupby(["path", "converted", "group"], as_index=False)["paths"].sum()
        row = credits(paths, rule).set_index("touch").loc["a"]
        seen.append(row["credit"])
        errors.append(row["error"])
    # Relative error of a standard deviation of 150: 1 / √300 = 6 %; of 16 groups' mean error: 18 % / √150.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(seen, ddof=1), rel=4 * 0.065)


def test_beside_keeps_campaigns_without_credit_and_touches_without_lift():
    paths = counted([("web > k1", 1, 40), ("web", 0, 60)]).assign(group="0")
    credit = all_credits(paths, {}, rules=("last", "markov"))
    lift = pd.DataFrame(
        {"touch": ["k1", "k2"], "lift": [10.0, 3.0], "low": [2.0, -1], "high": [18.0, 7], "error": [4.0, 2]}
    )
    table = beside(credit, lift, pd.DataFrame({"touch": ["k1", "k2"], "channel": ["sms", "email"]}))
    last = table[table["rule"] == "last"].set_index(["campaign_id", "channel"])
    assert last.loc[("k1", "sms"), "factor"] == pytest.approx(0.25)
    assert last.loc[("k2", "email"), "credit"] == 0
    assert np.isnan(last.loc[("k2", "email"), "factor"])
    assert not last.loc[("", "web"), "verified"]


def test_calibration_mends_what_is_wrong_by_one_factor():
    rows = [("last", "k" + str(k), 100.0 * k, 50.0 * k) for k in range(1, 6)]
    table = pd.DataFrame(rows, columns=["rule", "campaign_id", "credit", "lift"])
    table = table.assign(verified=True, lift_low=table["lift"] - 2, lift_high=table["lift"] + 2)
    table.loc[len(table)] = ["last", PLACEBO, 900.0, 0.0, True, -2.0, 2.0]
    result = calibrate(table).table.iloc[0]
    assert result["campaigns"] == 5
    assert result["factor"] == pytest.approx(0.5)
    assert result["off"] == pytest.approx(150)
    assert result["off_calibrated"] == pytest.approx(0, abs=1e-9)
