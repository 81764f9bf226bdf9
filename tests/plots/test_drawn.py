"""The numbers under a picture are those that were handed to it, whatever it is made of."""

from __future__ import annotations

import base64
import io
import itertools
import subprocess
import sys
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from crm_utils import wording
from crm_utils.plots import campaign_targeting, data_collection, narrow, segmentation, theme
from crm_utils.plots.drawn import MOST_ROWS, drawn
from crm_utils.plots.theme import COLORS, write_axis


@pytest.fixture(autouse=True)
def _own_look() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        theme.use_theme()
        yield
        plt.close("all")


def tables(ax: plt.Axes) -> list:
    ax.figure.canvas.draw()
    return drawn(ax.figure)


def test_points_by_group_with_their_intervals_stand_as_seen_from_the_top():
    groups = pd.DataFrame(
        {
            "group": ["Loyal", "Lost"], "customers": [50, 60], "rate": [0.9, 0.2], "low": [0.8, 0.1],
            "high": [0.95, 0.35], "verdict": ["earned", "not earned"],
        }
    )  # fmt: skip
    ax = segmentation.next_period(groups, rate=0.5, days=28, title="Names")
    (table,) = tables(ax)
    assert table["title"] == "Names"
    assert table["head"] == ["", "name holds", "name does not hold"]
    assert table["rows"] == [
        ["Loyal (50)", "90\u00a0% (80\u00a0% to 95\u00a0%)", ""],
        ["Lost (60)", "", "20\u00a0% (10\u00a0% to 35\u00a0%)"],
    ]


def test_a_line_has_its_band_and_days_are_days():
    ax = plt.subplots()[1]
    days = pd.to_datetime(["2024-02-28", "2024-02-29", "2024-03-01"])
    ax.plot(days, [1.0, 2.0, 3.0], color=COLORS["money"], label="spent")
    ax.fill_between(days, [0.5, 1.0, 2.0], [2.0, 3.0, 4.5], color=COLORS["money"], alpha=0.2, linewidth=0)
    ax.axhline(1.5, label="a reference, not data")
    write_axis(ax, "y", wording.money, "USD")
    (table,) = tables(ax)
    assert table["head"] == ["", "spent"]
    assert table["rows"] == [
        ["2024-02-28", "$1 ($0.50 to $2)"],
        ["2024-02-29", "$2 ($1 to $3)"],
        ["2024-03-01", "$3 ($2 to $4.50)"],
    ]


def test_strokes_that_join_two_series_are_no_interval():
    groups = pd.DataFrame({"group": ["All"], "customers": [9], "share": [0.2], "revenue_share": [0.6]})
    (table,) = tables(segmentation.customers_and_revenue(groups, title="Who"))
    assert table["rows"] == [["All", "20\u00a0%", "60\u00a0%"]]


def test_marks_beside_a_tick_belong_to_it():
    pull = pd.DataFrame(
        {
            "ranked_by": ["before", "before", "after", "after"], "group": [1, 2, 1, 2],
            "change": [5.0, -5.0, 4.0, -6.0], "low": [3.0, -7.0, 2.0, -8.0], "high": [7.0, -3.0, 6.0, -4.0],
        }
    )  # fmt: skip
    (table,) = tables(segmentation.pull_to_mean(pull, currency="USD", title="Mean"))
    assert [row[0] for row in table["rows"]] == ["1", "2"]
    assert table["rows"][0][1:] == ["$5 ($3 to $7)", "$4 ($2 to $6)"]


def test_stacked_bars_give_each_part_and_a_grid_its_cells():
    plan = pd.DataFrame({"scenario": ["a", "b"], "due": [5, 7], "to_send": [4, 2], "capped": [1, 5]})
    plan["held_out"] = 0
    ax = campaign_targeting.waterfall(
        plan, stages=["to_send", "held_out", "capped"], titles={"a": "Cart", "b": "Birthday"}, title="Plan",
        names={"to_send": "to send", "held_out": "held out", "capped": "caps"},
    )  # fmt: skip
    (table,) = tables(ax)
    assert table["head"] == ["", "to send", "caps"]
    assert table["rows"] == [["Cart", "4", "1"], ["Birthday", "2", "5"]]

    hours = pd.DataFrame({"weekday": [0, 6], "hour": [9, 23], "orders": [3, 8]})
    grid = tables(data_collection.week_and_hour(hours, title="When"))[0]
    assert grid["head"][10] == "9:00"
    assert grid["rows"][0][0] == "Mon"
    assert grid["rows"][0][10] == "3"
    assert grid["rows"][6][24] == "8"


