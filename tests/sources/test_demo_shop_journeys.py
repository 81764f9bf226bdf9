"""Carts, clicks and payments of the simulated shop: each planted number recovered from the tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demo import DemoShop

from crm_utils.sources.demo_shop.worlds import CARTS, DATES, TRIALS

pytestmark = pytest.mark.slow

SESSIONS = """
    SELECT session_id, any_value(customer_id) AS customer_id, any_value(source) AS source,
        any_value(medium) AS medium, any_value(campaign_id) AS campaign_id, min(occurred_at) AS began,
        min(occurred_at) FILTER (event = 'cart') AS put_at,
        min(occurred_at) FILTER (event = 'visit') AS visit,
        min(occurred_at) FILTER (event = 'purchase') AS bought_at,
        any_value(product_id) FILTER (event IN ('cart', 'purchase')) AS product_id,
        bool_or(event = 'checkout') AS checkout, bool_or(event = 'payment_failed') AS failed
    FROM events WHERE session_id IS NOT NULL GROUP BY 1"""


@pytest.fixture(scope="module")
def sessions(demo_shop: DemoShop) -> pd.DataFrame:
    return demo_shop.sql(SESSIONS)


@pytest.fixture(scope="module")
def carts(sessions: pd.DataFrame) -> pd.DataFrame:
    """Carts left behind by known customers, and the hours until the same product was bought (NaN: never)."""
    left = sessions[sessions["put_at"].notna() & sessions["bought_at"].isna() & ~sessions["failed"]]
    left = left[left["customer_id"].notna()].sort_values("put_at")
    bought = sessions[sessions["bought_at"].notna() & sessions["put_at"].isna() & sessions["checkout"]]
    bought = bought[["customer_id", "product_id", "bought_at"]].dropna().sort_values("bought_at")
    matched = pd.merge_asof(
        left.drop(columns="bought_at"), bought, left_on="put_at", right_on="bought_at",
        by=["customer_id", "product_id"], direction="forward",
    )  # fmt: skip
    return matched.assign(hours=(matched["bought_at"] - matched["put_at"]).dt.total_seconds() / 3600)


def window(carts: pd.DataFrame) -> pd.Series:
    """Whether a cart was left while reminders ran."""
    day = carts["put_at"].dt.date
    return (day >= CARTS.reminder_starts) & (day <= CARTS.reminder_ends)


def test_more_carts_are_left_than_bought_and_a_delivery_is_no_visit(
    sessions: pd.DataFrame, demo_shop: DemoShop
) -> None:
    carts = sessions[sessions["put_at"].notna()]
    left = carts["bought_at"].isna().mean()
    assert 0.62 < left < 0.75  # studies of web shops: seven of ten
    outside = demo_shop.sql("SELECT event, count(session_id) n FROM events GROUP BY 1")
    outside = outside.set_index("event")["n"]
    assert outside["delivered"] == outside["call"] == 0
    assert (outside.drop(["delivered", "call"]) > 0).all()


def test_who_comes_back_does_so_in_log_normal_hours(carts: pd.DataFrame) -> None:
    """Carts outside the reminders' months; with two years to see, nearly nobody is cut off."""
    hours = carts.loc[~window(carts), "hours"].dropna()
    logs = np.log(hours[hours < 24 * 30])
    error = CARTS.back_spread / np.sqrt(len(logs))
    assert logs.mean() == pytest.approx(np.log(CARTS.back_hours), abs=4 * error + 0.02)
    assert logs.std() == pytest.approx(CARTS.back_spread, abs=4 * error / np.sqrt(2) + 0.03)
    assert np.abs(((logs - logs.mean()) / logs.std()).skew()) < 0.15


def test_the_share_of_orders_from_a_cart_left_before_is_as_planted(sessions: pd.DataFrame) -> None:
    online = sessions[sessions["bought_at"].notna() & sessions["checkout"] & sessions["customer_id"].notna()]
    joined = online.groupby("customer_id")["bought_at"].transform("min")
    later = online[online["bought_at"] > joined + pd.Timedelta(days=30)]
    # Before the first review: orders that tiers or notices bring come from no cart, and cannot be told.
    later = later[(later["medium"] != "message") & (later["bought_at"] < pd.Timestamp("2024-06-20"))]
    error = np.sqrt(CARTS.from_cart * (1 - CARTS.from_cart) / len(later))
    assert abs(later["put_at"].isna().mean() - CARTS.from_cart) < 4 * error + 0.005
    assert len(later) > 3_000


