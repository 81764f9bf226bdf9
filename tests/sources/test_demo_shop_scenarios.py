"""The simulated shop's scenarios: each planted number recovered from messages and orders alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demo import DemoShop

from crm_utils.sources.demo_shop.worlds import WRITES

pytestmark = pytest.mark.slow


def orders_after(shop: DemoShop, where: str, days: float, since: str = "sent_at") -> pd.DataFrame:
    """A row a message: held out or not, and the orders in so many days after."""
    return shop.sql(f"""
        WITH o AS (SELECT customer_id, order_id, min(ordered_at) AS at FROM order_lines
                   WHERE quantity > 0 AND customer_id IS NOT NULL GROUP BY ALL)
        SELECT m.message_id, any_value(held_out) AS held, count(o.order_id) AS orders
        FROM messages m LEFT JOIN o ON o.customer_id = m.customer_id
            AND o.at > {since} AND o.at < {since} + to_hours({round(days * 24)})
        WHERE {where} GROUP BY 1""")


def effect(rows: pd.DataFrame) -> tuple[float, float]:
    sent, held = (rows.loc[rows["held"] == flag, "orders"] for flag in (False, True))
    return sent.mean() - held.mean(), float(np.sqrt(sent.var() / len(sent) + held.var() / len(held)))


def true_effect(shop: DemoShop, scenario: str) -> float:
    gain = shop.sql(f"""
        SELECT avg("with" - without) AS gain FROM true_scenarios
        WHERE scenario = '{scenario}' AND without >= 0""")
    return float(gain["gain"][0])


def test_a_birthday_brings_nothing(demo_shop: DemoShop) -> None:
    rows = orders_after(demo_shop, "scenario = 'birthday'", 28)
    gain, error = effect(rows)
    assert abs(gain) < 4 * error
    assert true_effect(demo_shop, "birthday") == 0
    assert len(rows) > 3_000
    assert rows["held"].mean() == pytest.approx(WRITES.birthday_held, abs=0.035)


def test_early_access_brings_orders_forward_and_none_more(demo_shop: DemoShop) -> None:
    first, whole = (orders_after(demo_shop, "scenario = 'early_access'", days) for days in (7, 28))
    gain, error = effect(first)
    truth = true_effect(demo_shop, "early_access")
    assert error < truth / 4  # so that it shows in nearly any shop of this size
    assert abs(gain - truth) < 4 * error
    gain, error = effect(whole)
    assert abs(gain) < 4 * error
    # Of those held out with an order in the 8th to 28th day, the planted share would have come sooner.
    held, before = whole[whole["held"]], orders_after(demo_shop, "scenario = 'early_access'", 8)
    later = held.merge(before, on="message_id")
    some = (later["orders_x"] > later["orders_y"]).mean()
    share, spread = truth / some, np.sqrt(some * (1 - some) / len(later)) / some
    assert share == pytest.approx(WRITES.early_share, abs=4 * spread * WRITES.early_share + 0.05)


LETTERS = """
    SELECT m.customer_id, m.sent_at, hour(m.sent_at) AS hour, m.opened_at IS NOT NULL AS opened,
        m.unsubscribed_at IS NOT NULL AS left_by_it, m.delivered_at IS NOT NULL AS arrived,
        count(*) OVER (PARTITION BY customer_id ORDER BY sent_at
            RANGE BETWEEN INTERVAL 28 DAY + INTERVAL 12 HOUR PRECEDING AND INTERVAL 1 DAY PRECEDING) AS lately
    FROM messages m WHERE scenario = 'newsletter' AND NOT held_out"""


def test_the_more_letters_came_lately_the_more_opt_out(demo_shop: DemoShop) -> None:
    """A straight line through the rates, by weighted least squares."""
    sent = demo_shop.sql(LETTERS).query("arrived")
    by = sent.groupby("lately")["left_by_it"].agg(["mean", "size"])
    assert list(by.index) == [0, 1, 2, 3, 4]
    weight = np.sqrt(by["size"] / by["mean"].clip(lower=0.001))
    design = np.column_stack([np.ones(len(by)), by.index])
    fitted, *_ = np.linalg.lstsq(design * weight.to_numpy()[:, None], by["mean"] * weight, rcond=None)
    error = np.sqrt(np.diag(np.linalg.inv((design * weight.to_numpy()[:, None] ** 2).T @ design)))
    assert abs(fitted[1] - WRITES.opt_out_more) < 4 * error[1]
    assert abs(fitted[0] - WRITES.opt_out) < 4 * error[0]
    assert error[1] < WRITES.opt_out_more / 4  # so that it shows in nearly any shop of this size


def test_customers_have_an_hour_of_their_own_in_which_letters_are_opened(demo_shop: DemoShop) -> None:
    """Pairs of one customer's letters: opens agree more in the same hour, by (p − q)² / 4 of four hours."""
    sent = demo_shop.sql(LETTERS).query("arrived")
    totals = sent.groupby(["customer_id", "hour"])["opened"].agg(["sum", "size"])
    whole = totals.groupby("customer_id").sum()
    together = (totals["sum"] * (totals["sum"] - 1)).sum() / (totals["size"] * (totals["size"] - 1)).sum()
    pairs = (whole["size"] * (whole["size"] - 1)).sum() - (totals["size"] * (totals["size"] - 1)).sum()
    both = (whole["sum"] * (whole["sum"] - 1)).sum() - (totals["sum"] * (totals["sum"] - 1)).sum()
    ahead = 2 * np.sqrt(max(together - both / pairs, 0))
    assert ahead == pytest.approx(WRITES.opens_best - WRITES.opens, abs=0.05)
    assert sent["opened"].mean() == pytest.approx((WRITES.opens_best + 3 * WRITES.opens) / 4, abs=0.015)
    assert sent.groupby("hour")["opened"].mean().std() < 0.02  # no hour is better for all
    # Who knows the hour beforehand sees the planted rates.
    known = sent.merge(demo_shop.sql("FROM true_customers"), on="customer_id")
    mine = known.groupby(known["hour"] == known["best_hour"])["opened"].mean()
    assert mine.to_dict() == pytest.approx({True: WRITES.opens_best, False: WRITES.opens}, abs=0.02)


