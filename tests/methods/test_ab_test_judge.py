"""From tables to verdict on shops with planted truth, and every kind of bad input."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from ab_shop import AS_OF, declare, shop
from scipy.stats import binom

from crm_utils.errors import DataError, StudyError
from crm_utils.experiments import CATALOGUE, Metric
from crm_utils.features import Number
from crm_utils.methods.ab_test import Tables, judge, orders_with_margin, validity_table
from crm_utils.methods.ab_test.assignment import assigned, one_arm_each
from crm_utils.methods.ab_test.effects import compare
from crm_utils.methods.ab_test.moments import exact_sums
from crm_utils.methods.ab_test.outcomes import customer_outcomes
from crm_utils.methods.ab_test.report import results_table, verdict_table
from crm_utils.methods.ab_test.verdict import Verdict, guardrails, overall

ORDERS = Metric(name="orders", **CATALOGUE["orders"])


def with_tables(tables: Tables, **more: Any) -> Tables:
    return Tables(**{**vars(tables), **more})


@pytest.fixture(scope="module")
def shipped() -> Any:
    plan = declare(segments=["region", "before"], trigger={"event": "visit"}, campaigns={"coupon": "k1"})
    return judge(plan, shop(seed=1, extra=0.3, twice=7), as_of=AS_OF)


def test_a_real_effect_ships_with_its_worth(shipped: Any) -> None:
    assert [v.word for v in shipped.verdicts] == ["ship"]
    effect = shipped.effect("orders", "coupon")
    assert effect["low"] < 0.3 < effect["high"]
    table = verdict_table([shipped]).iloc[0]
    n = shipped.sums["coupon"].n
    assert table["incremental_orders"] == pytest.approx(effect["effect"] * n)
    assert (table["money_metric"], table["code"]) == ("contribution", "better")
    assert table["money_low"] > 0
    assert shipped.complete
    assert shipped.incomplete == 0


def test_one_customer_in_two_arms_is_counted_left_out_and_warned_of(shipped: Any) -> None:
    assert int(shipped.counts["in_two_arms"].sum()) == 7
    assert sum(s.n for s in shipped.sums.values()) == 4_000 - 7
    # A code and its numbers: the words are made where they are shown.
    assert shipped.warnings == [("in_two_arms", {"customers": 7})]
    saved = results_table([shipped]).iloc[0]
    assert (saved["in_two_arms"], saved["incomplete"]) == (7, 0)
    assert saved["control_customers"] + saved["treatment_customers"] == 4_000 - 7


def test_contribution_is_margin_less_discount_less_messages(shipped: Any) -> None:
    """Every order keeps 9,000, and the coupon's arm paid 20 for one message."""
    orders, contribution = (shipped.effect(name, "coupon") for name in ("orders", "contribution"))
    assert contribution["effect_plain"] == pytest.approx(9_000 * orders["effect_plain"] - 20)
    assert shipped.exposure.to_dict("records") == [
        {"arm": "coupon", "campaign_id": "k1", "customers": shipped.sums["coupon"].n, "before": 0}
    ]


def test_weeks_add_up_to_the_whole_effect(shipped: Any) -> None:
    assert shipped.weeks["effect"].sum() == pytest.approx(shipped.effect("orders", "coupon")["effect_plain"])


def test_segments_are_corrected_and_small_ones_left_out(shipped: Any) -> None:
    regions = shipped.segments["region"]
    assert regions["segment"].tolist() == ["부산", "서울"]
    assert (regions["p_adjusted"] >= regions["p"]).all()
    assert len(set(regions["p_differ"])) == 1


def test_the_triggered_are_half_and_their_arms_are_tested_too(shipped: Any) -> None:
    row = shipped.triggered.iloc[0]
    assert row["share"] == pytest.approx(0.5, abs=0.01)
    assert row["on_all"] == pytest.approx(row["effect"] * row["share"])
    assert row["ratio_p"] > 0.001


