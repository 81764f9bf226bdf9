"""What a heading is made of: parts of words in a dozen languages, put together as shops put them.

A list of whole names cannot hold Kd.-Nr., N° client and 고객코드: a word for who, and one for a number.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["ABOUT", "ROOTS", "plain_name"]

_NUMBER = (
    "id|ids|no|nr|num|nbr|number|numbers|code|key|ref|reference|uid|guid|nummer|numero|cod|codigo|codice|kod|"
    "kodu|numer|番号|コード|编号|번호|코드|아이디|номер|код"
)
_OF = "de|du|del|della|der|da|do|d|of|des|la"
_WHO = (
    "customer|customers|cust|client|clients|member|members|buyer|shopper|patron|guest|account|acct|user|"
    "subscriber|loyaltycard|kunde|kunden|kundenkarte|kd|mitglied|mitglieds|kaufer|cliente|clienti|clientes|"
    "socio|acheteur|adherent|compte|klant|klanten|klient|klienta|kund|kunde|musteri|asiakas|zakaznik|"
    "会員|顧客|お客様|客户|会员|고객|회원|거래처|клиент|клиента|покупатель"
)
_ORDER = (
    "order|orders|purchase|po|purchaseorder|salesorder|so|invoice|inv|bill|receipt|sale|transaction|txn|trx|"
    "check|basket|voucher|auftrag|auftrags|bestellung|bestell|beleg|rechnung|rechnungs|bon|kassenbon|"
    "kassenzettel|commande|facture|ticket|vente|pedido|orden|factura|venta|ordine|fattura|scontrino|vendita|"
    "encomenda|venda|bestelling|factuur|zamowienie|zamowienia|paragon|siparis|fatura|ordre|"
    "注文|受注|伝票|購入|レシート|订单|주문|거래|전표|영수증|매출|결제|заказ|заказа|чек"
)
_WHAT = (
    "product|products|prod|item|items|article|art|artikel|art|sku|part|parts|material|goods|style|service|"
    "variant|plan|producto|productos|articulo|produit|prodotto|articolo|produto|artigo|produkt|produktu|urun|"
    "tuote|商品|品目|製品|メニュー|产品|상품|품목|제품|자재|메뉴|товар|товара"
)
_CALLED = "name|title|desc|description|label|bez|bezeichnung|text|nom|nombre|nome|nazwa|naam|名|名称|명|이름"
_DAY = (
    "date|dates|datetime|datum|fecha|data|tarih|tarihi|day|dt|日|日付|日時|年月日|일|일자|일시|날짜|дата|"
    "created|createdat|createdon|timestamp|at|on"
)
_PIECES = (
    "qty|qtys|quantity|menge|anz|anzahl|stk|stck|stuck|pcs|piece|pieces|unit|units|cant|cantidad|quantite|qte|"
    "quantita|qta|quantidade|qtd|qtde|aantal|ilosc|adet|miktar|antal|数量|個数|点数|수량|개수|количество|колво"
)
_MONEY = (
    "amount|amt|total|totals|price|value|sales|revenue|turnover|gesamt|gesamtbetrag|gesamtsumme|zeilensumme|"
    "positionsbetrag|betrag|summe|umsatz|erlos|montant|importe|monto|total|totale|importo|valor|bedrag|totaal|"
    "kwota|wartosc|tutar|toplam|belopp|小計|金額|合計|売上|金额|总价|금액|합계|매출|매출액|сумма"
)
_NET = (
    "net|netto|line|lines|row|item|items|order|orders|ext|extended|gross|brutto|paid|subtotal|sub|total|"
    "position|pos|ligne|linea|riga|product|sale|ht|ttc|hors|taxes|excl|incl|tax|vat|usd|eur|gbp|krw|jpy|"
    "neto|net|실|실결제|결제|주문|판매|상품|공급|총|税込|税抜|商品|販売"
)


def _made_of(main: str, beside: str) -> re.Pattern[str]:
    """Words of one kind with any of another before and behind them, and nothing else."""
    return re.compile(rf"(?:(?:{beside}|{_OF})\s?)*(?:{main})(?:\s?(?:{beside}|{_OF}))*")


#: Of each column of order lines, what its heading is made of; of plain names, their words apart.
ROOTS = {
    "order_id": _made_of(_ORDER, _NUMBER),
    "customer_id": _made_of(_WHO, _NUMBER),
    "product_id": _made_of(_WHAT, f"{_NUMBER}|{_CALLED}"),
    "ordered_at": _made_of(_DAY, f"{_ORDER}|date|time|sold|ordered|purchased|placed|utc|local|achat|구매"),
    "quantity": _made_of(_PIECES, f"{_ORDER}|{_WHAT}|sold|ordered|shipped|vendu|vendida|판매"),
    "amount": _made_of(_MONEY, _NET),
    "price": _made_of("price|prix|precio|prezzo|preco|preis|prijs|cena|fiyat|単価|価格|단가|판매가|가격|цена",
                      "unit|unitario|unitaire|einzel|e|stuck|list|item|net|ht|ttc|per|piece|each"),
}  # fmt: skip
#: What is said *about* an order or a customer, and numbers neither.
ABOUT = re.compile(
    r"(status|state|total|totals|amount|value|price|count|type|kind|source|channel|method|date|time|day|"
    r"note|notes|comment|comments|currency|language|age|city|town|country|region|since|rating|score|"
    r"satisfaction|discount|tax|tags?|상태|금액|일자|일시|경로|등급|状態|金額|日)$"
)


def plain_name(name: str) -> str:
    """A heading in small letters without accents and marks, its words apart.

    Examples
    --------
    >>> plain_name("N° Client"), plain_name("Kd.-Nr."), plain_name("Order #"), plain_name("lineTotal")
    ('no client', 'kd nr', 'order no', 'line total')
    """
    apart = unicodedata.normalize("NFD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    text = unicodedata.normalize("NFKC", re.sub("[\u0300-\u036f]", "", re.sub("\\b[nN][°º]", "no ", apart)))
    text = text.replace("#", " no ").replace("№", " no ")
    return " ".join(re.sub(r"[\W_]+", " ", text).casefold().split())
