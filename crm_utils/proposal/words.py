"""Words of shop systems in English, Korean and German: what columns are called, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "BUYER", "CLOCK", "CONSENT", "CURRENCY", "FEE_ID", "FEE_NAME", "HOW_MANY", "KIND_OF", "NO_AMOUNT",
    "PARTLY", "PERCENT", "PERSONAL", "REDUCED", "SHIPPING", "TAX", "TILL", "TILLS", "TOTALS", "UNDONE",
    "WORDS", "language",
]  # fmt: skip

#: Names that mean a column, in order of preference; compared without case, blanks and marks.
WORDS = {
    "order_id": "orderid orderno ordernumber orderreference invoiceno invoiceid invoice order "
    "receiptno receiptid basketid transactionid 주문번호 주문id 영수증번호 bestellnummer "
    "auftragsnummer belegnummer rechnungsnummer bestellnr auftragsnr belegnr rechnungsnr transaction "
    "transactionno receipt receiptnumber receiptnr ticket ticketno bill billno billnumber saleid "
    "salesid voucherno 주문 영수증 伝票番号 注文番号 受注番号 "
    "salesorderid salesorderno orden ordenid pedido pedidoid nropedido numeropedido factura "
    "numerofactura nfactura commande numcommande numerocommande numerofacture ordine fattura",
    "customer_id": "customerid customerno customernumber customer clientid memberid memberno userid "
    "buyerid 고객번호 회원번호 고객id 회원id kundennummer kundennr kunde "
    "cust custid custno clientno client 회원아이디 구매자id 주문자id 顧客番号 会員番号 顧客id "
    "membernumber custnumber customerkey custkey clientnumber accountid cardno cardnumber loyaltyid "
    "householdid householdkey shopperid visitorid cliente clienteid idcliente codcliente codigocliente "
    "acheteur clientno numclient idclient codeclient",
    "product_id": "productid sku productsku lineitemsku itemsku productcode stockcode itemid itemcode "
    "articleno item product variantid 상품코드 상품번호 품번 artikelnummer artikelnr "
    "artikel "
    "lineitemname productname itemname productline producttitle menuitem lineitem "
    "dish pizzaid barcode upc ean itemdescription productdescription 상품명 "
    "품명 商品コード 商品番号 商品名 artikelbezeichnung bezeichnung "
    "product2id productkey productno productnumber drinkname beverage coffeename coffeetype dishname "
    "treatment producto productoid idproducto codproducto "
    "articulo produto produit idproduit codeproduit prodotto "
    "articolo reference référence designation désignation libelle libellé descripcion descripción "
    "descrizione "
    "descricao descrição omschrijving",
    "ordered_at": "orderedat orderdate invoicedate createdat orderdatetime purchasedat purchasedate "
    "paidat transactiontimestamp transactiondate datetime ordertime date timestamp "
    "주문일시 "
    "주문일자 주문일 결제일시 구매일 bestelldatum rechnungsdatum belegdatum datum "
    "saledate salesdate day time 판매일 판매일자 거래일 결제일 注文日 注文日時 購入日 "
    "fecha fechaventa fechapedido fechacompra fechaorden datecommande datevente dateachat dataordine "
    "dataacquisto datavenda datacompra purchasedon soldat soldon transactiontime billdate "
    "receiptdate effectivedate",
    "quantity": "quantity qty lineitemquantity units count pieces amountordered 수량 주문수량 menge anzahl "
    "quantityordered qtyordered itemssold unitssold totalitems num stück 個数 数量 "
    "orderquantity orderqty qtysold quantitysold numberofitems numberofcds cantidad cantidadvendida "
    "unidades quantite quantité qte quantità quantidade qtd",
    "amount": "lineamount linetotal lineprice amount total sales salesvalue revenue netamount "
    "paidamount subtotal 금액 결제금액 판매금액 주문금액 상품금액 gesamtpreis "
    "positionswert nettobetrag betrag summe umsatz "
    "orderamount saleamount itemtotal rowtotal netsales totalsales totalamount totalprice totalspent dol "
    "totalcost 매출 매출액 합계 売上 金額 合計 "
    "transactionamount moneyspent amountpaid dollarvalue ventas importe monto totalventa ingresos "
    "montant montanttotal chiffredaffaires importo totale valortotal preciototal",
    "discount": "lineitemdiscount linediscount discount discountamount rebate 할인금액 할인 rabatt "
    "descuento remise sconto desconto",
    "store_id": "storeid store shop branch outlet location storename storecode 매장코드 매장 지점 "
    "filiale 店舗 "
    "tienda sucursal magasin negozio loja",
    "channel": "channel saleschannel ordersource 채널 판매채널 주문경로 판매경로 유입경로 kanal vertriebsweg "
    "verkaufskanal source",
    "price": "unitprice price itemprice lineitemprice salesprice 단가 판매가 가격 einzelpreis "
    "preis "
    "stückpreis "
    "pricecharged unitcost precio preciounitario prix prixunitaire prezzo prezzounitario preco preço "
    "precounitario priceperunit priceeach pieceprice listprice",
    "name": "name productname lineitemname title description itemname 상품명 bezeichnung produktname",
    "category": "category producttype productcategory department 카테고리 상품분류 분류 kategorie "
    "warengruppe "
    "categoria categoría categorie catégorie",
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
    r"고객명|회원명|telefon|strasse|straße|plz|vorname|nachname|핸드폰|배송지|생년월일|성함|"
    r"correo|courriel|t[eé]l[eé](fono|phone)|\badresse\b|direcci[oó]n|indirizzo|apellido|pr[eé]nom|cognome|"
    r"^nom$|\bnom (du |de la |de l'?)?(client|acheteur)|nombre (del? )?(cliente|comprador)|"
    r"nome (del )?cliente|"
    r"code postal|c[oó]digo postal|氏名|名前|顧客名|会員名|購入者|メール|電話|住所|郵便|生年月日|"
    r"姓名|电话|手机|地址|邮箱|телефон|адрес|фио|имя",
    re.IGNORECASE,
)

#: Columns of who agreed to what: they hold an answer, though they speak of e-mails.
CONSENT = re.compile(
    r"동의|수신거부|opt.?(in|out)|consent|newsletter|accepts|einwilligung|subscri", re.IGNORECASE
)
#: Words of orders that came to nothing, or came back; and of those that did so in part.
UNDONE = re.compile(
    r"cancel|refund|return|void|fail|declin|dispute|chargeback|expired|unpaid|reject|abandon|fraud|"
    r"storn|retour|gutschrift|erstatte|rückg|zurück|abgebrochen|abgelehnt|fehlgeschlagen|"
    r"취소|반품|환불|결제실패|미결제|미입금|"
    r"キャンセル|取消|返品|返金|決済失敗",
    re.IGNORECASE,
)
PARTLY = re.compile(r"part(ial|ly|iell)|teil|부분|一部", re.IGNORECASE)
#: Columns that say of what kind a customer is, not who: two values are no two customers.
KIND_OF = re.compile(
    r"type|segment|group|class|tier|categor|gender|status|level|grade|등급|유형|구분|그룹|typ$|art$|gruppe",
    re.I,
)
#: Columns of a buyer's name.
BUYER = re.compile(
    r"^(customer|client|buyer|member|guest|bill(ing)?([ _-]?to)?|purchaser|contact)[ _-]?(full[ _-]?)?name$|"
    r"^(buyer|purchaser|customer|client|member)$|^(kundenname|käufer|besteller)$|고객명|회원명|구매자명|주문자명|"
    r"^(구매자|주문자|고객)$|^(顧客名|購入者|氏名)$",
    re.IGNORECASE,
)
#: A column of the time of day, beside one of days.
CLOCK = re.compile(r"^(order|sale|transaction|purchase)?[ _-]*(time|uhrzeit|zeit|시간|시각|時刻|時間)$", re.I)
#: Columns of money that an amount may hold or not.
TAX = re.compile(r"\btax|\bvat\b|mwst|steuer|부가세|消費税", re.I)
SHIPPING = re.compile(r"shipping|freight|postage|delivery fee|versand|porto|배송비|送料", re.I)
#: Names of tills: order numbers that begin anew in each.
TILLS = re.compile(
    r"^(till|register|terminal|device|pos|kasse|kassennr|counter|outlet|branch|store|shop|location|filiale)"
    r"([ _-]?(id|no|nr|number|name|code))?$|포스|매장|지점|店舗|レジ",
    re.I,
)
#: Columns of money that is no price of goods, whatever else is in their name.
NO_AMOUNT = re.compile(
    r"refund|shipping|\btax|fee\b|mwst|steuer|porto|versand|배송|취소|포인트|적립|부가세",
    re.IGNORECASE,
)
#: A row below all others that adds them up.
TOTALS = re.compile(
    r"(grand |sub)?totals?:?|sum:?|summe|gesamt(summe)?|합계|총계|소계|合計|総計|"
    r"totale?s?( g[eé]n[eé]ral)?|suma",
    re.IGNORECASE,
)
#: Columns of how many, whatever else is in their name: no money.
HOW_MANY = re.compile(r"items|qty|quantity|count\b|units|pieces", re.IGNORECASE)
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
CURRENCY = re.compile(r"currency|통화|währung|waehrung|moneda|devise|valuta|moeda|waluta|通貨", re.IGNORECASE)

#: A share and no amount, however much it is called a discount.
PERCENT = re.compile(r"%|percent|prozent|(^|[ _-])pct\b|_pct$|\brate\b|율$", re.IGNORECASE)

_GERMAN = re.compile(
    r"bestell|beleg|rechnung|auftrag|kunde|artikel|menge|preis|betrag|datum|umsatz|anzahl|rabatt|bezeichnung|"
    r"warengruppe|filiale|mwst|versand|hersteller|geschlecht|straße|strasse|plz",
    re.IGNORECASE,
)


#: Characters that Chinese writes in another way.
_JAPANESE = set("受伝円個売購価顧様")


def language(columns: Iterable[str]) -> str:
    """The language of a file's columns: ``ko``, ``ja``, ``de``, or empty where it cannot be told.

    Examples
    --------
    >>> language(["주문번호", "qty"]), language(["Belegnr", "Menge"]), language(["Order", "Datum"])
    ('ko', 'de', '')
    >>> language(["受注番号", "金額"])
    'ja'
    """
    names = list(columns)
    if any("가" <= letter <= "힣" for name in names for letter in name):
        return "ko"
    if any("ぁ" <= letter <= "ヺ" for name in names for letter in name) or _JAPANESE & set("".join(names)):
        return "ja"
    return "de" if sum(bool(_GERMAN.search(name)) for name in names) > 1 else ""
