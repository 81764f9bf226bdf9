from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from crm_utils import wording
from crm_utils.plots import segmentation as draw


def labels(axis: object) -> list[str]:
    return [t.get_text() for t in axis.get_ticklabels()]


TESTED = pd.DataFrame({
    "group": ["Champions", "At Risk", "Lost", "New"], "customers": [50, 40, 30, 3],
    "rate": [0.9, 0.6, 0.1, 1.0], "low": [0.8, 0.5, 0.05, 0.4], "high": [0.95, 0.7, 0.2, 1.0],
    "verdict": ["earned", "not earned", "undecided", "no promise"],
})  # fmt: skip


def test_groups_under_five_are_not_drawn():
    ax = draw.next_period(TESTED, rate=0.5, days=28, title="t")
    assert labels(ax.yaxis) == ["Lost (30)", "At Risk (40)", "Champions (50)"]
    assert "28 days" in ax.get_xlabel()
    sizes = TESTED[["group", "customers"]].assign(share=0.25, revenue_share=0.25)
    assert "New" not in labels(draw.customers_and_revenue(sizes, title="t").yaxis)
    moves = pd.DataFrame({"before": ["a", "a", "b"], "after": ["a", "b", "b"], "customers": [9, 3, 4],
                          "share": [0.75, 0.25, 1.0], "group_customers": [12, 12, 4]})  # fmt: skip
    moved = draw.moves_map(moves, order=("a", "b"), title="t")
    assert labels(moved.yaxis) == ["a (12)"]
    assert [t.get_text() for t in moved.texts] == [wording.share(0.75)]


def test_the_bridge_stands_on_what_was_left():
    bridge = pd.DataFrame({"part": ["before", "came", "rose", "fell", "gone", "after"],
                           "customers": [4, 1, 2, 1, 1, 4],
                           "amount": [36.0, 7.0, 5.0, -8.0, -1.0, 39.0]})  # fmt: skip
    bars = draw.bridge_waterfall(bridge, currency="USD", title="t").patches
    assert [(b.get_y(), b.get_height()) for b in bars] == [
        (0, 36),
        (36, 7),
        (43, 5),
        (40, 8),
        (39, 1),
        (0, 39),
    ]


def test_the_other_pictures_say_their_message_and_units():
    cells = [(r, v, "Loyal", 0.95 if r > 1 else 0.6, 9, 0.04) for r in range(1, 6) for v in range(1, 6)]
    columns = ["r", "value", "segment", "bear_it", "customers", "share"]
    grid = pd.DataFrame([*cells[:-1], (5, 5, "Loyal", None, None, None)], columns=columns)
    pull = pd.DataFrame({"ranked_by": ["before"] * 2 + ["after"] * 2, "group": [1, 2] * 2,
                         "change": [1.0, -1] * 2, "low": [0.0, -2] * 2, "high": [2.0, 0] * 2})  # fmt: skip
    ks = pd.DataFrame({"k": [3, 4], "silhouette": [0.4, 0.3], "null_silhouette": [0.3, 0.3],
                       "gain": [0.1, 0.0], "bar": [0.11, 0.11]})  # fmt: skip
    kept = pd.DataFrame({"cohort": [dt.date(2024, 1, 1)] * 3, "month": [0, 1, 2], "customers": [20] * 3,
                         "active": [20, 10, 8], "share": [1, 0.5, 0.4],
                         "complete": [True, True, False]})  # fmt: skip
    lorenz = pd.DataFrame({"customers": np.linspace(0, 1, 11), "revenue": np.linspace(0, 1, 11) ** 2})
    shares = pd.DataFrame(
        {"group": ["a", "b"], "value": ["x", "x"], "customers": [5, 6], "share": [1.0, 1.0]}
    )
    known = TESTED.rename(columns={"rate": "share"})
    pooled = kept[1:2].assign(low=0.4, high=0.6)
    pictures = [
        draw.score_grid(grid, title="Message"),
        draw.pull_to_mean(pull, currency="USD", title="Message"),
        draw.retention_curve(kept, pooled, title="Message"),
        draw.lorenz_curve(lorenz, top_share=0.5, title="Message"),
        draw.covered(known, title="Message"),
        draw.cluster_choice(ks, k=3, title="Message"),
    ]
    assert {ax.get_title(loc="left") for ax in pictures} == {"Message"}
    assert "USD" in pictures[1].get_ylabel()
    assert draw.attribute_map(shares, attribute="income").get_title(loc="left").startswith("income")
    written = [text.get_text() for text in pictures[0].texts]
    assert sum("mostly" in text for text in written) == 5, "names that not all of a cell bear say so"
    assert len(written) == 24, "a hidden cell stays white"


def test_nothing_to_show_is_not_drawn():
    none = pd.DataFrame({"group": [], "customers": [], "share": [], "rate": [], "before": [], "ranked_by": [],
                         "month": [], "part": [], "revenue": []})  # fmt: skip
    assert draw.customers_and_revenue(none, title="t") is None
    assert draw.next_period(none, rate=0.5, days=28, title="t") is None
    assert draw.moves_map(none, order=(), title="t") is None
    assert draw.bridge_waterfall(none, currency="USD", title="t") is None
    assert draw.pull_to_mean(none, currency="USD", title="t") is None
    assert draw.cluster_choice(none, k=1, title="t") is None
    assert draw.retention_curve(none, none, title="t") is None
    assert draw.covered(none, title="t") is None
    assert draw.attribute_map(none, attribute="x") is None
    assert draw.lorenz_curve(none, top_share=None, title="t") is None
