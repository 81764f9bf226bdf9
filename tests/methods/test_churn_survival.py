"""Time to silence by hand."""

from __future__ import annotations

import datetime as dt

import ibis
import pyarrow as pa

from crm_utils.methods.churn import silence_times


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
    rows = [(c, dt.datetime.fromisoformat(f"2024-{d} 10:00"), 10) for c, dates in days.items() for d in dates]
    rows.append(("returns", dt.datetime(2024, 4, 5), -10))
    columns = dict(
        zip(("customer_id", "ordered_at", "amount"), map(list, zip(*rows, strict=True)), strict=True)
    )
    orders = ibis.memtable(pa.table(columns)).cast({"amount": "decimal(18, 2)"})
    named = ibis.memtable(pa.table({"customer_id": list(days), "segment": list(days)}))
    times = silence_times(orders, named, cutoff=cutoff, as_of=as_of, silent_days=14).to_pyarrow().to_pylist()
    by_group = {row["group"]: (row["days"], row["event"]) for row in times}
    assert by_group == {"stops": (14, 1), "pauses": (17, 1), "goes on": (61, 0), "returns": (8, 1)}