def test_the_week_of_visits_gives_its_cells_and_hatches_closed_hours():
    seen = pd.DataFrame({"weekday": [0, 6], "hour": [9, 23], "visits": [30, 80]})
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    ax = campaign_targeting.week(seen, closed=[22, 23], days=days, x="hour", legend="visits", title="When")
    grid = tables(ax)[0]
    assert grid["head"][10] == "09:00"
    assert (grid["rows"][0][0], grid["rows"][0][10], grid["rows"][6][24]) == ("Mon", "30", "80")
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert [round(patch.get_x() + 0.5) for patch in hatched] == [22, 23]


def test_bars_that_float_have_intervals_of_their_own_length():
    ax = plt.subplots()[1]
    ax.barh([1, 0], [10, -4], left=[0, 10], color=COLORS["gain"])
    ax.hlines(0, 10 - 6, 10 - 2, color="#262626")
    ax.set_yticks([0, 1], ["change", "start"])
    (table,) = tables(ax)
    assert [row[0] for row in table["rows"]] == ["start", "change"]
    assert table["rows"][1][1] == "-4 (-6 to -2)"


def test_a_long_series_is_thinned_and_its_caption_says_so():
    ax = plt.subplots()[1]
    ax.plot(range(3 * MOST_ROWS), np.arange(3 * MOST_ROWS) * 2.0, label="far")
    (table,) = tables(ax)
    assert len(table["rows"]) == MOST_ROWS
    assert table["title"].endswith("one row in 3")


def test_a_panel_without_data_has_no_table():
    ax = plt.subplots()[1]
    ax.axhline(0)
    assert tables(ax) == []


def test_panels_beside_each_other_stand_below_each_other_on_a_phone():
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    for ax in axes:
        ax.plot([1, 2], [3, 4], label="a line")
        ax.legend()
    figure.suptitle("A message that is so long that a phone needs more than one line for all of its words")
    figure.canvas.draw()
    assert axes[0].get_position().x1 < axes[1].get_position().x0
    with Image.open(io.BytesIO(narrow.draw_narrow(figure, dpi=100))) as picture:
        assert picture.width == 100 * narrow.WIDTH
    assert axes[0].get_position().y0 > axes[1].get_position().y1
    assert "\n" in figure.get_suptitle()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert len(figure.legends[0].get_texts()) == 1


def test_words_of_a_narrow_picture_lie_within_it():
    names = ["orders of the last two horizons, with covariate", "days since the last order", "segment"]
    ax = plt.subplots(figsize=(9, 3))[1]
    ax.plot([100_000, 2_000_000, 3], range(3), "o")
    ax.set_yticks(range(3), names)
    theme.say(ax, "A message of many words that must be broken", x="root mean squared error (95 % interval)")
    write_axis(ax, "x", wording.money, "USD")
    narrow.draw_narrow(ax.figure, dpi=100)
    low, high = ax.get_xlim()
    shown = [label for label in ax.get_xticklabels() if low <= label.get_position()[0] <= high]
    words = [ax.xaxis.label, *ax.get_yticklabels(), *shown, ax.figure._suptitle]
    for text in words:
        box = text.get_window_extent()
        assert 0 <= box.x0 <= box.x1 <= ax.figure.bbox.width, text.get_text()
    boxes = [label.get_window_extent() for label in shown]
    assert len(boxes) > 1
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_a_grid_of_many_columns_stays_as_it_is():
    ax = plt.subplots()[1]
    theme.heat_map(ax, pd.DataFrame(np.full((2, 9), 0.5)))
    assert narrow.draw_narrow(ax.figure, dpi=100) is None


_SHOWN_TWICE = """
import os; os.environ["CRM_RUN"] = "here"
from IPython.testing.globalipapp import start_ipython
shell = start_ipython()
import sys; sys.modules.setdefault("ipykernel", sys)
import matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt
from crm_utils.plots.theme import use_theme
from crm_utils.tools.small_png import PICTURE
use_theme()
shell.display_formatter.formatters["image/png"].enabled = True  # as in a kernel
figure, ax = plt.subplots(); ax.plot([1, 2], [3, 4], label="a")
first, second = (shell.display_formatter.format(figure)[0] for _ in range(2))
assert first[PICTURE]["tables"][0]["rows"] == [["1", "3"], ["2", "4"]], first[PICTURE]
assert first["image/png"] == second["image/png"]
print(first["image/png"]); print(first[PICTURE]["narrow"])
"""


def test_a_cell_that_shows_a_figure_hands_over_both_drawings_and_the_numbers():
    done = subprocess.run([sys.executable, "-c", _SHOWN_TWICE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wide, tall = (
        Image.open(io.BytesIO(base64.b64decode(line))) for line in done.stdout.strip().splitlines()[-2:]
    )
    assert tall.width == 200 * narrow.WIDTH
    assert wide.width > 1.5 * tall.width  # drawn for a desk, though the figure is narrow by now
