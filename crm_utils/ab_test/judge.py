"""One experiment from its tables to its verdict: every step in order, validity first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_utils.ab_test import segments
from crm_utils.ab_test.assignment import assigned, check_assigned, one_arm_each
from crm_utils.ab_test.effects import adjust, effects
from crm_utils.ab_test.looks import planned_looks, with_completion
from crm_utils.ab_test.moments import Sums, exact_sums
from crm_utils.ab_test.outcomes import customer_outcomes
from crm_utils.ab_test.quantiles import quantile_effect
from crm_utils.ab_test.sequential import PLANNED, at_all_times, confidence_sequence
from crm_utils.ab_test.validity import (
    SampleRatio,
    arm_counts,
    balance,
    exposure,
    largest_shares,
    sample_ratio,
)
from crm_utils.ab_test.verdict import Verdict, decide, overall
from crm_utils.errors import DataError
from crm_utils.experiments import CATALOGUE, Experiment, Metric

__all__ = ["Judged", "Tables", "judge"]


@dataclass(frozen=True)
class Tables:
    """What an experiment is judged from: canonical tables cut at ``as_of``; ``orders`` with their margin."""

    assignments: Any
    orders: Any
    messages: Any = None
    events: Any = None
    customers: Any = None


@dataclass(frozen=True)
class Judged:
    """All that was found about one experiment.

    Attributes
    ----------
    experiment
        Its declaration.
    verdicts
        One a treatment; :attr:`word` is the experiment's.
    ratio, counts, balance, exposure, largest
        Validity: sample ratio, customers an arm, differences before, who got what, and outliers' shares.
    sums, effects
        Exact sums an arm, and every metric's effect.
    sequence, looks
        The primary over time, and planned looks, of all treatments.
    complete
        Whether nobody can come any more and every horizon has passed; ``incomplete`` customers are not in the
        effects yet.
    segments, weeks, triggered
        For whom, when, and among those who could notice; empty where not declared.
    rows
        A row a customer, as an Ibis table, for models.
    """

    experiment: Experiment
    verdicts: list[Verdict]
    ratio: SampleRatio
    counts: pd.DataFrame
    balance: pd.DataFrame
    exposure: pd.DataFrame
    largest: pd.DataFrame
    sums: dict[str, Sums]
    effects: pd.DataFrame
    sequence: pd.DataFrame
    looks: pd.DataFrame
    complete: bool
    incomplete: int
    segments: dict[str, pd.DataFrame]
    weeks: pd.DataFrame
    triggered: pd.DataFrame
    warnings: list[str] = field(default_factory=list)
    rows: Any = None

    @property
    def word(self) -> str:
        """The experiment's verdict."""
        return overall(self.verdicts)

    def effect(self, metric: str, arm: str) -> dict[str, Any]:
        """One row of :attr:`effects`."""
        row = self.effects[(self.effects["metric"] == metric) & (self.effects["arm"] == arm)]
        return {str(k): v for k, v in row.iloc[0].items()}


