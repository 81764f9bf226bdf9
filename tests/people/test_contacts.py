"""What reaches people, and what only looks so: a corpus of both, a peer library, and numbers at random."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable, Iterator

import ibis
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from crm_utils.errors import DataError, StudyError
from crm_utils.people.contact_forms import contacts_in, hidden
from crm_utils.people.contacts import contact_columns, masked, masked_columns, refuse_contacts, refuse_names


@pytest.fixture(scope="module")
def con() -> Iterator[Backend]:
    con = ibis.duckdb.connect()
    yield con
    con.disconnect()


#: One contact each, as people write it, and what is left of the text.
WRITTEN = {
    # Phones: dashes, blanks and digits of every kind, with and without the country's code and its +.
    "010-1234-5678": "[phone]",
    "010 - 1234 - 5678": "[phone]",
    "010–1234–5678": "[phone]",
    "010—1234—5678": "[phone]",
    "010‑1234‑5678": "[phone]",
    "010−1234−5678": "[phone]",
    "010ㅡ1234ㅡ5678": "[phone]",
    "010ー1234ー5678": "[phone]",
    "010·1234·5678": "[phone]",
    "010.1234.5678": "[phone]",
    "010_1234_5678": "[phone]",
    "010/1234/5678": "[phone]",
    "010\u00a01234\u00a05678": "[phone]",
    "010\u30001234\u30005678": "[phone]",
    "010\u200b1234\u200b5678": "[phone]",
    "０１０－１２３４－５６７８": "[phone]",
    "٠١٠-١٢٣٤-٥٦٧٨": "[phone]",
    "(010) 1234-5678": "[phone]",
    "01012345678": "[phone]",
    "1012345678": "[phone]",
    "10-1234-5678": "[phone]",
    "821012345678": "[phone]",
    "+821012345678": "[phone]",
    "+82 (0)10 1234 5678": "[phone]",
    "＋８２ １０ １２３４ ５６７８": "[phone]",
    "82-10-1234-5678": "[phone]",
    "0082 10 1234 5678": "[phone]",
    "0049 (0)30 / 901820": "[phone]",
    "+49 30/123456": "[phone]",
    "02-123-4567": "[phone]",
    "(02) 123-4567": "[phone]",
    "031 123 4567": "[phone]",
    "0212345678": "[phone]",
    "0503-0000-0001": "[phone]",
    "070-1234-5678": "[phone]",
    "09012345678": "[phone]",
    "06 12 34 56 78": "[phone]",
    "06.12.34.56.78": "[phone]",
    "0151 23456789": "[phone]",
    "020 7946 0958": "[phone]",
    "098765 43210": "[phone]",
    "131 2345 6789": "[phone]",
    "(415) 555-2671": "[phone]",
    "415.555.2671": "[phone]",
    "1-800-555-2671": "[phone]",
    "4155551000": "[phone]",
    "14155552671": "[phone]",
    "no,010-1234-5678": "no,[phone]",
    "02-123-4567 (home)": "[phone] (home)",
    "폰010-1234-5678로 전화": "폰[phone]로 전화",
    "Tel.+82-10-1234-5678": "Tel.[phone]",
    "call 612 345 678": "call [phone]",
    "order 7, phone no. 1012345678": "order 7, phone no. [phone]",
    "12 010-1234-5678 02-123-4567": "12 [phone] [phone]",
    "010-1234-5678,010-1234-5679": "[phone],[phone]",
    '{"a":"kim.h@example.co.kr","b":"010-1234-5678"}': '{"a":"[email]","b":"[phone]"}',
    "Mug for Zaphira 010-8765-4321": "Mug for Zaphira [phone]",
    "orders Kim 010-2468-1357.csv": "orders Kim [phone].csv",
    # E-mails.
    "mail kim@example.com!": "mail [email]!",
    "kim.lee+shop@mail.example.co.kr.": "[email].",
    "김하늘@예시.한국": "[email]",
    '"kim lee"@example.com': "[email]",
    "kim＠example.com": "[email]",
    "kim＠example．com": "[email]",
    "kim @ example.com": "[email]",
    "kim%40example.com": "[email]",
    "kim&#64;example.com": "[email]",
    "kim@exa_mple.com": "[email]",
    "kim (at) example.com": "[email]",
    "kim [at] example [dot] com": "[email]",
    "mailto:kim@example.com": "mailto:[email]",
    "Kim <kim@example.com>": "[email]",
    '"Kim, Minsu" <kim@example.com>': "[email]",
    "김민수 <kim@example.com>에게": "[email]에게",
    "01012345678@example.com": "[email]",
    # Resident registration numbers and cards.
    "900101-1234567": "[id number]",
    "900101-1234568": "[id number]",
    "900101 - 1234567": "[id number]",
    "９００１０１－１２３４５６７": "[id number]",
    "050317-3234567": "[id number]",
    "9001011234568": "[id number]",
    "11010519491231002X": "[id number]",
    "4111 1111 1111 1111": "[card number]",
    "4111-1111-1111-1111": "[card number]",
    "4111111111111111": "[card number]",
    "3782 822463 10005": "[card number]",
    "5555.5555.5555.4444": "[card number]",
}  # fmt: skip
#: What is no contact, however it looks.
NOT = [
    "2024-01-15 09:30:00.123456", "2024-01-15T09:30:00", "01/02/2024 10:30", "01-02-2024", "15.01.24 10:30",
    "2024. 01. 15", "2024.01.15 10:30 - 2024.01.16 11:30", "0000-00-00 00:00:00", "20240115 to 20240116",
    "order 20240115001234", "20240101-0001234", "2024011500", "202401150012", "order 240115-1234567",
    "240115-1234567", "order no. 1012345678", "#1012345678", "주문번호 1012345678", "SKU 4155551000",
    '{"order_id":"1012345678","sku":"4155551000"}', "AB-1012345678", "01-234-5678A", "A-010-1234",
    "001-0012-0457", "007-0009-2303", "168-0012-0497", "0000012345", "0012345678905",
    "8801234567893", "4006381333931", "978-3-16-148410-0", "3-598-21500-2", "ISBN 0-19-853453-1",
    "0.1234567890 and 3.01234567891", "1,234,567,890", "1.234.567,89", "12 345 678", "+12.50",
    "1012345678원", "1,012,345,678 KRW", "₩1012345678", "$4155551000", "2 @ 3.50 each", "@home, a@b",
    "550e8400-e29b-41d4-a716-446655440000", "00612443-2396-1375-e5ec-c8b3a88994de",
    "37.566535, 126.977969", "192.168.100.200", "123-45-67890", "1588-1234", "120 x 200 x 45 mm",
    "4111 1111 1111 1112", "1234 5678 9012 3456", "https://example.com/p/1012345678", "v1.10.2024",
]  # fmt: skip


def test_contacts_are_hidden_however_they_are_written(con: Backend) -> None:
    assert {text: hidden(text) for text in WRITTEN} == WRITTEN
    table = con.create_table(
        "given", pa.table({"n": range(len(WRITTEN)), "v": list(WRITTEN)}), overwrite=True
    )
    texts = con.to_pyarrow(table.select("n", v=masked(table.v)).order_by("n"))["v"].to_pylist()
    assert texts == list(WRITTEN.values()), "the engine's first look lets none of them pass"


def test_what_is_no_contact_stays_as_it_is() -> None:
    assert [hidden(text) for text in NOT] == NOT


def test_digits_alone_stay_in_names_of_products() -> None:
    names = ["LEGO 4155551000", "Refill 1012345678", "Cable 0212345678"]
    assert [hidden(name, bare=False) for name in names] == names
    assert hidden("Refill 010-1234-5678, kim@example.com", bare=False) == "Refill [phone], [email]"


EXAMPLES = [
    (region, number)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]
#: Countries whose numbers are known by their groups, without a word or a code before them.
BY_GROUPS = ["KR", "US", "CA", "GB", "DE", "FR", "JP", "ES", "IT", "AU", "BR", "IN", "CN", "NL", "SE", "TW",
             "TH", "VN"]  # fmt: skip


@pytest.mark.parametrize(
    "style", [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966]
)
def test_every_countrys_numbers_with_a_plus(style: int) -> None:
    """Google's library has an example for each region."""
    texts = [phonenumbers.format_number(number, style) for _, number in EXAMPLES]
    assert len(texts) > 450
    shown = [text for text in texts if sum(map(str.isdecimal, hidden(f"see {text} ok"))) > 0]
    assert [t for t in shown if sum(map(str.isdecimal, t)) > 8] == [], (
        "but those of islands with a few digits"
    )


