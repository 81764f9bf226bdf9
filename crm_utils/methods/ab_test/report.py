"""What do experiments leave behind? Tables to show and to save, and the numbers to record: codes and numbers.

Words are made where they are shown, in :mod:`crm_utils.sentences.ab_test`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_utils.errors import DataError, StudyError
from crm_utils.experiments import Experiment
from crm_utils.features.statistics import SMALLEST_GROUP, Number
from crm_utils.methods.ab_test.bayes import compare_rates
from crm_utils.methods.ab_test.judge import Judged, Tables, judge

__all__ = ["Experiments", "beliefs_table", "judge_all", "results_table", "validity_table", "verdict_table"]


@dataclass(frozen=True)
class Experiments:
    """All experiments of a study, on one day.

    Attributes
    ----------
    declared
        As they stand in the study.
    judged
        Those that have begun.
    unreadable
        For an experiment whose declaration and data do not fit together, what is wrong.
    assigned
        Whether the study has a table of assignments at all.
    chosen
        The one to look into: the one named, else the first that may be believed, else None. Effects are read
        off this one alone; one that its sample ratio stopped is never it.
    """

    declared: tuple[Experiment, ...]
    judged: tuple[Judged, ...]
    unreadable: dict[str, str]
    assigned: bool
    chosen: Judged | None

    @property
    def customers(self) -> int:
        """Assigned, over all experiments; one customer may be in several."""
        return sum(one.customers for one in self.judged)

    def numbers(self, currency: str) -> list[Number]:
        """The numbers of every judged experiment; see :meth:`.judge.Judged.numbers`."""
        return [number for one in self.judged for number in one.numbers(currency)]

    def results(self) -> pd.DataFrame:
        """Every effect, to be saved; see :func:`results_table`."""
        return results_table(self.judged)

    def verdicts(self) -> pd.DataFrame:
        """Every verdict, to be saved; see :func:`verdict_table`."""
        return verdict_table(self.judged)


def judge_all(
    experiments: Sequence[Experiment], tables: Tables, *, as_of: dt.date, look_into: str = ""
) -> Experiments:
    """Judge every experiment of a study that has begun.

    Parameters
    ----------
    experiments
        As declared.
    tables
        Cut at the end of ``as_of``; without assignments nothing is judged.
    as_of
        The last day known.
    look_into
        The id of the experiment to look into; empty for the first.
    """
    judged, unreadable = [], {}
    begun = [e for e in experiments if e.starts_on <= as_of and tables.assignments is not None]
    for experiment in begun:
        try:
            judged.append(judge(experiment, tables, as_of=as_of))
        except (DataError, StudyError) as error:
            unreadable[experiment.called] = str(error)
    wanted = [one for one in judged if look_into in ("", one.experiment.id)] or judged
    believed = [one for one in wanted if one.word != "none" and one.sums]
    chosen = believed[0] if believed else None
    return Experiments(tuple(experiments), tuple(judged), unreadable, tables.assignments is not None, chosen)


def validity_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Whether each may be believed: sample ratio, twice assigned, largest imbalance, largest customers.

    Returns
    -------
    pandas.DataFrame
        A row an experiment: ``experiment``, ``arms`` (customers of each, a dict; fewer than
        :data:`~crm_utils.features.statistics.SMALLEST_GROUP` are None), ``srm_p``, ``sample_ratio``,
        ``in_two_arms``, ``imbalance`` (standard deviations), ``largest_share`` (of an arm's money, the five
        largest customers').
    """
    rows: list[dict[str, Any]] = []
    for one in judged:
        gaps = one.balance["difference"].dropna().astype(float).abs()
        sizes = dict(zip(one.counts["arm"], map(int, one.counts["customers"]), strict=True))
        rows.append({
            "experiment": one.experiment.called,
            "arms": {arm: n if n >= SMALLEST_GROUP or not n else None for arm, n in sizes.items()},
            "srm_p": one.ratio.judged_p, "sample_ratio": one.ratio.verdict,
            "in_two_arms": int(one.counts["in_two_arms"].sum()) if len(one.counts) else 0,
            "imbalance": float(gaps.max()) if len(gaps) else None,
            "largest_share": _largest(one),
        })  # fmt: skip
    columns = ["experiment", "arms", "srm_p", "sample_ratio", "in_two_arms", "imbalance", "largest_share"]
    return pd.DataFrame(rows, columns=columns)


def _largest(one: Judged) -> float | None:
    """The largest customers' share of an arm's money; not of arms so small that it is their spending."""
    known = one.largest[one.largest["arm"].map(lambda arm: one.sums[arm].n >= SMALLEST_GROUP)]
    return float(known["share"].max()) if len(known) else None


