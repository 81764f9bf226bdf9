"""Can these data be trusted? Volumes over time, gaps, completeness and coverage of the loaded tables.

Reductions take canonical tables (Ibis) and give small ones; nothing here changes or drops a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir

from crm_utils.features import Cannot, ShopFacts

from .customers import FirstSeen, customer_view, first_seen, first_seen_of, view_sizes
from .days import Days, Hours, day_gaps, hours_of, unusual_days, volume_by
from .fields import completeness, completeness_of, coverage, coverage_numbers, timeliness, timeliness_numbers
from .rows import Rows, control_totals, joined_numbers, late_numbers, rows_of, totals_numbers

__all__ = [
    "Days",
    "FirstSeen",
    "Hours",
    "Rows",
    "cannot",
    "completeness",
    "completeness_of",
    "control_totals",
    "coverage",
    "coverage_numbers",
    "customer_view",
    "day_gaps",
    "first_seen",
    "first_seen_of",
    "hours_of",
    "joined_numbers",
    "late_numbers",
    "present",
    "rows_of",
    "timeliness",
    "timeliness_numbers",
    "totals_numbers",
    "unusual_days",
    "view_sizes",
    "volume_by",
]


def cannot(facts: ShopFacts, **_: Any) -> Cannot | None:
    """Why nothing can be said of these data: there is not one order line; None otherwise."""
    return None if facts.lines else Cannot("data_collection.no_lines")


def present(tables: Mapping[str, ir.Table | None]) -> dict[str, ir.Table]:
    """The tables that the study has."""
    return {name: table for name, table in tables.items() if table is not None}
