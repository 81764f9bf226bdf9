from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_utils.errors import DataError
from crm_utils.features import customer_summary
from crm_utils.methods.segmentation.cuts import RfmCuts, rfm_cuts
from crm_utils.methods.segmentation.rfm import (
    SEGMENTS,
    changed_by_refit,
    rfm_score,
    rfm_segment,
    score_shares,
    value_grid,
)

DAY = dt.date(2024, 6, 30)
CUTS = RfmCuts((1, 5, 10, 30), (1, 2, 4, 8), (Decimal(10), Decimal(20), Decimal(40), Decimal(80)), DAY, 100)


def summary_of(
    recency: list[int], orders: list[int], revenue: list[float], **columns: list[object]
) -> ibis.Table:
    n = len(recency)
    given = {
        "customer_id": [f"c{k:05d}" for k in range(n)],
        "recency_days": recency,
        "orders": orders,
        "revenue": pa.array([f"{v:.2f}" for v in revenue]).cast(pa.decimal128(38, 2)),
        "tenure_days": [200] * n,
        "first_ordered_on": [DAY - dt.timedelta(days=200)] * n,
        "silence_chance": [0.5] * n,
    }
    return ibis.memtable(pa.table({**given, **columns}))


def frame(table: ibis.Table) -> pd.DataFrame:
    return table.order_by("customer_id").to_pyarrow().to_pandas()


def test_published_numbers_of_the_rfm_package(golden: Callable[[str], Path]):
    raw = pyarrow.csv.read_csv(golden("rfm_data_orders.csv")).to_pandas()
    orders = ibis.memtable(pa.table({
        "order_id": [str(k) for k in range(len(raw))],
        "customer_id": raw["customer_id"].astype(str).tolist(),
        "ordered_at": pd.to_datetime(raw["order_date"]).dt.to_pydatetime().tolist(),
        "amount": pa.array(raw["revenue"].astype(str)).cast(pa.decimal128(18, 2)),
    }))  # fmt: skip
    day = dt.date(2006, 12, 31)
    summary = customer_summary(orders, as_of=day)
    customers = frame(summary).set_index("customer_id")
    assert (len(customers), customers["orders"].sum(), customers["revenue"].sum()) == (995, 4906, 464158)
    assert customers.loc["Abbey O'Reilly", ["recency_days", "orders", "revenue"]].tolist() == [205, 6, 472]
    # The package prints quantile + 1; ours are the quantiles, rounded down to whole days, orders and cents.
    published = {
        "recency_days": (115, 181, 297.4, 482),
        "orders": (4, 5, 6, 8),
        "revenue": (255.8, 382, 506.4, 666),
    }
    cuts = rfm_cuts(summary, as_of=day)
    assert cuts.recency_days == tuple(int(c - 1) for c in published["recency_days"])
    assert cuts.orders == tuple(int(c - 1) for c in published["orders"])
    assert [float(c) for c in cuts.revenue] == pytest.approx([c - 1 for c in published["revenue"]])
    # A value at or above a printed cut is in the next bin; for whole values that is "above ceil(cut) − 1".
    theirs = [
        tuple(math.ceil(c) - 1 for c in published[name]) for name in ("recency_days", "orders", "revenue")
    ]
    adapter = RfmCuts(theirs[0], theirs[1], tuple(Decimal(c) for c in theirs[2]), day, 995)
    codes = (
        frame(rfm_score(summary, adapter)).set_index("customer_id")[["r", "f", "m"]].astype(str).sum(axis=1)
    )
    assert codes[["Abbey O'Reilly", "Add Senger", "Aden Lesch", "Aden Murphy"]].tolist() == [
        "343",
        "412",
        "323",
        "544",
    ]


def test_a_score_is_one_and_the_cuts_below_the_value():
    scored = frame(rfm_score(summary_of([1, 2, 31], [1, 2, 9], [10, 10.01, 80.01]), CUTS))
    assert scored[["r", "f", "m"]].to_numpy().tolist() == [[5, 1, 1], [4, 2, 2], [1, 5, 5]]


