from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_utils.tools.paragraphs import paragraphs, translated

WORDS = "# Who leaves?\n\nSome **do**,\nof $5 to $6.\n\n"
PAGE = WORDS + "```\nx = 1\n\ny = 2\n```\n\n| a |\n|---|\n| b |\n\n$$\nx\n$$"


def test_a_translator_sees_words_and_no_code() -> None:
    assert list(paragraphs(PAGE)) == ["Who leaves?", "Some **do**,\nof $5 to $6.", "a", "b"]


@given(st.text(alphabet="#ab `\n|-~<", max_size=60))
def test_english_stays_as_it_is_but_for_empty_lines(source: str) -> None:
    kept = [line for line in source.split("\n") if line.strip()]
    assert [line for line in translated(source).split("\n") if line.strip()] == kept


def test_each_paragraph_comes_from_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_LANGUAGE", "pseudo")
    said = translated(PAGE)
    assert said.startswith("# ⟦Who leaves?⟧\n\n⟦Some **do**,\nof $5 to $6.⟧\n\n```\nx = 1\n\ny = 2\n```")
    assert "| ⟦a⟧ |\n|---|\n| ⟦b⟧ |" in said  # a table would be none with a bracket before it
    folded = "<details><summary>Answer</summary>\n\n1. one\n   more\n2. two\n\n> so\n\n</details>"
    assert translated(folded) == (
        "<details><summary>⟦Answer⟧</summary>\n\n1. ⟦one\n   more⟧\n2. ⟦two⟧\n\n> ⟦so⟧\n\n</details>"
    )
