"""The whole page without a kernel: what it found on CDNOW, on the pure world, and on shops of any kind."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from cdnow import END as CDNOW_END
from demo import load_demo
from lifetime_shop import END, random_shop, shop

from crm_utils import tables, wording
from crm_utils.features import shop_facts
from crm_utils.features.presence import judge_presence
from crm_utils.features.purchase_counts import distinct_counts, gap_pairs, purchase_counts, regularity
from crm_utils.features.purchase_models import fit_purchases
from crm_utils.methods import lifetime_value
from crm_utils.plots import lifetime_value as draw
from crm_utils.sentences import cannot as cannot_words
from crm_utils.sentences import lifetime_value as words
from crm_utils.sentences.presence import presence_sentence
from crm_utils.sources.demo_shop.worlds import PURE


def lines_of(orders: ir.Table) -> ir.Table:
    one = (orders.amount < 0).ifelse(-1, 1).cast("decimal(18, 3)")
    nothing = ibis.literal("0").cast("decimal(18, 2)")
    return orders.mutate(
        product_id=ibis.literal("p"), quantity=one, discount=nothing, channel=ibis.null("string")
    )


def whole(orders: ir.Table, customers: ir.Table | None, *, as_of: dt.date) -> dict[str, Any]:
    """Every step of the notebook; ``cannot`` alone where it says so."""
    facts = shop_facts(lines_of(orders), as_of=as_of)
    why = lifetime_value.cannot(facts, horizon_days=91)
    if why is not None:
        return {"cannot": why, "said": [cannot_words.reason(why), cannot_words.remedy(why)], "numbers": []}
    plan = lifetime_value.plan_origins(facts.first_day, as_of, horizon_days=91)
    panel = lifetime_value.value_panel(
        orders, origins=plan.all, as_of=as_of, horizon_days=plan.horizon_days
    ).cache()
    frame = lifetime_value.value_frame(panel)
    seen = lifetime_value.overview(frame, plan, facts)
    fits = lifetime_value.fit_all(frame, plan, regularity(gap_pairs(orders, as_of=as_of)))
    contest = lifetime_value.run_contest(frame, plan)
    model = lifetime_value.PURCHASE_MODELS[contest.purchase_model]
    followed = lifetime_value.track(orders, model=model, fitted_on=plan.test[0], as_of=as_of)
    independent = lifetime_value.independence(frame[frame["origin"] == as_of])
    honesty = lifetime_value.check_intervals(frame, contest, plan)
    there = judge_presence(orders, first_day=facts.first_day, as_of=as_of)
    presence = {"purchases": there.fit(orders, as_of=as_of), "gives_alive": there.gives}
    valuation = lifetime_value.plan_valuation(
        frame, contest, plan, margin_share=0.3, yearly_rate=0.1, **presence
    )
    values = valuation.table(panel.filter(panel.origin == ibis.date(str(as_of))))
    worth = lifetime_value.worth_of_all(values, contest)
    cohort = lifetime_value.cohort_days(orders, customers, as_of=as_of, history_starts=facts.first_day)
    new = lifetime_value.cohort_value(cohort, margin_share=0.3, yearly_rate=0.1)
    days = {"as_of": as_of, "history_starts": facts.first_day}
    members = lifetime_value.rank_prospects(customers, orders, new, horizon_days=plan.horizon_days, **days)
    again = lifetime_value.look_again(contest, frame)
    cards: list[str] = []
    words.propose(lambda verb, *_, **__: cards.append(verb), new, members, "EUR")
    said = [
        words.data_words(seen), words.leaving_words(fits), words.regularity_words(fits),
        presence_sentence(there),
        words.contest_words(contest), words.independence_words(independent), words.coverage_words(honesty),
        words.worth_words(worth, "EUR"), words.top_words(worth), words.answer(worth, new, "EUR"),
        words.cost_words(new, "EUR"), words.prospect_words(members), words.robustness_words(again, contest),
    ]  # fmt: skip
    words.be_warned(said.append, contest, honesty)
    words.be_sure(said.append, contest, honesty, margin_share=0.3)
    results = (seen, there, fits, contest, followed, independent, honesty, worth, new, members, again)
    return {
        "numbers": [n for result in results for n in result.numbers()], "said": said, "cards": cards,
        "contest": contest, "honesty": honesty, "fits": fits, "new": new, "followed": followed,
        "independent": independent, "values": values, "groups": (values, customers), "members": members,
    }  # fmt: skip


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    return whole(*shop(500, seed=12), as_of=END)


@pytest.mark.simulated
def test_a_planted_shop_says_everything(page) -> None:
    assert page["fits"].leaving_seen
    assert any(card.startswith("Do not pay more than") for card in page["cards"])
    assert all(said and "{" not in said and "nan" not in said.lower() for said in page["said"])
    for number in page["numbers"]:
        if isinstance(number.value, float) and number.low is not None:
            assert number.low <= number.value + 1e-9 >= 0 or number.low <= number.value, number


def test_pictures_and_tables_draw(page) -> None:
    money = wording.money_in("EUR")
    contest, honesty, new = page["contest"], page["honesty"], page["new"]
    names, title = words.contender_names(), words.contest_title(contest)
    draw.contest_errors(contest, names=names, money=money, title=title)
    draw.tracking(page["followed"], title=words.tracking_title(page["followed"]))
    draw.expected_and_actual(honesty, money=money, title=words.calibration_title(honesty))
    ax = draw.payback(new, money=money, title=words.payback_title(new, "EUR"))
    assert "margin" in ax.get_ylabel()
    values, customers = page["groups"]
    shown = [
        words.fit_table(page["fits"]), words.choice_table(contest, "EUR"), words.new_table(new, "EUR"),
        words.measured_table(contest, "EUR"), words.order_value_table(page["independent"], "EUR"),
        words.coverage_table(honesty, "EUR"),
        words.group_table(lifetime_value.worth_of_groups(values, None, customers), "EUR"),
    ]  # fmt: skip
    assert all("<table" in table._repr_html_() for table in shown)


def test_without_a_single_new_customer_the_picture_is_empty_and_not_an_error() -> None:
    columns = ["customer_id", "acquisition_channel", "first_on", "watched", "age", "amount"]
    new = lifetime_value.cohort_value(pd.DataFrame(columns=columns), margin_share=0.3, yearly_rate=0.1)
    assert new.overall is None
    assert new.channels.empty
    ax = draw.payback(new, money=wording.money_in("EUR"), title="x")
    assert not len(ax.get_lines()[0].get_xdata())


def test_every_saved_column_has_its_meaning(page) -> None:
    tables_of = {
        "value": (list(page["values"].column_names), words.value_columns("EUR")),
        "new": (list(page["new"].table.columns), words.new_columns("EUR")),
        "contest": (list(page["contest"].measured.columns), words.contest_columns()),
        "curve": (list(page["honesty"].curve.columns), words.curve_columns("EUR")),
        "prospects": (list(page["members"].table.columns), words.prospect_columns("EUR")),
    }
    for name, (columns, meanings) in tables_of.items():
        assert columns == list(meanings), name


@pytest.mark.parametrize(
    "seed",
    [0, 1, 2, *(pytest.param(seed, marks=[pytest.mark.slow, pytest.mark.many]) for seed in range(3, 12))],
)
def test_a_shop_of_any_kind_is_told_or_refused_in_words(seed: int) -> None:
    analysis = whole(random_shop(np.random.default_rng(seed)), None, as_of=END)
    assert analysis["said"]
    assert all(text and "{" not in text for text in analysis["said"])
    values = [v for n in analysis["numbers"] for v in (n.value, n.low, n.high) if isinstance(v, float)]
    assert np.isfinite(values).all()


@pytest.mark.simulated
def test_on_cdnow_a_model_beats_last_spend_and_leaving_is_seen(cdnow: ir.Table) -> None:
    analysis = whole(cdnow, None, as_of=CDNOW_END)
    assert analysis["fits"].leaving_seen
    assert analysis["contest"].chosen in ("bg_nbd", "mbg_nbd", "pareto_nbd")
    assert analysis["contest"].against("last_window")[2] < 0
    assert "was better than repeating what they spent last" in " ".join(analysis["said"])
    assert 0.8 < analysis["honesty"].overall("conformal")["covered"] < 0.97


@pytest.mark.simulated
def test_the_pure_worlds_parameters_come_back_and_its_intervals_hold(tmp_path) -> None:
    """BG/NBD and Gamma-Gamma to the letter: within 3 standard errors, and covered in every fifth."""
    demo = load_demo(tmp_path, world="pure", customers=6_000)
    orders = tables.orders(ibis.duckdb.connect().read_parquet(demo.snapshot.path("order_lines")))
    as_of = dt.date(2025, 12, 31)
    fit = fit_purchases(distinct_counts(purchase_counts(orders, as_of=as_of)), model="bg_nbd")
    params = fit.params
    truth = {
        "r": (params["r"], PURE.r), "rate": (params["alpha"] / params["r"], PURE.alpha_weeks / PURE.r),
        "leaving_share": (params["a"] / params["b"], PURE.a / PURE.b),
        "a_plus_b": (params["a"] + params["b"], PURE.a + PURE.b),
    }  # fmt: skip
    for name, (estimate, planted) in truth.items():
        assert abs(np.log(estimate / planted)) < 3 * fit.log_errors[name], name
    analysis = whole(orders, None, as_of=as_of)
    assert analysis["contest"].chosen in ("bg_nbd", "mbg_nbd", "pareto_nbd")
    table = analysis["honesty"].covered
    fifths: pd.DataFrame = table[(table["kind"] == "conformal") & (table["group"] > 0)]
    assert ((fifths["covered"] - 0.9).abs() < 0.03 + 3 * np.sqrt(0.18 / fifths["customers"])).all()