@pytest.mark.parametrize("region", BY_GROUPS)
def test_a_countrys_own_way_of_writing(region: str) -> None:
    for _, number in (example for example in EXAMPLES if example[0] == region):
        text = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        assert hidden(f"see {text} ok") == "see [phone] ok"


def test_behind_a_phones_word_any_number_is_hidden() -> None:
    for _, number in EXAMPLES:
        text = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        if sum(map(str.isdecimal, text)) >= 7:
            assert sum(map(str.isdecimal, hidden(f"Tel. {text}"))) == 0, text


@settings(max_examples=200, deadline=None)
@given(
    digits=st.text("0123456789", min_size=7, max_size=7),
    gap=st.sampled_from([" ", "-", "–", "—", "‑", "−", "ㅡ", ".", "·", "_", "/", " - ", "\u00a0", "\u3000"]),
    code=st.sampled_from(["010", "+82 10", "+82(0)10", "82-10", "０１０", "0082-10"]),
    around=st.sampled_from(
        [("", ""), ("tel:", ""), ("(", ")"), ("Kim ", ", thanks"), ("전화 ", "입니다"), ('"', '"')]
    ),
)
def test_a_korean_mobile_number_in_any_gap(digits: str, gap: str, code: str, around: tuple[str, str]) -> None:
    text = f"{around[0]}{code}{gap}2{digits[:3]}{gap}{digits[3:]}{around[1]}"
    assert "[phone]" in hidden(text)
    assert not any(c.isdecimal() for c in hidden(text)), hidden(text)


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_hiding_is_done_once_and_leaves_the_rest(text: str) -> None:
    once = hidden(text)
    assert hidden(once) == once
    assert (once == text) == (not contacts_in(text)) or len(text) < 6


