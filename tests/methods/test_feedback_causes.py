"""Levers, the day of asking and cases: planted, with what goes together told apart, and counted by a loop."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd

from crm_utils.features.statistics import z
from crm_utils.methods.feedback import (
    LATER_DAYS,
    cases,
    cases_of,
    delivery_of_orders,
    drivers,
    lever_cells,
    timing_of,
)
from crm_utils.methods.feedback.cases import case_cells

DAY = dt.date(2024, 12, 31)


def table(rows: list[dict], **types: str) -> ibis.expr.types.Table:
    return ibis.memtable(pd.DataFrame(rows, columns=list(types)), schema=types)


def test_of_two_levers_that_go_together_the_one_that_does_it_is_shown() -> None:
    """Late parcels make a score low by 40 points more; the app has more of them, and no fault of its own."""
    rng = np.random.default_rng(60_211)
    rows = []
    for n in range(6_000):
        app = rng.random() < 0.5
        late = rng.random() < (0.5 if app else 0.1)
        low = rng.random() < (0.6 if late else 0.2)
        rows.append({
            "feedback_id": f"f{n}", "customer_id": f"c{n}", "kind": "nps", "score": 3 if low else 9,
            "delivery": "late" if late else "on_time", "channel": "app" if app else "web",
            "category": str(rng.choice(["one", "two"])),
        })  # fmt: skip
    answers = table(rows, feedback_id="string", customer_id="string", kind="string", score="int64",
                    delivery="string", channel="string", category="string")  # fmt: skip
    counts = lever_cells(answers).to_pandas()
    assert counts["customers"].sum() == 6_000
    result = drivers(counts).set_index(["lever", "level"])
    error = (result["high"] - result["low"]) / 2 / z()
    assert abs(result.loc[("delivery", "late"), "difference"] - 0.4) < 4 * error["delivery", "late"]
    for lever, level in (("channel", "app"), ("category", "one")):
        assert abs(result.loc[(lever, level), "difference"]) < 4 * error[lever, level]
    assert result.loc[("delivery", "late"), "q"] < 0.001
    frame = pd.DataFrame(rows)
    plain = (frame["score"] == 3).groupby(frame["channel"]).mean()
    assert plain["app"] - plain["web"] > 0.1  # what a plain comparison would have blamed
    assert ("delivery", "on_time") not in result.index


def test_without_a_counterpart_a_lever_has_no_row() -> None:
    """Every late parcel came by the app, and no other: nothing tells them apart."""
    counts = pd.DataFrame({
        "delivery": ["late", "on_time"], "channel": ["app", "web"], "category": ["", ""],
        "customers": [100, 100], "low": [60, 20],
    })  # fmt: skip
    assert drivers(counts).empty


def test_a_later_question_that_fewer_answer_is_found_where_chance_chose_the_day() -> None:
    rng = np.random.default_rng(60_212)
    chances, asked, given, orders, states = {}, [], [], [], []
    for n in range(5_000):
        ordered = dt.datetime(2024, 6, 1, 12) + dt.timedelta(days=int(rng.integers(0, 90)))
        days = int(rng.choice([1, 2, 3, 7]))
        lag = int(rng.choice([days, 3, 7]))
        late = days >= 5
        chance = (0.15 if late else 0.4) * (0.6 if lag >= LATER_DAYS else 1.0)
        at = ordered + dt.timedelta(days=lag)
        chances[n] = (days, lag >= LATER_DAYS, chance)
        orders.append({"order_id": f"o{n}", "customer_id": f"c{n}", "ordered_at": ordered, "amount": 9.0,
                       "kept": True, "channel": "web"})  # fmt: skip
        asked.append(
            {"customer_id": f"c{n}", "order_id": f"o{n}", "kind": "nps", "asked_at": at, "channel": "sms"}
        )
        if rng.random() < 0.5:  # another question, always asked on delivery, that more answer
            came = ordered + dt.timedelta(days=days)
            asked.append({"customer_id": f"c{n}", "order_id": f"o{n}", "kind": "csat", "asked_at": came,
                          "channel": "sms"})  # fmt: skip
            given.append({"feedback_id": f"g{n}", "customer_id": f"c{n}", "order_id": f"o{n}", "kind": "csat",
                          "score": 4, "submitted_at": came})  # fmt: skip
        for name, when in (("paid", ordered), ("delivered", ordered + dt.timedelta(days=days))):
            states.append({"order_id": f"o{n}", "status": name, "occurred_at": when})
        if rng.random() < chance:
            given.append({"feedback_id": f"f{n}", "customer_id": f"c{n}", "order_id": f"o{n}", "kind": "nps",
                         "score": 9, "submitted_at": at + dt.timedelta(days=1)})  # fmt: skip
    moment = "timestamp(6)"
    parts = (
        table(asked, customer_id="string", order_id="string", kind="string", asked_at=moment,
              channel="string"),
        table(given, feedback_id="string", customer_id="string", order_id="string", kind="string",
              score="int64", submitted_at=moment),
        table(orders, order_id="string", customer_id="string", ordered_at=moment, amount="float64",
              kept="boolean", channel="string"),
        delivery_of_orders(
            table(states, order_id="string", status="string", occurred_at=moment), late_days=5
        ),
    )  # fmt: skip
    assert timing_of(*parts, by_lot=False, as_of=DAY) is None
    result = timing_of(*parts, by_lot=True, as_of=DAY)
    assert result is not None
    assert result.uneven is None
    # What the same cells give with the planted chances in place of who answered.
    frame = pd.DataFrame(chances.values(), columns=["days", "later", "chance"])
    means = frame.pivot_table(
        values="chance", index="days", columns="later", aggfunc=["mean", "size"]
    ).dropna()
    weight = means["size"][True] * means["size"][False] / (means["size"][True] + means["size"][False])
    truth = np.average(means["mean"][True] - means["mean"][False], weights=weight)
    error = (result.every.high - result.every.low) / 2 / z()
    assert abs(result.every.value - truth) < 4 * error
    assert result.every.high < 0
    for part, planted in ((result.late, -0.15 * 0.4), (result.on_time, -0.4 * 0.4)):
        assert abs(part.value - planted) < 4 * (part.high - part.low) / 2 / z()


def test_cases_are_counted_as_a_loop_counts_them() -> None:
    rng = np.random.default_rng(60_213)
    now, rows = dt.datetime(2025, 1, 1), []
    for n in range(400):
        opened = dt.datetime(2024, 10, 1) + dt.timedelta(hours=int(rng.integers(0, 92 * 24)))
        closed = opened + dt.timedelta(hours=int(rng.integers(1, 96)))
        replied = opened + dt.timedelta(hours=int(rng.integers(0, 49)))
        rows.append({
            "feedback_id": f"f{n:03d}", "customer_id": f"c{rng.integers(0, 150)}", "order_id": None,
            "kind": "case" if rng.random() < 0.8 else "nps", "submitted_at": opened,
            "resolved_at": closed if closed < now and rng.random() < 0.9 else None,
            "replied_at": replied if replied < now and rng.random() < 0.8 else None,
        })  # fmt: skip
    moment = "timestamp(6)"
    feedback = table(rows, feedback_id="string", customer_id="string", order_id="string", kind="string",
                     submitted_at=moment, resolved_at=moment, replied_at=moment)  # fmt: skip
    result = cases(case_cells(feedback, now=now).to_pandas(), None)
    assert result is not None
    mine = [row for row in rows if row["kind"] == "case"]
    day, weeks = dt.timedelta(hours=24), dt.timedelta(days=14)
    old = [r for r in mine if r["submitted_at"] + day <= now]
    soon = [r for r in old if r["resolved_at"] and r["resolved_at"] <= r["submitted_at"] + day]
    settled = [r for r in mine if r["resolved_at"] and r["resolved_at"] + weeks <= now]
    again = 0
    for r in settled:
        following = sorted(
            (o["submitted_at"], o["feedback_id"])
            for o in mine
            if o["customer_id"] == r["customer_id"]
            and (o["submitted_at"], o["feedback_id"]) > (r["submitted_at"], r["feedback_id"])
        )
        again += bool(following) and r["resolved_at"] <= following[0][0] <= r["resolved_at"] + weeks
    assert result.opened == len(mine)
    first = [r for r in old if r["replied_at"] and r["replied_at"] <= r["submitted_at"] + day]
    assert (result.replied[0], result.replied[3]) == (len(first) / len(old), len(old))
    assert {number.name for number in result.numbers()} >= {"cases.replied", "cases.in_a_day"}
    silent = feedback.mutate(replied_at=ibis.null("timestamp(6)"))
    unknown = cases(case_cells(silent, now=now).to_pandas(), None)
    assert unknown is not None
    assert unknown.replied[3] == 0
    assert unknown.in_a_day == result.in_a_day
    assert (result.in_a_day[0], result.in_a_day[3]) == (len(soon) / len(old), len(old))
    assert (result.again[0], result.again[3]) == (again / len(settled), len(settled))
    few = feedback.filter(feedback.feedback_id.isin(["f000", "f001"]))
    bought = table(
        [], order_id="string", customer_id="string", ordered_at=moment, amount="float64", kept="boolean"
    )
    assert cases_of(few, bought, None, as_of=DAY, horizon_days=28) is None
