"""Which referrals look like customers who refer themselves? And what all referrals are worth beside that."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from crm_utils import engine
from crm_utils.features import Number, ShopFacts, is_purchase
from crm_utils.methods.loyalty.referrals import Referrals, newcomer_cells, newcomers, referral_value

__all__ = ["Fraud", "ReferralPage", "fraud", "referral_page", "shared_keys"]


@dataclass(frozen=True)
class Fraud:
    """Referrals that look like a customer referring themselves; counts under five are not shown.

    Attributes
    ----------
    referrals, referrers
        All of them, and who made them.
    same
        Where both are one customer.
    shared
        Where both were seen in one session on the day of the referral.
    idle
        Of those shared, where the referred bought once at most.
    sessions_known
        Whether sessions are known at all.
    """

    referrals: int
    referrers: int
    same: int
    shared: int
    idle: int
    sessions_known: bool

    @property
    def suspected(self) -> int:
        """Referrals suspected."""
        return self.same + self.shared


@dataclass(frozen=True)
class ReferralPage:
    """Referrals: what the referred are worth, how many are suspicious, and each of them; None without any."""

    value: Referrals | None
    fraud: Fraud | None
    suspicious: ir.Table | None

    def numbers(self) -> list[Number]:
        """What is recorded."""
        return self.value.numbers() if self.value else []


def referral_page(
    referrals: ir.Table | None,
    orders: ir.Table,
    lines: ir.Table,
    *,
    facts: ShopFacts,
    as_of: dt.date,
    days: int,
    events: ir.Table | None = None,
    products: ir.Table | None = None,
    customers: ir.Table | None = None,
) -> ReferralPage:
    """Judge the referrals; see :func:`newcomers` and :func:`shared_keys` for the arguments."""
    if referrals is None:
        return ReferralPage(None, None, None)
    starts = facts.history_starts or facts.first_day or as_of
    priced = products if products is not None and "unit_margin" in products.columns else None
    rows = newcomers(
        orders, lines, referrals, starts=starts, as_of=as_of, days=days, products=priced, customers=customers
    )
    cells: pd.DataFrame = newcomer_cells(rows).to_pyarrow().to_pandas()
    value = referral_value(cells, days=days, by_margin=priced is not None)
    suspicious = engine.keep(shared_keys(referrals, orders, events))
    return ReferralPage(value, fraud(suspicious, sessions_known=events is not None), suspicious)


def shared_keys(referrals: ir.Table, orders: ir.Table, events: ir.Table | None) -> ir.Table:
    """Each referral and what makes it suspicious.

    Returns
    -------
    ibis.expr.types.Table
        ``referrer_id``, ``customer_id``, ``referred_on``, ``same`` (one customer), ``shared`` (both in one
        session on that day), ``orders`` (purchases of the referred): 1 or 0 but the last.
    """
    rows = referrals.select("referrer_id", "customer_id", referred_on=referrals.referred_at.cast("date"))
    bought = orders.filter(is_purchase(orders), orders.customer_id.notnull())
    counts = bought.group_by(who="customer_id").aggregate(orders=bought.count())
    rows = rows.left_join(counts, rows.customer_id == counts.who).drop("who")
    rows = rows.mutate(
        orders=rows.orders.fill_null(0), same=(rows.referrer_id == rows.customer_id).cast("int64")
    )
    if events is None:
        return rows.mutate(shared=ibis.literal(0).cast("int64"))
    seen = events.filter(events.customer_id.notnull(), events.session_id.notnull())
    seen = seen.select(
        seen_id="customer_id", session="session_id", day=seen.occurred_at.cast("date")
    ).distinct()
    mine = rows.inner_join(seen, [rows.customer_id == seen.seen_id, rows.referred_on == seen.day])
    mine = mine.select("referrer_id", "customer_id", "session", "referred_on")
    theirs = seen.select(other_id="seen_id", other_session="session", other_day="day")
    both = mine.inner_join(
        theirs,
        [
            mine.referrer_id == theirs.other_id,
            mine.session == theirs.other_session,
            mine.referred_on == theirs.other_day,
        ],
    )
    pairs = both.select(pair_one="referrer_id", pair_other="customer_id").distinct()
    joined = rows.left_join(pairs, [rows.referrer_id == pairs.pair_one, rows.customer_id == pairs.pair_other])
    shared = joined.pair_one.notnull() & (joined.same == 0)
    return joined.mutate(shared=shared.cast("int64")).drop("pair_one", "pair_other")


def fraud(rows: ir.Table, *, sessions_known: bool) -> Fraud:
    """Count the suspicious: see :class:`Fraud`."""
    idle = ((rows.shared == 1) & (rows.orders <= 1)).cast("int64")
    row = rows.aggregate(
        referrals=rows.count(), referrers=rows.referrer_id.nunique(), same=rows.same.sum(),
        shared=rows.shared.sum(), idle=idle.sum(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    return Fraud(**{name: int(value or 0) for name, value in row.items()}, sessions_known=sessions_known)
