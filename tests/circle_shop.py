"""A shop that sends by itself: orders, people, consents, and what a provider reports of a send."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from tiny import ROOT

__all__ = ["EFFECT", "MARGIN", "later_orders", "report_of", "write_circle_shop"]

EFFECT, MARGIN = 0.35, 90
"""Planted: so much larger is the share who buy again if a message reaches them; what an order leaves."""
STUDY = """\
title: Circle shop
source:
  kind: files
  folder: raw
  people: {country: "82"}
  tables:
    order_lines:
      files: orders*.csv
      person: {account: account}
      columns: {order_id: order, product_id: product, ordered_at: at, quantity: pieces, amount: amount}
    products: {files: products.csv, columns: {product_id: product, unit_price: price, unit_margin: margin}}
    customers:
      files: people.csv
      person: {account: account, phone: phone, name: name}
      columns: {joined_on: joined}
    consents:
      files: consents.csv
      person: {account: account}
      columns: {channel: channel, advertising: yes_no, changed_at: at}
timezone: Asia/Seoul
currency: KRW
history_starts: 2023-01-01
"""
SCENARIOS = """\
country: KR
scenarios:
  - id: second
    title: Second order
    class: advertising
    anchor: {order: first}
    delay: 2d
    at: "10:00"
    exit: [order]
    again: 365d
    channels: [sms]
    holdout: {share: 0.4}
    template: {id: T_2, text: "{name}님, 다시 만나요", variables: {name: {column: name, default: 고객}}}
    outcome: {horizon_days: 14}
providers:
  sms: {from: "0212345678"}
responses:
  sms:
    columns:
      message_id: message_id
      delivered_at: received
      failed_reason: {column: code, codes: {"1000": delivered, "3018": no such number}, other: keep}
"""


def write_circle_shop(root: Path, *, people: int = 600) -> None:
    """Everybody ordered once, on 28 February 2024; nine in ten agreed to text messages."""
    (root / "studies").mkdir(parents=True)
    (root / "raw").mkdir()
    (root / "rules").mkdir()
    rules = (ROOT / "rules" / "kr.yaml").read_text(encoding="utf-8")
    (root / "rules" / "kr.yaml").write_text(
        rules.replace('number: ""', 'number: "080-123-4567"'), encoding="utf-8"
    )
    (root / "studies" / "circle.yaml").write_text(STUDY, encoding="utf-8")
    (root / "studies" / "circle.scenarios.yaml").write_text(SCENARIOS, encoding="utf-8")
    ids = range(people)
    _write(root / "raw" / "products.csv", ["product", "price", "margin"], [["p", 100, MARGIN]])
    _write(root / "raw" / "people.csv", ["account", "phone", "name", "joined"], [
        [f"a{n}", f"010-2000-{n:04}", f"김{n}", "2023-01-05"] for n in ids])  # fmt: skip
    _write(root / "raw" / "consents.csv", ["account", "channel", "yes_no", "at"], [
        [f"a{n}", "sms", "yes" if n % 10 else "no", "2023-06-01 12:00:00"] for n in ids])  # fmt: skip
    _write(root / "raw" / "orders.csv", _ORDERS, [
        [f"o{n}", f"a{n}", "p", "2024-02-28 12:00:00", 1, 100] for n in ids] + _filler())  # fmt: skip


_ORDERS = ["order", "account", "product", "at", "pieces", "amount"]


def _filler() -> list[list[object]]:
    """Guests, so that the shop has a history and days up to the plan."""
    days = pd.date_range("2023-01-02", "2024-02-29", freq="D")
    return [[f"g{n}", "", "p", f"{day:%Y-%m-%d} 09:00:00", 1, 100] for n, day in enumerate(days)]


def report_of(export: Path, to: Path, *, seed: int = 1) -> set[str]:
    """What a provider says of a file of text messages: one in five has no such number. Who was reached."""
    rng = np.random.default_rng(seed)
    with export.open(encoding="utf-8") as file:
        sent = list(csv.DictReader(file))
    reached = rng.random(len(sent)) > 0.2
    rows = [
        [row["message_id"], "2024-03-01 10:00:07" if ok else "", "1000" if ok else "3018"]
        for row, ok in zip(sent, reached, strict=True)
    ]
    rows += [rows[0], ["unknown", "2024-03-01 10:00:07", "1000"], [sent[-1]["message_id"], "", "7777"]]
    _write(to, ["message_id", "received", "code"], rows)
    return {row["to"] for row, ok in zip(sent, reached, strict=True) if ok}


def later_orders(root: Path, reached: set[str], *, people: int = 600, seed: int = 2) -> None:
    """What came after: a fifth buy again anyway, and :data:`EFFECT` more of those whom a message reached."""
    rng = np.random.default_rng(seed)
    rows: list[list[object]] = []
    for n in range(people):
        if rng.random() < 0.2 + EFFECT * (f"0102000{n:04}" in reached):
            rows.append([f"l{n}", f"a{n}", "p", "2024-03-04 12:00:00", 1, 100])
    days = pd.date_range("2024-03-01", "2024-03-20", freq="D")
    rows += [[f"h{n}", "", "p", f"{day:%Y-%m-%d} 09:00:00", 1, 100] for n, day in enumerate(days)]
    _write(root / "raw" / "orders2.csv", _ORDERS, rows)


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([header, *rows])
