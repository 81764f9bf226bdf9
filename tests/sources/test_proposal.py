"""What crm new makes of files: what it found, how sure it is, what it could not tell; and that it loads."""

from __future__ import annotations

import datetime as dt
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml
from bad_input import zipped
from tiny import ROOT
from typer.testing import CliRunner, Result

from crm_utils import loading
from crm_utils.command.cli import app
from crm_utils.errors import StudyError
from crm_utils.loading.preview import preview
from crm_utils.proposal.matching import match
from crm_utils.proposal.parameters import days_to_next
from crm_utils.proposal.table import Order
from crm_utils.sources.files.guessing import dates_of, marks_of
from crm_utils.sources.files.layout import delimiter_of
from crm_utils.study import read_study

KOREAN = """주문번호,주문일시,회원번호,상품코드,상품명,수량,판매가,결제금액,이메일
20240001,2024-01-02 09:00:00,00000042,P1,"셔츠, 흰색",2,"12,000원","24,000원",kim@example.com
20240002,2024-01-03 21:30:00,00000043,P2,바지,1,"30,000원","30,000원",lee@example.com
"""
GERMAN = """Bestellnummer;Bestelldatum;Kundennummer;Artikelnummer;Menge;Einzelpreis
B1;02.01.2024 09:00;7;A1;2;1.234,50
B2;13.01.2024 10:00;8;A2;-1;9,99
"""
ENGLISH = "order_id\torder_date\tmember_id\tsku\tqty\tunit_price\n1\t03/04/2024\t7\tA\t2\t9.50\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("studies", "notebooks", "data/raw"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(name: str, *files: str) -> Result:
    asked = [part for file in files for part in ("--from", f"data/raw/{file}")]
    return CliRunner().invoke(app, ["new", name, *asked])


def test_a_korean_export_in_cp949_becomes_a_study_that_loads(project: Path) -> None:
    (project / "data/raw/orders.csv").write_bytes(KOREAN.encode("cp949"))
    ended = new("kr", "orders.csv")
    assert ended.exit_code == 0, ended.output
    assert "amount         결제금액, thousands ',', signs '원'" in ended.output
    text = (project / "studies/kr.yaml").read_text(encoding="utf-8")
    assert "# not used: 이메일; names a person" in text
    study = read_study(project, "kr")
    assert (study.currency, study.timezone, study.history_starts) == (
        "KRW",
        "Asia/Seoul",
        dt.date(2024, 1, 2),
    )
    snapshot, _ = loading.load(project, study)
    tables = snapshot.manifest["tables"]
    assert (tables["order_lines"]["loaded"], tables["products"]["loaded"]) == (2, 2)
    everything = b"".join(path.read_bytes() for path in snapshot.folder.rglob("*") if path.is_file())
    assert b"example.com" not in everything


def test_marks_and_dates_of_a_german_export_are_declared(project: Path) -> None:
    (project / "data/raw/export.csv").write_text(GERMAN, encoding="utf-8-sig")
    assert new("de", "export.csv").exit_code == 0
    lines = preview(project, read_study(project, "de"))[0]
    assert (lines.read, lines.loaded, lines.last) == (2, 2, dt.date(2024, 1, 13))
    snapshot, _ = loading.load(project, read_study(project, "de"))
    assert snapshot.manifest["tables"]["order_lines"]["quarantined"] == 0


def test_one_comma_is_decimal_where_others_are_and_to_be_looked_at_where_none_is(project: Path) -> None:
    head = "Belegnr;Belegdatum;Kundennr;Artikelnr;Menge;Rabatt %;Nettobetrag\n"
    rows = [f"B{n};0{1 + n % 9}.01.2024;{n % 7};A1;{1 + n % 3},000;5,00;{n},95" for n in range(30)]
    (project / "data/raw/erp.csv").write_text(head + "\n".join(rows), encoding="utf-8")
    assert new("erp", "erp.csv").exit_code == 0
    lines = preview(project, read_study(project, "erp"))[0]
    assert lines.loaded == 30
    snapshot, _ = loading.load(project, read_study(project, "erp"))
    loaded = pq.read_table(snapshot.path("order_lines")).to_pydict()
    assert {str(q) for q in loaded["quantity"]} == {"1.000", "2.000", "3.000"}
    assert set(loaded["discount"]) == {None}, "a rate is no amount"
    few = {"qty": ["1,000", "2"], "amount": ["12,500", "9,000"], "order_id": ["1", "2"]}
    matches = {m.target: m for m in match(few, "order_lines")}
    assert (matches["amount"].options, matches["amount"].sure < 0.7) == ({"thousands": ","}, True)
    sure = {m.target: m for m in match(few | {"amount": ["1,234,500", "9,000"]}, "order_lines")}
    assert sure["amount"].sure > 0.7


