"""Points of fewer than five customers are in no number; a ledger may begin with what customers had."""

from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd
import pytest

from crm_utils.errors import DataError
from crm_utils.methods import loyalty
from crm_utils.methods.loyalty.holders import ALL, hidden_strata, merged_quarters, shown_totals
from crm_utils.methods.loyalty.ledger import require_sound
from crm_utils.sentences.loyalty import flow_words

DAY, TIME = dt.date(2025, 12, 31), "timestamp(6)"
POINT = {
    "customer_id": "string", "occurred_at": TIME, "points": "int64", "kind": "string", "expires_at": TIME,
    "order_id": "string",
}  # fmt: skip
ORDER = {"order_id": "string", "customer_id": "string", "ordered_at": TIME, "amount": "decimal(18,2)"}
ALONE, LAST = 31_337, 27_183
"""Points of one customer alone in the oldest quarter, and of one alone in a stratum today."""


def ago(days: int) -> dt.datetime:
    return dt.datetime.combine(DAY, dt.time(12)) - dt.timedelta(days=days)


def ledger() -> tuple[list[tuple], list[tuple]]:
    """Forty customers who earn each month and spend each other; one long gone, one silent for long."""
    points, orders = [], []
    year = dt.timedelta(days=365)
    for n in range(40):
        for month in range(20):
            day = 600 - 30 * month - n % 7
            points.append((f"c{n}", ago(day), 100 + n, "earned", ago(day) + year, None))
            orders.append((f"o{n}-{month}", f"c{n}", ago(day), 10))
            if month % 2 and n % 4:
                points.append((f"c{n}", ago(day - 3), -(90 + n), "spent", None, None))
            if 13 <= month < 19 and not n % 4:
                points.append((f"c{n}", ago(day - 30), -(100 + n), "expired", None, None))
    points.append(("alone", ago(760), ALONE, "earned", ago(760) + year, None))
    points.append(("alone", ago(395), -ALONE, "expired", None, None))
    points.append(("last", ago(300), LAST, "earned", ago(300) + year, None))
    orders.append(("o", "last", ago(300), 10))
    return points, orders


def counted(points: list[tuple], orders: list[tuple]) -> loyalty.Owed:
    tables = (
        ibis.memtable(pd.DataFrame(points, columns=list(POINT)), schema=POINT),
        ibis.memtable(pd.DataFrame(orders, columns=list(ORDER)), schema=ORDER),
    )
    return loyalty.count_points(*tables, as_of=DAY, point_value=1.0)


def test_who_is_alone_in_a_quarter_or_a_stratum_is_in_no_number() -> None:
    owed = counted(*ledger())
    assert owed.liability is not None
    plain = loyalty.points_fates(owed.flow, as_of=DAY)
    assert ALONE in plain["issued"].to_numpy()  # what would have been shown
    assert LAST in owed.liability.table["outstanding"].to_numpy()
    merged = loyalty.points_fates(owed.flow, as_of=DAY, quarters=owed.quarters)
    assert len(merged) < len(plain)
    names = ["issued", "spent", "expired", "cancelled"]
    assert merged[names].sum().tolist() == plain[names].sum().tolist()
    assert merged["outstanding"].iloc[-1] == plain["outstanding"].iloc[-1]
    assert merged["starts_on"].iloc[0] == plain["starts_on"].iloc[0]
    shown = [
        *merged.select_dtypes("number").to_numpy().ravel(),
        *merged["outstanding"].diff().dropna(),
        *loyalty.liability_table(owed.liability).select_dtypes("number").to_numpy().ravel(),
        *owed.liability.by_silence.to_numpy().ravel(),
        owed.liability.outstanding - loyalty.liability_table(owed.liability)["outstanding"].sum(),
        owed.liability.outstanding - owed.liability.by_silence["outstanding"].sum(),
        *(number.value for number in owed.numbers("KRW")),
    ]
    assert not {ALONE, LAST} & {abs(value) for value in shown}
    assert "one with the next" in " ".join(flow_words(owed))


