"""What of a text may be looked at? Not addresses, not digits, not what is called a person."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["MASK", "is_like_a_name", "mask_names", "plain_text"]

MASK = "…"
"""What stands for a person."""
_EMAIL = re.compile(r"\S+[@＠]\S+")
_ROLES = (
    "고객|사장|기사|택배기사|배송기사|선생|직원|상담원|상담사|점장|매니저|판매자|부모|어머|아버|손|여러분|대표|담당자"
    "|실장|팀장|과장"
)
_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염여추"
    "도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)
_NAMED = re.compile(
    rf"(?<![가-힣])(?!(?:{_ROLES})(?:님|씨|\b))[{_SURNAMES}][가-힣]{{1,2}}(?=\s*(?:{_ROLES}|님|씨))"
)
_TITLED = re.compile(rf"\b(?!(?:{_ROLES})(?:님|씨))[가-힣]{{2,4}}(?=(?:님|씨)(?:\b|[이가은는을를의도께]))")
_LATIN = re.compile(r"\b(?:mr|mrs|ms|miss|dr)\.?\s+[a-z]+", re.I)


def is_like_a_name(word: str) -> bool:
    """Whether a proper noun is built like a Korean name: a surname and two syllables.

    Examples
    --------
    >>> is_like_a_name("김민수"), is_like_a_name("나이키샵")
    (True, False)
    """
    return len(word) == 3 and word[0] in _SURNAMES


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
    """Hide what is called a person: a name before 님, 씨 or a role, or after Mr and Ms.

    Examples
    --------
    >>> mask_names("김민수 기사님이 늦었어요"), mask_names("고객님 안내"), mask_names("이영희씨 전화")
    ('… 기사님이 늦었어요', '고객님 안내', '…씨 전화')
    """
    text = _NAMED.sub(MASK, _LATIN.sub(MASK, text))
    return re.sub(
        rf"\b(?!(?:{_ROLES})(?:님|씨))[가-힣]{{2,4}}(?=(?:님|씨)(?:\b|[이가은는을를의도께]))", MASK, text
    )
