"""Lapse, its cause and its repair: against a linear model, planted truths and counts by hand."""

from __future__ import annotations

import datetime as dt
import math

import ibis
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from crm_utils.methods.feedback import (
    Kept,
    Themes,
    adjusted_difference,
    answer_outcomes,
    cells,
    closed_loop,
    delivery_of_orders,
    kept_value,
    late_parcels,
    repairs,
    score_and_lapse,
)

DAY = dt.date(2024, 6, 30)
TEXT = "string"
TIME = "timestamp(6)"
KINDS = {
    "orders": {"order_id": TEXT, "customer_id": TEXT, "ordered_at": TIME, "amount": "decimal(18,2)"}
    | {"channel": TEXT},
    "feedback": {
        "feedback_id": TEXT,
        "customer_id": TEXT,
        "order_id": TEXT,
        "submitted_at": TIME,
        "kind": TEXT,
    }
    | {"score": "int64", "text": TEXT, "resolved_at": TIME},
    "status": {"order_id": TEXT, "status": TEXT, "occurred_at": TIME},
}


def tables(**rows: list[tuple]) -> dict[str, ibis.expr.types.Table]:
    return {
        name: ibis.memtable(pd.DataFrame(each, columns=list(KINDS[name])), schema=KINDS[name])
        for name, each in rows.items()
    }


