"""How a test calls each reduction of churn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from engines.shop import AS_OF, MIDDLE, Shop

from crm_utils.features import known_orders
from crm_utils.features.presence import judge_presence
from crm_utils.methods import churn
from crm_utils.methods.churn import frames, habits
from crm_utils.methods.churn.periods import Periods

__all__ = ["CASES"]

CUTOFFS = [dt.date(2024, 2, 29), MIDDLE, dt.date(2024, 7, 5), AS_OF]
DAYS: dict[str, Any] = {"cutoffs": CUTOFFS, "as_of": AS_OF, "horizon_days": 28, "active_days": 100}
PERIODS = Periods.between(CUTOFFS, 28)


def _segments(shop: Shop) -> ir.Table:
    often = (shop.summary.orders > 3).ifelse("often", "seldom")
    return shop.summary.select("customer_id", segment=often, cutoff=ibis.date(str(MIDDLE)))


def _named(shop: Shop) -> Callable[..., ir.Table]:
    return lambda as_of: shop.summary.select("customer_id", segment=ibis.literal(str(as_of)))


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
    models = churn.Models(model, model, None, churn.fit_spend(later), churn.find_evidence(later))
    cuts = np.array([0.2, 0.5])
    plan = churn.Scoring(models, stakes, cuts, 0.3, 0.0, "shop", AS_OF, 0.2)
    rows = panel.filter(panel.cutoff == ibis.date(str(AS_OF)))
    listed = plan.contacts(rows)
    return [plan.batches(rows).read_all().to_pandas(), listed.table.to_pandas(), listed.held_out]


def _beside(shop: Shop) -> churn.Beside:
    """A forecast of one half for everybody known on a day."""
    known = shop.summary.order_by("customer_id").to_pyarrow().to_pandas()["customer_id"]
    rows = pd.DataFrame({"customer_id": known, "cutoff": MIDDLE, "window": "test", "half": 0.5})
    rows["actual"] = np.arange(len(rows)) % 2
    contest = churn.Contest(rows, pd.DataFrame(), "half", "lapse", ("half",))
    judged = judge_presence(shop.orders, first_day=dt.date(2023, 1, 1), as_of=AS_OF)
    return churn.beside_purchases(contest, shop.orders, judged, horizon_days=28)


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
    "churn.scoring.Scoring.batches": lambda s: _scored(s)[0],
    "churn.scoring.Scoring.contacts": lambda s: _scored(s)[1:],
    "churn.frames.on_day": lambda s: [
        churn.on_day(_panel(s), MIDDLE)[0],
        str(churn.on_day(_panel(s), MIDDLE)[1]),
    ],
    "churn.frames.name_on": lambda s: churn.name_on(CUTOFFS[:2], _named(s), today=_segments(s))[CUTOFFS[1]],
    "churn.beside.with_values": lambda s: [
        churn.with_values(s.summary.select("customer_id"), values)
        for values in (
            None,
            s.summary.filter(s.summary.orders > 2).select(
                "customer_id", alive=ibis.literal(0.5), expected_value=s.summary.orders * 2.0
            ),
        )
    ],
    "churn.beside.beside_purchases": _beside,
    "churn.frames.segments_on": lambda s: churn.segments_on(churn.name_on(CUTOFFS[:2], _named(s))),
    "churn.kept.share_kept": lambda s: churn.share_kept(
        s.tables["messages"].mutate(
            scenario=ibis.literal("churn_contact"),
            customers=900,
            share_kept=0.3,
            low=0.2,
            high=0.4,
            horizon_days=28,
            held_out=200,
        ),
        churn.Stakes(0.1, 0.3, 1, 0.1, 0.25, 28),
    ),
    "churn.survival.silence_times": lambda s: churn.silence_times(
        s.orders, _segments(s), cutoff=MIDDLE, as_of=AS_OF, silent_days=28
    ),
}
