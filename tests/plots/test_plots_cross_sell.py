from __future__ import annotations

import pandas as pd

from crm_utils.plots import cross_sell as draw

RULES = pd.DataFrame({
    "antecedent": ["a", "b", "b", "x"], "consequent": ["b", "a", "<b>$5 한글</b>", "y"],
    "adjusted_lift": [2.0, 2.0, 1.5, 1.1], "low": [1.8, 1.8, 1.2, 0.9], "high": [2.2, 2.2, 1.9, 1.4],
    "significant": [True, True, True, False],
})  # fmt: skip


def test_a_pair_is_one_bar_and_only_significant_ones_are_drawn() -> None:
    ax = draw.strongest_pairs(RULES, title="Message")
    assert ax is not None
    assert [t.get_text() for t in ax.texts] == ["a + b: 2.0", "b + <b>$5 한글</b>: 1.5"]
    assert [bar.get_width() for bar in ax.patches] == [1.0, 0.5]
    assert ax.get_title(loc="left") == "Message"
    assert draw.strongest_pairs(RULES.iloc[:0], title="t") is None


def test_pictures_can_be_read_on_a_phone() -> None:
    """390 px wide, letters are still nine points or more high at 72 points an inch."""
    ax = draw.strongest_pairs(RULES, title="Message")
    assert ax is not None
    scale = 390 / ax.figure.get_figwidth() / 72
    assert min(t.get_fontsize() for t in ax.texts) * scale >= 9


def test_the_other_pictures_say_their_message() -> None:
    later = pd.DataFrame({
        "adjusted_lift": [2.0, 3.0, 1.5], "adjusted_lift_rest": [1.8, 0.9, None],
        "low_rest": [1.2, 0.5, None], "high_rest": [2.5, 1.5, None], "holds": [True, False, False],
    })  # fmt: skip
    tested = pd.DataFrame({
        "task": ["new", "new", "reminder"], "method": ["cosine", "popularity", "frequency"],
        "value": [0.3, 0.2, 0.8], "low": [0.25, 0.15, 0.7], "high": [0.35, 0.25, 0.9],
        "winner": [True, False, True],
    })  # fmt: skip
    cells = pd.DataFrame({
        "segment": ["one", "two"] * 2, "item": ["tea", "tea", "jam", "jam"], "index": [2.0, 0.5, 1.0, 1.1],
        "low": [1.5, 0.4, 0.9, 0.9], "high": [2.5, 0.6, 1.1, 1.3], "q_value": [0.01, 0.01, 0.9, 0.9],
    })  # fmt: skip
    ax = draw.rules_later(later, title="Message")
    assert ax is not None
    assert (ax.get_title(loc="left"), ax.get_xscale()) == ("Message", "log")
    assert draw.rules_later(later.iloc[:0], title="t") is None
    ax = draw.offer_quality(tested, measure="hit rate", title="Message", names=str.upper)
    assert ax is not None
    assert ax.figure.get_suptitle() == "Message"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["POPULARITY", "COSINE"]
    assert draw.offer_quality(tested.iloc[:0], measure="hit rate", title="t") is None
    tastes = draw.segment_tastes(cells, title="Message")
    assert tastes is not None
    assert [t.get_text() for t in tastes.texts] == ["one: tea: 2.0", "two: tea: 0.5"]
    assert draw.segment_tastes(cells.iloc[2:], title="t") is None