def test_a_fate_of_few_is_hidden_with_another_one() -> None:
    """Taken back from one customer: with what came in and is open it could be reckoned from the rest."""
    points, orders = ledger()
    points.append(("c0", ago(2), -7, "cancelled", None, None))
    owed = counted(points, orders)
    assert "cancelled" not in owed.totals
    assert len(owed.totals) == 2
    assert "points.cancelled" not in {number.name for number in owed.numbers("KRW")}
    said = flow_words(owed)
    assert "(hidden) were taken back" in said[0]
    assert "fewer than five" in said[1]


def test_points_that_few_hold_today_are_not_priced() -> None:
    points, orders = ledger()
    gone = [row for row in points if row[0] in ("c1", "c2")] + [
        (f"c{n}", when, sign * 500, kind, when + dt.timedelta(days=365), None)
        for n in range(10, 20)
        for when, sign, kind in ((ago(500), 1, "earned"), (ago(450), -1, "spent"))
    ]
    owed = counted(gone, orders)
    assert owed.liability is None
    assert owed.why is not None
    assert owed.why.code == "loyalty.few_points"


def test_quarters_are_one_until_five_or_nobody_stand_behind_each_number() -> None:
    rows = pd.DataFrame({
        "quarter": [ALL, 0, 1, 2, 3, 4], "issued": [9, 4, 9, 9, 2, 9], "spent": [9, 5, 0, 3, 0, 0],
        "expired": 0, "cancelled": 0,
    })  # fmt: skip
    assert merged_quarters(rows) == {4: 4, 3: 0, 2: 0, 1: 0, 0: 0}
    assert merged_quarters(rows.assign(spent=0)) == {4: 4, 3: 2, 2: 2, 1: 0, 0: 0}
    facts = dict.fromkeys(("issued", "spent", "expired", "cancelled"), 10)
    assert set(shown_totals(facts, rows)) == set(facts)


def test_a_stratum_of_few_is_hidden_with_another_of_its_silence() -> None:
    cells = [(0, 0, 9), (0, 1, 8), (1, 0, 9), (1, 1, 3), (1, 2, 7), (2, 0, 30)]
    totals = [(0, ALL, 12), (1, ALL, 15), (2, ALL, 30)]
    rows = pd.DataFrame(
        [(0, *row) for row in cells + totals], columns=["back", "silence", "age", "customers"]
    )
    assert hidden_strata(rows) == (set(), {(1, 1), (1, 2)})
    few = pd.DataFrame([(0, *row) for row in [*cells, *totals[:2], (2, ALL, 3)]], columns=rows.columns)
    silences, strata = hidden_strata(few)
    assert silences == {2, 0}
    assert strata == {(0, 0), (0, 1), (1, 1), (1, 2), (2, 0)}


def test_a_ledger_that_begins_in_the_middle_is_refused_and_counted_with_opening_balances() -> None:
    points, orders = ledger()
    begins = ago(400)
    late = [row for row in points if row[1] >= begins]
    table = ibis.memtable(pd.DataFrame(late, columns=list(POINT)), schema=POINT)
    with pytest.raises(DataError, match="Add a row of kind opening a customer"):
        require_sound(table)
    assert counted(late, orders).why is not None
    # What each had, by day of expiry: first in, first out, as the whole ledger counts it.
    whole = counted(points, orders)
    assert whole.pieces is not None
    pieces = whole.pieces.to_pandas()
    had = pieces[(pieces["issued_at"] < begins) & ~(pieces["ended_at"] < begins)]
    sums = had.groupby(["customer_id", "expires_at"])["points"].sum()
    opening = [
        (who, begins - dt.timedelta(days=1), int(n), "opening", ends.to_pydatetime(), None)
        for (who, ends), n in sums.items()
    ]
    owed = counted(opening + late, orders)
    assert owed.why is None
    assert owed.liability is not None
    assert whole.liability is not None
    assert owed.liability.outstanding == whole.liability.outstanding
    assert owed.pieces is not None
    learnt = loyalty.issue_counts(owed.pieces, as_of=DAY).to_pandas()
    assert learnt["ended"].sum() == sum(row[2] for row in late if row[2] > 0)  # of new points alone
