"""Online Retail (UCI): the published profile, through the contract and the data page's own reductions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ibis.expr.types as ir
import pytest

from crm_utils import engine
from crm_utils.loading import contract
from crm_utils.methods import data_collection

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def raw(golden: Callable[[str], Path]) -> ir.Table:
    """The invoice lines as a source would hand them over, with exact products of quantity and price."""
    con = engine.connect()
    con.read_parquet(golden("online_retail.parquet"), table_name="invoices", file_row_number=True)
    return con.sql("""
        SELECT InvoiceNo AS order_id, CustomerID AS customer_id, StockCode AS product_id, Description AS name,
            InvoiceDate AS ordered_at, Quantity AS quantity, UnitPrice AS price, Country AS country,
            CAST(Quantity * CAST(UnitPrice AS DECIMAL(18, 3)) AS DECIMAL(18, 3)) AS amount,
            'online_retail.parquet' AS _file, file_row_number + 1 AS _row, CAST(to_json(i) AS VARCHAR) AS _raw
        FROM invoices i""")


@pytest.fixture(scope="module")
def lines(raw: ir.Table) -> ir.Table:
    good, bad = contract.split(raw.drop("name", "price", "country"), "order_lines")
    assert bad.count().execute() == 0
    return good


def test_the_published_profile(raw: ir.Table, lines: ir.Table) -> None:
    totals = data_collection.control_totals(lines)
    assert (totals.lines, totals.orders, totals.customers, totals.products) == (541_909, 25_900, 4_372, 4_070)
    guests = contract.oddities({"order_lines": lines})["order lines of a guest"]
    assert guests.execute() == 135_080
    assert lines.filter(lines.quantity < 0).count().execute() == 10_624
    assert raw.country.nunique().execute() == 38
    assert raw.name.isnull().sum().execute() == 1_454
    plain = raw.drop("_file", "_row", "_raw")
    assert raw.count().execute() - plain.distinct().count().execute() == 5_268


def test_the_published_revenue_to_the_cent(raw: ir.Table, lines: ir.Table) -> None:
    assert str(raw.amount.sum().execute()) == "9747747.934"
    # The contract holds cents; four lines have a third decimal, which together move the total by less.
    assert raw.filter(raw.amount != raw.amount.cast("decimal(18, 2)")).count().execute() == 4
    assert str(lines.amount.sum().execute()) == "9747747.93"


def test_the_published_clean_part(raw: ir.Table) -> None:
    clean = raw.filter((raw.quantity > 0) & (raw.price > 0) & raw.customer_id.notnull())
    totals = data_collection.control_totals(clean.mutate(store_id=clean.country, discount=clean.amount * 0))
    assert (totals.lines, totals.customers, totals.orders) == (397_884, 4_338, 18_532)
    assert str(clean.amount.sum().execute()) == "8911407.904"
