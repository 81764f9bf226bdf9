"""Models of repeat purchases against published numbers, closed forms, each other, and planted truth."""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from cdnow import CUT_OFF
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta as beta_distribution

from crm_utils.errors import DataError, StudyError
from crm_utils.features.purchase_counts import distinct_counts, purchase_counts
from crm_utils.features.purchase_forecasts import expected_purchases
from crm_utils.features.purchase_likelihoods import Rows, beta_gradient, log_likelihood, pareto_parts
from crm_utils.features.purchase_models import MODELS, Purchases, fit_purchases

LEAVING = MODELS[1:]
TRUE = {"bg_nbd": (0.8, 9.0, 0.8, 2.5), "mbg_nbd": (0.8, 9.0, 0.8, 2.5), "pareto_nbd": (0.8, 9.0, 0.7, 10.0)}


@pytest.fixture(scope="session")
def counts(cdnow: ir.Table) -> pd.DataFrame:
    return distinct_counts(purchase_counts(cdnow, as_of=CUT_OFF))


@pytest.fixture(scope="session")
def fits(counts: pd.DataFrame) -> dict[str, Purchases]:
    return {model: fit_purchases(counts, model=model) for model in MODELS}


def simulated(model: str, customers: int, *, seed: int, weeks: float = 60.0) -> pd.DataFrame:
    """Counts of customers who buy and leave as the model says; in days, unrounded."""
    rng = np.random.default_rng(seed)
    r, alpha, c, d = TRUE[model]
    T = rng.uniform(20, weeks, customers)  # noqa: N806 - the field's own name
    rate = rng.gamma(r, 1 / alpha, customers)
    leaves = rng.gamma(c, 1 / d, customers) if model == "pareto_nbd" else rng.beta(c, d, customers)
    x, t_x = np.zeros(customers), np.zeros(customers)
    for k in range(customers):
        end = min(T[k], rng.exponential(1 / leaves[k])) if model == "pareto_nbd" else T[k]
        at = 0.0
        if model == "mbg_nbd" and rng.random() < leaves[k]:
            continue
        while (at := at + rng.exponential(1 / rate[k])) < end:
            x[k], t_x[k] = x[k] + 1, at
            if model != "pareto_nbd" and rng.random() < leaves[k]:
                break
    return pd.DataFrame({"x": x, "t_x": 7 * t_x, "T": 7 * T})


# --- published -------------------------------------------------------------------------------------------


def test_cdnow_has_the_published_counts(counts: pd.DataFrame) -> None:
    n = counts["customers"]
    assert (n.sum(), (n * counts["x"]).sum(), n[counts["x"] > 0].sum()) == (2357, 2457, 946)


@pytest.mark.parametrize(
    ("model", "params", "within", "likelihood"),
    [
        ("bg_nbd", (0.2426, 4.4136, 0.7929, 2.4259), 0.002, -9582.43),
        ("mbg_nbd", (0.5248, 6.183, 0.8914, 1.6140), 0.002, -9582.13),
        ("pareto_nbd", (0.5533, 10.578, 0.6062, 11.669), 0.01, -9594.98),
    ],
)
def test_cdnow_gives_the_published_parameters(fits, model, params, within, likelihood) -> None:
    fit = fits[model]
    assert list(fit.params.values()) == pytest.approx(params, abs=within)
    assert fit.log_likelihood == pytest.approx(likelihood, abs=0.01)
    assert fit.converged
    assert fit.hessian_ok
    assert fit.leaving_seen


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [(1 / 7, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.8580)],
)
def test_a_new_customer_of_cdnow_buys_as_often_as_published(fits, weeks, expected) -> None:
    new = pd.DataFrame({"x": [0], "t_x": [0], "T": [0]})
    assert fits["bg_nbd"].expected(new, horizon_days=7 * weeks)[0] == pytest.approx(expected, abs=1e-4)


def test_a_customer_of_cdnow_has_the_published_future(fits) -> None:
    one = pd.DataFrame({"x": [2], "t_x": [30.43 * 7], "T": [38.86 * 7]})
    assert fits["bg_nbd"].expected(one, horizon_days=39 * 7)[0] == pytest.approx(1.2259, abs=2e-4)
    assert fits["bg_nbd"].alive(one)[0] == pytest.approx(0.7266, abs=1e-4)


