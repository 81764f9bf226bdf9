"""After what are more scores low, among answers alike in the rest? Levers one by one, with overlap."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd
from scipy.stats import false_discovery_control

from crm_utils.features.strata import adjusted_difference
from crm_utils.methods.feedback.scores import known_answers

__all__ = ["LEVERS", "drivers", "lever_cells"]

LEVERS = ("delivery", "channel", "category")
"""What a shop can change of an order; each is held against the others."""
_SAME = {"delivery": ("on_time",)}
"""Levels that are nobody's repair: what the others are compared with."""


def lever_cells(answers: ir.Table) -> ir.Table:
    """Count answers, one a customer drawn by a hash, by what is known of their orders.

    Parameters
    ----------
    answers
        As ``with_groups`` gives them.

    Returns
    -------
    ibis.expr.types.Table
        The columns of :data:`LEVERS` (empty where not known), ``customers``, ``low`` (how many scores are).
    """
    rows = known_answers(answers)
    rows = rows.mutate(**{name: rows[name].fill_null("") for name in LEVERS})
    # What breaks ties makes the draw the same on every engine.
    order = [rows.feedback_id.hexdigest("md5"), rows.feedback_id, rows.kind, rows.score]
    drawn = ibis.window(group_by="person", order_by=[*order, *(rows[name] for name in LEVERS)])
    ranked = rows.mutate(place=ibis.row_number().over(drawn))
    one = ranked.filter(ranked.place == 0)
    counts = one.group_by(list(LEVERS)).aggregate(customers=one.count(), low=one.low.sum())
    return counts.order_by(list(LEVERS))


def drivers(counts: pd.DataFrame) -> pd.DataFrame:
    """Hold each level of each lever against all others of its lever, alike in the other levers.

    Parameters
    ----------
    counts
        As :func:`lever_cells` gives them.

    Returns
    -------
    pandas.DataFrame
        ``lever``, ``level``, ``customers``, ``difference`` in the share of low scores, ``low``, ``high``,
        ``p``, ``q`` (Benjamini and Hochberg), ``overlap``; the largest difference first. Levels without
        enough overlap have no row.

    Notes
    -----
    Differences of levers do not add up, and no share of importance follows from them: two levers that go
    together would share it, whichever of them does it.
    """
    rows = []
    for lever in LEVERS:
        known = counts[counts[lever] != ""].rename(columns={"low": "lapsed"})
        levels = sorted(set(known[lever]) - set(_SAME.get(lever, ())))
        if known[lever].nunique() < 2:
            continue
        for level in levels:
            rest = [name for name in LEVERS if name != lever]
            each = adjusted_difference(known, known[lever] == level, rest)
            if each.known:
                rows.append({
                    "lever": lever, "level": level, "customers": each.exposed, "difference": each.value,
                    "low": each.low, "high": each.high, "p": each.p, "overlap": each.overlap,
                })  # fmt: skip
    names = ["lever", "level", "customers", "difference", "low", "high", "p", "overlap"]
    table = pd.DataFrame(rows, columns=names)
    table["q"] = false_discovery_control(table["p"]) if len(table) else []
    return table.sort_values(
        ["difference", "lever", "level"], ascending=[False, True, True], ignore_index=True
    )
