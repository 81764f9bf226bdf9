from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd
import pytest
from tiny import ROOT

from crm_utils.command.dictionary import dictionary
from crm_utils.errors import StudyError
from crm_utils.sources import decisions
from crm_utils.tables import TABLES, AsOf, cut, orders


def test_a_day_reaches_to_its_end() -> None:
    as_of = AsOf.parse("2017-12-31")
    assert as_of.before == dt.datetime(2018, 1, 1)
    assert as_of.day == dt.date(2017, 12, 31)
    assert str(as_of) == "2017-12-31"


def test_an_instant_is_included_and_keeps_its_name() -> None:
    as_of = AsOf.parse("2017-12-31T10:15:30")
    assert as_of.before == dt.datetime(2017, 12, 31, 10, 15, 30, 1)
    assert AsOf.parse(str(as_of)) == as_of


@pytest.mark.parametrize(
    "text",
    ["", "2017-02-29", "31.12.2017", "2017", "yesterday", "9999-12-31", "2017-12-31T10:00+09:00",
     "20171231", "2017-W52", "2017-W52-7", "20171231T101530", "2017-12-31T10", "2017-12-31 copy",
     "2017-12-31x10:15", "2017-12-31T10:15:30.5"],
)  # fmt: skip
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match="as_of"):
        AsOf.parse(text)


@pytest.fixture
def messages() -> ibis.Table:
    frame = pd.DataFrame(
        {
            "message_id": ["early", "last", "later"],
            "sent_at": pd.to_datetime(
                ["2017-09-01", "2017-09-30 23:59:59.999999", "2017-10-01"], format="ISO8601"
            ),
            "opened_at": pd.to_datetime(["2017-09-02", "2017-10-02", "2017-10-02"]),
            "redeemed_at": pd.to_datetime(["2017-10-01 00:00", None, None]),
        }
    )
    return ibis.memtable(frame)


def test_the_cut_takes_later_rows_and_later_values(messages: ibis.Table) -> None:
    seen = cut(messages, TABLES["messages"], AsOf.parse("2017-09-30")).order_by("message_id").execute()
    assert seen["message_id"].tolist() == ["early", "last"]
    assert seen["opened_at"].notna().tolist() == [True, False]
    assert seen["redeemed_at"].isna().all()
    assert list(seen.columns) == list(messages.columns)


def test_a_row_whose_day_is_unknown_was_always_known() -> None:
    products = ibis.memtable({"product_id": ["a", "b"], "launched_on": [dt.date(2018, 1, 1), None]})
    seen = cut(products, TABLES["products"], AsOf.parse("2017-12-31")).execute()
    assert seen["product_id"].tolist() == ["b"]


def test_what_a_coupon_was_used_for_is_known_with_its_use_and_a_balance_knows_its_end() -> None:
    coupons = ibis.memtable(pd.DataFrame({
        "coupon_id": ["a", "b", "c"], "issued_at": pd.to_datetime(["2024-01-01"] * 3),
        "expires_at": pd.to_datetime(["2024-03-01"] * 3),
        "redeemed_at": pd.to_datetime(["2024-01-05", "2024-02-01", None]), "order_id": ["1", "2", None],
    }))  # fmt: skip
    seen = cut(coupons, TABLES["coupons"], AsOf.parse("2024-01-31")).order_by("coupon_id").execute()
    assert seen["redeemed_at"].notna().tolist() == [True, False, False]
    assert seen["order_id"].notna().tolist() == [True, False, False]
    assert seen["expires_at"].notna().all()


def test_who_joins_later_on_the_day_of_an_instant_is_not_known_yet() -> None:
    customers = ibis.memtable(pd.DataFrame({
        "customer_id": ["early", "late", "day alone", "never said"],
        "joined_on": [dt.date(2024, 1, 1)] * 3 + [None],
        "joined_at": pd.to_datetime(["2024-01-01 09:00", "2024-01-01 15:00", None, None]),
    })).cast({"joined_on": "date"})  # fmt: skip
    noon = cut(customers, TABLES["customers"], AsOf.parse("2024-01-01T12:00")).execute()
    assert set(noon["customer_id"]) == {"early", "day alone", "never said"}
    assert len(cut(customers, TABLES["customers"], AsOf.parse("2024-01-01")).execute()) == 4


def test_every_cut_column_stands_in_its_table() -> None:
    for spec in TABLES.values():
        names = [c.name for c in spec.columns]
        assert spec.cut in names
        assert set(spec.key) <= set(spec.required)
        assert {c.known_at for c in spec.columns if c.known_at} | {spec.instant} <= {"", *names}
        assert len(set(names)) == len(names)


def test_an_order_is_the_sum_of_its_lines() -> None:
    lines = ibis.memtable(
        pd.DataFrame(
            {
                "order_id": ["1", "1", "2"],
                "customer_id": ["c", "c", None],
                "ordered_at": pd.to_datetime(["2017-01-01 10:00", "2017-01-01 10:05", "2017-01-02 09:00"]),
                "quantity": [1, 2, -1],
                "amount": [0.1, 0.2, -5.0],
                "discount": [0.0, 1.0, 0.0],
                "channel": ["web", "web", "store"],
            }
        )
    ).cast({"quantity": "decimal(18, 3)", "amount": "decimal(18, 2)", "discount": "decimal(18, 2)"})
    rows = orders(lines).order_by("order_id").to_pyarrow().to_pylist()
    assert [(o["order_id"], o["customer_id"], o["lines"], str(o["amount"])) for o in rows] == [
        ("1", "c", 2, "0.30"),
        ("2", None, 1, "-5.00"),
    ]
    assert rows[0]["ordered_at"] == dt.datetime(2017, 1, 1, 10)


def test_the_dictionary_names_every_column() -> None:
    text = dictionary()
    for spec in TABLES.values():
        assert f"## {spec.name}" in text
        assert all(f"| {c.name} | {c.type} |" in text for c in spec.columns)


def test_the_data_dictionary_in_the_repository_is_the_generated_one() -> None:
    written = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert written == dictionary() + "\n" + decisions(), "Write it anew: crm dictionary > data/README.md"


def test_the_view_of_orders_copies_no_lines() -> None:
    lines = ibis.table(
        {
            "order_id": "string", "customer_id": "string", "product_id": "string", "ordered_at": "timestamp",
            "quantity": "decimal(18, 3)", "amount": "decimal(18, 2)", "discount": "decimal(18, 2)",
            "channel": "string",
        },
        name="order_lines",
    )  # fmt: skip
    known = cut(lines, TABLES["order_lines"], AsOf.parse("2024-06-30"))
    # DuckDB writes a common table into memory whole, and this one would be all lines.
    assert "WITH" not in ibis.to_sql(orders(known), dialect="duckdb")
