"""Pictures of experiments: effects, looking early, for whom, past campaigns. Small tables in, Axes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from crm_utils import wording
from crm_utils.features.statistics import LEVEL
from crm_utils.methods.ab_test import Experiments, Judged, NextTest, PastCampaigns, Targeting
from crm_utils.plots.theme import COLORS, say, write_axis
from crm_utils.tools.language import _

__all__ = [
    "aa_rates",
    "all_segments",
    "answer",
    "attributed",
    "campaign_effects",
    "chosen_effects",
    "chosen_segments",
    "chosen_sequence",
    "chosen_weeks",
    "effect_intervals",
    "past_campaigns",
    "placebo_intervals",
    "qini_curve",
    "qini_curves",
    "segment_effects",
    "sequential_band",
    "size_curve",
    "verdict_money",
    "weekly_effects",
]

MOST_ROWS = 30
"""Campaigns that a picture shows; the table has them all."""


def answer(
    book: Experiments,
    spent: PastCampaigns,
    plan: NextTest,
    *,
    how: Callable[..., str],
    unit: str,
    titles: Mapping[str, str],
    names: Callable[[str], str],
) -> Axes | None:
    """Draw what answers the page's question: verdicts, else campaigns, else what a test could find.

    ``titles`` has one for ``verdicts``, ``campaigns``, ``placebos`` and ``sizes``; ``names`` writes metrics.
    """
    money = [one for one in book.judged if one.word != "none" and len(one.money)]
    if any(one.held(one.money["metric"].iloc[0], v.arm) for one in money for v in one.verdicts):
        return verdict_money(money, how=how, unit=unit, title=titles["verdicts"])
    if spent.best:
        return past_campaigns(spent, how=how, unit=unit, title=titles["campaigns"])
    if len(spent.tried):
        return placebo_intervals(spent.tried, how=how, unit=unit, title=titles["placebos"])
    return size_curve(plan.sizes, available=plan.customers, title=titles["sizes"], names=names)


def verdict_money(judged: Sequence[Judged], *, how: Callable[..., str], unit: str, title: str) -> Axes:
    """Draw what every treatment does to the money of a customer assigned, with the interval that decides."""
    labels, ends = [], []
    for one in judged:
        for row in one.money.to_dict("records"):
            if not one.held(row["metric"], row["arm"]) or not np.isfinite([row["low"], row["high"]]).all():
                continue
            several = len(one.experiment.treatments) > 1
            template = _("{experiment}, {arm}") if several else _("{experiment}")
            labels.append(template.format(experiment=one.experiment.called, arm=row["arm"].replace("_", " ")))
            ends.append([float(row[end]) for end in ("effect", "low", "high")])
    ax = _forest(labels[::-1], ends[::-1], [1] * len(labels))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    return write_axis(say(ax, title, x=_("money a customer assigned, {unit}").format(unit=unit)), "x", how)


def past_campaigns(spent: PastCampaigns, *, how: Callable[..., str], unit: str, title: str) -> Axes | None:
    """Draw campaigns with a held-out share and all together; None without any."""
    if not spent.best:
        return None
    pooled, rows = spent.pooled[spent.best], spent.held_out[spent.held_out["metric"] == spent.best]
    both = (pooled.effect, pooled.low, pooled.high)
    return campaign_effects(rows, pooled=both, how=how, unit=unit, title=title)


def chosen_effects(one: Judged | None, *, names: Callable[[str], str], level: str, title: str) -> Axes | None:
    """Draw the relative effects of an experiment, with the intervals that hold; None where none is clear."""
    if one is None or not one.holding["relative"].notna().any():
        return None
    lower = [names(m.name) for m in one.experiment.all_metrics if m.better == "lower"]
    rows = one.holding.assign(metric=one.holding["metric"].map(names))
    return effect_intervals(rows, lower_is_better=lower, level=level, title=title)


def chosen_sequence(
    one: Judged | None, *, how: Callable[..., str], unit: str, level: str, title: str
) -> Axes | None:
    """Draw the first treatment's effect over time; None before there are enough customers."""
    arm = one.experiment.treatments[0] if one else ""
    path = one.sequence[one.sequence["arm"] == arm] if one else pd.DataFrame()
    if one is None or path.empty:
        return None
    looks = one.looks[one.looks["arm"] == arm]
    return sequential_band(path, how=how, unit=unit, looks=looks, level=level, title=title)


