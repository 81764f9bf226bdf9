"""The value of an order against published numbers and planted truth."""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import pytest
from cdnow import CUT_OFF

from crm_utils.errors import DataError
from crm_utils.features import known_orders
from crm_utils.features.order_value import fit_shrunk_mean, fit_value
from crm_utils.features.purchase_counts import purchase_counts
from crm_utils.features.purchase_models import fit_purchases


def test_cdnow_gives_the_published_values(cdnow: ir.Table) -> None:
    frame = known_orders(cdnow, as_of=CUT_OFF).to_pyarrow().to_pandas()
    frame["amount"] = frame["amount"].astype(float)
    days = frame.groupby(["customer_id", "ordered_at"])["amount"].sum().reset_index()
    repeats = days[days.groupby("customer_id").cumcount() > 0].groupby("customer_id")["amount"]
    value, n = repeats.mean().to_numpy(), repeats.size().to_numpy(dtype=float)
    fit = fit_value(value, n)
    assert (fit.p, fit.q, fit.v) == pytest.approx((6.249, 3.745, 15.448), abs=0.01)
    assert np.corrcoef(n, value)[0, 1] == pytest.approx(0.1139, abs=1e-4)
    assert fit.expected(value[:1], n[:1])[0] == pytest.approx(24.66, abs=0.01)
    assert fit.converged


def planted(customers: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, numbers and sums of squares of orders with p 6, q 4, γ 30."""
    rng = np.random.default_rng(seed)
    n = rng.geometric(0.3, customers)
    rate = rng.gamma(4.0, 1 / 30.0, customers)
    orders = rng.gamma(6.0, 1.0, n.sum()) / np.repeat(rate, n)
    who = np.repeat(np.arange(customers), n)
    return np.bincount(who, orders) / n, n.astype(float), np.bincount(who, orders**2)


def test_days_weeks_and_months_give_the_same_money(cdnow: ir.Table) -> None:
    known = known_orders(cdnow, as_of=CUT_OFF)
    spent = known.group_by("customer_id").aggregate(gross=known.amount.sum().cast("float64"))
    counts = purchase_counts(cdnow, as_of=CUT_OFF).inner_join(spent, "customer_id")
    rows = counts.order_by("customer_id").to_pyarrow().to_pandas()
    n = rows["x"].to_numpy(dtype=float) + 1
    values = fit_shrunk_mean(rows["gross"].to_numpy() / n, n, rows["gross"].to_numpy() ** 2).expected(
        rows["gross"].to_numpy() / n, n
    )
    money = [
        float(values @ fit_purchases(rows, model="mbg_nbd", unit_days=unit).expected(rows, horizon_days=91))
        for unit in (1, 7, 365.25 / 12)
    ]
    assert money == pytest.approx([money[0]] * 3, rel=1e-6)


def test_planted_values_come_back_and_the_currency_does_not_matter() -> None:
    value, n, _ = planted(20_000, 2)
    fit, won = fit_value(value, n), fit_value(1400 * value, n)
    assert (fit.p, fit.q, fit.v) == pytest.approx((6, 4, 30), rel=0.06)
    assert fit.mean == pytest.approx(60, rel=0.02)
    assert won.expected(1400 * value, n) == pytest.approx(1400 * fit.expected(value, n), rel=1e-5)


def test_draws_of_totals_have_the_expected_mean() -> None:
    value, n, _ = planted(500, 3)
    fit = fit_value(value, n)
    totals = fit.draw_totals(np.full((400, 500), 2), value, n, seed=1)
    assert totals.mean() == pytest.approx(2 * fit.expected(value, n).mean(), rel=0.02)
    assert (fit.draw_totals(np.zeros((3, 500), dtype=int), value, n, seed=1) == 0).all()


def test_of_nobody_known_the_mean_is_expected() -> None:
    value, n, _ = planted(3000, 4)
    fit = fit_value(value, n)
    assert fit.expected(np.array([np.nan]), np.array([0.0]))[0] == pytest.approx(fit.mean)


def test_the_shrunk_mean_forecasts_about_as_well_as_the_model() -> None:
    """Gamma-Gamma's own mean is linear in the mean seen, so the rival can match it."""
    value, n, squares = planted(8000, 6)
    fit, shrunk = fit_value(value, n), fit_shrunk_mean(value, n, squares)
    assert shrunk.own_weight == pytest.approx((fit.q - 1) / fit.p, rel=0.5)
    assert np.mean((shrunk.expected(value, n) - fit.expected(value, n)) ** 2) < 0.05 * np.var(value)


def test_equal_customers_are_shrunk_to_the_mean_and_bad_values_refused() -> None:
    rng = np.random.default_rng(1)
    orders = rng.normal(50, 5, (400, 4))
    shrunk = fit_shrunk_mean(orders.mean(axis=1), np.full(400, 4.0), (orders**2).sum(axis=1))
    assert shrunk.own_weight > 20
    with pytest.raises(DataError, match="no order value to learn"):
        fit_value(np.array([-1.0, 0.0]), np.ones(2))
