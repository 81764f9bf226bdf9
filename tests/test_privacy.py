"""Pseudonyms against Python's hmac; phone numbers against Google's library; no text shows the key."""

from __future__ import annotations

import hmac
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend

from crm_utils import privacy
from crm_utils.contacts import contact_columns, masked
from crm_utils.errors import StudyError
from crm_utils.privacy import KEY_NAME, Key, normalised, pseudonym, read_key

SECRET = "correct horse battery staple, 32+"


@pytest.fixture(scope="module")
def con() -> Iterator[Backend]:
    con = ibis.duckdb.connect()
    privacy.prepare(con, Key(SECRET.encode()))
    yield con
    con.disconnect()


def each(con: Backend, change: Callable[[ir.StringValue], ir.StringValue], values: list[str]) -> list[Any]:
    """What an expression makes of each value, in one query."""
    table = con.create_table("given", pa.table({"n": range(len(values)), "v": values}), overwrite=True)
    found: list[Any] = con.to_pyarrow(table.select("n", v=change(table.v)).order_by("n"))["v"].to_pylist()
    return found


def phones(con: Backend, values: list[str], country: str = "82") -> list[Any]:
    return each(con, lambda v: normalised(v, "phone", country=country), values)


def by_python(secret: bytes, text: str) -> str:
    digest = hmac.new(secret, text.encode(), "sha256").hexdigest()
    return "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digest[:20])


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.text(), min_size=1, max_size=20), secret=st.binary(min_size=32, max_size=200))
def test_a_pseudonym_is_pythons_hmac(con: Backend, values: list[str], secret: bytes) -> None:
    values = [v.encode(errors="ignore").decode() for v in values]  # Arrow refuses lone surrogates
    privacy.prepare(con, Key(secret))
    found = each(con, lambda v: pseudonym(v, "card"), values)
    privacy.prepare(con, Key(SECRET.encode()))
    assert found == [by_python(secret, f"card:{v}") for v in values]
    assert found == [Key(secret).pseudonym("card", v) for v in values]


def test_a_pseudonym_has_20_letters_and_null_stays_null(con: Backend) -> None:
    found, nothing = each(con, lambda v: pseudonym(v, "email"), ["a", None])
    assert (len(found), set(found) <= set("abcdefghijklmnop"), nothing) == (20, True, None)


def test_equal_text_of_two_kinds_has_two_pseudonyms() -> None:
    key = Key(SECRET.encode())
    assert key.pseudonym("card", "7") != key.pseudonym("account", "7")


def test_another_key_gives_other_pseudonyms_and_another_fingerprint() -> None:
    one, other = Key(b"a" * 32), Key(b"b" * 32)
    assert one.pseudonym("email", "a@b.kr") != other.pseudonym("email", "a@b.kr")
    assert one.fingerprint == Key(b"a" * 32).fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, f"{KEY_NAME} is not set in the environment"),
        ({KEY_NAME: "  "}, f"{KEY_NAME} is not set in the environment"),
        ({KEY_NAME: "hunter2"}, f"{KEY_NAME} is too short (7 characters, fewer than 32) in the environment"),
    ],
)
def test_without_a_key_it_is_refused(environment: dict[str, str], said: str) -> None:
    with pytest.raises(StudyError, match="Make a key once") as refused:
        read_key(environment)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_nothing_shows_the_key(con: Backend) -> None:
    key = Key(SECRET.encode())
    assert SECRET not in f"{key!r} {key}"
    query = ibis.to_sql(pseudonym(ibis.literal("a"), "email"), dialect="duckdb")
    with pytest.raises(duckdb.Error) as error:
        con.con.execute(f"{query.rstrip()} + 1 FROM nowhere")
    for text in (query, str(error.value), con.con.execute("FROM duckdb_functions()").fetchall()):
        assert SECRET not in str(text)
        assert SECRET.encode().hex() not in str(text)
    assert SECRET.encode() in pickle.dumps(key)  # the test above would see it


EMAILS = {
    "Kim@Example.COM": "kim@example.com",
    "  kim@example.com\t": "kim@example.com",
    "kim＠example．com": "kim@example.com",
    "김하늘@예시.한국": "김하늘@예시.한국",
    "kim+shop@mail.example.co.kr": "kim+shop@mail.example.co.kr",
    "kim@localhost": None,
    "kim example.com": None,
    "a@b@example.com": None,
    "kim@example.com, lee@example.com": None,
    "-": None,
    "": None,
}


def test_emails(con: Backend) -> None:
    found = each(con, lambda v: normalised(v, "email"), list(EMAILS))
    assert dict(zip(EMAILS, found, strict=True)) == EMAILS