def _gtin(rng: random.Random, body: str, length: int) -> str:
    digits = body + "".join(rng.choice("0123456789") for _ in range(length - 1 - len(body)))
    return digits + str(-sum(int(d) * (1 if n % 2 else 3) for n, d in enumerate(reversed(digits))) % 10)


def _day(rng: random.Random) -> dt.date:
    return dt.date(2015, 1, 1) + dt.timedelta(days=rng.randrange(4_000))


#: Numbers of things, at random: order numbers, articles, receipts, dates, amounts.
THINGS: dict[str, Callable[[random.Random], str]] = {
    "day and number": lambda r: f"{_day(r):%Y%m%d}-{r.randrange(10 ** r.choice([4, 5, 6, 7])):04}",
    "day and number in one": lambda r: f"{_day(r):%Y%m%d}{r.randrange(10**6):06}",
    "moment": lambda r: f"{_day(r):%Y%m%d}{r.randrange(10**6):06}",
    "EAN-13": lambda r: _gtin(r, r.choice(["880", "40", "50", "49", "690", "30", "54", "87"]), 13),
    "UPC": lambda r: _gtin(r, r.choice("0678"), 12),
    "EAN-8": lambda r: _gtin(r, "", 8),
    "SKU": lambda r: f"{''.join(r.choices('ABCDEFGH', k=3))}-{r.randrange(10**4):04}-{r.randrange(10**4):04}",
    "article": lambda r: f"{r.randrange(100, 1000)}-{r.randrange(100, 1000)}-{r.randrange(1000):03}",
    "receipt": lambda r: f"{r.randrange(1, 300):03}-{r.randrange(1, 20):04}-{r.randrange(1, 3000):04}",
    "time": lambda r: (
        f"{_day(r)} {r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}.{r.randrange(10**6):06}"
    ),
    "d/m/y": lambda r: f"{_day(r):%d/%m/%Y} {r.randrange(24):02}:{r.randrange(60):02}",
    "m-d-y": lambda r: f"{_day(r):%m-%d-%Y}",
    "days": lambda r: f"{_day(r):%Y.%m.%d} ~ {_day(r):%Y.%m.%d}",
    "amount": lambda r: f"{r.uniform(0, 10**9):,.2f}",
    "amount with blanks": lambda r: f"{r.randrange(10**9):,}".replace(",", " "),
    "won": lambda r: f"{r.randrange(10**10)}원",
    "share": lambda r: repr(r.random()),
    "UUID": lambda r: str(uuid.UUID(int=r.getrandbits(128))),
    "hash": lambda r: f"{r.getrandbits(64):016x}",
    "place": lambda r: f"{r.uniform(-90, 90):.6f}, {r.uniform(-180, 180):.6f}",
    "8 digits": lambda r: str(r.randrange(10**7, 10**8)),
    "9 digits": lambda r: str(r.randrange(10**8, 10**9)),
    "10 digits, one after another": lambda r: str(10**9 + r.randrange(10**6)),
}


