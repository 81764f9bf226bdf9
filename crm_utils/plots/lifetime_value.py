"""Pictures of value: what was expected and what came, who forecasts best, when a customer has paid back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

from crm_utils import wording
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.lifetime_value import ALL, Contest, Honesty, NewCustomers, Tracking
from crm_utils.plots.theme import COLORS, say, write_axis
from crm_utils.tools.language import _

__all__ = ["contest_errors", "expected_and_actual", "payback", "tracking"]

_MOST_CURVES = 4
_LINES = ("customers", "money", "compare", "gain")


def tracking(followed: Tracking, *, title: str) -> Axes:
    """Repeat purchases since the beginning, actual and expected; the days after the fit are shaded."""
    _figure, ax = plt.subplots()
    table = followed.table
    ax.plot(table["day"], table["actual"], color=COLORS["customers"], label=_("actual"))
    ax.plot(table["day"], table["expected"], "--", color=COLORS["money"], label=_("expected"))
    if len(table):
        ax.axvspan(
            _place(followed.fitted_on), _place(table["day"].max()), color=COLORS["plain"], alpha=0.12,
            linewidth=0, label=_("not seen by the model"),
        )  # fmt: skip
        ax.legend(loc="upper left")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    say(ax, title, x=_("day"), y=_("repeat purchases since the beginning"))
    return write_axis(ax, "y", wording.count)


def contest_errors(
    contest: Contest, *, names: Mapping[str, str], money: Callable[..., str], title: str
) -> Axes:
    """Root mean squared error of each contender on the test origins, with its interval; the chosen green."""
    _figure, ax = plt.subplots(figsize=(8.0, 3.6))
    rows = contest.measured[contest.measured["measure"] == "rmse"][::-1].reset_index(drop=True)
    for chosen, color, mark in ((False, "plain", "o"), (True, "gain", "D")):
        kept = rows[(rows["contender"] == contest.chosen) == chosen]
        ax.hlines(kept.index, kept["low"], kept["high"], color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(kept["value"], kept.index, mark, color=COLORS[color], markersize=7)
    ax.set_yticks(range(len(rows)), [names.get(name, name) for name in rows["contender"]])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    say(ax, title, x=_("root mean squared error a customer (95 % interval)"))
    return write_axis(ax, "x", money)


def expected_and_actual(honesty: Honesty, *, money: Callable[..., str], title: str) -> Axes:
    """Mean spend over mean forecast, a point a tenth of the forecast; on the line they agree."""
    _figure, ax = plt.subplots(figsize=(6.8, 4.6))
    rows = honesty.curve[honesty.curve["customers"] >= SMALLEST_GROUP]
    top = float(np.nanmax([rows["high"].max(), rows["forecast"].max(), 1e-9])) * 1.05 if len(rows) else 1.0
    ax.plot([0, top], [0, top], "--", color=COLORS["plain"], linewidth=1.2, label=_("as expected"))
    off = (rows["forecast"] < rows["low"]) | (rows["forecast"] > rows["high"])
    for missed, color, label in (
        (False, "customers", _("interval holds what was expected")),
        (True, "loss", _("it does not")),
    ):
        kept = rows[off == missed]
        ax.vlines(kept["forecast"], kept["low"], kept["high"], color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(kept["forecast"], kept["actual"], "X" if missed else "o", color=COLORS[color], label=label)
    ax.legend(loc="upper left")
    say(
        ax,
        title,
        x=_("expected a customer, tenths from low to high"),
        y=_("spent a customer (95 % interval)"),
    )
    return write_axis(write_axis(ax, "x", money), "y", money)


def payback(new: NewCustomers, *, money: Callable[..., str], title: str) -> Axes:
    """Margin that a new customer has brought by each day since the first order; a line a channel."""
    _figure, ax = plt.subplots()
    largest = list(new.channels["acquisition_channel"].head(_MOST_CURVES))
    for name, color in zip([ALL, *largest], ("plain", *_LINES), strict=False):
        rows = new.curves[new.curves["acquisition_channel"] == name]
        shade = COLORS[color]
        ax.plot(rows["age"], rows["value"], color=shade, label=_("all channels") if name == ALL else name)
        ax.fill_between(
            rows["age"].astype(float), rows["low"].astype(float), rows["high"].astype(float), color=shade,
            alpha=0.15, linewidth=0,
        )  # fmt: skip
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    if len(new.curves):
        ax.legend(loc="upper left")
    say(
        ax,
        title,
        x=_("days since the first order"),
        y=_("margin a new customer, discounted (95 % band)"),
    )
    return write_axis(ax, "y", money)


def _place(day: object) -> float:
    """Where a day stands on an axis of days."""
    return float(date2num(day))  # type: ignore[no-untyped-call]
