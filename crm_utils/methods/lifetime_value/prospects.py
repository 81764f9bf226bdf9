"""Which members without an order are likely to place a first one? A hazard by days since joining and channel.

A member's chance of a first order falls with every day without one, so most lists "most recent first" are
good already. The chance here is held against that order on days that it was not learnt from.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from crm_utils.features import Number, purchase_days
from crm_utils.methods.lifetime_value.new_customers import NewCustomers

__all__ = [
    "Hazards",
    "ProspectTest",
    "Prospects",
    "fit_hazards",
    "judge_hazards",
    "member_counts",
    "prospects",
    "rank_prospects",
]

Floats = NDArray[np.float64]

EDGES = (0, 1, 7, 14, 30, 60, 90, 180, 365, 100_000)
"""Days since joining at which the hazard may change."""
_PRIOR = 10.0
"""First orders that everyone's hazard counts for in a channel's."""
_COLUMNS = ("customer_id", "acquisition_channel", "age_days", "chance", "expected_value")
_FEWEST, _FEWEST_FIRST = 30, 5
"""Members without an order, and first orders among them, that a test takes."""


@dataclass(frozen=True)
class Hazards:
    """The chance of a first order on each day since joining, by channel.

    Attributes
    ----------
    by_channel
        Channel (``*`` for everyone, and for channels not seen) to a chance a day for each span of
        :data:`EDGES`.
    members, first_orders
        What it was learnt from.
    """

    by_channel: dict[str, Floats]
    members: int
    first_orders: int

    def chance(self, age: Floats, channel: pd.Series[str], *, horizon_days: int) -> Floats:
        """The chance of a first order in the next days, of members who have had none for ``age`` days."""
        chances = np.zeros(len(age))
        names = channel.astype(object).where(channel.notna(), "*").astype(str).to_numpy()
        for name in np.unique(names):
            kept = names == name
            hazard = self.by_channel.get(name, self.by_channel["*"])
            logs = np.append(0.0, np.cumsum(np.log1p(-np.minimum(hazard, 0.999)) * np.diff(EDGES)))
            begin, end = (np.interp(age[kept] + more, EDGES, logs) for more in (1, 1 + horizon_days))
            chances[kept] = -np.expm1(end - begin)
        return chances


@dataclass(frozen=True)
class ProspectTest:
    """How well prospects are ranked on days that the hazard was not learnt from.

    Attributes
    ----------
    prospects, first_orders
        Members without an order on the day, and those of them who placed one in the days after it.
    auc, auc_recent
        Chance that one who ordered was ranked above one who did not: by the hazard, and most recent first;
        None where too few ordered.
    expected
        First orders that were expected.
    """

    prospects: int
    first_orders: int
    auc: float | None
    auc_recent: float | None
    expected: float

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("prospects.tested", self.prospects, "customers"),
            Number("prospects.auc", self.auc),
            Number("prospects.auc_recent", self.auc_recent),
        ]


@dataclass(frozen=True)
class Prospects:
    """Members without an order, and whether they can be ranked.

    Attributes
    ----------
    table
        ``customer_id``, ``acquisition_channel``, ``age_days`` (since joining), ``chance`` (of a first order
        within the horizon), ``expected_value`` (that times what a new customer of the channel brings), the
        most promising first. Without rows where nothing can be said.
    tested
        The test on an earlier day; None where no day of joining is known, or nobody placed a first order.
    """

    table: pd.DataFrame
    tested: ProspectTest | None

    @property
    def ranked(self) -> bool:
        """Whether the chance ranked better than "most recent first" on the test day."""
        tested = self.tested
        if tested is None or tested.auc is None or tested.auc_recent is None:
            return False
        return tested.auc > tested.auc_recent

    def numbers(self) -> list[Number]:
        """What is recorded."""
        numbers = [Number("prospects", len(self.table), "customers")]
        return numbers + (self.tested.numbers() if self.tested else [])


def rank_prospects(
    customers: ir.Table | None, orders: ir.Table, new: NewCustomers, *, as_of: dt.date,
    history_starts: dt.date, horizon_days: int,
) -> Prospects:  # fmt: skip
    """Rank members without an order, and test the ranking on an earlier day.

    Parameters
    ----------
    customers
        With ``joined_on``; None, or without it, where it is not known.
    orders
        ``customer_id``, ``ordered_at``, ``amount``, cut at ``as_of``.
    new
        What new customers bring.
    as_of, history_starts
        The last day known, and the first of the data: who joined before it is left out.
    horizon_days
        Days in which a first order counts.
    """
    nobody = Prospects(pd.DataFrame(columns=list(_COLUMNS)), None)
    if customers is None or "joined_on" not in customers.columns:
        return nobody
    counts = member_counts(customers, orders, history_starts=history_starts)
    hazards = fit_hazards(counts, as_of=as_of)
    if hazards is None:
        return nobody
    values = dict(zip(new.table["acquisition_channel"], new.table["value"], strict=True))
    members = prospects(
        customers, orders, hazards, as_of=as_of, history_starts=history_starts, horizon_days=horizon_days,
        values={str(name): float(value) for name, value in values.items()},
    ).to_pyarrow().to_pandas()  # fmt: skip
    order = ["expected_value", "chance", "customer_id"]
    table = members.sort_values(order, ascending=[False, False, True], ignore_index=True)
    return Prospects(table, judge_hazards(counts, as_of=as_of, horizon_days=horizon_days))


def member_counts(customers: ir.Table, orders: ir.Table, *, history_starts: dt.date) -> pd.DataFrame:
    """Members by channel, day of joining and day of the first order.

    Members who joined before the data begin are left out: a first order of theirs may lie before it.

    Returns
    -------
    pandas.DataFrame
        ``acquisition_channel``, ``joined_on``, ``first_on`` (missing where there is none), ``members``.
    """
    joined = _members(customers, history_starts)
    days = purchase_days(orders)
    first = days.group_by("customer_id").aggregate(first_on=days.day.min())
    with_first = joined.left_join(first, "customer_id")
    grouped = with_first.group_by(["acquisition_channel", "joined_on", "first_on"]).aggregate(
        members=with_first.count()
    )
    frame: pd.DataFrame = grouped.to_pyarrow().to_pandas()
    for name in ("joined_on", "first_on"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.sort_values(["joined_on", "first_on", "acquisition_channel"], ignore_index=True)


def fit_hazards(counts: pd.DataFrame, *, as_of: dt.date) -> Hazards | None:
    """Learn the hazard from what was known at the end of a day; None where nobody placed a first order."""
    today = pd.Timestamp(as_of)
    known = counts[counts["joined_on"] <= today]
    first = known["first_on"].where(known["first_on"] <= today)
    weight = known["members"].to_numpy(dtype=float)
    waited = (first.fillna(today) - known["joined_on"]).dt.days.clip(lower=0).to_numpy(dtype=float)
    ordered = first.notna().to_numpy()
    if not (weight * ordered).sum():
        return None
    spans = np.array(EDGES, dtype=float)
    at_risk = np.clip(np.minimum(waited[:, None] + 1, spans[1:]) - spans[:-1], 0, None) * weight[:, None]
    place = np.searchsorted(spans, waited, side="right") - 1
    events = np.zeros_like(at_risk)
    events[np.arange(len(known)), place] = weight * ordered
    overall = events.sum(axis=0) / np.maximum(at_risk.sum(axis=0), 1e-9)
    by_channel = {"*": overall}
    for name, rows in known.reset_index(drop=True).groupby("acquisition_channel"):
        own, days = events[rows.index].sum(axis=0), at_risk[rows.index].sum(axis=0)
        prior = _PRIOR / np.maximum(overall, 1e-12)
        by_channel[str(name)] = np.where(overall > 0, (own + _PRIOR) / (days + prior), 0.0)
    return Hazards(by_channel, int(weight.sum()), int((weight * ordered).sum()))


def judge_hazards(counts: pd.DataFrame, *, as_of: dt.date, horizon_days: int) -> ProspectTest:
    """Rank the prospects of an earlier day by what was known then, and see who placed a first order."""
    day = as_of - dt.timedelta(days=horizon_days)
    hazards = fit_hazards(counts, as_of=day)
    then = pd.Timestamp(day)
    waiting = counts[(counts["joined_on"] <= then) & ~(counts["first_on"] <= then)]
    weight = waiting["members"].to_numpy(dtype=float)
    came = (waiting["first_on"] <= pd.Timestamp(as_of)).to_numpy()
    n, first = int(weight.sum()), int((weight * came).sum())
    if hazards is None or n < _FEWEST or first < _FEWEST_FIRST or first == n:
        return ProspectTest(n, first, None, None, 0.0)
    age = (then - waiting["joined_on"]).dt.days.to_numpy(dtype=float)
    chance = hazards.chance(age, waiting["acquisition_channel"], horizon_days=horizon_days)
    auc, recent = (float(roc_auc_score(came, by, sample_weight=weight)) for by in (chance, -age))
    return ProspectTest(n, first, auc, recent, float(weight @ chance))


def prospects(
    customers: ir.Table, orders: ir.Table, hazards: Hazards, *, as_of: dt.date, history_starts: dt.date,
    horizon_days: int, values: dict[str, float],
) -> ir.Table:  # fmt: skip
    """Members without an order, the most promising first to be ranked by ``expected_value``.

    Parameters
    ----------
    values
        Margin that a new customer brings, by channel; ``*`` for everyone.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``acquisition_channel``, ``age_days`` (since joining), ``chance`` (of a first order
        within the horizon), ``expected_value`` (chance times what a new customer of the channel brings).
    """
    joined = _members(customers, history_starts)
    bought = purchase_days(orders).select("customer_id").distinct()
    waiting = joined.anti_join(bought, "customer_id")
    known = waiting.select("acquisition_channel", "joined_on").distinct().to_pyarrow().to_pandas()
    age = (pd.Timestamp(as_of) - pd.to_datetime(known["joined_on"])).dt.days
    chance = hazards.chance(
        age.to_numpy(dtype=float), known["acquisition_channel"], horizon_days=horizon_days
    )
    names = known["acquisition_channel"].astype(object)
    worth = names.map(values).astype(float).fillna(values.get("*", np.nan))
    scores = pd.DataFrame(
        {
            "channel": names.where(names.notna(), "*"),
            "age_days": age.astype("int64"), "chance": chance, "expected_value": chance * worth.to_numpy(),
        }
    )  # fmt: skip
    today = ibis.date(as_of.year, as_of.month, as_of.day)
    keyed = waiting.mutate(
        channel=waiting.acquisition_channel.fill_null("*"),
        age_days=today.delta(waiting.joined_on, unit="day").cast("int64"),
    )
    scored = keyed.inner_join(ibis.memtable(scores), ["channel", "age_days"])
    return scored.select(*_COLUMNS)


def _members(customers: ir.Table, history_starts: dt.date) -> ir.Table:
    start = ibis.date(history_starts.year, history_starts.month, history_starts.day)
    there = customers.filter(customers.joined_on.notnull(), customers.joined_on >= start)
    channel = there.acquisition_channel if "acquisition_channel" in there.columns else ibis.null("string")
    return there.select("customer_id", "joined_on", acquisition_channel=channel)
