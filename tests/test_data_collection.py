from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from crm_utils import data_collection as dc
from crm_utils import segmentation
from crm_utils.errors import DataError


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
    found = dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 6, 30))
    assert found["day"].tolist() == [day[n].date() for n in (40, 90, 91)]
    assert found["orders"].tolist()[1:] == [0, 0]


def test_a_shop_without_any_spread_still_shows_its_odd_day() -> None:
    days = pd.DataFrame({"day": pd.date_range("2017-01-01", periods=28).date, "orders": 10})
    assert dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 1, 28)).empty
    days.loc[3, "orders"] = 11
    found = dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 1, 28))
    assert found["day"].tolist() == [dt.date(2017, 1, 4)]


def test_a_closed_weekday_is_no_gap_and_an_open_one_there_is_odd() -> None:
    rng, day = np.random.default_rng(2), pd.date_range("2017-01-01", "2017-06-30")
    days = pd.DataFrame({"day": day.date, "orders": rng.poisson(100, len(day))})
    days = days[(day.day_of_week != 6) | (day == "2017-03-05")]  # closed on all Sundays but one
    days = days[days["day"] != dt.date(2017, 2, 7)]  # a Tuesday's file that never came
    found = dc.unusual_days(days, first=dt.date(2017, 1, 1), last=dt.date(2017, 6, 30))
    assert found["day"].tolist() == [dt.date(2017, 2, 7), dt.date(2017, 3, 5)]


def test_completeness_counts_what_is_filled_and_shows_no_text(lines: ibis.Table) -> None:
    found = dc.completeness(lines).set_index("column")
    assert found.loc["customer_id", "filled_share"] == 4 / 5
    assert (found.loc["amount", "smallest"], found.loc["amount", "largest"]) == ("-3.00", "10.00")
    assert found.loc["customer_id", "largest"] == "–"
    assert dc.completeness(lines.limit(0))["filled_share"].isna().all()


def test_control_totals_are_exact(lines: ibis.Table) -> None:
    totals = dc.control_totals(lines)
    assert (totals.lines, totals.orders, totals.guest_orders, totals.customers) == (5, 4, 1, 2)
    assert (str(totals.revenue), str(totals.discount)) == ("15.00", "2.50")


def test_coverage_is_of_those_who_order(lines: ibis.Table) -> None:
    known = ibis.memtable({"customer_id": ["a", "z"]})
    found = dc.coverage(
        {"order_lines": lines, "customers": known, "products": ibis.memtable({"product_id": ["p"]})}
    )
    assert found["table"].tolist() == ["order_lines", "customers"]
    row = found.iloc[1]
    assert (row["customers"], row["ordering_customers"], row["share"]) == (2, 1, 0.5)
    assert row["revenue_share"] == pytest.approx(12 / 15), "a guest brought 2"


def test_everyone_in_any_table_has_one_row(lines: ibis.Table) -> None:
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
    assert view["orders"].tolist() == [2, 1, 0, 0]
    assert [float(v) for v in view["revenue"]] == [12, 1, 0, 0]
    assert view["has_profile"].tolist() == [True, False, False, True]
    assert view[["messages", "redeemed"]].to_numpy().tolist() == [[2, 1], [0, 0], [1, 0], [0, 0]]
    assert view["first_ordered_at"].isna().tolist() == [False, False, True, True]
    alone = dc.customer_view({"order_lines": lines}).execute()
    assert sorted(alone["customer_id"]) == ["a", "b"]
    assert not alone["has_profile"].any()


def test_first_seen_counts_each_customer_once(orders: ibis.Table) -> None:
    found = dc.first_seen(orders, new_from=dt.date(2017, 1, 2)).execute()
    assert found["week"].astype(str).tolist() == ["2017-01-02"]
    assert found[["customers", "existing"]].to_numpy().tolist() == [[2, 0]]


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
    found = dc.timeliness({"order_lines": lines, "products": nothing}, as_of=dt.date(2017, 1, 15))
    assert found["table"].tolist() == ["order_lines"]
    assert found["age_days"].tolist() == [5]
