"""At what hour do customers come, and is each one's own hour better than the shop's best? A test says.

A customer's own hour is the open one in which they came most often, with the shop's habits as a few visits
more, so that a single visit says little. Whether that beats one hour for all is asked of days that the choice
did not see: the share of later visits within two hours of either, customer by customer. Only where the
difference is surely above 0 does each get an hour of their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crm_utils.features import is_purchase
from crm_utils.features.statistics import SMALLEST_GROUP, z
from crm_utils.methods.campaign_targeting.exits import these

__all__ = ["SendHours", "send_hours", "visits"]

TEST_DAYS = 28
"""The last days, which the choice does not see."""
WINDOW = 2
"""Hours from the message in which a visit counts as near it."""
PRIOR = 3
"""Visits at the shop's own hours that each customer is given beside their own."""
LEAST = 100
"""Customers seen in both spans: with fewer no hour is chosen for anybody."""
_COMES = ("visit", "view", "search", "cart", "purchase")


@dataclass(frozen=True)
class SendHours:
    """Which hour is best for all, and whether customers' own hours are better.

    Attributes
    ----------
    shop_hour
        The open hour at which most visits begin within :data:`WINDOW` hours; None where nothing is known.
    near_shop, near_own
        Of later visits, the mean share near the shop's hour and near the customer's own, over customers.
    difference, low, high
        Own less shop's, with its interval; missing below :data:`LEAST` customers.
    customers
        Who were seen in both spans.
    by_events
        Whether visits were known, or orders alone.
    own
        ``customer_id``, ``hour``: where it differs from the shop's; chosen from all days.
    week
        ``weekday`` (0 Monday), ``hour``, ``visits``: of the last :data:`TEST_DAYS` days; of fewer than five
        customers 0.
    """

    shop_hour: int | None
    near_shop: float
    near_own: float
    difference: float
    low: float
    high: float
    customers: int
    by_events: bool
    own: ir.Table | None
    week: pd.DataFrame

    @property
    def better(self) -> bool:
        """Whether each customer's own hour is shown to beat the shop's."""
        return bool(self.low > 0)

    def of(self, ids: pd.Series[str]) -> pd.Series[int] | None:
        """The hour for each of these customers; None where no hour is known."""
        if self.shop_hour is None:
            return None
        hours = pd.Series(self.shop_hour, index=ids.index)
        if self.own is None or not self.better:
            return hours
        known = self.own.semi_join(these(ids), "customer_id").execute().set_index("customer_id")["hour"]
        mine = known.reindex(ids).to_numpy(dtype="float64")
        return hours.where(np.isnan(mine), np.nan_to_num(mine, nan=self.shop_hour).astype("int64"))


def visits(orders: ir.Table, events: ir.Table | None, *, now: dt.datetime) -> ir.Table:
    """When customers came by themselves: ``customer_id``, ``day``, ``hour``, each once.

    Parameters
    ----------
    orders
        Canonical; their hours count where no events are known.
    events
        Canonical, or None. What the shop did, such as a delivery, is no visit.
    now
        Exclusive end.
    """
    if events is not None:
        seen = events.filter(events.event.isin(_COMES), events.customer_id.notnull())
        at = seen.occurred_at
    else:
        seen = orders.filter(is_purchase(orders), orders.customer_id.notnull())
        at = seen.ordered_at
    rows = seen.filter(at < now).select("customer_id", day=at.cast("date"), hour=at.hour().cast("int64"))
    return rows.distinct()


def send_hours(came: ir.Table, *, now: dt.datetime, closed: Sequence[int], by_events: bool) -> SendHours:
    """Choose the shop's best hour, and test whether customers' own hours are better.

    Parameters
    ----------
    came
        From :func:`visits`.
    now
        The instant of the plan.
    closed
        Hours of the day in which advertising rests: none of them is chosen.
    by_events
        Whether the visits are events, or orders.
    """
    split = (now - dt.timedelta(days=TEST_DAYS)).date()
    before, after = came.filter(came.day < split), came.filter(came.day >= split)
    week = _week(after)
    open_hours = [hour for hour in range(24) if hour not in set(closed)]
    whole, early = _by_hour(came), _by_hour(before)
    if not early.sum() or not open_hours:
        nothing = (float("nan"),) * 5
        hour = _best(whole, open_hours) if whole.sum() and open_hours else None
        return SendHours(hour, *nothing, 0, by_events, None, week)
    test = _tested(before, after, early, open_hours)
    return SendHours(
        _best(whole, open_hours), *test, by_events=by_events, own=_own(came, whole, open_hours), week=week
    )


