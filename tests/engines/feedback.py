"""How a test calls each reduction of feedback: answers made of messages, deliveries of orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
from engines.shop import AS_OF, Shop

from crm_utils.features import deliveries
from crm_utils.features.low_scores import is_low, low_scores
from crm_utils.methods import feedback as method
from crm_utils.methods.feedback import lapse, outcomes, scores, themes, touchpoints
from crm_utils.methods.feedback.cases import case_cells, contact_cells
from crm_utils.methods.feedback.drawn_days import balance_cells
from crm_utils.methods.feedback.timing import drawn_requests, timing_cells

__all__ = ["CASES", "FEATURES"]

JUDGED: dict[str, Any] = {"as_of": AS_OF, "horizon_days": 40}


def _feedback(shop: Shop) -> ir.Table:
    """An answer a message, of all kinds and scores, some off the scale, some anonymous, about an order."""
    sent, orders = shop.tables["messages"], shop.orders
    about = orders.group_by("customer_id").aggregate(about=orders.order_id.min())
    about = about.filter(about.customer_id.notnull()).rename(who="customer_id")
    rows = sent.left_join(about, sent.customer_id == about.who)
    number = rows.message_id.cast("int64")
    return rows.select(
        feedback_id=rows.message_id, order_id=rows.about, submitted_at=rows.sent_at,
        product_id=ibis.null("string"),
        customer_id=(number % 7 == 3).ifelse(ibis.null("string"), rows.customer_id),
        kind=(number % 3 == 0).ifelse("nps", (number % 3 == 1).ifelse("csat", "review")),
        score=(number % 3 == 0).ifelse(number % 12, number % 5 + 1),
        text=(number % 5 < 2).ifelse("배송이 너무 늦었어요", "잘 입고 있어요"), resolved_at=rows.redeemed_at,
        replied_at=rows.opened_at,
    )  # fmt: skip


def _cases(shop: Shop) -> ir.Table:
    """Half of the answers as cases; each customer has one a month later too."""
    rows = _feedback(shop)
    case = (rows.feedback_id.cast("int64") % 2 == 0).ifelse("case", rows.kind)
    rows = rows.mutate(kind=case)
    later = ibis.interval(days=9)
    return rows.union(rows.mutate(feedback_id="x" + rows.feedback_id, submitted_at=rows.submitted_at + later))


def _asked(shop: Shop) -> ir.Table:
    """Two in three answers were asked for, three days before; and requests that nobody answered."""
    rows = _feedback(shop)
    number = rows.feedback_id.cast("int64")
    asked = rows.filter(number % 3 < 2, rows.customer_id.notnull())
    return asked.select(
        "customer_id", "order_id",
        kind=(asked.feedback_id.cast("int64") % 2 == 0).ifelse(asked.kind, "nps"),
        asked_at=asked.submitted_at - ibis.interval(days=3), channel=ibis.literal("email"),
    )  # fmt: skip


def _status(shop: Shop) -> ir.Table:
    """Each order paid when ordered; most delivered two or six days later."""
    orders = shop.orders
    odd = orders.order_id.re_search("[13579]$")
    paid = orders.select("order_id", status=ibis.literal("paid"), occurred_at="ordered_at")
    late = orders.filter(odd).select(
        "order_id", status=ibis.literal("delivered"), occurred_at=ibis._.ordered_at + ibis.interval(days=6)
    )
    soon = orders.filter(orders.order_id.re_search("[0246]$")).select(
        "order_id", status=ibis.literal("delivered"), occurred_at=ibis._.ordered_at + ibis.interval(days=2)
    )
    return paid.union(late).union(soon)


def _on_their_way(shop: Shop) -> ir.Table:
    """The same, and some parcels that were sent and came nowhere yet."""
    orders = shop.orders.filter(shop.orders.order_id.re_search("8$"))
    sent = orders.select(
        "order_id", status=ibis.literal("shipped"), occurred_at=ibis._.ordered_at + ibis.interval(days=1)
    )
    return _status(shop).union(sent)


def _delivery(shop: Shop) -> ir.Table:
    result = deliveries.delivery_of_orders(_status(shop), late_days=5)
    assert result is not None
    return result


def _answers(shop: Shop) -> ir.Table:
    """With what is known of each order; both even and odd products have a category."""
    lines = shop.tables["order_lines"]
    ids = lines.select("product_id").distinct()
    products = ids.mutate(category=ids.product_id.re_search("[13579]$").ifelse("odd", "even"))
    people = shop.customers.select("customer_id")
    people = people.mutate(
        region=people.customer_id.re_search("[02468]$").ifelse("here", ibis.null("string"))
    )
    return touchpoints.with_groups(
        _feedback(shop),
        shop.orders,
        lines=lines,
        products=products,
        customers=people,
        delivery=_delivery(shop),
    )


def _drawn(shop: Shop) -> ir.Table:
    asks = method.asked_rows(_asked(shop), _feedback(shop), shop.orders, delivery=_delivery(shop))
    return drawn_requests(asks, shop.orders, _delivery(shop))


def _days(shop: Shop) -> ir.Table:
    known = shop.orders.filter(shop.orders.customer_id.notnull())
    return known.select("order_id", "customer_id", day=known.ordered_at.cast("date"))


def _outcomes(shop: Shop) -> ir.Table:
    return outcomes.answer_outcomes(_feedback(shop), shop.orders, delivery=_delivery(shop), **JUDGED)


CASES: dict[str, Callable[[Shop], Any]] = {
    "feedback.scores.known_answers": lambda s: scores.known_answers(_feedback(s)),
    "feedback.scores.score_counts": lambda s: [
        scores.score_counts(_answers(s), by) for by in ((), ("month",), ("category", "region"))
    ],
    "feedback.scores.scores_by": lambda s: scores.scores_by(_answers(s), method.GROUPS),
    "feedback.scores.off_scale": lambda s: scores.off_scale(_feedback(s)),
    "feedback.overview.no_answers": lambda s: str(method.no_answers(_feedback(s))),
    "feedback.overview.overview": lambda s: (
        method.overview(_feedback(s), scores.score_counts(_feedback(s)).to_pandas()).answers
    ),
    "feedback.overview.with_period": lambda s: method.with_period(_feedback(s), as_of=AS_OF, days=60),
    "features.deliveries.one_each": lambda s: deliveries.one_each(
        _days(s), "order_id", as_of=AS_OF, horizon_days=40
    ),
    "features.deliveries.with_delivery": lambda s: deliveries.with_delivery(_days(s), _delivery(s)),
    "features.deliveries.with_purchases": lambda s: deliveries.with_purchases(
        _days(s), s.orders, "order_id", horizon_days=40
    ),
    "feedback.touchpoints.with_groups": _answers,
    "feedback.response.asked_rows": lambda s: method.asked_rows(
        _asked(s), _feedback(s), s.orders, delivery=_delivery(s)
    ),
    "feedback.response.response": lambda s: vars(
        method.response(method.asked_rows(_asked(s), _feedback(s), s.orders), until=AS_OF)
    )["asked"],
    "feedback.response.response_of": lambda s: vars(
        method.response_of(_asked(s), _feedback(s), s.orders, as_of=AS_OF, delivery=_delivery(s))
    )["answered"],
    "feedback.themes.text_sample": lambda s: themes.text_sample(_feedback(s), most=50),
    "feedback.outcomes.answer_outcomes": _outcomes,
    "features.deliveries.order_outcomes": lambda s: deliveries.order_outcomes(
        s.orders, _delivery(s), **JUDGED
    ),
    "features.deliveries.cells": lambda s: deliveries.cells(_outcomes(s), ["low", "delivery", "frequency"]),
    "feedback.lapse.other_horizons": lambda s: lapse.other_horizons(
        _feedback(s), s.orders, _delivery(s), **JUDGED
    ),
    "feedback.repairs.kept_value": lambda s: method.kept_value(s.orders, **JUDGED).customers,
    "feedback.repairs.recent_orders": lambda s: method.recent_orders(s.orders, _delivery(s), **JUDGED),
    "feedback.repairs.late_parcels": lambda s: list(method.late_parcels(s.orders, _delivery(s), **JUDGED)),
    "feedback.repairs.outcomes_of_texts": lambda s: method.outcomes_of_texts(
        themes.text_sample(_feedback(s)), _outcomes(s)
    ),
    "feedback.drivers.lever_cells": lambda s: method.lever_cells(_answers(s)),
    "feedback.timing.drawn_requests": lambda s: _drawn(s),
    "feedback.timing.timing_cells": lambda s: timing_cells(_drawn(s)),
    "feedback.drawn_days.balance_cells": lambda s: balance_cells(_drawn(s), s.orders),
    "feedback.timing.timing_of": lambda s: (
        vars(method.timing_of(_asked(s), _feedback(s), s.orders, _delivery(s), by_lot=True, as_of=AS_OF))[
            "every"
        ].exposed
    ),
    "feedback.cases.case_cells": lambda s: case_cells(_cases(s), now=dt.datetime(2025, 1, 1)),
    "feedback.cases.contact_cells": lambda s: contact_cells(
        deliveries.order_outcomes(s.orders, _delivery(s), **JUDGED), _cases(s)
    ),
    "feedback.cases.cases_of": lambda s: vars(method.cases_of(_cases(s), s.orders, _delivery(s), **JUDGED))[
        "opened"
    ],
    "feedback.repairs.closed_loop": lambda s: method.closed_loop(
        _feedback(s), as_of=AS_OF, days=90, reply_days=2, delivery=_delivery(s)
    ),
}

FEATURES: dict[str, Callable[[Shop], Any]] = {
    "features.low_scores.is_low": lambda s: _feedback(s).select("feedback_id", low=is_low(_feedback(s))),
    "features.low_scores.low_scores": lambda s: low_scores(_feedback(s)),
    "features.deliveries.delivery_of_orders": _delivery,
    "features.deliveries.late_deliveries": lambda s: deliveries.late_deliveries(
        _on_their_way(s), s.orders, now=dt.datetime(2025, 1, 1)
    ),
}
"""What methods share and feedback began."""