def test_a_letter_that_stands_in_helps_where_push_cannot_arrive(demo_shop: DemoShop) -> None:
    gain, error = effect(orders_after(demo_shop, "fallback_of IS NOT NULL", 14))
    assert abs(gain - true_effect(demo_shop, "restock")) < 4 * error
    assert true_effect(demo_shop, "restock") == pytest.approx(WRITES.fallback_lift, abs=0.025)
    assert error < WRITES.fallback_lift / 3  # so that it shows in most shops of this size
    pairs = demo_shop.sql("""
        SELECT first.failed_reason, first.customer_id = m.customer_id AS same,
            m.sent_at > first.sent_at AS later, first.channel AS was, m.channel AS now
        FROM messages m JOIN messages first ON m.fallback_of = first.message_id""")
    count = demo_shop.sql("SELECT count(fallback_of) n FROM messages")["n"][0]
    assert len(pairs) == count > 1_000
    assert pairs["same"].all()
    assert pairs["later"].all()
    assert set(pairs["failed_reason"]) == {"unreachable"}
    assert (set(pairs["was"]), set(pairs["now"])) == ({"app_push"}, {"alimtalk"})


def test_push_arrives_at_no_phone_that_lost_its_token(demo_shop: DemoShop) -> None:
    arrived = demo_shop.sql("""
        SELECT r.reachable, count(*) n FROM messages m ASOF JOIN reach r
            ON m.customer_id = r.customer_id AND m.channel = r.channel AND m.sent_at >= r.changed_at
        WHERE m.delivered_at IS NOT NULL GROUP BY 1""").set_index("reachable")["n"]
    assert set(arrived.index) == {True}
    lost = demo_shop.sql("SELECT count(*) n, min(changed_at)::DATE AS day FROM reach WHERE NOT reachable")
    assert lost["day"][0].date() == WRITES.token_lost_on
    there = demo_shop.sql("SELECT count(*) n FROM customers WHERE joined_on < DATE '2025-03-11'")["n"][0]
    assert lost["n"][0] / there == pytest.approx(WRITES.token_lost, abs=0.025)


def test_consents_are_confirmed_two_years_after_they_were_given(demo_shop: DemoShop) -> None:
    due = demo_shop.sql("""
        SELECT c.customer_id, (min(changed_at)::DATE + 730) AS day FROM consents c
        WHERE advertising AND source = '가입' GROUP BY 1
        HAVING day BETWEEN DATE '2024-01-01' AND DATE '2025-12-31'""")
    sent = demo_shop.sql("""
        SELECT customer_id, sent_at::DATE AS day, kind FROM messages
        WHERE scenario = 'consent_reconfirmation'""")
    both = due.merge(sent, on=["customer_id", "day"])
    assert len(both) == len(due) == len(sent) > 1_000
    assert set(sent["kind"]) == {"informational"}


def test_propensities_are_the_shares_that_were_drawn(demo_shop: DemoShop) -> None:
    rows = demo_shop.sql("""
        SELECT coalesce(scenario, campaign_id) AS what, held_out, avg(propensity)::DOUBLE AS share,
            count(*) AS n, count(propensity) AS known
        FROM messages WHERE scenario IS DISTINCT FROM 'newsletter' GROUP BY ALL""")
    assert (rows["n"] == rows["known"]).all()
    halves = rows[rows["what"].isin(["birthday", "early_access"])]
    assert (halves["share"] == 0.5).all()


@pytest.mark.parametrize("scenario", ["restock", "early_access"])
def test_nothing_in_a_message_tells_what_it_would_have_brought(demo_shop: DemoShop, scenario: str) -> None:
    """Of those held out, who would have ordered differs in nothing that stands in the message's row."""
    rows = demo_shop.sql(f"""
        SELECT t."with" > t.without AS would, epoch(m.sent_at) % 3600 AS second,
            substr(m.message_id, 2)::INT AS id
        FROM true_scenarios t JOIN messages m USING (scenario, customer_id, sent_at, held_out)
        WHERE t.held_out AND t."with" >= 0 AND scenario = '{scenario}'""")
    for name in ("second", "id"):
        side = rows.groupby("would")[name]
        gap = side.mean().diff().iloc[-1]
        assert abs(gap) < 4 * np.sqrt((side.var() / side.size()).sum()), name
    assert demo_shop.sql("FROM messages LIMIT 0").columns.intersection(["with", "without", "would"]).empty