def verdict_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """A row an experiment and treatment: the verdict, its reason as a code, orders and money with intervals.

    ``incremental_orders`` are of the arm's customers together, ``money`` (of ``money_metric``) is a customer
    assigned; both with the interval that holds. ``crossed_on`` is the day on which the primary crossed a
    bound before the end, ``adjusted`` its effect without what stopping there exaggerates. ``recommended``
    marks the arm to prefer, ``regret`` the chance that another brings more.
    """
    rows = []
    for one in judged:
        for verdict in one.verdicts:
            arm, n = verdict.arm, one.sums[verdict.arm].n if verdict.arm in one.sums else 0
            metric = one.money["metric"].iloc[0] if len(one.money) else ""
            row: dict[str, Any] = {
                "experiment": one.experiment.id, "arm": arm, "verdict": verdict.word, "code": verdict.code,
                "crossed_on": verdict.crossed_on, "money_metric": metric,
            }  # fmt: skip
            ends = ("", "_low", "_high")
            row |= {
                f"incremental_orders{e}": v
                for e, v in zip(ends, one.worth("orders", arm, times=n), strict=True)
            }
            row |= {f"money{e}": v for e, v in zip(ends, one.worth(metric, arm), strict=True)}
            row["adjusted"] = one.adjusted.get(arm) if one.word != "none" else None
            row["recommended"] = one.rivals.recommended == arm
            row["regret"] = one.rivals.regret if row["recommended"] else None
            rows.append(row)
    frame = pd.DataFrame(rows, columns=[*_VERDICT_TEXTS, "crossed_on", *_VERDICT_NUMBERS, "recommended"])
    frame["crossed_on"] = pd.to_datetime(frame["crossed_on"])
    kinds = dict.fromkeys(_VERDICT_TEXTS, "str") | dict.fromkeys(_VERDICT_NUMBERS, "float64")
    frame = frame.astype(kinds | {"recommended": "bool"})
    return frame.replace({np.inf: np.nan, -np.inf: np.nan})


_VERDICT_TEXTS = ["experiment", "arm", "verdict", "code", "money_metric"]
_VERDICT_NUMBERS = ["incremental_orders", "incremental_orders_low", "incremental_orders_high", "money",
                    "money_low", "money_high", "adjusted", "regret"]  # fmt: skip

_EFFECT_TEXTS = ["experiment_id", "metric", "arm", "role"]
_EFFECT_NUMBERS = ["control", "treatment", "effect", "low", "high", "p", "error", "relative", "relative_low",
                   "relative_high", "theta", "effect_plain", "low_plain", "high_plain", "p_adjusted",
                   "holds_low", "holds_high", "srm_p"]  # fmt: skip
_EFFECT_COUNTS = ["control_customers", "treatment_customers", "in_two_arms", "incomplete"]


def results_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Every effect of every experiment, to be saved; a void experiment has its verdict and no effects.

    ``low`` and ``high`` are of a single look at a single comparison, ``holds_low`` and ``holds_high`` those
    that decide; see :attr:`.judge.Judged.holding`. ``control_customers`` and ``treatment_customers`` are in
    the comparison; ``in_two_arms`` and ``incomplete`` (horizon not over) were left out of the experiment.
    """
    parts = []
    for one in judged:
        frame = one.effects.reset_index(drop=True).copy()
        frame["holds_low"], frame["holds_high"] = (one.holding[end].to_numpy() for end in ("low", "high"))
        frame["srm_p"] = one.ratio.judged_p
        sizes = {arm: sums.n for arm, sums in one.sums.items()}
        frame["control_customers"] = sizes.get(one.experiment.control, 0)
        frame["treatment_customers"] = frame["arm"].map(sizes).fillna(0)
        frame["in_two_arms"] = int(one.counts["in_two_arms"].sum()) if len(one.counts) else 0
        frame["incomplete"] = one.incomplete
        if one.word == "none":
            frame[[name for name in _EFFECT_NUMBERS if name in frame and name != "srm_p"]] = None
            frame["status"] = "void"
        frame.insert(0, "experiment_id", one.experiment.id)
        frame["verdict"] = frame["arm"].map({v.arm: v.word for v in one.verdicts})
        parts.append(frame.assign(declaration=one.experiment.fingerprint))
    texts = [*_EFFECT_TEXTS, "status", "verdict", "declaration"]
    columns = [*_EFFECT_TEXTS, "status", *_EFFECT_NUMBERS, *_EFFECT_COUNTS, "verdict", "declaration"]
    frames = [part.reindex(columns=columns).astype(object) for part in parts]
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    counts = dict.fromkeys(_EFFECT_COUNTS, "int64")
    whole = whole.astype(dict.fromkeys(texts, "str") | dict.fromkeys(_EFFECT_NUMBERS, "float64") | counts)
    return whole.replace({np.inf: np.nan, -np.inf: np.nan})


def beliefs_table(one: Judged | None) -> pd.DataFrame:
    """The Bayesian view of conversion, a row a treatment; :mod:`.ab_test.bayes` has the model."""
    rows, control = [], one.sums.get(one.experiment.control) if one else None
    for arm in one.experiment.treatments if one and control else ():
        sums = one.sums.get(arm) if one else None
        if sums is None or control is None or "orders_any" not in sums.totals:
            continue
        if min(sums.n, control.n) < SMALLEST_GROUP:
            continue
        beliefs = compare_rates(*((int(s.totals["orders_any"]), s.n) for s in (control, sums)))
        rows.append({"arm": arm, "control": float(control.totals["orders_any"] / control.n),
                     "treatment": float(sums.totals["orders_any"] / sums.n)} | vars(beliefs))  # fmt: skip
    columns = ["arm", "control", "treatment", "chance_to_win", "risk_treatment", "risk_control"]
    return pd.DataFrame(rows, columns=columns)
