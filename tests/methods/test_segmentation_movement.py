from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.methods.segmentation.movement import (
    ABSENT_AFTER,
    ABSENT_BEFORE,
    regression_to_mean,
    revenue_bridge,
    segment_migration,
    transitions,
)


def period(rows: dict[str, tuple[str, float]]) -> ibis.Table:
    """customer_id: (segment, revenue)."""
    return ibis.memtable(pa.table({
        "customer_id": pa.array(list(rows), pa.string()),
        "segment": pa.array([r[0] for r in rows.values()], pa.string()),
        "revenue": pa.array([f"{r[1]:.2f}" for r in rows.values()], pa.string()).cast(pa.decimal128(38, 2)),
    }))  # fmt: skip


BEFORE = period({"a": ("Loyal", 10), "b": ("Loyal", 20), "c": ("Lost", 5), "d": ("Lost", 1)})
AFTER = period({"a": ("Loyal", 15), "b": ("Lost", 12), "c": ("Loyal", 5), "e": ("New", 7)})


def test_moves_by_hand():
    moves = transitions(BEFORE, AFTER, column="segment", order=("Loyal", "Lost", "New"))
    assert moves[["before", "after", "customers", "share"]].to_numpy().tolist() == [
        [ABSENT_BEFORE, "New", 1, 1.0],
        ["Loyal", "Loyal", 1, 0.5],
        ["Loyal", "Lost", 1, 0.5],
        ["Lost", "Loyal", 1, 0.5],
        ["Lost", ABSENT_AFTER, 1, 0.5],
    ]
    assert ((moves["low"] < moves["share"]) & (moves["share"] <= moves["high"])).all()


def test_the_bridge_by_hand():
    bridge = revenue_bridge(BEFORE, AFTER)
    assert bridge.to_numpy().tolist() == [
        ["before", 4, 36.0], ["came", 1, 7.0], ["rose", 2, 5.0], ["fell", 1, -8.0], ["gone", 1, -1.0],
        ["after", 4, 39.0],
    ]  # fmt: skip


def test_an_empty_period_is_no_error():
    nobody = BEFORE.filter(BEFORE.customer_id == "nobody")
    assert revenue_bridge(nobody, AFTER)["amount"].tolist() == [0, 39, 0, 0, 0, 39]
    assert set(transitions(nobody, AFTER, column="segment")["before"]) == {ABSENT_BEFORE}


spends = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-500, 9000), min_size=1)


@settings(max_examples=20, deadline=None)
@given(before=spends, after=spends)
def test_bridge_and_moves_always_add_up(before: dict[str, int], after: dict[str, int]):
    tables = [
        period({c: ("A" if v % 2 else "B", v / 100) for c, v in each.items()}) for each in (before, after)
    ]
    bridge = revenue_bridge(*tables).set_index("part")["amount"]
    assert bridge[["before", "came", "rose", "fell", "gone"]].sum() == pytest.approx(bridge["after"])
    moves = transitions(*tables, column="segment")
    assert moves["customers"].sum() == len(set(before) | set(after))
    assert moves.groupby("before")["share"].sum().tolist() == pytest.approx([1.0] * moves["before"].nunique())


def test_pull_to_the_mean_is_what_the_correlation_predicts():
    rng = np.random.default_rng(5)
    n, rho = 20_000, 0.6
    taste = rng.normal(size=n)
    one, two = (1000 + 100 * (np.sqrt(rho) * taste + np.sqrt(1 - rho) * rng.normal(size=n)) for _ in range(2))
    before, after = (period({f"c{k:05d}": ("A", v) for k, v in enumerate(values)}) for values in (one, two))
    pull = regression_to_mean(before, after)
    # Bivariate normal: E[other | group] − mean = ρ · (mean of the group − mean), whichever way one looks.
    assert (pull["other"] - 1000).to_numpy() == pytest.approx(rho * (pull["ranked"] - 1000).to_numpy(), abs=6)
    assert pull["ranked_by"].tolist() == ["before"] * 5 + ["after"] * 5
    assert pull["customers"].to_numpy() == pytest.approx(n // 5, abs=5)  # a few spend the same to the cent
    assert ((pull["low"] < pull["change"]) & (pull["change"] < pull["high"])).all()


def test_who_comes_and_who_goes_is_no_pull():
    """All who stay spend what they always did, so nothing is pulled anywhere."""
    stay = {f"stay{k}": ("A", 10.0 * k) for k in range(1, 101)}
    came, gone = ({f"{name}{k}": ("A", 500.0) for k in range(60)} for name in ("came", "gone"))
    pull = regression_to_mean(period(stay | gone), period(stay | came))
    assert pull["change"].tolist() == [0] * 10
    assert pull["customers"].tolist() == [20] * 10


def test_where_nobody_stays_there_is_no_pull_to_show():
    assert regression_to_mean(period({"a": ("A", 1)}), period({"b": ("A", 2)})).empty


def test_migration_holds_all_three():
    migration = segment_migration(BEFORE, AFTER, order=("Loyal", "Lost"))
    assert (len(migration.moves), len(migration.bridge)) == (5, 6)
    assert migration.pull.groupby("ranked_by")["customers"].sum().to_dict() == {"before": 3, "after": 3}
