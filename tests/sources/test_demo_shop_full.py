"""The full world: what was planted is in the tables, and what must not be is not."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from demo import DemoShop
from scipy.stats import binomtest, chisquare, ttest_ind

from crm_utils.sources.demo_shop.block import Block
from crm_utils.sources.demo_shop.catalogue import ADVERTISED, stock
from crm_utils.sources.demo_shop.worlds import FULL, NULL_TESTS, TRIALS

pytestmark = pytest.mark.slow
EFFECTS = [(trial, arm.arm) for trial in TRIALS if trial.experiment for arm in trial.arms]
effects = pytest.mark.parametrize(
    ("trial", "arm"), EFFECTS, ids=[f"{trial.experiment}-{arm}" for trial, arm in EFFECTS]
)
MEASURES = ("orders", "amount", "contribution")

OUTCOMES = """
    WITH line AS (
        SELECT customer_id, order_id, ordered_at, amount,
            quantity * unit_margin - discount AS contribution, quantity > 0 AS bought
        FROM order_lines JOIN products USING (product_id))
    SELECT a.customer_id, arm, count(DISTINCT order_id) FILTER (bought) AS orders,
        coalesce(sum(amount), 0)::DOUBLE AS amount, coalesce(sum(contribution), 0)::DOUBLE AS contribution
    FROM ({assigned}) a LEFT JOIN line l
        ON l.customer_id = a.customer_id AND l.ordered_at > assigned_at
        AND l.ordered_at < assigned_at + INTERVAL {days} DAY
    GROUP BY ALL"""


def outcomes(shop: DemoShop, experiment: str, days: int) -> pd.DataFrame:
    """A row an assigned customer: what the tables say happened within the days after."""
    assigned = f"SELECT * FROM assignments WHERE experiment_id = '{experiment}'"
    return shop.sql(OUTCOMES.format(assigned=assigned, days=days))


def campaign_outcomes(shop: DemoShop, campaign: str, days: int) -> pd.DataFrame:
    sent = f"""
        SELECT customer_id, CASE WHEN held_out THEN 'held out' ELSE 'sent' END AS arm,
            sent_at - INTERVAL 600 SECOND AS assigned_at
        FROM messages WHERE campaign_id = '{campaign}'"""
    return shop.sql(OUTCOMES.format(assigned=sent, days=days))


def difference(outcome: pd.DataFrame, arm: str, control: str, measure: str) -> tuple[float, float]:
    """The estimate and its standard error, as anybody would compute them."""
    a, b = (outcome.loc[outcome["arm"] == name, measure] for name in (arm, control))
    return a.mean() - b.mean(), float(np.sqrt(a.var() / len(a) + b.var() / len(b)))


def true_effect(shop: DemoShop, lot_id: str, arm: str, measure: str, where: str = "true") -> float:
    return float(
        shop.sql(f"""
            SELECT avg({measure}_with - {measure}_without) AS effect FROM true_outcomes
            WHERE campaign_id = '{lot_id}' AND arm = '{arm}' AND {where}""")["effect"][0]
    )


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.campaign_id)
def test_what_the_tables_say_is_one_of_the_two_outcomes_of_every_customer(demo_shop: DemoShop, trial) -> None:
    """Exactly: the outcome of the arm that was drawn, to the won."""
    seen = (
        outcomes(demo_shop, trial.experiment, trial.horizon_days)
        if trial.experiment
        else campaign_outcomes(demo_shop, trial.campaign_id, trial.horizon_days)
    ).set_index("customer_id")
    for arm in trial.arms:
        known = demo_shop.sql(f"""
            FROM true_outcomes WHERE campaign_id = '{trial.campaign_id}' AND arm = '{arm.arm}'""")
        known = known.set_index("customer_id").reindex(seen.index)
        drawn, control = seen["arm"] == arm.arm, seen["arm"] == (trial.control_arm or "held out")
        assert (known["drawn"] == drawn).all()
        for measure in MEASURES:
            assert (known.loc[drawn, f"{measure}_with"] == seen.loc[drawn, measure]).all()
            assert (known.loc[control, f"{measure}_without"] == seen.loc[control, measure]).all()


@effects
@pytest.mark.parametrize("measure", MEASURES)
def test_effects_are_at_least_four_standard_errors_and_are_found(
    demo_shop: DemoShop, trial, arm: str, measure: str
) -> None:
    outcome = outcomes(demo_shop, trial.experiment, trial.horizon_days)
    estimate, error = difference(outcome, arm, trial.control_arm, measure)
    truth = true_effect(demo_shop, trial.campaign_id, arm, measure)
    assert truth / error >= 4
    assert abs(estimate - truth) < 4 * error


@effects
def test_some_buy_less_when_written_to_and_new_customers_respond_most(
    demo_shop: DemoShop, trial, arm: str
) -> None:
    effect = {where: true_effect(demo_shop, trial.campaign_id, arm, "orders", where)
              for where in ("averse", "NOT averse AND NOT new", "NOT averse AND new")}  # fmt: skip
    assert effect["averse"] < -0.15
    assert effect["NOT averse AND new"] > 1.4 * effect["NOT averse AND NOT new"] > 0
    by_region = demo_shop.sql(f"""
        SELECT region, avg(orders_with - orders_without) AS effect FROM true_outcomes
        WHERE campaign_id = '{trial.campaign_id}' AND arm = '{arm}' GROUP BY 1""")
    assert len(by_region) == 9


def test_lots_are_fair_and_the_broken_one_is_not(demo_shop: DemoShop) -> None:
    counts = demo_shop.sql("SELECT experiment_id, arm, count(*) n FROM assignments GROUP BY ALL")
    for trial in TRIALS:
        if trial.experiment:
            shares = {trial.control_arm: trial.control}
            shares |= {arm.arm: (1 - trial.control) / len(trial.arms) for arm in trial.arms}
            sizes = counts[counts["experiment_id"] == trial.experiment].set_index("arm")["n"]
            expected = [share * sizes.sum() for share in shares.values()]
            assert chisquare(sizes[list(shares)], expected).pvalue > 6e-5
    a_a = counts[counts["experiment_id"] == "a_a_check"]["n"]
    assert chisquare(a_a).pvalue > 6e-5
    broken = counts[counts["experiment_id"] == "broken_banner"]["n"]
    assert chisquare(broken).pvalue < 1e-12


def before(shop: DemoShop, experiment: str) -> pd.DataFrame:
    """What every assigned customer spent in the 90 days before."""
    return shop.sql(f"""
        SELECT a.customer_id, arm, coalesce(sum(amount), 0)::DOUBLE AS amount
        FROM assignments a LEFT JOIN order_lines l ON l.customer_id = a.customer_id
            AND l.ordered_at < assigned_at AND l.ordered_at >= assigned_at - INTERVAL 90 DAY
        WHERE experiment_id = '{experiment}' GROUP BY ALL""")


def test_the_broken_lot_follows_what_was_spent_before_and_the_others_do_not(demo_shop: DemoShop) -> None:
    def t(experiment: str, one: str, other: str) -> float:
        spent = before(demo_shop, experiment)
        a, b = (spent.loc[spent["arm"] == arm, "amount"] for arm in (one, other))
        return float(ttest_ind(a, b, equal_var=False).statistic)

    assert t("broken_banner", "banner", "control") > 8
    for experiment, one, other in (("a_a_check", "a", "b"), ("coupon_10", "coupon", "control"),
                                   ("message_channel", "sms", "none"),
                                   ("message_channel", "alimtalk", "none")):  # fmt: skip
        assert abs(t(experiment, one, other)) < 4


def test_customers_in_both_arms_are_in_the_broken_experiment_alone(demo_shop: DemoShop) -> None:
    twice = demo_shop.sql("""
        SELECT experiment_id, count(*) n FROM (
            SELECT experiment_id, customer_id FROM assignments GROUP BY ALL HAVING count(DISTINCT arm) > 1)
        GROUP BY 1""").set_index("experiment_id")["n"]
    assert list(twice.index) == ["broken_banner"]
    assert 10 < twice["broken_banner"] < 80


@pytest.mark.parametrize("test", NULL_TESTS, ids=lambda test: test.experiment)
def test_a_null_experiment_shows_nothing_unless_its_lot_is_broken(demo_shop: DemoShop, test) -> None:
    outcome = outcomes(demo_shop, test.experiment, 56)
    estimate, error = difference(outcome, test.arms[1], test.arms[0], "orders")
    if test.experiment == "broken_banner":
        assert estimate / error > 4  # a plausible success, and nothing but the broken trial
    else:
        assert abs(estimate) < 4 * error


def test_assignments_leave_eight_weeks_and_come_after_joining(demo_shop: DemoShop) -> None:
    left = demo_shop.sql("""
        SELECT max(assigned_at) <= TIMESTAMP '2026-01-01' - INTERVAL 56 DAY AS enough,
            min(assigned_at - joined_on) > INTERVAL 0 DAY AS later
        FROM assignments JOIN customers USING (customer_id)""")
    assert left["enough"][0]
    assert left["later"][0]


def test_advertising_reaches_nobody_without_consent_and_nobody_at_night_without_another(
    demo_shop: DemoShop,
) -> None:
    sent = demo_shop.sql("""
        SELECT m.channel, m.kind, m.sent_at, c.advertising, c.night FROM messages m
        ASOF LEFT JOIN consents c
            ON m.customer_id = c.customer_id AND m.channel = c.channel AND m.sent_at >= c.changed_at""")
    advertising = sent[sent["kind"] == "advertising"]
    assert len(advertising) > 20_000
    assert (advertising["advertising"] == True).all()  # noqa: E712 - a missing consent is none
    hour = advertising["sent_at"].dt.hour
    night = advertising[(hour >= 21) | (hour < 8)]
    assert len(night) > 300
    assert (night["night"] == True).all()  # noqa: E712
    informational = sent[sent["kind"] == "informational"]
    assert informational["sent_at"].dt.hour.between(8, 20).all()


def test_consents_change_and_an_opt_out_is_one_of_the_changes(demo_shop: DemoShop) -> None:
    kinds = demo_shop.sql("SELECT source, advertising, count(*) n FROM consents GROUP BY ALL")
    assert set(kinds["source"]) == {"가입", "설정", "메시지"}
    assert not kinds.loc[kinds["source"] == "메시지", "advertising"].any()
    missing = demo_shop.sql("""
        SELECT count(*) n FROM messages m ANTI JOIN consents c ON m.customer_id = c.customer_id
            AND m.channel = c.channel AND NOT c.advertising AND m.unsubscribed_at = c.changed_at
        WHERE unsubscribed_at IS NOT NULL""")
    assert missing["n"][0] == 0


def test_a_tenth_is_held_out_and_gets_nothing(demo_shop: DemoShop) -> None:
    messages = demo_shop.sql("FROM messages")
    held = messages[messages["held_out"]]
    moments = ["delivered_at", "opened_at", "clicked_at", "redeemed_at", "unsubscribed_at", "failed_reason"]
    assert held[moments].isna().all(axis=None)
    assert (held["cost"] == 0).all()
    for trial in TRIALS:
        mine = messages[messages["campaign_id"] == trial.campaign_id]
        assert binomtest(int(mine["held_out"].sum()), len(mine), trial.control).pvalue > 6e-5
    sent = messages[~messages["held_out"]]
    assert (sent["delivered_at"].notna() ^ sent["failed_reason"].notna()).all()
    assert (sent["opened_at"].isna() | (sent["opened_at"] > sent["delivered_at"])).all()
    assert (sent["clicked_at"].isna() | (sent["clicked_at"] > sent["opened_at"])).all()
    assert (sent["redeemed_at"].isna() | (sent["redeemed_at"] > sent["opened_at"])).all()


def test_a_redemption_is_an_order_with_its_discount(demo_shop: DemoShop) -> None:
    """Of the price on the shelf a tenth and any sale are off, whole tens of won."""
    off = demo_shop.sql("""
        SELECT order_id, sum(discount)::DOUBLE / sum(amount + discount)::DOUBLE AS part
        FROM messages m JOIN order_lines l ON l.customer_id = m.customer_id AND l.ordered_at = m.redeemed_at
        GROUP BY 1""")
    used = demo_shop.sql("SELECT count(redeemed_at) n FROM messages")["n"][0]
    assert len(off) == used > 500
    assert off["part"].between(0.099, 0.29).all()


def test_prices_are_round_and_no_product_is_sold_before_its_launch(demo_shop: DemoShop) -> None:
    products = demo_shop.sql("FROM products")
    assert (products["unit_price"] % 100 == 0).all()
    assert ((products["unit_margin"] > 0) & (products["unit_margin"] < products["unit_price"])).all()
    wrong = demo_shop.sql("""
        SELECT count(*) n FROM order_lines JOIN products USING (product_id)
        WHERE amount % 10 != 0 OR launched_on > ordered_at::DATE AND quantity > 0""")
    assert wrong["n"][0] == 0


def test_what_comes_back_was_bought_and_paid_so(demo_shop: DemoShop) -> None:
    back = demo_shop.sql("""
        SELECT r.ordered_at - o.ordered_at AS later, -r.amount = o.amount AS same
        FROM order_lines r LEFT JOIN order_lines o
            ON replace(r.order_id, 'r', 'o') = o.order_id AND r.product_id = o.product_id
        WHERE r.quantity < 0""")
    assert len(back) > 5_000
    assert back["same"].all()
    assert back["later"].between(pd.Timedelta(days=2), pd.Timedelta(days=15)).all()
    share = len(back) / demo_shop.sql("SELECT count(*) n FROM order_lines WHERE quantity > 0")["n"][0]
    assert share == pytest.approx(FULL.return_share, abs=0.004)  # a few come back after the data


def test_guests_have_orders_and_nothing_else(demo_shop: DemoShop) -> None:
    guests = demo_shop.sql("SELECT count(DISTINCT order_id) n FROM order_lines WHERE customer_id IS NULL")[
        "n"
    ][0]
    assert guests > 500
    for table in ("customers", "messages", "assignments", "consents", "points"):
        assert demo_shop.sql(f"SELECT count(*) - count(customer_id) n FROM {table}")["n"][0] == 0


def test_points_never_run_out_and_do_not_live_longer_than_a_year(demo_shop: DemoShop) -> None:
    points = demo_shop.sql("""
        SELECT *, sum(points) OVER (PARTITION BY customer_id ORDER BY occurred_at, kind = 'earned'
            ROWS UNBOUNDED PRECEDING) AS balance FROM points""")
    assert (points["balance"] >= 0).all()
    assert set(points["kind"]) == {"given", "earned", "spent", "expired"}
    assert (points.loc[points["kind"].isin(["spent", "expired"]), "points"] < 0).all()
    old = demo_shop.sql("""
        SELECT sum(points) FILTER (occurred_at < TIMESTAMP '2025-01-01' OR points < 0) AS left_over
        FROM points GROUP BY customer_id""")
    # What came before 2025 is spent or gone by the end of 2025.
    assert (old["left_over"].fillna(0) <= 0).all()


LATE = """
    SELECT p.order_id, date_diff('day', p.occurred_at, d.occurred_at) >= 5 AS late
    FROM order_status p JOIN order_status d USING (order_id)
    WHERE p.status = 'paid' AND d.status = 'delivered'"""


def test_a_late_parcel_lowers_the_score(demo_shop: DemoShop) -> None:
    scores = demo_shop.sql(f"""
        SELECT f.kind, score, late FROM feedback f JOIN ({LATE}) p USING (order_id)""")
    for kind, lower in (("nps", FULL.late_nps), ("csat", FULL.late_stars), ("review", FULL.late_stars)):
        mine = scores[scores["kind"] == kind]
        late, other = (mine.loc[mine["late"] == flag, "score"] for flag in (True, False))
        gap = other.mean() - late.mean()
        error = np.sqrt(other.var() / len(other) + late.var() / len(late))
        assert gap / error > 8
        # The ends of the scale take some of it: three tenths at most.
        assert 0.7 * lower - 4 * error < gap < lower + 4 * error


def test_a_late_parcel_and_an_advertisement_make_customers_leave() -> None:
    """Each reason's parameter, in every order that no message brings."""
    block = Block.simulate(3, 0, 10_000, stock())
    orders = block.orders.take((block.orders.trial == -1) & ~block.people.guest[block.orders.who])
    won = np.isin(block.people.acquired[orders.who], ADVERTISED)
    leaves = np.take(block.departures.at, orders.who) == orders.at
    for is_won, is_late in itertools.product([False, True], repeat=2):
        stays = (
            (1 - FULL.leave) * (1 - is_won * (FULL.leave_ad - FULL.leave)) * (1 - is_late * FULL.leave_late)
        )
        mine = leaves[(won == is_won) & (orders.late == is_late)]
        assert mine.mean() == pytest.approx(1 - stays, abs=4 * np.sqrt(stays * (1 - stays) / len(mine)))


