"""Pictures of segments: who they are, whether their names hold, how they move. Small tables in, Axes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from statsmodels.stats.proportion import proportion_confint

from crm_utils import wording
from crm_utils.plots.theme import COLORS, heat_map, say, write_axis

__all__ = [
    "attribute_map",
    "bridge_waterfall",
    "cluster_choice",
    "covered",
    "customers_and_revenue",
    "lorenz_curve",
    "moves_map",
    "next_period",
    "pull_to_mean",
    "retention_curve",
    "score_grid",
]

SMALLEST = 5
"""Groups of fewer customers are not drawn: a page shows groups, never a person."""

_VERDICTS = {
    "earned": ("gain", "o", "name earned"),
    "not earned": ("loss", "X", "name not earned"),
    "undecided": ("plain", "o", "undecided"),
    "too few": ("plain", "d", "too few to tell"),
    "no promise": ("plain", "s", "name promises nothing"),
}


def customers_and_revenue(groups: pd.DataFrame, *, title: str) -> Axes:
    """Share of customers beside share of revenue, by ``group`` (``share``, ``revenue_share``)."""
    rows = groups[groups["customers"] >= SMALLEST][::-1]
    _, ax = plt.subplots(figsize=(8, max(3.0, 1.2 + 0.34 * len(rows))))
    at = np.arange(len(rows))
    ax.hlines(at, rows["share"], rows["revenue_share"], color="#BFBFBF", linewidth=2)
    ax.plot(
        rows["share"],
        at,
        "o",
        color=COLORS["customers"],
        markersize=8,
        clip_on=False,
        label="share of customers",
    )
    ax.plot(
        rows["revenue_share"],
        at,
        "D",
        color=COLORS["money"],
        markersize=7,
        clip_on=False,
        label="share of revenue",
    )
    ax.set_yticks(at, rows["group"])
    ax.set_xlim(left=0)
    ax.legend(loc="lower right")
    return write_axis(say(ax, title, x="share of all, %"), "x", wording.share)


def next_period(groups: pd.DataFrame, *, rate: float, days: int, title: str) -> Axes:
    """Share of each group that bought in the days after it was named, with intervals and verdicts."""
    rows = groups[groups["customers"] >= SMALLEST][::-1].reset_index(drop=True)
    figure, ax = plt.subplots(figsize=(8, max(3.0, 1.2 + 0.34 * len(rows))))
    for verdict, (color, marker, label) in _VERDICTS.items():
        judged = rows[rows["verdict"] == verdict]
        if len(judged):
            ax.hlines(
                judged.index, judged["low"], judged["high"], color=COLORS[color], linewidth=2.5, alpha=0.6
            )
            ax.plot(
                judged["rate"],
                judged.index,
                marker,
                color=COLORS[color],
                markersize=8,
                clip_on=False,
                label=label,
            )
    ax.axvline(rate, color=COLORS["plain"], linestyle="--", linewidth=1.2, label="all customers")
    ax.set_yticks(rows.index, _sized(rows["group"], rows["customers"]))
    ax.set_xlim(0, 1)
    figure.legend(loc="outside lower center", ncols=5, fontsize=9)
    return write_axis(
        say(ax, title, x=f"bought within the next {days} days, % of customers (95 % Wilson interval)"),
        "x", wording.share,
    )  # fmt: skip


def score_grid(cells: pd.DataFrame, *, title: str) -> Axes:
    """Share of customers in each cell of the grid behind the names: ``r``, ``value``, ``segment``."""
    written = [
        f"{name}\n{wording.share(share)}"
        for name, share in zip(cells["segment"], cells["share"], strict=True)
    ]
    shares, text = (
        cells.assign(text=written)
        .pivot_table(index="r", columns="value", values=what, aggfunc="first")
        .sort_index(ascending=False)
        for what in ("share", "text")
    )
    _, ax = plt.subplots(figsize=(8, 4))
    heat_map(ax, shares, text=text)
    return say(
        ax, title, x="value: mean of f and m, rounded up (5 = often and much)", y="r (5 = bought lately)"
    )


def moves_map(moves: pd.DataFrame, *, order: Sequence[str], title: str) -> Axes:
    """Where the customers of each group went, in shares of the group; moves of fewer than five stay white."""
    totals = moves.groupby("before")["customers"].sum()
    drawn = moves[moves["customers"] >= SMALLEST]
    shares = drawn.pivot_table(index="before", columns="after", values="share")
    rows, columns = (
        sorted(labels, key=lambda g: order.index(g) if g in order else len(order))
        for labels in (shares.index, shares.columns)
    )
    shares = shares.reindex(index=rows, columns=columns)
    shares.index = pd.Index(_sized(rows, totals[rows]))
    _, ax = plt.subplots(figsize=(2.2 + 0.62 * len(columns), max(3.0, 1.6 + 0.34 * len(rows))))
    heat_map(ax, shares, most=1.0)
    ax.tick_params(axis="x", rotation=40)
    plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
    return say(ax, title, x="group after (white: fewer than five customers)", y="group before (customers)")


def bridge_waterfall(bridge: pd.DataFrame, *, currency: str, title: str) -> Axes:
    """Revenue of two periods and what lies between: came, rose, fell, gone."""
    names = {
        "before": "earlier\nperiod", "came": "customers\nwho came", "rose": "spent\nmore",
        "fell": "spent\nless", "gone": "did not\nbuy again", "after": "later\nperiod",
    }  # fmt: skip
    amounts = bridge["amount"].to_numpy()
    ends = np.cumsum(np.append(amounts[0], amounts[1:-1]))
    bottoms = np.concatenate([[0.0], np.minimum(ends[:-1], ends[1:]), [0.0]])
    heights = np.concatenate([[amounts[0]], np.abs(amounts[1:-1]), [amounts[-1]]])
    colors = [
        COLORS["money"],
        *(COLORS["gain"] if a >= 0 else COLORS["loss"] for a in amounts[1:-1]),
        COLORS["money"],
    ]
    _, ax = plt.subplots()
    ax.bar(range(len(amounts)), heights, bottom=bottoms, color=colors, width=0.6)
    for at, (amount, n) in enumerate(zip(amounts, bridge["customers"], strict=True)):
        sign = "+" if 0 < at < len(amounts) - 1 and amount > 0 else ""
        label = f"{sign}{wording.money(amount, currency)}\n{wording.count(n)} customers"
        top = (at, bottoms[at] + heights[at])
        ax.annotate(label, top, (0, 4), textcoords="offset points", ha="center", fontsize=8)
    ax.set_xticks(range(len(amounts)), [names[p] for p in bridge["part"]])
    ax.grid(visible=False)
    ax.set_ylim(top=max(float((bottoms + heights).max()), 1e-9) * 1.12)
    return write_axis(say(ax, title, y=f"revenue, {currency}"), "y", wording.money, currency)


def pull_to_mean(pull: pd.DataFrame, *, currency: str, title: str) -> Axes:
    """Change of mean spend by group, forward in time and, as the control, backward; with intervals."""
    _, ax = plt.subplots()
    told = {
        "before": ("customers", "o-", -0.06, "ranked by the earlier period: change to the later"),
        "after": ("compare", "s--", 0.06, "ranked by the later period: change to the earlier"),
    }
    for ranked_by, (meaning, style, beside, label) in told.items():
        rows = pull[pull["ranked_by"] == ranked_by]
        at = rows["group"] + beside
        ax.vlines(at, rows["low"], rows["high"], color=COLORS[meaning], linewidth=2.5, alpha=0.6)
        ax.plot(at, rows["change"], style, color=COLORS[meaning], label=label)
    ax.axhline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_xticks(sorted(pull["group"].unique()))
    ax.legend(loc="lower left")
    x = "customers of both periods in groups by spend (5 = most)"
    y = f"change of mean spend a customer, {currency}"
    return write_axis(say(ax, title, x=x, y=y), "y", wording.money, currency)


def cluster_choice(candidates: pd.DataFrame, *, k: int, least: float, title: str) -> Axes:
    """Stability of each k beside its bar, and its silhouette beside that of data without clusters."""
    _, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.8))
    ks = candidates["k"]
    left.vlines(
        ks, candidates["low"], candidates["high"], color=COLORS["customers"], linewidth=2.5, alpha=0.6
    )
    left.plot(ks, candidates["stability"], "o", color=COLORS["customers"])
    left.axhline(least, color=COLORS["plain"], linestyle="--", linewidth=1.2, label=f"bar: {least}")
    left.axvline(k, color=COLORS["gain"], linewidth=8, alpha=0.15)
    left.set_ylim(0, 1.02)
    left.legend(loc="lower left")
    say(
        left,
        "Does resampling find the same groups?",
        size=10,
        x="number of clusters k",
        y="mean adjusted Rand (± 2 s.e.)",
    )
    right.plot(ks, candidates["silhouette"], "o-", color=COLORS["customers"], label="our customers")
    right.plot(
        ks, candidates["null_silhouette"], "s--", color=COLORS["compare"], label="data without clusters"
    )
    right.set_ylim(0, max(0.5, float(candidates["silhouette"].max()) * 1.3))
    right.legend(loc="lower left")
    say(right, "Are the groups set apart?", size=10, x="number of clusters k", y="mean silhouette")
    for ax in (left, right):
        ax.set_xticks(ks)
    left.figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    chosen: Axes = left
    return chosen


def retention_curve(table: pd.DataFrame, *, title: str) -> Axes:
    """Share of new customers that bought in each later month: all cohorts together, and each one behind."""
    whole = table[table["complete"] & (table["month"] > 0)]
    pooled = whole.groupby("month")[["active", "customers"]].sum()
    low, high = proportion_confint(pooled["active"], pooled["customers"], method="wilson")
    _, ax = plt.subplots()
    for _, cohort in whole[whole["customers"] >= SMALLEST].groupby("cohort"):
        ax.plot(cohort["month"], cohort["share"], color=COLORS["plain"], alpha=0.35, linewidth=1)
    ax.vlines(pooled.index, low, high, color=COLORS["customers"], linewidth=2.5, alpha=0.6)
    ax.plot(pooled.index, pooled["active"] / pooled["customers"], "o-", color=COLORS["customers"],
            label="all cohorts together, 95 % interval")  # fmt: skip
    ax.plot([], [], color=COLORS["plain"], alpha=0.5, linewidth=1, label="one month's cohort")
    ax.set_xticks(pooled.index)
    ax.set_ylim(0, 1)
    ax.legend(loc="lower left")
    x, y = "months after the month of the first purchase", "bought in that month, % of the cohort"
    return write_axis(say(ax, title, x=x, y=y), "y", wording.share)


def covered(groups: pd.DataFrame, *, title: str) -> Axes:
    """Share of each group's customers whose attributes are known, with 95 % intervals."""
    rows = groups[groups["customers"] >= SMALLEST].sort_values("share").reset_index(drop=True)
    _, ax = plt.subplots(figsize=(8, max(3.0, 1.2 + 0.3 * len(rows))))
    ax.hlines(rows.index, rows["low"], rows["high"], color=COLORS["customers"], linewidth=2.5, alpha=0.6)
    ax.plot(rows["share"], rows.index, "o", color=COLORS["customers"], clip_on=False)
    ax.set_yticks(rows.index, _sized(rows["group"], rows["customers"]))
    ax.set_xlim(0, 1)
    return write_axis(
        say(ax, title, x="attributes known, % of customers (95 % interval)"), "x", wording.share
    )


