"""Points: lots against a loop over every single point, and ledgers that cannot be counted."""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest

from crm_utils.errors import DataError
from crm_utils.methods import loyalty
from crm_utils.sentences import cannot

START = dt.datetime(2024, 1, 1, 12)
KINDS = {
    "customer_id": "string", "occurred_at": "timestamp(6)", "points": "int64", "kind": "string",
    "expires_at": "timestamp(6)", "order_id": "string",
}  # fmt: skip
Row = tuple[str, int, int, str]
"""Customer, day, points, kind."""


def ledger(rows: list[Row], *, live: int | None = None) -> ir.Table:
    made = []
    for customer, day, points, kind in rows:
        at = START + dt.timedelta(days=day)
        ends = at + dt.timedelta(days=live) if live and points > 0 else None
        made.append((customer, at, points, kind, ends, None))
    return ibis.memtable(pd.DataFrame(made, columns=list(KINDS)), schema=KINDS)


def ledgers(seed: int, *, customers: int = 400) -> list[Row]:
    """Small ledgers whose balances never fall below 0; several rows may share an instant."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for k in range(customers):
        balance, day = 0, 0
        for _step in range(int(rng.integers(1, 12))):
            day += int(rng.integers(0, 4))
            if balance and rng.random() < 0.5:
                points, kind = (
                    -int(rng.integers(1, balance + 1)),
                    str(rng.choice(["spent", "expired", "return"])),
                )
            else:
                points, kind = int(rng.integers(1, 8)), str(rng.choice(["earned", "given"]))
            balance += points
            rows.append((f"c{k}", day, points, kind))
    return [rows[k] for k in rng.permutation(len(rows))]


def by_hand(rows: list[Row]) -> Counter[tuple[str, int, str, int | None]]:
    """One point at a time: (customer, day of issue, fate, day of its end) and how many."""
    became: Counter[tuple[str, int, str, int | None]] = Counter()
    for customer in {row[0] for row in rows}:
        mine = [row for row in rows if row[0] == customer]
        # Additions of an instant come before what is taken at it, as a balance is judged at its end.
        queue: deque[int] = deque()
        for day in sorted({row[1] for row in mine}):
            for _c, _d, points, _kind in (row for row in mine if row[1] == day and row[2] > 0):
                queue.extend([day] * points)
            taken = sorted((row for row in mine if row[1] == day and row[2] < 0), key=lambda r: (r[3], -r[2]))
            for _c, _d, points, kind in taken:
                fate = kind if kind in ("spent", "expired") else "cancelled"
                for _point in range(-points):
                    became[customer, queue.popleft(), fate, day] += 1
        for day in queue:
            became[customer, day, "open", None] += 1
    return became


@pytest.mark.parametrize("seed", range(3))
def test_lots_are_what_a_queue_of_single_points_gives(seed: int) -> None:
    rows = ledgers(seed)
    pieces = loyalty.fates(ledger(rows)).to_pandas()
    seen: Counter[tuple[str, int, str, int | None]] = Counter()
    for piece in pieces.to_dict("records"):
        day = (piece["issued_at"] - START).days
        ended = None if pd.isna(piece["ended_at"]) else (piece["ended_at"] - START).days
        seen[piece["customer_id"], day, piece["fate"], ended] += piece["points"]
    assert +seen == by_hand(rows)


def test_a_balance_is_the_sum_of_open_lots_and_a_lot_the_sum_of_its_pieces() -> None:
    rows = ledgers(11)
    points = ledger(rows)
    pieces, lots = loyalty.fates(points).to_pandas(), loyalty.lots(points).to_pandas()
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "points", "kind"])
    balances = frame.groupby("customer_id")["points"].sum()
    still = pieces[pieces["fate"] == "open"].groupby("customer_id")["points"].sum()
    assert balances[balances != 0].to_dict() == still.to_dict()
    sums = pieces.groupby(["customer_id", "lot"])["points"].sum()
    assert sums.to_dict() == lots.set_index(["customer_id", "lot"])["points"].to_dict()
    assert (pieces["points"] > 0).all()


@pytest.mark.parametrize("day", [0, 5, 12])
def test_what_was_known_on_a_day_is_cut_out_of_what_is_known_today(day: int) -> None:
    """Pieces of a ledger cut at a day are those of the whole ledger, with later ends forgotten."""
    rows = ledgers(12)
    pieces = loyalty.fates(ledger(rows)).to_pandas()
    end = START + dt.timedelta(days=day, hours=1)
    then = pieces[pieces["issued_at"] <= end].copy()
    later = ~(then["ended_at"] <= end)
    then.loc[later, "fate"] = "open"
    then = then.groupby(["customer_id", "lot", "fate"])["points"].sum()
    known = [row for row in rows if row[1] <= day]
    cut = loyalty.fates(ledger(known)).to_pandas().groupby(["customer_id", "lot", "fate"])["points"].sum()
    assert then.to_dict() == cut.to_dict()


def test_a_balance_below_zero_is_refused_in_words() -> None:
    rows: list[Row] = [(f"c{k}", 0, 10, "earned") for k in range(20)]
    rows += [(f"c{k}", 5, -11, "spent") for k in range(14)]
    words = (
        "Balance of 14 customers falls below 0: the ledger begins later than the points (opening balance?)."
    )
    with pytest.raises(DataError, match=r"Balance of 14 customers falls below 0") as error:
        loyalty.require_sound(ledger(rows))
    assert str(error.value).startswith(words)
    read = loyalty.read_ledger(ledger(rows, live=30), as_of=dt.date(2024, 2, 1))
    assert not read.sound
    assert read.why is not None
    assert cannot.reason(read.why) == words
    loyalty.require_sound(ledger([("c", 0, -5, "spent"), ("c", 0, 5, "earned")]))  # not at the instant's end


def test_without_any_rule_of_expiry_it_is_asked_for() -> None:
    rows: list[Row] = [(f"c{k}", 0, 10, "earned") for k in range(20)] + [("c0", 400, -3, "spent")]
    read = loyalty.read_ledger(ledger(rows), as_of=dt.date(2025, 12, 31))
    assert read.why is not None
    assert cannot.reason(read.why) == "No expiry in 24 months and no rule: say points_live_days."
    assert loyalty.read_ledger(ledger(rows), as_of=dt.date(2025, 12, 31), live_days=365).sound


def test_the_rule_is_taken_from_the_ledger_where_all_expired_at_one_age() -> None:
    rows: list[Row] = [(f"c{k}", k, 10, "earned") for k in range(20)]
    rows += [(f"c{k}", k + 90, -10, "expired") for k in range(15)]
    assert loyalty.read_ledger(ledger(rows), as_of=dt.date(2024, 12, 31)).live_days == 90
    mixed = rows[:20] + [(f"c{k}", 2 * k + 90, -10, "expired") for k in range(15)]
    read = loyalty.read_ledger(ledger(mixed), as_of=dt.date(2024, 12, 31))
    assert read.why is not None
    assert read.why.code == "loyalty.no_expiry"


def test_a_ledger_of_few_customers_says_nothing() -> None:
    read = loyalty.read_ledger(ledger([("a", 0, 10, "earned")], live=30), as_of=dt.date(2024, 2, 1))
    assert read.why is not None
    assert read.why.code == "loyalty.few_points"
    assert loyalty.read_ledger(None, as_of=dt.date(2024, 2, 1)).why is not None


def test_points_that_end_soon_are_listed() -> None:
    rows: list[Row] = [
        ("a", 0, 10, "earned"),
        ("a", 20, 7, "earned"),
        ("b", 25, 9, "earned"),
        ("a", 21, -4, "spent"),
    ]
    listed = loyalty.expiring_points(
        loyalty.fates(ledger(rows, live=30)), as_of=dt.date(2024, 1, 26), days=10
    ).to_pandas()
    assert listed.to_dict("records") == [
        {"customer_id": "a", "points": 6, "ends_on": pd.Timestamp(2024, 1, 31), "balance": 13}
    ]
