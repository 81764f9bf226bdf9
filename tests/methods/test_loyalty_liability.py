"""What points owe: chances against Kaplan and Meier, IFRS 15's own example, shops whose future is known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from crm_utils.errors import DataError
from crm_utils.methods import loyalty
from crm_utils.methods.loyalty.standing import AGES, SILENCES

DAY = dt.date(2025, 12, 31)
ROW = ["part", "back", "silence", "age", "weeks", "spent", "ended"]


def counts(*rows: tuple[int, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=ROW)


def test_ifrs_15_shares_the_price_as_its_illustrative_example_52() -> None:
    """IFRS 15, IE267 to IE270: 100,000 of goods, 10,000 points, each worth 1, 9,500 expected to be spent."""
    shared = loyalty.allocate_price(100_000, 10_000, 0.95, 1.0)
    assert shared.stand_alone == pytest.approx(9_500)
    assert [round(shared.goods), round(shared.points)] == [91_324, 8_676]
    # First year: 4,500 spent of 9,500 expected. Second: 8,500 in all, of 9,700 expected by then.
    first = loyalty.recognised(8_676, 4_500, 9_500)
    assert round(first) == 4_110
    assert round(loyalty.recognised(8_676, 8_500, 9_700) - round(first)) == 3_493
    with pytest.raises(DataError, match="cannot be shared"):
        loyalty.allocate_price(-1, 10, 0.9, 1.0)
    with pytest.raises(DataError, match="cannot be shared"):
        loyalty.allocate_price(100, 10, 1.2, 1.0)


def test_the_chance_is_kaplan_and_meiers_where_nobody_leaves_within_a_week() -> None:
    """Points spent in weeks 0, 2 and 5 or watched to the end of week 7: an actuarial table is exact then."""
    spent = {0: 30, 2: 50, 5: 40}
    rows = [(0, 8, 1, 2, week, points, points) for week, points in spent.items()]
    rows.append((0, 8, 1, 2, 8, 0, 80))
    curve = loyalty.redemption(counts(*rows), weeks=20, draws=2)
    times = np.r_[np.repeat([1, 3, 6], [30, 50, 40]), np.full(80, 8)]
    status = np.r_[np.ones(120), np.zeros(80)]
    oracle = SurvfuncRight(times, status)
    ours = [curve.chance(np.array([1]), np.array([2]), np.array([week]))[0, 0] for week in (1, 3, 6, 8)]
    assert ours[:3] == pytest.approx((1 - oracle.surv_prob).tolist())
    assert ours[3] == pytest.approx(120 / 200)


def test_what_ended_within_a_week_was_watched_for_half_of_it() -> None:
    """60 spent and 40 expired in the first week of 100: 60 / (100 − 20)."""
    curve = loyalty.redemption(counts((0, 5, 0, 0, 0, 60, 100)), weeks=3, draws=2)
    assert curve.chance(np.array([0]), np.array([0]), np.array([1]))[0, 0] == pytest.approx(60 / 80)


def test_what_came_after_a_day_looked_back_from_is_not_seen() -> None:
    """Changing anything later than six weeks before today changes no chance as of then."""
    rows = [(p, 10, 0, 1, w, 5 + p, 9 + p) for p in range(8) for w in range(10)]
    late = sum(row[6] for row in rows if row[4] >= 4)
    other = [row for row in rows if row[4] < 4] + [(0, 10, 0, 1, 9, late, late)]
    given = {"weeks": 12, "known_back": 6, "draws": 2}
    one, two = (loyalty.redemption(counts(*each), **given) for each in (rows, other))
    assert np.array_equal(one.spent[0], two.spent[0])
    later = loyalty.redemption(counts(*rows), weeks=12, draws=2)
    assert not np.array_equal(one.spent[0], later.spent[0])


def lots(points: int, *, silence: int = 0, age: int = 0, left: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {"part": [0], "back": [0], "silence": [silence], "age": [age], "left": [left], "points": [points]}
    ).assign(spent=0)


def test_the_liability_is_points_times_chance_times_value() -> None:
    rows = [(p, 26, 0, 0, w, 10, 10) for p in range(64) for w in range(10)]
    rows += [(p, 26, 0, 0, 26, 0, 100) for p in range(64)]
    curve = loyalty.redemption(counts(*rows), weeks=30, draws=50)
    owed = loyalty.liability(lots(1000), curve, point_value=2.0, flat=0.6)
    # Points with 3 whole weeks left end in the fourth: half of it counts.
    share = (30 / 200 + 40 / 200) / 2
    assert owed.expected == pytest.approx(1000 * share)
    assert owed.money[0] == pytest.approx(2000 * share)
    assert owed.low <= owed.expected <= owed.high
    assert owed.flat == pytest.approx(600)
    assert owed.breakage == pytest.approx(1 - share)
    nobody = loyalty.liability(lots(0).head(0), curve, point_value=1.0)
    assert nobody.outstanding == 0
    assert [n.value for n in nobody.numbers("KRW")] == [0]


def test_strata_are_by_days_of_silence_and_quarters_of_life() -> None:
    """By hand: issued on 1 January 2025 for 365 days; bought on that day; looked at on 31 December 2025."""
    kinds = {"customer_id": "string", "occurred_at": "timestamp(6)", "points": "int64", "kind": "string"}
    rows = [("a", dt.datetime(2025, 1, 1, 9), 100, "earned", dt.datetime(2026, 1, 1, 9))]
    rows.append(("a", dt.datetime(2025, 12, 24, 9), -30, "spent", None))
    points = ibis.memtable(
        pd.DataFrame(rows, columns=[*kinds, "expires_at"]), schema=kinds | {"expires_at": "timestamp(6)"}
    )
    order = [("o", "a", dt.datetime(2025, 1, 1, 9), 50), ("p", "a", dt.datetime(2025, 12, 24, 9), 50)]
    names = {"order_id": "string", "customer_id": "string", "ordered_at": "timestamp(6)"}
    orders = ibis.memtable(
        pd.DataFrame(order, columns=[*names, "amount"]), schema=names | {"amount": "decimal(18,2)"}
    )
    pieces = loyalty.fates(points)
    seen = loyalty.standing(pieces, orders, as_of=DAY, weeks_back=[0, 1, 2, 26]).to_pandas()
    seen = seen.set_index(["back", "fate"])[["silence", "age", "left", "weeks", "points"]].sort_index()
    # Today the 30 are gone. A week ago, on the 24th, they were spent on that very day; two weeks ago not yet.
    assert seen.loc[(0, "open")].tolist() == [0, 3, 0, 0, 70]
    assert (1, "spent") not in seen.index
    assert seen.loc[(1, "open")].tolist() == [0, 3, 1, 1, 70]
    assert seen.loc[(2, "spent")].tolist() == [4, 3, 2, 0, 30]  # 350 days of silence; spent within the week
    assert seen.loc[(26, "spent")].tolist() == [3, 1, 26, 24, 30]  # on 2 July: 182 days
    assert len(SILENCES) + 1 == 5
    assert AGES == 4


def draw(rng: np.random.Generator, customers: int, weeks: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A shop of customers who come at their own rate, leave some day, and spend all points at once.

    Every visit earns 10 points, which live 26 weeks; with chance .2 it spends all. Visits of all customers
    are more or fewer in each quarter. Returns a ledger, and orders.
    """
    rate, leaves = rng.gamma(1.0, 0.15, customers), rng.geometric(0.01, customers)
    season = np.repeat(rng.lognormal(0, 0.15, weeks // 13 + 1), 13)[:weeks]
    comes = rng.random((customers, weeks)) < np.clip(rate[:, None] * season, 0, 1)
    comes &= np.arange(weeks) < leaves[:, None]
    spends = comes & (rng.random((customers, weeks)) < 0.2)
    start = dt.datetime.combine(DAY - dt.timedelta(weeks=weeks - 1), dt.time(9))
    rows: list[tuple[Any, ...]] = []
    orders: list[tuple[Any, ...]] = []
    for c in np.flatnonzero(comes.any(axis=1)):
        open_lots: list[int] = []
        for week in range(weeks):
            at = start + dt.timedelta(weeks=week)
            gone = [born for born in open_lots if week - born >= 26]
            open_lots = [born for born in open_lots if week - born < 26]
            rows += [(f"c{c}", at - dt.timedelta(hours=8), -10, "expired", None)] * len(gone)
            if spends[c, week] and open_lots:
                rows.append((f"c{c}", at, -10 * len(open_lots), "spent", None))
                open_lots = []
            if comes[c, week]:
                orders.append((f"o{c}-{week}", f"c{c}", at, 10))
                later = at + dt.timedelta(hours=1)
                rows.append((f"c{c}", later, 10, "earned", later + dt.timedelta(weeks=26)))
                open_lots.append(week)
    columns = ["customer_id", "occurred_at", "points", "kind", "expires_at"]
    return (
        pd.DataFrame(rows, columns=columns).assign(order_id=None),
        pd.DataFrame(orders, columns=["order_id", "customer_id", "ordered_at", "amount"]),
    )


def tables(points: pd.DataFrame, orders: pd.DataFrame) -> tuple[ibis.Table, ibis.Table]:
    times = "timestamp(6)"
    return (
        ibis.memtable(points, schema={
            "customer_id": "string", "occurred_at": times, "points": "int64", "kind": "string",
            "expires_at": times, "order_id": "string",
        }),
        ibis.memtable(orders, schema={
            "order_id": "string", "customer_id": "string", "ordered_at": times, "amount": "decimal(18,2)",
        }),
    )  # fmt: skip


def test_a_whole_ledger_is_priced_and_looked_back_on() -> None:
    points, orders = draw(np.random.default_rng(1), 500, 91)
    owed = loyalty.count_points(*tables(points, orders), as_of=DAY, point_value=1.0)
    assert owed.liability is not None
    assert owed.backtest is not None
    balance = int(points["points"].sum())
    assert owed.liability.outstanding == balance
    assert owed.liability.table["outstanding"].sum() == balance
    assert len(owed.backtest.table) >= 3
    # Points that are open belong to those who keep silent: fewer are spent than of all that were ever issued.
    assert owed.liability.expected < owed.liability.flat
    quarters = loyalty.points_fates(owed.flow, as_of=DAY)
    assert quarters["outstanding"].iloc[-1] == balance
    assert {n.name for n in owed.numbers("KRW")} >= {"outstanding", "expected_redemption", "breakage"}


def test_a_short_ledger_or_one_that_nobody_spends_from_has_no_liability() -> None:
    points, orders = draw(np.random.default_rng(2), 200, 20)
    short = loyalty.count_points(*tables(points, orders), as_of=DAY)
    assert short.why is not None
    assert short.why.code == "loyalty.short_ledger"
    points, orders = draw(np.random.default_rng(2), 200, 60)
    kept = points[points["kind"] != "spent"]
    never = loyalty.count_points(*tables(kept, orders), as_of=DAY)
    assert never.why is not None
    assert never.why.code == "loyalty.nothing_spent"
    assert never.flow["issued"].sum() > 0


@pytest.mark.simulated
def test_intervals_hold_what_is_really_spent_over_shops() -> None:
    """Each of 60 shops asked once, a random quarter before its end: held in 95 %, at least.

    Bound before the first result: 95 % − 3 √(.95 · .05 / 60) = 86.6 %; Student's t of few quarters is wide,
    so intervals may hold more. The mean error lies within 3 standard errors and 5 % of 0.
    """
    held, errors = [], []
    for seed in range(60):
        points, orders = draw(np.random.default_rng([9, seed]), 300, 104)
        owed = loyalty.count_points(*tables(points, orders), as_of=DAY, seed=seed)
        assert owed.backtest is not None
        one = owed.backtest.table.iloc[seed % len(owed.backtest.table)]
        held.append(bool(one["held"]))
        errors.append(float(one["error"]))
    assert np.mean(held) >= 0.866
    assert abs(np.mean(errors)) <= 3 * np.std(errors) / np.sqrt(len(errors)) + 0.05
