"""Who is in a segment, and what do this run's lists know of each? For looking at in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_utils.errors import RunError, known_names

__all__ = ["members"]

#: From each list the columns that say something of a customer, the list's key apart.
_KNOWN = {
    "churn_scores": ["p_lapse", "reason_1", "reason_2"],
    "lifetime_value": ["alive", "expected_orders", "expected_value"],
    "contact_list": ["scenario", "channel"],
}


def members(load: Callable[..., Any], name: str) -> pd.DataFrame:
    """A segment's customers, highest revenue first.

    Parameters
    ----------
    load
        ``Run.load``.
    name
        A segment of the list ``segments``.

    Returns
    -------
    DataFrame
        The columns of ``segments``; beside them, as far as their notebooks have run, the chance of a lapse
        with its reasons, what each is expected to bring, and today's message.

    Raises
    ------
    RunError
        There is no such segment; the text names those that there are.
    """
    segments = load("segments")
    known = segments.distinct(on="segment").segment.execute().tolist()
    if name not in known:
        raise RunError(f"There is no segment '{name}'. {known_names(name, sorted(known))}")
    rows: pd.DataFrame = segments.filter(segments.segment == name).execute()
    for table, columns in _KNOWN.items():
        listed = load(table, required=False)
        if listed is not None:
            wanted = listed.select("customer_id", *[c for c in columns if c in listed.columns])
            more = wanted.semi_join(segments.filter(segments.segment == name), "customer_id").execute()
            rows = rows.merge(more.drop_duplicates("customer_id"), on="customer_id", how="left")
    return rows.sort_values(["revenue", "customer_id"], ascending=[False, True], ignore_index=True)
