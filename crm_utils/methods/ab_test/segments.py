"""For whom, and when? Effects within declared segments, week by week, and among those who could notice.

Segments are declared before; their p-values are corrected for their number (Holm), and a test of whether they
differ at all stands beside them (Cochran's Q). A segment known only after the assignment is no segment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from scipy.stats import chi2

from crm_utils.errors import StudyError, known_names
from crm_utils.experiments import Experiment, Metric, Trigger
from crm_utils.features import is_purchase
from crm_utils.methods.ab_test.effects import adjust, compare
from crm_utils.methods.ab_test.moments import Sums, exact_product, exact_sums

__all__ = ["effects_by_segment", "effects_by_week", "triggered", "weekly_amounts", "with_segment"]

SMALLEST = 50
"""Customers that each arm needs in a segment."""


def with_segment(rows: ir.Table, customers: ir.Table | None, *, segment: str) -> ir.Table:
    """Add a column ``segment`` to rows a customer.

    Parameters
    ----------
    rows
        From :func:`.outcomes.customer_outcomes`.
    customers
        The canonical table, for its attributes.
    segment
        A column of ``customers``, or ``before``: orders before the assignment (none, one, several).

    Raises
    ------
    StudyError
        There is no such column. What another notebook saved does not serve: it describes the day of the
        run, after the experiment, and the treatment may have moved customers between its groups.
    """
    if segment == "before":
        group = ibis.cases(
            (rows.orders_before == 0, "none"),
            (rows.orders_before == 1, "one"),
            else_="several",
        )
        return rows.mutate(segment=group)
    if customers is None or segment not in customers.columns:
        there = [] if customers is None else [c for c in customers.columns if c != "customer_id"]
        known = known_names(segment, ["before", *there], label="It may be")
        raise StudyError(f"No segment '{segment}': it has to be known before the assignment. {known}")
    own = customers.select(_customer=customers.customer_id, segment=customers[segment].cast("string"))
    joined = rows.left_join(own, rows.customer_id == own._customer).drop("_customer")
    return joined.mutate(segment=joined.segment.fill_null(""))


def effects_by_segment(rows: ir.Table, metric: Metric, experiment: Experiment) -> pd.DataFrame:
    """Compare the arms within each segment.

    Parameters
    ----------
    rows
        With ``segment``, from :func:`with_segment`.
    metric
        A conversion, mean or ratio.
    experiment
        Names control, treatments and alpha.

    Returns
    -------
    pandas.DataFrame
        ``arm``, ``segment``, ``n_control``, ``n_arm``, ``effect``, ``low``, ``high``, ``p``, ``p_adjusted``
        (Holm over all rows), ``p_differ`` (Cochran's Q: do this arm's segments differ at all?). Small
        segments are left out.
    """
    by = ("arm", "segment")
    sums = exact_sums(rows, [metric], by=by)
    effects = []
    for arm in experiment.treatments:
        for segment in sorted({key[1] for key in sums}):
            one, other = sums.get((experiment.control, segment)), sums.get((arm, segment))
            if one is None or other is None or min(one.n, other.n) < SMALLEST:
                continue
            effect = _compared(one, other, metric, experiment.alpha)
            effects.append({"arm": arm, "segment": segment, "n_control": one.n, "n_arm": other.n} | effect)
    columns = ["arm", "segment", "n_control", "n_arm", "effect", "low", "high", "error", "p"]
    frame = pd.DataFrame(effects, columns=columns)
    frame = frame[frame["p"].notna()].reset_index(drop=True)
    frame["p_adjusted"] = adjust(frame["p"].tolist(), how="holm")
    frame["p_differ"] = frame["arm"].map({arm: _differ(part) for arm, part in frame.groupby("arm")})
    return frame


def triggered(customers: ir.Table, touches: ir.Table, trigger: Trigger, *, horizon_days: int) -> ir.Table:
    """Keep the customers who could have noticed the treatment, whatever their arm.

    Parameters
    ----------
    customers
        A row a customer, in one arm each.
    touches
        The canonical table ``events``, or ``messages`` for a campaign (those held out count as well).
    trigger
        An event, or a campaign.
    horizon_days
        Days from the assignment in which it counts.

    Notes
    -----
    The effect on them, times their share, is the effect on all with less noise, if the treatment did not
    change who is triggered: their sample ratio is tested too.
    """
    if trigger.event is not None:
        seen = touches.filter(touches.event == trigger.event).select("customer_id", at="occurred_at")
    else:
        seen = touches.filter(touches.campaign_id == trigger.campaign).select("customer_id", at="sent_at")
    own = customers.select("assigned_at", _customer=customers.customer_id)
    met = seen.inner_join(own, seen.customer_id == own._customer)
    met = met.filter(
        met["at"] >= met.assigned_at, met["at"] < met.assigned_at + ibis.interval(days=horizon_days)
    )
    return customers.semi_join(met.select("customer_id").distinct(), "customer_id")


def weekly_amounts(
    rows: ir.Table, orders: ir.Table, *, horizon_days: int, column: str = "amount"
) -> ir.Table:
    """Sum an outcome by week since the assignment.

    Parameters
    ----------
    rows
        A row a customer, in one arm each, horizon complete.
    orders
        A row an order: ``customer_id``, ``ordered_at`` and ``amount``.
    horizon_days
        Whole weeks of it are used.
    column
        ``amount``, or ``orders`` for purchases.

    Returns
    -------
    ibis.expr.types.Table
        ``arm``, ``week`` (from 1), ``total``, ``squares``: sums over customers, exact; who bought nothing
        adds 0.
    """
    own = rows.select("arm", "assigned_at", _customer=rows.customer_id)
    near = orders.inner_join(own, orders.customer_id == own._customer)
    until = near.assigned_at + ibis.interval(days=horizon_days // 7 * 7)
    near = near.filter(near.ordered_at >= near.assigned_at, near.ordered_at < until)
    # Whole days since the day of assignment; hours would differ between engines.
    passed = near.ordered_at.cast("date").delta(near.assigned_at.cast("date"), unit="day").cast("int64")
    value = near.amount if column == "amount" else is_purchase(near).cast("int64").cast("decimal(18, 2)")
    near = near.select("arm", "customer_id", week=ibis.least(passed // 7 + 1, horizon_days // 7), value=value)
    each = near.group_by("arm", "week", "customer_id").aggregate(
        value=near.value.sum().cast("decimal(18, 2)")
    )
    return each.group_by("arm", "week").aggregate(
        total=each.value.sum().cast("decimal(38, 2)"),
        squares=exact_product(each.value, each.value).sum().cast("decimal(38, 4)"),
    )


def effects_by_week(weekly: ir.Table, sizes: Mapping[str, int], experiment: Experiment) -> pd.DataFrame:
    """Compare the arms week by week since the assignment, to see whether an effect lasts.

    Parameters
    ----------
    weekly
        From :func:`weekly_amounts`.
    sizes
        Customers of each arm.
    experiment
        Names control, treatments and alpha.

    Returns
    -------
    pandas.DataFrame
        ``arm``, ``week``, ``effect``, ``low``, ``high`` a customer and week. Intervals are of single weeks.
    """
    by_week = {(r["arm"], r["week"]): r for r in weekly.to_pyarrow().to_pylist()}
    metric, rows = Metric(name="week", kind="mean", of="amount"), []
    for arm in experiment.treatments:
        for week in range(1, experiment.horizon_days // 7 + 1):
            one, other = (_week(by_week.get((a, week)), sizes.get(a, 0)) for a in (experiment.control, arm))
            if min(one.n, other.n) > 1:
                rows.append({"arm": arm, "week": week} | _compared(one, other, metric, experiment.alpha))
    return pd.DataFrame(rows, columns=["arm", "week", "effect", "low", "high", "error", "p"])


def _compared(one: Sums, other: Sums, metric: Metric, alpha: float) -> dict[str, Any]:
    try:
        comparison = vars(compare(one, other, metric, alpha=alpha))
    except ValueError:  # a ratio whose denominator is 0 here
        comparison = dict.fromkeys(["effect", "low", "high", "error", "p"])
    return {name: comparison[name] for name in ("effect", "low", "high", "error", "p")}


def _week(row: Mapping[str, Any] | None, n: int) -> Sums:
    total, squares = (Fraction(row["total"]), Fraction(row["squares"])) if row else (Fraction(), Fraction())
    return Sums(n, {"amount": total}, {("amount", "amount"): squares})


def _differ(part: pd.DataFrame) -> float | None:
    if len(part) < 2:
        return None
    weight = 1 / part["error"] ** 2
    mean = (weight * part["effect"]).sum() / weight.sum()
    statistic = float((weight * (part["effect"] - mean) ** 2).sum())
    return float(chi2.sf(statistic, len(part) - 1)) if math.isfinite(statistic) else None