def test_large_counts_do_not_overflow() -> None:
    """Hardie's note 027."""
    rows = Rows(np.array([0.0, 200.0]), np.array([0.0, 38.0]), np.full(2, 40.0), np.ones(2))
    value, _ = log_likelihood("bg_nbd", np.array([0.25, 4, 0.8, 2.5]), rows)
    assert value == pytest.approx([-0.59947, 100.7957], abs=1e-4)


# --- closed forms ----------------------------------------------------------------------------------------


def pareto_closed_form(params, x, t_x, T):  # noqa: N803 - the field's own name
    """Equation 3 of P. Fader and B. Hardie, note 009 (2005)."""
    from scipy.special import gammaln

    r, alpha, s, beta = params
    most, longest = (s + 1, abs(alpha - beta)) if alpha >= beta else (r + x, abs(alpha - beta))
    far = max(alpha, beta)

    def term(t):
        power = r + s + x
        return hyp2f1(power, most, power + 1, longest / (far + t)) / (far + t) ** power

    start = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    there = 1 / ((alpha + T) ** (r + x) * (beta + T) ** s)
    return start + np.log(there + s / (r + s + x) * (term(t_x) - term(T)))


def test_quadrature_is_the_closed_form_on_cdnow(counts, fits) -> None:
    params = np.array(list(fits["pareto_nbd"].params.values()))
    rows = Rows.of(counts, unit_days=7)
    exact = pareto_closed_form(params, rows.x, rows.t_x, rows.T)
    assert np.abs(pareto_parts(params, rows)[0] - exact).max() < 1e-8


@pytest.mark.parametrize("x", [0, 1, 50, 5000, 10_000])
@pytest.mark.parametrize("params", [(0.5, 10, 0.6, 11), (3.0, 0.01, 0.6, 500.0), (0.5, 90.0, 5.0, 1e-3)])
def test_pareto_is_finite_for_the_most_frequent_buyers(x, params) -> None:
    rows = Rows(np.array([float(x)] * 3), np.array([1e-3, 5, 40.0]) * (x > 0), np.full(3, 40.0), np.ones(3))
    value, odds, slope = pareto_parts(np.array(params), rows, gradient=True)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    assert not np.isnan(odds).any()


@pytest.mark.parametrize("a", [0.05, 0.5, 1.0, 1.7, 40.0])
@pytest.mark.parametrize(("b", "x"), [(0.3, 0), (2.5, 1), (2.5, 40), (900.0, 400)])
def test_the_mean_over_leaving_is_the_integral(a, b, x) -> None:
    r, alpha, T, t = 0.7, 4.0, 30.0, 50.0  # noqa: N806 - the field's own name
    rows = Rows(np.array([float(x)]), np.array([min(x, 20.0)]), np.array([T]), np.ones(1))
    value = expected_purchases("bg_nbd", np.array([r, alpha, a, b]), rows, t)[0]

    # Over the beta's own quantiles nothing is singular.
    def inside(u: float) -> float:
        p = max(beta_distribution.ppf(u, a, b + x), 1e-300)
        return -np.expm1(-(r + x) * np.log1p(p * t / (alpha + T))) / p

    exact = quad(inside, 0, 1, limit=400, epsabs=1e-10, epsrel=1e-10)[0]
    assert value == pytest.approx(exact, rel=1e-6)


def test_expected_purchases_of_cdnow_are_the_closed_form(counts, fits) -> None:
    """Equation 10 of Fader, Hardie and Lee (2005), where the hypergeometric function is still exact."""
    fit, few = fits["bg_nbd"], counts[counts["x"] < 6]
    r, alpha, a, b = fit.params.values()
    x, T, t = few["x"], few["T"] / 7, 39.0  # noqa: N806
    shrunk = ((alpha + T) / (alpha + T + t)) ** (r + x) * hyp2f1(
        r + x, b + x, a + b + x - 1, t / (alpha + T + t)
    )
    exact = (a + b + x - 1) / (a - 1) * (1 - shrunk) * fit.alive(few)
    assert np.abs(fit.expected(few, horizon_days=7 * t) - exact).max() < 1e-8


