"""Pictures of a plan: who drops out and why, and when messages leave. Small tables in, Axes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from crm_utils import wording
from crm_utils.plots.theme import COLORS, HEAT, say, write_axis

__all__ = ["budget", "hours", "waterfall", "week"]

_GREY = ("#5A5A5A", "#767676", "#8F8F8F", "#A8A8A8", "#BFBFBF", "#D6D6D6")


def waterfall(
    table: pd.DataFrame,
    *,
    stages: Sequence[str],
    names: Mapping[str, str],
    titles: Mapping[str, str],
    title: str,
) -> Axes:
    """A bar a scenario: what is sent (green), held out (pink), and each reason for dropping out (grey).

    Parameters
    ----------
    table
        ``scenario``, ``due`` and a column a stage.
    stages
        In order; ``to_send`` and ``held_out`` are drawn first.
    names, titles
        Words of stages and scenarios.
    title
        The message.
    """
    _, ax = plt.subplots(figsize=(8.0, 1.6 + 0.5 * max(1, len(table))))
    rows = table[::-1]
    order = ["to_send", "held_out", *[s for s in stages if s not in ("to_send", "held_out")]]
    colors = [COLORS["gain"], COLORS["compare"], *_GREY]
    left = pd.Series(0.0, index=rows.index)
    for stage, color in zip(order, colors, strict=False):
        if rows[stage].sum():
            ax.barh(
                [titles[s] for s in rows["scenario"]], rows[stage], left=left, color=color, label=names[stage]
            )
            left = left + rows[stage]
    ax.grid(visible=False, axis="y")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=2, fontsize=8)
    return write_axis(say(ax, title), "x", wording.count)


def budget(curve: pd.DataFrame, *, at: float, x: str, y: str, title: str) -> Axes | None:
    """The most that each budget can bring, with the budget of today; None where nothing is verified.

    Parameters
    ----------
    curve
        ``budget``, ``value``.
    at
        Today's budget; 0 where none is set.
    x, y, title
        Words.
    """
    if len(curve) < 2:
        return None
    _, ax = plt.subplots(figsize=(8.0, 3.2))
    ax.plot(curve["budget"], curve["value"], color=COLORS["money"], marker="o" if len(curve) < 12 else "")
    if at:
        ax.axvline(at, color=COLORS["plain"], linestyle="--", linewidth=1.2)
    return write_axis(write_axis(say(ax, title, x=x, y=y), "x", wording.count), "y", wording.count)


def hours(to_send: pd.DataFrame, *, closed: Sequence[int], x: str, y: str, title: str) -> Axes:
    """Messages by hour of the day; hours in which advertising rests are shaded.

    Parameters
    ----------
    to_send
        A row a message: ``send_at``.
    closed
        Hours, 0 to 23.
    x, y, title
        Words.
    """
    _, ax = plt.subplots(figsize=(8.0, 2.8))
    counts = to_send["send_at"].dt.hour.value_counts().reindex(range(24), fill_value=0)
    for hour in closed:
        ax.axvspan(hour - 0.5, hour + 0.5, color=COLORS["plain"], alpha=0.15, linewidth=0)
    ax.bar(counts.index, counts, color=COLORS["customers"])
    ax.set_xticks(range(0, 24, 3))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda hour, _: f"{hour:02.0f}:00"))
    return write_axis(say(ax, title, x=x, y=y), "y", wording.count)


def week(
    visits: pd.DataFrame, *, closed: Sequence[int], days: Sequence[str], x: str, legend: str, title: str
) -> Axes:
    """When customers come, by weekday and hour; hours in which advertising rests are hatched.

    Parameters
    ----------
    visits
        ``weekday`` (0 Monday), ``hour``, ``visits``.
    closed
        Hours, 0 to 23.
    days
        Names of the seven weekdays, Monday first.
    x, legend, title
        Words.
    """
    fig, ax = plt.subplots(figsize=(8.0, 3.0))
    grid = visits.pivot_table(index="weekday", columns="hour", values="visits", aggfunc="sum")
    grid = grid.reindex(index=range(7), columns=range(24)).fillna(0)
    drawn = ax.imshow(grid.to_numpy(dtype=float), cmap=HEAT, aspect="auto", vmin=0)
    for hour in closed:
        ax.axvspan(
            hour - 0.5, hour + 0.5, facecolor="none", edgecolor=COLORS["plain"], hatch="///", linewidth=0
        )
    ax.set_xticks(range(0, 24, 3))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda hour, _: f"{hour:02.0f}:00"))
    ax.set_yticks(range(7), list(days))
    ax.grid(visible=False)
    bar = fig.colorbar(drawn, ax=ax, label=legend)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.count(int(value))))
    return say(ax, title, x=x, y="")
