"""The share that a contact keeps: measured on earlier lists, where that says more than an assumption."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.features import all_messages, held_out, period_of
from crm_utils.methods.ab_test import judge_contacts
from crm_utils.methods.churn import Stakes, share_kept
from crm_utils.methods.churn.depth import try_assumptions
from crm_utils.people import ledger
from crm_utils.sentences import churn as words

STAKES = Stakes(0.1, 0.3, 1, 0.1, 0.25, 28, 0.05)


def effects(share: float | None, low: float | None, high: float | None, **changed: Any) -> Any:
    row = {
        "scenario": "churn_contact", "customers": 900, "held_out": 200, "share_kept": share, "low": low,
        "high": high, "horizon_days": 28,
    }  # fmt: skip
    frame = pd.DataFrame([row | changed])
    return ibis.memtable(frame.astype(dict.fromkeys(["share_kept", "low", "high"], "float64")))


@pytest.mark.parametrize(
    ("table", "status", "used"),
    [
        (None, "none", 0.1),
        (effects(0.3, 0.2, 0.4, scenario="newsletter"), "none", 0.1),
        (effects(None, None, None), "waiting", 0.1),
        (effects(0.3, 0.2, 0.4, horizon_days=56), "other_horizon", 0.1),
        (effects(0.05, -0.20, 0.30), "too_wide", 0.1),  # holds 0.1, and tells less than 0.05 to 0.15 does
        (effects(0.30, 0.15, 0.45), "measured", 0.3),  # as wide, but 0.1 is not in it
        (effects(0.08, 0.04, 0.12), "measured", 0.08),
        (effects(-0.03, -0.06, 0.00), "measured", 0.0),
    ],
)
def test_a_measured_share_replaces_the_assumption_only_where_it_says_more(
    table: Any, status: str, used: float
) -> None:
    kept = share_kept(table, STAKES)
    assert kept.status == status
    assert kept.stakes.save_rate == pytest.approx(used)
    assert kept.stakes.remind_rate == pytest.approx(used / 2)
    number = kept.numbers()[0]
    assert number.value == pytest.approx(used)
    assert (number.low is not None) == kept.measured
    assert "{" not in words.kept_words(kept)


def test_what_other_lists_kept_is_shown_and_not_used() -> None:
    kept = share_kept(effects(0.06, 0.03, 0.08, scenario="all"), STAKES)
    assert (kept.status, kept.stakes.save_rate, kept.others) == ("none", 0.1, (0.06, 0.03, 0.08))
    assert words.kept_words(kept).endswith("sent to other customers, kept 6\xa0% (3\xa0% to 8\xa0%).")
    assert share_kept(effects(0.06, 0.03, 0.08, scenario="all", horizon_days=56), STAKES).others is None


def test_what_is_tried_of_a_measured_share_is_its_interval() -> None:
    kept = share_kept(effects(0.20, 0.16, 0.25), STAKES)
    n = 40
    rows = pd.DataFrame({"customer_id": [f"c{k}" for k in range(n)], "cutoff": 0, "chance": 0.5,
                         "actual": np.arange(n) % 2, "value": 50.0})  # fmt: skip
    tried = try_assumptions(rows, rows, kept.stakes, depth=1.0, seed=1, draws=20, save_times=kept.times)
    assert sorted(set(tried["save_rate"].round(6))) == [0.16, 0.20, 0.25]
    assert sorted(set(tried["take_rate"].round(6))) == [0.15, 0.3, 0.45]


def test_the_loop_from_a_handed_over_list_to_the_plans_profit(tmp_path: Path) -> None:
    """Four weekly lists, held out by the study's draw; a contact keeps 30 % of those who would leave."""
    rng, start, kept, n = np.random.default_rng(3), dt.date(2025, 1, 6), 0.3, 900
    bought = []
    for week in range(4):
        day = start + dt.timedelta(days=7 * week)
        ids = np.array([f"c{week}_{k}" for k in range(n)])
        out = held_out(ids, study="shop", period=period_of(day), scenario="churn_contact", share=0.2)
        lapses = rng.random(n) < 0.6 * np.where(out, 1, 1 - kept)
        sent = pd.Timestamp(day) + pd.Timedelta(hours=34)
        rows = pd.DataFrame({"customer_id": ids, "scenario": "churn_contact", "channel": "sms",
                             "send_at": sent, "holdout": out})  # fmt: skip
        rows.to_parquet(tmp_path / "list.parquet", index=False)
        ledger.remember(tmp_path, "shop", tmp_path / "list.parquet", day=day)
        bought.append(pd.DataFrame({"customer_id": ids[~lapses], "ordered_at": sent + pd.Timedelta(days=9),
                                    "amount": 10.0}))  # fmt: skip
    as_of = dt.date(2025, 3, 31)
    con = ibis.duckdb.connect()
    orders = con.create_table("orders", pd.concat(bought)).cast(
        {"ordered_at": "timestamp(6)", "amount": "decimal(18, 2)"}
    )
    handed = con.create_table("handed", ledger.handed_over(tmp_path, "shop", before=as_of))
    judged = judge_contacts(all_messages(None, handed), orders, horizon_days=28, as_of=as_of)
    measured = share_kept(ibis.memtable(judged.table), STAKES)
    assert measured.status == "measured"
    assert measured.sent + measured.held_out == 4 * n
    assert measured.low is not None
    assert measured.high is not None
    assert measured.low <= kept <= measured.high
    assert measured.stakes.save_rate == pytest.approx(kept, abs=0.1)
    assert "Earlier lists kept" in words.kept_words(measured)
