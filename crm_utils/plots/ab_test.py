"""Pictures of experiments: effects, looking early, for whom, past campaigns. Small tables in, Axes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.plots.theme import COLORS, say, write_axis

__all__ = [
    "aa_rates",
    "all_segments",
    "campaign_effects",
    "effect_intervals",
    "placebo_intervals",
    "qini_curve",
    "segment_effects",
    "sequential_band",
    "size_curve",
    "weekly_effects",
]

MOST_ROWS = 30
"""Campaigns that a picture shows; the table has them all."""


def effect_intervals(
    effects: pd.DataFrame, *, lower_is_better: Sequence[str] = (), level: str = "95 %", title: str
) -> Axes:
    """Draw the relative effect on every metric and arm with its interval.

    ``effects`` has ``metric``, ``arm``, ``relative``, ``relative_low``, ``relative_high``; rows without one
    are left out.
    """
    rows = effects[effects["relative"].notna()][::-1].reset_index(drop=True)
    several = len(set(rows["arm"])) > 1
    labels = rows["metric"].str.replace("_", " ") + (" · " + rows["arm"] if several else "")
    signs = [-1 if metric in lower_is_better else 1 for metric in rows["metric"]]
    ends = rows[["relative", "relative_low", "relative_high"]].astype(float)
    ax = _forest(labels.tolist(), ends.to_numpy(), signs)
    say(ax, title, x=f"change against the control, % ({level} interval)")
    return write_axis(ax, "x", wording.share)


def segment_effects(
    rows: pd.DataFrame,
    *,
    how: Callable[..., str],
    unit: str,
    overall: float,
    sign: int = 1,
    level: str = "95 %",
    title: str,
) -> Axes:
    """Draw the effect within each segment (``segment``, ``effect``, ``low``, ``high``) beside that on all.

    ``sign`` is −1 where lower is better.
    """
    rows = rows[::-1].reset_index(drop=True)
    sizes = rows["n_control"] + rows["n_arm"]
    labels = [f"{s} ({wording.count(n)})" for s, n in zip(rows["segment"], sizes, strict=True)]
    ax = _forest(labels, rows[["effect", "low", "high"]].to_numpy(float), [sign] * len(rows))
    ax.axvline(overall, color=COLORS["customers"], linestyle="--", linewidth=1.2, label="all customers")
    ax.figure.legend(loc="outside lower center", fontsize=9)
    return write_axis(say(ax, title, x=f"effect a customer, {unit} ({level} interval)"), "x", how)


def all_segments(
    found: Mapping[str, pd.DataFrame],
    *,
    arm: str,
    how: Callable[..., str],
    unit: str,
    overall: float,
    sign: int = 1,
    level: str = "95 %",
) -> list[Axes]:
    """Draw one arm's effect within every declared division, a picture each; titles say whether they differ.

    ``found`` is what :class:`~crm_utils.ab_test.judge.Judged` holds as ``segments``.
    """
    drawn = []
    for name, every in found.items():
        rows = every[every["arm"] == arm]
        if rows.empty:
            continue
        p = rows["p_differ"].iloc[0]
        known = p is not None and not pd.isna(p)
        told = "segments differ" if known and p < 0.05 else "no difference between segments is shown"
        title = f"{name}: {told}" + (f" (p = {p:.2g})" if known else "")
        drawn.append(
            segment_effects(rows, how=how, unit=unit, overall=overall, sign=sign, level=level, title=title)
        )
    return drawn


def campaign_effects(
    rows: pd.DataFrame, *, pooled: tuple[float, float, float], how: Callable[..., str], unit: str, title: str
) -> Axes:
    """Draw each campaign's effect against its held-out share, and all together as a band."""
    rows = rows[:MOST_ROWS][::-1].reset_index(drop=True)
    ax = _forest(rows["name"].tolist(), rows[["effect", "low", "high"]].to_numpy(float), [1] * len(rows))
    ax.axvspan(pooled[1], pooled[2], color=COLORS["customers"], alpha=0.15, label="all together, 95 %")
    ax.axvline(pooled[0], color=COLORS["customers"], linewidth=1.2)
    ax.figure.legend(loc="outside lower center", fontsize=9)
    return write_axis(say(ax, title, x=f"effect a customer, {unit} (95 % interval)"), "x", how)