def test_every_cell_has_one_name():
    cells = list(itertools.product(range(1, 6), repeat=3))
    r, f, m = zip(*cells, strict=True)
    scored = ibis.memtable(pa.table({
        "customer_id": [f"{k:03d}" for k in range(125)], "r": r, "f": f, "m": m, "recency_days": [400] * 125,
        "silence_chance": [0.001] * 125, "tenure_days": [10] * 125,
        "first_ordered_on": [DAY - dt.timedelta(days=10)] * 125,
    }))  # fmt: skip
    named = frame(rfm_segment(scored, history_starts=dt.date(2020, 1, 1)))
    assert len(named) == 125
    assert named["segment"].notna().all()
    assert set(named["segment"]) == set(SEGMENTS)


@pytest.mark.parametrize(
    ("column", "value", "options", "name"),
    [
        ("silence_chance", 0.20, {}, "About To Sleep"),  # within the rhythm: not lost
        ("silence_chance", 0.01, {}, "Lost"),
        ("silence_chance", 0.20, {"silent_days": 60}, "Lost"),  # the study says what is too long
        ("silence_chance", None, {}, "About To Sleep"),  # nobody has a rhythm
    ],
)
def test_lost_needs_a_silence_beyond_the_rhythm(
    column: str, value: float | None, options: dict[str, int], name: str
):
    scored = rfm_score(summary_of([90], [1], [5], **{column: pa.array([value], pa.float64())}), CUTS)
    assert frame(rfm_segment(scored, history_starts=dt.date(2020, 1, 1), **options))["segment"].tolist() == [
        name
    ]


def test_the_map_names_a_cell_as_most_of_its_customers_are_named():
    """Counted by hand: a cell of the grid's Lost holds mostly customers who are within their rhythm."""
    rng, n = np.random.default_rng(4), 400
    rows = pd.DataFrame({"r": rng.integers(1, 6, n), "f": rng.integers(1, 6, n), "m": rng.integers(1, 6, n)})
    rows["segment"] = rng.choice(["About To Sleep", "Lost", "Hibernating"], n, p=[0.6, 0.3, 0.1])
    kinds = {"r": "int64", "f": "int64", "m": "int64", "segment": "string"}
    cells = value_grid(ibis.memtable(rows, schema=kinds)).set_index(["r", "value"])
    rows["value"] = [math.ceil((f + m) / 2) for f, m in zip(rows["f"], rows["m"], strict=True)]
    for cell, group in rows.groupby(["r", "value"]):
        if len(group) < 5:
            continue
        borne = group["segment"].value_counts()
        shown = cells.loc[cell]
        assert borne[shown["segment"]] == borne.max()
        assert shown["bear_it"] == pytest.approx(borne.max() / len(group))
        assert shown["customers"] == len(group)


def test_new_needs_a_first_order_that_is_not_the_datas_beginning():
    fresh = summary_of([0], [1], [5], tenure_days=[30], first_ordered_on=[DAY - dt.timedelta(days=30)])
    old = summary_of([0], [1], [5])
    name = lambda s, start: frame(rfm_segment(rfm_score(s, CUTS), history_starts=start))["segment"][0]  # noqa: E731
    assert name(fresh, dt.date(2020, 1, 1)) == "New"
    assert name(fresh, DAY - dt.timedelta(days=60)) == "Promising"
    assert name(old, dt.date(2020, 1, 1)) == "Promising"


def test_most_bought_once_and_the_cuts_still_work_and_say_so():
    summary = summary_of(list(range(100)), [1] * 85 + [2] * 10 + [7] * 5, [float(k) for k in range(100)])
    cuts = rfm_cuts(summary, as_of=DAY)
    assert cuts.collapsed == ("orders",)
    shares = score_shares(rfm_score(summary, cuts), cuts).query("measure == 'orders'").set_index("score")
    assert shares["customers"].tolist() == [85, 0, 0, 0, 15]
    assert shares["share"].sum() == 1
    assert shares.loc[5, "above"] == 1
    assert shares["above"].isna().tolist() == [True, False, False, False, False]