@pytest.mark.parametrize("name", THINGS)
def test_numbers_of_things_are_neither_hidden_nor_refused(name: str) -> None:
    rng = random.Random(18)
    made = [THINGS[name](rng) for _ in range(1_000)]
    assert (
        sum(hidden(text) != text for text in made) <= 1
    )  # a chance of one in thousands: a right check digit
    for column in ("customer_id", "order_id", "product_id"):
        assert contact_columns(ibis.memtable(pa.table({column: made}))) == {}, column


@pytest.mark.parametrize("digits", [10, 11, 12, 13, 15, 16])
def test_ids_of_digits_at_random_load(digits: int) -> None:
    rng = random.Random(digits)
    made = [str(rng.randrange(10 ** (digits - 1), 10**digits)) for _ in range(1_000)]
    assert contact_columns(ibis.memtable(pa.table({"customer_id": made, "order_id": made}))) == {}
    assert [hidden(f"order no. {number}") for number in made] == [f"order no. {number}" for number in made]
    assert [n for n in made if hidden(n, bare=False) != n] == [] or digits in (
        13,
        15,
        16,
    )  # a right check digit


def _mobiles(rng: random.Random, pattern: str, n: int = 200) -> list[str | None]:
    return [f"{pattern}{rng.randrange(2 * 10**7, 10**8):08}" for _ in range(n)]


