"""How a test calls each reduction of churn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
from engines.shop import AS_OF, MIDDLE, Shop

from crm_utils import churn
from crm_utils.churn import frames, habits
from crm_utils.churn.periods import Periods
from crm_utils.features import known_orders

__all__ = ["CASES"]

CUTOFFS = [dt.date(2024, 2, 29), MIDDLE, dt.date(2024, 7, 5), AS_OF]
DAYS: dict[str, Any] = {"cutoffs": CUTOFFS, "as_of": AS_OF, "horizon_days": 28, "active_days": 100}
PERIODS = Periods.between(CUTOFFS, 28)


def _segments(shop: Shop) -> ir.Table:
    often = (shop.summary.orders > 3).ifelse("often", "seldom")
    return shop.summary.select("customer_id", segment=often, cutoff=ibis.date(str(MIDDLE)))


def _panel(shop: Shop) -> ir.Table:
    return churn.churn_panel(
        shop.orders, **DAYS, order_lines=shop.tables["order_lines"], messages=shop.tables["messages"],
        segments=_segments(shop),
    )  # fmt: skip


def _scored(shop: Shop) -> Any:
    """Batches come in the order of ids, and every engine's hold the same."""
    panel = churn.churn_panel(shop.orders, **DAYS)
    known = churn.panel_frame(panel)
    train, later = (known[known["cutoff"] == day] for day in CUTOFFS[1:3])
    model = churn.fit_contender("orders", train, later)
    stakes = churn.Stakes(0.1, 0.3, 1, 0.1, 0.25, 28)
    today = known[known["cutoff"] == AS_OF]
    plan = churn.plan_scoring(
        today, model, model, None, stakes, horizon_days=28, depth=0.5, holdout_share=0.2, seed=1
    )
    return plan.batches(panel.filter(panel.cutoff == ibis.date(str(AS_OF)))).read_all().to_pandas()


CASES: dict[str, Callable[[Shop], Any]] = {
    "churn.panel.churn_panel": lambda s: [
        _panel(s),
        churn.churn_panel(s.orders, **DAYS),
        churn.churn_panel(s.orders, **DAYS | {"cutoffs": [dt.date(2023, 1, 1)]}),  # nobody yet
    ],
    "churn.habits.order_habits": lambda s: habits.order_habits(
        known_orders(s.tables["order_lines"], as_of=AS_OF), PERIODS
    ),
    "churn.habits.message_habits": lambda s: habits.message_habits(s.tables["messages"], PERIODS),
    "churn.frames.panel_frame": lambda s: [
        churn.panel_frame(_panel(s), most_rows=n, seed=3) for n in (50, 10**6)
    ],
    "churn.frames.in_batches": lambda s: sum(part.num_rows for part in frames.in_batches(_panel(s))),
    "churn.scoring.Scoring.batches": _scored,
    "churn.survival.silence_times": lambda s: churn.silence_times(
        s.orders, _segments(s), cutoff=MIDDLE, as_of=AS_OF, silent_days=28
    ),
}
