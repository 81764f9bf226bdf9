"""Who is asked later: a true draw raises no alarm, a rule that was called a draw does, and is named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.methods.feedback import delivery_of_orders, timing_of
from crm_utils.methods.feedback.drawn_days import ALARM, TRAITS, uneven

DAY, TIME = dt.date(2024, 12, 31), "timestamp(6)"
RNG = np.random.Generator
Rule = Callable[[RNG, int, dt.date, str], bool]


def table(rows: list[dict[str, object]], **types: str) -> ibis.expr.types.Table:
    return ibis.memtable(pd.DataFrame(rows, columns=list(types)), schema=types)


def shop(rule: Rule, *, seed: int, customers: int = 3000) -> tuple[Any, ...]:
    """A request a customer, three or seven days after the order as ``rule`` says; up to six orders before."""
    rng = np.random.default_rng(seed)
    orders, asked, states = [], [], []
    for n in range(customers):
        ordered = dt.datetime(2024, 1, 1, 12) + dt.timedelta(days=int(rng.integers(30, 330)))
        past, channel = int(rng.integers(0, 7)), str(rng.choice(["web", "app"]))
        later = rule(rng, past, ordered.date(), channel)
        for k in range(past + 1):
            at = ordered - dt.timedelta(days=3 * k)
            orders.append({"order_id": f"o{n}-{k}", "customer_id": f"c{n}", "channel": channel,
                           "ordered_at": at, "amount": 9.0, "kept": True})  # fmt: skip
        # Who is asked late has bought once more by then: no reason for an alarm.
        orders.append({"order_id": f"p{n}", "customer_id": f"c{n}", "channel": channel, "amount": 9.0,
                       "ordered_at": ordered + dt.timedelta(days=4), "kept": True})  # fmt: skip
        asked.append({"customer_id": f"c{n}", "order_id": f"o{n}-0", "kind": "nps", "channel": "sms",
                      "asked_at": ordered + dt.timedelta(days=7 if later else 3)})  # fmt: skip
        came = ordered + dt.timedelta(days=int(rng.choice([1, 2])))
        states += [{"order_id": f"o{n}-0", "status": "paid", "occurred_at": ordered},
                   {"order_id": f"o{n}-0", "status": "delivered", "occurred_at": came}]  # fmt: skip
    answers = [{"feedback_id": "f", "customer_id": "c0", "order_id": "o0-0", "kind": "nps", "score": 9,
                "submitted_at": asked[0]["asked_at"]}]  # fmt: skip
    return (
        table(asked, customer_id="string", order_id="string", kind="string", asked_at=TIME, channel="string"),
        table(answers, feedback_id="string", customer_id="string", order_id="string", kind="string",
              score="int64", submitted_at=TIME),
        table(orders, order_id="string", customer_id="string", channel="string", ordered_at=TIME,
              amount="float64", kept="boolean"),
        delivery_of_orders(table(states, order_id="string", status="string", occurred_at=TIME), late_days=5),
    )  # fmt: skip


RULES: dict[str, Rule] = {
    "": lambda rng, past, day, channel: rng.random() < 0.5,
    "frequency": lambda rng, past, day, channel: rng.random() < (0.3 if past < 2 else 0.6),
    "channel": lambda rng, past, day, channel: rng.random() < (0.4 if channel == "app" else 0.6),
    "weekday": lambda rng, past, day, channel: day.weekday() >= 4 or rng.random() < 0.2,
    "quarter": lambda rng, past, day, channel: day.month > 6,
}


@pytest.mark.parametrize("trait", RULES)
def test_a_rule_that_is_called_a_draw_is_found_and_named_and_a_draw_is_not(trait: str) -> None:
    result = timing_of(*shop(RULES[trait], seed=5_117), by_lot=True, as_of=DAY)
    assert result is not None
    if trait:
        assert result.uneven is not None
        assert result.uneven.trait == trait
        assert result.numbers() == []
    else:
        assert result.uneven is None
        assert result.every.known


def test_quarters_cut_off_at_either_end_raise_no_alarm() -> None:
    """Of the last orders those asked sooner are known, those asked later not yet; the reverse at first."""
    parts = shop(RULES[""], seed=5_118)
    result = timing_of(*parts, by_lot=True, as_of=dt.date(2024, 9, 30), answer_days=30)
    assert result is not None
    assert result.uneven is None
    asked = parts[0].filter(parts[0].asked_at >= ibis.timestamp("2024-03-25 00:00:00"))
    result = timing_of(asked, *parts[1:], by_lot=True, as_of=DAY)
    assert result is not None
    assert result.uneven is None


@pytest.mark.simulated
def test_a_true_draw_raises_an_alarm_in_at_most_one_of_a_hundred_shops() -> None:
    """1,000 shops with cells from 0 to some 40 customers; a third is asked later."""
    rng = np.random.default_rng(91)
    alarms = []
    for _ in range(1000):
        n = 1500
        frame = pd.DataFrame({
            "kind": rng.choice(["nps", "csat"], n),
            "days": rng.choice([1, 2, 3, 4, 9], n, p=[0.4, 0.3, 0.2, 0.07, 0.03]),
            "later": (rng.random(n) < 1 / 3).astype(int),
            "frequency": rng.choice(["1", "2", "3-5", "6-10", "11+"], n, p=[0.5, 0.2, 0.2, 0.07, 0.03]),
            "channel": rng.choice(["web", "app", "store"], n, p=[0.6, 0.38, 0.02]),
            "weekday": rng.integers(0, 7, n).astype(str), "quarter": rng.choice(["a", "b", "c", "d", "e"], n),
        })  # fmt: skip
        keys = ["kind", "days", "later", *TRAITS]
        alarms.append(uneven(frame.groupby(keys).size().rename("customers").reset_index()) is not None)
    assert np.mean(alarms) < ALARM + 3.3 * (ALARM * (1 - ALARM) / 1000) ** 0.5
