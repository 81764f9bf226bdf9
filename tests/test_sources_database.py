"""Databases as sources: SQLite here, a real PostgreSQL of the test's own; what fails, fails in a sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from people_data import CUSTOMERS, ORDERS

from crm_utils import loading
from crm_utils.privacy import KEY_NAME
from crm_utils.snapshots import Snapshot
from crm_utils.sources.database import staging
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