@pytest.mark.parametrize(
    ("columns", "marks", "sure"),
    [
        ({"qty": ["1,000", "2"], "amount": ["9.50"]}, {"thousands": ","}, True),
        ({"qty": ["1.000", "2"], "amount": ["9,50"]}, {"decimal": ",", "thousands": "."}, True),
        ({"qty": ["1.000", "2"], "amount": ["950"]}, {}, False),
        ({"qty": ["1.000", "0.250"]}, {}, True),
        ({"qty": ["1,000", "0,250"]}, {"decimal": ",", "thousands": "."}, True),
        ({"수량": ["1,000", "2"]}, {"thousands": ","}, True),
        ({"qty": ["1,000"], "amount": ["1,50"], "weight": ["1.5"]}, {"thousands": ","}, False),
        ({"qty": ["1,000"], "amount": ["1.234,50 €"], "note": ["1.5", "x"]},
         {"decimal": ",", "thousands": "."}, True),
    ],
)  # fmt: skip
def test_a_mark_is_judged_by_the_whole_file(
    columns: dict[str, list[str]], marks: dict[str, str], sure: bool
) -> None:
    quantity = next(m for m in match(columns, "order_lines") if m.target == "quantity")
    assert (quantity.options, quantity.sure >= 0.7) == (marks, sure)


@pytest.mark.parametrize("name", ["Rabatt %", "Discount percent", "할인율"])
def test_a_rate_is_no_amount(name: str) -> None:
    assert match({name: ["5.00"]}, "order_lines", only=["discount"]) == []


def test_costs_of_a_contact_are_in_the_shops_own_money(project: Path) -> None:
    rows = [f"{n // 2},2024-01-02,c{n},p1,1,{18_000 + n % 5}" for n in range(40)]
    text = "\n".join(["주문번호,주문일,회원번호,상품코드,수량,결제금액", *rows])
    (project / "data/raw/orders.csv").write_text(text, encoding="utf-8")
    assert new("shop", "orders.csv").exit_code == 0
    study = read_study(project, "shop")
    assert study.notebooks["churn"] == {"margin_share": 0.25, "offer_cost": 2000, "contact_cost": 20}
    text = (project / "studies/shop.yaml").read_text("utf-8")
    assert "churn: # to begin with, in KRW" in text
    assert "about 5% of a usual order (36,004.00)" in text
    assert "# horizon_days: 28 # LOOK" in text, "nobody came again: it cannot be told"


def test_costs_are_told_of_unit_prices_and_large_money_too(project: Path) -> None:
    rows = [f"{n};2024-01-0{1 + n % 9};c{n};p1;3;9.000.000,00" for n in range(40)] + ["40;x;c1;p1;1;"]
    text = "\n".join(["order_id;order_date;customer_id;sku;qty;unit_price", *rows])
    (project / "data/raw/orders.csv").write_text(text, encoding="utf-8")
    assert new("shop", "orders.csv").exit_code == 0
    costs = read_study(project, "shop").notebooks["churn"]
    assert (costs["offer_cost"], costs["contact_cost"]) == (1_000_000, 10_000)


def poisson_orders(*, mean: float, days: int, customers: int) -> list[Order]:
    """Customers who order at random, one order in so many days, looked at for so many days."""
    draw = np.random.default_rng(5)
    first = dt.date(2024, 1, 1)
    times = [np.cumsum(draw.exponential(mean, size=200)) for _ in range(customers)]
    return [
        Order(f"c{n}", first + dt.timedelta(int(time)), 9.0)
        for n, each in enumerate(times)
        for time in each[each < days]
    ]


@pytest.mark.parametrize("days", [60, 400])
def test_a_short_look_does_not_make_a_shop_quick(days: int) -> None:
    """The median of exponential times is ln 2 of their mean, in however short a window it is looked for."""
    median = days_to_next(poisson_orders(mean=50, days=days, customers=2_000))
    assert median == pytest.approx(50 * math.log(2), abs=2)


def test_a_rhythm_longer_than_the_look_or_of_few_is_not_told() -> None:
    assert days_to_next(poisson_orders(mean=50, days=30, customers=2_000)) is None
    assert days_to_next(poisson_orders(mean=50, days=400, customers=5)) is None
    guests = [replace(o, customer="") for o in poisson_orders(mean=50, days=400, customers=50)]
    assert days_to_next(guests) is None