def test_saved_cuts_come_back_the_same(tmp_path: Path):
    cuts = rfm_cuts(summary_of([1, 2, 3], [1, 5, 9], [1.25, 9.99, 100]), as_of=DAY)
    cuts.to_frame().to_parquet(tmp_path / "rfm_cuts.parquet")
    assert RfmCuts.read(tmp_path / "rfm_cuts.parquet") == cuts


def test_cuts_that_cannot_be_read_say_why(tmp_path: Path):
    with pytest.raises(DataError, match="There is no file"):
        RfmCuts.read(tmp_path / "none.parquet")
    with pytest.raises(DataError, match=r"no column 'customers'"):
        RfmCuts.from_frame(CUTS.to_frame().drop(columns="customers"))
    with pytest.raises(DataError, match=r"version \[9\]"):
        RfmCuts.from_frame(CUTS.to_frame().assign(version=9))


def test_nobody_gives_cuts_by_which_nobody_is_scored():
    nobody = rfm_cuts(summary_of([1], [1], [1]).filter(ibis.literal(False)), as_of=DAY)
    assert (nobody.customers, nobody.orders) == (0, (0, 0, 0, 0))


def test_a_refit_counts_who_changes():
    old = ibis.memtable(
        pa.table({"customer_id": ["a", "b", "c"], "segment": ["Champions", "Loyal", "Loyal"]})
    )
    new = ibis.memtable(
        pa.table({"customer_id": ["a", "b", "c"], "segment": ["Champions", "Loyal", "At Risk"]})
    )
    assert changed_by_refit(old, new).to_numpy().tolist() == [
        ["Champions", "Champions", 1], ["Loyal", "Loyal", 1], ["Loyal", "At Risk", 1],
    ]  # fmt: skip


customers = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 12), st.integers(-100, 9000)), min_size=1, max_size=30
)


@settings(max_examples=15, deadline=None)
@given(rows=customers)
def test_cuts_rounded_down_score_like_the_quantiles_themselves(rows: list[tuple[int, int, int]]):
    recency, orders, cents = (list(c) for c in zip(*rows, strict=True))
    scored = frame(rfm_score(summary_of(recency, orders, [c / 100 for c in cents]), rfm_cuts(
        summary_of(recency, orders, [c / 100 for c in cents]), as_of=DAY)))  # fmt: skip
    levels = [0.2, 0.4, 0.6, 0.8]
    for values, score in ((recency, 6 - scored["r"]), (orders, scored["f"]), (cents, scored["m"])):
        exact = [_above(values, level) for level in levels]
        assert [1 + sum(a[k] for a in exact) for k in range(len(rows))] == score.tolist()


def _above(values: list[int], level: float) -> list[bool]:
    """Whether each value lies above the type 7 quantile, in exact arithmetic (levels are fifths)."""
    fifths, ordered = round(level * 5), sorted(values)
    whole, rest = divmod(fifths * (len(values) - 1), 5)
    after = ordered[min(whole + 1, len(values) - 1)]
    quantile_times_5 = ordered[whole] * 5 + rest * (after - ordered[whole])
    return [v * 5 > quantile_times_5 for v in values]


def test_equal_customers_score_equal_at_any_number_of_threads():
    rng = np.random.default_rng(3)
    orders = rng.geometric(0.6, 4000)
    summary = summary_of(rng.integers(0, 40, 4000).tolist(), orders.tolist(), (orders * 9.99).tolist())
    results = []
    for threads in (1, 2):
        con = ibis.duckdb.connect(threads=threads)
        table = con.create_table("summary", summary.to_pyarrow())
        results.append(frame(rfm_score(table, rfm_cuts(table, as_of=DAY))))
    pd.testing.assert_frame_equal(*results)
    for value, score in (("orders", "f"), ("recency_days", "r")):
        assert len(results[0][[value, score]].drop_duplicates()) == len(results[0][value].unique())
