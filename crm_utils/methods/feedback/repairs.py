"""What would a repair be worth? Customers hit × difference in lapse × margin of one who comes back."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import Number, is_purchase
from crm_utils.features.deliveries import cells, order_outcomes
from crm_utils.features.low_scores import low_scores
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.features.strata import Adjusted, adjusted_difference
from crm_utils.methods.feedback.themes import Themes

__all__ = [
    "MOST_REPAIRS",
    "Kept",
    "Repairs",
    "closed_loop",
    "kept_value",
    "late_parcels",
    "outcomes_of_texts",
    "recent_orders",
    "repairs",
]

MOST_REPAIRS = 3
_MOST_WORDS = 5


@dataclass(frozen=True)
class Kept:
    """What one who came back spent within the horizon: mean, its standard error, of how many customers."""

    mean: float
    error: float
    customers: int


@dataclass(frozen=True)
class Repairs:
    """Repairs by value at risk.

    Attributes
    ----------
    table
        ``repair`` (``late`` or ``word``), ``word``, ``customers`` hit in the last horizon, ``difference``
        in lapse with ``low`` and ``high``, ``p``, ``overlap``, ``value``, ``value_low``, ``value_high``;
        largest value first.
    kept
        What one who comes back spends.
    margin_share
        As assumed.
    horizon_days
        Of lapse, money and customers hit alike.
    """

    table: pd.DataFrame
    kept: Kept
    margin_share: float
    horizon_days: int

    @property
    def sure(self) -> pd.DataFrame:
        """Those whose whole interval is above 0."""
        return self.table[self.table["value_low"] > 0] if len(self.table) else self.table

    def numbers(self, currency: str) -> list[Number]:
        """What is recorded."""
        late = self.table[self.table["repair"] == "late"] if len(self.table) else self.table
        named = [
            Number("repair.late.value", row["value"], currency, row["value_low"], row["value_high"], row["p"])
            for row in late.to_dict("records")
        ]
        return [*named, Number("repairs.sure", len(self.sure), "repairs")]


def kept_value(orders: ir.Table, *, as_of: dt.date, horizon_days: int) -> Kept:
    """What a customer who buys in a window spends in it, by the last window known: returns taken off."""
    first = as_of - dt.timedelta(days=horizon_days - 1)
    day = orders.ordered_at.cast("date")
    recent = orders.filter(orders.customer_id.notnull(), day >= first, day <= as_of)
    each = recent.group_by("customer_id").aggregate(
        money=recent.amount.sum().cast("decimal(38, 2)"), bought=is_purchase(recent).cast("int64").sum()
    )
    each = each.filter(each.bought > 0)
    sums = each.aggregate(
        n=each.count(), total=each.money.sum(), squares=(each.money.cast("float64") ** 2).sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n = int(sums["n"])
    if n < SMALLEST_GROUP:
        return Kept(math.nan, math.nan, n)
    mean = float(sums["total"]) / n
    variance = max(float(sums["squares"]) / n - mean**2, 0.0)
    return Kept(mean, math.sqrt(variance / n), n)


def recent_orders(orders: ir.Table, delivery: ir.Table, *, as_of: dt.date, horizon_days: int) -> int:
    """Customers with a late parcel ordered in the last window."""
    first = as_of - dt.timedelta(days=horizon_days - 1)
    late = delivery.filter(delivery.delivery == "late")
    hit = orders.semi_join(late, "order_id")
    day = hit.ordered_at.cast("date")
    hit = hit.filter(hit.customer_id.notnull(), day >= first, day <= as_of, is_purchase(hit))
    return int(hit.customer_id.nunique().to_pyarrow().as_py() or 0)


def repairs(
    late: tuple[pd.DataFrame | None, int],
    wrote: pd.DataFrame,
    themes: Themes,
    *,
    kept: Kept,
    as_of: dt.date,
    margin_share: float,
    horizon_days: int,
) -> Repairs:
    """Price what could be repaired: late parcels, and what the words of low scores complain of.

    Parameters
    ----------
    late
        As :func:`late_parcels` gives it.
    wrote
        As :func:`outcomes_of_texts` gives it.
    themes
        The words of low scores.
    kept, margin_share, horizon_days, as_of
        What one who comes back spends, the share of it that is left, over which days, and the last day known.

    Returns
    -------
    Repairs
        Those with a counterpart for half of the customers hit; words are compared among those who wrote,
        within late and on-time deliveries, so that a word is not paid for what the late parcel did.

    Notes
    -----
    Value = customers × difference × margin; its interval holds the two estimates' errors (product of
    independent ones: v₁m₂² + v₂m₁² + v₁v₂), not the assumption that the difference is caused.
    """
    rows: list[dict[str, Any]] = []
    counts, hit = late
    if counts is not None and len(counts):
        result = adjusted_difference(counts, counts["delivery"] == "late", ["channel", "frequency"])
        rows.append({"repair": "late", "word": "", "customers": hit, "found": result})
    shown = themes.shown(most=_MOST_WORDS)
    words = shown[shown["z"] > 0]["word"]
    start = as_of - dt.timedelta(days=horizon_days)
    judged = wrote[wrote["lapsed"].notna()].assign(customers=1)
    for word in words:
        using = set(themes.used.loc[themes.used["word"] == word, "feedback_id"])
        lately = wrote[
            wrote["feedback_id"].isin(using) & (pd.to_datetime(wrote["day"]) > pd.Timestamp(start))
        ]
        result = adjusted_difference(judged, judged["feedback_id"].isin(using), ["delivery", "frequency"])
        rows.append(
            {"repair": "word", "word": word, "customers": lately["person"].nunique(), "found": result}
        )
    priced = [_priced(row, kept, margin_share) for row in rows if row["found"].known]
    priced = [row for row in priced if int(row["customers"]) >= SMALLEST_GROUP]
    columns = [
        "repair", "word", "customers", "difference", "low", "high", "p", "overlap", "value", "value_low",
        "value_high",
    ]  # fmt: skip
    table = pd.DataFrame(priced, columns=columns).sort_values(["value", "word"], ascending=[False, True])
    return Repairs(table.reset_index(drop=True), kept, margin_share, horizon_days)


def late_parcels(
    orders: ir.Table, delivery: ir.Table | None, *, as_of: dt.date, horizon_days: int
) -> tuple[pd.DataFrame | None, int]:
    """Cells of delivered purchases, and customers lately hit by a late one; None where that is not known."""
    if delivery is None:
        return None, 0
    judged = order_outcomes(orders, delivery, as_of=as_of, horizon_days=horizon_days)
    counts = cells(judged, ["delivery", "channel", "frequency"]).to_pandas()
    return counts, recent_orders(orders, delivery, as_of=as_of, horizon_days=horizon_days)


def outcomes_of_texts(sample: pd.DataFrame, outcomes: ir.Table) -> pd.DataFrame:
    """Put what came after beside each text of the sample.

    Parameters
    ----------
    sample
        As ``text_sample`` gives it.
    outcomes
        As ``answer_outcomes`` gives them: one answer a customer.

    Returns
    -------
    pandas.DataFrame
        ``feedback_id``, ``person``, ``day``, ``delivery``, ``frequency``, ``lapsed``; the last three are
        missing where the answer is too young, anonymous, or not the one that counts for its customer.
    """
    ids = ibis.memtable(sample[["feedback_id"]], schema={"feedback_id": "string"})
    drawn = outcomes.semi_join(ids, "feedback_id").select("feedback_id", "delivery", "frequency", "lapsed")
    judged: pd.DataFrame = drawn.to_pandas()
    judged = judged.sort_values(["feedback_id", "delivery", "frequency", "lapsed"])
    return sample[["feedback_id", "person", "day"]].merge(judged, on="feedback_id", how="left")


def closed_loop(
    feedback: ir.Table, *, as_of: dt.date, days: int, reply_days: int, delivery: ir.Table | None = None
) -> ir.Table:
    """Who gave a low score lately and should hear from somebody: a row a customer, the lowest score first.

    Parameters
    ----------
    feedback
        The canonical table; anonymous answers cannot be answered.
    as_of, days
        The last day known; how far back an answer is worth a call.
    reply_days
        Days from ``as_of`` until it should have been made.
    delivery
        As ``delivery_of_orders`` gives it, for the reason.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``question``, ``score`` (the lowest of the latest day), ``answered_on``, ``reason``
        (``late_delivery`` or ``low_score``), ``due_by``, ``owner`` (empty: who calls is yours to say).
    """
    first = as_of - dt.timedelta(days=days - 1)
    low = low_scores(feedback)
    low = low.mutate(answered_on=low.submitted_at.cast("date"))
    low = low.filter(low.answered_on >= first, low.answered_on <= as_of)
    latest = ibis.window(
        group_by="customer_id", order_by=[low.answered_on.desc(), low.score.asc(), low.feedback_id.asc()]
    )
    ranked = low.mutate(place=ibis.row_number().over(latest))
    one = ranked.filter(ranked.place == 0).select(
        "customer_id", "score", "answered_on", "order_id", question="kind"
    )
    if delivery is not None:
        parcels = delivery.select(parcel="order_id", delivery="delivery")
        one = one.left_join(parcels, one.order_id == parcels.parcel)
        late = (one.delivery == "late").fill_null(False)
        one = one.mutate(reason=late.ifelse("late_delivery", "low_score"))
    else:
        one = one.mutate(reason=ibis.literal("low_score"))
    due = as_of + dt.timedelta(days=reply_days)
    return one.mutate(due_by=ibis.date(str(due)), owner=ibis.literal("")).select(
        "customer_id", "question", "score", "answered_on", "reason", "due_by", "owner"
    )


def _priced(row: dict[str, Any], kept: Kept, margin_share: float) -> dict[str, Any]:
    result: Adjusted = row["found"]
    customers = int(row["customers"])
    each, each_error = kept.mean * margin_share, kept.error * margin_share
    error = (result.high - result.low) / 2 / z()
    value = customers * result.value * each
    spread = customers * math.sqrt(
        error**2 * each**2 + each_error**2 * result.value**2 + error**2 * each_error**2
    )
    return {
        "repair": row["repair"], "word": row["word"], "customers": customers, "difference": result.value,
        "low": result.low, "high": result.high, "p": result.p, "overlap": result.overlap, "value": value,
        "value_low": value - z() * spread, "value_high": value + z() * spread,
    }  # fmt: skip