@pytest.mark.parametrize(("history", "horizon"), [(500, 49), (200, 28)])
def test_the_horizon_is_the_shops_rhythm_in_weeks_and_fits_its_history(
    project: Path, history: int, horizon: int
) -> None:
    first = dt.date(2024, 1, 1)
    rows = [
        f"{n}-{day},{first + dt.timedelta(day)},c{n},p1,1,20.00"
        for n in range(50)
        for day in range(n, history, 50)
    ]
    text = "\n".join(["order_id,order_date,customer_id,sku,qty,amount", *rows])
    (project / "data/raw/orders.csv").write_text(text, encoding="utf-8")
    assert new("shop", "orders.csv").exit_code == 0
    churn = read_study(project, "shop").notebooks["churn"]
    assert (churn["horizon_days"], churn["active_days"]) == (horizon, 3 * horizon)


@pytest.mark.parametrize(
    ("codes", "line"),
    [
        (["EUR", "EUR"], "currency: EUR # the column Currency says so"),
        (
            ["CHF", "EUR"],
            "currency: CHF # LOOK: Currency says CHF, EUR, and amounts of several do not add up",
        ),
        (["euro", "euro"], "currency: USD # LOOK: the currency of all amounts (ISO 4217)"),
    ],
)
def test_a_column_that_names_the_currency_is_believed(project: Path, codes: list[str], line: str) -> None:
    rows = [f"{n},2024-01-02,c{n},p1,1,9.50,{code}" for n, code in enumerate(codes)]
    text = "\n".join(["order_id,order_date,customer_id,sku,qty,amount,Currency", *rows])
    (project / "data/raw/orders.csv").write_text(text, encoding="utf-8")
    assert new("shop", "orders.csv").exit_code == 0
    assert line in (project / "studies/shop.yaml").read_text(encoding="utf-8")
    assert read_study(project, "shop").currency == line.split()[1]


def test_an_export_of_windows_is_proposed_and_its_encoding_is_to_be_looked_at(project: Path) -> None:
    text = (
        "Belegnr;Belegdatum;Kundennr;Artikelnr;Bezeichnung;Menge;Einzelpreis;Gesamtpreis\n"
        "B1;31.01.2024;7;A1;Löffel;2;1,05;2,10\n"
    )
    (project / "data/raw/umsatz.csv").write_bytes(text.encode("cp1252"))
    ended = new("de", "umsatz.csv")
    assert (ended.exit_code, "encoding       cp1252" in ended.output) == (0, True)
    proposal = (project / "studies/de.yaml").read_text(encoding="utf-8")
    assert 'encoding: "cp1252" # LOOK' in proposal
    assert "order_id: Belegnr" in proposal
    assert "Gesamtpreis" in proposal.partition("amount: ")[2].partition("\n")[0]
    assert preview(project, read_study(project, "de"))[0].loaded == 1


def test_what_is_an_orders_own_is_no_amount_of_a_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of web shops: a row a line, what is the order's on its first row, people by their e-mail."""
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "0123456789abcdef" * 4)
    of_order = "Name,Email,Financial Status,Total,Created at"
    rows = [f"{of_order},Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku"]
    for order in range(12):
        mail, state = f"{order % 3}@example.com", "refunded" if order == 5 else "paid"
        rows.append(f"#{order},{mail},{state},$7.00,2024-03-{order + 1:02} 09:00:00 +0000,2,Soap,$1.00,A")
        rows.append(f"#{order},{mail},,,,1,Balm,$5.00,B")
    (project / "data/raw/web.csv").write_text("\n".join(rows) + "\n")
    ended = new("web", "web.csv")
    assert "Financial Status says refunded: are these sales?" in ended.output
    proposal = (project / "studies/web.yaml").read_text(encoding="utf-8")
    assert "# 95% sure: Shopify orders" in proposal.partition("amount: ")[2].partition("\n")[0]
    assert "# LOOK: Total and Subtotal are of the whole order" in proposal
    assert 'person: {"email": "Email"} # LOOK' in proposal
    assert "name Financial Status under of_the_order" in proposal
    snapshot, _ = loading.load(project, read_study(project, "web"))
    tables = snapshot.manifest["tables"]
    assert (tables["order_lines"]["loaded"], tables["products"]["loaded"]) == (24, 2)
    lines = pq.read_table(snapshot.folder / "order_lines.parquet").to_pandas()
    assert lines["amount"].sum() == 12 * 7
    assert (lines.groupby("order_id")["ordered_at"].nunique() == 1).all()
    assert lines["customer_id"].nunique() == 3
    written = proposal.replace(
        'of_the_order: ["Created at"]', 'of_the_order: ["Created at", "Financial Status"]'
    )
    written = written.replace("# leave_out: ", "leave_out: ")
    (project / "studies/web.yaml").write_text(written)
    assert preview(project, read_study(project, "web"))[0].left_out == {"no sale": 2}
    (project / "studies/web.yaml").write_text(written.replace('"Created at", "F', '"Total", "F'))
    with pytest.raises(StudyError, match="of_the_order names 'Total', which the mapping does not use"):
        preview(project, read_study(project, "web"))


