from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from crm_utils import wording
from crm_utils.plots import theme
from crm_utils.plots.narrow import draw_narrow


@pytest.fixture(autouse=True)
def _own_look() -> Iterator[None]:
    with mpl.rc_context():
        mpl.use("agg")
        yield
        plt.close("all")


def pixels(text: str) -> np.ndarray:
    figure = plt.figure(figsize=(3, 1))
    figure.text(0.1, 0.4, text)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., 0].copy()
    plt.close(figure)
    return drawn


def test_letters_of_other_scripts_are_drawn_and_told_apart(caplog: pytest.LogCaptureFixture):
    theme.use_theme()  # warnings are errors here: a missing glyph would raise
    for one, other in (
        ("고객", "세그"),
        ("日本", "中文"),
        ("ㄱ", "ㄴ"),
    ):  # boxes for missing letters look alike
        assert (pixels(one) != pixels(other)).any()
    assert not caplog.records


def test_a_dollar_is_money_and_no_formula():
    theme.use_theme()
    assert (pixels("$5 and $6") != pixels("5and6")).any()
    assert mpl.rcParams["text.parse_math"] is False


def test_importing_changes_nothing():
    code = (
        "import matplotlib as m; a = dict(m.rcParams); import crm_utils.plots.theme; assert m.rcParams == a"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_colours_differ_for_colour_blind_eyes():
    # Viénot, Brettel and Mollon (1999): linear RGB as seen without the red or the green cones.
    deuteran = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    for seen in (np.eye(3), deuteran, protan):
        colors = {
            name: (seen @ np.array(to_rgb(code)) ** 2.2).clip(0) ** (1 / 2.2)
            for name, code in theme.COLORS.items()
        }
        for one, other in itertools.combinations(colors, 2):
            assert np.linalg.norm(colors[one] - colors[other]) > 0.12, (one, other)


def test_axes_write_numbers_as_the_text_does():
    theme.use_theme()
    _, ax = plt.subplots()
    theme.write_axis(theme.say(ax, "Message", x="spend, USD"), "x", wording.money, "USD")
    assert ax.xaxis.get_major_formatter()(1234.0) == "$1,234"
    assert ax.xaxis.get_major_formatter()(0.0) == "$0"
    assert (ax.get_title(loc="left"), ax.get_xlabel()) == ("Message", "spend, USD")


@pytest.mark.parametrize("top", [1.0, 1.3, 1.9, 2.6, 4.2, 7.5, 13.0, 26.0, 110.0])
def test_labels_of_an_axis_are_where_they_say(top):
    """Steps of 0.25 written to one digit would be 0.2, 0.5, 0.8; whole numbers have no half between them."""
    theme.use_theme()
    figure, ax = plt.subplots()
    ax.plot([0, top], [0, top])
    theme.write_axis(theme.write_axis(ax, "x", lambda v: wording.number(v, 1)), "y", wording.count)
    figure.canvas.draw()
    assert all(exact(axis) for axis in (ax.xaxis, ax.yaxis))
    plt.close(figure)


@pytest.mark.parametrize("top", [1.0, 4.0, 9.0, 9.3, 90.0])
def test_labels_are_where_they_say_on_a_phone_too(top):
    theme.use_theme()
    figure, ax = plt.subplots()
    ax.plot([0, top], [0, top])
    theme.write_axis(ax, "x", wording.count)
    assert draw_narrow(figure, dpi=100)
    assert exact(ax.xaxis)
    plt.close(figure)


def exact(axis):
    """Whether each label says where it stands."""
    shown = [(t.get_loc(), t.label1.get_text()) for t in axis.get_major_ticks()]
    assert len(shown) > 1
    return all(
        float(label.replace(wording.MINUS, "-")) == pytest.approx(place, abs=1e-9) for place, label in shown
    )


def test_a_short_logarithmic_axis_is_written_in_plain_numbers():
    theme.use_theme()
    figure, ax = plt.subplots()
    ax.plot([0.57, 6.0], [0.57, 6.0])
    ax.set_yscale("log")
    theme.write_axis(ax, "y", wording.count)
    figure.canvas.draw()
    labels = {t.label1.get_text() for t in [*ax.yaxis.get_major_ticks(), *ax.yaxis.get_minor_ticks()]}
    assert {"1", "2", "5"} <= labels
    assert not any("$" in label for label in labels)


def test_a_heat_map_writes_shares_and_leaves_missing_cells_white():
    theme.use_theme()
    _, ax = plt.subplots()
    theme.heat_map(ax, pd.DataFrame([[0.5, np.nan], [0.0, 1.0]], index=["a", "b"], columns=["x", "y"]))
    assert sorted(t.get_text() for t in ax.texts) == [wording.share(1.0), wording.share(0.5)]
