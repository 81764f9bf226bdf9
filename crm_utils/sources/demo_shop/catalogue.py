"""What does the simulated shop sell, and where? Korean names, prices in won, and the goods' seasons."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from crm_utils.sources.demo_shop.arrays import Ints

__all__ = [
    "ACQUIRED",
    "ADVERTISED",
    "CATEGORIES",
    "FAR",
    "GENDERS",
    "REGIONS",
    "STORES",
    "SUBCATEGORIES",
    "Catalogue",
    "stock",
]

REGIONS = ("서울 강남", "서울 강북", "서울 강서", "서울 강동", "경기", "인천", "부산", "대구", "제주")
REGION_SHARES = (0.2, 0.16, 0.12, 0.1, 0.22, 0.06, 0.07, 0.04, 0.03)
FAR = (6, 7, 8)
"""Regions (by number) to which parcels take longer."""
GENDERS = ("여성", "남성")
ACQUIRED = ("네이버 검색", "인스타그램 광고", "친구 추천", "매장 방문", "카카오 채널")
ADVERTISED = (1, 4)
"""Ways (by number) of winning customers that are paid advertising; such customers leave sooner."""
STORES = ("강남점", "홍대점", "성수점", "잠실점")
CATEGORIES = ("상의", "하의", "아우터", "원피스", "신발", "가방", "잡화", "언더웨어")
BRANDS = ("한결", "모노서울", "느루", "온도", "해담", "리프앤코")
STYLES = ("베이직", "오버핏", "슬림", "클래식", "데일리", "프리미엄", "소프트", "라이트", "시그니처")

#: Name, category, usual price (won), share of picks, season (−1 winter, 0 all year, 1 summer), who buys it
#: (0 everyone, 1 mostly women, 2 mostly men).
SUBCATEGORIES = (
    ("티셔츠", "상의", 24_000, 9, 1, 0),
    ("셔츠", "상의", 42_000, 6, 0, 0),
    ("니트", "상의", 52_000, 5, -1, 0),
    ("맨투맨", "상의", 39_000, 5, 0, 0),
    ("블라우스", "상의", 45_000, 4, 0, 1),
    ("청바지", "하의", 56_000, 6, 0, 0),
    ("슬랙스", "하의", 49_000, 5, 0, 0),
    ("반바지", "하의", 32_000, 3, 1, 0),
    ("스커트", "하의", 44_000, 4, 0, 1),
    ("레깅스", "하의", 29_000, 3, 0, 1),
    ("코트", "아우터", 168_000, 3, -1, 0),
    ("패딩", "아우터", 149_000, 3, -1, 0),
    ("재킷", "아우터", 98_000, 3, 0, 0),
    ("가디건", "아우터", 58_000, 4, 0, 0),
    ("원피스", "원피스", 69_000, 5, 1, 1),
    ("점프슈트", "원피스", 74_000, 2, 0, 1),
    ("운동화", "신발", 79_000, 5, 0, 0),
    ("구두", "신발", 99_000, 2, 0, 0),
    ("샌들", "신발", 48_000, 2, 1, 0),
    ("부츠", "신발", 118_000, 2, -1, 0),
    ("백팩", "가방", 68_000, 2, 0, 0),
    ("숄더백", "가방", 89_000, 3, 0, 1),
    ("에코백", "가방", 22_000, 3, 0, 0),
    ("넥타이", "잡화", 32_000, 2, 0, 2),
    ("벨트", "잡화", 35_000, 2, 0, 0),
    ("머플러", "잡화", 38_000, 2, -1, 0),
    ("모자", "잡화", 29_000, 3, 0, 0),
    ("귀걸이", "잡화", 19_000, 3, 0, 1),
    ("양말", "언더웨어", 6_000, 6, 0, 0),
    ("속옷", "언더웨어", 18_000, 5, 0, 0),
    ("잠옷", "언더웨어", 39_000, 3, 0, 0),
    ("수영복", "언더웨어", 54_000, 2, 1, 0),
)
TIERS = (0.7, 1.0, 1.6)
"""Price of the three tiers of a kind of goods, as part of the usual price."""
STYLES_A_TIER = 3


@dataclass(frozen=True)
class Catalogue:
    """All products by number: subcategory × tier × style, in this order.

    Attributes
    ----------
    subcategory, tier, brand
        Numbers into SUBCATEGORIES, TIERS and BRANDS.
    name
        What a customer would call it.
    price, margin
        Won for one; prices are multiples of 100.
    launched
        Day of launch, or None when it was always there.
    """

    subcategory: Ints
    tier: Ints
    brand: Ints
    name: tuple[str, ...]
    price: Ints
    margin: Ints
    launched: tuple[dt.date | None, ...]


def stock() -> Catalogue:
    """The goods; the same in every world and for every seed.

    Examples
    --------
    >>> goods = stock()
    >>> len(goods.name), goods.name[0], int(goods.price[0])
    (288, '한결 베이직 티셔츠', 16000)
    """
    kinds, tiers = len(SUBCATEGORIES), len(TIERS)
    number = np.arange(kinds * tiers * STYLES_A_TIER)
    kind, tier, style = (
        number // (tiers * STYLES_A_TIER),
        number // STYLES_A_TIER % tiers,
        number % STYLES_A_TIER,
    )
    brand = (kind * 5 + tier * 2 + style) % len(BRANDS)
    usual = np.array([row[2] for row in SUBCATEGORIES])[kind] * np.array(TIERS)[tier]
    price = (usual * (0.95 + 0.08 * style)).round(-3).astype(np.int64)
    price = np.maximum(price - 100 * (price > 20_000), 1000)  # 29,900 rather than 30,000
    share = 0.42 + 0.03 * ((kind + style) % 5) + 0.02 * tier
    names = tuple(
        f"{BRANDS[b]} {STYLES[t * STYLES_A_TIER + s]} {SUBCATEGORIES[k][0]}"
        for b, t, s, k in zip(brand, tier, style, kind, strict=True)
    )
    # The last style of a tier comes in a later season; until then the first is sold in its place.
    days = [dt.date(2024, 3, 4), dt.date(2024, 9, 2), dt.date(2025, 3, 3)]
    launched = tuple(
        days[k % 3] if s == STYLES_A_TIER - 1 else None for k, s in zip(kind, style, strict=True)
    )
    return Catalogue(kind, tier, brand, names, price, (price * share).round(-1).astype(np.int64), launched)
