"""What left the house is known the next night, and who was left out is found again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import ibis
import pandas as pd

from crm_utils.features import all_messages
from crm_utils.people import ledger

DAY = dt.date(2024, 2, 29)


def a_list(folder: Path) -> Path:
    rows = pd.DataFrame({
        "customer_id": ["ann", "bob"], "scenario": "s", "action": "x", "channel": "sms",
        "send_at": pd.Timestamp("2024-03-01 10:00"), "holdout": [False, True],
    })  # fmt: skip
    path = folder / "contact_list.parquet"
    rows.to_parquet(path, index=False)
    return path


def test_the_next_day_knows_and_the_same_day_can_be_planned_again(tmp_path: Path) -> None:
    path = a_list(tmp_path)
    assert ledger.is_a_plan(path)
    for _ in range(2):  # handed over twice, written down once
        assert ledger.remember(tmp_path, "shop", path, day=DAY) == 2
    assert ledger.handed_over(tmp_path, "shop", before=DAY).num_rows == 0
    rows = ledger.handed_over(tmp_path, "shop", before=DAY + dt.timedelta(days=1)).to_pylist()
    assert [(r["customer_id"], r["held_out"], str(r["sent_at"])) for r in rows] == [
        ("ann", False, "2024-03-01 10:00:00"), ("bob", True, "2024-03-01 10:00:00")
    ]  # fmt: skip
    (file,) = ledger.files(tmp_path, "shop")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_message_that_stands_in_both_counts_once(tmp_path: Path) -> None:
    ledger.remember(tmp_path, "shop", a_list(tmp_path), day=DAY)
    ours = ibis.memtable(ledger.handed_over(tmp_path, "shop", before=dt.date(2024, 3, 5)))
    theirs = ibis.memtable(pd.DataFrame({
        "customer_id": ["ann", "cat"], "scenario": ["s", None], "kind": ["advertising", None],
        "sent_at": [pd.Timestamp("2024-03-01 10:03"), pd.Timestamp("2024-02-01")], "held_out": False,
    }))  # fmt: skip
    both = all_messages(theirs, ours).execute().sort_values("customer_id")
    assert both[["customer_id", "held_out"]].to_numpy().tolist() == [
        ["ann", False],
        ["bob", True],
        ["cat", False],
    ]
    assert len(all_messages(None, ours).execute()) == 2


def test_who_was_sent_and_who_was_left_out_of_a_plan_stand_together(tmp_path: Path) -> None:
    """A provider gives each send a campaign of its own; the draw was by scenario and quarter."""
    ledger.remember(tmp_path, "shop", a_list(tmp_path), day=DAY)
    ours = ibis.memtable(ledger.handed_over(tmp_path, "shop", before=dt.date(2024, 3, 5)))
    theirs = ibis.memtable(pd.DataFrame({
        "customer_id": ["ann", "cat"], "campaign_id": ["send-17", "spring"], "scenario": ["s", None],
        "kind": ["advertising", None],
        "sent_at": [pd.Timestamp("2024-03-01 10:03"), pd.Timestamp("2024-02-01")],
        "held_out": False,
    }))  # fmt: skip
    both = all_messages(theirs, ours).execute().set_index("customer_id")["campaign_id"]
    assert both[["ann", "bob"]].isna().all()
    assert both["cat"] == "spring"
