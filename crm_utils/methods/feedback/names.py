"""Which words of these texts are given names? By lists, by the form of a word, and by what the shop says.

A given name alone (민수가, Kevin) is built like any other word. So three things tell: a list of common names;
a form that people have and things do not (민준이가, 가람님, 가람한테; in English a capital in mid-sentence);
and the names that a study gives. A name that is a word too (지연, Grace) is one where enough of its uses have
that form.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crm_utils.methods.feedback.given_names import KOREAN, KOREAN_WORDS, LATIN, NO_NAMES
from crm_utils.methods.feedback.masking import GIVEN, MASK, ROLES, SURNAMES, mask_names

__all__ = ["PERSONAL_SHARE", "Names", "names_in"]

PERSONAL_SHARE = 0.2
"""Of the uses of a Korean word: from so many in a form that only persons have on, it is a name."""
LARGE_SHARE = 0.25
"""Of the uses of a word of another script in mid-sentence: from so many with a capital on, it is a name."""

_TITLES = "님|씨|쌤|샘|언니|오빠|누나|삼촌|이모"
_TO_PEOPLE = f"한테|에게|께서|께|{_TITLES}"
_YOUNG = r"(?:양|군)(?:이|은|을|의|도|$)"
_WORKERS = "매니저|점장|실장|원장|팀장|과장|대리|디자이너|기사|직원|상담원|상담사|선생|사장|대표|담당"
_ENDING = re.compile(
    rf"이?(?:(?:{_TITLES}|양|군|{_WORKERS})님?|네)?"
    r"(?:이?(?:가|는|를|의|도|만|와|과|랑|야|라|라고|라는|란|네|네요|다|라서|예요|에요|였어요|었어요"
    r"|입니다|였습니다|었습니다|나|든)"
    r"|은|을|이|아|하고|한테서?|에게서?|께서?|처럼|보다|들|같은|같이|덕분에|덕에|때문에|말고|밖에|뿐|까지"
    r"|부터|조차|마저|임|인데|최고|짱)?(?:는|도|만|요)?"
)
#: Behind a surname: two syllables, the second none that a particle or an ending is (안경은, 마주하는).
_FULL_NAME = re.compile(rf"([가-힣][^\W은하나다라리이가의도만자])({_ENDING.pattern})")
#: What no particle of a plain noun begins with, whatever stands behind it without a blank.
_AFTER_A_NAME = re.compile(rf"이(?:가|는|를|의|한테|에게)|{_TO_PEOPLE}|가|는|를|랑|덕분|때문")
#: Of a listed word, by whether it ends in a consonant: forms that people have.
_PERSONAL = {
    True: re.compile(rf"이(?:가|는|를|의|도|한테|에게)|아(?![가-힣])|{_TO_PEOPLE}|{_YOUNG}"),
    False: re.compile(rf"{_TO_PEOPLE}|{_YOUNG}"),
}
#: Of a word in no list: without 양 and 군 (제품군) and without a call (좋아).
_STRANGER = {
    True: re.compile(rf"이(?:가|는|를|한테|에게)|한테|에게|께서|{_TITLES}"),
    False: re.compile(rf"한테|에게|께서|{_TITLES}"),
}
_NOT_NAMES = """
고객 사장 기사 대표 선배 후배 자신 자식 지인 상대 남자 주인 애인 연인 장인 상사 배우 가족 관객 타인 본인 부모
시모 장모 신부 신랑 하나 원장 회원 남매 자매 형제 조상 종교 학교 회사 가게 상점 점원 소비 시민 국민 주민 인종
자기 아기 애기 상전 장사 판사 의사 약사 교사 강사 성인 서민 미인 한인 원숭 세대 대중 사위 형사 학원 일병 예수
소지 대장 장군 가수 노인 동인 중년 소년 청년 유아 아이 외국 모자 부자 여자 전문 담당 상담 안내 배송 택배 이모
고모 숙모 도사 천사 악마 무사 용사 전사
"""
"""People without a name, and words that end in 이: what is given or said to them is no name's form."""
_PEOPLE = frozenset(_NOT_NAMES.split())
_HANGUL = re.compile(r"[가-힣]+")
_PAIR = re.compile(rf"(?<![가-힣])([가-힣]{{2,4}})\s+(?:({_TITLES})|{_WORKERS})")
_RUN = re.compile(r"[가-힣]+|[^\W\d_가-힣]+(?:['’-][^\W\d_가-힣]+)*")
_GERMAN = re.compile(r"\b(?:und|nicht|ist|ich|das|sehr|auch|mit|wurde|aber)\b", re.I)
"""German writes all nouns with a capital: there it tells no name."""
_MID = re.compile(r"[ ,;&-]*")


