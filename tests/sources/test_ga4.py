"""GA4's export in its published schema: rows reconcile, parameters flatten, a visitor is one customer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_utils import loading
from crm_utils.errors import DataError
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study

STUDY = """\
title: A web shop
source: {kind: ga4, folder: raw, files: "%s"}
timezone: Asia/Seoul
currency: KRW
history_starts: 2024-01-01
quality: {set_aside_at_most: 1.0} # rows are broken on purpose
"""
START = 1_714_521_600_000_000  # 2024-05-01 00:00 UTC, in microseconds


def event(number: int, name: str, device: str, **more: Any) -> dict[str, Any]:
    params = {"ga_session_id": 7, "page_location": "https://shop.example/?mail=zaphira@example.com"}
    params |= more.pop("params", {})
    listed = [
        {"key": key, "value": {"string_value": value if isinstance(value, str) else None,
                               "int_value": value if isinstance(value, int) else None}}
        for key, value in params.items()
    ]  # fmt: skip
    return {
        "event_date": "20240501", "event_timestamp": START + number, "event_name": name,
        "user_pseudo_id": device, "user_id": None, "platform": "WEB", "event_params": listed, "items": [],
        "ecommerce": None,
        "traffic_source": {"name": "(direct)", "medium": "(none)", "source": "(direct)"},
    } | more  # fmt: skip


def item(product: str, price: float, quantity: int | None, revenue: float | None = None) -> dict[str, Any]:
    return {
        "item_id": product,
        "item_name": product,
        "price": price,
        "quantity": quantity,
        "item_revenue": revenue,
    }


BOUGHT = {"ecommerce": {"transaction_id": "T1", "purchase_revenue": 25.5},
          "items": [item("p1", 10.0, 2, 20.0), item("p2", 5.5, 1), item("p2", 5.5, None)]}  # fmt: skip
EVENTS = [
    event(0, "session_start", "phone", params={"source": "newsletter", "medium": "email", "campaign": "may"}),
    event(1, "view_item", "phone", items=[item("p1", 10.0, 1)]),
    event(2, "purchase", "phone", user_id="zaphira@example.com", **BOUGHT),
    event(3, "purchase", "phone", user_id="zaphira@example.com", **BOUGHT),  # reloaded
    event(4, "page_view", "laptop", user_id="zaphira@example.com"),
    event(5, "made_up", "other device"),
    event(6, "purchase", "other device", ecommerce={"transaction_id": "T2", "purchase_revenue": 3.0}),
    event(7, "purchase", "other device", platform="IOS", params={"transaction_id": "T3"},
          items=[item("p3", 1.0, 3)]),
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    for folder in ("studies", "raw"):
        (tmp_path / folder).mkdir()
    return tmp_path


def as_json(rows: list[dict[str, Any]]) -> str:
    # BigQuery writes 64-bit integers as text, and leaves out what is null.
    return "".join(
        json.dumps({k: str(v) if k == "event_timestamp" else v for k, v in row.items() if v is not None})
        + "\n"
        for row in rows
    )


def load(root: Path, files: str) -> Snapshot:
    (root / "studies" / "web.yaml").write_text(STUDY % files, encoding="utf-8")
    return loading.load(root, read_study(root, "web"))[0]


def check(snapshot: Snapshot) -> None:
    counts = {
        t: (m["read"], m["loaded"], m["left_out"], m["quarantined"])
        for t, m in snapshot.manifest["tables"].items()
    }
    assert counts == {"events": (8, 8, 0, 0), "order_lines": (8, 4, 3, 1)}
    events = pd.read_parquet(snapshot.path("events")).sort_values("occurred_at", ignore_index=True)
    assert events["event"].tolist() == [
        "visit",
        "view",
        "purchase",
        "purchase",
        "view",
        "made_up",
        "purchase",
        "purchase",
    ]
    assert str(events["occurred_at"][1]) == "2024-05-01 09:00:00.000001"
    assert events.loc[0, ["source", "medium", "campaign_id"]].tolist() == ["newsletter", "email", "may"]
    assert events["source"][5] == "(direct)"
    assert events["product_id"][1] == "p1"
    who = events["customer_id"]
    assert [len(set(who[:5])), len(set(who[5:]))] == [1, 1], "phone and laptop met in one account"
    assert who[0] != who[5]
    lines = pd.read_parquet(snapshot.path("order_lines"))
    kept = lines[["order_id", "product_id", "channel"]].assign(
        quantity=lines["quantity"].astype(float), amount=lines["amount"].astype(str)
    )
    assert sorted(kept.to_numpy().tolist()) == [
        ["T1", "p1", "web", 2.0, "20.00"], ["T1", "p2", "web", 1.0, "5.50"], ["T1", "p2", "web", 1.0, "5.50"],
        ["T3", "p3", "app", 3.0, "3.00"],
    ]  # fmt: skip
    assert set(lines["customer_id"]) == {who[0], who[5]}
    for path in snapshot.folder.rglob("*.parquet"):
        text = str(pd.read_parquet(path).to_dict("records"))
        assert "zaphira" not in text
        assert "laptop" not in text


def test_parquet(root: Path) -> None:
    pq.write_table(pa.Table.from_pylist(EVENTS), root / "raw" / "events_20240501.parquet")
    check(load(root, "events_*.parquet"))


def test_json_lines_in_several_packed_files(root: Path) -> None:
    (root / "raw" / "events_1.jsonl.gz").write_bytes(gzip.compress(as_json(EVENTS[:3]).encode()))
    (root / "raw" / "events_2.jsonl.gz").write_bytes(gzip.compress(as_json(EVENTS[3:]).encode()))
    check(load(root, "events_*.jsonl.gz"))


def test_what_is_not_set_is_no_value(root: Path) -> None:
    """Such purchases are orders of their own, in whichever file they stand; no order is called (not set)."""
    unset = {"transaction_id": "(not set)", "purchase_revenue": 4.0}
    bought = [
        event(n, "purchase", f"device {n}", user_id="(not set)", ecommerce=unset, items=[item("p1", 4.0, 1)],
              params={"source": "(not set)"}, traffic_source={"source": "shop", "medium": "(not set)"})
        for n in range(2)
    ]  # fmt: skip
    bought += [event(2, "purchase", "device 2", ecommerce=None, items=[item("(not set)", 4.0, 1)])]
    for end, name in enumerate(("events_[1].jsonl", "events_1.jsonl")):  # two files of the same are refused
        (root / "raw" / name).write_text(as_json(bought) + "\n" * end, encoding="utf-8")
    snapshot = load(root, "events_*.jsonl")
    lines = pd.read_parquet(snapshot.path("order_lines"))
    assert sorted(lines["order_id"]) == [
        f"{name}:{row}" for name in ("events_1.jsonl", "events_[1].jsonl") for row in (1, 2)
    ]
    assert lines["customer_id"].nunique() == 2
    aside = pd.read_parquet(snapshot.folder / "quarantine" / "order_lines.parquet")
    assert set(aside["reason"]) == {"product_id is empty"}
    events = pd.read_parquet(snapshot.path("events")).sort_values("occurred_at", ignore_index=True)
    assert events["product_id"].isna().tolist() == [False] * 4 + [True] * 2
    assert (events["source"][0], events["medium"].isna()[0]) == ("shop", True)


def test_broken_lines_are_set_aside(root: Path) -> None:
    text = as_json(EVENTS[:1]) + '{"event_name": "cut\n[1, 2]\n' + as_json(EVENTS[2:3])
    (root / "raw" / "events.jsonl").write_text(text + as_json([EVENTS[1] | {"event_timestamp": "soon"}]))
    snapshot = load(root, "events.jsonl")
    counts = snapshot.manifest["tables"]["events"]
    assert (counts["read"], counts["loaded"], counts["quarantined"]) == (5, 2, 3)
    aside = pd.read_parquet(snapshot.folder / "quarantine" / "events.parquet")
    assert aside["row"].tolist() == [2, 3, 5]
    assert aside["reason"].tolist() == [
        *["the line is no JSON object"] * 2,
        "occurred_at cannot be read as a time",
    ]


def test_what_is_no_export_is_refused(root: Path) -> None:
    (root / "raw" / "events.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="events.csv is no GA4 export: Parquet or JSON Lines"):
        load(root, "events.csv")
