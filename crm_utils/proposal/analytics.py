"""What study would fit Google Analytics' own export? Its source reads it as it is: nothing is mapped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from crm_utils.sources.files.guessing import first_day_of

__all__ = ["ga4_text", "is_ga4"]

#: Columns of its export to BigQuery, in every one of its tables.
_COLUMNS = {"event_date", "event_timestamp", "event_name", "user_pseudo_id", "items"}


def is_ga4(columns: Iterable[str]) -> bool:
    """Whether a file is the export of Google Analytics 4 to BigQuery.

    Examples
    --------
    >>> is_ga4(["event_name", "items"])
    False
    """
    return set(columns) >= _COLUMNS


def ga4_text(name: str, folder: str, files: Sequence[str], days: Sequence[str]) -> str:
    """The study as text.

    Parameters
    ----------
    name
        The study's.
    folder, files
        Where the export is, below the project's folder.
    days
        Days of its first events, as it writes them.
    """
    first = first_day_of([day for day in days if day], "%Y%m%d") or "2000-01-01"
    return "\n".join(
        [
            f"# A proposal of crm new: {', '.join(files)} is the export of Google Analytics 4 to BigQuery.",
            f"# Read it line by line; then: crm check {name}",
            f"title: {json.dumps(name.replace('_', ' ').capitalize(), ensure_ascii=False)}",
            "source:",
            "  kind: ga4 # every event, and the lines of purchases; who is who needs a key: docs/privacy.md",
            f"  folder: {json.dumps(folder, ensure_ascii=False)}",
            f"  files: {json.dumps(list(files), ensure_ascii=False)}",
            "timezone: UTC # LOOK: the shop's zone, such as Europe/Berlin: its days, its hours",
            "currency: USD # LOOK: the currency of all amounts (ISO 4217)",
            "as_of: latest # the last complete day of the data",
            f"history_starts: {first} # LOOK: the first day from which the data are complete",
            "",
        ]
    )
