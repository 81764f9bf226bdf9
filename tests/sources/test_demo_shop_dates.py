"""What happens on known days in the simulated shop, recovered from the tables alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from demo import DemoShop
from scipy.stats import chi2_contingency

from crm_utils.sources.demo_shop.clock import day_number, rhythm
from crm_utils.sources.demo_shop.worlds import ADS, DATES, FIRSTS, FULL, SHELF

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def daily(demo_shop: DemoShop) -> pd.Series:
    """Orders of known customers, a day; the first of each customer apart."""
    rows = demo_shop.sql("""
        WITH o AS (SELECT customer_id, min(ordered_at) AS at FROM order_lines
                   WHERE quantity > 0 AND customer_id IS NOT NULL GROUP BY order_id, customer_id)
        SELECT o.at::DATE AS day, count(*) AS n FROM o JOIN customers c USING (customer_id)
        WHERE o.at::DATE != c.joined_on GROUP BY 1""")
    return rows.set_index(rows["day"].dt.date)["n"]


def total(daily: pd.Series, first: dt.date, days: int) -> int:
    return int(sum(daily.get(first + dt.timedelta(days=d), 0) for d in range(days)))


def planted(first: dt.date, days: int) -> float:
    """What season, weekdays and sales make of some days, in days of the shop's own time."""
    return float(rhythm()[day_number(first) + days] - rhythm()[day_number(first)])


def test_great_holidays_are_quiet_and_the_days_before_are_not(daily: pd.Series, demo_shop: DemoShop) -> None:
    """Over the four holidays: their three days, and the ten before, against the same weekdays around."""
    week = dt.timedelta(days=7)
    seen = sum(total(daily, first, 3) for first in DATES.holidays)
    usual = sum(total(daily, first + w * week, 3) for first in DATES.holidays for w in (-3, 2, 3)) / 3
    quiet = seen / usual
    moved = demo_shop.sql("SELECT count(*) n FROM true_holidays")["n"][0]
    truth = seen / (seen + moved)
    assert quiet == pytest.approx(truth, abs=4 * np.sqrt(quiet / usual) + 0.04)
    # Orders that a campaign touches stay where they are, as both their outcomes are known.
    assert 0.25 < 1 - truth < DATES.holiday_share
    # The ten days before have as many more as were moved there, beyond what season, sales and weekdays make
    # of the weeks around, to one in thirty for campaigns. In January 2025 a scenario moves orders there too.
    rush = usual = variance = moved = 0.0
    for first in [day for day in DATES.holidays if day.month != 1]:
        before = first - dt.timedelta(days=10)
        weeks = (first - 3 * week, first + 2 * week)
        part = planted(before, 10) / sum(planted(day, 7) for day in weeks)
        around = sum(total(daily, day, 7) for day in weeks)
        rush, usual = rush + total(daily, before, 10), usual + part * around
        variance += total(daily, before, 10) + part**2 * around
        moved += demo_shop.sql(f"""
            SELECT count(*) n FROM true_holidays WHERE moved_from >= DATE '{first}'
                AND moved_from < DATE '{first}' + INTERVAL 3 DAY""")["n"][0]
    assert abs(rush - usual - moved) < 4 * np.sqrt(variance) + usual / 30
    assert np.sqrt(variance) < moved / 3  # so that it shows in most shops of this size


def test_a_week_without_touches_has_its_orders(demo_shop: DemoShop, daily: pd.Series) -> None:
    touches = demo_shop.sql("""
        SELECT occurred_at::DATE AS day, count(source) AS n FROM events GROUP BY 1""")
    touches = touches.set_index(touches["day"].dt.date)["n"]
    empty = sorted(set(daily.index) - set(touches.index[touches > 0]))
    assert empty == [DATES.tag_starts + dt.timedelta(days=d) for d in range(DATES.tag_days)]
    week = dt.timedelta(days=7)
    within = total(daily, DATES.tag_starts, 7)
    around = (total(daily, DATES.tag_starts - 2 * week, 14) + total(daily, DATES.tag_starts + week, 14)) / 4
    assert abs(within - around) < 4 * np.sqrt(around * 1.5)


def test_returns_of_the_last_days_are_not_all_there(demo_shop: DemoShop) -> None:
    """Uniform over 3 to 14 days: of what was bought k days before, so much has come back."""
    lines = demo_shop.sql("""
        SELECT o.ordered_at::DATE AS day, date_diff('day', o.ordered_at, r.ordered_at) AS later
        FROM order_lines o LEFT JOIN order_lines r
            ON replace(o.order_id, 'o', 'r') = r.order_id AND o.product_id = r.product_id AND r.quantity < 0
        WHERE o.quantity > 0""")
    known = lines[lines["day"] < pd.Timestamp("2025-12-01")]
    delays = known["later"].dropna().value_counts(normalize=True)
    assert set(delays.index) == set(range(3, 15))
    assert delays.to_numpy() == pytest.approx(np.full(12, 1 / 12), abs=0.012)
    for days in (6, 10, 14):
        recent = lines[lines["day"] >= pd.Timestamp("2026-01-01") - pd.Timedelta(days=days)]
        ages = (pd.Timestamp("2025-12-31") - recent["day"]).dt.days
        expected = FULL.return_share * ((ages - 2).clip(0, 12) / 12).mean()
        share = recent["later"].notna().mean()
        assert abs(share - expected) < 4 * np.sqrt(FULL.return_share / len(recent))


