"""Intervals cover what they promise; totals, order values and calibration against planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lifetime_shop import END, START, shop

from crm_utils.methods import lifetime_value
from crm_utils.methods.lifetime_value.intervals import bounds_of
from crm_utils.methods.lifetime_value.order_values import MUCH


def skewed(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts, and amounts whose spread grows with them: the case in which one width for all fails."""
    rng = np.random.default_rng(seed)
    forecast = rng.gamma(0.7, 40, n)
    return forecast, np.where(rng.random(n) < 0.4, 0.0, forecast * rng.gamma(2.0, 0.8, n))


def test_conformal_intervals_cover_in_every_fifth() -> None:
    bounds = lifetime_value.conformal_bounds(*skewed(6000, 1))
    forecast, actual = skewed(6000, 2)
    table = lifetime_value.coverage(forecast, actual, {"conformal": bounds.apply(forecast)}, bounds)
    assert len(table) == 6
    # Both what they were learnt from and the test are samples: 3.3 standard errors of the difference.
    reach = 3.3 * np.sqrt(2 * 0.09 / table["customers"])
    assert ((table["covered"] - 0.9).abs() < reach).all()


def test_one_width_for_all_would_not() -> None:
    bounds = lifetime_value.conformal_bounds(*skewed(6000, 1), groups=1)
    forecast, actual = skewed(6000, 2)
    low, high = bounds.apply(forecast)
    top = forecast > np.quantile(forecast, 0.8)
    assert ((actual >= low) & (actual <= high))[top].mean() < 0.8


def windows(count: int, differ: float, rng: np.random.Generator) -> pd.DataFrame:
    """Windows whose customers all spend more, or less, than forecast, by what is drawn for the window."""
    forecast = rng.gamma(2.0, 40, 400 * count)
    origin = np.repeat(np.arange(count), 400)
    level = np.exp(rng.normal(0, differ, count))[origin]
    return pd.DataFrame(
        {"origin": origin, "chosen": forecast, "actual": forecast * level * rng.gamma(2.0, 0.5, len(origin))}
    )


@pytest.mark.parametrize("differ", [0.0, 0.4])
def test_where_windows_differ_intervals_hold_in_a_further_one_by_fifth(differ: float) -> None:
    rng, pooled, ours, spanned = np.random.default_rng(5), [], [], []
    for _ in range(60):
        frame = windows(4, differ, rng)
        known, new = frame[frame["origin"] < 3], frame[frame["origin"] == 3]
        forecast, actual = new["chosen"].to_numpy(), new["actual"].to_numpy()
        bounds = bounds_of(known, "chosen")
        spanned.append(bounds.windows_differ)
        plain = lifetime_value.conformal_bounds(known["chosen"].to_numpy(), known["actual"].to_numpy())
        for kept, by in ((ours, bounds), (pooled, plain)):
            table = lifetime_value.coverage(forecast, actual, {"conformal": by.apply(forecast)}, by)
            kept.append(table["covered"].to_numpy())
    held, error = np.mean(ours, axis=0), np.std(ours, axis=0, ddof=1) / np.sqrt(60)
    assert len(held) == 6
    assert (held > 0.9 - 3 * error).all()
    if differ:
        assert np.mean(spanned) > 0.95
        assert (np.mean(pooled, axis=0)[1:] < 0.9 - 3 * error[1:]).any(), "or there was nothing to mend"
    else:  # and where they do not differ nothing is widened but by chance
        assert np.mean(spanned) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
        assert (held < 0.9 + 0.01 + 3 * error).all()


def test_a_single_window_says_nothing_of_how_windows_differ() -> None:
    frame = windows(1, 0.4, np.random.default_rng(6))
    plain = lifetime_value.conformal_bounds(frame["chosen"].to_numpy(), frame["actual"].to_numpy())
    bounds = bounds_of(frame, "chosen")
    assert not bounds.windows_differ
    assert (bounds.low.tolist(), bounds.high.tolist()) == (plain.low.tolist(), plain.high.tolist())


@given(arrays(float, st.integers(1, 60), elements=st.floats(0, 1e6)), st.integers(0, 2**32 - 1))
def test_bounds_always_hold_the_forecast_and_are_never_below_zero(forecast, seed) -> None:
    actual = forecast * np.random.default_rng(seed).gamma(1, 1, len(forecast))
    low, high = lifetime_value.conformal_bounds(forecast, actual).apply(forecast)
    assert (low >= 0).all()
    assert (low <= forecast).all()
    assert (forecast <= high).all()
    assert np.isfinite(high).all()


