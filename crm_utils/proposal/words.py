"""Words of shop systems in English, Korean and German: what columns are called, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "CONSENT", "CURRENCY", "FEE_ID", "FEE_NAME", "NO_AMOUNT", "PARTLY", "PERCENT", "PERSONAL", "REDUCED",
    "TILL", "UNDONE", "WORDS", "language",
]  # fmt: skip

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
    "paidamount subtotal 금액 결제금액 판매금액 주문금액 상품금액 gesamtpreis "
    "positionswert nettobetrag betrag summe umsatz",
    "discount": "lineitemdiscount linediscount discount discountamount rebate 할인금액 할인 rabatt",
    "store_id": "storeid store shop branch outlet location 매장코드 매장 지점 filiale",
    "channel": "channel saleschannel ordersource 채널 판매채널 주문경로 판매경로 유입경로 kanal vertriebsweg "
    "verkaufskanal source",
    "price": "unitprice price itemprice lineitemprice salesprice 단가 판매가 가격 einzelpreis "
    "preis "
    "stückpreis",
    "name": "name productname lineitemname title description itemname 상품명 bezeichnung produktname",
    "category": "category producttype productcategory department 카테고리 상품분류 분류 kategorie "
    "warengruppe",
    "subcategory": "subcategory 중분류 소분류 unterkategorie",
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
    r"e-?mail|phone|mobile|\btel\b|address|street|zip|postcode|surname|"
    r"(first|last|full|user|nick|customer|client|buyer|member|guest|contact)[ _-]?name|"
    r"(billing|shipping)[ _-]?(name|company|city|to)|birthday|recipient|이메일|수취인|수령인|주문자|구매자|"
    r"전화|휴대폰|연락처|주소|우편번호|성명|이름|kundenname|handy|"
    r"고객명|회원명|telefon|strasse|straße|plz|vorname|nachname",
    re.IGNORECASE,
)

#: Columns of who agreed to what: they hold an answer, though they speak of e-mails.
CONSENT = re.compile(
    r"동의|수신거부|opt.?(in|out)|consent|newsletter|accepts|einwilligung|subscri", re.IGNORECASE
)
#: Words of orders that came to nothing, or came back; and of those that did so in part.
UNDONE = re.compile(r"cancel|refund|return|void|storn|retour|gutschrift|취소|반품|환불", re.IGNORECASE)
PARTLY = re.compile(r"part(ial|ly|iell)|teil|부분", re.IGNORECASE)
#: Columns of money that is no price of goods, whatever else is in their name.
NO_AMOUNT = re.compile(
    r"refund|shipping|\btax|fee\b|mwst|steuer|porto|versand|배송|취소|포인트|적립|부가세",
    re.IGNORECASE,
)
#: Columns of money that was paid back or never paid.
REDUCED = re.compile(r"refund|discount|erstatt|rabatt|gutschrift|환불|할인", re.IGNORECASE)
#: Products that are none: what a parcel costs.
FEE_ID = re.compile(
    r"^(porto|versand(kosten)?|verpackung|fracht|shipping|postage|post|delivery|freight|배송비|택배비|배송료)"
    r"([ _-]?(cost|charge|fee)s?)?$",
    re.IGNORECASE,
)
FEE_NAME = re.compile(
    r"\bporto\b|versandkosten|^versand\b|\bpostage\b|^shipping$|(shipping|delivery) (charge|fee|cost)|배송비|"
    r"택배비|배송료",
    re.IGNORECASE,
)
#: Customers who are none, as tills and counters call them.
TILL = re.compile(
    r"(barverkauf|barkunde|theke|laufkund\w*|tageskunde|pos|walk.?in( customer)?|guest|gast|cash( sale)?|"
    r"비회원|현장(고객|판매)?|매장(고객|판매)|일반고객)",
    re.IGNORECASE,
)

#: A column that says in which currency a row's amounts are; its words are those of ISO 4217.
CURRENCY = re.compile(r"currency|통화|währung|waehrung", re.IGNORECASE)

#: A share and no amount, however much it is called a discount.
PERCENT = re.compile(r"%|percent|prozent|\brate\b|율$", re.IGNORECASE)

_GERMAN = re.compile(
    r"bestell|beleg|rechnung|auftrag|kunde|artikel|menge|preis|betrag|datum|umsatz|anzahl|rabatt|bezeichnung|"
    r"warengruppe|filiale|mwst|versand|hersteller|geschlecht|straße|strasse|plz",
    re.IGNORECASE,
)


def language(columns: Iterable[str]) -> str:
    """The language of a file's columns: ``ko``, ``de``, or empty where it is another or cannot be told.

    Examples
    --------
    >>> language(["주문번호", "qty"]), language(["Belegnr", "Menge"]), language(["Order", "Datum"])
    ('ko', 'de', '')
    """
    names = list(columns)
    if any("가" <= letter <= "힣" for name in names for letter in name):
        return "ko"
    return "de" if sum(bool(_GERMAN.search(name)) for name in names) > 1 else ""
