"""Parquet as pandas users have it: a frame with floats for money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["frame"]


def frame(path: str, columns: list[str], *, money: Sequence[str] = ("amount",)) -> Any:
    """Columns as pandas has them; amounts as floats, as decimals would be Python objects, and slow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=columns)
    for name in money:
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.float64()))
    return table.to_pandas()