def judge(experiment: Experiment, tables: Tables, *, as_of: dt.date) -> Judged:
    """Judge one experiment by its declaration.

    Parameters
    ----------
    experiment
        As declared in the study.
    tables
        Cut at the end of ``as_of``.
    as_of
        The last day known.

    Returns
    -------
    Judged

    Raises
    ------
    DataError
        Nobody is assigned, an undeclared arm is there, or every outcome lies before the assignment.
    """
    own = tables.assignments.filter(tables.assignments.experiment_id == experiment.id)
    everyone = assigned(own)
    counts = _frame(arm_counts(everyone), "arm")
    check_assigned(experiment, counts["arm"].tolist())
    ratio = sample_ratio(
        dict(zip(counts["arm"], map(int, counts["customers"]), strict=True)), experiment.arms
    )
    known = with_completion(one_arm_each(everyone), horizon_days=experiment.horizon_days)
    complete_by = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    done = known.filter(known.assigned_at <= complete_by - dt.timedelta(days=experiment.horizon_days))
    rows = customer_outcomes(
        done, tables.orders, tables.messages,
        horizon_days=experiment.horizon_days, before_days=experiment.before_days,
    ).cache()  # fmt: skip
    metrics = _with_money(experiment, rows)
    by = ("arm", "complete_on")
    by_day = exact_sums(rows, metrics, by=by)
    sums = _an_arm(by_day)
    _check_outcomes(experiment, sums, tables, everyone)
    incomplete = int(counts["customers"].sum()) - sum(s.n for s in sums.values())
    complete = incomplete == 0 and _ended(experiment, as_of, assigned=int(counts["customers"].sum()))
    found = _effects(rows, sums, experiment, metrics)
    looks = pd.concat(
        [
            planned_looks(by_day, experiment, arm=arm, done=complete, as_of=as_of)
            for arm in experiment.treatments
        ]
    )
    sequence = _sequences(by_day, experiment)
    return Judged(
        experiment=experiment,
        verdicts=decide(
            found if complete else _at_all_times(found, sums, experiment),
            experiment,
            ratio=ratio,
            complete=complete,
            looks=looks,
            sequence=sequence,
        ),
        ratio=ratio,
        counts=counts,
        balance=balance(sums, experiment),
        exposure=_exposure(experiment, tables, one_arm_each(everyone)),
        largest=_frame(largest_shares(rows, column="amount"), "arm"),
        sums=sums,
        effects=found,
        sequence=sequence,
        looks=looks,
        complete=complete,
        incomplete=incomplete,
        segments=_segments(rows, tables, experiment),
        weeks=_weeks(rows, tables, experiment, sums),
        triggered=_triggered(rows, tables, experiment, metrics),
        warnings=_warnings(experiment, ratio, counts, incomplete),
        rows=rows,
    )


def _with_money(experiment: Experiment, rows: ir.Table) -> list[Metric]:
    """The declared metrics, and orders and contribution, which say what a verdict is worth."""
    declared = list(experiment.all_metrics)
    names = {metric.name for metric in declared}
    more = [Metric(name=name, **CATALOGUE[name]) for name in ("orders", "contribution") if name not in names]
    known = rows.aggregate(contribution=rows.contribution.count(), unsubscribed=rows.unsubscribed.count(),
                           messages=rows.messages.count()).to_pyarrow().to_pylist()[0]  # fmt: skip
    missing = {name for name, n in known.items() if not n}
    return [m for m in [*declared, *more] if m.of not in missing and m.per not in missing]


def _an_arm(by_day: dict[tuple[Any, ...], Sums]) -> dict[str, Sums]:
    sums: dict[str, Sums] = {}
    for (arm, _), part in by_day.items():
        sums[arm] = sums[arm] + part if arm in sums else part
    return sums


def _check_outcomes(
    experiment: Experiment, sums: dict[str, Sums], tables: Tables, everyone: ir.Table
) -> None:
    """Orders there are, but none after the assignment: it was written after the fact."""
    if not sums or any(s.totals.get("orders") for s in sums.values()):
        return
    first = everyone.assigned_at.min().to_pyarrow().as_py()
    last = tables.orders.ordered_at.max().to_pyarrow().as_py()
    if last is not None and last < first:
        raise DataError(
            f"Experiment '{experiment.id}': every order lies before the first assignment ({first:%Y-%m-%d}); "
            f"the last is of {last:%Y-%m-%d}. Was assigned_at written after the fact?"
        )


def _effects(
    rows: ir.Table, sums: dict[str, Sums], experiment: Experiment, metrics: list[Metric]
) -> pd.DataFrame:
    found = effects(sums, experiment, metrics=metrics)
    sizes = {arm: s.n for arm, s in sums.items()}
    parts = [
        quantile_effect(rows, metric, experiment, sizes).assign(role="further")
        for metric in metrics
        if metric.kind == "quantile"
    ]
    every = pd.concat([found, *parts], ignore_index=True)
    # Quantiles are further metrics too, so they count among those that are corrected together.
    further = (every["role"] == "further") & every["p"].notna()
    p = every.loc[further, "p"].astype(float).tolist()
    every.loc[further, "p_adjusted"] = adjust(p, how="benjamini_hochberg")
    return every


def _ended(experiment: Experiment, as_of: dt.date, *, assigned: int) -> bool:
    """Whether nobody can come any more: its last day is over; without one, as many as planned have come."""
    if experiment.ends_on is not None:
        return as_of >= experiment.ends_on
    return experiment.customers is None or assigned >= experiment.customers


def _planned(experiment: Experiment) -> int:
    """Customers of two arms at which a sequence is narrowest: as declared, and never by what came."""
    return max(2, round((experiment.customers or PLANNED) * 2 / (1 + len(experiment.treatments))))


