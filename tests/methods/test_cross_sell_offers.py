"""Offers: published measures, nothing of the future, planted habits found, and honest intervals."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from crm_utils.errors import DataError
from crm_utils.features import held_out, period_of
from crm_utils.features.held_out import UNIVERSAL_SHARE
from crm_utils.methods.cross_sell import (
    SCENARIO,
    choose_offers,
    code_baskets,
    count_pairs,
    frequent_itemsets,
    know,
    make_offers,
    pair_lift,
    rule_stability,
    split_days,
    try_offers,
)
from crm_utils.methods.cross_sell.contenders import Known
from crm_utils.methods.cross_sell.history import due_days, item_history, rebuy_chances
from crm_utils.methods.cross_sell.metrics import bootstrap_means, rank_measures
from crm_utils.methods.cross_sell.offers import bought_between
from crm_utils.sentences.cross_sell import offer_reasons

TRUE = {1: {1, 2, 3}, 2: {1, 4, 5, 6, 7}, 3: {2, 5, 6, 8, 9, 10, 11, 12, 13, 14}}
OFFERED = {1: [3, 10, 12], 2: [10, 3, 5, 11, 13], 3: [4, 10, 7, 13, 1, 3, 5, 2, 11, 14]}
AS_OF = dt.date(2024, 6, 30)


def measured(offered: dict[int, list[int]], k: int) -> pd.Series:
    hits = np.array([[r < len(offered[u]) and offered[u][r] in TRUE[u] for r in range(k)] for u in TRUE])
    return rank_measures(hits, np.array([len(items) for items in TRUE.values()])).mean()


def test_measures_as_the_recommenders_project_publishes_them() -> None:
    shares = measured(OFFERED, 10)
    published = {"ndcg": 0.38172, "map": 0.23613, "precision": 0.26666, "recall": 0.37777}
    assert shares[list(published)].to_dict() == pytest.approx(published, abs=1e-4)
    perfect = measured({u: sorted(items) for u, items in TRUE.items()}, 10)
    assert perfect.drop("precision").tolist() == pytest.approx([1] * 5)
    assert perfect["precision"] == pytest.approx(0.6)
    assert measured({u: [100] for u in TRUE}, 10).eq(0).all()


def test_who_wants_nothing_scores_nothing_and_counts() -> None:
    ranked = rank_measures(np.array([[True, False], [False, False]]), np.array([1, 0]))
    assert ranked.mean().to_dict() == pytest.approx(
        {"hit_rate": 0.5, "precision": 0.25, "recall": 0.5, "map": 0.5, "ndcg": 0.5, "mrr": 0.5}
    )
    assert (ranked >= 0).all().all()


def test_bootstrap_intervals_cover_as_they_say() -> None:
    rng = np.random.default_rng(7)
    samples = rng.random((200, 150)) < 0.3
    ends = [bootstrap_means(s[:, None].astype(float), seed=k, draws=300)[:, 0] for k, s in enumerate(samples)]
    covered = np.mean([low <= 0.3 <= high for low, high in ends])
    assert covered == pytest.approx(0.95, abs=0.045)  # three Monte-Carlo errors


def bought(rows: list[tuple[str, str, dt.date]]) -> ir.Table:
    customer, item, day = zip(*rows, strict=True)
    orders = [f"{c} {d}" for c, _, d in rows]
    return ibis.memtable(pa.table({
        "order_id": orders, "item": pa.array(item, pa.string()),
        "customer_id": pa.array(customer, pa.string()), "ordered_on": pa.array(day, pa.date32()),
    }))  # fmt: skip


def left_out(now: Known, *, study: str = "shop") -> np.ndarray:
    given = {"study": study, "period": period_of(AS_OF), "scenario": SCENARIO, "share": 0.25}
    return held_out(now.customers, **given)


@pytest.fixture(scope="module")
def habits() -> ir.Table:
    return two_kinds(sameness=0.5)


def two_kinds(*, sameness: float) -> ir.Table:
    """Two kinds of customers: half buys from a to f, half from p to u, each with favourites; all buy milk."""
    rng = np.random.default_rng(11)
    rows = set()
    for k in range(120):
        shelf = list("abcdef" if k % 2 else "pqrstu")
        weight = rng.dirichlet(np.full(6, sameness))
        for day in range(int(rng.integers(0, 7)), 182, int(rng.integers(5, 12))):
            on = dt.date(2024, 1, 1) + dt.timedelta(days=day)
            basket = set(rng.choice(shelf, size=2, p=0.9 * weight + 0.1 / 6)) | {"milk"}
            rows |= {(f"c{k:03d}", item, on) for item in basket}
    return bought(sorted(rows))


def known(table: ir.Table, day: dt.date) -> Known:
    baskets = code_baskets(table)
    counts = count_pairs(baskets, min_support=0.02, until=[day])
    return know(baskets, as_of=day, days=28, pairs=pair_lift(counts.span(until=day)))


def test_planted_tastes_beat_the_bestsellers(habits: ir.Table) -> None:
    split = split_days(dt.date(2024, 1, 1), AS_OF, days=28)
    baskets = code_baskets(habits)
    counts = count_pairs(baskets, min_support=0.02, until=[split.train_to, split.validate_to])
    contest = try_offers(baskets, split, k=3, counts=counts)
    assert contest.winners["new"] in {"cosine", "rules", "rules_by_confidence", "rules_by_raw_lift"}
    assert contest.winners["reminder"] in {"frequency", "timing"}
    assert (contest.gains["low"] > 0).all()
    tested = contest.tested("ndcg")
    assert ((tested["low"] <= tested["value"]) & (tested["value"] <= tested["high"])).all()
    assert set(tested.loc[tested["winner"], "method"]) == set(contest.winners.values())


def test_orders_brought_together_in_parts_are_the_same(
    habits: ir.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = code_baskets(habits)
    monkeypatch.setattr("crm_utils.methods.cross_sell.coded.MOST_LINES", 2_000)
    assert habits.count().to_pyarrow().as_py() > 3 * 2_000
    parts = code_baskets(habits)
    by = ["customer", "day", "item", "size", "part"]  # numbers of baskets are the engine's own
    rows = [
        one.rows.to_pyarrow().to_pandas()[by].sort_values(by, ignore_index=True) for one in (whole, parts)
    ]
    pd.testing.assert_frame_equal(*rows)
    assert parts.orders.basket.nunique().to_pyarrow().as_py() == whole.orders.count().to_pyarrow().as_py()


def test_a_part_of_the_customers_is_drawn_whole_and_keeps_its_numbers(habits: ir.Table) -> None:
    baskets = code_baskets(habits)
    assert baskets.of_some(120, seed=1) is baskets
    some = baskets.of_some(60, seed=1)
    rows, drawn = baskets.rows.to_pyarrow().to_pandas(), some.rows.to_pyarrow().to_pandas()
    chosen = drawn["customer"].unique()
    assert 40 <= len(chosen) <= 80  # 60 drawn by lot, three standard errors and more
    of_these = rows[rows["customer"].isin(chosen)]
    by = list(rows.columns)
    pd.testing.assert_frame_equal(
        drawn.sort_values(by, ignore_index=True), of_these.sort_values(by, ignore_index=True)
    )
    assert set(some.customers[chosen]) < set(baskets.customers)
    other = baskets.of_some(60, seed=2).rows.to_pyarrow().to_pandas()
    assert set(other["customer"]) != set(chosen)


def test_more_customers_than_are_compared_are_drawn(
    habits: ir.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_utils.methods.cross_sell.contest.MOST_CUSTOMERS", 60)
    split = split_days(dt.date(2024, 1, 1), AS_OF, days=28)
    baskets = code_baskets(habits)
    counts = count_pairs(baskets, min_support=0.02, until=[split.train_to, split.validate_to])
    contest = choose_offers(baskets, split, k=3, saved=3, counts=counts, seed=1)
    drawn = bought_between(baskets.of_some(60, seed=1), split.validate_to, split.test_to)
    assert contest.customers == drawn["customer"].nunique() < 120


def test_numbered_baskets_still_say_their_items(habits: ir.Table) -> None:
    coded = code_baskets(habits)
    rows, then = coded.rows.to_pyarrow().to_pandas(), habits.to_pyarrow().to_pandas()
    assert (
        pd.Series(coded.items[rows["item"]]).value_counts().to_dict() == then["item"].value_counts().to_dict()
    )
    assert rows["basket"].nunique() == then["order_id"].nunique()
    sets = [frequent_itemsets(baskets, min_support=0.01).table for baskets in (coded, habits)]
    pd.testing.assert_frame_equal(*sets)


@pytest.mark.parametrize("new", ["popularity", "cosine", "rules"])
@pytest.mark.parametrize("reminder", ["frequency", "timing"])
def test_who_learns_what_is_asked_alone_offers_the_same(habits: ir.Table, new: str, reminder: str) -> None:
    whole, winners = known(habits, AS_OF), {"new": new, "reminder": reminder}
    baskets = code_baskets(habits)
    pairs = pair_lift(count_pairs(baskets, min_support=0.02))
    part = know(baskets, as_of=AS_OF, days=28, pairs=pairs, methods=winners.values())
    assert len(part.weights) < len(whole.weights)
    offers = [make_offers(one, winners, k=3, held_out=left_out(one)) for one in (whole, part)]
    pd.testing.assert_frame_equal(*offers)


def test_nothing_after_the_day_is_seen(habits: ir.Table) -> None:
    day = dt.date(2024, 5, 1)
    later, then = known(habits, day), known(habits.filter(habits.ordered_on <= day), day)
    for name in ("popularity", "items", "customers"):
        assert (getattr(later, name) == getattr(then, name)).all()
    assert (later.chances != then.chances).nnz == (later.times != then.times).nnz == 0
    assert all((later.weights[name] == then.weights[name]).all() for name in then.weights)


def test_offers_are_new_or_not_as_the_task_says_and_customers_are_held_out_whole(habits: ir.Table) -> None:
    now = known(habits, AS_OF)
    winners = {"new": "cosine", "reminder": "timing"}
    offers = make_offers(now, winners, k=3, held_out=left_out(now))
    due = now.due.to_pyarrow().to_pandas()
    items = code_baskets(habits).items[due["item"]]
    had = set(zip(now.customers[np.searchsorted(now.numbers, due["customer"])], items, strict=True))
    pairs = list(zip(offers["customer_id"], offers["item"], strict=True))
    assert [pair in had for pair in pairs] == (offers["task"] == "reminder").tolist()
    assert (
        offers.groupby(["customer_id", "task"])["rank"]
        .apply(lambda r: r.tolist() == [*range(1, len(r) + 1)])
        .all()
    )
    assert offers.groupby("customer_id")["holdout"].nunique().eq(1).all()
    assert offers.drop_duplicates("customer_id")["holdout"].mean() == pytest.approx(0.25, abs=0.12)
    pd.testing.assert_frame_equal(offers, make_offers(now, winners, k=3, held_out=left_out(now)))
    for task, method in (("new", "segment_popularity"), ("new", "rules"), ("reminder", "frequency")):
        some = make_offers(now, {task: method}, k=2, held_out=left_out(now))
        assert offer_reasons(some).str.len().gt(10).all()
        assert some["reason_code"].isin({"goes_with", "bestseller", "bought_before"}).all()


def test_one_more_customer_changes_nobody_elses_side(habits: ir.Table) -> None:
    """A control redrawn at every run has soon been sent everything."""
    first = bought([("a customer before all others", "milk", AS_OF)])
    drawn = [
        make_offers(now, {"reminder": "frequency"}, k=1, held_out=left_out(now))
        .drop_duplicates("customer_id").set_index("customer_id")["holdout"]
        for now in (known(table, AS_OF) for table in (habits, habits.union(first)))
    ]  # fmt: skip
    assert drawn[1].index.difference(drawn[0].index).tolist() == ["a customer before all others"]
    assert (drawn[1].reindex(drawn[0].index) == drawn[0]).all()


def test_the_share_held_out_is_the_declared_one(habits: ir.Table) -> None:
    now, winners = known(habits, AS_OF), {"reminder": "frequency"}
    held = [
        make_offers(now, winners, k=1, held_out=left_out(now, study=f"shop {number}"))
        .drop_duplicates("customer_id")["holdout"].sum()
        for number in range(20)
    ]  # fmt: skip
    share = UNIVERSAL_SHARE + (1 - UNIVERSAL_SHARE) * 0.25
    assert binomtest(int(sum(held)), 20 * len(now.customers), share).pvalue > 0.001


def test_an_item_is_due_by_the_customers_own_pace() -> None:
    rows = [("often", "milk", dt.date(2024, 6, d)) for d in range(1, 29, 3)]
    rows += [("seldom", "milk", dt.date(2024, m, 1)) for m in (1, 3, 5)]
    baskets = code_baskets(bought(rows))
    table = due_days(item_history(baskets, as_of=AS_OF), items=len(baskets.items), as_of=AS_OF)
    due = table.to_pyarrow().to_pandas()
    due.index = pd.Index(baskets.customers[due["customer"]])
    assert due.loc["often", "gap_days"] < 8 < 35 < due.loc["seldom", "gap_days"]
    assert due.loc["often", ["times", "silent_days", "recent"]].tolist() == [10, 2, 1]
    assert due.loc["seldom", ["times", "silent_days", "recent"]].tolist() == [3, 60, 0]
    often = ibis.memtable(due.loc[["often"], ["customer", "item"]])
    chances = rebuy_chances(table, often)
    assert chances.between(0, 1).all()
    assert chances.nunique() == 2


def test_a_rule_holds_when_the_rest_shows_it_too() -> None:
    alike = two_kinds(sameness=20)
    split_on = dt.date(2024, 3, 31)
    counts = count_pairs(code_baskets(alike), min_support=0.02, until=[split_on])
    stability = rule_stability(counts, split_on=split_on, min_rule_support=0.02, min_confidence=0.1)
    assert stability.hold_share is not None
    assert (stability.table.loc[stability.table["holds"], "low_rest"] > 1).all()
    apart = stability.table.apply(
        lambda r: (r["antecedent"] in "abcdef") == (r["consequent"] in "abcdef"), axis=1
    )
    assert apart.all()  # nothing is claimed across the two kinds of customers


def test_a_period_too_short_to_split_is_refused() -> None:
    with pytest.raises(DataError, match="5 days of data are too few to learn from"):
        split_days(dt.date(2024, 1, 1), dt.date(2024, 1, 5), days=28)
    assert split_days(dt.date(2024, 1, 1), dt.date(2024, 1, 6), days=28).days == 1
