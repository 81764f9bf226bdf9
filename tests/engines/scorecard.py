"""The scorecard's reductions, each with a call to compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
from engines.shop import AS_OF, STARTS, Shop

from crm_utils.methods import scorecard
from crm_utils.methods.scorecard.fit import visits_by_past

__all__ = ["CASES"]


def _weeks(shop: Shop) -> Any:
    sums = scorecard.weekly_sums(shop.orders, as_of=AS_OF)
    return scorecard.known_weeks(sums, as_of=AS_OF, history_starts=STARTS).sums.reset_index()


def _periods(shop: Shop) -> list[Any]:
    middle = AS_OF - dt.timedelta(days=100)
    spans = {"before": (STARTS, middle), "after": (middle + dt.timedelta(days=1), AS_OF)}
    return [frame.reset_index() for frame in scorecard.period_sums(shop.orders, **spans)]


def _products(shop: Shop) -> Any:
    """Products of two categories, and some of none."""
    ids = shop.tables["order_lines"].select("product_id").distinct()
    odd = ids.product_id.re_search("[13579]$")
    return ids.mutate(category=odd.ifelse("odd", ids.product_id.re_search("[24]$").ifelse("even", None)))


def _events(shop: Shop) -> Any:
    """A visit an order, with a purchase in some of them."""
    lines = shop.tables["order_lines"]
    return lines.select(
        "customer_id",
        session_id=lines.order_id,
        occurred_at=lines.ordered_at,
        event=lines.order_id.re_search("[02468]$").ifelse("purchase", "view"),
    )


def _feedback(shop: Shop) -> Any:
    """An answer a message, of both kinds and all scores."""
    sent = shop.tables["messages"]
    number = sent.message_id.cast("int64")
    return sent.select(
        submitted_at=sent.sent_at,
        kind=(number % 3 == 0).ifelse("nps", (number % 3 == 1).ifelse("csat", "review")),
        score=(number % 3 == 0).ifelse(number % 11, number % 5 + 1),
    )


def _costs(shop: Shop) -> Any:
    """A week's cost from each day on which a message was sent."""
    sent = shop.tables["messages"]
    days = sent.select(starts_on=sent.sent_at.cast("date")).distinct()
    cost = ibis.literal(7).cast("decimal(18, 2)")
    return days.mutate(ends_on=days.starts_on + ibis.interval(days=6), cost=cost)


def _categories(shop: Shop) -> list[Any]:
    middle = AS_OF - dt.timedelta(days=100)
    spans = {"before": (STARTS, middle), "after": (middle + dt.timedelta(days=1), AS_OF)}
    tables = (shop.tables["order_lines"], _products(shop))
    sums = [frame.reset_index() for frame in scorecard.category_sums(*tables, **spans)]
    return [*sums, list(scorecard.mix_of_categories(*tables, **spans))]


CASES: dict[str, Callable[[Shop], Any]] = {
    "scorecard.weeks.weekly_sums": lambda s: scorecard.weekly_sums(s.orders, as_of=AS_OF),
    "scorecard.weeks.known_weeks": _weeks,
    "scorecard.weeks.period_sums": _periods,
    "scorecard.weeks.category_sums": _categories,
    "scorecard.drivers.mix_of_categories": _categories,
    "scorecard.touches.message_weeks": lambda s: scorecard.message_weeks(s.tables["messages"]),
    "scorecard.touches.visit_weeks": lambda s: scorecard.visit_weeks(_events(s)),
    "scorecard.touches.answer_weeks": lambda s: scorecard.answer_weeks(_feedback(s)),
    "scorecard.touches.cost_weeks": lambda s: scorecard.cost_weeks(_costs(s)),
    "scorecard.touches.weeks_beside": lambda s: scorecard.weeks_beside(messages=s.tables["messages"]),
    "scorecard.fit.visits_by_past": lambda s: visits_by_past(_events(s), s.orders),
    "scorecard.fit.five_times": lambda s: vars(scorecard.five_times(_events(s), s.orders)),
}
