"""One experiment from its tables to its verdict: every step in order, validity first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.engine import keep
from crm_utils.errors import DataError
from crm_utils.experiments import CATALOGUE, Experiment, Metric
from crm_utils.features.statistics import SMALLEST_GROUP, Number
from crm_utils.methods.ab_test import segments
from crm_utils.methods.ab_test.assignment import assigned, check_assigned, one_arm_each
from crm_utils.methods.ab_test.effects import COMPARED, adjust, effects
from crm_utils.methods.ab_test.holding import (
    adjusted_effects,
    all_sequences,
    holding_intervals,
    one_row,
    planned_size,
    stopped_by_a_look,
)
from crm_utils.methods.ab_test.looks import planned_looks, with_completion
from crm_utils.methods.ab_test.moments import Sums, exact_sums
from crm_utils.methods.ab_test.outcomes import customer_outcomes
from crm_utils.methods.ab_test.quantiles import quantile_effect
from crm_utils.methods.ab_test.rivals import Rivals, compare_arms
from crm_utils.methods.ab_test.validity import (
    SampleRatio,
    arm_counts,
    balance,
    daily_counts,
    exposure,
    largest_shares,
    nobody_yet,
    sample_ratio,
)
from crm_utils.methods.ab_test.verdict import Verdict, decide, money, overall

__all__ = ["Judged", "Tables", "judge"]

NEWCOMERS = 0.05
"""Orders a customer in the days before the assignment, below which an experiment is one on newcomers."""

POINTS = "percentage points"
"""Unit of a recorded difference of two shares: 7.9 and not 7.9 %, which would be a relative change."""


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
        effects yet. Without a declared end or number of customers nobody can say so, and it never is.
    holding
        The effects with the intervals that hold and decide: shared by the arms; at all looks while the
        experiment goes on or was stopped by a look; else of one look. Where planned looks were declared, the
        primary's at the end are as wide as the last bound.
    always
        Whether the intervals of ``holding`` hold at all looks.
    money
        Whether each arm holds the margin of contribution, or of revenue; see :func:`.verdict.money`.
    rivals
        The treatments against each other, with the recommended one.
    adjusted
        For an arm whose primary crossed a bound before the end, its effect without what stopping there
        exaggerates.
    segments, weeks, triggered
        For whom, when, and among those who could notice; empty where not declared.
    warnings
        What a reader has to know: a code and its numbers each.
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
    holding: pd.DataFrame
    always: bool
    money: pd.DataFrame
    rivals: Rivals
    adjusted: dict[str, float]
    sequence: pd.DataFrame
    looks: pd.DataFrame
    complete: bool
    incomplete: int
    segments: dict[str, pd.DataFrame]
    weeks: pd.DataFrame
    triggered: pd.DataFrame
    warnings: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    rows: Any = None

    @property
    def word(self) -> str:
        """The experiment's verdict."""
        return overall(self.verdicts)

    @property
    def customers(self) -> int:
        """Everybody who is in one arm."""
        return int(self.counts["customers"].sum()) if len(self.counts) else 0

    @property
    def newcomers(self) -> bool:
        """Whether hardly anybody had bought before the assignment: no sample of the active customers."""
        totals = [(float(s.totals.get("orders_before", s.n)), s.n) for s in self.sums.values()]
        return bool(totals) and sum(t for t, _ in totals) < NEWCOMERS * sum(n for _, n in totals)

    def effect(self, metric: str, arm: str) -> dict[str, Any]:
        """One row of :attr:`effects`."""
        return one_row(self.effects, metric, arm)

    def held(self, metric: str, arm: str) -> dict[str, Any]:
        """One row of :attr:`holding`; empty where the metric was not compared, or the experiment is void."""
        row = one_row(self.holding, metric, arm)
        return row if self.word != "none" and row.get("status") == COMPARED else {}

    def worth(self, metric: str, arm: str, *, times: float = 1) -> tuple[float | None, ...]:
        """A metric's effect with the interval that holds, so many times; three times None without one."""
        row = self.held(metric, arm)
        return tuple(float(row[name]) * times if row else None for name in ("effect", "low", "high"))

    def numbers(self, currency: str) -> list[Number]:
        """What a run records: sample ratio, verdicts, the effect of each metric and arm, what it is worth."""
        name = self.experiment.id
        units = {"orders": "orders", "amount": currency, "contribution": currency}
        shown = self.customers if self.customers == 0 or self.customers >= SMALLEST_GROUP else None
        yet = bool(self.sums) or self.word == "none"
        numbers = [
            Number(f"{name}.srm_p", self.ratio.judged_p if yet else None),
            Number(f"{name}.verdict", self.word),
            Number(f"{name}.declaration", self.experiment.fingerprint),
            Number(f"{name}.customers", shown, "customers"),
        ]
        known = {m.name: m for m in self.experiment.all_metrics}
        kinds = {k: POINTS if m.is_rate else units.get(m.of, "") for k, m in known.items()}
        for row in self.holding.to_dict("records"):
            shows = self.word != "none" and row["status"] == COMPARED
            unit = kinds.get(row["metric"], units.get(CATALOGUE.get(row["metric"], {}).get("of", ""), ""))
            times = 100 if unit == POINTS else 1
            three = tuple(times * row[key] for key in ("effect", "low", "high")) if shows else ()
            ends = _finite(three) if shows else (None,) * 3
            value = {"low": ends[1], "high": ends[2], "p": row["p"] if shows else None}
            effect = ends[0]
            numbers.append(Number(f"{name}.{row['metric']}.{row['arm']}.effect", effect, unit, **value))
        for verdict in self.verdicts:
            numbers.append(Number(f"{name}.{verdict.arm}.verdict", verdict.word))
            n = self.sums[verdict.arm].n if verdict.arm in self.sums else 0
            worth = _finite(self.worth("orders", verdict.arm, times=n))
            numbers.append(Number(f"{name}.{verdict.arm}.incremental_orders", worth[0], "orders", *worth[1:]))
            if verdict.arm in self.adjusted and self.word != "none":
                unit = kinds[self.experiment.primary.name]
                adjusted = self.adjusted[verdict.arm] * (100 if unit == POINTS else 1)
                numbers.append(Number(f"{name}.{verdict.arm}.adjusted", adjusted, unit))
        if self.rivals.recommended:
            numbers += [
                Number(f"{name}.recommended", self.rivals.recommended),
                Number(f"{name}.regret", self.rivals.regret, "share"),
            ]
        return numbers


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
        An undeclared arm is there, or every outcome lies before the assignment.
    """
    own = tables.assignments.filter(tables.assignments.experiment_id == experiment.id)
    everyone = assigned(own)
    counts = _frame(arm_counts(everyone), "arm")
    check_assigned(experiment, counts["arm"].tolist())
    ratio = _ratio(experiment, counts, everyone, as_of)
    known = with_completion(one_arm_each(everyone), horizon_days=experiment.horizon_days)
    complete_by = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    done = known.filter(known.assigned_at <= complete_by - dt.timedelta(days=experiment.horizon_days))
    outcomes = customer_outcomes(
        done, tables.orders, tables.messages,
        horizon_days=experiment.horizon_days, before_days=experiment.before_days,
    )  # fmt: skip
    rows = keep(outcomes)
    metrics = _with_money(experiment, rows)
    by = ("arm", "complete_on")
    by_day = exact_sums(rows, metrics, by=by)
    sums = _an_arm(by_day)
    _check_outcomes(experiment, sums, tables, everyone)
    incomplete = int(counts["customers"].sum()) - sum(s.n for s in sums.values())
    complete = incomplete == 0 and _ended(experiment, as_of, assigned=int(counts["customers"].sum()))
    all_effects = _effects(rows, sums, experiment, metrics)
    # Without its primary, of which these data know nothing, there is nothing to follow from day to day.
    known_days = by_day if experiment.primary in metrics else {}
    parts = [
        planned_looks(known_days, experiment, arm=arm, done=complete, as_of=as_of)
        for arm in experiment.treatments
    ]
    looks = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    sequence = all_sequences(known_days, experiment)
    always = not complete or stopped_by_a_look(experiment, counts, sequence, looks)
    holding = holding_intervals(all_effects, sums, experiment, looks, always=always)
    verdicts = decide(holding, experiment, ratio=ratio, complete=complete, looks=looks, sequence=sequence)
    return Judged(
        experiment=experiment,
        verdicts=verdicts,
        ratio=ratio,
        counts=counts,
        balance=balance(sums, experiment),
        exposure=_exposure(experiment, tables, one_arm_each(everyone)),
        largest=_frame(largest_shares(rows, column="amount"), "arm"),
        sums=sums,
        effects=all_effects,
        holding=holding,
        always=always,
        money=money(holding, experiment),
        rivals=compare_arms(
            sums, experiment, verdicts, metrics=[m for m in metrics if m.kind != "quantile"],
            planned=planned_size(experiment) if always else None,
        ),
        adjusted=adjusted_effects(all_effects, experiment, looks, sequence) if always else {},
        sequence=sequence,
        looks=looks,
        complete=complete,
        incomplete=incomplete,
        segments=_segments(rows, tables, experiment),
        weeks=_weeks(rows, tables, experiment, sums),
        triggered=_triggered(rows, tables, experiment, metrics),
        warnings=_warnings(experiment, ratio, counts, incomplete),
        rows=rows,
    )  # fmt: skip


def _ratio(experiment: Experiment, counts: pd.DataFrame, everyone: ir.Table, as_of: dt.date) -> SampleRatio:
    """The sample ratio; while customers come, by the test that holds at all nights."""
    sizes = dict(zip(counts["arm"], map(int, counts["customers"]), strict=True))
    if not sum(sizes.get(arm, 0) for arm in (experiment.control, *experiment.treatments)):
        return nobody_yet(experiment.arms)
    ended = _ended(experiment, as_of, assigned=sum(sizes.values()))
    return sample_ratio(sizes, experiment.arms, by_day=daily_counts(everyone), ended=ended)


def _with_money(experiment: Experiment, rows: ir.Table) -> list[Metric]:
    """The declared metrics, and orders, contribution and revenue, which say what a verdict is worth."""
    declared = list(experiment.all_metrics)
    names = {metric.name for metric in declared}
    always = ("orders", "contribution", "revenue")
    more = [Metric(name=name, **CATALOGUE[name]) for name in always if name not in names]
    known = rows.aggregate(contribution=rows.contribution.count(), unsubscribed=rows.unsubscribed.count(),
                           messages=rows.messages.count()).to_pyarrow().to_pylist()[0]  # fmt: skip
    missing = {name for name, n in known.items() if not n}
    if "contribution" not in missing:
        more = [metric for metric in more if metric.name != "revenue"]
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
    from_sums = effects(sums, experiment, metrics=metrics)
    sizes = {arm: s.n for arm, s in sums.items()}
    parts = [
        quantile_effect(rows, metric, experiment, sizes).assign(role="further")
        for metric in metrics
        if metric.kind == "quantile"
    ]
    every = pd.concat([from_sums, *parts], ignore_index=True)
    # Quantiles are further metrics too, so they count among those that are corrected together.
    further = (every["role"] == "further") & every["p"].notna()
    p = every.loc[further, "p"].astype(float).tolist()
    every.loc[further, "p_adjusted"] = adjust(p, how="benjamini_hochberg")
    return every


def _ended(experiment: Experiment, as_of: dt.date, *, assigned: int) -> bool:
    """Whether nobody can come any more: its last day is over; without one, as many as planned have come.

    With neither, more may always come: that everybody who came is complete says only that a batch is over.
    """
    if experiment.ends_on is not None:
        return as_of >= experiment.ends_on
    return experiment.customers is not None and assigned >= experiment.customers


def _exposure(experiment: Experiment, tables: Tables, customers: ir.Table) -> pd.DataFrame:
    if tables.messages is None or not experiment.campaigns:
        return pd.DataFrame(columns=["arm", "campaign_id", "customers", "before"])
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
    if len([arm for arm in (experiment.control, *experiment.treatments) if arm in sums]) < 2:
        return pd.DataFrame()
    ratio = sample_ratio({arm: s.n for arm, s in sums.items()}, experiment.arms)
    all_customers = int(rows.count().to_pyarrow().as_py())
    triggered = effects(sums, experiment, metrics=metrics)
    share = sum(s.n for s in sums.values()) / max(all_customers, 1)
    # A mean's effect on all is that on the share who could notice; a ratio has no such share.
    ratios = {metric.name for metric in metrics if metric.kind == "ratio"}
    on_all = (triggered["effect"].astype(float) * share).mask(triggered["metric"].isin(ratios))
    return triggered.assign(share=share, on_all=on_all, ratio_p=ratio.p)


def _warnings(
    experiment: Experiment, ratio: SampleRatio, counts: pd.DataFrame, incomplete: int
) -> list[tuple[str, dict[str, Any]]]:
    warnings: list[tuple[str, dict[str, Any]]] = []
    if counts.empty:
        return [("nobody", {})]
    twice, first = int(counts["in_two_arms"].sum()), counts["first"].min()
    if ratio.verdict != "passed":
        warnings.append((f"ratio_{ratio.verdict}", {"p": ratio.judged_p}))
    if twice:
        warnings.append(("in_two_arms", {"customers": twice}))
    if first.date() < experiment.starts_on:
        warnings.append(("before_the_start", {"first": first.date(), "start": experiment.starts_on}))
    if incomplete:
        warnings.append(("incomplete", {"customers": incomplete}))
    if experiment.ends_on is None and experiment.customers is None:
        warnings.append(("no_end", {}))
    closed = [a for a, w in experiment.arms.items() if not w and (counts["arm"] == a).any()]
    return warnings + [("closed_arm", {"arm": arm}) for arm in closed]


def _finite(values: tuple[float | None, ...]) -> tuple[float | None, ...]:
    """An interval without ends is none that can be recorded."""
    known = [value is not None and np.isfinite(value) for value in values]
    return values if all(known) else (values[0], None, None)


def _frame(table: ir.Table, *order: str) -> pd.DataFrame:
    frame: pd.DataFrame = table.order_by(list(order)).to_pyarrow().to_pandas()
    return frame
