"""The page's questions, each in one call: where tables are missing the answer is None or empty."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, Number
from crm_utils.methods.customer_journey.beside import (
    COLUMNS,
    Calibration,
    all_credits,
    beside,
    calibrate,
    campaign_names,
    clicks_by_days,
)
from crm_utils.methods.customer_journey.funnel import STEPS, Funnel, funnel
from crm_utils.methods.customer_journey.leaks import LEAK_COLUMNS, Leaks, leak_counts, leaks, order_amount
from crm_utils.methods.customer_journey.lift import held_out_lift
from crm_utils.methods.customer_journey.moments import (
    ANCHORS,
    DelayLifts,
    delay_counts,
    delay_lifts,
)
from crm_utils.methods.customer_journey.paths import PLACEBO, placebo_messages, touch_paths, touches
from crm_utils.methods.customer_journey.sources import SOURCE_COLUMNS, source_visits, switched_sources
from crm_utils.methods.customer_journey.step_times import StepTimes, describe_step, step_times
from crm_utils.methods.customer_journey.variants import Variants, moves, rework, variants
from crm_utils.methods.customer_journey.visits import Sessions, describe_sessions, sessions, without_robots

__all__ = [
    "CreditStudy", "Ways", "credit_rows", "credit_study", "delays_of", "funnel_rows", "funnels_of",
    "leak_rows", "leaks_of", "some_messages", "sources_of", "steps_of", "visits_of", "ways_of",
]  # fmt: skip

ROBUST = ("linear", "shapley", "markov", "markov_2")
"""Rules that are looked at with half the look-back."""


@dataclass(frozen=True)
class CreditStudy:
    """Credit beside the lift.

    Attributes
    ----------
    table
        As :func:`.beside.beside` gives it, of the real touches.
    placebo
        The same of the made-up campaign, from paths that hold it.
    converting, nothing
        Paths that end with an order, and null paths.
    untouched
        Share of the orders of known customers before which nothing was recorded.
    calibration
        How wrong credits are before and after the other campaigns' factor.
    robust
        ``touch``, and its share of all credit by rule and look-back (``linear.28``, …).
    since, lookback_days
        First day of orders; days before an order in which a touch counts.
    """

    table: pd.DataFrame
    placebo: pd.DataFrame
    converting: int
    nothing: int
    untouched: float
    calibration: Calibration
    robust: pd.DataFrame
    since: dt.date
    lookback_days: int

    @property
    def verified(self) -> pd.DataFrame:
        """The rows that have a held-out lift."""
        return self.table[self.table["verified"]]

    def numbers(self) -> list[Number]:
        """What is recorded."""
        rows = [
            Number("paths.orders", self.converting, "paths"), Number("paths.nothing", self.nothing, "paths"),
            Number("orders.untouched", self.untouched, "share"),
        ]  # fmt: skip
        rows += [
            Number(f"placebo.{row['rule']}", row["credit"], "orders", row["low"], row["high"])
            for row in self.placebo.to_dict("records")
        ]
        if len(self.placebo):
            top = self.placebo.iloc[0]
            rows.append(Number("placebo.lift", top["lift"], "orders", top["lift_low"], top["lift_high"]))
        return [*rows, *self.calibration.numbers()]


@dataclass(frozen=True)
class Ways:
    """The ways of visits, their moves, and what is done twice; each empty where it is not recorded."""

    variants: Variants | None
    moves: pd.DataFrame
    rework: pd.DataFrame


def visits_of(events: ir.Table | None, *, gap_minutes: int) -> tuple[ir.Table | None, Sessions | None]:
    """Visits without robots, and how they were made; None where no event is of a visit."""
    if events is None:
        return None, None
    rows = sessions(events, gap_minutes=gap_minutes).cache()
    if not int(rows.count().to_pyarrow().as_py()):
        return None, None
    return without_robots(rows).cache(), describe_sessions(events, rows, gap_minutes=gap_minutes)


def funnels_of(
    visits: ir.Table | None, *, as_of: dt.date, days: int, within_days: int, gap_minutes: int
) -> list[Funnel]:
    """The funnel by customer and by visit, of entries in the last so many days."""
    if visits is None:
        return []
    since = as_of - dt.timedelta(days=days - 1)
    both = [
        funnel(visits, STEPS, by="customer", within_days=within_days, as_of=as_of, since=since),
        funnel(visits, STEPS, by="session", as_of=as_of, since=since, gap_minutes=gap_minutes),
    ]
    return [one for one in both if one.customers >= SMALLEST_GROUP]


def steps_of(
    visits: ir.Table | None, orders: ir.Table, messages: ir.Table | None, *, as_of: dt.date
) -> dict[str, StepTimes]:
    """How long it takes from each of the moments to an order."""
    if visits is None:
        return {}
    steps = {}
    for moment, anchor in ANCHORS.items():
        counts = step_times(visits, anchor, as_of=as_of, orders=orders, messages=messages)
        frame = counts.order_by("group", "days", "event").to_pandas()
        step = describe_step(frame, anchor, "purchase", horizon_days=28)
        if step is not None and step.events >= SMALLEST_GROUP:
            steps[moment] = step
    return steps


def delays_of(
    messages: ir.Table | None, events: ir.Table | None, orders: ir.Table, *, as_of: dt.date, within_days: int
) -> DelayLifts | None:
    """What messages do at each delay that a lot gave them; None where no message hangs on a visit."""
    if messages is None or events is None or not {"variant", "anchor_id"} <= set(messages.columns):
        return None
    counts = delay_counts(messages, events, orders, as_of=as_of, within_days=within_days)
    lifts = delay_lifts(counts.to_pandas(), within_days=within_days)
    return lifts if len(lifts.table) else None


def ways_of(
    visits: ir.Table | None, order_status: ir.Table | None, events: ir.Table | None, orders: ir.Table, *,
    late_days: int,
) -> Ways:  # fmt: skip
    """The ways that visits take, and what is done twice."""
    again = pd.DataFrame(columns=["what", "delivery", "parcels", "share", "low", "high"])
    if order_status is not None:
        again = rework(order_status, events, orders, late_days=late_days)
    if visits is None:
        return Ways(None, pd.DataFrame(columns=["source", "target", "visits"]), again)
    counted = moves(visits).order_by("source", "target").to_pandas()
    return Ways(variants(visits), counted, again)


def sources_of(
    visits: ir.Table | None, costs: ir.Table | None, *, silent: list[dt.date], as_of: dt.date
) -> pd.DataFrame:
    """What paid sources brought that were switched on and off; empty where none was."""
    if visits is None or costs is None:
        return pd.DataFrame(columns=SOURCE_COLUMNS)
    over = costs.filter(costs.ends_on <= ibis.date(str(as_of)))
    counts = source_visits(visits, over).order_by("starts_on", "touch").to_pandas()
    return switched_sources(counts, over.to_pandas(), silent=silent)


def credit_study(
    visits: ir.Table | None, messages: ir.Table | None, orders: ir.Table, *, as_of: dt.date,
    lookback_days: int, days: int,
) -> CreditStudy | None:  # fmt: skip
    """Share orders between touches by every rule, beside what the lot shows.

    Parameters
    ----------
    visits, messages
        From :func:`visits_of`; from :func:`crm_utils.features.all_messages`. None where there are none.
    orders
        Canonical.
    as_of, lookback_days, days
        The last day known; days before an order in which a touch counts, and after a message in which its
        lift is measured; days of orders.

    Returns
    -------
    CreditStudy or None
        None where nothing touched anybody, or no touch came before an order.
    """
    since = as_of - dt.timedelta(days=days - 1)
    span = {"as_of": as_of, "since": since}
    if messages is not None:
        messages = messages.filter(messages.sent_at.cast("date") >= ibis.date(str(since))).cache()
        messages = messages if int(messages.count().to_pyarrow().as_py()) else None
    if visits is None and messages is None:
        return None
    touched = touches(visits, messages).cache()
    paths = _counted(touch_paths(touched, orders, lookback_days=lookback_days, **span))
    won = int(paths.loc[paths["converted"] == 1, "paths"].sum())
    if not won:
        return None
    made_up = placebo_messages(orders, visits, as_of=as_of, horizon_days=lookback_days).cache()
    clicks = clicks_by_days(messages, orders, **span) if messages is not None else {}
    unnamed = pd.DataFrame(columns=["touch", "channel"]).astype("str")
    names = unnamed if messages is None else campaign_names(messages)
    lift = held_out_lift(messages, orders, horizon_days=lookback_days, as_of=as_of)
    table = beside(all_credits(paths, clicks), lift, names)
    half = touch_paths(touched, orders, lookback_days=max(1, lookback_days // 4), **span)
    return CreditStudy(
        table, _placebo(touched, made_up, orders, span, lookback_days), won,
        int(paths.loc[paths["converted"] == 0, "paths"].sum()), 1 - won / max(_bought(orders, **span), 1),
        calibrate(table), _robust({lookback_days: paths, max(1, lookback_days // 4): _counted(half)}), since,
        lookback_days,
    )  # fmt: skip


def leaks_of(
    visits: ir.Table | None, orders: ir.Table, *, as_of: dt.date, days: int, margin_share: float,
    silent: list[dt.date],
) -> Leaks | None:  # fmt: skip
    """Where visits end that need not; None without visits."""
    if visits is None:
        return None
    since = as_of - dt.timedelta(days=days - 1)
    counts = leak_counts(visits, STEPS, since=since, as_of=as_of)
    frame = counts.order_by("segment", "week", "half").to_pandas()
    margin = order_amount(orders, since=since, as_of=as_of) * margin_share
    return leaks(frame, STEPS, as_of=as_of, margin=margin, silent=silent)


def _counted(paths: ir.Table) -> pd.DataFrame:
    frame: pd.DataFrame = paths.order_by("path", "converted", "group").to_pandas()
    return frame


def _placebo(
    touched: ir.Table, made_up: ir.Table, orders: ir.Table, span: dict[str, dt.date], lookback_days: int
) -> pd.DataFrame:
    """The made-up campaign's credits and lift, in paths that hold it."""
    kind = {"at": "timestamp(6)"}  # an engine that kept a table may have forgotten
    with_it = touched.cast(kind).union(touches(None, made_up).select(*touched.columns).cast(kind))
    paths = _counted(touch_paths(with_it, orders, lookback_days=lookback_days, **span))
    clicks = clicks_by_days(made_up, orders, **span)
    lift = held_out_lift(made_up, orders, horizon_days=lookback_days, as_of=span["as_of"])
    if not len(lift):
        return beside(all_credits(paths.head(0), {}), lift, pd.DataFrame({"touch": [], "channel": []})).head(
            0
        )
    table = beside(all_credits(paths, clicks), lift, pd.DataFrame({"touch": [PLACEBO], "channel": [""]}))
    return table[table["campaign_id"] == PLACEBO].reset_index(drop=True)


