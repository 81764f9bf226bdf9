from __future__ import annotations

import datetime as dt
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from crm_utils.errors import DataError, StudyError
from crm_utils.methods.cross_sell import (
    LEVELS,
    Coded,
    code_baskets,
    count_baskets,
    level_there,
    lines_of_baskets,
)

SHELF = [("p1", "DAIRY", "MILK"), ("p2", "DAIRY", "MILK"), ("p3", "BAKERY", "BREAD"),
         ("p4", "FUEL", "GAS"), ("p5", "MISC", "POSTAGE, UK"), ("p6", None, None)]  # fmt: skip


def products() -> ir.Table:
    columns = dict(zip(("product_id", "category", "subcategory"), zip(*SHELF, strict=True), strict=True))
    return ibis.memtable(pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()}))


def lines(*rows: tuple[str, str | None, str, int, int]) -> ir.Table:
    order, customer, product, quantity, amount = zip(*rows, strict=True)
    return ibis.memtable(pa.table({
        "order_id": pa.array(order, pa.string()), "customer_id": pa.array(customer, pa.string()),
        "product_id": pa.array(product, pa.string()),
        "ordered_at": [dt.datetime(2024, 1, k % 28 + 1, 12) for k in range(len(rows))],
        "quantity": pa.array([Decimal(q) for q in quantity], pa.decimal128(18, 3)),
        "amount": pa.array([Decimal(a) for a in amount], pa.decimal128(18, 2)),
    }))  # fmt: skip


ORDERS = [
    ("1", "ann", "p1", 1, 2), ("1", "ann", "p2", 1, 2), ("1", "ann", "p3", 1, 3), ("2", None, "p3", 1, 3),
    ("2", None, "p4", 900, 30), ("3", "bob", "p1", -1, -2), ("4", "bob", "p5", 1, 4),
    ("5", "bob", "p6", 1, 4), ("6", "bob", "unknown", 1, 4), ("7", "bob", "p3", 0, 0),
]  # fmt: skip


def items(table: ir.Table) -> list[tuple[str, str]]:
    frame = table.order_by("order_id", "item").to_pyarrow().to_pandas()
    return list(zip(frame["order_id"], frame["item"], strict=True))


def held(baskets: Coded) -> list[list[str]]:
    """The items of each basket."""
    lists = baskets.orders.codes.to_pyarrow().to_pylist()
    return sorted(sorted(baskets.items[codes]) for codes in lists)


def test_an_item_of_an_order_is_there_once_whatever_was_bought_of_it() -> None:
    left_out = ["FUEL", "POSTAGE, UK"]
    kept = lines_of_baskets(lines(*ORDERS), products(), level="subcategory", leave_out=left_out)
    assert items(kept) == [("1", "BREAD"), ("1", "MILK"), ("1", "MILK"), ("2", "BREAD"), ("7", "BREAD")]
    assert held(code_baskets(kept)) == [["BREAD"], ["BREAD"], ["BREAD", "MILK"]]
    assert kept.columns == ("order_id", "item", "customer_id", "ordered_on")
    guest = kept.filter(kept.order_id == "2").to_pyarrow().to_pylist()[0]
    assert (guest["customer_id"], guest["ordered_on"]) == (None, dt.date(2024, 1, 4))


def test_each_level_has_its_items() -> None:
    assert set(items(lines_of_baskets(lines(*ORDERS), products(), level="category"))) >= {
        ("1", "DAIRY"),
        ("2", "FUEL"),
    }
    by_product = items(lines_of_baskets(lines(*ORDERS), None, level="product"))
    assert [item for order, item in by_product if order == "1"] == ["p1", "p2", "p3"]
    no_fuel = lines_of_baskets(lines(*ORDERS), products(), level="product", leave_out=["FUEL"])
    assert ("2", "p4") not in items(no_fuel)


def test_a_product_goes_by_its_name_and_its_code() -> None:
    """A code tells two products of one name apart; what is left out goes by its code."""
    names = {"p1": " Milk ", "p2": "Milk", "p3": None, "p4": "Petrol", "p5": "p5"}
    shelf = products().mutate(name=ibis.null("string"))
    named = shelf.mutate(name=shelf.product_id.cases(*[(k, v) for k, v in names.items() if v], else_=None))
    bought = items(lines_of_baskets(lines(*ORDERS), named, level="product", leave_out=["p4"]))
    assert [item for order, item in bought if order == "1"] == ["Milk (p1)", "Milk (p2)", "p3"]
    assert {item for order, item in bought if order in "24"} == {"p3", "p5"}


def test_what_is_left_out_is_counted() -> None:
    goods = lines_of_baskets(lines(*ORDERS), products(), level="product", leave_out=["FUEL"])
    coded = code_baskets(goods, most_items=2)
    counts = count_baskets(coded, lines(*ORDERS))
    assert counts.too_large == 1  # order 1, of three products
    assert counts.without == 1  # the return
    assert (counts.baskets, counts.items, counts.customers, counts.pairs) == (5, 4, 1, 0)
    assert held(coded) == [["p3"], ["p3"], ["p5"], ["p6"], ["unknown"]]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(StudyError, match="no level 'catgory'. Did you mean 'category'"):
        lines_of_baskets(lines(*ORDERS), products(), level="catgory")
    with pytest.raises(DataError, match="Level 'category' needs a table of products"):
        lines_of_baskets(lines(*ORDERS), None, level="category")
    with pytest.raises(StudyError, match="most_items is 1"):
        code_baskets(lines_of_baskets(lines(*ORDERS), None, level="product"), most_items=1)


def test_a_level_that_no_product_has_is_not_used() -> None:
    shelved = products().mutate(subcategory=ibis.null("string"))
    bare = shelved.mutate(category=ibis.null("string"))
    assert [level_there(shelved, level) for level in LEVELS] == ["category", "category", "product"]
    assert [level_there(table, "subcategory") for table in (products(), None, bare, products().limit(0))] == [
        "subcategory", "product", "product", "product",
    ]  # fmt: skip