@pytest.fixture(scope="module")
def reminded(demo_shop: DemoShop) -> pd.DataFrame:
    """A row a reminder, sent or held out, and whether the cart's product was bought within a week of it."""
    return demo_shop.sql(f"""
        WITH s AS ({SESSIONS}), m AS (
            SELECT m.*, s.put_at, s.product_id FROM messages m JOIN s ON m.anchor_id = s.session_id
            WHERE scenario = 'cart_reminder')
        SELECT m.variant, m.held_out, m.propensity::DOUBLE AS propensity, m.clicked_at,
            epoch(m.sent_at - m.put_at) / 3600 AS delay,
            count(l.order_id) > 0 AS bought
        FROM m LEFT JOIN order_lines l ON l.customer_id = m.customer_id AND l.product_id = m.product_id
            AND l.quantity > 0 AND l.ordered_at > m.sent_at
            AND l.ordered_at < m.put_at + INTERVAL 7 DAY
        GROUP BY m.message_id, m.variant, m.held_out, m.propensity, m.clicked_at, m.sent_at, m.put_at""")


def test_a_reminder_helps_in_one_window_of_delay_and_in_no_other(
    reminded: pd.DataFrame, demo_shop: DemoShop
) -> None:
    truth = demo_shop.sql("""
        SELECT variant, avg("with" - without) AS effect FROM true_scenarios
        WHERE scenario = 'cart_reminder' GROUP BY 1""").set_index("variant")["effect"]
    for variant, delay, lift in zip("abc", CARTS.delays, CARTS.lifts, strict=True):
        mine = reminded[reminded["variant"] == variant]
        assert mine["delay"].median() == pytest.approx(delay, abs=0.1)
        sent, held = (mine.loc[mine["held_out"] == flag, "bought"] for flag in (False, True))
        error = np.sqrt(sent.var() / len(sent) + held.var() / len(held))
        effect = sent.mean() - held.mean()
        assert abs(effect - truth[variant]) < 4 * error
        assert abs(truth[variant] - lift) < 0.3 * lift + 1e-9
        assert lift == 0 or error < truth[variant] / 4  # so that it shows in nearly any shop of this size
    assert reminded["propensity"].between(0.16, 0.17).all()


def test_payment_fails_in_the_app_for_two_weeks_and_nowhere_else(
    sessions: pd.DataFrame, demo_shop: DemoShop
) -> None:
    day = sessions["began"].dt.date
    last = CARTS.leak_starts + pd.Timedelta(days=CARTS.leak_days)
    within = (day >= CARTS.leak_starts) & (day < last)
    paying = sessions["checkout"] & (sessions["bought_at"].notna() | sessions["failed"])
    app = sessions["source"] == "app"
    rate = sessions.loc[paying & app & within, "failed"].mean()
    n = int((paying & app & within).sum())
    assert abs(rate - CARTS.leak_share) < 4 * np.sqrt(CARTS.leak_share * (1 - CARTS.leak_share) / n) + 0.03
    assert not sessions.loc[~(app & within), "failed"].any()
    lost = demo_shop.sql("SELECT count(*) n FROM true_lost")["n"][0]
    assert lost == sessions["failed"].sum() > 50
    # What was lost is in no order: the app's share of online orders falls in these weeks, and in no others.
    orders = sessions[sessions["bought_at"].notna() & sessions["checkout"]]
    orders = orders[orders["medium"] != "message"]
    share = (orders["source"] == "app").groupby(within).mean()
    expected = 0.55 * (1 - CARTS.leak_share) / (0.55 * (1 - CARTS.leak_share) + 0.45)
    assert share[False] == pytest.approx(0.55, abs=0.02)
    assert share[True] == pytest.approx(expected, abs=0.09)


def test_the_checkouts_share_rises_by_the_mix_alone(sessions: pd.DataFrame) -> None:
    """Simpson: constant in the app and on the web, and rising in the shop."""
    left = sessions[sessions["put_at"].notna() & sessions["bought_at"].isna() & ~sessions["failed"]]
    half = left["began"] >= pd.Timestamp("2025-01-01")
    app = left["source"] == "app"
    for group, rate in ((app, CARTS.checkout_app), (~app, CARTS.checkout_web)):
        early, late = left.loc[group & ~half, "checkout"], left.loc[group & half, "checkout"]
        error = np.sqrt(rate * (1 - rate) * (1 / len(early) + 1 / len(late)))
        assert abs(early.mean() - late.mean()) < 4 * error
        assert left.loc[group, "checkout"].mean() == pytest.approx(rate, abs=0.01)
    whole = left.groupby(half)["checkout"].mean()
    assert whole[True] - whole[False] > 0.02


