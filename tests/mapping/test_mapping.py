"""What a study says about someone's columns, and what becomes of every value and row."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd
import pytest
from pydantic import ValidationError

from crm_utils import engine, mapping
from crm_utils.errors import DataError, StudyError
from crm_utils.mapping.expressions import parse

ORDER = {
    "order_id": "Invoice",
    "customer_id": "Customer",
    "product_id": "Item",
    "ordered_at": "Date",
    "quantity": "Qty",
    "amount": {"expression": "Qty * Price"},
}
ROW = {
    "Invoice": "1",
    "Customer": "007",
    "Item": "A",
    "Date": "2024-02-29 10:00",
    "Qty": "2",
    "Price": "1.25",
}


def applied(
    rows: list[dict[str, Any]], *, table: str = "order_lines", zone: str = "Asia/Seoul", **options: Any
) -> pd.DataFrame:
    con = engine.connect()
    frame = pd.DataFrame(rows).astype(object)
    frame["_file"], frame["_row"] = "a.csv", range(1, len(rows) + 1)
    text = dict.fromkeys([c for c in frame if c != "_row"], "string")
    raw = con.create_table("raw", frame, schema=ibis.schema(text | {"_row": "int64"}))
    options.setdefault("columns", ORDER)
    section = mapping.TableMapping.model_validate(options)
    mapping.check_columns(table, section)
    return fetched(con, mapping.apply(raw, section, table=table, zone=zone))


def fetched(con: Any, table: Any) -> pd.DataFrame:
    """Rows as they stood in the file, in their Python types, with None for null."""
    arrow = con.to_pyarrow(table.order_by("_file", "_row"))
    return pd.DataFrame(arrow.to_pylist(), columns=arrow.column_names, dtype=object)


def one(value: str, kind: str = "amount", **options: Any) -> Any:
    """What becomes of one text in one column, or the reason why it is none."""
    return each([value], kind, **options)[0]


def each(values: list[str], kind: str = "amount", **options: Any) -> list[Any]:
    """The same of several texts at once."""
    columns = ORDER | {kind: {"column": "X"} | options}
    rows = applied([ROW | {"X": value} for value in values], columns=columns)
    return [problem or value for problem, value in zip(rows["_problem"], rows[kind], strict=True)]


def test_columns_come_in_their_types_with_where_they_came_from() -> None:
    row = applied([ROW]).iloc[0]
    assert (row.order_id, row.customer_id, row.quantity) == ("1", "007", Decimal(2))
    assert row.amount == Decimal("2.50")
    assert row.ordered_at == pd.Timestamp("2024-02-29 10:00")
    assert (row._file, row._row, row._problem, row._left_out) == ("a.csv", 1, None, None)
    assert json.loads(row._raw)["Customer"] == "007"


@pytest.mark.parametrize(
    ("text", "options", "number"),
    [
        ("12.50", {}, "12.50"),
        (" -3 ", {}, "-3"),
        ("1e3", {}, "1000"),
        ("12,50", {"decimal": ","}, "12.50"),
        ("1.234,50", {"decimal": ",", "thousands": "."}, "1234.50"),
        ("1 234 567", {"thousands": " "}, "1234567"),
        ("₩1,234", {"thousands": ",", "signs": ["₩"]}, "1234"),
        ("-$12.00", {"signs": "$"}, "-12"),
        ("1.005", {}, "1.01"),
    ],
)
def test_numbers_are_read_as_declared(text: str, options: dict[str, Any], number: str) -> None:
    assert one(text, **options) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("12,50", {}),
        ("1,5", {"thousands": ","}),  # would be 15
        ("1.5", {"decimal": ",", "thousands": "."}),  # would be 15
        ("1.5", {"decimal": ","}),
        ("$12", {}),
        ("1_000", {}),
        ("#N/A", {}),
        ("nan", {}),
        ("12345678901234567890", {}),
        ("=A1+1", {}),
        ("１２", {}),
    ],
)
def test_a_number_that_is_none_is_never_guessed(text: str, options: dict[str, Any]) -> None:
    assert one(text, **options) == "amount cannot be read as a number"


@pytest.mark.parametrize(
    ("text", "options", "moment"),
    [
        ("2024-02-29", {}, "2024-02-29"),
        ("2024-02-29T10:00:00.5", {}, "2024-02-29 10:00:00.5"),
        ("29.02.2024 08:05", {"dates": "%d.%m.%Y %H:%M"}, "2024-02-29 08:05"),
        ("2/29/2024 8:05", {"dates": ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]}, "2024-02-29 08:05"),
        ("2024-02-29 20:00", {"zone": "UTC"}, "2024-03-01 05:00"),
        ("2024-02-29", {"zone": "UTC"}, "2024-02-29"),  # a day is the shop's day
        ("2024-02-29T20:00:00+0000", {"dates": "%Y-%m-%dT%H:%M:%S%z"}, "2024-03-01 05:00"),
        ("2024-02-29 20:00:00 UTC", {}, "2024-03-01 05:00"),
        ("2024-02-29T20:00:00.5 utc", {"zone": "America/New_York"}, "2024-03-01 05:00:00.5"),
        ("2024-02-29 20:00UTC", {"dates": ["%d.%m.%Y", "iso"]}, "2024-03-01 05:00"),
        ("2024-02-29 20:00:00 UTC", {"dates": "%Y-%m-%d %H:%M:%S %Z"}, "2024-03-01 05:00"),
        ("2024-02-29 20:00 America/New_York", {"dates": "%Y-%m-%d %H:%M %Z"}, "2024-03-01 10:00"),
        ("1709236800", {"dates": "epoch"}, "2024-03-01 05:00"),
        ("1709236800000", {"dates": "epoch_ms"}, "2024-03-01 05:00"),
        ("20240229", {"dates": "%Y%m%d"}, "2024-02-29"),
        ("2024-03-10 03:30", {"zone": "America/New_York"}, "2024-03-10 16:30"),
    ],
)
def test_times_are_read_as_declared_onto_the_shops_clock(
    text: str, options: dict[str, Any], moment: str
) -> None:
    assert one(text, "ordered_at", **options) == pd.Timestamp(moment)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("2023-02-29", {}),
        ("2024-02-29 10:00:00+09:00", {}),  # an offset that nobody declared is not dropped
        ("2024-02-29T10:00:00Z", {}),
        ("2024-02-29T10:00:00z", {}),
        ("2024-02-29 10:00:00 Utc", {}),  # nor a zone in a form that is not listed
        ("2024-02-29 10:00:00 KST", {}),
        ("2024-02-29 UTC", {}),  # a day of another zone is two of the shop's
        ("2024-02-29 10:00:00+09:00 UTC", {}),
        ("2024-02-29 10:00 Nowhere/City", {"dates": "%Y-%m-%d %H:%M %Z"}),
        ("infinity", {}),
        ("-infinity", {}),
        ("epoch", {}),
        ("0044-03-15 (BC)", {}),
        ("29/02/2024", {}),
        ("13/13/2024", {"dates": "%d/%m/%Y"}),
        ("29.02.2024 later", {"dates": "%d.%m.%Y"}),
        ("45351", {}),
        ("1709236800000000", {"dates": "epoch"}),  # of another unit: its product overflows
        ("9223372036854775807", {"dates": "epoch_us"}),
        ("-9223372036854775807", {"dates": ["%d.%m.%Y", "epoch_us"]}),
    ],
)
def test_a_time_that_is_none_is_never_guessed(text: str, options: dict[str, Any]) -> None:
    assert one(text, "ordered_at", **options) == "ordered_at cannot be read as a time"


def test_blanks_are_taken_off_either_end_and_stay_within() -> None:
    kept: dict[str, str | None] = {"": None, "!": "!", "\u3000가\u200b": "가"}
    for blank in " \t\n\r\v\f":
        written = (f"{blank}A{blank}1", f"A{blank}1{blank}", f"{blank}{blank}A{blank}1{blank}{blank}")
        kept |= dict.fromkeys(written, f"A{blank}1") | {blank * 2: None}
    assert dict(zip(kept, each(list(kept), "store_id"), strict=True)) == kept


def test_blanks_tell_rows_apart_and_stand_in_the_raw_text() -> None:
    mapped = applied([ROW, ROW | {"Item": " A"}, ROW], duplicates="drop")
    assert list(mapped["_left_out"]) == [None, None, "stands there already"]
    assert list(mapped["product_id"]) == ["A", "A", "A"]
    assert json.loads(mapped["_raw"][1])["Item"] == " A"


def test_empty_texts_and_codes() -> None:
    codes = {"codes": {1: "web", 2: "store"}}
    assert one("1", "channel", **codes) == "web"
    assert one("3", "channel", **codes) == "channel has a code that the study does not list"
    assert one("3", "channel", **codes, other="keep") == "3"
    assert one("3", "channel", **codes, other="empty") is None
    assert one("GUEST", "customer_id", empty=["GUEST", "0"]) is None
    assert one("  ", "customer_id") is None
    assert one("8.80123E+12", "customer_id").startswith("customer_id was shortened by a spreadsheet")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Qty * Price - 0.5", "2.00"),
        ("Qty * 4000 * 0.00125", "10.00"),  # no factor is rounded
        ("-(Qty + 1) / 3", "-1.00"),
        ("Qty / 0", None),
        ("abs(-number(Price))", "1.25"),
        ("coalesce(number(Nothing), Price)", "1.25"),
        ('Qty if Item == "A" else 0', "2.00"),
        ('1 if Item in ("B", "C") else 9', "9.00"),
        ("1 if 1 < Qty <= 2 and not Price > 2 else 0", "1.00"),
        ('1 if startswith(Invoice, "1") or contains(Item, "z") else 0', "1.00"),
        ('1 if matches(Item, "^[A-C]$") else 0', "1.00"),
        ("year(Date) + month(Date) + hour(Date)", "2036.00"),
        ("weekday(Date)", "3.00"),
        ('number(part("x|7", "|", 2))', "7.00"),
        ("1 if empty(Nothing) else 0", "1.00"),
        ('number(replace(concat("1", Qty), "2", "5"))', "15.00"),
        ('col("Unit price") * 2', "6.00"),
        ("가격 * 2", "6.00"),
        ('1 if date(Date) < "2024-03-01" else 0', "1.00"),
        ('1 if whole("17850.0") == "17850" else 0', "1.00"),
        ("round(Price, 1)", "1.30"),
        ("900000000 * 100", "90000000000.00"),  # more than eighteen digits hold with eight places
        ("1.23456 * 100", "123.46"),
        ("500000000000 + 400000000000", "900000000000.00"),
        ("900000000000 * 900000000000", None),
        (" + ".join(["Qty * Price"] * 11), "27.50"),  # as long to compile as it is, and no power of that
        (" * ".join(["Qty"] * 11) + " - 2047.5", "0.50"),
        (f"{'-' * 11}Price", "-1.25"),
    ],
)
def test_expressions(expression: str, value: str | None) -> None:
    row = ROW | {"Nothing": None, "Unit price": "3", "가격": "3"}
    mapped = applied([row], columns=ORDER | {"amount": {"expression": expression}}).iloc[0]
    assert mapped["_problem"] is None
    assert mapped["amount"] == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (f"Qty * 1{'0' * 30}", "a number of the expression is too large"),
        ("Qty * 1e400", "a number of the expression is too large"),
        ("Qty * -1000000000000", "a number of the expression is too large"),
        (f"Qty{'+Qty' * 400}", "more than 12 parts within each other"),
        (f"{'-' * 1900}Qty", "more than 12 parts within each other"),
        ("round(Price, 99)", "a whole number from 0 to 6"),
        ("round(Price, Qty)", "a whole number from 0 to 6"),
        ("round(Price, True)", "a whole number from 0 to 6"),
        ('number(part(Date, "-", 0))', "a whole number from 1 to 100"),  # it was the last part
        ('number(part(Date, "-", -1))', "a whole number from 1 to 100"),
    ],
)
def test_what_the_engine_cannot_hold_is_refused_with_the_study(expression: str, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        mapping.TableMapping.model_validate({"columns": ORDER | {"amount": {"expression": expression}}})


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('id')", "Qty.__class__", "Qty[0]", "lambda: 1", "[x for x in Qty]",
        "open('x')", "f'{Qty}'", "Qty ** 9", "None", "b'x'", "col(Qty)", "abs(1, 2)", "1 +", "", "eval('1')",
        "a := 1", "*Qty", "(" * 500, "Qty if", "coalesce(Qty, key=1)", "Qty; Qty", "x" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_small_sum_is_refused_and_never_run(expression: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parse(expression)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("Qty * Prise", "order_lines.amount: the data have no column 'Prise'. Did you mean 'Price'?"),
        ("not Qty", "'Qty' is a text, where yes or no is asked"),
        ("empty(Qty) + 1", "yes or no is not a number"),
        ("1 if empty(Qty) == 1 else 0", "a number and a yes_no cannot be compared"),
        ('1 if Item in "AB" else 0', "write a list of values"),
        ("1 if matches(Item, Qty) else 0", "write the regular expression as a text"),
    ],
)
def test_an_expression_that_does_not_fit_its_columns(expression: str, said: str) -> None:
    with pytest.raises((DataError, StudyError), match=".") as error:
        applied([ROW], columns=ORDER | {"amount": {"expression": expression}})
    assert said in str(error.value)


def test_what_an_expression_cannot_read_is_told_with_its_column() -> None:
    mapped = applied([ROW, ROW | {"Qty": "two"}])
    assert mapped["_problem"].tolist() == [None, "quantity cannot be read as a number"]
    columns = ORDER | {"quantity": {"constant": 1}}
    mapped = applied([ROW, ROW | {"Qty": "two"}], columns=columns)
    assert mapped["_problem"].tolist() == [None, "amount: Qty cannot be read as a number"]


def test_rows_are_left_out_with_the_first_reason_that_fits() -> None:
    rules = [
        {"when": 'Item in ("POST", "DOT")', "reason": "postage"},
        {"when": "Price == 0", "reason": "given away"},
    ]
    rows = [ROW, ROW | {"Item": "POST", "Price": "0"}, ROW | {"Price": "0"}, ROW | {"Item": None}]
    assert applied(rows, leave_out=rules)["_left_out"].tolist() == [None, "postage", "given away", None]


def test_duplicates_stay_unless_the_study_says_otherwise() -> None:
    rows = [ROW, ROW, ROW | {"Price": "9"}]
    assert applied(rows)["_left_out"].tolist() == [None] * 3
    assert applied(rows, duplicates="drop")["_left_out"].tolist() == [None, "stands there already", None]
    by = applied(rows, duplicates=["Invoice", "Item"])["_left_out"].tolist()
    assert by == [None, *["one row a Invoice, Item: its first is kept"] * 2]


def test_returns_without_a_minus_get_one() -> None:
    rows = [ROW, ROW | {"Invoice": "C1"}]
    mapped = applied(rows, returns={"when": 'startswith(Invoice, "C")', "written": "positive"})
    assert mapped["amount"].tolist() == [Decimal("2.50"), Decimal("-2.50")]
    assert mapped["quantity"].tolist() == [Decimal(2), Decimal(-2)]


def test_netted_returns_go_into_the_order_they_came_from() -> None:
    later = {"Date": "2024-03-05 09:00", "Qty": "-1"}
    rows = [
        ROW | {"Date": "2024-02-01 10:00", "Invoice": "1"},
        ROW | {"Date": "2024-03-01 10:00", "Invoice": "2"},
        ROW | {"Date": "2024-03-09 10:00", "Invoice": "3"},
        ROW | later | {"Invoice": "C4"},  # of order 2: the latest before it
        ROW | later | {"Invoice": "C5", "Item": "B"},  # never bought
        ROW | later | {"Invoice": "C6", "Customer": None},  # a guest: nobody knows
    ]
    mapped = applied(rows, returns={"lines": "netted"})
    assert mapped["order_id"].tolist() == ["1", "2", "3", "2", "C5", "C6"]
    assert mapped["ordered_at"][3] == pd.Timestamp("2024-03-05 09:00")
    assert applied(rows, returns={})["order_id"].tolist() == ["1", "2", "3", "C4", "C5", "C6"]


def test_attributes_of_customers_keep_the_type_that_the_study_says() -> None:
    columns = {
        "customer_id": "id",
        "joined_on": "since",
        "birth_year": "born",
        "vip": {"column": "vip", "type": "yes_no", "yes": "J", "no": "N"},
        "height": {"column": "height", "type": "number"},
    }
    rows = [
        {"id": "1", "since": "2020-01-02", "born": "1980", "vip": "J", "height": "1.8"},
        {"id": "2", "since": "2020-01-02", "born": "1980.5", "vip": "N", "height": "1.8"},
        {"id": "3", "since": "2020-01-02", "born": "1980", "vip": "1", "height": "1.8"},
    ]
    mapped = applied(rows, table="customers", columns=columns)
    assert mapped["_problem"].tolist() == [
        None,
        "birth_year cannot be read as a whole number",
        "vip cannot be read as yes or no",
    ]
    assert mapped["joined_on"][0] == dt.date(2020, 1, 2)
    assert (mapped["vip"][0], mapped["vip"][1], mapped["height"][0]) == (True, False, Decimal("1.8"))


def test_typed_columns_are_taken_as_they_are() -> None:
    con = engine.connect()
    con.raw_sql("SET TimeZone = 'America/Los_Angeles'")
    raw = con.sql("""
        SELECT 1 AS "Invoice", 17850.0::DOUBLE AS "Customer", 'A' AS "Item", 2 AS "Qty",
            1.25::DOUBLE AS "Price", TIMESTAMPTZ '2024-02-29 20:00:00+00' AS "Date", 'a' AS _file,
            1::BIGINT AS _row""")
    section = mapping.TableMapping.model_validate({"columns": ORDER})
    row = fetched(con, mapping.apply(raw, section, table="order_lines", zone="Asia/Seoul")).iloc[0]
    assert (row.order_id, row.customer_id, row.amount) == ("1", "17850", Decimal("2.50"))
    assert row.ordered_at == pd.Timestamp("2024-03-01 05:00")


def test_a_line_that_could_not_be_parted_keeps_its_own_reason_and_text() -> None:
    broken = dict.fromkeys(ROW) | {"_problem": "7 fields, not 6", "_raw": "1,2,3,4,5,6,7"}
    mapped = applied([ROW | {"_problem": None, "_raw": None}, broken], duplicates="drop")
    assert mapped["_problem"].tolist() == [None, "7 fields, not 6"]
    assert mapped["_raw"][1] == "1,2,3,4,5,6,7"
    assert json.loads(mapped["_raw"][0])["Item"] == "A"


def test_who_a_customer_is_comes_from_the_person_and_is_mapped_by_nobody_else() -> None:
    without = {name: column for name, column in ORDER.items() if name != "customer_id"}
    person = {"account": "Customer", "email": "E-mail"}
    row = {name: value for name, value in ROW.items() if name != "Customer"}
    row |= {"_customer": "0f3c", "customer_id": "42"}
    mapped = applied([row], columns=without, person=person).iloc[0]
    assert mapped.customer_id == json.loads(mapped._raw)["customer_id"] == "0f3c"
    mapped = applied([row], columns=without | {"store_id": "customer_id"}, person=person).iloc[0]
    assert (mapped.customer_id, mapped.store_id) == ("0f3c", "42")
    assert json.loads(mapped._raw)["customer_id"] == "42"
    section = mapping.TableMapping.model_validate({"columns": ORDER, "person": person})
    with pytest.raises(ValueError, match="'person' makes the customer_id"):
        mapping.check_columns("order_lines", section)
    section = mapping.TableMapping.model_validate({"columns": without, "person": person})
    there = ["E-mail", "Name", *ROW]
    assert mapping.columns_used(section, there, table="order_lines") == ["E-mail", *ROW]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"amount": {"column": "A", "constant": 1}}, "write one of column, columns, constant, expression"),
        ({"amount": {"expression": "open('x')"}}, "no function 'open'"),
        ({"amount": {"column": "A", "dates": "%d.%m."}}, "is no date format"),
        ({"amount": {"column": "A", "zone": "Korea"}}, "is not a time zone"),
        ({"ammount": "A"}, "Did you mean 'amount'?"),
        ({"quantity": None}, "Input should be"),
    ],
)
def test_a_wrong_mapping_is_refused_before_any_file_is_opened(options: dict[str, Any], said: str) -> None:
    with pytest.raises((ValidationError, ValueError)) as error:
        mapping.check_columns(
            "order_lines", mapping.TableMapping.model_validate({"columns": ORDER | options})
        )
    assert said in str(error.value)


def test_required_columns_and_returns_only_where_they_belong() -> None:
    without = {name: column for name, column in ORDER.items() if name != "quantity"}
    with pytest.raises(ValueError, match="order_lines needs a column 'quantity'"):
        mapping.check_columns("order_lines", mapping.TableMapping.model_validate({"columns": without}))
    products = {"columns": {"product_id": "Item"}, "returns": {}}
    with pytest.raises(ValueError, match="returns belong to order_lines"):
        mapping.check_columns("products", mapping.TableMapping.model_validate(products))
    with pytest.raises(ValidationError, match="returns written as positive need 'when'"):
        mapping.TableMapping.model_validate({"columns": ORDER, "returns": {"written": "positive"}})


def test_the_columns_that_a_mapping_reads() -> None:
    section = mapping.TableMapping.model_validate(
        {"columns": ORDER, "leave_out": [{"when": 'Kind == "x"', "reason": "r"}], "duplicates": ["Id"]}
    )
    there = ["Id", "Email", "Kind", *ROW]
    assert mapping.columns_used(section, there, table="order_lines") == ["Id", "Kind", *ROW]
    all_of_it = mapping.TableMapping.model_validate({"columns": ORDER, "duplicates": "drop"})
    assert mapping.columns_used(all_of_it, there, table="order_lines") == there
    with pytest.raises(DataError, match="order_lines: the data have a column '_Row', as a column of ours"):
        mapping.columns_used(all_of_it, [*there, "_Row"], table="order_lines")
    assert mapping.columns_used(section, [*there, "_Row"], table="order_lines") == ["Id", "Kind", *ROW]
    with pytest.raises(DataError, match=r"order_lines: the data have no column 'Price'. They have: "):
        mapping.columns_used(section, [c for c in there if c != "Price"], table="order_lines")
