"""Pictures of segments: who they are, whether their names hold, how they move. Small tables in, Axes out.

A picture without anything to show is not drawn: the sentence beside it says why. Groups under five are
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crm_utils import wording
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.plots.theme import COLORS, heat_map, say, write_axis
from crm_utils.tools.language import N_, _

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

MOSTLY = 0.9
"""A cell's name borne by a smaller share of its customers is marked as theirs mostly."""

_VERDICTS = {
    "earned": ("gain", "o", N_("name holds")),
    "not earned": ("loss", "X", N_("name does not hold")),
    "undecided": ("plain", "o", N_("cannot tell")),
    "too few": ("plain", "d", N_("too few to tell")),
    "no promise": ("plain", "s", N_("name promises nothing")),
}


def customers_and_revenue(groups: pd.DataFrame, *, title: str) -> Axes | None:
    """Share of customers beside share of revenue, by ``group`` (``share``, ``revenue_share``)."""
    rows = _large(groups)[::-1]
    if rows.empty:
        return None
    ax = plt.subplots(figsize=(8, max(3.0, 1.2 + 0.34 * len(rows))))[1]
    at = np.arange(len(rows))
    ax.hlines(at, rows["share"], rows["revenue_share"], color="#BFBFBF", linewidth=2)
    for column, mark, color, size, label in (
        ("share", "o", "customers", 8, _("share of customers")),
        ("revenue_share", "D", "money", 7, _("share of revenue")),
    ):
        ax.plot(rows[column], at, mark, color=COLORS[color], markersize=size, clip_on=False, label=label)
    ax.set_yticks(at, [_(name) for name in rows["group"]])
    ax.set_xlim(left=min(0.0, float(rows["revenue_share"].min())))
    ax.legend(loc="lower right")
    return write_axis(say(ax, title, x=_("share of all, %")), "x", wording.share)


def next_period(groups: pd.DataFrame, *, rate: float, days: int, title: str) -> Axes | None:
    """Share of each group that bought in the days after it was named, with intervals and verdicts."""
    rows = _large(groups)[::-1].reset_index(drop=True)
    if rows.empty:
        return None
    figure, ax = plt.subplots(figsize=(8, max(3.0, 1.2 + 0.34 * len(rows))))
    for verdict, (color, marker, label) in _VERDICTS.items():
        judged = rows[rows["verdict"] == verdict]
        if len(judged):
            style: dict[str, Any] = {"color": COLORS[color]}
            ax.hlines(judged.index, judged["low"], judged["high"], linewidth=2.5, alpha=0.6, **style)
            ax.plot(
                judged["rate"], judged.index, marker, markersize=8, clip_on=False, label=_(label), **style
            )
    ax.axvline(rate, color=COLORS["plain"], linestyle="--", linewidth=1.2, label=_("all customers"))
    ax.set_yticks(rows.index, _sized(rows["group"], rows["customers"]))
    ax.set_xlim(0, 1)
    figure.legend(loc="outside lower center", ncols=5, fontsize=9)
    x = _("bought within the next {days}, % of customers (95 % interval)").format(days=wording.days(days))
    return write_axis(say(ax, title, x=x), "x", wording.share)


def score_grid(cells: pd.DataFrame, *, title: str) -> Axes | None:
    """Share of customers by ``r`` and ``value``, each cell with the name that most of its customers bear."""
    if cells["customers"].fillna(0).sum() == 0:
        return None
    written = [_cell(row) for row in cells.to_dict("records")]
    shares, text = (
        cells.assign(text=written)
        .pivot_table(index="r", columns="value", values=what, aggfunc="first", dropna=False)
        .sort_index(ascending=False)
        for what in ("share", "text")
    )
    ax = plt.subplots(figsize=(8.6, 4.2))[1]
    heat_map(ax, shares, text=text)
    return say(
        ax, title, x=_("how often and how much, 5 is most (white: under five customers)"),
        y=_("how lately, 5 is last"),
    )  # fmt: skip


def moves_map(moves: pd.DataFrame, *, order: Sequence[str], title: str) -> Axes | None:
    """Where the customers of each group went, in shares of ``group_customers``."""
    drawn = moves[moves["customers"] >= SMALLEST_GROUP]
    if drawn.empty:
        return None
    totals = drawn.groupby("before")["group_customers"].first()
    shares = drawn.pivot_table(index="before", columns="after", values="share")
    rows, columns = (
        sorted(labels, key=lambda g: order.index(g) if g in order else len(order))
        for labels in (shares.index, shares.columns)
    )
    shares = shares.reindex(index=rows, columns=columns)
    shares.index = pd.Index(_sized(rows, totals[rows]))
    shares.columns = pd.Index([_(name) for name in columns])
    ax = plt.subplots(figsize=(2.2 + 0.62 * len(columns), max(3.0, 1.6 + 0.34 * len(rows))))[1]
    heat_map(ax, shares, most=1.0)
    ax.tick_params(axis="x", rotation=40)
    plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
    return say(ax, title, x=_("group after (white: under five customers)"), y=_("group before (customers)"))