@pytest.mark.parametrize("model", MODELS)
def test_gradients_are_those_of_the_likelihood(counts, model) -> None:
    rows = Rows.of(counts.iloc[::7], unit_days=30)
    point = np.array({"nbd": (0.6, 2.0), "pareto_nbd": (0.6, 2.0, 0.9, 1.4)}.get(model, (0.6, 2.0, 0.7, 1.9)))

    def whole(params: np.ndarray) -> float:
        return float(rows.weight @ log_likelihood(model, params, rows)[0])

    slope = (
        pareto_parts(point, rows, gradient=True)[2]
        if model == "pareto_nbd"
        else beta_gradient(model, point, rows)[1]
    )
    steps = [1e-5 * row for row in np.eye(len(point))]
    assert slope == pytest.approx([(whole(point + h) - whole(point - h)) / 2e-5 for h in steps], rel=1e-5)


# --- what must hold of any fit -----------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_rows_and_weights_give_the_same(counts, fits, model) -> None:
    rows = counts.loc[counts.index.repeat(counts["customers"]), ["x", "t_x", "T"]]
    shuffled = rows.sample(frac=1, random_state=3)
    again = fit_purchases(shuffled, model=model)
    assert again.log_likelihood == pytest.approx(fits[model].log_likelihood, abs=1e-6)
    assert list(again.params.values()) == pytest.approx(list(fits[model].params.values()), rel=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_days_weeks_and_months_forecast_the_same(counts, fits, model) -> None:
    for unit_days in (1, 365.25 / 12):
        other = fit_purchases(counts, model=model, unit_days=unit_days)
        for what in ("expected", "chance_of_none"):
            here = getattr(fits[model], what)(counts, horizon_days=91)
            assert getattr(other, what)(counts, horizon_days=91) == pytest.approx(here, rel=1e-6)
        assert other.alive(counts) == pytest.approx(fits[model].alive(counts), rel=1e-6)


@pytest.mark.parametrize("model", LEAVING)
def test_no_fit_is_worse_than_the_model_within_it(fits, model) -> None:
    assert fits[model].log_likelihood >= fits[model].without_leaving == fits["nbd"].log_likelihood


@pytest.mark.parametrize("model", MODELS)
def test_draws_have_the_expected_mean_and_share_of_none(counts, fits, model) -> None:
    draws = fits[model].draw(counts, horizon_days=273, size=1500, seed=11)
    error = draws.std(axis=0).mean() / np.sqrt(draws.size)
    expected = fits[model].expected(counts, horizon_days=273)
    assert draws.mean() == pytest.approx(expected.mean(), abs=4 * max(error, expected.mean() * 1e-3))
    none = fits[model].chance_of_none(counts, horizon_days=273)
    assert (draws == 0).mean() == pytest.approx(none.mean(), abs=4 * 0.5 / np.sqrt(draws.size))
    assert (fits[model].draw(counts, horizon_days=273, size=3, seed=11)).shape == (3, len(counts))


@pytest.mark.parametrize("model", MODELS)
def test_chances_are_chances_and_longer_horizons_bring_more(counts, fits, model) -> None:
    fit = fits[model]
    short, long = fit.expected(counts, horizon_days=30), fit.expected(counts, horizon_days=300)
    assert (short >= 0).all()
    assert (long > short).all()
    for chance in (fit.alive(counts), fit.chance_of_none(counts, horizon_days=91)):
        assert ((chance >= 0) & (chance <= 1)).all()
    assert (fit.chance_of_none(counts, horizon_days=91) >= 1 - fit.alive(counts) - 1e-9).all()


@pytest.mark.parametrize("model", LEAVING)
def test_planted_parameters_come_back(model) -> None:
    fit = fit_purchases(simulated(model, 12_000, seed=5), model=model)
    r, alpha, c, d = TRUE[model]
    got = list(fit.params.values())
    at = {"r": (got[0], r), "rate": (got[1] / got[0], alpha / r)}
    if model == "pareto_nbd":
        at |= {"s": (got[2], c), "leaving_rate": (got[3] / got[2], d / c)}
    else:
        at |= {"leaving_share": (got[2] / got[3], c / d), "a_plus_b": (got[2] + got[3], c + d)}
    for name, (estimate, truth) in at.items():
        assert abs(np.log(estimate / truth)) < 3.3 * fit.log_errors[name], name
    assert fit.leaving_seen


def test_where_nobody_leaves_it_is_said_and_nbd_is_as_good() -> None:
    rng = np.random.default_rng(8)
    T = np.full(4000, 300.0)  # noqa: N806 - the field's own name
    x = rng.poisson(rng.gamma(1.5, 1 / 20.0, 4000) * T)
    t_x = np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0)
    rows = pd.DataFrame({"x": x, "t_x": t_x, "T": T})
    for model in LEAVING:
        fit = fit_purchases(rows, model=model)
        assert not fit.leaving_seen
        assert fit.log_likelihood - fit.without_leaving < 6
        assert fit.alive(rows).mean() > 0.98


