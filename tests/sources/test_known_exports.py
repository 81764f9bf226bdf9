"""crm new knows what it looks at: known exports by their headers, and kinds of files that fit none."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from crm_utils import loading
from crm_utils.command.cli import app
from crm_utils.errors import DataError
from crm_utils.proposal.profiles import PROFILES, profile_of
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("studies", "notebooks", "data/raw"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "0123456789abcdef" * 4)
    return tmp_path


def proposed(project: Path, *files: str, **texts: str) -> str:
    """The study that crm new writes for these files; without what notebook 04 assumes."""
    for name, text in texts.items():
        (project / f"data/raw/{name}.csv").write_text(text, encoding="utf-8")
    asked = files or tuple(f"data/raw/{name}.csv" for name in texts)
    ended = CliRunner().invoke(app, ["new", "s", *[part for file in asked for part in ("--from", file)]])
    assert ended.exit_code == 0, ended.output
    path = project / "studies/s.yaml"
    path.write_text(path.read_text("utf-8").partition("notebooks:")[0], encoding="utf-8")
    return path.read_text("utf-8")


def load(project: Path, *edits: tuple[str, str]) -> Snapshot:
    path = project / "studies/s.yaml"
    text = path.read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return loading.load(project, read_study(project, "s"))[0]


def lines(snapshot: Snapshot) -> dict[str, list[object]]:
    return pq.read_table(snapshot.path("order_lines")).to_pydict()


def revenue(snapshot: Snapshot) -> Decimal:
    return sum(lines(snapshot)["amount"], Decimal(0))  # type: ignore[arg-type]


SHOPIFY = """Name,Email,Financial Status,Subtotal,Shipping,Taxes,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku
#1,ann@example.org,paid,30.00,5.00,3.00,38.00,2026-01-24 17:34:28 +0500,2,Cream,10.00,C
#1,,,,,,,2026-01-24 17:34:28 +0500,1,Soap,10.00,S
#2,bob@example.org,refunded,10.00,5.00,1.00,16.00,2026-01-25 17:34:28 +0500,1,Soap,10.00,S
"""  # noqa: E501
SQUARE = """Date,Time,Time Zone,Category,Item,Qty,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,Event Type,Location,Customer ID
2026-10-05,10:15:00,Eastern,Mugs,Mug,1.0,,$45.00,-$5.00,$40.00,$3.20,T1,Payment,Main,C1
2026-10-05,10:15:00,Eastern,Mugs,Plate,2.0,,$40.00,$0.00,$40.00,$3.20,T1,Payment,Main,C1
2026-10-06,11:40:00,Eastern,Mugs,Mug,-1.0,,-$45.00,$5.00,-$40.00,-$3.20,T2,Refund,Main,
"""  # noqa: E501
STRIPE = """id,Created (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Customer Email,Description
p1,2026-07-01 23:30:00,100.00,0.00,usd,Paid,c1,a@example.org,Pro
p2,2026-07-02 09:00:00,50.00,20.00,usd,Paid,c2,b@example.org,
p3,2026-07-03 09:00:00,70.00,0.00,usd,Failed,c3,c@example.org,Pro
"""
ETSY = """Sale Date,Item Name,Buyer,Quantity,Price,Discount Amount,Order Shipping,Item Total,Currency,Listing ID,Order ID
09/03/26,"Mug, blue",jane,2,34.00,3.00,8.00,68.00,CAD,15,91
09/14/26,Plate,marion,1,30.00,0,4.50,30.00,CAD,16,92
"""  # noqa: E501
AMAZON = """amazon-order-id,purchase-date,order-status,product-name,sku,quantity,currency,item-price,item-tax
1,2026-06-17T08:04:21+00:00,Shipped,Lamp,A,3,EUR,60.00,9.00
2,2026-06-18T08:04:21+00:00,Shipped,Desk,B,1,EUR,20.00,3.00
"""
AMAZON_HISTORY = """Website,Order ID,Order Date,Currency,Unit Price,Unit Price Tax,Total Owed,ASIN,Quantity,Product Name
Amazon.com,1,2026-06-17T08:04:21Z,USD,20.00,2.00,66.00,B01,3,Lamp
Amazon.com,2,2026-06-18T08:04:21Z,USD,20.00,2.00,22.00,B02,1,Desk
"""  # noqa: E501
MAGENTO = """item_id,status,created_at,sku,price,qty_ordered,grand_total,increment_id,discount_amount,Customer ID
1,complete,7/1/2016,A,100,2,260,1001,0,7
2,complete,7/13/2016,B,60,1,260,1001,0,7
"""  # noqa: E501
WOO = """Order Number,Order Status,Order Date,Email (Billing),Order Shipping Amount,Order Total Amount,SKU,Item Name,Quantity (- Refund),Item Cost
11,completed,2026-01-15 10:00,ann@example.org,5.00,45.00,A,Lamp,2,15.00
11,completed,2026-01-15 10:00,ann@example.org,5.00,45.00,B,Desk,1,10.00
"""  # noqa: E501
SUPERSTORE = """Row ID,Order ID,Order Date,Customer ID,Customer Name,Product ID,Product Name,Sales,Quantity,Discount
1,A-1,11/8/2016,C-1,Dee Example,P-1,Bookcase,261.96,2,0.2
2,A-2,12/18/2016,C-2,Eve Example,P-2,Chair,731.94,3,0
"""  # noqa: E501
SUPERMARKET = """Invoice ID,Branch,Customer type,Product line,Unit price,Quantity,Tax 5%,Total,Date,Time,cogs
750,A,Member,Health,10.00,2,1.00,21.00,1/5/2019,13:08,20.00
226,C,Normal,Sports,5.00,2,0.50,10.50,3/28/2019,10:29,10.00
"""
SMARTSTORE = """상품주문번호,주문번호,판매채널,구매자명,구매자ID,주문상태,상품번호,상품명,수량,상품가격,판매자 부담 할인액,상품별 총 주문금액,배송비 합계,주문일시
1,11,스마트스토어,홍**,ab12****,배송완료,51,머그컵,2,12000,2000,22000,3000,2021-01-05 10:10:01
2,11,스마트스토어,홍**,ab12****,배송완료,52,접시,1,9000,0,9000,0,2021-01-05 10:10:01
3,12,스마트스토어,김**,cd34****,취소,51,머그컵,1,12000,0,12500,3000,2021-01-07 19:59:01
"""  # noqa: E501
CAFE24 = """주문번호,품목별 주문번호,주문일시,주문자명,주문자ID,상품번호,주문상품명,수량,판매가,상품구매금액(KRW),총 결제금액(KRW)
20260105-1,20260105-1-01,2026-01-05 10:00:00,홍,kim1,7,컵,2,5000,10000,16000
20260105-1,20260105-1-02,2026-01-05 10:00:00,홍,kim1,8,접시,1,3000,3000,16000
"""  # noqa: E501
COUPANG = """번호,묶음배송번호,주문번호,주문일,등록상품명,노출상품ID,옵션ID,결제액,배송비,구매수(수량),옵션판매가(판매단가),구매자,구매자전화번호
1,55,9001,2026-01-05 10:00:00,컵,71,81,10000,3000,2,5000,홍,0502-1234-5678
2,56,9002,2026-01-06 10:00:00,접시,72,82,3000,3000,1,3000,김,0502-1234-9999
"""  # noqa: E501
#: File, what it is called, revenue with what crm new marks as no sale left out, customers, orders.
KNOWN = {
    "shopify": (SHOPIFY, "Shopify orders", "40.00", 2, 2),
    "square": (SQUARE, "Square items", "40.00", 1, 2),
    "stripe": (STRIPE, "Stripe payments", "130.00", 2, 2),
    "etsy": (ETSY, "Etsy sold items", "98.00", 2, 2),
    "amazon": (AMAZON, "Amazon orders (Seller Central)", "80.00", 0, 2),
    "history": (AMAZON_HISTORY, "Amazon order history", "80.00", 0, 2),
    "magento": (MAGENTO, "Magento order items", "260.00", 1, 1),
    "woocommerce": (WOO, "WooCommerce orders (Advanced Order Export)", "40.00", 1, 1),
    "superstore": (SUPERSTORE, "Superstore", "993.90", 2, 2),
    "supermarket": (SUPERMARKET, "supermarket sales (Kaggle)", "30.00", 0, 2),
    "smartstore": (SMARTSTORE, "Naver SmartStore orders", "31000.00", 1, 1),
    "cafe24": (CAFE24, "Cafe24 orders", "13000.00", 1, 1),
    "coupang": (COUPANG, "Coupang orders (WING)", "13000.00", 0, 2),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_export_loads_as_it_is_proposed(project: Path, name: str) -> None:
    text, called, money, customers, orders = KNOWN[name]
    study = proposed(project, **{name: text})
    assert called in study
    edits = [] if "# leave_out: " not in study else [("# leave_out: ", "leave_out: ")]
    # Shopify says the state on an order's first line alone; what was refunded there is one line.
    if name == "shopify":
        edits = []
    snapshot = load(project, *edits)
    loaded = lines(snapshot)
    assert revenue(snapshot) == Decimal(money)
    assert len({c for c in loaded["customer_id"] if c}) == customers
    assert len(set(loaded["order_id"])) == orders
    assert snapshot.manifest["tables"]["order_lines"]["quarantined"] == 0
    everything = b"".join(path.read_bytes() for path in snapshot.folder.rglob("*") if path.is_file())
    assert not any(
        person.encode() in everything for person in ("example.org", "Dee", "홍", "0502-1234", "jane")
    )


def test_every_profile_fills_the_contract_from_its_own_columns() -> None:
    for profile in PROFILES:
        columns = {name: ["1"] for name in profile.needs}
        assert profile_of(columns) is not None
        joined = {"Olist order items"}  # whose day stands in another file
        wanted = {"order_id", "ordered_at", "product_id", "quantity", "amount"}
        assert wanted <= profile.columns.keys() or profile.name in joined


def test_a_date_and_an_order_are_orders_though_no_amount_is_there(project: Path) -> None:
    text = "Date,Time,Transaction,Item\n2016-10-30,09:58:11,1,Bread\n2016-10-30,10:05:34,2,Scone\n"
    study = proposed(project, bakery=text)
    assert "order_lines:" in study
    assert 'amount: {"constant": 0} # LOOK' in study
    snapshot = load(project)
    assert [str(at) for at in lines(snapshot)["ordered_at"]] == ["2016-10-30 09:58:11", "2016-10-30 10:05:34"]


@pytest.mark.parametrize("head", ["cust,date,num,dol", "customer_id,order_date,qty,revenue"])
def test_orders_without_numbers_are_those_of_a_customer_and_day(project: Path, head: str) -> None:
    rows = "".join(f"c{n % 4},2024-01-{1 + n:02},1,{n}.50\n" for n in range(12))
    assert "LOOK: 50% sure: no column of order numbers" in proposed(project, orders=f"{head}\n{rows}")
    snapshot = load(project)
    assert len(set(lines(snapshot)["order_id"])) == 12
    assert len(set(lines(snapshot)["customer_id"])) == 4


def test_what_a_file_is_can_be_said(project: Path) -> None:
    (project / "data/raw/x.csv").write_text("sku,name,price\nA,Lamp,5\n")
    asked = ["new", "s", "--from", "orders=data/raw/x.csv"]
    assert "looks like order_lines" in CliRunner().invoke(app, asked).output
    wrong = CliRunner().invoke(app, ["new", "t", "--from", "order=data/raw/x.csv"])
    assert (wrong.exit_code, "no table 'order'. Did you mean" in wrong.output) == (2, True)


def test_lines_above_the_header_are_skipped(project: Path) -> None:
    text = "Sales Report;;;\nPeriod: 01/07/2026;;;\n\nOrder Date;Order ID;Buyer;Order Amount\n"
    text += "01/07/2026;O-1;a***n;RM 1,234.56\n13/07/2026;O-3;c***z;(RM 50.00)\n"
    study = proposed(project, report=text)
    assert "skip: 3 # LOOK" in study
    assert "currency: MYR" in study
    assert revenue(load(project)) == Decimal("1184.56")


def test_lines_above_the_header_of_a_workbook_are_skipped(project: Path) -> None:
    book = openpyxl.Workbook()
    rows = [["매출 보고서"], [], ["order_id", "order_date", "customer_id", "sku", "qty", "amount"]]
    for row in [*rows, *[[f"O{n}", f"2024-01-{n:02}", f"c{n % 3}", "P", 1, 10.5] for n in range(1, 20)]]:
        book.active.append(row)
    book.save(project / "data/raw/x.xlsx")
    assert "skip: 2" in proposed(project, "data/raw/x.xlsx")
    assert load(project).manifest["tables"]["order_lines"]["loaded"] == 19


def test_long_numbers_of_a_workbook_keep_their_digits(project: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["order_id", "order_date", "customer_id", "sku", "qty", "amount"])
    for n in range(30):
        typed = 123456789012345000 if n == 7 else 2024010112345678 + n % 3
        book.active.append([f"O{n}", f"2024-01-{1 + n:02}", float(typed), "P", 1, 10.5])
    book.save(project / "data/raw/x.xlsx")
    proposed(project, "data/raw/x.xlsx")
    snapshot = load(project, ("set_aside_at_most: 0.01", "set_aside_at_most: 0.1"))
    assert set(lines(snapshot)["customer_id"]) == {f"202401011234567{n}" for n in "89"} | {"2024010112345680"}
    assert list(snapshot.manifest["tables"]["order_lines"]["quarantined_by_reason"]) == [
        "customer_id was shortened by a spreadsheet (such as 1.2E+12)"
    ]


HEADERS = "order_id,date,time\n1,2015-01-01,11:38:36\n2,2015-01-01,11:57:40\n"
DETAILS = "line,order_id,pizza_id,quantity,price\n1,1,haw,1,10.00\n2,2,dlx,1,12.00\n3,2,che,2,9.00\n"


def test_headers_and_lines_are_joined_by_their_key(project: Path) -> None:
    study = proposed(project, details=DETAILS, orders=HEADERS)
    assert 'join: [{"files": "orders.csv", "by": "order_id"}] # LOOK' in study
    snapshot = load(project)
    assert (revenue(snapshot), len(set(lines(snapshot)["order_id"]))) == (Decimal("40.00"), 2)
    inputs = {item["name"]: item["rows"] for item in snapshot.manifest["inputs"]}
    assert inputs == {"details.csv": 3, "orders.csv": 2}


def test_lines_without_a_header_are_set_aside_and_a_key_that_is_there_twice_is_refused(project: Path) -> None:
    proposed(project, details=DETAILS + "4,9,haw,1,10.00\n", orders=HEADERS)
    path = project / "data/raw/orders.csv"
    snapshot = load(project, ("set_aside_at_most: 0.01", "set_aside_at_most: 0.5"))
    counts = snapshot.manifest["tables"]["order_lines"]
    assert counts["quarantined_by_reason"] == {"orders.csv has no row of this order_id": 1}
    path.write_text(HEADERS + "2,2015-01-02,09:00:00\n")
    with pytest.raises(DataError, match="1 values of 'order_id' stand there more than once"):
        load(project)
    path.write_text("id,date,time\n1,2015-01-01,11:38:36\n")
    with pytest.raises(DataError, match="the data have no column 'order_id'"):
        load(project)


def test_three_files_are_joined_one_after_the_other(project: Path) -> None:
    items = "order_id,order_item_id,product_id,seller_id,price,freight_value\n"
    items += "1,1,A,s,10.00,2.00\n2,1,B,s,5.00,2.00\n"
    orders = "order_id,customer_id,order_status,order_purchase_timestamp\n"
    orders += "1,k1,delivered,2017-10-02 10:56:33\n2,k2,delivered,2017-10-03 10:56:33\n"
    people = "customer_id,customer_unique_id,customer_city\nk1,u1,x\nk2,u1,y\n"
    study = proposed(project, items=items, orders=orders)
    assert "Olist order items" in study
    (project / "data/raw/people.csv").write_text(people)
    snapshot = load(
        project,
        ('join: [{"files": "orders.csv", "by": "order_id"}]',
         'join: [{files: orders.csv, by: order_id}, {files: people.csv, by: customer_id}]'),
        ("customer_id: customer_id", "customer_id: customer_unique_id"),
    )  # fmt: skip
    assert set(lines(snapshot)["customer_id"]) == {"u1"}


def test_a_kind_of_customer_is_no_customer(project: Path) -> None:
    rows = "".join(f"{n},2024-01-{1 + n:02},{'AB'[n % 2]},Member,p,1,5\n" for n in range(20))
    study = proposed(project, orders="order_id,order_date,customer,Customer type,sku,qty,amount\n" + rows)
    assert "customer_id: ???" in study


def test_a_name_is_the_only_customer(project: Path) -> None:
    rows = "A,2016-11-08,Dee Example,Lamp,5,1\nB,2016-11-09,Eve Example,Desk,6,1\n"
    rows += "C,2016-12-09,Dee Example,Desk,6,1\n"
    study = proposed(project, orders=f"Order No,Order Date,Customer Name,Product Name,Total,Qty\n{rows}")
    assert 'person: {"buyer": "Customer Name"} # LOOK' in study
    assert "two people of one name become one customer" in study
    snapshot = load(project)
    assert len(set(lines(snapshot)["customer_id"])) == 2
    assert b"Dee" not in snapshot.path("order_lines").read_bytes()


def test_a_phone_without_a_country_gives_way_to_a_name_and_check_counts_who_is_lost(project: Path) -> None:
    rows = "1,2024-01-01,A,1,5,Toys Inc.,2125550001\n2,2024-01-02,A,1,5,Reims,26.47.0001\n"
    rows += "3,2024-01-03,A,1,5,Lyon,+33 1 46 62 0001\n4,2024-01-04,A,1,5,Rome,6265550002\n"
    head = "order_id,order_date,sku,qty,amount,CUSTOMERNAME,PHONE\n"
    assert 'person: {"buyer": "CUSTOMERNAME"}' in proposed(project, orders=head + rows)
    path = project / "studies/s.yaml"
    path.write_text(path.read_text("utf-8").replace('{"buyer": "CUSTOMERNAME"}', '{"phone": "PHONE"}'))
    said = CliRunner().invoke(app, ["check", "s"]).output
    assert "3 of 4 rows would have no customer: PHONE cannot be read without people: {country" in said


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (["13/01/2024", "01/14/2024", "02/01/2024"], "both orders"),
        (["2024-01-02", "2024-01-03", "13/01/2024", "14/01/2024"], "may have turned day and month"),
    ],
)
def test_dates_of_two_kinds_are_to_be_looked_at(project: Path, dates: list[str], said: str) -> None:
    rows = "".join(f"{n},{day},c{n},A,1,5\n" for n, day in enumerate(dates))
    study = proposed(project, orders="order_id,order_date,customer_id,sku,qty,amount\n" + rows)
    line = next(line for line in study.splitlines() if "ordered_at:" in line)
    assert "LOOK" in line
    assert said in line


def test_numbers_that_begin_anew_are_asked_with_the_line_to_write(project: Path) -> None:
    rows = "".join(f"{n % 20},2024-01-{1 + n % 20:02},{s}{n},A,1,5,{s}\n" for s in "XY" for n in range(20))
    study = proposed(project, orders="receipt_no,order_date,customer_id,sku,qty,amount,till\n" + rows)
    assert "receipt_no is the same in several of till" in study
    assert '# If so, order_id: {"columns": ["till", "receipt_no"]}' in study


def test_an_amount_beside_tax_and_shipping_is_asked(project: Path) -> None:
    text = "order_id,order_date,customer_id,sku,qty,amount,Tax,Shipping\n1,2024-01-01,c,A,1,12.00,2.00,3.00\n"
    assert "LOOK: is amount with Tax, Shipping?" in proposed(project, orders=text)


@pytest.mark.parametrize(
    ("state", "word"),
    [("Zustand", "Storniert"), ("Zustand", "Zurückgesandt"), ("상태", "결제실패"), ("状態", "キャンセル"),
     ("state", "Failed"), ("state", "Voided")],
)  # fmt: skip
def test_states_of_many_languages_are_asked(project: Path, state: str, word: str) -> None:
    text = f"order_id,order_date,customer_id,sku,qty,amount,{state}\n1,2024-01-01,c,A,1,12,ok\n"
    assert f"{state} says {word}: are these sales?" in proposed(
        project, orders=text + f"2,2024-01-02,c,A,1,12,{word}\n"
    )
