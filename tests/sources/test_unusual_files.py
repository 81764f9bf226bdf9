"""Files without a header, order numbers or a key of the same name: what crm new makes of them."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from crm_utils import loading
from crm_utils.command.cli import app
from crm_utils.loading.preview import look
from crm_utils.proposal import propose, summary
from crm_utils.proposal.fitting import no_longer_fit
from crm_utils.study import read_study


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("studies", "notebooks", "raw"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "0123456789abcdef" * 4)
    return tmp_path


def proposed(project: Path, **texts: str) -> str:
    """The study for these files (``orders__txt`` is orders.txt), written to studies/s.yaml."""
    asked = []
    for name, text in texts.items():
        path = project / "raw" / f"{name.partition('__')[0]}.{name.partition('__')[2] or 'csv'}"
        path.write_text(text, encoding="utf-8")
        asked.append(path.relative_to(project))
    return kept(project, propose(asked, project, "s")[0])


def kept(project: Path, text: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (project / "studies/s.yaml").write_text(text.partition("notebooks:")[0], encoding="utf-8")
    return text


def seen(project: Path) -> tuple[int, int, Decimal]:
    """Orders, known customers and revenue that crm check prints."""
    facts = look(project, read_study(project, "s"))[1].facts
    assert facts is not None
    return facts.orders, facts.customers, facts.revenue


def test_blanks_between_values_and_no_order_numbers(project: Path) -> None:
    """As CDNOW's master file: a customer's purchases of a day are one order."""
    text = " customer_id  date number_of_cds  dollar_value\n"
    text += "".join(f" {k % 7:05} 199701{1 + k % 9:02}  1  {10 + k}.50\n" for k in range(40))
    study = proposed(project, master__txt=text)
    assert 'delimiter: "blanks"' in study
    assert 'order_id: {"columns": ["customer_id", "date"]}' in study
    pairs = {(k % 7, k % 9) for k in range(40)}
    assert seen(project) == (len(pairs), 7, sum((Decimal(f"{10 + k}.50") for k in range(40)), Decimal(0)))
    snapshot = loading.load(project, read_study(project, "s"))[0]
    assert pq.read_table(snapshot.path("order_lines")).num_rows == 40


def test_no_header_is_told_by_what_stands_in_the_columns(project: Path) -> None:
    """The price of one, however many are bought, is no amount of the line."""
    rows = [
        (k // 2, f"2024-0{1 + k // 2 % 9}-11", ("Naan Bread", "Rice")[k % 2], 1 + k % 3) for k in range(60)
    ]
    text = "".join(f"{16000 + o},{d},{p},{n},{2.95 if p == 'Rice' else 0.8}\n" for o, d, p, n in rows)
    study = proposed(project, orders=text)
    assert "order_id: column 1" in study
    assert "product_id: column 3" in study
    assert r"col(\"column 4\") * col(\"column 5\")" in study
    due = sum(Decimal(n) * Decimal("2.95" if p == "Rice" else "0.8") for _, _, p, n in rows)
    assert seen(project) == (30, 0, due)


def test_a_member_a_day_and_an_item_are_orders_without_money(project: Path) -> None:
    """Groceries: lines of a member and a day are one order; amounts are 0 where there is no money."""
    text = "Member_number,Date,itemDescription\n"
    text += "".join(f"{1000 + k % 5},{1 + k % 20:02}-01-2015,item {k % 4}\n" for k in range(80))
    study = proposed(project, groceries=text)
    assert 'order_id: {"columns": ["Member_number", "Date"]}' in study
    assert 'amount: {"constant": 0} # LOOK' in study
    assert seen(project) == (20, 5, 0)
    said = CliRunner().invoke(app, ["check", "s"]).output
    assert "revenue none: every amount is 0" in said
    assert "Every amount is 0: nothing can be said of money." in said


def test_neither_orders_nor_customers_make_each_row_an_order(project: Path) -> None:
    text = "fecha,producto,cantidad_vendida,precio\n"
    text += "".join(f"2025-05-{1 + k % 9:02},Camisa {k % 3},{1 + k % 4},25.50\n" for k in range(40))
    assert 'order_id: {"each": "row"}' in proposed(project, ventas=text)
    due = sum((Decimal(1 + k % 4) * Decimal("25.50") for k in range(40)), Decimal(0))
    assert seen(project) == (40, 0, due)
    first = loading.load(project, read_study(project, "s"))[0]
    orders = pq.read_table(first.path("order_lines"))["order_id"].to_pylist()
    assert orders[:2] == ["ventas.csv-2", "ventas.csv-3"]


def test_a_guests_row_is_an_order_alone(project: Path) -> None:
    """Where some rows have no customer, each of these is an order; those of a customer and a day are one."""
    text = (
        "customer,date,product,total\nA,2024-01-01,x,1\nA,2024-01-01,y,2\n,2024-01-01,x,4\n,2024-01-01,x,8\n"
    )
    text += "A,2024-01-02,x,16\nB,2024-01-02,x,32\nB,2024-01-03,x,64\n"
    assert 'order_id: {"each": "customer_day"}' in proposed(project, orders=text)
    assert seen(project) == (6, 2, 127)


def test_a_day_and_a_time_apart_without_order_numbers(project: Path) -> None:
    text = "customer_id,date,time,product,total\n"
    text += "".join(f"c{k % 5},2024-01-{1 + k % 10:02},{8 + k % 9:02}:30,x,10\n" for k in range(40))
    assert 'order_id: {"each": "customer_day"}' in proposed(project, orders=text)
    assert seen(project) == (10, 5, 400)


def test_names_as_customers_become_a_person(project: Path) -> None:
    people = ("Brion Stark", "Ethyl Botsford", "Hester Kuhn", "Gino Lang")
    text = '"customer_id","order_date","revenue"\n'
    text += "".join(f'"{people[k % 4]}",2004-12-{1 + k % 20:02},{10 + k}\n' for k in range(40))
    study = proposed(project, orders=text)
    assert 'person: {"buyer": "customer_id"}' in study
    assert "customer_id:" not in study
    assert seen(project)[:2] == (20, 4)
    snapshot = loading.load(project, read_study(project, "s"))[0]
    assert b"Stark" not in snapshot.path("order_lines").read_bytes()


def test_a_key_of_another_name_brings_prices(project: Path) -> None:
    """item_id of the lines is menu_item_id of the menu, which names the products, too."""
    lines = "order_details_id,order_id,order_date,item_id\n"
    lines += "".join(f"{k},{k // 3},{1 + k % 9}/{13 + k % 9}/2023,{101 + k % 4}\n" for k in range(60))
    menu = "menu_item_id,item_name,category,price\n"
    menu += "".join(f"{101 + k},Dish {k},Kind {k % 2},{10 + k}.95\n" for k in range(4))
    study = proposed(project, order_details=lines, menu_items=menu)
    assert '"by": {"item_id": "menu_item_id"}' in study
    assert "product_id: menu_item_id" in study
    assert "name: item_name" in study
    assert seen(project) == (20, 0, sum((Decimal(f"{10 + k % 4}.95") for k in range(60)), Decimal(0)))


def test_a_bare_id_is_the_key_of_its_own_file_alone(project: Path) -> None:
    """payments.id is no order, though orders.id has the same numbers; a share of the price is taken off."""
    orders = "id,user_id,order_date,status\n" + "".join(
        f"{k},{k % 9},2018-01-{1 + k:02},done\n" for k in range(28)
    )
    paid = "id,order_id,payment_method,amount\n"
    paid += "".join(f"{k},{(k * 5) % 28},card,{k + 1}\n" for k in range(28))
    study = proposed(project, raw_orders=orders, raw_payments=paid)
    assert '"by": {"order_id": "id"}' in study
    assert seen(project) == (28, 9, sum(range(1, 29)))
    days = {f"{(k * 5) % 28}": f"2018-01-{1 + (k * 5) % 28:02}" for k in range(28)}
    snapshot = loading.load(project, read_study(project, "s"))[0]
    table = pq.read_table(snapshot.path("order_lines")).to_pydict()
    moments = zip(table["order_id"], table["ordered_at"], strict=True)
    assert {order: str(at)[:10] for order, at in moments} == days


def test_a_discount_that_is_a_share_is_taken_off(project: Path) -> None:
    text = "order_id,order_date,product_id,quantity,unit_price,discount\n"
    text += "".join(f"{k},1996-07-{1 + k % 28:02},{k % 3},2,10.00,{(0, 0.25)[k % 2]}\n" for k in range(40))
    assert "quantity * unit_price * (1 - discount)" in proposed(project, details=text)
    assert seen(project)[2] == 20 * 20 + 20 * 15


def test_stock_is_no_order(project: Path) -> None:
    """A file of products that counts pieces in stock and on order is one of products."""
    text = "product_id,product_name,unit_price,units_in_stock,units_on_order\n"
    text += "".join(f"{k},Tea {k},{k}.50,39,10\n" for k in range(1, 30))
    (project / "raw/products.csv").write_text(text, encoding="utf-8")
    tables = propose([project / "raw/products.csv"], project, "s")[1]
    assert [table.table for table in tables] == ["products"]
    assert "None of this looks like orders" in summary(tables)[-1]


def test_the_sheet_of_orders_is_chosen(project: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Sprocket Central"])  # type: ignore[union-attr]
    sheet = book.create_sheet("Transactions")
    for row in [
        ["Note: of the last year"],
        ["transaction_id", "customer_id", "transaction_date", "product_id", "list_price"],
    ]:
        sheet.append(row)
    for k in range(30):
        sheet.append([k, k % 4, f"2017-02-{1 + k % 28:02}", k % 5, 20])
    sheet.append(["Total", None, None, None, 600])
    book.save(project / "raw/book.xlsx")
    study = kept(project, propose([Path("raw/book.xlsx")], project, "s")[0])
    assert 'sheet: "Transactions" # LOOK' in study
    assert "skip: 1" in study
    assert """leave_out: [{when: 'transaction_id == "Total"', reason: a row of totals}]""" in study
    kept(project, study, ("      # leave_out:", "      leave_out:"))
    assert seen(project) == (30, 4, 600)


def test_a_sqlite_file_is_looked_into(project: Path) -> None:
    with sqlite3.connect(project / "raw/shop.db") as con:
        con.executescript(
            "CREATE TABLE Artist (ArtistId, Name); CREATE TABLE Track (TrackId, Name, UnitPrice);"
            "CREATE TABLE Customer (CustomerId, FirstName, State);"
            "CREATE TABLE Invoice (InvoiceId, CustomerId, InvoiceDate);"
            "CREATE TABLE InvoiceLine (InvoiceLineId, InvoiceId, TrackId, UnitPrice, Quantity);"
        )
        put = con.executemany
        put("INSERT INTO Artist VALUES (?, ?)", [(k, f"Band {k}") for k in range(3)])
        put("INSERT INTO Track VALUES (?, ?, ?)", [(k, f"Song {k}", "0.99") for k in range(9)])
        put("INSERT INTO Customer VALUES (?, ?, ?)", [(k, "Ann", "TX") for k in range(5)])
        put(
            "INSERT INTO Invoice VALUES (?, ?, ?)",
            [(k, k % 5, f"2009-01-{1 + k:02} 00:00:00") for k in range(20)],
        )
        put(
            "INSERT INTO InvoiceLine VALUES (?, ?, ?, ?, ?)",
            [(k, k // 3, k % 9, "0.99", 1) for k in range(60)],
        )
    con.close()
    text, tables = propose([Path("raw/shop.db")], project, "s")
    kept(project, text)
    assert [table.table for table in tables] == ["order_lines", "customers", "products"]
    assert "url: sqlite:///raw/shop.db" in text
    assert "# not used: Artist" in text
    assert seen(project) == (20, 5, Decimal("59.40"))


def test_several_files_of_guests_are_looked_at(project: Path) -> None:
    """Exports that overlap are refused where nobody has an id; the doubled revenue is not printed."""
    head = "order_id,date,product,total\n"
    rows = [f"{k},2024-01-{1 + k % 28:02},x,10\n" for k in range(40)]
    (project / "raw/a.csv").write_text(head + "".join(rows[:25]), encoding="utf-8")
    (project / "raw/b.csv").write_text(head + "".join(rows[20:]), encoding="utf-8")
    study = kept(project, propose([Path("raw/?.csv")], project, "s")[0])
    ended = CliRunner().invoke(app, ["check", "s"])
    assert ended.exit_code == 3
    assert "5 orders stand in two files" in ended.output
    assert "revenue" not in ended.output
    kept(project, study, ("      columns:", "      overlap: drop\n      columns:"))
    assert seen(project) == (40, 0, 400)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("amount: total", "amount: {expression: total / 100}"), "order ($1.00). About a twentieth"),
        (("horizon_days: 7", "horizon_days: 63"), "half of the orders had a next one within 7 days. About 7"),
        (("amount: total", "amount: total"), ""),
    ],
)  # fmt: skip
def test_costs_that_no_longer_fit_are_said(project: Path, edit: tuple[str, str], said: str) -> None:
    text = "order_id,date,customer_id,product,total\n"
    text += "".join(
        f"{w}-{c},2024-{1 + w // 4:02}-{1 + 7 * (w % 4):02},{c},x,100\n" for w in range(40) for c in range(9)
    )
    (project / "raw/o.csv").write_text(text, encoding="utf-8")
    study = propose([Path("raw/o.csv")], project, "s")[0]
    assert edit[0] in study
    edited = study.replace(*edit)
    (project / "studies/s.yaml").write_text(edited.partition("notebooks:")[0], encoding="utf-8")
    shop = look(project, read_study(project, "s"))[1]
    given: dict[str, Any] = yaml.safe_load(edited)["notebooks"]["churn"]
    sentences = " ".join(no_longer_fit(shop.orders, given, currency="USD"))
    assert said in sentences
    assert bool(said) == bool(sentences)