KOREAN = [
    "010-1234-5678", "01012345678", "010 1234 5678", "010.1234.5678", "+82 10-1234-5678", "+821012345678",
    "+82 (0)10-1234-5678", "+82 010 1234 5678", "82-10-1234-5678", "821012345678", "0082 10 1234 5678",
    "1012345678", "０１０－１２３４－５６７８", "Tel. 010-1234-5678", "010-1234-5678 (집)",
    "010-1234-5678 / 02-123-4567", "010-1234-5678 ext. 9",
]  # fmt: skip
NO_PHONES = ["000-0000-0000", "010-0000-0000", "12", "none", "", "+", "010-1234-5678" * 3, "@"]


def test_one_korean_number_however_it_is_typed(con: Backend) -> None:
    assert dict(zip(KOREAN, phones(con, KOREAN), strict=True)) == dict.fromkeys(KOREAN, "+821012345678")


def test_what_is_no_phone_number(con: Backend) -> None:
    assert dict(zip(NO_PHONES, phones(con, NO_PHONES), strict=True)) == dict.fromkeys(NO_PHONES)


def test_without_a_country_only_international_numbers_can_be_told(con: Backend) -> None:
    found = phones(con, ["010-1234-5678", "+82 10 1234 5678", "0082 10 1234 5678"], country="")
    assert found == [None, "+821012345678", "+821012345678"]


@pytest.mark.parametrize("region", ["KR", "US", "GB", "DE", "FR", "JP", "ES", "IT", "AU", "BR", "IN", "CN"])
def test_phones_agree_with_googles_library(con: Backend, region: str) -> None:
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    styles = phonenumbers.PhoneNumberFormat
    wanted = {
        phonenumbers.format_number(number, style): phonenumbers.format_number(number, styles.E164)
        for number in (phonenumbers.example_number_for_type(region, kind) for kind in kinds)
        for style in (styles.E164, styles.INTERNATIONAL, styles.NATIONAL)
    }
    found = phones(con, list(wanted), country=str(phonenumbers.country_code_for_region(region)))
    assert dict(zip(wanted, found, strict=True)) == wanted


@settings(max_examples=30, deadline=None)
@given(digits=st.text("0123456789", min_size=7, max_size=8), gaps=st.text("- .", min_size=11, max_size=11))
def test_gaps_in_a_phone_number_change_nothing(con: Backend, digits: str, gaps: str) -> None:
    number = "010" + digits
    spread = "".join(digit + gap for digit, gap in zip(number, gaps, strict=False))
    one, other = phones(con, [number, spread])
    assert one == other


def test_ids_keep_their_zeros_and_case(con: Backend) -> None:
    assert each(con, lambda v: normalised(v, "card"), [" 007aB ", "  "]) == ["007aB", None]


MASKED = {
    "mail kim@example.com!": "mail [email]!",
    '{"a":"kim.h@example.co.kr","b":"010-1234-5678"}': '{"a":"[email]","b":"[phone]"}',
    "+82 (0)10 1234 5678, 02-123-4567": "[phone], [phone]",
    "01012345678": "[phone]",
    "2024-01-15 09:30:00.123456": "2024-01-15 09:30:00.123456",
    "order 20240115001234": "order 20240115001234",
    "0.1234567890 and 3.01234567891": "0.1234567890 and 3.01234567891",
    "@home, a@b": "@home, a@b",
    "0000-00-00 00:00:00": "0000-00-00 00:00:00",
    "call (415) 555-2671, 1-800-555-2671 or +49 30/123456": "call [phone], [phone] or [phone]",
}


def test_masked_text_shows_neither_email_nor_phone(con: Backend) -> None:
    assert dict(zip(MASKED, each(con, masked, list(MASKED)), strict=True)) == MASKED


#: Values of a column, and what they are found to be: numbers that are none must not stop a load.
COLUMNS: dict[str, tuple[list[str | None], str | None]] = {
    "mobile": (["010-1234-5678", "01098765432", None, "011 234 5678"], "phone"),
    "landline": (["02-123-4567", "031 123 4567"], "phone"),
    "abroad": (["+49 (30) 1234-567", "+821012345678"], "phone"),
    "half": (["010-1234-5678", "none given"], "phone"),
    "few": (["010-1234-5678", "none given", "not yet"], None),
    "america": (["(415) 555-1000", "415-555-1000", "1-800-555-1000"], "phone"),
    "slash": (["+49 30/123456"], "phone"),
    "email": (["a@example.com", "b@example.com"], "email"),
    "few emails": (["a@example.com", *map(str, range(60))], "email"),
    "isbn": (["978-3-16-148410-0", "3-598-21500-2"], None),
    "ean": (["0012345678905", "0212345678901"], None),
    "order": (["0000012345", "20240101-0001234"], None),
    "day": (["2024-01-15", "01-02-2024"], None),
    "amount": (["+12.50", "0.123456789"], None),
    "article": (["01-234-5678A", "A-010-1234"], None),
    "nothing": ([None, None], None),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_that_reach_people_are_told_from_ids(con: Backend, name: str) -> None:
    values, kind = COLUMNS[name]
    table = con.create_table("given", pa.table({name: pa.array(values, pa.string())}), overwrite=True)
    assert contact_columns(table) == ({name: kind} if kind else {})
