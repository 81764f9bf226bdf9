"""Pictures of the loyalty programme: nothing where there is nothing, and what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm_utils import wording
from crm_utils.methods import loyalty
from crm_utils.plots import loyalty as draw


def test_nothing_is_drawn_where_there_is_nothing() -> None:
    rows = pd.DataFrame(columns=["label", "value", "low", "high", "real"])
    assert draw.multiples(rows, x="", title="") is None
    assert draw.open_points(None, labels=[], x="", title="") is None
    assert draw.cuts([], titles=[], x="", how=wording.count) is None
    assert draw.moves(None, x="", y="", title="") is None


def test_multiples_stand_at_their_values_with_one_for_no_difference() -> None:
    rows = pd.DataFrame({
        "label": ["line", "gold"], "value": [2.0, 3.5], "low": [1.8, 3.0], "high": [2.2, 4.0], "real": [0, 1],
    })  # fmt: skip
    ax = draw.multiples(rows, x="times", title="A line works wonders")
    assert ax is not None
    drawn = sorted(float(value) for line in ax.lines for value in np.atleast_1d(line.get_xdata()))
    assert drawn == [1, 1, 2.0, 3.5]
    assert ax.get_title(loc="left") == "A line works wonders"


def test_open_points_are_summed_by_silence() -> None:
    table = pd.DataFrame({
        "silence": [0, 0, 4], "age": [0, 1, 3], "outstanding": [100, 50, 80], "expected": [60.0, 20.0, 5.0],
        "low": [50.0, 10.0, 1.0], "high": [70.0, 30.0, 9.0],
    })  # fmt: skip
    owed = loyalty.Liability(table, 230, 85.0, 60.0, 110.0, 150.0, 1.0, 0.0)
    ax = draw.open_points(owed, labels=list("abcde"), x="points", title="t")
    assert ax is not None
    widths = sorted(float(bar.get_width()) for bar in ax.patches)
    assert widths == [5, 80, 80, 150]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "e"]


def test_each_cut_has_a_panel_with_its_bins() -> None:
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({
        "customer_id": np.arange(4000).astype(str), "running": rng.gamma(2, 150, 4000),
        "orders": rng.poisson(2.0, 4000).astype(float), "after": rng.gamma(2, 50, 4000),
    })  # fmt: skip
    judged = loyalty.judge_thresholds(rows, [(300.0, "silver"), (480.0, "gold")])
    ax = draw.cuts(judged, titles=["one", "two"], x="money", how=wording.count)
    assert ax is not None
    panels = ax.figure.axes
    assert [panel.get_title(loc="left") for panel in panels] == ["one", "two"]
    heights = [bar.get_height() for bar in panels[0].patches]
    assert sum(heights) == judged[0].bunching.bins["observed"].sum()