def test_a_broken_lot_is_stopped_without_any_effect() -> None:
    one = judge(declare(), shop(seed=2, extra=0.3, loses=0.5), as_of=AS_OF)
    assert (one.ratio.verdict, one.word) == ("stop", "none")
    numbers = {n.name: n for n in one.numbers("KRW")}
    assert numbers["coupon.verdict"].value == "none"
    assert numbers["coupon.srm_p"].value < 0.001
    assert numbers["coupon.orders.coupon.effect"] == Number("coupon.orders.coupon.effect", None, "orders")
    assert results_table([one])["effect"].isna().all()
    assert pd.isna(verdict_table([one])["money"]).all()
    assert validity_table([one])["sample_ratio"].tolist() == ["stop"]


def test_numbers_are_recorded_with_low_high_and_p(shipped: Any) -> None:
    numbers = {n.name: n for n in shipped.numbers("KRW")}
    effect = numbers["coupon.orders.coupon.effect"]
    assert effect.low < effect.value < effect.high
    assert 0 < effect.p < 0.05
    assert numbers["coupon.verdict"].value == "ship"
    points = numbers["coupon.conversion.coupon.effect"]
    assert points.unit == "percentage points"  # a share of the control would be a percentage
    assert points.value == pytest.approx(100 * shipped.effect("conversion", "coupon")["effect"])
    assert numbers["coupon.declaration"].value == shipped.experiment.fingerprint
    saved = results_table([shipped])
    assert set(saved["declaration"]) == {shipped.experiment.fingerprint}


@pytest.mark.parametrize("extra", [0.0, 0.3])
def test_planted_effects_are_covered_at_the_nominal_rate(extra: float) -> None:
    """Forty experiments of 500 customers; more misses than one in a thousand would be a broken interval."""
    tables = shop(seed=100, customers=20_000, extra=extra)
    number = tables.assignments.customer_id.substr(1).cast("int64") % 40
    many = tables.assignments.mutate(experiment_id=number.cast("string"))
    rows = customer_outcomes(one_arm_each(assigned(many)), tables.orders, horizon_days=56, before_days=91)
    sums = exact_sums(rows, [ORDERS], by=("experiment_id", "arm"))
    comparisons = [compare(sums[str(k), "control"], sums[str(k), "coupon"], ORDERS) for k in range(40)]
    assert sum(f.low <= extra <= f.high for f in comparisons) >= binom.ppf(0.001, 40, 0.95)


def test_two_arms_that_are_the_same_cannot_be_told_apart() -> None:
    words = [judge(declare(), shop(seed=s, customers=1_000), as_of=AS_OF).word for s in range(3)]
    assert words.count("cannot tell") >= 2
    assert set(words) <= {"cannot tell", "ship", "stop"}


def test_three_arms_are_judged_one_by_one() -> None:
    tables = shop(seed=4, extra=0.3, arms=("none", "sms", "alimtalk"))
    plan = declare(arms={"none": 1, "sms": 1, "alimtalk": 1}, control="none")
    one = judge(plan, tables, as_of=AS_OF)
    assert [(v.arm, v.word) for v in one.verdicts] == [("sms", "ship"), ("alimtalk", "ship")]
    primary = one.effects[one.effects["role"] == "primary"]
    assert (primary["p_adjusted"] >= primary["p"]).all()
    assert (primary["p_adjusted"] > primary["p"]).any()


def test_before_the_horizon_it_goes_on_unless_an_honest_look_decides() -> None:
    tables = shop(seed=1, extra=0.3)
    early = dt.date(2025, 11, 12)
    cut = with_tables(
        tables, orders=tables.orders.filter(tables.orders.ordered_at < dt.datetime(2025, 11, 13))
    )
    one = judge(declare(), cut, as_of=early)
    assert not one.complete
    assert one.word in ("go on", "ship")
    assert (one.word == "ship") == bool(one.sequence["decided"].any())
    assert one.incomplete == 4_000 - sum(s.n for s in one.sums.values())
    weak = judge(declare(), shop(seed=1), as_of=early)
    assert weak.word == "go on"
    nothing = judge(declare(), tables, as_of=dt.date(2025, 9, 30))
    assert (nothing.word, nothing.incomplete) == ("go on", 4_000)


