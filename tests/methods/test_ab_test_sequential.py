"""Bounds and sequences against published numbers and closed forms."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from ab_shop import declare
from scipy.stats import multivariate_normal, norm

from crm_utils.experiments import Metric
from crm_utils.methods.ab_test.group_sequential import crossing_chances, spending_bounds
from crm_utils.methods.ab_test.looks import planned_looks
from crm_utils.methods.ab_test.moments import Sums
from crm_utils.methods.ab_test.sequential import (
    at_all_times,
    confidence_sequence,
    mixture_scale,
    sequence_half_width,
)

FIVE = [0.2, 0.4, 0.6, 0.8, 1.0]
REVENUE = Metric(name="revenue", kind="mean", of="amount")


@pytest.mark.parametrize(
    ("bounds", "published"),
    [
        (lambda: spending_bounds(FIVE), [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]),
        (lambda: spending_bounds(FIVE, each_side=False), [4.3826, 3.0997, 2.5534, 2.2538, 2.0635]),
        (lambda: spending_bounds(FIVE, spending="pocock"), [2.4380, 2.4268, 2.4102, 2.3966, 2.3860]),
    ],
)
def test_bounds_for_five_looks_as_published(bounds, published):
    assert bounds() == pytest.approx(published, abs=2e-4)


@pytest.mark.parametrize("published", [[4.5617, 3.2256, 2.6337, 2.2809, 2.0401], [2.4132] * 5])
def test_classical_bounds_as_published_spend_five_percent(published):
    """O'Brien and Fleming's (1979) and Pocock's (1977), which have five significant digits."""
    assert crossing_chances(FIVE, published).sum() == pytest.approx(0.05, abs=5e-6)


def test_one_look_is_the_ordinary_test():
    assert spending_bounds([1.0]) == pytest.approx([norm.ppf(0.975)], abs=1e-8)


def test_chances_are_those_of_the_joint_normal():
    """Two looks at t = .3 and 1: P(not crossed) is a rectangle's chance under correlation √.3."""
    joint = multivariate_normal([0, 0], [[1, np.sqrt(0.3)], [np.sqrt(0.3), 1]])
    a, b = 2.2, 2.0
    inside = joint.cdf([a, b], lower_limit=[-a, -b])
    assert 1 - crossing_chances([0.3, 1.0], [a, b]).sum() == pytest.approx(inside, abs=1e-6)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("fractions", [[0.5, 1.0], [0.01, 0.011, 0.9, 1.0], list(np.linspace(0.05, 1, 20))])
def test_all_looks_together_spend_alpha(fractions, spending):
    bounds = spending_bounds(fractions, spending=spending)
    drawn = crossing_chances(fractions, np.minimum(bounds, 8.5)).sum()
    assert drawn == pytest.approx(0.05, abs=1e-7)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("information", [[0.3, 0.9, 1.5], [0.3, 0.9, 3.0], [0.5, 0.7, 0.8]])
def test_an_end_that_comes_with_more_or_less_keeps_the_error_rate(spending, information):
    """Spent by plan, correlated by what there was: the rectangle's chance is that of the joint normal."""
    bounds = spending_bounds([*information[:2], 1.0], information=information, spending=spending)
    i = np.array(information)
    joint = multivariate_normal(np.zeros(3), np.sqrt(np.minimum.outer(i, i) / np.maximum.outer(i, i)))
    inside = joint.cdf(bounds, lower_limit=-bounds, rng=1)
    assert 1 - inside == pytest.approx(0.05, abs=2e-4)


def test_looks_that_do_not_rise_are_refused():
    for wrong in ([], [0.5, 0.5], [0.0, 1.0], [0.9, 0.2]):
        with pytest.raises(ValueError, match="rising shares"):
            spending_bounds(wrong)
    with pytest.raises(ValueError, match="at most 1"):
        spending_bounds([0.5, 1.2])


def test_the_sequences_width_is_least_near_the_planned_number():
    """Relative to the width of a single look, which shrinks as 1/√n."""
    rho, n = mixture_scale(10_000), np.arange(1_000, 100_000, 100)
    width = sequence_half_width(np.sqrt(1 / n), n, rho=rho) * np.sqrt(n)
    assert width[n == 10_000][0] <= 1.001 * width.min()
    assert width[n == 1_000][0] > 1.2 * width.min()


