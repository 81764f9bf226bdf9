"""Effects against published numbers, SciPy and planted truth."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from ab_shop import declare
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crm_utils.experiments import CATALOGUE, Metric
from crm_utils.methods.ab_test.effects import adjust, compare, effects
from crm_utils.methods.ab_test.moments import Sums, exact_sums
from crm_utils.methods.ab_test.validity import sample_ratio

REVENUE = Metric(name="revenue", kind="mean", of="amount")
CONVERSION = Metric(name="conversion", kind="conversion", of="orders")
ORDER_VALUE = Metric(name="order_value", **CATALOGUE["order_value"])


def sums_of(frame: pd.DataFrame, *metrics: Metric) -> dict[str, Sums]:
    return {key[0]: sums for key, sums in exact_sums(ibis.memtable(frame), metrics).items()}


@pytest.fixture(scope="module")
def hillstrom(golden: Callable[[str], Path]) -> dict[str, Sums]:
    frame = pd.read_csv(golden("hillstrom.csv")).rename(columns={"segment": "arm", "spend": "amount"})
    frame = frame.assign(orders=frame["conversion"], returns=frame["visit"])
    visit = Metric(name="visit", kind="conversion", of="returns")
    return sums_of(frame, REVENUE, CONVERSION, visit)


def test_hillstrom_as_published(hillstrom: dict[str, Sums]) -> None:
    counts = {
        arm: (s.n, int(s.totals["returns_any"]), int(s.totals["orders_any"]), float(s.totals["amount"]))
        for arm, s in hillstrom.items()
    }
    assert counts == {
        "Mens E-Mail": (21_307, 3_894, 267, 30_311.69),
        "Womens E-Mail": (21_387, 3_238, 189, 23_038.11),
        "No E-Mail": (21_306, 2_262, 122, 13_908.33),
    }
    ratio = sample_ratio({arm: s.n for arm, s in hillstrom.items()}, dict.fromkeys(hillstrom, 1))
    assert ratio.statistic == pytest.approx(0.20253, abs=1e-5)
    assert ratio.p == pytest.approx(0.90369, abs=1e-5)
    none, mens, womens = (hillstrom[arm] for arm in ("No E-Mail", "Mens E-Mail", "Womens E-Mail"))
    visit = Metric(name="visit", kind="conversion", of="returns")
    assert compare(none, mens, visit).effect == pytest.approx(0.076590, abs=1e-6)
    assert compare(none, mens, CONVERSION).effect == pytest.approx(0.006805, abs=1e-6)
    spend = compare(none, mens, REVENUE)
    assert spend.effect == pytest.approx(0.769827, abs=1e-6)
    assert spend.effect / spend.error == pytest.approx(5.3001, abs=1e-4)
    assert (spend.low, spend.high) == pytest.approx((0.4851, 1.0545), abs=1e-4)
    other = compare(none, womens, REVENUE)
    assert (other.effect, other.p) == (pytest.approx(0.424412, abs=1e-6), pytest.approx(0.00113, abs=1e-5))


def test_tea_tastings_example_as_published(golden: Callable[[str], Path]) -> None:
    frame = pd.read_csv(golden("tea_tasting_users_seed42.csv"))
    frame = frame.rename(columns={"revenue": "amount", "revenue_covariate": "amount_before"})
    frame["arm"] = frame["variant"].map({0: "control", 1: "treatment"})
    arms = sums_of(frame, REVENUE)
    plain = compare(arms["control"], arms["treatment"], REVENUE, cuped=False)
    assert (plain.control, plain.treatment) == pytest.approx((5.2410, 5.7301), abs=1e-4)
    assert plain.p == pytest.approx(0.12307, abs=1e-5)
    with_covariate = compare(arms["control"], arms["treatment"], REVENUE)
    assert with_covariate.effect == pytest.approx(0.731014, abs=1e-6)
    assert with_covariate.p == pytest.approx(0.006744, abs=1e-6)
    assert with_covariate.theta == pytest.approx(0.433375, abs=1e-6)
    # Orders per session: our outcomes have other names, so amount stands for orders and orders for sessions.
    sessions = frame[["arm"]].assign(amount=frame["orders"], orders=frame["sessions"])
    arms = sums_of(sessions, ORDER_VALUE)
    assert compare(arms["control"], arms["treatment"], ORDER_VALUE).p == pytest.approx(0.076238, abs=1e-6)


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.gamma(1, 40, 300).round(2), rng.gamma(1, 60, 90).round(2)
    frame = pd.DataFrame({"arm": ["a"] * 300 + ["b"] * 90, "amount": np.concatenate([one, other])})
    arms = sums_of(frame, REVENUE)
    ours, theirs = compare(arms["a"], arms["b"], REVENUE), stats.ttest_ind(other, one, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_a_ratios_error_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(3)
    n = rng.poisson(2, 4000)
    frame = pd.DataFrame(
        {"arm": np.repeat(["a", "b"], 2000), "orders": n, "amount": (n * rng.gamma(4, 10, 4000)).round(2)}
    )
    arms = sums_of(frame, ORDER_VALUE)
    comparison = compare(arms["a"], arms["b"], ORDER_VALUE)
    drawn = []
    for _ in range(600):
        means = []
        for arm in ("a", "b"):
            part = frame[frame["arm"] == arm].to_numpy()[rng.integers(0, 2000, 2000)]
            means.append(part[:, 2].sum() / part[:, 1].sum())
        drawn.append(means[1] - means[0])
    assert comparison.error == pytest.approx(
        np.std(drawn), rel=0.1
    )  # three standard errors of a bootstrap of 600


def test_sums_are_exact_where_floats_are_not() -> None:
    """A thousandth of a large mean: centring floats would lose the variance altogether."""
    base = 90_000_000_000_000
    frame = pd.DataFrame({"arm": ["a"] * 4 + ["b"] * 4, "amount": [base + k for k in (0, 1, 2, 3)] * 2})
    arms = sums_of(frame.assign(amount=frame["amount"].astype("int64")), REVENUE)
    assert arms["a"].aggregates().var("amount") == pytest.approx(5 / 3)


@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(0, 5)), min_size=4, max_size=40), st.randoms())
def test_shuffled_and_split_customers_give_the_same_sums(
    customers: list[tuple[int, int]], random: Any
) -> None:
    def total(rows: list[tuple[int, int]]) -> Sums:
        y, x = ([Fraction(r[k]) for r in rows] for k in (0, 1))
        products = {("amount", "amount"): sum(v * v for v in y), ("amount", "amount_before"):
                    sum(a * b for a, b in zip(y, x, strict=True)),
                    ("amount_before", "amount_before"): sum(v * v for v in x)}  # fmt: skip
        return Sums(len(rows), {"amount": sum(y), "amount_before": sum(x)}, products)  # type: ignore[arg-type]

    mixed = customers[:]
    random.shuffle(mixed)
    assert total(customers) == total(mixed) == total(mixed[:2]) + total(mixed[2:])


def test_negative_values_are_amounts_like_others() -> None:
    frame = pd.DataFrame({"arm": ["a"] * 3 + ["b"] * 3, "amount": [-5.0, 0.0, 5.0, -10.0, 10.0, 30.0],
                          "orders": [0, 0, 1, 0, 1, 1]})  # fmt: skip
    arms = sums_of(frame, REVENUE, CONVERSION)
    assert compare(arms["a"], arms["b"], REVENUE).effect == 10
    assert compare(arms["a"], arms["b"], REVENUE).relative is None  # nothing is a share of 0
    assert compare(arms["a"], arms["b"], CONVERSION).effect == pytest.approx(1 / 3)


def test_a_capped_mean_counts_larger_values_as_the_cap_in_both_arms_and_before() -> None:
    capped = Metric(name="capped", kind="mean", of="amount", cap=10)
    frame = pd.DataFrame(
        {"arm": ["a", "a", "b", "b"], "amount": [1.0, 99, 4, 50], "amount_before": [1.0, 80, 4, 50]}
    )
    arms = sums_of(frame, capped, REVENUE)
    assert [arms[a].totals["amount_to_10"] for a in "ab"] == [11, 14]
    assert [arms[a].totals["amount_before_to_10"] for a in "ab"] == [11, 14]
    assert arms["a"].totals["amount"] == 100


def test_a_constant_metric_a_lonely_customer_and_an_empty_arm_are_said() -> None:
    frame = pd.DataFrame({"arm": ["control"] * 6 + ["coupon"] * 6, "amount": [1.0] * 12, "orders": [0] * 12})
    metrics = [Metric(name=name, **CATALOGUE[name]) for name in ("orders", "order_value")]
    table = effects(sums_of(frame, *metrics), declare(), metrics=metrics)
    # Codes, of which sentences are made where they are shown.
    assert table["status"].tolist() == ["constant", "no_denominator"]
    assert table.loc[0, ["effect", "low", "high"]].tolist() == [0, 0, 0]
    assert pd.isna(table["p"]).all()
    assert pd.isna(table["p_adjusted"]).all()
    few = effects(sums_of(frame[:10], *metrics), declare(), metrics=metrics)
    assert few["status"][0] == "too_few"  # four customers' means would be single people's
    none = effects(sums_of(frame[:6], *metrics), declare(), metrics=metrics)
    assert none["status"][0] == "nobody"


def test_without_a_past_there_is_no_covariate_and_the_test_is_plain() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"arm": np.repeat(["a", "b"], 50), "amount": rng.gamma(1, 9, 100).round(2), "amount_before": 0.0}
    )
    arms = sums_of(frame, REVENUE)
    with_it, without = (compare(arms["a"], arms["b"], REVENUE, cuped=cuped) for cuped in (True, False))
    assert with_it == without
    assert with_it.theta == 0


def test_adjusted_p_values_are_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p = [0.001, 0.3, 0.02, 0.04, 0.04, 1.0]
    for how, method in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
        assert adjust(p, how=how) == pytest.approx(multipletests(p, method=method)[1])
    assert adjust([], how="holm") == []


def test_arms_are_corrected_by_holm_and_further_metrics_by_false_discovery() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"arm": np.repeat(["control", "coupon", "sms"], 400), "orders": rng.poisson(1, 1200),
                          "amount": rng.gamma(2, 9, 1200).round(2)})  # fmt: skip
    plan = declare(
        arms={"control": 1, "coupon": 1, "sms": 1}, metrics=["revenue", "order_value"], guardrails=[]
    )
    table = effects(sums_of(frame, *plan.all_metrics), plan)
    for role, how in (("primary", "holm"), ("further", "benjamini_hochberg")):
        part = table[table["role"] == role]
        assert part["p_adjusted"].tolist() == pytest.approx(adjust(part["p"].tolist(), how=how))
    assert table["role"].tolist() == ["primary"] * 2 + ["further"] * 4


@pytest.mark.parametrize(
    ("control", "treatment", "shown"),
    [(-10, -5, False), (-10, -15, False), (-2, 3, False), (0, 1, False), (0.01, 1, False), (0.1, 0.6, False),
     (0.2, -1, False), (5, -1, False), (5, 6, True), (5, 0.6, True)],
)  # fmt: skip
def test_a_relative_effect_is_shown_only_where_both_arms_are_clearly_above_zero(
    control: float, treatment: float, shown: bool
) -> None:
    """GrowthBook's PR 6658 and PostHog's 29003: ends changed places, and 11,296 % was printed."""
    rng = np.random.default_rng(1)
    metric = Metric(name="contribution", kind="mean", of="contribution")

    def arm(mean: float) -> Sums:
        values = rng.normal(0, 3, 400)
        exact = [Fraction(str(round(v, 2))) for v in values - values.mean() + mean]
        pair = ("contribution", "contribution")
        return Sums(
            400, {"contribution": sum(exact, Fraction())}, {pair: sum((v * v for v in exact), Fraction())}
        )

    comparison = compare(arm(control), arm(treatment), metric)
    assert (comparison.relative is not None) == shown
    assert comparison.low < comparison.effect < comparison.high
    assert comparison.high - comparison.effect == pytest.approx(comparison.effect - comparison.low)
    if comparison.relative is not None:
        assert comparison.relative_low < comparison.relative < comparison.relative_high
