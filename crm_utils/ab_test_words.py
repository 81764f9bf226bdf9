"""How is an experiment told to people? Each metric in its own unit, tables of text, whole sentences.

Conversions and rates are percentages, their differences percentage points (pp); money is in the study's
currency; orders have decimals. Saved tables and recorded numbers stay numbers: see
:mod:`crm_utils.ab_test.report`. Methods do not know how numbers are written, so this stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from crm_utils import wording
from crm_utils.ab_test import Judged, verdict_table
from crm_utils.ab_test.validity import STOP_BELOW
from crm_utils.experiments import CATALOGUE, Experiment, Metric

__all__ = [
    "effects_written",
    "level_words",
    "metric_words",
    "placebo_written",
    "sizes_written",
    "smallest_written",
    "stopped_sentence",
    "triggered_sentence",
    "verdict_sentences",
    "with_and_without",
    "write_change",
    "write_value",
]


def metric_words(name: str) -> str:
    """A metric's name for people.

    Examples
    --------
    >>> metric_words("order_value")
    'order value'
    """
    return name.replace("_", " ")


def write_value(metric: Metric, currency: str, *, digits: int = 3) -> Callable[..., str]:
    r"""What writes a metric's value: a percentage, money, or a number with so many digits.

    Examples
    --------
    >>> names, values = ("conversion", "revenue", "orders"), (0.5, 73269.7, 0.5)
    >>> how = [write_value(Metric(name=name, **CATALOGUE[name]), "KRW") for name in names]
    >>> [write(value) for write, value in zip(how, values, strict=True)]
    ['50.0\xa0%', '₩73,270', '0.500']
    """
    if metric.of in ("amount", "contribution"):
        return wording.money_in(currency)
    if _is_rate(metric):
        return lambda value: wording.share(value, 1)
    return lambda value: wording.number(value, digits)


def write_change(metric: Metric, currency: str, *, digits: int = 3) -> Callable[..., str]:
    """What writes a difference of a metric: as its value, but percentage points for a percentage.

    Examples
    --------
    >>> write_change(Metric(name="conversion", **CATALOGUE["conversion"]), "KRW")(0.0123)
    '1.2 pp'
    """
    if _is_rate(metric):
        return lambda value: f"{wording.number(100 * value, 1)} pp"
    return write_value(metric, currency, digits=digits)


def effects_written(one: Judged, *, currency: str) -> pd.DataFrame:
    """Every effect of an experiment as text; those that could not be compared are left out.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``arm``, ``control``, ``treatment``, ``effect`` with its interval, ``p``,
        ``p_adjusted``.
    """
    rows = []
    for row in one.effects[one.effects["note"] == ""].to_dict("records"):
        metric = _metric(one.experiment, row["metric"])
        value, change = write_value(metric, currency), write_change(metric, currency)
        means = [row["control"], row["treatment"]]
        value = wording.alike(value, [float(mean) for mean in means])
        rows.append({
            "metric": metric_words(row["metric"]), "arm": row["arm"],
            "control": value(row["control"]), "treatment": value(row["treatment"]),
            "effect": wording.interval(row["effect"], row["low"], row["high"], change),
            "p": _p(row["p"]), "p_adjusted": _p(row["p_adjusted"]),
        })  # fmt: skip
    columns = ["metric", "arm", "control", "treatment", "effect", "p", "p_adjusted"]
    return pd.DataFrame(rows, columns=columns)


def level_words(alpha: float) -> str:
    r"""The level of intervals that err with a chance of alpha.

    Examples
    --------
    >>> level_words(0.05), level_words(0.025)
    ('95\xa0%', '97.5\xa0%')
    """
    return f"{100 * (1 - alpha):.4g}\N{NBSP}%"


def sizes_written(sizes: pd.DataFrame, metrics: Sequence[Metric], *, currency: str) -> pd.DataFrame:
    """Sizes of a test to show: metrics by their words, present values and effects in their unit."""
    known = {metric.name: metric for metric in metrics}
    rows = sizes.to_dict("records")
    told = {
        "metric": [metric_words(row["metric"]) for row in rows],
        "now": [write_value(known[row["metric"]], currency)(row["now"]) for row in rows],
        "effect": [write_change(known[row["metric"]], currency)(row["effect"]) for row in rows],
    }
    return sizes.assign(**told)


def placebo_written(placebo: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Campaigns without a control as text: ``placebo`` and ``effect`` with their intervals, and ``note``."""
    money, rows = wording.money_in(currency), placebo.to_dict("records")
    told = {
        "placebo": [_interval(row, "placebo", money) for row in rows],
        "effect": [wording.interval(row["effect"], row["low"], row["high"], money) for row in rows],
    }
    columns = ["name", "targeted", "days", "difference", "placebo", "effect", "note"]
    return placebo.assign(**told)[columns]


