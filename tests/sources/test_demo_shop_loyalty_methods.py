"""Notebook 10's methods on simulated shops that nobody looked at before: do they recover what was planted?"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from demo import DemoShop, load_demo

from crm_utils import engine, features, tables
from crm_utils.methods import loyalty
from crm_utils.sources.demo_shop.worlds import LOYAL
from crm_utils.tables import TABLES, AsOf

pytestmark = pytest.mark.slow

DAY = dt.date(2025, 12, 31)
SEEDS = (4_538_595, 28_563, 1_221_573)  # drawn by chance after the tests were written as they stand
RULE = "; ".join(
    f"spend_{LOYAL.window_days}d >= {cut}: {tier}"
    for cut, tier in ((LOYAL.silver, "실버"), (LOYAL.gold, "골드"))
)


class Judged:
    """A shop and what the methods say of it."""

    def __init__(self, shop: DemoShop) -> None:
        self.shop, con = shop, engine.connect()
        self.tables = {
            name: tables.cut(engine.read(con, shop.snapshot.path(name)), TABLES[name], AsOf.parse(DAY))
            for name in shop.snapshot.tables
        }
        lines = self.tables["order_lines"]
        self.orders = tables.orders(lines).cache()
        facts = features.shop_facts(lines, as_of=DAY, history_starts=dt.date(2024, 1, 1))
        made = loyalty.programme(
            self.tables["points"], self.tables["tiers"], self.tables["referrals"], rule=RULE
        )
        self.page = loyalty.tier_page(lines, self.orders, self.tables["tiers"], made, facts=facts)
        self.owed = loyalty.count_points(self.tables["points"], self.orders, as_of=DAY)
        self.friends = loyalty.referral_page(
            self.tables["referrals"], self.orders, lines, facts=facts, as_of=DAY, days=182,
            events=self.tables["events"], products=self.tables["products"],
            customers=self.tables["customers"],
        )  # fmt: skip


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    def load(seed: int) -> Judged:
        folder: Path = tmp_path_factory.mktemp("loyal") / str(seed)
        return Judged(load_demo(folder, customers=10_000, seed=seed))

    return [load(seed) for seed in SEEDS]


def test_the_rule_gives_the_recorded_tiers(judged: list[Judged]) -> None:
    for one in judged:
        assert one.page.tiers == ("패밀리", "실버", "골드")
        assert one.page.wrong == 0
        assert one.page.judged > 10_000


def test_the_cut_that_customers_aim_at_is_refused_and_the_other_is_told(judged: list[Judged]) -> None:
    """Silver is topped up to by half of those near it; gold brings an order, and nobody knows its cut.

    One shop finds an order more or less in nine of ten draws only, so the three together are held against the
    truth: their mean within 3.3 of its standard errors, and 3 of them above nothing.
    """
    effects, errors, truths, held = [], [], [], []
    for one in judged:
        silver, gold = one.page.thresholds
        assert silver.verdict == "aimed_at"
        assert silver.bunching.seen
        assert gold.verdict in ("effect", "not_shown")
        assert gold.jump is not None
        near = one.shop.sql(f"""
            SELECT avg(would) AS effect FROM true_reviews
            WHERE paid BETWEEN {LOYAL.gold - 100_000} AND {LOYAL.gold + 100_000}""")["effect"][0]
        effects.append((gold.jump.low + gold.jump.high) / 2)
        errors.append((gold.jump.high - gold.jump.low) / 2 / 1.96)
        truths.append(near)
        held.append(gold.jump.low <= near <= gold.jump.high)
    error = np.sqrt(np.square(errors).sum()) / len(judged)
    assert abs(np.mean(effects) - np.mean(truths)) < 3.3 * error
    assert np.mean(effects) > 3 * error
    assert sum(held) >= 2  # of three intervals of 95 %: two or more in 99 of 100 draws


def test_who_topped_up_is_as_many_as_gather_above_the_cut(judged: list[Judged]) -> None:
    """The excess is those who topped up, less those who landed beyond the window of four bins."""
    for one in judged:
        topped = one.shop.sql("SELECT sum(topped_up::INT) AS n FROM true_reviews")["n"][0]
        excess = one.page.thresholds[0].bunching
        assert excess.low < topped
        assert excess.excess > 0.4 * topped


def test_a_made_up_line_below_the_first_tier_shows_a_multiple_and_no_jump(judged: list[Judged]) -> None:
    for one in judged:
        assert one.page.placebo.times.low > 1.3
        assert one.page.placebo.cut < LOYAL.silver
    # Three tests at 5 %: none rejects in 86 of 100 draws, at most one in 99.
    assert sum(one.page.placebo.jump.p < 0.05 for one in judged) <= 1


def test_points_are_worth_less_than_the_flat_rate_and_looks_back_hold(judged: list[Judged]) -> None:
    held, errors, flat = [], [], []
    for one in judged:
        assert one.owed.liability is not None
        assert one.owed.backtest is not None
        assert one.owed.liability.flat > 1.3 * one.owed.liability.high
        held += one.owed.backtest.table["held"].tolist()
        errors.append(one.owed.backtest.error)
        flat.append(one.owed.backtest.flat_error)
    # Quarters of one shop overlap, so that they fail together: a shop may be lost, not two.
    assert np.mean(held) >= 2 / 3
    assert max(errors) < 0.35
    assert min(flat) > 2 * max(errors)


def test_balances_are_the_sums_of_open_lots(judged: list[Judged]) -> None:
    for one in judged:
        balance = one.shop.sql("SELECT sum(points)::BIGINT AS n FROM points")["n"][0]
        assert one.owed.liability is not None
        assert one.owed.liability.outstanding == balance


def test_the_referred_pay_full_prices_and_stay_no_longer(judged: list[Judged]) -> None:
    """Margin of one to three points more of what is paid; as many come again as of those won in the store."""
    for one in judged:
        value = one.friends.value
        assert value is not None
        assert value.rate.low < 0.03
        assert value.rate.high > 0.01
        assert value.rate.low > 0
        store = value.origins.set_index("origin").loc["매장 방문"]
        error = (store["again_high"] - store["again_low"]) / 2 / 1.96
        assert abs(store["again"]) < 3.3 * error


def test_who_refers_themselves_is_suspected(judged: list[Judged]) -> None:
    for one in judged:
        assert one.friends.suspicious is not None
        seen = one.friends.suspicious.to_pandas()
        truth = one.shop.sql("SELECT customer_id, fraud FROM true_referrals")
        both = seen.merge(truth, on="customer_id")
        # In a week whose sessions are lost nobody sees it.
        assert ((both["shared"] == 1) == both["fraud"]).mean() > 0.99