def bridge_waterfall(bridge: pd.DataFrame, *, currency: str, title: str) -> Axes | None:
    """Revenue of two periods and what lies between: came, rose, fell, gone."""
    if bridge.empty:
        return None
    names = {
        "before": _("earlier\nperiod"), "came": _("customers\nwho came"), "rose": _("spent\nmore"),
        "fell": _("spent\nless"), "gone": _("did not\nbuy again"), "after": _("later\nperiod"),
    }  # fmt: skip
    amounts = bridge["amount"].to_numpy()
    ends = np.cumsum(np.append(amounts[0], amounts[1:-1]))
    bottoms = np.concatenate([[0.0], np.minimum(ends[:-1], ends[1:]), [0.0]])
    heights = np.concatenate([[amounts[0]], np.abs(amounts[1:-1]), [amounts[-1]]])
    between = [COLORS["gain"] if a >= 0 else COLORS["loss"] for a in amounts[1:-1]]
    ax = plt.subplots()[1]
    colors = [COLORS["money"], *between, COLORS["money"]]
    ax.bar(range(len(amounts)), heights, bottom=bottoms, color=colors, width=0.6)
    for at, (amount, n) in enumerate(zip(amounts, bridge["customers"], strict=True)):
        sign = "+" if 0 < at < len(amounts) - 1 and amount > 0 else ""
        label = _("{amount}\n{customers} customers").format(
            amount=f"{sign}{wording.money(amount, currency)}", customers=wording.count(n)
        )
        top = (at, bottoms[at] + heights[at])
        ax.annotate(label, top, (0, 4), textcoords="offset points", ha="center", fontsize=8)
    ax.set_xticks(range(len(amounts)), [names[p] for p in bridge["part"]])
    ax.grid(visible=False)
    ax.set_ylim(top=max(float((bottoms + heights).max()), 1e-9) * 1.12)
    y = _("revenue, {currency}").format(currency=currency)
    return write_axis(say(ax, title, y=y), "y", wording.money, currency)


def pull_to_mean(pull: pd.DataFrame, *, currency: str, title: str) -> Axes | None:
    """Change of mean spend by group, forward in time and, as the control, backward; with intervals."""
    if pull["ranked_by"].nunique() < 2:
        return None
    ax = plt.subplots()[1]
    looks = {
        "before": ("customers", "o-", -0.06, _("ranked by the earlier period: change to the later")),
        "after": ("compare", "s--", 0.06, _("ranked by the later period: change to the earlier")),
    }
    for ranked_by, (meaning, style, beside, label) in looks.items():
        rows = pull[pull["ranked_by"] == ranked_by]
        at = rows["group"] + beside
        ax.vlines(at, rows["low"], rows["high"], color=COLORS[meaning], linewidth=2.5, alpha=0.6)
        ax.plot(at, rows["change"], style, color=COLORS[meaning], label=label)
    ax.axhline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_xticks(sorted(pull["group"].unique()))
    ax.legend(loc="lower left")
    x = _("customers of both periods in groups by spend (5 = most)")
    y = _("change of mean spend a customer, {currency}").format(currency=currency)
    return write_axis(say(ax, title, x=x, y=y), "y", wording.money, currency)


def cluster_choice(candidates: pd.DataFrame, *, k: int, title: str) -> Axes | None:
    """How far each number of clusters is set apart, beside one cloud and the bar above it."""
    if candidates.empty:
        return None
    ax = plt.subplots()[1]
    ks, cloud = candidates["k"], candidates["null_silhouette"]
    ours = candidates["silhouette"].where(candidates["silhouette"] != 0)  # 0 stands for: not measured
    label = _("our customers; no dot: a type of too few") if ours.isna().any() else _("our customers")
    ax.plot(ks, ours, "o-", color=COLORS["customers"], label=label)
    ax.plot(ks, cloud, "s--", color=COLORS["compare"], label=_("the same customers as one cloud"))
    ax.plot(
        ks, cloud + candidates["bar"], ":", color=COLORS["plain"], label=_("so far above it counts as apart")
    )
    if k > 1:
        ax.axvline(k, color=COLORS["gain"], linewidth=8, alpha=0.15)
    ax.set_xticks(ks)
    ax.set_ylim(0, 1)
    ax.legend(loc="upper right")
    return say(ax, title, x=_("number of clusters"), y=_("how far apart (mean silhouette)"))


