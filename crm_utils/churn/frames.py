"""How does a panel larger than memory become a frame to learn from? Whole customers, drawn by lot.

The lot (:func:`crm_utils.features.lots`) is the same for all cut-offs of a customer, on every engine and in
any order of rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from crm_utils.errors import DataError
from crm_utils.features import lots

__all__ = ["MOST_ROWS", "in_batches", "named", "panel_frame"]

MOST_ROWS = 1_000_000
"""Rows that a model learns from at most."""


def panel_frame(panel: ir.Table, *, most_rows: int = MOST_ROWS, seed: int = 0) -> pd.DataFrame:
    """Bring a panel into memory, all of it or a sample of whole customers.

    Parameters
    ----------
    panel
        From :func:`crm_utils.churn.churn_panel`.
    most_rows
        With more rows, customers are drawn so that about so many are left.
    seed
        Of the draw.

    Returns
    -------
    pandas.DataFrame
        The panel's columns, ordered by cut-off and customer.

    Raises
    ------
    DataError
        There is no row at all.
    """
    rows = int(panel.count().to_pyarrow().as_py())
    if not rows:
        raise DataError("No customer was active at any cut-off. Load more history, or raise active_days.")
    if rows <= most_rows:
        frame = panel.to_pyarrow().to_pandas()
    else:
        kept = []
        for part in in_batches(panel):
            chosen = lots(part["customer_id"].to_numpy(), seed=seed) < most_rows / rows
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