def attribute_map(shares: pd.DataFrame, *, title: str) -> Axes:
    """An attribute's values by group, in shares of the customers who gave it."""
    grid = shares.pivot_table(index="group", columns="value", values="share")
    totals = shares.groupby("group")["customers"].sum()
    grid.index = pd.Index(_sized(grid.index, totals))
    _, ax = plt.subplots(figsize=(2.4 + 0.8 * grid.shape[1], max(3.0, 1.6 + 0.34 * len(grid))))
    return say(heat_map(ax, grid), title, x="", y="segment (customers who gave it)")


def _sized(groups: Iterable[object], customers: Iterable[int]) -> list[str]:
    return [f"{g} ({wording.count(n)})" for g, n in zip(groups, customers, strict=True)]


def lorenz_curve(curve: pd.DataFrame, *, top_share: float, title: str) -> Axes:
    """Cumulative revenue over cumulative customers, and where the top fifth begins."""
    _, ax = plt.subplots(figsize=(5.6, 4.6))
    ax.plot(
        [0, 1], [0, 1], color=COLORS["plain"], linestyle="--", linewidth=1.2, label="if all spent the same"
    )
    ax.plot(curve["customers"], curve["revenue"], color=COLORS["money"], label="our customers")
    ax.axvspan(0.8, 1, color=COLORS["customers"], alpha=0.12)
    ax.hlines(1 - top_share, 0, 0.8, color=COLORS["plain"], linewidth=1, linestyle=":")
    ax.annotate(f"the top fifth: {wording.share(top_share)}", (0.79, 0.04), ha="right", fontsize=9)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.legend(loc="upper left")
    say(ax, title, x="share of customers, least spenders first", y="share of revenue")
    return write_axis(write_axis(ax, "x", wording.share), "y", wording.share)