def test_nobody_orders_after_leaving(demo_shop: DemoShop) -> None:
    after = demo_shop.sql("""
        SELECT count(*) n FROM order_lines JOIN true_customers USING (customer_id)
        WHERE quantity > 0 AND ordered_at > left_at""")
    assert after["n"][0] == 0
    why = demo_shop.sql("SELECT left_why, count(*) n FROM true_customers GROUP BY 1").set_index("left_why")[
        "n"
    ]
    assert (why > 500).all()
    assert len(why) == 4


def test_seasons_weekdays_and_hours_have_a_rhythm(demo_shop: DemoShop) -> None:
    orders = demo_shop.sql("""
        SELECT min(ordered_at) AS moment, any_value(channel) AS channel FROM order_lines
        WHERE quantity > 0 AND ordered_at < TIMESTAMP '2025-09-01' GROUP BY order_id""")
    hour, month = orders["moment"].dt.hour, orders["moment"].dt.month
    assert hour[orders["channel"] == "store"].between(11, 20).all()
    assert (hour == 4).mean() < 0.01
    year = orders[orders["moment"].dt.year == 2024]
    assert (year["moment"].dt.month == 11).mean() > 1.4 * (year["moment"].dt.month == 8).mean()
    assert month.nunique() == 12
    coats = demo_shop.sql("""
        SELECT avg((month(ordered_at) IN (11, 12, 1, 2))::INT) AS winter FROM order_lines
        JOIN products USING (product_id) WHERE quantity > 0 GROUP BY subcategory = '코트' ORDER BY 1""")
    assert coats["winter"][1] > 1.2 * coats["winter"][0]


def test_last_active_is_the_last_touch_that_is_seen(demo_shop: DemoShop) -> None:
    late = demo_shop.sql("""
        SELECT count(*) n FROM customers c JOIN (
            SELECT customer_id, max(occurred_at) AS last FROM events GROUP BY 1) e USING (customer_id)
        WHERE e.last > c.last_active_at""")
    assert late["n"][0] == 0
