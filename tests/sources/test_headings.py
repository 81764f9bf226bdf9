"""Headings that no list holds, days and encodings of other countries: what crm new makes of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from crm_utils import loading
from crm_utils.errors import DataError
from crm_utils.loading.preview import look
from crm_utils.proposal import propose, summary
from crm_utils.proposal.matching import match
from crm_utils.proposal.roots import plain_name
from crm_utils.proposal.words import language
from crm_utils.study import read_study

ORDERS, CUSTOMERS, LINES = 60, 20, 3


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("studies", "notebooks", "raw"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(day: str = "{y}-{m:02}-{d:02}", money: str = "{}.50") -> list[list[str]]:
    """Sixty orders of twenty customers, three lines each; numbers of orders begin at 5001."""
    return [
        [str(5001 + o), day.format(y=2024, m=1 + o % 12, d=1 + o % 28), f"K{o % CUSTOMERS}", f"A{o % 7}{n}",
         "2", money.format(10 + n)]
        for o in range(ORDERS)
        for n in range(LINES)
    ]  # fmt: skip


def seen(
    project: Path, heading: list[str], lines: list[list[str]], *, mark: str = ";", encoding: str = "utf-8"
) -> tuple[tuple[int, int, int, float], str]:
    """Orders, known customers, products and revenue of the study that is proposed, and what is said."""
    text = "\n".join(mark.join(row) for row in [heading, *lines])
    (project / "raw/o.csv").write_text(text, encoding=encoding)
    study, tables = propose([Path("raw/o.csv")], project, "s")
    (project / "studies/s.yaml").write_text(study.partition("notebooks:")[0], encoding="utf-8")
    facts = look(project, read_study(project, "s"))[1].facts
    return (facts.orders, facts.customers, facts.products, float(facts.revenue)), "\n".join(summary(tables))


RIGHT = (ORDERS, CUSTOMERS, 21, ORDERS * (10.5 + 11.5 + 12.5))
SHOPS = {
    "German": "Auftrags-Nr.;Auftragsdatum;Kd.-Nr.;Art.-Nr.;Menge;Gesamt",
    "a till": "Bon;Datum;Kundenkarte;Artikel;Anz.;Summe",
    "French": "N° commande;Date de commande;N° client;Référence;Quantité;Total TTC",
    "Spanish": "Nº Pedido;Fecha;Cód. cliente;Artículo;Cant.;Importe",
    "Italian": "N. ordine;Data ordine;Codice cliente;Codice articolo;Q.tà;Totale riga",
    "Dutch": "Bestelling nr;Datum;Klantnummer;Artikel;Aantal;Totaal",
    "Polish": "Nr zamówienia;Data;Nr klienta;Kod produktu;Ilość;Wartość",
    "Korean": "주문번호;주문일자;고객코드;품목코드;주문수량;실결제금액",
    "Japanese": "受注番号;受注日;会員ID;商品番号;数量;小計",
    "an ERP": "PO;Invoice Date;Account;Part No;Qty Shipped;Extended Price",
    "no words": "f1;f2;f3;Item;Qty;Total",
}


@pytest.mark.parametrize("shop", SHOPS)
def test_headings_are_read_by_their_parts(project: Path, shop: str) -> None:
    lines = rows()
    random.Random(1).shuffle(lines)
    assert seen(project, SHOPS[shop].split(";"), lines)[0] == RIGHT


@pytest.mark.parametrize(
    "day",
    ["{y}년 {m}월 {d}일", "{y}年{m:02}月{d:02}日", "{y}. {m:02}. {d:02}", "{y}{m:02}{d:02}093000",
     "Mar {d:02}, {y}, 09:15 AM"],
)  # fmt: skip
def test_days_are_read_as_shops_elsewhere_write_them(project: Path, day: str) -> None:
    assert seen(project, SHOPS["no words"].split(";"), rows(day))[0] == RIGHT


def test_seconds_since_1970_are_a_day_and_phone_numbers_none(project: Path) -> None:
    lines = [[*row[:1], str(1_704_067_200 + (int(row[0]) - 5_001) * 86_400), *row[2:]] for row in rows()]
    heading = ["invoice", "created", "customer", "plan", "qty", "amount_paid"]
    assert seen(project, heading, lines)[0] == RIGHT
    assert [m.target for m in match({"created": ["1012345678", "1023456789"]}, "order_lines")] == []


def test_what_is_said_of_an_order_or_a_customer_numbers_neither() -> None:
    said = {
        "Order Status": ["paid", "open"], "Order Total": ["5.00", "6.00"], "Customer City": ["Ulm", "Bonn"],
        "Customer since": ["2020-01-01", "2021-01-01"], "고객등급": ["VIP", "일반"],
    }  # fmt: skip
    matched = {m.target: m.source for m in match(said, "order_lines")}
    assert not matched.keys() & {"order_id", "customer_id"}
    assert plain_name("コード") == "コード"


def test_days_of_something_else_are_not_the_orders(project: Path) -> None:
    """Nothing says when it was bought: a birthday or a shipping day is not taken for it."""
    heading = ["Order", "Ship Date", "Client", "Item", "Qty", "Total"]
    (project / "raw/o.csv").write_text(
        "\n".join(",".join(row) for row in [heading, *rows()]), encoding="utf-8"
    )
    assert "ordered_at" in propose([Path("raw/o.csv")], project, "s")[1][0].missing


@pytest.mark.parametrize(
    ("heading", "is_name"), [("Nom du client", True), ("お名前", True), ("Teléfono", True)]
)
def test_people_are_told_by_headings_of_other_languages(heading: str, is_name: bool) -> None:
    values = ["Anna", "Ben"] * 10
    assert ("customer_id" not in {m.target for m in match({heading: values}, "order_lines")}) is is_name
    assert ("name" not in {m.target for m in match({heading: values}, "products")}) is is_name


@pytest.mark.parametrize(
    ("encoding", "heading", "product"),
    [
        ("cp932", SHOPS["Japanese"], "お茶"),
        ("cp1252", SHOPS["German"], "Größe"),
        ("cp1251", "Номер заказа;Дата;Код клиента;Товар;Количество;Сумма", "Чай"),
    ],
)  # fmt: skip
def test_encodings_of_windows_are_proposed(project: Path, encoding: str, heading: str, product: str) -> None:
    lines = [[*row[:3], product + row[3], *row[4:]] for row in rows()]
    facts, said = seen(project, heading.split(";"), lines, encoding=encoding)
    assert f"encoding       {encoding}" in said
    assert facts == RIGHT


def test_german_and_chinese_bytes_are_no_korean(project: Path) -> None:
    """Both decode as CP949, strictly: as hanja, or Hangul and hanja by turns."""
    columns = "{order_id: o, ordered_at: d, product_id: p, quantity: {constant: 1}, amount: {constant: 1}}"
    source = (
        f"  kind: files\n  folder: raw\n  tables: {{order_lines: {{files: o.csv, columns: {columns}}}}}\n"
    )
    study = f"title: S\nsource:\n{source}"
    (project / "studies/s.yaml").write_text(
        study + "timezone: UTC\ncurrency: EUR\nas_of: latest\nhistory_starts: 2024-01-01\n", encoding="utf-8"
    )
    for product, encoding in (("Größe", "cp1252"), ("中文商品订单数量", "gb2312")):
        (project / "raw/o.csv").write_text(f"o,d,p\n1,2024-01-01,{product}\n" * 1, encoding=encoding)
        with pytest.raises(DataError, match="beyond doubt"):
            loading.load(project, read_study(project, "s"))
    (project / "raw/o.csv").write_text("o,d,p\n1,2024-01-01,大韓 니트 상품 모자\n", encoding="cp949")
    loading.load(project, read_study(project, "s"))


def test_a_file_without_money_has_amounts_of_nothing(project: Path) -> None:
    heading = SHOPS["no words"].split(";")[:5]
    assert seen(project, heading, [row[:5] for row in rows()])[0] == (*RIGHT[:3], 0.0)


def test_lists_within_a_row_are_no_product_and_are_told(project: Path) -> None:
    items = [{"sku": "A", "to": "kim@example.com"}]
    lines = [
        {"id": row[0], "created_at": row[1], "customer": row[2], "total": row[5], "items": items}
        for row in rows()[::LINES]
    ]
    (project / "raw/o.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    text, tables = propose([Path("raw/o.jsonl")], project, "s")
    assert (tables[0].source("order_id"), tables[0].source("product_id")) == ("id", '"order"')
    assert "items holds a list in each row" in text


def test_whole_amounts_of_a_money_with_cents_are_asked_for(project: Path) -> None:
    lines = [[*row, "usd"] for row in rows(money="{}00")]
    heading = [*SHOPS["an ERP"].split(";"), "Currency"]
    assert "are these cents" in seen(project, heading, lines)[1]
    assert "are these cents" not in seen(project, heading, [[*row, "usd"] for row in rows()])[1]


def test_good_customers_who_follow_each_other_are_no_tills(project: Path) -> None:
    orders = [n for n in range(40) for _ in range(1 + 60 // (n + 1) // 2)]
    lines = [[str(o), f"2024-01-{1 + o % 28:02}", f"{n}", "tea", "1", "5.00"] for o, n in enumerate(orders)]
    heading = SHOPS["an ERP"].split(";")
    heading[2] = "customer_id"
    smooth = [[*row[:2], str(100 + int(row[2])), *row[3:]] for row in lines if row[2] != "0"]
    assert "a till, and no customer" not in seen(project, heading, smooth)[1]
    tills = [[str(9000 + n), "2024-02-01", "999", "tea", "1", "5.00"] for n in range(60)]
    assert "has 999 on" in seen(project, heading, [*smooth, *tills])[1]


def test_japanese_files_are_in_yen(project: Path) -> None:
    assert language(["受注番号", "小計"]) == "ja"
    heading = SHOPS["Japanese"].split(";")
    (project / "raw/o.csv").write_text(
        "\n".join(",".join(row) for row in [heading, *rows()]), encoding="utf-8"
    )
    text = propose([Path("raw/o.csv")], project, "s")[0]
    assert "timezone: Asia/Tokyo" in text
    assert "currency: JPY" in text