def shop(seed: int, *, late_effect: float, score_effect: float, customers: int = 6000) -> dict:
    """One parcel a customer, late for a fifth; late parcels get low scores; who comes back is drawn."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[tuple]] = {"orders": [], "feedback": [], "status": []}
    at = dt.datetime(2024, 3, 1, 10)
    for c in range(customers):
        late = rng.random() < 0.2
        low = rng.random() < (0.7 if late else 0.15)
        for k in range(int(rng.integers(1, 4))):
            rows["orders"].append((f"o{c}-{k}", f"c{c}", at - dt.timedelta(days=30 * k), 50, "web"))
        if rng.random() >= 0.3 + late_effect * late + score_effect * low:
            back = at + dt.timedelta(days=int(rng.integers(15, 60)))
            rows["orders"].append((f"o{c}-b", f"c{c}", back, 80, "web"))
        came = at + dt.timedelta(days=8 if late else 2)
        rows["status"] += [(f"o{c}-0", "paid", at), (f"o{c}-0", "delivered", came)]
        score = int(rng.integers(0, 7)) if low else int(rng.integers(7, 11))
        rows["feedback"].append(
            (f"f{c}", f"c{c}", f"o{c}-0", at + dt.timedelta(days=10), "nps", score, "", None)
        )
    return tables(**rows)


def judged(made: dict) -> tuple:
    delivery = delivery_of_orders(made["status"], late_days=5).cache()
    rows = answer_outcomes(made["feedback"], made["orders"], as_of=DAY, horizon_days=56, delivery=delivery)
    return score_and_lapse(cells(rows, ["low", "delivery", "frequency"]).to_pandas()), delivery


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_score_without_an_effect_of_its_own_is_told_from_the_late_parcel(seed: int) -> None:
    result, _ = judged(shop(seed, late_effect=0.25, score_effect=0.0))
    assert result.verdict == "cause_shown"
    assert result.cause.low <= 0.25 <= result.cause.high
    assert result.within.low <= 0 <= result.within.high
    assert result.plain.low > 0.05  # as if the score did it
    assert result.customers == 6000


def test_a_score_with_an_effect_of_its_own_is_found_too() -> None:
    result, _ = judged(shop(10, late_effect=0.1, score_effect=0.2))
    assert result.verdict == "score_too"
    assert result.within.low <= 0.2 <= result.within.high


def test_where_nothing_was_planted_nothing_is_found() -> None:
    assert judged(shop(11, late_effect=0.0, score_effect=0.0))[0].verdict == "not_shown"


def test_without_deliveries_the_cause_is_unknown() -> None:
    made = shop(12, late_effect=0.25, score_effect=0.0)
    rows = answer_outcomes(made["feedback"], made["orders"], as_of=DAY, horizon_days=56)
    result = score_and_lapse(cells(rows, ["low", "delivery", "frequency"]).to_pandas())
    assert (result.verdict, result.within, result.cause) == ("unknown_cause", None, None)


def test_the_difference_is_that_of_a_linear_model_with_a_constant_a_stratum() -> None:
    rng = np.random.default_rng(1)
    people = pd.DataFrame({"stratum": rng.integers(0, 4, 900), "exposed": rng.random(900) < 0.3})
    people["lapsed"] = (rng.random(900) < 0.2 + 0.1 * people["stratum"] + 0.15 * people["exposed"]).astype(
        int
    )
    counts = people.assign(customers=1)
    result = adjusted_difference(counts, counts["exposed"], ["stratum"])
    design = pd.get_dummies(people["stratum"]).astype(float).assign(exposed=people["exposed"].astype(float))
    fit = sm.OLS(people["lapsed"], design).fit(cov_type="HC1")
    assert result.value == pytest.approx(fit.params["exposed"], abs=1e-12)
    assert (result.high - result.low) == pytest.approx(2 * 1.96 * fit.bse["exposed"], rel=0.05)


@pytest.mark.simulated
def test_its_interval_holds_the_truth_in_nineteen_of_twenty() -> None:
    rng = np.random.default_rng(20)
    held = 0
    for _ in range(2000):
        n = rng.integers(15, 60, (3, 2))
        p = np.array([[0.2, 0.35], [0.4, 0.55], [0.6, 0.75]])
        x = rng.binomial(n, p)
        counts = pd.DataFrame({
            "stratum": np.repeat([0, 1, 2], 2), "exposed": [False, True] * 3,
            "customers": n.ravel(), "lapsed": x.ravel(),
        })  # fmt: skip
        result = adjusted_difference(counts, counts["exposed"], ["stratum"])
        held += result.low <= 0.15 <= result.high
    assert 0.94 <= held / 2000 <= 0.965


def test_without_a_counterpart_nothing_is_said() -> None:
    counts = pd.DataFrame({"stratum": [0, 1], "customers": [50, 50], "lapsed": [5, 9]})
    result = adjusted_difference(counts, pd.Series([True, False]), ["stratum"])
    assert math.isnan(result.value)
    assert (result.known, result.overlap) == (False, 0.0)
    few = pd.DataFrame({"stratum": [0, 0], "customers": [4, 50], "lapsed": [4, 9]})
    assert not adjusted_difference(few, pd.Series([True, False]), ["stratum"]).known


def test_a_planted_late_parcel_is_priced_by_customers_times_difference_times_margin() -> None:
    made = shop(13, late_effect=0.25, score_effect=0.0)
    delivery = delivery_of_orders(made["status"], late_days=5).cache()
    late = late_parcels(made["orders"], delivery, as_of=DAY, horizon_days=60)
    assert late[1] == 0  # all parcels are older
    words = {name: [] for name in ("word", "low", "high", "customers", "z", "stable", "quote")}
    used = pd.DataFrame({"feedback_id": [], "word": []})
    themes = Themes(pd.DataFrame(words), 0, 0, "blanks", math.nan, used)
    wrote = pd.DataFrame({c: [] for c in ("feedback_id", "person", "day", "delivery", "frequency", "lapsed")})
    given = {"kept": Kept(100.0, 2.0, 900), "as_of": DAY, "margin_share": 0.3, "horizon_days": 60}
    result = repairs((late[0], 400), wrote, themes, **given)
    row = result.table.iloc[0]
    assert row["low"] <= 0.25 <= row["high"]
    assert row["value"] == pytest.approx(400 * row["difference"] * 30)
    assert row["value_low"] < row["value"] < row["value_high"]
    assert result.sure["repair"].tolist() == ["late"]
    assert repairs((late[0], 4), wrote, themes, **given).table.empty  # of fewer than five customers
    assert repairs((None, 0), wrote, themes, **given).table.empty


def test_what_one_who_comes_back_spends_is_that_of_a_loop() -> None:
    made = shop(14, late_effect=0.0, score_effect=0.0, customers=300)
    frame = made["orders"].to_pandas()
    day = frame["ordered_at"].dt.date
    recent = frame[(day >= DAY - dt.timedelta(days=89)) & (day <= DAY)]
    each = recent.groupby("customer_id")["amount"].sum().astype(float)
    kept = kept_value(made["orders"], as_of=DAY, horizon_days=90)
    assert (kept.customers, kept.mean) == (len(each), pytest.approx(each.mean()))
    assert kept.error == pytest.approx(each.std(ddof=0) / math.sqrt(len(each)))


def test_an_answer_that_is_too_young_is_not_judged_and_one_a_customer_counts() -> None:
    at = dt.datetime(2024, 3, 1)
    rows = [(f"f{n}", "c1", None, at + dt.timedelta(days=n), "nps", 3, "", None) for n in range(5)]
    rows.append(("young", "c2", None, dt.datetime(2024, 6, 20), "nps", 3, "", None))
    rows.append(("nobody", None, None, at, "nps", 3, "", None))
    made = tables(feedback=rows, orders=[("o", "c1", dt.datetime(2024, 3, 20), 5, "web")])
    result = answer_outcomes(made["feedback"], made["orders"], as_of=DAY, horizon_days=56).to_pandas()
    assert result[["customer_id", "lapsed"]].to_dict("records") == [{"customer_id": "c1", "lapsed": 0}]


def test_the_list_holds_each_unhappy_customer_once_with_a_day_and_no_owner() -> None:
    def at(day: int) -> dt.datetime:
        return dt.datetime(2024, 6, day, 9)

    made = tables(
        feedback=[
            ("1", "ann", "late", at(20), "nps", 6, "", None),
            ("2", "ann", "late", at(25), "review", 1, "", None),
            ("3", "bob", None, at(28), "csat", 2, "", None),
            ("4", "eve", None, at(28), "nps", 7, "", None),  # content
            ("5", "dan", None, at(1), "nps", 0, "", None),  # long ago
            ("6", None, None, at(28), "nps", 0, "", None),  # nobody knows who
            ("7", "joe", None, at(27), "nps", 0, "", at(28)),  # was answered
        ],
        status=[("late", "paid", at(10)), ("late", "delivered", at(19))],
    )
    delivery = delivery_of_orders(made["status"], late_days=5)
    result = closed_loop(made["feedback"], as_of=DAY, days=14, reply_days=2, delivery=delivery)
    rows = result.order_by("customer_id").to_pyarrow().to_pylist()
    due = dt.date(2024, 7, 2)
    assert rows == [
        {"customer_id": "ann", "question": "review", "score": 1, "answered_on": dt.date(2024, 6, 25),
         "reason": "late_delivery", "due_by": due, "owner": ""},
        {"customer_id": "bob", "question": "csat", "score": 2, "answered_on": dt.date(2024, 6, 28),
         "reason": "low_score", "due_by": due, "owner": ""},
    ]  # fmt: skip
