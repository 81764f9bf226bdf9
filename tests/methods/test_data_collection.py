from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils.errors import DataError
from crm_utils.features import ShopFacts
from crm_utils.methods import data_collection as dc
from crm_utils.methods import segmentation
from crm_utils.sentences import cannot
from crm_utils.sentences import data_collection as words


def order_lines(rows: list[tuple[str, str | None, str, float]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["order_id", "customer_id", "ordered_at", "amount"])
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"], format="ISO8601")
    frame = frame.assign(product_id="p", store_id="s", channel="web", discount=0.5)
    return ibis.memtable(frame).cast({"amount": "decimal(18, 2)", "discount": "decimal(18, 2)"})


LINES = [
    ("1", "a", "2017-01-02 09:10", 10.0),  # a Monday
    ("1", "a", "2017-01-02 09:10", 5.0),
    ("2", "b", "2017-01-02 23:59", 1.0),
    ("3", None, "2017-01-03 00:00", 2.0),
    ("4", "a", "2017-01-10 09:30", -3.0),
]


@pytest.fixture
def lines() -> ibis.Table:
    return order_lines(LINES)


@pytest.fixture
def orders(lines: ibis.Table) -> ibis.Table:
    from crm_utils.tables import orders

    return orders(lines.mutate(quantity=ibis.literal(1)))


def test_volumes_count_orders_customers_and_revenue(orders: ibis.Table) -> None:
    by_day = dc.volume_by(orders, "day").execute()
    assert by_day["day"].astype(str).tolist() == ["2017-01-02", "2017-01-03", "2017-01-10"]
    assert by_day["orders"].tolist() == [2, 1, 1]
    assert by_day["customers"].tolist() == [2, 0, 1]
    assert [str(v) for v in by_day["revenue"]] == ["16.00", "2.00", "-3.00"]
    cells = dc.volume_by(orders, "weekday_hour").execute()
    assert cells[["weekday", "hour", "orders"]].to_numpy().tolist() == [
        [0, 9, 1],
        [0, 23, 1],
        [1, 0, 1],
        [1, 9, 1],
    ]
    with pytest.raises(DataError, match="No grain 'week'. There are: channel, day, hour, weekday_hour"):
        dc.volume_by(orders, "week")


def test_planted_days_are_found_and_weekends_are_not() -> None:
    rng = np.random.default_rng(7)
    day = pd.date_range("2017-01-01", "2017-06-30")
    mean = np.where(day.day_of_week >= 5, 300, 100)
    days = pd.DataFrame({"day": day.date, "orders": rng.poisson(mean)})
    days.loc[40, "orders"] = 2 * days.loc[40, "orders"]  # a file that came twice
    days = days.drop(index=[90, 91])  # files that never came
    odd = dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 6, 30))
    assert odd["day"].tolist() == [day[n].date() for n in (40, 90, 91)]
    assert odd["orders"].tolist()[1:] == [0, 0]


def test_a_shop_without_any_spread_still_shows_its_odd_day() -> None:
    days = pd.DataFrame({"day": pd.date_range("2017-01-01", periods=28).date, "orders": 10})
    assert dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 1, 28)).empty
    days.loc[3, "orders"] = 11
    odd = dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 1, 28))
    assert odd["day"].tolist() == [dt.date(2017, 1, 4)]


def test_a_closed_weekday_is_no_gap_and_an_open_one_there_is_odd() -> None:
    rng, day = np.random.default_rng(2), pd.date_range("2017-01-01", "2017-06-30")
    days = pd.DataFrame({"day": day.date, "orders": rng.poisson(100, len(day))})
    days = days[(day.day_of_week != 6) | (day == "2017-03-05")]  # closed on all Sundays but one
    days = days[days["day"] != dt.date(2017, 2, 7)]  # a Tuesday's file that never came
    odd = dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 6, 30))
    assert odd["day"].tolist() == [dt.date(2017, 2, 7), dt.date(2017, 3, 5)]


