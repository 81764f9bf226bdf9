"""How a test calls each reduction of lifetime value, and of the counts that models of purchases need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from engines.shop import AS_OF, MIDDLE, STARTS, Shop

from crm_utils.features import presence
from crm_utils.features import purchase_counts as counts
from crm_utils.features.order_value import ShrunkMean
from crm_utils.features.purchase_models import Purchases
from crm_utils.methods import lifetime_value
from crm_utils.methods.lifetime_value import prospects, tracking, worth

__all__ = ["CASES"]

MODEL = Purchases(
    model="mbg_nbd", params={"r": 0.6, "alpha": 8.0, "a": 0.9, "b": 2.0}, log_likelihood=-1.0,
    without_leaving=-2.0, customers=9.0, repeats=9.0, converged=True, hessian_ok=True, leaving_seen=True,
    log_errors={}, unit_days=7,
)  # fmt: skip

DAYS: dict[str, Any] = {"as_of": AS_OF, "history_starts": STARTS}


def _panel(shop: Shop) -> ir.Table:
    return lifetime_value.value_panel(shop.orders, origins=[MIDDLE, AS_OF], as_of=AS_OF, horizon_days=91)


def _members(shop: Shop) -> ir.Table:
    """Customers in two channels by the last letter of the id, joined on one of two days."""
    even = shop.customers.customer_id.re_search("[02468]$")
    days = [ibis.date(2023, 7, 1), ibis.date(2024, 1, 1)]
    return shop.customers.select(
        "customer_id",
        joined_on=even.ifelse(*days),
        acquisition_channel=even.ifelse("ad", ibis.null("string")),
    )


def _costs(shop: Shop) -> ir.Table:
    """What a quarter cost, for all channels."""
    return shop.orders.aggregate(
        starts_on=ibis.literal(dt.date(2023, 7, 1)), ends_on=ibis.literal(dt.date(2023, 9, 30)),
        acquisition_channel=ibis.null("string"), cost=ibis._.count().cast("decimal(18, 2)"),
    )  # fmt: skip


def _valuation() -> lifetime_value.Valuation:
    buying = lifetime_value.Buying(MODEL, None, ShrunkMean(2.0, 30.0), 0.9)
    bounds = lifetime_value.Bounds(np.array([10.0]), np.zeros(2), np.ones(2), 0.9)
    fitted = lifetime_value.Fitted("mbg_nbd", 91, buying)
    return lifetime_value.Valuation(fitted, MODEL, True, bounds, 91, 0.3, 0.1)


def _values(shop: Shop) -> Any:
    panel = _panel(shop)
    return _valuation().table(panel.filter(panel.origin == ibis.date(str(AS_OF))))


def _new(shop: Shop) -> lifetime_value.NewCustomers:
    days = lifetime_value.cohort_days(shop.orders, _members(shop), **DAYS)
    return lifetime_value.cohort_value(days, margin_share=0.3, yearly_rate=0.1)


def _hazards(shop: Shop) -> prospects.Hazards:
    counts = prospects.member_counts(_members(shop), shop.orders, history_starts=STARTS)
    hazards = prospects.fit_hazards(counts, as_of=AS_OF)
    assert hazards is not None
    return hazards


CASES: dict[str, Callable[[Shop], Any]] = {
    "features.purchase_counts.purchase_counts": lambda s: [
        counts.purchase_counts(s.orders, as_of=day) for day in (AS_OF, MIDDLE)
    ],
    "features.purchase_counts.distinct_counts": lambda s: counts.distinct_counts(
        counts.purchase_counts(s.orders, as_of=AS_OF)
    ),
    "features.purchase_counts.with_forecasts": lambda s: counts.with_forecasts(
        counts.purchase_counts(s.orders, as_of=AS_OF), MODEL, horizon_days=91
    ),
    "features.presence.came_after": lambda s: presence.came_after(s.orders, summed_on=MIDDLE, until=AS_OF),
    "features.presence.with_alive": lambda s: presence.with_alive(
        s.summary.select("customer_id"), s.orders, as_of=AS_OF, model="mbg_nbd"
    ),
    "features.presence.judge_presence": lambda s: presence.judge_presence(
        s.orders, first_day=STARTS, as_of=AS_OF
    ),
    "features.presence.Presence.fit": lambda s: presence.judge_presence(
        s.orders, first_day=STARTS, as_of=AS_OF
    ).fit(s.orders, as_of=AS_OF),
    "features.purchase_counts.gap_pairs": lambda s: counts.gap_pairs(s.orders, as_of=AS_OF),
    "lifetime_value.panel.value_panel": _panel,
    "lifetime_value.panel.value_frame": lambda s: [
        lifetime_value.value_frame(_panel(s), most_rows=n, seed=3) for n in (50, 10**6)
    ],
    "lifetime_value.panel.in_batches": lambda s: sum(
        part.num_rows for part in lifetime_value.panel.in_batches(_panel(s), size=7)
    ),
    "lifetime_value.worth.Valuation.table": lambda s: _values(s).to_pandas(),
    "lifetime_value.worth.worth_of_groups": lambda s: worth.worth_of_groups(_values(s), s.named, _members(s)),
    "lifetime_value.new_customers.cohort_days": lambda s: [
        lifetime_value.cohort_days(s.orders, people, **DAYS) for people in (_members(s), None)
    ],
    "lifetime_value.new_customers.acquisition_costs": lambda s: lifetime_value.acquisition_costs(
        _costs(s), lifetime_value.cohort_days(s.orders, _members(s), **DAYS), **DAYS
    ),
    "lifetime_value.tracking.weekly_repeats": lambda s: tracking.weekly_repeats(
        s.orders, known_on=MIDDLE, as_of=AS_OF
    ),
    "lifetime_value.tracking.track": lambda s: lifetime_value.track(
        s.orders, model="nbd", fitted_on=MIDDLE, as_of=AS_OF
    ),
    "lifetime_value.prospects.member_counts": lambda s: prospects.member_counts(
        _members(s), s.orders, history_starts=STARTS
    ),
    "lifetime_value.prospects.prospects": lambda s: prospects.prospects(
        _members(s), s.orders, _hazards(s), **DAYS, horizon_days=60, values={"*": 30.0}
    ),
    "lifetime_value.prospects.rank_prospects": lambda s: lifetime_value.rank_prospects(
        _members(s), s.orders, _new(s), **DAYS, horizon_days=60
    ),
}