def test_what_is_no_sale_is_asked(project: Path) -> None:
    heads = "주문번호,주문일시,회원ID,상품코드,수량,결제금액,주문상태"
    text = f"{heads}\n1,2024-01-02,7,A,1,5,취소\n2,2024-01-03,7,A,1,5,배송완료\n"
    (project / "data/raw/o.csv").write_bytes(text.encode("cp949"))
    assert "주문상태 says 취소: are these sales?" in new("kr", "o.csv").output
    assert "# leave_out: [{when: '주문상태 == \"취소\"', reason: no sale}]" in (
        project / "studies/kr.yaml"
    ).read_text(encoding="utf-8")


def test_a_columns_marks_are_those_of_most_values() -> None:
    assert marks_of(["1,50"] * 20 + ["1.234,50"]) == {"decimal": ",", "thousands": "."}


def test_what_cannot_be_told_is_said(project: Path) -> None:
    (project / "data/raw/e.tsv").write_text(ENGLISH)
    said = new("en", "e.tsv").output
    assert "day or month first cannot be told" in said
    text = (project / "studies/en.yaml").read_text(encoding="utf-8")
    assert 'ordered_at: {"column": "order_date", "dates": "%d/%m/%Y"} # LOOK: ' in text
    assert 'amount: {"expression": "qty * unit_price"}' in text


@pytest.mark.parametrize(
    ("table", "column", "target"),
    [
        ("order_lines", "유입경로", "channel"),
        ("order_lines", "Vertriebsweg", "channel"),
        ("order_lines", "Source", "channel"),
        ("order_lines", "상품 판매채널 구분", "channel"),
        ("products", "상품분류", "category"),
        ("products", "상품 카테고리명", "category"),
        ("products", "소분류", "subcategory"),
        ("customers", "유입경로", "acquisition_channel"),
        ("customers", "거주지역", "region"),
    ],
)
def test_a_short_word_means_a_column_too(table: str, column: str, target: str) -> None:
    assert [m.target for m in match({column: ["a", "b"]}, table)] == [target]


@pytest.mark.parametrize("column", ["배송비 금액", "환불금액", "Refunded Amount", "Coupon discount amount"])
def test_what_was_paid_back_or_for_postage_is_no_amount(column: str) -> None:
    assert match({column: ["5", "6"]}, "order_lines", only=["amount"]) == []


@pytest.mark.parametrize(
    ("head", "place"),
    [
        ("Belegnr,Belegdatum,Kundennr,Artikelnr,Menge,Betrag", ("EUR", "Europe/Berlin")),
        ("주문번호,주문일,회원번호,상품코드,수량,결제금액", ("KRW", "Asia/Seoul")),
        ("order_id,order_date,customer_id,sku,qty,amount", ("USD", "UTC")),
    ],
)
def test_currency_and_zone_are_guessed_by_the_language_and_to_be_looked_at(
    project: Path, head: str, place: tuple[str, str]
) -> None:
    (project / "data/raw/o.csv").write_text(head + "\n1,2024-01-02,7,A,1,5\n", encoding="utf-8")
    assert new("x", "o.csv").exit_code == 0
    study = read_study(project, "x")
    assert (study.currency, study.timezone) == place
    text = (project / "studies/x.yaml").read_text(encoding="utf-8")
    assert f"timezone: {place[1]} # LOOK" in text
    assert f"currency: {place[0]} # LOOK" in text


def erp(name: str = "Barverkauf") -> str:
    """Sixty orders of thirty customers, a dozen of a till, postage on every third."""
    rows = ["Belegnr,Belegdatum,Kundennr,Kundenname,Artikelnr,Menge,Betrag"]
    for n in range(72):
        who = "99999," + name if n % 6 == 5 else f"{100 + n % 30},Kim Minsu"
        rows.append(f"B{n},2024-01-{1 + n % 28:02},{who},A{n % 5},1,20")
        rows += [f"B{n},2024-01-{1 + n % 28:02},{who},PORTO,1,5"] if n % 3 == 0 else []
    return "\n".join(rows)


