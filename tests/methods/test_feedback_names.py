"""A given name alone reaches no page, in whatever form five customers wrote it; honest words stay."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import Counter
from itertools import cycle

import numpy as np
import pandas as pd
import pytest

from crm_utils.methods.feedback import Themes, find_themes
from crm_utils.methods.feedback.masking import mask_names, plain_text
from crm_utils.methods.feedback.names import names_in
from crm_utils.sentences import feedback as words

#: Forms of a staff name in a made-up shop: with particles, a call, titles, glued to what follows.
KOREAN_FORMS = (
    "{x}{i}가 친절했어요 상자가 튼튼해요", "{x}{i}는 최고예요 포장이 예뻐요",
    "{x}{i}한테 물어봤어요 상자가 튼튼해요",
    "직원 {x}{i}랑 골랐어요 포장이 예뻐요", "{x}{a} 고마워요 포장이 예뻐요",
    "{x}님 덕분에 샀어요 포장이 예뻐요",
    "{x} 최고 상자가 튼튼해요", "{x}씨가 골라 줬어요 상자가 튼튼해요", "매니저 {x} 쌤 추천 상자가 튼튼해요",
)  # fmt: skip
#: A listed name, a rare one, and names that are words too (지은 옷, 유리).
KOREAN_STAFF = ("민수", "지훈", "율희", "솔채", "지은", "유리", "케빈")
ENGLISH_FORMS = (
    "{x} was so kind and the wrapping is lovely", "Thanks to {x} at the till. The wrapping is lovely",
    "thanks to {low} at the till, the wrapping is lovely", "{up} WAS SO KIND AND THE WRAPPING IS LOVELY",
    "I loved {x}'s advice. The wrapping is lovely", "Ask for {x}, the wrapping is lovely",
    "lovely help from {low} in the shop", "Shout out to {x} for the advice",
)  # fmt: skip
#: Listed, rare, words too.
ENGLISH_STAFF = ("Kevin", "Siobhan", "Oluwaseun", "Saoirse", "Grace", "Mark")
FILLER = (
    "색상이 화면과 같아요",
    "치수가 넉넉해요",
    "유리잔이 깨졌어요",
    "천이 얇아요",
    "값이 싸요",
    "상자가 커요",
)
ENGLISH_FILLER = (
    "The shirt has a stain and will not wash", "Sleeves are too long", "The colour may fade",
    "It was a nice gift", "Delivery took a week", "the fabric feels thin",
)  # fmt: skip


def ending(name: str) -> dict[str, str]:
    closed = (ord(name[-1]) - ord("가")) % 28 > 0
    return {"x": name, "i": "이" if closed else "", "a": "아" if closed else "야"}


def sample(spoken: list[str], filler: tuple[str, ...], *, low: int) -> pd.DataFrame:
    """A text a customer."""
    said = [*spoken, *(text for text, _ in zip(cycle(filler), range(400), strict=False))]
    return pd.DataFrame({
        "feedback_id": [f"f{low}-{n}" for n in range(len(said))],
        "person": [f"c{low}-{n}" for n in range(len(said))],
        "kind": "nps", "low": low, "day": dt.date(2024, 5, 1), "text": said,
    })  # fmt: skip


def shown(themes: Themes) -> str:
    """All that is saved or put on a page of these texts, small."""
    page = [*words.themes_words(themes), words.themes_title(themes), words.themes_table(themes)._repr_html_()]
    return " ".join([themes.words.to_csv(), themes.used.to_csv(), *page]).lower()


@pytest.mark.parametrize("analyser", ["blanks", "kiwipiepy"])
@pytest.mark.parametrize("side", [0, 1], ids=["praised", "blamed"])
def test_staff_named_by_many_in_korean_stand_in_no_word_and_no_quote(side: int, analyser: str) -> None:
    if analyser == "kiwipiepy":
        pytest.importorskip("kiwipiepy")
    spoken = [form.format(**ending(x)) for x in KOREAN_STAFF for form in KOREAN_FORMS] * 12
    both = pd.concat(
        [sample([*FILLER] * 20, FILLER, low=1 - side), sample(spoken, FILLER, low=side)], ignore_index=True
    )
    result = find_themes(both, analyser=analyser)
    said = shown(result)
    assert {"포장이", "예뻐요", "골라"} <= set(result.words["word"]) or analyser == "kiwipiepy"
    assert "튼튼" in said
    for name in KOREAN_STAFF:
        assert not re.search(rf"(?<![가-힣]){name}(?!잔)", said), name
    assert analyser == "kiwipiepy" or "골라 줬어요" in said  # quotes go on without the name


def test_staff_named_by_many_in_english_stand_in_no_word_and_no_quote() -> None:
    spoken = [
        form.format(x=x, low=x.lower(), up=x.upper()) for x in ENGLISH_STAFF for form in ENGLISH_FORMS
    ] * 12
    both = pd.concat(
        [sample([*ENGLISH_FILLER] * 20, ENGLISH_FILLER, low=1), sample(spoken, ENGLISH_FILLER, low=0)],
        ignore_index=True,
    )
    result = find_themes(both, analyser="blanks")
    assert {"wrapping", "lovely", "kind", "advice", "till"} <= set(result.words["word"])
    for name in ENGLISH_STAFF:
        assert not re.search(rf"\b{name}\b", shown(result), re.I), name


def test_without_hiding_these_names_would_stand_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plant is strong enough to be seen: titles and full names alone leave every name in."""
    from crm_utils.methods.feedback.names import Names

    monkeypatch.setattr(Names, "is_one", lambda _self, _word: False)
    spoken = ["민수가 친절했어요", "Thanks to Kevin", "솔채는 최고예요"] * 60
    both = pd.concat([sample([], FILLER, low=1), sample(spoken, FILLER, low=0)], ignore_index=True)
    said = shown(find_themes(both, analyser="blanks"))
    assert all(name in said for name in ("민수", "kevin", "솔채"))


