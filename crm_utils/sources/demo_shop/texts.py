"""What do customers write? Short Korean texts of parts: hundreds of different ones, themes tied to causes."""

from __future__ import annotations

import itertools

import numpy as np

from crm_utils.sources.demo_shop.arrays import Flags, Ints

__all__ = ["TEXTS", "THEMES", "text_of", "themes"]

#: What is praised, and what is complained of, by theme. Some praise by denying the bad ("늦지 않게"), some
#: complain by denying the good ("좋지 않아요"): counting words alone misreads them.
THEMES = {
    "delivery": (
        (
            "배송이 빨라요",
            "배송이 늦지 않게 왔어요",
            "주문하고 금방 도착했어요",
            "기다리지 않아도 되는 배송이에요",
        ),
        (
            "배송이 너무 늦었어요",
            "배송을 한참 기다렸어요",
            "배송이 빠르지 않아요",
            "배송 지연 안내가 없었어요",
        ),
    ),
    "size": (
        (
            "사이즈가 딱 맞아요",
            "사이즈가 작지 않고 편해요",
            "평소 치수대로 잘 맞아요",
            "사이즈 걱정이 없었어요",
        ),
        ("사이즈가 작아요", "사이즈가 맞지 않아요", "평소 치수보다 크게 나왔어요", "사이즈가 표와 달라요"),
    ),
    "quality": (
        ("소재가 부드러워요", "마감이 나쁘지 않아요", "소재가 탄탄해요", "세탁해도 줄지 않아요"),
        ("마감이 아쉬워요", "소재가 좋지 않아요", "세탁 후에 줄었어요", "소재가 얇아요"),
    ),
    "color": (
        ("색상이 화면과 같아요", "색상이 튀지 않아 좋아요", "색감이 예뻐요", "색상이 마음에 들어요"),
        ("색상이 사진과 달라요", "색상이 예쁘지 않아요", "색감이 칙칙해요", "색상이 화면보다 어두워요"),
    ),
    "price": (
        ("가격 대비 만족해요", "가격이 비싸지 않아요", "할인을 받아 잘 샀어요", "가격이 착해요"),
        ("가격이 비싸요", "가격만큼 좋지는 않아요", "가격이 아까워요", "할인이 적어요"),
    ),
}
OPENINGS = (
    "",
    "처음 샀는데 ",
    "두 번째 구매인데 ",
    "선물용으로 샀어요. ",
    "솔직히 ",
    "기대했는데 ",
    "출근할 때 입는데 ",
)
CLOSINGS = ("", ".", "!", " ㅎㅎ", " ㅠㅠ", ". 참고하세요", ". 포장은 깔끔해요", ". 다음에도 볼게요")

_SAID = [text for sides in THEMES.values() for side in sides for text in side]
TEXTS = tuple(a + b + c for b, a, c in itertools.product(_SAID, OPENINGS, CLOSINGS))
_EACH = len(OPENINGS) * len(CLOSINGS)
_SIDE = 4
_WEIGHTS = {"late": (14.0, 1, 1, 1, 1), "fit": (1.0, 6, 1, 1, 1), "cheap": (1.0, 1, 6, 1, 1)}


def themes(rng: np.random.Generator, late: Flags, fit: Flags, cheap: Flags) -> Ints:
    """What each text is about: the parcel where it came late, the size of shoes and trousers, cheap quality.

    Parameters
    ----------
    late, fit, cheap
        Whether the parcel was late, the goods are of a kind that has to fit, and of the lowest price tier.
    """
    weights = np.ones((len(late), len(THEMES)))
    for cause, there in (("late", late), ("fit", fit), ("cheap", cheap)):
        weights *= np.where(there[:, None], np.array(_WEIGHTS[cause]), 1.0)
    ladder = weights.cumsum(axis=1)
    return np.asarray((rng.random(len(late))[:, None] * ladder[:, -1:] > ladder).sum(axis=1))


def text_of(rng: np.random.Generator, theme: Ints, bad: Flags) -> Ints:
    """Numbers of texts (into TEXTS) on these themes, complaints or praise."""
    n = len(theme)
    said = (theme * 2 + bad) * _SIDE + rng.integers(0, _SIDE, n)
    return np.asarray(said * _EACH + rng.integers(0, _EACH, n))
