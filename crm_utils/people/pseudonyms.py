"""How do identifiers stay out of the data? Keyed pseudonyms (HMAC-SHA-256), made in the engine.

Source: HMAC is RFC 2104; a keyed hash, unlike a bare one, cannot be undone by trying all phone numbers.
The key comes from the environment, and no text ever shows it: neither a query nor an error holds it.
Values are normalised first, so that one person's e-mail or phone gives one pseudonym however it is typed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import ibis
import ibis.backends.duckdb
import ibis.expr.types as ir

from crm_utils.errors import StudyError

__all__ = [
    "EMAIL",
    "KEY_NAME",
    "Key",
    "normalised",
    "prepare",
    "pseudonym",
    "read_key",
]

#: The environment's variable that holds the key.
KEY_NAME = "CRM_PSEUDONYM_KEY"
#: A key shorter than this could be found by trying; secrets.token_hex(32) gives 64.
_LEAST_KEY = 32
#: 20 letters of 16 kinds are 80 bits: among 100 million people two share one with a chance of 4 in a billion.
_LENGTH = 20
#: Letters for the hash's hexadecimal digits. A pseudonym of digits, or one like 12e45…, becomes a number in
#: Excel and in readers that guess; one of letters alone stays what it is.
_DIGITS, _LETTERS = "0123456789abcdef", "abcdefghijklmnop"
#: HMAC's block for SHA-256, in bytes.
_BLOCK = 64

_WIDE, _PLAIN = (
    "０１２３４５６７８９＋＠．－　",
    "0123456789+@.- ",
)  # as Korean and Japanese keyboards write them
#: An e-mail address; no more than that is asked of it.
EMAIL = r"[^@\s,;:<>\"'()\[\]{}]+@[\p{L}\p{N}.-]+\.[\p{L}\p{N}-]*\p{L}"
#: The number itself: what stands before an extension, a second number or a remark.
_FIRST_NUMBER = r"^[^0-9+]*(\+?[^\p{L}#,;/~]*)"
#: A number that ends like this was typed to fill the field.
_FILLER = "|".join(f"{digit}{{8,}}$" for digit in "0123456789")
#: E.164: at most 15 digits, country included; shorter than 8 is no subscriber's number.
_PHONE_DIGITS = r"^\+[1-9][0-9]{7,14}$"
#: Countries that keep the zero after their code.
_KEEPS_ZERO = frozenset({"39", "378"})


@dataclass(frozen=True)
class Key:
    """The secret that pseudonyms are made with; printing it shows nothing of it."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Tells one key from another without giving it away: a snapshot remembers it."""
        return self.pseudonym("fingerprint", "")

    def pseudonym(self, kind: str, value: str) -> str:
        """One value's pseudonym, in Python: for a few values, where :func:`pseudonym` is for columns."""
        digest = hmac.new(self.secret, f"{kind}:{value}".encode(), "sha256").hexdigest()
        return digest[:_LENGTH].translate(str.maketrans(_DIGITS, _LETTERS))


def read_key(environment: Mapping[str, str] = os.environ) -> Key:
    """The key from the environment.

    Parameters
    ----------
    environment
        Variables by name; the process's own by default.

    Returns
    -------
    Key

    Raises
    ------
    StudyError
        The variable is not set, or its value is too short to be a secret. The text never shows the value.

    Examples
    --------
    >>> read_key({"CRM_PSEUDONYM_KEY": "0123456789abcdef" * 4})
    Key()
    """
    value = environment.get(KEY_NAME, "").strip()
    if len(value) < _LEAST_KEY:
        wrong = f"is too short ({len(value)} characters, fewer than {_LEAST_KEY})" if value else "is not set"
        raise StudyError(
            f"The study names identifiers of people, and {KEY_NAME} {wrong} in the environment. Make a key "
            'once, with python -c "import secrets; print(secrets.token_hex(32))", keep it outside this '
            "folder, and set it before every load: another key gives other pseudonyms."
        )
    return Key(value.encode())


