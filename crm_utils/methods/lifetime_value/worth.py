"""What is each customer worth from today, and which groups bring how much? Values in batches of bounded size.

The chosen contender says what the next window brings: that is what was tested. Longer spans take its level,
and the shape of the best model of purchases: how many more orders 52 weeks hold than the window does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from crm_utils.errors import StudyError
from crm_utils.features import Number, hide_small
from crm_utils.features.purchase_models import Purchases
from crm_utils.methods.lifetime_value.contenders import (
    Fitted,
    distinct_rows,
)
from crm_utils.methods.lifetime_value.contest import Contest, learn_at
from crm_utils.methods.lifetime_value.intervals import Bounds, bounds_of, total_bounds
from crm_utils.methods.lifetime_value.origins import OriginPlan
from crm_utils.methods.lifetime_value.panel import in_batches

__all__ = [
    "VALUE_DAYS",
    "Valuation",
    "Worth",
    "discounted",
    "plan_valuation",
    "worth_of_all",
    "worth_of_groups",
]

Floats = NDArray[np.float64]

VALUE_DAYS = 364
"""52 weeks: margin of so many days is a customer's value."""
_GROUP_COLUMNS = (
    "kind", "group", "customers", "expected_value", "value_52_weeks", "margin_value", "alive", "margin_each",
)  # fmt: skip
_STEP = 26
_SPANS = tuple(range(_STEP, VALUE_DAYS + 1, _STEP))
_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()), ("expected_orders", pa.float64()), ("alive", pa.float64()),
        ("expected_value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
        ("value_26_weeks", pa.float64()), ("value_52_weeks", pa.float64()), ("margin_value", pa.float64()),
        ("horizon_days", pa.int64()), ("method", pa.string()),
    ]
)  # fmt: skip


def discounted(flows: Floats, days: Floats, *, yearly_rate: float) -> Floats:
    """What later money is worth today: flows / (1 + rate)^(days / 365), summed over the last axis.

    Parameters
    ----------
    flows
        Money of each span, the spans along the last axis.
    days
        Days from today to the middle of each span.
    yearly_rate
        The rate of a year; 0 is the plain sum.

    Examples
    --------
    >>> round(float(discounted(np.array([110.0]), np.array([365.0]), yearly_rate=0.1)), 6)
    100.0
    """
    if yearly_rate <= -1:
        raise StudyError(f"yearly_rate is {yearly_rate}. A rate of a year lies above −1; 0.1 is 10 %.")
    return np.asarray((flows * (1 + yearly_rate) ** (-days / 365)).sum(axis=-1))


