"""What does one customer look like in a row? Reductions that several methods share.

Ibis tables in, an Ibis table out: the engine does the work, and nothing is executed here. Sums are of
integers and decimals and become floats last, so the same data give the same bytes on any number of threads.
"""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

__all__ = [
    "NEW_DAYS",
    "QUIET_CHANCE",
    "beyond_rhythm",
    "customer_summary",
    "is_new",
    "is_purchase",
    "known_orders",
    "purchase_days",
    "silence_measure",
    "with_rhythm",
]

QUIET_CHANCE = 0.05
"""A silence is *beyond the customer's own rhythm* when one at least as long had a chance under this."""

NEW_DAYS = 90
"""Days during which a customer counts as new; and days after the data begin before anyone can."""

_MOST_SHAPE = 1000.0
"""Cap of the rhythm's shape r: above it, all customers buy at practically the same rate."""

_COLUMNS = (
    "customer_id", "first_ordered_on", "last_ordered_on", "recency_days", "tenure_days", "orders",
    "order_days", "revenue", "mean_order_value", "mean_gap_days", "gap_spread_days", "last_gap_days",
    "rhythm_days", "silence_chance", "last_gap_chance",
)  # fmt: skip


def customer_summary(orders: ir.Table, *, as_of: dt.date, since: dt.date | None = None) -> ir.Table:
    """Sum up each customer's purchases as known at the end of a day: one row a customer.

    Parameters
    ----------
    orders
        One row an order: ``order_id``, ``customer_id`` (null for guests, who are left out), ``ordered_at``
        (the shop's wall clock), ``amount`` (decimal; negative for a return) and, where it is known, ``kept``;
        the view ``orders`` has them all.
    as_of
        The last day that may be seen; later orders are ignored.
    since
        The first day that may be seen; the default is the beginning of the data.

    Returns
    -------
    ibis.expr.types.Table
        Customers with at least one purchase, as :func:`is_purchase` says: neither a return nor an order that
        was sent back whole.

        - ``customer_id``, ``first_ordered_on``, ``last_ordered_on``
        - ``recency_days``: days from the last purchase to ``as_of``; 0 when they bought on that day
        - ``tenure_days``: days from the first purchase to ``as_of``
        - ``orders``: purchases; ``order_days``: distinct days with one
        - ``revenue``: decimal, returns netted, so it may be negative; ``mean_order_value``: revenue / orders
        - ``mean_gap_days``, ``gap_spread_days``: mean and standard deviation (n − 1) of the days between
          successive order days; null below two and three order days; ``last_gap_days``: the latest of them
        - ``rhythm_days``: days between order days at the customer's expected rate, 1 / E[λ], the own shrunk
          towards everyone's
        - ``silence_chance``: the chance of a silence as long as today's, had the rhythm gone on
        - ``last_gap_chance``: the same for the latest gap, judged by the order days before it

    Notes
    -----
    The rhythm is a gamma-Poisson model (Ehrenberg, The Pattern of Consumer Purchases, *Applied Statistics* 8,
    1959; *Repeat-Buying*, 2nd ed., 1988): order days come at a rate λ a day, and rates differ between
    customers as Gamma(r, α). After n gaps that sum to S days the rate is Gamma(r + n, α + S), so
    ``rhythm_days`` = 1 / E[λ] = (α + S) / (r + n): S / n for a customer of many orders, α / r for one of a
    single order. (The expected gap, E[1 / λ] = (α + S) / (r + n − 1), is longer, and infinite where
    r + n ≤ 1.) The chance of a further silence of t days is ((α + S) / (α + S + t))^(r + n). r and α are
    matched to the moments of the repeat order days x in tenures T: E[λ] = Σx / ΣT and
    E[λ²] = Σx(x − 1) / ΣT², which need exact integers only.

    It does not hold where purchases are more regular than chance (the silence is then found late), where
    most customers have left for good (everyone's rhythm then looks slower than it was), or within a season.
    Both rhythm columns are null when nobody ever bought on a second day.

    Examples
    --------
    >>> import datetime as dt, ibis, pyarrow as pa
    >>> rows = {"order_id": ["1", "2", "3"], "customer_id": ["ann", "ann", "bob"], "amount": [10, 30, 5],
    ...         "ordered_at": ["2024-01-01", "2024-01-11", "2024-01-05"]}
    >>> orders = ibis.memtable(pa.table(rows))
    >>> orders = orders.cast({"ordered_at": "timestamp", "amount": "decimal(18, 2)"})
    >>> summary = customer_summary(orders, as_of=dt.date(2024, 1, 31)).order_by("customer_id")
    >>> summary.select("customer_id", "recency_days", "orders", "mean_gap_days").to_pyarrow().to_pylist()[0]
    {'customer_id': 'ann', 'recency_days': 20, 'orders': 2, 'mean_gap_days': 10.0}
    """
    per = _per_customer(known_orders(orders, since=since, as_of=as_of), as_of=as_of)
    per = with_rhythm(per)
    before_last = per.history - per.last_gap_days
    return per.mutate(last_gap_chance=(before_last / per.history) ** (per.shape - 1)).select(*_COLUMNS)


