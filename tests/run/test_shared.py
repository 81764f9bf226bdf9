"""What several notebooks of a run need is made once, whole or not at all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import ibis
import pytest

from crm_utils.features import ShopFacts, shop_facts
from crm_utils.run.shared import shared_facts, shared_table

NOON = dt.datetime(2024, 5, 1, 12)
LINES = ibis.memtable(
    [
        {"order_id": order, "customer_id": customer, "product_id": "tea", "ordered_at": NOON,
         "quantity": 1, "amount": Decimal("2.50"), "discount": Decimal("0.10"), "channel": "web"}
        for order, customer in (("1", "ann"), ("2", None))
    ]
)  # fmt: skip


def never() -> ibis.Table:
    raise AssertionError("It was made a second time.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRM_SHARED", str(tmp_path))
    return tmp_path


def test_a_table_is_made_by_the_first_that_asks(folder: Path) -> None:
    con = ibis.duckdb.connect()
    made = con.create_table("made", LINES)
    first = shared_table(con, "orders", lambda: made)
    assert first.schema() == made.schema()
    again = shared_table(ibis.duckdb.connect(), "orders", never)
    assert again.to_pyarrow().equals(first.to_pyarrow())
    assert [path.name for path in folder.iterdir()] == ["orders.parquet"]


def test_of_two_that_make_it_at_once_the_first_stays(folder: Path) -> None:
    """Another notebook may read it already: a file that changes under a reader is neither."""
    con = ibis.duckdb.connect()
    one, two = (con.create_table(name, LINES.mutate(who=ibis.literal(name))) for name in ("one", "two"))

    def slower() -> ibis.Table:
        shared_table(con, "orders", lambda: one)
        return two

    assert shared_table(con, "orders", slower).who.to_pyarrow().to_pylist() == ["one", "one"]
    assert [path.name for path in folder.iterdir()] == ["orders.parquet"]


def test_what_fails_half_way_leaves_nothing(folder: Path) -> None:
    con = ibis.duckdb.connect()
    broken = con.create_table("made", LINES).mutate(n=ibis._.channel.cast("int64"))
    with pytest.raises(Exception, match="Could not convert string 'web'"):
        shared_table(con, "orders", lambda: broken)
    assert not list(folder.iterdir())
    assert shared_table(con, "orders", lambda: con.table("made")).count().to_pyarrow().as_py() == 2


def test_facts_come_back_as_they_were(folder: Path) -> None:
    con = ibis.duckdb.connect()
    lines = con.create_table("lines", LINES)
    for starts in (None, dt.date(2020, 1, 1)):
        facts = shop_facts(lines, as_of=dt.date(2024, 5, 31), history_starts=starts)
        assert shared_facts(lambda facts=facts: facts) == shared_facts(never_facts) == facts
        (folder / "facts.json").unlink()


def never_facts() -> ShopFacts:
    raise AssertionError("They were found a second time.")


def test_a_notebook_opened_by_hand_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRM_SHARED", raising=False)
    con = ibis.duckdb.connect()
    kept = shared_table(con, "orders", lambda: con.create_table("made", LINES))
    con.con.execute("DELETE FROM made")
    assert kept.count().to_pyarrow().as_py() == 2
