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

from crm_utils.errors import StudyError
from crm_utils.people import pseudonyms
from crm_utils.people.pseudonyms import KEY_NAME, Key, normalised, pseudonym, read_key

SECRET = "correct horse battery staple, 32+"


@pytest.fixture(scope="module")
def con() -> Iterator[Backend]:
    con = ibis.duckdb.connect()
    pseudonyms.prepare(con, Key(SECRET.encode()))
    yield con
    con.disconnect()


def each(con: Backend, change: Callable[[ir.StringValue], ir.StringValue], values: list[str]) -> list[Any]:
    """What an expression makes of each value, in one query."""
    table = con.create_table("given", pa.table({"n": range(len(values)), "v": values}), overwrite=True)
    made: list[Any] = con.to_pyarrow(table.select("n", v=change(table.v)).order_by("n"))["v"].to_pylist()
    return made


def phones(con: Backend, values: list[str], country: str = "82") -> list[Any]:
    return each(con, lambda v: normalised(v, "phone", country=country), values)


def by_python(secret: bytes, text: str) -> str:
    digest = hmac.new(secret, text.encode(), "sha256").hexdigest()
    return "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digest[:20])


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.text(), min_size=1, max_size=20), secret=st.binary(min_size=32, max_size=200))
def test_a_pseudonym_is_pythons_hmac(con: Backend, values: list[str], secret: bytes) -> None:
    values = [v.encode(errors="ignore").decode() for v in values]  # Arrow refuses lone surrogates
    pseudonyms.prepare(con, Key(secret))
    ours = each(con, lambda v: pseudonym(v, "card"), values)
    pseudonyms.prepare(con, Key(SECRET.encode()))
    assert ours == [by_python(secret, f"card:{v}") for v in values]
    assert ours == [Key(secret).pseudonym("card", v) for v in values]


def test_a_pseudonym_has_20_letters_and_null_stays_null(con: Backend) -> None:
    letters, nothing = each(con, lambda v: pseudonym(v, "email"), ["a", None])
    assert (len(letters), set(letters) <= set("abcdefghijklmnop"), nothing) == (20, True, None)


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
    normal = each(con, lambda v: normalised(v, "email"), list(EMAILS))
    assert dict(zip(EMAILS, normal, strict=True)) == EMAILS


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
    numbers = phones(con, ["010-1234-5678", "+82 10 1234 5678", "0082 10 1234 5678"], country="")
    assert numbers == [None, "+821012345678", "+821012345678"]


@pytest.mark.parametrize("region", ["KR", "US", "GB", "DE", "FR", "JP", "ES", "IT", "AU", "BR", "IN", "CN"])
def test_phones_agree_with_googles_library(con: Backend, region: str) -> None:
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    styles = phonenumbers.PhoneNumberFormat
    wanted = {
        phonenumbers.format_number(number, style): phonenumbers.format_number(number, styles.E164)
        for number in (phonenumbers.example_number_for_type(region, kind) for kind in kinds)
        for style in (styles.E164, styles.INTERNATIONAL, styles.NATIONAL)
    }
    numbers = phones(con, list(wanted), country=str(phonenumbers.country_code_for_region(region)))
    assert dict(zip(wanted, numbers, strict=True)) == wanted


@settings(max_examples=30, deadline=None)
@given(digits=st.text("0123456789", min_size=7, max_size=8), gaps=st.text("- .", min_size=11, max_size=11))
def test_gaps_in_a_phone_number_change_nothing(con: Backend, digits: str, gaps: str) -> None:
    number = "010" + digits
    spread = "".join(digit + gap for digit, gap in zip(number, gaps, strict=False))
    one, other = phones(con, [number, spread])
    assert one == other


def test_ids_keep_their_zeros_and_case(con: Backend) -> None:
    assert each(con, lambda v: normalised(v, "card"), [" 007aB ", "  "]) == ["007aB", None]