@pytest.mark.parametrize("trial", [t for t in TRIALS if t.experiment], ids=lambda t: t.campaign_id)
def test_most_sessions_of_induced_online_orders_begin_with_the_messages_click(
    demo_shop: DemoShop, trial, sessions: pd.DataFrame
) -> None:
    """Purchases in a campaign's own sessions, against the extra orders that the experiment estimates.

    Most of the true extra orders, and no more than all of them; the estimate of them is four standard errors
    (of customers' own orders) wide to either side.
    """
    led = sessions[(sessions["campaign_id"] == trial.campaign_id) & sessions["bought_at"].notna()]
    assert led["visit"].notna().all()
    assert (led["bought_at"] - led["visit"]).between(pd.Timedelta(minutes=4), pd.Timedelta(minutes=26)).all()
    assert (led["medium"] == "message").all()
    arms = demo_shop.sql(f"""
        WITH each AS (
            SELECT arm, a.customer_id,
                count(DISTINCT order_id) FILTER (l.quantity > 0 AND l.channel != 'store') AS orders
            FROM assignments a LEFT JOIN order_lines l ON l.customer_id = a.customer_id
                AND ordered_at > assigned_at AND ordered_at < assigned_at + INTERVAL {trial.horizon_days} DAY
            WHERE experiment_id = '{trial.experiment}' GROUP BY ALL)
        SELECT arm, count(*) AS n, avg(orders) AS rate, var_samp(orders) AS var FROM each GROUP BY 1
        """).set_index("arm")
    treated, control = arms.loc[[arm.arm for arm in trial.arms]], arms.loc[trial.control_arm]
    n = treated["n"].sum()
    extra = (treated["rate"] * treated["n"]).sum() - control["rate"] * n
    error = np.sqrt((treated["var"] * treated["n"]).sum() + control["var"] / control["n"] * n**2)
    assert 0.5 * (extra - 4 * error) < len(led) < extra + 4 * error
    assert error < extra / 4  # else this would say nothing


def test_a_customer_joins_at_an_instant_and_does_nothing_before(demo_shop: DemoShop) -> None:
    rows = demo_shop.sql("""
        SELECT count(*) FILTER (joined_at::DATE != joined_on) AS other_day,
            count(*) FILTER (joined_at IS NULL) AS none, count(DISTINCT hour(joined_at)) AS hours
        FROM customers""")
    assert (rows["other_day"][0], rows["none"][0]) == (0, 0)
    assert rows["hours"][0] > 10
    early = demo_shop.sql("""
        SELECT count(*) n FROM events e JOIN customers c USING (customer_id)
        WHERE event = 'cart' AND occurred_at < joined_at - INTERVAL 1 DAY""")
    assert early["n"][0] == 0


def test_parcels_come_earlier_in_the_day_from_the_new_partners_first_day(demo_shop: DemoShop) -> None:
    hours = demo_shop.sql("""
        SELECT occurred_at::DATE AS day, avg(epoch(occurred_at - occurred_at::DATE) / 3600) AS hour,
            count(*) AS n FROM order_status WHERE status = 'delivered' GROUP BY 1 ORDER BY 1""")
    day = hours["day"].dt.date
    weight = hours["n"]
    level = [np.average(hours["hour"][side], weights=weight[side])
             for side in (day < DATES.partner_starts, day >= DATES.partner_starts)]  # fmt: skip
    assert level == pytest.approx([np.mean(DATES.hours_before), np.mean(DATES.hours_after)], abs=0.1)

    def loss(at: int) -> float:
        sides = (hours["hour"][:at], weight[:at]), (hours["hour"][at:], weight[at:])
        return sum(float((w * (h - np.average(h, weights=w)) ** 2).sum()) for h, w in sides)

    assert day[min(range(30, len(hours) - 30), key=loss)] == DATES.partner_starts


def test_what_nobody_knows_of_journeys_is_in_no_table(demo_shop: DemoShop) -> None:
    """What was lost stands in no order, and no column tells which carts' owners would have come back."""
    lost = demo_shop.sql("""
        SELECT count(*) n FROM true_lost t JOIN order_lines l
            ON l.customer_id = t.customer_id AND l.ordered_at = t.ordered_at""")
    assert lost["n"][0] == 0
    anchors = demo_shop.sql("""
        WITH a AS (SELECT held_out, substr(anchor_id, 2)::INT AS number FROM messages
                   WHERE scenario = 'cart_reminder')
        SELECT avg(number) FILTER (held_out) - avg(number) FILTER (NOT held_out) AS gap,
            stddev(number) AS spread, count(*) AS n FROM a""")
    assert abs(anchors["gap"][0]) < 4 * 2 * anchors["spread"][0] / np.sqrt(anchors["n"][0])