def _by_hour(came: ir.Table) -> pd.Series[int]:
    counts: pd.DataFrame = came.group_by("hour").aggregate(n=came.count()).execute()
    return counts.set_index("hour")["n"].reindex(range(24), fill_value=0)


def _near(counts: pd.Series[int]) -> pd.Series[int]:
    """Visits within the window of each hour, over midnight as well."""
    return sum((pd.Series(np.roll(counts.to_numpy(), -k)) for k in range(WINDOW)), start=pd.Series([0] * 24))


def _best(counts: pd.Series[int], open_hours: Sequence[int]) -> int:
    near = _near(counts)
    return max(open_hours, key=lambda hour: (int(near[hour]), -hour))


def _own(came: ir.Table, shop: pd.Series[int], open_hours: Sequence[int]) -> ir.Table:
    """Customers whose own best hour is another than the shop's: ``customer_id``, ``hour``."""
    best, prior = _best(shop, open_hours), _near(shop) / shop.sum() * PRIOR
    each = came.group_by("customer_id", "hour").aggregate(n=came.count())
    offsets = [each.mutate(hour=(each.hour - k + 24) % 24) for k in range(WINDOW)]
    near = ibis.union(*offsets, distinct=False).group_by("customer_id", "hour")
    near = near.aggregate(n=ibis._.n.sum())
    near = near.filter(near.hour.isin(list(open_hours)))
    # Compared in whole thousandths, so that engines agree on who is ahead.
    shares = [(near.hour == hour, round(1000 * prior[hour])) for hour in open_hours]
    near = near.mutate(score=near.n * 1000 + ibis.cases(*shares, else_=0))
    at_best = near.score.max(where=near.hour == best).fill_null(round(1000 * prior[best]))
    top = near.group_by("customer_id").aggregate(most=near.score.max(), shop=at_best)
    top = top.filter(top.most > top.shop)
    ahead = near.inner_join(top.select("customer_id", "most"), "customer_id")
    ahead = ahead.filter(ahead.score == ahead.most)
    return ahead.group_by("customer_id").aggregate(hour=ahead.hour.min())


def _tested(
    before: ir.Table, after: ir.Table, shop: pd.Series[int], open_hours: Sequence[int]
) -> tuple[float, float, float, float, float, int]:
    """Near the shop's hour, near the own, their difference with its interval, and of how many customers."""
    best = _best(shop, open_hours)
    seen = before.select("customer_id").distinct()
    chosen = _own(before, shop, open_hours).select(_who="customer_id", _own="hour")
    known = after.semi_join(seen, "customer_id")
    later = known.left_join(chosen, known.customer_id == chosen._who)
    own = later._own.fill_null(best)
    hit = {
        name: ((later.hour - at + 24) % 24 < WINDOW).cast("int64") for name, at in (("a", own), ("b", best))
    }
    each = later.select("customer_id", **hit).group_by("customer_id")
    each = each.aggregate(n=ibis._.count(), a=ibis._.a.sum(), b=ibis._.b.sum())
    kinds = each.group_by("n", "a", "b").aggregate(customers=each.count()).order_by("n", "a", "b").execute()
    size = kinds["customers"]
    many = int(size.sum())
    if many < LEAST:
        return (float("nan"),) * 5 + (many,)
    near_own, near_shop = kinds["a"] / kinds["n"], kinds["b"] / kinds["n"]
    gap = near_own - near_shop
    mean = float((gap * size).sum() / many)
    error = float(((gap - mean) ** 2 * size).sum() / (many - 1) / many) ** 0.5
    shares = (float((share * size).sum() / many) for share in (near_shop, near_own))
    return (*shares, mean, mean - z() * error, mean + z() * error, many)


def _week(came: ir.Table) -> pd.DataFrame:
    by = came.mutate(weekday=came.day.day_of_week.index().cast("int64"))
    sums = by.group_by("weekday", "hour").aggregate(visits=by.count(), customers=by.customer_id.nunique())
    counts = sums.order_by("weekday", "hour").execute()
    many = counts.pop("customers") >= SMALLEST_GROUP
    shown: pd.DataFrame = counts.assign(visits=counts["visits"].where(many, 0))
    return shown
