from __future__ import annotations

from decimal import Decimal

import ibis
import pandas as pd
import pytest

from crm_utils import engine
from crm_utils.errors import DataError
from crm_utils.loading.contract import oddities, split
from crm_utils.tables import TABLES


def raw_lines(**changed: object) -> ibis.Table:
    """Five good order lines, and a sixth with what the test changes."""
    frame = pd.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(6)],
            "customer_id": ["c"] * 5 + [None],
            "product_id": ["p"] * 6,
            "ordered_at": ["2017-01-01 10:00:00"] * 6,
            "quantity": ["1"] * 6,
            "amount": ["1.50"] * 6,
            "discount": ["0"] * 6,
            "_file": ["lines.csv"] * 6,
            "_row": range(1, 7),
            "_raw": ["raw text"] * 6,
        }
    ).astype({"customer_id": "object"})
    for name, value in changed.items():
        frame[name] = frame[name].astype("object")
        frame.loc[5, name] = value
    return ibis.memtable(frame)


def test_good_rows_get_exact_types_and_all_columns_of_the_contract() -> None:
    good, bad = split(raw_lines(), "order_lines")
    assert bad.count().execute() == 0
    assert list(good.columns) == [c.name for c in TABLES["order_lines"].columns]
    assert str(good.schema()["amount"]) == "decimal(18, 2)"
    assert str(good.amount.sum().execute()) == "9.00"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("amount", "12,50", "amount cannot be read as decimal(18, 2)"),
        ("amount", None, "amount is empty"),
        ("ordered_at", "2017-02-30", "ordered_at cannot be read as timestamp(6)"),
        ("ordered_at", "0017-01-01", "ordered_at is before 1970 or after 2200"),
        ("ordered_at", "9999-12-31", "ordered_at is before 1970 or after 2200"),
        ("order_id", None, "order_id is empty"),
        ("discount", "-1", "discount is negative"),
        ("quantity", "many", "quantity cannot be read as decimal(18, 3)"),
    ],
)
def test_a_row_that_breaks_the_contract_is_set_aside_with_its_reason(
    column: str, value: object, reason: str
) -> None:
    good, bad = split(raw_lines(**{column: value}), "order_lines")
    aside = bad.execute()
    assert good.count().execute() == 5
    assert aside.to_dict("records") == [{"file": "lines.csv", "row": 6, "raw": "raw text", "reason": reason}]


def test_a_guest_and_a_return_are_within_the_contract() -> None:
    good, _ = split(raw_lines(amount="-3.00", quantity="-1", discount="-0.50"), "order_lines")
    assert good.count().execute() == 6


def test_the_second_row_of_a_key_is_set_aside() -> None:
    raw = ibis.memtable(
        {
            "product_id": ["a", "b", "a"],
            "name": ["first", "b", "second"],
            "_file": ["f"] * 3,
            "_row": [1, 2, 3],
            "_raw": [""] * 3,
        }
    )
    good, bad = split(raw, "products")
    assert sorted(good.name.execute()) == ["b", "first"]
    assert bad.execute()[["row", "reason"]].to_numpy().tolist() == [[3, "product_id is there already"]]


@pytest.mark.parametrize("day", ["infinity", "-infinity", "0001-01-01", "9999-12-31", "5881580-07-10"])
def test_a_day_that_no_calendar_has_is_set_aside(day: str) -> None:
    con = engine.connect()
    raw = con.sql(f"""
        SELECT '1' AS customer_id, DATE '2024-02-29' AS joined_on, 'f' AS _file, 1::BIGINT AS _row, '' AS _raw
        UNION ALL SELECT '2', DATE '{day}', 'f', 2, ''""")
    good, bad = split(raw, "customers")
    assert good.execute()["customer_id"].tolist() == ["1"]
    assert bad.execute()["reason"].tolist() == ["joined_on is before 1970 or after 2200"]


def test_a_missing_column_is_named_with_what_is_there() -> None:
    with pytest.raises(DataError, match=r"order_lines has no column 'amount'\. .*It has: .*price"):
        split(raw_lines().rename(price="amount"), "order_lines")


def test_a_foreign_column_is_refused_where_the_table_takes_none() -> None:
    with pytest.raises(DataError, match="may not have a column 'colour'"):
        split(raw_lines().mutate(colour=ibis.literal("red")), "order_lines")


def test_customers_keep_the_attributes_a_source_brings() -> None:
    raw = ibis.memtable({"customer_id": ["1"], "income": ["50K"], "_file": ["f"], "_row": [1], "_raw": [""]})
    good, _ = split(raw, "customers")
    assert good.execute()["income"].tolist() == ["50K"]


def test_oddities_are_counted_over_what_was_loaded() -> None:
    lines, _ = split(raw_lines(order_id="o1", amount="0", quantity="0"), "order_lines")
    products = ibis.memtable({"product_id": ["q"]})
    counts = {
        words: int(n.execute()) for words, n in oddities({"order_lines": lines, "products": products}).items()
    }
    assert counts["order lines with quantity 0"] == 1
    assert counts["order lines with amount 0"] == 1
    assert counts["order lines of a guest"] == 1
    assert counts["order lines whose product is not in products"] == 6
    assert counts["orders with more than one customer"] == 0


def test_a_row_is_not_mapped_again_to_judge_it() -> None:
    con = engine.connect()
    raw = con.create_table("raw", raw_lines().to_pyarrow())
    good, _ = split(raw, "order_lines")
    good.count().execute()  # registers what hides contacts with this connection
    plan = con.raw_sql(f"EXPLAIN {con.compile(good)}").fetchone()[1]
    # Moved down, the filter would hold the casts that the rows are made by.
    assert "(_reason IS NULL)" in plan.replace("│", "").replace("  ", "")


def test_marketing_costs_are_not_negative_and_end_after_they_begin() -> None:
    rows = pd.DataFrame({
        "starts_on": ["2024-01-01", "2024-02-01", "2024-03-01"], "cost": ["10", "-1", "5"],
        "ends_on": ["2024-01-31", "2024-02-29", "2024-02-29"], "acquisition_channel": ["ad", "ad", None],
        "_file": ["costs.csv"] * 3, "_row": [1, 2, 3], "_raw": ["raw"] * 3,
    })  # fmt: skip
    good, bad = split(ibis.memtable(rows), "marketing_costs")
    assert good.cost.to_pyarrow().to_pylist() == [Decimal("10.00")]
    reasons = bad.order_by("row").reason.to_pyarrow().to_pylist()
    assert reasons == ["cost is negative", "ends_on is before starts_on"]
