"""What of a text may be looked at? Not addresses, not digits, not what is called a person."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["GIVEN", "MASK", "ROLES", "SURNAMES", "is_like_a_name", "mask_names", "plain_text"]

MASK = "…"
"""What stands for a person."""
_EMAIL = re.compile(r"\S+[@＠]\S+")
ROLES = (
    "고객|사장|기사|택배기사|배송기사|선생|직원|상담원|상담사|점장|매니저|판매자|부모|어머|아버|손|여러분|대표|담당자"
    "|실장|팀장|과장"
)
SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염여추"
    "도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)
_NAMED = re.compile(
    rf"(?<![가-힣])(?!(?:{ROLES})(?:님|씨|\b))[{SURNAMES}][가-힣]{{1,2}}(?=\s*(?:{ROLES}|님|씨))"
)
_TITLED = re.compile(rf"\b(?!(?:{ROLES})(?:님|씨))[가-힣]{{2,4}}(?=(?:님|씨)(?:\b|[이가은는을를의도께]))")
#: A full name without a title: a frequent surname and two syllables that names are made of, the second none
#: that a particle or an ending of an adjective is (가, 를, 도, 한, …), so 이해가 and 지루한 are words.
_FREQUENT = (
    "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현"
)
GIVEN = (
    "강건경관광교구국규근금기길나남단대덕동두람량령례리린림맑명모무문미민배백범별병복봉비빈빛사삼상새샘서석선설섭성세소솔"
    "송수숙순숭슬승시식신심아안애양언얼연열엽영예오옥온완용욱운웅원월위유윤율은음익인일자작장재전정제조종주준중지진찬창채천"
    "철청초춘충치태택표필하학향혁현형혜호홍화환황효후훈휘희"
)
_NAME = re.compile(
    rf"(?<![가-힣])[{_FREQUENT}][{GIVEN}가다도라보해][{GIVEN}]"
    r"(?=(?:이가|이는|이를|이의|이랑|에게|한테|께서|이|가|은|는|을|를|의|도|와|과|랑|만)?(?![가-힣]))"
)
#: Everyday words, and beginnings of such words, that are built like a name and frequent in published reviews.
_WORDS = re.compile(
    "하지만|이지만|이영화|이미지|이래서|차라리|한동안|오래전|차기작|하하하|하길래|이세상|한가지|차가운|강아지"
    "|(?:배송|주문|고객|문제|문자|전화|하자|원단|신발|안감|우리|하나|배우|남자|원작|주제|구성|조금|지금|한국|전기|노래|정도"
    "|주소|주말|전자|전체|전부|고장|고무|공장|공기|방문|방송|안경|안전|유리|장사|장식|조심|조사|주차|지하|진열|채소|천연"
    "|하루|현재|현장|송장)."
)
_LATIN = re.compile(r"\b(?:mr|mrs|ms|miss|dr)\.?\s+[a-z]+", re.I)


def is_like_a_name(word: str) -> bool:
    """Whether a proper noun is built like a Korean name: a surname and two syllables.

    Examples
    --------
    >>> is_like_a_name("김민수"), is_like_a_name("나이키샵")
    (True, False)
    """
    return len(word) == 3 and word[0] in SURNAMES


def plain_text(text: str) -> str:
    """A text in one form, without addresses and digits: composed letters, small ones, single blanks.

    Examples
    --------
    >>> plain_text("Call 010-1234-5678,  or KIM@example.com!")
    'call # , or #'
    """
    text = unicodedata.normalize("NFC", text).lower()
    text = _EMAIL.sub(" # ", text)
    return " ".join(re.sub(r"[\d][\d\s().\-–+]*", " # ", text).split())


def mask_names(text: str) -> str:
    """Hide what is called a person (before 님, 씨 or a role, after Mr and Ms) or built like a full name.

    Some everyday words are built so too and are hidden with the names. For given names alone: :mod:`.names`.

    Examples
    --------
    >>> mask_names("김민수 기사님이 늦었어요"), mask_names("고객님 안내"), mask_names("이영희씨 전화")
    ('… 기사님이 늦었어요', '고객님 안내', '…씨 전화')
    >>> mask_names("김민수가 던지고 갔어요"), mask_names("배송은 빨라요 하지만")
    ('…가 던지고 갔어요', '배송은 빨라요 하지만')
    """
    text = _TITLED.sub(MASK, _NAMED.sub(MASK, _LATIN.sub(MASK, text)))
    return _NAME.sub(lambda m: m[0] if _WORDS.fullmatch(m[0]) else MASK, text)
