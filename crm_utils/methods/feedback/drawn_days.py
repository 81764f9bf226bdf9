"""Did chance really choose the day of asking? What was known before must not tell who is asked later.

A study says that chance chose the day; nothing in the tables can prove it, but they can show it to be
wrong. Within requests of one kind about parcels that took as long, those asked later and sooner must be
alike in what was so before the request: purchases so far, channel, weekday and quarter of the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from crm_utils.features.deliveries import with_purchases
from crm_utils.features.strata import adjusted_difference

__all__ = ["ALARM", "TRAITS", "Uneven", "balance_cells", "uneven"]

TRAITS = ("frequency", "channel", "weekday", "quarter")
"""What was so before the request."""
ALARM = 0.01
"""p-value, times the number of groups looked at, below which the day was not chosen by chance."""
_FEWEST = 20
"""Customers inside and outside of a group, from which on it is looked at."""


@dataclass(frozen=True)
class Uneven:
    """The group that the day of asking depends on most.

    Attributes
    ----------
    trait, level
        One of :data:`TRAITS`, and which group of it.
    later, sooner
        Its share of those asked later and sooner.
    p
        Of a difference within strata, times the groups looked at (Bonferroni; at most 1).
    """

    trait: str
    level: str
    later: float
    sooner: float
    p: float


def balance_cells(one: ir.Table, orders: ir.Table) -> ir.Table:
    """Count requests by when they were asked and by what was so before.

    Parameters
    ----------
    one
        One request a customer and kind: ``customer_id``, ``order_id``, ``kind``, ``days``, ``later``,
        ``ordered_on``.
    orders
        The view ``orders``.

    Returns
    -------
    ibis.expr.types.Table
        ``kind``, ``days``, ``later``, :data:`TRAITS`, ``customers``. Frequency is of purchases up to the
        order that is asked about, so that who is asked later had no more time; weekday is 0 (Monday) to 6.
    """
    rows = one.select(
        "customer_id",
        "kind",
        "days",
        "later",
        "order_id",
        day="ordered_on",
        key=one.kind + " " + one.order_id,
    )
    rows = with_purchases(rows, orders, "key", horizon_days=1)
    of = orders.select(about="order_id", channel=orders.channel.fill_null(""))
    rows = rows.inner_join(of, rows.order_id == of.about)
    year, quarter = rows.day.year().cast("string"), rows.day.quarter().cast("string")
    rows = rows.mutate(weekday=rows.day.day_of_week.index().cast("string"), quarter=year + " Q" + quarter)
    keys = ["kind", "days", "later", *TRAITS]
    return rows.group_by(keys).aggregate(customers=rows.count()).order_by(keys)


def uneven(counts: pd.DataFrame) -> Uneven | None:
    """Find what tells who is asked later; None where nothing does, beyond chance.

    Parameters
    ----------
    counts
        As :func:`balance_cells` gives them. The first and the last quarter are no groups of their own: of
        their orders those asked sooner are known and those asked later not yet, or the other way round.

    Notes
    -----
    Of each group: its share among those asked later less that among those asked sooner, within kind and days
    of the parcel (:func:`~crm_utils.features.strata.adjusted_difference`). By Bonferroni a true draw raises
    an alarm in at most one of a hundred shops.
    """
    tested = []
    for trait in TRAITS:
        rows = counts
        if trait == "quarter":
            rows = rows[~rows["quarter"].isin([rows["quarter"].min(), rows["quarter"].max()])]
        for level in sorted(rows[trait].unique()):
            inside = rows["customers"].where(rows[trait] == level, 0)
            if min(inside.sum(), rows["customers"].sum() - inside.sum()) < _FEWEST:
                continue
            later = rows["later"] == 1
            result = adjusted_difference(rows.assign(lapsed=inside), later, ["kind", "days"])
            if result.known:
                shares = [inside[side].sum() / rows["customers"][side].sum() for side in (later, ~later)]
                tested.append(Uneven(trait, str(level), float(shares[0]), float(shares[1]), result.p))
    if not tested:
        return None
    worst = min(tested, key=lambda each: each.p)
    p = min(worst.p * len(tested), 1.0)
    return Uneven(worst.trait, worst.level, worst.later, worst.sooner, p) if p < ALARM else None
