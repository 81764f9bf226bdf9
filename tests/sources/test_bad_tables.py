"""Orders' lives, shelf, reach, coupons, requests, tiers, referrals and costs under broken input.

Every broken value that the corpus for order lines knows is put into every column of each table, by the
column's type; the row is set aside with a reason, and the good ones are loaded.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from bad_input import HEAD, ROW

from crm_utils import loading
from crm_utils.errors import CrmError
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study
from crm_utils.tables import DAY, MONEY, SHARE, TABLES, TEXT, TIME, WHOLE, YES_NO

#: A good row of each table; the columns that came later to older tables among them.
GOOD = {
    "order_status": {"order_id": "1", "status": "paid", "occurred_at": "2024-02-29 10:00:00"},
    "shelf": {"product_id": "A", "changed_at": "2024-02-29 10:00:00", "price": "3.50", "stock": "7"},
    "reach": {"customer_id": "c1", "channel": "app_push", "reachable": "yes", "changed_at": "2024-02-29"},
    "coupons": {"coupon_id": "k", "customer_id": "c1", "issued_at": "2024-02-29", "expires_at": "2024-03-31",
                "redeemed_at": "2024-03-01 09:30", "order_id": "1", "value": "5000"},
    "asked": {"customer_id": "c1", "order_id": "1", "kind": "nps", "asked_at": "2024-02-29",
              "channel": "sms"},
    "tiers": {"customer_id": "c1", "tier": "gold", "since": "2024-02-29 10:00:00"},
    "referrals": {"referrer_id": "c1", "customer_id": "c2", "referred_at": "2024-02-29 10:00:00"},
    "customers": {"customer_id": "c1", "joined_at": "2024-02-29 23:59:59", "joined_on": "2024-02-29"},
    "messages": {"message_id": "m", "customer_id": "c1", "sent_at": "2024-02-29 10:00:00", "held_out": "no",
                 "template": "t1", "variant": "b", "propensity": "0.333333", "anchor_id": "s1",
                 "fallback_of": "m0"},
    "points": {"customer_id": "c1", "occurred_at": "2024-02-29", "points": "100", "kind": "earned",
               "expires_at": "2025-02-28", "order_id": "1"},
    "feedback": {"feedback_id": "f", "submitted_at": "2024-02-29", "kind": "case", "product_id": "A",
                 "resolved_at": "2024-03-02 09:00:00", "replied_at": "2024-03-01 09:00:00"},
    "marketing_costs": {"starts_on": "2024-02-29", "ends_on": "2024-03-06", "acquisition_channel": "search",
                        "cost": "120000"},
}  # fmt: skip
MOMENTS = ("2023-02-29", "9999-12-31", "0017-03-01", "03/04/2024", "2024-01-01 25:00",
           "2024-01-01T10:00:00+09:00", "45351", "soon")  # fmt: skip
NUMBERS = ("3,50", "₩3", "9" * 30, "inf", "NaN", "1e400", "x")
BROKEN = {TIME: MOMENTS, DAY: MOMENTS, MONEY: NUMBERS, SHARE: NUMBERS, WHOLE: ("1.5", *NUMBERS),
          YES_NO: ("maybe", "2")}  # fmt: skip
#: What is readable and cannot be.
SENSELESS = {
    "shelf": {"price": "-1"},
    "coupons": {"value": "-1", "expires_at": "2024-01-01", "redeemed_at": "2024-01-01"},
    "customers": {"joined_at": "2024-03-01 00:00:00"},
    "messages": {"propensity": "1.1"},
    "points": {"expires_at": "2024-01-01"},
    "feedback": {"resolved_at": "2024-01-01", "replied_at": "2024-01-01"},
    "marketing_costs": {"ends_on": "2024-01-01", "cost": "-1"},
}


def broken(table: str) -> list[tuple[str, str]]:
    """Each column of the good row with each value that it cannot have."""
    types = {column.name: column.type for column in TABLES[table].columns}
    wrong = [(name, value) for name in GOOD[table] for value in BROKEN.get(types[name], ())]
    wrong += [(name, "") for name in GOOD[table] if name in TABLES[table].required]
    ids = [name for name in GOOD[table] if types[name] == TEXT and name.endswith("_id")]
    wrong += [(name, "8.80123E+12") for name in ids]
    return wrong + list(SENSELESS.get(table, {}).items())


def load(root: Path, table: str, content: bytes, name: str = "more.csv") -> Snapshot:
    for folder in ("studies", "raw"):
        (root / folder).mkdir(parents=True)
    (root / "raw" / "orders.csv").write_text(HEAD + ROW, encoding="utf-8")
    (root / "raw" / name).write_bytes(content)
    lines = {"order_id": "Invoice", "customer_id": "Customer", "product_id": "Item", "ordered_at": "Date",
             "quantity": "Qty", "amount": "Amount"}  # fmt: skip
    mapped = {"files": name, "columns": {column: column for column in GOOD[table]}}
    study = {"title": "Bad", "timezone": "Asia/Seoul", "currency": "KRW", "history_starts": "2024-01-01",
             "quality": {"set_aside_at_most": 1.0}, "source": {"kind": "files", "folder": "raw", "tables": {
                 "order_lines": {"files": "orders.csv", "columns": lines}, table: mapped}}}  # fmt: skip
    (root / "studies" / "bad.yaml").write_text(json.dumps(study), encoding="utf-8")
    return loading.load(root, read_study(root, "bad"))[0]


def csv(rows: list[dict[str, str]]) -> str:
    text = pd.DataFrame(rows).to_csv(index=False)
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("table", GOOD)
def test_each_broken_value_sets_its_row_aside_and_no_other(table: str, tmp_path: Path) -> None:
    wrong = broken(table)
    keys = TABLES[table].key
    rows = [GOOD[table] | {key: f"{GOOD[table][key]}{n}" for key in keys} | {name: value}
            for n, (name, value) in enumerate(wrong)]  # fmt: skip
    snapshot = load(tmp_path, table, csv([GOOD[table], *rows]).encode())
    counts = snapshot.manifest["tables"][table]
    assert (counts["read"], counts["loaded"], counts["quarantined"]) == (len(rows) + 1, 1, len(rows))
    aside = pd.read_parquet(snapshot.folder / "quarantine" / f"{table}.parquet").sort_values("row")
    for (name, value), reason in zip(wrong, aside["reason"], strict=True):
        assert name in reason, (name, value, reason)
    kept = pd.read_parquet(snapshot.path(table)).iloc[0]
    assert kept[list(GOOD[table])].notna().all()
    assert list(kept.index) == [column.name for column in TABLES[table].columns]


@pytest.mark.parametrize("table", [name for name in GOOD if TABLES[name].key])
def test_what_stands_twice_under_one_key_is_there_once(table: str, tmp_path: Path) -> None:
    snapshot = load(tmp_path, table, csv([GOOD[table]] * 3).encode())
    counts = snapshot.manifest["tables"][table]
    assert (counts["loaded"], counts["quarantined"]) == (1, 2)


@pytest.mark.parametrize("table", [name for name in GOOD if name not in ("messages", "points")])
def test_lines_that_are_no_rows_and_files_that_are_no_text(table: str, tmp_path: Path) -> None:
    text = csv([GOOD[table]])
    ragged = text + "only one\n" + text.splitlines()[1] + ",one,too,many\n"
    counts = load(tmp_path / "ragged", table, ragged.encode("cp949")).manifest["tables"][table]
    assert (counts["read"], counts["loaded"], counts["quarantined"]) == (3, 1, 2)
    for number, (content, name, said) in enumerate((
        (text.encode("utf-16-le"), "more.csv", "UTF-16 without its mark"),
        (text.replace("\n", "\0\n").encode(), "more.csv", "holds NUL bytes"),
        (gzip.compress(text.encode() * 99)[:-9], "more.csv.gz", "damaged, or cut off"),
        (text.replace(next(iter(GOOD[table])), "other", 1).encode(), "more.csv", "the data have no column"),
    )):  # fmt: skip
        with pytest.raises(CrmError, match=said):
            load(tmp_path / str(number), table, content, name)


def test_a_customers_day_is_that_of_the_moment_where_only_this_is_given(tmp_path: Path) -> None:
    rows = [{"customer_id": "c1", "joined_at": "2024-02-29 23:59:59", "joined_on": ""}]
    frame = pd.read_parquet(load(tmp_path, "customers", csv(rows).encode()).path("customers"))
    assert str(frame["joined_on"][0]) == "2024-02-29"
