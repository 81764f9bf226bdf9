"""Which column of a file would be which of a table? By its name, and by what stands in it.

Names are those of shop systems in English, Korean and German; a match is only as sure as name and values
together.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from crm_utils.sources.files.guessing import Guess, dates_of, marks_of
from crm_utils.tables import DAY, MONEY, QUANTITY, TABLES, TIME, WHOLE

__all__ = ["PERSONAL", "Match", "currencies", "match", "named", "person_of", "stands_once", "undone"]

#: Names that mean a column, in order of preference; compared without case, blanks and marks.
WORDS = {
    "order_id": "orderid orderno ordernumber orderreference invoiceno invoiceid invoice order "
    "receiptno receiptid basketid transactionid 주문번호 주문id 영수증번호 bestellnummer "
    "auftragsnummer belegnummer rechnungsnummer bestellnr auftragsnr belegnr rechnungsnr name",
    "customer_id": "customerid customerno customernumber customer clientid memberid memberno userid "
    "buyerid 고객번호 회원번호 고객id 회원id kundennummer kundennr kunde",
    "product_id": "productid sku productsku lineitemsku itemsku productcode stockcode itemid itemcode "
    "articleno item product variantid 상품코드 상품번호 품번 artikelnummer artikelnr "
    "artikel "
    "lineitemname",
    "ordered_at": "orderedat orderdate invoicedate createdat orderdatetime purchasedat purchasedate "
    "paidat transactiontimestamp transactiondate datetime ordertime date timestamp "
    "주문일시 "
    "주문일자 주문일 결제일시 구매일 bestelldatum rechnungsdatum belegdatum datum",
    "quantity": "quantity qty lineitemquantity units count pieces amountordered 수량 주문수량 menge anzahl",
    "amount": "lineamount linetotal lineprice amount total sales salesvalue revenue netamount "
    "paidamount subtotal 금액 결제금액 판매금액 주문금액 gesamtpreis "
    "positionswert betrag summe umsatz",
    "discount": "lineitemdiscount linediscount discount discountamount rebate 할인금액 할인 rabatt",
    "store_id": "storeid store shop branch outlet location 매장코드 매장 지점 filiale",
    "channel": "channel saleschannel ordersource 채널 판매채널 kanal",
    "price": "unitprice price itemprice lineitemprice salesprice 단가 판매가 가격 einzelpreis "
    "preis "
    "stückpreis",
    "name": "name productname lineitemname title description itemname 상품명 bezeichnung produktname",
    "category": "category producttype productcategory department 카테고리 분류 kategorie warengruppe",
    "subcategory": "subcategory 소분류 unterkategorie",
    "brand": "brand vendor manufacturer 브랜드 marke hersteller",
    "unit_price": "unitprice listprice price variantprice 정가 소비자가 listenpreis preis",
    "launched_on": "launchedon launchdate publishedat 출시일",
    "joined_on": "joinedon joindate registered registeredat registrationdate signupdate createdat "
    "가입일 가입일자 registriertam",
    "birth_year": "birthyear yearofbirth 출생연도 geburtsjahr",
    "gender": "gender sex 성별 geschlecht",
    "region": "region state province country city 지역 시도 bundesland land",
    "acquisition_channel": "acquisitionchannel source 유입경로 가입경로",
}
#: Columns that name a person: they are never proposed, and the study says so.
PERSONAL = re.compile(
    r"e-?mail|phone|mobile|\btel\b|address|street|zip|postcode|first ?name|last ?name|full ?name|surname|"
    r"(billing|shipping) ?(name|company|city|to)|birthday|recipient|이메일|수취인|수령인|주문자|구매자|전화|"
    r"휴대폰|연락처|주소|우편번호|성명|이름|kundenname|handy|"
    r"고객명|telefon|strasse|straße|plz|vorname|nachname",
    re.IGNORECASE,
)


#: A comma that can be no decimal one: two of them, or a point behind it.
_SURELY_THOUSANDS = re.compile(r",\d{3}[,.]\d")
#: What is a line's own: the total of an order is none of them, however its column is called.
_OF_A_LINE = {"amount", "discount"}
#: Lines beyond the first of their order that are enough to tell an order's column from a line's.
_TELLING = 10
#: Words of orders that came to nothing, or came back.
UNDONE = re.compile(r"cancel|refund|return|void|storn|retour|gutschrift|취소|반품|환불", re.IGNORECASE)

#: A column that says in which currency a row's amounts are; its words are those of ISO 4217.
CURRENCY = re.compile(r"currency|통화|währung|waehrung", re.IGNORECASE)


@dataclass(frozen=True)
class Match:
    """A column of the contract, what of the file it would be, and how sure that is (0 to 1)."""

    target: str
    source: str
    sure: float
    why: str
    told: dict[str, str]


def match(columns: dict[str, list[str]], table: str, *, only: Collection[str] | None = None) -> list[Match]:
    """Which column would be which, by name and by what stands in it; each column of the file once.

    Parameters
    ----------
    columns
        Some values of each column of the file.
    table
        A canonical table.
    only
        The columns of the contract that are asked for; all when left out.

    Returns
    -------
    list of Match
        In the table's order.
    """
    types = {c.name: c.type for c in TABLES[table].columns if only is None or c.name in only}
    commas = any((marks_of(values) or {}).get("decimal") == "," for values in columns.values())
    found: dict[str, Match] = {}
    taken: set[str] = set()
    for target, kind in types.items():
        orders = columns[found["order_id"].source] if target in _OF_A_LINE and "order_id" in found else []
        left = [n for n in columns if n not in taken and not stands_once(columns[n], orders)]
        candidates = [_judged(target, kind, name, columns[name], commas) for name in left]
        best = max((c for c in candidates if c), key=lambda m: m.sure, default=None)
        if best:
            found[target] = best
            taken.add(best.source)
    if table == "order_lines" and "amount" not in found and "quantity" in found:
        left = [name for name in columns if name not in taken]
        prices = [_judged("price", MONEY, name, columns[name], commas) for name in left]
        price = max((m for m in prices if m), key=lambda m: m.sure, default=None)
        if price:
            sum_of = f"{named(found['quantity'].source)} * {named(price.source)}"
            why = "quantity times unit price, discounts not taken off; no column of line totals was found"
            found["amount"] = Match("amount", sum_of, round(price.sure * 0.65, 2), why, price.told)
    return [found[target] for target in types if target in found]


def stands_once(values: list[str], orders: list[str]) -> bool:
    """Whether values are an order's and not a line's: on its first line alone, or the same on all its lines.

    Parameters
    ----------
    values
        What stands in a column, empty values left out.
    orders
        The order's id of each line.
    """
    further = len(orders) - len(set(orders))
    if further < _TELLING:
        return False
    if len(values) != len(orders):
        return len(values) <= len(orders) - 0.9 * further
    of_order: dict[str, set[str]] = {}
    for order, value in zip(orders, values, strict=True):
        of_order.setdefault(order, set()).add(value)
    return len(of_order) > 1 and len(set(values)) > 1 and all(len(each) == 1 for each in of_order.values())


def _judged(target: str, kind: str, name: str, values: list[str], commas: bool) -> Match | None:
    words = WORDS.get(target, "").split()
    plain = re.sub(r"[\W_]+", "", name).casefold()
    if plain in words:
        by_name = 1.0 - 0.2 * words.index(plain) / len(words)
    else:
        near = [word for word in words if len(word) > 4 and word in plain]
        by_name = 0.45 if near else 0.0
    if not by_name or PERSONAL.search(name):
        return None
    if kind == MONEY and any("%" in text for text in (name, *values)):
        return None  # a rate, not an amount
    fits = _fits(kind, values, commas)
    if fits is None:
        return None
    guess, told = fits
    why = f"its name; {guess.why}" if guess.why else "its name"
    return Match(target, name, round(by_name * guess.sure, 2), why, told)


def _fits(kind: str, values: list[str], commas: bool) -> tuple[Guess, dict[str, str]] | None:
    """Whether values can be of a type, and what has to be declared so that they are read.

    ``commas`` says that another column of the file has decimal commas.
    """
    if not values:
        return Guess("", 0.3, "it is empty in the first lines"), {}
    if kind in (TIME, DAY):
        dates = dates_of(values)
        return (dates, {} if dates.value == "iso" else {"dates": dates.value}) if dates else None
    if kind in (MONEY, QUANTITY, WHOLE):
        marks = marks_of(values)
        if marks == {"thousands": ","} and not any(_SURELY_THOUSANDS.search(text) for text in values):
            # 1,000: a thousand, or one with three places.
            if commas:
                return Guess("", 1.0, "its values are numbers, with a decimal comma as in other columns"), {
                    "decimal": ","
                }
            return Guess("", 0.6, "is 1,000 a thousand, or 1 with three places?"), marks
        return None if marks is None else (Guess("", 1.0, "its values are numbers"), marks)
    return Guess("", 1.0, ""), {}


def named(column: str) -> str:
    """A column as an expression writes it."""
    return column if re.fullmatch(r"[^\W\d]\w*", column) else f"col({json.dumps(column, ensure_ascii=False)})"


def person_of(columns: list[str]) -> dict[str, str]:
    """What could tell customers apart where no column of ids does: an e-mail address, else a phone number."""
    for kind, pattern in {
        "email": r"e-?mail|이메일",
        "phone": r"phone|mobile|휴대|전화|telefon|handy",
    }.items():
        named = next((name for name in columns if re.search(pattern, name, re.IGNORECASE)), None)
        if named:
            return {kind: named}
    return {}


def undone(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Columns of few words, some of which mean that a line is no sale; and these words."""
    found = {}
    for name, values in columns.items():
        words = set(values)
        if len(words) <= 20 and (told := sorted(word for word in words if UNDONE.search(word))):
            found[name] = told
    return found


def currencies(columns: dict[str, list[str]]) -> tuple[str, list[str]]:
    """The column that names each row's currency, and what stands in it, the most frequent first.

    Examples
    --------
    >>> currencies({"Currency": ["EUR", "CHF", "EUR"]})
    ('Currency', ['EUR', 'CHF'])
    """
    for name, values in columns.items():
        if values and CURRENCY.search(name) and all(re.fullmatch("[A-Z]{3}", value) for value in values):
            return name, [code for code, _ in Counter(values).most_common()]
    return "", []
