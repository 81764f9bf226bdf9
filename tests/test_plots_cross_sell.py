from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crm_utils.plots import cross_sell as draw
from crm_utils.plots.theme import use_theme


@pytest.fixture(autouse=True)
def _own_look() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        use_theme()
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()  # what cannot be drawn is found here
        plt.close("all")


PAIRS = pd.DataFrame({
    "item": ["a", "b", "c"], "other": ["b", "c", "<b>$5 한글</b>"], "count": [9, 8, 0],
    "lift": [3.0, 2.0, 0.0],    "adjusted_lift": [2.0, 0.5, 0.0], "q_value": [0.01, 0.01, 0.5],
})  # fmt: skip
RULES = pd.DataFrame({
    "antecedent": ["a", "b", "b", "x"], "consequent": ["b", "a", "<b>$5 한글</b>", "y"],
    "adjusted_lift": [2.0, 2.0, 1.5, 1.1], "significant": [True, True, True, False],
})  # fmt: skip


def test_pairs_that_never_met_have_no_place_on_a_logarithm() -> None:
    ax = draw.lift_against_lift(PAIRS, title="Message")
    assert [len(line.get_xdata()) for line in ax.lines[:3]] == [0, 1, 1]
    assert draw.lift_against_lift(PAIRS.iloc[:0], title="t").get_xscale() == "log"


def test_a_pair_is_one_line_and_only_significant_ones_are_drawn() -> None:
    ax = draw.rule_network(RULES, title="Message")
    assert {t.get_text() for t in ax.texts} == {"a", "b", "<b>$5 한글</b>"}
    assert sum(len(line.get_xdata()) == 2 for line in ax.lines) == 2
    assert not draw.rule_network(RULES.iloc[:0], title="t").texts


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
        "q_value": [0.01, 0.01, 0.9, 0.9],
    })  # fmt: skip
    assert draw.rules_later(later, title="Message").get_title(loc="left") == "Message"
    assert draw.rules_later(later.iloc[:0], title="t").get_xscale() == "log"
    assert draw.offer_quality(tested, measure="hit rate", title="Message").figure.get_suptitle() == "Message"
    heat = draw.affinity_map(cells, title="Message")
    assert {t.get_text() for t in heat.texts if t.get_weight() == "bold"} == {"2.0", "0.5"}
    assert {t.get_text() for t in heat.texts if t.get_weight() != "bold"} == {"1.0", "1.1"}