def known_orders(orders: ir.Table, *, as_of: dt.date, since: dt.date | None = None) -> ir.Table:
    """Orders and returns of known customers from ``since`` to the end of ``as_of``; guests are left out."""
    after = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
    known = orders.filter(orders.customer_id.notnull(), orders.ordered_at < after)
    return known if since is None else known.filter(known.ordered_at >= dt.datetime.combine(since, dt.time()))


def is_purchase(orders: ir.Table) -> ir.BooleanColumn:
    """Whether an order is a purchase: something was bought and kept.

    A return is none (its amount is negative), nor is an order that was sent back whole: it has no recency and
    no frequency, and its money nets to nothing by itself. An order paid by coupons alone is one: its amount
    is 0 and its goods were kept.

    Parameters
    ----------
    orders
        ``amount`` and, from the view ``orders``, ``kept``; without that column nothing is known to have come
        back.
    """
    bought = orders.amount >= 0
    return bought & orders.kept if "kept" in orders.columns else bought


def purchase_days(orders: ir.Table) -> ir.Table:
    """Distinct days with a purchase: ``customer_id``, ``day``. Guests and returns are left out.

    Two orders of one day count once: a split till receipt says nothing about how often somebody comes.
    """
    bought = orders.filter(orders.customer_id.notnull(), is_purchase(orders))
    return bought.select("customer_id", day=bought.ordered_at.cast("date")).distinct()


def beyond_rhythm(
    summary: ir.Table, *, chance: float = QUIET_CHANCE, silent_days: int | None = None
) -> ir.BooleanColumn:
    """Whether a customer's silence is longer than their own rhythm explains, or than a study allows.

    Parameters
    ----------
    summary
        A row a customer, from :func:`customer_summary`.
    chance
        The silence counts below this ``silence_chance``; below this chance of being still there (``alive``,
        :mod:`.presence`) where the summary knows it.
    silent_days
        A longer silence counts whatever the rhythm; None for the rhythm alone, which says nothing while
        nobody ever came twice.
    """
    by = silence_measure(summary)
    silent = (by < chance).fill_null(False)
    return silent if silent_days is None else silent | (summary.recency_days > silent_days)


def silence_measure(summary: ir.Table) -> ir.FloatingColumn:
    """By what a silence is judged: the chance of being still there where it is known, else of the silence."""
    if "alive" not in summary.columns:
        return summary.silence_chance
    return ibis.coalesce(summary.alive, summary.silence_chance)


def is_new(summary: ir.Table, *, history_starts: dt.date, days: int = NEW_DAYS) -> ir.BooleanColumn:
    """Whether a customer's first order is recent and cannot be just the beginning of the data.

    Whoever is first seen within ``days`` of ``history_starts`` may have been a customer before.
    """
    known = history_starts + dt.timedelta(days=days)
    return (summary.tenure_days <= days) & (
        summary.first_ordered_on >= ibis.date(known.year, known.month, known.day)
    )


