"""Words of low scores: planted, by chance, published, and never a person's."""

from __future__ import annotations

import csv
import datetime as dt
import math
import re

import numpy as np
import pandas as pd
import pytest

from crm_utils.methods.feedback import find_themes, keyness, tokens, word_counts
from crm_utils.methods.feedback.masking import mask_names

FILLER = [f"낱말{chr(ord('가') + 28 * k)}" for k in range(60)]


def texts(rng: np.random.Generator, number: int, *, low: int, plant: tuple[str, ...] = ()) -> pd.DataFrame:
    """Texts of fillers; of those with a low score a third hold one of the planted phrases."""
    rows = []
    for n in range(number):
        words = list(rng.choice(FILLER, 6))
        if plant and rng.random() < 0.33:
            words.insert(int(rng.integers(0, 6)), str(rng.choice(plant)))
        rows.append((f"f{low}-{n}", f"c{low}-{n}", "nps", low, dt.date(2024, 5, 1), " ".join(words)))
    return pd.DataFrame(rows, columns=["feedback_id", "person", "kind", "low", "day", "text"])


def test_log_odds_are_those_of_the_formula_word_by_word() -> None:
    low, high, prior = {"a": 30, "b": 10, "c": 1}, {"a": 20, "b": 40, "d": 9}, 50.0
    result = keyness(low, high, prior=prior).set_index("word")
    total = sum(low.values()) + sum(high.values())
    for word in "abcd":
        y, alpha = (
            [side.get(word, 0) for side in (low, high)],
            prior * (low.get(word, 0) + high.get(word, 0)) / total,
        )
        odds = [
            math.log((k + alpha) / (sum(side.values()) + prior - k - alpha))
            for k, side in zip(y, (low, high), strict=True)
        ]
        z = (odds[0] - odds[1]) / math.sqrt(1 / (y[0] + alpha) + 1 / (y[1] + alpha))
        assert result.loc[word, "z"] == pytest.approx(z)


@pytest.mark.simulated
def test_without_a_difference_some_four_in_a_hundred_words_pass_by_chance() -> None:
    rng = np.random.default_rng(8)
    passed = []
    for _ in range(60):
        both = [word_counts(tokens(texts(rng, 800, low=side)["text"])) for side in (1, 0)]
        table = keyness(*both)
        passed.append((table["z"].abs() > 1.96).mean())
        assert table["kept"].mean() < 0.1
    assert 0.015 < np.mean(passed) < 0.055


def agreement_at_least() -> float:
    """Four standard errors (Fisher's) below the correlation of two halves that theory gives, before any look.

    Among half of the customers a word has half of its texts, so the z that these counts give, and an error
    of at most 1 around it. The halves share the first, not the second: their correlation is the variance of
    the first over that of both, over the 60 fillers and six planted words.
    """
    filler = 1 - (59 / 60) ** 6
    low = dict.fromkeys(FILLER, 200 * filler)
    low |= dict.fromkeys(("배송이", "안 와요", "박스가", "찢어졌어요"), 200 * 0.33 / 2)
    high = dict.fromkeys(FILLER, 450 * filler) | dict.fromkeys(("색이", "예뻐요"), 450 * 0.33)
    signal = float(keyness(low, high)["z"].var())
    expected = signal / (signal + 1)
    return math.tanh(math.atanh(expected) - 4 / math.sqrt(len(FILLER) + 6 - 3))


def test_planted_themes_are_found_by_both_halves_and_nothing_else_is() -> None:
    rng = np.random.default_rng(77_031)
    sample = pd.concat([
        texts(rng, 400, low=1, plant=("배송이 안 와요", "박스가 찢어졌어요")),
        texts(rng, 900, low=0, plant=("색이 예뻐요",)),
    ], ignore_index=True)  # fmt: skip
    result = find_themes(sample, analyser="blanks")
    stable = result.words[result.words["stable"]]
    low, high = set(stable[stable["z"] > 0]["word"]), set(stable[stable["z"] < 0]["word"])
    assert {"배송이", "안 와요", "박스가", "찢어졌어요"} <= low
    assert {"색이", "예뻐요"} <= high
    assert len(low | high) <= 8
    assert result.agreement > agreement_at_least()
    quotes = stable.set_index("word")["quote"]
    assert quotes["안 와요"] == "배송이 안 와요"
    again = find_themes(sample.sample(frac=1, random_state=1).reset_index(drop=True), analyser="blanks")
    pd.testing.assert_frame_equal(result.words, again.words)


def test_no_text_of_fewer_than_five_customers_no_name_phone_or_address_is_shown() -> None:
    rng = np.random.default_rng(6)
    low = texts(rng, 300, low=1)
    spoken = "김민수 기사님 010-1234-5678 kim@example.com 이영희씨 박철수님이 늦었어요"
    low.loc[:99, "text"] = spoken  # a hundred customers wrote it
    low.loc[100:199, "text"] = "비밀이야기 창피해요"  # one customer, a hundred times
    low.loc[100:199, "person"] = "c-one"
    low.loc[200:203, "text"] = "네명만썼어요 정말로"
    result = find_themes(pd.concat([low, texts(rng, 600, low=0)], ignore_index=True), analyser="blanks")
    shown = " ".join([*result.words["word"], *result.words["quote"]])
    assert "늦었어요" in shown
    for secret in (
        "김민수",
        "이영희",
        "박철수",
        "010",
        "1234",
        "kim",
        "example",
        "비밀이야기",
        "창피해요",
        "네명만썼어요",
    ):
        assert secret not in shown, secret
    assert not result.words[["low", "high"]].isin([1, 2, 3, 4]).any(axis=None)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("김민수님 감사합니다", "김민수"),
        ("담당 박지은 매니저가 불친절", "박지은"),
        ("최영 씨가 전화", "최영"),
        ("하늘님의 답변", "하늘"),
        ("Mr. Smith was late", "Smith"),
    ],
)
def test_what_is_called_a_person_is_hidden(text: str, hidden: str) -> None:
    assert hidden not in mask_names(text)


