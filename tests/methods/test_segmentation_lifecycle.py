from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils.features import customer_summary
from crm_utils.methods.segmentation.lifecycle import STAGES, lifecycle_stage

DAY, START = dt.date(2024, 12, 31), dt.date(2023, 1, 1)


def stages_of(orders: pd.DataFrame, **options: int) -> pd.Series:
    """Stage of each customer, from a frame of customer_id and day (days before DAY)."""
    table = ibis.memtable(pa.table({
        "customer_id": orders["customer_id"].tolist(),
        "ordered_at": [dt.datetime(2024, 12, 31, 12) - dt.timedelta(days=int(d)) for d in orders["day"]],
        "amount": pa.array(["9.99"] * len(orders)).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip
    staged = lifecycle_stage(customer_summary(table, as_of=DAY), history_starts=START, **options)
    return staged.to_pyarrow().to_pandas().set_index("customer_id")["stage"]


def simulated(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Customers of known fate: buying every 14 days on average until their last day, if they have one."""
    fates = {
        "active": (729, 0),
        "new": (60, 0),
        "dormant": (729, 110),
        "lost": (729, 300),
        "returned": (729, 0),
    }
    rows, truth = [], {}
    for fate, (first, last) in fates.items():
        for k in range(150):
            name = f"{fate}{k}"
            days = first - np.cumsum(rng.exponential(14, 120))
            days = np.append(first, days[days >= last])
            if fate == "returned":  # away for half a year, back a few days ago
                days = np.append(days[days > 190], rng.integers(0, 6))
            rows += [(name, d) for d in days]
            truth[name] = fate
    return pd.DataFrame(rows, columns=["customer_id", "day"]), pd.Series(truth)


def test_simulated_customers_are_found_in_their_stage():
    orders, truth = simulated(np.random.default_rng(11))
    stages = stages_of(orders).reindex(truth.index)
    hit = (stages == truth).groupby(truth).mean()
    # On any day 5 % of customers who never left look silent, by construction.
    assert hit["active"] > 0.90
    assert hit["new"] > 0.90
    assert hit["dormant"] > 0.95
    assert hit["lost"] > 0.99
    assert hit["returned"] > 0.95
    assert stages[truth == "lost"].isin(["active", "new"]).sum() == 0


def test_every_customer_has_exactly_one_stage():
    orders, _ = simulated(np.random.default_rng(12))
    stages = stages_of(orders)
    assert stages.index.is_unique
    assert stages.isin(STAGES).all()


def test_the_same_silence_is_long_for_a_weekly_and_short_for_a_quarterly_customer():
    rows = [(f"weekly{k}", d) for k in range(20) for d in range(60, 700, 7)]
    rows += [(f"quarterly{k}", d) for k in range(20) for d in range(60, 700, 91)]
    stages = stages_of(pd.DataFrame(rows, columns=["customer_id", "day"]))
    assert set(stages[stages.index.str.startswith("weekly")]) == {"dormant"}
    assert set(stages[stages.index.str.startswith("quarterly")]) == {"active"}


def test_without_a_rhythm_only_the_studys_own_threshold_speaks():
    orders = pd.DataFrame([("a", 400), ("b", 10)], columns=["customer_id", "day"])
    assert stages_of(orders).to_dict() == {"a": "active", "b": "new"}
    assert stages_of(orders, silent_days=365).to_dict() == {"a": "lost", "b": "new"}


@pytest.mark.parametrize(("recency", "chance", "stage"), [
    (20, 0.06, "active"), (20, 0.04, "slipping"), (20, 0.005, "dormant"),
    (180, 0.04, "lost"), (180, 0.06, "active"),
])  # fmt: skip
def test_thresholds(recency: int, chance: float, stage: str):
    one = ibis.memtable(pa.table({
        "customer_id": ["a"], "recency_days": [recency], "tenure_days": [500], "silence_chance": [chance],
        "last_gap_chance": [0.5], "first_ordered_on": [dt.date(2023, 8, 19)],
    }))  # fmt: skip
    assert lifecycle_stage(one, history_starts=START).to_pyarrow()["stage"].to_pylist() == [stage]
