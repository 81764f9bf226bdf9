"""What was known of each active customer on a cut-off, and what came after it? A row a customer and cut-off.

Nothing leaks by construction: the days between all window edges of all cut-offs are numbered, orders are
summed up by customer and number, and a cut-off's features are made of numbers up to its own, its labels of
later ones. Lapse and partial defection after W. Buckinx, D. Van den Poel, European Journal of Operational
Research 164(1), 2005.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from crm_utils.errors import StudyError
from crm_utils.features import is_purchase, known_orders, with_rhythm
from crm_utils.methods.churn.cutoffs import WINDOWS
from crm_utils.methods.churn.habits import message_habits, order_habits
from crm_utils.methods.churn.periods import Periods

__all__ = ["DEFECTION_HORIZONS", "churn_panel"]

DEFECTION_HORIZONS = 3
"""Horizons without a purchase after a cut-off that count as defection, until a purchase shows otherwise."""


def churn_panel(
    orders: ir.Table,
    *,
    cutoffs: Sequence[dt.date],
    as_of: dt.date,
    horizon_days: int,
    active_days: int,
    order_lines: ir.Table | None = None,
    messages: ir.Table | None = None,
    segments: ir.Table | None = None,
) -> ir.Table:
    """Make one row for each customer active at each cut-off: features from before it, labels from after it.

    Parameters
    ----------
    orders
        ``customer_id`` (null for guests, who are left out), ``ordered_at``, ``amount`` (decimal; negative for
        a return); where they are there, ``discount`` (decimal) and ``lines``.
    cutoffs
        Days whose end is looked back from. Features look back over three horizons: earlier cut-offs than
        that after the beginning of the data see less.
    as_of
        The last day known: later rows are ignored.
    horizon_days
        Days after a cut-off, (cutoff, cutoff + horizon_days], in which a purchase keeps from lapsing.
    active_days
        Customers with a purchase in the last so many days up to the cut-off are active; others have no row.
    order_lines
        Where given, with ``store_id`` and ``discount_by_others``: adds ``stores`` and ``coupon_share``.
    messages
        Where given: adds ``messages`` and ``answers``.
    segments
        Where given: ``customer_id``, ``cutoff`` and ``segment``, made from nothing later than that cut-off.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``cutoff``; the features that :mod:`.churn.themes` names; then

        - ``followed_days``: days known after the cut-off; ``next_in_days``: days to the next purchase, null
          when none is known
        - ``orders_ahead``, ``spend_ahead``: purchases and revenue in the horizon
        - ``lapse``: 1 without a purchase in the horizon, else 0
        - ``defection``: 1 without a purchase in three horizons, else 0
        - ``partial_defection``: 1 when a customer buys in the horizon but for less than half the mean of the
          three horizons before; null for those not there so long, or without spend

        Each of these is null where the days it needs are not over.

    Raises
    ------
    StudyError
        No cut-off, one after ``as_of``, or a number of days below 1.

    Notes
    -----
    ``rhythm_days`` is that of :func:`crm_utils.features.customer_summary` as of the cut-off, and
    ``usual_orders`` = (r + n) · horizon_days / (α + T) comes from the same gamma-Poisson model.
    ``tenure_days`` stops at three horizons: whoever was there when the data began was there on an unknown
    day, and a tenure that grows with the data would not mean the same at two cut-offs.

    An order counts whole on the day of its first line. Where lines are added to an order on a later day, cut
    the lines at each cut-off and make a panel of each.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = {"customer_id": ["ann", "ann", "bob"], "amount": [10, 30, 5],
    ...         "ordered_at": ["2024-03-01", "2024-03-20", "2024-02-20"]}
    >>> orders = ibis.memtable(pa.table(rows)).cast({"ordered_at": "timestamp", "amount": "decimal(18, 2)"})
    >>> panel = churn_panel(orders, cutoffs=[dt.date(2024, 3, 10)], as_of=dt.date(2024, 4, 30),
    ...                     horizon_days=14, active_days=42).order_by("customer_id")
    >>> panel.select("customer_id", "recency_days", "lapse", "next_in_days").to_pyarrow().to_pylist()
    [{'customer_id': 'ann', 'recency_days': 9, 'lapse': 0, 'next_in_days': 10}, \
{'customer_id': 'bob', 'recency_days': 19, 'lapse': 1, 'next_in_days': None}]
    """
    _check(cutoffs, as_of, horizon_days, active_days)
    periods = Periods.between(cutoffs, horizon_days)
    sums = _sum_up(known_orders(orders, as_of=as_of), periods)
    # A cut-off at a time: a sum for all customers and cut-offs at once would outgrow cache and memory.
    known = ibis.union(*(_known_at(sums, cutoff, periods) for cutoff in periods.cutoffs), distinct=False)
    panel = _with_features(known, horizon_days)
    panel = panel.filter(panel.recency_days < active_days)
    panel = _with_labels(panel, as_of, horizon_days)
    for extra in (
        None if order_lines is None else order_habits(known_orders(order_lines, as_of=as_of), periods),
        None if messages is None else message_habits(messages, periods),
    ):
        if extra is not None:
            panel = _left_join(panel, extra)
            panel = panel.mutate(
                **{name: panel[name].fill_null(0) for name in extra.columns if name not in _KEY}
            )
    if "coupon_orders" in panel.columns:
        share = panel.coupon_orders.cast("float64") / panel.orders_long.nullif(0)
        panel = panel.mutate(coupon_share=share)
    if segments is not None:
        panel = _left_join(panel, segments.select(*_KEY, "segment"))
    return panel.select(*(name for name in _COLUMNS if name in panel.columns))


_KEY = ["customer_id", "cutoff"]
_COLUMNS = (
    *_KEY, "recency_days", "rhythm_days", "silence_ratio", "usual_orders", "orders_short", "orders_middle",
    "orders_long", "order_trend", "spend_short", "spend_long", "spend_trend", "basket_lines",
    "discount_share", "coupon_share", "stores", "tenure_days", "messages", "answers", "segment",
    "followed_days", "next_in_days", "orders_ahead", "spend_ahead", "lapse", "defection", "partial_defection",
)  # fmt: skip


def _check(cutoffs: Sequence[dt.date], as_of: dt.date, horizon_days: int, active_days: int) -> None:
    for name, days in (("horizon_days", horizon_days), ("active_days", active_days)):
        if days < 1:
            raise StudyError(f"{name} is {days}. Give at least one day.")
    if not cutoffs:
        raise StudyError("There is no cut-off to look back from. Give at least one day.")
    if max(cutoffs) > as_of:
        raise StudyError(f"The cut-off {max(cutoffs)} lies after as_of {as_of}. Choose earlier ones.")


def _sum_up(known: ir.Table, periods: Periods) -> ir.Table:
    """Exact sums by customer and period: first by day, so that two orders of a day are one order day."""
    there = {name: known[name] for name in ("discount", "lines") if name in known.columns}
    bought = is_purchase(known)
    rows = known.select("customer_id", "amount", day=known.ordered_at.cast("date"), bought=bought, **there)
    days = rows.group_by("customer_id", "day").aggregate(
        orders=rows.bought.cast("int64").sum(),
        amount=rows.amount.sum().cast("decimal(38, 2)"),
        **{name: rows[name].sum(where=rows.bought) for name in there},
    )
    days = days.mutate(period=periods.number(days.day))
    bought = days.orders > 0
    return days.group_by("customer_id", "period").aggregate(
        orders=days.orders.sum(),
        order_days=bought.cast("int64").sum(),
        first_on=days.day.min(where=bought),
        last_on=days.day.max(where=bought),
        amount=days.amount.sum().cast("decimal(38, 2)"),
        **{name: days[name].sum() for name in there},
    )


def _known_at(t: ir.Table, cutoff: dt.date, periods: Periods) -> ir.Table:
    """Customers known at a cut-off: whoever bought up to it, active or not, as everyone's rhythm needs."""
    long, middle, short, now, ahead = (periods.place(cutoff, k) for k in range(-WINDOWS, 2))
    past, horizon = t.period <= now, (t.period > now) & (t.period <= ahead)
    windows = {"short": short, "middle": middle, "long": long}
    inside = {name: past & (t.period > since) for name, since in windows.items()}
    extras = {f"{k}_long": t[k].sum(where=inside["long"]) for k in ("discount", "lines") if k in t.columns}
    per = t.group_by("customer_id").aggregate(
        first_on=t.first_on.min(where=past),
        last_on=t.last_on.max(where=past),
        next_on=t.first_on.min(where=t.period > now),
        order_days=t.order_days.sum(where=past),
        **{f"orders_{w}": _sum(t.orders, inside[w]) for w in windows},
        **{f"spend_{w}": _sum(t.amount, inside[w]).cast("float64") for w in ("short", "long")},
        orders_ahead=_sum(t.orders, horizon),
        spend_ahead=_sum(t.amount, horizon).cast("float64"),
        **extras,
    )
    day = ibis.date(cutoff.year, cutoff.month, cutoff.day)
    return per.filter(per.first_on.notnull()).mutate(cutoff=day)


