"""When does a message meet those who would not come by themselves? Curves, and delays drawn by lot."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, Number, z
from crm_utils.methods.customer_journey.clock import seconds
from crm_utils.methods.customer_journey.funnel import wilson
from crm_utils.methods.customer_journey.lift import arm_variance
from crm_utils.methods.customer_journey.step_times import StepTimes

__all__ = ["ANCHORS", "MOMENT_COLUMNS", "DelayLifts", "anyway", "delay_counts", "delay_lifts", "moments"]

ANCHORS = {
    "viewed": "view",
    "cart_left": "cart",
    "checkout_left": "checkout",
    "payment_failed": "payment_failed",
}
"""Moments that deserve a message: a visit got to this event and to no purchase."""
MOMENT_COLUMNS = [
    "moment", "anchor_event", "p25", "p50", "p75", "suggested_delay", "share_returning_anyway", "low",
    "high", "n",
    "tested", "lift", "lift_low", "lift_high", "scenario",
]  # fmt: skip


@dataclass(frozen=True)
class DelayLifts:
    """What a scenario's message does at each delay that a lot gave it.

    Attributes
    ----------
    table
        ``scenario``, ``anchor_event``, ``hours`` (median delay), ``sent``, ``held_out`` (messages), ``rate``,
        ``rate_held_out``, ``lift``, ``low``, ``high``, ``p``, ``best`` (whether this delay is shown to be the
        best: its own lift is above 0, and above each other delay's, by Holm's procedure), ``a_day``
        (messages of
        all delays, sent or withheld).
    within_days
        Days from the anchor in which an order counts.
    """

    table: pd.DataFrame
    within_days: int

    @property
    def best(self) -> pd.DataFrame:
        """The delays that are shown to be best, a scenario at most once."""
        return self.table[self.table["best"]] if len(self.table) else self.table

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number(f"delay.{row['scenario']}.{row['hours']:.0f}h", row["lift"], "share", row["low"],
            row["high"], row["p"])
            for row in self.table.to_dict("records")
        ]  # fmt: skip


def delay_counts(
    messages: ir.Table, events: ir.Table, orders: ir.Table, *, as_of: dt.date, within_days: int = 7
) -> ir.Table:
    """Count messages that hang on a visit by delay, arm, and whether an order followed.

    Parameters
    ----------
    messages
        Canonical: ``scenario``, ``variant``, ``anchor_id`` (a session), ``held_out``, ``sent_at``.
    events
        Canonical; the anchor is the visit's last cart, else its last view.
    orders
        Canonical; an order counts after the message (sent or withheld) and within so many days of the anchor.
    as_of, within_days
        Messages whose days are not over are left out.

    Returns
    -------
    ibis.expr.types.Table
        ``scenario``, ``variant``, ``held_out``, ``anchor_event``, ``customers``, ``units``, ``orders`` (units
        with an order), ``squares``, ``cross``, ``pairs`` (by customer), ``delay`` (sum, seconds),
        ``first`` and
        ``latest`` (message).
    """
    sent = messages.filter(messages.scenario.notnull(), messages.anchor_id.notnull())
    put = events.filter(events.event.isin(["cart", "view"]), events.session_id.notnull())
    anchors = put.group_by("session_id").aggregate(
        cart=put.occurred_at.max(where=put.event == "cart"), seen=put.occurred_at.max()
    )
    rows = sent.inner_join(anchors, sent.anchor_id == anchors.session_id)
    rows = rows.mutate(
        anchor=ibis.coalesce(rows.cart, rows.seen), anchor_event=rows.cart.notnull().ifelse("cart", "view"),
        variant=rows.variant.fill_null(""),
    )  # fmt: skip
    rows = rows.mutate(until=rows.anchor + ibis.interval(days=within_days))
    end = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    rows = rows.filter(rows.until <= end, rows.sent_at >= rows.anchor)
    rows = rows.select(
        "message_id", "customer_id", "scenario", "variant", "held_out", "anchor_event", "sent_at", "until",
        delay=seconds(rows.sent_at) - seconds(rows.anchor),
    )  # fmt: skip
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    bought = bought.select(_who="customer_id", ordered_at="ordered_at")
    near = rows.inner_join(bought, rows.customer_id == bought._who)
    near = near.filter(near.ordered_at > near.sent_at, near.ordered_at < near.until)
    came = near.select(_id="message_id").distinct()
    each = rows.left_join(came, rows.message_id == came._id)
    each = each.mutate(came=each._id.notnull().cast("int64"))
    per = each.group_by("scenario", "variant", "held_out", "anchor_event", "customer_id").aggregate(
        units=each.count(), orders=each.came.sum(), delay=each.delay.sum(), first=each.sent_at.min(),
        latest=each.sent_at.max(),
    )  # fmt: skip
    return per.group_by("scenario", "variant", "held_out", "anchor_event").aggregate(
        customers=per.count(), units=per.units.sum(), orders=per.orders.sum(),
        squares=(per.orders * per.orders).sum(), cross=(per.orders * per.units).sum(),
        pairs=(per.units * per.units).sum(), delay=per.delay.sum(), first=per["first"].min(),
        latest=per.latest.max(),
    )  # fmt: skip


def delay_lifts(counts: pd.DataFrame, *, within_days: int = 7) -> DelayLifts:
    """Estimate the lift of each delay, and say which one is shown to be best.

    Parameters
    ----------
    counts
        From :func:`delay_counts`.
    within_days
        As for it.

    Notes
    -----
    Within each variant those sent are compared with those held out; errors by customer. *Best* asks for a
    lift above 0 and above that of each other delay, one-sided at 2.5 % by Holm's procedure over these
    comparisons (S. Holm, *Scandinavian Journal of Statistics* 6, 1979): to have the largest lift of three is
    not enough.
    """
    rows = []
    for (scenario, anchor), part in counts.groupby(["scenario", "anchor_event"]):
        of_scenario = []
        days = max((part["latest"].max() - part["first"].min()).total_seconds() / 86_400, 1.0)
        a_day = float(part["units"].sum()) / days
        for variant, arms in part.groupby("variant"):
            both = arms.set_index("held_out")
            if set(both.index) != {True, False} or both["customers"].min() < SMALLEST_GROUP:
                continue
            one, other = (pd.Series(both.loc[arm]) for arm in (False, True))
            rate, rest = one["orders"] / one["units"], other["orders"] / other["units"]
            error = float(np.sqrt(arm_variance(one) + arm_variance(other)))
            lift = float(rate - rest)
            hours = (one["delay"] + other["delay"]) / (one["units"] + other["units"]) / 3_600
            of_scenario.append({
                "scenario": scenario, "anchor_event": anchor, "variant": variant, "hours": float(hours),
                "sent": int(one["units"]), "held_out": int(other["units"]), "rate": float(rate),
                "rate_held_out": float(rest), "lift": lift, "low": lift - z() * error, "high": lift + z() *
                error,
                "p": float(2 * norm.sf(abs(lift) / error)) if error else 1.0, "error": error, "a_day": a_day,
            })  # fmt: skip
        best = _best(of_scenario)
        rows += [row | {"best": k == best} for k, row in enumerate(of_scenario)]
    columns = [
        "scenario", "anchor_event", "variant", "hours", "sent", "held_out", "rate", "rate_held_out",
        "lift", "low",
        "high", "p", "error", "a_day", "best",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return DelayLifts(frame.sort_values(["scenario", "hours"], ignore_index=True), within_days)


def moments(steps: dict[str, StepTimes], delays: DelayLifts | None, *, within_days: int = 7) -> pd.DataFrame:
    """When to write after each moment.

    Parameters
    ----------
    steps
        By moment: the curve of :func:`.step_times.describe_step`.
    delays
        Where delays were drawn: the best one is suggested, and ``tested``.
    within_days
        Who comes back within so many days by themselves needs no message.

    Returns
    -------
    pandas.DataFrame
        :data:`MOMENT_COLUMNS`; quantiles (hours) of those who come back within the days; without a test the
        ``suggested_delay`` is the hour by which three quarters of them are back;
        ``share_returning_anyway`` of
        those not yet back then, within the days, with the ends of its band.
    """
    horizon = 24.0 * within_days
    rows = []
    for moment, step in steps.items():
        near = _until(step, horizon)
        delay = near[0.75]
        row = {
            "moment": moment, "anchor_event": step.start, "p25": near[0.25], "p50": near[0.5], "p75":
            near[0.75],
            "n": step.n, "tested": False, "lift": np.nan, "lift_low": np.nan, "lift_high": np.nan,
            "scenario": "",
        }  # fmt: skip
        best = delays.best if delays is not None else pd.DataFrame(columns=["anchor_event"])
        own = best[best["anchor_event"] == step.start]
        if len(own) and moment in ("cart_left", "viewed"):
            top = own.iloc[0]
            delay = float(top["hours"])
            row |= {"tested": True, "lift": top["lift"], "lift_low": top["low"], "lift_high": top["high"],
                    "scenario": top["scenario"]}  # fmt: skip
        share, low, high = anyway(step, delay, horizon)
        rows.append(
            row | {"suggested_delay": delay, "share_returning_anyway": share, "low": low, "high": high}
        )
    return pd.DataFrame(rows, columns=MOMENT_COLUMNS)


def anyway(step: StepTimes, hours: float, horizon: float) -> tuple[float, float, float]:
    """Of those not back after so many hours, the share back by the horizon, with an approximate interval.

    Notes
    -----
    A message after ``hours`` meets so many who would have come anyway. The interval is Wilson's, with those
    still away as the number of customers.
    """
    if np.isnan(hours):
        return float("nan"), float("nan"), float("nan")
    still, end = 1 - step.by(hours)[0], 1 - step.by(horizon)[0]
    share = (still - end) / still if still > 0 else 0.0
    return (share, *wilson(share, step.n * still))


def _until(step: StepTimes, horizon: float) -> dict[float, float]:
    """Quantiles of the hours of those who are back by the horizon."""
    table = step.curve.table[step.curve.table["days"] <= horizon]
    taken = 1 - table["survival"].to_numpy(float)
    if not len(taken) or taken[-1] <= 0:
        return dict.fromkeys((0.25, 0.5, 0.75), float("nan"))
    hours = table["days"].to_numpy(float)
    return {q: float(hours[np.flatnonzero(taken >= q * taken[-1] - 1e-12)[0]]) for q in (0.25, 0.5, 0.75)}


def _best(rows: list[dict[str, float]]) -> int | None:
    """Which delay is shown to be best, if any."""
    if not rows:
        return None
    top = max(range(len(rows)), key=lambda k: rows[k]["lift"])
    one = rows[top]
    scores = [one["lift"] / one["error"] if one["error"] else 0.0]
    scores += [
        (one["lift"] - other["lift"]) / float(np.hypot(one["error"], other["error"]))
        for k, other in enumerate(rows) if k != top and np.hypot(one["error"], other["error"]) > 0
    ]  # fmt: skip
    p = sorted((float(norm.sf(score)) for score in scores), reverse=True)
    return top if all(value <= 0.025 / (k + 1) for k, value in enumerate(p)) else None
