"""Where is each customer on the way from first purchase to silence? Stages by their own rhythm.

A fixed number of days calls a monthly customer lost and a daily one active. Stages follow instead from
the chance of today's silence under the customer's own rhythm (see :mod:`crm_utils.features`).
"""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from crm_utils.features import QUIET_CHANCE, beyond_rhythm, is_new

__all__ = ["DORMANT_CHANCE", "LOST_DAYS", "STAGES", "lifecycle_stage"]

STAGES = ("new", "active", "returned", "slipping", "dormant", "lost")

DORMANT_CHANCE = 0.01
"""A silence with less than this chance is far beyond the customer's own rhythm."""

LOST_DAYS = 180
"""A silence beyond the rhythm makes a customer lost only when it is this long as well."""


def lifecycle_stage(
    summary: ir.Table,
    *,
    history_starts: dt.date,
    quiet_chance: float = QUIET_CHANCE,
    dormant_chance: float = DORMANT_CHANCE,
    lost_days: int = LOST_DAYS,
    silent_days: int | None = None,
    gap_chance: float | None = None,
) -> ir.Table:
    """Give each customer exactly one stage.

    Parameters
    ----------
    summary
        A row a customer, from :func:`crm_utils.features.customer_summary`.
    history_starts
        The first day of the data; see :func:`crm_utils.features.is_new`.
    quiet_chance, dormant_chance
        Below the first a silence is beyond the own rhythm, below the second far beyond it.
    lost_days
        Days of silence from which a customer beyond the rhythm is lost.
    silent_days
        A longer silence is far beyond, whatever the rhythm; None for the rhythm alone.
    gap_chance
        A customer has returned from a gap with less than this chance by the rhythm; ``dormant_chance`` where
        it is None.

    Returns
    -------
    ibis.expr.types.Table
        The summary with ``stage``: the first that fits of

        - ``lost``: beyond the rhythm, and silent for ``lost_days``
        - ``dormant``: far beyond the rhythm
        - ``slipping``: beyond the rhythm
        - ``new``: first order within 90 days, and not at the data's own beginning
        - ``returned``: within the rhythm, and the latest purchase ended a silence far beyond it
        - ``active``: within the rhythm

    Notes
    -----
    Stages describe; they do not prove that a customer has left. Under the model 5 % of customers who never
    leave look slipping or worse on any day, and 1 % of their latest gaps like a return. Real customers buy in
    bursts, and more of them do (8.6 % where it was measured): :func:`.thresholds.fit_thresholds` learns from
    those who came back which chances stand for 5 and 1 %. Fewer do where tenures are short against the
    rhythm, for no silence is longer than the tenure. While nobody ever
    bought twice there is no rhythm, and everybody is new or active unless ``silent_days`` says otherwise.
    """
    silent = beyond_rhythm(summary, chance=quiet_chance, silent_days=silent_days)
    far = beyond_rhythm(summary, chance=dormant_chance, silent_days=silent_days)
    return summary.mutate(
        stage=ibis.cases(
            (silent & (summary.recency_days >= lost_days), "lost"),
            (far, "dormant"),
            (silent, "slipping"),
            (is_new(summary, history_starts=history_starts), "new"),
            ((summary.last_gap_chance < (gap_chance or dormant_chance)).fill_null(False), "returned"),
            else_="active",
        )
    )
