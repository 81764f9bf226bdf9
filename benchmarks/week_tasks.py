"""The scorecard's weeks: every number of every week, against one plain aggregation of the same orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

__all__ = ["weeks_bare", "weeks_ours"]

Timed = Callable[..., int]
DAY, STARTS = dt.date(2017, 12, 31), dt.date(2017, 1, 1)


def weeks_ours() -> Timed:
    """From order lines to the sums of each week and part of the customers, brought home."""
    import pandas as pd  # noqa: F401 Arrow imports it at the first frame

    from crm_utils import tables
    from crm_utils.engine import connect
    from crm_utils.methods.scorecard import known_weeks, weekly_sums

    def run(path: str) -> int:
        orders = tables.orders(connect().read_parquet(path))
        return len(known_weeks(weekly_sums(orders, as_of=DAY), as_of=DAY, history_starts=STARTS).sums)

    return run


def weeks_bare() -> Timed:
    """One aggregation of the same orders: a week's orders, different customers, money and discount."""
    import pandas as pd  # noqa: F401

    from crm_utils import tables
    from crm_utils.engine import connect

    def run(path: str) -> int:
        orders = tables.orders(connect().read_parquet(path))
        orders = orders.mutate(week=orders.ordered_at.truncate("W").cast("date"))
        sums = orders.group_by("week").aggregate(
            orders=orders.count(),
            customers=orders.customer_id.nunique(),
            amount=orders.amount.sum(),
            discount=orders.discount.sum(),
        )
        rows = sums.order_by("week").execute()
        return len(rows[(rows["week"] >= "2017-01-02") & (rows["week"] <= "2017-12-25")])

    return run
