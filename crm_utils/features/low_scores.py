"""Which score is a low one, and who gave one that nobody dealt with? One meaning for all pages."""

from __future__ import annotations

import ibis.expr.types as ir

__all__ = ["DETRACTORS", "DISSATISFIED", "SCALES", "is_low", "low_scores"]

SCALES = {"nps": (0, 10), "csat": (1, 5), "review": (1, 5)}
"""The smallest and the largest score of each kind of question."""
DETRACTORS, DISSATISFIED = 6, 2
"""A score up to this one is low: of the NPS, and of scales that end at five."""


def is_low(answers: ir.Table) -> ir.BooleanValue:
    """Whether a score is a low one: 0 to 6 of the NPS, 1 or 2 of five; empty where there is none."""
    return (answers.score <= DISSATISFIED) | ((answers.kind == "nps") & (answers.score <= DETRACTORS))


def low_scores(feedback: ir.Table) -> ir.Table:
    """Answers with a low score of customers who are known, as long as nobody dealt with them.

    Parameters
    ----------
    feedback
        The canonical table, as known at the instant that is looked from.

    Returns
    -------
    ibis.expr.types.Table
        Its rows of a kind in :data:`SCALES`, with a customer, a low score on its scale and no
        ``resolved_at``.
    """
    rows = feedback.filter(feedback.customer_id.notnull(), feedback.kind.isin(list(SCALES)))
    if "resolved_at" in rows.columns:
        rows = rows.filter(rows.resolved_at.isnull())
    on_scale = rows.score >= (rows.kind == "nps").ifelse(SCALES["nps"][0], SCALES["csat"][0])
    return rows.filter((is_low(rows) & on_scale).fill_null(False))
