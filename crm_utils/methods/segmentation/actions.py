"""What could a test of an action find in each segment? The smallest effect, given the segment's size.

Nobody learns from an action without customers held out of it. What to do, in words, stands in
:mod:`crm_utils.sentences.segmentation`.
"""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import held_out, period_of
from crm_utils.features.statistics import SMALLEST_GROUP, smallest_effect

__all__ = ["champions", "second_purchase", "smallest_effects"]


def smallest_effects(tested: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """Put beside each segment of today the smallest effect that a test of an action would find.

    Parameters
    ----------
    tested
        The table of :func:`.validation.forward_validation`: ``group``, ``rate``, ``low``, ``high``,
        ``spend_sd``, ``verdict``.
    sizes
        Today's ``group`` and ``customers``.

    Returns
    -------
    pandas.DataFrame
        A row a segment of five customers or more: ``group``, ``customers``, ``verdict``, ``rate_change``
        (share), ``spend_change`` (money a customer).

    Notes
    -----
    Half of the segment gets the action, half does not, at random; :func:`.statistics.smallest_effect` with
    s² = p(1 − p) for the rate. Where nobody bought, or everybody, p is the end of its interval that lies
    nearer to one half: a rate of exactly 0 or 1 would vary by nothing. Spend that does not vary sizes no
    test.
    """
    plan = sizes[sizes["customers"] >= SMALLEST_GROUP][["group", "customers"]].merge(
        tested[["group", "rate", "low", "high", "spend_sd", "verdict"]], how="left", on="group"
    )
    p = plan["rate"].mask(plan["rate"] == 0, plan["high"]).mask(plan["rate"] == 1, plan["low"])
    arm = plan["customers"] / 2
    variances = {
        "rate_change": p * (1 - p),
        "spend_change": (plan["spend_sd"] ** 2).where(plan["spend_sd"] > 0),
    }
    changes = {
        name: pd.Series([smallest_effect(n, v) for n, v in zip(arm, variance, strict=True)], index=plan.index)
        for name, variance in variances.items()
    }
    verdict = plan["verdict"].fillna("too few").astype(str)
    return plan[["group", "customers"]].assign(verdict=verdict, **changes)


def champions(named: ir.Table) -> ir.Table:
    """List the Champions.

    Parameters
    ----------
    named
        From :func:`.naming.name_customers`.

    Returns
    -------
    ibis Table
        ``customer_id``, ``recency_days``, ``orders``, ``revenue``.
    """
    best = named.filter(named.segment == "Champions")
    return best.select("customer_id", "recency_days", "orders", "revenue")


def second_purchase(named: ir.Table, *, study: str, as_of: dt.date, share: float) -> pd.DataFrame:
    """List new customers with a single purchase day, and draw who is left out of the invitation.

    Parameters
    ----------
    named
        From :func:`.naming.name_customers`.
    study, as_of, share
        For :func:`crm_utils.features.held_out`: the period is the quarter of ``as_of``.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``first_ordered_on``, ``days_since`` (from the first purchase to the day looked back
        from), ``revenue``, ``held_out``: customers in the stage ``new`` with purchases on one day, the latest
        first. At most a quarter of a year of newcomers, so a DataFrame.
    """
    new = named.filter((named.stage == "new") & (named.order_days == 1))
    chosen = new.select("customer_id", "first_ordered_on", days_since=new.tenure_days, revenue=new.revenue)
    frame: pd.DataFrame = chosen.order_by("days_since", "customer_id").to_pyarrow().to_pandas()
    out = held_out(
        frame["customer_id"].to_numpy(dtype=object), study=study, period=period_of(as_of),
        scenario="second_purchase", share=share,
    )  # fmt: skip
    return frame.assign(held_out=out)