SESSIONS = """
    SELECT date_trunc('week', began)::DATE AS week, source, medium, count(*) AS n FROM (
        SELECT session_id, min(occurred_at) AS began, any_value(source) AS source, any_value(medium) AS medium
        FROM events WHERE source IS NOT NULL GROUP BY 1 HAVING count(*) < 100)
    WHERE medium != 'message' GROUP BY ALL"""


def test_one_paid_source_brings_visits_and_the_other_takes_those_that_come_anyway(
    demo_shop: DemoShop,
) -> None:
    """Weeks in pairs, one of them on by lot: the mean difference of all visits, whatever their source."""
    costs = demo_shop.sql("""
        SELECT starts_on AS week, acquisition_channel, cost > 0 AS bought FROM marketing_costs""")
    bought = costs.pivot_table(values="bought", index="week", columns="acquisition_channel", aggfunc="max")
    by = demo_shop.sql(SESSIONS)
    every = by.groupby("week")["n"].sum().reindex(bought.index)
    broken = np.array([DATES.tag_starts <= week.date() < DATES.tag_starts + dt.timedelta(days=7)
                       for week in bought.index])  # fmt: skip
    pair = np.arange(len(bought)) // 2
    good = ~pd.Series(broken).groupby(pair).transform("any").to_numpy()
    log = np.log(every.to_numpy(dtype=float)[good]).reshape(-1, 2)
    on = bought.to_numpy().astype(float)[good].reshape(-1, 2, 2)
    assert (on.sum(axis=1) == 1).all()
    design = on[:, 1] - on[:, 0]
    fitted, rest, *_ = np.linalg.lstsq(design, log[:, 1] - log[:, 0], rcond=None)
    error = np.sqrt(rest[0] / (len(log) - 2) * np.diag(np.linalg.inv(design.T @ design)))
    effect = dict(zip(bought.columns, zip(fitted, error, strict=True), strict=True))
    known = demo_shop.sql("SELECT sum(extra) AS extra, sum(without) AS plain FROM true_visits")
    whole = every[good].sum() - by.loc[(by["medium"] == "cpc"), "n"].sum()
    truth = np.log(1 + float(known["extra"][0]) / whole)
    ads, search = effect["인스타그램 광고"], effect["네이버 검색"]
    assert float(known["extra"][0] / known["plain"][0]) == pytest.approx(ADS.extra, abs=0.01)
    assert abs(ads[0] - truth) < 4 * ads[1]
    assert ads[1] < truth / 4  # so that it shows in nearly any shop of this size
    assert abs(search[0]) < 4 * search[1]
    # Last touch credits brand search: it takes its share of naver and direct in its weeks, and only then.
    named = by[by["source"].isin(["naver", "direct"])].pivot_table(
        values="n", index="week", columns="medium", aggfunc="sum", fill_value=0
    ).reindex(bought.index)  # fmt: skip
    taken = named["brand_search"] / named.sum(axis=1)
    mine = bought["네이버 검색"].astype(bool)
    assert taken[mine & ~broken].mean() == pytest.approx(ADS.takes, abs=0.01)
    assert (taken[~mine & ~broken] < 0.05).all()


FIRST = """
    WITH o AS (
        SELECT customer_id, order_id, min(ordered_at) AS moment, bool_or(subcategory IN {soon}) AS soon,
            bool_or(subcategory IN {later}) AS later
        FROM order_lines JOIN products USING (product_id) WHERE quantity > 0 AND customer_id IS NOT NULL
        GROUP BY 1, 2),
    n AS (SELECT *, row_number() OVER w AS number, lead(moment) OVER w - moment AS gap FROM o
          WINDOW w AS (PARTITION BY customer_id ORDER BY moment))
    SELECT n.*, joined_on FROM n JOIN customers USING (customer_id)
    WHERE joined_on BETWEEN DATE '2024-01-01' AND DATE '2025-10-31'"""