def test_the_sequence_solves_the_mixture_martingale_it_comes_from():
    """At its edge the normal mixture of likelihood ratios is 1/α (Robbins 1970)."""
    n, rho, alpha = 4_321, 0.03, 0.05
    half = float(sequence_half_width(1 / np.sqrt(n), n, rho=rho, alpha=alpha))
    s = half * n  # the sum of unit-variance terms
    martingale = (1 + n * rho**2) ** -0.5 * np.exp(rho**2 * s**2 / (2 * (1 + n * rho**2)))
    assert martingale == pytest.approx(1 / alpha)


def test_intervals_of_all_times_are_the_sequences():
    shared = {"metric": "m", "effect": 1.0, "low": 0.0, "high": 2.0}
    rows = [shared | {"arm": "big", "error": 0.5}, shared | {"arm": "small", "error": 0.5},
            shared | {"arm": "big", "error": None}]  # fmt: skip
    sizes = {"control": 3_000, "big": 2_000, "small": 499}
    widened = at_all_times(pd.DataFrame(rows), sizes, control="control", planned=4_000, alpha=0.05)
    half = float(sequence_half_width(0.5, 5_000, rho=mixture_scale(4_000)))
    assert widened["low"].tolist() == pytest.approx([1 - half, -np.inf, 0.0])
    assert widened["high"].tolist() == pytest.approx([1 + half, np.inf, 2.0])


def test_looking_every_day_at_intervals_of_all_times_errs_no_more_than_promised():
    rng, days, planned = np.random.default_rng(3), np.arange(1_000, 10_001, 250), 8_000
    walks = rng.normal(size=(400, days[-1])).cumsum(axis=1)[:, days - 1] / days
    error = 1 / np.sqrt(days)
    always = sequence_half_width(error, days, rho=mixture_scale(planned))
    assert (np.abs(walks) > always).any(axis=1).mean() < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 400)
    assert (np.abs(walks) > 1.96 * error).any(axis=1).mean() > 0.15


def _daily(days: int, a_day: int, shift: float) -> dict:
    rng = np.random.default_rng(7)
    by_day = {}
    for k in range(days):
        for arm, mean in (("control", 5.0), ("coupon", 5.0 + shift)):
            y = rng.normal(mean, 1, a_day).round(2)
            values = [Fraction(str(v)) for v in y]
            by_day[arm, dt.date(2025, 10, 1) + dt.timedelta(days=k)] = Sums(
                a_day, {"amount": sum(values)}, {("amount", "amount"): sum(v * v for v in values)}
            )
    return by_day


def test_a_sequence_begins_with_enough_customers_and_each_day_stands_alone():
    path = confidence_sequence(
        _daily(12, 100, 0.3), REVENUE, control="control", arm="coupon", planned=2_400, least=250
    )
    assert path["n_control"].min() == 300
    # Not cut to what earlier days left: where effects fade, a running intersection is empty at last.
    middle = (path["always_low"] + path["always_high"]) / 2
    assert middle.to_numpy() == pytest.approx(path["effect"].to_numpy())
    assert (np.diff(path["always_high"] - path["always_low"]) < 0).all()
    assert (path["high"] - path["low"] < path["always_high"] - path["always_low"] + 1e-12)[:3].all()
    assert path["always_low"].iloc[-1] < 0.3 < path["always_high"].iloc[-1]
    assert path["decided"].iloc[-1]


def test_planned_looks_take_what_was_complete_by_then():
    plan = declare(primary="revenue", metrics=[], guardrails=[], looks=["2025-10-06"], customers=2_400)
    looks = planned_looks(_daily(12, 100, 0.3), plan, arm="coupon", done=True, as_of=dt.date(2025, 12, 31))
    assert looks["customers"].tolist() == [1_200, 2_400]
    assert looks["fraction"].tolist() == [0.5, 1.0]
    assert looks["bound"].tolist() == pytest.approx(spending_bounds([0.5, 1.0]).tolist())
    before = planned_looks(_daily(12, 100, 0.3), plan, arm="coupon", done=False, as_of=dt.date(2025, 10, 5))
    assert before.empty