def with_rhythm(per: ir.Table, *, by: str | None = None) -> ir.Table:
    """Add each customer's own rhythm, and how likely today's silence was had it gone on.

    Parameters
    ----------
    per
        A row a customer with at least one purchase: ``gaps`` (order days less one), ``gap_sum`` (days from
        the first to the last; null or 0 without a gap), ``tenure_days``, ``recency_days``.
    by
        A column whose groups each have an "everyone" of their own, such as the day looked back from.

    Returns
    -------
    ibis.expr.types.Table
        ``per`` with ``rhythm_days`` and ``silence_chance`` as :func:`customer_summary` defines them, and
        ``history`` (α + S, days) and ``shape`` (r + n) that they are made of.
    """
    prior = _prior(per, by)
    per = per.cross_join(prior) if by is None else per.inner_join(prior, by)
    history = per.alpha + per.gap_sum.fill_null(0)
    # The ratio is positive wherever a prior exists, so no engine sees the logarithm of zero.
    return per.mutate(
        history=history,
        shape=per.r + per.gaps,
        rhythm_days=history / (per.r + per.gaps),
        silence_chance=(history / (history + per.recency_days)) ** (per.r + per.gaps),
    )


def _per_customer(seen: ir.Table, *, as_of: dt.date) -> ir.Table:
    """All sums of a customer in one pass, over orders that know the gap before them."""
    known = _with_gaps(seen)
    per = known.group_by("customer_id").aggregate(
        first_ordered_on=known.day.min(where=known.bought),
        last_ordered_on=known.day.max(where=known.bought),
        orders=known.bought.cast("int64").sum(),
        # Ibis types a sum of decimals as decimal(38, 2); stated, so that every engine returns the same.
        revenue=known.amount.sum().cast("decimal(38, 2)"),
        gaps=known.gap.count(),
        gap_sum=known.gap.sum(),
        gap_squares=(known.gap * known.gap).sum(),
        last_gap_days=known.gap.argmax(known.day, where=known.gap.notnull()),
    )
    per = per.filter(per.orders > 0)
    today = ibis.date(as_of.year, as_of.month, as_of.day)
    # n Σg² − (Σg)² is an exact integer; only the last division is floating.
    spread = (per.gaps * per.gap_squares - per.gap_sum * per.gap_sum).cast("float64")
    return per.mutate(
        recency_days=today.delta(per.last_ordered_on, unit="day"),
        tenure_days=today.delta(per.first_ordered_on, unit="day"),
        order_days=per.gaps + 1,
        mean_order_value=per.revenue.cast("float64") / per.orders,
        mean_gap_days=per.gap_sum.cast("float64") / per.gaps.nullif(0),
        gap_spread_days=(spread / (per.gaps * (per.gaps - 1)).nullif(0)).sqrt(),
    )


def _with_gaps(seen: ir.Table) -> ir.Table:
    """Orders with ``gap``, the days since the purchase before; null in returns and where there is no gap."""
    day = seen.ordered_at.cast("date")
    known = seen.select("customer_id", "amount", bought=is_purchase(seen), day=day)
    before = ibis.window(group_by=["customer_id", "bought"], order_by="day")
    known = known.mutate(gap=known.day.delta(known.day.lag().over(before), unit="day"))
    return known.mutate(gap=(known.bought & (known.gap > 0)).ifelse(known.gap, None))


def _prior(per: ir.Table, by: str | None) -> ir.Table:
    """Shape r and rate α (days) of purchase rates between customers: a row a group, null where unknown."""
    sums = per.aggregate(
        by=[] if by is None else [by],
        repeats=per.gaps.sum(),
        pairs=(per.gaps * (per.gaps - 1)).sum(),
        days=per.tenure_days.sum(),
        squares=(per.tenure_days * per.tenure_days).sum(),
    )
    mean = sums.repeats.nullif(0).cast("float64") / sums.days.nullif(0)
    variance = sums.pairs.cast("float64") / sums.squares.nullif(0) - mean * mean
    least = mean * mean / _MOST_SHAPE
    variance = ibis.greatest(variance, least)
    return sums.select(*([] if by is None else [by]), r=mean * mean / variance, alpha=mean / variance)
