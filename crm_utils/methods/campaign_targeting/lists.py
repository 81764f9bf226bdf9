"""Whom does another notebook propose to write to? Its list, as a scenario starts from it."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

__all__ = ["everybody_listed", "known_tables"]

_HELD_OUT = ("held_out", "holdout")


def everybody_listed(contacts: ir.Table | None, scores: ir.Table | None = None) -> ir.Table | None:
    """A list of customers to contact, with those whom its notebook held out: a plan has to know both.

    Parameters
    ----------
    contacts
        ``customer_id`` of those to contact; None where there is no list. Where it has ``held_out`` or
        ``holdout``, those are on it who are left out at random; of several offers to a customer (``rank``,
        ``task``) the first of the first task counts, its ``item`` is what the message is about.
    scores
        ``customer_id`` and ``held_out``: true for who would be on the list and was left out at random.

    Returns
    -------
    ibis.expr.types.Table or None
        ``customer_id``, ``held_out``, ``item`` (empty where the list has none); a row a customer.
    """
    if contacts is None:
        return None
    first = contacts.filter(contacts["rank"] == 1) if "rank" in contacts.columns else contacts
    out = next((first[name] for name in _HELD_OUT if name in first.columns), ibis.literal(False))
    item = first.item.cast("string") if "item" in first.columns else ibis.null("string")
    task = first.task if "task" in first.columns else ibis.literal("")
    rows = first.select("customer_id", held_out=out, item=item, task=task)
    listed = rows.group_by("customer_id").aggregate(
        held_out=rows.held_out.cast("int8").max() > 0, item=rows.item.argmin(rows.task)
    )
    if scores is None:
        return listed
    out_too = scores.filter(scores.held_out).anti_join(listed, "customer_id")
    left_out = out_too.select("customer_id").distinct()
    return listed.union(left_out.mutate(held_out=ibis.literal(True), item=ibis.null("string")))


def known_tables(named: Mapping[str, ir.Table | None]) -> dict[str, ir.Table]:
    """The tables and lists that are there; a plan says itself what it misses."""
    return {name: table for name, table in named.items() if table is not None}