def test_a_sparse_shop_has_no_closed_weekdays() -> None:
    """Twenty orders in half a year: every other day is a day without an order."""
    rng, day = np.random.default_rng(5), pd.date_range("2024-01-01", "2024-06-29")
    inside = np.sort(rng.choice(np.r_[1:62, 125:180], 18, replace=False))
    chosen = day[[0, *inside, 180]]
    days = pd.DataFrame({"day": chosen.date, "orders": 1})
    gaps = dc.day_gaps(days, first=day[0].date(), last=day[-1].date())
    assert (gaps.period, gaps.open, gaps.empty, gaps.closed, gaps.sparse) == (181, 20, 161, (), True)
    assert gaps.longest_gap == pd.Series(chosen).diff().dt.days.max()
    assert (gaps.gap_to - gaps.gap_from).days == gaps.longest_gap
    assert gaps.unusual.empty
    numbers = {number.name: number.value for number in gaps.numbers()}
    assert numbers == {"days.empty": 161, "days.unusual": None, "days.longest_gap": gaps.longest_gap}
    assert "161" in words.days_sentence(gaps)


def test_closed_weekdays_are_named_and_not_counted() -> None:
    day = pd.date_range("2017-01-01", "2017-03-31")
    open_days = day[(day.day_of_week < 6) & (day != "2017-02-07")]
    days = pd.DataFrame({"day": open_days.date, "orders": 50})
    gaps = dc.day_gaps(days, first=day[0].date(), last=day[-1].date())
    assert (gaps.closed, gaps.empty, gaps.sparse) == ((6,), 1, False)
    assert gaps.unusual["day"].tolist() == [dt.date(2017, 2, 7)]
    assert "Sunday" in words.days_sentence(gaps)


def test_nothing_can_be_said_only_of_no_lines() -> None:
    facts = {"orders": 0, "returns": 0, "guest_orders": 0, "guest_revenue": 0, "customers": 0,
             "repeat_customers": 0, "larger_orders": 0, "products": 0, "prices": 0, "order_days": 0,
             "first_day": None, "last_day": None, "as_of": dt.date(2024, 1, 1), "revenue": 0}  # fmt: skip
    why = dc.cannot(ShopFacts(lines=0, **facts))
    assert why is not None
    assert cannot.reason(why) == "There is not one order line."
    assert dc.cannot(ShopFacts(lines=1, **facts), existing_days=90) is None


def test_completeness_counts_what_is_filled_and_shows_no_text(lines: ibis.Table) -> None:
    filled = dc.completeness(lines).set_index("column")
    assert filled.loc["customer_id", "filled_share"] == 4 / 5
    assert filled.loc["amount", "largest"] == "–", "two customers and a guest are no group"
    assert filled.loc["ordered_at", "smallest"] == "2017-01-02 09:10"
    assert filled.loc["customer_id", "largest"] == "–"
    assert dc.completeness(lines.limit(0))["filled_share"].isna().all()


def test_control_totals_are_exact(lines: ibis.Table) -> None:
    totals = dc.control_totals(lines)
    assert (totals.lines, totals.orders, totals.guest_orders, totals.customers) == (5, 4, 1, 2)
    assert (str(totals.revenue), str(totals.discount)) == ("15.00", "2.50")


def test_coverage_is_of_those_who_order(lines: ibis.Table) -> None:
    known = ibis.memtable({"customer_id": ["a", "z"]})
    tables = {"order_lines": lines, "customers": known, "products": ibis.memtable({"product_id": ["p"]})}
    few = dc.coverage(tables)
    assert few["table"].tolist() == ["order_lines", "customers"]
    assert few["share"].isna().all(), "two customers are no group"
    every = [(str(k), f"c{k}", "2017-01-02", 10.0) for k in range(20)] + [("20", None, "2017-01-02", 50.0)]
    known = ibis.memtable({"customer_id": [*[f"c{k}" for k in range(5)], "z"]})
    covered = dc.coverage(tables | {"order_lines": order_lines(every), "customers": known})
    row = covered.iloc[1]
    assert (row["customers"], row["ordering_customers"], row["share"]) == (6, 5, 0.25)
    assert row["revenue_share"] == pytest.approx(50 / 250), "a guest brought 50"


def test_what_a_table_lacks_gives_nobody_away() -> None:
    """All but one customer are known: the rest of the revenue would be that customer's."""
    rows = [(str(k), f"c{k}", "2017-01-02", 900.0 if k == 0 else 10.0) for k in range(20)]
    tables = {"order_lines": order_lines(rows)}
    for first, shown in ((1, False), (4, False), (5, True)):
        known = ibis.memtable({"customer_id": [f"c{k}" for k in range(first, 20)]})
        row = dc.coverage(tables | {"customers": known}).iloc[1]
        assert row["share"] == (20 - first) / 20
        assert pd.notna(row["revenue_share"]) == shown, first
    known = {f"t{k}": ibis.memtable({"customer_id": [f"c{n}" for n in range(k, 20)]}) for k in (5, 6, 11)}
    shares = dc.coverage(tables | known)["revenue_share"].notna().tolist()
    assert shares == [True, True, False, True], "t6 lacks one customer of t5"
    hidden = dc.coverage(tables | {"customers": known["t6"].filter(lambda t: t.customer_id != "c7")})
    assert "alone" in words.coverage_sentence(hidden, None)