def chosen_segments(
    one: Judged | None, *, how: Callable[..., str], unit: str, level: str
) -> list[Axes] | None:
    """Draw every treatment's effect within the declared segments; None without any."""
    drawn: list[Axes] = []
    for arm in one.experiment.treatments if one else ():
        row = one.effect(one.experiment.primary.name, arm) if one else {}
        if one is None or row.get("effect") is None:
            continue
        drawn += all_segments(
            one.segments, arm=arm, how=how, unit=unit, overall=row["effect"],
            sign=one.experiment.primary.sign, level=level,
        )  # fmt: skip
    return drawn or None


def chosen_weeks(one: Judged | None) -> Axes | None:
    """Draw the orders that treatments add week by week; None without whole weeks."""
    if one is None or one.weeks.empty:
        return None
    template = _("{experiment}: orders that the treatment adds, week by week")
    return weekly_effects(
        one.weeks, how=lambda value: wording.number(value, 2), unit=_("orders"),
        title=template.format(experiment=one.experiment.called),
    )  # fmt: skip


def qini_curves(
    by_arm: Mapping[str, Targeting | None], *, how: Callable[..., str], unit: str
) -> list[Axes] | None:
    """Draw the Qini curve of every treatment with a model; titles say whether the ranking beats chance."""
    drawn = []
    for arm, one in by_arm.items():
        if one is None:
            continue
        template = _("{arm}: the model's ranking beats random choice")
        if not one.curve.better:
            template = _("{arm}: the model's ranking is not shown to beat random choice")
        drawn.append(qini_curve(one.curve.curve, how=how, unit=unit, title=template.format(arm=arm)))
    return drawn or None


def effect_intervals(
    effects: pd.DataFrame, *, lower_is_better: Sequence[str] = (), level: str = "95 %", title: str
) -> Axes:
    """Draw the relative effect on every metric and arm with its interval.

    ``effects`` has ``metric``, ``arm``, ``relative``, ``relative_low``, ``relative_high``; rows without one
    are left out.
    """
    rows = effects[effects["relative"].notna()][::-1].reset_index(drop=True)
    several = len(set(rows["arm"])) > 1
    labels = rows["metric"].astype(str) + (" · " + rows["arm"] if several else "")
    signs = [-1 if metric in lower_is_better else 1 for metric in rows["metric"]]
    ends = rows[["relative", "relative_low", "relative_high"]].astype(float)
    ax = _forest(labels.tolist(), ends.to_numpy(), signs)
    say(ax, title, x=_("change against the control, % ({level} interval)").format(level=level))
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
    ax.axvline(overall, color=COLORS["customers"], linestyle="--", linewidth=1.2, label=_("all customers"))
    ax.figure.legend(loc="outside lower center", fontsize=9)
    template = _("effect a customer, {unit} ({level} interval)")
    return write_axis(say(ax, title, x=template.format(unit=unit, level=level)), "x", how)


def all_segments(
    divisions: Mapping[str, pd.DataFrame],
    *,
    arm: str,
    how: Callable[..., str],
    unit: str,
    overall: float,
    sign: int = 1,
    level: str = "95 %",
) -> list[Axes]:
    """Draw one arm's effect within every declared division, a picture each; titles say whether they differ.

    ``divisions`` is what :class:`.judge.Judged` holds as ``segments``.
    """
    drawn = []
    for name, every in divisions.items():
        rows = every[every["arm"] == arm]
        if rows.empty:
            continue
        p = rows["p_differ"].iloc[0]
        known = p is not None and not pd.isna(p)
        template = _("{name}: no difference between segments is shown (p {p})")
        if not known:
            template = _("{name}: one segment is large enough")
        elif p < 0.05:
            template = _("{name}: segments differ (p {p})")
        title = template.format(name=name.replace("_", " "), p=_below(p) if known else "")
        if name == "before":
            rows = rows.assign(segment=rows["segment"].map(_before()).fillna(rows["segment"]))
        rows = rows.assign(segment=rows["segment"].replace("", _("not known")))
        drawn.append(
            segment_effects(rows, how=how, unit=unit, overall=overall, sign=sign, level=level, title=title)
        )
    return drawn


def _before() -> dict[str, str]:
    return {
        "none": _("bought nothing before"),
        "one": _("one order before"),
        "several": _("several orders before"),
    }


def campaign_effects(
    rows: pd.DataFrame, *, pooled: tuple[float, float, float], how: Callable[..., str], unit: str, title: str
) -> Axes:
    """Draw each campaign's effect against its held-out share, and all together as a band."""
    rows = rows[:MOST_ROWS][::-1].reset_index(drop=True)
    ax = _forest(rows["name"].tolist(), rows[["effect", "low", "high"]].to_numpy(float), [1] * len(rows))
    ax.axvspan(pooled[1], pooled[2], color=COLORS["customers"], alpha=0.15, label=_("all together, 95 %"))
    ax.axvline(pooled[0], color=COLORS["customers"], linewidth=1.2)
    ax.figure.legend(loc="outside lower center", fontsize=9)
    return write_axis(
        say(ax, title, x=_("effect a customer, {unit} (95 % interval)").format(unit=unit)), "x", how
    )


