"""How are results told? Tables to show and save, and the numbers to record, from judged experiments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from crm_utils.ab_test.bayes import compare_rates
from crm_utils.ab_test.judge import Judged
from crm_utils.experiments import Experiment

__all__ = [
    "beliefs_table",
    "declaration_table",
    "experiment_numbers",
    "results_table",
    "validity_table",
    "verdict_table",
]


def declaration_table(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """What was declared: a row an experiment, with the first letters of its fingerprint."""
    rows = [
        {
            "experiment": e.called, "arms": ", ".join(f"{arm} {w:g}" for arm, w in e.arms.items()),
            "starts_on": str(e.starts_on), "horizon_days": e.horizon_days, "primary": e.primary.words,
            "guardrails": ", ".join(f"{g.metric.words} ({g.margin:g})" for g in e.guardrails) or "none",
            "looks": ", ".join(map(str, e.looks)) or "none", "segments": ", ".join(e.segments) or "none",
            "fingerprint": e.fingerprint[:12],
        }
        for e in experiments
    ]  # fmt: skip
    return pd.DataFrame(rows)


def validity_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Whether each may be believed: sample ratio, twice assigned, largest imbalance, largest customer."""
    rows = []
    for one in judged:
        gaps = one.balance["difference"].abs()
        sizes = zip(one.counts["arm"], one.counts["customers"], strict=True)
        rows.append({
            "experiment": one.experiment.called, "customers": ", ".join(f"{arm} {n:,}" for arm, n in sizes),
            "srm_p": one.ratio.p, "sample_ratio": one.ratio.verdict,
            "in_two_arms": int(one.counts["in_two_arms"].sum()),
            "imbalance": gaps.max() if len(gaps) else None,
            "largest_share": float(one.largest["share"].max()) if len(one.largest) else None,
        })  # fmt: skip
    return pd.DataFrame(rows)


def verdict_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """A row an experiment and treatment: verdict, why, incremental orders and contribution with intervals."""
    rows = []
    for one in judged:
        for verdict in one.verdicts:
            row: dict[str, Any] = {
                "experiment": one.experiment.id,
                "arm": verdict.arm,
                "verdict": verdict.word,
                "why": verdict.why,
            }
            for metric, name in (("orders", "incremental_orders"), ("contribution", "contribution")):
                told = _worth(one, metric, verdict.arm, total=metric == "orders")
                row |= dict(zip((name, f"{name}_low", f"{name}_high"), told, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


def results_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Every effect of every experiment, to be saved; a stopped experiment has its verdict and no effects."""
    parts = []
    for one in judged:
        frame = one.effects.copy()
        words = {v.arm: v.word for v in one.verdicts}
        numbers = frame.select_dtypes("number").columns.union(
            ["relative", "relative_low", "relative_high", "p"]
        )
        frame[numbers] = frame[numbers].astype("float64")
        if one.word == "none":
            frame[numbers] = float("nan")
            frame["note"] = "no effect is shown: the sample ratio stopped it"
        frame.insert(0, "experiment_id", one.experiment.id)
        frame["verdict"], frame["srm_p"] = frame["arm"].map(words), one.ratio.p
        parts.append(frame.assign(declaration=one.experiment.fingerprint))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def experiment_numbers(one: Judged, *, currency: str) -> Iterator[dict[str, Any]]:
    """The numbers of an experiment, as ``run.record`` takes them.

    ``<experiment>.srm_p``, ``<experiment>.verdict``, ``<experiment>.declaration``, for each metric and arm
    ``<experiment>.<metric>.<arm>.effect`` (without a value where there is none to tell), and for each arm
    ``<experiment>.<arm>.verdict`` and ``<experiment>.<arm>.incremental_orders``.
    """
    name = one.experiment.id
    yield {"name": f"{name}.srm_p", "value": one.ratio.p}
    yield {"name": f"{name}.verdict", "value": one.word}
    yield {"name": f"{name}.declaration", "value": one.experiment.fingerprint}
    yield {"name": f"{name}.customers", "value": int(one.counts["customers"].sum()), "unit": "customers"}
    units = {"conversion": "share", "orders": "orders", "amount": currency, "contribution": currency}
    kinds = {m.name: units.get(m.kind) or units.get(m.of, "") for m in one.experiment.all_metrics}
    for row in one.effects.to_dict("records"):
        told = one.word != "none" and not row["note"]
        yield {
            "name": f"{name}.{row['metric']}.{row['arm']}.effect",
            "value": row["effect"] if told else None,
            "unit": kinds.get(row["metric"], units.get(row["metric"], "")),
        } | ({k: row[k] for k in ("low", "high", "p")} if told else {})
    for verdict in one.verdicts:
        yield {"name": f"{name}.{verdict.arm}.verdict", "value": verdict.word}
        value, low, high = _worth(one, "orders", verdict.arm, total=True)
        yield {"name": f"{name}.{verdict.arm}.incremental_orders", "value": value, "unit": "orders",
               "low": low, "high": high}  # fmt: skip


def beliefs_table(one: Judged) -> pd.DataFrame:
    """The Bayesian view of conversion, a row a treatment; :mod:`~crm_utils.ab_test.bayes` has the model."""
    rows, control = [], one.sums.get(one.experiment.control)
    for arm in one.experiment.treatments if control else ():
        sums = one.sums.get(arm)
        if sums is None or control is None or "orders_any" not in sums.totals:
            continue
        found = compare_rates(*((int(s.totals["orders_any"]), s.n) for s in (control, sums)))
        rows.append({"arm": arm, "control": float(control.totals["orders_any"] / control.n),
                     "treatment": float(sums.totals["orders_any"] / sums.n)} | vars(found))  # fmt: skip
    return pd.DataFrame(rows)


def _worth(
    one: Judged, metric: str, arm: str, *, total: bool
) -> tuple[float | None, float | None, float | None]:
    rows = one.effects[(one.effects["metric"] == metric) & (one.effects["arm"] == arm)]
    if one.word == "none" or rows.empty or rows.iloc[0]["note"]:
        return None, None, None
    times = one.sums[arm].n if total else 1
    value, low, high = (float(rows.iloc[0][name]) * times for name in ("effect", "low", "high"))
    return value, low, high