def test_when_the_second_order_comes_depends_on_the_first_ones_goods(demo_shop: DemoShop) -> None:
    """Goods of first orders by how soon the second follows, beside those of later orders."""
    rows = demo_shop.sql(FIRST.format(soon=FIRSTS.soon_kinds, later=FIRSTS.later_kinds))
    first = rows[(rows["number"] == 1) & (rows["moment"].dt.date == rows["joined_on"].dt.date)]
    soon = first["gap"] <= pd.Timedelta(days=FIRSTS.soon_days)
    usual = rows[rows["number"] >= 4]
    for name, group, planted in (("soon", soon, FIRSTS.soon_share), ("later", ~soon, FIRSTS.later_share)):
        there, plain = first.loc[group, name].mean(), usual[name].mean()
        share = (there - plain) / (1 - plain)
        assert share == pytest.approx(planted, abs=4 * 0.5 / np.sqrt(group.sum()) + 0.02), name
    alone = [first["soon"] & ~first["later"], first["later"] & ~first["soon"]]
    assert soon[alone[0]].mean() > 1.5 * soon[alone[1]].mean()


def test_pieces_a_line_never_change(demo_shop: DemoShop) -> None:
    lines = demo_shop.sql("""
        SELECT date_trunc('month', ordered_at) AS month, channel, (quantity = 1)::INT AS one, count(*) AS n
        FROM order_lines WHERE quantity > 0 GROUP BY ALL""")
    for name in ("month", "channel"):
        table = lines.pivot_table(values="n", index=name, columns="one", aggfunc="sum")
        assert chi2_contingency(table).pvalue > 6e-5
        assert table[1].sum() / table.sum().sum() == pytest.approx(0.92, abs=0.005)


def test_what_is_sold_out_is_looked_at_and_not_bought(demo_shop: DemoShop) -> None:
    """The one product whose stock is 0 on the shelf, and until when: from the shelf, orders and touches."""
    shelf = demo_shop.sql("FROM shelf WHERE stock IS NOT NULL ORDER BY product_id, changed_at")
    shelf["until"] = shelf.groupby("product_id")["changed_at"].shift(-1)
    empty = shelf[shelf["stock"] == 0]
    assert list(empty["product_id"]) == [f"p{SHELF.sold_out:09}"]
    first, last = empty[["changed_at", "until"]].iloc[0]
    assert first.date() == SHELF.sold_out_on
    assert last - first == pd.Timedelta(days=SHELF.sold_out_days)
    days = pd.Timedelta(days=14)
    bought, viewed, cart = (
        demo_shop.sql(
            f"SELECT {at} AS moment FROM {table} WHERE {which} AND product_id = 'p{SHELF.sold_out:09}'"
        )
        for table, at, which in (
            ("order_lines", "ordered_at", "quantity > 0"),
            ("events", "occurred_at", "event = 'view' AND session_id IS NOT NULL"),
            ("events", "occurred_at", "event = 'cart'"),
        )
    )
    for rows in (bought, cart):
        assert not rows["moment"].between(first, last).any()
        assert rows["moment"].between(first - days, first).any()
        assert rows["moment"].between(last, last + days).any()
    assert viewed["moment"].between(first, last).any()


def test_one_price_falls_on_the_shelf_and_lines_are_paid_by_the_shelf(demo_shop: DemoShop) -> None:
    """What each line would have cost without its discount is the price on the shelf then, to the won."""
    paid = demo_shop.sql("""
        SELECT l.product_id, (amount + discount + coalesce(discount_by_others, 0)) / quantity AS paid, price
        FROM order_lines l
        ASOF JOIN (FROM shelf WHERE price IS NOT NULL) s
            ON l.product_id = s.product_id AND l.ordered_at >= s.changed_at
        WHERE quantity > 0""")
    assert len(paid) > 50_000
    assert (paid["paid"].astype(float) == paid["price"].astype(float)).all()
    falls = demo_shop.sql("""
        SELECT product_id, changed_at,
            price / lag(price) OVER (PARTITION BY product_id ORDER BY changed_at) AS rate
        FROM shelf WHERE price IS NOT NULL QUALIFY rate IS NOT NULL""")
    assert list(falls["product_id"]) == [f"p{SHELF.cheaper:09}"]
    assert falls["changed_at"][0].date() == SHELF.cheaper_from
    assert falls["rate"][0] == pytest.approx(1 - SHELF.drop, abs=100 / 80_000)  # to a hundred won
    dropped = paid.loc[paid["product_id"] == f"p{SHELF.cheaper:09}", "price"]
    assert dropped.nunique() == 2


def test_no_table_says_which_order_was_moved_or_which_day_is_special(demo_shop: DemoShop) -> None:
    orders = demo_shop.sql("""
        SELECT order_id, min(ordered_at) AS moment FROM order_lines WHERE order_id LIKE 'o%' GROUP BY 1
        ORDER BY 1""")
    assert orders["moment"].is_monotonic_increasing
    assert set(demo_shop.sql("FROM order_status LIMIT 0").columns) == {"order_id", "status", "occurred_at"}
