"""What could the next test find, and does the test keep its promise in this shop? Asked of past customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_utils.engine import keep
from crm_utils.experiments import CATALOGUE, Experiment, Metric
from crm_utils.features.facts import Cannot, ShopFacts
from crm_utils.features.statistics import SMALLEST_GROUP, Number
from crm_utils.methods.ab_test.false_alarms import aa_table
from crm_utils.methods.ab_test.moments import exact_sums
from crm_utils.methods.ab_test.outcomes import customer_outcomes
from crm_utils.methods.ab_test.quantiles import quantile_spreads
from crm_utils.methods.ab_test.sizing import as_if_assigned, enrolment, sizes, smallest_effects, unvaried

__all__ = ["NextTest", "cannot", "plan_next_test"]

USUAL = ("conversion", "orders", "revenue", "order_value")
"""Metrics that a next test is sized for, beside the quantiles that the study declares."""


@dataclass(frozen=True)
class NextTest:
    """What a next test could find among the customers there are.

    Attributes
    ----------
    start
        The day from which past customers are taken as if they had been assigned.
    horizon_days, active_days
        Days in which outcomes count; days before ``start`` with an order, to be one of them.
    customers
        How many they are.
    metrics
        Those that were to be sized.
    sizes, smallest
        From :func:`.sizing.sizes` and :func:`.sizing.smallest_effects`; empty with too few customers.
    unvaried
        Metrics that do not vary: they have no sample size.
    alarms
        From :func:`.false_alarms.aa_table`; empty with too few customers.
    lapse
        The share of them without an order in the horizon; None without customers.
    """

    start: dt.date
    horizon_days: int
    active_days: int
    customers: int
    metrics: tuple[Metric, ...]
    sizes: pd.DataFrame
    smallest: pd.DataFrame
    unvaried: tuple[str, ...]
    alarms: pd.DataFrame
    lapse: float | None

    @property
    def possible(self) -> bool:
        """Whether there are customers enough to plan a test with."""
        return self.customers >= 2 * SMALLEST_GROUP

    def lapse_over(self, days: int) -> float | None:
        """About the share without an order in another number of days, were the pace of buying constant."""
        return None if self.lapse is None else self.lapse ** (days / self.horizon_days)

    def numbers(self) -> list[Number]:
        """What a run records: customers, the smallest relative effects, the rates of false alarms."""
        shown = self.customers if self.customers >= SMALLEST_GROUP or not self.customers else None
        numbers = [Number("past.customers", shown, "customers")]
        for row in self.smallest.to_dict("records"):
            value = None if pd.isna(row["relative"]) else row["relative"]
            numbers.append(Number(f"smallest_effect.{row['metric']}", value, "share"))
        for row in self.alarms.to_dict("records"):
            name = f"aa.{row['metric']}{'.covariate' if row['covariate'] == 'yes' else ''}.false_alarms"
            numbers.append(Number(name, row["rate"], "share", low=row["low"], high=row["high"]))
        return numbers


def cannot(facts: ShopFacts, **parameters: Any) -> Cannot | None:
    """Why this notebook has nothing to say of a shop: only where no order has a customer.

    Too few customers for a test, no experiment, no campaign: each is a sentence on its page.
    """
    return Cannot("no_customers") if not facts.customers else None


def plan_next_test(
    orders: ir.Table, messages: Any, experiments: Sequence[Experiment], *, as_of: dt.date, horizon_days: int,
    before_days: int, active_days: int, splits: int, seed: int,
) -> NextTest:  # fmt: skip
    """Take past customers as if they had been assigned, and see what a test of two halves of them could find.

    Parameters
    ----------
    orders
        From :func:`.outcomes.orders_with_margin`.
    messages
        The canonical table, or None.
    experiments
        Whose quantile metrics are sized too.
    as_of
        The last day known.
    horizon_days, before_days, active_days
        Days in which outcomes count, of the covariate, and in which an order makes a customer active.
    splits, seed
        Of the A/A splits.
    """
    start = as_of - dt.timedelta(days=horizon_days - 1)
    drawn = as_if_assigned(orders, on=start, active_days=active_days)
    rows = keep(
        customer_outcomes(drawn, orders, messages, horizon_days=horizon_days, before_days=before_days)
    )
    declared = {m.name: m for e in experiments for m in e.metrics if m.kind == "quantile"}
    metrics = [*(Metric(name=name, **CATALOGUE[name]) for name in USUAL), *declared.values()]
    sums = exact_sums(rows, metrics).get(("everyone",))
    customers = sums.n if sums else 0
    lapse = 1 - float(sums.totals["orders_any"] / sums.n) if sums else None
    fixed = (start, horizon_days, active_days, customers, tuple(metrics))
    if sums is None or customers < 2 * SMALLEST_GROUP:
        nothing = (pd.DataFrame(columns=["metric"]), pd.DataFrame(columns=["metric", "relative"]), ())
        alarms = pd.DataFrame(columns=["metric", "covariate", "rate", "low", "high", "splits"])
        return NextTest(*fixed, *nothing, alarms, lapse)
    spreads = quantile_spreads(rows, metrics, customers=customers)
    still = tuple(unvaried(sums, metrics, spreads=spreads))
    arriving = enrolment(orders, as_of=as_of).to_pyarrow().to_pandas()
    return NextTest(
        *fixed,
        sizes(sums, metrics, arriving=arriving, horizon_days=horizon_days, spreads=spreads),
        smallest_effects(sums, metrics, customers=customers, spreads=spreads),
        still,
        aa_table(rows, [m for m in metrics if m.name not in still], splits=splits, seed=seed),
        lapse,
    )
