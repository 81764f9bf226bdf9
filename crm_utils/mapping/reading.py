"""How does text become a number, a time on the shop's clock, a yes or a no? As declared, or not at all.

A value that cannot be read as declared becomes null and is marked unread, never guessed at. Typed columns
(from Parquet or a database) are taken as they are.
"""

from __future__ import annotations

import inspect
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from crm_utils.mapping.model import EPOCHS, ColumnMap, Reading

__all__ = [
    "NUMBER",
    "Parsed",
    "attempt",
    "emptied",
    "of_an_id",
    "one_of",
    "shortened",
    "to_number",
    "to_text",
    "to_time",
    "to_whole",
    "to_yes_no",
    "trimmed",
]

#: What sums within an expression are made of: exact, up to a million millions, to a millionth.
NUMBER = "decimal(18, 6)"
#: Blanks as ``strip`` has them. All stand before "!", and so does the empty text.
_BLANKS, _AFTER_BLANKS = " \t\n\r\v\f", "!"
#: Blanks beyond those (of Word, of web pages, of Korean and Japanese keyboards), and marks that nobody sees.
_WIDE_BLANKS = "\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_UNSEEN = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
#: Letters, digits and signs as East Asian keyboards write them, and as others do.
_FULL_WIDTH = "".join(map(chr, range(0xFF01, 0xFF5F)))
_NARROW = "".join(map(chr, range(0x21, 0x7F)))
#: The minus of typesetters.
_MINUS = "\u2212"
#: What programs write where there is no id. None of them is anybody's.
NOTHING = (
    "NULL", "null", "Null", "(null)", "<null>", "\\N", "NaN", "nan", "NAN", "NaT", "None", "none", "<NA>",
    "NA", "N/A", "n/a", "#N/A", "#NULL!", "#REF!", "#VALUE!", "#NAME?", "undefined", "-", "--", "―", "—", "–",
)  # fmt: skip
_YES, _NO = ["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]
_HOURS = re.compile(r"%-?[HIs]|%[cTX]")
_ZONED = dt.Timestamp(timezone="UTC", scale=6)
_LOCAL = dt.Timestamp(scale=6)


@dataclass(frozen=True)
class Parsed:
    """A value in its type, and where there was one that could not be read.

    ``swapped`` is true where one is a day only with day and month the other way round, or None.
    """

    value: ir.Value
    unread: ir.BooleanValue
    swapped: ir.BooleanValue | None = None


def _builtin(name: str, gives: Any, **arguments: Any) -> Any:
    """One of DuckDB's own functions that Ibis has no word for."""

    def function() -> None: ...

    parameters = [inspect.Parameter(one, inspect.Parameter.POSITIONAL_OR_KEYWORD) for one in arguments]
    function.__name__ = name
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return ibis.udf.scalar.builtin(function, name=name, signature=(tuple(arguments.values()), gives))


_moment_in = _builtin("timezone", _ZONED, zone=dt.string, clock=_LOCAL)
_clock_in = _builtin("timezone", _LOCAL, zone=dt.string, moment=_ZONED)
_strptime = _builtin("try_strptime", _LOCAL, text=dt.string, form=dt.string)
_strptime_zoned = _builtin("try_strptime", _ZONED, text=dt.string, form=dt.string)
_from_epoch = _builtin("make_timestamp", _LOCAL, micros=dt.int64)
_trim = _builtin("trim", dt.string, text=dt.string, signs=dt.string)
_nfc = _builtin("nfc_normalize", dt.string, text=dt.string)
_bytes_of = _builtin("strlen", dt.int64, text=dt.string)
#: An exponent behind so many digits that none is missing: a spreadsheet that shortens keeps six at most.
_EXPONENT, _WHOLE_ID = r"^[1-9][.,](\d{8,})[eE]\+?(\d{1,2})$", 11
#: Places behind the point of the fifteen digits that a cell keeps.
_CELL = 14


def attempt(value: ir.Value) -> ir.Value:
    """The value, or null where computing it overflows."""
    return _builtin("try", value.type(), value=value.type())(value)


def trimmed(value: ir.Value) -> ir.Value:
    """Text without blanks at its ends, in one form of Unicode; null where empty; other types as they are.

    Looking whether there are blanks takes the engine a fifth of the time that taking them off does. Letters
    put together of parts (Hangul from a Mac) are made whole, so that one name is one text.
    """
    if not value.type().is_string():
        return value
    blank = ibis.or_(value < _AFTER_BLANKS, *(value.endswith(one) for one in _BLANKS))
    wide = _trim(_nfc(value), _BLANKS + _WIDE_BLANKS + _UNSEEN).nullif("")
    return ibis.cases((_beyond_ascii(value), wide), (blank, value.strip().nullif("")), else_=value)


def one_of(value: ir.Value, choices: Iterable[Any]) -> ir.BooleanValue:
    """Whether a value is one of several, null for null.

    ``isin`` says the same; with more than a few choices DuckDB makes a join of it, which is slower and loses
    the rows' order.

    Examples
    --------
    >>> ibis.duckdb.connect().execute(one_of(ibis.literal("b"), ["a", "b"]))
    True
    """
    return ibis.array(list(choices)).contains(value)


def of_an_id(text: ir.StringValue) -> ir.StringValue:
    """An id as it is compared: full-width letters narrow, nothing unseen in it, null for a word for nothing.

    A number that a spreadsheet or a program wrote with an exponent and all its digits is that number; one
    that lost digits stays as it is, for :func:`shortened` to see.

    Examples
    --------
    >>> con = ibis.duckdb.connect()
    >>> [con.execute(of_an_id(ibis.literal(t))) for t in ("２０２４A", "2.024010112345678E15")]
    ['2024A', '2024010112345678']
    """
    plain = text.translate(_FULL_WIDTH + _WIDE_BLANKS + _UNSEEN, _NARROW + " " * len(_WIDE_BLANKS))
    places = text.re_extract(_EXPONENT, 1).length()
    # A zero at the end is not written; of fifteen digits the next were cut off.
    missing = text.re_extract(_EXPONENT, 2).try_cast("int64") - places
    exponent = (text.length() > _WHOLE_ID) & text.re_search(_EXPONENT)
    exponent &= missing <= (places < _CELL).cast("int64")
    whole = text.replace(",", ".").try_cast("decimal(38, 0)").cast("string")
    return ibis.cases(
        (one_of(text, NOTHING), ibis.null("string")),
        (_beyond_ascii(text), _trim(plain, _BLANKS).nullif("")),
        (exponent, whole),
        else_=text,
    )


def _beyond_ascii(text: ir.StringValue) -> ir.BooleanValue:
    return _bytes_of(text) > text.length()


def emptied(value: ir.Value, reading: Reading) -> ir.Value:
    """Trimmed text, null where it means "no value"; other types as they are."""
    if not value.type().is_string() or not reading.empty:
        return value
    return one_of(value, reading.empty).ifelse(ibis.null("string"), value)


def to_text(value: ir.Value) -> ir.StringValue:
    """As text; a whole number that a spreadsheet or a frame keeps as 17850.0 is 17850."""
    kind = value.type()
    if kind.is_string():
        return value
    if kind.is_floating():
        return (value == value.round()).ifelse(value.try_cast("int64").cast("string"), value.cast("string"))
    return value.cast("string")


def shortened(text: ir.StringValue) -> ir.BooleanValue:
    """Whether a spreadsheet kept but a few digits of this id (8.8E+12, 8.8e12)."""
    return text.upper().contains("E") & text.re_search(r"^\d([.,]\d+[eE]\+?|[eE]\+)\d+$")


def to_number(value: ir.Value, reading: Reading, kind: str = NUMBER) -> Parsed:
    """As an exact decimal of the given type; more places than it has are rounded, half away from zero."""
    if not value.type().is_string():
        number = value.try_cast(kind)
        return Parsed(number, value.notnull() & number.isnull())
    # Most numbers are plain; the others are looked at again, more closely. What stands twice in a coalesce,
    # the engine works out beforehand and for every row; what stands under a condition it leaves there.
    odd = value.notnull().ifelse(_as_odd_number(value, reading, kind), ibis.null(kind))
    number = ibis.coalesce(_as_number(value, reading, kind), odd)
    return Parsed(number, value.notnull() & number.isnull())


def _as_number(text: ir.StringValue, reading: Reading, kind: str) -> ir.Value:
    for sign in reading.signs or ():
        text = text.replace(sign, "").strip()
    return _cast_number(text, reading, kind)


def _as_odd_number(text: ir.StringValue, reading: Reading, kind: str) -> ir.Value:
    """With blanks and a minus that few keyboards have; (50.00) and 50.00- of bookkeepers as -50.00."""
    wide, plain = _WIDE_BLANKS + _MINUS, " " * len(_WIDE_BLANKS) + "-"
    text = text.translate(wide + _UNSEEN, plain)
    for sign in reading.signs or ():
        text = text.replace(sign.translate(str.maketrans(wide, plain)), "")
    text = text.re_replace(r"^\s*\(\s*([^()+-]+?)\s*\)\s*$", r"-\1").re_replace(
        r"^\s*([^()+-]+?)\s*-\s*$", r"-\1"
    )
    return _cast_number(text.strip(), reading, kind)


def _cast_number(text: ir.StringValue, reading: Reading, kind: str) -> ir.Value:
    if reading.thousands:
        mark, point = re.escape(reading.thousands), re.escape(reading.decimal or ".")
        grouped = text.re_search(rf"^[+-]?(\d+|\d{{1,3}}({mark}\d{{3}})+)({point}\d*)?$")
        text = grouped.ifelse(text.replace(reading.thousands, ""), ibis.null("string"))
    if reading.decimal == ",":
        text = text.contains(".").ifelse(ibis.null("string"), text.replace(",", "."))
    # The engine reads 1_000 as a thousand; people and other programs do not.
    return text.contains("_").ifelse(ibis.null(kind), text.try_cast(kind))


def to_whole(value: ir.Value, reading: Reading) -> Parsed:
    """As a whole number; 3.7 is none, 3.0 is."""
    parsed = to_number(value, reading)
    whole = (parsed.value == parsed.value.floor()).ifelse(parsed.value.cast("int64"), ibis.null("int64"))
    return Parsed(whole, value.notnull() & whole.isnull())


def to_yes_no(value: ir.Value, column: ColumnMap) -> Parsed:
    """As yes or no, by the column's own words or the usual ones, capital or small."""
    if value.type().is_boolean():
        return Parsed(value, ibis.literal(False))
    text = value.cast("string").lower()
    yes = [word.lower() for word in column.yes or _YES]
    no = [word.lower() for word in column.no or _NO]
    answer = ibis.cases((one_of(text, yes), True), (one_of(text, no), False), else_=ibis.null("boolean"))
    return Parsed(answer, value.notnull() & answer.isnull())


def to_time(value: ir.Value, reading: Reading, zone: str) -> Parsed:
    """As a time on the clock of ``zone``, from the zone that the reading declares."""
    kind, source = value.type(), reading.zone or zone
    formats = list(reading.dates or ["iso"])
    if kind.is_timestamp():
        moment = _clock_in(zone, value) if kind.timezone else _moved(value.cast(_LOCAL), source, zone)
    elif kind.is_date():
        moment = value.cast(_LOCAL)
    elif formats[0] in EPOCHS:
        moment = _counted(value, formats[0], zone)
    else:
        text = value.cast("string")
        moment = ibis.coalesce(*[_by_format(text, one, source, zone) for one in formats])
        turned = [form for form in map(_turned, formats) if form and form not in formats]
        if turned:
            other = ibis.coalesce(*[_strptime(text, form) for form in turned])
            return Parsed(moment, value.notnull() & moment.isnull(), moment.isnull() & other.notnull())
    return Parsed(moment, value.notnull() & moment.isnull())


def _turned(form: str) -> str:
    """A date format with day and month the other way round; empty where its month is a name."""
    if form in ("iso", *EPOCHS) or "%m" not in form or re.search("%[zZbB]", form):
        return ""
    return form.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m")


def _by_format(text: ir.StringValue, form: str, source: str, zone: str) -> ir.TimestampValue:
    if form == "iso":
        return _iso(text, source, zone)
    if form in EPOCHS:
        return _counted(text, form, zone)
    if "%z" in form:
        text = text.re_replace("[Zz]$", "+00:00")  # as ISO 8601 writes UTC; the engine's %z does not read it
    if "%z" in form or "%Z" in form:
        return _clock_in(zone, _strptime_zoned(text, form))
    moment = _strptime(text, form)
    return _moved(moment, source, zone) if _HOURS.search(form) else moment


def _counted(value: ir.Value, form: str, zone: str) -> ir.TimestampValue:
    """A count since 1970 as a time; null where it is no whole number, or of another unit and so too large."""
    micros = attempt(value.try_cast("int64") * (1_000_000 // EPOCHS[form]))
    return attempt(_moved(_from_epoch(micros), "UTC", zone))


def _iso(text: ir.StringValue, source: str, zone: str) -> ir.TimestampValue:
    """A day, or a time on the clock of ``source``, or of UTC where the text ends in that."""
    # A day without an hour is the shop's day already; with UTC behind it, it is none that one could move.
    moment, is_time = _plain_iso(text), text.length() > 10
    own = is_time.ifelse(_moved(moment, source, zone), moment) if source != zone else moment
    bare = text.substr(0, text.length() - 3).strip()
    of_utc = (bare.length() > 10).ifelse(_moved(_plain_iso(bare), "UTC", zone), ibis.null(_LOCAL))
    return (text.endswith("UTC") | text.endswith("utc")).ifelse(of_utc, own)


def _plain_iso(text: ir.StringValue) -> ir.TimestampValue:
    """Digits that are a time. Cast alone drops an offset or UTC without a word, and reads infinity."""
    # Ten looks at the end cost the engine half of what cutting a piece off does.
    digit_last = ibis.or_(*(text.endswith(digit) for digit in string.digits))
    is_local = digit_last & ~text.contains("+") & ~text.substr(10).contains("-")
    return is_local.ifelse(text.try_cast(_LOCAL), ibis.null(_LOCAL))


def _moved(moment: ir.TimestampValue, source: str, zone: str) -> ir.TimestampValue:
    """From the clock of one zone to that of another, whatever zone the session has."""
    return moment if source == zone else _clock_in(zone, _moment_in(source, moment))