def test_words_that_are_names_too_stay_where_texts_use_them_as_words() -> None:
    texts = [
        "배송 지연이 너무 잦아요", "지연 안내가 없어요", "유리가 깨졌어요", "주소 수정이 안 돼요",
        "제품군이 다양해요",
        "현지 맛이 나요", "구성은 좋은데 안경은 별로", "우리나라에서 만든", "고객에게 묻지도 않고",
        "재현이 안 되는 색",
        "마감이 미숙해요", "하나가 빠졌어요", "여름에 입기 좋아요", "원숭이가 그려진",
        "사랑이 담긴 선물", "품질 기준이 없어요",
        "The rose scent may fade", "It will leave a mark", "No grace period", "great Service",
    ]  # fmt: skip
    names = names_in([*texts, *["The service was slow"] * 5])
    for text in texts:
        assert names.masked(text) == text


def test_a_name_that_is_a_word_is_hidden_where_it_is_called_like_a_person() -> None:
    texts = ["배송 지연이 잦아요"] * 50 + ["지연이가 도와줬어요"]
    names = names_in(texts)
    assert names.masked("지연이가 도와줬어요") == "… 도와줬어요"
    assert names.masked("배송 지연이 잦아요") == "배송 지연이 잦아요"


def test_german_capitals_tell_no_names_and_listed_ones_are_hidden() -> None:
    texts = ["Die Lieferung war nicht gut", "Das Paket ist von Stefan", "Sehr nette Beratung und Verpackung"]
    names = names_in(texts)
    assert [names.masked(t) for t in texts] == [texts[0], "Das Paket ist von …", texts[2]]


def test_what_the_shop_says_goes_before_what_texts_say() -> None:
    texts = ["the Dyson hums", "will 봄 be here", "봄이 최고", "my Dyson"]
    assert names_in(texts).masked("the dyson hums") == "the … hums"
    known = names_in(texts, hide=["Will", "봄"], show=["Dyson"])
    assert known.masked("the dyson hums") == "the dyson hums"
    assert known.masked("will's 봄이 직원봄도 김봄은") == "… … … …"
    assert names_in(["Ask for Kevin"], hide=["Kevin"], show=["Kevin"]).masked("kevin") == "…"


@pytest.fixture(scope="module")
def reviews(request: pytest.FixtureRequest) -> list[str]:
    golden = request.getfixturevalue("golden")
    with golden("nsmc_reviews_sample20k.csv").open(encoding="utf-8") as file:
        return [row["review"] for row in csv.DictReader(file)]


def test_of_published_reviews_names_are_hidden_and_no_frequent_word(reviews: list[str]) -> None:
    """Of 20,000 reviews of films one in forty more is touched; of frequent words five names are hidden."""
    names = names_in(reviews)
    plain = [plain_text(review) for review in reviews]
    before = [mask_names(text) for text in plain]
    after = [names.masked(text) for text in plain]
    touched = np.mean([a != b for a, b in zip(before, after, strict=True)])
    assert 0.01 < touched < 0.03
    uses = Counter(run for text in before for run in set(re.findall("[가-힣]{2,}|[a-z]{2,}", text)))
    frequent = [word for word, n in uses.items() if n >= 10]
    lost = {word for word in frequent if names.is_one(word)}
    assert len(frequent) > 1_000
    assert lost == {"로버트", "제임스", "스티븐", "제니퍼", "마이클"}