def test_who_may_still_come_keeps_it_going() -> None:
    """Everybody who came is complete, but its last day or the planned number is not there yet."""
    tables = shop(seed=1, extra=0.3)
    assert judge(declare(ends_on="2025-09-28"), tables, as_of=AS_OF).complete
    # With neither an end nor a number, more may always come: it is never complete (a batch may be over).
    for plan in ({"ends_on": "2026-01-31"}, {"customers": 5_000}, {}):
        one = judge(declare(**{"ends_on": None} | plan), tables, as_of=AS_OF)
        assert (one.complete, one.incomplete) == (False, 0)
        assert one.looks.empty or (one.looks["fraction"] < 1).all()
    assert judge(declare(ends_on=None, customers=4_000), tables, as_of=AS_OF).complete


def test_on_the_way_money_and_guardrails_are_judged_at_all_times() -> None:
    """Between the interval of one look and that of all: it stops at the end, and goes on before."""
    tables, early = shop(seed=2), dt.date(2025, 11, 16)
    at_end = judge(declare(guardrails=[]), tables, as_of=AS_OF).effect("contribution", "coupon")
    # As dear as makes the end's interval lie just below nothing.
    more = (at_end["high"] + 0.2 * at_end["error"]) + 20
    dear = with_tables(tables, messages=tables.messages.mutate(cost=tables.messages.cost + round(more)))
    assert judge(declare(guardrails=[]), dear, as_of=AS_OF).verdicts[0].code == "costs"
    before = judge(declare(guardrails=[]), dear, as_of=early)
    assert (before.complete, before.word) == (False, "go on")


def test_at_midnight_the_day_before_is_a_horizons_last() -> None:
    tables = shop(seed=1, customers=400)
    whole = tables.assignments.mutate(assigned_at=ibis.literal(dt.datetime(2025, 9, 15)).cast("timestamp(6)"))
    at_midnight = with_tables(tables, assignments=whole)
    assert judge(declare(horizon_days=28), at_midnight, as_of=dt.date(2025, 10, 12)).complete
    assert not judge(declare(horizon_days=28), at_midnight, as_of=dt.date(2025, 10, 11)).complete


def test_a_broken_guardrail_stops_what_sells_more() -> None:
    tables = shop(seed=1, extra=0.3)
    rng = np.random.default_rng(1)
    left = tables.messages.mutate(unsubscribed_at=tables.messages.sent_at)
    share = left.filter(left.message_id.cast("int64") % 10 < int(rng.integers(3, 4)))
    one = judge(declare(), with_tables(tables, messages=share), as_of=AS_OF)
    state = guardrails(one.effects, one.experiment).iloc[0]
    assert (state["state"], one.word) == ("broken", "stop")
    assert (one.verdicts[0].code, one.verdicts[0].metrics) == ("guardrail", ("unsubscribed",))


def test_what_costs_more_than_it_brings_is_stopped() -> None:
    tables = shop(seed=1, extra=0.3)
    dear = tables.messages.mutate(cost=tables.messages.cost * 1_000)
    one = judge(declare(guardrails=[]), with_tables(tables, messages=dear), as_of=AS_OF)
    assert (one.word, one.verdicts[0].code) == ("stop", "costs")


def test_without_margins_messages_and_a_past_it_is_judged_all_the_same() -> None:
    tables = shop(seed=1, extra=0.3)
    unpriced = tables.orders.mutate(margin=tables.orders.margin.nullif(tables.orders.margin))
    bare = Tables(tables.assignments, unpriced)
    one = judge(declare(before_days=0), bare, as_of=AS_OF)
    assert "contribution" not in set(one.effects["metric"])
    assert "unsubscribed" not in set(one.effects["metric"])
    assert one.effect("orders", "coupon")["theta"] == 0
    assert one.effect("orders", "coupon")["effect"] == one.effect("orders", "coupon")["effect_plain"]


