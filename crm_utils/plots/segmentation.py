"""Pictures of segments: who they are, whether their names hold, how they move. Small tables in, Axes out."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.plots.theme import COLORS, heat_map, say, write_axis

__all__ = [
    "bridge_waterfall",
    "cluster_choice",
    "customers_and_revenue",
    "lorenz_curve",
    "moves_map",
    "next_period",
    "pull_to_mean",
    "retention_map",
    "score_grid",
]

_VERDICTS = {
    "earned": ("gain", "o", "name earned"),
    "not earned": ("loss", "X", "name not earned"),
    "undecided": ("plain", "o", "undecided"),
    "too few": ("plain", "d", "too few to tell"),
    "no promise": ("plain", "s", "name promises nothing"),
}


def customers_and_revenue(groups: pd.DataFrame, *, title: str) -> Axes:
    """Share of customers beside share of revenue, by ``group`` (``share``, ``revenue_share``)."""
    rows = groups[::-1]
    _, ax = plt.subplots(figsize=(8, 1.2 + 0.34 * len(rows)))
    at = np.arange(len(rows))
    ax.hlines(at, rows["share"], rows["revenue_share"], color="#BFBFBF", linewidth=2)
    ax.plot(rows["share"], at, "o", color=COLORS["customers"], markersize=8, label="share of customers")
    ax.plot(rows["revenue_share"], at, "D", color=COLORS["money"], markersize=7, label="share of revenue")
    ax.set_yticks(at, rows["group"])
    ax.set_xlim(left=0)
    ax.legend(loc="lower right")
    return write_axis(say(ax, title, x="share of all, %"), "x", wording.share)


def next_period(groups: pd.DataFrame, *, rate: float, days: int, title: str) -> Axes:
    """Share of each group that bought in the days after it was named, with intervals and verdicts."""
    rows = groups[::-1].reset_index(drop=True)
    _, ax = plt.subplots(figsize=(8, 1.2 + 0.34 * len(rows)))
    for verdict, (color, marker, label) in _VERDICTS.items():
        judged = rows[rows["verdict"] == verdict]
        if len(judged):
            ax.hlines(
                judged.index, judged["low"], judged["high"], color=COLORS[color], linewidth=2.5, alpha=0.6
            )
            ax.plot(judged["rate"], judged.index, marker, color=COLORS[color], markersize=8, label=label)
    ax.axvline(rate, color=COLORS["plain"], linestyle="--", linewidth=1.2, label="all customers")
    ax.set_yticks(
        rows.index,
        [f"{g} ({wording.count(n)})" for g, n in zip(rows["group"], rows["customers"], strict=True)],
    )
    ax.set_xlim(0, 1)
    ax.legend(loc="lower left", bbox_to_anchor=(1, 0))
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
    """Where the customers of each group went: rows add up to 100 %, absent groups at the edges."""
    shares = moves.pivot_table(index="before", columns="after", values="share")
    rows, columns = (
        sorted(labels, key=lambda g: order.index(g) if g in order else len(order))
        for labels in (shares.index, shares.columns)
    )
    shares = shares.reindex(index=rows, columns=columns)
    totals = moves.groupby("before")["customers"].sum()
    shares.index = [f"{g} ({wording.count(totals[g])})" for g in shares.index]
    _, ax = plt.subplots(figsize=(2.4 + 0.8 * len(columns), 1.6 + 0.36 * len(rows)))
    heat_map(ax, shares, most=1.0)
    ax.tick_params(axis="x", rotation=40)
    plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
    return say(ax, title, x="group after, % of the group before", y="group before (customers)")


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
    ax.grid(visible=False, axis="x")
    ax.set_ylim(top=max(float((bottoms + heights).max()), 1e-9) * 1.12)
    return write_axis(say(ax, title, y=f"revenue, {currency}"), "y", wording.money, currency)


def pull_to_mean(pull: pd.DataFrame, *, currency: str, title: str) -> Axes:
    """Spend of customers ranked by one period, seen in the other: forward, and backward as the control."""
    _, axes = plt.subplots(1, 2, figsize=(8.6, 4), sharey=True)
    told = {
        "before": ("ranked by the earlier period", "the same customers, later"),
        "after": ("ranked by the later period", "the same customers, earlier"),
    }
    for ax, (ranked_by, (ranked, other)) in zip(axes, told.items(), strict=True):
        rows = pull[pull["ranked_by"] == ranked_by]
        ax.plot(
            rows["group"], rows["ranked"], "o-", color=COLORS["money"], label="in the period of the ranking"
        )
        ax.plot(rows["group"], rows["other"], "s--", color=COLORS["compare"], label=other)
        ax.set_xticks(rows["group"])
        say(ax, ranked.capitalize(), x="fifth of customers (5 = spent most)")
        ax.title.set_fontsize(10)
        ax.legend(loc="upper left")
    write_axis(axes[0], "y", wording.money, currency)
    axes[0].set_ylabel(f"mean spend a customer, {currency}")
    first: Axes = axes[0]
    first.figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return first


def cluster_choice(candidates: pd.DataFrame, *, k: int, least: float, title: str) -> Axes:
    """Stability of each k beside its bar, and its silhouette beside that of data without clusters."""
    _, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.8))
    ks = candidates["k"]
    left.vlines(
        ks, candidates["low"], candidates["high"], color=COLORS["customers"], linewidth=2.5, alpha=0.6
    )
    left.plot(ks, candidates["stability"], "o", color=COLORS["customers"])
    left.axhline(least, color=COLORS["plain"], linestyle="--", linewidth=1.2)
    left.annotate(
        f"bar: {least}", (ks.max(), least), (0, -12), textcoords="offset points", ha="right", fontsize=8
    )
    left.axvline(k, color=COLORS["gain"], linewidth=8, alpha=0.15)
    left.set_ylim(0, 1.02)
    say(
        left,
        "Does resampling find the same groups?",
        x="number of clusters k",
        y="mean adjusted Rand (± 2 s.e.)",
    )
    right.plot(ks, candidates["silhouette"], "o-", color=COLORS["customers"], label="our customers")
    right.plot(
        ks, candidates["null_silhouette"], "s--", color=COLORS["compare"], label="data without clusters"
    )
    right.set_ylim(0, max(0.5, float(candidates["silhouette"].max()) * 1.3))
    right.legend(loc="lower left")
    say(right, "Are the groups set apart?", x="number of clusters k", y="mean silhouette")
    for ax in (left, right):
        ax.set_xticks(ks)
        ax.title.set_fontsize(10)
    left.figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    chosen: Axes = left
    return chosen


def retention_map(table: pd.DataFrame, *, title: str) -> Axes:
    """Share of each monthly cohort that bought in its later months; a month cut short stays white."""
    whole = table[table["complete"]]
    shares = whole.pivot_table(index="cohort", columns="month", values="share")
    sizes = whole.groupby("cohort")["customers"].first()
    shares.index = [f"{day:%Y-%m} ({wording.count(sizes[day])})" for day in shares.index]
    _, ax = plt.subplots(figsize=(8, 1.6 + 0.34 * len(shares)))
    heat_map(ax, shares, most=1.0)
    return say(ax, title, x="months after the first purchase", y="first bought in (customers)")


def lorenz_curve(curve: pd.DataFrame, *, top_share: float, title: str) -> Axes:
    """Cumulative revenue over cumulative customers, and where the top fifth begins."""
    _, ax = plt.subplots(figsize=(5.6, 4.6))
    ax.plot(
        [0, 1], [0, 1], color=COLORS["plain"], linestyle="--", linewidth=1.2, label="if all spent the same"
    )
    ax.plot(curve["customers"], curve["revenue"], color=COLORS["money"], label="our customers")
    ax.vlines(0.8, 0, 1 - top_share, color=COLORS["customers"], linewidth=1.2)
    label = f"the top fifth brings\n{wording.share(top_share)} of revenue"
    middle = (0.8, (1 - top_share) / 2)
    ax.annotate(label, middle, (-8, 0), textcoords="offset points", ha="right", va="center", fontsize=9)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.legend(loc="upper left")
    say(ax, title, x="share of customers, least spenders first", y="share of revenue")
    return write_axis(write_axis(ax, "x", wording.share), "y", wording.share)