def smallest_written(smallest: pd.DataFrame) -> str:
    """The smallest effects that a test finds, as a part of a sentence."""
    rows = smallest.to_dict("records")
    return "; ".join(f"{metric_words(row['metric'])} {wording.share(row['relative'], 1)}" for row in rows)


def stopped_sentence(judged: Iterable[Judged]) -> str:
    """Which experiments their sample ratio stopped; empty where none."""
    stopped = [f"{one.experiment.called} (p = {one.ratio.p:.1g})" for one in judged if one.word == "none"]
    if not stopped:
        return ""
    return (
        f"Stopped by its sample ratio: {', '.join(stopped)}. No effect is read off it; the lot has to be "
        "mended and the test run again."
    )


def triggered_sentence(one: Judged, *, currency: str) -> str:
    """What is so among customers who could notice the treatment; empty without a declared trigger."""
    rows = one.triggered[one.triggered["role"] == "primary"] if len(one.triggered) else one.triggered
    if rows.empty or rows.iloc[0]["note"]:
        return ""
    row, change = rows.iloc[0], write_change(one.experiment.primary, currency)
    fair = (
        "The treatment itself brings customers to the trigger: only the effect on all is fair."
        if row["ratio_p"] < STOP_BELOW
        else "Where the treatment itself brings customers to the trigger, only the effect on all is fair."
    )
    return (
        f"{wording.share(row['share'])} of customers met the declared trigger (their sample ratio: p = "
        f"{_p(row['ratio_p'])}). Their effect on {metric_words(row['metric'])} is "
        f"{wording.interval(row['effect'], row['low'], row['high'], change)}, {change(row['on_all'])} spread "
        f"over all assigned. {fair}"
    )


def verdict_sentences(judged: Iterable[Judged], *, currency: str) -> list[tuple[str, float | None]]:
    """The verdict on each treatment as a sentence, with the money at stake where it is to ship or stop.

    A stopped experiment has no verdict and no sentence.
    """
    found = []
    for one in judged:
        for row in verdict_table([one]).to_dict("records") if one.word != "none" else ():
            told = f"{one.experiment.called}{_arm(one.experiment, row['arm'])}: {row['verdict']}, because "
            told += f"{metric_words(row['why'])}. "
            told += f"{_interval(row, 'incremental_orders', wording.count)} additional orders"
            known = row["contribution"] is not None and not pd.isna(row["contribution"])
            if known:
                worth = _interval(row, "contribution", wording.money_in(currency))
                told += f"; {worth} contribution a customer assigned"
            decided = known and row["verdict"] in ("ship", "stop")
            stake = abs(row["contribution"]) * one.sums[row["arm"]].n if decided else None
            found.append((f"{told}.", stake))
    return found


def with_and_without(one: Judged, *, currency: str) -> str:
    """The primary effect with the covariate and without it; empty where there is none to tell."""
    row = one.effects[one.effects["role"] == "primary"].iloc[0]
    if one.word == "none" or row["note"]:
        return ""
    change = write_change(one.experiment.primary, currency)
    plain = wording.interval(row["effect_plain"], row["low_plain"], row["high_plain"], change)
    return (
        f"{one.experiment.called}, {metric_words(row['metric'])}: {change(row['effect'])} with the covariate,"
        f" {plain} without it."
    )


def _metric(experiment: Experiment, name: str) -> Metric:
    declared = {metric.name: metric for metric in experiment.all_metrics}
    return declared[name] if name in declared else Metric(name=name, **CATALOGUE[name])


def _is_rate(metric: Metric) -> bool:
    counted = ("orders", "returns", "messages", "unsubscribed")
    return metric.kind == "conversion" or (metric.kind == "ratio" and metric.of in counted)


def _arm(experiment: Experiment, arm: str) -> str:
    return "" if len(experiment.treatments) == 1 else f", {metric_words(arm)}"


def _interval(row: Mapping[Any, Any], name: str, how: Callable[..., str]) -> str:
    return wording.interval(row[name], row[f"{name}_low"], row[f"{name}_high"], how)


def _p(value: float | None) -> str:
    return wording.MISSING if value is None or pd.isna(value) else f"{value:.2g}"
