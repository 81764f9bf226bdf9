"""Pictures of the data as they came in: a small table in, Axes out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from crm_utils import wording
from crm_utils.plots.theme import COLORS, HEAT, say, write_axis
from crm_utils.tools.language import N_, _

__all__ = ["completeness_bars", "coverage_bars", "first_seen_bars", "orders_by_day", "week_and_hour"]

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


def orders_by_day(days: pd.DataFrame, unusual: pd.DataFrame, *, title: str) -> Axes:
    """Orders a day with their four-week mean, and the unusual days marked.

    Parameters
    ----------
    days
        day, orders.
    unusual
        day, orders: those to mark.
    title
        The message.
    """
    ax = plt.subplots()[1]
    series = days.set_index(pd.to_datetime(days["day"]))["orders"].asfreq("D", fill_value=0)
    ax.plot(series.index, series, color=COLORS["customers"], alpha=0.45, linewidth=0.9, label=_("a day"))
    mean = series.rolling(28, center=True, min_periods=14).mean()
    ax.plot(mean.index, mean, color=COLORS["customers"], label=_("mean of the four weeks around it"))
    if len(unusual):
        at = pd.to_datetime(unusual["day"])
        ax.scatter(
            at, unusual["orders"], color=COLORS["loss"], zorder=3, label=_("far from its weekday's usual")
        )
        for day, orders in zip(at, unusual["orders"], strict=True):
            ax.annotate(f"{day:%d %b}", (day, orders), xytext=(4, 4), textcoords="offset points", fontsize=8)
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower left", ncols=3, fontsize=8)
    return say(write_axis(ax, "y", wording.count), title, y=_("orders a day"))


def week_and_hour(cells: pd.DataFrame, *, title: str) -> Axes:
    """When people buy: orders by weekday and hour, on the shop's clock.

    Parameters
    ----------
    cells
        weekday (0 = Monday), hour (0–23), orders.
    title
        The message.
    """
    grid = cells.pivot_table(index="weekday", columns="hour", values="orders", fill_value=0)
    grid = grid.reindex(index=range(7), columns=range(24), fill_value=0)
    ax = plt.subplots()[1]
    drawn = ax.imshow(grid.to_numpy(), cmap=HEAT, aspect="auto")
    ax.set_xticks(range(0, 24, 2))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda hour, _: f"{hour:.0f}:00"))
    ax.set_yticks(range(7), [_(day) for day in WEEKDAYS])
    ax.grid(visible=False)
    bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    write_axis(bar.ax, "y", wording.count).set_ylabel(_("orders in the whole period"))
    return say(ax, title, x=_("hour, shop's local time"))


def first_seen_bars(periods: pd.DataFrame, *, weekly: bool, title: str) -> Axes | None:
    """Customers seen for the first time, by week or month; those who were there already below the new.

    Parameters
    ----------
    periods
        begins (first day), customers, existing (of these, taken as customers already).
    weekly
        Whether they are weeks; else months.
    title
        The message.
    """
    if periods.empty:
        return None
    ax = plt.subplots()[1]
    start = pd.to_datetime(periods["begins"])
    width = 6 if weekly else 25
    before, new = periods["existing"], periods["customers"] - periods["existing"]
    ax.bar(start, before, width=width, color=COLORS["plain"], label=_("customers already"))
    ax.bar(start, new, bottom=before, width=width, color=COLORS["customers"], label=_("taken as new"))
    ax.legend()
    return say(write_axis(ax, "y", wording.count), title, y=_("customers seen for the first time"))


def coverage_bars(coverage: pd.DataFrame, *, title: str) -> Axes | None:
    """How many of the ordering customers each table knows, and what part of the revenue is theirs.

    Parameters
    ----------
    coverage
        table, share, revenue_share.
    title
        The message.
    """
    coverage = coverage.dropna(subset="share")
    if coverage.empty:
        return None
    ax = plt.subplots(figsize=(8.0, 0.9 + 0.75 * len(coverage)))[1]
    position = range(len(coverage))
    for shift, column, colour, label in (
        (-0.19, "share", "customers", _("of the customers")),
        (0.19, "revenue_share", "money", _("of the revenue")),
    ):
        drawn = ax.barh(
            [p + shift for p in position], coverage[column], 0.36, color=COLORS[colour], label=label
        )
        ax.bar_label(drawn, [wording.share(v) for v in coverage[column]], padding=3, fontsize=8)
    ax.set_yticks(position, coverage["table"])
    ax.invert_yaxis()
    ax.set_xlim(0, 1.12)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    return say(write_axis(ax, "x", wording.share), title)


def completeness_bars(columns: pd.DataFrame, *, title: str) -> Axes | None:
    """The share of rows in which each column that is not always filled has a value.

    Parameters
    ----------
    columns
        table, column, filled_share.
    title
        The message.
    """
    if columns.empty:
        return None
    ax = plt.subplots(figsize=(8.0, 0.9 + 0.3 * len(columns)))[1]
    names = [f"{table}.{column}" for table, column in zip(columns["table"], columns["column"], strict=True)]
    drawn = ax.barh(names, columns["filled_share"], color=COLORS["plain"])
    ax.bar_label(drawn, [wording.share(v) for v in columns["filled_share"]], padding=3, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.12)
    return say(write_axis(ax, "x", wording.share), title, x=_("share of rows with a value"))