@dataclass(frozen=True)
class Valuation:
    """How customers are valued: what was learnt, and what is assumed.

    Attributes
    ----------
    fitted
        The chosen contender, as learnt on the last day known.
    purchases
        The model that says how often customers come, as on every page (:mod:`crm_utils.features.presence`);
        None where nobody had bought twice.
    gives_alive
        Whether its chance of being still there is given; missing for all where it is not.
    bounds
        Conformal intervals of the window's spend, from all judged origins.
    horizon_days
        The window.
    margin_share, yearly_rate
        Assumed: share of revenue left after the costs that vary with it; rate of discount, a year.
    """

    fitted: Fitted
    purchases: Purchases | None
    gives_alive: bool
    bounds: Bounds
    horizon_days: int
    margin_share: float
    yearly_rate: float

    def score(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Value the rows of one origin: the columns of the saved list.

        Returns
        -------
        pandas.DataFrame
            ``customer_id``; ``expected_orders`` and ``expected_value`` (money, returns taken off) in the
            window, with ``low`` and ``high`` (90 %); ``alive``, the chance of being still there;
            ``value_26_weeks``, ``value_52_weeks``; ``margin_value``, discounted, of 52 weeks;
            ``horizon_days``; ``method``, the contender.
        """
        value = self.fitted.predict(rows)
        low, high = self.bounds.apply(value)
        orders, alive, shape = self._orders(rows)
        spans = value[:, None] * shape
        flows = np.diff(spans, axis=1, prepend=0.0)
        middle = np.array(_SPANS, dtype=float) - _STEP / 2
        margin = self.margin_share * discounted(flows, middle, yearly_rate=self.yearly_rate)
        return pd.DataFrame(
            {
                "customer_id": rows["customer_id"].to_numpy(), "expected_orders": orders, "alive": alive,
                "expected_value": value, "low": low, "high": high,
                "value_26_weeks": value * shape[:, _SPANS.index(182)], "value_52_weeks": spans[:, -1],
                "margin_value": margin, "horizon_days": self.horizon_days, "method": self.fitted.name,
            }
        )  # fmt: skip

    def table(self, panel: ir.Table) -> pa.Table:
        """Value a panel of one origin, batch by batch, in the order of the customers' ids."""
        return pa.RecordBatchReader.from_batches(_SCHEMA, self._batches(panel)).read_all()

    def _batches(self, panel: ir.Table) -> Iterator[pa.RecordBatch]:
        for part in in_batches(panel.order_by("customer_id")):
            frame = self.score(part.to_pandas())
            yield from pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False).to_batches()

    def _orders(self, rows: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Orders in the window, chance of being there, and orders of each span against the window's."""
        model = self.purchases
        if model is None:
            flat = np.array(_SPANS, dtype=float) / self.horizon_days
            n = len(rows)
            return rows["orders_last"].to_numpy(dtype=float), np.full(n, np.nan), np.tile(flat, (n, 1))
        distinct, place = distinct_rows(rows)
        window = model.expected(distinct, horizon_days=self.horizon_days)
        spans = np.stack([model.expected(distinct, horizon_days=days) for days in _SPANS], axis=1)
        shape = spans / np.maximum(window, 1e-300)[:, None]
        alive = model.alive(distinct) if self.gives_alive else np.full(len(distinct), np.nan)
        return window[place], alive[place], shape[place]


def plan_valuation(
    frame: pd.DataFrame, contest: Contest, plan: OriginPlan, *, purchases: Purchases | None,
    gives_alive: bool, margin_share: float, yearly_rate: float, seed: int = 0,
) -> Valuation:  # fmt: skip
    """Learn on the last day known what the contest chose.

    Parameters
    ----------
    frame, contest, plan
        The panel, and what came of it.
    purchases, gives_alive
        From :meth:`.Presence.fit` on the last day, and whether its chance of being still there is given.
    margin_share, yearly_rate, seed
        As of :class:`Valuation`; the seed of the boosting.

    Raises
    ------
    StudyError
        The margin is no share.
    """
    if not 0 <= margin_share <= 1:
        raise StudyError(f"margin_share is {margin_share}. It is a share: from 0 to 1.")
    fitted = learn_at(frame, plan, plan.score_on, name=contest.chosen, seed=seed)
    bounds = bounds_of(contest.forecasts, contest.chosen)
    return Valuation(fitted, purchases, gives_alive, bounds, plan.horizon_days, margin_share, yearly_rate)


def worth_of_groups(values: pa.Table, segments: ir.Table | None, customers: ir.Table | None) -> pd.DataFrame:
    """What the customers of each segment, and of each acquisition channel, are expected to bring.

    Parameters
    ----------
    values
        From :meth:`Valuation.table`.
    segments
        ``customer_id`` and ``segment``; None where nobody named any.
    customers
        ``customer_id`` and ``acquisition_channel``; None, or without it, where it is not known.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (``segment`` or ``acquisition_channel``), ``group``, ``customers``, ``expected_value``,
        ``value_52_weeks`` and ``margin_value`` (sums, money), ``alive`` (mean), ``margin_each`` (a customer),
        highest margin first. Groups under five are blank; customers of no group are in none.
    """
    parts = []
    for table, kind in ((segments, "segment"), (customers, "acquisition_channel")):
        if table is not None and kind in table.columns:
            frame = _worth_by(values, table, kind)
            parts.append(hide_small(frame) if len(frame) else frame)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_GROUP_COLUMNS))