def test_a_name_without_a_title_is_hidden_however_many_wrote_it() -> None:
    """Six hundred customers name one courier and one seller, with particles and without."""
    rng = np.random.default_rng(12)
    low = texts(rng, 900, low=1)
    spoken = [
        "김민수 늦었어요 상자가 찢어졌어요",
        "이지은이 던졌어요 김민수가",
        "박서준한테 물었어요 최유진은 몰라요",
    ]
    low.loc[:599, "text"] = [spoken[n % 3] for n in range(600)]
    result = find_themes(pd.concat([low, texts(rng, 900, low=0)], ignore_index=True), analyser="blanks")
    shown = " ".join([*result.words["word"], *result.words["quote"]])
    assert {"늦었어요", "찢어졌어요", "던졌어요", "물었어요"} <= set(result.words["word"])
    for name in ("김민수", "이지은", "박서준", "최유진"):
        assert name not in shown


EVERYDAY = (
    "배송은 빨라요 하지만 주문을 다시 했어요",
    "고객은 우리가 아니지만 문제가 심하다",
    "지루한 안내와 이상한 원단이 차라리 나아요",
    "하자가 있는 신발은 조금은 이해가 안 돼요",
    "전화도 문자도 없어요 이미지와 달라요",
)


@pytest.mark.parametrize("text", EVERYDAY)
def test_everyday_words_that_look_like_names_are_left(text: str) -> None:
    assert mask_names(text) == text


def test_of_published_reviews_actors_are_hidden_and_little_else(golden) -> None:
    """In 20,000 reviews of films: names of actors in most forms, and of all reviews one in twenty touched."""
    with golden("nsmc_reviews_sample20k.csv").open(encoding="utf-8") as file:
        reviews = [row["review"] for row in csv.DictReader(file)]
    hidden = [mask_names(review) for review in reviews]
    for name in ("송강호", "전도연", "임창정", "차승원", "최민수", "김태희"):
        written = sum(bool(re.search(rf"(?<![가-힣]){name}(?![가-힣])", review)) for review in reviews)
        left = sum(bool(re.search(rf"(?<![가-힣]){name}(?![가-힣])", text)) for text in hidden)
        assert (written > 0, left) == (True, 0)
    touched = np.mean([text != review for text, review in zip(hidden, reviews, strict=True)])
    assert touched < 0.08


@pytest.mark.parametrize("text", ["고객님 안내가 없어요", "기사님이 친절해요", "배송이 늦었어요"])
def test_roles_and_plain_words_are_left(text: str) -> None:
    assert mask_names(text) == text


def test_a_negation_goes_with_its_word_and_each_text_counts_once() -> None:
    words = tokens(["배송이 안 와요 배송이 안 와요", "재미가 없어요", "맞지 않아 못 입어요"])
    assert words == [{"배송이", "안 와요"}, {"재미없어요"}, {"맞지않아", "못 입어요"}]
    assert word_counts(words)["배송이"] == 1


def test_a_wrong_analyser_is_named() -> None:
    with pytest.raises(ValueError, match="There is no analyser 'mecab'"):
        tokens(["가"], analyser="mecab")


def published(path, rows: int) -> pd.DataFrame:
    with path.open(encoding="utf-8") as file:
        reviews = [r for r in csv.DictReader(file) if int(r["rating"]) <= 6 or int(r["rating"]) >= 9]
    reviews = reviews[:: max(len(reviews) // rows, 1)]
    return pd.DataFrame({
        "feedback_id": [r["review_id"] for r in reviews], "person": [r["review_id"] for r in reviews],
        "kind": "nps",
        "low": [int(int(r["rating"]) <= 6) for r in reviews], "day": dt.date(2024, 1, 1),
        "text": [r["review"] for r in reviews],
    })  # fmt: skip


@pytest.mark.slow
def test_published_reviews_give_sensible_words_split_at_blanks(golden) -> None:
    result = find_themes(published(golden("nsmc_reviews_sample20k.csv"), 20_000), analyser="blanks")
    low = result.words[result.words["z"] > 0]["word"].head(40).tolist()
    assert {"쓰레기", "재미없다", "아깝다", "지루하다"} <= set(low)
    high = result.words[result.words["z"] < 0]["word"].tail(15).tolist()
    assert {"최고", "최고의"} <= set(high)


@pytest.mark.slow
def test_published_reviews_give_dictionary_forms_with_kiwipiepy(golden) -> None:
    pytest.importorskip("kiwipiepy")
    sample = published(golden("nsmc_reviews_sample20k.csv"), 20_000)
    result = find_themes(sample, analyser="kiwipiepy")
    low = result.words[result.words["z"] > 0]["word"].head(20).tolist()
    assert {"아깝다", "재미없다", "쓰레기", "최악", "지루"} <= set(low)


def test_with_kiwipiepy_negations_before_and_after_say_the_same() -> None:
    pytest.importorskip("kiwipiepy")
    before, after, lacking = tokens(
        ["택배가 안 와요", "택배가 오지 않아요", "재미가 없어요"], analyser="kiwipiepy"
    )
    assert "안 오다" in before & after
    assert "재미없다" in lacking
