"""The points from end to end: counted, learnt from, priced, and checked on earlier quarters."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crm_utils import engine
from crm_utils.features import Cannot, Number
from crm_utils.features.statistics import SMALLEST_GROUP
from crm_utils.methods.loyalty.holders import (
    ALL,
    flow_customers,
    hidden_strata,
    merged_quarters,
    open_customers,
    shown_totals,
)
from crm_utils.methods.loyalty.ledger import Ledger, read_ledger
from crm_utils.methods.loyalty.liability import Backtest, Liability, backtest, issue_rate, liability
from crm_utils.methods.loyalty.lots import fates
from crm_utils.methods.loyalty.prices import Earning, earning
from crm_utils.methods.loyalty.redemption import QUARTER, redemption
from crm_utils.methods.loyalty.standing import (
    issue_counts,
    open_counts,
    points_flow,
    redemption_counts,
    standing,
)

__all__ = ["Owed", "count_points", "points_fates"]

_STEP = 4  # weeks between days looked back from
_LEAST_WEEKS = 26  # of a ledger
_LONGEST = 260  # weeks that points are followed
_PRICED_DAYS = 364  # of sales whose price is shared


@dataclass(frozen=True)
class Owed:
    """The points and what they owe.

    Attributes
    ----------
    ledger
        The ledger; ``why`` says what stands against counting it.
    pieces
        As :func:`.lots.fates` gives them; None where it cannot be counted.
    flow
        As :func:`.standing.points_flow`.
    rate
        Share of new points that is spent, with its interval.
    liability, backtest, earned
        None where they cannot be told.
    overdue
        Open points whose day has passed without a row that takes them off; 0 where they are of fewer than
        five customers.
    why
        Why there is no liability; None where there is.
    totals
        Points that came in and went, as far as five customers stand behind each.
    quarters
        Which quarters are shown as one, as :func:`.holders.merged_quarters` says.
    """

    ledger: Ledger
    pieces: ir.Table | None
    flow: pd.DataFrame
    rate: tuple[float, float, float]
    liability: Liability | None
    backtest: Backtest | None
    earned: Earning | None
    overdue: int
    why: Cannot | None
    totals: dict[str, int] = field(default_factory=dict)
    quarters: dict[int, int] = field(default_factory=dict)

    def numbers(self, currency: str) -> list[Number]:
        """What is recorded."""
        numbers = [Number(f"points.{name}", points, "points") for name, points in self.totals.items()]
        if self.liability:
            numbers += self.liability.numbers(currency)
            numbers += [Number("redemption_rate", self.rate[0], "share", *self.rate[1:])]
        return numbers + (self.backtest.numbers() if self.backtest else [])


def count_points(
    points: ir.Table | None,
    orders: ir.Table,
    *,
    as_of: dt.date,
    live_days: int = 0,
    point_value: float = 1.0,
    seed: int = 0,
) -> Owed:
    """Count a ledger and price what is open.

    Parameters
    ----------
    points, orders
        The canonical table (None where the study has none) and the view ``orders``.
    as_of
        The last day known.
    live_days
        Days until points end where rows do not say so; 0 to take it from the ledger.
    point_value
        Money that a point is worth when it is spent.
    seed
        Of the draws of customers.
    """
    ledger = read_ledger(points, as_of=as_of, live_days=live_days)
    missing = (math.nan, math.nan, math.nan)
    empty = pd.DataFrame(columns=["back", "issued", "spent", "expired", "cancelled"])
    if points is None or not ledger.sound:
        return Owed(ledger, None, empty, missing, None, None, None, 0, ledger.why)
    pieces = engine.keep(fates(points, live_days=ledger.live_days))
    flow = points_flow(pieces, as_of=as_of).to_pandas()
    whose = flow_customers(pieces, as_of=as_of).to_pandas()
    shown: dict[str, Any] = {"totals": shown_totals(ledger.facts, whose), "quarters": merged_quarters(whose)}
    overdue = _overdue(pieces, as_of)
    weeks = ((as_of - ledger.facts["first_day"]).days) // 7
    if weeks < _LEAST_WEEKS or not ledger.facts["spent"]:
        code = "loyalty.short_ledger" if weeks < _LEAST_WEEKS else "loyalty.nothing_spent"
        why = Cannot(code, {"weeks": weeks, "least": _LEAST_WEEKS} if weeks < _LEAST_WEEKS else {})
        return Owed(ledger, pieces, flow, missing, None, None, None, overdue, why, **shown)
    quarters = list(range(0, weeks + 1, QUARTER))
    backs = sorted({*range(0, weeks + 1, _STEP), *quarters})
    # Not kept: each point stands on a dozen of these days, and only counts are asked for.
    past = standing(pieces, orders, as_of=as_of, weeks_back=[back for back in backs if back])
    counts = redemption_counts(past).to_pandas()
    then = standing(pieces, orders, as_of=as_of, weeks_back=quarters)
    opened, holders = open_counts(then).to_pandas(), open_customers(then).to_pandas()
    if few := _too_few(holders):
        return Owed(ledger, pieces, flow, missing, None, None, None, overdue, few, **shown)
    issued = issue_counts(pieces, as_of=as_of).to_pandas()
    life = min(int(opened["left"].max()) + 1 if len(opened) else 1, _LONGEST)
    rate = issue_rate(issued, weeks=life)
    curve = redemption(counts, weeks=life, seed=seed)
    owed = liability(opened[opened["back"] == 0], curve, point_value=point_value, flat=rate[0])
    owed = replace(owed, hidden=hidden_strata(holders))
    spent_by = holders[(holders["silence"] == ALL) & (holders["spenders"] >= SMALLEST_GROUP)]
    tested = backtest(counts, opened[opened["back"].isin(spent_by["back"])], issued, weeks=life, seed=seed)
    earned = earning(points, orders, since=as_of - dt.timedelta(days=_PRICED_DAYS - 1))
    return Owed(ledger, pieces, flow, rate, owed, tested, earned, overdue, None, **shown)


def _too_few(holders: pd.DataFrame) -> Cannot | None:
    """Why nothing is said of the points that are open today: they are fewer than five customers'."""
    today = holders[(holders["back"] == 0) & (holders["silence"] == ALL)]
    if 0 < int(today["customers"].sum()) < SMALLEST_GROUP:
        return Cannot("loyalty.few_points", {"least": SMALLEST_GROUP})
    return None