@pytest.mark.parametrize("name", ["Barverkauf", "Any Name"])
def test_postage_and_a_till_are_asked_with_what_to_write(project: Path, name: str) -> None:
    (project / "data/raw/erp.csv").write_text(erp(name), encoding="utf-8")
    said = new("erp", "erp.csv").output
    assert "LOOK           Artikelnr says PORTO on 25.0% of the lines: is that a product?" in said
    assert "LOOK           Kundennr has 99999 on 16.7% of the orders: a till, and no customer?" in said
    path = project / "studies/erp.yaml"
    text = path.read_text(encoding="utf-8")
    assert "Minsu" not in text
    till = 'customer_id: {"column": "Kundennr", "empty": ["99999"]}'
    assert till in text
    written = text.replace("# leave_out: ", "leave_out: ").replace("customer_id: Kundennr", till)
    path.write_text(written, encoding="utf-8")
    assert preview(project, read_study(project, "erp"))[0].left_out == {"postage or a fee": 24}
    snapshot, _ = loading.load(project, read_study(project, "erp"))
    lines = pq.read_table(snapshot.path("order_lines")).to_pydict()
    assert lines["customer_id"].count(None) == 12


def test_the_largest_customer_of_few_is_no_till_and_no_name_is_written(project: Path) -> None:
    rows = ["order_id,order_date,customer,sku,qty,amount"]
    rows += [f"{n},2024-01-02,Company {n % 20},A,1,5" for n in range(200)]
    (project / "data/raw/b2b.csv").write_text("\n".join(rows))
    assert "a till" not in new("b2b", "b2b.csv").output
    rows += [f"x{n},2024-01-02,Kim Minsu,A,1,5" for n in range(99)]
    (project / "data/raw/one.csv").write_text("\n".join(rows))
    said = new("one", "one.csv").output
    assert "customer has one value on 33.1% of the orders" in said
    assert "Minsu" not in said + (project / "studies/one.yaml").read_text()