@dataclass(frozen=True)
class Names:
    """The given names of a set of texts.

    Attributes
    ----------
    given
        The shop's own names: hidden in every form, and whatever they begin.
    always
        Korean names: hidden with every particle.
    personal
        Korean words that are names too: hidden only in forms that persons have.
    latin
        Names in other scripts, small.
    """

    given: frozenset[str]
    always: frozenset[str]
    personal: frozenset[str]
    latin: frozenset[str]
    _seen: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def masked(self, text: str) -> str:
        """Hide given names, and what :func:`.masking.mask_names` hides.

        Examples
        --------
        >>> names_in([]).masked("민수가 친절했어요"), names_in([]).masked("thanks to kevin's team")
        ('… 친절했어요', 'thanks to … team')
        """
        return _RUN.sub(lambda m: MASK if self.is_one(m[0]) else m[0], mask_names(text))

    def is_one(self, word: str) -> bool:
        """Whether a run of letters, with its particles, is a given name."""
        known = self._seen.get(word)
        if known is None:
            known = self._korean(word) if _HANGUL.match(word) else self._latin(word.lower())
            self._seen[word] = known
        return known

    def _latin(self, word: str) -> bool:
        plain = re.sub(r"['’]s?$", "", word)
        parts = re.split(r"['’-]", plain)
        return any(
            each in self.latin or each in self.given or each.removesuffix("s") in self.given
            for each in (word, plain, *parts)
            if each
        )

    def _korean(self, word: str) -> bool:
        for run in _without_front(word):
            if any(name in (run[: len(name)], run[1 : len(name) + 1]) for name in self.given):
                return True
            full = _FULL_NAME.fullmatch(run[1:])
            if full and full[1] in KOREAN and run[0] in SURNAMES and not run.startswith("우리"):
                return True
            for size in range(2, min(len(run), 5) + 1):
                stem, rest = run[:size], run[size:]
                if stem in self.always and (_ENDING.fullmatch(rest) or _AFTER_A_NAME.match(rest)):
                    return True
                if stem in self.personal and _PERSONAL[_closed(stem)].match(rest):
                    return True
        return False


def names_in(texts: Iterable[str], *, hide: Iterable[str] = (), show: Iterable[str] = ()) -> Names:
    """Find the given names of texts, as they were written.

    Parameters
    ----------
    texts
        With their capitals: these tell a name from a word.
    hide
        Names that the shop knows: hidden wherever a word begins with one.
    show
        Words that are no names, whatever their form (a brand); ``hide`` goes before.

    Returns
    -------
    Names

    Notes
    -----
    A Korean word of two syllables that names are made of is a name where a fifth of its uses have a form
    that only people have; a word of another script where a quarter of its uses in mid-sentence have a
    capital. Texts all in capitals, titles, Korean and German texts tell nothing of capitals. What is neither
    listed nor ever written so is not found.

    Examples
    --------
    >>> names = names_in(["Ask for Siobhan.", "가람님이 골라 줬어요", "가람이 최고", "지연 안내가 없어요"])
    >>> names.masked("siobhan was kind"), names.masked("가람이 최고"), names.masked("지연이 잦아요")
    ('… was kind', '… 최고', '지연이 잦아요')
    """
    given = frozenset(part for name in hide for part in _plain(name).lower().split())
    shown = frozenset(part for word in show for part in _plain(word).lower().split())
    forms: Counter[str] = Counter()
    called: Counter[str] = Counter()
    large: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for raw in texts:
        text = _plain(raw)
        forms.update(set(_HANGUL.findall(text)))
        called.update(set(_called(text)))
        for word, capital in _cased(text):
            (large if capital else small)[word] += 1
    learnt = _learnt_korean(forms, called)
    written = {w for w, n in large.items() if n >= LARGE_SHARE * (n + small[w])} - NO_NAMES
    return Names(
        given,
        (KOREAN | learnt) - shown,
        KOREAN_WORDS - learnt - shown,
        (LATIN | written) - shown,
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _closed(stem: str) -> bool:
    """Whether the last syllable ends in a consonant: then a name takes 이 before its particle."""
    return (ord(stem[-1]) - ord("가")) % 28 > 0


def _without_front(run: str) -> Iterator[str]:
    """The run, and what is left of it without a role before it."""
    yield run
    if (role := re.match(rf"(?:{ROLES}|{_WORKERS})님?", run)) and role.end() < len(run):
        yield run[role.end() :]


def _is_built_like_a_name(stem: str) -> bool:
    return stem[0] in GIVEN and stem[1] in GIVEN and stem not in _PEOPLE


def _called(text: str) -> Iterator[str]:
    """Words before a title that stands apart (민수 씨); before somebody's work only what may be a name."""
    for name, title in _PAIR.findall(text):
        if name in KOREAN_WORDS or (title in ("님", "씨", "쌤") and len(name) == 2):
            yield name


def _learnt_korean(forms: Counter[str], called: Counter[str]) -> frozenset[str]:
    personal, uses = Counter(called), Counter[str]()
    for run, n in forms.items():
        for size in (2, 3, 4):
            stem, rest = run[:size], run[size:]
            listed = stem in KOREAN_WORDS
            if len(stem) < size or not (listed or (size == 2 and _is_built_like_a_name(stem))):
                continue
            people = (_PERSONAL if listed else _STRANGER)[_closed(stem)]
            if people.match(rest):
                personal[stem] += n
                uses[stem] += n
            elif _ENDING.fullmatch(rest):
                uses[stem] += n
    return frozenset(
        stem
        for stem, n in personal.items()
        if n >= PERSONAL_SHARE * uses[stem] and (stem in KOREAN_WORDS or _is_built_like_a_name(stem))
    )


def _cased(text: str) -> Iterator[tuple[str, bool]]:
    """Words in mid-sentence, small, and whether each has a capital; of texts that tell it."""
    words = list(_RUN.finditer(text))
    middle = [
        word[0]
        for before, word in itertools.pairwise(words)
        if _MID.fullmatch(text[before.end() : word.start()])
    ]
    large = [word[0].isupper() and not word.isupper() for word in middle]
    if _HANGUL.search(text) or _GERMAN.search(text) or (len(middle) > 3 and sum(large) > len(middle) / 2):
        return
    writes_capitals = bool(words) and words[0][0][0].isupper() and not text.isupper()
    for word, capital in zip(middle, large, strict=True):
        plain = re.sub(r"['’]s?$", "", word).lower()
        if len(plain) > 1 and (capital or writes_capitals):
            yield plain, capital