def _worth_by(values: pa.Table, groups: ir.Table, kind: str) -> pd.DataFrame:
    named = groups.filter(groups[kind].notnull()).select("customer_id", group=groups[kind])
    joined = ibis.memtable(values).inner_join(named, "customer_id")
    sums = joined.group_by("group").aggregate(
        customers=joined.count(),
        **{name: _exact(joined[name]) for name in ("expected_value", "value_52_weeks", "margin_value")},
        alive=_exact(joined.alive) / joined.count(),
    )
    frame: pd.DataFrame = sums.to_pyarrow().to_pandas()
    with_margin = frame.assign(kind=kind, margin_each=frame["margin_value"] / frame["customers"])
    ordered = with_margin.sort_values(["margin_value", "group"], ascending=[False, True], ignore_index=True)
    return ordered[list(_GROUP_COLUMNS)]


def _exact(column: ir.Column) -> ir.Value:
    """A sum that does not depend on the order of additions."""
    return column.cast("decimal(38, 6)").sum().cast("float64")


@dataclass(frozen=True)
class Worth:
    """What all customers together are expected to bring.

    Attributes
    ----------
    customers
        Valued.
    horizon_days, window, low, high
        The tested window, spend expected in it, and its 90 % interval from how far totals missed at earlier
        origins; the ends are None below three of them: then it is the model's word alone.
    weeks_26, weeks_52, margin
        Expected spend of 26 and of 52 weeks, and the discounted margin of 52 weeks, money.
    method
        The contender.
    top_customers, top_share
        Customers of the tenth with the highest margin; the share of all expected margin that they bring.
    top_tested
        Share of the spend that the tenth ranked highest brought at the test origins; None without spend.
    """

    customers: int
    horizon_days: int
    window: float
    low: float | None
    high: float | None
    weeks_26: float
    weeks_52: float
    margin: float
    method: str
    top_customers: int
    top_share: float | None
    top_tested: float | None

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return [
            Number("value.window", self.window, "money", self.low, self.high),
            Number("value.weeks_26", self.weeks_26, "money"),
            Number("value.weeks_52", self.weeks_52, "money"),
            Number("value.margin", self.margin, "money"),
            Number("top_tenth_share", self.top_share, "share"),
            Number("top_tenth_share.tested", self.top_tested, "share"),
        ]


def worth_of_all(values: pa.Table, contest: Contest) -> Worth:
    """Add up the values of all customers, and hold the top tenth against what came true.

    Parameters
    ----------
    values
        From :meth:`Valuation.table`; at least one row.
    contest
        Whose totals say how far such sums miss.
    """
    names = ("expected_value", "value_26_weeks", "value_52_weeks", "margin_value")
    window, half, year, margin = (float(np.sum(values[name].to_numpy())) for name in names)
    ends = total_bounds(contest.totals(), window)
    ordered = np.sort(values["margin_value"].to_numpy())[::-1]
    tenth = max(round(len(ordered) / 10), 1)
    return Worth(
        customers=len(ordered), horizon_days=int(values["horizon_days"][0].as_py()), window=window,
        low=ends[0] if ends else None, high=ends[1] if ends else None, weeks_26=half, weeks_52=year,
        margin=margin, method=contest.chosen, top_customers=tenth,
        top_share=float(ordered[:tenth].sum() / margin) if margin > 0 else None,
        top_tested=_top_tested(contest),
    )  # fmt: skip


def _top_tested(contest: Contest) -> float | None:
    parts = []
    for _, rows in contest.test.groupby("origin"):
        ordered = rows.sort_values([contest.chosen, "customer_id"], ascending=[False, True])["actual"]
        if ordered.sum() > 0:
            parts.append(float(ordered.head(max(round(len(rows) / 10), 1)).sum() / ordered.sum()))
    return float(np.mean(parts)) if parts else None
