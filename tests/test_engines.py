"""Is every reduction compared between engines, and does the comparison see what differs?

The comparison itself needs Spark: tests/spark, run by ``nox -s spark``.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest
from engines.compare import differences, settle
from engines.reductions import CASES, reductions


def test_every_reduction_has_a_case():
    assert set(CASES) == reductions(), "Give each reduction a case in tests/engines/reductions.py."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("90000000000000.01"), Decimal("90000000000000.02")),
        (1.0, 1.0 + 1e-11),
        (1, 1.0),
        (None, float("nan")),
        (dt.date(2024, 2, 29), dt.datetime(2024, 2, 29)),
        ("김", "김 "),
        ([1, 2], [2, 1]),
        ({"rows": [1]}, {"rows": [1, 1]}),
    ],
)
def test_what_engines_may_not_differ_in(one, other):
    assert differences(one, other)
    assert not differences(one, one)
    assert not differences(other, other)


def test_the_last_digits_of_a_logarithm_may_differ():
    assert not differences({"a": [0.1 + 0.2]}, {"a": [0.3]})


def test_order_counts_where_a_reduction_gives_one():
    table = ibis.memtable(pa.table({"n": [2, 1]}))
    assert settle(table) == settle(table.order_by("n"))
    assert settle(table.order_by("n")) != settle(table.order_by(ibis.desc("n")))