def placebo_intervals(rows: pd.DataFrame, *, how: Callable[..., str], unit: str, title: str) -> Axes | None:
    """Draw what each campaign seems to have changed before it began, which should be nothing."""
    if rows.empty:
        return None
    rows = rows[rows["placebo"].notna()][:MOST_ROWS][::-1].reset_index(drop=True)
    ax = _axes(figsize=(8, max(3.0, 1.2 + 0.26 * len(rows))))
    ends = rows[["placebo", "placebo_low", "placebo_high"]].astype(float)
    for failed, color, label in (
        (True, "loss", _("a change before it began")),
        (False, "plain", _("none to be seen")),
    ):
        at = rows.index[((ends["placebo_low"] > 0) | (ends["placebo_high"] < 0)) == failed]
        if len(at):
            ax.hlines(at, ends.loc[at, "placebo_low"], ends.loc[at, "placebo_high"], color=COLORS[color],
                      linewidth=2.5, alpha=0.6)  # fmt: skip
            ax.plot(ends.loc[at, "placebo"], at, "X" if failed else "o", color=COLORS[color], label=label)
    ax.axvline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_yticks(rows.index, rows["name"], fontsize=8)
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return write_axis(
        say(ax, title, x=_("placebo difference, {unit} (95 % interval)").format(unit=unit)), "x", how
    )


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
    ax = _axes()
    day = pd.to_datetime(sequence["day"])
    ends = (sequence["always_low"], sequence["always_high"])
    ax.fill_between(
        day,
        *ends,
        color=COLORS["customers"],
        alpha=0.18,
        label=_("holds at all looks ({level})").format(level=level),
    )
    ax.fill_between(day, sequence["low"], sequence["high"], color=COLORS["customers"], alpha=0.3,
                    label=_("holds at one look ({level})").format(level=level))  # fmt: skip
    ax.plot(day, sequence["effect"], "o-", color=COLORS["customers"], markersize=4, label=_("effect so far"))
    ax.axhline(0, color=COLORS["plain"], linewidth=1.2)
    for k, look in enumerate([] if looks is None else mdates.date2num(looks["day"])):  # type: ignore[no-untyped-call]
        ax.axvline(
            float(look), color=COLORS["money"], linestyle=":", label=_("planned look") if k == 0 else None
        )
    locator = mdates.AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.legend(loc="best")
    return write_axis(say(ax, title, x=_("day on which the last of them completed the horizon"),
                          y=_("effect a customer, {unit}").format(unit=unit)), "y", how)  # fmt: skip


def qini_curve(curve: pd.DataFrame, *, how: Callable[..., str], unit: str, title: str) -> Axes:
    """Draw what contacting the best share of customers brings, against choosing them at random."""
    ax = _axes()
    ax.fill_between(curve["share"], curve["low"], curve["high"], color=COLORS["customers"], alpha=0.18,
                    label=_("95 % (bootstrap)"))  # fmt: skip
    ax.plot(
        curve["share"], curve["gain"], color=COLORS["customers"], label=_("largest predicted effect first")
    )
    ax.plot(curve["share"], curve["random"], "--", color=COLORS["plain"], label=_("chosen at random"))
    ax.legend(loc="best")
    gained = _("gain a customer of all, {unit}").format(unit=unit)
    say(ax, title, x=_("share of customers contacted, %"), y=gained)
    return write_axis(write_axis(ax, "x", wording.share), "y", how)


def weekly_effects(weeks: pd.DataFrame, *, how: Callable[..., str], unit: str, title: str) -> Axes:
    """Draw the effect in each week since the assignment, to see whether it lasts."""
    ax = _axes()
    arms = list(dict.fromkeys(weeks["arm"]))
    colors = [COLORS["customers"], COLORS["money"], COLORS["gain"], COLORS["compare"]]
    for k, arm in enumerate(arms):
        rows, at = weeks[weeks["arm"] == arm], (k - (len(arms) - 1) / 2) * 0.12
        color = colors[k % len(colors)]
        ax.vlines(rows["week"] + at, rows["low"], rows["high"], color=color, linewidth=2.5, alpha=0.6)
        ax.plot(rows["week"] + at, rows["effect"], "osD^"[k % 4] + "-", color=color, label=arm)
    ax.axhline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_xticks(sorted(weeks["week"].unique()))
    weekly = _("effect a customer and week, {unit}")
    ax.legend(loc="best")
    return write_axis(say(ax, title, x=_("week since the assignment"), y=weekly.format(unit=unit)), "y", how)


