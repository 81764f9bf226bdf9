"""Who moved since the last report? Its segments beside this one's: entered, left, silent, come back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from crm_utils import engine
from crm_utils.features.statistics import SMALLEST_GROUP

__all__ = ["movers"]

#: Lifecycle stages of customers who buy at their rhythm, and of those beyond it.
_HERE, _SILENT = {"active", "new", "returned"}, {"slipping", "dormant", "lost"}


def movers(before: Path, after: Path) -> dict[str, Any] | None:
    """Compare two reports' ``segments``.

    Parameters
    ----------
    before, after
        The reports' folders.

    Returns
    -------
    dict or None
        ``segments``: a dict a segment of name, now, entered, left, those that changed most first; ``silent``,
        ``back``, ``first``: customers who fell silent, who came back, who are new. A count of fewer than five
        is None. None where either report has no segments with customers.
    """
    paths = [folder / "tables" / "segments.parquet" for folder in (before, after)]
    if not all(path.is_file() for path in paths):
        return None
    con = engine.connect()
    old, new = (engine.read(con, path) for path in paths)
    if not {"customer_id", "segment", "stage"} <= set(old.columns) & set(new.columns):
        return None
    was = old.select("customer_id", old_segment="segment", old_stage="stage")
    now = new.select("customer_id", new_segment="segment", new_stage="stage")
    both = now.left_join(was, "customer_id").group_by("new_segment", "new_stage", "old_segment", "old_stage")
    rows = both.agg(customers=lambda t: t.count()).to_pyarrow().to_pylist()
    here: Counter[str] = Counter()
    entered: Counter[str] = Counter()
    left: Counter[str] = Counter()
    turns: Counter[str] = Counter()
    for row in rows:
        n, a, b = row["customers"], row["old_segment"], row["new_segment"]
        here[b] += n
        if a != b:
            entered[b] += n
            left[a] += n
        turns["first"] += n if row["old_stage"] is None else 0
        turns["silent"] += n if row["old_stage"] in _HERE and row["new_stage"] in _SILENT else 0
        turns["back"] += n if row["old_stage"] in _SILENT and row["new_stage"] in _HERE else 0
    names = sorted(here, key=lambda name: (-entered[name] - left[name], name))
    return {
        "segments": [
            {"name": n, "now": _shown(here[n]), "entered": _shown(entered[n]), "left": _shown(left[n])}
            for n in names
            if entered[n] or left[n]
        ],
        **{turn: _shown(turns[turn]) for turn in ("silent", "back", "first")},
    }


def _shown(count: int) -> int | None:
    return count if count == 0 or count >= SMALLEST_GROUP else None
