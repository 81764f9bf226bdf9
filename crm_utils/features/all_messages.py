"""What did customers hear from us? The shop's messages, and what earlier plans handed over for sending.

A provider's file seldom knows who was left out; the ledger of handed-over lists does. Both together are what
the next plan has to look at, and what an experiment by hold-out is judged by.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

__all__ = ["all_messages"]

_TEXTS = ("campaign_id", "scenario", "kind", "channel", "failed_reason", "fallback_of")
_TIMES = ("delivered_at", "clicked_at")
_COLUMNS = ("customer_id", *_TEXTS, "sent_at", "held_out", *_TIMES, "cost")
_TYPES = dict.fromkeys(("sent_at", *_TIMES), "timestamp(6)") | {"cost": "decimal(18, 2)"}


def all_messages(messages: ir.Table | None, handed_over: ir.Table) -> ir.Table:
    """Put the shop's messages and what was handed over into one table.

    Parameters
    ----------
    messages
        Canonical ``messages``, or None.
    handed_over
        ``customer_id``, ``scenario``, ``sent_at``, ``held_out``; where they are known ``kind``, ``channel``,
        ``cost`` and what providers reported.

    Returns
    -------
    ibis.expr.types.Table
        ``customer_id``, ``campaign_id``, ``scenario``, ``kind``, ``channel``, ``failed_reason``,
        ``fallback_of``, ``sent_at``, ``held_out``, ``delivered_at``, ``clicked_at``, ``cost``. A message
        that is in both counts once: one a customer, scenario and day. A scenario that we plan is drawn once a
        quarter, so its messages carry no campaign: who was sent and who was left out stand together.
    """
    ours = handed_over.mutate(campaign_id=ibis.null("string"))
    if "kind" not in ours.columns:
        ours = ours.mutate(kind=ibis.literal("advertising"))
    ours = _whole(ours)
    if messages is None:
        return ours
    theirs = _whole(messages)
    planned = ours.select("scenario").distinct()
    inside = theirs.semi_join(planned, "scenario").mutate(campaign_id=ibis.null("string"))
    outside = theirs.anti_join(planned, "scenario")
    day = {"day": ibis._.sent_at.cast("date")}
    new = ours.mutate(**day).anti_join(theirs.mutate(**day), ["customer_id", "scenario", "day"])
    return ibis.union(inside.select(*_COLUMNS), outside.select(*_COLUMNS), new.select(*_COLUMNS))


def _whole(rows: ir.Table) -> ir.Table:
    """All columns, null where these messages lack one."""
    absent = {name: ibis.null("string") for name in _TEXTS if name not in rows.columns}
    absent |= {name: ibis.null(_TYPES[name]) for name in (*_TIMES, "cost") if name not in rows.columns}
    return rows.mutate(**absent).select(*_COLUMNS).cast(_TYPES)