def points_fates(
    flow: pd.DataFrame, *, as_of: dt.date, quarters: Mapping[int, int] | None = None
) -> pd.DataFrame:
    """The flow by quarters of thirteen weeks back from today, the oldest first.

    Parameters
    ----------
    flow
        As :func:`.standing.points_flow` gives it.
    as_of
        Today.
    quarters
        The latest quarter that each is shown with, where several are shown as one.

    Returns
    -------
    pandas.DataFrame
        ``starts_on``, ``ends_on``, ``issued``, ``spent``, ``expired``, ``cancelled``, ``outstanding`` (at
        the end).
    """
    names = ["issued", "spent", "expired", "cancelled"]
    frame = flow.assign(quarter=flow["back"] // QUARTER)
    frame["shown"] = frame["quarter"].map(quarters) if quarters else frame["quarter"]
    oldest = frame.groupby("shown")["quarter"].max().sort_index(ascending=False)
    rows = frame.groupby("shown")[names].sum().sort_index(ascending=False)
    net = rows["issued"] - rows[names[1:]].sum(axis=1)
    ends = [as_of - dt.timedelta(weeks=int(q) * QUARTER) for q in rows.index]
    starts = [as_of - dt.timedelta(weeks=(int(q) + 1) * QUARTER, days=-1) for q in oldest]
    table = rows.assign(starts_on=starts, ends_on=ends, outstanding=net.cumsum())
    return table[["starts_on", "ends_on", *names, "outstanding"]].reset_index(drop=True)


def _overdue(pieces: ir.Table, as_of: dt.date) -> int:
    late = pieces.filter(pieces.fate == "open", pieces.expires_at.cast("date") <= as_of)
    row = late.aggregate(points=late.points.sum(), customers=late.customer_id.nunique())
    points, customers = row.to_pyarrow().to_pylist()[0].values()
    return int(points or 0) if customers >= SMALLEST_GROUP else 0
