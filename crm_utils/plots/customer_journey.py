"""Pictures of journeys: funnel, times between steps, where visits go, second orders, credit and lift."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.features.survival import Survival
from crm_utils.methods.customer_journey import Funnel, SecondOrders, StepTimes, Ways
from crm_utils.plots.theme import COLORS, heat_map, say, write_axis
from crm_utils.tools.language import _

__all__ = ["credit_plot", "flow", "funnel_plot", "second_plot", "times_plot"]

_CURVES = ("customers", "loss", "gain", "compare")
_DELAYS = (1, 4, 24)
_HOURS = (1, 1.5, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 96, 120, 168, 240, 336, 480, 672)
_EVERY = 7
"""Days between the points of a curve of second orders."""
_MOST_NODES = 12
_MARKS = {"last_non_direct": "s", "markov": "D", "click_7": "^"}


def funnel_plot(
    funnels: list[Funnel], *, steps: Mapping[str, str], labels: Mapping[str, str], title: str
) -> Axes | None:
    """Shares that got to each step, with intervals; customers and visits beside each other.

    Parameters
    ----------
    funnels
        Of the same steps.
    steps, labels
        What steps, the kinds of funnel (``customer``, ``session``) and the axis (``x``) are called.
    title
        The message.
    """
    if not funnels:
        return None
    ax = plt.subplots(figsize=(8.0, 3.2))[1]
    names = list(funnels[0].table["step"])
    places = np.arange(len(names))[::-1]
    for one, color in zip(funnels, ("customers", "money"), strict=False):
        rows = one.table
        ax.hlines(places, rows["low"], rows["high"], color=COLORS[color], linewidth=4, alpha=0.45)
        ax.plot(rows["of_entrants"], places, "o", color=COLORS[color], markersize=8, label=labels[one.by])
    ax.set_yticks(places, [steps[name] for name in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlim(0, 1.02)
    ax.grid(visible=False, axis="y")
    ax.legend(loc="upper left")
    return write_axis(say(ax, title, x=labels["x"]), "x", wording.share)


def times_plot(steps: Mapping[str, StepTimes], *, labels: Mapping[str, str], title: str) -> Axes | None:
    """Shares who took the step by hours, with bands; the usual delays are marked."""
    if not steps:
        return None
    ax = plt.subplots()[1]
    for (name, step), color in zip(steps.items(), _CURVES, strict=False):
        hours = np.array(_HOURS)
        share, low, high = (np.array(ends) for ends in zip(*map(step.by, _HOURS), strict=True))
        ax.fill_between(hours, low, high, color=COLORS[color], alpha=0.15, linewidth=0)
        ax.plot(hours, share, color=COLORS[color], label=labels[name])
    ax.set_xscale("log")
    for k, delay in enumerate(_DELAYS):
        ax.axvline(
            delay,
            color=COLORS["plain"],
            linestyle=":",
            linewidth=1.2,
            label=labels["delay"] if not k else None,
        )
    ax.set_ylim(0, None)
    ax.legend(loc="upper left")
    say(ax, title, x=labels["x"], y=labels["y"])
    return write_axis(write_axis(ax, "x", wording.count), "y", wording.share)


def flow(ways: Ways, *, steps: Mapping[str, str], title: str) -> Axes | None:
    """Where visits go from each event: shares of what comes next, at most twelve events."""
    rows = ways.moves
    if not len(rows):
        return None
    sizes = rows.groupby("target")["visits"].sum().add(rows.groupby("source")["visits"].sum(), fill_value=0)
    kept = list(sizes.sort_values(ascending=False).index)[:_MOST_NODES]
    rows = rows[rows["source"].isin(kept) & rows["target"].isin(kept)]
    order = ["(start)", "visit", "search", "view", "cart", "checkout", "payment_failed", "purchase"]
    known = [n for n in order if n in kept] + sorted(n for n in kept if n not in (*order, "(end)"))
    wide = rows.pivot_table(index="source", columns="target", values="visits", aggfunc="sum", fill_value=0)
    wide = wide.reindex(index=[n for n in known if n in wide.index])
    wide = wide.reindex(columns=[n for n in [*known, "(end)"] if n in wide.columns])
    shares = wide.div(wide.sum(axis=1), axis=0)
    shares = shares.where(shares >= 0.005)
    names = dict(steps) | {"(start)": _("(start)"), "(end)": _("(visit ends)")}
    shares = shares.rename(index=lambda n: names.get(n, n), columns=lambda n: names.get(n, n))
    ax = plt.subplots(figsize=(8.0, 0.45 * len(shares) + 1.6))[1]
    heat_map(ax, shares)
    ax.xaxis.set_tick_params(rotation=30)
    return say(ax, title, x=_("what comes next, share of moves"), y=_("from"))


def second_plot(result: SecondOrders | None, *, by: str = "category", title: str) -> Axes | None:
    """Shares who ordered again by days: the groups that are soonest and latest, and all."""
    if result is None:
        return None
    ax = plt.subplots()[1]
    if result.by:
        curve = result.by[by if by in result.by else next(iter(result.by))]
        order = curve.groups.assign(median=curve.groups["median"].fillna(np.inf)).sort_values("median")
        for name, color in ((order["group"].iloc[0], "gain"), (order["group"].iloc[-1], "loss")):
            _climb(ax, curve, str(name), color, str(name))
    _climb(ax, result.whole, "all", "plain", _("all"))
    ax.axvline(30, color=COLORS["plain"], linestyle=":", linewidth=1.2)
    ax.set_ylim(0, 1)
    ax.legend(loc="lower right")
    say(ax, title, x=_("days since the first order (dotted: 30)"), y=_("share who ordered again (95 % band)"))
    return write_axis(ax, "y", wording.share)


def credit_plot(rows: pd.DataFrame, *, labels: Mapping[str, str], title: str) -> Axes | None:
    """Each campaign's lift with its interval, and what rules give it; the made-up one on top.

    Parameters
    ----------
    rows
        ``name``, ``lift``, ``low``, ``high``, and a column a rule.
    labels
        What the marks are called, and the axis (``x``).
    title
        The message.
    """
    if not len(rows):
        return None
    height = 0.42 * max(len(rows), 3) + 1.9
    ax = plt.subplots(figsize=(8.0, height))[1]
    places = np.arange(len(rows))[::-1]
    ax.axvline(0, color=COLORS["plain"], linewidth=1.0)
    ax.axhspan(places[0] - 0.5, places[0] + 0.5, color=COLORS["compare"], alpha=0.12, linewidth=0)
    known = rows["lift"].notna().to_numpy()
    if known.any():
        lift = rows[known]
        ax.hlines(places[known], lift["low"], lift["high"], color=COLORS["gain"], linewidth=4, alpha=0.45)
        ax.plot(lift["lift"], places[known], "o", color=COLORS["gain"], markersize=8, label=labels["lift"])
    for (rule, mark), color in zip(_MARKS.items(), ("plain", "loss", "money"), strict=True):
        given = rows[rule].notna().to_numpy()
        if given.any():
            ax.plot(
                rows.loc[given, rule],
                places[given],
                mark,
                color=COLORS[color],
                markersize=6,
                label=labels[rule],
            )
    ax.set_yticks(places, list(rows["name"]))
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.grid(visible=False, axis="y")
    write_axis(say(ax, title, x=labels["x"]), "x", wording.count)
    below = 0.62 / (height - 1.1)  # inches under the axis, whatever the number of rows
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -below), ncols=2)
    return ax


def _climb(ax: Axes, curve: Survival, name: str, color: str, label: str) -> None:
    rows = curve.table[curve.table["group"] == name]
    if not len(rows):
        return
    # The last day of each week: the curve's steps are too many for a table.
    rows = rows.groupby(rows["days"] // _EVERY).last()
    days = rows["days"].to_numpy(float) // _EVERY * _EVERY
    ax.fill_between(days, 1 - rows["high"], 1 - rows["low"], color=COLORS[color], alpha=0.15, linewidth=0)
    ax.plot(days, 1 - rows["survival"], color=COLORS[color], label=label)
