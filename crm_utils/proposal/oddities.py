"""What in a file's rows is no sale, no goods, nobody, or money that is given back? Found by words and counts.

``crm new`` says so in the study, with the line to write; what it is, only the shop knows.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["given_back", "no_goods", "nobody", "undone"]

#: Words of orders that came to nothing, or came back.
_UNDONE = re.compile(r"cancel|refund|return|void|storn|retour|gutschrift|취소|반품|환불", re.IGNORECASE)
#: What is on a bill and no goods.
_NO_GOODS = re.compile(
    r"^(porto|versand(kosten)?|fracht|postage|shipping|delivery( fee)?|carriage|배송비|택배비|포장비)\b",
    re.IGNORECASE,
)
#: Whom a till books when nobody says who they are.
_NOBODY = re.compile(r"^(bar(verkauf)?|theke|pos|walk.?in|guest|gast|laufkunde|비회원|현금)", re.IGNORECASE)
_GIVEN_BACK = re.compile(r"refunded|refund amount|discount (amount|total)|환불금액|erstattet", re.IGNORECASE)
#: From this share of the rows on a customer is most likely nobody; of at least so many, among so many others.
_SHARE, _ROWS, _OTHERS = 0.02, 20, 50


def undone(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Columns of few words, some of which mean that a line is no sale; and these words."""
    found = {}
    for name, values in columns.items():
        words = set(values)
        if len(words) <= 20 and (told := sorted(word for word in words if _UNDONE.search(word))):
            found[name] = told
    return found


def no_goods(values: list[str]) -> list[str]:
    """Values of a product's column that are on a bill and no goods, such as postage.

    Examples
    --------
    >>> no_goods(["A-1", "PORTO", "A-2", "PORTO"])
    ['PORTO']
    """
    return sorted({value for value in values if _NO_GOODS.search(value)})


def nobody(values: list[str]) -> list[str]:
    """Values of a customer's column that are a till's, by their word, or by standing in very many rows.

    Examples
    --------
    >>> nobody(["Barverkauf", "1001", *["99999"] * 30, *map(str, range(100, 200))])
    ['99999', 'Barverkauf']
    """
    counts = Counter(values)
    many = [
        value
        for value, rows in counts.items()
        if rows >= max(_ROWS, _SHARE * len(values)) and len(counts) > _OTHERS
    ]
    return sorted({*many, *(value for value in counts if _NOBODY.search(value))})


def given_back(columns: list[str]) -> list[str]:
    """Unused columns that take something off what an order brought."""
    return [name for name in columns if _GIVEN_BACK.search(name)]
