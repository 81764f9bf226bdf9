"""Pictures of what sells together and of offers: small tables in, Axes out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import LogLocator, NullFormatter

from crm_utils import wording
from crm_utils.plots.theme import COLORS, say, write_axis

__all__ = ["affinity_map", "lift_against_lift", "offer_quality", "rule_network", "rules_later"]

_FIGURE_WIDTH = 8.0
_LONGEST = 24


def lift_against_lift(pairs: pd.DataFrame, *, title: str) -> Axes:
    """Adjusted lift over raw lift, a point a tested pair, coloured by what the test says."""
    _, ax = plt.subplots(figsize=(_FIGURE_WIDTH, 4.6))
    seen = pairs[(pairs["count"] > 0) & (pairs["lift"] > 0)]
    sure = seen["q_value"] <= 0.05
    kinds = (
        ("plain", ~sure, "no more than chance explains"),
        ("gain", sure & (seen["adjusted_lift"] > 1), "sell together (q ≤ 0.05)"),
        ("loss", sure & (seen["adjusted_lift"] < 1), "meet less often (q ≤ 0.05)"),
    )
    for color, which, label in kinds:
        kept = seen[which]
        ax.plot(
            kept["lift"], kept["adjusted_lift"], ".", color=COLORS[color], alpha=0.45, markersize=4,
            rasterized=True, label=f"{label}: {wording.count(len(kept))}",
        )  # fmt: skip
    ax.axhline(1, color=COLORS["plain"], linestyle="--", linewidth=1.2)
    ax.axvline(1, color=COLORS["plain"], linestyle="--", linewidth=1.2)
    _logarithmic(ax)
    ax.legend(loc="lower right", markerscale=3)
    return say(ax, title, x="raw lift (logarithmic)", y="adjusted lift (logarithmic)")


def rule_network(rules: pd.DataFrame, *, title: str, most: int = 25) -> Axes:
    """The strongest pairs as a network: a line a pair, thicker where adjusted lift is higher."""
    pair = [tuple(sorted(ends)) for ends in zip(rules["antecedent"], rules["consequent"], strict=True)]
    drawn = rules.assign(pair=pd.Series(pair, index=rules.index, dtype=object))
    drawn = drawn[drawn["significant"]].drop_duplicates("pair").head(most)
    names = sorted({name for ends in drawn["pair"] for name in ends})
    # On a circle, groups that are tied beside each other: positions that never change between runs.
    names = _neighbours(names, list(drawn["pair"]))
    angle = {name: 2 * np.pi * k / max(len(names), 1) for k, name in enumerate(names)}
    _, ax = plt.subplots(figsize=(_FIGURE_WIDTH, 7.2))
    for ends, lift in zip(drawn["pair"], drawn["adjusted_lift"], strict=True):
        at = np.array([[np.cos(angle[name]), np.sin(angle[name])] for name in ends])
        ax.plot(at[:, 0], at[:, 1], color=COLORS["gain"], linewidth=0.8 + np.log2(lift), alpha=0.6)
    for name in names:
        x, y = np.cos(angle[name]), np.sin(angle[name])
        ax.plot(x, y, "o", color=COLORS["customers"], markersize=6)
        turn = np.degrees(angle[name])
        left = 90 < turn < 270
        ax.text(
            1.05 * x, 1.05 * y, _short(name), fontsize=8, va="center", rotation_mode="anchor",
            ha="right" if left else "left", rotation=turn - 180 if left else turn,
        )  # fmt: skip
    ax.set_xlim(-2.0, 2.0)
    ax.set_ylim(-1.9, 1.9)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return say(ax, title, x="", y="")


def rules_later(table: pd.DataFrame, *, title: str) -> Axes:
    """Adjusted lift of the first part's rules over that in the rest, with the rest's intervals."""
    rows = table.dropna(subset=["adjusted_lift_rest", "low_rest", "high_rest"])
    _, ax = plt.subplots(figsize=(_FIGURE_WIDTH, 4.4))
    for holds, color, label in ((True, "gain", "holds"), (False, "loss", "does not hold")):
        kept = rows[rows["holds"] == holds]
        ax.vlines(kept["adjusted_lift"], kept["low_rest"], kept["high_rest"], color=COLORS[color], alpha=0.35)
        ax.plot(
            kept["adjusted_lift"], kept["adjusted_lift_rest"], "o", color=COLORS[color], markersize=4,
            label=f"{label}: {wording.count(len(kept))}",
        )  # fmt: skip
    ends = [1.0, max(float(rows["adjusted_lift"].max()), 1.1)] if len(rows) else [1.0, 2.0]
    ax.plot(ends, ends, color=COLORS["plain"], linestyle=":", linewidth=1.2, label="as strong as before")
    ax.axhline(1, color=COLORS["plain"], linestyle="--", linewidth=1.2)
    _logarithmic(ax)
    ax.legend(loc="upper left")
    return say(ax, title, x="adjusted lift in the first part", y="adjusted lift in the rest (95 % interval)")


def offer_quality(tested: pd.DataFrame, *, title: str, measure: str) -> Axes:
    """One measure of every contender in both tasks, with intervals; the chosen one filled green."""
    tasks = list(dict.fromkeys(tested["task"]))
    figure, axes = plt.subplots(1, len(tasks), figsize=(_FIGURE_WIDTH + 1, 3.6), squeeze=False)
    for ax, task in zip(axes[0], tasks, strict=True):
        rows = tested[tested["task"] == task].sort_values("value").reset_index(drop=True)
        for k, row in rows.iterrows():
            color = COLORS["gain" if row["winner"] else "plain"]
            ax.hlines(k, row["low"], row["high"], color=color, linewidth=2.5, alpha=0.6)
            ax.plot(row["value"], k, "D" if row["winner"] else "o", color=color, markersize=7)
        ax.set_yticks(rows.index, [name.replace("_", " ") for name in rows["method"]])
        ax.set_xlim(left=0)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        meaning = {"new": "new to the customer", "reminder": "bought before"}
        say(
            write_axis(ax, "x", wording.share),
            meaning.get(task, task),
            size=10,
            x=f"{measure} (95 % interval)",
            y="",
        )
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    first: Axes = axes[0][0]
    return first


def affinity_map(affinities: pd.DataFrame, *, title: str, most: int = 12) -> Axes:
    """How much more or less than others each segment buys: coloured where it is told apart from them."""
    top = affinities.sort_values(["q_value", "item"])["item"].drop_duplicates().head(most)
    shown = affinities[affinities["item"].isin(top)]
    index = shown.pivot_table(index="item", columns="segment", values="index").reindex(top)
    chance = shown.pivot_table(index="item", columns="segment", values="q_value").reindex(top)
    values, sure = index.to_numpy(dtype=float), chance.to_numpy(dtype=float) <= 0.05
    _, ax = plt.subplots(figsize=(3.0 + 0.66 * max(index.shape[1], 4), 2.1 + 0.32 * max(len(index), 3)))
    shades = LinearSegmentedColormap.from_list("less, more", [COLORS["loss"], "white", COLORS["gain"]])
    logs = np.where(sure, np.log2(np.clip(values, 0.25, 4)), np.nan)
    ax.imshow(logs, cmap=shades, vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        told = bool(sure[row, column])
        if value == value:  # tested
            ax.text(
                column, row, wording.number(value, 1), ha="center", va="center", fontsize=9 if told else 8,
                color="#1A1A1A" if told else COLORS["plain"], weight="bold" if told else "normal",
            )  # fmt: skip
    ax.set_xticks(range(index.shape[1]), [str(name) for name in index.columns], rotation=40, ha="right")
    ax.set_yticks(range(len(index)), [_short(name) for name in index.index])
    plt.setp(ax.get_xticklabels(), rotation_mode="anchor")
    ax.grid(visible=False)
    return say(ax, title, x="segment (grey: not told apart from the other customers)", y="")


def _logarithmic(ax: Axes) -> None:
    """Both axes as ratios on a logarithm, with a mark at each 1, 2 and 5."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
        write_axis(ax, name, _ratio)


def _neighbours(names: list[str], pairs: list[tuple[str, ...]]) -> list[str]:
    """Names in the order of a walk along their pairs."""
    tied: dict[str, set[str]] = {name: set() for name in names}
    for a, b in pairs:
        tied[a].add(b)
        tied[b].add(a)
    walked: list[str] = []
    for start in names:
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in walked:
                walked.append(name)
                waiting += sorted(tied[name], reverse=True)
    return walked


def _short(name: object) -> str:
    text = str(name)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _ratio(value: float) -> str:
    return f"{value:g}"