def test_few_errors_give_the_most_extreme_ones() -> None:
    bounds = lifetime_value.conformal_bounds(np.full(5, 10.0), np.array([0.0, 8, 10, 11, 40]))
    assert (bounds.low[0], bounds.high[0]) == (-10, 30)


def test_the_models_own_intervals_cover_where_the_model_is_nearly_true() -> None:
    orders, _ = shop(900, seed=9)
    plan = lifetime_value.plan_origins(START, END, horizon_days=73)
    panel = lifetime_value.value_panel(orders, origins=plan.all, as_of=END, horizon_days=73)
    frame = lifetime_value.value_frame(panel)
    rows = frame[frame["origin"] == plan.test[-1]]
    low, high = lifetime_value.own_bounds(
        lifetime_value.fit_buying(rows, model="bg_nbd"), rows, horizon_days=73
    )
    inside = (rows["spend_ahead"] >= low - 1e-9) & (rows["spend_ahead"] <= high)
    assert 0.86 < inside.mean() < 0.985  # many begin at 0, so more than nine in ten hold


def test_calibration_points_lie_on_the_line_where_forecasts_are_right() -> None:
    rng = np.random.default_rng(3)
    forecast = rng.gamma(1, 50, 4000)
    rows = pd.DataFrame({"right": forecast, "actual": forecast * rng.exponential(1, 4000)})
    curve = lifetime_value.calibration(rows, "right")
    assert (len(curve), curve["customers"].sum()) == (10, 4000)
    assert ((curve["low"] <= curve["forecast"]) & (curve["forecast"] <= curve["high"])).sum() >= 8


def test_what_came_of_forecasts_of_nothing_is_told() -> None:
    frame = pd.DataFrame({"chosen": np.zeros(200), "actual": np.tile([0.0, 20.0], 100)})
    row = lifetime_value.calibration(frame, "chosen").iloc[0]
    assert (row["customers"], row["forecast"], row["actual"]) == (200, 0, 10)
    assert row["high"] - row["actual"] == pytest.approx(1.96 * 10.025 / np.sqrt(200), rel=1e-3)
    assert not len(lifetime_value.calibration(frame.iloc[:0], "chosen"))


def test_a_total_has_an_interval_from_past_totals_or_none() -> None:
    totals = pd.DataFrame({"expected": [100.0, 100, 100, 100], "actual": [90.0, 110, 100, 105]})
    low, high = lifetime_value.total_bounds(totals, 200.0)
    assert 100 < low < 200 < high < 320
    assert lifetime_value.total_bounds(totals.head(2), 200.0) is None
    assert lifetime_value.total_bounds(totals, 0.0) is None


def test_totals_cover_the_next_one() -> None:
    rng = np.random.default_rng(6)
    ratios = np.exp(rng.normal(0.1, 0.2, (400, 6)))
    ends = [
        lifetime_value.total_bounds(pd.DataFrame({"expected": np.ones(5), "actual": row[:5]}), 1.0)
        for row in ratios
    ]
    held = np.mean([low <= row[5] <= high for (low, high), row in zip(ends, ratios, strict=True)])
    assert held == pytest.approx(0.9, abs=0.05)


def rows_of(n: np.ndarray, mean: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"days": n, "gross": n * mean, "first_gross": mean})


def test_independence_is_judged_by_the_spread_of_group_means() -> None:
    rng = np.random.default_rng(2)
    n, value = rng.geometric(0.2, 5000), rng.gamma(4, 10, 5000)
    apart = lifetime_value.independence(rows_of(n, value))
    together = lifetime_value.independence(rows_of(n, value * (1 + n / 5)))
    assert apart.independent
    assert apart.spread < 1.1
    assert together.spread > MUCH
    assert not together.independent
    assert together.spearman > apart.spearman
    assert apart.first_ratio == pytest.approx(1)
    assert apart.groups["customers"].sum() == 5000


def test_customers_with_one_order_each_have_nothing_to_compare() -> None:
    independence = lifetime_value.independence(rows_of(np.ones(40, dtype=int), np.full(40, 9.0)))
    assert (independence.spread, independence.spearman, independence.first_ratio) == (None, None, None)
