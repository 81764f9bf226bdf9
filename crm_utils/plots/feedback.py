"""Pictures of feedback: months in a funnel, groups in a forest, words with counts, lapses by delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.methods.feedback import Funnel, ScoreAndLapse, Themes
from crm_utils.plots.theme import COLORS, say, write_axis
from crm_utils.tools.language import _

__all__ = ["forest", "funnel_plot", "lapses", "themes_plot"]

_SURE = 20
"""Customers: a smaller group is drawn in grey."""
_MOST_WORDS = 8


def funnel_plot(result: Funnel, *, how: Callable[..., str], y: str, title: str) -> Axes:
    """Each month's score over how many answered, between the limits of chance.

    Parameters
    ----------
    found
        Of one kind.
    how, y
        What writes the score; what the axis holds.
    title
        The message.
    """
    _figure, ax = plt.subplots()
    rows = result.rows
    n = rows["effective"].to_numpy(dtype=float)
    if len(n):
        limits = result.limits(np.linspace(max(n.min() * 0.8, 1.0), n.max() * 1.1, 60))
        ax.fill_between(
            limits["n"], limits["lowest"], limits["highest"], color=COLORS["plain"], alpha=0.12, linewidth=0,
            label=_("99.8 in 100 months by chance"),
        )  # fmt: skip
        ax.fill_between(
            limits["n"], limits["low"], limits["high"], color=COLORS["plain"], alpha=0.16, linewidth=0,
            label=_("95 in 100"),
        )  # fmt: skip
        ax.axhline(result.target, color=COLORS["plain"], linewidth=1.2)
    for says, color, name in (
        ("", "customers", _("a month")),
        ("low", "loss", _("a month, lower")),
        ("high", "gain", _("a month, higher")),
    ):
        kept = rows[rows["says"] == says]
        if len(kept):
            ax.plot(kept["effective"], kept["value"], "o", color=COLORS[color], label=name)
    if len(n):
        ax.legend(loc="lower right")
    return write_axis(say(ax, title, x=_("independent answers in the month"), y=y), "y", how)


def forest(rows: pd.DataFrame, *, labels: Sequence[str], how: Callable[..., str], x: str, title: str) -> Axes:
    """Scores of groups with their intervals; groups under twenty customers grey.

    Parameters
    ----------
    rows
        ``value``, ``low``, ``high``, ``customers`` of one kind.
    labels
        What the rows are called.
    how, x
        What writes the score; what the axis holds.
    title
        The message.
    """
    _figure, ax = plt.subplots(figsize=(8.0, 0.3 * max(len(rows), 3) + 1.4))
    places = np.arange(len(rows))[::-1]
    few = (rows["customers"] < _SURE).to_numpy(dtype=bool)
    for mask, color in ((~few, "customers"), (few, "plain")):
        kept = rows[mask]
        ax.hlines(places[mask], kept["low"], kept["high"], color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(kept["value"], places[mask], "o", color=COLORS[color], markersize=6)
    ax.set_yticks(places, list(labels))
    ax.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    ax.grid(visible=False, axis="y")
    return write_axis(say(ax, title, x=x), "x", how)


def themes_plot(themes: Themes, *, title: str) -> Axes | None:
    """Words of low scores to the right and of high ones to the left, with how many texts hold each."""
    rows = themes.shown(most=_MOST_WORDS) if len(themes.words) else themes.words
    if not len(rows):
        return None
    rows = rows.sort_values("z", ascending=False)
    ax = plt.subplots(figsize=(8.0, 0.32 * len(rows) + 1.4))[1]
    places = np.arange(len(rows))[::-1]
    colors = [COLORS["loss" if z > 0 else "gain"] for z in rows["z"]]
    ax.barh(places, rows["z"], color=colors, height=0.65)
    for place, (z, texts) in zip(
        places, zip(rows["z"], rows["low"].where(rows["z"] > 0, rows["high"]), strict=True), strict=True
    ):
        ax.text(
            z, place, f" {wording.count(texts)} ", va="center", ha="left" if z > 0 else "right", fontsize=9
        )
    reach = float(rows["z"].abs().max()) * 1.2
    ax.set_xlim(-reach if (rows["z"] < 0).any() else 0, reach if (rows["z"] > 0).any() else 0)
    ax.set_yticks(places, [str(word) for word in rows["word"]])
    ax.axvline(0, color=COLORS["plain"], linewidth=1.0)
    ax.grid(visible=False, axis="y")
    return write_axis(
        say(ax, title, x=_("word of high (left) or low scores (right), standard errors; texts beside it")),
        "x", wording.count,
    )  # fmt: skip


def lapses(result: ScoreAndLapse, *, labels: Sequence[str], x: str, title: str) -> Axes:
    """Share of customers who lapsed, by delivery and score."""
    _figure, ax = plt.subplots(figsize=(8.0, 0.45 * max(len(result.strata), 2) + 1.4))
    rows = result.strata.reset_index(drop=True)
    places = np.arange(len(rows))[::-1]
    low = (rows["low"] == 1).to_numpy(dtype=bool)
    for mask, color in ((~low, "customers"), (low, "loss")):
        kept = rows[mask]
        ax.hlines(
            places[mask], kept["low_end"], kept["high_end"], color=COLORS[color], linewidth=2.5, alpha=0.6
        )
        ax.plot(kept["lapsed"], places[mask], "o", color=COLORS[color], markersize=6)
    ax.set_yticks(places, list(labels))
    ax.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    ax.grid(visible=False, axis="y")
    return write_axis(say(ax, title, x=x), "x", wording.share)