def placebo_intervals(rows: pd.DataFrame, *, how: Callable[..., str], unit: str, title: str) -> Axes:
    """Draw what each campaign seems to have changed before it began, which should be nothing."""
    rows = rows[rows["placebo"].notna()][:MOST_ROWS][::-1].reset_index(drop=True)
    _, ax = plt.subplots(figsize=(8, max(3.0, 1.2 + 0.26 * len(rows))))
    ends = rows[["placebo", "placebo_low", "placebo_high"]].astype(float)
    for failed, color, label in (
        (True, "loss", "a change before it began"),
        (False, "plain", "none to be seen"),
    ):
        at = rows.index[((ends["placebo_low"] > 0) | (ends["placebo_high"] < 0)) == failed]
        if len(at):
            ax.hlines(at, ends.loc[at, "placebo_low"], ends.loc[at, "placebo_high"], color=COLORS[color],
                      linewidth=2.5, alpha=0.6)  # fmt: skip
            ax.plot(ends.loc[at, "placebo"], at, "X" if failed else "o", color=COLORS[color], label=label)
    ax.axvline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_yticks(rows.index, rows["name"], fontsize=8)
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return write_axis(say(ax, title, x=f"placebo difference, {unit} (95 % interval)"), "x", how)


def sequential_band(
    sequence: pd.DataFrame,
    *,
    how: Callable[..., str],
    unit: str,
    looks: pd.DataFrame | None = None,
    level: str = "95 %",
    title: str,
) -> Axes:
    """Draw one arm's effect over time, with the interval of one look and the one that holds at all.

    ``sequence`` has ``day``, ``effect``, ``low``, ``high``, ``always_low``, ``always_high``; planned
    ``looks`` are marked.
    """
    _, ax = plt.subplots()
    day = pd.to_datetime(sequence["day"])
    ends = (sequence["always_low"], sequence["always_high"])
    ax.fill_between(day, *ends, color=COLORS["customers"], alpha=0.18, label=f"holds at all looks ({level})")
    ax.fill_between(day, sequence["low"], sequence["high"], color=COLORS["customers"], alpha=0.3,
                    label=f"holds at one look ({level})")  # fmt: skip
    ax.plot(day, sequence["effect"], "o-", color=COLORS["customers"], markersize=4, label="effect so far")
    ax.axhline(0, color=COLORS["plain"], linewidth=1.2)
    for k, look in enumerate([] if looks is None else mdates.date2num(looks["day"])):  # type: ignore[no-untyped-call]
        ax.axvline(
            float(look), color=COLORS["money"], linestyle=":", label="planned look" if k == 0 else None
        )
    locator = mdates.AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.legend(loc="best")
    return write_axis(say(ax, title, x="day on which the last of them completed the horizon",
                          y=f"effect a customer, {unit}"), "y", how)  # fmt: skip


def qini_curve(curve: pd.DataFrame, *, how: Callable[..., str], unit: str, title: str) -> Axes:
    """Draw what contacting the best share of customers brings, against choosing them by lot."""
    _, ax = plt.subplots()
    ax.fill_between(curve["share"], curve["low"], curve["high"], color=COLORS["customers"], alpha=0.18,
                    label="95 % (bootstrap)")  # fmt: skip
    ax.plot(curve["share"], curve["gain"], color=COLORS["customers"], label="largest predicted effect first")
    ax.plot(curve["share"], curve["random"], "--", color=COLORS["plain"], label="by lot")
    ax.legend(loc="best")
    say(ax, title, x="share of customers contacted, %", y=f"gain a customer of all, {unit}")
    return write_axis(write_axis(ax, "x", wording.share), "y", how)