RNG = random.Random(5)
#: Values of an id, its column, and what they are found to be.
COLUMNS: dict[str, tuple[str, list[str | None], str | None]] = {
    "mobile": ("customer_id", ["010-1234-5678", "01098765432", None, "011 234 5678"], "phone"),
    "landline": ("customer_id", ["02-123-4567", "031 123 4567"], "phone"),
    "abroad": ("customer_id", ["+49 (30) 1234-567", "+821012345678"], "phone"),
    "one in a hundred": ("customer_id", ["010-1234-5678", *map(str, range(99))], "phone"),
    "with a remark": ("customer_id", ["02-123-4567 (home)"], "phone"),
    "the zero lost": ("customer_id", ["1012345678"], "phone"),
    "the zero lost, many": ("customer_id", _mobiles(RNG, "10"), "phone"),
    "country's code": ("customer_id", _mobiles(RNG, "8210"), "phone"),
    "digits alone": ("customer_id", _mobiles(RNG, "010"), "phone"),
    "america": ("customer_id", ["(415) 555-1000", "415-555-1000", "1-800-555-1000"], "phone"),
    "america, digits alone": (
        "customer_id", [f"415{RNG.randrange(2 * 10**6, 10**7)}" for _ in range(200)], "phone",
    ),
    "half digits alone": ("customer_id", [*_mobiles(RNG, "010", 50), *(f"C{n}" for n in range(40))], "phone"),
    "few digits alone": ("customer_id", [*_mobiles(RNG, "010", 5), *(f"C{n}" for n in range(40))], None),
    "email": ("customer_id", ["a@example.com", "b@example.com"], "email"),
    "one email of many": ("customer_id", ["a@example.com", *map(str, range(5_000))], "email"),
    "email in an order's id": ("order_id", ["x a@example.com", *map(str, range(50))], "email"),
    "with a name": ("customer_id", ["Kim <kim@example.com>"], "email"),
    "resident": ("customer_id", ["900101-1234567"], "id number"),
    "resident in one": ("customer_id", ["9001011234568"], "id number"),
    "card": ("customer_id", ["4111-1111-1111-1111"], "card number"),
    "names": ("customer_id", ["Kim Minsu", "Claire Gute", "Darrin Van Huff"], "name"),
    "korean names": ("customer_id", ["홍길동", "김하늘", "남궁민수"], "name"),
    "companies": ("customer_id", ["Acme Trading Ltd", "Blue Shop", "Kim & Sons Co"], None),
    "masked by the shop": ("customer_id", ["ab12****", "홍**"], None),
    "ids with letters": ("customer_id", ["CG-12520", "DV-13045"], None),
    "one after another": ("customer_id", [str(1_012_345_678 + n) for n in range(300)], None),
    "one after another, a zero in front": ("customer_id", [f"0{212_345_678 + n}" for n in range(300)], None),
    "phones as an order's id": ("order_id", ["010-1234-5678"], "phone"),
    "orders": ("order_id", ["0000012345", "20240101-0001234", "1012345678"], None),
    "articles": ("product_id", ["01-234-5678A", "A-010-1234", "0212345678901", "0212345678"], None),
    "half": ("phone", ["010-1234-5678", "none given"], "phone"),
    "few": ("phone", ["010-1234-5678", "none given", "not yet"], None),
    "emails": ("contact", ["a@example.com", "b@example.com", "-"], "email"),
    "a review": ("text", ["a@example.com"], None),
    "day": ("birthday", ["2024-01-15", "01-02"], None),
    "nothing": ("customer_id", [None, None], None),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_that_reach_people_are_told_from_ids(con: Backend, name: str) -> None:
    column, values, kind = COLUMNS[name]
    table = con.create_table("given", pa.table({column: pa.array(values, pa.string())}), overwrite=True)
    assert contact_columns(masked_columns(table)) == ({column: kind} if kind else {})


def test_every_row_is_looked_at_and_not_the_first(con: Backend) -> None:
    ids = [f"C{n}" for n in range(150_000)]
    for late, kind in (
        (["late@example.com"], "email"),
        ([f"010-{n}-1234" for n in range(2000, 3000)], "phone"),
    ):
        table = con.create_table("given", pa.table({"customer_id": ids + late}), overwrite=True)
        assert contact_columns(table) == {"customer_id": kind}


def test_the_sentence_says_what_to_write(con: Backend) -> None:
    table = con.create_table("given", pa.table({"customer_id": ["Kim Minsu"]}), overwrite=True)
    with pytest.raises(
        DataError, match="order_lines.customer_id holds names of persons, which no snapshot may"
    ):
        refuse_contacts(table, "order_lines")


@pytest.mark.parametrize(
    "heading",
    [
        "Customer Name",
        "customer_name",
        "Name",
        "Full name",
        "CUSTOMERNAME",
        "구매자명",
        "고객 이름",
        "お名前",
    ],
)
def test_a_heading_that_says_names_is_no_customer_id(heading: str) -> None:
    for how in (heading, {"column": heading}):
        with pytest.raises(StudyError, match="by its heading it holds names of persons"):
            refuse_names({"tables": {"order_lines": {"columns": {"customer_id": how, "product_id": "Name"}}}})


@pytest.mark.parametrize(
    "heading", ["Customer", "username", "Company name", "Account Name", "고객번호", "nickname"]
)
def test_other_headings_are_let_be(heading: str) -> None:
    refuse_names({"tables": {"order_lines": {"columns": {"customer_id": heading}}}})
    refuse_names({"kind": "demo_shop"})
