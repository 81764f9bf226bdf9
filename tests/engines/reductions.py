"""Which reductions are there, and with what does a test call each? The list is found, never typed.

A reduction is a public function or method of the package that takes an Ibis table. One without a case
here fails the tests: whoever adds a reduction says in the same change how to see that engines agree on it.
What runs only while data are loaded is none: that is done in DuckDB, and other engines read what it wrote.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import ibis
import ibis.expr.types as ir
import ibis.selectors as cs
import numpy as np
from engines import (
    ab_test,
    campaign_targeting,
    churn,
    cross_sell,
    customer_journey,
    feedback,
    lifetime_value,
    loyalty,
    scorecard,
)
from engines.compare import settle
from engines.shop import AS_OF, MIDDLE, STARTS, Shop

import crm_utils
from crm_utils import features, tables
from crm_utils.features import ranges
from crm_utils.loading import contract
from crm_utils.methods import data_collection, segmentation
from crm_utils.methods.segmentation import (
    clusters,
    movement,
    naming,
    overview,
    profile,
    retention,
    rfm,
    validation,
)  # fmt: skip
from crm_utils.people import joining
from crm_utils.run.shared import shared_table
from crm_utils.tables import TABLES, AsOf

__all__ = ["CASES", "reductions"]


_ENGINE = re.compile(r"\bir\.Table\b|\bCoded\b")
"""Arguments that are tables in the engine: Ibis tables, and baskets by integers."""
#: Modules of the loading, which speak DuckDB's own tongue: its JSON, its zones, a macro of the connection.
LOADING = (
    "crm_utils.engine", "crm_utils.loading.doubts", "crm_utils.mapping", "crm_utils.people.contacts",
    "crm_utils.people.key_map", "crm_utils.sources",
)  # fmt: skip


def reductions() -> set[str]:
    """The names of all reductions: module, then function, or class and method."""
    names = set()
    for module in pkgutil.walk_packages(crm_utils.__path__, "crm_utils."):
        if module.name.startswith(LOADING) or module.name == "crm_utils.people":
            continue
        for name, function in _public(importlib.import_module(module.name)):
            kinds = inspect.get_annotations(function)
            if any(_ENGINE.search(str(kind)) for what, kind in kinds.items() if what != "return"):
                place = module.name.removeprefix("crm_utils.").removeprefix("methods.")
                names.add(f"{place}.{name}")
    return names


def _public(module: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    own = {k: v for k, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__}
    for name, thing in own.items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing):
            methods = inspect.getmembers(thing, inspect.isfunction)
            yield from ((f"{name}.{k}", v) for k, v in methods if not k.startswith("_"))


def _found_clusters(shop: Shop) -> clusters.Clusters:
    fitted = clusters.find_clusters(shop.summary, seed=1, ks=[3], bootstraps=2, nulls=1)
    return dataclasses.replace(fitted, k=2, centers=np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, -0.5]]))


def _broken(shop: Shop) -> dict[str, int]:
    """How many rows break each rule; rules that none breaks are left out: Spark has more types to read."""
    rules = contract.checks(shop.judged, TABLES["messages"])
    broken = {rule.reason: rule.breaks.fill_null(False).cast("int64") for rule in rules}
    rows = shop.judged.select(**broken)
    return {k: n for k, n in settle({k: rows[k].sum() for k in broken}).items() if n}


def _both(shop: Shop) -> tuple[Any, Any]:
    return naming.name_periods(
        shop.orders, PERIODS, as_of=AS_OF, history_starts=STARTS,
    )  # fmt: skip


def _sightings(shop: Shop) -> ir.Table:
    """Keys seen together: chains through shared e-mails, and a phone that is nobody's."""
    sent = shop.uncut["messages"]
    number = sent.message_id.cast("int64")
    every = (number % 5 == 0).ifelse("0", ibis.null("string"))
    email = "e" + (number // 3).cast("string")
    card = "c" + (number * 7 % 150).cast("string")
    return sent.select(account="customer_id", email=email, card=card, phone=every)


def _links(shop: Shop) -> ir.Table:
    number = shop.uncut["messages"].message_id.cast("int64")
    return shop.uncut["messages"].select(one=number, other=number // 2)


LEAP = dt.date(2024, 2, 29)
DAYS: dict[str, Any] = {"as_of": AS_OF, "history_starts": STARTS}
PERIODS = naming.fit_periods(STARTS, AS_OF, next_days=28, period_days=182)

CASES: dict[str, Callable[[Shop], Any]] = {
    "tables.cut": lambda s: [
        tables.cut(s.uncut[name], TABLES[name], AsOf.parse(day))
        for name in s.uncut for day in ("2024-11-05", "2024-11-03T01:30:00")
    ],
    "tables.orders": lambda s: tables.orders(s.tables["order_lines"]),
    "tables.orders_sent_back": lambda s: tables.orders_sent_back(s.tables["order_lines"]),
    "loading.contract.conform": lambda s: s.judged.drop(cs.startswith("_unread_")),
    "loading.contract.checks": _broken,
    "loading.contract.split": lambda s: contract.split(s.raw, "messages"),
    "loading.contract.left_out": lambda s: contract.left_out(
        s.judged.mutate(_left_out=(s.judged.held_out).ifelse("held out", ibis.null("string")))
    ),
    "loading.contract.counted": lambda s: contract.counted(s.tables["order_lines"], "channel"),
    "loading.contract.late_arrivals": lambda s: contract.late_arrivals(
        s.tables["order_lines"],
        s.tables["order_lines"].filter(s.tables["order_lines"].quantity > 1),
        through=MIDDLE,
    ),
    "loading.contract.oddities": lambda s: contract.oddities(s.tables),
    "people.joining.connected": lambda s: joining.connected(_links(s)),
    "people.joining.shared_keys": lambda s: joining.shared_keys(_sightings(s), most=1),
    "people.joining.join_people": lambda s: joining.join_people(_sightings(s), most=3),
    "people.joining.merges": lambda s: joining.merges(joining.join_people(_sightings(s), most=3)),
    "features.customer_summary.customer_summary": lambda s: [
        features.customer_summary(s.orders, as_of=AS_OF),
        features.customer_summary(s.orders, as_of=MIDDLE, since=LEAP),
        features.customer_summary(s.orders, as_of=dt.date(2023, 1, 1)),  # nobody yet
    ],
    "features.customer_summary.known_orders": lambda s: features.known_orders(
        s.orders, as_of=MIDDLE, since=LEAP
    ),
    "features.customer_summary.is_purchase": lambda s: s.orders.select(
        "order_id", bought=features.is_purchase(s.orders)
    ),
    "features.customer_summary.purchase_days": lambda s: features.purchase_days(s.orders),
    "features.customer_summary.beyond_rhythm": lambda s: s.summary.select(
        "customer_id", alone=features.beyond_rhythm(s.summary),
        limited=features.beyond_rhythm(s.summary, chance=0.2, silent_days=30),
    ),
    "features.customer_summary.silence_measure": lambda s: (
        (known := s.summary.mutate(alive=(s.summary.orders > 2).ifelse(0.5, None))).select(
            "customer_id", measure=features.silence_measure(known)
        )
    ),
    "features.customer_summary.with_rhythm": lambda s: features.with_rhythm(
        s.summary.select(
            "customer_id", "tenure_days", "recency_days", "first_ordered_on", gaps=s.summary.order_days - 1,
            gap_sum=s.summary.tenure_days - s.summary.recency_days,
            year=s.summary.first_ordered_on.year().cast("int64")
        ), by="year",
    ),
    "features.customer_summary.is_new": lambda s: s.summary.select(
        "customer_id", new=features.is_new(s.summary, history_starts=STARTS)
    ),
    "features.facts.shop_facts": lambda s: [
        vars(features.shop_facts(s.tables["order_lines"], as_of=day)) for day in (AS_OF, MIDDLE)
    ],
    "features.ranges.customers_ranges": lambda s: ranges.customers_ranges(
        s.tables["order_lines"], ["quantity", "amount"]
    ),
    "data_collection.days.volume_by": lambda s: [
        data_collection.volume_by(s.orders, grain) for grain in ("day", "hour", "weekday_hour", "channel")
    ],
    "data_collection.customers.first_seen": lambda s: data_collection.first_seen(s.orders, new_from=LEAP),
    # Without the type: engines name theirs in their own way.
    "data_collection.fields.completeness": lambda s: [
        data_collection.completeness(t).drop(columns="type") for t in s.tables.values()
    ],
    "data_collection.rows.control_totals": lambda s: data_collection.control_totals(s.tables["order_lines"]),
    "data_collection.fields.coverage": lambda s: data_collection.coverage(s.tables),
    "data_collection.customers.customer_view": lambda s: [
        data_collection.customer_view(s.tables),
        data_collection.customer_view({"order_lines": s.tables["order_lines"]}),
    ],
    "data_collection.customers.first_seen_of": lambda s: data_collection.first_seen_of(
        s.orders, new_from=LEAP
    ),
    "data_collection.days.hours_of": lambda s: data_collection.hours_of(s.orders),
    "data_collection.fields.completeness_of": lambda s: data_collection.completeness_of(s.tables).drop(
        columns="type"
    ),
    "data_collection.present": lambda s: list(data_collection.present({**s.tables, "x": None}).values()),
    "data_collection.customers.view_sizes": lambda s: data_collection.view_sizes(
        data_collection.customer_view(s.tables)
    ),
    "data_collection.fields.timeliness": lambda s: data_collection.timeliness(s.tables, as_of=AS_OF),
    "segmentation.clusters.find_clusters": _found_clusters,
    "segmentation.clusters.Clusters.assign": lambda s: _found_clusters(s).assign(s.summary),
    "segmentation.clusters.Clusters.profile": lambda s: (
        (fitted := _found_clusters(s)).profile(fitted.assign(s.summary))
    ),
    "segmentation.clusters.compare_clusters": lambda s: clusters.compare_clusters(
        s.summary.mutate(cluster=s.summary.orders % 3), s.summary.mutate(cluster=s.summary.recency_days % 3)
    ),
    "segmentation.concentration.concentration": lambda s: segmentation.concentration(s.summary),
    "segmentation.cuts.rfm_cuts": lambda s: segmentation.rfm_cuts(s.summary, as_of=AS_OF),
    "segmentation.cuts.saved_or_fitted": lambda s: segmentation.saved_or_fitted("", s.summary, as_of=AS_OF),
    "segmentation.actions.champions": lambda s: segmentation.champions(s.named),
    "segmentation.actions.second_purchase": lambda s: segmentation.second_purchase(
        s.named, study="s", as_of=AS_OF, share=0.5
    ),
    "segmentation.baseline.rank_by_names": lambda s: segmentation.rank_by_names(
        s.earlier, s.orders, named_on=MIDDLE, days=90
    ),
    "segmentation.robustness.robustness": lambda s: segmentation.robustness(
        s.orders, s.named, _found_clusters(s), PERIODS, as_of=AS_OF, seed=1, rules={"history_starts": STARTS}
    ),
    "segmentation.thresholds.fit_thresholds": lambda s: segmentation.fit_thresholds(
        s.orders, summed_on=MIDDLE, until=AS_OF
    ),
    "segmentation.lifecycle.lifecycle_stage": lambda s: [
        segmentation.lifecycle_stage(s.summary, history_starts=STARTS, silent_days=d) for d in (None, 60)
    ],
    "segmentation.movement.transitions": lambda s: movement.transitions(s.earlier, s.named, column="stage"),
    "segmentation.movement.revenue_bridge": lambda s: movement.revenue_bridge(s.earlier, s.named),
    "segmentation.movement.regression_to_mean": lambda s: movement.regression_to_mean(s.earlier, s.named),
    "segmentation.movement.segment_migration": lambda s: movement.segment_migration(s.earlier, s.named),
    "segmentation.naming.name_customers": lambda s: naming.name_customers(s.orders, **DAYS),
    "segmentation.naming.name_periods": _both,
    "segmentation.overview.group_sizes": lambda s: overview.group_sizes(
        s.named, column="segment", order=segmentation.SEGMENTS
    ),
    "segmentation.overview.measure_ranges": lambda s: overview.measure_ranges(
        s.summary, ["recency_days", "orders", "mean_gap_days"]
    ),
    "run.shared.shared_table": lambda s: shared_table(s.orders.get_backend(), "orders", lambda: s.orders),
    "segmentation.overview.totals": lambda s: overview.totals(s.orders, s.summary),
    "segmentation.profile.coverage": lambda s: profile.coverage(s.named, s.customers),
    "segmentation.profile.attribute_shares": lambda s: profile.attribute_shares(
        s.named, s.customers, attribute="region"
    ),
    "segmentation.retention.cohort_retention": lambda s: retention.cohort_retention(s.orders, **DAYS),
    "segmentation.rfm.rfm_score": lambda s: s.scored,
    "segmentation.rfm.rfm_segment": lambda s: [
        rfm.rfm_segment(s.scored, history_starts=STARTS, silent_days=d) for d in (None, 60)
    ],
    "segmentation.rfm.score_shares": lambda s: rfm.score_shares(s.scored, s.cuts),
    "segmentation.rfm.changed_by_refit": lambda s: rfm.changed_by_refit(s.earlier, s.named),
    "segmentation.rfm.value_grid": lambda s: rfm.value_grid(s.named),
    "segmentation.validation.forward_validation": lambda s: validation.forward_validation(
        s.earlier, s.orders, named_on=MIDDLE, days=90
    ),
    "segmentation.validation.other_windows": lambda s: validation.other_windows(
        s.orders, days=200, first_day=STARTS, **DAYS
    ),
    "segmentation.thresholds.silence_calibration": lambda s: segmentation.silence_calibration(
        features.customer_summary(s.orders, as_of=MIDDLE), s.orders, summed_on=MIDDLE, as_of=AS_OF
    ),
}  # fmt: skip
CASES |= feedback.FEATURES
for part in (
    ab_test, campaign_targeting, churn, cross_sell, customer_journey, feedback, lifetime_value, loyalty,
    scorecard,
):  # fmt: skip
    CASES |= part.CASES