def _sequences(by_day: dict[tuple[Any, ...], Sums], experiment: Experiment) -> pd.DataFrame:
    alpha, planned = experiment.alpha / len(experiment.treatments), _planned(experiment)
    parts = [
        confidence_sequence(
            by_day, experiment.primary, control=experiment.control, arm=arm, planned=planned, alpha=alpha
        ).assign(arm=arm)
        for arm in experiment.treatments
    ]
    return pd.concat(parts, ignore_index=True)


def _at_all_times(found: pd.DataFrame, sums: dict[str, Sums], experiment: Experiment) -> pd.DataFrame:
    sizes = {arm: s.n for arm, s in sums.items()}
    return at_all_times(
        found, sizes, control=experiment.control, planned=_planned(experiment), alpha=experiment.alpha
    )


def _exposure(experiment: Experiment, tables: Tables, customers: ir.Table) -> pd.DataFrame:
    if tables.messages is None or not experiment.campaigns:
        return pd.DataFrame()
    got = exposure(
        customers, tables.messages, campaigns=experiment.campaigns, horizon_days=experiment.horizon_days
    )
    return _frame(got, "arm", "campaign_id")


def _segments(rows: ir.Table, tables: Tables, experiment: Experiment) -> dict[str, pd.DataFrame]:
    return {
        name: segments.effects_by_segment(
            segments.with_segment(rows, tables.customers, segment=name), experiment.primary, experiment
        )
        for name in experiment.segments
    }


def _weeks(rows: ir.Table, tables: Tables, experiment: Experiment, sums: dict[str, Sums]) -> pd.DataFrame:
    weekly = segments.weekly_amounts(
        rows, tables.orders, horizon_days=experiment.horizon_days, column="orders"
    )
    return segments.effects_by_week(weekly, {arm: s.n for arm, s in sums.items()}, experiment)


def _triggered(rows: ir.Table, tables: Tables, experiment: Experiment, metrics: list[Metric]) -> pd.DataFrame:
    """Effects on those who could notice, with their share and their own sample ratio."""
    trigger = experiment.trigger
    touches = None if trigger is None else tables.events if trigger.event else tables.messages
    if trigger is None or touches is None:
        return pd.DataFrame()
    inside = segments.triggered(rows, touches, trigger, horizon_days=experiment.horizon_days)
    sums = {k[0]: s for k, s in exact_sums(inside, metrics).items()}
    if len(sums) < 2:
        return pd.DataFrame()
    ratio = sample_ratio({arm: s.n for arm, s in sums.items()}, experiment.arms)
    all_customers = int(rows.count().to_pyarrow().as_py())
    found = effects(sums, experiment, metrics=metrics)
    share = sum(s.n for s in sums.values()) / max(all_customers, 1)
    # A mean's effect on all is that on the share who could notice; a ratio has no such share.
    ratios = {metric.name for metric in metrics if metric.kind == "ratio"}
    on_all = (found["effect"].astype(float) * share).mask(found["metric"].isin(ratios))
    return found.assign(share=share, on_all=on_all, ratio_p=ratio.p)


def _warnings(experiment: Experiment, ratio: SampleRatio, counts: pd.DataFrame, incomplete: int) -> list[str]:
    found = []
    twice, first = int(counts["in_two_arms"].sum()), counts["first"].min()
    if ratio.verdict != "passed":
        found.append(f"the sample ratio has p = {ratio.p:.2g}: {ratio.verdict}")
    if twice:
        found.append(f"{twice:,} customers stand in two arms and are left out")
    if first.date() < experiment.starts_on:
        found.append(
            f"the first assignment, of {first:%Y-%m-%d}, lies before the start {experiment.starts_on}"
        )
    if incomplete:
        found.append(f"{incomplete:,} customers' horizons are not complete; they are not in the effects yet")
    closed = [a for a, w in experiment.arms.items() if not w and (counts["arm"] == a).any()]
    found += [
        f"arm '{arm}' is closed (weight 0) and has customers: they are in no comparison" for arm in closed
    ]
    return found


def _frame(table: ir.Table, *order: str) -> pd.DataFrame:
    frame: pd.DataFrame = table.order_by(list(order)).to_pyarrow().to_pandas()
    return frame