def _with_features(per: ir.Table, horizon_days: int) -> ir.Table:
    per = per.mutate(
        recency_days=per.cutoff.delta(per.last_on, unit="day"),
        tenure_days=per.cutoff.delta(per.first_on, unit="day"),
        gaps=per.order_days - 1,
        gap_sum=per.last_on.delta(per.first_on, unit="day"),
    )
    per = with_rhythm(per, by="cutoff")
    return per.mutate(
        tenure_days=ibis.least(per.tenure_days, WINDOWS * horizon_days),
        silence_ratio=per.recency_days / per.rhythm_days,
        # The gamma-Poisson mean once more, today's silence counted in: n + r order days in α + T days.
        usual_orders=per.shape * horizon_days / (per.alpha + per.tenure_days),
        order_trend=per.orders_short.cast("float64") / per.orders_long.nullif(0),
        spend_trend=ibis.least(ibis.greatest(per.spend_short / per.spend_long.nullif(0), 0.0), 1.0),
        **_shares(per),
    )


def _shares(per: ir.Table) -> dict[str, ir.Value]:
    """Basket width and discount share, where orders tell them."""
    shares: dict[str, ir.Value] = {}
    if "lines_long" in per.columns:
        shares["basket_lines"] = per.lines_long.fill_null(0).cast("float64") / per.orders_long.nullif(0)
    if "discount_long" in per.columns:
        given = per.discount_long.cast("float64").fill_null(0.0)
        full = ibis.greatest(per.spend_long, 0.0) + given
        shares["discount_share"] = given / full.nullif(0)
    return shares


