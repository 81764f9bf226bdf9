"""Tiers, points and referrals of the simulated shop, recovered from the tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from demo import DemoShop

from crm_utils.sources.demo_shop.worlds import LOYAL, NOISE

pytestmark = pytest.mark.slow

PAID = """
    SELECT r.day, c.customer_id, coalesce(sum(l.amount) FILTER (l.ordered_at < {until}
            AND l.ordered_at >= r.day - INTERVAL {window} DAY), 0)::DOUBLE AS paid,
        count(DISTINCT l.order_id) FILTER (l.ordered_at >= {until}
            AND l.ordered_at < {until} + INTERVAL {after} DAY) AS orders
    FROM (SELECT unnest({days}) AS day) r JOIN customers c ON c.joined_at < r.day
    LEFT JOIN order_lines l ON l.customer_id = c.customer_id AND l.quantity > 0
    GROUP BY ALL"""


def paid_before(shop: DemoShop, *, early: int, after: int) -> pd.DataFrame:
    """Won paid by each customer before each review, up to so many days before it; and the orders after."""
    days = ", ".join(f"TIMESTAMP '{day}'" for day in LOYAL.reviews)
    return shop.sql(PAID.format(until=f"r.day - INTERVAL {early} DAY", window=LOYAL.window_days, after=after,
                                days=f"[{days}]"))  # fmt: skip


@pytest.fixture(scope="module")
def reviews(demo_shop: DemoShop) -> pd.DataFrame:
    """At each review: won paid, orders until the next, and the tier as the table has it."""
    rows = paid_before(demo_shop, early=0, after=LOYAL.window_days)
    tiers = demo_shop.sql("FROM tiers").sort_values("since")
    rows = rows.assign(day=rows["day"].astype("datetime64[us]")).sort_values("day")
    return pd.merge_asof(rows, tiers, left_on="day", right_on="since", by="customer_id")


def test_a_tier_is_what_was_paid_in_half_a_year(reviews: pd.DataFrame) -> None:
    expected = np.select([reviews["paid"] >= LOYAL.gold, reviews["paid"] >= LOYAL.silver], ["골드", "실버"],
                         "패밀리")  # fmt: skip
    assert (reviews["tier"] == expected).all()


def test_some_top_up_below_the_cut_that_they_know(demo_shop: DemoShop, reviews: pd.DataFrame) -> None:
    """Orders in the last days before a review, of those who lack a little and of those who lack more."""
    rows = paid_before(demo_shop, early=LOYAL.top_up_days, after=LOYAL.top_up_days)
    lacks = LOYAL.silver - rows["paid"]
    near = (lacks > 0) & (lacks <= LOYAL.top_up_won)
    further = lacks.between(LOYAL.top_up_won * 1.25, LOYAL.top_up_won * 3)
    ordered, usual = (rows["orders"] > 0)[near], (rows["orders"] > 0)[further].mean()
    # Only who has not left tops up: of those near the cut by an order within half a year some nine in ten.
    share = 1 - (1 - ordered.mean()) / (1 - usual)
    error = np.sqrt(ordered.var() / len(ordered)) / (1 - usual)
    assert LOYAL.top_up_share * 0.7 - 4 * error < share < LOYAL.top_up_share + 4 * error
    assert error < LOYAL.top_up_share / 8  # so that it shows in any shop of this size
    # So few stand just below the first cut and many just above; at the second, which nobody knows, as many.
    width = LOYAL.top_up_won

    def ratio(cut: int) -> float:
        below = ((reviews["paid"] >= cut - width) & (reviews["paid"] < cut)).sum()
        return float(((reviews["paid"] >= cut) & (reviews["paid"] < cut + width)).sum() / below)

    assert ratio(LOYAL.silver) > 1.25
    assert 0.75 < ratio(LOYAL.gold) < 1.15


def jump(rows: pd.DataFrame, cut: int, width: int) -> tuple[float, float]:
    """Local linear regression on both sides with a triangular kernel, and its standard error (robust)."""
    x = (rows["paid"] - cut) / width
    rows, x = rows[x.abs() < 1], x[x.abs() < 1].to_numpy()
    above = (x >= 0).astype(float)
    design = np.column_stack([np.ones(len(x)), above, x, x * above])
    weight = 1 - np.abs(x)
    y = rows["orders"].to_numpy(dtype=float)
    bread = np.linalg.inv(design.T @ (design * weight[:, None]))
    fitted = bread @ (design.T @ (weight * y))
    rest = weight * (y - design @ fitted)
    meat = (design * rest[:, None]).T @ (design * rest[:, None])
    return float(fitted[1]), float(np.sqrt((bread @ meat @ bread)[1, 1]))


def test_gold_brings_orders_at_the_cut_that_nobody_can_aim_at(
    reviews: pd.DataFrame, demo_shop: DemoShop
) -> None:
    effect, error = jump(reviews, LOYAL.gold, 200_000)
    near = demo_shop.sql(f"""
        SELECT avg(would) AS effect FROM true_reviews
        WHERE paid BETWEEN {LOYAL.gold - 100_000} AND {LOYAL.gold + 100_000}""")["effect"][0]
    assert abs(effect - near) < 4 * error
    assert error < near / 3  # so that it shows in most shops of this size
    assert 0.6 * LOYAL.gold_orders < near <= LOYAL.gold_orders


def test_points_are_lost_by_those_who_do_not_come_back(demo_shop: DemoShop) -> None:
    """Each order spends all with one chance: after n orders in a year the rest to the power n is lost."""
    rows = demo_shop.sql("""
        WITH e AS (SELECT *, row_number() OVER () AS id FROM points
                   WHERE kind IN ('earned', 'given') AND points > 0 AND occurred_at < TIMESTAMP '2025-01-01'),
        o AS (SELECT customer_id, order_id, min(ordered_at) AS at FROM order_lines
              WHERE quantity > 0 AND customer_id IS NOT NULL GROUP BY ALL)
        SELECT e.id, any_value(e.expires_at) AS expires_at, any_value(e.occurred_at) AS earned_at,
            any_value(x.points) AS lost, any_value(e.points) AS points, count(o.order_id) AS n
        FROM e LEFT JOIN o ON o.customer_id = e.customer_id AND o.at > e.occurred_at AND o.at <= e.expires_at
        LEFT JOIN points x ON x.customer_id = e.customer_id AND x.occurred_at = e.expires_at
            AND x.kind = 'expired' AND x.points = -e.points
        GROUP BY 1""")
    assert (rows["expires_at"] - rows["earned_at"] == pd.Timedelta(days=LOYAL.lives_days)).all()
    for n in (0, 1, 2, 4, 8):
        lost = rows.loc[rows["n"] == n, "lost"].notna()
        chance = (1 - LOYAL.spends) ** n
        assert abs(lost.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / len(lost) * 1.5) + 1e-9, n


def test_points_name_their_order(demo_shop: DemoShop) -> None:
    rows = demo_shop.sql("""
        SELECT kind, count(p.order_id) = count(*) AS all_named, count(p.order_id) AS named,
            count(*) FILTER (o.order_id IS NULL AND p.order_id IS NOT NULL) AS unknown
        FROM points p LEFT JOIN (SELECT DISTINCT order_id FROM order_lines) o USING (order_id) GROUP BY 1""")
    rows = rows.set_index("kind")
    assert rows["unknown"].sum() == 0
    assert rows.loc[["earned", "spent"], "all_named"].all()
    assert (rows.loc[["given", "expired"], "named"] == 0).all()


def test_the_referred_pay_full_prices_and_stay_no_longer(demo_shop: DemoShop) -> None:
    """Margin of what is paid; and another order within half a year of the first, without the advertised."""
    margin = demo_shop.sql("""
        SELECT acquisition_channel = '친구 추천' AS referred,
            (sum(quantity * unit_margin - discount) / sum(amount))::DOUBLE AS share
        FROM order_lines JOIN customers USING (customer_id) JOIN products USING (product_id)
        WHERE quantity > 0 GROUP BY 1""").set_index("referred")["share"]
    assert 0.01 < margin[True] - margin[False] < 0.03
    again = demo_shop.sql("""
        WITH o AS (SELECT customer_id, order_id, min(ordered_at) AS moment FROM order_lines
                   WHERE quantity > 0 GROUP BY ALL),
        f AS (SELECT customer_id, min(moment) AS begins FROM o GROUP BY customer_id)
        SELECT f.customer_id, any_value(acquisition_channel) = '친구 추천' AS referred,
            count(o.order_id) > 0 AS again
        FROM f JOIN customers c USING (customer_id)
        LEFT JOIN o ON o.customer_id = f.customer_id AND o.moment > begins
            AND o.moment < begins + INTERVAL 182 DAY
        WHERE joined_on >= DATE '2024-01-01' AND begins < TIMESTAMP '2025-07-01'
            AND acquisition_channel NOT IN ('인스타그램 광고', '카카오 채널')
        GROUP BY f.customer_id""")
    a, b = (again.loc[again["referred"] == flag, "again"] for flag in (True, False))
    assert abs(a.mean() - b.mean()) < 4 * np.sqrt(a.var() / len(a) + b.var() / len(b))


def test_referrers_were_there_before_and_get_their_reward(demo_shop: DemoShop) -> None:
    rows = demo_shop.sql("""
        SELECT r.*, one.joined_at < referred_at AS before, other.joined_at = referred_at AS joins,
            other.acquisition_channel, p.points
        FROM referrals r JOIN customers one ON one.customer_id = referrer_id
        JOIN customers other ON other.customer_id = r.customer_id
        LEFT JOIN points p ON p.customer_id = referrer_id AND p.kind = 'given'
            AND p.occurred_at = referred_at + INTERVAL 60 SECOND""")
    assert len(rows) > 500
    assert rows["before"].all()
    assert rows["joins"].all()
    assert set(rows["acquisition_channel"]) == {"친구 추천"}
    assert rows["points"].notna().mean() > 0.99  # the last of them lie after the data
    assert set(rows["points"].dropna()) == {LOYAL.reward}


SHARED = """
    SELECT DISTINCT a.customer_id AS one, b.customer_id AS other, a.session_id
    FROM events a JOIN events b USING (session_id)
    WHERE a.customer_id < b.customer_id AND abs(epoch(a.occurred_at - b.occurred_at)) < 600"""


def test_who_refers_themselves_shares_a_session_and_orders_hardly(demo_shop: DemoShop) -> None:
    rows = demo_shop.sql(f"""
        WITH s AS ({SHARED}), n AS (
            SELECT customer_id, count(DISTINCT order_id) AS orders FROM order_lines
            WHERE quantity > 0 GROUP BY 1)
        SELECT r.customer_id, coalesce(n.orders, 0) AS orders, count(s.session_id) > 0 AS shares, t.fraud
        FROM referrals r LEFT JOIN n USING (customer_id)
        LEFT JOIN s ON (s.one, s.other) IN ((r.referrer_id, r.customer_id), (r.customer_id, r.referrer_id))
        JOIN true_referrals t ON t.customer_id = r.customer_id GROUP BY ALL""")
    assert (rows["shares"] == rows["fraud"]).mean() > 0.99  # in the tag's broken week nobody sees it
    few = rows[rows["orders"] <= 1]
    n = len(few)
    assert abs(few["shares"].mean() - LOYAL.fraud_share) < 4 * np.sqrt(LOYAL.fraud_share / n)
    assert not rows.loc[rows["orders"] > 1, "shares"].any()
    # Couples who share a phone are more than the frauds: a shared session alone proves nothing.
    pairs = demo_shop.sql(f"SELECT one, other, count(*) AS n FROM ({SHARED}) GROUP BY 1, 2")
    couples = (pairs["n"] >= 2).sum()
    assert couples > 30
    assert "fraud" not in demo_shop.sql("FROM referrals LIMIT 0").columns


def test_robots_and_mixed_up_sessions_are_few_and_can_be_told(demo_shop: DemoShop) -> None:
    sessions = demo_shop.sql("""
        SELECT session_id, count(*) AS touches, count(customer_id) AS named,
            epoch(max(occurred_at) - min(occurred_at)) / 3600 AS hours
        FROM events WHERE session_id IS NOT NULL GROUP BY 1""")
    bots = sessions["touches"] > 100
    assert abs(bots.sum() - NOISE.bots) < 4 * np.sqrt(NOISE.bots)
    assert not sessions.loc[bots, "named"].any()
    assert (sessions.loc[bots, "touches"] == NOISE.bot_views).mean() > 0.7
    mixed = (sessions["hours"] > 12).sum()
    visits = demo_shop.sql("""
        SELECT count(*) n FROM (SELECT session_id FROM events WHERE medium != 'message' GROUP BY 1
        HAVING NOT bool_or(event IN ('cart', 'purchase')))""")["n"][0]
    assert mixed / visits == pytest.approx(NOISE.shared_sessions, rel=0.25)


def test_no_table_tells_who_topped_up_or_what_gold_would_bring(demo_shop: DemoShop) -> None:
    assert set(demo_shop.sql("FROM tiers LIMIT 0").columns) == {"customer_id", "tier", "since"}
    odd = demo_shop.sql("""
        SELECT avg(l.quantity)::DOUBLE AS pieces FROM true_reviews r JOIN order_lines l
            ON l.customer_id = r.customer_id AND l.ordered_at < r.since
            AND l.ordered_at > r.since - INTERVAL 10 DAY
        WHERE l.quantity > 0 GROUP BY topped_up""")
    assert odd["pieces"].to_numpy() == pytest.approx(np.full(2, 1.1), abs=0.1)
