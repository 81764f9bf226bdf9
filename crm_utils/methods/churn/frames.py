"""How does a panel larger than memory become a frame to learn from? Whole customers, drawn at random.

The draw (:func:`crm_utils.features.at_random`) is the same for all cut-offs of a customer, on every engine
and in any order of rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from crm_utils.engine import keep
from crm_utils.features import at_random

__all__ = ["MOST_ROWS", "in_batches", "name_on", "named", "on_day", "panel_frame", "segments_on"]

MOST_ROWS = 200_000
"""Rows that a model learns from at most."""


def panel_frame(panel: ir.Table, *, most_rows: int = MOST_ROWS, seed: int = 0) -> pd.DataFrame:
    """Bring a panel into memory, all of it or a sample of whole customers.

    Parameters
    ----------
    panel
        From :func:`.churn.churn_panel`.
    most_rows
        With more rows, customers are drawn so that about so many are left.
    seed
        Of the draw.

    Returns
    -------
    pandas.DataFrame
        The panel's columns, ordered by cut-off and customer; no row where nobody was active.
    """
    rows = int(panel.count().to_pyarrow().as_py())
    if rows <= most_rows:
        frame = panel.to_pyarrow().to_pandas()
    else:
        kept = []
        for part in in_batches(panel):
            chosen = at_random(part["customer_id"].to_numpy(), seed=seed) < most_rows / rows
            kept.append(part.filter(pa.array(chosen)))
        frame = pa.concat_tables(kept).to_pandas()
    return named(frame).sort_values(["cutoff", "customer_id"], ignore_index=True)


def in_batches(panel: ir.Table, *, size: int = 200_000) -> Iterator[pa.Table]:
    """The rows of a panel in batches, in the types that it promises (DuckDB sums integers to wider ones)."""
    schema = panel.schema().to_pyarrow()
    for batch in panel.to_pyarrow_batches(chunk_size=size):
        yield pa.Table.from_batches([batch]).cast(schema)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a word in place of a segment that is not known."""
    if "segment" not in frame.columns:
        return frame
    return frame.assign(segment=frame["segment"].astype(object).fillna("none").astype(str))


def on_day(panel: ir.Table, day: dt.date) -> tuple[ir.Table, int]:
    """The rows of one cut-off, and how many there are."""
    rows = panel.filter(panel.cutoff == ibis.date(day.year, day.month, day.day))
    return rows, int(rows.count().to_pyarrow().as_py())


def name_on(
    days: Sequence[dt.date], name: Callable[..., Any], *, today: ir.Table | None = None
) -> dict[dt.date, ir.Table]:
    """Name customers on each of these days: ``name(as_of=day)`` gives ``customer_id`` and ``segment``.

    ``today``, where it is known, holds the names of the last of the days: those of the page on segmentation.
    """
    past = days if today is None else days[:-1]
    return {day: name(as_of=day) for day in past} | ({} if today is None else {days[-1]: today})


def segments_on(named_on: Mapping[dt.date, ir.Table]) -> ir.Table:
    """All names in one table, as a panel takes them: ``customer_id``, ``cutoff``, ``segment``."""
    tables = [
        t.select("customer_id", "segment").mutate(cutoff=ibis.date(day.year, day.month, day.day))
        for day, t in named_on.items()
    ]
    return keep(ibis.union(*tables, distinct=False)) if len(tables) > 1 else tables[0]
