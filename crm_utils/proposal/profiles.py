"""Exports that many shops have, by their headers: a table of data. Other files go the general way.

A profile says which columns tell it, and for each column of the contract what it is made of there: the first
of several that the file has with values. What only the shop can say is said as a LOOK.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm_utils.mapping.expressions import columns_of

__all__ = ["PROFILES", "Profile", "is_expression", "profile_of"]


def _is_known(name: str, columns: Mapping[str, object]) -> bool:
    return _plain(name) in {_plain(column) for column in columns}


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _col(name: str) -> str:
    return f"col({json.dumps(name, ensure_ascii=False)})"


@dataclass(frozen=True)
class Profile:
    """One known export.

    Attributes
    ----------
    name
        What people call it.
    needs
        Columns that tell it: all of them stand in its header.
    columns
        For each column of the contract what it is: columns and expressions, the first that has values.
        An expression begins with ``=``.
    person
        What tells customers apart where there is no ``customer_id``: kind and columns.
    zone
        Of its times, where they are not on the shop's clock.
    looks
        What is to be looked at, a sentence each.
    table
        Of the contract.
    """

    name: str
    needs: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    person: dict[str, tuple[str, ...]] = field(default_factory=dict)
    zone: str = ""
    looks: tuple[str, ...] = ()
    table: str = "order_lines"

    def chosen(self, columns: Mapping[str, list[str]]) -> dict[str, str]:
        """For each column of the contract what the file has of it."""
        sources = {target: _first(choices, columns) for target, choices in self.columns.items()}
        return {target: source for target, source in sources.items() if source}

    def people(self, columns: Mapping[str, list[str]]) -> dict[str, str]:
        """The first of what tells customers apart, with values."""
        for kind, choices in self.person.items():
            if source := _first(choices, columns):
                return {kind: source}
        return {}


def is_expression(source: str) -> bool:
    """Whether a source is an expression, and no column."""
    return source.startswith("=")


def _first(choices: tuple[str, ...], columns: Mapping[str, list[str]]) -> str:
    names = {_plain(name): name for name in columns}
    longest = max(map(len, columns.values()), default=0)
    for choice in choices:
        if is_expression(choice):
            there = [names.get(_plain(name)) for name in columns_of(choice[1:])]
            if all(there):
                text = choice
                for asked, name in zip(columns_of(choice[1:]), there, strict=True):
                    text = text.replace(_col(asked), _col(str(name)))
                return text
        elif (name := names.get(_plain(choice))) and len(columns[name]) * 10 >= longest:
            return name
    return ""


def profile_of(columns: Mapping[str, list[str]]) -> Profile | None:
    """The export that a file's header tells; None where it is none of these."""
    return next((p for p in PROFILES if all(_is_known(name, columns) for name in p.needs)), None)


def _times(one: str, other: str) -> str:
    return f"={_col(one)} * {_col(other)}"


def _less(one: str, other: str) -> str:
    return f"={_col(one)} - {_col(other)}"


def _both(date: str, time: str) -> str:
    return f'=date(concat({_col(date)}, " ", {_col(time)}))'


_REFUNDS = "money given back is no line here: revenue is too high by it"

