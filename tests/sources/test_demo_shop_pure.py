"""The pure world against closed forms: BG/NBD (Fader, Hardie, Lee, 2005), Gamma-Gamma (note 025, 2013)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from demo import DemoShop, load_demo
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1, polygamma
from scipy.stats import chi2, kstest

from crm_utils.sources.demo_shop.worlds import PURE

pytestmark = pytest.mark.slow
WEEK = 7 * 86_400.0
CUSTOMERS = 10_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DemoShop:
    return load_demo(tmp_path_factory.mktemp("pure"), world="pure", customers=CUSTOMERS)


@pytest.fixture(scope="module")
def orders(shop: DemoShop) -> pd.DataFrame:
    """Each order with its value and its weeks after the customer's first."""
    return shop.sql(f"""
        WITH orders AS (
            SELECT customer_id, sum(amount)::DOUBLE AS value, epoch(min(ordered_at)) AS moment
            FROM order_lines GROUP BY customer_id, order_id)
        SELECT customer_id, value, (moment - min(moment) OVER (PARTITION BY customer_id)) / {WEEK} AS week
        FROM orders ORDER BY customer_id, week""")


def counts(orders: pd.DataFrame, weeks: float) -> np.ndarray:
    """Repeat purchases of every customer in the first weeks; all are seen for at least 52."""
    within = orders[(orders["week"] > 0) & (orders["week"] <= weeks)].groupby("customer_id").size()
    return within.reindex(orders["customer_id"].unique(), fill_value=0).to_numpy()


def chance_of(x: int, t: float) -> float:
    """P(X(t) = x), equation (8) of Fader, Hardie and Lee."""
    r, alpha, a, b = PURE.r, PURE.alpha_weeks, PURE.a, PURE.b

    def term(j: int) -> float:
        return float(np.exp(gammaln(r + j) - gammaln(r) - gammaln(j + 1)) * (alpha / (alpha + t)) ** r
                     * (t / (alpha + t)) ** j)  # fmt: skip

    stays = np.exp(betaln(a, b + x) - betaln(a, b)) * term(x)
    if x == 0:
        return float(stays)
    return float(
        stays + np.exp(betaln(a + 1, b + x - 1) - betaln(a, b)) * (1 - sum(term(j) for j in range(x)))
    )


def expected(t: float) -> float:
    """E[X(t)], equation (9)."""
    r, alpha, a, b = PURE.r, PURE.alpha_weeks, PURE.a, PURE.b
    shrunk = (alpha / (alpha + t)) ** r * hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return float((a + b - 1) / (a - 1) * (1 - shrunk))


@pytest.mark.parametrize("weeks", [4, 13, 26, 52])
def test_repeat_purchases_have_the_closed_forms_mean(orders: pd.DataFrame, weeks: int) -> None:
    x = counts(orders, weeks)
    assert x.mean() == pytest.approx(expected(weeks), abs=3.5 * x.std() / np.sqrt(CUSTOMERS))


@pytest.mark.parametrize("weeks", [13, 52])
@pytest.mark.parametrize("x", [0, 1, 2, 5])
def test_so_many_repeat_purchases_are_as_frequent_as_the_closed_form_says(
    orders: pd.DataFrame, weeks: int, x: int
) -> None:
    chance = chance_of(x, weeks)
    share = (counts(orders, weeks) == x).mean()
    assert share == pytest.approx(chance, abs=3.5 * np.sqrt(chance * (1 - chance) / CUSTOMERS))


def test_the_planted_parameters_are_as_likely_as_the_best(orders: pd.DataFrame, shop: DemoShop) -> None:
    """Likelihood ratio of the maximum against the truth: chi-squared with 4 degrees of freedom."""
    repeats = orders[orders["week"] > 0].groupby("customer_id")["week"].agg(["size", "max"])
    seen = shop.sql(f"""
        SELECT customer_id, (epoch(TIMESTAMP '2026-01-01') - epoch(min(ordered_at))) / {WEEK} AS weeks
        FROM order_lines GROUP BY 1""").set_index("customer_id")["weeks"]
    repeats = repeats.reindex(seen.index, fill_value=0)
    x, last, weeks = repeats["size"].to_numpy(), repeats["max"].to_numpy(), seen.to_numpy()

    def loss(log_parameters: np.ndarray) -> float:
        r, alpha, a, b = np.exp(log_parameters)
        start = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        here = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + weeks)
        gone = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + last)
        return -float(np.sum(start + np.logaddexp(here, np.where(x > 0, gone, -np.inf))))

    truth = np.log([PURE.r, PURE.alpha_weeks, PURE.a, PURE.b])
    best = minimize(
        loss, truth, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-3, "maxiter": 2000}
    )
    assert best.success
    assert 2 * (loss(truth) - best.fun) < chi2.ppf(0.999, 4)
    assert np.exp(best.x[:2]) == pytest.approx([PURE.r, PURE.alpha_weeks], rel=0.12)


def test_values_are_gamma_gamma(orders: pd.DataFrame) -> None:
    p, q, gamma = PURE.p, PURE.q, PURE.gamma_won
    value = orders.groupby("customer_id")["value"]
    first, second = value.nth(0).to_numpy(), value.nth(1).to_numpy()
    mean = p * gamma / (q - 1)
    assert first.mean() == pytest.approx(mean, abs=3.5 * first.std() / np.sqrt(len(first)))
    # Gamma(p, ν) with ν ~ Gamma(q, γ), taken over customers: γ times a beta prime with shapes p and q.
    assert kstest(first / gamma, "betaprime", args=(p, q)).pvalue > 0.001
    assert len(second) > 3000
    assert kstest(second / gamma, "betaprime", args=(p, q)).pvalue > 0.001


def test_a_customers_values_share_a_mean_and_do_not_follow_the_frequency(orders: pd.DataFrame) -> None:
    by_customer = orders.groupby("customer_id")["value"]
    twice = by_customer.size() >= 2
    pair = pd.DataFrame(
        {"a": by_customer.nth(0).to_numpy()[twice.to_numpy()], "b": by_customer.nth(1).to_numpy()}
    )
    # 1/ν of a customer is common to both: log values differ by two log-gamma errors, and share log 1/ν.
    within, between = float(polygamma(1, PURE.p)), float(polygamma(1, PURE.q))
    logs = np.log(pair)
    assert logs["a"].corr(logs["b"]) == pytest.approx(between / (between + within), abs=0.04)
    assert np.corrcoef(np.log(by_customer.mean()), by_customer.size())[0, 1] == pytest.approx(0, abs=0.04)


def test_who_left_has_no_order_after(shop: DemoShop) -> None:
    late = shop.sql("""
        SELECT count(*) n FROM order_lines JOIN true_customers USING (customer_id)
        WHERE ordered_at > left_at""")
    assert late["n"][0] == 0
    left = shop.sql("SELECT avg((left_at IS NOT NULL)::INT) AS share FROM true_customers")["share"][0]
    assert 0.1 < left < 0.9


def test_an_order_is_its_value_in_whole_won(tmp_path: Path) -> None:
    shop = load_demo(tmp_path, world="pure", customers=50)
    lines = shop.sql("SELECT amount, quantity, discount FROM order_lines")
    assert (lines["amount"] % 1 == 0).all()
    assert (lines["amount"] >= 0).all()
    assert set(lines["quantity"]) == {1}
