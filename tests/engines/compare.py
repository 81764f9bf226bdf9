"""When do two engines agree? Whole tables, exactly; floating point to twelve digits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import numpy as np
import pandas as pd

__all__ = ["differences", "settle"]

#: Engines may take a logarithm or a root with another last bit; sums are of integers and decimals.
RELATIVE = 1e-12


def settle(result: Any) -> Any:
    """Execute what is an expression, and turn every kind of result into dicts, lists and plain values."""
    if isinstance(result, ir.Table):
        return {"types": {name: _kind(kind) for name, kind in result.schema().items()}, "rows": _rows(result)}
    if isinstance(result, ir.Scalar):
        return result.to_pyarrow().as_py()
    if dataclasses.is_dataclass(result):
        return {f.name: settle(getattr(result, f.name)) for f in dataclasses.fields(result)}
    if isinstance(result, pd.DataFrame):
        return {name: settle(column) for name, column in result.items()}
    if isinstance(result, Mapping):
        return {k: settle(v) for k, v in result.items()}
    if isinstance(result, (list, tuple, np.ndarray, pd.Series)):
        return [settle(v) for v in result]
    if result is pd.NA or result is pd.NaT:
        return None
    return result.item() if isinstance(result, np.generic) else result


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two settled results differ, in words; empty when they agree."""
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        return [difference for k in one for difference in differences(one[k], other[k], f"{where}.{k}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [difference for k, (a, b) in pairs for difference in differences(a, b, f"{where}[{k}]")]
    if isinstance(one, float) and isinstance(other, float):
        same = math.isclose(one, other, rel_tol=RELATIVE) or (math.isnan(one) and math.isnan(other))
    else:
        same = type(one) is type(other) and one == other
    return [] if same else [f"{where}: {one!r} against {other!r}"]


def _kind(kind: dt.DataType) -> str:
    """A type without its precision, which is the engine's own: a sum of decimals has 28 digits or 38."""
    return f"decimal of scale {kind.scale}" if kind.is_decimal() else type(kind).__name__.lower()


def _rows(table: ir.Table) -> list[dict[str, Any]]:
    """The rows in their own order where the reduction gives one, else in one that does not need floats."""
    rows = table.to_pyarrow().to_pylist()
    if isinstance(table.op(), ops.Sort):
        return rows
    return sorted(rows, key=lambda row: [repr(v) for v in row.values() if not isinstance(v, float)])