def weekly_effects(weeks: pd.DataFrame, *, how: Callable[..., str], unit: str, title: str) -> Axes:
    """Draw the effect in each week since the assignment, to see whether it lasts."""
    _, ax = plt.subplots()
    arms = list(dict.fromkeys(weeks["arm"]))
    colors = [COLORS["customers"], COLORS["money"], COLORS["gain"], COLORS["compare"]]
    for k, arm in enumerate(arms):
        rows, at = weeks[weeks["arm"] == arm], (k - (len(arms) - 1) / 2) * 0.12
        color = colors[k % len(colors)]
        ax.vlines(rows["week"] + at, rows["low"], rows["high"], color=color, linewidth=2.5, alpha=0.6)
        ax.plot(rows["week"] + at, rows["effect"], "osD^"[k % 4] + "-", color=color, label=arm)
    ax.axhline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_xticks(sorted(weeks["week"].unique()))
    ax.legend(loc="best")
    return write_axis(
        say(ax, title, x="week since the assignment", y=f"effect a customer and week, {unit}"), "y", how
    )


def size_curve(sizes: pd.DataFrame, *, available: int, title: str) -> Axes:
    """Draw how many customers a test needs by the effect that it should find, a line a metric."""
    _, ax = plt.subplots()
    for k, (metric, rows) in enumerate(sizes.groupby("metric", sort=False)):
        ax.plot(rows["lift"], rows["customers"], "osD^v"[k % 5] + "-", label=str(metric).replace("_", " "))
    ax.axhline(available, color=COLORS["plain"], linestyle="--", linewidth=1.2, label="customers there are")
    ax.set_yscale("log")
    ax.set_xticks(sorted(sizes["lift"].unique()))
    ax.legend(loc="best")
    say(ax, title, x="effect to be found, % of the present value", y="customers, both arms (log scale)")
    return write_axis(write_axis(ax, "x", wording.share), "y", wording.count)


def aa_rates(rates: pd.DataFrame, *, alpha: float, title: str) -> Axes:
    """Draw the share of A/A splits that found something, with its interval, against the promised rate."""
    rows = rates[::-1].reset_index(drop=True)
    _, ax = plt.subplots(figsize=(8, max(2.4, 1.2 + 0.34 * len(rows))))
    ax.hlines(rows.index, rows["low"], rows["high"], color=COLORS["customers"], linewidth=2.5, alpha=0.6)
    ax.plot(rows["rate"], rows.index, "o", color=COLORS["customers"], label="A/A splits that found something")
    ax.axvline(alpha, color=COLORS["plain"], linestyle="--", linewidth=1.2, label="promised")
    ax.set_yticks(rows.index, rows["metric"].str.replace("_", " "))
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.set_xlim(0, max(2.2 * alpha, float(rows["high"].max()) * 1.1))
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    say(ax, title, x="share of splits, % (95 % Wilson interval)")
    return write_axis(ax, "x", lambda v: wording.share(v, 1))


def _forest(labels: Sequence[str], ends: Any, signs: Sequence[int]) -> Axes:
    """Estimates (middle, low, high) as rows: good, bad or undecided by where their interval lies."""
    _, ax = plt.subplots(figsize=(8, max(2.6, 1.2 + 0.32 * len(labels))))
    for at, ((middle, low, high), sign) in enumerate(zip(ends, signs, strict=True)):
        way = 0 if low <= 0 <= high else sign * (1 if middle > 0 else -1)
        color, marker = {1: ("gain", "o"), -1: ("loss", "X"), 0: ("plain", "d")}[way]
        ax.hlines(at, low, high, color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(middle, at, marker, color=COLORS[color], markersize=7)
    ax.axvline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(-0.7, len(labels) - 0.3)
    return ax
