"""Pictures of the week: strips with their range, what moved revenue, what may come, what was restated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.plots.theme import COLORS, say, write_axis
from crm_utils.tools.language import _

__all__ = ["dumbbell", "fan", "strips", "waterfall"]


def strips(
    history: pd.DataFrame, *, names: Mapping[str, str], how: Mapping[str, Callable[..., str]], title: str
) -> Axes:
    """A strip a measure: its weeks, the ordinary range in grey, unusual weeks marked.

    Parameters
    ----------
    history
        ``measure``, ``week``, ``value``, ``low``, ``high``, ``says``.
    names, how
        For each measure to draw its heading, and what writes its values.
    title
        The message.
    """
    figure, axes = plt.subplots(
        len(names), 1, figsize=(8.0, 1.25 * len(names) + 0.6), sharex=True, squeeze=False
    )
    for ax, (measure, name) in zip(axes[:, 0], names.items(), strict=True):
        rows = history[history["measure"] == measure]
        weeks = pd.to_datetime(rows["week"])
        ax.fill_between(
            weeks, rows["low"], rows["high"], color=COLORS["plain"], alpha=0.18, linewidth=0,
            label=_("ordinary range"),
        )  # fmt: skip
        ax.plot(weeks, rows["value"], color=COLORS["customers"], linewidth=1.4, label=_("a week"))
        for says, color in (("low", "loss"), ("high", "gain")):
            odd = rows["says"] == says
            ax.plot(weeks[odd], rows["value"][odd], "o", color=COLORS[color], markersize=6)
        ax.set_title(name, fontsize=9)
        ax.locator_params(axis="y", nbins=3)
        write_axis(ax, "y", how[measure])
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    lowest: Axes = axes[-1, 0]
    return lowest


def waterfall(
    drivers: pd.DataFrame, *, start: float, names: Mapping[str, str], ends: tuple[str, str],
    how: Callable[..., str], title: str,
) -> Axes | None:  # fmt: skip
    """From one period's revenue to the next: a bar a driver, ending exactly on the new value.

    Parameters
    ----------
    drivers
        ``driver``, ``change``, ``low``, ``high``.
    start
        Revenue of the period before.
    names, ends
        What the drivers and the two periods are called.
    how
        What writes money.
    title
        The message.
    """
    if drivers["change"].isna().any():
        return None  # of fewer than five customers
    ax = plt.subplots(figsize=(8.0, 3.4))[1]
    rows = drivers[drivers["change"] != 0]
    labels = [ends[1], *[names[d] for d in rows["driver"]][::-1], ends[0]]
    total, y = start, len(labels) - 1
    ax.barh(y, start, color=COLORS["plain"], height=0.6)
    for row in rows.to_dict("records"):
        y -= 1
        color = COLORS["gain" if row["change"] > 0 else "loss"]
        ax.barh(y, row["change"], left=total, color=color, height=0.6)
        if not np.isnan(row["low"]):
            ax.hlines(y, total + row["low"], total + row["high"], color="#262626", linewidth=1.2)
        total += row["change"]
    ax.barh(0, total, color=COLORS["money"], height=0.6)
    reach = [start, total, *(start + drivers["change"].cumsum())]
    around = max(max(reach) - min(reach), abs(drivers["high"] - drivers["low"]).max(skipna=True) or 0.0)
    if around and min(reach) > 3 * around:  # the change is small against the whole: show it closer
        ax.set_xlim(min(reach) - 1.5 * around, max(reach) + 1.5 * around)
    ax.set_yticks(range(len(labels)), labels)
    ax.grid(visible=False, axis="y")
    ax.locator_params(axis="x", nbins=4)  # amounts in won are long
    return write_axis(say(ax, title, x=""), "x", how)


def fan(
    *, starts: Sequence[dt.date], windows: Sequence[float], weeks: int, value: float, low: float, high: float,
    how: Callable[..., str], names: tuple[str, str], title: str,
) -> Axes | None:  # fmt: skip
    """Revenue of the windows before, and the next one with its range; None where nothing can be foreseen.

    Parameters
    ----------
    starts, windows
        First days of earlier windows of the same length, and their revenue.
    weeks
        Of a window.
    value, low, high
        What is foreseen of the next one.
    how
        What writes money.
    names, title
        Of the line and of the forecast; the message.
    """
    if np.isnan(value) or not len(windows):
        return None
    ax = plt.subplots(figsize=(8.0, 3.0))[1]
    days = pd.to_datetime(pd.Series([*starts, starts[-1] + dt.timedelta(weeks=weeks)]))
    before, ahead = days[:-1], days[-1:]
    ax.plot(before, windows, "o-", color=COLORS["money"], linewidth=1.4, markersize=4, label=names[0])
    if not np.isnan(low):
        lows, highs = [windows[-1], low], [windows[-1], high]
        ax.fill_between(days[-2:], lows, highs, color=COLORS["plain"], alpha=0.18, linewidth=0)
        ax.vlines(ahead, low, high, color=COLORS["compare"], linewidth=1.6)
    ax.plot(ahead, [value], "D", color=COLORS["compare"], markersize=6, label=names[1])
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, loc="lower left")
    return write_axis(say(ax, title), "y", how)


def dumbbell(
    *, labels: Sequence[str], changes: Sequence[float], ends: tuple[str, str], title: str, x: str
) -> Axes | None:
    """Weeks as they were told and as newer data have them, joined by a line; None without any.

    Parameters
    ----------
    labels, changes
        Of each week, and by what share it changed.
    ends
        What the two dots are called.
    title, x
        The message; what the axis holds.
    """
    if not len(labels):
        return None
    ax = plt.subplots(figsize=(8.0, 0.32 * len(labels) + 1.3))[1]
    places = np.arange(len(labels))[::-1]
    ax.hlines(places, 0, changes, color=COLORS["plain"], linewidth=1.6)
    ax.plot(np.zeros(len(labels)), places, "o", color=COLORS["plain"], label=ends[0])
    ax.plot(changes, places, "o", color=COLORS["compare"], label=ends[1])
    ax.set_yticks(places, labels)
    ax.set_ylim(-0.7, len(labels) - 0.3)
    ax.grid(visible=False, axis="y")
    ax.legend(frameon=False, loc="best")
    return write_axis(say(ax, title, x=x), "x", wording.share)