def _below(p: float) -> str:
    """A p-value after its letter: ``= 0.27``, ``< 0.0001``."""
    return f"= {p:.2g}" if p >= 1e-4 else "< 0.0001"


def attributed(
    rows: pd.DataFrame, *, names: Mapping[str, str], how: Callable[..., str], unit: str, title: str
) -> Axes | None:
    """Draw what attribution claims beside what held-out customers show, by scenario; None without any.

    Parameters
    ----------
    rows
        ``scenario``, ``attributed``, ``effect``, ``low``, ``high`` (a customer), ``complete``.
    names
        Words for ``attributed`` and ``held_out``.
    how, unit, title
        How money is written, the currency, and the message.
    """
    known = rows[rows["attributed"].notna()][::-1].reset_index(drop=True)
    if known.empty:
        return None
    ax = _axes(figsize=(8, max(2.6, 1.6 + 0.6 * len(known))))
    ends = {name: known[name] * known["complete"] for name in ("effect", "low", "high")}
    ax.barh(
        known.index + 0.2, known["attributed"], height=0.36, color=COLORS["plain"], label=names["attributed"]
    )
    ax.barh(known.index - 0.2, ends["effect"], height=0.36, color=COLORS["gain"], label=names["held_out"])
    ax.hlines(known.index - 0.2, ends["low"], ends["high"], color="black", linewidth=1.6)
    ax.axvline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_yticks(known.index, known["scenario"])
    ax.xaxis.set_major_locator(MaxNLocator(4))  # sums are long words
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return write_axis(say(ax, title, x=unit), "x", how)


def size_curve(
    sizes: pd.DataFrame, *, available: int, title: str, names: Callable[[str], str]
) -> Axes | None:
    """Draw how many customers a test needs by the effect that it should find; None where nothing is sized."""
    if sizes.empty:
        return None
    ax = _axes()
    for k, (metric, rows) in enumerate(sizes.groupby("metric", sort=False)):
        ax.plot(rows["lift"], rows["customers"], "osD^v"[k % 5] + "-", label=names(str(metric)))
    ax.axhline(
        available, color=COLORS["plain"], linestyle="--", linewidth=1.2, label=_("customers there are")
    )
    ax.set_yscale("log")
    ax.set_xticks(sorted(sizes["lift"].unique()))
    ax.legend(loc="best")
    x, y = _("effect to be found, % of the present value"), _("customers, both arms (log scale)")
    say(ax, title, x=x, y=y)
    return write_axis(write_axis(ax, "x", wording.share), "y", wording.count)


def aa_rates(rates: pd.DataFrame, *, alpha: float = 1 - LEVEL, title: str) -> Axes | None:
    """Draw the share of A/A splits that found something against the promised rate; None without splits."""
    rows = rates[::-1].reset_index(drop=True)
    if rows.empty:
        return None
    ax = _axes(figsize=(8, max(2.4, 1.2 + 0.34 * len(rows))))
    ax.hlines(rows.index, rows["low"], rows["high"], color=COLORS["customers"], linewidth=2.5, alpha=0.6)
    ax.plot(
        rows["rate"], rows.index, "o", color=COLORS["customers"], label=_("A/A splits that found something")
    )
    ax.axvline(alpha, color=COLORS["plain"], linestyle="--", linewidth=1.2, label=_("promised"))
    ax.set_yticks(rows.index, rows["metric"])
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.set_xlim(0, max(2.2 * alpha, float(rows["high"].max()) * 1.1))
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    say(ax, title, x=_("share of splits, % (95 % Wilson interval)"))
    return write_axis(ax, "x", lambda v: wording.share(v, 1))


def _axes(**size: Any) -> Axes:
    ax: Axes = plt.subplots(**size)[1]
    return ax


def _forest(labels: Sequence[str], ends: Any, signs: Sequence[int]) -> Axes:
    """Estimates (middle, low, high) as rows: good, bad or undecided by where their interval lies."""
    ax = _axes(figsize=(8, max(2.6, 1.2 + 0.32 * len(labels))))
    for at, ((middle, low, high), sign) in enumerate(zip(ends, signs, strict=True)):
        way = 0 if low <= 0 <= high else sign * (1 if middle > 0 else -1)
        color, marker = {1: ("gain", "o"), -1: ("loss", "X"), 0: ("plain", "d")}[way]
        ax.hlines(at, low, high, color=COLORS[color], linewidth=2.5, alpha=0.6)
        ax.plot(middle, at, marker, color=COLORS[color], markersize=7)
    ax.axvline(0, color=COLORS["plain"], linewidth=1.2)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(-0.7, len(labels) - 0.3)
    return ax