def test_buyers_without_an_id_may_be_told_by_what_they_left(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "0123456789abcdef" * 4)
    head = "주문번호,주문일시,회원번호,상품코드,수량,결제금액,이메일,휴대폰"
    rows = [
        "1,2024-01-02,M1,A,1,5,a@example.com,010-1234-5678",
        "2,2024-01-03,,A,1,5,b@example.com,010-1234-5679",
        "3,2024-01-04,,A,1,5,b@example.com,",
        "4,2024-01-05,M1,A,1,5,,",
    ]
    (project / "data/raw/o.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    members = "회원번호,가입일,이메일,이메일수신동의\nM1,2024-01-01,a@example.com,Y\n"
    (project / "data/raw/m.csv").write_text(members, encoding="utf-8")
    said = new("kr", "o.csv", "m.csv").output
    assert "LOOK           50.0% of the lines have no 회원번호: are their buyers guests?" in said
    path = project / "studies/kr.yaml"
    text = path.read_text(encoding="utf-8")
    person = 'person: {"account": "회원번호", "email": "이메일", "phone": "휴대폰"}'
    assert f"      # {person}\n" in text
    members_too = 'person: {"account": "회원번호", "email": "이메일"}'
    assert f"here too instead of customer_id: {members_too}" in text
    assert "# not used: 이메일수신동의; who agreed to what" in text
    assert 'people: {country: "82"}' in text
    written = text.replace(f"# {person}", person).replace("        customer_id: 회원번호", "        # its id")
    written = written.replace("    customers:\n", f"    customers:\n      {members_too}\n")
    path.write_text(written.replace("  tables:", '  people: {country: "82"}\n  tables:'), encoding="utf-8")
    snapshot, _ = loading.load(project, read_study(project, "kr"))
    who = pq.read_table(snapshot.path("order_lines")).to_pydict()["customer_id"]
    assert (len(set(who)), None in who) == (2, False)


@pytest.mark.parametrize("column", ["customer_name", "Buyer name", "first_name", "회원명"])
def test_a_persons_name_is_no_id(column: str) -> None:
    assert match({column: ["Kim Minsu"]}, "order_lines") == []


def test_a_product_called_as_a_till_makes_no_customer_one(project: Path) -> None:
    text = "order_id,order_date,member_id,sku,product name,qty,amount\n1,2024-01-02,7,A,Theke,1,5\n"
    (project / "data/raw/o.csv").write_text(text)
    assert "a till" not in new("x", "o.csv").output


def test_a_products_marks_are_those_of_both_factors(project: Path) -> None:
    text = "order_id;order_date;member_id;sku;qty;unit_price\n1;2024-01-02;7;A;1,500,000;2.50\n"
    (project / "data/raw/o.csv").write_text(text)
    assert new("x", "o.csv").exit_code == 0
    assert preview(project, read_study(project, "x"))[0].loaded == 1


def test_money_of_the_whole_order_is_said_and_a_partial_refund_is_no_whole_one(project: Path) -> None:
    rows = ["Name,Created at,Customer ID,Lineitem quantity,Lineitem price,Lineitem sku,Lineitem discount,"
            "Financial Status,Discount Amount,Refunded Amount"]  # fmt: skip
    for n in range(20):
        state = {3: "refunded", 4: "partially_refunded"}.get(n, "paid")
        back = {3: "15.00", 4: "10.00"}.get(n, "0.00")
        rows.append(f"#{n},2024-01-02 10:00:00,c{n},1,10.00,A,0.00,{state},{1 + n % 2}.00,{back}")
        rows.append(f"#{n},2024-01-02 10:00:00,c{n},1,5.00,B,0.50,,,")
    (project / "data/raw/web.csv").write_text("\n".join(rows))
    said = new("web", "web.csv").output
    assert "Discount Amount (10.0% of the amounts here) is of the whole order, and revenue too high" in said
    assert "Refunded Amount (8.3% of the amounts here) is of the whole order, and revenue too high" in said
    text = (project / "studies/web.yaml").read_text(encoding="utf-8")
    assert "# partially_refunded would take the whole order with it" in text
    assert 'leave_out: [{when: \'col("Financial Status") == "refunded"\', reason: no sale}]' in text
    less = next(line for line in text.splitlines() if "If it is to be taken off" in line)
    path = project / "studies/web.yaml"
    was = next(line for line in text.splitlines() if line.startswith("        amount: "))
    path.write_text(text.replace(was, "        amount: " + less.partition("amount: ")[2]), encoding="utf-8")
    snapshot, _ = loading.load(project, read_study(project, "web"))
    amounts = pq.read_table(snapshot.path("order_lines")).to_pydict()["amount"]
    assert float(sum(amounts)) == 20 * 14.5


def test_what_is_used_is_not_listed_as_unused(project: Path) -> None:
    text = (
        "order_id,order_date,Email,sku,qty,amount,Accepts e-mail newsletter\n1,2024-01-02,a@b.cd,A,1,5,yes\n"
    )
    (project / "data/raw/o.csv").write_text(text)
    said = new("x", "o.csv").output
    assert "person         email: Email (LOOK)" in said
    assert "  not used: Accepts e-mail newsletter\n" in said
    assert "not used: Email" not in (project / "studies/x.yaml").read_text()


def test_a_check_lists_what_nobody_confirmed(project: Path) -> None:
    shutil.copy(ROOT / "notebooks/04_churn.ipynb", project / "notebooks")
    (project / "data/raw/de.csv").write_text(GERMAN, encoding="utf-8")
    assert new("de", "de.csv").exit_code == 0
    checked = CliRunner().invoke(app, ["check", "de"]).output
    path = project / "studies/de.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    looks = [n for n, line in enumerate(lines, start=1) if "LOOK" in line]
    assert "  Not confirmed yet, in studies/de.yaml:" in checked
    assert [f"  line {n}: " in checked for n in looks] == [True] * len(looks)
    assert "timezone: Europe/Berlin # LOOK" in checked
    path.write_text("\n".join(lines).replace("LOOK", "seen"), encoding="utf-8")
    assert "Not confirmed" not in CliRunner().invoke(app, ["check", "de"]).output


def test_who_reads_no_further_gets_no_traceback(project: Path) -> None:
    (project / "data/raw/e.tsv").write_text(ENGLISH)
    command = [sys.executable, "-m", "crm_utils.command.cli", "new", "en", "--from", "data/raw/e.tsv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        reading.stdout.close()
        assert reading.stderr.read() == ""
    assert (project / "studies/en.yaml").is_file()


def test_a_file_a_month_is_looked_at_and_written_as_a_pattern(project: Path) -> None:
    (project / "data/raw/erp").mkdir()
    for month, customer, word in (("01", 7, "Loffel"), ("02", 8, "Löffel"), ("11", 9, "Löffel")):
        text = (
            "Belegnr;Belegdatum;Kundennr;Artikelnr;Bezeichnung;Menge;Betrag\n"
            f"B{month};15.{month}.2024;{customer};A;{word};1;1,05\n"
        )
        (project / f"data/raw/erp/Umsatz_2024-{month}.csv").write_bytes(text.encode("cp1252"))
    (project / "data/raw/erp/._Umsatz_2024-01.csv").write_bytes(b"\0")
    ended = new("de", "erp/Umsatz_*.csv")
    assert ended.exit_code == 0, ended.output
    assert "Umsatz_*.csv (csv) looks like order_lines" in ended.output
    (project / "data/raw/erp/._Umsatz_2024-01.csv").unlink()
    study = read_study(project, "de")
    assert (study.source["folder"], study.history_starts) == ("data/raw/erp", dt.date(2024, 1, 15))
    table = study.source["tables"]["order_lines"]
    assert (table["files"], table["encoding"]) == ("Umsatz_*.csv", "cp1252"), "the first file needs none"
    assert preview(project, study)[0].loaded == 3
    (project / "data/raw/erp/Umsatz_2024-12.csv").write_text("other;columns\n1;2\n")
    assert new("again", "erp/Umsatz_*.csv").exit_code == 0


def test_a_pattern_and_a_file_below_one_folder(project: Path) -> None:
    (project / "data/raw/a [1]").mkdir()
    (project / "data/raw/a [1]/o [2].tsv").write_text(ENGLISH)
    (project / "data/raw/members.csv").write_text("member_id,joined\n7,2024-01-02\n")
    assert new("en", "a [1]/o [2].tsv", "mem*.csv").exit_code == 0
    study = read_study(project, "en")
    assert study.source["folder"] == "data/raw"
    loaded = {table.name: table.loaded for table in preview(project, study)}
    assert loaded == {"order_lines": 1, "customers": 1}


def test_what_names_no_file_is_said(project: Path) -> None:
    assert "There is no file that matches data/raw/*.csv" in new("x", "*.csv").stderr
    assert "There is no file data/raw/o.csv" in new("x", "o.csv").stderr
    assert "data/raw is a folder" in new("x", "").stderr
    assert list((project / "studies").iterdir()) == []


def test_a_workbook_and_a_missing_column(project: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Sku", "Created at", "Lineitem quantity"], ["A", dt.datetime(2024, 1, 2, 9), 2]):
        book.active.append(row)
    book.save(project / "data/raw/b.xlsx")
    said = new("x", "b.xlsx").output
    assert "order_id       each row" in said
    assert "amount         0 (40% sure: no column of money" in said
    assert 'amount: {"constant": 0} # LOOK' in (project / "studies/x.yaml").read_text()
    assert "customer_id: ??? # LOOK" in (project / "studies/x.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"PAR1 and no more", "it is damaged, or no Parquet file"),
        ("a.xlsx", zipped(a__txt=b"no workbook")["orders.zip"], "it is damaged, or no .xlsx workbook"),
        ("a.csv", b'id,note\n1,"' + b"x" * 200_000, "Is a quotation mark not closed?"),
        ("a.csv", b"id,note\n1," + b"x" * 200_000 + b"\n", "is longer than 131,072 characters"),
        ("a.jsonl", b'{"id": 1}\n{"id": "' + b"x" * (17 << 20), "a.jsonl cannot be read"),
        ("a.jsonl", b'{"": 1, "id": 2}\n', "MISSING"),
    ],
)
def test_what_cannot_be_looked_at_is_said_in_a_sentence(
    project: Path, name: str, content: bytes, said: str
) -> None:
    (project / "data/raw" / name).write_bytes(content)
    ended = new("broken", name)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    assert said in ended.output + ended.stderr


@pytest.mark.parametrize("first", ["Kim Minsu,kim@example.com,Seoul", "Kim Minsu,+82 10-1234-5678,Seoul"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_person_of_a_file_without_a_header_is_not_written_down(
    project: Path, first: str, kind: str
) -> None:
    rows = [first, "Lee Jiwoo,lee@example.com,Busan"]
    if kind == "csv":
        (project / "data/raw/people.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row.split(","))
        book.save(project / "data/raw/people.xlsx")
    ended = new("people", f"people.{kind}")
    assert ended.exit_code == 0, ended.output
    text = (project / "studies/people.yaml").read_text(encoding="utf-8")
    assert 'names: ["column 1", "column 2", "column 3"]' in text
    for word in ("Kim", "kim@", "1234", "Seoul", "Lee"):
        assert word not in text + ended.output


def test_a_sheet_without_a_header_loads_by_the_names_that_are_proposed(project: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append([])
    for order in range(3):
        book.active.append([order, "2024-01-02", "c1", "A", 2, 9.5])
    book.save(project / "data/raw/b.xlsx")
    assert new("x", "b.xlsx").exit_code == 0
    text = (project / "studies/x.yaml").read_text(encoding="utf-8")
    columns = ["order_id", "ordered_at", "customer_id", "product_id", "quantity", "amount"]
    names = {name: f"column {n}" for n, name in enumerate(columns, start=1)}
    study = yaml.safe_load(text)
    study["source"]["tables"]["order_lines"]["columns"] = names
    (project / "studies/x.yaml").write_text(
        yaml.safe_dump(study | {"timezone": "UTC", "currency": "KRW", "history_starts": "2024-01-01"})
    )
    assert preview(project, read_study(project, "x"))[0].loaded == 3


def test_the_line_that_tells_excel_the_mark_and_times_of_utc_are_seen(project: Path) -> None:
    rows = ["sep=;", "order_id;created_at;customer_id;sku;qty;total"]
    rows += [f"{n};2024-01-0{n} 20:00:00 UTC;C{n};A;1;{n}.00" for n in range(1, 9)]
    (project / "data/raw/o.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert new("xl", "o.csv").exit_code == 0
    text = (project / "studies/xl.yaml").read_text(encoding="utf-8")
    assert "skip: 1" in text
    assert "ordered_at: created_at # " in text
    study = read_study(project, "xl")
    assert study.history_starts == dt.date(2024, 1, 1)
    snapshot, _ = loading.load(project, study)
    times = pq.read_table(snapshot.path("order_lines"))["ordered_at"].to_pylist()
    assert times[0] == dt.datetime(2024, 1, 1, 20)


def test_files_and_names_that_cannot_be(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (project / "data/raw/e.tsv").write_text(ENGLISH)
    assert new("en", "e.tsv").exit_code == 0
    again = new("en", "e.tsv")
    assert (again.exit_code, "There is a study 'en' already" in again.stderr) == (2, True)
    assert new("No Name", "e.tsv").exit_code == 2
    assert new("gone", "gone.csv").exit_code == 2
    far = tmp_path_factory.mktemp("far") / "e.tsv"
    far.write_text(ENGLISH)
    ended = CliRunner().invoke(app, ["new", "far", "--from", str(far)])
    assert (ended.exit_code, "Copy it to data/raw/ first" in ended.stderr) == (2, True)
    assert not (project / "studies/far.yaml").exists()


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["2024-01-02 10:00"], "iso"),
        (["2024-01-02 10:00:00 UTC", "2024-01-02 10:00:00.5 UTC"], "iso"),
        (["2024-01-02T10:00:00Z"], "%Y-%m-%dT%H:%M:%S%z"),
        (["02.01.2024", "31.12.2023"], "%d.%m.%Y"),
        (["1/31/2024 8:05"], "%m/%d/%Y %H:%M"),
        (["31/01/24"], "%d/%m/%y"),
        (["20240131"], "%Y%m%d"),
        (["2024.01.31 08:05"], "%Y.%m.%d %H:%M"),
    ],
)
def test_dates_are_told_by_their_form(values: list[str], form: str) -> None:
    guess = dates_of(values)
    assert guess is not None
    assert (guess.value, guess.sure) == (form, 1.0)


def test_what_is_no_date_or_number_is_none() -> None:
    assert dates_of(["12", "13"]) is None
    assert dates_of([]) is None
    assert marks_of(["a", "1"]) is None


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        (["1.50", "-2"], {}),
        (["1,234.50", "3"], {"thousands": ","}),
        (["1,5", "2"], {"decimal": ","}),
        (["1.234,50"], {"decimal": ",", "thousands": "."}),
        (["1 234,50", "3"], {"decimal": ",", "thousands": " "}),
        (["€ 1.50"], {"signs": "€"}),
    ],
)
def test_marks_of_numbers(values: list[str], marks: dict[str, str]) -> None:
    assert marks_of(values) == marks


def test_the_mark_between_values_and_how_sure_it_is() -> None:
    assert delimiter_of(["a;b,c", "1;2,3", "4;5,6"], "x.csv").value in (";", ",")
    assert delimiter_of(["a;b", "1;2,5", "3;4"], "x.csv").value == ";"
    assert delimiter_of(["alone", "x"], "x.csv").sure == 0


def test_a_column_is_used_once_and_a_person_never() -> None:
    columns = {"Customer E-mail": ["a@b.c"], "Order": ["1"], "Order No": ["2"], "Qty": ["1"], "Price": ["2"]}
    sources = {m.target: m.source for m in match(columns, "order_lines")}
    assert sources == {"order_id": "Order No", "quantity": "Qty", "amount": "Qty * Price"}


def test_a_count_is_no_amount_and_a_share_no_discount() -> None:
    """Seen: Total_Items was the revenue, Discount_Pct and 0.15 the money of a coupon."""
    many = ["3", "1", "2", "5"] * 5
    columns = {"Total_Items": many, "Total_Cost": ["71.65", "25.93", "8.10", "9.00"] * 5}
    sources = {m.target: m.source for m in match(columns, "order_lines")}
    assert (sources["amount"], sources["quantity"]) == ("Total_Cost", "Total_Items")
    for name, values in {"discount": ["0.0", "0.15"] * 10, "Discount_Pct": many}.items():
        assert "discount" not in {m.target for m in match({name: values}, "order_lines")}
    assert "discount" in {m.target for m in match({"discount": ["0.00", "2.50"] * 10}, "order_lines")}