def test_a_range_ends_where_five_customers_have_been() -> None:
    rows = [(str(k), f"c{k}", "2017-01-02", 10.0 + k) for k in range(20)] + [
        ("x", "c0", "2017-01-02", 99_999.0)
    ]
    seen = dc.completeness(order_lines(rows)).set_index("column")
    assert (seen.loc["amount", "smallest"], seen.loc["amount", "largest"]) == ("14.00", "26.00")
    guests = dc.completeness(order_lines([(n, None, day, a) for n, _, day, a in rows])).set_index("column")
    assert guests.loc["amount", "largest"] == "26.00", "a guest's order counts as somebody's"


def test_everyone_in_any_table_has_one_row(lines: ibis.Table) -> None:
    lines = lines.mutate(quantity=(lines.amount < 0).ifelse(-1, 1))
    tables = {
        "order_lines": lines,
        "customers": ibis.memtable({"customer_id": ["a", "z"]}),
        "messages": ibis.memtable(
            {
                "customer_id": ["a", "a", "y", "y"],
                "held_out": [False, False, False, True],
                "redeemed_at": [dt.datetime(2017, 1, 5), None, None, None],
            }
        ),
    }
    view = dc.customer_view(tables).order_by("customer_id").execute().set_index("customer_id")
    assert view.index.tolist() == ["a", "b", "y", "z"]
    assert view["orders"].tolist() == [1, 1, 0, 0], "a return is no purchase"
    assert [float(v) for v in view["revenue"]] == [12, 1, 0, 0]
    assert view["has_profile"].tolist() == [True, False, False, True]
    assert view[["messages", "redeemed"]].to_numpy().tolist() == [[2, 1], [0, 0], [1, 0], [0, 0]]
    assert view["first_ordered_at"].isna().tolist() == [False, False, True, True]
    alone = dc.customer_view({"order_lines": lines}).execute()
    assert sorted(alone["customer_id"]) == ["a", "b"]
    assert not alone["has_profile"].any()


def test_first_seen_counts_each_customer_once(orders: ibis.Table) -> None:
    weeks = dc.first_seen(orders, new_from=dt.date(2017, 1, 2)).execute()
    assert weeks["week"].astype(str).tolist() == ["2017-01-02"]
    assert weeks[["customers", "existing"]].to_numpy().tolist() == [[2, 0]]


def test_existing_customers_are_those_of_the_segmentation() -> None:
    """By days and not by weeks, and by purchases: two notebooks state the same number."""
    start, rng = dt.date(2017, 1, 4), np.random.default_rng(3)
    visits = [
        (f"c{k}", start + dt.timedelta(days=int(d))) for k in range(200) for d in rng.integers(0, 200, 2)
    ]
    returns = [(f"back{k}", start + dt.timedelta(days=k)) for k in range(5)]
    customer, on = zip(*visits, *returns, strict=True)
    amount = [5.0] * len(visits) + [-5.0] * len(returns)
    columns = {"customer_id": customer, "ordered_at": pd.to_datetime(list(on)), "amount": amount}
    orders = ibis.memtable(pd.DataFrame(columns)).cast({"amount": "decimal(18, 2)"})
    weeks = dc.first_seen(orders, new_from=start + dt.timedelta(days=90)).execute()
    cohorts = segmentation.cohort_retention(
        orders, as_of=start + dt.timedelta(days=199), history_starts=start, existing_days=90
    )
    assert weeks["existing"].sum() == cohorts.existing
    assert (weeks["customers"] - weeks["existing"]).sum() == cohorts.new
    assert cohorts.existing + cohorts.new == 200


def test_timeliness_is_the_age_of_the_newest_row(lines: ibis.Table) -> None:
    nothing = ibis.memtable({"launched_on": [None]}, schema={"launched_on": "date"})
    ages = dc.timeliness({"order_lines": lines, "products": nothing}, as_of=dt.date(2017, 1, 15))
    assert ages["table"].tolist() == ["order_lines"]
    assert ages["age_days"].tolist() == [5]