def test_orders_that_all_lie_before_the_assignment_are_named() -> None:
    tables = shop(seed=1, customers=200)
    days = dt.timedelta(days=90)
    late = tables.assignments.mutate(assigned_at=tables.assignments.assigned_at + days)
    old = tables.orders.filter(tables.orders.ordered_at < dt.datetime(2025, 12, 1))
    with pytest.raises(DataError, match=r"every order lies before the first assignment .* after the fact\?"):
        judge(declare(horizon_days=5), with_tables(tables, assignments=late, orders=old), as_of=AS_OF)


def test_arms_and_segments_that_nobody_declared_are_named() -> None:
    tables = shop(seed=1, customers=200)
    with pytest.raises(DataError, match="customers in an arm 'coupon'. Did you mean 'cupon'\\?"):
        judge(declare(arms={"control": 1, "cupon": 1}), tables, as_of=AS_OF)
    with pytest.raises(StudyError, match="No segment 'regoin'.*Did you mean 'region'"):
        judge(declare(segments=["regoin"]), tables, as_of=AS_OF)


def test_an_arm_without_customers_stops_the_experiment() -> None:
    tables = shop(seed=1, customers=400)
    one = judge(declare(arms={"control": 1, "coupon": 1, "sms": 1}), tables, as_of=AS_OF)
    assert one.word == "none"
    assert "nobody" in set(one.effects["status"])


def test_returns_are_negative_and_count_as_such() -> None:
    tables = shop(seed=1, customers=400)
    orders = tables.orders.mutate(amount=-tables.orders.amount)
    one = judge(declare(), with_tables(tables, orders=orders), as_of=AS_OF)
    assert one.sums["control"].totals["orders"] == 0
    assert one.sums["control"].totals["amount"] < 0
    assert one.word in ("cannot tell", "stop")
    assert one.effect("orders", "coupon")["status"] == "constant"


def test_margins_are_of_lines_and_a_coupon_is_counted_once() -> None:
    lines = ibis.memtable({
        "order_id": ["1", "1", "2"], "customer_id": ["a", "a", "b"], "product_id": ["p", "q", "p"],
        "ordered_at": ["2025-01-01"] * 3, "quantity": [2, 1, -1], "amount": [18.0, 5.0, -10.0],
        "discount": [2.0, None, 0.0],
    }).cast({"ordered_at": "timestamp", "quantity": "decimal(18, 3)", "amount": "decimal(18, 2)",
             "discount": "decimal(18, 2)"})  # fmt: skip
    products = ibis.memtable({"product_id": ["p"], "unit_margin": [4.0]}).cast(
        {"unit_margin": "decimal(18, 2)"}
    )
    by_order = orders_with_margin(lines, products).order_by("order_id").to_pyarrow().to_pylist()
    assert [float(row["margin"]) for row in by_order] == [
        2 * 4 - 2,
        -4,
    ]  # q has no margin: nothing but its discount
    # Bought at 8 instead of 10 and brought back: 8 are paid back, and the goods, worth 6, are there again.
    money = dict.fromkeys(["unit_margin", "unit_price"], "decimal(18, 2)")
    listed = ibis.memtable({"product_id": ["p"], "unit_margin": [4.0], "unit_price": [10.0]}).cast(money)
    once = lines.filter(lines.order_id == "1", lines.product_id == "p").mutate(
        quantity=ibis.literal(1).cast("decimal(18, 3)"), amount=ibis.literal(8).cast("decimal(18, 2)")
    )
    for discount in (0, -2):  # a return may carry its discount or not
        back = once.mutate(order_id=ibis.literal("3"), quantity=-once.quantity, amount=-once.amount,
                           discount=ibis.literal(discount).cast("decimal(18, 2)"))  # fmt: skip
        both = orders_with_margin(once.union(back), listed).order_by("order_id").to_pyarrow().to_pylist()
        assert [float(row["margin"]) for row in both] == [2, -2]


def test_words_of_several_arms_become_one() -> None:
    def word(*words: str) -> str:
        return overall([Verdict("x", w, "undecided") for w in words])

    assert word("ship", "stop") == "ship"
    assert word("go on", "cannot tell") == "go on"
    assert word("stop", "stop") == "stop"
    assert word("none", "ship") == "none"
