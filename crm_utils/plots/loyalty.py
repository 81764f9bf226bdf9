"""Pictures of a loyalty programme: naive multiples, open points by silence, looks back, cuts, moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.methods.loyalty import Liability, Migration, Threshold
from crm_utils.plots.theme import COLORS, heat_map, say, write_axis
from crm_utils.tools.language import _

__all__ = ["cuts", "moves", "multiples", "open_points"]


def multiples(rows: pd.DataFrame, *, x: str, title: str) -> Axes | None:
    """How many times as much some spend as others, with intervals: the made-up line in pink, real tiers blue.

    Parameters
    ----------
    rows
        ``label``, ``value``, ``low``, ``high``, ``real`` (1 or 0).
    x, title
        What the axis holds; the message.
    """
    if not len(rows):
        return None
    ax = plt.subplots(figsize=(8.0, 0.5 * len(rows) + 1.6))[1]
    places = np.arange(len(rows))[::-1]
    for real, color in ((0, "compare"), (1, "customers")):
        mask = (rows["real"] == real).to_numpy()
        kept = rows[mask]
        ax.hlines(places[mask], kept["low"], kept["high"], color=COLORS[color], linewidth=3.0, alpha=0.6)
        ax.plot(kept["value"], places[mask], "o", color=COLORS[color], markersize=8)
    ax.axvline(1, color=COLORS["plain"], linewidth=1.2)
    ax.set_yticks(places, list(rows["label"]))
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlim(left=0)
    ax.grid(visible=False, axis="y")
    return write_axis(say(ax, title, x=x), "x", lambda value: wording.number(value, 1))


def open_points(owed: Liability | None, *, labels: Sequence[str], x: str, title: str) -> Axes | None:
    """Open points by silence, and how many of them will be spent, with intervals.

    Parameters
    ----------
    owed
        What is owed; None draws nothing.
    labels
        What the strata of silence are called, from the shortest.
    x, title
        What the axis holds; the message.
    """
    if owed is None or not len(owed.table):
        return None
    sums = owed.by_silence
    if sums.empty:
        return None
    # Ends of a sum of strata: errors of strata of one silence are taken as one, the widest they can be.
    ax = plt.subplots(figsize=(8.0, 3.6))[1]
    places = np.arange(len(sums))[::-1]
    ax.barh(places, sums["expected"], height=0.38, color=COLORS["money"], label=_("will be spent"), zorder=3)
    ax.hlines(places, sums["low"], sums["high"], color="#262626", linewidth=1.6, zorder=4)
    ax.barh(places, sums["outstanding"], height=0.62, color=COLORS["plain"], alpha=0.3, label=_("open"))
    ax.set_yticks(places, [labels[int(k)] for k in sums.index])
    ax.grid(visible=False, axis="y")
    ax.legend(loc="lower right")
    return write_axis(say(ax, title, x=x), "x", wording.count)


def cuts(
    judged: Sequence[Threshold], *, titles: Sequence[str], x: str, how: Callable[..., str]
) -> Axes | None:
    """Customers around each cut beside the curve through those further away.

    Parameters
    ----------
    judged
        The cuts; those without enough customers are left out.
    titles
        The message of each.
    x, how
        What the axis holds, and what writes it.
    """
    known = [(each, title) for each, title in zip(judged, titles, strict=True) if each.bunching.known]
    if not known:
        return None
    figure, axes = plt.subplots(len(known), 1, figsize=(8.0, 2.9 * len(known)), squeeze=False)
    for ax, (each, title) in zip(axes[:, 0], known, strict=True):
        bins = each.bunching.bins
        width = float(bins["starts"].iloc[1] - bins["starts"].iloc[0])
        middle = bins["starts"] + width / 2
        shade = np.where(bins["inside"], COLORS["compare"], COLORS["customers"])
        ax.bar(middle, bins["observed"], width=width * 0.85, color=shade, alpha=0.55)
        ax.fill_between(middle, bins["low"], bins["high"], color=COLORS["plain"], alpha=0.3, linewidth=0)
        ax.plot(middle, bins["expected"], color=COLORS["plain"], label=_("expected from further away"))
        ax.axvline(each.cut, color="#262626", linewidth=1.2, linestyle="--")
        ax.legend(loc="upper right")
        write_axis(say(ax, title, x=x if ax is axes[-1, 0] else "", y=_("customers at a review")), "x", how)
    del figure
    return axes[0, 0]  # type: ignore[no-any-return]


def moves(migration: Migration | None, *, x: str, y: str, title: str) -> Axes | None:
    """Where customers of each tier went at the last review."""
    if migration is None or not len(migration.table):
        return None
    ax = plt.subplots(figsize=(6.4, 3.4))[1]
    heat_map(ax, migration.shares)
    return say(ax, title, x=x, y=y)
