"""Pictures of lapse: who comes back, how good forecasts are, what pays. Small tables in, Axes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.plots.theme import COLORS, say, write_axis
from crm_utils.tools.language import _

__all__ = [
    "back_again",
    "calibration",
    "contender_quality",
    "profit_curve",
    "silence_medians",
    "theme_bars",
]

_LINES = ("customers", "money", "gain", "loss", "compare")


def back_again(returns: pd.DataFrame, *, title: str) -> Axes:
    """Share of silent customers that buys again, over the length of the silence; a line a span to come."""
    _figure, ax = plt.subplots()
    seen = returns[returns["customers"] >= SMALLEST_GROUP]
    for (within, rows), color in zip(seen.groupby("within_days"), _LINES, strict=False):
        shade = COLORS[color]
        ax.fill_between(rows["silent_days"], rows["low"], rows["high"], color=shade, alpha=0.15, linewidth=0)
        ax.plot(
            rows["silent_days"],
            rows["rate"],
            "o-",
            color=shade,
            label=_("within {days}").format(days=wording.days(float(str(within)))),
        )
    ax.set_ylim(0, 1)
    ax.set_xticks(sorted(seen["silent_days"].unique()))
    ax.legend(loc="lower left", ncols=3)
    say(ax, title, x=_("silent for, days"), y=_("bought again (95 % interval)"))
    return write_axis(ax, "y", wording.share)


def contender_quality(
    measured: pd.DataFrame, *, chosen: str, names: Callable[[str], str], title: str
) -> Axes:
    """Contenders side by side: a panel a measure, means over test days with intervals, chosen green."""
    measures = {
        "roc_auc": _("ranking: AUC, more is better"),
        "log_loss": _("chances: log-loss, less is better"),
    }
    contenders = list(dict.fromkeys(measured["contender"]))[::-1]
    figure, axes = plt.subplots(1, len(measures), figsize=(9.0, 3.0), squeeze=False, sharey=True)
    rows = measured[measured["cutoff"] == "all"].set_index(["measure", "contender"])
    for ax, (measure, meaning) in zip(axes[0], measures.items(), strict=True):
        for k, name in enumerate(contenders):
            row = rows.loc[(measure, name)]
            color = COLORS["gain" if name == chosen else "plain"]
            ax.hlines(k, row["low"], row["high"], color=color, linewidth=2.5, alpha=0.6)
            ax.plot(row["value"], k, "D" if name == chosen else "o", color=color, markersize=7)
        ax.set_yticks(range(len(contenders)), [names(name) for name in contenders])
        ax.set_ylim(-0.6, len(contenders) - 0.4)
        say(ax, "", x=_("{measure} (95 % interval)").format(measure=meaning))
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    first: Axes = axes[0][0]
    return first


def calibration(curve: pd.DataFrame, *, title: str) -> Axes:
    """What happened over what was forecast, a point a group; on the line they agree."""
    _figure, ax = plt.subplots(figsize=(6.4, 4.6))
    rows = curve[curve["customers"] >= SMALLEST_GROUP]
    top = float(max(rows["high"].max(), rows["forecast"].max())) * 1.05 if len(rows) else 1.0
    ax.plot([0, top], [0, top], color=COLORS["plain"], linestyle="--", linewidth=1.2, label=_("as forecast"))
    off = (rows["forecast"] < rows["low"]) | (rows["forecast"] > rows["high"])
    for missed, color, label in (
        (False, "customers", _("interval holds the forecast")),
        (True, "loss", _("it does not")),
    ):
        kept = rows[off == missed]
        ax.vlines(kept["forecast"], kept["low"], kept["high"], color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(kept["forecast"], kept["actual"], "X" if missed else "o", color=COLORS[color], label=label)
    ax.legend(loc="upper left")
    say(ax, title, x=_("forecast, mean of the group"), y=_("lapsed (95 % interval)"))
    return write_axis(write_axis(ax, "x", wording.share), "y", wording.share)


def theme_bars(importance: pd.DataFrame, *, names: Callable[[str], str], title: str) -> Axes:
    """How much the log-loss rises when a theme's features are shuffled among customers."""
    rows = importance[::-1].reset_index(drop=True)
    _figure, ax = plt.subplots(figsize=(8.0, max(3.0, 1.2 + 0.34 * len(rows))))
    sure = rows["low"] > 0
    for shown, color in ((True, "customers"), (False, "plain")):
        kept = rows[sure == shown]
        ax.hlines(kept.index, kept["low"], kept["high"], color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(kept["importance"], kept.index, "o", color=COLORS[color], markersize=7)
    ax.axvline(0, color=COLORS["plain"], linewidth=1.2, linestyle="--")
    ax.set_yticks(rows.index, [names(theme) for theme in rows["theme"]])
    return say(ax, title, x=_("rise of the log-loss without it (95 % interval; grey: not shown to matter)"))


def profit_curve(
    curve: pd.DataFrame, *, best: float, allowed: float, money: Callable[..., str], title: str
) -> Axes:
    """Profit per 1,000 customers on the list by how many are contacted, on both kinds of days."""
    _figure, ax = plt.subplots()
    for window, color, label in (
        ("validate", "plain", _("days it was chosen by")),
        ("test", "money", _("test days")),
    ):
        rows = curve[curve["window"] == window]
        ax.plot(rows["depth"], rows["profit"], color=COLORS[color], label=label)
        if window == "test":
            ax.fill_between(
                rows["depth"], rows["low"], rows["high"], color=COLORS[color], alpha=0.18, linewidth=0
            )
    ax.axhline(0, color=COLORS["plain"], linewidth=1)
    ax.axvline(
        best,
        color=COLORS["gain"],
        linestyle="--",
        label=_("chosen: {depth}").format(depth=wording.share(best)),
    )
    if allowed < 1:
        ax.axvspan(
            allowed,
            1,
            color=COLORS["plain"],
            alpha=0.12,
            label=_("not riskier than average, or beyond the budget"),
        )
    ax.set_xlim(0, 1)
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    say(
        ax,
        title,
        x=_("customers contacted, highest expected gain first"),
        y=_("gain per 1,000 customers (95 % interval)"),
    )
    return write_axis(write_axis(ax, "x", wording.share), "y", money)


def silence_medians(groups: pd.DataFrame, *, names: Callable[[str], str], title: str) -> Axes:
    """Days until half of each segment has been silent once, with intervals; slowest on top.

    A segment of which more than half were never silent is an open mark at the last day it was watched.
    """
    rows = groups[groups["customers"] >= SMALLEST_GROUP]
    order = rows["median"].fillna(np.inf)
    rows = rows.assign(order=order, late=rows["without"]).sort_values(["order", "late"], ignore_index=True)
    _figure, ax = plt.subplots(figsize=(8.0, max(2.8, 1.4 + 0.34 * len(rows))))
    reached = rows[rows["median"].notna()]
    if len(reached):
        end = reached["high"].fillna(reached["watched"])
        ax.hlines(reached.index, reached["low"], end, color=COLORS["customers"], linewidth=2.5, alpha=0.6)
        label = _("half have been silent (95 % interval)")
        ax.plot(reached["median"], reached.index, "o", color=COLORS["customers"], markersize=7, label=label)
    waiting = rows[rows["median"].isna()]
    if len(waiting):
        hollow: dict[str, Any] = {"color": COLORS["plain"], "markersize": 7, "markerfacecolor": "white"}
        label = _("not half of them so far")
        ax.plot(waiting["watched"], waiting.index, ">", label=label, linestyle="none", **hollow)
    sizes = zip(rows["group"], rows["customers"], strict=True)
    labels = [_("{group} ({customers})").format(group=names(g), customers=wording.count(n)) for g, n in sizes]
    ax.set_yticks(range(len(rows)), labels)
    ax.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    ax.set_xlim(left=0)
    if len(rows):
        ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return say(ax, title, x=_("days since the cut-off"))