def _bought(orders: ir.Table, *, as_of: dt.date, since: dt.date) -> int:
    """Purchases of known customers."""
    day = orders.ordered_at.cast("date")
    rows = orders.filter(
        is_purchase(orders),
        orders.customer_id.notnull(),
        day >= ibis.date(str(since)),
        day <= ibis.date(str(as_of)),
    )
    return int(rows.count().to_pyarrow().as_py())


def _robust(paths: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """Each touch's share of all credit, by rule and look-back."""
    parts = {}
    for days, rows in paths.items():
        one = rows.assign(group="all")
        for rule in ROBUST if days == max(paths) else ROBUST[:3]:
            credit = all_credits(one, {}, rules=(rule,)).set_index("touch")["credit"]
            parts[f"{rule}.{days}"] = credit / credit.sum() if len(credit) else credit
    frame = pd.DataFrame(parts).fillna(0.0)
    first = next(iter(parts))
    return frame.sort_values(first, ascending=False).rename_axis("touch").reset_index()


def funnel_rows(funnels: list[Funnel]) -> pd.DataFrame:
    """The funnels' tables, one under the other: what is saved."""
    columns = ["by", "step", "reached", "of_entrants", "low", "high", "of_previous"]
    tables = [one.table for one in funnels]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def some_messages(messages: ir.Table) -> ir.Table | None:
    """The messages, or None where there is none."""
    kept = messages.cache()
    return kept if int(kept.count().to_pyarrow().as_py()) else None


def leak_rows(result: Leaks | None) -> pd.DataFrame:
    """All leaks, as they are saved."""
    return result.table if result is not None else pd.DataFrame(columns=LEAK_COLUMNS)


def credit_rows(study: CreditStudy | None) -> pd.DataFrame:
    """All credits, the made-up campaign's first, as they are saved."""
    if study is None:
        return pd.DataFrame(columns=COLUMNS)
    parts = [part for part in (study.placebo, study.table) if len(part)]
    return pd.concat(parts, ignore_index=True)