def retention_curve(table: pd.DataFrame, pooled: pd.DataFrame, *, title: str) -> Axes | None:
    """Share of new customers that bought in each later month: all cohorts together, and each one behind."""
    if pooled.empty:
        return None
    whole = table[table["complete"] & (table["month"] > 0) & (table["customers"] >= SMALLEST_GROUP)]
    ax = plt.subplots()[1]
    for _month, cohort in whole.groupby("cohort"):
        ax.plot(cohort["month"], cohort["share"], color=COLORS["plain"], alpha=0.35, linewidth=1)
    ax.vlines(
        pooled["month"], pooled["low"], pooled["high"], color=COLORS["customers"], linewidth=2.5, alpha=0.6
    )
    ax.plot(pooled["month"], pooled["share"], "o-", color=COLORS["customers"],
            label=_("all cohorts together, 95 % interval"))  # fmt: skip
    ax.plot([], [], color=COLORS["plain"], alpha=0.5, linewidth=1, label=_("one month's cohort"))
    ax.set_xticks(pooled["month"])
    ax.set_ylim(0, 1)
    ax.legend(loc="upper right")
    x, y = _("months after the month of the first purchase"), _("bought in that month, % of the cohort")
    return write_axis(say(ax, title, x=x, y=y), "y", wording.share)


def covered(groups: pd.DataFrame, *, title: str) -> Axes | None:
    """Share of each group's customers whose attributes are known, with 95 % intervals."""
    rows = _large(groups)
    if rows.empty:
        return None
    rows = rows.sort_values("share").reset_index(drop=True)
    ax = plt.subplots(figsize=(8, max(3.0, 1.2 + 0.3 * len(rows))))[1]
    ax.hlines(rows.index, rows["low"], rows["high"], color=COLORS["customers"], linewidth=2.5, alpha=0.6)
    ax.plot(rows["share"], rows.index, "o", color=COLORS["customers"], clip_on=False)
    ax.set_yticks(rows.index, _sized(rows["group"], rows["customers"]))
    ax.set_xlim(0, 1)
    x = _("attributes known, % of customers (95 % interval)")
    return write_axis(say(ax, title, x=x), "x", wording.share)


def attribute_map(shares: pd.DataFrame, *, attribute: str) -> Axes | None:
    """An attribute's values by group, in shares of the customers who gave it."""
    if shares.empty:
        return None
    grid = shares.pivot_table(index="group", columns="value", values="share")
    totals = shares.groupby("group")["customers"].sum()
    grid.index = pd.Index(_sized(grid.index, totals))
    ax = plt.subplots(figsize=(2.4 + 0.8 * grid.shape[1], max(3.0, 1.6 + 0.34 * len(grid))))[1]
    title = _("{attribute}: share of those who gave it, by segment").format(attribute=attribute)
    return say(heat_map(ax, grid), title, x="", y=_("segment (customers who gave it)"))


def lorenz_curve(curve: pd.DataFrame, *, top_share: float | None, title: str) -> Axes | None:
    """Cumulative revenue over cumulative customers, and where the top fifth begins."""
    if curve.empty or top_share is None:
        return None
    ax = plt.subplots(figsize=(5.6, 4.6))[1]
    grey: dict[str, Any] = {"color": COLORS["plain"]}
    ax.plot([0, 1], [0, 1], linestyle="--", linewidth=1.2, label=_("if all spent the same"), **grey)
    ax.plot(curve["customers"], curve["revenue"], color=COLORS["money"], label=_("our customers"))
    ax.axvspan(0.8, 1, color=COLORS["customers"], alpha=0.12)
    ax.hlines(1 - top_share, 0, 0.8, linewidth=1, linestyle=":", **grey)
    top = _("the top fifth: {share}").format(share=wording.share(top_share))
    ax.annotate(top, (0.79, 0.04), ha="right", fontsize=9)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.legend(loc="upper left")
    say(ax, title, x=_("share of customers, least spenders first"), y=_("share of revenue"))
    return write_axis(write_axis(ax, "x", wording.share), "y", wording.share)


def _large(groups: pd.DataFrame) -> pd.DataFrame:
    return groups[groups["customers"] >= SMALLEST_GROUP]


def _cell(row: Mapping[Any, Any]) -> str:
    """What stands in a cell of the grid: nothing where fewer than five customers do."""
    if pd.isna(row["customers"]) or not row["customers"]:
        return ""
    template = _("{name}\n{share}") if row["bear_it"] >= MOSTLY else _("mostly {name}\n{share}")
    return template.format(name=_(row["segment"]), share=wording.share(row["share"]))


def _sized(groups: Iterable[object], customers: Iterable[int]) -> list[str]:
    template = _("{group} ({customers})")
    return [
        template.format(group=_(str(g)), customers=wording.count(n))
        for g, n in zip(groups, customers, strict=True)
    ]
