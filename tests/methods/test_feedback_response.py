"""Who answered, and what all would have said: weights against closed forms and a planted silence."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from crm_utils.methods.feedback import nps, response_of, weights

DAY = dt.date(2024, 6, 30)


def test_one_margin_is_post_stratification() -> None:
    """Asked 80 and 20; answered 10 and 10: each answer of the first stands for 1.6, of the second for 0.4."""
    asked = pd.DataFrame({"frequency": ["1", "2"], "asked": [80, 20]})
    answered = pd.DataFrame({"frequency": ["1", "2"], "asked": [10, 10]})
    result = weights(asked, answered, ["frequency"])
    assert result.converged
    assert result.table["weight"].tolist() == pytest.approx([1.6, 0.4])
    assert result.effective == pytest.approx(20**2 / (10 * 1.6**2 + 10 * 0.4**2))


def test_raking_is_the_least_change_in_entropy_that_meets_the_margins() -> None:
    """Found again by a general optimiser on a 2 × 3 table."""
    rng = np.random.default_rng(2)
    cells = pd.MultiIndex.from_product([["a", "b"], ["x", "y", "z"]], names=["one", "two"]).to_frame(
        index=False
    )
    asked = cells.assign(asked=rng.integers(50, 200, 6))
    answered = cells.assign(asked=rng.integers(5, 40, 6))
    result = weights(asked, answered, ["one", "two"])
    n = result.table["answered"].to_numpy(dtype=float)
    total = n.sum()
    share = asked["asked"].to_numpy() / asked["asked"].sum()
    limits = [
        {"type": "eq", "fun": lambda w, mask=mask: (n * w)[mask].sum() - total * share[mask].sum()}
        for name in ("one", "two")
        for level in cells[name].unique()[:-1]
        for mask in [(cells[name] == level).to_numpy()]
    ] + [{"type": "eq", "fun": lambda w: (n * w).sum() - total}]
    best = minimize(
        lambda w: (n * (w * np.log(w) - w)).sum(), np.ones(6), constraints=limits, bounds=[(1e-6, None)] * 6,
        method="SLSQP", options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    assert best.success
    assert result.table["weight"].to_numpy() == pytest.approx(best.x, abs=1e-4)


def test_groups_that_nobody_answered_in_are_counted() -> None:
    asked = pd.DataFrame({"frequency": ["1", "2", "3"], "asked": [60, 20, 20]})
    answered = pd.DataFrame({"frequency": ["1", "2"], "asked": [6, 4]})
    result = weights(asked, answered, ["frequency"])
    assert result.uncovered == pytest.approx(0.2)
    assert (result.table["answered"] * result.table["weight"]).tolist() == pytest.approx([7.5, 2.5])


def shop(seed: int, *, customers: int = 6000) -> tuple[dict[str, ibis.expr.types.Table], float]:
    """Everybody is asked after a purchase; whose parcel was late is unhappy, and stays silent more often.

    The truth is the NPS that all would have given.
    """
    rng = np.random.default_rng(seed)
    late = rng.random(customers) < 0.3
    bought = 1 + rng.poisson(1.5, customers)
    score = np.where(late, rng.integers(0, 9, customers), rng.integers(6, 11, customers))
    answers = rng.random(customers) < np.where(late, 0.1, 0.4) * np.where(bought > 2, 1.0, 0.5)
    truth = nps(dict(pd.Series(score).value_counts())).value
    last = dt.datetime(2024, 5, 1, 10)
    orders = [
        (f"o{c}-{k}", f"c{c}", last - dt.timedelta(days=20 * k), 10.0)
        for c in range(customers)
        for k in range(bought[c])
    ]
    asked = [(f"c{c}", f"o{c}-0", "nps", last + dt.timedelta(days=9), "email") for c in range(customers)]
    answering = [
        (f"f{c}", f"c{c}", f"o{c}-0", last + dt.timedelta(days=11), "nps", int(score[c]), "")
        for c in np.flatnonzero(answers)
    ]
    text, time = "string", "timestamp(6)"
    who, told_at = {"customer_id": text, "order_id": text}, {"submitted_at": time, "kind": text}
    parcels = [(f"o{c}-0", "late" if late[c] else "on_time") for c in range(customers)]
    tables = {
        "orders": (orders, {"order_id": text, "customer_id": text, "ordered_at": time, "amount": "float64"}),
        "asked": (asked, who | {"kind": text, "asked_at": time, "channel": text}),
        "feedback": (answering, {"feedback_id": text} | who | told_at | {"score": "int64", "text": text}),
        "delivery": (parcels, {"order_id": text, "delivery": text}),
    }
    return {
        name: ibis.memtable(pd.DataFrame(rows, columns=list(kinds)), schema=kinds)
        for name, (rows, kinds) in tables.items()
    }, truth


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_a_planted_silence_is_mended_where_its_cause_is_known(seed: int) -> None:
    tables, truth = shop(seed)
    given = (tables["asked"], tables["feedback"], tables["orders"])
    result = response_of(*given, as_of=DAY, delivery=tables["delivery"])
    assert result.asked == 6000
    assert result.answered == tables["feedback"].count().execute()
    assert result.low < result.rate < result.high
    assert result.times_low > 1  # frequent buyers answer twice as often
    assert not result.plain.low <= truth <= result.plain.high
    assert result.weighted.low <= truth <= result.weighted.high
    assert result.weighted.effective < result.answered
    blind = response_of(*given, as_of=DAY)
    assert not blind.weighted.low <= truth <= blind.weighted.high  # nothing it knows explains the silence


def test_reminders_are_one_request_and_late_answers_none() -> None:
    tables, _ = shop(5, customers=40)
    reminder = tables["asked"].mutate(asked_at=tables["asked"].asked_at + ibis.interval(days=1))
    result = response_of(tables["asked"].union(reminder), tables["feedback"], tables["orders"], as_of=DAY)
    assert result.asked == 40
    none = response_of(tables["asked"], tables["feedback"], tables["orders"], as_of=DAY, answer_days=1)
    assert (none.asked, none.answered) == (40, 0)


def test_without_requests_nothing_is_known() -> None:
    tables, _ = shop(5, customers=40)
    assert response_of(None, tables["feedback"], tables["orders"], as_of=DAY) is None
    few = tables["asked"].limit(4)
    assert response_of(few, tables["feedback"], tables["orders"], as_of=DAY) is None
