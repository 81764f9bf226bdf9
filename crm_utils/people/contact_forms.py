"""Which text reaches a person? How e-mails, phones, resident and card numbers are written, and what is none.

One set of rules in Python, for free text, names of files and errors; ``contacts`` brings them to the engine.
Text is folded first: digits, dashes and blanks of every script become plain ones, a letter for a letter, so
that a place in the folded text is the same place in the text. The order is what tells forms apart: what
cannot be a contact (a date, an amount, what follows "order no.") is set aside before bare digits are judged.

Sources: E.164 and ITU-T E.123 for phone numbers, ISO/IEC 7812-1 (Luhn) for cards, Korea's resident
registration number (date, digit of century and sex, check digit modulo 11), GB 11643 for China's.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Contact", "contacts_in", "hidden", "is_name", "may_hold"]

#: Dashes that Unicode does not count among dashes, and dots and marks that people write between digits.
_MORE = {"ㅡ": "-", "ー": "-", "ｰ": "-", "−": "-", "⁃": "-", "·": ".", "・": ".", "•": ".", "∙": ".",
         "ㆍ": ".", "\u200b": " ", "\u200c": " ", "\u200d": " ", "\u2060": " ", "\ufeff": " ", "\u00ad": " ",
         "\t": " ", "\n": " ", "\r": " "}  # fmt: skip
#: Between two digits of one number.
_S = r"[ .()/_-]{0,3}"
_ONE = r"[ ._/-]{1,3}"
#: Nothing that belongs to the number stands before it, or after it.
_BEFORE = r"(?<!\d)(?<!\d[-./:])"
_AFTER = r"(?!\d)(?!\.\d)(?![A-WYZa-wyz])"
_ALONE_BEFORE, _ALONE_AFTER = r"(?<![\w.,/#-])", r"(?![A-Za-z\d_/-])(?![.,]\d)"

_LOCAL = r"(?:\"[^\"@\n]{1,64}\"|[^\s@,;:<>\"'()\[\]{}&]{1,64})"
_AT = r"(?: ?@ ?|%40|&#64;| ?[(\[] ?at ?[)\]] ?)"
_DOMAIN = (
    r"[^\W_](?:[\w-]*[^\W_])?(?:(?:\.| ?[(\[] ?dot ?[)\]] ?)[\w-]+)*(?:\.| ?[(\[] ?dot ?[)\]] ?)[^\W\d_]{2,}"
)
_WHO = r"(?:\"[^\"<>@]{1,60}\" ?|(?:[A-Z][\w.'-]*|[가-힣]{2,4})(?: (?:[A-Z][\w.'-]*|[가-힣]{2,4})){0,2} )?"
_EMAIL = re.compile(rf"{_WHO}<{_LOCAL}{_AT}{_DOMAIN}>|{_LOCAL}{_AT}{_DOMAIN}")

_RESIDENT = re.compile(
    rf"{_BEFORE}\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?P<gap>[ .~_-]{{0,3}})[1-8]\d{{6}}{_AFTER}"
)
_CHINESE = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)"
)
#: First digits that ISO/IEC 7812 gave to cards; groups alike, as on a card.
_CARD = re.compile(
    r"(?<!\d)(?<!\d[-.,])(?:3[47]\d\d(?P<s>[ ._-]{0,3})\d{6}(?P=s)\d{5}"
    r"|(?:2[2-7]\d\d|35[2-8]\d|4\d{3}|5[1-5]\d\d|6(?:011|2\d\d|4[4-9]\d|5\d\d)|9[4-7]\d\d)"
    r"(?P<t>[ ._-]{0,3})\d{4}(?P=t)\d{4}(?P=t)\d{4})(?!\d)(?![.,]\d)"
)

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:(?:19|20)\d\d|\d\d)"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?"
_DATE = re.compile(
    rf"(?<!\d)(?<!\d[-./])(?:(?:19|20)\d\d(?P<a>[-./]) ?{_MONTH}(?P=a) ?{_DAY}"
    rf"|(?:{_DAY}(?P<b>[-./]){_MONTH}(?P=b)|{_MONTH}(?P<c>[-./]){_DAY}(?P=c)){_YEAR})"
    rf"(?:(?:T|\.? {{1,2}}){_CLOCK})?(?![-./]?\d)|(?<![\d-]){_CLOCK}(?!\d)"
)
_MONEY = re.compile(
    r"(?:[$€£¥₩]|\b(?:KRW|USD|EUR|JPY|GBP|CNY)) ?[+-]?\d[\d.,]*"
    r"|(?<![\d+.-])\d[\d.,]* ?(?:[€£¥₩원円元]|(?:KRW|USD|EUR|JPY|GBP|CNY|won|points?|pts|pcs|kg|ml)\b)"
)
_CODE = re.compile(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
#: Behind such a word bare digits are a thing's number, unless a phone's word stands there too.
_THING = re.compile(
    r"(?:#|\b(?:orders?|no|nr|num|nos|ids?|skus?|ean|gtin|upc|isbn|barcode|items?|articles?|art|parts?|ref|"
    r"references?|invoices?|receipts?|parcels?|tracking|serial|codes?|products?|models?|batch|lot|tickets?|"
    r"cases?|coupons?|vouchers?|versions?|build)|_id|(?:주문|상품|송장|운송장|영수증|접수|제품|모델|쿠폰)(?:번호)?|바코드|코드)"
    r"(?:[ \W_]|no|nr|number|id){0,8}$",
    re.IGNORECASE,
)  # fmt: skip
_ORDER = re.compile(
    r"(?:\b(?:orders?|invoices?|receipts?|tickets?)|주문|송장|영수증)\W*(?:no|nr|id|number|번호)?\W*$",
    re.IGNORECASE,
)
_CALL = re.compile(
    r"(?:\b(?:tele)?phone|\btel|\bmobile|\bcell|\bcall|\bfax|\bsms|\bwhatsapp|\bh\.?p|\bhandy|\bcontact|전화|휴대|핸드폰|"
    r"연락처|연락|폰)[^\d]{0,14}$",
    re.IGNORECASE,
)

#: Calling codes (ITU-T E.164, list of assigned codes).
_CODES = (
    r"(?:1|7|2[07]|2[1-6]\d|29\d|3[0-469]|3[578]\d|4[013-9]|42\d|5[1-8]|50\d|59\d|6[0-6]|6[789]\d|8[1246]|8[0578]\d"
    r"|9[0-58]|9[679]\d)"
)
_AREA = r"(?:2(?:0[4-9]|[1-8]\d)|[3-9][0-8]\d)"
#: As Americans dial: area, exchange, number; one that begins as a day does (202401…) is read as a day.
_NANP = rf"(?:{_AREA}[2-9]\d{{6}}|20[0-3][2-9](?:00|1[3-9]|[2-9]\d)\d{{4}})"
#: Written so that nothing else is meant: with + or 00, in a country's groups, or as a mobile phone of Korea.
_PLUS = re.compile(rf"(?<!\d)\+ ?(?=\(?{_CODES})\(?[1-9](?:{_S}\d){{7,14}}(?!\d)")
_WRITTEN = re.compile(
    "|".join(
        [
            rf"{_BEFORE}00(?=[ .(/-]{{0,2}}{_CODES})(?:{_S}\d){{9,14}}{_AFTER}",
            rf"{_BEFORE}\(?0?1[016789]\)?{_ONE}[1-9]\d{{2,3}}{_S}\d{{4}}{_AFTER}",
            rf"{_BEFORE}01[016789][1-9]\d{{6,7}}{_AFTER}",
            rf"{_BEFORE}\(?050\d\)?{_ONE}\d{{3,4}}{_ONE}\d{{4}}{_AFTER}",
            rf"{_BEFORE}\(?0[1-9]\d{{0,3}}\)?{_ONE}[1-9]\d{{2,3}}{_ONE}\d{{3,4}}{_AFTER}",
            rf"{_BEFORE}\(?0[1-9]\d{{0,3}}\)?{_ONE}[1-9]\d{{5,8}}{_AFTER}",
            rf"{_BEFORE}\(?0[1-9]\d{{2,5}}\)?{_ONE}\d{{5,6}}{_AFTER}",
            rf"{_BEFORE}0[1-9]\d{{0,2}}-\d{{2,3}} \d\d \d\d{_AFTER}",
            rf"{_BEFORE}0[1-9](?:[ .-]\d\d){{4}}{_AFTER}",
            rf"{_BEFORE}1[3-9]\d[ -][1-9]\d{{3}}[ -]\d{{4}}{_AFTER}",
            rf"{_BEFORE}\(\d{{2,5}}\) ?[1-9]\d{{2,4}}[ -]?\d{{3,4}}{_AFTER}",
            rf"{_BEFORE}[6-9]\d\d(?:[ .-]\d\d){{3}}{_AFTER}",
            rf"{_BEFORE}(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{{4}}{_AFTER}",
            rf"{_BEFORE}82{_ONE}\(?0?\)?(?:1[016789]|2|[3-6]\d|70){_S}\d{{3,4}}{_S}\d{{4}}{_AFTER}",
            rf"{_BEFORE}(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[146]|9[0-58]){_ONE}[1-9]\d{{0,2}}{_ONE}"
            rf"\d{{3,4}}{_ONE}\d{{4}}{_AFTER}",
        ]
    )
)
#: Digits alone: a phone number to whoever expects one. Mobile numbers behind their country's code, numbers
#: with a 0 in front, Korea's and America's without.
_BARE = re.compile(
    rf"{_ALONE_BEFORE}(?:82(?:1[016789]|2|[3-6][1-5])\d{{7,8}}|0[1-9]\d{{7,9}}|10[1-9]\d{{7}}|1?{_NANP}"
    r"|491[5-7]\d{8,9}|447\d{9}|33[67]\d{8}|81[789]0\d{8}|861[3-9]\d{9}|91[6-9]\d{9}|393\d{8,9}|34[67]\d{8}"
    rf"|614\d{{8}}|55[1-9]\d9\d{{8}}){_ALONE_AFTER}"
)
#: Behind "call", "tel.", "mobile" any number is a phone's.
_ANY = re.compile(rf"{_BEFORE}\+?\(?\d(?:{_S}\d){{6,14}}(?!\d)")

_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)  # fmt: skip
_HANGUL_NAME = re.compile(rf"(?:[{_SURNAMES}][가-힣]{{1,2}}|(?:남궁|황보|제갈|선우|독고|사공)[가-힣]{{1,2}})")
_LATIN_NAME = re.compile(
    r"[^\W\d_]{2,}[.'’]?(?:[-'’][^\W\d_]+)*(?: (?:[^\W\d_]+[.'’]?(?:[-'’][^\W\d_]+)*)){1,3}"
)
#: Words of shops and of placeholders: what holds one is no person's name.
_NOBODY = re.compile(
    r"\b(?:ltd|limited|inc|corp|corporation|co|company|gmbh|ag|kg|llc|plc|sa|srl|bv|group|holdings?|stores?|shops?|"
    r"markets?|supermarket|trading|services?|school|university|hospital|hotel|restaurant|cafe|club|bank|guests?|"
    r"customers?|users?|members?|clients?|accounts?|tests?|unknown|anonymous|walk|cash|retail|wholesale|online|"
    r"house|household|type|segment|new|old|the|and|of)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Contact:
    """One contact in a text.

    Attributes
    ----------
    kind
        ``email``, ``phone``, ``id number`` or ``card number``.
    start, end
        Where it stands.
    is_sure
        False for digits alone, which may be a thing's number as well.
    """

    kind: str
    start: int
    end: int
    is_sure: bool = True


def hidden(text: str, *, bare: bool = True) -> str:
    """The text with each contact replaced by its kind in brackets.

    Parameters
    ----------
    text
        What people wrote; a file's name; an error.
    bare
        Whether digits alone are hidden too. Not in names of products and campaigns, where they are codes.

    Returns
    -------
    str
        The same text where it holds none.

    Notes
    -----
    A person's name cannot be told from other words: it is hidden only where it stands before an address
    (``Kim <kim@example.com>``).

    Examples
    --------
    >>> hidden("Call 010–1234–5678 or write to kim＠example.com! Order 20240115-0001, 12,500 KRW")
    'Call [phone] or write to [email]! Order 20240115-0001, 12,500 KRW'
    """
    if len(text) < 6 or not may_hold(text):
        return text
    parts, at = [], 0
    for contact in contacts_in(text, bare=bare):
        parts += [text[at : contact.start], f"[{contact.kind}]"]
        at = contact.end
    return "".join([*parts, text[at:]])


def contacts_in(text: str, *, bare: bool = True) -> list[Contact]:
    """The contacts of a text, in order.

    Examples
    --------
    >>> [(c.kind, c.is_sure) for c in contacts_in("kim@example.com, 1012345678")]
    [('email', True), ('phone', False)]
    """
    folded = text if text.isascii() and "\n" not in text else text.translate(_folding())
    contacts: list[Contact] = []
    for kind, is_sure, places in _FINDERS:
        if not is_sure and not bare:
            continue
        for start, end in places(folded):
            if kind:
                contacts.append(Contact(kind, start, end, is_sure))
            folded = f"{folded[:start]}{'§' * (end - start)}{folded[end:]}"
    return sorted(contacts, key=lambda contact: contact.start)


def is_name(value: str) -> bool:
    """Whether a value looks like a person's name: two to four words of letters, or a Korean name.

    Only for values of which many are looked at: a word or two is no proof.

    Examples
    --------
    >>> [is_name(v) for v in ("Kim Minsu", "홍길동", "C-1001", "Acme Trading Ltd", "ab12****")]
    [True, True, False, False, False]
    """
    text = value.strip()
    if _HANGUL_NAME.fullmatch(text):
        return True
    return bool(_LATIN_NAME.fullmatch(text)) and not _NOBODY.search(text)


def may_hold(text: str) -> bool:
    """Whether a text has seven digits or a sign of an address: what has neither holds no contact."""
    return bool(_SEVEN_DIGITS.match(text) or _AT_SIGN.search(text))


_SEVEN_DIGITS = re.compile(r"(?:\D*\d){7}")
_AT_SIGN = re.compile(r"[@＠﹫]|%40|&#64;|[(\[] ?at ?[)\]]", re.IGNORECASE)


@functools.cache
def _folding() -> dict[int, str]:
    """Every digit, dash and blank as the plain one, and what stands full width as itself."""
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    for code in [*range(0x80, 0xFF00), *range(0x10000, 0x20000)]:
        kind = unicodedata.category(chr(code))
        if kind == "Nd":
            table[code] = str(unicodedata.decimal(chr(code)))
        elif kind in ("Pd", "Zs"):
            table[code] = "-" if kind == "Pd" else " "
    return table | {ord(mark): plain for mark, plain in _MORE.items()} | {ord("﹫"): "@", ord("．"): "."}


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _gtin(digits: str) -> bool:
    return sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(reversed(digits))) % 10 == 0


def is_resident(digits: str) -> bool:
    """Whether thirteen digits carry the check digit of a Korean resident registration number."""
    total = sum(int(d) * (2 + place % 8) for place, d in enumerate(digits[:12]))
    return (11 - total % 11) % 10 == int(digits[12])


def _chinese(text: str) -> bool:
    total = sum(int(d) * pow(2, 17 - place, 11) for place, d in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


Places = Iterator[tuple[int, int]]


def _emails(text: str) -> Places:
    if "@" in text or "%40" in text or "&#64;" in text or re.search(r"[(\[] ?at ?[)\]]", text):
        yield from (m.span() for m in _EMAIL.finditer(text))


def _residents(text: str) -> Places:
    for m in _RESIDENT.finditer(text):
        digits, is_checked = _digits(m[0]), is_resident(_digits(m[0]))
        before = text[: m.start()][-24:]
        if m["gap"]:
            # Without a right check digit (none is given since 2020) who was born so must be of age to buy.
            is_one = is_checked or (_is_of_age(digits) and not _THING.search(before))
            is_one &= not _ORDER.search(before)
        else:
            is_one = is_checked and not _gtin(digits)  # else it is an article's number (EAN)
        if is_one:
            yield m.span()
    yield from (m.span() for m in _CHINESE.finditer(text) if _chinese(m[0]))


def _is_of_age(digits: str) -> bool:
    """Born 1927 to 2012: an order number of today that begins with its day is not taken for a person."""
    year = int(digits[:2]) + (1900 if digits[6] in "1256" else 2000)
    return 1927 <= year <= 2012


def _cards(text: str) -> Places:
    for m in _CARD.finditer(text):
        digits = _digits(m[0])
        if _luhn(digits) and len(set(digits)) > 1 and not (m[0].isdigit() and _is_thing(text, m)):
            yield m.span()


def _called(text: str) -> Places:
    yield from (m.span() for m in _ANY.finditer(text) if _CALL.search(text[: m.start()][-24:]))


def _nothing(pattern: re.Pattern[str]) -> Callable[[str], Places]:
    return lambda text: (m.span() for m in pattern.finditer(text))


def _abroad(text: str) -> Places:
    for m in _PLUS.finditer(text):
        digits = _digits(m[0])
        if not digits.startswith("1") or (len(digits) >= 11 and digits[1] not in "01"):
            yield m.span()


def _written(text: str) -> Places:
    for m in _WRITTEN.finditer(text):
        digits = _digits(m[0])
        abroad = digits[2:] if m[0].startswith("00") else ""
        if re.match(r"00[1-9]\d{0,2}[ ./_-]+0", m[0]) or (abroad and re.match(r"-\w", text[m.end() :])):
            continue  # a till's receipt (007-0009-2303), a part of a longer code
        # America's code has ten digits behind it, of which the first is none of a trunk.
        if abroad.startswith("1") and (len(abroad) < 11 or abroad[1] in "01"):
            continue
        # A padded article number (EAN) has its check digit.
        if m[0].startswith("00") and m[0].isdigit() and (_gtin(digits) or _is_thing(text, m)):
            continue
        yield m.span()


def _bare(text: str) -> Places:
    for m in _BARE.finditer(text):
        digits = m[0]
        if len(digits) in (12, 13) and not digits.startswith("8210") and _gtin(digits):
            continue
        if not _is_thing(text, m):
            yield m.span()


def _is_thing(text: str, m: re.Match[str]) -> bool:
    return bool(_THING.search(text[: m.start()][-24:]))


_FINDERS: tuple[tuple[str, bool, Callable[[str], Places]], ...] = (
    ("email", True, _emails),
    ("", True, _nothing(_CODE)),
    ("phone", True, _abroad),
    ("", True, _nothing(_DATE)),
    ("", True, _nothing(_MONEY)),
    ("id number", True, _residents),
    ("card number", True, _cards),
    ("phone", True, _called),
    ("phone", True, _written),
    ("phone", False, _bare),
)