def prepare(con: ibis.backends.duckdb.Backend, key: Key) -> None:
    """Teach a DuckDB the function behind :func:`pseudonym`, under this key.

    The key goes in as a parameter and stays in two variables of the connection (HMAC's inner and outer
    blocks), so that no query's text, and hence no error's, holds it.
    """
    secret = key.secret if len(key.secret) <= _BLOCK else hashlib.sha256(key.secret).digest()
    for name, pad in (("crm_inner", 0x36), ("crm_outer", 0x5C)):
        block = bytes(byte ^ pad for byte in secret.ljust(_BLOCK, b"\0"))
        con.con.execute(f"SET VARIABLE {name} = ?::BLOB", [block])
    con.con.execute(
        "CREATE OR REPLACE TEMP MACRO crm_pseudonym(text) AS translate(left(sha256(getvariable('crm_outer') "
        "|| unhex(sha256(getvariable('crm_inner') || encode(text)))), "
        f"{_LENGTH}), '{_DIGITS}', '{_LETTERS}')"
    )


@ibis.udf.scalar.builtin(name="crm_pseudonym", signature=(("string",), "string"))
def _crm_pseudonym(text):  # type: ignore[no-untyped-def]  # DuckDB's macro: only its name and types count
    ...


def pseudonym(value: ir.StringValue, kind: str) -> ir.StringValue:
    """The pseudonym of each value: 20 letters from a to p, the same for the same kind, value and key.

    Parameters
    ----------
    value
        Text, normalised (see :func:`normalised`); null stays null.
    kind
        What the value is, such as ``email``: equal text of two kinds has two pseudonyms.

    Returns
    -------
    ibis string
        The first 80 bits of HMAC-SHA-256(key, "kind:value"), a letter for each four bits. It needs a
        connection that :func:`prepare` was called with.

    Notes
    -----
    About 3 µs a value: take the distinct values first, and join.

    Examples
    --------
    >>> con = ibis.duckdb.connect()
    >>> key = Key(b"k" * 32)
    >>> prepare(con, key)
    >>> con.execute(pseudonym(ibis.literal("kim@example.com"), "email"))
    'geccmpdlpbadodofapfk'
    >>> key.pseudonym("email", "kim@example.com")
    'geccmpdlpbadodofapfk'
    """
    return _crm_pseudonym(ibis.literal(f"{kind}:") + value)


def normalised(value: ir.StringValue, kind: str, *, country: str = "") -> ir.StringValue:
    """One spelling for each e-mail, phone number or id; null where the value can be none.

    Parameters
    ----------
    value
        Text as people typed it.
    kind
        ``email``, ``phone``, or anything else for an id (a customer number, a loyalty card).
    country
        The country code (``82`` for Korea) of phone numbers that are written without one; without it,
        only numbers that begin with + or 00 can be told.

    Returns
    -------
    ibis string
        An e-mail in small letters; a phone number as + and digits (E.164); an id without outer blanks.

    Notes
    -----
    Korean numbers that lost their zero in Excel (1012345678) get it back. Fillers (000-0000-0000) are
    null. Italy keeps the zero behind its code, as written. Countries with a trunk prefix other than 0
    (Russia's 8, Hungary's 06) need their numbers written with + and the country code.

    Examples
    --------
    >>> ibis.duckdb.connect().execute(normalised(ibis.literal("010-1234 5678"), "phone", country="82"))
    '+821012345678'
    """
    text = value.translate(_WIDE, _PLAIN).strip() if kind in ("email", "phone") else value.strip()
    if kind == "email":
        return text.re_search(f"^{EMAIL}$").ifelse(text.lower(), ibis.null("string"))
    if kind == "phone":
        return _phone(text, country)
    return text.nullif("")


def _phone(text: ir.StringValue, country: str) -> ir.StringValue:
    first = text.re_extract(_FIRST_NUMBER, 1).strip()
    digits = first.re_replace("[^0-9]", "")
    # The zero of +82 (0)10 … is dialled at home only.
    zeros = "" if country in _KEEPS_ZERO else "0*"
    branches = [
        (first.startswith("+"), ibis.literal("+") + digits),
        (digits.startswith("00"), ibis.literal("+") + digits.substr(2)),
    ]
    if country:
        # The code in front, and behind it as many digits as a whole number has.
        with_code = digits.re_search(f"^{country}{zeros}[1-9][0-9]{{8,}}$")
        branches += [
            (with_code, ibis.literal("+") + digits),
            (ibis.literal(True), ibis.literal(f"+{country}") + digits),
        ]
    number = ibis.cases(*branches, else_=ibis.null("string"))
    if country and zeros:
        number = number.re_replace(rf"^\+{country}0+", f"+{country}")
    keep = number.re_search(_PHONE_DIGITS) & ~digits.re_search(_FILLER)
    return keep.ifelse(number, ibis.null("string"))