def _with_labels(panel: ir.Table, as_of: dt.date, horizon_days: int) -> ir.Table:
    followed = ibis.date(as_of.year, as_of.month, as_of.day).delta(panel.cutoff, unit="day")
    panel = panel.mutate(followed_days=followed, next_in_days=panel.next_on.delta(panel.cutoff, unit="day"))
    over = panel.followed_days >= horizon_days
    silent = (panel.next_in_days.isnull() | (panel.next_in_days > horizon_days)).cast("int64")
    gone_days = DEFECTION_HORIZONS * horizon_days
    gone = (panel.next_in_days.isnull() | (panel.next_in_days > gone_days)).cast("int64")
    less = (2 * WINDOWS * panel.spend_ahead < panel.spend_long) & (silent == 0)
    judged = over & (panel.tenure_days == WINDOWS * horizon_days) & (panel.spend_long > 0)
    return panel.mutate(
        orders_ahead=over.ifelse(panel.orders_ahead, None),
        spend_ahead=over.ifelse(panel.spend_ahead, None),
        lapse=over.ifelse(silent, None),
        defection=(panel.followed_days >= gone_days).ifelse(gone, None),
        partial_defection=judged.ifelse(less.cast("int64"), None),
    )


def _sum(column: ir.Column, where: ir.BooleanColumn) -> ir.Value:
    return column.sum(where=where).fill_null(0)


def _left_join(panel: ir.Table, extra: ir.Table) -> ir.Table:
    joined = panel.left_join(extra, _KEY)
    return joined.drop([f"{name}_right" for name in _KEY if f"{name}_right" in joined.columns])
