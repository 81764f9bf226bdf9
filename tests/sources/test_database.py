"""Databases as sources: SQLite here, a real PostgreSQL of the test's own; what fails, fails in a sentence."""

from __future__ import annotations

import socket
import sqlite3
import time
from pathlib import Path

import pandas as pd
import pytest
from people_data import CUSTOMERS, ORDERS

from crm_utils import loading
from crm_utils.errors import DataError, StudyError
from crm_utils.loading.preview import preview
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.snapshots import Snapshot
from crm_utils.sources.database import sessions, staging
from crm_utils.study import read_study

STUDY = """\
title: A shop's database
source:
  kind: database
  url: {url}
  people: {{country: "82"}}
  tables:
    customers:
      table: customers
      columns: {{joined_on: joined}}
      person: {{account: account, email: email, phone: phone, name: full_name, address: street}}
    order_lines:
      {orders}
      columns: {{order_id: order_no, product_id: sku, ordered_at: ordered, quantity: qty, amount: total}}
      person: {{account: account, email: guest_email}}
timezone: Asia/Seoul
currency: KRW
history_starts: 2024-01-01
quality: {{set_aside_at_most: 1.0}} # rows are broken on purpose
"""
SCHEMA = """
CREATE TABLE customers (account text, email text, phone text, full_name text, street text, joined text);
CREATE TABLE orders
    (order_no text, account text, guest_email text, sku text, ordered text, qty text, total text);
"""


def write_study(root: Path, url: str, orders: str = "table: orders") -> None:
    (root / "studies").mkdir(exist_ok=True)
    (root / "studies" / "shop.yaml").write_text(STUDY.format(url=url, orders=orders), encoding="utf-8")


