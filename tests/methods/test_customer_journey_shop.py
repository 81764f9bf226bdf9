"""What was planted in the simulated shop's journeys is recovered from its tables alone."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from demo import DemoShop

from crm_utils import engine, tables
from crm_utils.features import all_messages
from crm_utils.methods import customer_journey as journey
from crm_utils.sources.demo_shop.worlds import CARTS, DATES
from crm_utils.tables import TABLES, AsOf

pytestmark = pytest.mark.slow

DAY = dt.date(2025, 12, 31)
SPAN = {"as_of": DAY, "days": 364}


@pytest.fixture(scope="module")
def shop(demo_shop: DemoShop) -> SimpleNamespace:
    con = engine.connect()
    end = AsOf.parse(DAY)
    names = ("order_lines", "events", "messages", "marketing_costs", "products", "customers")
    given = {
        name: tables.cut(engine.read(con, demo_shop.snapshot.path(name)), TABLES[name], end) for name in names
    }
    given["orders"] = tables.orders(given["order_lines"]).cache()
    visits, made = journey.visits_of(given["events"], gap_minutes=30)
    sent = given["messages"]
    none = sent.filter(ibis.literal(False)).select("customer_id", "scenario", "sent_at", "held_out")
    return SimpleNamespace(visits=visits, made=made, all=all_messages(sent, none).cache(), **given)


@pytest.fixture(scope="module")
def study(shop: SimpleNamespace) -> journey.CreditStudy:
    result = journey.credit_study(shop.visits, shop.all, shop.orders, lookback_days=28, **SPAN)
    assert result is not None
    return result


def test_robots_and_mixed_ids_are_found(shop: SimpleNamespace, demo_shop: DemoShop) -> None:
    rule = demo_shop.sql(
        "SELECT session_id FROM events WHERE event = 'view' GROUP BY 1 HAVING count(*) >= 400"
    )
    assert shop.made.robots == len(rule)
    assert shop.made.agreement > 0.99
    assert shop.made.mixed > 100


def test_the_week_of_the_broken_tag_is_named(shop: SimpleNamespace) -> None:
    seen = journey.coverage({"orders": shop.orders, "events": shop.events})
    week = [DATES.tag_starts + dt.timedelta(days=k) for k in range(DATES.tag_days)]
    assert seen.silent == week


def test_the_best_delay_is_four_hours(shop: SimpleNamespace, demo_shop: DemoShop) -> None:
    delays = journey.delays_of(shop.messages, shop.events, shop.orders, as_of=DAY, within_days=7)
    assert delays is not None
    assert delays.best["hours"].round().tolist() == [CARTS.delays[int(np.argmax(CARTS.lifts))]]
    truth = demo_shop.sql(
        """SELECT variant, avg("with" - without) AS effect FROM true_scenarios
        WHERE scenario = 'cart_reminder' GROUP BY 1"""
    ).set_index("variant")["effect"]
    table = delays.table.set_index("variant")
    # Any order counts here, the truth is about the cart's product: those who order something else anyway
    # cannot be won twice, which makes the lift at most a sixth smaller.
    assert table.loc["b", "low"] < truth["b"] < table.loc["b", "high"] * 1.2
    for other in "ac":
        assert table.loc[other, "low"] < truth[other] < table.loc[other, "high"]


def test_the_leak_of_payments_is_the_costliest_sudden_one(shop: SimpleNamespace) -> None:
    seen = journey.coverage({"orders": shop.orders, "events": shop.events})
    result = journey.leaks_of(shop.visits, shop.orders, margin_share=0.45, silent=seen.silent, **SPAN)
    assert result is not None
    sudden = result.table[result.table["leak"] == "sudden"]
    first = sudden[["segment", "step", "next_step"]].iloc[0].tolist()
    assert first == ["app", "checkout", "purchase"]
    assert len(sudden) <= 3  # weeks with and without advertising differ as well, and a false one is allowed
    row, last = sudden.iloc[0], CARTS.leak_starts + dt.timedelta(days=CARTS.leak_days - 1)
    assert abs((row["starts_on"] - CARTS.leak_starts).days) <= 6
    assert abs((row["ends_on"] - last).days) <= 6
    assert row["ended"]


def test_one_paid_source_brings_visits_and_the_other_takes_them(
    shop: SimpleNamespace, demo_shop: DemoShop
) -> None:
    silent = [DATES.tag_starts + dt.timedelta(days=k) for k in range(DATES.tag_days)]
    rows = journey.sources_of(shop.visits, shop.marketing_costs, silent=silent, as_of=DAY).set_index("source")
    true = demo_shop.sql("SELECT sum(extra) AS n FROM true_visits WHERE instagram")["n"][0]
    brings, takes = rows.loc["instagram / cpc"], rows.loc["naver / brand_search"]
    assert brings["low"] > 0
    assert brings["low"] < true < brings["high"]
    assert takes["low"] < 0 < takes["high"] < takes["credit"]


def test_second_orders_are_told_by_the_first_category(shop: SimpleNamespace) -> None:
    firsts = journey.first_orders(
        shop.orders, lines=shop.order_lines, products=shop.products, customers=shop.customers,
        history_starts=dt.date(2024, 1, 1),
    )  # fmt: skip
    result = journey.second_orders(firsts, as_of=DAY)
    assert result is not None
    groups = result.by["category"].groups.sort_values("median")["group"].tolist()
    assert (groups[0], groups[-1]) == ("언더웨어", "아우터")  # socks and underwear, coats and jackets
    assert result.tests.set_index("by").loc["category", "q"] < 0.001


def test_every_rule_credits_the_campaign_that_nobody_got_and_the_lift_does_not(
    study: journey.CreditStudy,
) -> None:
    placebo = study.placebo
    assert set(placebo["rule"]) == set(journey.SHOWN_RULES)
    assert (placebo["low"] > 0).all()
    assert placebo["lift_low"].iloc[0] < 0 < placebo["lift_high"].iloc[0]


@pytest.mark.parametrize("scenario", ["birthday", "early_access", "newsletter"])
def test_scenarios_that_do_nothing_are_credited_and_not_lifted(
    study: journey.CreditStudy, scenario: str
) -> None:
    rows = study.table[study.table["campaign_id"] == scenario].set_index("rule")
    assert rows.loc["markov", "low"] > 50
    assert rows["lift_low"].iloc[0] < 0 < rows["lift_high"].iloc[0]


def test_lifts_hold_the_truth(study: journey.CreditStudy, demo_shop: DemoShop) -> None:
    """Campaigns whose both outcomes are known, over the whole of those sent."""
    true = demo_shop.sql(
        """SELECT scenario, sum("with" - without) AS n FROM true_scenarios
        WHERE NOT held_out AND without >= 0 AND scenario = 'restock' GROUP BY 1"""
    )["n"]
    row = study.table[study.table["campaign_id"] == "restock (stand-in)"].iloc[0]
    # Within 14 days in the truth; whoever is won then is not won again in 28.
    assert row["lift_low"] < float(true.iloc[0]) < row["lift_high"]


def test_calibration_beats_last_touch_and_is_no_worse_than_clicks_beyond_chance(
    study: journey.CreditStudy,
) -> None:
    """In this shop 95 % of orders that a message brings are clicked: clicks in a week are near the truth."""
    rows = study.calibration.table.set_index("rule")
    best = rows["off_calibrated"].min()
    assert best < rows.loc["last", "off"]
    assert best < rows.loc["last_non_direct", "off"]
    assert best < rows.loc["click_7", "off"] + study.calibration.error / np.sqrt(
        rows.loc["click_7", "campaigns"]
    )
    assert isinstance(study.verified, pd.DataFrame)