PROFILES: tuple[Profile, ...] = (
    Profile(
        "Shopify orders",
        ("Name", "Created at", "Lineitem quantity", "Lineitem price"),
        {
            "order_id": ("Name",),
            "customer_id": ("Customer ID",),
            "ordered_at": ("Created at",),
            "product_id": ("Lineitem sku", "Lineitem name"),
            "quantity": ("Lineitem quantity",),
            "amount": (_times("Lineitem quantity", "Lineitem price"),),
            "discount": ("Lineitem discount",),
            "channel": ("Source",),
        },
        {"email": ("Email",), "phone": ("Phone", "Billing Phone", "Shipping Phone")},
        looks=("Total and Subtotal are of the whole order, with shipping and taxes; amount is of the line",),
    ),
    Profile(
        "WooCommerce orders (Advanced Order Export)",
        ("Order Number", "Order Date", "Item Name", "Item Cost"),
        {
            "order_id": ("Order Number",),
            "ordered_at": ("Order Date",),
            "product_id": ("SKU", "Item Name"),
            "quantity": ("Quantity (- Refund)", "Quantity"),
            "amount": (_times("Quantity (- Refund)", "Item Cost"), _times("Quantity", "Item Cost")),
            "customer_id": ("Customer User ID",),
        },
        {"email": ("Email (Billing)",), "phone": ("Phone (Billing)",)},
        looks=("Order Total Amount is of the whole order: amount is what each line says",),
    ),
    Profile(
        "WooCommerce orders (CSV export)",
        ("order_number", "item_name", "item_quantity", "item_total"),
        {
            "order_id": ("order_number",),
            "ordered_at": ("order_date", "date"),
            "product_id": ("item_sku", "item_product_id", "item_name"),
            "quantity": ("item_quantity",),
            "amount": ("item_total",),
            "customer_id": ("customer_id",),
        },
        {"email": ("billing_email", "customer_email"), "phone": ("billing_phone",)},
    ),
    Profile(
        "WooCommerce Analytics orders",
        ("Order #", "Items sold", "N. Revenue"),
        {
            "order_id": ("Order #",),
            "ordered_at": ("Date",),
            "product_id": ("Product(s)",),
            "quantity": ("Items sold",),
            "amount": ("N. Revenue",),
        },
        {"buyer": ("Customer",)},
        looks=("a row is an order, and its products one text: what is bought together cannot be told",),
    ),
    Profile(
        "Square items",
        ("Transaction ID", "Item", "Qty", "Gross Sales", "Net Sales"),
        {
            "order_id": ("Transaction ID",),
            "ordered_at": (_both("Date", "Time"), "Date"),
            "product_id": ("SKU", "Item"),
            "quantity": ("Qty",),
            "amount": ("Net Sales",),
            "discount": (f"=0 - {_col('Discounts')}",),
            "store_id": ("Location",),
            "channel": ("Source",),
            "customer_id": ("Customer ID",),
        },
        looks=("amount is Net Sales: discounts taken off, without tax; Gross Sales is before discounts",),
    ),
    Profile(
        "Stripe payments",
        ("id", "Amount", "Amount Refunded", "Currency", "Status"),
        {
            "order_id": ("id",),
            "ordered_at": ("Created date (UTC)", "Created (UTC)", "Created"),
            "product_id": (f'=coalesce({_col("Description")}, "payment")', '="payment"'),
            "quantity": ("=1",),
            "amount": (_less("Amount", "Amount Refunded"),),
            "customer_id": ("Customer ID",),
        },
        {"email": ("Customer Email",)},
        zone="UTC",
        looks=("a row is a payment, not a line: what is bought together cannot be told",),
    ),
    Profile(
        "Amazon orders (Seller Central)",
        ("amazon-order-id", "purchase-date", "sku", "quantity", "item-price"),
        {
            "order_id": ("amazon-order-id",),
            "ordered_at": ("purchase-date",),
            "product_id": ("sku", "asin"),
            "quantity": ("quantity", "quantity-purchased"),
            "amount": ("item-price",),
            "discount": ("item-promotion-discount",),
            "channel": ("sales-channel",),
        },
        {"email": ("buyer-email",)},
        looks=("item-price is of all pieces of the line, says Amazon: is it so here, and not of one piece?",),
    ),
    Profile(
        "Amazon shipments",
        ("amazon-order-id", "shipment-id", "purchase-date", "sku", "quantity-shipped"),
        {
            "order_id": ("amazon-order-id",),
            "ordered_at": ("purchase-date",),
            "product_id": ("sku",),
            "quantity": ("quantity-shipped",),
            "amount": ("item-price",),
            "discount": ("item-promotion-discount",),
            "channel": ("sales-channel",),
        },
        {"email": ("buyer-email",)},
        looks=("item-price is of all pieces of the line, says Amazon: is it so here, and not of one piece?",),
    ),
    Profile(
        "eBay orders",
        ("Sales Record Number", "Order Number", "Buyer Username", "Item Number", "Sold For"),
        {
            "order_id": ("Order Number",),
            "ordered_at": ("Sale Date",),
            "product_id": ("Custom Label", "Item Number"),
            "quantity": ("Quantity",),
            "amount": (_times("Quantity", "Sold For"),),
        },
        {"account": ("Buyer Username",)},
        looks=(
            "Sold For is of one piece, says eBay: is it so here?",
            "Total Price is with postage and tax: amount is what each line says",
        ),
    ),
    Profile(
        "Amazon order history",
        ("Order ID", "Order Date", "Quantity", "Unit Price", "Total Owed", "ASIN"),
        {
            "order_id": ("Order ID",),
            "ordered_at": ("Order Date",),
            "product_id": ("ASIN", "Product Name"),
            "quantity": ("Quantity",),
            "amount": (_times("Quantity", "Unit Price"),),
        },
        looks=("Unit Price is of one piece: amount is quantity times that, without tax and shipping",),
    ),
    Profile(
        "Amazon sale report",
        ("Order ID", "Date", "SKU", "ASIN", "Qty", "Amount"),
        {
            "order_id": ("Order ID",),
            "ordered_at": ("Date",),
            "product_id": ("SKU",),
            "quantity": ("Qty",),
            "amount": ("Amount",),
            "channel": ("Sales Channel",),
        },
    ),
    Profile(
        "Etsy sold items",
        ("Sale Date", "Item Name", "Buyer", "Quantity", "Price", "Order ID"),
        {
            "order_id": ("Order ID",),
            "ordered_at": ("Sale Date",),
            "product_id": ("Listing ID", "SKU", "Item Name"),
            "quantity": ("Quantity",),
            "amount": ("Item Total", _times("Quantity", "Price")),
            "discount": ("Discount Amount",),
        },
        {"account": ("Buyer",)},
        looks=(
            "Item Total is before Discount Amount: if that is yours to pay, amount: {expression: "
            '\'col("Item Total") - col("Discount Amount")\'}',
        ),
    ),
    Profile(
        "Magento order items",
        ("increment_id", "sku", "price", "qty_ordered"),
        {
            "order_id": ("increment_id",),
            "ordered_at": ("created_at",),
            "product_id": ("sku",),
            "quantity": ("qty_ordered",),
            "amount": ("row_total", _times("price", "qty_ordered")),
            "discount": ("discount_amount",),
            "customer_id": ("Customer ID", "customer_id"),
        },
        {"email": ("customer_email",)},
        looks=("grand_total is of the whole order, with shipping and tax: amount is what each line says",),
    ),
    Profile(
        "Magento orders",
        ("ID", "Purchase Date", "Grand Total (Base)", "Status"),
        {
            "order_id": ("ID", "Order #"),
            "ordered_at": ("Purchase Date",),
            "product_id": ('="order"',),
            "quantity": ("=1",),
            "amount": ("Subtotal", "Grand Total (Purchased)", "Grand Total (Base)"),
            "store_id": ("Purchase Point",),
        },
        {"email": ("Customer Email",), "buyer": ("Customer Name", "Bill-to Name")},
        looks=("a row is an order: what is bought together cannot be told",),
    ),
    Profile(
        "Olist order items",
        ("order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value"),
        {
            "order_id": ("order_id",),
            "product_id": ("product_id",),
            "ordered_at": ("order_purchase_timestamp",),
            "quantity": ("=1",),
            "amount": ("price",),
            "customer_id": ("customer_unique_id", "customer_id"),
        },
        looks=("freight_value is not in amount",),
    ),
    Profile(
        "Superstore",
        ("Order ID", "Order Date", "Product Name", "Sales", "Quantity"),
        {
            "order_id": ("Order ID",),
            "ordered_at": ("Order Date",),
            "product_id": ("Product ID", "Product Name"),
            "quantity": ("Quantity",),
            "amount": ("Sales",),
            "customer_id": ("Customer ID",),
        },
        {"buyer": ("Customer Name",)},
        looks=("Discount is a share of the list price, and no amount: it is left out",),
    ),
    Profile(
        "supermarket sales (Kaggle)",
        ("Invoice ID", "Branch", "Product line", "Unit price", "Quantity", "cogs"),
        {
            "order_id": ("Invoice ID",),
            "ordered_at": (_both("Date", "Time"), "Date"),
            "product_id": ("Product line",),
            "quantity": ("Quantity",),
            "amount": ("cogs",),
            "store_id": ("Branch",),
        },
        looks=(
            "Total is with 5 % tax, cogs without it: amount is cogs; which does the shop call revenue?",
            "Customer type says of what kind a customer is, not who: every order is a guest's",
        ),
    ),
    Profile(
        "Naver SmartStore orders",
        ("상품주문번호", "주문번호", "상품번호", "수량"),
        {
            "order_id": ("주문번호",),
            "ordered_at": ("주문일시", "결제일"),
            "product_id": ("상품번호", "상품명"),
            "quantity": ("수량",),
            "amount": ("상품별 총 주문금액", "최종 상품별 총 주문금액", _times("수량", "상품가격")),
            "discount": ("판매자 부담 할인액", "최종 상품별 할인액", "상품별 할인액"),
            "channel": ("판매채널",),
        },
        {"account": ("구매자ID",)},
        looks=(
            "구매자ID is masked (ab12****): two buyers of the same first letters become one",
            "discount is what the seller pays, and taken off in the amount already",
        ),
    ),
    Profile(
        "Cafe24 orders",
        ("주문번호", "품목별 주문번호", "수량"),
        {
            "order_id": ("주문번호",),
            "ordered_at": ("주문일시", "주문일", "결제일시(입금확인일)"),
            "product_id": ("상품번호", "상품코드", "자체 상품코드", "상품품목코드", "주문상품명"),
            "quantity": ("수량",),
            "amount": (
                "상품구매금액(KRW)",
                "상품구매금액",
                _times("수량", "판매가"),
                _times("수량", "상품금액"),
            ),
            "channel": ("주문경로",),
        },
        {
            "account": ("주문자ID", "주문자 아이디"),
            "email": ("주문자 이메일",),
            "phone": ("주문자 휴대전화",),
        },
        looks=("총 결제금액 is of the whole order, with postage: amount is what each line says",),
    ),
    Profile(
        "Coupang orders (WING)",
        ("묶음배송번호", "주문번호", "결제액", "구매수(수량)"),
        {
            "order_id": ("주문번호",),
            "ordered_at": ("주문일", "주문시"),
            "product_id": ("옵션ID", "노출상품ID", "업체상품코드", "등록상품명"),
            "quantity": ("구매수(수량)",),
            "amount": ("결제액",),
        },
        looks=(
            "구매자전화번호 is a number lent for one delivery (0502 …), which tells nobody again: "
            "every order is a guest's",
        ),
    ),
    Profile(
        "Salesforce opportunities with products",
        ("Opportunity Name", "Close Date", "Product Name", "Quantity", "Total Price"),
        {
            "order_id": ("Opportunity ID", "Opportunity Name"),
            "customer_id": ("Account ID", "Account Name"),
            "ordered_at": ("Close Date",),
            "product_id": ("Product Code", "Product Name"),
            "quantity": ("Quantity",),
            "amount": ("Total Price",),
        },
        looks=(
            "an opportunity is a sale where its stage is won: leave_out the others",
            "a customer is an account, and Close Date the day of its order",
        ),
    ),
    Profile(
        "Salesforce orders with products",
        ("Order Number", "Order Start Date", "Product Name", "Quantity", "Total Price"),
        {
            "order_id": ("Order Number",),
            "customer_id": ("Account ID", "Account Name"),
            "ordered_at": ("Order Start Date",),
            "product_id": ("Product Code", "Product Name"),
            "quantity": ("Quantity",),
            "amount": ("Total Price",),
        },
        looks=("a customer is an account; orders in Draft are none yet",),
    ),
    Profile(
        "Google Analytics 4, purchased items",
        ("Transaction ID", "Date", "Item name", "Items purchased", "Item revenue"),
        {
            "order_id": ("Transaction ID",),
            "ordered_at": ("Date",),
            "product_id": ("Item ID", "Item name"),
            "quantity": ("Items purchased",),
            "amount": ("Item revenue",),
            "customer_id": ("Effective user ID", "User ID"),
        },
        looks=("visitors who agreed to nothing are not in it: fewer orders than the shop had",),
    ),
    Profile(
        "Google Analytics 4, items of purchases (BigQuery, flat)",
        ("transaction_id", "event_date", "item_name", "item_revenue"),
        {
            "order_id": ("transaction_id",),
            "ordered_at": ("event_date",),
            "product_id": ("item_id", "item_name"),
            "quantity": ("quantity", "item_quantity", "=1"),
            "amount": ("item_revenue",),
        },
        {"account": ("user_id",), "device": ("user_pseudo_id",)},
        looks=("the export itself is read as it is by kind: ga4, with every visit",),
    ),
)
