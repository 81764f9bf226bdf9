"""Pictures of what sells together and of offers: small tables in, Axes out, None for nothing to draw.

All are narrow, so that they can be read on a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from crm_utils import wording
from crm_utils.plots.theme import COLORS, say, write_axis
from crm_utils.tools.language import _

__all__ = ["offer_quality", "rules_later", "segment_tastes", "strongest_pairs"]

_WIDTH = 5.4
_LONGEST = 24


def strongest_pairs(rules: pd.DataFrame, *, title: str, most: int = 12) -> Axes | None:
    """The strongest pairs beyond basket size, a bar a pair with its interval; None where there is no pair."""
    pair = [tuple(sorted(ends)) for ends in zip(rules["antecedent"], rules["consequent"], strict=True)]
    drawn = rules.assign(pair=pd.Series(pair, index=rules.index, dtype=object))
    drawn = drawn[drawn["significant"].astype(bool)].drop_duplicates("pair").head(most)
    names = [
        _("{item} + {other}").format(item=_short(item), other=_short(other))
        for item, other in zip(drawn["antecedent"], drawn["consequent"], strict=True)
    ]
    return _bars(
        names, drawn.rename(columns={"adjusted_lift": "value"}), title=title,
        x=_("times as often as basket sizes explain (95 % interval)"),
    )  # fmt: skip


def segment_tastes(affinities: pd.DataFrame, *, title: str, most: int = 12) -> Axes | None:
    """What segments buy more or less of than the other customers; None where nothing differs."""
    sure = affinities[affinities["q_value"] <= 0.05] if len(affinities) else affinities
    far = sure.assign(far=(sure["index"].astype(float) - 1).abs()).nlargest(most, "far")
    drawn = far.sort_values("index", ascending=False)
    names = [
        _("{segment}: {item}").format(segment=segment, item=_short(item))
        for segment, item in zip(drawn["segment"], drawn["item"], strict=True)
    ]
    return _bars(
        names, drawn.rename(columns={"index": "value"}), title=title,
        x=_("share of what the segment buys ÷ that of the others (95 % interval)"),
    )  # fmt: skip


def rules_later(table: pd.DataFrame, *, title: str) -> Axes | None:
    """Adjusted lift of the first part's rules against that in the rest; None where there is no rule."""
    if table.empty:
        return None
    rows = table.dropna(subset=["adjusted_lift_rest", "low_rest", "high_rest"])
    ax = plt.subplots(figsize=(_WIDTH, 4.4))[1]
    kinds = ((True, "gain", _("holds: {rules}")), (False, "loss", _("does not hold: {rules}")))
    for holds, color, label in kinds:
        kept = rows[rows["holds"] == holds]
        ax.vlines(kept["adjusted_lift"], kept["low_rest"], kept["high_rest"], color=COLORS[color], alpha=0.35)
        ax.plot(
            kept["adjusted_lift"], kept["adjusted_lift_rest"], "o", color=COLORS[color], markersize=4,
            label=label.format(rules=wording.count(len(kept))),
        )  # fmt: skip
    ends = [1.0, max(float(rows["adjusted_lift"].max()), 1.1)] if len(rows) else [1.0, 2.0]
    ax.plot(ends, ends, color=COLORS["plain"], linestyle=":", linewidth=1.2, label=_("as strong as before"))
    ax.axhline(1, color=COLORS["plain"], linestyle="--", linewidth=1.2)
    _logarithmic(ax)
    ax.legend(loc="upper left")
    return say(
        ax,
        title,
        x=_("adjusted lift in the first half"),
        y=_("adjusted lift in the second half (95 % interval)"),
    )


def offer_quality(
    tested: pd.DataFrame, *, title: str, measure: str, names: Callable[[str], str] = str
) -> Axes | None:
    """One measure of every contender, a panel a task, with intervals; the chosen one is green.

    ``names`` writes a contender's name for people. None where nothing was tested.
    """
    tasks = list(dict.fromkeys(tested["task"]))
    if not tasks:
        return None
    heights = [len(tested[tested["task"] == task]) + 1.6 for task in tasks]
    figure, axes = plt.subplots(
        len(tasks), 1, figsize=(_WIDTH, 0.34 * sum(heights)), squeeze=False, height_ratios=heights
    )
    for ax, task in zip(axes[:, 0], tasks, strict=True):
        rows = tested[tested["task"] == task].sort_values("value").reset_index(drop=True)
        for k, row in rows.iterrows():
            color = COLORS["gain" if row["winner"] else "plain"]
            ax.hlines(k, row["low"], row["high"], color=color, linewidth=2.5, alpha=0.6)
            ax.plot(row["value"], k, "D" if row["winner"] else "o", color=color, markersize=7)
        ax.set_yticks(rows.index, [names(name) for name in rows["method"]])
        ax.set_xlim(0, 1.06 * max(float(rows["high"].max()), 0.01))
        ax.set_ylim(-0.6, len(rows) - 0.4)
        meaning = {"new": _("items new to the customer"), "reminder": _("items bought before")}
        write_axis(ax, "x", wording.share)
        say(ax, meaning.get(task, task), size=10, x=measure if task == tasks[-1] else "")
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    first: Axes = axes[0][0]
    return first


def _bars(names: Sequence[str], rows: pd.DataFrame, *, title: str, x: str) -> Axes | None:
    """A list of ratios as bars from 1, each below its name, with its interval and its value."""
    if not len(names):
        return None
    ax = plt.subplots(figsize=(_WIDTH, 1.2 + 0.5 * len(names)))[1]
    values = rows[["value", "low", "high"]].to_numpy(dtype=float)
    for place, (name, (value, low, high)) in enumerate(zip(names, values, strict=True)):
        color = COLORS["gain" if value >= 1 else "loss"]
        ax.barh(place, value - 1, left=1, height=0.34, color=color, alpha=0.85)
        ax.hlines(place, low, high, color="#262626", linewidth=1.2)
        written = _("{name}: {value}").format(name=name, value=wording.number(value, 1))
        ax.text(
            0.0, place - 0.26, written, transform=ax.get_yaxis_transform(), fontsize=9, va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    ax.vlines(1, -0.3, len(names) - 0.6, color=COLORS["plain"], linewidth=1.2, zorder=0.9)
    ax.set_xlim(min(0.0, float(values.min())), 1.05 * max(float(values.max()), 1.0))
    ax.set_ylim(len(names) - 0.4, -0.9)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    write_axis(ax, "x", _ratio)
    return say(ax, title, x=x, size=11)


def _logarithmic(ax: Axes) -> None:
    """Both axes as ratios on a logarithm, with a mark at each 1, 2 and 5."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
        write_axis(ax, name, _ratio)


def _short(name: object) -> str:
    text = str(name)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _ratio(value: float) -> str:
    return f"{value:.3g}"