def test_the_better_optimum_wins_on_frequent_buyers() -> None:
    """Groceries: dozens of purchases a customer, hardly anyone leaves; Pareto/NBD has false optima there."""
    rng = np.random.default_rng(4)
    n, T = 1500, 360.0  # noqa: N806 - the field's own name
    rate, life = rng.gamma(1.6, 0.15 / 1.6, n), rng.exponential(1 / rng.gamma(0.6, 1 / 2000.0, n))
    seen = np.minimum(life, T)
    x = rng.poisson(rate * seen)
    t_x = np.where(x > 0, seen * rng.beta(np.maximum(x, 1), 1), 0)
    rows = pd.DataFrame({"x": x, "t_x": t_x, "T": T})
    fit = fit_purchases(rows, model="pareto_nbd", unit_days=1)
    truth = pareto_parts(np.array([1.6, 1.6 / 0.15, 0.6, 2000.0]), Rows.of(rows))[0].sum()
    assert fit.log_likelihood >= truth
    assert fit.log_likelihood >= fit.without_leaving


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 300), st.integers(0, 300)), min_size=1))
def test_any_counts_are_fitted_or_refused_in_words(rows) -> None:
    frame = pd.DataFrame([(x, t if x else 0, t + more) for x, t, more in rows], columns=["x", "t_x", "T"])
    for model in MODELS:
        if not frame["x"].sum():
            with pytest.raises(DataError, match="nobody bought on a second day"):
                fit_purchases(frame, model=model)
            continue
        fit = fit_purchases(frame, model=model)
        assert np.isfinite(fit.expected(frame, horizon_days=91)).all()
        assert np.isfinite(fit.log_likelihood)


# --- bad input --------------------------------------------------------------------------------------


def frame_of(**columns) -> pd.DataFrame:
    return pd.DataFrame({"x": [1, 2], "t_x": [5, 6], "T": [9, 9]} | columns)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (frame_of(x=[0, 0], t_x=[0, 0]), "nobody bought on a second day"),
        (frame_of(t_x=[0, 0]), "no time between the first and the last"),
        (frame_of(t_x=[5, 10]), "a purchase after the last day that is known"),
        (frame_of(x=[1, -2]), "finite and not negative"),
        (frame_of(T=[9, np.nan]), "finite and not negative"),
        (frame_of().iloc[:0], "Of 0 customers"),
    ],
)
def test_bad_counts_are_refused_in_words(rows, says) -> None:
    with pytest.raises(DataError, match=says):
        fit_purchases(rows)


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(StudyError, match="There is no model 'bgnbd'"):
        fit_purchases(frame_of(), model="bgnbd")


def test_a_customer_of_ten_thousand_orders_and_one_of_today_are_no_trouble() -> None:
    rows = pd.DataFrame({"x": [10_000, 0, 3, 1], "t_x": [10_500, 0, 40, 9], "T": [10_500, 0, 50, 700]})
    for model in MODELS:
        fit = fit_purchases(rows, model=model)
        assert np.isfinite(fit.expected(rows, horizon_days=91)).all()
        assert fit.expected(rows, horizon_days=91)[0] == pytest.approx(86, abs=6)
