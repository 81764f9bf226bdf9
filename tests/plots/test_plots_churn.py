from __future__ import annotations

import pandas as pd

from crm_utils import wording
from crm_utils.plots import churn as draw
from crm_utils.plots.theme import COLORS


def test_groups_of_a_few_customers_are_not_drawn() -> None:
    returns = pd.DataFrame({
        "silent_days": [28, 56, 28, 56], "within_days": [28, 28, 56, 56], "customers": [90, 40, 80, 4],
        "rate": [0.5, 0.4, 0.7, 0.6], "low": [0.4, 0.3, 0.6, 0.1], "high": [0.6, 0.5, 0.8, 0.9],
    })  # fmt: skip
    ax = draw.back_again(returns, title="Message")
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 1]
    assert ax.get_title(loc="left") == "Message"
    curve = pd.DataFrame({"customers": [100, 100, 3], "forecast": [0.6, 0.2, 0.1], "actual": [0.5, 0.2, 0.9],
                          "low": [0.4, 0.1, 0.5], "high": [0.55, 0.3, 1.0]})  # fmt: skip
    points = {line.get_label(): len(line.get_xdata()) for line in draw.calibration(curve, title="t").lines}
    assert points["interval holds the forecast"] == points["it does not"] == 1


def test_the_chosen_contender_is_green() -> None:
    measured = pd.DataFrame(
        [(c, "all", m, 0.8, 0.7, 0.9) for c in ("recency", "logistic") for m in ("roc_auc", "log_loss")],
        columns=["contender", "cutoff", "measure", "value", "low", "high"],
    )
    ax = draw.contender_quality(measured, chosen="logistic", names=str.upper, title="Message")
    assert [line.get_color() for line in ax.lines] == [COLORS["gain"], COLORS["plain"]]
    assert ax.figure.get_suptitle() == "Message"


def test_profit_shows_where_the_budget_ends() -> None:
    curve = pd.DataFrame({"window": ["validate"] * 2 + ["test"] * 2, "depth": [0.0, 1.0] * 2,
                          "profit": [0.0, -9.0] * 2, "low": [0.0, -9.5] * 2,
                          "high": [0.0, -8.0] * 2})  # fmt: skip
    for allowed, spans in ((1.0, 0), (0.4, 1)):
        ax = draw.profit_curve(curve, best=0.2, allowed=allowed, money=wording.money_in("KRW"), title="t")
        texts = [text.get_text() for text in ax.figure.legends[0].get_texts()]
        assert sum(text.endswith("beyond the budget") for text in texts) == spans


def test_curves_and_bars_are_drawn_and_nothing_at_all_too() -> None:
    groups = pd.DataFrame({
        "group": ["<b>한글</b>", "b", "c", "few"], "customers": [50, 40, 30, 4], "events": [30, 10, 20, 3],
        "median": [20.0, None, 9.0, 3.0], "low": [10.0, None, 7.0, 2.0], "high": [None, None, 15.0, 9.0],
        "watched": 90.0, "without": [0.2, 0.8, 0.1, 0.1],
    })  # fmt: skip
    ax = draw.silence_medians(groups, names=str, title="Message")
    assert ax.get_title(loc="left") == "Message"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["c (30)", "<b>한글</b> (50)", "b (40)"]
    assert draw.silence_medians(groups.iloc[:0], names=str, title="t").get_xlim()[0] == 0
    bars = pd.DataFrame({"theme": ["silence", "stores"], "importance": [0.1, 0.0], "low": [0.05, -0.01],
                         "high": [0.2, 0.01]})  # fmt: skip
    assert [t.get_text() for t in draw.theme_bars(bars, names=str, title="t").get_yticklabels()] == [
        "stores", "silence"
    ]  # fmt: skip
