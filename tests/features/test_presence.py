"""Who is still there: planted shops, peers' AUC, and that the judge sees nothing of what comes later."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from lifetime_shop import END, START, order_table, shop
from sklearn.metrics import roc_auc_score

from crm_utils.features import beyond_rhythm, customer_summary, presence
from crm_utils.features.presence import judge_presence, paired_auc, presence_days, with_alive
from crm_utils.features.purchase_counts import purchase_counts
from crm_utils.sentences.presence import presence_sentence

DAYS = {"first_day": START, "as_of": END}


def steady(customers: int, *, seed: int) -> ibis.expr.types.Table:
    """Orders of a year at each customer's own rate; nobody leaves."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(customers):
        days = np.flatnonzero(rng.random(365) < rng.gamma(2.0, 1 / 60.0))
        rows += [(f"c{k:04d}", START + dt.timedelta(days=int(d)), 10.0) for d in days]
    return order_table(pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]))


@pytest.fixture(scope="module")
def leaving() -> ibis.expr.types.Table:
    return shop(600, seed=5)[0]


@pytest.fixture(scope="module")
def judged(leaving) -> presence.Presence:
    return judge_presence(leaving, **DAYS)


def test_auc_and_its_error_are_those_of_peers() -> None:
    """scikit-learn's areas; DeLong's variance from every pair of customers."""
    rng = np.random.default_rng(3)
    gone = rng.random(800) < 0.4
    first, second = (np.round(gone * shift + rng.normal(size=800), 1) for shift in (1.0, 0.6))
    pair = paired_auc(first, second, gone.astype(float), (~gone).astype(float))
    assert pair is not None
    assert pair[:2] == pytest.approx((roc_auc_score(gone, first), roc_auc_score(gone, second)))
    wins = [np.sign(s[gone][:, None] - s[~gone]) / 2 + 0.5 for s in (first, second)]
    ahead = wins[0] - wins[1]
    variance = sum(np.var(ahead.mean(axis=k), ddof=1) / ahead.shape[1 - k] for k in (0, 1))
    assert pair[3] == pytest.approx(1.959964 * np.sqrt(variance))


def test_a_row_of_several_customers_is_several_rows() -> None:
    rng = np.random.default_rng(4)
    left, back = rng.integers(0, 5, 60).astype(float), rng.integers(0, 5, 60).astype(float)
    scores = rng.normal(size=(2, 60)).round(1)
    at = np.repeat(np.arange(60), (left + back).astype(int))
    gone = np.concatenate([[1.0] * int(a) + [0.0] * int(b) for a, b in zip(left, back, strict=True)])
    alone = paired_auc(scores[0][at], scores[1][at], gone, 1 - gone)
    assert paired_auc(*scores, left, back) == pytest.approx(alone)


def test_where_customers_leave_the_chance_is_given_and_the_own_rhythm_is_worse(judged) -> None:
    assert judged.model in ("mbg_nbd", "pareto_nbd")
    assert judged.gives
    assert judged.alive_auc > judged.silence_auc
    assert "still there" in presence_sentence(judged)


def test_where_nobody_leaves_no_chance_is_given() -> None:
    judged = judge_presence(steady(300, seed=2), **DAYS)
    assert not judged.seen
    assert judged.judge is None
    assert "no model of leaving was clearly better" in presence_sentence(judged)


def test_the_judge_sees_nothing_of_the_last_four_weeks_or_of_later_days(leaving, judged) -> None:
    """Names that follow from it are tested on those days."""
    known = leaving.filter(leaving.ordered_at < dt.datetime.combine(END - dt.timedelta(27), dt.time()))
    late = order_table(
        pd.DataFrame({"customer_id": ["c0001"] * 40, "ordered_at": END + dt.timedelta(9), "amount": 1.0})
    )
    for orders in (known, leaving.union(late)):
        assert judge_presence(orders, **DAYS) == judged


def test_the_column_is_the_models_chance(leaving, judged) -> None:
    summary = customer_summary(leaving, as_of=END)
    rows = with_alive(summary, leaving, as_of=END, model=judged.model).to_pyarrow().to_pandas()
    counts = purchase_counts(leaving, as_of=END).to_pyarrow().to_pandas().set_index("customer_id")
    fit = judged.fit(leaving, as_of=END)
    assert fit is not None
    assert rows["alive"].tolist() == pytest.approx(fit.alive(counts.loc[rows["customer_id"]]).tolist())
    assert len(rows) == len(counts)


def test_a_silence_is_judged_by_the_chance_where_there_is_one(leaving, judged) -> None:
    summary = customer_summary(leaving, as_of=END)
    known = with_alive(summary, leaving, as_of=END, model=judged.model)
    rows = known.mutate(silent=beyond_rhythm(known, chance=0.3)).to_pyarrow().to_pandas()
    assert (rows["silent"] == (rows["alive"] < 0.3)).all()
    assert 0 < rows["silent"].sum() < len(rows)


@pytest.mark.parametrize("orders", [
    order_table(pd.DataFrame({"customer_id": ["a", "b", "c"], "ordered_at": START, "amount": 5.0})),
    order_table(pd.DataFrame({"customer_id": ["a", "a", "b"], "ordered_at": END, "amount": 5.0})),
])  # fmt: skip
def test_without_anything_to_judge_by_the_own_rhythm_stays(orders) -> None:
    judged = judge_presence(orders, **DAYS)
    assert (judged.customers, judged.judge) == (0, None)
    assert judged.fit(orders, as_of=END) is None
    assert "No past day could be judged" in presence_sentence(judged)
    summary = customer_summary(orders, as_of=END)
    assert with_alive(summary, orders, as_of=END, model="mbg_nbd").columns == summary.columns


def test_a_history_of_a_few_days_has_no_past_day() -> None:
    assert presence_days(END, END) == ((), 0)
    assert judge_presence(shop(20, seed=1)[0], first_day=END, as_of=END).customers == 0


def test_a_large_shop_is_judged_by_a_part_of_its_customers(leaving, judged, monkeypatch) -> None:
    monkeypatch.setattr(presence, "_MOST_CUSTOMERS", 300)
    part = judge_presence(leaving, **DAYS)
    assert 220 < part.customers < 380
    assert abs(part.losses[judged.model] - judged.losses[judged.model]) < 0.06
