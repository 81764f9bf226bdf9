"""Pictures of lapse: who comes back, how good forecasts are, what pays. Small tables in, Axes out."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.plots.theme import COLORS, say, write_axis

__all__ = [
    "back_again",
    "calibration",
    "contender_quality",
    "profit_curve",
    "silence_curves",
    "theme_bars",
]

SMALLEST = 5
"""Groups of fewer customers are not drawn: a page shows groups, never a person."""

_LINES = ("customers", "money", "gain", "loss", "compare")


def back_again(returns: pd.DataFrame, *, title: str) -> Axes:
    """Share of silent customers that buys again, over the length of the silence; a line a span to come."""
    _, ax = plt.subplots()
    seen = returns[returns["customers"] >= SMALLEST]
    for (within, rows), color in zip(seen.groupby("within_days"), _LINES, strict=False):
        shade = COLORS[color]
        ax.fill_between(rows["silent_days"], rows["low"], rows["high"], color=shade, alpha=0.15, linewidth=0)
        ax.plot(
            rows["silent_days"],
            rows["rate"],
            "o-",
            color=shade,
            label=f"within {wording.days(float(str(within)))}",
        )
    ax.set_ylim(0, 1)
    ax.set_xticks(sorted(seen["silent_days"].unique()))
    ax.legend(loc="lower left", ncols=3)
    say(ax, title, x="silent for, days", y="bought again (95 % interval)")
    return write_axis(ax, "y", wording.share)


def contender_quality(measured: pd.DataFrame, *, chosen: str, measures: dict[str, str], title: str) -> Axes:
    """Contenders side by side: a panel a measure, means over test cut-offs with intervals, chosen green."""
    names = list(dict.fromkeys(measured["contender"]))[::-1]
    figure, axes = plt.subplots(1, len(measures), figsize=(9.0, 3.2), squeeze=False, sharey=True)
    rows = measured[measured["cutoff"] == "all"].set_index(["measure", "contender"])
    for ax, (measure, meaning) in zip(axes[0], measures.items(), strict=True):
        for k, name in enumerate(names):
            found = rows.loc[(measure, name)]
            color = COLORS["gain" if name == chosen else "plain"]
            ax.hlines(k, found["low"], found["high"], color=color, linewidth=2.5, alpha=0.6)
            ax.plot(found["value"], k, "D" if name == chosen else "o", color=color, markersize=7)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(-0.6, len(names) - 0.4)
        say(ax, "", x=f"{meaning} (95 % interval)")
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    first: Axes = axes[0][0]
    return first


def calibration(curve: pd.DataFrame, *, title: str) -> Axes:
    """What happened over what was forecast, a point a group; on the line they agree."""
    _, ax = plt.subplots(figsize=(6.4, 4.6))
    rows = curve[curve["customers"] >= SMALLEST]
    top = float(max(rows["high"].max(), rows["forecast"].max())) * 1.05 if len(rows) else 1.0
    ax.plot([0, top], [0, top], color=COLORS["plain"], linestyle="--", linewidth=1.2, label="as forecast")
    off = (rows["forecast"] < rows["low"]) | (rows["forecast"] > rows["high"])
    for missed, color, label in (
        (False, "customers", "interval holds the forecast"),
        (True, "loss", "it does not"),
    ):
        kept = rows[off == missed]
        ax.vlines(kept["forecast"], kept["low"], kept["high"], color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(kept["forecast"], kept["actual"], "X" if missed else "o", color=COLORS[color], label=label)
    ax.legend(loc="upper left")
    say(ax, title, x="forecast, mean of the group", y="lapsed (95 % interval)")
    return write_axis(write_axis(ax, "x", wording.share), "y", wording.share)


def theme_bars(importance: pd.DataFrame, *, title: str) -> Axes:
    """How much the log-loss rises when a theme's features are dealt out to other customers."""
    rows = importance[::-1].reset_index(drop=True)
    _, ax = plt.subplots(figsize=(8.0, max(3.0, 1.2 + 0.34 * len(rows))))
    sure = rows["low"] > 0
    for told, color in ((True, "customers"), (False, "plain")):
        kept = rows[sure == told]
        ax.hlines(kept.index, kept["low"], kept["high"], color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(kept["importance"], kept.index, "o", color=COLORS[color], markersize=7)
    ax.axvline(0, color=COLORS["plain"], linewidth=1.2, linestyle="--")
    ax.set_yticks(rows.index, rows["theme"])
    return say(ax, title, x="rise of the log-loss without the theme (95 % interval; grey: not told from 0)")


def profit_curve(
    curve: pd.DataFrame, *, best: float, allowed: float, money: Callable[..., str], title: str
) -> Axes:
    """Profit per 1,000 customers on the list by how many are contacted, on both kinds of days."""
    _, ax = plt.subplots()
    for window, color, label in (
        ("validate", "plain", "days it was chosen by"),
        ("test", "money", "test days"),
    ):
        rows = curve[curve["window"] == window]
        ax.plot(rows["depth"], rows["profit"], color=COLORS[color], label=label)
        if window == "test":
            ax.fill_between(
                rows["depth"], rows["low"], rows["high"], color=COLORS[color], alpha=0.18, linewidth=0
            )
    ax.axhline(0, color=COLORS["plain"], linewidth=1)
    ax.axvline(best, color=COLORS["gain"], linestyle="--", label=f"chosen: {wording.share(best)}")
    if allowed < 1:
        ax.axvspan(allowed, 1, color=COLORS["plain"], alpha=0.12, label="beyond the budget")
    ax.set_xlim(0, 1)
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    say(
        ax,
        title,
        x="customers contacted, highest expected profit first",
        y="profit per 1,000 customers (95 % interval)",
    )
    return write_axis(write_axis(ax, "x", wording.share), "y", money)


def silence_curves(table: pd.DataFrame, groups: pd.DataFrame, *, title: str) -> Axes:
    """Share of each segment not yet silent, by day; bands for the five largest, the others thin."""
    _, ax = plt.subplots(figsize=(8.0, 4.8))
    largest = groups[groups["events"] > 0].nlargest(len(_LINES), "customers")["group"].tolist()
    for name, rows in table.groupby("group"):
        days = np.append(0, rows["days"])
        share = np.append(1.0, rows["survival"])
        if name in largest:
            color = COLORS[_LINES[largest.index(str(name))]]
            low, high = (np.append(1.0, rows[end].fillna(rows["survival"])) for end in ("low", "high"))
            ax.fill_between(days, low, high, step="post", color=color, alpha=0.15, linewidth=0)
            size = wording.count(groups.loc[groups["group"] == name, "customers"].iloc[0])
            ax.step(days, share, where="post", color=color, label=f"{name} ({size})")
        else:
            ax.step(days, share, where="post", color="#BFBFBF", linewidth=1)
    ax.set_ylim(0, 1.02)
    ax.set_xlim(left=0)
    if largest:
        title_of = {"title": "the largest groups; the rest in grey", "title_fontsize": 8}
        ax.figure.legend(loc="outside lower center", ncols=3, fontsize=8, **title_of)
    say(ax, title, x="days since the cut-off", y="not yet silent (95 % band)")
    return write_axis(ax, "y", wording.share)