def load(root: Path) -> tuple[Snapshot, bool]:
    return loading.load(root, read_study(root, "shop"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a SQLite shop."""
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    monkeypatch.setattr(staging, "WAITS", (0.0, 0.0))
    write_study(tmp_path, "sqlite:///shop.db")
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", CUSTOMERS)
        db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", ORDERS)
    db.close()
    return tmp_path


def change(root: Path, statement: str) -> None:
    with sqlite3.connect(root / "shop.db") as db:
        db.execute(statement)
    db.close()


def test_a_sqlite_shop_is_loaded_and_every_row_accounted_for(root: Path) -> None:
    snapshot, is_new = load(root)
    assert is_new
    names = ("read", "loaded", "left_out", "quarantined")
    counts = {t: tuple(m[k] for k in names) for t, m in snapshot.manifest["tables"].items()}
    assert counts == {"customers": (4, 2, 1, 1), "order_lines": (7, 6, 0, 1)}
    lines = pd.read_parquet(snapshot.path("order_lines")).set_index("order_id")
    assert lines["amount"].astype(str).to_dict() == {
        "o1": "10.00", "o2": "20.50", "o3": "10.00", "o4": "5.00", "o5": "5.00", "o6": "5.00",
    }  # fmt: skip
    who = lines["customer_id"]
    assert who["o1"] == who["o2"] == who["o3"]
    assert who[["o1", "o4", "o5"]].nunique() == 3
    assert pd.isna(who["o6"])


def test_loading_twice_is_nothing_whatever_the_order_of_rows(root: Path) -> None:
    first, _ = load(root)
    change(root, "CREATE TABLE again AS SELECT * FROM orders ORDER BY order_no DESC")
    change(root, "DROP TABLE orders")
    change(root, "ALTER TABLE again RENAME TO orders")
    again, is_new = load(root)
    assert (again.id, is_new) == (first.id, False)
    change(root, "UPDATE orders SET total = '10.01' WHERE order_no = 'o1'")
    other, is_new = load(root)
    assert is_new
    assert other.id != first.id
    change(root, "INSERT INTO orders SELECT * FROM orders WHERE order_no = 'o4'")
    assert load(root)[1], "a row that stands twice is another state"


def test_a_check_asks_for_the_first_rows_alone(root: Path) -> None:
    """A row that cannot be read stands behind them: who asks for all of them meets it."""
    change(root, "INSERT INTO orders VALUES ('o8', '10001', NULL, x'00', '2024-05-08', '1', '1.00')")
    write_study(root, "sqlite:///shop.db", "query: SELECT * FROM orders ORDER BY order_no")
    seen = {table.name: table for table in preview(root, read_study(root, "shop"), sample=3)}
    lines = seen["order_lines"]
    assert (lines.read, lines.loaded, lines.part) == (3, 3, "the first 3 rows of each file or table")
    with pytest.raises(DataError, match="holds bytes in its column 'sku'"):
        preview(root, read_study(root, "shop"))


def test_what_a_database_and_a_study_may_get_wrong(root: Path) -> None:
    first, _ = load(root)
    cases = {
        "table: order": "The SQLite file shop.db answers: no such table: order.",
        "query: SELECT price": "The SQLite file shop.db answers: no such column: price.",
        "query: SELECT account, sku FROM orders": "order_lines: the data have no column 'order_no'.",
        "query: DELETE FROM orders": "The SQLite file shop.db answers: near",
    }
    for orders, said in cases.items():
        write_study(root, "sqlite:///shop.db", orders)
        with pytest.raises(DataError) as error:
            load(root)
        assert said in str(error.value)
    write_study(root, "sqlite:///none.db")
    with pytest.raises(DataError, match="There is no SQLite file none.db. Its path counts from the project"):
        load(root)
    (root / "text.db").write_text("no database at all, only text" * 100)
    write_study(root, "sqlite:///text.db")
    with pytest.raises(DataError, match="SQLite file text.db answers: file is not a database."):
        load(root)
    home = root / "data" / "snapshots" / "shop"
    assert (home / "CURRENT").read_text().strip() == first.id
    assert sorted(p.name for p in home.iterdir()) == sorted(["CURRENT", first.id])


def test_bytes_are_refused_and_a_large_cell_is_not(root: Path) -> None:
    change(root, "UPDATE orders SET sku = replace(hex(zeroblob(5000000)), '0', 'x') WHERE order_no = 'o1'")
    assert len(pd.read_parquet(load(root)[0].path("order_lines"))["product_id"].iloc[0]) == 10_000_000
    change(root, "UPDATE orders SET sku = x'00ff' WHERE order_no = 'o1'")
    with pytest.raises(
        DataError, match="table orders holds bytes in its column 'sku', which cannot be read."
    ):
        load(root)
    change(root, "UPDATE orders SET sku = CAST(x'ff' AS text) WHERE order_no = 'o1'")
    with pytest.raises(DataError, match="holds text that is not UTF-8"):
        load(root)


def test_numbers_of_sqlite_keep_their_digits_and_an_empty_table_is_said(root: Path) -> None:
    columns = "order_no, account, guest_email, sku, ordered, 3 AS qty, 0.1 + 0.2 AS total"
    change(root, f"CREATE TABLE n AS SELECT {columns} FROM orders WHERE order_no < 'o3'")
    write_study(root, "sqlite:///shop.db", "table: n")
    lines = pd.read_parquet(load(root)[0].path("order_lines"))
    assert {str(v) for v in lines["amount"]} == {"0.30"}
    assert {str(v) for v in lines["quantity"]} == {"3.000"}
    change(root, "DELETE FROM n")
    with pytest.raises(DataError, match="No order line of 'shop' could be loaded; 0 were read."):
        load(root)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:hunter2@db/shop", "source.url holds a user or a password"),
        ("mysql://db/shop?password=hunter2", "source.url holds a user or a password"),
        ("oracle://db/shop", "source.url begins with 'oracle'. It may begin with: mariadb, mysql, post"),
        ("postgresql://db", "source.url names no database."),
        ("postgresql://db:port/shop", "source.url is not a database's address."),
        ("sqlite://shop.db", "source.url names no database."),
        (
            "mysql://db/shop?sslmode=require",
            "source.url has no option 'sslmode'. It has: ssl_ca, unix_socket.",
        ),
    ],
)
def test_addresses_that_are_refused(root: Path, url: str, said: str) -> None:
    write_study(root, url)
    with pytest.raises(StudyError) as error:
        load(root)
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_database_that_nobody_answers_for_is_tried_three_times(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(staging, "WAITS", (1.0, 5.0))
    monkeypatch.setattr(staging.time, "sleep", waited.append)
    write_study(root, "postgresql://127.0.0.1:9/shop")
    with pytest.raises(DataError, match="database 'shop' at 127.0.0.1:9 cannot be reached.* tried 3 times"):
        load(root)
    assert waited == [1.0, 5.0]


def test_the_digest_sees_every_change_but_order(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def of(rows: list[tuple[str | None, str | None]]) -> str:
        kinds = [pa.field(name, pa.string(), metadata={"kind": "text"}) for name in ("a", "b")]
        columns = [pa.array([row[k] for row in rows], pa.string()) for k in (0, 1)]
        pq.write_table(pa.table(columns, schema=pa.schema(kinds)), tmp_path / "t.parquet")
        return staging.digest(tmp_path / "t.parquet")

    first = [("1", "x"), ("2", None), ("3", "y")]
    assert of(first) == of(first[::-1])
    others = [first[:2], [*first, ("3", "y")], [("1", "x"), ("2", ""), ("3", "y")], [("1x", ""), *first[1:]],
              [("1", "y"), ("2", None), ("3", "x")], [*first, ("4", "z"), ("4", "z")]]  # fmt: skip
    assert len({of(rows) for rows in [first, *others]}) == 7


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_takes_the_call_and_says_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A connection has a time limit of its own; a load without any limit ends all the same."""
    monkeypatch.setattr(sessions, "_CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_study(root, f"{kind}://127.0.0.1:{silent.getsockname()[1]}/shop")
        begun = time.monotonic()
        with pytest.raises(DataError, match="cannot be reached.* tried 3 times"):
            load(root)
    assert time.monotonic() - begun < 3 * 2 + 10
